//! Insights: metrics by their names. Which of them there are changes with the kind of
//! post and with the API's version, and one that is not there fails the whole request
//! (error 100): then each is asked for alone, and what worked is remembered for a day.

use serde::Deserialize;
use serde_json::Value;

use super::{Failure, List, send};
use crate::http::Request;
use crate::{Error, Millis, Result, Timestamp, clock, kv};

const DAY: Millis = 24 * 60 * 60 * 1000;
/// "Invalid parameter": there is no such metric here.
const NO_METRIC: i64 = 100;

/// Requests that a call may still make; the host allows 40 unless the operator says
/// otherwise.
#[derive(Debug)]
pub struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        // Some are for tokens and names.
        Budget(36)
    }
}

impl Budget {
    /// So many are left.
    pub fn left(&self) -> usize {
        self.0
    }

    /// Takes one, where there is one.
    pub fn spend(&mut self) -> bool {
        let left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        left
    }
}

/// A metric, and what it counted.
#[derive(Debug, Deserialize)]
pub struct Insight {
    /// The API's.
    pub name: String,
    #[serde(default)]
    values: Vec<Valued>,
    #[serde(default)]
    total_value: Option<Valued>,
}

#[derive(Debug, Deserialize)]
struct Valued {
    #[serde(default)]
    value: Value,
}

impl Valued {
    /// A value may come in parts, paid and not.
    fn number(&self) -> Option<i64> {
        match &self.value {
            Value::Object(parts) => parts.values().map(Value::as_i64).sum(),
            value => value.as_i64(),
        }
    }
}

impl Insight {
    /// The total; of several days, their sum.
    pub fn value(&self) -> Option<i64> {
        match &self.total_value {
            Some(total) => total.number(),
            None if self.values.is_empty() => None,
            None => self.values.iter().map(Valued::number).sum(),
        }
    }
}

/// The insights of one thing. `ask` makes the request for names with commas between;
/// `kind` is that of the thing, for the memory; `silent` says of a refusal that it means
/// that there is nothing to tell.
///
/// # Errors
/// The API's, for anything but a metric that is not there.
pub fn insights(
    ask: impl Fn(&str) -> Request,
    kind: &str,
    usual: &[&str],
    budget: &mut Budget,
    silent: impl Fn(&Failure) -> bool,
) -> Result<Vec<Insight>> {
    let key = format!("metrics:{kind}");
    let kept = |error: kv::Error| Error::transient(format!("the plugin's memory: {error:?}"));
    let known: Option<(Timestamp, Vec<String>)> = kv::get(&key).map_err(kept)?;
    let names = match known {
        Some((until, names)) if clock::now() < until => names,
        _ => usual.iter().map(|name| (*name).to_owned()).collect(),
    };
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let told = |names: &str| -> Result<Vec<Insight>, Failure> {
        let answer = send(ask(names))?;
        let list = serde_json::from_slice::<List<Insight>>(&answer.body);
        Ok(list.map(|list| list.data).unwrap_or_default())
    };
    budget.spend();
    let refused = match told(&names.join(",")) {
        Ok(insights) => return Ok(insights),
        Err(failure) if silent(&failure) => return Ok(Vec::new()),
        Err(failure) => failure,
    };
    if !refused.is(NO_METRIC) {
        return Err(refused.for_read());
    }
    let (mut all, mut worked) = (Vec::new(), Vec::new());
    for name in &names {
        if !budget.spend() {
            return Ok(all);
        }
        match told(name) {
            Ok(insights) => {
                all.extend(insights);
                worked.push(name.clone());
            }
            Err(failure) if failure.is(NO_METRIC) => {}
            Err(failure) => return Err(failure.for_read()),
        }
    }
    kv::set(&key, &(clock::now() + DAY, worked)).map_err(kept)?;
    Ok(all)
}
