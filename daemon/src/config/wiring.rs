//! The second half of resolving: plugins with their grants and limits, and schedules,
//! those that nobody wrote among them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::raw::{RawGrant, RawLimits, RawPlugin, RawSchedule};
use super::reader::Located;
use super::resolve::{Index, Names, Resolver, common_zone, named_plugins, secret_text, tables};
use super::suggest::did_you_mean;
use super::tables::SecretText;
use super::values::{FilePath, Measured, RunWord};
use super::{
    Account, AppKeys, Brand, Daemon, Diagnostic, GeneratorConfig, Grant, Limits, Misfire, Place,
    PluginConfig, Run, ScheduleConfig,
};

/// When a generator is asked that has no schedule.
pub const DEFAULT_GENERATE: &str = "*/5 * * * *";
/// When posts are measured; not at the full hour, when everybody else asks.
pub const DEFAULT_MEASURE_ACCOUNTS: &str = "23 4 * * *";
/// When brands with pillars are planned.
pub const DEFAULT_PLAN: &str = "0 8 * * MON";
/// When the store forgets what is old.
pub const DEFAULT_TIDY: &str = "41 3 * * *";

impl<'a> Resolver<'a> {
    pub fn plugins(
        &mut self,
        names: &Names<'a>,
        daemon: &Daemon,
    ) -> BTreeMap<String, PluginConfig> {
        let files = self.files;
        let blocks = self.index("plugin", files, |file| &file.plugin);
        let mut plugins = BTreeMap::new();
        for named in named_plugins(names) {
            let name = named.value.0.as_str();
            if plugins.contains_key(name) {
                continue;
            }
            let block = blocks.get(name).copied();
            let plugin = self.plugin(name, block, daemon);
            let path = block.and_then(|block| block.value.path.as_ref());
            self.need_component(&plugin, path, &named.place, daemon, &blocks);
            plugins.insert(name.to_owned(), plugin);
        }
        for (name, block) in &blocks {
            if plugins.contains_key(*name) {
                continue;
            }
            let help = did_you_mean(name, plugins.keys().map(String::as_str));
            if !self.incomplete {
                self.findings.push(
                    Diagnostic::warning("no account and no generator uses this plugin")
                        .at(&block.place)
                        .maybe_help(help),
                );
            }
            // Told all the same if something is wrong with it.
            self.plugin(name, Some(block), daemon);
        }
        plugins
    }

    fn plugin(
        &mut self,
        name: &str,
        block: Option<&Located<RawPlugin>>,
        daemon: &Daemon,
    ) -> PluginConfig {
        let raw = block.map(|block| &block.value);
        let path = raw.and_then(|raw| raw.path.as_ref());
        let grants = raw.iter().flat_map(|raw| tables(&raw.grant));
        PluginConfig {
            name: name.to_owned(),
            path: path.map_or_else(
                || daemon.plugin_dir.join(format!("{name}.wasm")),
                |path| path.value.path.clone(),
            ),
            grants: grants.filter_map(|one| self.grant(one)).collect(),
            limits: self.limits(raw.and_then(|raw| raw.limits.as_ref())),
            concurrency: raw
                .and_then(|raw| raw.concurrency.as_ref())
                .map_or(PluginConfig::CONCURRENCY, |number| number.value.count()),
            app: self.app(
                raw.and_then(|raw| raw.client_id.as_ref()),
                raw.and_then(|raw| raw.client_secret.as_ref()),
            ),
            redirect: raw
                .and_then(|raw| raw.redirect.as_ref())
                .map(|redirect| redirect.value.0.clone()),
        }
    }

    /// The keys of an app. A secret without an id is of no app.
    pub(super) fn app(
        &mut self,
        id: Option<&Located<SecretText>>,
        secret: Option<&Located<SecretText>>,
    ) -> AppKeys {
        if let (None, Some(secret)) = (id, secret) {
            self.findings.push(
                Diagnostic::error("there is no `client_id` beside it")
                    .at(&secret.place)
                    .help("an app's secret goes with the app's id, in the same block"),
            );
        }
        AppKeys {
            id: secret_text(id),
            secret: secret_text(secret),
        }
    }

