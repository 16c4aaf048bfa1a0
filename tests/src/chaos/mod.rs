//! The daemon is killed again and again while platforms of several kinds misbehave, and
//! started again each time. In the end every post is there once.

mod books;
mod platforms;
mod report;

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jarchi::model::{AttemptOutcome, Id};
use jarchi::service::Client;
use jarchi::service::api::{
    Attachment, Deliveries, DeliveryLine, PostDetail, PostRequest, Posted, QueueList, Request,
};
use rustix::process::{Signal, kill_process};
use tokio::sync::watch;

use crate::chance::Chance;
use crate::daemon::{Daemon, Home};
use crate::killer::{Killer, Plan};
use books::Books;
use platforms::Platform;
pub use report::Report;

/// What a run is to be like.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub seed: u64,
    pub kills: usize,
    /// Accounts on each platform.
    pub accounts: usize,
    /// Requests of a hundred that go wrong.
    pub trouble: u64,
    /// How late the late platform shows its posts.
    pub late: Duration,
    /// Deliveries that are under way at once.
    pub backlog: usize,
    /// Told of each hundredth death.
    pub talk: bool,
}

/// Runs it, and compares the books.
pub async fn run(options: Options) -> Report {
    let begun = Instant::now();
    let mut chance = Chance::seeded(options.seed);
    let platforms: Vec<Platform> = platforms::kinds(options.late)
        .into_iter()
        .map(|kind| Platform::start(kind, options.accounts))
        .collect();
    let home = settle_in(&platforms).await;
    let killer = Killer::watching(platforms.iter().map(|platform| &platform.standin));
    for (number, platform) in platforms.iter().enumerate() {
        platform.trouble(options.seed, number as u64, options.trouble);
    }
    let mut feed = Feed::new(&home, &platforms, options);
    let mut report = Report {
        seed: options.seed,
        ..Report::default()
    };
    while report.kills < options.kills {
        live(&home, &killer, &mut feed, &mut chance, &mut report).await;
        if options.talk && report.kills.is_multiple_of(100) {
            eprintln!(
                "{} kills, {} deliveries, {:.0} s",
                report.kills,
                feed.acknowledged.len(),
                begun.elapsed().as_secs_f64()
            );
        }
    }
    killer.disarm();
    for platform in &platforms {
        platform.standin.calm();
        for (name, count) in platform.standin.happened() {
            *report.faults.entry(name).or_default() += count;
        }
    }
    let patience = Duration::from_secs(120) + options.late * 3;
    let mut daemon = home.start().await;
    settled(&home, &mut daemon, patience).await;
    let cut = decide(&home, &platforms, &mut report).await;
    settled(&home, &mut daemon, patience).await;
    remember(&home, &mut report).await;
    let status = daemon.terminate().await;
    assert!(status.success(), "{status}");
    books::compare(
        &home.data(),
        &platforms,
        &feed.acknowledged,
        &cut,
        &mut report,
    );
    report.took = begun.elapsed();
    report
}

/// A home with all platforms' connectors, compiled.
async fn settle_in(platforms: &[Platform]) -> Home {
    let mut config = String::from(
        "[daemon]\ndata_dir = \"data\"\nplugin_dir = \"plugins\"\nhttp = \"127.0.0.1:0\"\n\
         concurrency = 24\ngrace = \"20s\"\n\
         log = { format = \"json\", filter = \"info\" }\n\
         retry = { attempts = 50, first = \"1s\", longest = \"2s\" }\n\
         \n[[brand]]\nname = \"Bakery\"\ntime_zone = \"Asia/Baku\"\nlanguages = [\"az\"]\n",
    );
    for platform in platforms {
        config.push_str(&platform.config());
    }
    let home = Home::compiled("chaos", &config, |home| {
        let folder = home.path("plugins");
        std::fs::create_dir_all(&folder).expect("a directory");
        for platform in platforms {
            platform.install(&folder);
        }
    });
    home.await
}

