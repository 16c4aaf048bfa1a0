//! Every record as a line of JSON, and back. The last line has the checksum of all before
//! it.

use std::io::{BufRead, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::Timestamp;

use super::accounts::CONNECTIONS;
use super::alarms::{ALARMS, BREAKERS};
use super::jobs::{JOBS, LEASES};
use super::learned::{LEARNED, LESSONS};
use super::maintenance::write;
use super::mark;
use super::media::OFFERS;
use super::numbers::{CALLS, NUMBERS};
use super::plan::{PLAN, STOCK};
use super::posts::{DELIVERIES, DRAFTS, POSTS, PUBLISHED};
use super::raw::{Raw, Tree};
use super::series::{OLD_SERIES, SERIES, move_old};
use super::snapshot::Snapshot;
use super::table::{Table, readable};
use super::topics::TOPICS;
use super::triggers::TRIGGERS;
use super::{SCHEMA, Store, StoreError};

/// How a tree's values are shown and read back.
pub(super) trait Codec {
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

pub(super) fn codec(tree: Tree) -> Box<dyn Codec> {
    match tree {
        Tree::Jobs => Box::new(JOBS),
        Tree::Leases => Box::new(LEASES),
        Tree::Posts => Box::new(POSTS),
        Tree::Deliveries => Box::new(DELIVERIES),
        Tree::Published => Box::new(PUBLISHED),
        Tree::Drafts => Box::new(DRAFTS),
        Tree::Triggers => Box::new(TRIGGERS),
        Tree::Series => Box::new(OLD_SERIES),
        Tree::Samples => Box::new(SERIES),
        Tree::Numbers => Box::new(NUMBERS),
        Tree::Calls => Box::new(CALLS),
        Tree::Learned => Box::new(LEARNED),
        Tree::Lessons => Box::new(LESSONS),
        Tree::Alarms => Box::new(ALARMS),
        Tree::Breakers => Box::new(BREAKERS),
        Tree::Offers => Box::new(OFFERS),
        Tree::Accounts => Box::new(CONNECTIONS),
        Tree::Plan => Box::new(PLAN),
        Tree::Stock => Box::new(STOCK),
        Tree::Topics => Box::new(TOPICS),
        Tree::Meta
        | Tree::Due
        | Tree::Dead
        | Tree::PutOff
        | Tree::Agenda
        | Tree::Open
        | Tree::Slots
        | Tree::Ages
        | Tree::Kv
        | Tree::Vault
        | Tree::Pieces => Box::new(Bytes(tree)),
    }
}

/// A stored record as an export shows it.
///
/// # Errors
/// There is no such table, or these bytes are no record of it.
pub fn show_record(table: &str, key: &[u8], bytes: &[u8]) -> Result<Value, StoreError> {
    codec(named(table)?).show(key, bytes)
}

/// A record as it is stored, from what [`show_record`] shows.
///
/// # Errors
/// As there.
pub fn read_record(table: &str, key: &[u8], value: Value) -> Result<Vec<u8>, StoreError> {
    codec(named(table)?).read(key, value)
}

fn named(table: &str) -> Result<Tree, StoreError> {
    let found = Tree::ALL.into_iter().find(|tree| tree.name() == table);
    found.ok_or_else(|| StoreError::Invalid(format!("there is no table `{table}`")))
}

/// The tables, by name.
pub fn tables() -> impl Iterator<Item = &'static str> {
    Tree::ALL.into_iter().map(Tree::name)
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
pub(super) struct Header {
    jarchi_export: u32,
    schema: u32,
    pub(super) at: Timestamp,
}

/// The last line: an export that was cut off has none.
#[derive(Serialize, Deserialize)]
pub(super) struct End {
    pub(super) records: u64,
    /// BLAKE3 of every byte before this line.
    pub(super) blake3: String,
}

const EXPORT_VERSION: u32 = 1;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExportReport {
    pub records: u64,
    /// Of the content.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub blake3: String,
    /// What could not be read and was left out, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// Writes lines, and sums them up.
struct Lines<'a> {
    out: &'a mut dyn Write,
    sum: blake3::Hasher,
}

impl Lines<'_> {
    fn line(&mut self, value: &impl Serialize) -> Result<(), StoreError> {
        let mut line = serde_json::to_vec(value).map_err(unwritable)?;
        line.push(b'\n');
        self.sum.update(&line);
        self.out.write_all(&line).map_err(unwritable)
    }
}

fn unwritable(error: impl std::fmt::Display) -> StoreError {
    StoreError::Invalid(format!("the export can't be written: {error}"))
}

/// Writes every record that can be read as one line of JSON, all of them as they are at
/// this moment, whatever is written meanwhile. Secrets leave as the ciphertexts that they
/// are.
pub fn export(
    store: &Store,
    at: Timestamp,
    out: &mut dyn Write,
    mut progress: impl FnMut(u64),
) -> Result<ExportReport, StoreError> {
    let mut lines = Lines {
        out,
        sum: blake3::Hasher::new(),
    };
    let snapshot = Snapshot::of(store);
    lines.line(&Header {
        jarchi_export: EXPORT_VERSION,
        schema: SCHEMA,
        at,
    })?;
    let mut report = ExportReport::default();
    for tree in Tree::ALL {
        // Pieces leave whole, with the value that they belong to.
        if tree == Tree::Pieces {
            continue;
        }
        let codec = codec(tree);
        snapshot.each(tree, |key, bytes| {
            // Counted anew in every database.
            if tree == Tree::Meta && key == mark::KEY {
                return Ok(());
            }
            match bytes.and_then(|bytes| codec.show(key, &bytes)) {
                Ok(value) => {
                    lines.line(&Line {
                        table: tree.name().to_owned(),
                        key: BASE64.encode(key),
                        name: readable(key),
                        value,
                    })?;
                    report.records += 1;
                    progress(report.records);
                }
                Err(error) => report.problems.push(error.to_string()),
            }
            Ok(())
        })?;
    }
    report.blake3 = lines.sum.finalize().to_hex().to_string();
    lines.line(&End {
        records: report.records,
        blake3: report.blake3.clone(),
    })?;
    lines.out.flush().map_err(unwritable)?;
    Ok(report)
}

fn at_line(number: u64, reason: impl std::fmt::Display) -> StoreError {
    StoreError::Invalid(format!("line {number} of the export: {reason}"))
}

/// An export, line by line.
struct Reader<'a> {
    input: &'a mut dyn BufRead,
    number: u64,
    sum: blake3::Hasher,
}

