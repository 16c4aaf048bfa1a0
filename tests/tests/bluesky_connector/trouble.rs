//! Lost answers, broken threads, sessions and blobs that are gone.

use super::*;

#[test]
fn a_lost_answer_neither_loses_nor_doubles_a_post() {
    let stage = stage!(Options::default());
    let delivery = stage.delivery("K1", post("Bir dəfə"));
    let frozen = processing(Bluesky::publish(&delivery).unwrap());
    assert!(!frozen.visible);
    assert!(
        stage.posts().is_empty(),
        "nothing is seen before the record is frozen"
    );
    let find = || Bluesky::find_published(&delivery, Some(state(&frozen.state)), NOW).unwrap();
    assert_eq!(find(), Finding::Absent);

    // Refused by a server in trouble: nothing is there.
    stage.trouble(|request| {
        let body = json!({ "error": "InternalServerError", "message": "Internal Server Error" });
        request
            .url
            .ends_with("putRecord")
            .then_some(Trouble::Instead(500, body))
    });
    let error = Bluesky::resume(&delivery, state(&frozen.state)).unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome(_)), "{error:?}");
    assert_eq!(find(), Finding::Absent);

    // Done, but nobody knows: it is found, and to put it again changes nothing.
    stage.lose_answers();
    let error = Bluesky::resume(&delivery, state(&frozen.state)).unwrap_err();
    assert!(matches!(error, Error::UnknownOutcome(_)), "{error:?}");
    stage.no_trouble();
    let Finding::Found(found) = find() else {
        panic!("it is there")
    };
    let repeated = Bluesky::resume(&delivery, state(&frozen.state)).unwrap();
    assert_eq!(repeated, Outcome::Published(found.clone()));
    assert_eq!(stage.posts().len(), 1);

    // Even where the state was lost and the record frozen anew, at another time.
    stage.host.advance(60_000);
    let again = stage.publish(&delivery).unwrap();
    assert_eq!((&again.id, &again.data), (&found.id, &found.data));
    let posts = stage.posts();
    assert_eq!(posts.len(), 1);
    assert_eq!(posts[0]["value"]["createdAt"], *time::format_rfc3339(NOW));
    let stateless = Bluesky::find_published(&delivery, None, NOW).unwrap();
    assert!(
        matches!(&stateless, Finding::Found(it) if it.id == found.id),
        "{stateless:?}"
    );

    // The same key with other words never overwrites.
    let other = Delivery {
        post: post("Başqa sözlər"),
        ..delivery.clone()
    };
    let error = stage.publish(&other).unwrap_err();
    assert!(
        matches!(&error, Error::Invalid(why) if why.contains("left alone")),
        "{error:?}"
    );
    assert_eq!(texts(&stage.posts()), ["Bir dəfə"]);
}

#[test]
fn a_thread_that_broke_off_goes_on_where_it_was() {
    let stage = stage!(Options::default());
    let mut thread = post("Bir");
    thread.thread = vec![part("İki"), part("Üç")];
    thread.options = json!({ "replies": "nobody" }).to_string();
    let delivery = stage.delivery("K1", thread);
    let frozen = processing(Bluesky::publish(&delivery).unwrap());
    let one = processing(Bluesky::resume(&delivery, state(&frozen.state)).unwrap());
    assert!(one.visible);
    assert_eq!(texts(&stage.posts()), ["Bir"]);

    let find_one = Bluesky::find_published(&delivery, Some(state(&one.state)), NOW);
    assert_eq!(find_one, Ok(Finding::Absent), "the step after it");

    // The answer to the gate is lost, then that to the second part.
    stage.lose_answers();
    Bluesky::resume(&delivery, state(&one.state)).unwrap_err();
    let find = |known: &str| {
        stage.no_trouble();
        match Bluesky::find_published(&delivery, Some(state(known)), NOW).unwrap() {
            Finding::Partial(progress) => progress,
            other => panic!("{other:?}"),
        }
    };
    let gated = find(&one.state);
    assert_eq!(gated.note, "1 of 3 parts published");
    stage.lose_answers();
    Bluesky::resume(&delivery, state(&gated.state)).unwrap_err();
    let two = find(&gated.state);
    assert_eq!(two.note, "2 of 3 parts published");
    assert!(two.visible);
    assert_eq!(texts(&stage.posts()), ["Bir", "İki"]);

    // All that was frozen is lost: the rest is frozen anew, and comes once as well.
    let Finding::Partial(stateless) = Bluesky::find_published(&delivery, None, NOW).unwrap() else {
        panic!("two of three are there")
    };
    assert_eq!(stateless.note, two.note);
    let next = Bluesky::resume(&delivery, state(&stateless.state)).unwrap();
    let receipt = stage.go_on(&delivery, next).unwrap();
    let from_there = Bluesky::resume(&delivery, state(&two.state)).unwrap();
    assert!(matches!(&from_there, Outcome::Published(it) if it.parts == receipt.parts));

    let posts = stage.posts();
    assert_eq!(texts(&posts), ["Bir", "İki", "Üç"]);
    assert_eq!(posts[2]["value"]["reply"]["parent"]["uri"], posts[1]["uri"]);
    assert_eq!(posts[2]["value"]["reply"]["root"]["cid"], posts[0]["cid"]);
    assert_eq!(
        receipt.parts,
        [&posts[1], &posts[2]].map(|post| post["uri"].as_str().unwrap())
    );
    let gates = stage.records("app.bsky.feed.threadgate");
    assert_eq!(gates[0]["value"]["allow"], json!([]));
}

