//! The ratio that a plan holds.

use serde::{Deserialize, Serialize};

use crate::config::{Brand, Config};
use crate::model::Timestamp;
use crate::store::{StoreError, View};

use super::history::{self, Counted};

/// Posts that give and posts that sell, in one window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ratio {
    pub value: usize,
    pub promo: usize,
    /// The share that `value` should have.
    pub target: f64,
}

impl Ratio {
    /// Posts that sell beyond those that should; below 0: too few.
    pub fn deviation(&self) -> f64 {
        let all = (self.value + self.promo) as f64;
        self.promo as f64 - (1.0 - self.target) * all
    }
}

pub(super) fn ratio(brand: &Brand, counted: &[Counted], end: Timestamp) -> Ratio {
    let begin = end.saturating_sub(brand.strategy.window);
    let within = counted.iter().filter(|one| one.at > begin && one.at <= end);
    let promo = within.clone().filter(|one| one.promotional).count();
    Ratio {
        value: within.count() - promo,
        promo,
        target: brand.strategy.value_share,
    }
}

/// The ratio of a brand in the window that ends then.
///
/// # Errors
/// The store's.
pub fn ratio_at(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    end: Timestamp,
) -> Result<Ratio, StoreError> {
    let counted = history::counted(view, config, brand, end, end)?;
    Ok(ratio(brand, &counted, end))
}
