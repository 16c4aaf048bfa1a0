//! The day's budget: reserved before, settled after, and never exceeded.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use common::*;
use jarchi_platforms::openai::{OpenAi, Say, error};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_llm::ledger::Day;
use jarchi_plugin_sdk::testing::START;
use jarchi_plugin_sdk::{Error, Generator};
use serde_json::{Value, json};

const TODAY: &str = "day/2026-11-24";
/// From 08:00 UTC to midnight in Baku, UTC+4.
const LEFT: u64 = 12 * 3_600_000;

fn day(stage: &Stage<OpenAi>) -> Day {
    stage.host.kept(TODAY).unwrap_or_default()
}

fn priced(more: Value) -> Value {
    let mut settings = json!({
        "price_in": "2.50", "price_out": "10", "budget_per_day": "1.00", "max_tokens": 1000,
    });
    settings
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    settings
}

#[test]
fn a_request_costs_what_the_endpoint_says() {
    let stage = saying([say(GOOD)]);
    generate(&stage, &brief(priced(json!({})))).unwrap();
    let prompt = stage.platform.borrow().prompt(0);
    let read = prompt.len() as u64 / 4 + 1;
    let written = post(GOOD).to_string().len() as u64 / 4 + 1;
    let spent = Day {
        requests: 1,
        tokens_in: read,
        tokens_out: written,
        money: read * 2_500_000 + written * 10_000_000,
    };
    assert_eq!(day(&stage), spent);
    let logs = stage.host.logs();
    assert!(
        logs.iter()
            .any(|(_, line)| line.contains("today so far: 1 requests")),
        "{logs:?}"
    );
}

#[test]
fn an_answer_without_usage_is_estimated() {
    let stage = saying([Say::NoUsage(post(GOOD))]);
    generate(&stage, &brief(priced(json!({})))).unwrap();
    let told = stage.platform.borrow().prompt(0).len() as u64;
    let day = day(&stage);
    assert!(
        day.tokens_in >= told / 2 && day.tokens_in < told,
        "{day:?} of {told}"
    );
    assert!(day.tokens_out >= post(GOOD).to_string().len() as u64 / 2 && day.tokens_out < 1000);
}

#[test]
fn over_budget_nothing_is_asked_before_the_next_day() {
    for limit in [
        json!({ "budget_per_day": "0.05" }),
        json!({ "tokens_per_day": 8000, "budget_per_day": "100" }),
    ] {
        let stage = stage(OpenAi::default());
        let mut brief = brief(priced(limit));
        let mut made = 0;
        let fault = loop {
            brief.slot = Some(START + made * 3_600_000);
            match generate(&stage, &brief) {
                Ok(batch) => made += batch.drafts.len() as u64,
                Err(fault) => break fault,
            }
            assert!(made < 20, "it has no end");
        };
        assert!(made > 0);
        assert_eq!(fault, Error::RateLimited(Some(LEFT)));
        let logs = stage.host.logs();
        let told = |(_, line): &(_, String)| line.contains("today's budget of");
        assert!(logs.iter().any(told), "{logs:?}");
        let requests = asked(&stage);
        let day = day(&stage);
        assert!(day.money <= 50_000_000_000 || day.tokens_in + day.tokens_out <= 8000);

        // The next day of the brand, not of UTC.
        brief.now = START + LEFT - 1;
        assert_eq!(
            generate(&stage, &brief).unwrap_err(),
            Error::RateLimited(Some(1))
        );
        brief.now = START + LEFT;
        assert!(generate(&stage, &brief).is_ok());
        assert!(asked(&stage) > requests);
    }
}

#[test]
fn what_was_made_before_the_budget_ended_is_handed_out() {
    let stage = stage(OpenAi::default());
    let mut brief = brief(priced(json!({ "tokens_per_day": 8000 })));
    brief.wanted = 20;
    let batch = generate(&stage, &brief).unwrap();
    assert!(!batch.drafts.is_empty() && batch.drafts.len() < 20);
    let problem = &batch.problems[0].message;
    assert!(
        problem.contains("today's budget of 8000 tokens"),
        "{problem}"
    );
}

#[test]
fn what_may_have_been_written_is_paid_for() {
    let ending = "/chat/completions";
    let lost: Vec<(Option<Trouble>, Option<Say>)> = vec![
        (Some(Trouble::LoseAnswer), None),
        (None, Some(Say::Instead(Answer::empty(504)))),
        (
            None,
            Some(Say::Instead(Answer::new(200, "application/json", "{\"cho"))),
        ),
    ];
    for (trouble, say) in lost {
        let stage = saying(say.clone());
        if let Some(trouble) = trouble {
            stage.trouble_once("POST", ending, trouble);
        }
        assert!(generate(&stage, &brief(priced(json!({})))).is_err());
        let day = day(&stage);
        assert_eq!(day.tokens_out, 1000, "the whole reservation: {say:?}");
        assert!(day.tokens_in > 0 && day.money > 0);
    }
}

#[test]
fn what_was_refused_costs_nothing() {
    for answer in [
        error(401, "no", "x", None),
        error(429, "no", "x", None),
        error(400, "no", "x", None),
        error(500, "no", "x", None),
    ] {
        let stage = saying([Say::Instead(answer)]);
        assert!(generate(&stage, &brief(priced(json!({})))).is_err());
        let day = day(&stage);
        assert_eq!((day.tokens_in, day.tokens_out, day.money), (0, 0, 0));
    }
    let stage = saying([]);
    stage.trouble_once("POST", "/chat/completions", Trouble::NotSent);
    assert!(generate(&stage, &brief(priced(json!({})))).is_err());
    assert_eq!(day(&stage).money, 0);
}

/// The daemon is killed while the model writes: the call never returns, and what it had
/// not committed is gone.
#[test]
fn a_run_that_is_cut_off_has_spent_what_it_reserved() {
    let stage = saying([say(GOOD)]);
    let killed = std::panic::AssertUnwindSafe(|| {
        stage.trouble(|_| panic!("killed"));
        let _ = jarchi_plugin_llm::Llm::generate(&brief(priced(json!({}))));
    });
    assert!(std::panic::catch_unwind(killed).is_err());
    stage.host.end_call(false);
    let day = day(&stage);
    assert_eq!(day.requests, 1);
    assert_eq!(day.tokens_out, 1000);
    assert!(day.money >= 10_000_000_000);
}

#[test]
fn a_fault_after_a_paid_answer_does_not_forget_it() {
    let stage = saying([
        say("Bu gün hər şeyə 20% endirim var."),
        Say::Instead(error(500, "no", "x", None)),
    ]);
    assert!(generate(&stage, &brief(priced(json!({})))).is_err());
    let day = day(&stage);
    assert_eq!(day.requests, 2);
    assert!(day.tokens_out > 0 && day.tokens_out < 1000, "{day:?}");
}

#[test]
fn a_month_of_days_is_kept() {
    let stage = stage(OpenAi::default());
    let mut brief = brief(json!({}));
    for at in 0..40 {
        brief.now = START + at * 86_400_000;
        brief.slot = Some(brief.now);
        let batch = generate(&stage, &brief).unwrap();
        let _ = batch;
    }
    assert_eq!(stage.host.kept::<Day>(TODAY), None);
    assert!(stage.host.kept::<Day>("day/2027-01-02").is_some());
}
