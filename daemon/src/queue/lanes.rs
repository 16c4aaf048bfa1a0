//! Which lanes could run a job, and when: the dispatcher's memory. Pure.

use std::collections::{BTreeSet, HashMap};

use crate::model::Timestamp;

use super::Group;

#[derive(Debug)]
struct Lane {
    /// When its next job is due, as far as is known; never later than in truth.
    next: Option<Timestamp>,
    /// Not before then.
    rests_until: Timestamp,
    running: bool,
    /// Its rest was ended while it ran.
    roused: bool,
    group: Group,
}

impl Lane {
    fn wakes(&self) -> Option<Timestamp> {
        self.next.map(|next| next.max(self.rests_until))
    }
}

#[derive(Debug, Default)]
struct Running {
    count: usize,
    /// Lanes of the group that were due when it was full.
    blocked: BTreeSet<(Timestamp, String)>,
}

#[derive(Debug)]
pub(super) struct Lanes {
    lanes: HashMap<String, Lane>,
    /// Lanes that wait, by the time when they could go on.
    line: BTreeSet<(Timestamp, String)>,
    groups: HashMap<String, Running>,
    running: usize,
    /// Jobs at once, over all groups.
    limit: usize,
}

impl Lanes {
    pub(super) fn new(limit: usize) -> Self {
        Lanes {
            lanes: HashMap::new(),
            line: BTreeSet::new(),
            groups: HashMap::new(),
            running: 0,
            limit,
        }
    }

    /// A job of this lane is due then.
    pub(super) fn hint(&mut self, name: &str, due: Timestamp, group: impl FnOnce() -> Group) {
        let lane = self.lanes.entry(name.to_owned()).or_insert_with(|| Lane {
            next: None,
            rests_until: Timestamp(0),
            running: false,
            roused: false,
            group: group(),
        });
        if lane.next.is_some_and(|next| next <= due) {
            return;
        }
        let before = lane.wakes();
        lane.next = Some(due);
        let after = lane.wakes();
        if !lane.running {
            self.requeue(name, before, after);
        }
    }

    /// A lane that waits does not go on before then.
    pub(super) fn rest(&mut self, name: &str, until: Timestamp) {
        let Some(lane) = self.lanes.get_mut(name) else {
            return;
        };
        let before = lane.wakes();
        lane.rests_until = until;
        let after = lane.wakes();
        self.requeue(name, before, after);
    }

    /// The reason for its rest is gone; `until` is what else keeps it.
    pub(super) fn rouse(&mut self, name: &str, until: Timestamp) {
        match self.lanes.get_mut(name) {
            Some(lane) if lane.running => {
                lane.rests_until = until;
                lane.roused = true;
            }
            Some(_) => self.rest(name, until),
            None => {}
        }
    }

    fn requeue(&mut self, name: &str, before: Option<Timestamp>, after: Option<Timestamp>) {
        if let Some(before) = before {
            let key = (before, name.to_owned());
            if !self.line.remove(&key)
                && let Some(lane) = self.lanes.get(name)
                && let Some(group) = self.groups.get_mut(&lane.group.name)
            {
                group.blocked.remove(&key);
            }
        }
        if let Some(after) = after {
            self.line.insert((after, name.to_owned()));
        }
    }

