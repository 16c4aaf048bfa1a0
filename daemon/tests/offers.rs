//! Public addresses of files, by a clock that is moved by hand.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

mod common;

use std::sync::Arc;

use jarchi::clock::Clock;
use jarchi::config::{Config, MediaConfig};
use jarchi::media::{PublicUrls as _, describe};
use jarchi::model::{MediaItem, TimeSpan};
use jarchi::plugin::vault::Key;
use jarchi::service::Offers;
use jarchi::store::{Options, Store};
use tokio::net::TcpListener;
use tokio::sync::watch;

use common::START;

const FILE: &[u8] = b"GIF89a and so on";

struct Stage {
    dir: tempfile::TempDir,
    item: MediaItem,
    config: watch::Sender<Arc<Config>>,
    store: Store,
    key: Key,
}

impl Stage {
    async fn new(valid: TimeSpan) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("a.gif"), FILE).unwrap();
        let item = describe(&dir.path().join("a.gif"), None, None)
            .await
            .unwrap();
        let mut config = (*common::config(dir.path(), &[])).clone();
        config.media = MediaConfig {
            public_url: Some("https://media.test".parse().unwrap()),
            valid,
            ..MediaConfig::default()
        };
        let store = Store::open(&dir.path().join("store"), &Options::default()).unwrap();
        Stage {
            dir,
            item,
            config: watch::Sender::new(Arc::new(config)),
            store,
            key: Key::generate().unwrap(),
        }
    }

    fn offers(&self, clock: &Clock) -> Offers {
        let config = self.config.subscribe();
        Offers::new(self.store.clone(), clock.clone(), config, &self.key)
    }

    fn url(&self, offers: &Offers) -> String {
        let (offers, item) = (offers.clone(), self.item.clone());
        tokio::task::block_in_place(|| offers.url_of("cafe", &item)).unwrap()
    }
}

async fn status(offers: &Offers, url: &str) -> u16 {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = tokio::spawn(axum::serve(listener, offers.clone().router()).into_future());
    let url = url.replace("https://media.test", &format!("http://{address}"));
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let status = client.get(url).send().await.unwrap().status().as_u16();
    served.abort();
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_ends_with_its_time() {
    let stage = Stage::new(TimeSpan::from_mins(10)).await;
    let (clock, hands) = Clock::manual(START);
    let offers = stage.offers(&clock);
    let first = stage.url(&offers);
    assert_eq!(status(&offers, &first).await, 200);
    hands.set(START.saturating_add(TimeSpan::from_mins(9)));
    assert_eq!(status(&offers, &first).await, 200);
    let second = stage.url(&offers);
    hands.set(START.saturating_add(TimeSpan::from_mins(11)));
    assert_eq!(status(&offers, &first).await, 410);
    assert_eq!(status(&offers, &second).await, 200, "asked for later");
    hands.set(START.saturating_add(TimeSpan::from_mins(20)));
    assert_eq!(status(&offers, &second).await, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forgotten_is_not_offered() {
    let stage = Stage::new(TimeSpan::from_mins(10)).await;
    let (clock, _hands) = Clock::manual(START);
    let offers = stage.offers(&clock);
    let url = stage.url(&offers);
    let ended = |before| stage.store.write(move |tx| tx.end_offers(before));
    assert_eq!(ended(START).await.unwrap(), 0);
    assert_eq!(status(&offers, &url).await, 200);
    let later = START.saturating_add(TimeSpan::from_mins(11));
    assert_eq!(ended(later).await.unwrap(), 1);
    assert_eq!(status(&offers, &url).await, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_signs_another_address() {
    let stage = Stage::new(TimeSpan::from_mins(10)).await;
    let (clock, _hands) = Clock::manual(START);
    let offers = stage.offers(&clock);
    let other = Offers::new(
        stage.store.clone(),
        clock.clone(),
        stage.config.subscribe(),
        &Key::generate().unwrap(),
    );
    let url = stage.url(&other);
    assert_eq!(status(&other, &url).await, 200);
    assert_eq!(status(&offers, &url).await, 404);
    assert!(stage.dir.path().exists());
}