#[test]
fn one_session_lasts_and_is_mended_when_it_must() {
    let stage = stage!(Options {
        rate_limits: true,
        ..Options::default()
    });
    for number in 0..40 {
        let delivery = stage.delivery(&format!("K{number}"), post(&format!("Yazı {number}")));
        stage.publish(&delivery).unwrap();
    }
    assert_eq!(logins(&stage.called()), 1);

    // Its time is over: one refresh.
    let expired = stage.block_on(stage.pds.expired_token(&stage.me));
    stage.wire.vault.set("access_jwt", &expired);
    stage
        .publish(&stage.delivery("E1", post("Vaxtı keçib")))
        .unwrap();
    assert_eq!(
        stage.called(),
        ["repo.putRecord", "server.refreshSession", "repo.putRecord"]
    );

    // No token that the server knows: one refresh, then one login.
    stage.wire.vault.set("access_jwt", "nonsense");
    stage.wire.vault.set("refresh_jwt", "nonsense");
    stage
        .publish(&stage.delivery("E2", post("Yenidən")))
        .unwrap();
    assert_eq!(
        stage.called(),
        [
            "repo.putRecord",
            "server.refreshSession",
            "server.createSession",
            "repo.putRecord"
        ]
    );

    // The memory is lost and the tokens are not: no login.
    stage.host.forget();
    stage
        .publish(&stage.delivery("E3", post("Yaddaşsız")))
        .unwrap();
    assert_eq!(stage.called(), ["server.refreshSession", "repo.putRecord"]);

    // The tokens are lost and the memory is not.
    stage.wire.vault.keep_only("app_password");
    stage
        .publish(&stage.delivery("E4", post("Açarsız")))
        .unwrap();
    assert_eq!(stage.called(), ["server.createSession", "repo.putRecord"]);

    // Another account takes the place: it gets a session of its own.
    let bob = stage.pds.account("bob.test");
    let by_bob = Delivery {
        account: stage.account("bob.test", bob),
        ..stage.delivery("E5", post("Mən Bob"))
    };
    stage.publish(&by_bob).unwrap();
    assert_eq!(logins(&stage.called()), 1);
    assert_eq!(
        texts(&stage.block_on(stage.pds.records(&bob.did, "app.bsky.feed.post"))),
        ["Mən Bob"]
    );
    assert_eq!(stage.posts().len(), 44);

    // The password is wrong: one try, and it is the account's fault.
    stage.account(&stage.handle, &stage.me);
    stage.wire.vault.keep_only("app_password");
    stage.wire.vault.set("app_password", "wrong");
    let wrong = stage.delivery("E6", post("Yanlış"));
    let error = stage.publish(&wrong).unwrap_err();
    assert!(
        matches!(&error, Error::Unauthorized(why) if why.contains("does not accept `cafe-")),
        "{error:?}"
    );
    assert_eq!(logins(&stage.called()), 1);

    // The server has had enough of logins: it says for how long.
    let error = (0..40)
        .find_map(|_| match stage.publish(&wrong) {
            Err(Error::Unauthorized(_)) => None,
            other => Some(other.unwrap_err()),
        })
        .expect("a limit");
    assert!(
        matches!(error, Error::RateLimited(Some(1..=300_000))),
        "{error:?}"
    );
}

#[test]
fn a_blob_that_the_server_lost_is_put_there_again() {
    let stage = stage!(Options::default());
    let bytes = png("lost");
    // Another account's upload tells what the answer would be; ours never arrives.
    let bob = stage.pds.account("bob.test");
    let token = stage.block_on(stage.pds.log_in(bob));
    let url = format!("{}/xrpc/com.atproto.repo.uploadBlob", stage.pds.ready.url);
    let request = stage.wire.client.post(url).bearer_auth(token);
    let request = request
        .header("content-type", "image/png")
        .body(bytes.clone());
    let answer: Value =
        stage.block_on(async { request.send().await.unwrap().json().await.unwrap() });
    stage.trouble(move |request| {
        request
            .url
            .ends_with("uploadBlob")
            .then(|| Trouble::Instead(200, answer.clone()))
    });
    let mut picture = post("Şəkil");
    picture.media = vec![stage.file("lost.png", "image/png", bytes)];
    let delivery = stage.delivery("K1", picture);
    let frozen = Bluesky::publish(&delivery).unwrap();
    stage.no_trouble();
    stage.called();
    stage.go_on(&delivery, frozen).unwrap();
    assert_eq!(
        stage.called(),
        ["repo.putRecord", "repo.uploadBlob", "repo.putRecord"]
    );
    assert_eq!(stage.posts().len(), 1);
}
