//! The table.

use std::time::Duration;

use jarchi_tests::standin::{Fault, Nature, Wait};

/// A fault that befalls the publishing request, and what is seen in the end.
pub struct Row {
    /// Of the account too.
    pub name: &'static str,
    pub nature: Nature,
    pub fault: Fault,
    /// What the delivery went through.
    pub way: &'static str,
    /// Publishing requests that arrived.
    pub sends: usize,
    /// Posts on the platform in the end.
    pub posts: usize,
    /// Part of the reason of a failure; none: it is published.
    pub reason: Option<&'static str>,
}

impl Row {
    /// Nothing goes wrong.
    pub fn quiet(name: &'static str) -> Self {
        Row {
            name,
            nature: Nature::default(),
            fault: Fault::Pass,
            way: "send published",
            sends: 1,
            posts: 1,
            reason: None,
        }
    }
}

/// Taken, and found by a look.
const FOUND: (&str, usize) = ("send unknown, look found", 1);
/// Not taken, which only a look can tell.
const AGAIN: (&str, usize) = ("send unknown, look absent, send published", 2);
/// Turned away, which needs no look.
const LIMITED: (&str, usize) = ("send limited, send published", 2);

pub fn rows() -> Vec<Row> {
    let table = [
        ("429", Fault::TooMany(Wait::Unsaid), LIMITED),
        ("429-seconds", Fault::TooMany(Wait::Seconds(3)), LIMITED),
        ("429-date", Fault::TooMany(Wait::Date(3)), LIMITED),
        ("429-moment", Fault::TooMany(Wait::Moment(3)), LIMITED),
        ("429-epoch", Fault::TooMany(Wait::Epoch(3)), LIMITED),
        ("429-after", Fault::TooMany(Wait::After(3)), LIMITED),
        ("429-draft", Fault::TooMany(Wait::Draft(3)), LIMITED),
        ("429-combined", Fault::TooMany(Wait::Combined(3)), LIMITED),
        ("500", Fault::Refused(500), AGAIN),
        ("502", Fault::Refused(502), AGAIN),
        ("503", Fault::Refused(503), AGAIN),
        ("504", Fault::Refused(504), AGAIN),
        ("taken-500", Fault::TakenAnd(500), FOUND),
        ("taken-504", Fault::TakenAnd(504), FOUND),
        ("reset-before", Fault::ResetBefore, AGAIN),
        ("reset-after", Fault::ResetAfter, FOUND),
        ("answer-lost", Fault::AnswerLost, FOUND),
        ("cut-in-half", Fault::CutInHalf, FOUND),
        ("slow-drip", Fault::Drip(100), ("send published", 1)),
        (
            "endless-drip",
            Fault::Drip(1000),
            ("send failed, look found", 1),
        ),
        ("no-json", Fault::NoJson, FOUND),
        ("html", Fault::Html, FOUND),
        ("html-instead", Fault::HtmlInstead, AGAIN),
        ("sent-on", Fault::SentOn, ("send published", 2)),
        ("sent-away", Fault::SentAway, AGAIN),
        (
            "silence",
            Fault::Silence,
            ("send failed, look absent, send published", 2),
        ),
    ];
    let mut rows: Vec<Row> = table
        .into_iter()
        .map(|(name, fault, (way, sends))| Row {
            fault,
            way,
            sends,
            ..Row::quiet(name)
        })
        .collect();
    for (name, status, way, reason) in [
        ("401", 401, "send unauthorised", "jarchi queue retry"),
        ("403", 403, "send unauthorised", "jarchi queue retry"),
        ("404", 404, "send refused", "answered 404"),
        ("422", 422, "send refused", "answered 422"),
    ] {
        rows.push(Row {
            fault: Fault::Refused(status),
            way,
            posts: 0,
            reason: Some(reason),
            ..Row::quiet(name)
        });
    }
    let keyless = Nature {
        ignores_keys: true,
        ..Nature::default()
    };
    // It is looked for twice, since the first look comes too early.
    rows.push(Row {
        nature: Nature {
            hides_for: Duration::from_secs(4),
            ..keyless
        },
        fault: Fault::ResetAfter,
        way: "send unknown, look absent, look found",
        ..Row::quiet("shown-late")
    });
    // A second try would be refused: there is none.
    rows.push(Row {
        nature: Nature {
            refuses_doubles: true,
            ..keyless
        },
        fault: Fault::TakenAnd(500),
        way: FOUND.0,
        ..Row::quiet("refuses-doubles")
    });
    rows
}
