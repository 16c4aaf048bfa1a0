//! Posts that a person lets out: on what terms they wait, what ends that, and what becomes of
//! the slot of one that nobody wants.

use jarchi::config::{Approval, ApprovalRule, Config};
use jarchi::content::{self, GeneratorDue};
use jarchi::model::{Delivery, Id, OnDeadline, PlanState, Post, TimeSpan};
use jarchi::service::api::{
    DeliveryLine, PostDetail, PostRequest, Posted, Request, ReviewLine, Reviewed, Reviews,
};

use crate::common::platform::LONGEST;
use crate::stage::{World, fluent};
use crate::world::{BRAND, Given, Of, Writer, at, draft};

fn rule(approval: Approval, hours: u64, on_deadline: Option<OnDeadline>) -> ApprovalRule {
    ApprovalRule {
        approval,
        deadline: Some(TimeSpan::from_hours(hours)),
        on_deadline,
    }
}

/// Every pillar of the brand has this rule.
fn pillars(config: &mut Config, rule: ApprovalRule) {
    let brand = config.brands.get_mut(BRAND).unwrap();
    for pillar in brand.strategy.pillars.values_mut() {
        pillar.approval = rule;
    }
}

impl World {
    async fn reviews(&self) -> Vec<ReviewLine> {
        let list: Reviews = self.ask(Request::Reviews).await.unwrap();
        list.reviews
    }

    async fn approve(&self, post: Id) -> Result<Reviewed, String> {
        self.ask(Request::Approve { post }).await
    }

    async fn edit(&self, post: Id, text: &str) -> Result<Reviewed, String> {
        let (text, account) = (text.to_owned(), None);
        self.ask(Request::Edit {
            post,
            text,
            account,
        })
        .await
    }

    async fn reject(&self, post: Id, because: Option<&str>) -> Result<Reviewed, String> {
        let because = because.map(str::to_owned);
        self.ask(Request::Reject { post, because }).await
    }

    fn post(&self, id: Id) -> Post {
        self.store().view().post(id).unwrap().unwrap()
    }

    fn deliveries_of(&self, post: Id) -> Vec<Delivery> {
        let view = self.store().view();
        let ids = self.post(post).deliveries;
        let found = ids.iter().map(|id| view.delivery(*id).unwrap().unwrap());
        found.collect()
    }

    fn states(&self, post: Id) -> Vec<&'static str> {
        let all = self.deliveries_of(post);
        all.iter().map(|one| one.state.name()).collect()
    }

    fn out(&self) -> Vec<String> {
        self.platform.book().texts.clone()
    }

    fn reminded(&self, post: Id) -> bool {
        let alarm = self.store().view().alarm(&format!("approval:{post}"));
        alarm.unwrap().is_some_and(|alarm| alarm.cleared.is_none())
    }
}

