//! `jarchi media`: the brand's own photos and videos.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::Serialize;

use crate::media::library::{Added, INDEX, Library, LibraryError, LibraryFile, add, lock};
use crate::model::{Digest, MediaKind, Timestamp};
use crate::plugin::Bytes;
use crate::service::api::{MediaUses, Request};

use super::check::WRONG;
use super::client::Context;
use super::output::{Failure, moment, or_dash, print, table};

/// The brand's own photos and videos: what is there, what it shows, when it was used
///
/// The folder is `library` of the section [media] of the configuration, and what its files
/// show stands in `media.toml` there.
#[derive(Clone, Debug, clap::Args)]
pub struct MediaArgs {
    #[command(subcommand)]
    command: MediaCommand,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum MediaCommand {
    /// The files, what they show, and how often posts had them
    List {
        /// Only those with this tag
        #[arg(long, value_name = "TAG")]
        tag: Option<String>,
        /// Only those that nobody has said of what they show
        #[arg(long)]
        without_alt: bool,
    },
    /// Copy files into the library
    ///
    /// What is there already is not copied a second time, and what is no media file is
    /// refused: the status is 2 then, and the other files are in.
    Add {
        #[arg(required = true, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
        files: Vec<PathBuf>,
        /// What it shows, for those who can't see it; one for each file, in their order
        #[arg(long, value_name = "TEXT")]
        alt: Vec<String>,
        /// A word to find them by; may be given more than once
        #[arg(long, value_name = "TAG")]
        tag: Vec<String>,
    },
    /// Look for what is wrong with the library
    ///
    /// Files that can't be used and entries of the index without a file are errors, and the
    /// status is 2 then; missing alt texts and files that are there twice are warnings.
    Check,
    /// Say what a file shows
    Alt {
        /// Its path in the library, or from here
        #[arg(value_hint = clap::ValueHint::FilePath)]
        file: PathBuf,
        /// The text; empty: there is nothing to say
        text: String,
    },
}

pub(super) fn run(context: &Context, args: MediaArgs) -> Result<ExitCode, Failure> {
    let folder = context.load_plain()?.media.library.ok_or_else(|| {
        Failure::wrong("the configuration names no media library").help(
            "set `library = \"photos\"` in its section [media]: a folder of photos and videos",
        )
    })?;
    match args.command {
        MediaCommand::List { tag, without_alt } => {
            let library = Library::open(&folder)?;
            let uses = context.call(&Request::MediaUses)?;
            let mut shown = list(&library, &uses);
            shown.files.retain(|line| {
                tag.as_ref().is_none_or(|tag| line.tags.contains(tag))
                    && (!without_alt || line.missing_alt)
            });
            print(&shown, args.json, lines)?;
        }
        MediaCommand::Add { files, alt, tag } => {
            return add_all(&folder, &files, &alt, &tag, args.json);
        }
        MediaCommand::Check => {
            let report = check(&Library::open(&folder)?);
            print(&report, args.json, findings)?;
            return Ok(status(report.errors == 0));
        }
        MediaCommand::Alt { file, text } => {
            let _turn = lock(&folder)?;
            let mut library = Library::open(&folder)?;
            let path = library.path_of(&file)?;
            library.index.set(&path, Some(&text), &[]);
            library.index.write()?;
            let done = Described { path, alt: text };
            print(&done, args.json, |done| {
                format!("{}: {}", done.path, done.alt)
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn status(right: bool) -> ExitCode {
    if right {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(WRONG)
    }
}

impl From<LibraryError> for Failure {
    fn from(error: LibraryError) -> Self {
        let failure = match &error {
            LibraryError::Io { .. } => Failure::failed(error.to_string()),
            _ => Failure::wrong(error.to_string()),
        };
        match error {
            LibraryError::Missing(_) => failure.help("`jarchi media list` shows what is there"),
            _ => failure,
        }
    }
}

#[derive(Debug, Serialize)]
struct Described {
    path: String,
    alt: String,
}

#[derive(Debug, Serialize)]
struct List {
    folder: PathBuf,
    files: Vec<Line>,
    /// Path, and why it can't be used.
    broken: Vec<(String, String)>,
}

#[derive(Debug, Serialize)]
struct Line {
    path: String,
    kind: MediaKind,
    mime: String,
    /// Bytes.
    size: u64,
    width: Option<u32>,
    height: Option<u32>,
    digest: Digest,
    alt: Option<String>,
    missing_alt: bool,
    tags: Vec<String>,
    /// Posts that went out with it.
    used: u64,
    last_used: Option<Timestamp>,
    planned: u64,
}

fn list(library: &Library, uses: &MediaUses) -> List {
    let files = library.files.iter().map(|file| line(file, uses)).collect();
    List {
        folder: library.folder.clone(),
        files,
        broken: library.broken.clone(),
    }
}

/// A file that was edited in its place counts as the one that it was.
fn line(file: &LibraryFile, uses: &MediaUses) -> Line {
    let item = &file.item;
    let own = uses
        .uses
        .iter()
        .filter(|one| one.digest == item.digest || one.path == item.path);
    let (mut used, mut planned, mut last_used) = (0, 0, None);
    for one in own {
        used += one.posts;
        planned += one.planned;
        last_used = last_used.max(one.last);
    }
    Line {
        path: file.path.clone(),
        kind: item.kind,
        mime: item.mime.clone(),
        size: item.size,
        width: item.width,
        height: item.height,
        digest: item.digest,
        alt: item.alt.clone(),
        missing_alt: file.lacks_alt(),
        tags: file.tags.clone(),
        used,
        last_used,
        planned,
    }
}

fn lines(list: &List) -> String {
    let mut text = if list.files.is_empty() {
        format!(
            "nothing to show in {}: `jarchi media add FILE` copies one in",
            list.folder.display()
        )
    } else {
        table(
            &["file", "kind", "pixels", "size", "used", "last", "alt text"],
            list.files.iter().map(|file| {
                let pixels = file.width.zip(file.height);
                vec![
                    file.path.clone(),
                    name_of(file.kind).to_owned(),
                    or_dash(pixels.map(|(width, height)| format!("{width}×{height}"))),
                    Bytes(file.size).to_string(),
                    match (file.used, file.planned) {
                        (used, 0) => used.to_string(),
                        (used, planned) => format!("{used} ({planned} planned)"),
                    },
                    or_dash(file.last_used.map(moment)),
                    match &file.alt {
                        Some(alt) => alt.clone(),
                        None if file.missing_alt => "missing".to_owned(),
                        None => "-".to_owned(),
                    },
                ]
            }),
        )
    };
    for (path, reason) in &list.broken {
        text.push_str(&format!("\n{path} {reason}"));
    }
    text
}

const fn name_of(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Image => "image",
        MediaKind::Gif => "gif",
        MediaKind::Video => "video",
        MediaKind::Audio => "audio",
        MediaKind::Document => "document",
    }
}

#[derive(Debug, Serialize)]
struct Additions {
    files: Vec<Addition>,
}

#[derive(Debug, Serialize)]
struct Addition {
    from: PathBuf,
    /// Its path in the library.
    path: Option<String>,
    outcome: AddOutcome,
    /// Why it is not in.
    reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum AddOutcome {
    Added,
    Known,
    Refused,
}

fn add_all(
    folder: &Path,
    files: &[PathBuf],
    alts: &[String],
    tags: &[String],
    json: bool,
) -> Result<ExitCode, Failure> {
    if alts.len() > files.len() {
        return Err(Failure::wrong("there are more `--alt` than files"));
    }
    let _turn = lock(folder)?;
    let mut library = Library::open(folder)?;
    let mut additions = Additions { files: Vec::new() };
    for (number, file) in files.iter().enumerate() {
        let (path, outcome, reason) = match add(&mut library, file) {
            Ok(Added::New(path)) => {
                let alt = alts.get(number).map(String::as_str);
                library.index.set(&path, alt, tags);
                (Some(path), AddOutcome::Added, None)
            }
            Ok(Added::Known(path)) => (Some(path), AddOutcome::Known, None),
            Err(error) => (None, AddOutcome::Refused, Some(error.to_string())),
        };
        // With every file: what is in has its words, whatever comes of the next.
        if outcome == AddOutcome::Added && (!tags.is_empty() || !alts.is_empty()) {
            library.index.write()?;
        }
        additions.files.push(Addition {
            from: file.clone(),
            path,
            outcome,
            reason,
        });
    }
    print(&additions, json, |additions| {
        let lines = additions.files.iter().map(|file| {
            let from = file.from.display();
            match (file.outcome, &file.path, &file.reason) {
                (AddOutcome::Added, Some(path), _) => format!("{path}: added"),
                (AddOutcome::Known, Some(path), _) => {
                    format!("{from}: is there already, as {path}")
                }
                (_, _, reason) => format!("refused: {}", or_dash(reason.as_ref())),
            }
        });
        lines.collect::<Vec<_>>().join("\n")
    })?;
    let refused = |file: &Addition| file.outcome == AddOutcome::Refused;
    Ok(status(!additions.files.iter().any(refused)))
}

#[derive(Debug, Serialize)]
struct Report {
    files: usize,
    errors: usize,
    warnings: usize,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    severity: &'static str,
    finding: &'static str,
    path: String,
    message: String,
    help: Option<String>,
}

fn check(library: &Library) -> Report {
    let mut findings = Vec::new();
    let mut find = |severity, finding, path: &str, message: String, help| {
        findings.push(Finding {
            severity,
            finding,
            path: path.to_owned(),
            message,
            help,
        });
    };
    for (path, reason) in &library.broken {
        find("error", "unreadable", path, reason.clone(), None);
    }
    for (path, moved) in library.orphans() {
        let help = match moved {
            Some(moved) => format!("if it is {moved} now, write that into {INDEX}"),
            None => format!("bring the file back, or take its entry out of {INDEX}"),
        };
        let message = format!("stands in {INDEX}, and is not there");
        find("error", "orphaned", path, message, Some(help));
    }
    for group in library.duplicates() {
        let (first, copies) = group.split_first().unwrap_or((&"", &[]));
        for copy in copies {
            find(
                "warning",
                "duplicate",
                copy,
                format!("is the same as {first}"),
                None,
            );
        }
    }
    for file in library.files.iter().filter(|file| file.lacks_alt()) {
        let help = format!(
            "`jarchi media alt {:?} \"…\"` says what it shows",
            file.path
        );
        let message = "has no alt text".to_owned();
        find("warning", "no-alt", &file.path, message, Some(help));
    }
    let errors = findings
        .iter()
        .filter(|one| one.severity == "error")
        .count();
    Report {
        files: library.files.len(),
        errors,
        warnings: findings.len() - errors,
        findings,
    }
}

fn findings(report: &Report) -> String {
    let mut text = String::new();
    for one in &report.findings {
        text.push_str(&format!("{}: {} {}\n", one.severity, one.path, one.message));
        if let Some(help) = &one.help {
            text.push_str(&format!("  help: {help}\n"));
        }
    }
    let count = |number: usize, noun: &str| {
        let plural = if number == 1 { "" } else { "s" };
        format!("{number} {noun}{plural}")
    };
    text.push_str(&format!(
        "{}, {}, {}",
        count(report.files, "file"),
        count(report.errors, "error"),
        count(report.warnings, "warning")
    ));
    text
}
