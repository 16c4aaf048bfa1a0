//! The local API: requests as JSON, one a line, on a store of their own.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use jarchi::clock::Clock;
use jarchi::config::{self, Config};
use jarchi::service::api::{Api, ApiError, Request};
use jarchi::store::{Options, Store, Target};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::watch;

struct Stage {
    folder: TempDir,
    config: Arc<Config>,
    runtime: Runtime,
}

const CONFIG: &str = r#"
[[brand]]
name = "Bakery"
time_zone = "Asia/Baku"

[[account]]
name = "cafe"
plugin = "mastodon"
settings = { server = "https://social.example" }

[[account]]
name = "shop"
plugin = "mastodon"
settings = { server = "https://social.example" }

"#;

static STAGE: LazyLock<Stage> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("jarchi.toml");
    std::fs::write(&path, CONFIG).expect("a file");
    let config = match config::load_without_surroundings(&path) {
        Ok((config, _)) => config,
        Err(errors) => panic!("{errors}"),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    Stage {
        folder,
        config: Arc::new(config),
        runtime,
    }
});

/// Requests that come one after the other, on an empty store. None of them damages it.
pub fn api(bytes: &[u8]) {
    let requests: Vec<Request> = bytes
        .split(|byte| *byte == b'\n')
        .filter_map(|line| serde_json::from_slice(line).ok())
        .filter_map(harmless)
        .take(32)
        .collect();
    if requests.is_empty() {
        return;
    }
    let stage = &*STAGE;
    let folder = tempfile::tempdir_in(stage.folder.path()).expect("a directory");
    let store = Store::open(folder.path(), &Options { cache: 1 << 20 }).expect("a store");
    let (_keep, config) = watch::channel(stage.config.clone());
    let api = Api {
        store,
        clock: Clock::system(),
        config,
        connectors: None,
        generators: None,
        links: None,
        alarms: None,
        reload: None,
        accounts: None,
    };
    stage.runtime.block_on(async {
        for request in requests {
            let words = format!("{request:?}");
            match api.handle(request).await {
                Ok(_) => {}
                Err(ApiError::Unavailable { message }) => panic!("{message}: {words}"),
                Err(error) => assert!(!error.to_string().is_empty(), "{words}"),
            }
        }
        let report = api.store.check(|_| {}).expect("the store can be read");
        assert!(report.problems.is_empty(), "{:?}", report.problems);
    });
}

/// Not the files of the machine that this runs on.
fn harmless(mut request: Request) -> Option<Request> {
    match &mut request {
        Request::Backup { target } => {
            let file = STAGE.folder.path().join("backup.gz");
            let _ = std::fs::remove_file(&file);
            *target = Target::File(file);
        }
        Request::Post(post) => {
            let inside = |path: &PathBuf| path.is_relative() && !path.starts_with("..");
            if !post.media.iter().all(|file| inside(&file.path)) {
                return None;
            }
        }
        _ => {}
    }
    Some(request)
}
