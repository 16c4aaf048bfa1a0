//! Numbers of posts and authors.

use jarchi_plugin_linkedin::LinkedIn;
use jarchi_plugin_sdk::{Analytics, Error, Measure, Metric, Post, Receipt, testing};
use serde_json::json;

use crate::*;

fn posted(stage: &Stage<Platform>, account: &Account, text: &str) -> Receipt {
    let delivery = testing::delivery(account, Post::text(text));
    stage.publish::<LinkedIn>(&delivery).expect("published")
}

#[test]
fn of_a_page() {
    let stage = stage();
    let receipts = ["a", "b", "c"].map(|text| posted(&stage, &page(), text));
    let film = Post {
        media: vec![film(&stage)],
        ..Post::text("d")
    };
    let film = stage
        .publish::<LinkedIn>(&delivery(film))
        .expect("published");
    {
        let mut books = stage.platform.borrow_mut();
        let counted = json!({"impressionCount": 100, "uniqueImpressionsCount": 80, "clickCount": 7,
                             "likeCount": 0, "commentCount": 2, "shareCount": 1, "engagement": 0.1});
        books.statistics.insert(receipts[0].id.clone(), counted);
        books
            .statistics
            .insert(film.id.clone(), json!({"impressionCount": 5}));
        books.posts[2].deleted = true;
    }
    let all = [receipts.as_slice(), &[film]].concat();
    let told = LinkedIn::posts(&page(), &all).expect("told");
    assert_eq!(told.len(), 4);
    let metric = |measure, value| Metric::new(measure, value);
    assert_eq!(
        told[0].metrics,
        [
            metric(Measure::Impressions, 100),
            metric(Measure::Reach, 80),
            metric(Measure::Clicks, 7),
            metric(Measure::Likes, 0),
            metric(Measure::Comments, 2),
            metric(Measure::Shares, 1),
        ]
    );
    // Not counted yet: what the post itself tells, and no zeros for the rest.
    assert_eq!(
        told[1].metrics,
        [metric(Measure::Likes, 0), metric(Measure::Comments, 0)]
    );
    assert!(told[2].gone && !told[1].gone);
    assert_eq!(told[3].metrics, [metric(Measure::Impressions, 5)]);
    let account = LinkedIn::account(&page()).expect("told");
    assert_eq!(
        account,
        [
            metric(Measure::Followers, 1234),
            metric(Measure::Impressions, 105)
        ]
    );
}

#[test]
fn of_a_member() {
    let stage = stage();
    let receipts = ["a", "b"].map(|text| posted(&stage, &member(), text));
    {
        let mut books = stage.platform.borrow_mut();
        for (kind, count) in [("IMPRESSION", 100), ("REACTION", 9), ("POST_SAVE", 3)] {
            books
                .member_numbers
                .insert((receipts[0].id.clone(), kind.into()), count);
        }
    }
    let told = LinkedIn::posts(&member(), &receipts).expect("told");
    let metric = |measure, value| Metric::new(measure, value);
    assert_eq!(
        told[0].metrics,
        [
            metric(Measure::Impressions, 100),
            metric(Measure::Likes, 9),
            metric(Measure::Saves, 3),
        ]
    );
    assert_eq!(told[1].metrics, []);
    let account = LinkedIn::account(&member()).expect("told");
    assert_eq!(account, [metric(Measure::Followers, 1234)]);
    let many = vec![receipts[0].clone(); 50];
    stage.requests();
    let told = LinkedIn::posts(&member(), &many).expect("told");
    assert!(!told.is_empty() && stage.requests().len() <= 40);
}

#[test]
fn without_scopes() {
    let stage = stage();
    let receipt = posted(&stage, &member(), "a");
    stage
        .platform
        .borrow_mut()
        .scopes
        .remove("r_member_postAnalytics");
    // What is left is told.
    let told = LinkedIn::posts(&member(), std::slice::from_ref(&receipt)).expect("told");
    assert_eq!(told[0].metrics.len(), 2);
    stage.platform.borrow_mut().scopes.clear();
    for refused in [
        LinkedIn::posts(&member(), std::slice::from_ref(&receipt)).map(drop),
        LinkedIn::posts(&page(), &[receipt]).map(drop),
        LinkedIn::account(&member()).map(drop),
        LinkedIn::account(&page()).map(drop),
    ] {
        // Not `Unauthorized`: posting goes on.
        assert!(matches!(refused, Err(Error::Unsupported(_))), "{refused:?}");
    }
}
