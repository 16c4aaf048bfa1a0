//! How far campaigns are from their targets: what came so far, how fast it comes, and where
//! that leads.

use chrono::{NaiveDate, NaiveTime, TimeZone as _};
use serde::{Deserialize, Serialize};

use super::query::{self, Scope};
use crate::config::{Brand, Campaign, Config};
use crate::model::{Measure, Sample, TimeSpan, Timestamp};
use crate::store::{StoreError, Subject, View};

const DAY: TimeSpan = TimeSpan::from_days(1);
/// The pace is that of so many days.
const PACE_DAYS: u64 = 14;
/// With fewer days nothing is foretold.
const LEAST_DAYS: usize = 3;
/// A campaign is not called behind before this part of it is over.
const EARLY: f64 = 0.2;
/// Four times out of five the end is within so many standard deviations.
const EIGHTY_PERCENT: f64 = 1.28;

/// Where a campaign stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GoalState {
    /// It has not begun.
    Ahead,
    Reached,
    /// It may be reached.
    OnPace,
    /// It runs, and even a good end would miss the target.
    Behind,
    /// It is over.
    Missed,
}

/// One target of a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Goal {
    pub brand: String,
    pub campaign: String,
    pub measure: Measure,
    pub target: u64,
    /// Of its posts; of `followers`, what the brand's accounts gained since it began.
    pub so_far: f64,
    /// How much of its time is over: 0 to 1.
    pub elapsed: f64,
    /// What an even pace would have brought by now.
    pub even: f64,
    /// A day, by the last two weeks; null: too early to tell.
    pub pace: Option<f64>,
    /// At its end, and between what it lies four times out of five.
    pub forecast: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub state: GoalState,
}

/// The goals of a brand, campaign by campaign.
///
/// # Errors
/// The store's.
pub fn goals(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    now: Timestamp,
) -> Result<Vec<Goal>, StoreError> {
    let mut goals = Vec::new();
    for campaign in brand.strategy.campaigns.values() {
        let (start, end) = times(brand, campaign);
        for (measure, target) in &campaign.targets {
            let readings = match measure {
                Measure::Followers => followers(view, config, brand, start)?,
                _ => of_posts(view, config, brand, campaign, measure, now)?,
            };
            let total = |at: Timestamp| readings.iter().map(|one| one.by(at)).sum::<f64>();
            goals.push(goal(
                Goal {
                    brand: brand.name.clone(),
                    campaign: campaign.name.clone(),
                    measure: measure.clone(),
                    target: *target,
                    so_far: total(now),
                    elapsed: 0.0,
                    even: 0.0,
                    pace: None,
                    forecast: None,
                    low: None,
                    high: None,
                    state: GoalState::Ahead,
                },
                (start, end),
                now,
                total,
            ));
        }
    }
    Ok(goals)
}

/// The midnights at which a campaign begins and ends.
fn times(brand: &Brand, campaign: &Campaign) -> (Timestamp, Timestamp) {
    let midnight = |day: NaiveDate| -> Option<Timestamp> {
        // Where the clocks skip it, the day begins an hour later.
        let moments = [0, 1].into_iter().filter_map(|hour| {
            let local = day.and_time(NaiveTime::from_hms_opt(hour, 0, 0)?);
            brand.time_zone.from_local_datetime(&local).earliest()
        });
        moments.map(|moment| moment.to_utc().into()).next()
    };
    let start = midnight(campaign.starts).unwrap_or_default();
    let end = campaign.ends.succ_opt().and_then(midnight);
    (start, end.unwrap_or(Timestamp::MAX))
}

/// A number over the time.
struct Readings {
    /// What it is counted from.
    base: f64,
    /// In the order of time.
    values: Vec<(Timestamp, f64)>,
}

impl Readings {
    fn of(base: f64, samples: &[Sample], measure: &Measure) -> Self {
        let values = samples
            .iter()
            .filter_map(|sample| Some((sample.at, sample.get(measure)? as f64)));
        Readings {
            base,
            values: values.collect(),
        }
    }

    /// What was known by then.
    fn by(&self, at: Timestamp) -> f64 {
        let known = self.values.iter().rev().find(|(read, _)| *read <= at);
        known.map_or(0.0, |(_, value)| value - self.base)
    }
}

fn of_posts(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    campaign: &Campaign,
    measure: &Measure,
    now: Timestamp,
) -> Result<Vec<Readings>, StoreError> {
    let scope = Scope {
        to: now,
        brand: Some(brand.name.clone()),
        ..Scope::default()
    };
    let mut readings = Vec::new();
    query::posts(view, config, &scope, |post| {
        if post.record.campaign.as_ref() == Some(&campaign.name) {
            let samples = post.record.readings.samples();
            readings.push(Readings::of(0.0, samples, measure));
        }
    })?;
    Ok(readings)
}

