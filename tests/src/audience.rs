//! An audience that is made up, to see what the planner learns of it: its week, its tastes, its
//! whims and the day on which all of that changes are stated here.

use jarchi::config::{self, Brand, Config};
use jarchi::measure::learn::decide::APART;
use jarchi::measure::learn::draw::Draw;
use jarchi::measure::learn::{self, Learned};
use jarchi::measure::query::HourOfWeek;
use jarchi::model::{Id, Measure, Metric, Sample, TimeSpan, Timestamp};
use jarchi::plan::{self, Span};
use jarchi::store::{Block, Options, PostNumbers, Store, StoreError};

/// A rise of the audience's interest around an hour of the day, in the logarithm.
#[derive(Clone, Copy, Debug)]
pub struct Peak {
    pub hour: f64,
    pub height: f64,
    /// Hours.
    pub width: f64,
}

const fn peak(hour: f64, height: f64) -> Peak {
    let width = 1.3;
    Peak {
        hour,
        height,
        width,
    }
}

/// What an audience likes.
#[derive(Clone, Copy, Debug)]
pub struct Taste {
    /// From Monday to Friday; the three best hours are those of the peaks.
    pub weekday: [Peak; 3],
    pub weekend: [Peak; 3],
    /// By pillar, in the logarithm: `tips`, `stories`, `guests`, `offers`.
    pub pillars: [f64; 4],
}

pub const PILLARS: [&str; 4] = ["tips", "stories", "guests", "offers"];

/// Before the change: lunch and the late evening, and tips.
pub const BEFORE: Taste = Taste {
    weekday: [peak(21.0, 0.8), peak(12.0, 0.55), peak(8.0, 0.35)],
    weekend: [peak(11.0, 0.8), peak(16.0, 0.5), peak(20.0, 0.35)],
    pillars: [0.35, 0.0, -0.2, -0.3],
};

/// After it: mornings and afternoons, and guests.
pub const AFTER: Taste = Taste {
    weekday: [peak(8.0, 0.8), peak(16.0, 0.55), peak(20.0, 0.35)],
    weekend: [peak(19.0, 0.8), peak(14.0, 0.5), peak(9.0, 0.35)],
    pillars: [-0.2, 0.0, 0.35, -0.3],
};

/// One that is indifferent to everything.
pub const NOISE: Taste = Taste {
    weekday: [peak(0.0, 0.0); 3],
    weekend: [peak(0.0, 0.0); 3],
    pillars: [0.0; 4],
};

/// The standard deviation of a post's luck, in the logarithm: of 100 posts, 16 get more than
/// 1.6 times what they should, and 16 less than 0.6 times.
pub const LUCK: f64 = 0.5;
/// Likes of a post about which nothing is special.
pub const USUAL: f64 = 80.0;

impl Taste {
    /// What an hour of the week adds, in the logarithm.
    pub fn hour(&self, hour: usize) -> f64 {
        let peaks = if hour / 24 < 5 {
            &self.weekday
        } else {
            &self.weekend
        };
        let clock = (hour % 24) as f64;
        let add = |peak: &Peak| {
            let far = (clock - peak.hour).abs();
            let far = far.min(24.0 - far);
            peak.height * (-0.5 * (far / peak.width).powi(2)).exp()
        };
        peaks.iter().map(add).sum()
    }

    pub fn pillar(&self, name: &str) -> f64 {
        let at = PILLARS.iter().position(|one| *one == name);
        at.map_or(0.0, |at| self.pillars[at])
    }
}

/// How the brand posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// At 10:00, 13:00 and 18:00, with fixed weights.
    Fixed,
    /// Three times `best` a day, with weights that follow the numbers.
    Learned,
    /// As that, with fixed weights.
    HoursAlone,
}

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn configuration(policy: Policy, half_life: &str) -> String {
    let slots = match policy {
        Policy::Fixed => r#"["10:00", "13:00", "18:00"]"#,
        Policy::Learned | Policy::HoursAlone => r#"["best", "best", "best"]"#,
    };
    let week: Vec<String> = DAYS.iter().map(|day| format!("{day} = {slots}")).collect();
    let pillars = PILLARS.iter().map(|name| {
        let kind = if *name == "offers" { "promo" } else { "value" };
        let learn = match policy {
            Policy::Learned if kind == "value" => "learn = { least = 1, most = 6 }",
            _ => "",
        };
        format!(
            "[[pillar]]\nname = \"{name}\"\nkind = \"{kind}\"\nweight = 2\n{learn}\n\
             generators = [\"writer\"]\n"
        )
    });
    format!(
        "[daemon]\nkeep_free = 0\n[[brand]]\nname = \"tea house\"\ntime_zone = \"Asia/Baku\"\n\
         learn = {{ half_life = \"{half_life}\" }}\n\
         [[account]]\nname = \"cayevi\"\nplugin = \"mastodon\"\nweek = {{ {} }}\n\
         [[generator]]\nname = \"writer\"\nplugin = \"library\"\naccounts = []\n{}",
        week.join(", "),
        pillars.collect::<String>()
    )
}

