//! The sections of a brand's strategy as they stand in a file.

use super::raw::{DAY, HOUR, Named};
use super::reader::{Located, section};
use super::strategy_values::{
    DateText, HolidayText, HoursText, Share, SlotTime, Targets, TimeText, Utm, WebAddress,
};
use super::values::{Name, Span, Whole};
use super::{
    Approval, ApprovalRule, Goal, HolidayPolicy, LearnConfig, LearnNumber, PillarKind, Strategy,
};
use crate::model::OnDeadline;

section! {
    /// How the brand speaks.
    RawVoice {
        /// `formal`, `friendly`, `humorous`, or words of your own.
        tone: String,
        /// Texts that sound as the brand does.
        examples: Vec<Located<String>>,
        /// Words and subjects that it never uses.
        taboos: Vec<Located<String>>,
    }

    /// The rules by which the brand's days are planned.
    RawBrandPlan {
        /// Of all posts, those that give instead of sell: 0 to 1.
        value_share: Share = Strategy::default().value_share,
        /// The rolling window in which the shares hold.
        window: Span<{ 7 * DAY }, { 366 * DAY }> = Strategy::default().window,
        /// How long before its slot a draft is asked for.
        lead: Span<0, { 30 * DAY }> = Strategy::default().lead,
        /// Days off, each year (`03-20`) or once (`2027-03-20`).
        holidays: Vec<Located<HolidayText>>,
        /// What happens on them, where the account says nothing else: `keep` plans as on
        /// any other day, `skip` plans nothing.
        on_holidays: HolidayPolicy = HolidayPolicy::Keep.word(),
        /// Nothing is planned in these, where the account says nothing else:
        /// `22:00-08:00`, by the brand's wall clock.
        quiet_hours: Vec<Located<HoursText>>,
        /// Hours that `best` may stand for, where the account says nothing else; else
        /// `07:00-23:00`.
        best_within: Vec<Located<HoursText>>,
    }

    /// How the brand learns from its numbers.
    RawLearn {
        /// What a post is judged by: `interactions` or `engagement-rate`.
        number: LearnNumber = LearnConfig::default().number.word(),
        /// Posts are compared by their numbers at this age; one of `[measure] ages`.
        age: Span<{ HOUR }, { 90 * DAY }> = LearnConfig::default().age,
        /// A post that is older by so much counts half.
        half_life: Span<{ 7 * DAY }, { 3660 * DAY }> = LearnConfig::default().half_life,
        /// Of the slots `best`, those that try an hour out: 0 to 1. Half of them do as long as
        /// there are fewer posts than `least_posts`; with 0 none ever.
        explore: Share = LearnConfig::default().explore,
        /// Nothing is learned of an account with fewer; old ones count in part.
        least_posts: Whole<5, 100_000> = LearnConfig::default().least_posts,
        /// How often at most something is called significant in an audience that is indifferent
        /// to all: 0 to 1.
        false_alarms: Share = LearnConfig::default().false_alarms,
    }

    /// The bounds of a weight that follows the numbers.
    RawPillarLearn {
        /// It is never less.
        least(required): Whole<1, 1000>,
        /// It is never more.
        most(required): Whole<1, 1000>,
    }

    /// Slots by the day of the week, besides `slots`. A time, or `best`.
    RawWeek {
        /// Monday.
        mon: Vec<Located<SlotTime>>,
        /// Tuesday.
        tue: Vec<Located<SlotTime>>,
        /// Wednesday.
        wed: Vec<Located<SlotTime>>,
        /// Thursday.
        thu: Vec<Located<SlotTime>>,
        /// Friday.
        fri: Vec<Located<SlotTime>>,
        /// Saturday.
        sat: Vec<Located<SlotTime>>,
        /// Sunday.
        sun: Vec<Located<SlotTime>>,
        /// What `best` stands for as long as too little is known of the account: the first
        /// of these times that the day does not have yet.
        best: Vec<Located<TimeText>>,
    }

    /// What the planner keeps to on this account.
    RawAccountPlan {
        /// Posts on one day of the brand's.
        per_day: Whole<1, 1000>,
        /// Between two posts.
        least_gap: Span<0, { 7 * DAY }> = crate::model::TimeSpan::ZERO,
        /// Instead of the brand's: nothing is planned in these.
        quiet_hours: Vec<Located<HoursText>>,
        /// Instead of the brand's: `keep` or `skip`.
        on_holidays: HolidayPolicy,
        /// Instead of the brand's: hours that `best` may stand for.
        best_within: Vec<Located<HoursText>>,
    }

    /// A theme of a brand's posts.
    RawPillar {
        /// What posts and campaigns call it.
        name(required): String,
        /// May be left out where there is one brand only.
        brand: String,
        /// `value` gives: it teaches, entertains, shows. `promo` sells.
        kind: PillarKind = PillarKind::Value.word(),
        /// Against the other pillars of its kind.
        weight: Whole<1, 1000> = 1,
        /// The weight follows the numbers within these bounds; else it stays.
        learn: RawPillarLearn,
        /// What belongs to it; generators are told.
        description: String,
        /// Asked in this order, until one has something. Without them the planner leaves it
        /// to you.
        generators: Vec<Located<Name>>,
        /// Else every account of the brand.
        accounts: Vec<Located<Name>>,
        /// Whether a person lets its posts out: `none`, `optional` or `required`. Of the
        /// pillar's, the generator's and the accounts' the strictest counts.
        approval: Approval = Approval::None.word(),
        /// How long before its due time a person should have answered; `0s`: at its due time.
        approval_deadline: Span<0, { 30 * DAY }> = ApprovalRule::DEADLINE,
        /// What becomes of a post without an answer by then: `publish`, `hold` or `cancel`.
        /// Else `publish` where approval is optional, and `hold` where it is required.
        on_deadline: OnDeadline,
    }

    /// Posts with one goal, from one day to another.
    RawCampaign {
        /// What posts call it.
        name(required): String,
        /// May be left out where there is one brand only.
        brand: String,
        /// `awareness`, `sales`, `customers` or `community`.
        goal(required): Goal,
        /// Its first day.
        starts(required): DateText,
        /// Its last day.
        ends(required): DateText,
        /// Of the brand's posts while it runs: 0 to 1.
        share(required): Share,
        /// Its posts are of these pillars; else of any.
        pillars: Vec<Located<String>>,
        /// Where it leads; generators are told.
        link: WebAddress,
        /// Added to the links of its posts, where they have none of that name: `source`
        /// becomes `utm_source`.
        utm: Utm,
        /// What is to be reached: numbers by measure, as `clicks = 500`.
        targets: Targets,
    }
}

impl Named for RawPillar {
    fn name(&self) -> Option<(&str, &super::Place)> {
        let name = self.name.as_ref()?;
        Some((&name.value, &name.place))
    }
}

impl Named for RawCampaign {
    fn name(&self) -> Option<(&str, &super::Place)> {
        let name = self.name.as_ref()?;
        Some((&name.value, &name.place))
    }
}