/// 09:00 and 18:00 of Monday, in Baku.
const MORNING: &str = "2026-11-23T05:00:00Z";
const EVENING: &str = "2026-11-23T14:00:00Z";

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_yes_never_goes_out_without_one() {
    let writer = Writer::new(fluent);
    let world = World::with(&["writer"], &["writer"], writer, |config| {
        pillars(config, rule(Approval::Required, 1, None));
        config.approval.remind = TimeSpan::from_mins(90);
    })
    .await;
    world.plan().await;
    let reviews = world.reviews().await;
    assert_eq!(reviews.len(), 2, "{reviews:#?}");
    let (first, second) = (reviews[0].post, reviews[1].post);
    assert_eq!(reviews[0].accounts, ["cafe", "shop"]);
    assert_eq!(reviews[0].due, at(MORNING));
    assert_eq!(reviews[0].deadline, at("2026-11-23T04:00:00Z"));
    assert!(reviews[0].required && reviews[0].on_deadline == OnDeadline::Hold);
    // Its deadline is in these minutes: somebody is told at once. Of the other, 90 minutes
    // before its deadline.
    assert!(world.reminded(first) && !world.reminded(second));
    world.pass(at("2026-11-23T11:29:00Z")).await;
    assert!(!world.reminded(second));
    world.pass(at("2026-11-23T11:31:00Z")).await;
    assert!(world.reminded(second));

    // Long after, and in another daemon, they wait on.
    world.pass(at("2026-11-23T22:00:00Z")).await;
    let world = world.again().await;
    world.pass(at("2026-11-23T23:00:00Z")).await;
    assert_eq!(world.states(first), ["pending", "pending"]);
    assert_eq!(world.out(), [""; 0]);
    let line: DeliveryLine = {
        let delivery = world.deliveries_of(first)[0].id;
        let refused = world.ask::<DeliveryLine>(Request::Retry { delivery }).await;
        assert!(refused.unwrap_err().contains("jarchi approve"));
        let queue: jarchi::service::api::QueueList = world
            .ask(Request::Queue {
                account: None,
                all: false,
                dead: false,
                limit: 1,
            })
            .await
            .unwrap();
        queue.deliveries[0].clone()
    };
    assert_eq!(line.state, "pending");
    assert!(line.note.unwrap().contains("Mon 2026-11-23 08:00 +04"));

    // A yes after its time lets it out now, and not as one that was missed.
    let approved = world.approve(first).await.unwrap();
    assert_eq!(approved.outcome, "approved");
    world.idle().await;
    assert_eq!(world.states(first), ["published", "published"]);
    assert_eq!(world.deliveries_of(first)[0].due, world.clock.now());
    assert!(!world.reminded(first) && world.reminded(second));
    assert_eq!(world.states(second), ["pending", "pending"]);
    let refused = world.approve(first).await.unwrap_err();
    assert!(
        refused.contains("approved at") && refused.contains("by command"),
        "{refused}"
    );
    let missing = world.approve(Id(99_999)).await.unwrap_err();
    assert!(missing.contains("there is no post 99999"), "{missing}");
    let delivery = world.deliveries_of(first)[0].id;
    let confused = world.approve(delivery).await.unwrap_err();
    assert!(
        confused.contains(&format!("delivery of post {first}")),
        "{confused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_publishes_holds_or_cancels_by_the_terms() {
    for (end, states) in [
        (None, ["published", "published"]),
        (Some(OnDeadline::Publish), ["published", "published"]),
        (Some(OnDeadline::Hold), ["pending", "pending"]),
        (Some(OnDeadline::Cancel), ["cancelled", "cancelled"]),
    ] {
        let writer = Writer::new(fluent);
        let world = World::with(&["writer"], &["writer"], writer, |config| {
            pillars(config, rule(Approval::Optional, 2, end));
        })
        .await;
        world.plan().await;
        let reviews = world.reviews().await;
        let evening = reviews.iter().find(|one| one.due == at(EVENING)).unwrap();
        let post = evening.post;
        world.pass(at("2026-11-23T11:59:59Z")).await;
        assert_eq!(world.states(post), ["pending", "pending"], "{end:?}");
        assert!(!world.reminded(post), "nobody has to answer");
        world.pass(at("2026-11-23T12:00:00Z")).await;
        match end {
            None | Some(OnDeadline::Publish) => {
                assert_eq!(
                    world.states(post),
                    ["waiting", "waiting"],
                    "not before its time"
                );
            }
            _ => assert_eq!(world.states(post), states),
        }
        assert_eq!(world.reminded(post), end == Some(OnDeadline::Hold));
        world.pass(at(EVENING)).await;
        assert_eq!(world.states(post), states, "{end:?}");
        if end == Some(OnDeadline::Cancel) {
            let refused = world.approve(post).await.unwrap_err();
            assert!(refused.contains("nobody had answered"), "{refused}");
            // Who wants it all the same is asked.
            let delivery = world.deliveries_of(post)[0].id;
            let line: DeliveryLine = world.ask(Request::Retry { delivery }).await.unwrap();
            assert_eq!(line.state, "pending");
            world.approve(post).await.unwrap();
            world.idle().await;
            assert_eq!(world.states(post), ["published", "cancelled"]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_strictest_of_pillar_generator_and_account_counts() {
    let writer = Writer::new(fluent);
    let world = World::with(&["writer"], &["free"], writer, |config| {
        pillars(config, rule(Approval::Optional, 3, None));
        let generator = config.generators.get_mut("writer").unwrap();
        generator.approval = rule(Approval::Required, 1, None);
        let shop = config.accounts.get_mut("shop").unwrap();
        shop.approval = rule(Approval::Optional, 5, Some(OnDeadline::Cancel));
    })
    .await;
    world.plan().await;
    world.pass(at("2026-11-25T00:00:00Z")).await;
    let mut seen = Vec::new();
    for review in world.reviews().await {
        let required = review.source == "writer";
        assert_eq!(review.required, required, "{review:#?}");
        assert_eq!(review.on_deadline, OnDeadline::Cancel);
        assert_eq!(review.due.since(review.deadline), TimeSpan::from_hours(5));
        seen.push(review.source);
    }
    assert!(seen.contains(&"writer".to_owned()), "{seen:?}");
    assert_eq!(world.out(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_by_hand_waits_where_the_account_needs_a_yes() {
    let writer = Writer::new(|_, _| Ok(Given::default()));
    let world = World::with(&["writer"], &["writer"], writer, |config| {
        pillars(config, rule(Approval::Required, 1, None));
        let rule = |one| rule(one, 0, None);
        let accounts = &mut config.accounts;
        accounts.get_mut("cafe").unwrap().approval = rule(Approval::Optional);
        accounts.get_mut("shop").unwrap().approval = rule(Approval::Required);
    })
    .await;
    let post = async |text: &str, accounts: &[&str]| {
        let request = PostRequest {
            text: text.to_owned(),
            accounts: accounts.iter().map(ToString::to_string).collect(),
            pillar: Some("tips".to_owned()),
            ..PostRequest::default()
        };
        let posted: Posted = world.ask(Request::Post(Box::new(request))).await.unwrap();
        posted.post.unwrap()
    };
    let free = post("By hand", &["cafe"]).await;
    let held = post("By hand too", &["cafe", "shop"]).await;
    world.idle().await;
    assert_eq!(world.states(free), ["published"]);
    assert_eq!(world.states(held), ["pending", "pending"]);
    world.approve(held).await.unwrap();
    world.idle().await;
    assert_eq!(world.states(held), ["published", "published"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_a_no_goes_into_the_slots_next_brief() {
    let writer = Writer::new(fluent);
    let world = World::with(&["writer"], &["writer"], writer, |config| {
        pillars(config, rule(Approval::Required, 1, None));
    })
    .await;
    let planned = world.plan().await;
    let slot = planned.iter().find(|one| one.slot == at(EVENING)).unwrap();
    let post = slot.post.unwrap();
    let rejected = world.reject(post, Some(" too loud ")).await.unwrap();
    assert_eq!(rejected.planned, Some(slot.id));
    world.idle().await;
    let again = world.one(slot.id);
    assert_eq!(again.state, PlanState::Filled);
    let another = again.post.unwrap();
    assert_ne!(another, post);
    assert_eq!(world.states(post), ["cancelled", "cancelled"]);
    assert_eq!(world.states(another), ["pending", "pending"]);
    let asked = world.writer.briefs();
    let last = asked.last().unwrap();
    assert_eq!(last.feedback.as_deref(), Some("too loud"));
    assert_eq!(last.slot, Some(at(EVENING)));
    let brief: serde_json::Value = serde_json::from_str(&again.brief.unwrap()).unwrap();
    assert_eq!(brief["feedback"], "too loud");
    let refused = world.reject(post, None).await.unwrap_err();
    assert!(
        refused.contains("rejected") && refused.contains("too loud"),
        "{refused}"
    );
    // What was rejected can't go out by a retry.
    let delivery = world.deliveries_of(post)[0].id;
    world
        .ask::<DeliveryLine>(Request::Retry { delivery })
        .await
        .unwrap();
    world.pass(at("2026-11-24T00:00:00Z")).await;
    assert_eq!(world.out(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_words_are_checked_and_go_out() {
    let writer = Writer::new(|brief, number| {
        let mut given = fluent(brief, number)?;
        for one in &mut given.drafts {
            let words = format!("For the shop {number}");
            one.draft.variants = vec![("shop".to_owned(), words)];
        }
        Ok(given)
    });
    let world = World::with(&["writer"], &["writer"], writer, |config| {
        pillars(config, rule(Approval::Required, 0, None));
    })
    .await;
    let planned = world.plan().await;
    let slot = planned.iter().find(|one| one.slot == at(EVENING)).unwrap();
    let post = slot.post.unwrap();
    let before = world.post(post).draft;

    let refused = world.edit(post, &"a".repeat(LONGEST + 1)).await.unwrap();
    assert_eq!(refused.outcome, "refused");
    assert_eq!(
        refused.problems.len(),
        2,
        "each account's platform is asked"
    );
    assert_eq!(world.post(post).draft, before);
    let empty = world.edit(post, "  ").await.unwrap_err();
    assert!(empty.contains("needs a text"), "{empty}");

    let edited = world.edit(post, "Çay hazırdır").await.unwrap();
    assert_eq!(edited.outcome, "edited");
    assert_eq!(
        world.states(post),
        ["pending", "pending"],
        "nobody has said yes"
    );
    let own = Request::Edit {
        post,
        text: "Çay mağazada".to_owned(),
        account: Some("shop".to_owned()),
    };
    world.ask::<Reviewed>(own).await.unwrap();
    let other = Request::Edit {
        post,
        text: "x".to_owned(),
        account: Some("bar".to_owned()),
    };
    let refused = world.ask::<Reviewed>(other).await.unwrap_err();
    assert!(refused.contains("it is for cafe, shop"), "{refused}");
    world.approve(post).await.unwrap();
    world.pass(at(EVENING)).await;
    let mut out = world.out();
    out.sort();
    assert_eq!(out, ["Çay hazırdır", "Çay mağazada"]);
    let late = world.edit(post, "Too late").await.unwrap_err();
    assert!(late.contains("is published"), "{late}");
    let shown: PostDetail = world.ask(Request::ShowPost { post }).await.unwrap();
    assert!(shown.post.edited_at.is_some() && shown.post.review.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_moves_with_its_post() {
    let writer = Writer::new(fluent);
    let world = World::with(&["writer"], &["writer"], writer, |config| {
        pillars(config, rule(Approval::Optional, 1, None));
    })
    .await;
    world.plan().await;
    let reviews = world.reviews().await;
    let evening = reviews.iter().find(|one| one.due == at(EVENING)).unwrap();
    let post = evening.post;
    for delivery in world.deliveries_of(post) {
        let due = "2026-11-23T09:00:00Z".to_owned();
        let request = Request::Move {
            delivery: delivery.id,
            due,
        };
        world.ask::<DeliveryLine>(request).await.unwrap();
    }
    world.pass(at("2026-11-23T07:59:59Z")).await;
    assert_eq!(world.states(post), ["pending", "pending"]);
    world.pass(at("2026-11-23T08:00:00Z")).await;
    assert_eq!(world.states(post), ["waiting", "waiting"]);
    world.pass(at("2026-11-23T09:00:00Z")).await;
    assert_eq!(world.states(post), ["published", "published"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_its_source_changes_after_a_yes_needs_another() {
    let revision = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(1));
    let current = revision.clone();
    let writer = Writer::new(move |_, _| {
        let number = current.load(std::sync::atomic::Ordering::SeqCst);
        let mut one = draft("news", &format!("Revision {number}"));
        one.revision = number.to_string();
        one.due = Some(GeneratorDue::At(at(EVENING)));
        Ok(vec![one].into())
    });
    let world = World::with(&["writer"], &["writer"], writer, |config| {
        let generator = config.generators.get_mut("writer").unwrap();
        generator.approval = rule(Approval::Required, 0, None);
    })
    .await;
    let ask = async |number: u64| {
        revision.store(number, std::sync::atomic::Ordering::SeqCst);
        let generators = Of(world.writer.clone());
        let now = world.clock.now();
        content::generate(world.store(), &world.config, &generators, "writer", now)
            .await
            .unwrap();
    };
    ask(1).await;
    let post = world.reviews().await[0].post;
    world.approve(post).await.unwrap();
    assert_eq!(world.states(post), ["waiting", "waiting"]);
    ask(2).await;
    assert_eq!(world.states(post), ["pending", "pending"]);
    assert_eq!(world.post(post).draft.text, "Revision 2");
    // A person's words stay, and so does the yes to them.
    world.edit(post, "By hand").await.unwrap();
    world.approve(post).await.unwrap();
    ask(3).await;
    assert_eq!(world.states(post), ["waiting", "waiting"]);
    assert_eq!(world.post(post).draft.text, "By hand");
    world.pass(at(EVENING)).await;
    assert_eq!(world.out(), ["By hand", "By hand"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_turned_down_is_asked_about_anew_when_it_is_other() {
    let revision = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(1));
    let current = revision.clone();
    let writer = Writer::new(move |_, _| {
        let number = current.load(std::sync::atomic::Ordering::SeqCst);
        let mut one = draft("news", &format!("Revision {number}"));
        one.revision = number.to_string();
        one.due = Some(GeneratorDue::At(at(EVENING)));
        Ok(vec![one].into())
    });
    let world = World::with(&["writer"], &["writer"], writer, |config| {
        let generator = config.generators.get_mut("writer").unwrap();
        generator.approval = rule(Approval::Required, 0, None);
    })
    .await;
    let ask = async || {
        let generators = Of(world.writer.clone());
        let now = world.clock.now();
        content::generate(world.store(), &world.config, &generators, "writer", now)
            .await
            .unwrap();
    };
    ask().await;
    let post = world.reviews().await[0].post;
    world.reject(post, Some("no")).await.unwrap();
    ask().await;
    assert_eq!(
        world.reviews().await.len(),
        0,
        "the same is not asked about twice"
    );
    revision.store(2, std::sync::atomic::Ordering::SeqCst);
    ask().await;
    let reviews = world.reviews().await;
    assert_eq!(reviews.len(), 1);
    assert_ne!(reviews[0].post, post);
    assert_eq!(reviews[0].text, "Revision 2");
    world.approve(reviews[0].post).await.unwrap();
    world.pass(at(EVENING)).await;
    assert_eq!(world.out(), ["Revision 2", "Revision 2"]);
}
