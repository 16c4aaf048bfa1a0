//! `kill -9`, at a moment that chance has chosen.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jarchi_tests::standin::{Brake, Moment, Phase, Standin};
use rustix::process::{Pid, Signal, kill_process};

use super::chance::Chance;

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
    pub fn new(pid: Pid, chance: &mut Chance) -> Self {
        let requests = 1 + chance.below(4);
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

#[derive(Clone)]
pub struct Killer {
    state: Arc<Mutex<State>>,
    /// Between the moment that was chosen and the kill the server takes nothing further: a
    /// fast machine would be done with all posts before it has died often enough.
    brake: Brake,
}

impl Killer {
    pub fn watching(standin: &Standin) -> Self {
        let killer = Killer {
            state: Arc::default(),
            brake: standin.brake(),
        };
        let watching = killer.clone();
        standin.watch(Arc::new(move |moment| watching.see(moment)));
        killer
    }

    pub fn arm(&self, plan: Plan) {
        let mut state = self.state.lock().unwrap();
        state.killed = false;
        state.armed = Some(plan);
    }

    pub fn has_killed(&self) -> bool {
        self.state.lock().unwrap().killed
    }

    fn see(&self, moment: &Moment) {
        let mut state = self.state.lock().unwrap();
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
        let brake = self.brake.clone();
        brake.set(true);
        tokio::spawn(async move {
            tokio::time::sleep(plan.later).await;
            kill(plan.pid);
            // What was on the way arrives when nobody waits for it any more.
            brake.set(false);
        });
    }

    /// Some time in the first moments of its life.
    pub async fn kill_soon(&self, pid: Pid, chance: &mut Chance) {
        self.brake.set(true);
        tokio::time::sleep(Duration::from_millis(chance.below(400))).await;
        kill(pid);
        self.brake.set(false);
    }
}

fn kill(pid: Pid) {
    kill_process(pid, Signal::KILL).expect("the daemon runs");
}
