//! Reads the files and puts the stages together.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::raw::RawFile;
use super::reader::{Reader, Section};
use super::resolve::Resolver;
use super::source::Source;
use super::{Config, Diagnostic, Diagnostics, Environment, Origin, schema};

/// Reads the main file and its `conf.d`, and checks all of it, but for what only the
/// plugins' manifests tell ([`super::check_against`]).
///
/// # Errors
/// Everything that is wrong, and the warnings; without an error, the warnings come with
/// the configuration.
pub fn load(
    path: &Path,
    environment: &dyn Environment,
) -> Result<(Config, Vec<Diagnostic>), Diagnostics> {
    load_files(path, Some(environment))
}

/// As [`load`], without a look at anything but the files of the configuration: references
/// in secrets are not followed and those secrets left out, and plugins and folders need
/// not be there. For commands that only need to know where things are.
///
/// # Errors
/// As [`load`].
pub fn load_without_surroundings(path: &Path) -> Result<(Config, Vec<Diagnostic>), Diagnostics> {
    load_files(path, None)
}

fn load_files(
    path: &Path,
    environment: Option<&dyn Environment>,
) -> Result<(Config, Vec<Diagnostic>), Diagnostics> {
    let folder = absolute_folder(path).map_err(|error| unreadable(path, &error))?;
    let mut findings = Vec::new();
    let mut sources = Vec::new();
    for file in files(path, &mut findings) {
        match fs::read(&file) {
            Ok(bytes) => sources.extend(utf8(&file, bytes, &mut findings)),
            Err(error) => findings.push(unreadable(&file, &error)),
        }
    }
    check(path, &folder, &sources, findings, environment)
}

/// The main file, then those of `conf.d` in the order of their names.
pub(super) fn files(path: &Path, findings: &mut Vec<Diagnostic>) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let folder = conf_d(path);
    match fs::read_dir(&folder) {
        Ok(entries) => {
            for entry in entries {
                match entry {
                    Ok(entry) => files.push(entry.path()),
                    Err(error) => findings.push(unreadable(&folder, &error)),
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => findings.push(unreadable(&folder, &error)),
    }
    files.retain(|file| {
        let hidden = |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(b".");
        file.extension().is_some_and(|kind| kind == "toml")
            && !file.file_name().is_some_and(hidden)
            && !file.is_dir()
    });
    files.sort();
    files.insert(0, path.to_path_buf());
    files
}

pub(super) fn conf_d(path: &Path) -> PathBuf {
    path.with_file_name("conf.d")
}

fn absolute_folder(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    Ok(path.parent().map(Path::to_path_buf).unwrap_or(path))
}

fn unreadable(file: &Path, error: &io::Error) -> Diagnostic {
    let help = match error.kind() {
        io::ErrorKind::NotFound => Some("`jarchi init` writes a configuration"),
        io::ErrorKind::PermissionDenied => {
            Some("the user who runs the daemon must be able to read it")
        }
        _ => None,
    };
    Diagnostic::error(format!("can't be read: {error}"))
        .in_file(file)
        .maybe_help(help.map(str::to_owned))
}

fn utf8(file: &Path, bytes: Vec<u8>, findings: &mut Vec<Diagnostic>) -> Option<Source> {
    match String::from_utf8(bytes) {
        Ok(text) => Some(Source::new(file, text)),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let bytes = error.into_bytes();
            let valid = String::from_utf8_lossy(bytes.get(..at).unwrap_or_default());
            let place = Source::new(file, valid.into_owned()).place(at..at, "");
            findings.push(
                Diagnostic::error("is not UTF-8 from here on")
                    .at(&place)
                    .help("save the file as UTF-8"),
            );
            None
        }
    }
}

/// Checks texts that were read already.
fn check(
    path: &Path,
    folder: &Path,
    sources: &[Source],
    mut findings: Vec<Diagnostic>,
    environment: Option<&dyn Environment>,
) -> Result<(Config, Vec<Diagnostic>), Diagnostics> {
    let mut incomplete = !findings.is_empty();
    let mut raw = Vec::new();
    let mut snippets = Vec::new();
    let mut places = BTreeMap::new();
    let mut secret_files = Vec::new();
    for source in sources {
        let (table, errors) = DeTable::parse_recoverable(&source.text);
        if !errors.is_empty() {
            incomplete = true;
            snippets.push(source.snippet_of_known(schema::words()));
            findings.extend(errors.iter().map(|error| syntax(source, error)));
            continue;
        }
        // `conf.d/a.toml` has its own folder, the main file's is known.
        let own_folder = match source.file.parent() {
            Some(parent) if *source.file != *path => folder.join(relative(parent, path)),
            _ => folder.to_path_buf(),
        };
        let mut reader = Reader::new(source, &own_folder, environment);
        let top = source.place(0..0, "");
        let file = RawFile::read_table(table.get_ref(), &top, &mut reader);
        incomplete |= reader.findings.iter().any(|finding| {
            let key = finding.key.as_deref().unwrap_or_default();
            finding.is_error() && !key.contains(['.', '['])
        });
        snippets.push(source.snippet(&reader.hidden));
        findings.append(&mut reader.findings);
        places.append(&mut reader.places);
        secret_files.append(&mut reader.files);
        raw.push(file);
    }
    let mut resolver = Resolver {
        main: path,
        folder,
        files: &raw,
        check_files: environment.is_some(),
        incomplete,
        findings,
    };
    let mut config = resolver.resolve();
    let mut findings = resolver.findings;
    config.origin = Origin {
        files: sources
            .iter()
            .map(|source| source.file.to_path_buf())
            .collect(),
        secret_files,
        places,
        snippets,
    };
    sort(&mut findings, &config.origin);
    let findings: Vec<Diagnostic> = findings
        .into_iter()
        .map(|finding| config.origin.show(finding))
        .collect();
    if findings.iter().any(Diagnostic::is_error) {
        Err(Diagnostics(findings))
    } else {
        Ok((config, findings))
    }
}

/// `conf.d`, from the main file's folder.
fn relative<'a>(folder: &'a Path, main: &Path) -> &'a Path {
    main.parent()
        .and_then(|main| folder.strip_prefix(main).ok())
        .unwrap_or(folder)
}

fn syntax(source: &Source, error: &toml::de::Error) -> Diagnostic {
    let end = source.text.len();
    let place = source.place(error.span().unwrap_or(end..end), "");
    Diagnostic::error(format!("not TOML: {}", error.message())).at(&place)
}

/// As a reader of the files meets them.
pub(super) fn sort(findings: &mut [Diagnostic], origin: &Origin) {
    findings.sort_by_key(|finding| {
        let file = finding.file.as_deref();
        let known = origin
            .files
            .iter()
            .position(|known| Some(known.as_path()) == file);
        (known, finding.line, finding.column, finding.severity)
    });
}
