//! Which lanes could run a job, and when: the dispatcher's memory. Pure.

use std::collections::{BTreeSet, HashMap};

use crate::model::Timestamp;

use super::Group;

/// A lane does not go on from `since` until `until`. By a clock that shows a time before
/// `since` it does: that clock was set back, and `until` was the wrong one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rest {
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
}

impl Rest {
    fn holds(self, now: Timestamp) -> bool {
        (self.since..self.until).contains(&now)
    }
}

#[derive(Debug)]
struct Lane {
    /// When its next job is due, as far as is known; never later than in truth.
    next: Option<Timestamp>,
    /// Kept until the lane goes on: the clock may be set into it again.
    rest: Option<Rest>,
    /// From the claim to the written end of its job.
    running: bool,
    /// It takes one of the places for jobs at once.
    placed: bool,
    /// Its rest was ended while it ran.
    roused: bool,
    group: Group,
    /// Where it stands in the line, or among the blocked of its group.
    queued: Option<Timestamp>,
}

impl Lane {
    /// Never later than it may go on; whether it rests is asked once more then.
    fn wakes(&self, now: Timestamp) -> Option<Timestamp> {
        let next = self.next?;
        Some(match self.rest {
            Some(rest) if rest.holds(next.max(now)) => rest.until,
            _ => next,
        })
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
    /// Lanes that have a place.
    running: usize,
    /// Lanes whose job is claimed and not written.
    busy: usize,
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
            busy: 0,
            limit,
        }
    }

    /// A job of this lane is due then.
    pub(super) fn hint(
        &mut self,
        name: &str,
        due: Timestamp,
        now: Timestamp,
        group: impl FnOnce() -> Group,
    ) {
        let lane = self.lanes.entry(name.to_owned()).or_insert_with(|| Lane {
            next: None,
            rest: None,
            running: false,
            placed: false,
            roused: false,
            group: group(),
            queued: None,
        });
        if lane.next.is_none_or(|next| due < next) {
            lane.next = Some(due);
            self.requeue(name, now);
        }
    }

    /// A lane that waits rests, or does so no longer.
    pub(super) fn rest(&mut self, name: &str, rest: Option<Rest>, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(name) {
            lane.rest = rest;
            self.requeue(name, now);
        }
    }

    /// The reason for its rest is gone; `rest` is what else keeps it.
    pub(super) fn rouse(&mut self, name: &str, rest: Option<Rest>, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(name) {
            lane.roused = lane.running;
        }
        self.rest(name, rest, now);
    }

    /// The clock was set back: a rest may not have begun yet.
    pub(super) fn set_back(&mut self, now: Timestamp) {
        let rest = self.lanes.iter().filter(|(_, lane)| lane.rest.is_some());
        let names: Vec<String> = rest.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.requeue(&name, now);
        }
    }

    /// Puts a lane that does not run where it belongs.
    fn requeue(&mut self, name: &str, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(name).filter(|lane| !lane.running) else {
            return;
        };
        let wakes = lane.wakes(now);
        if let Some(before) = std::mem::replace(&mut lane.queued, wakes) {
            let key = (before, name.to_owned());
            if !self.line.remove(&key)
                && let Some(group) = self.groups.get_mut(&lane.group.name)
            {
                group.blocked.remove(&key);
            }
        }
        if let Some(wakes) = wakes {
            self.line.insert((wakes, name.to_owned()));
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
            let Some(lane) = self.lanes.get_mut(&first.1) else {
                self.line.remove(&first);
                continue;
            };
            if lane.rest.is_some_and(|rest| rest.holds(now)) {
                // It begins to rest now, and stands further behind.
                self.requeue(&first.1, now);
                continue;
            }
            self.line.remove(&first);
            let group = self.groups.entry(lane.group.name.clone()).or_default();
            if group.count >= lane.group.limit.max(1) {
                group.blocked.insert(first);
                continue;
            }
            group.count += 1;
            self.running += 1;
            self.busy += 1;
            lane.running = true;
            lane.placed = true;
            lane.next = None;
            lane.queued = None;
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

    /// The lane's job begins: its rest is over.
    pub(super) fn begin(&mut self, name: &str) {
        if let Some(lane) = self.lanes.get_mut(name) {
            lane.rest = None;
        }
    }

    /// The work on the lane's job has ended: another lane may have its place.
    pub(super) fn vacate(&mut self, name: &str) {
        let Some(lane) = self.lanes.get_mut(name).filter(|lane| lane.placed) else {
            return;
        };
        lane.placed = false;
        self.running -= 1;
        if let Some(group) = self.groups.get_mut(&lane.group.name) {
            group.count -= 1;
            // The longest due of those that were turned away comes back.
            if let Some(first) = group.blocked.pop_first() {
                self.line.insert(first);
            }
        }
    }

    /// What became of the lane's job is written; `rest` is what it asks for.
    pub(super) fn release(&mut self, name: &str, rest: Option<Rest>, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(name) else {
            return;
        };
        if std::mem::take(&mut lane.running) {
            self.busy -= 1;
        }
        let roused = std::mem::take(&mut lane.roused);
        if rest.is_some() && !roused {
            lane.rest = rest;
        }
        // Nothing is known to wait. With a rest, the word of a job may be on the way.
        if lane.next.is_none() && lane.rest.is_none() {
            self.lanes.remove(name);
        } else {
            self.requeue(name, now);
        }
    }

    /// When something could be taken; nothing while all places are in use.
    pub(super) fn wakes(&self) -> Option<Timestamp> {
        if self.running >= self.limit {
            return None;
        }
        self.line.first().map(|(due, _)| *due)
    }

    /// Lanes whose job is being claimed or worked on.
    pub(super) fn running(&self) -> usize {
        self.running
    }

    /// Lanes whose job is claimed and not yet done with.
    pub(super) fn busy(&self) -> usize {
        self.busy
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
            if lane.placed {
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

    const NOW: Timestamp = Timestamp(1);

    fn until(moment: u64) -> Option<Rest> {
        Some(Rest {
            since: NOW,
            until: Timestamp(moment),
        })
    }

    fn end(lanes: &mut Lanes, name: &str, rest: Option<Rest>, now: Timestamp) {
        lanes.vacate(name);
        lanes.release(name, rest, now);
    }

    fn group(limit: usize) -> impl Fn() -> Group {
        move || Group {
            name: "mastodon".to_owned(),
            limit,
        }
    }

    #[test]
    fn a_lane_runs_one_job_at_a_time_and_the_longest_due_first() {
        let mut lanes = Lanes::new(8);
        lanes.hint("b", Timestamp(20), NOW, group(8));
        lanes.hint("a", Timestamp(10), NOW, group(8));
        lanes.hint("a", Timestamp(5), NOW, group(8));
        lanes.hint("later", Timestamp(99), NOW, group(8));
        assert_eq!(lanes.wakes(), Some(Timestamp(5)));
        assert_eq!(lanes.take_due(Timestamp(50)), ["a", "b"]);
        lanes.hint("a", Timestamp(1), NOW, group(8));
        assert_eq!(lanes.take_due(Timestamp(50)), Vec::<String>::new());
        end(&mut lanes, "a", None, NOW);
        assert_eq!(lanes.take_due(Timestamp(50)), ["a"]);
    }

    #[test]
    fn a_place_is_free_before_the_lane_is() {
        let mut lanes = Lanes::new(1);
        lanes.hint("a", Timestamp(10), NOW, group(1));
        lanes.hint("b", Timestamp(20), NOW, group(1));
        assert_eq!(lanes.take_due(Timestamp(50)), ["a"]);
        lanes.know("a", Some(Timestamp(11)));
        lanes.vacate("a");
        assert_eq!(lanes.take_due(Timestamp(50)), ["b"], "`a` is not written");
        assert_eq!(lanes.busy(), 2);
        lanes.release("a", None, NOW);
        end(&mut lanes, "b", None, NOW);
        assert_eq!(lanes.take_due(Timestamp(50)), ["a"]);
    }

    #[test]
    fn a_full_group_keeps_no_other_from_running() {
        let mut lanes = Lanes::new(8);
        for name in ["a", "b", "c"] {
            lanes.hint(name, Timestamp(1), NOW, group(2));
        }
        lanes.hint("other", Timestamp(2), NOW, || Group {
            name: "bluesky".to_owned(),
            limit: 1,
        });
        assert_eq!(lanes.take_due(Timestamp(5)), ["a", "b", "other"]);
        assert_eq!(lanes.wakes(), None, "c is blocked, and nothing else waits");
        end(&mut lanes, "a", None, NOW);
        assert_eq!(lanes.take_due(Timestamp(5)), ["c"]);
    }

    #[test]
    fn a_lane_without_a_job_still_rests() {
        let mut lanes = Lanes::new(8);
        lanes.hint("a", Timestamp(1), NOW, group(8));
        lanes.take_due(Timestamp(1));
        end(&mut lanes, "a", until(50), NOW);
        assert_eq!(lanes.wakes(), None);
        lanes.hint("a", Timestamp(1), NOW, group(8));
        assert_eq!(lanes.wakes(), Some(Timestamp(50)));
    }

    #[test]
    fn a_rest_that_is_ended_holds_nothing_back() {
        let mut lanes = Lanes::new(8);
        lanes.hint("a", Timestamp(1), NOW, group(8));
        lanes.take_due(Timestamp(1));
        lanes.know("a", Some(Timestamp(2)));
        end(&mut lanes, "a", until(50), NOW);
        lanes.rouse("a", None, NOW);
        assert_eq!(lanes.take_due(Timestamp(3)), ["a"]);
        // Ended while the job still runs, which then says that the lane should rest.
        lanes.know("a", Some(Timestamp(4)));
        lanes.rouse("a", None, NOW);
        end(&mut lanes, "a", until(90), NOW);
        assert_eq!(lanes.take_due(Timestamp(5)), ["a"]);
        lanes.know("a", Some(Timestamp(6)));
        end(&mut lanes, "a", until(90), NOW);
        assert_eq!(
            lanes.wakes(),
            Some(Timestamp(90)),
            "and the next rest counts"
        );
    }

    #[test]
    fn a_lane_that_rests_wakes_later() {
        let mut lanes = Lanes::new(8);
        lanes.hint("a", Timestamp(1), NOW, group(8));
        lanes.take_due(Timestamp(1));
        lanes.know("a", Some(Timestamp(2)));
        end(&mut lanes, "a", until(50), NOW);
        assert_eq!(lanes.wakes(), Some(Timestamp(50)));
        lanes.hint("a", Timestamp(1), NOW, group(8));
        assert_eq!(lanes.wakes(), Some(Timestamp(50)));
        lanes.rest("a", until(60), NOW);
        assert_eq!(lanes.take_due(Timestamp(59)), Vec::<String>::new());
        assert_eq!(lanes.take_due(Timestamp(60)), ["a"]);
    }

    #[test]
    fn a_rest_is_none_by_a_clock_that_was_set_back_before_it() {
        let mut lanes = Lanes::new(8);
        lanes.hint("a", Timestamp(100), Timestamp(500), group(8));
        let rest = Rest {
            since: Timestamp(500),
            until: Timestamp(900),
        };
        lanes.rest("a", Some(rest), Timestamp(500));
        assert_eq!(lanes.wakes(), Some(Timestamp(900)));
        lanes.set_back(Timestamp(200));
        assert_eq!(lanes.wakes(), Some(Timestamp(100)));
        // Set ahead into it again before the lane went on: it is one.
        assert_eq!(lanes.take_due(Timestamp(600)), Vec::<String>::new());
        assert_eq!(lanes.wakes(), Some(Timestamp(900)));
        lanes.set_back(Timestamp(300));
        assert_eq!(lanes.take_due(Timestamp(300)), ["a"]);
        lanes.begin("a");
        lanes.know("a", Some(Timestamp(400)));
        end(&mut lanes, "a", None, Timestamp(300));
        assert_eq!(
            lanes.take_due(Timestamp(600)),
            ["a"],
            "it went on, and is over"
        );
    }
}
