//! What the daemon does for its own store: backups, and forgetting.

use std::path::PathBuf;

use crate::alarm;
use crate::media::{Created, Tidied};
use crate::model::{Fault, TimeSpan, Timestamp};
use crate::store::{self, DeliveryFilter, Horizon, StoreError, Target};

use super::worker::Stations;

fn fault(error: impl ToString) -> Fault {
    Fault::Transient(error.to_string())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(fault)?
        .map_err(fault)
}

/// Writes a backup into the folder, and removes those beyond the newest `keep`.
pub(super) async fn backup(stations: &Stations, folder: PathBuf, keep: usize) -> Result<(), Fault> {
    let now = stations.clock.now();
    let store = stations.store.clone();
    store
        .room(stations.config.borrow().daemon.keep_free)
        .map_err(fault)?;
    let target = Target::Folder(folder.clone());
    let report = blocking(move || store::backup(&store, &target, now, |_| {})).await?;
    metrics::gauge!("jarchi_backup_last_seconds").set(now.0 as f64 / 1000.0);
    if !report.problems.is_empty() {
        // Older ones may have what this one lacks.
        let problems = report.problems.join("; ");
        tracing::error!(file = %report.file.display(), problems,
            "the backup lacks what can't be read; no other is removed");
        return Ok(());
    }
    let removed = blocking(move || store::prune(&folder, keep)).await?;
    tracing::info!(file = %report.file.display(), records = report.records,
        bytes = report.bytes, removed, "backed up");
    Ok(())
}

/// Forgets what is older than the configuration says.
pub(super) async fn tidy(stations: &Stations) -> Result<(), Fault> {
    let now = stations.clock.now();
    let horizon = {
        let config = stations.config.borrow();
        let keep = &config.daemon.keep;
        let rails = config.accounts.values().map(|account| &account.rails);
        let book = rails
            .map(|rails| rails.duplicate_window)
            .fold(keep.settled.max(TimeSpan::from_days(2)), TimeSpan::max);
        Horizon {
            settled: now.saturating_sub(keep.settled),
            series: now.saturating_sub(keep.series),
            daily: now.saturating_sub(config.measure.keep.every),
            weekly: now.saturating_sub(config.measure.keep.daily),
            dead_letters: now.saturating_sub(keep.dead_letters),
            book: now.saturating_sub(book),
        }
    };
    let store = stations.store.clone();
    let forgotten = blocking(move || store::tidy(&store, &horizon)).await?;
    let offers = stations.store.write(move |tx| tx.end_offers(now)).await;
    let offers = offers.map_err(|error: StoreError| fault(error))?;
    let created = tidy_created(stations, now).await?;
    tracing::info!(?forgotten, offers, ?created, "what is old was forgotten");
    recount(stations).await
}

/// Removes what generators made and no post has in it, once it is certain that none will.
async fn tidy_created(stations: &Stations, now: Timestamp) -> Result<Tidied, Fault> {
    let Some(created) = stations.created.clone() else {
        return Ok(Tidied::default());
    };
    let store = stations.store.clone();
    let before = now.saturating_sub(Created::UNUSED_FOR);
    blocking(move || {
        let used = store.view().files_of_posts()?;
        let tidied = created.tidy(&used, before);
        tidied.map_err(|error| StoreError::Failed(format!("files of generators: {error}")))
    })
    .await
}

/// What was forgotten keeps no alarm up.
async fn recount(stations: &Stations) -> Result<(), Fault> {
    let now = stations.clock.now();
    let alarms = stations.store.view().alarms().map_err(fault)?;
    for alarm in alarms {
        let (Some(account), 1..) = (alarm.account, alarm.open) else {
            continue;
        };
        let store = stations.store.clone();
        let filter = DeliveryFilter {
            account: Some(account),
            open: true,
            ..DeliveryFilter::default()
        };
        let open = blocking(move || store.view().deliveries(&filter, usize::MAX)).await?;
        if open.iter().all(|delivery| !delivery.state.is_settled()) {
            let ended = stations
                .store
                .write(move |tx| alarm::clear(tx, &alarm.cause, now));
            ended.await.map_err(fault)?;
        }
    }
    Ok(())
}
