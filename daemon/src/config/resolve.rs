//! From what stands in the files to what is meant: defaults, references, and the checks
//! that need more than one value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono_tz::Tz;

use crate::model::TimeSpan;

use super::rails::rails;
use super::raw::{
    Named, RawAccount, RawAlarm, RawBrand, RawDaemon, RawFile, RawGenerator, RawSchedule,
};
use super::reader::{Located, Tables};
use super::resolve_strategy::{account_plan, slots, strategy};
use super::suggest::did_you_mean;
use super::tables::{SecretText, Secrets, Settings};
use super::values::{FilePath, Name, PluginName, Span};
use super::words::words;
use super::{
    Account, Brand, Config, Daemon, Diagnostic, GeneratorConfig, Keep, LogConfig, Measuring,
    Origin, Place, Retry,
};

/// The longest path of a local socket, in bytes: `sun_path` without its NUL.
const LONGEST_SOCKET: usize = 107;

pub(super) struct Resolver<'a> {
    pub main: &'a Path,
    /// The main file's, absolute.
    pub folder: &'a Path,
    pub files: &'a [RawFile],
    /// Files and folders that are named must be there.
    pub check_files: bool,
    /// Something could not be read to the end: a name that is not found may be in there.
    pub incomplete: bool,
    pub findings: Vec<Diagnostic>,
}

/// The items of one kind, by name.
pub(super) type Index<'a, T> = BTreeMap<&'a str, &'a Located<T>>;

/// What the configuration would be if nothing was wrong.
pub(super) struct Names<'a> {
    pub brands: Index<'a, RawBrand>,
    pub accounts: Index<'a, RawAccount>,
    pub generators: Index<'a, RawGenerator>,
    pub schedules: Index<'a, RawSchedule>,
    pub alarms: Index<'a, RawAlarm>,
    /// The brand that may be left out.
    pub only_brand: Option<&'a str>,
}

impl<'a> Resolver<'a> {
    /// What comes out is only to be used when there is no error among the findings.
    pub fn resolve(&mut self) -> Config {
        let files = self.files;
        self.incomplete |= files.iter().any(has_nameless);
        let names = Names {
            brands: self.index("brand", files, |file| &file.brand),
            accounts: self.index("account", files, |file| &file.account),
            generators: self.index("generator", files, |file| &file.generator),
            schedules: self.index("schedule", files, |file| &file.schedule),
            alarms: self.index("alarm", files, |file| &file.alarm),
            only_brand: only(files.iter().flat_map(|file| tables(&file.brand))),
        };
        self.refuse_shared_names(&names);
        let daemon = self.daemon();
        let media = self.media();
        let approval = self.approval(&names);
        let measure = self.measure();
        let mut brands = self.brands(&names);
        let accounts = self.accounts(&names, &measure.common);
        let generators = self.generators(&names, &accounts);
        self.strategies(&names, &mut brands, &accounts, &generators);
        let plugins = self.plugins(&names, &daemon);
        let schedules = self.schedules(&names, &brands, &accounts, &generators);
        let alarms = self.alarms(&names);
        Config {
            path: self.main.to_path_buf(),
            daemon,
            media,
            approval,
            measure,
            brands,
            accounts,
            plugins,
            generators,
            schedules,
            alarms,
            origin: Origin::default(),
        }
    }

    pub fn error(&mut self, place: &Place, message: impl Into<String>) {
        self.findings.push(Diagnostic::error(message).at(place));
    }

    pub fn index<T: Named>(
        &mut self,
        kind: &str,
        files: &'a [RawFile],
        section: impl Fn(&'a RawFile) -> &'a Option<Located<Tables<T>>>,
    ) -> Index<'a, T> {
        let mut index: Index<'a, T> = BTreeMap::new();
        for item in files.iter().flat_map(|file| tables(section(file))) {
            let Some((name, place)) = item.value.name() else {
                continue;
            };
            match index.get(name).and_then(|first| first.value.name()) {
                Some((_, first)) => self.error(
                    place,
                    format!("there is another {kind} `{name}`, at {}", first.short()),
                ),
                None => {
                    index.insert(name, item);
                }
            }
        }
        index
    }