    fn grant(&mut self, grant: &Located<RawGrant>) -> Option<Grant> {
        let raw = &grant.value;
        Some(Grant {
            host: raw.host.as_ref()?.value.clone(),
            plain_http: raw.plain_http.as_ref().is_some_and(|flag| flag.value),
            private: raw.private.as_ref().is_some_and(|flag| flag.value),
            reason: raw.reason.as_ref()?.value.clone(),
        })
    }

    fn limits(&mut self, section: Option<&Located<RawLimits>>) -> Limits {
        let default = Limits::default();
        let Some(section) = section else {
            return default;
        };
        let raw = &section.value;
        let limits = Limits {
            memory: raw
                .memory
                .as_ref()
                .map_or(default.memory, |size| size.value.0),
            cpu: raw.cpu.as_ref().map_or(default.cpu, |span| span.value.0),
            wall: raw.wall.as_ref().map_or(default.wall, |span| span.value.0),
            http_calls: raw
                .http_calls
                .as_ref()
                .map_or(default.http_calls, |number| number.value.small()),
            response: raw
                .response
                .as_ref()
                .map_or(default.response, |size| size.value.0),
            log: raw.log.as_ref().map_or(default.log, |size| size.value.0),
            kv: raw.kv.as_ref().map_or(default.kv, |size| size.value.0),
            output: raw
                .output
                .as_ref()
                .map_or(default.output, |size| size.value.0),
            media: raw
                .media
                .as_ref()
                .map_or(default.media, |size| size.value.0),
        };
        if limits.cpu > limits.wall {
            let cpu = raw.cpu.as_ref().map(|span| &span.place);
            let place = cpu.or(raw.wall.as_ref().map(|span| &span.place));
            self.error(
                place.unwrap_or(&section.place),
                format!(
                    "`cpu` ({}) is longer than `wall` ({})",
                    limits.cpu, limits.wall
                ),
            );
        }
        limits
    }

    fn need_component(
        &mut self,
        plugin: &PluginConfig,
        path: Option<&Located<FilePath>>,
        named: &Place,
        daemon: &Daemon,
        blocks: &Index<'a, RawPlugin>,
    ) {
        if !self.check_files || plugin.path.is_file() {
            return;
        }
        let shown = plugin.path.display();
        let finding = match path {
            Some(path) => Diagnostic::error(format!("`{}` is not a file", path.value.written))
                .at(&path.place)
                .help(format!("it stands for {shown}")),
            None => {
                let there = components(&daemon.plugin_dir);
                let known = blocks
                    .keys()
                    .copied()
                    .chain(there.iter().map(String::as_str));
                let help = did_you_mean(&plugin.name, known).unwrap_or_else(|| {
                    format!("`jarchi plugin build` makes {}.wasm; put it into `plugin_dir`, or name its path in a `[[plugin]]`", plugin.name)
                });
                Diagnostic::error(format!(
                    "there is no plugin `{}`: no file {shown}",
                    plugin.name
                ))
                .at(named)
                .help(help)
            }
        };
        self.findings.push(finding);
    }

