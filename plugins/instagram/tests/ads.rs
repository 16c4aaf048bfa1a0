//! Promotions: one at most, paused until the last step, never over the budget.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{account, facebook, stage};
use jarchi_platforms::ads::{AD_ACCOUNT, AdAccount};
use jarchi_platforms::instagram::{Instagram as Server, PAGE, USER};
use jarchi_platforms::{Answer, Stage, Trouble};
use jarchi_plugin_instagram::Instagram;
use jarchi_plugin_sdk::promoter::{Audience, Finding, Money, Objective, Promotion, Status};
use jarchi_plugin_sdk::{Account, Error, Measure, Metric, Promoter, Receipt};
use serde_json::json;

const DAY: u64 = 24 * 3_600_000;

fn own() -> Account {
    account(json!({ "login": "facebook", "user": USER, "page": PAGE,
                    "ad_account": AD_ACCOUNT, "ad_beneficiary": "Tea House" }))
}

fn promotion(stage: &Stage<Server>) -> Promotion {
    let now = stage.now();
    Promotion {
        key: "01JPROMOTION00000000000KEY".into(),
        created_at: now,
        name: "Spring".into(),
        post: Receipt::new(stage.platform.borrow_mut().post("a", now)),
        objective: Objective::Engagement,
        audience: Audience {
            countries: vec!["de".into()],
            min_age: Some(18),
            max_age: None,
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

#[test]
fn a_promotion_from_its_start_to_its_end() {
    let stage = stage(Server::facebook());
    let promotion = promotion(&stage);
    let campaign = Instagram::start(&own(), &promotion).unwrap();
    {
        let platform = stage.platform.borrow();
        assert_eq!(platform.ads.running()[0].id, campaign.id);
        let set = platform
            .ads
            .made
            .iter()
            .find(|ad| ad.kind == "adsets")
            .unwrap();
        assert_eq!(set.body["lifetime_budget"], 2050);
        assert_eq!(set.body["dsa_payor"], "Tea House");
        assert_eq!(
            set.body["targeting"],
            json!({ "geo_locations": { "countries": ["DE"] }, "age_min": 18,
                    "publisher_platforms": ["instagram"] })
        );
        let creative = platform
            .ads
            .made
            .iter()
            .find(|ad| ad.kind == "adcreatives")
            .unwrap();
        assert_eq!(
            creative.body["source_instagram_media_id"],
            json!(promotion.post.id)
        );
        assert_eq!(creative.body["object_id"], PAGE);
    }
    let paused = Instagram::pause(&own(), &campaign).unwrap();
    assert_eq!(paused.status, Status::Paused);
    assert!(stage.platform.borrow().ads.running().is_empty());
    let active = Instagram::resume(&own(), &paused).unwrap();
    assert_eq!(active.status, Status::Active);
    assert_eq!(
        active.spent,
        Some(Money {
            minor: 305,
            currency: "EUR".into()
        })
    );
    assert!(
        active
            .metrics
            .contains(&Metric::new(Measure::Impressions, 900))
    );
    stage.platform.borrow_mut().ads.review = "DISAPPROVED".into();
    let read = Instagram::read(&own(), &[active]).unwrap();
    assert_eq!(read[0].status, Status::Rejected);
    let ended = Instagram::end(&own(), &read[0]).unwrap();
    assert_eq!(ended.status, Status::Ended);
    assert!(stage.platform.borrow().ads.running().is_empty());
}

/// Whatever answer is lost: one campaign runs, and none before it is known to be wanted.
#[test]
fn any_lost_answer() {
    let untroubled = stage(Server::facebook());
    Instagram::start(&own(), &promotion(&untroubled)).unwrap();
    let requests = untroubled.requests().len();
    drop(untroubled);
    for at in 0..requests {
        for trouble in [
            Trouble::LoseAnswer,
            Trouble::NotSent,
            Trouble::Instead(Answer::empty(500)),
        ] {
            let stage = stage(Server::facebook());
            let promotion = promotion(&stage);
            let mut count = 0;
            stage.trouble(move |_| {
                count += 1;
                (count == at + 1).then(|| trouble.clone())
            });
            let mut done = None;
            for _ in 0..5 {
                match Instagram::start(&own(), &promotion) {
                    Ok(campaign) => done = Some(campaign),
                    Err(Error::Transient(_)) => {
                        assert!(stage.platform.borrow().ads.running().is_empty());
                        continue;
                    }
                    Err(Error::UnknownOutcome(_)) => {
                        match Instagram::find_started(&own(), &promotion, promotion.created_at)
                            .unwrap()
                        {
                            Finding::Found(campaign) => done = Some(campaign),
                            Finding::Absent => continue,
                            Finding::CannotTell(reason) => panic!("{reason}"),
                        }
                    }
                    Err(error) => panic!("{error:?}"),
                }
                break;
            }
            let platform = stage.platform.borrow();
            let running = platform.ads.running();
            assert_eq!(running.len(), 1, "request {at}");
            assert_eq!(running[0].id, done.unwrap().id);
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
        let stage = stage(Server {
            ads: AdAccount {
                currency: currency.into(),
                ..AdAccount::default()
            },
            ..Server::facebook()
        });
        let mut promotion = promotion(&stage);
        let other = Instagram::start(&own(), &promotion);
        assert!(matches!(other, Err(Error::Invalid(_))), "{other:?}");
        promotion.budget = Money {
            minor,
            currency: currency.into(),
        };
        Instagram::start(&own(), &promotion).unwrap();
        let platform = stage.platform.borrow();
        let set = platform
            .ads
            .made
            .iter()
            .find(|ad| ad.kind == "adsets")
            .unwrap();
        assert_eq!(set.body["lifetime_budget"], sent);
        drop(platform);
    }
}

#[test]
fn what_meta_would_refuse() {
    let stage = stage(Server::facebook());
    let good = promotion(&stage);
    let places = |promotion: &Promotion| -> Vec<String> {
        let problems = Instagram::validate(&own(), promotion).unwrap();
        problems.into_iter().map(|problem| problem.place).collect()
    };
    assert!(places(&good).is_empty());
    let with = |change: fn(&mut Promotion)| {
        let mut promotion = good.clone();
        change(&mut promotion);
        places(&promotion)
    };
    assert_eq!(with(|one| one.objective = Objective::Sales), ["objective"]);
    assert_eq!(with(|one| one.objective = Objective::Traffic), ["link"]);
    assert_eq!(
        with(|one| one.audience.countries.clear()),
        ["audience.countries"]
    );
    assert_eq!(
        with(|one| one.audience.interests.push("tea".into())),
        ["audience"]
    );
    assert_eq!(
        with(|one| one.audience.options = "[]".into()),
        ["audience.options"]
    );
    assert_eq!(with(|one| one.ends = one.starts + DAY - 1), ["ends"]);
    assert_eq!(with(|one| one.budget.minor = 0), ["budget"]);
    assert_eq!(with(|one| one.budget.currency = "KWD".into()), ["budget"]);
    let mut silent = own();
    silent.settings = silent.settings.replace("ad_beneficiary", "no_beneficiary");
    let problems = Instagram::validate(&silent, &good).unwrap();
    assert_eq!(problems[0].place, "audience.countries");
    assert!(matches!(
        Instagram::validate(&facebook(), &good),
        Err(Error::Invalid(_))
    ));
    let other = Instagram::validate(&account(json!({})), &good);
    assert!(matches!(other, Err(Error::Unsupported(_))), "{other:?}");
}
