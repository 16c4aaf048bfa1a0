//! `kill -9`, at a moment that chance has chosen.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jarchi_tests::standin::{Moment, Phase, Standin};
use rustix::process::{Pid, Signal, kill_process};

use super::chance::Chance;

/// When to kill: at this request of the daemon's life, in this phase, so much later.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pid: Pid,
    requests: u64,
    phase: Phase,
    later: Duration,
}

impl Plan {
    pub fn new(pid: Pid, chance: &mut Chance) -> Self {
        let requests = 1 + chance.below(5);
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
pub struct Killer(Arc<Mutex<State>>);

impl Killer {
    pub fn watching(standin: &Standin) -> Self {
        let killer = Killer::default();
        let watching = killer.clone();
        standin.watch(Arc::new(move |moment| watching.see(moment)));
        killer
    }

    pub fn arm(&self, plan: Plan) {
        let mut state = self.0.lock().unwrap();
        state.killed = false;
        state.armed = Some(plan);
    }

    pub fn has_killed(&self) -> bool {
        self.0.lock().unwrap().killed
    }

    fn see(&self, moment: &Moment) {
        let mut state = self.0.lock().unwrap();
        let Some(plan) = state.armed.as_mut() else {
            return;
        };
        if moment.phase != plan.phase {
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
        } else {
            tokio::spawn(async move {
                tokio::time::sleep(plan.later).await;
                kill(plan.pid);
            });
        }
    }
}

/// Some time in the first moments of its life.
pub async fn kill_soon(pid: Pid, chance: &mut Chance) {
    tokio::time::sleep(Duration::from_millis(chance.below(400))).await;
    kill(pid);
}

fn kill(pid: Pid) {
    kill_process(pid, Signal::KILL).expect("the daemon runs");
}