/// A simulated brand.
pub struct Stage {
    dir: tempfile::TempDir,
    config: Config,
    store: Store,
    luck: Draw,
    seed: u64,
    number: u64,
}

/// What a week came to.
#[derive(Clone, Debug)]
pub struct Week {
    /// What its posts should get, luck aside, against posts about which nothing is special.
    pub engagement: f64,
    pub posts: usize,
}

const ACCOUNT: &str = "cayevi";
/// Monday.
const FIRST: &str = "2027-01-03T20:00:00Z";
const DAY: TimeSpan = TimeSpan::from_days(1);

fn at(week: u64) -> Timestamp {
    let first: Timestamp = FIRST.parse().expect("a moment");
    first.saturating_add(TimeSpan::from_days(7 * week))
}

impl Stage {
    /// # Panics
    /// The configuration is wrong, or the store can't be written, as in all of these.
    pub fn new(policy: Policy, half_life: &str, seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("jarchi.toml");
        std::fs::write(&path, configuration(policy, half_life)).expect("it is written");
        let (config, _) = config::load_without_surroundings(&path).expect("it is right");
        let store = Store::open(&dir.path().join("store"), &Options::default()).expect("a store");
        Stage {
            config,
            store,
            luck: Draw::new(&format!("luck {seed}")),
            seed,
            number: 0,
            dir,
        }
    }

    fn brand(&self) -> &Brand {
        self.config.brands.values().next().expect("there is one")
    }

    /// Plans a week with the planner, publishes it, and lets this audience see it.
    pub async fn week(&mut self, week: u64, taste: &Taste) -> Week {
        let from = at(week);
        let span = Span {
            from,
            days: 7,
            seed: self.seed,
        };
        let proposal = plan::run(&self.store, &self.config, self.brand(), span, from)
            .await
            .expect("it is planned");
        let mut records = Vec::new();
        let mut engagement = 0.0;
        let zone = self.brand().time_zone;
        for choice in &proposal.choices {
            let hour = HourOfWeek::of(choice.slot, zone);
            let expected = taste.hour(usize::from(hour.0)) + taste.pillar(&choice.pillar);
            engagement += expected.exp();
            let likes = USUAL * (expected + LUCK * self.luck.normal()).exp();
            self.number += 1;
            let mut record = PostNumbers {
                delivery: Id(1_000_000 + self.number),
                post: Id(1_000_000 + self.number),
                account: ACCOUNT.to_owned(),
                published: choice.slot,
                pillar: Some(choice.pillar.clone()),
                campaign: None,
                generator: Some("writer".to_owned()),
                media: None,
                hashtags: Vec::new(),
                followers: None,
                gone: None,
                next: None,
                readings: Block::default(),
            };
            let sample = Sample {
                at: choice.slot.saturating_add(DAY),
                metrics: vec![Metric {
                    measure: Measure::Likes,
                    value: likes.round() as i64,
                }],
            };
            record.take(&sample, &[DAY]);
            records.push(record);
        }
        let posts = records.len();
        let written = self.store.write(move |tx| {
            for record in &records {
                tx.put_post_numbers(record)?;
            }
            Ok::<_, StoreError>(())
        });
        written.await.expect("it is written");
        Week {
            engagement: engagement / posts.max(1) as f64,
            posts,
        }
    }

    /// What is learned at the end of a week.
    pub fn learned(&self, week: u64) -> Learned {
        let now = at(week + 1).saturating_add(DAY);
        learn::learn(self.store.view(), &self.config, self.brand(), now).expect("it is read")
    }

    /// The three best hours from Monday to Friday, as far apart as the planner has them, by what
    /// is learned.
    pub fn best_three(learned: &Learned) -> [usize; 3] {
        let mut left: Vec<(usize, f64)> = (7..23)
            .map(|hour| {
                let days = (0..5).filter_map(|day| learned.hour(ACCOUNT, 24 * day + hour));
                (hour, days.map(|one| one.factor.ln()).sum())
            })
            .collect();
        let mut best = [0; 3];
        for place in &mut best {
            let first = left.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            *place = first.map_or(0, |first| first.0);
            left.retain(|(hour, _)| hour.abs_diff(*place) >= APART);
        }
        best
    }

    /// Whether anything is called significant that is.
    pub fn sees_something(&self, learned: &Learned) -> bool {
        let rate = self.brand().strategy.learn.false_alarms;
        let mut trials = learned.trials().into_iter();
        trials.any(|(_, trial)| trial.corrected <= rate)
    }

    pub fn directory(&self) -> &std::path::Path {
        self.dir.path()
    }
}

/// How many of the three are within an hour of the true ones.
pub fn near(found: [usize; 3], taste: &Taste) -> usize {
    let truth = taste.weekday.iter();
    truth
        .filter(|peak| {
            let near = |hour: &usize| (*hour as f64 - peak.hour).abs() <= 1.0;
            found.iter().any(near)
        })
        .count()
}
