//! What a new configuration changes.

use std::collections::BTreeMap;
use std::fmt;

use super::{ApprovalConfig, Config, Daemon, MeasureConfig, Measuring, MediaConfig};

/// What differs between two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    /// Keys whose new value counts after a restart only, as `daemon.data_dir`.
    pub restart_needed: Vec<String>,
    /// Keys of `[daemon]`, `[media]`, `[approval]` and `[measure]` that count at once.
    pub daemon: Vec<String>,
    pub brands: Changes,
    pub accounts: Changes,
    pub plugins: Changes,
    pub generators: Changes,
    pub schedules: Changes,
    pub alarms: Changes,
}

/// Names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
}

impl Diff {
    pub fn is_empty(&self) -> bool {
        *self == Diff::default()
    }
}

impl Changes {
    fn between<T: PartialEq>(old: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> Self {
        let mut changes = Changes::default();
        for (name, value) in new {
            match old.get(name) {
                None => changes.added.push(name.clone()),
                Some(before) if before != value => changes.changed.push(name.clone()),
                Some(_) => {}
            }
        }
        let gone = old.keys().filter(|name| !new.contains_key(*name));
        changes.removed = gone.cloned().collect();
        changes
    }
}

/// What `new` changes of `old`.
pub fn diff(old: &Config, new: &Config) -> Diff {
    let mut keys = Keys {
        section: "daemon",
        ..Keys::default()
    };
    // Taken apart, so that a new key can't be forgotten here.
    let Daemon {
        data_dir,
        plugin_dir,
        http,
        socket,
        grace,
        concurrency,
        cache,
        keep_free,
        keep,
        check_links,
        log,
        retry,
        breaker,
        least_free,
    } = &old.daemon;
    let daemon = &new.daemon;
    keys.restart("data_dir", *data_dir != daemon.data_dir);
    keys.restart("http", *http != daemon.http);
    keys.restart("socket", *socket != daemon.socket);
    keys.restart("cache", *cache != daemon.cache);
    keys.restart("log.format", log.format != daemon.log.format);
    keys.at_once("plugin_dir", *plugin_dir != daemon.plugin_dir);
    keys.at_once("grace", *grace != daemon.grace);
    keys.at_once("concurrency", *concurrency != daemon.concurrency);
    keys.at_once("keep_free", *keep_free != daemon.keep_free);
    keys.at_once("check_links", *check_links != daemon.check_links);
    keys.at_once("keep", *keep != daemon.keep);
    keys.at_once("log.filter", log.filter != daemon.log.filter);
    keys.at_once("retry", *retry != daemon.retry);
    keys.at_once("breaker", *breaker != daemon.breaker);
    keys.at_once("least_free", *least_free != daemon.least_free);
    let MediaConfig {
        public_url,
        listen,
        valid,
        cache,
        library,
    } = &old.media;
    keys.section = "media";
    keys.restart("listen", *listen != new.media.listen);
    keys.at_once("public_url", *public_url != new.media.public_url);
    keys.at_once("valid", *valid != new.media.valid);
    keys.at_once("cache", *cache != new.media.cache);
    keys.at_once("library", *library != new.media.library);
    let ApprovalConfig { remind, through } = &old.approval;
    keys.section = "approval";
    keys.at_once("remind", *remind != new.approval.remind);
    keys.at_once("through", *through != new.approval.through);
    let MeasureConfig {
        common: Measuring {
            ages,
            requests_per_day,
        },
        keep,
    } = &old.measure;
    keys.section = "measure";
    let measure = &new.measure;
    keys.at_once("ages", *ages != measure.common.ages);
    keys.at_once(
        "requests_per_day",
        *requests_per_day != measure.common.requests_per_day,
    );
    keys.at_once("keep", *keep != measure.keep);
    Diff {
        restart_needed: keys.restart,
        daemon: keys.at_once,
        brands: Changes::between(&old.brands, &new.brands),
        accounts: Changes::between(&old.accounts, &new.accounts),
        plugins: Changes::between(&old.plugins, &new.plugins),
        generators: Changes::between(&old.generators, &new.generators),
        schedules: Changes::between(&old.schedules, &new.schedules),
        alarms: Changes::between(&old.alarms, &new.alarms),
    }
}

/// Gives `new` the values of the running daemon where it can't change them.
pub(super) fn pin(new: &mut Config, running: &Config) {
    let from = &running.daemon;
    new.daemon.data_dir.clone_from(&from.data_dir);
    new.daemon.http = from.http;
    new.daemon.socket.clone_from(&from.socket);
    new.daemon.cache = from.cache;
    new.daemon.log.format = from.log.format;
    new.media.listen = running.media.listen;
}

#[derive(Default)]
struct Keys {
    section: &'static str,
    restart: Vec<String>,
    at_once: Vec<String>,
}

impl Keys {
    fn restart(&mut self, key: &str, differs: bool) {
        if differs {
            self.restart.push(format!("{}.{key}", self.section));
        }
    }

    fn at_once(&mut self, key: &str, differs: bool) {
        if differs {
            self.at_once.push(format!("{}.{key}", self.section));
        }
    }
}

/// `accounts: +cafe -shop ~bar; schedules: ~morning`, for a log.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.daemon.is_empty() {
            parts.push(self.daemon.join(" "));
        }
        for (kind, changes) in [
            ("brands", &self.brands),
            ("accounts", &self.accounts),
            ("plugins", &self.plugins),
            ("generators", &self.generators),
            ("schedules", &self.schedules),
            ("alarms", &self.alarms),
        ] {
            let signs = [
                ('+', &changes.added),
                ('-', &changes.removed),
                ('~', &changes.changed),
            ];
            let names: Vec<String> = signs
                .iter()
                .flat_map(|(sign, names)| names.iter().map(move |name| format!("{sign}{name}")))
                .collect();
            if !names.is_empty() {
                parts.push(format!("{kind}: {}", names.join(" ")));
            }
        }
        if parts.is_empty() {
            parts.push("nothing changed".to_owned());
        }
        f.write_str(&parts.join("; "))
    }
}
