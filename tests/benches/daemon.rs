//! The daemon as a process: how soon it is ready, what it holds in memory, how late it
//! publishes.
//!
//! `cargo bench -p jarchi-tests --bench daemon`

#![allow(clippy::unwrap_used, reason = "what goes wrong ends the measuring")]

use std::fmt::Write as _;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jarchi::config::ProcessEnvironment;
use jarchi::content::{self, Due, NewPost};
use jarchi::demo::standin::{ALL_SCOPES, Options, Rates, Serving};
use jarchi::model::{Draft, Origin, TimeSpan};
use jarchi::plugin::component::embed_manifest;
use jarchi::store::{Options as StoreOptions, Store};
use jarchi_tests::{bin, plugins};

const STARTS: usize = 11;
const POSTS: usize = 1000;
/// Everything that begins at the start has ended, and plugins that are not called rest.
const SETTLED: Duration = Duration::from_secs(75);
/// How long it is watched doing nothing.
const IDLE: Duration = Duration::from_secs(60);
/// Posts that wait while it starts.
const WAITING: usize = 100_000;
const AT_ONCE: usize = 64;

/// A folder with twelve plugins: the stock ones, each under three names.
fn twelve(dir: &Path) -> Vec<String> {
    fs::create_dir_all(dir).unwrap();
    let mut names = Vec::new();
    for stock in ["mastodon", "bluesky", "library", "rss"] {
        let bytes = fs::read(plugins::stock(stock)).unwrap();
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../plugins")
            .join(stock)
            .join("plugin.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        for round in 1..=3 {
            let name = format!("{stock}{round}");
            let renamed = manifest.replacen(
                &format!("name = \"{stock}\""),
                &format!("name = \"{name}\""),
                1,
            );
            assert_ne!(renamed, manifest);
            let file = dir.join(format!("{name}.wasm"));
            fs::write(file, embed_manifest(&bytes, &renamed)).unwrap();
            names.push(name);
        }
    }
    names
}

struct Daemon {
    child: Child,
    /// Open, so that it can say that it stops.
    _notify: UnixDatagram,
    ready_after: Duration,
}

impl Daemon {
    /// Returns when it says that it is ready, as it does to systemd.
    fn start(config: &Path) -> Self {
        let socket = config.with_file_name("notify");
        let _ = fs::remove_file(&socket);
        let notify = UnixDatagram::bind(&socket).unwrap();
        notify
            .set_read_timeout(Some(Duration::from_secs(120)))
            .unwrap();
        let began = Instant::now();
        let child = Command::new(bin::jarchi())
            .args(["run", "--config"])
            .arg(config)
            .env("NOTIFY_SOCKET", &socket)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut message = [0; 256];
        loop {
            let length = notify.recv(&mut message).unwrap();
            if String::from_utf8_lossy(&message[..length]).contains("READY=1") {
                break;
            }
        }
        Daemon {
            ready_after: began.elapsed(),
            child,
            _notify: notify,
        }
    }

    /// Resident memory, MiB: all of it, and what is not from files.
    fn resident(&self) -> (f64, f64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let of = |key: &str| {
            let line = status.lines().find(|line| line.starts_with(key)).unwrap();
            let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
            kib / 1024.0
        };
        (of("VmRSS:"), of("RssAnon:"))
    }

