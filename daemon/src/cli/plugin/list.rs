use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::client::Context;
use crate::cli::output::{Failure, print, table};
use crate::config::Config;
use crate::plugin::component::{Capability, Inspection, inspect};

/// List the plugins of the configuration, and what uses them
///
/// Those that an account or generator names, and the other files of `plugin_dir`. None of
/// them is run.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// A plugin as `--json` prints it.
#[derive(Serialize)]
struct Entry {
    name: String,
    path: PathBuf,
    version: Option<String>,
    capabilities: Vec<Capability>,
    /// As `account cafe`.
    used_by: Vec<String>,
    /// Why the daemon does not load it.
    refused: Option<String>,
}

pub(super) fn run(context: &Context, args: &ListArgs) -> Result<(), Failure> {
    let config = context.load_plain()?;
    let mut files = others(&config.daemon.plugin_dir)?;
    for plugin in config.plugins.values() {
        files.insert(plugin.name.clone(), plugin.path.clone());
    }
    let entries: Vec<Entry> = files
        .into_iter()
        .map(|(name, path)| entry(&config, name, path))
        .collect();
    print(&entries, args.json, |entries| match entries[..] {
        [] => format!(
            "no account and no generator uses a plugin, and there is none in {}",
            config.daemon.plugin_dir.display()
        ),
        _ => words(entries),
    })
}

/// The components of a folder, by the names that accounts would use.
fn others(dir: &Path) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        entries => entries
            .map_err(|error| Failure::wrong(format!("{} can't be read: {error}", dir.display())))?,
    };
    Ok(entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "wasm"))
        .filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path)))
        .collect())
}

fn entry(config: &Config, name: String, path: PathBuf) -> Entry {
    let accounts = config.accounts.values();
    let generators = config.generators.values();
    let used_by = accounts
        .filter(|one| one.plugin == name)
        .map(|one| format!("account {}", one.name))
        .chain(
            generators
                .filter(|one| one.plugin == name)
                .map(|one| format!("generator {}", one.name)),
        )
        .collect();
    let found: Result<Inspection, String> = fs::read(&path)
        .map_err(|error| format!("the file can't be read: {error}"))
        .and_then(|bytes| inspect(&bytes).map_err(|error| error.to_string()));
    let (version, capabilities, refused) = match found {
        Ok(found) => (
            Some(found.manifest.version.to_string()),
            found.capabilities.iter().copied().collect(),
            super::refused(&found, &name, &path),
        ),
        Err(reason) => (None, Vec::new(), Some(reason)),
    };
    Entry {
        name,
        path,
        version,
        capabilities,
        used_by,
        refused,
    }
}

fn words(entries: &[Entry]) -> String {
    let rows = entries.iter().map(|one| {
        let capabilities: Vec<&str> = one.capabilities.iter().map(|it| it.name()).collect();
        let dash = |text: String| if text.is_empty() { "-".into() } else { text };
        vec![
            one.name.clone(),
            dash(one.version.clone().unwrap_or_default()),
            match one.refused {
                Some(_) => "refused".to_owned(),
                None => capabilities.join(", "),
            },
            dash(one.used_by.join(", ")),
            one.path.display().to_string(),
        ]
    });
    let mut text = table(&["name", "version", "does", "used by", "file"], rows);
    for one in entries {
        if let Some(reason) = &one.refused {
            text += &format!("\n\n{} is refused: {reason}", one.name);
        }
    }
    text
}
