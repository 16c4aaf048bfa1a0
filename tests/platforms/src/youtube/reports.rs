//! The Analytics API's reports ("Channel reports"). The discovery document names the
//! parameters; which values of theirs go together is judged here.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{YouTube, no, time};
use crate::Answer;

/// What may be asked.
#[derive(Clone, Debug)]
pub struct Reports {
    /// The login has the scope.
    pub scope: bool,
    /// The API is enabled in the project.
    pub enabled: bool,
    /// The channel has reports of impressions.
    pub impressions: bool,
    /// Days have passed, so that there is something to tell.
    pub counted: bool,
}

impl Default for Reports {
    fn default() -> Self {
        Reports {
            scope: true,
            enabled: true,
            impressions: true,
            counted: true,
        }
    }
}

const BASIC: [(&str, f64); 6] = [
    ("views", 1100.0),
    ("estimatedMinutesWatched", 321.0),
    ("averageViewDuration", 17.5),
    ("likes", 40.0),
    ("shares", 5.0),
    ("subscribersGained", 2.0),
];
const REACH: [(&str, f64); 2] = [
    ("videoThumbnailImpressions", 9000.0),
    ("videoThumbnailImpressionsClickRate", 0.12),
];

impl YouTube {
    pub(super) fn report(&self, query: &BTreeMap<String, String>, now: u64) -> Answer {
        if !self.reports.enabled {
            return no(
                403,
                "accessNotConfigured",
                "YouTube Analytics API has not been used in project 1 before or it is disabled.",
            );
        }
        if !self.reports.scope {
            return no(
                403,
                "insufficientPermissions",
                "Request had insufficient authentication scopes.",
            );
        }
        let unsupported = || no(400, "badRequest", "The query is not supported.");
        let of = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
        assert_eq!(of("ids"), "channel==MINE", "whose reports");
        let (from, to, today) = (of("startDate"), of("endDate"), time(now));
        let day =
            |date: &str| date.len() == 10 && date.bytes().filter(|one| *one == b'-').count() == 2;
        if !day(from) || !day(to) || from > to || to > &today[..10] {
            return no(400, "badRequest", "The dates are no time.");
        }
        let names: Vec<&str> = of("metrics").split(',').collect();
        // Only metrics of one report go together.
        let known: &[(&str, f64)] = if self.reports.impressions && names[0] == REACH[0].0 {
            &REACH
        } else {
            &BASIC
        };
        let mut values = Vec::new();
        for name in &names {
            match known.iter().find(|(known, _)| known == name) {
                Some((_, value)) => values.push(*value),
                None => return unsupported(),
            }
        }
        let (keys, dimensions): (Vec<Option<&str>>, _) = match (of("dimensions"), of("filters")) {
            ("", "") => (vec![None], None),
            ("video", filter) => {
                let Some(ids) = filter.strip_prefix("video==") else {
                    return unsupported();
                };
                let ids: Vec<&str> = ids.split(',').collect();
                assert!(ids.len() <= 500, "at most 500 values of a filter");
                let own = |id: &&str| self.videos.iter().any(|video| video.id == **id);
                (
                    ids.into_iter().filter(own).map(Some).collect(),
                    Some("video"),
                )
            }
            _ => return unsupported(),
        };
        let header = |name: &str, column: &str, data: &str| json!({ "name": name, "columnType": column, "dataType": data });
        let mut headers: Vec<Value> = Vec::new();
        headers.extend(dimensions.map(|name| header(name, "DIMENSION", "STRING")));
        headers.extend(names.iter().map(|name| header(name, "METRIC", "FLOAT")));
        let mut answer =
            json!({ "kind": "youtubeAnalytics#resultTable", "columnHeaders": headers });
        if self.reports.counted && !keys.is_empty() {
            let row = |key: Option<&str>| -> Vec<Value> {
                let key = key.map(|key| json!(key));
                key.into_iter()
                    .chain(values.iter().map(|value| json!(value)))
                    .collect()
            };
            answer["rows"] = json!(keys.into_iter().map(row).collect::<Vec<_>>());
        }
        Answer::json(200, &answer)
    }
}
