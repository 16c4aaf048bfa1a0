//! The real `jarchi`: its daemon as a process with a configuration in a directory of its
//! own, and its commands beside it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{OnceCell, watch};

use crate::standin::{PATIENCE, Standin, token_of};

/// A user's directory: the configuration, and what the daemon keeps beside it.
pub struct Home {
    dir: TempDir,
}

impl Home {
    /// With this configuration. What is compiled of the stock plugins is at hand already.
    pub async fn new(config: &str) -> Self {
        let home = Home::empty(config);
        let compiled = home.data().join("compiled");
        std::fs::create_dir_all(home.data()).expect("a directory");
        copy_private(compiled_plugins().await, &compiled);
        home
    }

    /// With a configuration that names plugins of its own, which `prepare` puts in their
    /// place. What is compiled is kept for the next run under this name.
    pub async fn compiled(name: &str, config: &str, prepare: impl FnOnce(&Home)) -> Self {
        let home = Home::empty(config);
        prepare(&home);
        let kept = kept(name);
        let _turn = turn(&kept);
        let (before, compiled) = (kept.join("compiled"), home.data().join("compiled"));
        std::fs::create_dir_all(home.data()).expect("a directory");
        if before.exists() {
            copy_private(&before, &compiled);
        }
        let status = home.start().await.terminate().await;
        assert!(status.success(), "{status}");
        copy_private(&compiled, &before);
        home
    }

    fn empty(config: &str) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let home = Home { dir };
        home.configure(config);
        home
    }

    /// Writes the configuration anew, at once, as an editor does.
    pub fn configure(&self, config: &str) {
        let new = self.path("jarchi.toml.new");
        std::fs::write(&new, config).expect("the configuration is written");
        std::fs::rename(new, self.config()).expect("the configuration is written");
    }

    pub fn config(&self) -> PathBuf {
        self.path("jarchi.toml")
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Something below the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file below the directory.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).expect("a directory");
        }
        std::fs::write(&path, bytes).expect("a file");
        path
    }

    /// As [`Home::write`], for this user's eyes only.
    pub fn secret(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let path = self.write(name, text);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("a file");
    }

    fn command(&self) -> Command {
        let mut command = Command::new(crate::bin::jarchi());
        command
            .arg("--config")
            .arg(self.config())
            .current_dir(self.dir.path())
            .env_remove("JARCHI_CONFIG")
            .env_remove("JOURNAL_STREAM")
            .env_remove("NOTIFY_SOCKET")
            .env_remove("WATCHDOG_USEC")
            .env_remove("WATCHDOG_PID")
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end.
    pub async fn jarchi(&self, args: &[&str]) -> Output {
        self.command_with(args, &[]).await
    }

    /// As [`Home::jarchi`], with these in its environment.
    pub async fn command_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let variables = variables.iter().copied();
        let running = self.command().args(args).envs(variables).output();
        match tokio::time::timeout(PATIENCE, running).await {
            Ok(output) => output.expect("jarchi can be run"),
            Err(_) => panic!("`jarchi {}` does not end", args.join(" ")),
        }
    }

    /// Runs a command that must go well; what it prints.
    pub async fn ok(&self, args: &[&str]) -> String {
        let output = self.jarchi(args).await;
        let words = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "`jarchi {}`: {}\n{}{}",
            args.join(" "),
            output.status,
            words(&output.stdout),
            words(&output.stderr)
        );
        words(&output.stdout)
    }

    /// As [`Home::ok`], with `--json`.
    pub async fn json(&self, args: &[&str]) -> Value {
        let args = [args, &["--json"]].concat();
        let text = self.ok(&args).await;
        match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(error) => panic!("`jarchi {}`: {error}:\n{text}", args.join(" ")),
        }
    }

    /// Starts the daemon, and waits until it says that it is ready.
    pub async fn start(&self) -> Daemon {
        let mut daemon = self.spawn();
        let ready = daemon.logged(|line| line["message"] == "ready").await;
        let address = |name: &str| ready[name].as_str().and_then(|text| text.parse().ok());
        daemon.http = address("http");
        daemon.media = address("media");
        daemon
    }

    /// Starts the daemon, and waits for nothing.
    pub fn spawn(&self) -> Daemon {
        self.spawn_with(&[])
    }

    /// With these in its environment.
    pub fn spawn_with(&self, variables: &[(&str, &str)]) -> Daemon {
        let mut child = self
            .command()
            .arg("run")
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("jarchi can be run");
        let log = Log::default();
        let stderr = child.stderr.take().expect("it is piped");
        tokio::spawn(log.clone().read(stderr));
        let pid = child.id().and_then(|id| i32::try_from(id).ok());
        Daemon {
            pid: pid.and_then(Pid::from_raw).expect("it was just started"),
            child,
            log,
            http: None,
            media: None,
        }
    }
}