/// The followers of the brand's accounts since the campaign began; those who were there are
/// counted by the last reading before, else by the first since.
fn followers(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    start: Timestamp,
) -> Result<Vec<Readings>, StoreError> {
    let own = config
        .accounts
        .values()
        .filter(|account| account.brand == brand.name);
    let mut readings = Vec::new();
    for account in own {
        let subject = Subject::Account(account.name.clone());
        let samples = view.samples(&subject, Timestamp(0), Timestamp::MAX)?;
        let mut all = Readings::of(0.0, &samples, &Measure::Followers);
        let before = all.values.iter().rev().find(|(at, _)| *at <= start);
        let base = before.or(all.values.first()).map(|(_, value)| *value);
        all.base = base.unwrap_or_default();
        all.values.retain(|(at, _)| *at > start);
        readings.push(all);
    }
    Ok(readings)
}

/// Judges a goal by its numbers over the time.
fn goal(
    mut goal: Goal,
    (start, end): (Timestamp, Timestamp),
    now: Timestamp,
    total: impl Fn(Timestamp) -> f64,
) -> Goal {
    if now < start {
        return goal;
    }
    let target = goal.target as f64;
    let length = end.since(start).0.max(1) as f64;
    goal.elapsed = (now.since(start).0 as f64 / length).min(1.0);
    goal.even = target * goal.elapsed;
    let reached = goal.so_far >= target;
    if now >= end {
        goal.state = match reached {
            true => GoalState::Reached,
            false => GoalState::Missed,
        };
        return goal;
    }
    let days = (now.since(start).0 / DAY.0).min(PACE_DAYS);
    let back = |days: u64| total(now.saturating_sub(TimeSpan(DAY.0 * days)));
    let steps: Vec<f64> = (0..days).map(|day| back(day) - back(day + 1)).collect();
    if steps.len() >= LEAST_DAYS {
        let count = steps.len() as f64;
        let pace = steps.iter().sum::<f64>() / count;
        let square = steps.iter().map(|step| (step - pace).powi(2)).sum::<f64>();
        let variance = square / (count - 1.0);
        let left = end.since(now).0 as f64 / DAY.0 as f64;
        // Of the days to come, and of the pace itself.
        let doubt = EIGHTY_PERCENT * (variance * left * (1.0 + left / count)).sqrt();
        let forecast = goal.so_far + pace * left;
        goal.pace = Some(pace);
        goal.forecast = Some(forecast);
        goal.low = Some((forecast - doubt).max(goal.so_far.min(forecast)));
        goal.high = Some(forecast + doubt);
    }
    let behind = goal.elapsed >= EARLY && goal.high.is_some_and(|high| high < target);
    goal.state = match (reached, behind) {
        (true, _) => GoalState::Reached,
        (_, true) => GoalState::Behind,
        _ => GoalState::OnPace,
    };
    goal
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp(1_790_000_000_000);

    fn judged(target: u64, day: u64, per_day: impl Fn(u64) -> f64) -> Goal {
        let at = |day: u64| START.saturating_add(TimeSpan::from_days(day));
        let total = |when: Timestamp| {
            let days = when.since(START).0 / DAY.0;
            (0..days).map(&per_day).sum::<f64>()
        };
        let now = at(day);
        let empty = Goal {
            brand: String::new(),
            campaign: String::new(),
            measure: Measure::Clicks,
            target,
            so_far: total(now),
            elapsed: 0.0,
            even: 0.0,
            pace: None,
            forecast: None,
            low: None,
            high: None,
            state: GoalState::Ahead,
        };
        goal(empty, (START, at(20)), now, total)
    }

    #[test]
    fn an_even_pace_leads_where_it_leads() {
        let half = judged(1000, 10, |_| 50.0);
        assert_eq!((half.so_far, half.even), (500.0, 500.0));
        assert_eq!(half.forecast, Some(1000.0));
        assert_eq!(half.state, GoalState::OnPace);
        let slow = judged(1000, 10, |_| 30.0);
        assert_eq!(
            (slow.forecast, slow.state),
            (Some(600.0), GoalState::Behind)
        );
        assert_eq!(judged(400, 10, |_| 50.0).state, GoalState::Reached);
    }

    #[test]
    fn uneven_days_leave_it_open_and_early_ones_too() {
        let uneven = judged(1000, 10, |day| if day % 2 == 0 { 90.0 } else { 0.0 });
        let (low, high) = (uneven.low.unwrap(), uneven.high.unwrap());
        assert!(low < 900.0 && high > 1000.0, "{low} {high}");
        assert_eq!(uneven.state, GoalState::OnPace);
        let early = judged(1000, 2, |_| 1.0);
        assert_eq!((early.forecast, early.state), (None, GoalState::OnPace));
        assert_eq!(judged(1000, 3, |_| 1.0).state, GoalState::OnPace);
        assert_eq!(judged(1000, 4, |_| 1.0).state, GoalState::Behind);
        assert_eq!(judged(1000, 20, |_| 49.0).state, GoalState::Missed);
        assert_eq!(judged(1000, 21, |_| 50.0).state, GoalState::Reached);
    }
}
