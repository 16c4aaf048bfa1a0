//! A year of plans for three brands, with posts by hand and slots that fail.

use std::collections::BTreeMap;
use std::fmt;

use jarchi::config::{self, Config, PillarKind};
use jarchi::content::{self, Due, NewPost};
use jarchi::model::{Draft, Id, Origin, PlanState, TimeSpan, Timestamp};
use jarchi::plan::{self, Span};
use jarchi::store::{Options, Store, StoreError};

use crate::chance::Chance;

/// A brand, and what disturbs its plans.
pub struct Sample {
    pub name: &'static str,
    /// Its accounts, pillars and campaigns, TOML.
    pub config: &'static str,
    /// Posts by hand a week, at most.
    pub by_hand: u64,
    /// Slots of a hundred for which no generator has something.
    pub failing: u64,
}

pub const BRANDS: [Sample; 3] = [
    Sample {
        name: "tea house",
        by_hand: 0,
        failing: 0,
        config: r#"
            [[account]]
            name = "cayevi"
            plugin = "mastodon"
            week = { mon = ["09:00", "18:00"], tue = ["09:00"], wed = ["09:00", "18:00"], thu = ["09:00"], fri = ["09:00", "18:00"], sat = ["10:00"] }

            [[pillar]]
            name = "how-to"
            weight = 3
            generators = ["writer"]

            [[pillar]]
            name = "behind the scenes"
            weight = 2
            generators = ["writer"]

            [[pillar]]
            name = "guests"
            generators = ["writer"]

            [[pillar]]
            name = "offers"
            kind = "promo"
            generators = ["writer"]

            [[campaign]]
            name = "novruz"
            goal = "sales"
            starts = "2027-03-01"
            ends = "2027-03-21"
            share = 0.3
        "#,
    },
    Sample {
        name: "bakery",
        by_hand: 4,
        failing: 10,
        config: r#"
            [[account]]
            name = "bread"
            plugin = "mastodon"
            slots = ["0 7,12,17 * * *"]
            plan = { per_day = 2, quiet_hours = ["21:00-06:30"] }

            [[account]]
            name = "cakes"
            plugin = "bluesky"
            slots = ["0 12,17 * * MON-SAT"]

            [[pillar]]
            name = "recipes"
            weight = 2
            generators = ["writer"]

            [[pillar]]
            name = "polls"
            generators = ["writer"]

            [[pillar]]
            name = "memes"
            generators = ["writer"]

            [[pillar]]
            name = "offers"
            kind = "promo"
            weight = 2
            generators = ["writer"]

            [[pillar]]
            name = "events"
            kind = "promo"
            generators = ["writer"]

            [[campaign]]
            name = "summer"
            goal = "awareness"
            starts = "2027-06-01"
            ends = "2027-08-31"
            share = 0.25

            [[campaign]]
            name = "christmas"
            goal = "sales"
            starts = "2027-11-25"
            ends = "2027-12-24"
            share = 0.5
        "#,
    },
    Sample {
        name: "workshop",
        by_hand: 10,
        failing: 25,
        config: r#"
            [[account]]
            name = "wood"
            plugin = "mastodon"
            slots = ["30 8 * * MON-FRI", "0 19 * * TUE,THU"]
            plan = { least_gap = "6h", on_holidays = "skip" }

            [[account]]
            name = "wood.video"
            plugin = "bluesky"
            slots = ["0 19 * * TUE,THU", "0 11 * * SUN"]

            [[pillar]]
            name = "videos"
            weight = 2
            generators = ["writer"]
            accounts = ["wood.video"]

            [[pillar]]
            name = "tools"
            weight = 3
            generators = ["writer"]

            [[pillar]]
            name = "courses"
            kind = "promo"
            generators = ["writer"]
        "#,
    },
];

/// What a year came to.
pub struct Report {
    pub name: &'static str,
    pub planned: usize,
    pub by_hand: usize,
    pub failed: usize,
    /// Posts that sell beyond those that should, at each planned slot.
    pub deviation: Vec<f64>,
    /// Wanted and found share of its kind, by pillar; planned slots alone.
    pub pillars: Vec<(String, f64, f64)>,
    /// Wanted and found share while it ran.
    pub campaigns: Vec<(String, f64, f64)>,
    /// Pillars that came twice in a row on an account, of a hundred.
    pub repeats: f64,
}

/// Monday.
const FIRST: &str = "2027-01-04T00:00:00Z";
const WEEKS: u64 = 52;

