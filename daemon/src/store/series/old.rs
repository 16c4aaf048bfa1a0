//! Series as they were written up to schema 3: one record for each sample, with the names of
//! its measures. What is found in the old table is moved, in batches that are each whole; an
//! interrupted move goes on at the next start.

use crate::config::Measuring;
use crate::model::{Id, Metric, Sample, Timestamp};
use crate::store::numbers::PostNumbers;
use crate::store::raw::{Raw, Tree, Tx};
use crate::store::table::{Table, trailing_number};
use crate::store::{Store, StoreError};

use super::{Subject, after};

pub(in crate::store) const OLD_SERIES: Table<Vec<(String, i64)>> = Table::new(Tree::Series);

/// Series that are moved in one batch.
const BATCH: usize = 50;

/// Moves what is in the old table; how many samples there were.
pub(in crate::store) fn move_old(store: &Store) -> Result<u64, StoreError> {
    let mut moved = 0;
    loop {
        let count = store.write_blocking(|tx| move_some(tx, BATCH))?;
        if count == 0 {
            if moved > 0 {
                tracing::info!(samples = moved, "the series of numbers are written anew");
            }
            return Ok(moved);
        }
        moved += count;
    }
}

/// Moves the first so many series.
fn move_some(tx: &mut Tx<'_>, series: usize) -> Result<u64, StoreError> {
    let mut moved = 0;
    for _ in 0..series {
        let first = tx.stored_range(
            Tree::Series,
            std::ops::Bound::Unbounded,
            std::ops::Bound::Unbounded,
            1,
        )?;
        let Some((key, _)) = first.first() else {
            break;
        };
        moved += move_series(tx, &key[..key.len().saturating_sub(8)])?;
    }
    Ok(moved)
}

fn move_series(tx: &mut Tx<'_>, prefix: &[u8]) -> Result<u64, StoreError> {
    let end = after(prefix);
    let to = end
        .as_deref()
        .map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
    let old = tx.range(
        Tree::Series,
        std::ops::Bound::Included(prefix),
        to,
        usize::MAX,
    )?;
    let mut samples = Vec::with_capacity(old.len());
    for (key, bytes) in &old {
        samples.push(sample(key, bytes)?);
        tx.remove(Tree::Series, key);
    }
    if let Some((key, _)) = old.first()
        && let Some(subject) = Subject::of_key(key)
    {
        for sample in &samples {
            tx.append_sample(&subject, sample)?;
        }
        if let Subject::Delivery(id) = subject {
            record(tx, id, &samples)?;
        }
    }
    Ok(old.len() as u64)
}

/// The record that questions are answered from; a delivery that was forgotten has none.
fn record(tx: &mut Tx<'_>, id: Id, samples: &[Sample]) -> Result<(), StoreError> {
    let Some(delivery) = tx.delivery(id)? else {
        return Ok(());
    };
    let Some(post) = tx.post(delivery.post)? else {
        return Ok(());
    };
    let Some(mut record) = PostNumbers::of(&post, &delivery) else {
        return Ok(());
    };
    for sample in samples {
        record.take(sample, &Measuring::AGES);
    }
    let note = format!("gone:{id}");
    record.gone = tx.note(&note)?;
    tx.set_note(&note, None);
    tx.put_post_numbers(&record)
}

fn sample(key: &[u8], bytes: &[u8]) -> Result<Sample, StoreError> {
    let numbers = OLD_SERIES.decode(key, bytes)?.into_iter();
    let metrics = numbers.filter_map(|(name, value)| {
        let measure = name.parse().ok()?;
        Some(Metric { measure, value })
    });
    Ok(Sample {
        at: Timestamp(trailing_number(key).unwrap_or_default()),
        metrics: metrics.collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Measure;
    use crate::store::{Options, Subject};

    /// As the version before wrote it.
    fn put_old(tx: &mut Tx<'_>, subject: &Subject, at: u64, likes: i64) -> Result<(), StoreError> {
        let numbers = vec![
            ("likes".to_owned(), likes),
            ("own-thing".to_owned(), -likes),
        ];
        OLD_SERIES.put(tx, &subject.key(Timestamp(at)), &numbers)
    }

    fn subjects() -> Vec<Subject> {
        (1..=120)
            .map(|id| Subject::Delivery(Id(id)))
            .chain([Subject::Account("çay".to_owned())])
            .collect()
    }

    fn old_store(path: &std::path::Path) -> Store {
        let store = Store::open(path, &Options::default()).unwrap();
        let fill = |tx: &mut Tx<'_>| {
            for subject in subjects() {
                for hour in 0..70 {
                    put_old(
                        tx,
                        &subject,
                        1_790_000_000_000 + hour * 3_600_000,
                        hour as i64,
                    )?;
                }
            }
            Ok::<(), StoreError>(())
        };
        store.write_blocking(fill).unwrap();
        store
    }

    fn holds_everything(store: &Store) {
        let view = store.view();
        assert!(view.prefix(Tree::Series, &[], 1).unwrap().is_empty());
        for subject in subjects() {
            let all = view
                .samples(&subject, Timestamp(0), Timestamp::MAX)
                .unwrap();
            assert_eq!(all.len(), 70, "{subject:?}");
            for (hour, sample) in all.iter().enumerate() {
                let hour = hour as i64;
                assert_eq!(sample.at.0, 1_790_000_000_000 + hour as u64 * 3_600_000);
                assert_eq!(sample.get(&Measure::Likes), Some(hour));
                let own = Measure::Other("own-thing".to_owned());
                assert_eq!(sample.get(&own), Some(-hour));
            }
        }
        let report = store.check(|_| {}).unwrap();
        assert_eq!(report.problems, Vec::<String>::new());
    }

    #[test]
    fn a_store_of_the_version_before_is_moved_when_it_is_opened() {
        let dir = tempfile::tempdir().unwrap();
        drop(old_store(dir.path()));
        let store = Store::open(dir.path(), &Options::default()).unwrap();
        holds_everything(&store);
        assert_eq!(move_old(&store).unwrap(), 0);
    }

    #[test]
    fn an_interrupted_move_goes_on() {
        let dir = tempfile::tempdir().unwrap();
        let store = old_store(dir.path());
        // Some batches, and the machine stops; what one reads in between is old or new.
        for _ in 0..3 {
            store.write_blocking(|tx| move_some(tx, 7)).unwrap();
        }
        let broken = store.write_blocking(|tx| {
            move_some(tx, 7)?;
            Err::<(), _>(StoreError::Closed)
        });
        assert!(broken.is_err());
        let left = store
            .view()
            .prefix(Tree::Series, &[], usize::MAX)
            .unwrap()
            .len();
        assert_eq!(left, (121 - 21) * 70);
        drop(store);
        let store = Store::open(dir.path(), &Options::default()).unwrap();
        holds_everything(&store);
    }

    #[test]
    fn an_export_of_the_version_before_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let store = old_store(dir.path());
        let mut bytes = Vec::new();
        crate::store::export(&store, Timestamp(1), &mut bytes, |_| {}).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(r#""table":"series""#), "{text}");
        let other = tempfile::tempdir().unwrap();
        let store = Store::open(other.path(), &Options::default()).unwrap();
        crate::store::import(&store, &mut bytes.as_slice(), |_| {}).unwrap();
        holds_everything(&store);
    }
}
