//! What was acknowledged and is not yet surely in the database's own log.
//!
//! sled pays two writes and two waits for a batch over several trees, and its `flush` stops
//! short of `fdatasync`. So a batch is written here first: one write and one `fdatasync` in
//! a file whose blocks are there already. Then its changes go to sled, which writes them
//! when it likes; every batch has a number, which is the last of its changes. What sled
//! has after a crash is a beginning of all that it was given: the batches after the number
//! that is found there are applied once more, from here.
//!
//! Of two files one is written to. When it is full the other takes over, from its start, and
//! the first is free again as soon as sled has been given what is in it, flushed and synced.
//! A record is: length (`u32`), number (`u64`), the first eight bytes of the BLAKE3 hash of
//! number and content, content. What follows the last one is zero, a torn record, or one of
//! an earlier round with a smaller number.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::raw::{Changes, Tree};

/// In the database's folder, so that they move with it.
const FILES: [&str; 2] = ["journal", "journal-2"];
const HEAD: usize = 4 + 8 + 8;
/// Bytes of a new file. It grows as long as it fills up.
const LEAST: u64 = 256 << 10;
const MOST: u64 = 4 << 20;

#[derive(Debug)]
struct Side {
    file: File,
    /// Bytes that are allocated and written: a write to them changes no metadata.
    size: u64,
    /// Where the next record goes.
    end: u64,
    /// Sled may lack what is in it.
    needed: Arc<AtomicBool>,
}

impl Side {
    fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)?;
        let mut side = Side {
            size: file.metadata()?.len(),
            file,
            end: 0,
            needed: Arc::default(),
        };
        if side.size < LEAST {
            side.grow(LEAST)?;
        }
        Ok(side)
    }

    fn grow(&mut self, size: u64) -> io::Result<()> {
        let zeros = vec![0; size.saturating_sub(self.size) as usize];
        self.file.write_all_at(&zeros, self.size)?;
        self.file.sync_all()?;
        self.size = size;
        Ok(())
    }
}

#[derive(Debug)]
pub(super) struct Journal {
    /// The first is written to.
    sides: [Side; 2],
    buffer: Vec<u8>,
}

impl Journal {
    /// Opens the journal of a database, or makes it.
    pub(super) fn open(database: &Path) -> io::Result<Self> {
        let [one, other] = FILES.map(|name| Side::open(&database.join(name)));
        let journal = Journal {
            sides: [one?, other?],
            buffer: Vec::new(),
        };
        File::open(database)?.sync_all()?;
        Ok(journal)
    }

    /// Whether a batch has been written since sled's own log was made sure of.
    pub(super) fn is_used(&self) -> bool {
        self.sides[0].end > 0
    }

    /// Puts a batch in line for [`Journal::write`]; whether there is room for it.
    pub(super) fn stage(&mut self, number: u64, changes: &Changes) -> bool {
        self.buffer.clear();
        self.buffer.extend([0; HEAD]);
        encode(changes, &mut self.buffer);
        let length = self.buffer.len() - HEAD;
        let sum = sum(number, &self.buffer[HEAD..]);
        self.buffer[..4].copy_from_slice(&(length as u32).to_be_bytes());
        self.buffer[4..12].copy_from_slice(&number.to_be_bytes());
        self.buffer[12..HEAD].copy_from_slice(&sum);
        let side = &self.sides[0];
        side.end == 0 || side.end + self.buffer.len() as u64 <= side.size
    }

