//! What a user let the app do.

use serde::Deserialize;

use super::{Graph, List, read};

#[derive(Debug, Deserialize)]
struct Permission {
    permission: String,
    #[serde(default)]
    status: String,
}

impl Graph {
    /// The permissions that the token's user granted, and those of `needed` that are not
    /// among them. A Page's token has none of its own to tell of: both are empty then.
    pub fn permissions(&self, needed: &[&str]) -> (Vec<String>, Vec<String>) {
        let told =
            read(self.get("/me/permissions")).and_then(|answer| answer.json::<List<Permission>>());
        let Ok(told) = told else {
            return (vec![], vec![]);
        };
        let granted: Vec<String> = told
            .data
            .into_iter()
            .filter(|permission| permission.status == "granted")
            .map(|permission| permission.permission)
            .collect();
        let lacking = needed
            .iter()
            .filter(|scope| !granted.iter().any(|other| other == *scope))
            .map(|scope| (*scope).to_owned())
            .collect();
        (granted, lacking)
    }
}
