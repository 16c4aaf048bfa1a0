//! How far a stream of comments or messages was read.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The newest that was seen. Times are told in whole seconds, so all of that moment are
/// remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mark {
    /// Its moment; 0 where nothing was seen.
    pub newest: Timestamp,
    ids: Vec<String>,
}

impl Mark {
    /// It was not there when the mark was made.
    pub fn is_new(&self, id: &str, moment: Timestamp) -> bool {
        moment > self.newest || (moment == self.newest && !self.ids.iter().any(|seen| seen == id))
    }

    /// Takes the mark on.
    pub fn see(&mut self, id: &str, moment: Timestamp) {
        if moment > self.newest {
            self.newest = moment;
            self.ids.clear();
        }
        if moment == self.newest && !self.ids.iter().any(|seen| seen == id) {
            self.ids.push(id.to_owned());
        }
    }
}
