//! What is remembered: which post came again when, so that one that was given and has not
//! gone out yet rests, too.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::{Result, Timestamp, kv};
use serde::{Deserialize, Serialize};

const KEY: &str = "given";
/// Posts that are remembered, the latest.
const MOST: usize = 1_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    /// The time that it is for.
    pub(crate) at: Timestamp,
    pub(crate) round: u32,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct State {
    given: BTreeMap<String, Given>,
    /// When one comes next without being asked for.
    pub(crate) next: Timestamp,
    /// Handed out last: handed out once more when no slot asks, should the daemon have died
    /// before it took it on.
    pub(crate) handed: Option<(String, u32)>,
}

impl State {
    pub(crate) fn load() -> Result<Self> {
        Ok(kv::get(KEY)?.unwrap_or_default())
    }

    pub(crate) fn save(&self) -> Result<()> {
        Ok(kv::set(KEY, self)?)
    }

    pub(crate) fn given(&self, id: &str) -> Option<&Given> {
        self.given.get(id)
    }

    pub(crate) fn give(&mut self, id: &str, at: Timestamp, round: u32) {
        self.given.insert(id.to_owned(), Given { at, round });
        self.handed = Some((id.to_owned(), round));
        while self.given.len() > MOST {
            let oldest = self.given.iter().min_by_key(|(_, given)| given.at);
            let Some(oldest) = oldest.map(|(id, _)| id.clone()) else {
                return;
            };
            self.given.remove(&oldest);
        }
    }
}
