//! `jarchi store check | compact`.

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::{Id, State, Timestamp};

use super::export::codec;
use super::jobs::{JOBS, due_key};
use super::mark;
use super::numbers::NUMBERS;
use super::open::{COMPACTING, DATABASE, Options};
use super::posts::DELIVERIES;
use super::raw::{Raw, Tree, View, owner_of, pieces_of};
use super::series::{SERIES, misplaced};
use super::table::{Table, readable, trailing_number};
use super::{Store, StoreError};

/// Every pair of a tree, in order.
fn each(
    view: View<'_>,
    tree: Tree,
    mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    view.stored_each(tree, |key, stored| {
        let bytes = view.whole(tree, key, stored)?;
        visit(key, &bytes)
    })
}

pub(super) fn write(store: &Store, batch: Vec<(Tree, Vec<u8>, Vec<u8>)>) -> Result<(), StoreError> {
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
            view.stored_each(tree, |key, stored| {
                report.records += 1;
                progress(report.records);
                let shown = view
                    .whole(tree, key, stored)
                    .and_then(|bytes| codec.show(key, &bytes).map(|_| ()));
                if let Err(error) = shown {
                    report.problems.push(error.to_string());
                }
                Ok(())
            })?;
        }
        check_pieces(view, &mut report)?;
        check_jobs(view, &mut report)?;
        check_deliveries(view, &mut report)?;
        check_series(view, &mut report)?;
        Ok(report)
    }
}

/// A piece belongs to a value that is in so many.
fn check_pieces(view: View<'_>, report: &mut CheckReport) -> Result<(), StoreError> {
    view.stored_each(Tree::Pieces, |piece, _| {
        let owned = match owner_of(piece) {
            Some((tree, key, number)) => view
                .stored(tree, key)?
                .is_some_and(|stored| number < pieces_of(&stored)),
            None => false,
        };
        if !owned {
            report
                .problems
                .push(format!("the piece {} belongs to nothing", readable(piece)));
        }
        Ok(())
    })
}

/// Every record of a table that can be read; the others have been told of.
fn readables<V: Serialize + DeserializeOwned>(
    view: View<'_>,
    table: &Table<V>,
    mut visit: impl FnMut(&[u8], V) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    view.stored_each(table.tree, |key, stored| {
        let record = view
            .whole(table.tree, key, stored)
            .and_then(|bytes| table.decode(key, &bytes));
        match record {
            Ok(record) => visit(key, record),
            Err(_) => Ok(()),
        }
    })
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
    for tree in [Tree::Due, Tree::Leases, Tree::Dead, Tree::PutOff] {
        view.stored_each(tree, |key, _| {
            let id = Id(trailing_number(key).unwrap_or_default());
            if !view.contains(Tree::Jobs, &id.to_key())? {
                report.problems.push(format!(
                    "`{}` names job {id}, which is missing",
                    tree.name()
                ));
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// A delivery has its post, and one that is neither settled nor waits for a person has its
/// job.
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
        let rests = delivery.state.is_settled() || delivery.state == State::Pending;
        if !rests && !job {
            report.problems.push(format!(
                "delivery {} is {} and nothing in the queue works on it",
                delivery.id,
                delivery.state.name()
            ));
        }
        Ok(())
    })
}

/// Blocks are where their first sample belongs, and what is measured next has its record.
fn check_series(view: View<'_>, report: &mut CheckReport) -> Result<(), StoreError> {
    readables(view, &SERIES, |key, block| {
        report.problems.extend(misplaced(key, &block));
        Ok(())
    })?;
    let mut places = 0;
    readables(view, &NUMBERS, |_, record| {
        if let Some(key) = record.age_key() {
            places += 1;
            if !view.contains(Tree::Ages, &key)? {
                report.problems.push(format!(
                    "delivery {} is to be measured, and is not among those that are",
                    record.delivery
                ));
            }
        }
        Ok(())
    })?;
    let mut found = 0;
    view.stored_each(Tree::Ages, |_, _| {
        found += 1;
        Ok(())
    })?;
    if found > places {
        report.problems.push(format!(
            "{} of {found} deliveries that are to be measured have no record",
            found - places
        ));
    }
    Ok(())
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
                if tree == Tree::Meta && key == mark::KEY {
                    return Ok(());
                }
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
