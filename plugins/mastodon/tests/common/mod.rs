//! What the tests share.
#![allow(dead_code, reason = "each test file takes what it needs")]
#![allow(clippy::expect_used, reason = "a test may panic")]

use std::ops::Deref;

use jarchi_platforms::spec;
use jarchi_plugin_mastodon::Mastodon;
use jarchi_plugin_sdk::testing::{self, Answer, Request};
use jarchi_plugin_sdk::{
    Account, Delivery, Error, MediaItem, Outcome, Post, Progress, Publisher, Receipt,
};
use serde_json::{Value, json};

pub const SERVER: &str = "https://social.example";

/// A scripted server, whose requests the API's description referees.
pub struct Host(testing::Host);

impl Host {
    pub fn new() -> Self {
        Host(testing::Host::new())
    }

    /// The requests so far, and forgets them.
    ///
    /// # Panics
    /// The API has no such request.
    pub fn requests(&self) -> Vec<Request> {
        let requests = self.0.requests();
        for request in &requests {
            let checked = spec::mastodon().check(&jarchi_platforms::Request::scripted(request));
            assert_eq!(checked, Ok(()));
        }
        requests
    }
}

impl Deref for Host {
    type Target = testing::Host;

    fn deref(&self) -> &testing::Host {
        &self.0
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.requests();
        }
    }
}

pub fn account() -> Account {
    testing::account(&json!({ "server": format!("{SERVER}/") }))
}

pub fn delivery(post: Post) -> Delivery {
    testing::delivery(&account(), post)
}

/// The line of a request to the server.
pub fn line(method: &str, path: &str) -> String {
    format!("{method} {SERVER}{path}")
}

/// A status as the server answers it.
pub fn status(id: &str) -> Value {
    json!({
        "id": id,
        "url": format!("{SERVER}/@brand/{id}"),
        "uri": format!("{SERVER}/users/brand/statuses/{id}"),
        "created_at": "2026-11-24T08:00:01.250Z",
        "visibility": "public",
        "content": "",
        "media_attachments": [],
        "in_reply_to_id": null,
    })
}

pub fn with(mut value: Value, changes: Value) -> Value {
    if let (Some(fields), Value::Object(changes)) = (value.as_object_mut(), changes) {
        fields.extend(changes);
    }
    value
}

/// Publishes until it is done, and tells the steps between.
pub fn publish(delivery: &Delivery) -> (Vec<Progress>, Result<Receipt, Error>) {
    let mut steps = Vec::new();
    let mut outcome = Mastodon::publish(delivery);
    loop {
        match outcome {
            Ok(Outcome::Published(receipt)) => return (steps, Ok(receipt)),
            Ok(Outcome::Processing(progress)) => {
                assert!(steps.len() < 500, "it does not end");
                outcome = Mastodon::resume(delivery, state(&progress));
                steps.push(progress);
            }
            Err(error) => return (steps, Err(error)),
        }
    }
}

pub fn state(progress: &Progress) -> jarchi_plugin_mastodon::publish::State {
    serde_json::from_str(&progress.state).expect("the state is the connector's own")
}

/// A body as the server's description of itself has it.
pub fn instance(configuration: &Value) -> Answer {
    Answer::json(
        200,
        &json!({ "domain": "social.example", "configuration": configuration }),
    )
}

/// All requests so far bear the token's placeholder, and only there.
pub fn authorised(host: &Host) -> Vec<Request> {
    let requests = host.requests();
    for request in &requests {
        assert_eq!(
            request.header("authorization"),
            Some("Bearer ${secret:token}"),
            "{request}"
        );
        assert_eq!(
            request.header("accept"),
            Some("application/json"),
            "{request}"
        );
        assert_eq!(
            format!("{request:?}").matches("secret").count(),
            1,
            "{request}"
        );
    }
    requests
}

/// A picture that says what it shows.
pub fn image(name: &str) -> MediaItem {
    MediaItem {
        alt: Some(" A glass of tea ".into()),
        ..testing::media(name, "image/png", 1000)
    }
}