    /// Both are subjects of plugins: what they remember is kept under this name.
    fn refuse_shared_names(&mut self, names: &Names<'a>) {
        for (name, generator) in &names.generators {
            let other = names.accounts.get(name).and_then(|one| one.value.name());
            if let (Some((_, place)), Some((_, other))) = (generator.value.name(), other) {
                self.error(
                    place,
                    format!("an account has the name `{name}` too, at {}", other.short()),
                );
            }
        }
    }

    fn daemon(&mut self) -> Daemon {
        let raw = self.single("daemon", |file| &file.daemon);
        let key = |pick: fn(&RawDaemon) -> &Option<Located<FilePath>>| {
            raw.and_then(|raw| pick(raw).as_ref())
                .map(|path| path.value.path.clone())
        };
        let data_dir = key(|raw| &raw.data_dir).unwrap_or_else(|| {
            if self.folder.starts_with("/etc") {
                PathBuf::from("/var/lib/jarchi")
            } else {
                self.folder.join(".jarchi")
            }
        });
        let plugin_dir = key(|raw| &raw.plugin_dir).unwrap_or_else(|| data_dir.join("plugins"));
        let socket = key(|raw| &raw.socket).unwrap_or_else(|| data_dir.join("jarchi.sock"));
        let log = raw.and_then(|raw| raw.log.as_ref()).map(|log| &log.value);
        let default_log = LogConfig::default();
        let http = raw.and_then(|raw| raw.http.as_ref());
        let daemon = Daemon {
            http: http.map_or(Some(Daemon::HTTP), |http| http.value.0),
            grace: raw
                .and_then(|raw| raw.grace.as_ref())
                .map_or(Daemon::GRACE, |grace| grace.value.0),
            concurrency: raw
                .and_then(|raw| raw.concurrency.as_ref())
                .map_or(Daemon::CONCURRENCY, |number| number.value.count()),
            cache: raw
                .and_then(|raw| raw.cache.as_ref())
                .map_or(Daemon::CACHE, |size| size.value.0),
            keep_free: raw
                .and_then(|raw| raw.keep_free.as_ref())
                .map_or(Daemon::KEEP_FREE, |size| size.value.0),
            keep: keep(raw),
            check_links: raw
                .and_then(|raw| raw.check_links.as_ref())
                .is_none_or(|flag| flag.value),
            log: LogConfig {
                filter: log
                    .and_then(|log| log.filter.as_ref())
                    .map_or(default_log.filter, |filter| filter.value.0.clone()),
                format: log
                    .and_then(|log| log.format.as_ref())
                    .map_or(default_log.format, |format| format.value),
            },
            retry: self.retry(raw),
            breaker: self.breaker(raw),
            least_free: raw
                .and_then(|raw| raw.least_free.as_ref())
                .map_or(Daemon::LEAST_FREE, |size| size.value.0),
            data_dir,
            plugin_dir,
            socket,
        };
        if let (Some(http), Some(address)) = (http, daemon.http)
            && !address.ip().is_loopback()
        {
            self.findings.push(
                Diagnostic::warning(format!("{address} can be reached from other machines"))
                    .at(&http.place)
                    .help("its pages have no password: `127.0.0.1` keeps them on this one"),
            );
        }
        let length = daemon.socket.as_os_str().len();
        if length > LONGEST_SOCKET {
            let message = format!(
                "the path of the socket has {length} bytes, and the system takes {LONGEST_SOCKET}"
            );
            let finding = Diagnostic::error(message).help("set a shorter `daemon.socket`");
            let place = raw.and_then(|raw| {
                let socket = raw.socket.as_ref().map(|socket| &socket.place);
                socket.or(raw.data_dir.as_ref().map(|folder| &folder.place))
            });
            self.findings.push(match place {
                Some(place) => finding.at(place),
                None => finding.in_file(self.main),
            });
        }
        daemon
    }

