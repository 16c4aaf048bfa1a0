//! Promotions: made without being shown, set going last, never more than the budget.

use jarchi_platforms::linkedin::Campaign as Booked;
use jarchi_platforms::{Answer, Trouble};
use jarchi_plugin_linkedin::LinkedIn;
use jarchi_plugin_sdk::promoter::{Audience, Finding, Money, Objective, Promotion, Status};
use jarchi_plugin_sdk::{Error, Measure, Metric, Promoter, Receipt, Severity};
use serde_json::{Value, json};

use crate::*;

const DAY: u64 = 24 * HOUR;

fn promotion(stage: &Stage<Platform>) -> Promotion {
    let post = stage
        .publish::<LinkedIn>(&delivery(Post::text("Gəlin")))
        .expect("published");
    Promotion {
        key: "01JDEVKEY0000000000000TEST".into(),
        created_at: stage.now(),
        name: "Yaz: çay (50%)".into(),
        post,
        objective: Objective::Engagement,
        audience: Audience {
            countries: vec!["AZ".into(), "de".into()],
            min_age: Some(25),
            max_age: Some(54),
            languages: vec!["tr".into(), "en-GB".into()],
            interests: vec!["urn:li:interest:42".into()],
            options: String::new(),
        },
        budget: Money {
            minor: 12_345,
            currency: "EUR".into(),
        },
        starts: stage.now() + HOUR,
        ends: stage.now() + 7 * DAY,
        link: None,
        options: String::new(),
    }
}

fn only(stage: &Stage<Platform>) -> Booked {
    let books = stage.platform.borrow();
    assert_eq!(books.campaigns.len(), 1, "one campaign");
    assert_eq!(books.creatives.len(), 1, "one advertisement");
    books.campaigns.values().next().expect("a campaign").clone()
}

#[test]
fn a_promotion_is_set_going_last() {
    let stage = stage();
    let promotion = promotion(&stage);
    stage.requests();
    let campaign = LinkedIn::start(&page(), &promotion).expect("started");
    let requests = stage.requests();
    let last = requests.last().expect("requests");
    assert_eq!(
        last.json().expect("JSON"),
        json!({"patch": {"$set": {"status": "ACTIVE"}}})
    );
    let booked = only(&stage);
    assert_eq!(booked.history, ["PAUSED", "ACTIVE"]);
    let body = &booked.body;
    let sum = json!({"amount": "123.45", "currencyCode": "EUR"});
    assert_eq!(
        (&body["totalBudget"], body.get("dailyBudget")),
        (&sum, None)
    );
    assert_eq!(body["name"], "Yaz  çay  50 [01JDEVKEY0000000000000TEST]");
    assert_eq!(body["locale"], json!({"country": "TR", "language": "tr"}));
    assert_eq!(body["politicalIntent"], "NOT_POLITICAL");
    assert_eq!(
        body["runSchedule"],
        json!({"start": promotion.starts, "end": promotion.ends})
    );
    let facets = body["targetingCriteria"]["include"]["and"]
        .as_array()
        .expect("facets");
    let facet = |name: &str| {
        let name = format!("urn:li:adTargetingFacet:{name}");
        facets
            .iter()
            .find_map(|one| one["or"].get(&name))
            .cloned()
            .unwrap_or_default()
    };
    assert_eq!(
        facet("locations"),
        json!(["urn:li:geo:103226548", "urn:li:geo:101282230"])
    );
    assert_eq!(
        facet("interfaceLocales"),
        json!(["urn:li:locale:tr_TR", "urn:li:locale:en_US"])
    );
    assert_eq!(
        facet("ageRanges"),
        json!(["urn:li:ageRange:(25,34)", "urn:li:ageRange:(35,54)"])
    );
    assert_eq!(facet("interests"), json!(["urn:li:interest:42"]));
    let books = stage.platform.borrow();
    let group = books.groups.values().next().expect("a group");
    assert_eq!(group["totalBudget"], sum);
    let creative = books.creatives.values().next().expect("an advertisement");
    assert_eq!(creative.body["content"]["reference"], promotion.post.id);
    assert_eq!(campaign.status, Status::InReview);
}

