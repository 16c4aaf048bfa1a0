//! A store, a clock, a platform, and the publishing half of a daemon that lives and dies.

use std::sync::Arc;

use jarchi::clock::{Clock, Hands};
use jarchi::config::{Account, Config, Retry};
use jarchi::content::{self, Due, NewPost};
use jarchi::model::{Delivery, Draft, Id, Job, Origin, ThreadPart, TimeSpan, Timestamp, Work};
use jarchi::publish::{Promise, Publisher};
use jarchi::queue::{Dispatcher, Disposition, Group, Options, Worker, Working};
use jarchi::store::{self, Store};
use tokio::sync::watch;

use crate::common::platform::Platform;
use crate::common::{START, account, config, open, scratch, text};

/// The publishing half of a daemon.
struct Station(Publisher);

impl Worker for Station {
    fn run(&self, job: Job) -> Working<'_> {
        Box::pin(async move {
            match job.work {
                Work::Publish { delivery } => self.0.run(&job, delivery).await,
                _ => Disposition::Done,
            }
        })
    }

    fn group(&self, _: &str) -> Group {
        Group {
            name: "platform".to_owned(),
            limit: 4,
        }
    }
}

pub struct World {
    _dir: tempfile::TempDir,
    path: std::path::PathBuf,
    store: Option<Store>,
    pub clock: Clock,
    pub hands: Hands,
    config: Arc<Config>,
    pub platform: Platform,
}

pub const LOOK_UP: Promise = Promise {
    idempotent_for: None,
    can_look_up: true,
    may_look_up: false,
    visible_after: TimeSpan::ZERO,
};
pub const KEYS: Promise = Promise {
    idempotent_for: Some(TimeSpan::from_hours(1)),
    can_look_up: false,
    may_look_up: false,
    visible_after: TimeSpan::ZERO,
};
pub const NOTHING: Promise = Promise {
    idempotent_for: None,
    can_look_up: false,
    may_look_up: false,
    visible_after: TimeSpan::ZERO,
};

pub const PERHAPS: Promise = Promise {
    idempotent_for: None,
    can_look_up: false,
    may_look_up: true,
    visible_after: TimeSpan::ZERO,
};

impl World {
    pub fn new(promise: Promise) -> Self {
        Self::with(promise, account("shop"))
    }

    pub fn with(promise: Promise, account: Account) -> Self {
        let (dir, path) = scratch();
        let (clock, hands) = Clock::manual(START);
        World {
            config: config(&path, &[account]),
            store: Some(open(&path)),
            _dir: dir,
            path,
            clock,
            hands,
            platform: Platform::new(promise, promise.idempotent_for.is_some()),
        }
    }

    pub fn store(&self) -> &Store {
        self.store.as_ref().expect("open")
    }

    pub async fn post(&self, draft: Draft, due: Timestamp) -> Id {
        let new = NewPost {
            draft,
            accounts: vec!["shop".to_owned()],
            due: Due::At(due),
            origin: Origin::Command,
            pillar: None,
            campaign: None,
            repeat_after: None,
            round: 0,
        };
        let accepted = content::accept(self.store(), &self.config, new, self.clock.now())
            .await
            .expect("accepted");
        accepted.deliveries[0].1
    }

    pub fn delivery(&self, id: Id) -> Delivery {
        let delivery = self.store().view().delivery(id).expect("readable");
        delivery.expect("there")
    }

    /// Runs a daemon until nothing is due any more at this time, or it dies in a call.
    /// Returns whether it died.
    pub async fn live(&mut self) -> bool {
        let (_keep, config) = watch::channel(self.config.clone());
        let publisher = Publisher::new(
            self.store().clone(),
            self.clock.clone(),
            config,
            Arc::new(self.platform.clone()),
        );
        let options = Options {
            concurrency: 4,
            retry: self.config.daemon.retry.clone(),
        };
        let (dispatcher, handle) = Dispatcher::start(
            self.store().clone(),
            self.clock.clone(),
            Arc::new(Station(publisher)),
            options,
        )
        .await
        .expect("starts");
        let task = tokio::spawn(dispatcher.run());
        // Idle: nothing is due, nothing runs. Dead: a call that never ends is the only
        // thing that goes on, and has been entered.
        let mut quiet = 0;
        while quiet < 50 {
            tokio::task::yield_now().await;
            std::thread::yield_now();
            let view = self.store().view();
            let now = self.clock.now();
            let due = view.earliest_due().expect("readable");
            let running = view
                .jobs(jarchi::store::JobFilter::Running, 1)
                .expect("readable");
            let dead = self.is_dead();
            let rests = handle.last_beat().wakes.is_some_and(|wakes| wakes > now);
            let idle = due.is_none_or(|due| due > now) || rests;
            if (idle && running.is_empty()) || dead {
                quiet += 1;
            } else {
                quiet = 0;
            }
        }
        if self.is_dead() {
            task.abort();
            let _ = task.await;
            // A new process opens the same directory.
            self.store = None;
            while jarchi::store::Store::open(&self.path, &Default::default()).is_err() {
                tokio::task::yield_now().await;
            }
            self.store = Some(open(&self.path));
            self.platform.book().dead = false;
            return true;
        }
        handle.stop();
        task.await.expect("no panic").expect("the store works");
        false
    }

