//! What is measured, with an app view and without.

use super::*;

#[test]
fn numbers() {
    let stage = stage!(Options {
        app_view: true,
        ..Options::default()
    });
    let receipts: Vec<Receipt> = (0..27)
        .map(|number| {
            let delivery = stage.delivery(&format!("K{number}"), post(&format!("Yazı {number}")));
            stage.publish(&delivery).unwrap()
        })
        .collect();
    let bob = stage.pds.account("bob.test");
    let token = stage.block_on(stage.pds.log_in(bob));
    let liked = &receipts[26];
    let cid = liked.data::<Value>().unwrap()["cids"][0].clone();
    let subject = json!({ "uri": liked.id, "cid": cid });
    let made = time::format_rfc3339(NOW);
    for record in [
        json!({ "$type": "app.bsky.feed.like", "subject": subject, "createdAt": made }),
        json!({ "$type": "app.bsky.feed.repost", "subject": subject, "createdAt": made }),
        json!({ "$type": "app.bsky.feed.post", "text": "Gözəl!", "createdAt": made,
                "reply": { "root": subject, "parent": subject } }),
        json!({ "$type": "app.bsky.feed.post", "text": "Bax", "createdAt": made,
                "embed": { "$type": "app.bsky.embed.record", "record": subject } }),
        json!({ "$type": "app.bsky.graph.follow", "subject": stage.me.did, "createdAt": made }),
    ] {
        stage.block_on(stage.pds.create(bob, &token, &record));
    }
    Bluesky::delete(&stage.account, &receipts[3]).unwrap();
    stage.called();

    let read = Bluesky::posts(&stage.account, &receipts).unwrap();
    assert_eq!(
        stage.called(),
        [
            "app.bsky.feed.getPosts",
            "repo.getRecord",
            "app.bsky.feed.getPosts"
        ]
    );
    assert_eq!(read.len(), 27);
    for (receipt, read) in receipts.iter().zip(&read) {
        assert_eq!(read.id, receipt.id);
        assert_eq!(read.gone, receipt.id == receipts[3].id);
    }
    let counted = |count: i64| {
        [
            Measure::Likes,
            Measure::Shares,
            Measure::Comments,
            Measure::Quotes,
        ]
        .map(|measure| Metric::new(measure, count))
    };
    assert_eq!(read[26].metrics, counted(1));
    assert_eq!(read[0].metrics, counted(0));
    assert_eq!(
        Bluesky::account(&stage.account).unwrap(),
        [
            Metric::new(Measure::Followers, 1),
            Metric::new(Measure::Following, 0),
            Metric::new(Measure::Posts, 26),
        ]
    );

    // The same, read at an app view that the account names.
    let account = stage.account_with(json!({
        "service": stage.pds.ready.url,
        "identifier": stage.handle,
        "app_view": stage.pds.ready.app_view,
    }));
    assert_eq!(
        Bluesky::posts(&account, &receipts[26..]).unwrap()[0].metrics,
        counted(1)
    );
}

#[test]
fn a_server_without_an_app_view_says_so() {
    let stage = stage!(Options {
        did_doc: true,
        ..Options::default()
    });
    let receipt = stage
        .publish(&stage.delivery("K1", post("Say məni")))
        .unwrap();
    for error in [
        Bluesky::posts(&stage.account, &[receipt]).unwrap_err(),
        Bluesky::account(&stage.account).unwrap_err(),
    ] {
        assert!(
            matches!(&error, Error::Unsupported(why) if why.contains("app_view")),
            "{error:?}"
        );
    }
}
