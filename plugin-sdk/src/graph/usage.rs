//! How much of its pace an app has used up, by the headers of every answer.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Millis;
use crate::http::Response;

/// What the headers `x-app-usage`, `x-page-usage`, `x-ad-account-usage` and
/// `x-business-use-case-usage` tell ("Graph API, Rate Limits").
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// The fullest of all counts, per cent; from 100 on, calls are refused.
    pub percent: f64,
    /// After how long calls are taken again (milliseconds), where it is told.
    pub regain: Option<Millis>,
}

#[derive(Deserialize)]
struct Counts {
    #[serde(default)]
    call_count: f64,
    #[serde(default)]
    total_cputime: f64,
    #[serde(default)]
    total_time: f64,
    #[serde(default)]
    acc_id_util_pct: f64,
    /// Minutes.
    #[serde(default)]
    estimated_time_to_regain_access: f64,
    /// Seconds.
    #[serde(default)]
    reset_time_duration: f64,
}

impl Usage {
    /// What an answer tells; none where it has no such header.
    pub fn of(response: &Response) -> Option<Self> {
        let mut counts: Vec<Counts> = Vec::new();
        for name in ["x-app-usage", "x-page-usage", "x-ad-account-usage"] {
            counts.extend(header::<Counts>(response, name));
        }
        let cases: Option<BTreeMap<String, Vec<Counts>>> =
            header(response, "x-business-use-case-usage");
        counts.extend(cases.into_iter().flatten().flat_map(|(_, cases)| cases));
        if counts.is_empty() {
            return None;
        }
        let mut usage = Usage::default();
        for count in counts {
            let percent = count
                .call_count
                .max(count.total_cputime)
                .max(count.total_time)
                .max(count.acc_id_util_pct);
            usage.percent = usage.percent.max(percent);
            let mut seconds = count.estimated_time_to_regain_access * 60.0;
            // It is told of accounts that have room left as well.
            if count.acc_id_util_pct >= 100.0 {
                seconds = seconds.max(count.reset_time_duration);
            }
            if seconds > 0.0 {
                usage.regain = usage.regain.max(Some((seconds * 1000.0) as Millis));
            }
        }
        Some(usage)
    }
}

fn header<T: DeserializeOwned>(response: &Response, name: &str) -> Option<T> {
    serde_json::from_str(response.header(name)?).ok()
}