    /// Lanes that are due and may run, taken as running; the longest due first.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<String> {
        let mut taken = Vec::new();
        while self.running < self.limit {
            let Some(first) = self.line.first().filter(|(due, _)| *due <= now) else {
                break;
            };
            let first = first.clone();
            self.line.remove(&first);
            let Some(lane) = self.lanes.get_mut(&first.1) else {
                continue;
            };
            let group = self.groups.entry(lane.group.name.clone()).or_default();
            if group.count >= lane.group.limit.max(1) {
                group.blocked.insert(first);
                continue;
            }
            group.count += 1;
            self.running += 1;
            lane.running = true;
            lane.next = None;
            taken.push(first.1);
        }
        taken
    }

    /// What the store knows of the lane's next job, after a claim.
    pub(super) fn know(&mut self, name: &str, next: Option<Timestamp>) {
        if let Some(lane) = self.lanes.get_mut(name)
            && let Some(next) = next
        {
            lane.next = Some(lane.next.map_or(next, |known| known.min(next)));
        }
    }

    /// The lane's job has ended; `rest` is the moment before which it does not go on.
    pub(super) fn release(&mut self, name: &str, rest: Option<Timestamp>) {
        let Some(lane) = self.lanes.get_mut(name) else {
            return;
        };
        lane.running = false;
        self.running -= 1;
        let roused = std::mem::take(&mut lane.roused);
        if let Some(rest) = rest.filter(|_| !roused) {
            lane.rests_until = rest;
        }
        let wakes = lane.wakes();
        let group = lane.group.name.clone();
        if let Some(group) = self.groups.get_mut(&group) {
            group.count -= 1;
            // The longest due of those that were turned away comes back.
            if let Some(first) = group.blocked.pop_first() {
                self.line.insert(first);
            }
        }
        match wakes {
            Some(wakes) => {
                self.line.insert((wakes, name.to_owned()));
            }
            // The word of its next job may still be on the way.
            None if rest.is_some() => {}
            None => {
                self.lanes.remove(name);
            }
        }
    }

    /// When something could be taken; nothing while all places are in use.
    pub(super) fn wakes(&self) -> Option<Timestamp> {
        if self.running >= self.limit {
            return None;
        }
        self.line.first().map(|(due, _)| *due)
    }

    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// The groups' limits were changed: asked for anew.
    pub(super) fn regroup(&mut self, limit: usize, group: impl Fn(&str) -> Group) {
        self.limit = limit;
        let blocked = self
            .groups
            .values_mut()
            .flat_map(|group| std::mem::take(&mut group.blocked));
        self.line.extend(blocked);
        self.groups.clear();
        for (name, lane) in &mut self.lanes {
            lane.group = group(name);
            if lane.running {
                self.groups
                    .entry(lane.group.name.clone())
                    .or_default()
                    .count += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(limit: usize) -> impl Fn() -> Group {
        move || Group {
            name: "mastodon".to_owned(),
            limit,
        }
    }

    #[test]
    fn a_lane_runs_one_job_at_a_time_and_the_longest_due_first() {
        let mut lanes = Lanes::new(8);
        lanes.hint("b", Timestamp(20), group(8));
        lanes.hint("a", Timestamp(10), group(8));
        lanes.hint("a", Timestamp(5), group(8));
        lanes.hint("later", Timestamp(99), group(8));
        assert_eq!(lanes.wakes(), Some(Timestamp(5)));
        assert_eq!(lanes.take_due(Timestamp(50)), ["a", "b"]);
        lanes.hint("a", Timestamp(1), group(8));
        assert_eq!(lanes.take_due(Timestamp(50)), Vec::<String>::new());
        lanes.release("a", None);
        assert_eq!(lanes.take_due(Timestamp(50)), ["a"]);
    }

    #[test]
    fn a_full_group_keeps_no_other_from_running() {
        let mut lanes = Lanes::new(8);
        for name in ["a", "b", "c"] {
            lanes.hint(name, Timestamp(1), group(2));
        }
        lanes.hint("other", Timestamp(2), || Group {
            name: "bluesky".to_owned(),
            limit: 1,
        });
        assert_eq!(lanes.take_due(Timestamp(5)), ["a", "b", "other"]);
        assert_eq!(lanes.wakes(), None, "c is blocked, and nothing else waits");
        lanes.release("a", None);
        assert_eq!(lanes.take_due(Timestamp(5)), ["c"]);
    }

    #[test]
    fn a_lane_without_a_job_still_rests() {
        let mut lanes = Lanes::new(8);
        lanes.hint("a", Timestamp(1), group(8));
        lanes.take_due(Timestamp(1));
        lanes.release("a", Some(Timestamp(50)));
        assert_eq!(lanes.wakes(), None);
        lanes.hint("a", Timestamp(1), group(8));
        assert_eq!(lanes.wakes(), Some(Timestamp(50)));
    }

    #[test]
    fn a_rest_that_is_ended_holds_nothing_back() {
        let mut lanes = Lanes::new(8);
        lanes.hint("a", Timestamp(1), group(8));
        lanes.take_due(Timestamp(1));
        lanes.know("a", Some(Timestamp(2)));
        lanes.release("a", Some(Timestamp(50)));
        lanes.rouse("a", Timestamp(0));
        assert_eq!(lanes.take_due(Timestamp(3)), ["a"]);
        // Ended while the job still runs, which then says that the lane should rest.
        lanes.know("a", Some(Timestamp(4)));
        lanes.rouse("a", Timestamp(0));
        lanes.release("a", Some(Timestamp(90)));
        assert_eq!(lanes.take_due(Timestamp(5)), ["a"]);
        lanes.know("a", Some(Timestamp(6)));
        lanes.release("a", Some(Timestamp(90)));
        assert_eq!(
            lanes.wakes(),
            Some(Timestamp(90)),
            "and the next rest counts"
        );
    }

    #[test]
    fn a_lane_that_rests_wakes_later() {
        let mut lanes = Lanes::new(8);
        lanes.hint("a", Timestamp(1), group(8));
        lanes.take_due(Timestamp(1));
        lanes.know("a", Some(Timestamp(2)));
        lanes.release("a", Some(Timestamp(50)));
        assert_eq!(lanes.wakes(), Some(Timestamp(50)));
        lanes.hint("a", Timestamp(1), group(8));
        assert_eq!(lanes.wakes(), Some(Timestamp(50)));
        lanes.rest("a", Timestamp(60));
        assert_eq!(lanes.take_due(Timestamp(59)), Vec::<String>::new());
        assert_eq!(lanes.take_due(Timestamp(60)), ["a"]);
    }
}
