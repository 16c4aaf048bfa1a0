//! `cargo run --release -p jarchi-tests --bin audience`: lets the planner learn an audience that
//! is made up, prints what came of it, and draws it into docs/learning.svg.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "what goes wrong ends it"
)]

use std::fmt::Write as _;
use std::path::Path;

use jarchi_tests::audience::{AFTER, BEFORE, LUCK, NOISE, Policy, Stage, near};

const SEEDS: u64 = 10;
const WEEKS: u64 = 52;
const CHANGE: u64 = 26;
const NOISY: u64 = 200;

/// By week, the mean over the seeds.
struct Year {
    name: String,
    weeks: Vec<f64>,
    /// Each seed's mean of weeks 9 to 26.
    settled: Vec<f64>,
}

async fn year(name: &str, policy: Policy, half_life: &str) -> Year {
    let mut weeks = vec![0.0; WEEKS as usize];
    let mut settled = Vec::new();
    let (mut three, mut two) = (0, 0);
    for seed in 0..SEEDS {
        let mut stage = Stage::new(policy, half_life, seed);
        let mut sum = 0.0;
        for week in 0..WEEKS {
            let taste = if week < CHANGE { &BEFORE } else { &AFTER };
            let engagement = stage.week(week, taste).await.engagement;
            weeks[week as usize] += engagement / SEEDS as f64;
            if (8..CHANGE).contains(&week) {
                sum += engagement / (CHANGE - 8) as f64;
            }
            if week == 7 && policy == Policy::Learned {
                match near(Stage::best_three(&stage.learned(week)), &BEFORE) {
                    3 => three += 1,
                    2 => two += 1,
                    _ => {}
                }
            }
        }
        settled.push(sum);
    }
    if policy == Policy::Learned {
        println!(
            "{name}: after 8 weeks the three best hours of a working day are known within an hour \
             in {three} of {SEEDS} years, two of them in {two}"
        );
    }
    Year {
        name: name.to_owned(),
        weeks,
        settled,
    }
}

fn mean(list: &[f64]) -> f64 {
    list.iter().sum::<f64>() / list.len().max(1) as f64
}

#[tokio::main]
async fn main() {
    println!("luck: a standard deviation of {LUCK} in the logarithm");
    let fixed = year("fixed", Policy::Fixed, "60d").await;
    let hours = year("hours alone, half-life 60 days", Policy::HoursAlone, "60d").await;
    let learned = year("learned, half-life 60 days", Policy::Learned, "60d").await;
    let quick = year("learned, half-life 28 days", Policy::Learned, "28d").await;
    for one in [&hours, &learned, &quick] {
        let ratios: Vec<f64> = one
            .settled
            .iter()
            .zip(&fixed.settled)
            .map(|(learned, fixed)| learned / fixed)
            .collect();
        let least = ratios.iter().copied().fold(f64::MAX, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        println!(
            "{}: weeks 9 to 26 get {:.2} times what fixed slots get ({least:.2} to {most:.2} over \
             {SEEDS} seeds)",
            one.name,
            mean(&ratios)
        );
        let before = mean(&one.weeks[18..CHANGE as usize]);
        let after = &one.weeks[CHANGE as usize..];
        let window = |at: usize| mean(&after[at..(at + 2).min(after.len())]);
        let low = window(0);
        let end = mean(&after[after.len() - 4..]);
        let goal = low + 0.8 * (before - low);
        let back = (0..after.len() - 1).find(|at| window(*at) >= goal);
        println!(
            "{}: {before:.2} before the change, {low:.2} in the two weeks after it, {end:.2} at the \
             end of the year; four fifths of the loss are made up for {}",
            one.name,
            back.map_or("not within it".to_owned(), |week| format!(
                "after {week} weeks"
            ))
        );
    }
    let mut alarms = 0;
    for seed in 0..NOISY {
        let mut stage = Stage::new(Policy::Learned, "60d", 1000 + seed);
        for week in 0..12 {
            stage.week(week, &NOISE).await;
        }
        alarms += u64::from(stage.sees_something(&stage.learned(11)));
    }
    println!(
        "an indifferent audience: something was called significant in {alarms} of {NOISY} brands, \
         {:.1} %; stated are 5 % at most",
        100.0 * alarms as f64 / NOISY as f64
    );
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/learning.svg");
    std::fs::write(&file, plot(&[&fixed, &hours, &learned, &quick])).expect("docs can be written");
}

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 260.0;
const MARGIN: f64 = 50.0;
const COLOURS: [&str; 4] = ["#888888", "#d08c2f", "#26547c", "#3a8f5c"];

/// What the posts of each week should get, a line for each way to plan.
fn plot(years: &[&Year]) -> String {
    let all = years.iter().flat_map(|year| &year.weeks);
    let most = all.copied().fold(1.0, f64::max);
    let x = |week: f64| MARGIN + WIDTH * week / (WEEKS - 1) as f64;
    let y = |value: f64| MARGIN + HEIGHT * (1.0 - (value - 0.8) / (most - 0.8));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{MARGIN}\" y=\"20\">What a post should get, against one about which nothing is \
         special, by week: mean of {SEEDS} seeds</text>\n",
        WIDTH + 2.0 * MARGIN,
        HEIGHT + 2.5 * MARGIN
    );
    let mut level = 0.8;
    while level <= most {
        let _ = writeln!(
            svg,
            "<line x1=\"{MARGIN}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"#ddd\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{level:.1}</text>",
            MARGIN + WIDTH,
            MARGIN - 6.0,
            y(level) + 4.0,
            at = y(level)
        );
        level += 0.2;
    }
    let _ = writeln!(
        svg,
        "<line x1=\"{0:.1}\" x2=\"{0:.1}\" y1=\"{MARGIN}\" y2=\"{1}\" stroke=\"#c33\" \
         stroke-dasharray=\"4\"/><text x=\"{2:.1}\" y=\"{3}\" fill=\"#c33\">the audience changes</text>",
        x(CHANGE as f64),
        MARGIN + HEIGHT,
        x(CHANGE as f64) + 4.0,
        MARGIN + 12.0
    );
    for (number, (year, colour)) in years.iter().zip(COLOURS).enumerate() {
        let points: Vec<String> = year
            .weeks
            .iter()
            .enumerate()
            .map(|(week, value)| format!("{:.1},{:.1}", x(week as f64), y(*value)))
            .collect();
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            points.join(" "),
            MARGIN + 215.0 * number as f64,
            HEIGHT + 2.0 * MARGIN - 10.0,
            year.name
        );
    }
    svg.push_str("</svg>\n");
    svg
}
