//! `jarchi store check | compact | export | import`.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{Id, Timestamp};

use super::jobs::{JOBS, LEASES, due_key};
use super::open::{COMPACTING, DATABASE, Options};
use super::posts::{DELIVERIES, DRAFTS, POSTS, PUBLISHED};
use super::raw::{Raw, Tree, View, owner_of, pieces_of};
use super::series::SERIES;
use super::table::{Table, readable, trailing_number};
use super::triggers::TRIGGERS;
use super::{SCHEMA, Store, StoreError};

/// How a tree's values are shown and read back.
trait Codec {
    fn show(&self, key: &[u8], bytes: &[u8]) -> Result<Value, StoreError>;
    fn read(&self, key: &[u8], value: Value) -> Result<Vec<u8>, StoreError>;
}

impl<V: Serialize + DeserializeOwned> Codec for Table<V> {
    fn show(&self, key: &[u8], bytes: &[u8]) -> Result<Value, StoreError> {
        let record = self.decode(key, bytes)?;
        serde_json::to_value(record).map_err(|error| self.broken(key, error.to_string()))
    }

    fn read(&self, key: &[u8], value: Value) -> Result<Vec<u8>, StoreError> {
        let record =
            serde_json::from_value(value).map_err(|error| self.broken(key, error.to_string()))?;
        self.encode(key, &record)
    }
}

/// Values that are bytes, and none of our business.
struct Bytes(Tree);

impl Codec for Bytes {
    fn show(&self, _: &[u8], bytes: &[u8]) -> Result<Value, StoreError> {
        Ok(Value::String(BASE64.encode(bytes)))
    }

    fn read(&self, key: &[u8], value: Value) -> Result<Vec<u8>, StoreError> {
        let broken = |reason: String| StoreError::Record {
            table: self.0.name(),
            key: readable(key),
            reason,
        };
        let text = value
            .as_str()
            .ok_or_else(|| broken("not a text".to_owned()))?;
        BASE64
            .decode(text)
            .map_err(|error| broken(error.to_string()))
    }
}

fn codec(tree: Tree) -> Box<dyn Codec> {
    match tree {
        Tree::Jobs => Box::new(JOBS),
        Tree::Leases => Box::new(LEASES),
        Tree::Posts => Box::new(POSTS),
        Tree::Deliveries => Box::new(DELIVERIES),
        Tree::Published => Box::new(PUBLISHED),
        Tree::Drafts => Box::new(DRAFTS),
        Tree::Triggers => Box::new(TRIGGERS),
        Tree::Series => Box::new(SERIES),
        Tree::Meta
        | Tree::Due
        | Tree::Dead
        | Tree::Agenda
        | Tree::Open
        | Tree::Kv
        | Tree::Vault
        | Tree::Pieces => Box::new(Bytes(tree)),
    }
}

/// One line of an export.
#[derive(Serialize, Deserialize)]
struct Line {
    table: String,
    /// Base 64.
    key: String,
    /// The key as people read it; not read back.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    value: Value,
}

/// The first line of an export.
#[derive(Serialize, Deserialize)]
struct Header {
    jarchi_export: u32,
    schema: u32,
    at: Timestamp,
}

/// The last line: an export that was cut off has none.
#[derive(Serialize, Deserialize)]
struct End {
    records: u64,
}

const EXPORT_VERSION: u32 = 1;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    pub records: u64,
    /// What could not be read and was left out, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// Writes every record that can be read as one line of JSON. Secrets leave as the
