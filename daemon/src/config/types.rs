//! What is asked for, as types that can't be wrong: everything here has been checked.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use chrono_tz::Tz;
use secrecy::SecretString;
use url::Url;

use super::{
    AccountPlan, ApprovalConfig, ApprovalRule, Diagnostic, Limits, Place, Snippet, Strategy,
    WordRules,
};
use crate::model::{Severity as Gravity, TimeSpan, Visibility};

/// The whole configuration: the main file and its `conf.d`.
#[derive(Clone, Debug)]
pub struct Config {
    /// The main file.
    pub path: PathBuf,
    pub daemon: Daemon,
    pub media: MediaConfig,
    pub approval: ApprovalConfig,
    pub measure: MeasureConfig,
    pub brands: BTreeMap<String, Brand>,
    pub accounts: BTreeMap<String, Account>,
    pub plugins: BTreeMap<String, PluginConfig>,
    pub generators: BTreeMap<String, GeneratorConfig>,
    pub schedules: BTreeMap<String, ScheduleConfig>,
    /// Where alarms go.
    pub alarms: BTreeMap<String, AlarmConfig>,
    /// Where everything stands.
    pub origin: Origin,
}

/// The files that a configuration was read from, and the places of its values in them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Origin {
    /// The main file and those of `conf.d`, in the order in which they were read.
    pub files: Vec<PathBuf>,
    /// Files that secrets and settings were read from.
    pub secret_files: Vec<PathBuf>,
    /// By key, as `account.cafe.settings.server`.
    pub places: BTreeMap<String, Place>,
    /// The files' texts as they may be shown.
    pub snippets: Vec<Arc<Snippet>>,
}

impl Origin {
    /// The place of a key, or of the nearest above it that stands in a file.
    pub fn place(&self, key: &str) -> Option<&Place> {
        let mut key = key;
        loop {
            if let Some(place) = self.places.get(key) {
                return Some(place);
            }
            key = &key[..key.rfind(['.', '['])?];
        }
    }

    /// Shows a finding in its file's text.
    pub fn show(&self, mut finding: Diagnostic) -> Diagnostic {
        finding.snippet = self
            .snippets
            .iter()
            .find(|snippet| Some(&*snippet.file) == finding.file.as_deref())
            .cloned();
        finding
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Daemon {
    /// The store, the vault and the cache of compiled plugins.
    pub data_dir: PathBuf,
    pub plugin_dir: PathBuf,
    /// `/healthz`, `/readyz`, `/metrics`. None: not served.
    pub http: Option<SocketAddr>,
    /// The local socket of the command line.
    pub socket: PathBuf,
    /// How long running publishes may take to end at a stop.
    pub grace: TimeSpan,
    /// Publishes under way at once, over all plugins.
    pub concurrency: usize,
    /// Bytes of the store's page cache.
    pub cache: u64,
    /// Bytes that others leave free on the store's disk: with less, nothing new is accepted
    /// or begun.
    pub keep_free: u64,
    pub keep: Keep,
    /// Whether the links of a new post are asked for an answer.
    pub check_links: bool,
    pub log: LogConfig,
    pub retry: Retry,
    pub breaker: BreakerConfig,
    /// Bytes: less than this on the disk of `data_dir` is an alarm.
    pub least_free: u64,
}

impl Daemon {
    pub const HTTP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7377);
    pub const GRACE: TimeSpan = TimeSpan::from_secs(30);
    pub const CONCURRENCY: usize = 8;
    pub const CACHE: u64 = 64 << 20;
    pub const KEEP_FREE: u64 = 64 << 20;
    pub const LEAST_FREE: u64 = 256 << 20;
}

/// The files of posts.
#[derive(Clone, Debug, PartialEq)]
pub struct MediaConfig {
    /// Where the world reaches `listen`, without a slash at its end.
    pub public_url: Option<Url>,
    /// Where files are served to whoever has a signed address. None: not served.
    pub listen: Option<SocketAddr>,
    /// How long such an address can be fetched.
    pub valid: TimeSpan,
    /// Bytes of files that were made ready for platforms, and are kept.
    pub cache: u64,
    /// The folder of the brand's own photos and videos.
    pub library: Option<PathBuf>,
}

impl MediaConfig {
    pub const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8099);
    /// TikTok has an hour for it, and a video that is fetched slowly takes its time.
    pub const VALID: TimeSpan = TimeSpan::from_hours(6);
    pub const CACHE: u64 = 2 << 30;
}

impl Default for MediaConfig {
    fn default() -> Self {
        MediaConfig {
            public_url: None,
            listen: None,
            valid: MediaConfig::VALID,
            cache: MediaConfig::CACHE,
            library: None,
        }
    }
}

/// How numbers are collected, and how long they stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MeasureConfig {
    /// For accounts that say nothing else.
    pub common: Measuring,
    pub keep: MeasureKeep,
}

impl MeasureConfig {
    pub const MOST_REQUESTS: u64 = 10_000_000;
}

