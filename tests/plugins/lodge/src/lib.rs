//! A connector for a platform that exists in tests alone, as small as one can be whose
//! account is connected in the browser.

use jarchi_plugin_sdk::connection::{Quota, Standing, Target};
use jarchi_plugin_sdk::http;
use jarchi_plugin_sdk::{
    Account, Connection, Delivery, Finding, Outcome, Post, Problem, Publisher, Receipt, Result,
    Timestamp,
};
use serde::Deserialize;
use serde_json::json;

struct Lodge;

#[derive(Deserialize)]
struct Settings {
    api: String,
    #[serde(default)]
    room: String,
}

#[derive(Deserialize)]
struct Noted {
    id: String,
}

#[derive(Deserialize)]
struct Room {
    id: String,
    name: String,
    locked: bool,
}

#[derive(Deserialize)]
struct Guest {
    name: String,
    left: u64,
}

impl Settings {
    fn of(account: &Account) -> Result<Self> {
        let mut settings: Settings = account.settings()?;
        settings.api = settings.api.trim_end_matches('/').to_owned();
        Ok(settings)
    }

    fn room(&self) -> String {
        format!("{}/rooms/{}", self.api, http::encode(&self.room))
    }
}

impl Publisher for Lodge {
    type State = ();

    fn validate(_: &Account, _: &Post) -> Result<Vec<Problem>> {
        Ok(Vec::new())
    }

    fn publish(delivery: &Delivery) -> Result<Outcome> {
        let settings = Settings::of(&delivery.account)?;
        let noted: Noted = http::post(format!("{}/notes", settings.room()))
            .bearer("access_token")
            .json(&json!({ "text": delivery.post.text, "key": delivery.key }))
            .commit()?
            .json()?;
        Ok(Receipt::new(noted.id).into())
    }

    fn find_published(delivery: &Delivery, _: Option<()>, _: Timestamp) -> Result<Finding> {
        let settings = Settings::of(&delivery.account)?;
        let found: Vec<Noted> = http::get(format!("{}/notes", settings.room()))
            .query("key", &delivery.key)
            .bearer("access_token")
            .read()?
            .json()?;
        Ok(match found.into_iter().next() {
            Some(noted) => Finding::Found(Receipt::new(noted.id)),
            None => Finding::Absent,
        })
    }
}

impl Connection for Lodge {
    fn targets(account: &Account) -> Result<Vec<Target>> {
        let settings = Settings::of(account)?;
        let rooms: Vec<Room> = http::get(format!("{}/rooms", settings.api))
            .bearer("access_token")
            .read()?
            .json()?;
        let targets = rooms.into_iter().map(|room| Target {
            settings: json!({ "room": room.id }).to_string(),
            id: room.id,
            name: room.name,
            kind: "room".to_owned(),
            url: None,
            obstacle: room.locked.then(|| "it is locked".to_owned()),
        });
        Ok(targets.collect())
    }

    fn check(account: &Account) -> Result<Standing> {
        let settings = Settings::of(account)?;
        // Its key is captured: what was captured is gone with the guest who had it.
        http::get(settings.room()).bearer("access_token").read()?;
        let guest: Guest = http::get(format!("{}/me", settings.api))
            .bearer("access_token")
            .header("x-room-key", http::secret("room_key"))
            .read()?
            .json()?;
        Ok(Standing {
            name: format!("{} in {}", guest.name, settings.room),
            url: None,
            scopes: Vec::new(),
            lacking: Vec::new(),
            expires: None,
            quotas: vec![Quota {
                name: "notes a day".to_owned(),
                used: 100 - guest.left.min(100),
                limit: Some(100),
                resets: None,
            }],
            problems: Vec::new(),
        })
    }
}

jarchi_plugin_sdk::export!(Lodge: publisher, connection);
