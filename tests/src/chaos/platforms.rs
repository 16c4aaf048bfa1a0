//! Platforms of several kinds, each with the connector that knows what it is like.

use std::path::Path;
use std::time::Duration;

use jarchi::plugin::component::embed_manifest;

use crate::chance::Chance;
use crate::standin::{Fault, Moment, Nature, Standin, Wait, token_of};

/// A kind of platform.
pub struct Kind {
    pub name: &'static str,
    pub nature: Nature,
    /// The `delivery` section of its connector's manifest; none: as Mastodon's own.
    promise: Option<(Option<u64>, bool)>,
}

impl Kind {
    /// It offers a key or can be searched: nothing that is sent to it needs a person.
    pub fn tells(&self) -> bool {
        !(self.nature.ignores_keys && self.nature.lists_nothing)
    }

    fn plugin(&self) -> String {
        match self.promise {
            None => "mastodon".to_owned(),
            Some(_) => format!("mastodon-{}", self.name),
        }
    }

    /// The connector's manifest, which tells the truth about this kind.
    fn manifest(&self, stock: &str) -> String {
        let before = stock.split("[delivery]").next().unwrap_or(stock);
        let Some((key, search)) = self.promise else {
            return stock.to_owned();
        };
        let mut text = before.replacen(
            "name = \"mastodon\"",
            &format!("name = \"{}\"", self.plugin()),
            1,
        );
        text.push_str("[delivery]\n");
        if let Some(seconds) = key {
            text.push_str(&format!("idempotent_for = {seconds}\n"));
        }
        text.push_str(&format!("can_look_up = {search}\n"));
        // A second more: two clocks and a request lie in between.
        let visible = self.nature.hides_for.as_secs() + 1;
        text.push_str(&format!("visible_after = {visible}\n"));
        text
    }
}

/// All kinds; one of them shows what is posted so much later.
pub fn kinds(late: Duration) -> Vec<Kind> {
    let searched = Nature {
        ignores_keys: true,
        ..Nature::default()
    };
    let kind = |name, nature, promise| Kind {
        name,
        nature,
        promise,
    };
    vec![
        kind("full", Nature::default(), None),
        kind("search", searched, Some((None, true))),
        kind(
            "key",
            Nature {
                lists_nothing: true,
                ..Nature::default()
            },
            Some((Some(3600), false)),
        ),
        kind(
            "neither",
            Nature {
                lists_nothing: true,
                ..searched
            },
            Some((None, false)),
        ),
        kind(
            "late",
            Nature {
                hides_for: late,
                ..searched
            },
            Some((None, true)),
        ),
        kind(
            "once",
            Nature {
                refuses_doubles: true,
                ..searched
            },
            Some((None, true)),
        ),
    ]
}

/// A platform of some kind, and its accounts.
pub struct Platform {
    pub kind: Kind,
    pub standin: Standin,
    pub accounts: Vec<String>,
}

impl Platform {
    pub fn start(kind: Kind, accounts: usize) -> Self {
        let names = |number| format!("{}{number}", kind.name);
        let accounts: Vec<String> = (0..accounts).map(names).collect();
        let borrowed: Vec<&str> = accounts.iter().map(String::as_str).collect();
        let standin = Standin::start(&borrowed);
        standin.be(kind.nature);
        Platform {
            kind,
            standin,
            accounts,
        }
    }

    /// Its connector, as a file in this folder.
    pub fn install(&self, folder: &Path) {
        let stock = std::fs::read(crate::plugins::stock("mastodon")).expect("a component");
        let manifest = crate::plugins::checkout().join("plugins/mastodon/plugin.toml");
        let manifest = std::fs::read_to_string(manifest).expect("a manifest");
        let component = embed_manifest(&stock, &self.kind.manifest(&manifest));
        let path = folder.join(format!("{}.wasm", self.kind.plugin()));
        std::fs::write(path, component).expect("a file");
    }

    /// Its part of the configuration.
    pub fn config(&self) -> String {
        let plugin = self.kind.plugin();
        let mut text = format!(
            "\n[[plugin]]\nname = \"{plugin}\"\nconcurrency = 8\n\
             limits = {{ cpu = \"2s\", wall = \"3s\" }}\n\
             \n[[plugin.grant]]\nhost = \"{}\"\nplain_http = true\nprivate = true\n\
             reason = \"The harness' own server\"\n",
            self.standin.address()
        );
        for name in &self.accounts {
            text.push_str(&format!(
                "\n[[account]]\nname = \"{name}\"\nplugin = \"{plugin}\"\n\
                 settings = {{ server = \"{}\" }}\nsecrets = {{ token = \"{}\" }}\n\
                 rails = {{ per_hour = 100000, per_day = 1000000, least_gap = \"0s\", \
                 late = \"publish\" }}\n",
                self.standin.url(),
                token_of(name)
            ));
        }
        text
    }

    /// Lets things go wrong from now on, by this seed.
    pub fn trouble(&self, seed: u64, number: u64, percent: u64) {
        self.standin
            .schedule(std::sync::Arc::new(move |request, _: &Moment| {
                let mut chance = Chance::seeded(seed ^ (number << 56) ^ (request << 20));
                (chance.below(100) < percent).then(|| fault(&mut chance))
            }));
    }
}

fn fault(chance: &mut Chance) -> Fault {
    let wait = [
        Wait::Unsaid,
        Wait::Seconds(1),
        Wait::Date(1),
        Wait::Moment(1),
        Wait::Epoch(1),
        Wait::After(1),
        Wait::Draft(1),
        Wait::Combined(1),
    ];
    match chance.below(15) {
        0 => Fault::TooMany(chance.pick(&wait)),
        1 => Fault::Refused(chance.pick(&[500, 502, 503, 504])),
        2 | 3 => Fault::TakenAnd(chance.pick(&[500, 502, 504])),
        4 => Fault::ResetBefore,
        5 | 6 => Fault::ResetAfter,
        7 => Fault::AnswerLost,
        8 => Fault::CutInHalf,
        9 => Fault::Drip(chance.pick(&[60, 600])),
        10 => Fault::NoJson,
        11 => Fault::Html,
        12 => Fault::HtmlInstead,
        13 => chance.pick(&[Fault::SentOn, Fault::SentAway]),
        _ => chance.pick(&[Fault::Silence, Fault::ResetBefore, Fault::ResetAfter]),
    }
}
