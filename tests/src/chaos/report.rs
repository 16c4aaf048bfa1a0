//! What a run found.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

#[derive(Debug, Default)]
pub struct Report {
    pub seed: u64,
    pub deliveries: usize,
    /// Posts as the platforms count them: each part of a thread is one.
    pub parts: usize,
    pub kills: usize,
    pub stops: usize,
    /// Calls that a death interrupted.
    pub interrupted: usize,
    /// Interrupted or unanswered posts that were looked up and found.
    pub found: usize,
    /// By name.
    pub faults: BTreeMap<String, u64>,
    /// By kind of platform.
    pub parked: BTreeMap<String, usize>,
    /// Of them, on platforms that offer a key or can be searched.
    pub needless: Vec<String>,
    pub lost: Vec<String>,
    pub doubled: Vec<String>,
    /// Whatever else is not as it must be.
    pub wrong: Vec<String>,
    pub took: Duration,
}

impl Report {
    pub fn is_clean(&self) -> bool {
        let found = [&self.lost, &self.doubled, &self.needless, &self.wrong];
        found.iter().all(|list| list.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, list) in [
            ("lost", &self.lost),
            ("doubled", &self.doubled),
            ("parked without need", &self.needless),
            ("wrong", &self.wrong),
        ] {
            for item in list.iter().take(5) {
                writeln!(f, "{title}: {item}")?;
            }
        }
        writeln!(f, "seed                    {}", self.seed)?;
        writeln!(f, "posts                   {}", self.parts)?;
        writeln!(f, "deliveries              {}", self.deliveries)?;
        writeln!(f, "kills                   {}", self.kills)?;
        writeln!(f, "orderly stops           {}", self.stops)?;
        writeln!(f, "calls interrupted       {}", self.interrupted)?;
        writeln!(f, "found by a look         {}", self.found)?;
        writeln!(
            f,
            "faults                  {}",
            self.faults.values().sum::<u64>()
        )?;
        for (name, count) in &self.faults {
            writeln!(f, "  {name:<22}{count}")?;
        }
        writeln!(f, "lost                    {}", self.lost.len())?;
        writeln!(f, "doubled                 {}", self.doubled.len())?;
        writeln!(
            f,
            "parked                  {}",
            self.parked.values().sum::<usize>()
        )?;
        for (kind, count) in &self.parked {
            writeln!(f, "  {kind:<22}{count}")?;
        }
        writeln!(f, "parked without need     {}", self.needless.len())?;
        writeln!(f, "otherwise wrong         {}", self.wrong.len())?;
        write!(
            f,
            "took                    {:.0} s",
            self.took.as_secs_f64()
        )
    }
}