    /// A section that stands in one file only.
    pub fn single<T>(
        &mut self,
        name: &str,
        section: impl Fn(&'a RawFile) -> &'a Option<Located<T>>,
    ) -> Option<&'a T> {
        let mut sections = self.files.iter().filter_map(|file| section(file).as_ref());
        let first = sections.next()?;
        for other in sections {
            let message = format!("there is another `[{name}]`, at {}", first.place.short());
            self.findings.push(
                Diagnostic::error(message)
                    .at(&other.place)
                    .help("put its keys there"),
            );
        }
        Some(&first.value)
    }

    fn retry(&mut self, daemon: Option<&RawDaemon>) -> Retry {
        let default = Retry::default();
        let Some(section) = daemon.and_then(|daemon| daemon.retry.as_ref()) else {
            return default;
        };
        let raw = &section.value;
        let attempts = raw.attempts.as_ref();
        let (first, longest) = self.pauses(
            &section.place,
            (raw.first.as_ref(), default.first),
            (raw.longest.as_ref(), default.longest),
        );
        Retry {
            attempts: attempts.map_or(default.attempts, |number| number.value.small()),
            first,
            longest,
        }
    }

    /// The first pause and the longest one, each with its default.
    pub(super) fn pauses<const A: u64, const B: u64, const C: u64, const D: u64>(
        &mut self,
        section: &Place,
        first: (Option<&Located<Span<A, B>>>, TimeSpan),
        longest: (Option<&Located<Span<C, D>>>, TimeSpan),
    ) -> (TimeSpan, TimeSpan) {
        let least = first.0.map_or(first.1, |span| span.value.0);
        let most = longest.0.map_or(longest.1, |span| span.value.0);
        if least > most {
            let place = first.0.map(|span| &span.place);
            let place = place.or(longest.0.map(|span| &span.place));
            let message = format!("`first` ({least}) is longer than `longest` ({most})");
            self.error(place.unwrap_or(section), message);
        }
        (least, most)
    }

    fn brands(&mut self, names: &Names<'a>) -> BTreeMap<String, Brand> {
        let brands = names.brands.iter().filter_map(|(name, brand)| {
            let raw = &brand.value;
            let languages = raw.languages.iter().flat_map(|list| &list.value);
            let hashtags = raw.hashtags.iter().flat_map(|list| &list.value);
            let brand = Brand {
                name: (*name).to_owned(),
                time_zone: raw.time_zone.as_ref()?.value,
                languages: languages.map(|tag| tag.value.0.clone()).collect(),
                hashtags: hashtags.map(|tag| tag.value.0.clone()).collect(),
                strategy: strategy(raw),
            };
            Some((brand.name.clone(), brand))
        });
        brands.collect()
    }

    fn accounts(&mut self, names: &Names<'a>, measure: &Measuring) -> BTreeMap<String, Account> {
        let mut accounts = BTreeMap::new();
        for (name, account) in &names.accounts {
            let raw = &account.value;
            let brand = self.brand(names, raw.brand.as_ref(), account);
            let (Some(plugin), Some(brand)) = (&raw.plugin, brand) else {
                continue;
            };
            let approval = self.approval_rule(
                raw.approval.as_ref(),
                raw.approval_deadline.as_ref(),
                raw.on_deadline.as_ref(),
            );
            let (slots, best, best_per_day) = slots(raw);
            let brands = names.brands.get(brand).map(|brand| &brand.value);
            accounts.insert(
                (*name).to_owned(),
                Account {
                    name: (*name).to_owned(),
                    plugin: plugin.value.0.clone(),
                    brand: brand.to_owned(),
                    settings: settings(&raw.settings),
                    secrets: secrets(&raw.secrets),
                    app: self.app(raw.client_id.as_ref(), raw.client_secret.as_ref()),
                    slots,
                    hold: raw.hold.as_ref().is_some_and(|hold| hold.value),
                    crop: raw.crop.as_ref().is_some_and(|crop| crop.value),
                    rails: rails(raw),
                    plan: account_plan(raw, brands, best, best_per_day),
                    measure: self.account_measure(raw.measure.as_ref(), measure),
                    quiet_after: raw.quiet_after.as_ref().map(|span| span.value.0),
                    numbers_after: raw.numbers_after.as_ref().map(|span| span.value.0),
                    approval,
                    words: words(raw),
                },
            );
        }
        accounts
    }

