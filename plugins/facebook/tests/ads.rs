//! Promotions: one at most, paused until the last step, never over the budget.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{TROUBLES, account, account_with, delivery, stage, trouble_at, video, with};
use jarchi_platforms::ads::{AD_ACCOUNT, AdAccount};
use jarchi_platforms::facebook::{Facebook as Server, PAGE, no};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_facebook::Facebook;
use jarchi_plugin_sdk::promoter::{Audience, Finding, Money, Objective, Promotion, Status};
use jarchi_plugin_sdk::{Account, Error, Measure, Metric, Post, Promoter, Receipt};
use serde_json::json;

const DAY: u64 = 24 * 3_600_000;

fn own() -> Account {
    account_with(json!({ "ad_account": AD_ACCOUNT, "ad_beneficiary": "Çay evi" }))
}

fn of(stage: &Stage<Server>, post: Post) -> Promotion {
    let now = stage.now();
    Promotion {
        key: "01JPROMOTION00000000000KEY".into(),
        created_at: now,
        name: "Spring".into(),
        post: stage.publish::<Facebook>(&delivery(post)).unwrap(),
        objective: Objective::Engagement,
        audience: Audience {
            countries: vec!["de".into()],
            min_age: Some(18),
            max_age: Some(65),
            languages: vec![],
            interests: vec![],
            options: "{}".into(),
        },
        budget: Money {
            minor: 2050,
            currency: "EUR".into(),
        },
        starts: now,
        ends: now + 3 * DAY,
        link: None,
        options: "{}".into(),
    }
}

fn promotion(stage: &Stage<Server>) -> Promotion {
    of(stage, Post::text("Salam"))
}

#[test]
fn a_promotion_from_its_start_to_its_end() {
    let stage = stage();
    let promotion = Promotion {
        objective: Objective::Traffic,
        link: Some("https://a.az".into()),
        ..promotion(&stage)
    };
    let campaign = Facebook::start(&own(), &promotion).unwrap();
    {
        let server = stage.platform.borrow();
        assert_eq!(server.ads.running()[0].id, campaign.id);
        let made = |kind: &str| {
            let found = server.ads.made.iter().find(|ad| ad.kind == kind);
            found.unwrap().body.clone()
        };
        assert_eq!(made("campaigns")["objective"], "OUTCOME_TRAFFIC");
        let set = made("adsets");
        assert_eq!(set["lifetime_budget"], 2050);
        assert_eq!(set["dsa_payor"], "Çay evi");
        let targeting = json!({ "geo_locations": { "countries": ["DE"] }, "age_min": 18,
                                "age_max": 65, "publisher_platforms": ["facebook"] });
        assert_eq!(set["targeting"], targeting);
        let creative = made("adcreatives");
        assert_eq!(creative["object_story_id"], json!(promotion.post.id));
        assert_eq!(creative["call_to_action"]["value"]["link"], "https://a.az");
    }
    let paused = Facebook::pause(&own(), &campaign).unwrap();
    assert_eq!(paused.status, Status::Paused);
    assert!(stage.platform.borrow().ads.running().is_empty());
    let active = Facebook::resume(&own(), &paused).unwrap();
    assert_eq!(active.status, Status::Active);
    let spent = Money {
        minor: 305,
        currency: "EUR".into(),
    };
    assert_eq!(active.spent, Some(spent));
    let seen = Metric::new(Measure::Impressions, 900);
    assert!(active.metrics.contains(&seen));
    for (review, status) in [
        ("PENDING_REVIEW", Status::InReview),
        ("DISAPPROVED", Status::Rejected),
    ] {
        stage.platform.borrow_mut().ads.review = review.into();
        let read = Facebook::read(&own(), std::slice::from_ref(&active)).unwrap();
        assert_eq!(read[0].status, status);
    }
    let ended = Facebook::end(&own(), &active).unwrap();
    assert_eq!(ended.status, Status::Ended);
    assert!(stage.platform.borrow().ads.running().is_empty());
}

#[test]
fn a_video_is_promoted_by_its_post() {
    let stage = stage();
    let promotion = of(&stage, with("Belə süzülür", vec![video(&stage, 10)]));
    Facebook::start(&own(), &promotion).unwrap();
    let server = stage.platform.borrow();
    let creative = server.ads.made.iter().find(|ad| ad.kind == "adcreatives");
    let story = format!("{PAGE}_{}", promotion.post.id);
    assert_eq!(creative.unwrap().body["object_story_id"], story);
}

#[test]
fn a_post_that_can_not_be_promoted() {
    let stage = stage();
    let promotion = promotion(&stage);
    stage.platform.borrow_mut().not_promotable = vec![promotion.post.id.clone()];
    let refused = Facebook::start(&own(), &promotion);
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let gone = Promotion {
        post: Receipt::new(format!("{PAGE}_1")),
        ..promotion
    };
    let refused = Facebook::start(&own(), &gone);
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    assert!(stage.platform.borrow().ads.running().is_empty());
}