/// How the posts of one account are measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measuring {
    /// After it is out, in this order: each age once. Empty: by schedules and commands alone.
    pub ages: Vec<TimeSpan>,
    /// Requests on a day of UTC. 0: as many as it takes.
    pub requests_per_day: u32,
}

impl Measuring {
    /// What moves fast is looked at often: most of what a post ever gets, it gets on its first
    /// days.
    pub const AGES: [TimeSpan; 10] = [
        TimeSpan::from_mins(15),
        TimeSpan::from_hours(1),
        TimeSpan::from_hours(3),
        TimeSpan::from_hours(12),
        TimeSpan::from_days(1),
        TimeSpan::from_days(3),
        TimeSpan::from_days(7),
        TimeSpan::from_days(14),
        TimeSpan::from_days(28),
        TimeSpan::from_days(90),
    ];
    /// Twenty posts a day at all ages, with two requests each, twice over.
    pub const REQUESTS: u32 = 1000;
}

impl Default for Measuring {
    fn default() -> Self {
        Measuring {
            ages: Measuring::AGES.to_vec(),
            requests_per_day: Measuring::REQUESTS,
        }
    }
}

/// How closely series are kept, by the age of their samples. How long at all, says
/// [`Keep::series`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MeasureKeep {
    /// Every sample; of older ones the first and the last of each day.
    pub every: TimeSpan,
    /// Of older ones the first and the last of each week.
    pub daily: TimeSpan,
}

impl Default for MeasureKeep {
    fn default() -> Self {
        MeasureKeep {
            every: TimeSpan::from_days(90),
            daily: TimeSpan::from_days(400),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LogConfig {
    /// A `tracing` filter, as `info` or `jarchi=debug`.
    pub filter: String,
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        LogConfig {
            filter: "info".to_owned(),
            format: LogFormat::Auto,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Journald where systemd started us, else human.
    Auto,
    Human,
    Json,
    Journald,
}

/// How long the store remembers what is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Published, cancelled and missed deliveries, and their posts.
    pub settled: TimeSpan,
    /// Measured numbers.
    pub series: TimeSpan,
    /// Failed and parked deliveries, and other jobs that were given up.
    pub dead_letters: TimeSpan,
}

impl Default for Keep {
    fn default() -> Self {
        Keep {
            settled: TimeSpan::from_days(400),
            series: TimeSpan::from_days(800),
            dead_letters: TimeSpan::from_days(180),
        }
    }
}

/// What is done after a passing fault.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Tries in all before a job goes to the dead letters.
    pub attempts: u32,
    /// Before the second try; doubled for each further one, with jitter.
    pub first: TimeSpan,
    pub longest: TimeSpan,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            attempts: 8,
            first: TimeSpan::from_secs(30),
            longest: TimeSpan::from_hours(1),
        }
    }
}