    /// Processor time so far, of all its threads.
    fn worked(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, after) = stat.rsplit_once(") ").unwrap();
        let fields: Vec<&str> = after.split(' ').collect();
        // `utime` and `stime`, in ticks of a hundredth of a second.
        let ticks: u64 = fields[11..13]
            .iter()
            .map(|one| one.parse::<u64>().unwrap())
            .sum();
        Duration::from_millis(ticks * 10)
    }

    fn stop(mut self) {
        let pid = self.child.id().to_string();
        Command::new("kill").arg(pid).status().unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

fn write_config(dir: &Path, text: &str) -> PathBuf {
    let path = dir.join("jarchi.toml");
    fs::write(&path, text).unwrap();
    path
}

/// One of each plugin at work, so that all are loaded.
fn start_config(names: &[String]) -> String {
    let mut text = String::from(
        "[daemon]\nhttp = false\nlog = { filter = \"warn\" }\n\n[[brand]]\nname = \"b\"\ntime_zone = \"Asia/Baku\"\n",
    );
    for name in names {
        let _ = match name.trim_end_matches(char::is_numeric) {
            "mastodon" => writeln!(
                text,
                "\n[[account]]\nname = \"{name}-a\"\nplugin = \"{name}\"\n\
                 settings = {{ server = \"https://social.example\" }}\nsecrets = {{ token = \"${{file:secrets/x}}\" }}"
            ),
            "bluesky" => writeln!(
                text,
                "\n[[account]]\nname = \"{name}-a\"\nplugin = \"{name}\"\n\
                 settings = {{ identifier = \"a.example\" }}\nsecrets = {{ app_password = \"${{file:secrets/x}}\" }}"
            ),
            "library" => writeln!(
                text,
                "\n[[generator]]\nname = \"{name}-g\"\nplugin = \"{name}\"\nfolders = {{ content = \"content\" }}"
            ),
            _ => writeln!(
                text,
                "\n[[generator]]\nname = \"{name}-g\"\nplugin = \"{name}\"\n\
                 settings = {{ feeds = [\"https://feed.example/rss\"] }}"
            ),
        };
    }
    text
}

fn starts(dir: &Path) {
    let names = twelve(&dir.join(".jarchi/plugins"));
    fs::create_dir_all(dir.join("content")).unwrap();
    secret(&dir.join("secrets/x"), "x");
    let config = write_config(dir, &start_config(&names));
    let mut cold = Vec::new();
    let mut cached = Vec::new();
    let mut resident = (0.0, 0.0);
    let mut idle = Duration::ZERO;
    for round in 0..STARTS {
        let _ = fs::remove_dir_all(dir.join(".jarchi/compiled"));
        let daemon = Daemon::start(&config);
        cold.push(daemon.ready_after);
        daemon.stop();
        let daemon = Daemon::start(&config);
        cached.push(daemon.ready_after);
        if round + 1 == STARTS {
            std::thread::sleep(SETTLED);
            resident = daemon.resident();
            let before = daemon.worked();
            std::thread::sleep(IDLE);
            idle = daemon.worked() - before;
        }
        daemon.stop();
    }
    let row = |words: &str, times: &mut Vec<Duration>| {
        times.sort_unstable();
        println!(
            "| {words} | {:.0} | {:.0} |",
            millis(times[times.len() / 2]),
            millis(times[times.len() - 1])
        );
    };
    println!("| start to ready, 12 plugins, {STARTS} starts | median, ms | longest, ms |");
    println!("|---|---|---|");
    row("compiled for the first time", &mut cold);
    row("from the cache", &mut cached);
    println!("\n| idle, 12 plugins | MiB |\n|---|---|");
    println!("| resident | {:.1} |", resident.0);
    println!("| of it anonymous | {:.1} |", resident.1);
    println!(
        "| of a processor over {} s, % | {:.3} |",
        IDLE.as_secs(),
        100.0 * idle.as_secs_f64() / IDLE.as_secs_f64()
    );
}

/// Starts with posts that wait for next year.
fn waiting(dir: &Path) {
    let names = twelve(&dir.join(".jarchi/plugins"));
    fs::create_dir_all(dir.join("content")).unwrap();
    secret(&dir.join("secrets/x"), "x");
    let config = write_config(dir, &start_config(&names));
    // So that the plugins are compiled and the store is there.
    Daemon::start(&config).stop();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(fill(&config));
    drop(runtime);
    let mut times: Vec<Duration> = Vec::new();
    let mut resident = 0.0;
    for _ in 0..STARTS {
        let daemon = Daemon::start(&config);
        times.push(daemon.ready_after);
        resident = daemon.resident().0;
        daemon.stop();
    }
    times.sort_unstable();
    println!("\n| start to ready, {WAITING} posts wait, {STARTS} starts | |\n|---|---|");
    println!("| median, ms | {:.0} |", millis(times[times.len() / 2]));
    println!("| longest, ms | {:.0} |", millis(times[times.len() - 1]));
    println!("| resident then, MiB | {resident:.1} |");
}

async fn fill(config: &Path) {
    let (config, _) = jarchi::config::load(config, &ProcessEnvironment).unwrap();
    let config = Arc::new(config);
    let store = Store::open(&config.daemon.data_dir, &StoreOptions::default()).unwrap();
    let now = jarchi::clock::Clock::system().now();
    let due = Due::At(now.saturating_add(TimeSpan::from_days(365)));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..AT_ONCE {
        let (config, store) = (config.clone(), store.clone());
        callers.spawn(async move {
            for number in (caller..WAITING).step_by(AT_ONCE) {
                let accounts: Vec<&String> = config.accounts.keys().collect();
                let new = NewPost {
                    draft: Draft {
                        text: format!("Post {number} {}", "çay ".repeat(50)),
                        ..Draft::default()
                    },
                    accounts: vec![accounts[number % accounts.len()].clone()],
                    due,
                    origin: Origin::Command,
                    pillar: None,
                    campaign: None,
                    repeat_after: None,
                    round: 0,
                };
                content::accept(&store, &config, new, now).await.unwrap();
            }
        });
    }
    callers.join_all().await;
}

fn secret(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A post on each of a thousand accounts, all due in one second, through the plugin.
fn lateness(dir: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let serving = runtime
        .block_on(Serving::start(
            "127.0.0.1:0".parse().unwrap(),
            Options {
                rates: Rates::none(),
                ..Options::default()
            },
        ))
        .unwrap();
    let address = serving.address;
    let mut text = format!(
        "[daemon]\nhttp = false\nconcurrency = 32\nplugin_dir = {:?}\nlog = {{ filter = \"warn\" }}\n\n\
         [measure]\nages = []\n\n\
         [[brand]]\nname = \"b\"\ntime_zone = \"UTC\"\n\n\
         [[plugin]]\nname = \"mastodon\"\nconcurrency = 32\n\n\
         [[plugin.grant]]\nhost = \"{address}\"\nplain_http = true\nprivate = true\nreason = \"measured here\"\n\n\
         [[generator]]\nname = \"content\"\nplugin = \"library\"\nfolders = {{ content = \"content\" }}\n\n\
         [[schedule]]\nname = \"never\"\ncron = \"0 0 1 1 *\"\nmeasure = \"posts\"\n\n\
         [[schedule]]\nname = \"never-accounts\"\ncron = \"0 0 1 1 *\"\nmeasure = \"accounts\"\n",
        plugins::plugin_dir()
    );
    let content = dir.join("content");
    fs::create_dir_all(&content).unwrap();
    let due = jarchi::clock::Clock::system()
        .now()
        .to_utc()
        .checked_add_signed(chrono::TimeDelta::seconds(45))
        .unwrap();
    let due_text = due.format("%Y-%m-%dT%H:%M:%SZ");
    let due = chrono::DateTime::parse_from_rfc3339(&due_text.to_string())
        .unwrap()
        .timestamp_millis();
    for number in 0..POSTS {
        let name = format!("a{number}");
        serving.server.add_account(&name, &name);
        serving
            .server
            .grant(&name, &format!("token-{number}"), ALL_SCOPES)
            .unwrap();
        let _ = writeln!(
            text,
            "\n[[account]]\nname = \"{name}\"\nplugin = \"mastodon\"\n\
             settings = {{ server = \"http://{address}\" }}\nsecrets = {{ token = \"${{file:secrets/{name}}}\" }}"
        );
        secret(&dir.join("secrets").join(&name), &format!("token-{number}"));
        fs::write(
            content.join(format!("{name}.md")),
            format!("---\naccounts: [{name}]\nwhen: {due_text}\n---\nPost number {number}\n"),
        )
        .unwrap();
    }
    let config = write_config(dir, &text);
    let daemon = Daemon::start(&config);
    while serving.server.book().len() < POSTS {
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut late: Vec<f64> = serving
        .server
        .book()
        .iter()
        .map(|entry| entry.at.0 as f64 - due as f64)
        .collect();
    late.sort_by(f64::total_cmp);
    let (resident, _) = daemon.resident();
    println!(
        "\n| {POSTS} posts on {POSTS} accounts due in one second, through plugin and HTTP | |"
    );
    println!("|---|---|");
    println!("| earliest, ms | {:.0} |", late[0]);
    println!("| p50, ms | {:.0} |", late[late.len() / 2]);
    println!("| p99, ms | {:.0} |", late[late.len() * 99 / 100]);
    println!("| resident after it, MiB | {resident:.1} |");
    daemon.stop();
}

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let one = dir.path().join("starts");
    fs::create_dir_all(&one).unwrap();
    starts(&one);
    let full = dir.path().join("waiting");
    fs::create_dir_all(&full).unwrap();
    waiting(&full);
    let other = dir.path().join("lateness");
    fs::create_dir_all(&other).unwrap();
    lateness(&other);
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