/// One life, from its start to its sudden end.
async fn live(
    home: &Home,
    killer: &Killer,
    feed: &mut Feed<'_>,
    chance: &mut Chance,
    report: &mut Report,
) {
    let mut daemon = home.spawn();
    let (pid, lines) = (daemon.pid(), daemon.lines());
    let way = chance.below(20);
    // By request in most lives; by the time since its start in others, some of them before
    // it is ready; and some are let end in order.
    let most = match way {
        0..=2 => Duration::from_millis(chance.below(150)),
        3..=5 => Duration::from_millis(150 + chance.below(450)),
        _ => Duration::from_secs(3),
    };
    if way > 6 {
        killer.arm(Plan::new(pid, 30, chance));
    } else {
        killer.disarm();
    }
    let orderly = way == 6;
    let ended = {
        let feeding = feed.feed(lines);
        tokio::select! {
            status = daemon.ended() => Some(status),
            () = feeding => None,
            () = tokio::time::sleep(if orderly { most / 4 } else { most }) => None,
        }
    };
    let status = match ended {
        Some(status) => status,
        None => {
            killer.disarm();
            let signal = if orderly { Signal::TERM } else { Signal::KILL };
            // It may have been killed in this very moment.
            let _ = kill_process(pid, signal);
            daemon.ended().await
        }
    };
    match status.signal() {
        Some(9) => report.kills += 1,
        _ if orderly && status.success() => report.stops += 1,
        _ => panic!("it ended by itself ({status}):\n{}", daemon.log()),
    }
}

/// Hands the daemon something to publish.
struct Feed<'a> {
    home: &'a Home,
    accounts: Vec<String>,
    picture: PathBuf,
    chance: Chance,
    number: u64,
    backlog: usize,
    /// Deliveries that the daemon said it has.
    acknowledged: Vec<Id>,
}

impl<'a> Feed<'a> {
    fn new(home: &'a Home, platforms: &[Platform], options: Options) -> Self {
        use base64::Engine as _;
        let picture = base64::engine::general_purpose::STANDARD
            .decode(
                "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
            )
            .expect("base64");
        let accounts = platforms.iter().flat_map(|platform| &platform.accounts);
        Feed {
            home,
            accounts: accounts.cloned().collect(),
            picture: home.write("picture.png", picture),
            chance: Chance::seeded(options.seed ^ 0x5eed),
            number: 0,
            backlog: options.backlog,
            acknowledged: Vec::new(),
        }
    }

    /// Until the daemon dies.
    async fn feed(&mut self, mut lines: watch::Receiver<usize>) {
        let client = loop {
            lines.mark_unchanged();
            if let Ok(Some(client)) = Client::connect(&self.home.data().join("jarchi.sock")).await {
                break client;
            }
            if lines.changed().await.is_err() {
                return std::future::pending().await;
            }
        };
        loop {
            let open = Request::Queue {
                account: None,
                all: false,
                dead: false,
                limit: 100_000,
            };
            let Ok(open) = client.call::<QueueList>(&open).await else {
                break;
            };
            // Those that have to be looked for take their time, on the late platform above all.
            let waiting = open
                .deliveries
                .iter()
                .filter(|line| line.state == "waiting");
            for _ in waiting.count()..self.backlog {
                self.post(&client).await;
            }
            lines.mark_unchanged();
            if lines.changed().await.is_err() {
                break;
            }
        }
        std::future::pending().await
    }

    async fn post(&mut self, client: &Client) {
        self.number += 1;
        let number = self.number;
        let mut request = PostRequest {
            text: format!("Xəbər {number}: bu gün hamıya çay"),
            accounts: vec![
                self.accounts[self.chance.below(self.accounts.len() as u64) as usize].clone(),
            ],
            // What the platform's own troubles keep from being checked is taken on too.
            force: true,
            ..PostRequest::default()
        };
        match self.chance.below(5) {
            0 => {
                request.thread = vec![
                    format!("Davamı {number}: külək"),
                    format!("Sonu {number}: axşam"),
                ];
            }
            1 => {
                request.media = vec![Attachment {
                    path: self.picture.clone(),
                    alt: Some(format!("Şəkil {number}")),
                }];
            }
            _ => {}
        }
        let answer = client
            .call::<Posted>(&Request::Post(Box::new(request)))
            .await;
        // Without an answer it is there or not; with one it must be.
        if let Ok(posted) = answer {
            let ids = posted.deliveries.iter().map(|line| line.delivery);
            self.acknowledged.extend(ids);
        }
    }
}

