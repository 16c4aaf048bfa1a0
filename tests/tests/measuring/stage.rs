//! The daemon, its clock, and the server that it measures.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use jarchi::clock::{Clock, Hands};
use jarchi::config::{self, Config};
use jarchi::content::{self, Due, NewPost};
use jarchi::demo::standin::{ALL_SCOPES, Options, Rate, Rates, Server};
use jarchi::model::{Draft, Origin, TimeSpan, Timestamp};
use jarchi::plugin::broker::BrokerOptions;
use jarchi::service::{Daemon, Started, launch};
use jarchi::store::{PostNumbers, Store};
use jarchi_tests::standin::{PATIENCE, token_of};

/// 2026-12-01, a Tuesday.
pub const START: Timestamp = Timestamp(1_796_083_200_000);

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub at: Timestamp,
    pub account: String,
    pub method: String,
    pub path: String,
    pub query: String,
}

#[derive(Default)]
struct Weather {
    off: bool,
    /// An account whose next request is refused, and for how many seconds.
    too_many: Option<(String, u32)>,
    refused: Vec<Seen>,
    seen: Vec<Seen>,
}

/// The platform.
#[derive(Clone)]
pub struct Platform {
    server: Arc<Server>,
    clock: Clock,
    weather: Arc<Mutex<Weather>>,
    accounts: Vec<String>,
}

impl Platform {
    fn weather(&self) -> MutexGuard<'_, Weather> {
        self.weather.lock().unwrap()
    }

    pub fn switch_off(&self) {
        self.weather().off = true;
    }

    pub fn switch_on(&self) {
        self.weather().off = false;
    }

    /// The account's next request is answered with 429, and `retry-after`.
    pub fn too_many(&self, account: &str, seconds: u32) {
        self.weather().too_many = Some((account.to_owned(), seconds));
    }

    /// Requests that were answered with 429.
    pub fn refused(&self) -> Vec<Seen> {
        self.weather().refused.clone()
    }

    pub fn requests(&self, wanted: impl Fn(&Seen) -> bool) -> Vec<Seen> {
        let weather = self.weather();
        let all = weather.seen.iter().filter(|one| wanted(one));
        all.cloned().collect()
    }

    /// Somebody deletes the account's first post there; its number.
    pub fn delete_first(&self, account: &str) -> String {
        let book = self.server.book();
        let first = book.iter().find(|one| one.account == account).unwrap();
        self.server.delete(&first.id).unwrap();
        first.id.clone()
    }

    /// As the days go by, people like what they see.
    fn like(&self) {
        for (number, entry) in self.server.book().iter().enumerate() {
            if number % 3 != 0 && !entry.deleted {
                let fan = format!("fan{}", self.clock.now().0 / 86_400_000 % 9);
                self.server.favourite(&entry.id, &fan).unwrap();
            }
        }
    }
}

/// By the clock of the test, as everything that the server says of time.
async fn dated(State(platform): State<Platform>, request: Request, next: Next) -> Response {
    let clock = platform.clock.clone();
    let mut response = pass(platform, request, next).await;
    let date = clock.now().to_utc().format("%a, %d %b %Y %H:%M:%S GMT");
    let date = HeaderValue::from_str(&date.to_string()).unwrap();
    response.headers_mut().insert("date", date);
    response
}

async fn pass(platform: Platform, request: Request, next: Next) -> Response {
    let token = request.headers().get("authorization");
    let token = token.and_then(|value| value.to_str().ok()).unwrap_or("");
    let token = token.trim_start_matches("Bearer ");
    let account = platform
        .accounts
        .iter()
        .find(|name| token_of(name) == token);
    let account = account.cloned().unwrap_or_default();
    let seen = Seen {
        at: platform.clock.now(),
        account: account.clone(),
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: request.uri().query().unwrap_or_default().to_owned(),
    };
    {
        let mut weather = platform.weather();
        weather.seen.push(seen.clone());
        if weather.off {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        if weather
            .too_many
            .as_ref()
            .is_some_and(|(name, _)| *name == account)
        {
            let seconds = weather.too_many.take().map_or(0, |(_, seconds)| seconds);
            weather.refused.push(seen);
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            let headers = response.headers_mut();
            headers.insert("retry-after", HeaderValue::from(seconds));
            return response;
        }
    }
    let response = next.run(request).await;
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        platform.weather().refused.push(seen);
    }
    response
}

pub struct Stage {
    pub server: Platform,
    pub config: Arc<Config>,
    path: PathBuf,
    clock: Clock,
    hands: Hands,
    started: Option<Started>,
    posts: usize,
    _dir: tempfile::TempDir,
    _serving: tokio::task::JoinHandle<()>,
}

