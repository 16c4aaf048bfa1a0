//! A daemon with an account on a server of its own for each row.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jarchi::model::{Delivery, Id};
use jarchi::service::Client;
use jarchi::service::api::{Attachment, Deliveries, PostRequest, Posted, Request};
use jarchi_tests::daemon::{Home, config};
use jarchi_tests::standin::{Phase, Standin, token_of};
use serde::de::DeserializeOwned;

use super::rows::Row;

pub struct Place {
    pub standin: Standin,
    sends: Arc<AtomicUsize>,
    uploads: Arc<AtomicUsize>,
}

impl Place {
    fn of(row: &Row) -> Self {
        let standin = Standin::start(&[row.name]);
        standin.be(row.nature);
        standin.fail("POST", "/api/v1/statuses", row.fault, 1);
        let (sends, uploads) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let (sent, uploaded) = (sends.clone(), uploads.clone());
        standin.watch(Arc::new(move |moment| {
            if moment.phase == Phase::Arrived && moment.method == "POST" {
                match moment.path.as_str() {
                    "/api/v1/statuses" => sent.fetch_add(1, Ordering::Relaxed),
                    "/api/v2/media" => uploaded.fetch_add(1, Ordering::Relaxed),
                    _ => 0,
                };
            }
        }));
        Place {
            standin,
            sends,
            uploads,
        }
    }

    /// Publishing requests that arrived.
    pub fn sends(&self) -> usize {
        self.sends.load(Ordering::Relaxed)
    }

    /// Uploads that arrived.
    pub fn uploads(&self) -> usize {
        self.uploads.load(Ordering::Relaxed)
    }
}

pub struct Stage {
    pub home: Home,
    pub places: Vec<Place>,
}

impl Stage {
    pub async fn new(rows: &[Row]) -> Self {
        let places: Vec<Place> = rows.iter().map(Place::of).collect();
        // Long enough for every honest answer.
        let mut text = config(&places[0].standin, &[]).replace(
            "name = \"mastodon\"\n",
            "name = \"mastodon\"\nlimits = { cpu = \"2s\", wall = \"4s\" }\n",
        );
        for place in &places[1..] {
            text.push_str(&format!(
                "\n[[plugin.grant]]\nhost = \"{}\"\nplain_http = true\nprivate = true\n\
                 reason = \"The test's own server\"\n",
                place.standin.address()
            ));
        }
        for (row, place) in rows.iter().zip(&places) {
            text.push_str(&account(row.name, &place.standin.url()));
        }
        Stage {
            home: Home::new(&text).await,
            places,
        }
    }
}

/// A block for an account.
pub fn account(name: &str, server: &str) -> String {
    format!(
        "\n[[account]]\nname = \"{name}\"\nplugin = \"mastodon\"\n\
         settings = {{ server = \"{server}\" }}\nsecrets = {{ token = \"{}\" }}\n\
         rails = {{ per_hour = 1000, per_day = 1000, least_gap = \"0s\" }}\n",
        token_of(name)
    )
}

pub async fn ask<T: DeserializeOwned>(home: &Home, request: Request) -> T {
    let socket = home.data().join("jarchi.sock");
    let client = Client::connect(&socket).await.unwrap().unwrap();
    client.call(&request).await.unwrap()
}

pub async fn delivery(home: &Home, delivery: Id) -> Delivery {
    let request = Request::ShowDelivery { delivery };
    ask::<Deliveries>(home, request).await.deliveries.remove(0)
}

/// Posts there, with so many pictures.
pub async fn post(home: &Home, account: &str, pictures: usize) -> Id {
    use base64::Engine;
    let picture = base64::engine::general_purpose::STANDARD
        .decode(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
        )
        .unwrap();
    let media = (0..pictures).map(|number| Attachment {
        path: home.write(&format!("{account}-{number}.png"), &picture),
        alt: Some(format!("Şəkil {number}")),
    });
    let request = PostRequest {
        text: format!("Salam, {account}"),
        accounts: vec![account.to_owned()],
        media: media.collect(),
        force: true,
        ..PostRequest::default()
    };
    let posted: Posted = ask(home, Request::Post(Box::new(request))).await;
    posted.deliveries[0].delivery
}