/// ciphertexts that they are.
pub fn export(
    store: &Store,
    at: Timestamp,
    out: &mut dyn Write,
    mut progress: impl FnMut(u64),
) -> Result<ExportReport, StoreError> {
    let io = |error: std::io::Error| {
        StoreError::Invalid(format!("the export can't be written: {error}"))
    };
    let mut line = |value: &dyn erased::Json| -> Result<(), StoreError> {
        value.write(out).map_err(io)?;
        out.write_all(b"\n").map_err(io)
    };
    line(&Header {
        jarchi_export: EXPORT_VERSION,
        schema: SCHEMA,
        at,
    })?;
    let view = store.view();
    let mut report = ExportReport::default();
    for tree in Tree::ALL {
        // Pieces leave whole, with the value that they belong to.
        if tree == Tree::Pieces {
            continue;
        }
        let codec = codec(tree);
        for pair in view.sled(tree).iter() {
            let (key, stored) = pair.map_err(super::raw::failed)?;
            let shown = view
                .whole(tree, &key, stored.to_vec())
                .and_then(|bytes| codec.show(&key, &bytes));
            match shown {
                Ok(value) => {
                    line(&Line {
                        table: tree.name().to_owned(),
                        key: BASE64.encode(&key),
                        name: readable(&key),
                        value,
                    })?;
                    report.records += 1;
                    progress(report.records);
                }
                Err(error) => report.problems.push(error.to_string()),
            }
        }
    }
    line(&End {
        records: report.records,
    })?;
    out.flush().map_err(io)?;
    Ok(report)
}

mod erased {
    use std::io::{self, Write};

    /// Serialisable, whatever its type.
    pub(super) trait Json {
        fn write(&self, out: &mut dyn Write) -> io::Result<()>;
    }

    impl<T: serde::Serialize> Json for T {
        fn write(&self, out: &mut dyn Write) -> io::Result<()> {
            serde_json::to_writer(out, self).map_err(io::Error::other)
        }
    }
}

/// Every pair of a tree, in order.
fn each(
    view: View<'_>,
    tree: Tree,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for pair in view.sled(tree).iter() {
        let (key, stored) = pair.map_err(super::raw::failed)?;
        let bytes = view.whole(tree, &key, stored.to_vec())?;
        visit(&key, &bytes)?;
    }
    Ok(())
}

/// Reads an export into a store that is empty.
///
/// # Errors
/// [`StoreError::Invalid`] names the line.
pub fn import(
    store: &Store,
    input: &mut dyn BufRead,
    mut progress: impl FnMut(u64),
) -> Result<ExportReport, StoreError> {
    let used = |tree: &Tree| *tree != Tree::Meta && !store.view().sled(*tree).is_empty();
    if Tree::ALL.iter().any(used) {
        return Err(StoreError::Invalid(
            "the store is not empty: import into a new directory".to_owned(),
        ));
    }
    let at_line = |number: usize, reason: String| {
        StoreError::Invalid(format!("line {number} of the export: {reason}"))
    };
    let mut report = ExportReport::default();
    let mut batch = Vec::new();
    let mut lines = input.lines().enumerate();
    let header = match lines.next() {
        Some((_, Ok(text))) => serde_json::from_str::<Header>(&text)
            .map_err(|error| at_line(1, format!("not a header of an export: {error}")))?,
        Some((_, Err(error))) => return Err(at_line(1, error.to_string())),
        None => return Err(at_line(1, "the export is empty".to_owned())),
    };
    if header.jarchi_export != EXPORT_VERSION || header.schema > SCHEMA {
        return Err(at_line(
            1,
            format!(
                "version {} with schema {} is newer than this jarchi ({EXPORT_VERSION}, {SCHEMA})",
                header.jarchi_export, header.schema
            ),
        ));
    }
    let mut end = None;
    for (index, text) in lines {
        let number = index + 1;
        let text = text.map_err(|error| at_line(number, error.to_string()))?;
        if text.trim().is_empty() {
            continue;
        }
        let line: Line = match serde_json::from_str(&text) {
            Ok(line) => line,
            Err(error) => {
                end = serde_json::from_str(&text)
                    .ok()
                    .map(|End { records }| records);
                if end.is_some() {
                    break;
                }
                return Err(at_line(number, error.to_string()));
            }
        };
        let tree = Tree::ALL
            .into_iter()
            .find(|tree| tree.name() == line.table && *tree != Tree::Pieces)
            .ok_or_else(|| at_line(number, format!("there is no table `{}`", line.table)))?;
        let key = BASE64
            .decode(&line.key)
            .map_err(|error| at_line(number, format!("the key: {error}")))?;
        let bytes = codec(tree)
            .read(&key, line.value)
            .map_err(|error| at_line(number, error.to_string()))?;
        batch.push((tree, key, bytes));
        report.records += 1;
        progress(report.records);
        if batch.len() == 1000 {
            write(store, std::mem::take(&mut batch))?;
        }
    }
    write(store, batch)?;
    if end != Some(report.records) {
        return Err(StoreError::Invalid(format!(
            "the export is not whole: it has {} records and then {}; what it has was read",
            report.records,
            end.map_or("breaks off".to_owned(), |end| format!(
                "says that it had {end}"
            ))
        )));
    }
    Ok(report)
}