impl Stage {
    /// With these accounts, and the requests that each has for measuring on one day.
    pub async fn new(accounts: &[(&str, u32)]) -> Self {
        let (clock, hands) = Clock::manual(START);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let options = Options {
            clock: clock.clone(),
            // Far fewer than Mastodon's own.
            rates: Rates {
                requests: Some(Rate {
                    limit: 12,
                    period: TimeSpan::from_mins(5),
                }),
                ..Rates::none()
            },
            ..Options::default()
        };
        let server = Server::new(&format!("http://{address}"), options);
        for (name, _) in accounts {
            server.add_account(name, name);
            server.grant(name, &token_of(name), ALL_SCOPES).unwrap();
        }
        for number in 0..9 {
            server.add_account(&format!("fan{number}"), "A fan");
        }
        let server = Platform {
            server,
            clock: clock.clone(),
            weather: Arc::default(),
            accounts: accounts
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect(),
        };
        let router: Router = server.server.router();
        let router = router.layer(from_fn_with_state(server.clone(), dated));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jarchi.toml");
        let mut text = format!(
            "[daemon]\ndata_dir = \"data\"\nplugin_dir = {:?}\nhttp = false\ncheck_links = false\n\
             log = {{ filter = \"warn\" }}\n\
             [[brand]]\nname = \"Bakery\"\ntime_zone = \"Asia/Baku\"\n\
             [[plugin]]\nname = \"mastodon\"\n\
             [[plugin.grant]]\nhost = \"{address}\"\nplain_http = true\nprivate = true\n\
             reason = \"The test's own server\"\n",
            jarchi_tests::plugins::plugin_dir()
        );
        for (name, requests) in accounts {
            write!(
                text,
                "[[account]]\nname = \"{name}\"\nplugin = \"mastodon\"\n\
                 settings = {{ server = \"http://{address}\" }}\n\
                 secrets = {{ token = \"{}\" }}\nmeasure = {{ requests_per_day = {requests} }}\n\
                 rails = {{ per_hour = 1000, per_day = 1000, least_gap = \"0s\", \
                 missed_after = \"30d\" }}\n",
                token_of(name)
            )
            .unwrap();
        }
        std::fs::write(&path, text).unwrap();
        let mut stage = Stage {
            server,
            config: Arc::new(load(&path)),
            path,
            clock,
            hands,
            started: None,
            posts: 0,
            _dir: dir,
            _serving: serving,
        };
        stage.start().await;
        stage
    }

    pub async fn start(&mut self) {
        let broker = BrokerOptions {
            // The clock stands while a call waits.
            short_wait: TimeSpan::ZERO,
            ..BrokerOptions::default()
        };
        let started = launch(Daemon {
            config: load(&self.path),
            environment: Box::new(BTreeMap::<String, String>::new()),
            clock: self.clock.clone(),
            broker,
            prometheus: None,
        });
        self.started = Some(started.await.unwrap());
    }

    pub async fn stop(&mut self) {
        self.started.take().unwrap().stop().await.unwrap();
    }

    pub fn store(&self) -> &Store {
        self.started.as_ref().unwrap().running.store()
    }

    pub fn set(&self, at: Timestamp) {
        self.hands.set(at);
    }

    pub async fn post(&mut self, account: &str, due: Timestamp) {
        self.posts += 1;
        let new = NewPost {
            draft: Draft {
                text: format!("Post {}", self.posts),
                hashtags: vec![format!("tag{}", self.posts % 3)],
                ..Draft::default()
            },
            accounts: vec![account.to_owned()],
            due: Due::At(due),
            origin: Origin::Command,
            pillar: None,
            campaign: None,
            repeat_after: None,
            round: 0,
        };
        let now = self.clock.now();
        content::accept(self.store(), &self.config, new, now)
            .await
            .unwrap();
    }

    /// Moves the clock from one thing that is to be done to the next.
    async fn step(&self, latest: Timestamp) -> bool {
        let mut beats = self.started.as_ref().unwrap().running.beats();
        let quiet = |beat: &jarchi::queue::Beat, now: Timestamp| {
            beat.running == 0 && beat.wakes.is_none_or(|wakes| wakes > now)
        };
        let now = self.clock.now();
        let calm = beats.wait_for(|beat| quiet(beat, now));
        let calm = tokio::time::timeout(PATIENCE, calm).await;
        let wakes = calm.expect("it does not come to rest").unwrap().wakes;
        let next = wakes.unwrap_or(latest).min(latest);
        if next.0 / 86_400_000 > now.0 / 86_400_000 {
            self.server.like();
        }
        self.hands.set(next);
        if wakes.is_some_and(|wakes| wakes <= next) {
            let done = beats.wait_for(|beat| beat.at >= next && quiet(beat, next));
            let done = tokio::time::timeout(PATIENCE, done).await;
            drop(done.expect("it does not come to rest").unwrap());
        }
        next < latest
    }

    pub async fn run_until(&self, moment: Timestamp) {
        while self.step(moment).await {}
    }

    /// Runs until a request was refused; when that was.
    pub async fn until_refused(&self) -> Timestamp {
        let before = self.server.refused().len();
        let latest = self.clock.now().saturating_add(TimeSpan::from_days(1));
        while self.server.refused().len() == before {
            assert!(self.step(latest).await, "nobody asks");
        }
        self.clock.now()
    }

    pub fn records(&self) -> Vec<PostNumbers> {
        let view = self.store().view();
        let mut records = Vec::new();
        for account in view.measured_accounts().unwrap() {
            let all = view.each_post_numbers(&account, Timestamp(0), Timestamp::MAX, |one| {
                records.push(one);
            });
            all.unwrap();
        }
        records
    }
}

fn load(path: &std::path::Path) -> Config {
    let environment = BTreeMap::<String, String>::new();
    config::load(path, &environment).unwrap().0
}
