//! `kill -9`, at a moment that chance has chosen.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::chance::Chance;
use crate::standin::{Brake, Moment, Phase, Standin};

/// When to kill: at this request of the daemon's life, in this phase, so much later.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pid: Pid,
    requests: u64,
    /// Those that look up what became of the last life's count too.
    reading: bool,
    phase: Phase,
    later: Duration,
}

impl Plan {
    /// Within so many requests.
    pub fn new(pid: Pid, within: u64, chance: &mut Chance) -> Self {
        let requests = 1 + chance.below(within);
        // Before the server did anything; when it has, and nobody knows; and any time
        // after, when the daemon writes down what it was told, and goes on.
        let (phase, later) = match chance.below(4) {
            0 => (Phase::Arrived, Duration::ZERO),
            1 => (Phase::Done, Duration::ZERO),
            _ => (Phase::Done, Duration::from_micros(chance.below(25_000))),
        };
        Plan {
            pid,
            requests,
            reading: chance.below(5) == 0,
            phase,
            later,
        }
    }
}

#[derive(Default)]
struct State {
    armed: Option<Plan>,
    killed: bool,
}

#[derive(Clone, Default)]
pub struct Killer {
    state: Arc<Mutex<State>>,
    /// Between the moment that was chosen and the kill the server takes nothing further: a
    /// fast machine would be done with all posts before it has died often enough.
    brake: Option<Brake>,
}

impl Killer {
    /// Where there is only so much to publish.
    pub fn braking(standin: &Standin) -> Self {
        let killer = Killer {
            brake: Some(standin.brake()),
            ..Killer::default()
        };
        killer.watch(standin);
        killer
    }

    /// Where there is always more to publish.
    pub fn watching<'a>(standins: impl IntoIterator<Item = &'a Standin>) -> Self {
        let killer = Killer::default();
        for standin in standins {
            killer.watch(standin);
        }
        killer
    }

    fn watch(&self, standin: &Standin) {
        let watching = self.clone();
        standin.watch(Arc::new(move |moment| watching.see(moment)));
    }

    fn brake(&self, on: bool) {
        if let Some(brake) = &self.brake {
            brake.set(on);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic while it is held")
    }

    /// Kills nobody until it is armed again.
    pub fn disarm(&self) {
        self.state().armed = None;
    }

    pub fn arm(&self, plan: Plan) {
        let mut state = self.state();
        state.killed = false;
        state.armed = Some(plan);
    }

    pub fn has_killed(&self) -> bool {
        self.state().killed
    }

    fn see(&self, moment: &Moment) {
        let mut state = self.state();
        let Some(plan) = state.armed.as_mut() else {
            return;
        };
        if moment.phase != plan.phase || !plan.reading && moment.method != "POST" {
            return;
        }
        plan.requests -= 1;
        if plan.requests > 0 {
            return;
        }
        let plan = *plan;
        state.armed = None;
        state.killed = true;
        if plan.later.is_zero() {
            kill(plan.pid);
            return;
        }
        self.brake(true);
        let killer = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(plan.later).await;
            kill(plan.pid);
            // What was on the way arrives when nobody waits for it any more.
            killer.brake(false);
        });
    }

    /// Some time in the first moments of its life.
    pub async fn kill_soon(&self, pid: Pid, chance: &mut Chance) {
        self.brake(true);
        tokio::time::sleep(Duration::from_millis(chance.below(400))).await;
        kill(pid);
        self.brake(false);
    }
}

fn kill(pid: Pid) {
    kill_process(pid, Signal::KILL).expect("the daemon runs");
}