#[test]
fn objectives_and_bids() {
    for (objective, options, expected) in [
        (
            Objective::Awareness,
            "",
            ("BRAND_AWARENESS", "CPM", "MAX_IMPRESSION", "0"),
        ),
        (
            Objective::Followers,
            "",
            ("ENGAGEMENT", "CPM", "MAX_CLICK", "0"),
        ),
        (
            Objective::Traffic,
            r#"{"bid":"4.50"}"#,
            ("WEBSITE_VISIT", "CPC", "NONE", "4.50"),
        ),
        (
            Objective::Awareness,
            r#"{"bid":"9"}"#,
            ("BRAND_AWARENESS", "CPM", "NONE", "9"),
        ),
        (
            Objective::Sales,
            r#"{"objective":"ENGAGEMENT"}"#,
            ("ENGAGEMENT", "CPM", "MAX_CLICK", "0"),
        ),
    ] {
        let stage = stage();
        let promotion = Promotion {
            objective,
            options: options.into(),
            ..promotion(&stage)
        };
        LinkedIn::start(&page(), &promotion).expect("started");
        let body = only(&stage).body;
        let text = |name: &str| body[name].as_str().expect("text").to_owned();
        let told = (
            text("objectiveType"),
            text("costType"),
            text("optimizationTargetType"),
        );
        assert_eq!(
            (told.0.as_str(), told.1.as_str(), told.2.as_str()),
            (expected.0, expected.1, expected.2)
        );
        assert_eq!(body["unitCost"]["amount"], expected.3);
    }
}

/// Whatever request is lost, on the way there or back: one campaign in the end, and none
/// that is shown without being known.
#[test]
fn lost_at_every_request() {
    for lose in [
        Trouble::LoseAnswer,
        Trouble::NotSent,
        Trouble::Instead(Answer::empty(500)),
    ] {
        for number in 0..20 {
            let stage = stage();
            let promotion = promotion(&stage);
            let mut left = number;
            let trouble = lose.clone();
            stage.trouble(move |_| {
                left -= 1;
                (left == -1).then(|| trouble.clone())
            });
            let first = LinkedIn::start(&page(), &promotion);
            stage.no_trouble();
            let mut lost = false;
            match first {
                Ok(_) => {}
                Err(Error::Transient(_)) => {
                    let shown = stage.platform.borrow();
                    assert!(shown.campaigns.values().all(|one| one.status == "PAUSED"));
                }
                Err(Error::UnknownOutcome(_)) => {
                    lost = true;
                    let found =
                        LinkedIn::find_started(&page(), &promotion, stage.now()).expect("told");
                    let going = only(&stage).status == "ACTIVE";
                    assert_eq!(
                        matches!(found, Finding::Found(_)),
                        going,
                        "{number}: {found:?}"
                    );
                }
                Err(error) => panic!("{number}: {error:?}"),
            }
            if lost
                || stage
                    .platform
                    .borrow()
                    .campaigns
                    .values()
                    .all(|one| one.status != "ACTIVE")
            {
                LinkedIn::start(&page(), &promotion).expect("started");
            }
            assert_eq!(only(&stage).status, "ACTIVE", "{number}");
            assert_eq!(stage.platform.borrow().groups.len(), 1, "{number}");
        }
    }
}