/// A running daemon; it is killed when this is dropped.
pub struct Daemon {
    pid: Pid,
    child: Child,
    log: Log,
    http: Option<SocketAddr>,
    media: Option<SocketAddr>,
}

impl Daemon {
    pub fn pid(&self) -> Pid {
        self.pid
    }

    fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).expect("the daemon runs");
    }

    /// `kill -9`.
    pub async fn kill(mut self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// `systemctl stop`, waited for.
    pub async fn terminate(mut self) -> ExitStatus {
        self.stop();
        self.ended().await
    }

    /// The signal of `systemctl stop`.
    pub fn stop(&self) {
        self.signal(Signal::TERM);
    }

    /// `systemctl reload`.
    pub fn hang_up(&self) {
        self.signal(Signal::HUP);
    }

    /// Waits until it has ended, and all that it said is in its log.
    pub async fn ended(&mut self) -> ExitStatus {
        let ending = async {
            let status = self.child.wait().await;
            self.log.whole().await;
            status
        };
        match tokio::time::timeout(PATIENCE, ending).await {
            Ok(status) => status.expect("it was started here"),
            Err(_) => panic!("the daemon does not end:\n{}", self.log.text()),
        }
    }

    /// Waits for a line of the log.
    pub async fn logged(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        let mut count = self.log.count.subscribe();
        let mut from = 0;
        let waiting = async {
            loop {
                count.mark_unchanged();
                let lines = self.log.lines();
                if let Some(line) = lines[from..].iter().map(parsed).find(|line| wanted(line)) {
                    return Some(line);
                }
                from = lines.len();
                tokio::select! {
                    Ok(()) = count.changed() => {}
                    _ = self.child.wait() => {
                        self.log.whole().await;
                        let lines = self.log.lines();
                        return lines[from..].iter().map(parsed).find(|line| wanted(line));
                    }
                }
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Some(line)) => line,
            Ok(None) => panic!("the daemon ended:\n{}", self.log.text()),
            Err(_) => panic!("in vain for a line of the log:\n{}", self.log.text()),
        }
    }

    /// Waits until there is what is wanted, looking again with every line of its log.
    pub async fn until<T>(&self, what: &str, mut wanted: impl AsyncFnMut() -> Option<T>) -> T {
        let mut lines = self.lines();
        let waiting = async {
            loop {
                lines.mark_unchanged();
                if let Some(found) = wanted().await {
                    return found;
                }
                lines.changed().await.expect("the log lives on");
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(found) => found,
            Err(_) => panic!("in vain for {what}:\n{}", self.log.text()),
        }
    }

    /// Changes with every line of its log.
    pub fn lines(&self) -> watch::Receiver<usize> {
        self.log.count.subscribe()
    }

    /// Everything that it has said so far.
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// Where it serves `/readyz` and the others.
    pub fn http(&self) -> SocketAddr {
        self.http.expect("the daemon serves http")
    }

    /// Where it serves files to platforms.
    pub fn media(&self) -> SocketAddr {
        self.media.expect("the daemon serves files")
    }

    /// Asks its HTTP endpoint.
    pub async fn get(&self, path: &str) -> (u16, String) {
        // The client wants to have one, for plain http too.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let address = self.http();
        let answer = reqwest::Client::builder()
            .no_proxy()
            .build()
            .expect("a client")
            .get(format!("http://{address}{path}"))
            .send()
            .await
            .expect("the daemon answers");
        let status = answer.status().as_u16();
        (status, answer.text().await.expect("a text"))
    }
}

/// A line as JSON; one that is none, as its message.
fn parsed(line: &String) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| serde_json::json!({ "message": line }))
}

#[derive(Clone)]
struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    count: Arc<watch::Sender<usize>>,
    /// Nothing more will come.
    whole: Arc<watch::Sender<bool>>,
}