async fn ask<T: serde::de::DeserializeOwned>(home: &Home, request: Request) -> T {
    let client = Client::connect(&home.data().join("jarchi.sock")).await;
    let client = client.expect("a socket").expect("a daemon");
    client.call(&request).await.expect("an answer")
}

async fn list(home: &Home, all: bool) -> Vec<DeliveryLine> {
    let request = Request::Queue {
        account: None,
        all,
        dead: false,
        limit: 1_000_000,
    };
    ask::<QueueList>(home, request).await.deliveries
}

/// Waits until nothing goes on by itself any more.
async fn settled(home: &Home, daemon: &mut Daemon, patience: Duration) {
    let mut lines = daemon.lines();
    let is_open = |line: &DeliveryLine| !matches!(line.state.as_str(), "parked" | "failed");
    let waiting = async {
        loop {
            lines.mark_unchanged();
            if !list(home, false).await.iter().any(is_open) {
                return;
            }
            lines.changed().await.expect("the log lives on");
        }
    };
    if tokio::time::timeout(patience, waiting).await.is_err() {
        let open = list(home, false).await;
        let open: Vec<_> = open.iter().filter(|line| is_open(line)).collect();
        panic!("stuck: {open:#?}\n{}", daemon.log());
    }
}

/// Settles what is parked as a person would, who looks at the platform; gives back the
/// threads that have no end.
async fn decide(home: &Home, platforms: &[Platform], report: &mut Report) -> Vec<Id> {
    let books = Books::of(platforms);
    let mut cut = Vec::new();
    for line in list(home, false).await {
        if line.state != "parked" {
            continue;
        }
        let of_it = |platform: &&Platform| platform.accounts.contains(&line.account);
        let platform = platforms.iter().find(of_it).expect("an account of one");
        let kind = &platform.kind;
        *report.parked.entry(kind.name.to_owned()).or_default() += 1;
        if kind.tells() {
            report.needless.push(format!(
                "delivery {} on {}: {:?}",
                line.delivery, line.account, line.note
            ));
        }
        let PostDetail {
            post, deliveries, ..
        } = ask(home, Request::ShowPost { post: line.post }).await;
        let delivery = deliveries.iter().find(|one| one.id == line.delivery);
        let known = delivery.map_or(0, books::known_parts);
        let parts = books::parts(&post.draft);
        let text = parts.get(known).expect("it is not done");
        let published = books
            .find(&line.account, text)
            .first()
            .map(|entry| format!("{}/@{}/{}", platform.standin.url(), line.account, entry.id));
        // There is no way to say "this part is out, go on behind it".
        if published.is_some() && known + 1 < parts.len() {
            cut.push(line.delivery);
        }
        let request = Request::Resolve {
            delivery: line.delivery,
            published,
        };
        let _: DeliveryLine = ask(home, request).await;
    }
    cut
}

/// What the deliveries remember.
async fn remember(home: &Home, report: &mut Report) {
    for line in list(home, true).await {
        let request = Request::ShowDelivery {
            delivery: line.delivery,
        };
        let Deliveries { deliveries } = ask(home, request).await;
        let attempts = deliveries.iter().flat_map(|delivery| &delivery.history);
        for attempt in attempts {
            match attempt.outcome {
                AttemptOutcome::Interrupted => report.interrupted += 1,
                AttemptOutcome::Found => report.found += 1,
                _ => {}
            }
        }
    }
}