#[test]
fn a_promotion_lives() {
    let stage = stage();
    let promotion = promotion(&stage);
    let mut campaign = LinkedIn::start(&page(), &promotion).expect("started");
    let id: u64 = campaign.id.parse().expect("a number");
    let read = |campaign: &jarchi_plugin_sdk::promoter::Campaign| {
        LinkedIn::read(&page(), std::slice::from_ref(campaign))
            .expect("told")
            .remove(0)
    };
    assert_eq!(
        (read(&campaign).status, read(&campaign).spent),
        (Status::InReview, None)
    );
    {
        let mut books = stage.platform.borrow_mut();
        books
            .creatives
            .values_mut()
            .for_each(|one| one.review = "APPROVED");
        let booked = books.campaigns.get_mut(&id).expect("the campaign");
        booked.numbers = Some(json!({
            "impressions": 900, "clicks": 12, "likes": 3, "comments": 1, "shares": 0, "follows": 2,
            "costInLocalCurrency": "10.0010000",
            "pivotValues": [format!("urn:li:sponsoredCampaign:{id}")],
        }));
    }
    campaign = read(&campaign);
    assert_eq!(campaign.status, Status::Active);
    // One that LinkedIn does not know is left out, and many are few requests.
    let mut all = vec![campaign.clone(); 60];
    all[59].id = "1".into();
    stage.requests();
    let told = LinkedIn::read(&page(), &all).expect("told");
    assert_eq!((told.len(), stage.requests().len()), (59, 6));
    // Rounded up: spent is spent.
    assert_eq!(campaign.spent.as_ref().map(|money| money.minor), Some(1001));
    assert_eq!(campaign.metrics[0], Metric::new(Measure::Impressions, 900));
    assert_eq!(
        campaign.metrics.last(),
        Some(&Metric::new(Measure::Other("follows".into()), 2))
    );
    let status = |stage: &Stage<Platform>| stage.platform.borrow().campaigns[&id].status.clone();
    campaign = LinkedIn::pause(&page(), &campaign).expect("paused");
    assert_eq!(
        (campaign.status, status(&stage).as_str()),
        (Status::Paused, "PAUSED")
    );
    campaign = LinkedIn::resume(&page(), &campaign).expect("resumed");
    assert_eq!(
        (campaign.status, status(&stage).as_str()),
        (Status::Active, "ACTIVE")
    );
    let hold = |holds: Vec<&'static str>, review: &'static str| {
        let mut books = stage.platform.borrow_mut();
        books.campaigns.get_mut(&id).expect("the campaign").holds = holds;
        books
            .creatives
            .values_mut()
            .for_each(|one| one.review = review);
    };
    hold(vec!["CAMPAIGN_TOTAL_BUDGET_HOLD"], "APPROVED");
    assert_eq!(read(&campaign).status, Status::Ended);
    hold(vec![], "REJECTED");
    let rejected = read(&campaign);
    assert_eq!(
        (rejected.status, rejected.note.as_deref()),
        (Status::Rejected, Some("MISLEADING"))
    );
    campaign = LinkedIn::end(&page(), &campaign).expect("ended");
    assert_eq!(
        (read(&campaign).status, status(&stage).as_str()),
        (Status::Ended, "ARCHIVED")
    );
    let again = LinkedIn::resume(&page(), &campaign);
    assert!(matches!(again, Err(Error::Invalid(_))), "{again:?}");
}