    pub fn schedules(
        &mut self,
        names: &Names<'a>,
        brands: &BTreeMap<String, Brand>,
        accounts: &BTreeMap<String, Account>,
        generators: &BTreeMap<String, GeneratorConfig>,
    ) -> BTreeMap<String, ScheduleConfig> {
        let mut schedules = BTreeMap::new();
        let zone_of = |brand: &str| brands.get(brand).map(|brand| brand.time_zone);
        for (name, schedule) in &names.schedules {
            let raw = &schedule.value;
            let Some(run) = self.run(names, schedule) else {
                continue;
            };
            let brand = match &run {
                Run::Generate(name) => generators.get(name).map(|one| &one.brand),
                Run::MeasurePosts(Some(name)) | Run::MeasureAccounts(Some(name)) => {
                    accounts.get(name).map(|one| &one.brand)
                }
                Run::Plan {
                    brand: Some(name), ..
                } => brands.get(name).map(|one| &one.name),
                Run::Plan { brand: None, .. }
                | Run::MeasurePosts(None)
                | Run::MeasureAccounts(None)
                | Run::Backup { .. }
                | Run::Tidy => None,
            };
            let Some(cron) = &raw.cron else {
                continue;
            };
            let own_zone = raw.time_zone.as_ref().map(|zone| zone.value);
            schedules.insert(
                (*name).to_owned(),
                ScheduleConfig {
                    name: (*name).to_owned(),
                    cron: cron.value.0.clone(),
                    time_zone: own_zone
                        .or_else(|| brand.and_then(|brand| zone_of(brand)))
                        .unwrap_or_else(|| common_zone(brands)),
                    misfire: raw
                        .misfire
                        .as_ref()
                        .map_or(Misfire::RunOnce, |one| one.value),
                    run,
                },
            );
        }
        for extra in defaults(&schedules, brands, accounts, generators) {
            schedules.insert(extra.name.clone(), extra);
        }
        schedules
    }

    fn run(&mut self, names: &Names<'a>, schedule: &Located<RawSchedule>) -> Option<Run> {
        let raw = &schedule.value;
        if let Some(backup) = &raw.backup {
            let others = [
                raw.generate.as_ref().map(|one| &one.place),
                raw.measure.as_ref().map(|one| &one.place),
                raw.account.as_ref().map(|one| &one.place),
                raw.run.as_ref().map(|one| &one.place),
            ];
            if let Some(place) = others.into_iter().flatten().next() {
                self.error(place, "does not go with `backup`");
                return None;
            }
            return Some(Run::Backup {
                folder: backup.value.path.clone(),
                keep: raw
                    .keep
                    .as_ref()
                    .map_or(ScheduleConfig::KEEP, |number| number.value.count()),
            });
        }
        if let Some(keep) = &raw.keep {
            self.error(&keep.place, "goes with `backup` alone");
        }
        if let Some(run) = &raw.run {
            return self.plan_run(names, raw, run);
        }
        let brand = raw.brand.as_ref().map(|one| &one.place);
        let days = raw.days.as_ref().map(|one| &one.place);
        for place in brand.into_iter().chain(days) {
            self.error(place, "goes with `run = \"plan\"` alone");
        }
        match (&raw.generate, &raw.measure) {
            (Some(generate), None) => {
                if let Some(account) = &raw.account {
                    self.error(&account.place, "goes with `measure`, not with `generate`");
                }
                self.refer(
                    "generator",
                    &generate.value,
                    &generate.place,
                    &names.generators,
                )
                .then(|| Run::Generate(generate.value.0.clone()))
            }
            (None, Some(measure)) => {
                let account = match &raw.account {
                    Some(account) => {
                        if !self.refer("account", &account.value, &account.place, &names.accounts) {
                            return None;
                        }
                        Some(account.value.0.clone())
                    }
                    None => None,
                };
                Some(match measure.value {
                    Measured::Posts => Run::MeasurePosts(account),
                    Measured::Accounts => Run::MeasureAccounts(account),
                })
            }
            (Some(_), Some(measure)) => {
                self.error(
                    &measure.place,
                    "a schedule has `generate` or `measure`, not both",
                );
                None
            }
            (None, None) => {
                let written = ["generate", "measure", "run", "backup"].iter().any(|key| {
                    let key = format!("{}.{key}", schedule.place.key);
                    self.findings
                        .iter()
                        .any(|one| one.key.as_deref() == Some(&key))
                });
                if !written {
                    self.findings.push(
                        Diagnostic::error("`generate`, `measure`, `run` or `backup` is missing")
                            .at(&schedule.place)
                            .help("write `generate = \"NAME\"`, `measure = \"posts\"`, `measure = \"accounts\"`, `run = \"plan\"` or `backup = \"FOLDER\"`"),
                    );
                }
                None
            }
        }
    }
}