fn write(store: &Store, batch: Vec<(Tree, Vec<u8>, Vec<u8>)>) -> Result<(), StoreError> {
    store.write_blocking(move |tx| {
        for (tree, key, bytes) in batch {
            tx.put(tree, &key, bytes);
        }
        Ok(())
    })
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct CheckReport {
    pub records: u64,
    /// What is wrong, in words.
    pub problems: Vec<String>,
    /// Bytes.
    pub size_on_disk: u64,
}

impl Store {
    /// Reads every record, and compares what must agree.
    pub fn check(&self, mut progress: impl FnMut(u64)) -> Result<CheckReport, StoreError> {
        let view = self.view();
        let mut report = CheckReport {
            size_on_disk: self.size_on_disk()?,
            ..CheckReport::default()
        };
        for tree in Tree::ALL {
            if tree == Tree::Pieces {
                continue;
            }
            let codec = codec(tree);
            for pair in view.sled(tree).iter() {
                let (key, stored) = pair.map_err(super::raw::failed)?;
                report.records += 1;
                progress(report.records);
                let shown = view
                    .whole(tree, &key, stored.to_vec())
                    .and_then(|bytes| codec.show(&key, &bytes).map(|_| ()));
                if let Err(error) = shown {
                    report.problems.push(error.to_string());
                }
            }
        }
        check_pieces(view, &mut report)?;
        check_jobs(view, &mut report)?;
        check_deliveries(view, &mut report)?;
        Ok(report)
    }
}

/// A piece belongs to a value that is in so many.
fn check_pieces(view: View<'_>, report: &mut CheckReport) -> Result<(), StoreError> {
    for piece in view.sled(Tree::Pieces).iter().keys() {
        let piece = piece.map_err(super::raw::failed)?;
        let owned = match owner_of(&piece) {
            Some((tree, key, number)) => view
                .stored(tree, key)?
                .is_some_and(|stored| number < pieces_of(&stored)),
            None => false,
        };
        if !owned {
            report
                .problems
                .push(format!("the piece {} belongs to nothing", readable(&piece)));
        }
    }
    Ok(())
}

/// Every record of a table that can be read; the others have been told of.
fn readables<V: Serialize + DeserializeOwned>(
    view: View<'_>,
    table: &Table<V>,
    mut visit: impl FnMut(&[u8], V) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    for pair in view.sled(table.tree).iter() {
        let (key, stored) = pair.map_err(super::raw::failed)?;
        let record = view
            .whole(table.tree, &key, stored.to_vec())
            .and_then(|bytes| table.decode(&key, &bytes));
        if let Ok(record) = record {
            visit(&key, record)?;
        }
    }
    Ok(())
}

/// A job is in exactly one of `due`, `leases` and `dead`.
fn check_jobs(view: View<'_>, report: &mut CheckReport) -> Result<(), StoreError> {
    readables(view, &JOBS, |key, job| {
        let places = [
            view.contains(Tree::Due, &due_key(&job))?,
            view.contains(Tree::Leases, key)?,
            view.contains(Tree::Dead, key)?,
        ];
        if places.iter().filter(|found| **found).count() != 1 {
            report.problems.push(format!(
                "job {} is in {} of waiting, running and dead letters, not in one",
                job.id,
                places.iter().filter(|found| **found).count()
            ));
        }
        Ok(())
    })?;
    for tree in [Tree::Due, Tree::Leases, Tree::Dead] {
        for key in view.sled(tree).iter().keys() {
            let key = key.map_err(super::raw::failed)?;
            let id = Id(trailing_number(&key).unwrap_or_default());
            if !view.contains(Tree::Jobs, &id.to_key())? {
                report.problems.push(format!(
                    "`{}` names job {id}, which is missing",
                    tree.name()
                ));
            }
        }
    }
    Ok(())
}

/// A delivery has its post, and one that is not settled has its job.
fn check_deliveries(view: View<'_>, report: &mut CheckReport) -> Result<(), StoreError> {
    readables(view, &DELIVERIES, |_, delivery| {
        if !view.contains(Tree::Posts, &delivery.post.to_key())? {
            report.problems.push(format!(
                "delivery {} belongs to post {}, which is missing",
                delivery.id, delivery.post
            ));
        }
        let job = match delivery.job {
            Some(job) => view.contains(Tree::Jobs, &job.to_key())?,
            None => false,
        };
        if !delivery.state.is_settled() && !job {
            report.problems.push(format!(
                "delivery {} is {} and nothing in the queue works on it",
                delivery.id,
                delivery.state.name()
            ));
        }
        Ok(())
    })
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CompactReport {
    pub records: u64,
    /// Bytes.
    pub before: u64,
    pub after: u64,
    /// Where the old database was put.
    pub old: PathBuf,
}

/// Copies the store into a new database and puts that in the old one's place, since sled
/// does not give back the space of what was deleted. Nothing else may use the store. The
/// old database is kept beside it, in the place of what an earlier run kept.
pub fn compact(
    dir: &Path,
    options: &Options,
    now: Timestamp,
    mut progress: impl FnMut(u64),
) -> Result<CompactReport, StoreError> {
    let io = |error: std::io::Error| StoreError::Invalid(format!("compacting: {error}"));
    let fresh = dir.join(COMPACTING);
    // First, since it ends a run that was interrupted between its two renames.
    let store = Store::open(dir, options)?;
    if fresh.exists() {
        // Of a run that was interrupted before it changed anything.
        std::fs::remove_dir_all(&fresh).map_err(io)?;
    }
    let before = store.size_on_disk()?;
    let mut records = 0;
    {
        let target = Store::open(&fresh, options)?;
        let view = store.view();
        let mut batch = Vec::new();
        for tree in Tree::ALL {
            if tree == Tree::Pieces {
                continue;
            }
            each(view, tree, |key, bytes| {
                batch.push((tree, key.to_vec(), bytes.to_vec()));
                records += 1;
                progress(records);
                if batch.len() == 1000 {
                    write(&target, std::mem::take(&mut batch))?;
                }
                Ok(())
            })?;
        }
        write(&target, batch)?;
    }
    let earlier = kept(dir).map_err(io)?;
    let old = dir.join(format!("{DATABASE}{KEPT}{}", now.0));
    let synced = |dir: &Path| std::fs::File::open(dir).and_then(|dir| dir.sync_all());
    // Whole, names included, before anything of the old one is touched.
    synced(&fresh.join(DATABASE)).map_err(io)?;
    synced(&fresh).map_err(io)?;
    // The lock outlives the swap: `store` is dropped after it.
    std::fs::rename(dir.join(DATABASE), &old).map_err(io)?;
    std::fs::rename(fresh.join(DATABASE), dir.join(DATABASE)).map_err(io)?;
    synced(dir).map_err(io)?;
    std::fs::remove_dir_all(&fresh).map_err(io)?;
    drop(store);
    let after = Store::open(dir, options)?.size_on_disk()?;
    for folder in earlier.iter().filter(|folder| **folder != old) {
        std::fs::remove_dir_all(folder).map_err(io)?;
    }
    Ok(CompactReport {
        records,
        before,
        after,
        old,
    })
}

/// Between a database's name and the time at which it was replaced.
const KEPT: &str = ".before-";

/// The databases that were kept.
fn kept(dir: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name
            .to_string_lossy()
            .strip_prefix(DATABASE)
            .is_some_and(|rest| rest.starts_with(KEPT))
        {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}
