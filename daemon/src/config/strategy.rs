//! What a brand wants to be, as types: its voice, its pillars, its campaigns, and the rules
//! by which its days are planned.

use std::collections::BTreeMap;

use chrono::{Datelike as _, NaiveDate, NaiveTime, Timelike as _};
use chrono_tz::Tz;
use url::Url;

use super::ApprovalRule;
use crate::model::{Measure, TimeSpan, Timestamp};

/// A brand's strategy.
#[derive(Clone, Debug, PartialEq)]
pub struct Strategy {
    pub voice: Voice,
    /// Whom the brand speaks to.
    pub audience: Option<String>,
    /// What people are asked to do, as `Book a table`.
    pub call_to_action: Option<String>,
    /// Of all posts, those that give instead of sell: 0 to 1.
    pub value_share: f64,
    /// The rolling window in which the shares hold.
    pub window: TimeSpan,
    /// How long before its slot a draft is asked for.
    pub lead: TimeSpan,
    pub holidays: Vec<Holiday>,
    pub pillars: BTreeMap<String, Pillar>,
    pub campaigns: BTreeMap<String, Campaign>,
    pub learn: LearnConfig,
}

/// How the brand learns from its numbers. docs/learning.md has the method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LearnConfig {
    pub number: LearnNumber,
    /// Posts are compared by their numbers at this age.
    pub age: TimeSpan,
    /// A post that is older by so much counts half.
    pub half_life: TimeSpan,
    /// Of the slots `best`, those that try an hour out: 0 to 1.
    pub explore: f64,
    /// Nothing is learned of an account with fewer; old ones count in part.
    pub least_posts: u32,
    /// How often something is called significant in an audience that is indifferent to all.
    pub false_alarms: f64,
}

impl Default for LearnConfig {
    fn default() -> Self {
        LearnConfig {
            number: LearnNumber::Interactions,
            age: TimeSpan::from_days(1),
            half_life: TimeSpan::from_days(60),
            explore: 0.15,
            least_posts: 30,
            false_alarms: 0.05,
        }
    }
}

/// What a post is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearnNumber {
    Interactions,
    /// By the best base that each post has.
    EngagementRate,
}

impl Default for Strategy {
    fn default() -> Self {
        Strategy {
            voice: Voice::default(),
            audience: None,
            call_to_action: None,
            value_share: 0.8,
            window: TimeSpan::from_days(28),
            lead: TimeSpan::from_days(1),
            holidays: Vec::new(),
            pillars: BTreeMap::new(),
            campaigns: BTreeMap::new(),
            learn: LearnConfig::default(),
        }
    }
}

impl Strategy {
    /// Pillars that the planner can fill.
    pub fn planned(&self) -> impl Iterator<Item = &Pillar> {
        self.pillars
            .values()
            .filter(|pillar| !pillar.generators.is_empty())
    }

    /// Whether what this generator has waits for the plan.
    pub fn plans_for(&self, generator: &str) -> bool {
        self.pillars
            .values()
            .any(|pillar| pillar.generators.iter().any(|name| name == generator))
    }

    pub fn is_holiday(&self, day: NaiveDate) -> bool {
        self.holidays.iter().any(|holiday| holiday.is(day))
    }
}

/// How the brand speaks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Voice {
    /// `formal`, `friendly`, `humorous`, or words of the brand's own.
    pub tone: Option<String>,
    /// Texts that sound as the brand does.
    pub examples: Vec<String>,
    /// Words and subjects that it never uses.
    pub taboos: Vec<String>,
}

/// A theme with a weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Pillar {
    pub name: String,
    pub kind: PillarKind,
    /// Against the other pillars of its kind.
    pub weight: u32,
    /// The weight follows the numbers, from this to that. None: it stays.
    pub learn: Option<(u32, u32)>,
    pub description: Option<String>,
    /// Asked in this order, until one has something.
    pub generators: Vec<String>,
    /// Empty: every account of the brand.
    pub accounts: Vec<String>,
    pub approval: ApprovalRule,
}

