//! `jarchi check`: the configuration, its plugins, and what they are let do.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use super::report::{tally, write_findings};
use crate::config::{
    Config, Diagnostic, Diagnostics, Environment, check_against, load, load_without_surroundings,
    locate,
};
use crate::plugin::component::{Capability, Inspection, inspect};
use crate::plugin::wants::{Standing, Wanted, wanted};

/// The exit status of a configuration that is wrong.
pub const WRONG: u8 = 2;

/// Check the configuration, the plugins and what they are granted
///
/// Everything that is wrong is told at once, with its file, line and key. The status is 0,
/// or 2 when something is wrong.
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// Print the findings as JSON
    #[arg(long)]
    pub json: bool,
    /// Look at the files of the configuration only: secrets, plugins and folders need not
    /// be at hand
    #[arg(long)]
    pub without_secrets: bool,
}

/// What the check found, as `--json` prints it.
#[derive(Debug, Serialize)]
struct Outcome {
    errors: usize,
    warnings: usize,
    findings: Vec<Diagnostic>,
    plugins: Vec<PluginOutcome>,
}

#[derive(Debug, Serialize)]
struct PluginOutcome {
    name: String,
    version: String,
    capabilities: Vec<Capability>,
    hosts: Vec<Wanted>,
}

impl CheckArgs {
    /// # Errors
    /// Those of `out`; what is wrong with the configuration is written there.
    pub fn run(
        &self,
        path: Option<&Path>,
        environment: &dyn Environment,
        out: &mut dyn Write,
        is_terminal: bool,
    ) -> io::Result<ExitCode> {
        let loaded = locate(path, environment).and_then(|path| {
            if self.without_secrets {
                load_without_surroundings(&path)
            } else {
                load(&path, environment)
            }
        });
        let mut plugins = Vec::new();
        let (config, findings) = match loaded {
            Ok((config, mut findings)) => {
                if !self.without_secrets {
                    let (inspections, found) = inspect_plugins(&config);
                    findings.extend(found);
                    plugins = outcomes(&config, &inspections);
                }
                (Some(config), findings)
            }
            Err(Diagnostics(findings)) => (None, findings),
        };
        let errors = findings.iter().filter(|one| one.is_error()).count();
        if self.json {
            let outcome = Outcome {
                errors,
                warnings: findings.len() - errors,
                findings,
                plugins,
            };
            serde_json::to_writer_pretty(&mut *out, &outcome)?;
            writeln!(out)?;
        } else {
            write_findings(out, &findings, is_terminal)?;
            for plugin in &plugins {
                write_plugin(out, plugin)?;
            }
            write_blocks(out, config.as_ref(), &plugins)?;
            let verdict = match (errors, &config) {
                (0, Some(config)) => summary(config, &findings),
                _ => tally(&findings),
            };
            writeln!(out, "{verdict}")?;
        }
        Ok(if errors > 0 {
            ExitCode::from(WRONG)
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// Reads every plugin's file, and holds the configuration against what it says.
///
/// Those that can't be read or don't fit are among the findings and not in the map.
pub fn inspect_plugins(config: &Config) -> (BTreeMap<String, Inspection>, Vec<Diagnostic>) {
    let mut inspections = BTreeMap::new();
    let mut findings = Vec::new();
    for plugin in config.plugins.values() {
        let fault = match std::fs::read(&plugin.path) {
            Ok(bytes) => match inspect(&bytes).and_then(|found| found.fits().map(|()| found)) {
                Ok(found) => {
                    inspections.insert(plugin.name.clone(), found);
                    continue;
                }
                Err(error) => error.to_string(),
            },
            Err(error) => format!("can't be read: {error}"),
        };
        let message = format!("the plugin `{}`: {fault}", plugin.name);
        findings.push(Diagnostic::error(message).in_file(&plugin.path));
    }
    let manifests = inspections
        .iter()
        .map(|(name, found)| (name.clone(), found.manifest.clone()))
        .collect();
    findings.extend(check_against(config, &manifests));
    let accounts = config.accounts.values().map(|one| {
        (
            format!("account.{}.plugin", one.name),
            &one.plugin,
            Capability::Publisher,
        )
    });
    let generators = config.generators.values().map(|one| {
        (
            format!("generator.{}.plugin", one.name),
            &one.plugin,
            Capability::Generator,
        )
    });
    for (key, plugin, needed) in accounts.chain(generators) {
        let Some(found) = inspections.get(plugin) else {
            continue;
        };
        if !found.capabilities.contains(&needed) {
            let names: Vec<&str> = found.capabilities.iter().map(|one| one.name()).collect();
            let mut finding = Diagnostic::error(format!("the plugin `{plugin}` is no {needed}"))
                .help(format!("it is: {}", names.join(", ")));
            if let Some(place) = config.origin.place(&key) {
                finding = config.origin.show(finding.at(place));
            }
            findings.push(finding);
        }
    }
    (inspections, findings)
}

fn outcomes(config: &Config, inspections: &BTreeMap<String, Inspection>) -> Vec<PluginOutcome> {
    let outcomes = inspections.iter().map(|(name, found)| PluginOutcome {
        name: name.clone(),
        version: found.manifest.version.to_string(),
        capabilities: found.capabilities.iter().copied().collect(),
        hosts: wanted(config, name, &found.manifest),
    });
    outcomes.collect()
}

fn write_plugin(out: &mut dyn Write, plugin: &PluginOutcome) -> io::Result<()> {
    let capabilities: Vec<&str> = plugin.capabilities.iter().map(|one| one.name()).collect();
    writeln!(
        out,
        "{} {} ({})",
        plugin.name,
        plugin.version,
        capabilities.join(", ")
    )?;
    if plugin.hosts.is_empty() {
        writeln!(out, "  reaches no host")?;
    }
    let width = plugin
        .hosts
        .iter()
        .map(|one| one.host.chars().count())
        .max();
    for Wanted { host, standing } in &plugin.hosts {
        let width = width.unwrap_or(0).min(40);
        match standing {
            Standing::Named { subject } => writeln!(out, "  + {host:width$}  named by {subject}")?,
            Standing::Granted { reason } => writeln!(out, "  + {host:width$}  granted: {reason}")?,
            Standing::Missing { why, .. } => writeln!(out, "  - {host:width$}  {why}")?,
        }
    }
    Ok(())
}

/// The grants that are missing, to be pasted.
fn write_blocks(
    out: &mut dyn Write,
    config: Option<&Config>,
    plugins: &[PluginOutcome],
) -> io::Result<()> {
    for plugin in plugins {
        let mut blocks = String::new();
        for Wanted { host, standing } in &plugin.hosts {
            let Standing::Missing {
                plain_http,
                private,
                ..
            } = standing
            else {
                continue;
            };
            blocks += &format!("\n[[plugin.grant]]\nhost = \"{host}\"\n");
            if *plain_http {
                blocks += "plain_http = true\n";
            }
            if *private {
                blocks += "private = true\n";
            }
            blocks += "reason = \"say why\"\n";
        }
        if blocks.is_empty() {
            continue;
        }
        let written =
            config.and_then(|config| config.origin.places.get(&format!("plugin.{}", plugin.name)));
        match written {
            Some(place) => {
                writeln!(
                    out,
                    "\nTo let it, add below the block of {} at {}:",
                    plugin.name,
                    place.short()
                )?;
                writeln!(out, "{blocks}")?;
            }
            None => {
                writeln!(out, "\nTo let it, add:")?;
                writeln!(out, "\n[[plugin]]\nname = \"{}\"\n{blocks}", plugin.name)?;
            }
        }
    }
    Ok(())
}

fn summary(config: &Config, findings: &[Diagnostic]) -> String {
    let count = |number: usize, noun: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {noun}{plural}")
    };
    let mut text = format!(
        "{} is right: {}, {}, {}",
        config.path.display(),
        count(config.accounts.len(), "account"),
        count(config.generators.len(), "generator"),
        count(config.schedules.len(), "schedule"),
    );
    if !findings.is_empty() {
        text += &format!(" ({})", tally(findings));
    }
    text
}
