//! `cargo run --release -p jarchi-tests --bin chaos -- --kills 1000 --seed 1`: kills the
//! daemon while platforms misbehave, and compares the books in the end.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jarchi_tests::chaos::{Options, run};

const USAGE: &str = "\
Usage: chaos [--kills N] [--seed N] [--accounts N] [--trouble PERCENT] [--late SECONDS] \
[--backlog N]

  --kills     sudden deaths (100)
  --seed      of the schedule of faults and deaths (by the clock)
  --accounts  on each of six platforms (10)
  --trouble   requests of a hundred that go wrong (15)
  --late      seconds before the late platform shows a post (60)
  --backlog   deliveries that wait at once (60)";

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(problem) => {
            eprintln!("{problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let report = run(options).await;
    println!("{report}");
    if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn options(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut options = Options {
        seed: clock.map_or(1, |since| since.as_secs()),
        kills: 100,
        accounts: 10,
        trouble: 15,
        late: Duration::from_secs(60),
        backlog: 60,
        talk: true,
    };
    while let Some(name) = args.next() {
        let value = args
            .next()
            .ok_or_else(|| format!("`{name}` needs a number"))?;
        let number: u64 = value
            .parse()
            .map_err(|_| format!("`{name} {value}`: that is no number"))?;
        let count = usize::try_from(number).unwrap_or(usize::MAX);
        match name.as_str() {
            "--kills" => options.kills = count,
            "--seed" => options.seed = number,
            "--accounts" => options.accounts = count.max(1),
            "--trouble" => options.trouble = number.min(90),
            "--late" => options.late = Duration::from_secs(number),
            "--backlog" => options.backlog = count,
            _ => return Err(format!("there is no option `{name}`")),
        }
    }
    Ok(options)
}
