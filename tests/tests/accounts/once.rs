//! Many calls at the moment of a token's end, by a clock that the test sets.

use std::sync::Arc;

use jarchi::clock::Clock;
use jarchi::config::{self, Config};
use jarchi::model::{TimeSpan, Timestamp};
use jarchi::plugin::broker::BrokerOptions;
use jarchi::service::{AuthStart, Parts};
use jarchi::store::{Options, Store};
use jarchi_tests::daemon::daemon_section;
use jarchi_tests::lodge::{Lodge, Trouble};
use secrecy::SecretString;
use tokio::sync::watch;

struct Stage {
    lodge: Lodge,
    parts: Parts,
    hands: jarchi::clock::Hands,
    _config: watch::Sender<Arc<Config>>,
    _dir: tempfile::TempDir,
}

async fn stage() -> Stage {
    let lodge = Lodge::start().await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("jarchi.toml");
    let text = format!("{}{}", daemon_section(), lodge.blocks(&["cafe"]));
    std::fs::write(&path, text).unwrap();
    let environment = std::collections::BTreeMap::<String, String>::new();
    let (config, _) = config::load(&path, &environment).unwrap();
    let store = Store::open(&config.daemon.data_dir, &Options::default()).unwrap();
    let (clock, hands) = Clock::manual(Timestamp(1_800_000_000_000));
    let plugins = config.plugins.clone();
    let (sender, receiver) = watch::channel(Arc::new(config));
    let parts = Parts::new(
        store,
        receiver,
        &environment,
        clock,
        BrokerOptions::default(),
    )
    .unwrap();
    parts.registry.load(&plugins).await.unwrap();
    let stage = Stage {
        lodge,
        parts,
        hands,
        _config: sender,
        _dir: dir,
    };
    stage.connect().await;
    stage
}

impl Stage {
    async fn connect(&self) {
        let accounts = &self.parts.accounts;
        let back = "http://127.0.0.1:1/callback";
        let Ok(AuthStart::Browser { url, state, .. }) = accounts.begin("cafe", back, &[]) else {
            panic!("no page");
        };
        let answer = SecretString::from(self.lodge.allow(&url).await);
        accounts.finish("cafe", &state.0, &answer).await.unwrap();
        // Once.
        let again = accounts.finish("cafe", &state.0, &answer).await;
        assert!(again.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refresh_for_all_who_wait() {
    let stage = stage().await;
    let keeper = stage.parts.accounts.keeper();
    let before = keeper.ready("cafe").await.unwrap();
    assert_eq!(stage.lodge.refreshes(), 0);
    stage.hands.advance(TimeSpan::from_secs(3600));
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let keeper = keeper.clone();
            tokio::spawn(async move { keeper.ready("cafe").await.unwrap() })
        })
        .collect();
    for call in calls {
        assert_ne!(call.await.unwrap(), before);
    }
    assert_eq!(stage.lodge.refreshes(), 1);

    // Refused all at once: the first gets another, and it is everybody's.
    let generation = keeper.ready("cafe").await.unwrap().unwrap();
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let keeper = keeper.clone();
            tokio::spawn(async move { keeper.renew("cafe", generation).await })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap());
    }
    assert_eq!(stage.lodge.refreshes(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_goes_away_takes_no_answer_along() {
    let stage = stage().await;
    let keeper = stage.parts.accounts.keeper().clone();
    stage.hands.advance(TimeSpan::from_secs(3600));
    // Dropped as soon as the platform was asked.
    let asked = stage
        .lodge
        .until("the request", |lodge| lodge.refreshes() == 1);
    tokio::select! {
        biased;
        () = asked => {}
        _ = keeper.ready("cafe") => {}
    }
    // The next one finds what the first had asked for.
    keeper.ready("cafe").await.unwrap();
    assert_eq!(stage.lodge.refreshes(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_lasts_a_little_is_used_when_no_other_can_be_had() {
    let stage = stage().await;
    let keeper = stage.parts.accounts.keeper();
    stage
        .lodge
        .trouble(&[Trouble::Status(503), Trouble::Status(503)]);
    stage.hands.advance(TimeSpan::from_secs(3590));
    assert!(keeper.ready("cafe").await.unwrap().is_some());
    assert_eq!(stage.lodge.refreshes(), 1);
    stage.hands.advance(TimeSpan::from_secs(20));
    let fault = keeper.ready("cafe").await.unwrap_err();
    assert!(
        matches!(fault, jarchi::model::Fault::Transient(_)),
        "{fault}"
    );
    keeper.ready("cafe").await.unwrap();
    assert_eq!(stage.lodge.refreshes(), 3);
}