impl<'a> Resolver<'a> {
    fn plan_run(
        &mut self,
        names: &Names<'a>,
        raw: &RawSchedule,
        run: &Located<RunWord>,
    ) -> Option<Run> {
        let others = [
            raw.generate.as_ref().map(|one| &one.place),
            raw.measure.as_ref().map(|one| &one.place),
            raw.account.as_ref().map(|one| &one.place),
        ];
        if others.into_iter().flatten().next().is_some() {
            let message = format!(
                "`{}` does not go with `generate`, `measure` or `account`",
                run.value.word()
            );
            self.error(&run.place, message);
            return None;
        }
        if let Some(brand) = &raw.brand
            && !self.refer_text("brand", &brand.value, &brand.place, &names.brands)
        {
            return None;
        }
        Some(Run::Plan {
            brand: raw.brand.as_ref().map(|brand| brand.value.clone()),
            days: raw
                .days
                .as_ref()
                .map_or(ScheduleConfig::DAYS, |number| number.value.small()),
        })
    }
}

/// The names of the components in a folder.
fn components(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| PathBuf::from(entry.file_name()))
        .filter(|file| file.extension().is_some_and(|kind| kind == "wasm"))
        .filter_map(|file| Some(file.file_stem()?.to_str()?.to_owned()))
        .collect()
}

/// What runs although nobody wrote it. A colon can't be in a written name.
fn defaults(
    written: &BTreeMap<String, ScheduleConfig>,
    brands: &BTreeMap<String, Brand>,
    accounts: &BTreeMap<String, Account>,
    generators: &BTreeMap<String, GeneratorConfig>,
) -> Vec<ScheduleConfig> {
    let schedule = |name: String, cron: &str, brand: Option<&String>, run: Run| ScheduleConfig {
        name,
        cron: cron.to_owned(),
        time_zone: brand
            .and_then(|brand| brands.get(brand))
            .map_or_else(|| common_zone(brands), |brand| brand.time_zone),
        misfire: Misfire::RunOnce,
        run,
    };
    let mut extra = vec![schedule(
        "store:tidy".to_owned(),
        DEFAULT_TIDY,
        None,
        Run::Tidy,
    )];
    for (name, generator) in generators {
        let run = Run::Generate(name.clone());
        if !written.values().any(|one| one.run == run) {
            let label = format!("generate:{name}");
            extra.push(schedule(
                label,
                DEFAULT_GENERATE,
                Some(&generator.brand),
                run,
            ));
        }
    }
    for (name, brand) in brands {
        let planned = written.values().any(|one| {
            let Run::Plan { brand, .. } = &one.run else {
                return false;
            };
            brand.as_ref().is_none_or(|brand| brand == name)
        });
        if !planned && brand.strategy.planned().next().is_some() {
            let run = Run::Plan {
                brand: Some(name.clone()),
                days: ScheduleConfig::DAYS,
            };
            let label = format!("plan:{name}");
            extra.push(schedule(label, DEFAULT_PLAN, Some(name), run));
        }
    }
    let measured = |account: Option<&str>| {
        let run = Run::MeasureAccounts(account.map(str::to_owned));
        written.values().any(|one| one.run == run)
    };
    if accounts.is_empty() || measured(None) {
        return extra;
    }
    let left: BTreeSet<&String> = accounts
        .keys()
        .filter(|name| !measured(Some(name)))
        .collect();
    let (kind, cron) = (Measured::Accounts.word(), DEFAULT_MEASURE_ACCOUNTS);
    if left.len() == accounts.len() {
        let run = Run::MeasureAccounts(None);
        extra.push(schedule(format!("measure:{kind}"), cron, None, run));
        return extra;
    }
    for name in left {
        let brand = accounts.get(name).map(|account| &account.brand);
        let run = Run::MeasureAccounts(Some(name.clone()));
        extra.push(schedule(format!("measure:{kind}:{name}"), cron, brand, run));
    }
    extra
}