    fn is_dead(&self) -> bool {
        self.platform.book().dead
    }

    /// Lives on, moving the clock to whatever is due next, for at most `days`.
    pub async fn live_on(&mut self, days: u64) {
        let end = self.clock.now().saturating_add(TimeSpan::from_days(days));
        loop {
            if self.live().await {
                continue;
            }
            let now = self.clock.now();
            let due = self.store().view().earliest_due().expect("readable");
            match due {
                // A lane rests: its job that was turned away is due later.
                Some(due) if due <= now && self.rested() <= end => self.hands.set(self.rested()),
                Some(due) if due <= now => return,
                Some(due) if due <= end => self.hands.set(due),
                _ => return,
            }
        }
    }

    /// When the lane may go on that rests: by what its platform asked for, by its breaker,
    /// else by trial.
    fn rested(&self) -> Timestamp {
        let (now, view) = (self.clock.now(), self.store().view());
        let breakers = view.breakers().expect("readable");
        let pauses = breakers
            .into_iter()
            .filter_map(|(_, breaker)| Some(breaker.open?.until));
        let asked = view.note("rest:account:shop").expect("readable");
        pauses
            .chain(asked)
            .filter(|until| *until > now)
            .min()
            .unwrap_or(now.saturating_add(TimeSpan::from_secs(1)))
    }

    /// Other rules for tries.
    pub fn retry(&mut self, retry: Retry) {
        let mut config = Config::clone(&self.config);
        config.daemon.retry = retry;
        self.config = Arc::new(config);
    }

    /// As `live_on`, up to this moment.
    pub async fn live_until(&mut self, end: Timestamp) {
        loop {
            if self.live().await {
                continue;
            }
            let now = self.clock.now();
            match self.store().view().earliest_due().expect("readable") {
                Some(due) if due <= end => {
                    let next = if due <= now { self.rested() } else { due };
                    if next > end {
                        break;
                    }
                    self.hands.set(next);
                }
                _ => break,
            }
        }
        self.hands.set(end);
    }

    /// As `live_on`, and stops after so many calls.
    pub async fn live_until_calls(&mut self, calls: usize) {
        while self.platform.book().calls < calls {
            if self.live().await {
                continue;
            }
            let due = self.store().view().earliest_due().expect("readable");
            let now = self.clock.now();
            let due = due.expect("it goes on");
            self.hands.set(if due <= now { self.rested() } else { due });
        }
    }

    pub fn parts_there(&self) -> usize {
        self.platform.book().parts.len()
    }
}

pub fn thread(parts: usize) -> Draft {
    Draft {
        thread: (1..parts)
            .map(|number| ThreadPart {
                text: format!("part {number}"),
                media: Vec::new(),
            })
            .collect(),
        ..text("a thread")
    }
}

impl World {
    /// Takes a backup.
    pub fn back_up(&self) -> std::path::PathBuf {
        let file = self.path.join(format!("backup-{}", self.clock.now().0));
        let target = store::Target::File(file.clone());
        store::backup(self.store(), &target, self.clock.now(), |_| {}).expect("written");
        file
    }

    /// The machine is lost, and its store is made anew from a backup.
    pub fn restore(&mut self, file: &std::path::Path) {
        self.store = None;
        self.path = self.path.join("restored");
        let options = store::Options { cache: 16 << 20 };
        store::restore(&self.path, &options, file, self.clock.now(), |_| {}).expect("restored");
        self.store = Some(open(&self.path));
    }
}