impl Default for Log {
    fn default() -> Self {
        Log {
            lines: Arc::default(),
            count: Arc::new(watch::Sender::new(0)),
            whole: Arc::new(watch::Sender::new(false)),
        }
    }
}

impl Log {
    async fn read(self, from: impl AsyncRead + Unpin) {
        let mut lines = BufReader::new(from).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let mut all = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(line);
            self.count.send_replace(all.len());
        }
        self.whole.send_replace(true);
    }

    async fn whole(&self) {
        let mut whole = self.whole.subscribe();
        let _ = whole.wait_for(|whole| *whole).await;
    }

    fn lines(&self) -> Vec<String> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.clone()
    }

    fn text(&self) -> String {
        self.lines().join("\n")
    }
}

/// A configuration with these accounts of the stand-in, at a speed that a user may set.
pub fn config(standin: &Standin, accounts: &[&str]) -> String {
    let mut text = daemon_section();
    text.push_str(&format!(
        "\n[[brand]]\nname = \"Bakery\"\ntime_zone = \"Asia/Baku\"\nlanguages = [\"az\", \"en\"]\n\
         \n[[plugin]]\nname = \"mastodon\"\nconcurrency = 16\n\
         \n[[plugin.grant]]\nhost = \"{}\"\nplain_http = true\nprivate = true\n\
         reason = \"The test's own server\"\n",
        standin.address()
    ));
    for name in accounts {
        text.push_str(&account(standin, name, &token_of(name)));
    }
    text
}

/// A block for an account of the stand-in.
pub fn account(standin: &Standin, name: &str, token: &str) -> String {
    format!(
        "\n[[account]]\nname = \"{name}\"\nplugin = \"mastodon\"\n\
         settings = {{ server = \"{}\" }}\nsecrets = {{ token = \"{token}\" }}\n\
         rails = {{ per_hour = 100000, per_day = 1000000, least_gap = \"0s\" }}\n",
        standin.url()
    )
}

/// `[daemon]` of the tests.
pub fn daemon_section() -> String {
    format!(
        "[daemon]\ndata_dir = \"data\"\nplugin_dir = {:?}\nhttp = \"127.0.0.1:0\"\n\
         concurrency = 16\ngrace = \"20s\"\n\
         log = {{ format = \"json\", filter = \"info,jarchi=debug\" }}\n\
         retry = {{ attempts = 50, first = \"1s\", longest = \"2s\" }}\n\
         breaker = {{ first = \"1s\", longest = \"2s\" }}\n",
        crate::plugins::plugin_dir()
    )
}

/// The stock plugins, compiled by a first daemon for all that follow, in this run and
/// the next.
async fn compiled_plugins() -> &'static Path {
    static COMPILED: OnceCell<PathBuf> = OnceCell::const_new();
    COMPILED
        .get_or_init(|| async {
            // Built before any daemon looks for them.
            crate::plugins::plugin_dir();
            // On hold, and due never: it is there for its plugins to be loaded.
            let users = "[[brand]]\nname = \"B\"\ntime_zone = \"UTC\"\n\
                         [[account]]\nname = \"a\"\nplugin = \"mastodon\"\nhold = true\n\
                         settings = { server = \"https://social.example\" }\n\
                         secrets = { token = \"none\" }\n\
                         [[generator]]\nname = \"g\"\nplugin = \"library\"\n\
                         accounts = [\"a\"]\nfolders = { content = \".\" }\n";
            Home::compiled("tests", &format!("{}\n{users}", daemon_section()), |_| {}).await;
            kept("tests").join("compiled")
        })
        .await
}

fn kept(name: &str) -> PathBuf {
    crate::bin::jarchi().with_file_name(format!("{name}-compiled"))
}

/// Processes that run at once take turns at what is kept.
fn turn(kept: &Path) -> std::fs::File {
    std::fs::create_dir_all(kept).expect("a directory in target");
    let lock = std::fs::File::create(kept.join("turn")).expect("a file in target");
    tokio::task::block_in_place(|| lock.lock()).expect("a lock");
    lock
}

/// A directory of files, with the modes that they have.
fn copy_private(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    let mode = std::fs::metadata(from).expect("it is there").permissions();
    std::fs::set_permissions(to, mode).expect("the directory is ours");
    for entry in std::fs::read_dir(from).expect("it is there") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a file has a name");
        std::fs::copy(&path, to.join(name)).expect("a copy");
    }
}