/// When calls are kept off an account or a plugin for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerConfig {
    /// In a row.
    pub faults: u32,
    /// Before one call is let through to see; doubled each time.
    pub first: TimeSpan,
    pub longest: TimeSpan,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        BreakerConfig {
            faults: 5,
            first: TimeSpan::from_mins(1),
            longest: TimeSpan::from_hours(1),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Brand {
    pub name: String,
    pub time_zone: Tz,
    /// BCP 47, the first is the default.
    pub languages: Vec<String>,
    pub hashtags: Vec<String>,
    pub strategy: Strategy,
}

#[derive(Clone)]
pub struct Account {
    pub name: String,
    /// The plugin's name.
    pub plugin: String,
    pub brand: String,
    /// Handed to the plugin as JSON.
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// Filled in by the broker, never handed to the plugin.
    pub secrets: BTreeMap<String, SecretString>,
    /// Its own app, instead of the plugin's.
    pub app: AppKeys,
    /// When posts without a time of their own go out: cron expressions in the brand's
    /// time zone.
    pub slots: Vec<String>,
    /// No publishing while set.
    pub hold: bool,
    /// Pictures that are too wide or too high for the platform are cut.
    pub crop: bool,
    pub rails: Rails,
    pub plan: AccountPlan,
    pub measure: Measuring,
    /// No post for so long is an alarm.
    pub quiet_after: Option<TimeSpan>,
    /// No numbers for so long are an alarm.
    pub numbers_after: Option<TimeSpan>,
    pub approval: ApprovalRule,
    pub words: WordRules,
}

/// Ceilings that no path to publishing passes.
#[derive(Clone, Debug, PartialEq)]
pub struct Rails {
    pub per_hour: u32,
    pub per_day: u32,
    pub least_gap: TimeSpan,
    /// The same fingerprint is not published twice within this.
    pub duplicate_window: TimeSpan,
    /// What was due longer ago than this is not published any more.
    pub missed_after: TimeSpan,
    /// What becomes of what is too late.
    pub late: LatePolicy,
}

impl Default for Rails {
    fn default() -> Self {
        Rails {
            per_hour: 5,
            per_day: 20,
            least_gap: TimeSpan::from_mins(2),
            // What is repeated weekly passes.
            duplicate_window: TimeSpan::from_days(7),
            missed_after: TimeSpan::from_mins(60),
            late: LatePolicy::Miss,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatePolicy {
    /// Marked as missed.
    Miss,
    /// Published late, spaced out by the least gap.
    Publish,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PluginConfig {
    pub name: String,
    /// The component file.
    pub path: PathBuf,
    pub grants: Vec<Grant>,
    pub limits: Limits,
    /// Calls under way at once.
    pub concurrency: usize,
    /// The operator's app at the platform.
    pub app: AppKeys,
    /// The address that is registered for the app.
    pub redirect: Option<url::Url>,
}

/// What a platform knows an app by.
#[derive(Clone, Default)]
pub struct AppKeys {
    pub id: Option<SecretString>,
    pub secret: Option<SecretString>,
}

impl Config {
    /// The app that speaks for an account: its own, else its plugin's.
    pub fn app_of(&self, account: &Account) -> AppKeys {
        if account.app.id.is_some() {
            return account.app.clone();
        }
        self.plugins
            .get(&account.plugin)
            .map(|plugin| plugin.app.clone())
            .unwrap_or_default()
    }
}

impl PluginConfig {
    pub const CONCURRENCY: usize = 4;
}

/// What the operator lets a plugin reach, beyond what an account's own settings name.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    pub host: HostPattern,
    /// `http:` is allowed.
    pub plain_http: bool,
    /// Loopback, private and link-local addresses are allowed.
    pub private: bool,
    pub reason: String,
}

/// `example.org`, `example.org:8443`, `*.example.org`, `127.0.0.1:3000`, `[::1]:3000`.
/// Parsed in `plugin::broker`'s terms: a lower-case host (or a wildcard's suffix), and a
/// port where one was given; none means the scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    pub host: HostName,
    pub port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostName {
    /// A domain, in ASCII (punycode), lower case.
    Exact(String),
    /// Every domain below this one, at any depth, but not itself.
    Below(String),
    Address(IpAddr),
}

#[derive(Clone)]
pub struct GeneratorConfig {
    pub name: String,
    pub plugin: String,
    pub brand: String,
    /// Where its drafts go that name no account.
    pub accounts: Vec<String>,
    pub pillar: Option<String>,
    /// Granted folders by the name that the plugin knows.
    pub folders: BTreeMap<String, PathBuf>,
    pub settings: serde_json::Map<String, serde_json::Value>,
    pub secrets: BTreeMap<String, SecretString>,
    /// Asked again when a file of its folders changes.
    pub watch: bool,
    pub approval: ApprovalRule,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleConfig {
    pub name: String,
    /// 5 or 6 fields, or `@daily` and friends.
    pub cron: String,
    pub time_zone: Tz,
    pub misfire: Misfire,
    pub run: Run,
}

impl ScheduleConfig {
    /// Backups that stay.
    pub const KEEP: usize = 7;
    /// Days that are planned.
    pub const DAYS: u32 = 7;
}

/// What becomes of the fire times that passed while the daemon could not fire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfire {
    /// Once, for all of them.
    RunOnce,
    /// Every one, in order; at most the latest 100.
    RunAll,
    Skip,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// Ask a generator what it has.
    Generate(String),
    /// Collect the metrics of the published posts (`None`: of all accounts).
    MeasurePosts(Option<String>),
    MeasureAccounts(Option<String>),
    /// Write the store into a file of this folder, and keep so many of them.
    Backup {
        folder: PathBuf,
        keep: usize,
    },
    /// Forget what is older than `Daemon::keep`.
    Tidy,
    /// Fill the free slots of the coming days (`brand`: `None`: of all brands).
    Plan {
        brand: Option<String>,
        days: u32,
    },
}

/// A way on which alarms reach somebody.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmConfig {
    pub name: String,
    /// And what is graver.
    pub severity: Gravity,
    pub way: AlarmWay,
}

#[derive(Clone, Debug, PartialEq)]
pub enum AlarmWay {
    Webhook(Webhook),
    Email(Email),
    Account(AlarmPost),
}

#[derive(Clone, Debug)]
pub struct Webhook {
    /// May hold a secret. None: references were not followed.
    pub url: Option<SecretString>,
    pub headers: BTreeMap<String, SecretString>,
    pub plain_http: bool,
    pub private: bool,
}

#[derive(Clone, Debug)]
pub struct Email {
    pub to: Vec<String>,
    pub from: String,
    pub host: String,
    pub port: u16,
    pub security: MailSecurity,
    pub user: Option<String>,
    pub password: Option<SecretString>,
    /// A certificate authority beside the system's, PEM.
    pub ca: Option<PathBuf>,
}

/// How the way to a mail server is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    StartTls,
    /// TLS from the first byte.
    Tls,
    Plain,
}

impl MailSecurity {
    pub const fn port(self) -> u16 {
        match self {
            MailSecurity::StartTls => 587,
            MailSecurity::Tls => 465,
            MailSecurity::Plain => 25,
        }
    }
}

/// A post on an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmPost {
    pub account: String,
    /// Put before the text, as `@boss@social.example`.
    pub to: Option<String>,
    pub visibility: Visibility,
}
