//! `jarchi alarm`.

use crate::model::{Alarm, Severity};
use crate::service::api::{AlarmList, AlarmTest, Request};

use super::client::Context;
use super::output::{Failure, moment, print};

/// What is wrong and what helps; whether alarms reach you
#[derive(Clone, Debug, clap::Args)]
pub struct AlarmArgs {
    #[command(subcommand)]
    command: AlarmCommand,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum AlarmCommand {
    /// Every alarm that lasts, and who was told
    List,
    /// Send a test to one channel, or to all
    Test {
        /// Its name in the configuration
        name: Option<String>,
    },
}

pub(super) fn run(context: &Context, args: AlarmArgs) -> Result<(), Failure> {
    match args.command {
        AlarmCommand::List => {
            let list: AlarmList = context.call(&Request::Alarms)?;
            print(&list, args.json, words)
        }
        AlarmCommand::Test { name } => {
            let tests: Vec<AlarmTest> = context.call(&Request::TestAlarm { name })?;
            print(&tests, args.json, |tests| {
                tests
                    .iter()
                    .map(|test| {
                        let word = if test.ok { "ok" } else { "FAILED" };
                        format!("{}: {word}: {}\n", test.channel, test.message)
                    })
                    .collect()
            })?;
            match tests.iter().filter(|test| !test.ok).count() {
                0 => Ok(()),
                failed => Err(Failure::failed(format!(
                    "{failed} of {} alarms do not arrive",
                    tests.len()
                ))),
            }
        }
    }
}

/// One alarm in one line and its remedy in another.
pub(super) fn line(alarm: &Alarm) -> String {
    let word = match alarm.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!("{word}: {}\n  {}\n", alarm.what, alarm.remedy)
}

fn words(list: &AlarmList) -> String {
    if list.alarms.is_empty() {
        return "nothing is wrong".to_owned();
    }
    let mut text = String::new();
    for alarm in &list.alarms {
        text.push_str(&line(alarm));
        text.push_str(&format!(
            "  {}, since {}, last seen {}, {} times\n",
            alarm.cause,
            moment(alarm.since),
            moment(alarm.last_seen),
            alarm.count
        ));
        for told in &alarm.told {
            match told.at {
                Some(at) => {
                    text.push_str(&format!("  {} was told at {}\n", told.channel, moment(at)))
                }
                None => text.push_str(&format!("  {} is not told yet\n", told.channel)),
            }
        }
    }
    text
}