enum Read {
    Record(Line),
    End(End),
}

impl<'a> Reader<'a> {
    /// Reads the header.
    fn begin(input: &'a mut dyn BufRead) -> Result<(Self, Header), StoreError> {
        let mut reader = Reader {
            input,
            number: 0,
            sum: blake3::Hasher::new(),
        };
        let line = reader
            .bytes()?
            .ok_or_else(|| at_line(1, "the export is empty"))?;
        let header: Header = serde_json::from_slice(&line)
            .map_err(|error| at_line(1, format!("not a header of an export: {error}")))?;
        if header.jarchi_export != EXPORT_VERSION || header.schema > SCHEMA {
            return Err(at_line(
                1,
                format!(
                    "version {} with schema {} is newer than this jarchi \
                     ({EXPORT_VERSION}, {SCHEMA})",
                    header.jarchi_export, header.schema
                ),
            ));
        }
        reader.sum.update(&line);
        Ok((reader, header))
    }

    fn bytes(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut line = Vec::new();
        self.number += 1;
        self.input
            .read_until(b'\n', &mut line)
            .map_err(|error| at_line(self.number, error))?;
        Ok((!line.is_empty()).then_some(line))
    }

    /// `None` where it breaks off.
    fn next(&mut self) -> Result<Option<Read>, StoreError> {
        let Some(line) = self.bytes()? else {
            return Ok(None);
        };
        match serde_json::from_slice::<Line>(&line) {
            Ok(record) => {
                self.sum.update(&line);
                Ok(Some(Read::Record(record)))
            }
            Err(error) => match serde_json::from_slice(&line) {
                Ok(end) => Ok(Some(Read::End(end))),
                Err(_) => Err(at_line(self.number, error)),
            },
        }
    }

    /// Whether all that was read is what was written.
    fn check(mut self, end: Option<End>, records: u64) -> Result<String, StoreError> {
        let not_whole = |what: String| {
            StoreError::Invalid(format!(
                "the export is not whole: it has {records} records and then {what}"
            ))
        };
        let end = end.ok_or_else(|| not_whole("breaks off".to_owned()))?;
        if end.records != records {
            return Err(not_whole(format!("says that it had {}", end.records)));
        }
        if self.bytes()?.is_some() {
            return Err(not_whole("goes on after its end".to_owned()));
        }
        let sum = self.sum.finalize().to_hex().to_string();
        if end.blake3 != sum {
            return Err(StoreError::Invalid(format!(
                "the export was altered: its checksum is {sum}, and it says {}",
                end.blake3
            )));
        }
        Ok(sum)
    }
}

/// Reads an export to its end, and writes nothing.
///
/// # Errors
/// [`StoreError::Invalid`]: it was cut off or altered.
pub(super) fn verify(
    input: &mut dyn BufRead,
    mut progress: impl FnMut(u64),
) -> Result<Header, StoreError> {
    let (mut reader, header) = Reader::begin(input)?;
    let mut records = 0;
    let mut end = None;
    while let Some(read) = reader.next()? {
        match read {
            Read::Record(_) => records += 1,
            Read::End(found) => {
                end = Some(found);
                break;
            }
        }
        progress(records);
    }
    reader.check(end, records)?;
    Ok(header)
}

/// Reads an export into a store that is empty.
///
/// # Errors
/// [`StoreError::Invalid`] names the line; what was read before it is in the store.
pub fn import(
    store: &Store,
    input: &mut dyn BufRead,
    mut progress: impl FnMut(u64),
) -> Result<ExportReport, StoreError> {
    for tree in Tree::ALL.into_iter().filter(|tree| *tree != Tree::Meta) {
        if !store.view().prefix(tree, &[], 1)?.is_empty() {
            return Err(StoreError::Invalid(
                "the store is not empty: import into a new directory".to_owned(),
            ));
        }
    }
    let mut report = ExportReport::default();
    let mut batch = Vec::new();
    let (mut reader, _) = Reader::begin(input)?;
    let mut end = None;
    while let Some(read) = reader.next()? {
        let number = reader.number;
        let line = match read {
            Read::Record(line) => line,
            Read::End(found) => {
                end = Some(found);
                break;
            }
        };
        let tree = named(&line.table)
            .ok()
            .filter(|tree| *tree != Tree::Pieces)
            .ok_or_else(|| at_line(number, format!("there is no table `{}`", line.table)))?;
        let key = BASE64
            .decode(&line.key)
            .map_err(|error| at_line(number, format!("the key: {error}")))?;
        let bytes = codec(tree)
            .read(&key, line.value)
            .map_err(|error| at_line(number, error))?;
        batch.push((tree, key, bytes));
        report.records += 1;
        progress(report.records);
        if batch.len() == 1000 {
            write(store, std::mem::take(&mut batch))?;
        }
    }
    write(store, batch)?;
    report.blake3 = reader.check(end, report.records)?;
    // Of an export that an older version wrote.
    move_old(store)?;
    Ok(report)
}