async fn post(store: &Store, config: &Config, new: NewPost, now: Timestamp) -> Id {
    content::accept(store, config, new, now)
        .await
        .expect("it is accepted")
        .post
}

fn words(text: String, accounts: Vec<String>, due: Timestamp) -> NewPost {
    NewPost {
        draft: Draft {
            text,
            ..Draft::default()
        },
        accounts,
        due: Due::At(due),
        origin: Origin::Command,
        pillar: None,
        campaign: None,
        repeat_after: None,
        round: 0,
    }
}

/// Plans the year.
///
/// # Panics
/// The configuration is wrong, or the store can't be written.
pub async fn run(sample: &Sample) -> Report {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("jarchi.toml");
    let text = format!(
        "[daemon]\nkeep_free = 0\n[[brand]]\nname = \"{}\"\ntime_zone = \"Asia/Baku\"\n\
         plan = {{ holidays = [\"01-20\", \"03-08\", \"03-20\"] }}\n\
         [[generator]]\nname = \"writer\"\nplugin = \"library\"\naccounts = []\n{}",
        sample.name, sample.config
    );
    std::fs::write(&path, text).expect("the configuration is written");
    let (config, _) = config::load_without_surroundings(&path).expect("it is right");
    let store = Store::open(&dir.path().join("store"), &Options::default()).expect("a store");
    let brand = &config.brands[sample.name];
    let mut chance = Chance::seeded(7);
    let mut report = Report {
        name: sample.name,
        planned: 0,
        by_hand: 0,
        failed: 0,
        deviation: Vec::new(),
        pillars: Vec::new(),
        campaigns: Vec::new(),
        repeats: 0.0,
    };
    let first: Timestamp = FIRST.parse().expect("a moment");
    let mut choices = Vec::new();
    for week in 0..WEEKS {
        let from = first.saturating_add(TimeSpan::from_days(7 * week));
        for number in 0..chance.below(sample.by_hand + 1) {
            let account = chance.below(config.accounts.len() as u64) as usize;
            let account = config.accounts.keys().nth(account).expect("there is one");
            let due = from.saturating_add(TimeSpan::from_mins(chance.below(7 * 24 * 60)));
            let mut new = words(
                format!("by hand {week} {number}"),
                vec![account.clone()],
                due,
            );
            if chance.below(2) == 0 {
                let pillar = chance.below(brand.strategy.pillars.len() as u64) as usize;
                new.pillar = brand.strategy.pillars.keys().nth(pillar).cloned();
            }
            post(&store, &config, new, from).await;
            report.by_hand += 1;
        }
        let span = Span {
            from,
            days: 7,
            seed: week,
        };
        let proposal = plan::run(&store, &config, brand, span, from)
            .await
            .expect("it is planned");
        for choice in &proposal.choices {
            let ratio = plan::ratio_at(store.view(), &config, brand, choice.slot);
            report
                .deviation
                .push(ratio.expect("it is read").deviation());
        }
        for choice in &proposal.choices {
            let id = choice.id.expect("it is written");
            if chance.below(100) < sample.failing {
                let failed = store.write(move |tx| plan::buried(tx, id, "nothing", from));
                failed.await.expect("it is written");
                report.failed += 1;
                continue;
            }
            let mut new = words(
                format!("planned {id}"),
                choice.accounts.clone(),
                choice.slot,
            );
            new.pillar = Some(choice.pillar.clone());
            new.campaign.clone_from(&choice.campaign);
            let post = post(&store, &config, new, from).await;
            let filled = store.write(move |tx| {
                let mut planned = tx.planned(id)?.expect("it is there");
                planned.state = PlanState::Filled;
                planned.post = Some(post);
                tx.put_planned(&mut planned)?;
                Ok::<_, StoreError>(())
            });
            filled.await.expect("it is written");
        }
        choices.extend(proposal.choices);
    }
    report.planned = choices.len();
    let strategy = &brand.strategy;
    for pillar in strategy.pillars.values() {
        let kind = |kind: PillarKind| pillar.kind == kind;
        let promo = kind(PillarKind::Promo);
        let own = strategy
            .pillars
            .values()
            .filter(|one| one.kind == pillar.kind);
        let total: u32 = own.map(|one| one.weight).sum();
        let of_kind = choices
            .iter()
            .filter(|one| one.promotional == promo)
            .count();
        let found = choices
            .iter()
            .filter(|one| one.pillar == pillar.name)
            .count();
        report.pillars.push((
            pillar.name.clone(),
            f64::from(pillar.weight) / f64::from(total),
            found as f64 / of_kind.max(1) as f64,
        ));
    }
    for campaign in strategy.campaigns.values() {
        let runs = |one: &&plan::Choice| {
            let local = one.slot.to_utc().with_timezone(&brand.time_zone);
            campaign.runs_on(local.date_naive())
        };
        let all = choices.iter().filter(runs).count();
        let own = choices
            .iter()
            .filter(|one| one.campaign.as_ref() == Some(&campaign.name))
            .count();
        report.campaigns.push((
            campaign.name.clone(),
            campaign.share,
            own as f64 / all.max(1) as f64,
        ));
    }
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    let (mut again, mut all) = (0, 0);
    for choice in &choices {
        for account in &choice.accounts {
            all += 1;
            let before = last.insert(account, &choice.pillar);
            again += usize::from(before == Some(&choice.pillar));
        }
    }
    report.repeats = 100.0 * again as f64 / f64::from(all.max(1));
    report
}