    fn generators(
        &mut self,
        names: &Names<'a>,
        accounts: &BTreeMap<String, Account>,
    ) -> BTreeMap<String, GeneratorConfig> {
        let mut generators = BTreeMap::new();
        for (name, generator) in &names.generators {
            let raw = &generator.value;
            let brand = self.brand(names, raw.brand.as_ref(), generator);
            let mut targets = Vec::new();
            for target in raw.accounts.iter().flat_map(|list| &list.value) {
                let known = self.refer("account", &target.value, &target.place, &names.accounts);
                if !known {
                    continue;
                }
                let target_name = &target.value.0;
                let other = accounts
                    .get(target_name)
                    .map(|account| account.brand.as_str());
                if let (Some(brand), Some(other)) = (brand, other)
                    && brand != other
                {
                    self.error(
                        &target.place,
                        format!("the account `{target_name}` is of the brand `{other}`, the generator of `{brand}`"),
                    );
                }
                targets.push(target_name.clone());
            }
            if targets.is_empty() && raw.accounts.is_none() {
                self.findings.push(
                    Diagnostic::warning("drafts that name no account go nowhere")
                        .at(&generator.place)
                        .help("add `accounts = [\"NAME\"]`"),
                );
            }
            let folders = self.folders(raw);
            let approval = self.approval_rule(
                raw.approval.as_ref(),
                raw.approval_deadline.as_ref(),
                raw.on_deadline.as_ref(),
            );
            let (Some(plugin), Some(brand)) = (&raw.plugin, brand) else {
                continue;
            };
            generators.insert(
                (*name).to_owned(),
                GeneratorConfig {
                    name: (*name).to_owned(),
                    plugin: plugin.value.0.clone(),
                    brand: brand.to_owned(),
                    accounts: targets,
                    pillar: raw.pillar.as_ref().map(|pillar| pillar.value.clone()),
                    folders,
                    settings: settings(&raw.settings),
                    secrets: secrets(&raw.secrets),
                    watch: raw.watch.as_ref().is_none_or(|watch| watch.value),
                    approval,
                },
            );
        }
        generators
    }

    fn folders(&mut self, raw: &RawGenerator) -> BTreeMap<String, PathBuf> {
        let mut folders = BTreeMap::new();
        let named = raw.folders.iter().flat_map(|folders| &folders.value.0);
        for (name, folder) in named {
            folders.insert(name.clone(), self.folder(folder));
        }
        folders
    }

    /// A folder that must be there.
    pub fn folder(&mut self, folder: &Located<FilePath>) -> PathBuf {
        let FilePath { written, path } = &folder.value;
        if self.check_files && !path.is_dir() {
            let what = if path.exists() {
                "is not a folder"
            } else {
                "is not there"
            };
            let help =
                (Path::new(written) != path).then(|| format!("it stands for {}", path.display()));
            self.findings.push(
                Diagnostic::error(format!("`{written}` {what}"))
                    .at(&folder.place)
                    .maybe_help(help),
            );
        }
        path.clone()
    }

    /// The brand of an account or a generator.
    pub fn brand<T>(
        &mut self,
        names: &Names<'a>,
        named: Option<&'a Located<String>>,
        item: &Located<T>,
    ) -> Option<&'a str> {
        match named {
            Some(named) => self
                .refer_text("brand", &named.value, &named.place, &names.brands)
                .then_some(named.value.as_str()),
            None if names.only_brand.is_some() => names.only_brand,
            None => {
                // What was misread is told at its own place.
                if !self.incomplete {
                    let (message, help) = if names.brands.is_empty() {
                        (
                            "there is no brand",
                            "add a `[[brand]]` with `name` and `time_zone`".into(),
                        )
                    } else {
                        let known = some(names.brands.keys().copied());
                        ("`brand` is missing", format!("brands: {known}"))
                    };
                    self.findings
                        .push(Diagnostic::error(message).at(&item.place).help(help));
                }
                None
            }
        }
    }

    /// Whether the name is known; tells when it is not.
    pub fn refer<T>(
        &mut self,
        kind: &str,
        name: &Name,
        place: &Place,
        known: &BTreeMap<&str, T>,
    ) -> bool {
        self.refer_text(kind, &name.0, place, known)
    }

    pub(super) fn refer_text<T>(
        &mut self,
        kind: &str,
        name: &str,
        place: &Place,
        known: &BTreeMap<&str, T>,
    ) -> bool {
        if known.contains_key(name) {
            return true;
        }
        if !self.incomplete {
            let help = did_you_mean(name, known.keys().copied()).unwrap_or_else(|| {
                if known.is_empty() {
                    format!("add a `[[{kind}]]` with this name")
                } else {
                    format!("there are: {}", some(known.keys().copied()))
                }
            });
            self.findings.push(
                Diagnostic::error(format!("there is no {kind} `{name}`"))
                    .at(place)
                    .help(help),
            );
        }
        false
    }
}