/// Whatever answer is lost: one campaign runs, and none before it is known to be wanted.
#[test]
fn each_request_in_turn() {
    let untroubled = stage();
    let wanted = promotion(&untroubled);
    untroubled.called();
    Facebook::start(&own(), &wanted).unwrap();
    let requests = untroubled.called().len();
    drop(untroubled);
    for number in 0..requests {
        for trouble in TROUBLES {
            let stage = stage();
            let promotion = promotion(&stage);
            let met = trouble_at(&stage, number, trouble);
            let mut done = None;
            for _ in 0..5 {
                match Facebook::start(&own(), &promotion) {
                    Ok(campaign) => done = Some(campaign),
                    Err(Error::Transient(_)) => {
                        assert!(stage.platform.borrow().ads.running().is_empty());
                        continue;
                    }
                    Err(Error::UnknownOutcome(_)) => {
                        let found = Facebook::find_started(&own(), &promotion, 0);
                        match found.unwrap() {
                            Finding::Found(campaign) => done = Some(campaign),
                            Finding::Absent => continue,
                            Finding::CannotTell(reason) => panic!("{reason}"),
                        }
                    }
                    Err(error) => panic!("{error:?}"),
                }
                break;
            }
            let met = met.borrow();
            let server = stage.platform.borrow();
            let running = server.ads.running();
            assert_eq!(running.len(), 1, "{met}");
            assert_eq!(running[0].id, done.unwrap().id, "{met}");
        }
    }
}

#[test]
fn budgets_are_in_the_accounts_currency() {
    for (currency, minor, sent) in [
        ("HUF", 250_099, 2500),
        ("JPY", 500, 500),
        ("USD", 2050, 2050),
    ] {
        let stage = stage();
        stage.platform.borrow_mut().ads = AdAccount {
            currency: currency.into(),
            ..AdAccount::default()
        };
        let mut promotion = promotion(&stage);
        let other = Facebook::start(&own(), &promotion);
        assert!(matches!(other, Err(Error::Invalid(_))), "{other:?}");
        promotion.budget = Money {
            minor,
            currency: currency.into(),
        };
        Facebook::start(&own(), &promotion).unwrap();
        let server = stage.platform.borrow();
        let set = server.ads.made.iter().find(|ad| ad.kind == "adsets");
        assert_eq!(set.unwrap().body["lifetime_budget"], sent);
    }
}

/// The edge is taken, and what is past it is told before anything is made.
#[test]
fn limits_at_the_edge() {
    let stage = stage();
    let good = promotion(&stage);
    type Change = fn(&mut Promotion);
    let cases: [(Change, &[&str]); 11] = [
        (|_| {}, &[]),
        (|one| one.ends = one.starts + DAY, &[]),
        (|one| one.ends = one.starts + DAY - 1, &["ends"]),
        (|one| one.budget.minor = 0, &["budget"]),
        (|one| one.budget.currency = "KWD".into(), &["budget"]),
        (|one| one.objective = Objective::Sales, &["objective"]),
        (|one| one.objective = Objective::Traffic, &["link"]),
        (|one| one.objective = Objective::Awareness, &[]),
        (
            |one| one.audience.countries.clear(),
            &["audience.countries"],
        ),
        (
            |one| one.audience.interests.push("tea".into()),
            &["audience"],
        ),
        (
            |one| one.audience.options = "[]".into(),
            &["audience.options"],
        ),
    ];
    for (change, wanted) in cases {
        let mut promotion = good.clone();
        change(&mut promotion);
        let problems = <Facebook as Promoter>::validate(&own(), &promotion).unwrap();
        let places: Vec<String> = problems.into_iter().map(|one| one.place).collect();
        assert_eq!(places, wanted);
        if !wanted.is_empty() {
            let refused = Facebook::start(&own(), &promotion);
            assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
            assert!(stage.platform.borrow().ads.made.is_empty());
        }
    }
    let silent = account_with(json!({ "ad_account": AD_ACCOUNT }));
    let problems = <Facebook as Promoter>::validate(&silent, &good).unwrap();
    assert_eq!(problems[0].place, "audience.countries");
    let unset = <Facebook as Promoter>::validate(&account(), &good);
    assert!(matches!(unset, Err(Error::Invalid(_))), "{unset:?}");
    // Meta's own least budget: 100 a day here.
    for (minor, goes) in [(299, false), (300, true)] {
        let mut promotion = good.clone();
        promotion.budget.minor = minor;
        assert_eq!(Facebook::start(&own(), &promotion).is_ok(), goes, "{minor}");
    }
}

#[test]
fn refusals_in_the_queues_terms() {
    type Is = fn(&Error) -> bool;
    let invalid: Is = |error| matches!(error, Error::Invalid(_));
    let connect: Is = |error| matches!(error, Error::Unauthorized(_));
    let wait: Is = |error| matches!(error, Error::RateLimited(_));
    let again: Is = |error| matches!(error, Error::Transient(_));
    for (answer, is) in [
        (no(400, 190, 463, "expired"), connect),
        (no(403, 200, 0, "ads_management"), connect),
        (no(400, 294, 0, "managing advertisements"), connect),
        (no(400, 100, 1_885_272, "the budget is too low"), invalid),
        (no(400, 17, 2_446_079, "account limit"), wait),
        (
            no(400, 80_004, 0, "too many calls to this ad account"),
            wait,
        ),
        (no(400, 613, 0, "calls"), wait),
        // Nothing runs yet: it can be said again.
        (no(500, 2, 0, "service"), again),
        (Answer::empty(503), again),
    ] {
        let stage = stage();
        let promotion = promotion(&stage);
        let words = String::from_utf8_lossy(&answer.body).into_owned();
        stage.trouble_once("POST", "/adsets", Trouble::Instead(answer));
        let error = Facebook::start(&own(), &promotion).unwrap_err();
        assert!(is(&error), "{words}: {error:?}");
        assert!(stage.platform.borrow().ads.running().is_empty());
    }
    let stage = stage();
    let promotion = promotion(&stage);
    stage.platform.borrow_mut().ads.forbidden = true;
    let refused = Facebook::start(&own(), &promotion);
    assert!(
        matches!(refused, Err(Error::Unauthorized(_))),
        "{refused:?}"
    );
}
