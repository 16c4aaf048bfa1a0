//! The brand's numbers for Prometheus: a handful for each account, never one for each post.

use crate::config::Config;
use crate::model::{Measure, TimeSpan, Timestamp};
use crate::store::{StoreError, Subject, View};

use super::query::{self, Number, Query, Scope};

/// Posts of this age count.
const SPAN: TimeSpan = TimeSpan::from_days(28);

/// Sets the gauges of one account.
pub(super) fn show(
    view: View<'_>,
    config: &Config,
    account: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let Some(configured) = config.accounts.get(account) else {
        return Ok(());
    };
    let labels = |measure: &str| {
        [
            ("account", account.to_owned()),
            ("brand", configured.brand.clone()),
            ("measure", measure.to_owned()),
        ]
    };
    // A platform's own measures have any name: those that all share are enough.
    let known = || Measure::known().filter_map(|name| name.parse::<Measure>().ok());
    if let Some(sample) = view.latest_sample(&Subject::Account(account.to_owned()))? {
        for measure in known() {
            if let Some(value) = sample.get(&measure) {
                metrics::gauge!("jarchi_account_numbers", &labels(measure.name()))
                    .set(value as f64);
            }
        }
    }
    let numbers = known()
        .filter(|one| *one != Measure::Followers)
        .map(Number::Count)
        .chain([Number::Interactions, Number::EngagementRate(None)]);
    let query = Query {
        scope: Scope {
            from: now.saturating_sub(SPAN),
            accounts: vec![account.to_owned()],
            ..Scope::default()
        },
        by: Vec::new(),
        numbers: numbers.collect(),
    };
    let table = query::table(view, config, &query)?;
    let Some(row) = table.rows.first() else {
        return Ok(());
    };
    for (number, cell) in table.numbers.iter().zip(&row.cells) {
        if let Some(total) = cell.total {
            metrics::gauge!("jarchi_posts_numbers", &labels(&number.to_string())).set(total);
        }
    }
    Ok(())
}

/// Sets the gauges of every account, from what the store has.
///
/// # Errors
/// The store's.
pub fn show_all(view: View<'_>, config: &Config, now: Timestamp) -> Result<(), StoreError> {
    for account in config.accounts.keys() {
        show(view, config, account, now)?;
    }
    Ok(())
}
