//! Which file is the configuration.

use std::path::{Path, PathBuf};

use super::{Diagnostic, Diagnostics, Environment};

/// The file that was asked for, else `$JARCHI_CONFIG`, else the first that there is of
/// `./jarchi.toml`, `$XDG_CONFIG_HOME/jarchi/jarchi.toml` (`~/.config` when that is not
/// set) and `/etc/jarchi/jarchi.toml`.
pub fn locate(
    explicit: Option<&Path>,
    environment: &dyn Environment,
) -> Result<PathBuf, Diagnostics> {
    if let Some(path) = explicit {
        return Ok(path.to_path_buf());
    }
    if let Some(path) = environment
        .var("JARCHI_CONFIG")
        .filter(|path| !path.is_empty())
    {
        return Ok(path.into());
    }
    let mut candidates = vec![PathBuf::from("jarchi.toml")];
    candidates.extend(user_folder(environment).map(|folder| folder.join("jarchi/jarchi.toml")));
    candidates.push(PathBuf::from("/etc/jarchi/jarchi.toml"));
    if let Some(found) = candidates.iter().find(|path| path.is_file()) {
        return Ok(found.clone());
    }
    let looked: Vec<String> = candidates
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Err(Diagnostic::error(format!(
        "there is no configuration: looked for {}",
        looked.join(", ")
    ))
    .help("`jarchi init` writes one; `--config FILE` names another")
    .into())
}

/// By the XDG base directory specification, a path that is not absolute counts as unset.
fn user_folder(environment: &dyn Environment) -> Option<PathBuf> {
    let absolute = |name: &str| {
        environment
            .var(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))
}