impl Pillar {
    pub fn takes(&self, account: &str) -> bool {
        self.accounts.is_empty() || self.accounts.iter().any(|name| name == account)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PillarKind {
    /// It gives: teaches, entertains, shows.
    Value,
    /// It sells.
    Promo,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Campaign {
    pub name: String,
    pub goal: Goal,
    /// By the brand's wall clock; the first day.
    pub starts: NaiveDate,
    /// The last day.
    pub ends: NaiveDate,
    /// Of the brand's posts while it runs: 0 to 1.
    pub share: f64,
    /// Empty: any pillar.
    pub pillars: Vec<String>,
    pub link: Option<Url>,
    /// Parameters of its links, as `utm_source`, in this order.
    pub utm: Vec<(String, String)>,
    /// What is to be reached.
    pub targets: BTreeMap<Measure, u64>,
}

impl Campaign {
    /// Whether it runs on this day of the brand's.
    pub fn runs_on(&self, day: NaiveDate) -> bool {
        (self.starts..=self.ends).contains(&day)
    }

    pub fn suits(&self, pillar: &str) -> bool {
        self.pillars.is_empty() || self.pillars.iter().any(|name| name == pillar)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    Awareness,
    Sales,
    Customers,
    Community,
}

/// A day off, every year or once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holiday {
    Yearly { month: u32, day: u32 },
    Once(NaiveDate),
}

impl Holiday {
    pub fn is(self, date: NaiveDate) -> bool {
        match self {
            Holiday::Yearly { month, day } => (date.month(), date.day()) == (month, day),
            Holiday::Once(day) => day == date,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HolidayPolicy {
    /// As any other day.
    #[default]
    Keep,
    /// Nothing is planned.
    Skip,
}

/// A part of the day, by the brand's wall clock; over midnight where it ends before it
/// begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    pub from: NaiveTime,
    /// Not in it any more.
    pub to: NaiveTime,
}

impl Hours {
    pub fn has(self, time: NaiveTime) -> bool {
        if self.from <= self.to {
            self.from <= time && time < self.to
        } else {
            self.from <= time || time < self.to
        }
    }
}

/// What the planner keeps to on one account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountPlan {
    /// Posts on one day of the brand's.
    pub per_day: Option<u32>,
    /// Between two posts.
    pub least_gap: TimeSpan,
    /// No slot lies in them.
    pub quiet_hours: Vec<Hours>,
    pub on_holidays: HolidayPolicy,
    /// Those of the slots that stand for the account's best hours.
    pub best: Vec<String>,
    /// How many of them each day has, Monday first.
    pub best_per_day: [u8; 7],
    /// What is learned for them, and tried, lies in these; empty: at any hour.
    pub best_within: Vec<Hours>,
}

impl AccountPlan {
    /// The hours that `best` may stand for where nobody says which: waking ones.
    pub const BEST_WITHIN: (u32, u32) = (7, 23);

    /// Whether `best` may stand for this hour of the day.
    pub fn may_be_best(&self, hour: u32) -> bool {
        NaiveTime::from_hms_opt(hour, 0, 0).is_some_and(|time| {
            let inside =
                self.best_within.is_empty() || self.best_within.iter().any(|hours| hours.has(time));
            inside && !self.quiet_hours.iter().any(|hours| hours.has(time))
        })
    }

    /// Why nothing is planned at this moment; none where it may be.
    pub fn closed(&self, strategy: &Strategy, zone: Tz, at: Timestamp) -> Option<&'static str> {
        let local = at.to_utc().with_timezone(&zone).naive_local();
        // Seconds and below do not count: quiet hours are written in minutes.
        let time = NaiveTime::from_hms_opt(local.hour(), local.minute(), 0).unwrap_or_default();
        if self.quiet_hours.iter().any(|hours| hours.has(time)) {
            Some("quiet hours")
        } else if self.on_holidays == HolidayPolicy::Skip && strategy.is_holiday(local.date()) {
            Some("a holiday")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_may_pass_midnight() {
        let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        let night = Hours {
            from: time(22, 0),
            to: time(7, 30),
        };
        for (hour, minute, inside) in [
            (21, 59, false),
            (22, 0, true),
            (23, 59, true),
            (0, 0, true),
            (7, 29, true),
            (7, 30, false),
            (12, 0, false),
        ] {
            assert_eq!(night.has(time(hour, minute)), inside, "{hour}:{minute}");
        }
    }

    #[test]
    fn holidays_and_quiet_hours_go_by_the_brands_clock() {
        let strategy = Strategy {
            holidays: vec![Holiday::Yearly { month: 3, day: 20 }],
            ..Strategy::default()
        };
        let plan = AccountPlan {
            on_holidays: HolidayPolicy::Skip,
            quiet_hours: vec![Hours {
                from: NaiveTime::from_hms_opt(0, 0, 0).unwrap(),
                to: NaiveTime::from_hms_opt(6, 0, 0).unwrap(),
            }],
            ..AccountPlan::default()
        };
        let closed = |text: &str| plan.closed(&strategy, Tz::Asia__Baku, text.parse().unwrap());
        // Baku is four hours ahead.
        assert_eq!(closed("2027-03-19T19:59:00Z"), None);
        assert_eq!(closed("2027-03-20T03:00:00Z"), Some("a holiday"));
        assert_eq!(closed("2027-03-19T20:00:00Z"), Some("quiet hours"));
        assert_eq!(closed("2027-03-21T03:00:00Z"), None);
    }
}