#[test]
fn what_would_be_refused() {
    let stage = stage();
    let good = promotion(&stage);
    let errors = |account: &Account, promotion: &Promotion| -> Vec<String> {
        let told = <LinkedIn as Promoter>::validate(account, promotion).expect("told");
        assert!(told.iter().all(|one| one.severity == Severity::Error));
        told.into_iter().map(|one| one.place).collect()
    };
    assert_eq!(errors(&page(), &good), Vec::<String>::new());
    assert_eq!(
        errors(&member(), &good),
        [
            "settings.ad_account",
            "settings.not_political",
            "settings.author"
        ]
    );
    let kind = |kind: &str| Receipt {
        data: Some(json!({ "kind": kind }).to_string()),
        ..good.post.clone()
    };
    let audience = |change: &dyn Fn(&mut Audience)| {
        let mut changed = good.clone();
        change(&mut changed.audience);
        changed
    };
    let rows: Vec<(Promotion, &str)> = vec![
        (
            Promotion {
                post: kind("poll"),
                ..good.clone()
            },
            "post",
        ),
        (
            Promotion {
                post: kind("multi_image"),
                ..good.clone()
            },
            "post",
        ),
        (
            Promotion {
                objective: Objective::Leads,
                ..good.clone()
            },
            "objective",
        ),
        (
            Promotion {
                objective: Objective::Sales,
                ..good.clone()
            },
            "objective",
        ),
        (
            Promotion {
                ends: good.starts + DAY - 1,
                ..good.clone()
            },
            "ends",
        ),
        (
            Promotion {
                budget: Money {
                    minor: 0,
                    currency: "EUR".into(),
                },
                ..good.clone()
            },
            "budget",
        ),
        (
            Promotion {
                options: r#"{"bid":"much"}"#.into(),
                ..good.clone()
            },
            "options.bid",
        ),
        (
            Promotion {
                options: r#"{"bids":"1"}"#.into(),
                ..good.clone()
            },
            "options.bids",
        ),
        (audience(&|one| one.countries.clear()), "audience.countries"),
        (
            audience(&|one| one.countries.push("XX".into())),
            "audience.countries",
        ),
        (
            audience(&|one| one.languages.push("az".into())),
            "audience.languages",
        ),
        (audience(&|one| one.min_age = Some(30)), "audience.min-age"),
        (audience(&|one| one.max_age = Some(24)), "audience.min-age"),
        (
            audience(&|one| one.interests.push("tea".into())),
            "audience.interests",
        ),
        (
            audience(&|one| one.options = r#"{"location":[]}"#.into()),
            "audience.options.location",
        ),
    ];
    stage.requests();
    for (promotion, place) in rows {
        assert_eq!(errors(&page(), &promotion), [place]);
        let refused = LinkedIn::start(&page(), &promotion);
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
    assert!(stage.requests().is_empty(), "nothing was sent");
    let many = audience(&|one| one.countries = vec!["DE".into(); 26]);
    assert_eq!(errors(&page(), &many), ["audience.countries"]);
    // A country that LinkedIn names otherwise is not guessed.
    let guessed = audience(&|one| one.countries = vec!["FR".into()]);
    let refused = LinkedIn::start(&page(), &guessed);
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    assert!(stage.platform.borrow().campaigns.is_empty());
}

#[test]
fn without_the_scope() {
    let stage = stage();
    let promotion = promotion(&stage);
    let campaign = LinkedIn::start(&page(), &promotion).expect("started");
    stage.platform.borrow_mut().scopes.remove("rw_ads");
    // Not `Unauthorized`: posting goes on.
    for refused in [
        LinkedIn::start(&page(), &promotion).map(drop),
        LinkedIn::find_started(&page(), &promotion, 0).map(drop),
        LinkedIn::pause(&page(), &campaign).map(drop),
        LinkedIn::read(&page(), &[campaign]).map(drop),
    ] {
        assert!(matches!(refused, Err(Error::Unsupported(_))), "{refused:?}");
    }
}

#[test]
fn ones_own_targeting() {
    let stage = stage();
    let mut promotion = promotion(&stage);
    promotion.audience = Audience {
        countries: vec![],
        min_age: None,
        max_age: None,
        languages: vec![],
        interests: vec![],
        options: json!({
            "locations": ["urn:li:geo:9"],
            "facets": {"industries": ["urn:li:industry:4"]},
            "exclude": {"employers": ["urn:li:organization:5"]},
            "locale": "de_DE",
        })
        .to_string(),
    };
    LinkedIn::start(&page(), &promotion).expect("started");
    let body: Value = only(&stage).body;
    assert_eq!(
        body["targetingCriteria"],
        json!({
            "include": {"and": [
                {"or": {"urn:li:adTargetingFacet:locations": ["urn:li:geo:9"]}},
                {"or": {"urn:li:adTargetingFacet:industries": ["urn:li:industry:4"]}},
            ]},
            "exclude": {"or": {"urn:li:adTargetingFacet:employers": ["urn:li:organization:5"]}},
        })
    );
    assert_eq!(body["locale"], json!({"country": "DE", "language": "de"}));
}