impl Report {
    /// The greatest distance from the wanted ratio, in posts.
    pub fn worst(&self) -> f64 {
        self.deviation
            .iter()
            .fold(0.0, |worst, one| worst.max(one.abs()))
    }

    /// Slots of a hundred at which the ratio held within one post.
    pub fn held(&self) -> f64 {
        let held = self.deviation.iter().filter(|one| one.abs() <= 1.0 + 1e-9);
        100.0 * held.count() as f64 / self.deviation.len().max(1) as f64
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}: {} slots planned, {} of them failed, {} posts by hand",
            self.name, self.planned, self.failed, self.by_hand
        )?;
        writeln!(
            f,
            "  value and promo within one post at {:.1} % of the slots, at worst {:.1} posts off",
            self.held(),
            self.worst()
        )?;
        for (name, wanted, found) in &self.pillars {
            let (wanted, found) = (100.0 * wanted, 100.0 * found);
            writeln!(
                f,
                "  pillar {name}: {found:.1} % of its kind, {wanted:.1} % wanted"
            )?;
        }
        for (name, wanted, found) in &self.campaigns {
            let (wanted, found) = (100.0 * wanted, 100.0 * found);
            writeln!(
                f,
                "  campaign {name}: {found:.1} % of the posts, {wanted:.1} % wanted"
            )?;
        }
        writeln!(f, "  the same pillar twice in a row: {:.1} %", self.repeats)
    }
}

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 150.0;
const MARGIN: f64 = 40.0;

/// How far the ratio was from the wanted one, slot by slot, a panel for each brand.
pub fn plot(reports: &[Report]) -> String {
    use fmt::Write as _;
    let most = reports.iter().map(Report::worst).fold(2.0, f64::max);
    let height = reports.len() as f64 * (HEIGHT + MARGIN) + MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        WIDTH + 2.0 * MARGIN
    );
    for (number, report) in reports.iter().enumerate() {
        let top = number as f64 * (HEIGHT + MARGIN) + MARGIN;
        let y = |posts: f64| top + HEIGHT / 2.0 - posts / most * HEIGHT / 2.0;
        let _ = writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{:.0}\">{}: promo posts beyond the wanted, at each slot of \
             the year</text>",
            top - 8.0,
            report.name
        );
        let _ = writeln!(
            svg,
            "<rect x=\"{MARGIN}\" y=\"{:.1}\" width=\"{WIDTH}\" height=\"{:.1}\" fill=\"#e8f3e8\"/>",
            y(1.0),
            y(-1.0) - y(1.0)
        );
        for posts in [-1.0, 0.0, 1.0] {
            let _ = writeln!(
                svg,
                "<line x1=\"{MARGIN}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#bbb\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{posts:+}</text>",
                MARGIN + WIDTH,
                MARGIN - 6.0,
                y(posts) + 4.0,
                at = y(posts)
            );
        }
        let count = report.deviation.len().max(2) - 1;
        let points: Vec<String> = report
            .deviation
            .iter()
            .enumerate()
            .map(|(slot, off)| {
                let x = MARGIN + WIDTH * slot as f64 / count as f64;
                format!("{x:.1},{:.1}", y(*off))
            })
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"#26547c\"/>",
            points.join(" ")
        );
    }
    svg.push_str("</svg>\n");
    svg
}
