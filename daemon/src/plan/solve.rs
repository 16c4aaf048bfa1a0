//! Finds the cheapest plan that no single change and no exchange of two near slots makes
//! cheaper: a first plan slot by slot, then better ones step by step.

use super::objective::{Problem, Take};

/// Slots that are exchanged lie at most so many apart.
const NEAR: usize = 16;
/// Rounds of improvement; in practice a handful is enough.
const ROUNDS: usize = 40;
/// What is no improvement: sums of floats differ by less.
const LEAST: f64 = 1e-9;

pub(super) fn solve(problem: &Problem) -> Vec<Option<Take>> {
    let mut plan: Vec<Option<Take>> = vec![None; problem.len()];
    for slot in 0..plan.len() {
        change(problem, &mut plan, slot);
    }
    for _ in 0..ROUNDS {
        let mut better = false;
        for slot in 0..plan.len() {
            better |= change(problem, &mut plan, slot);
        }
        for slot in 0..plan.len() {
            for other in slot + 1..plan.len().min(slot + NEAR) {
                better |= exchange(problem, &mut plan, slot, other);
            }
        }
        if !better {
            break;
        }
    }
    // Nothing is left that one change alone makes better: what is told of the runner-up
    // is true.
    while (0..plan.len()).any(|slot| change(problem, &mut plan, slot)) {}
    plan
}

/// Gives the slot its best option; whether that is another.
fn change(problem: &Problem, plan: &mut [Option<Take>], slot: usize) -> bool {
    let before = plan[slot];
    let mut best = (before, before.map(|_| problem.total(plan)));
    for option in problem.options(slot) {
        if Some(*option) == before {
            continue;
        }
        plan[slot] = Some(*option);
        let cost = problem.total(plan);
        if best.1.is_none_or(|least| cost < least - LEAST) {
            best = (Some(*option), Some(cost));
        }
    }
    plan[slot] = best.0;
    best.0 != before
}

fn exchange(problem: &Problem, plan: &mut [Option<Take>], one: usize, other: usize) -> bool {
    let (Some(first), Some(second)) = (plan[one], plan[other]) else {
        return false;
    };
    let fits = |slot, take| problem.options(slot).contains(&take);
    if first == second || !fits(one, second) || !fits(other, first) {
        return false;
    }
    let before = problem.total(plan);
    plan.swap(one, other);
    if problem.total(plan) < before - LEAST {
        return true;
    }
    plan.swap(one, other);
    false
}