pub(super) fn tables<T>(section: &Option<Located<Tables<T>>>) -> impl Iterator<Item = &Located<T>> {
    section.iter().flat_map(|tables| &tables.value.0)
}

/// Whether something has no name, or one that was misread.
fn has_nameless(file: &RawFile) -> bool {
    tables(&file.brand).any(|one| one.value.name.is_none())
        || tables(&file.pillar).any(|one| one.value.name.is_none())
        || tables(&file.account).any(|one| one.value.name.is_none())
        || tables(&file.generator).any(|one| one.value.name.is_none())
}

/// Its name, if there is one brand only.
fn only<'a>(mut brands: impl Iterator<Item = &'a Located<RawBrand>>) -> Option<&'a str> {
    let first = brands.next()?;
    match brands.next() {
        Some(_) => None,
        None => first.value.name().map(|(name, _)| name),
    }
}

fn settings(raw: &Option<Located<Settings>>) -> serde_json::Map<String, serde_json::Value> {
    raw.as_ref()
        .map(|raw| raw.value.0.clone())
        .unwrap_or_default()
}

pub(super) fn secrets(raw: &Option<Located<Secrets>>) -> BTreeMap<String, secrecy::SecretString> {
    let given = raw.iter().flat_map(|raw| &raw.value.0);
    given
        .filter_map(|(name, secret)| Some((name.clone(), secret.clone()?)))
        .collect()
}

pub(super) fn secret_text(raw: Option<&Located<SecretText>>) -> Option<secrecy::SecretString> {
    raw.and_then(|raw| raw.value.0.clone())
}

fn keep(daemon: Option<&RawDaemon>) -> Keep {
    let default = Keep::default();
    let Some(section) = daemon.and_then(|daemon| daemon.keep.as_ref()) else {
        return default;
    };
    let raw = &section.value;
    Keep {
        settled: raw
            .settled
            .as_ref()
            .map_or(default.settled, |span| span.value.0),
        series: raw
            .series
            .as_ref()
            .map_or(default.series, |span| span.value.0),
        dead_letters: raw
            .dead_letters
            .as_ref()
            .map_or(default.dead_letters, |span| span.value.0),
    }
}

/// The first of them, as a list for people.
fn some<'n>(names: impl ExactSizeIterator<Item = &'n str>) -> String {
    const SHOWN: usize = 10;
    let more = if names.len() > SHOWN { ", …" } else { "" };
    let shown: Vec<&str> = names.take(SHOWN).collect();
    shown.join(", ") + more
}

/// The time zone of what concerns every brand: theirs, if it is the same, else UTC.
pub(super) fn common_zone(brands: &BTreeMap<String, Brand>) -> Tz {
    let mut zones = brands.values().map(|brand| brand.time_zone);
    match zones.next() {
        Some(first) if zones.all(|zone| zone == first) => first,
        _ => Tz::UTC,
    }
}

/// A plugin that is named, and by whom.
pub(super) fn named_plugins<'a>(
    names: &Names<'a>,
) -> impl Iterator<Item = &'a Located<PluginName>> {
    let accounts = names
        .accounts
        .values()
        .filter_map(|one| one.value.plugin.as_ref());
    let generators = names
        .generators
        .values()
        .filter_map(|one| one.value.plugin.as_ref());
    accounts.chain(generators)
}