    /// The staged batch is on disk when it returns.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let side = &mut self.sides[0];
        side.file.write_all_at(&self.buffer, side.end)?;
        side.file.sync_data()?;
        side.end += self.buffer.len() as u64;
        side.size = side.size.max(side.end);
        if self.buffer.capacity() > 1 << 20 {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    /// The other file takes over, if it is free; what is to be set to false once sled has
    /// everything that was written up to now, for good.
    pub(super) fn turn(&mut self) -> Option<Arc<AtomicBool>> {
        if self.sides[1].needed.load(Ordering::Acquire) {
            return None;
        }
        self.sides.swap(0, 1);
        let [side, full] = &mut self.sides;
        side.end = 0;
        let size = (full.size * 2).min(MOST);
        // Without it, it is full as soon as the other was.
        if side.size < size
            && let Err(error) = side.grow(size)
        {
            tracing::debug!(%error, "the store's journal stays as small as it is");
        }
        // A new one each time: what an earlier turn still sets is not this.
        full.needed = Arc::new(AtomicBool::new(true));
        Some(full.needed.clone())
    }

    /// All batches are in the database for good.
    pub(super) fn restart(&mut self) {
        for side in &mut self.sides {
            side.end = 0;
            side.needed = Arc::default();
        }
    }

    /// The database is closed with everything in it: there is nothing to read at the next
    /// start. Where this does not reach the disk, that start only takes longer.
    pub(super) fn close(&mut self) -> io::Result<()> {
        for side in &mut self.sides {
            side.end = 0;
            side.file.write_all_at(&[0; HEAD], 0)?;
        }
        Ok(())
    }
}

/// Removes a journal: what is in the database is to be taken for the whole.
pub(super) fn forget(database: &Path) -> io::Result<()> {
    for name in FILES {
        match std::fs::remove_file(database.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

type Batches = Vec<(u64, Changes)>;

/// The batches of a journal with their numbers, each one more than that before it.
pub(super) fn read(database: &Path) -> io::Result<Batches> {
    let [one, other] = FILES.map(|name| read_file(&database.join(name)));
    let (mut older, mut newer) = (one?, other?);
    let first = |batches: &Batches| batches.first().map(|(number, _)| *number);
    if first(&older) > first(&newer) {
        std::mem::swap(&mut older, &mut newer);
    }
    let follows = older.last().map(|(last, _)| last + 1) == first(&newer);
    if follows {
        older.extend(newer);
        return Ok(older);
    }
    // Of an earlier round, or cut short: then the database lacks what comes before.
    Ok(newer)
}

fn read_file(path: &Path) -> io::Result<Batches> {
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Batches::new()),
        Err(error) => return Err(error),
    };
    let mut rest = bytes.as_slice();
    let mut batches = Batches::new();
    while let Some((number, changes, behind)) = record(rest) {
        if batches.last().is_some_and(|(last, _)| last + 1 != number) {
            break;
        }
        batches.push((number, changes));
        rest = behind;
    }
    Ok(batches)
}

fn record(bytes: &[u8]) -> Option<(u64, Changes, &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (expected, rest) = rest.split_first_chunk::<8>()?;
    let number = u64::from_be_bytes(*number);
    let (content, behind) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
    if number == 0 || sum(number, content) != *expected {
        return None;
    }
    Some((number, decode(content)?, behind))
}

fn sum(number: u64, content: &[u8]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&number.to_be_bytes());
    hasher.update(content);
    let mut short = [0; 8];
    short.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    short
}

/// For each change: tree, length of the key, key, and where it is no removal (length
/// `u32::MAX`), length of the value and value.
fn encode(changes: &Changes, into: &mut Vec<u8>) {
    for (tree, changes) in changes {
        for (key, value) in changes {
            into.push(*tree as u8);
            into.extend((key.len() as u32).to_be_bytes());
            into.extend(key);
            match value {
                Some(value) => {
                    into.extend((value.len() as u32).to_be_bytes());
                    into.extend(value);
                }
                None => into.extend(u32::MAX.to_be_bytes()),
            }
        }
    }
}

fn decode(mut bytes: &[u8]) -> Option<Changes> {
    let mut changes = Changes::new();
    while let Some((tree, rest)) = bytes.split_first() {
        let tree = *Tree::ALL.get(usize::from(*tree))?;
        let (length, rest) = rest.split_first_chunk()?;
        let (key, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        let (length, rest) = rest.split_first_chunk()?;
        let length = u32::from_be_bytes(*length);
        let (value, rest) = if length == u32::MAX {
            (None, rest)
        } else {
            let (value, rest) = rest.split_at_checked(length as usize)?;
            (Some(value.to_vec()), rest)
        };
        changes.entry(tree).or_default().insert(key.to_vec(), value);
        bytes = rest;
    }
    Some(changes)
}
