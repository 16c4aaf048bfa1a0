//! What counts in a brand's shares: posts that went out or wait, whoever made them, and
//! slots that are planned.

use std::collections::BTreeMap;

use crate::config::{Brand, Config, PillarKind};
use crate::model::{Id, PlanState, State, Timestamp};
use crate::store::{DeliveryFilter, StoreError, View};

use super::Choice;

/// A post, or a slot that will have one.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// The first of its accounts has it then.
    pub at: Timestamp,
    pub accounts: Vec<String>,
    /// None: no pillar of the brand's.
    pub pillar: Option<String>,
    pub promotional: bool,
    pub campaign: Option<String>,
}

impl From<&Choice> for Counted {
    fn from(choice: &Choice) -> Self {
        Counted {
            at: choice.slot,
            accounts: choice.accounts.clone(),
            pillar: Some(choice.pillar.clone()),
            promotional: choice.promotional,
            campaign: choice.campaign.clone(),
        }
    }
}

/// What counts from a window before `from` until `to`, in the order of time.
pub fn counted(
    view: View<'_>,
    config: &Config,
    brand: &Brand,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Counted>, StoreError> {
    let from = from.saturating_sub(brand.strategy.window);
    let mut posts: BTreeMap<Id, Counted> = BTreeMap::new();
    let own = config
        .accounts
        .values()
        .filter(|account| account.brand == brand.name);
    for account in own {
        let filter = DeliveryFilter {
            account: Some(account.name.clone()),
            from: Some(from),
            to: Some(to),
            ..DeliveryFilter::default()
        };
        for delivery in view.deliveries(&filter, usize::MAX)? {
            let lost = matches!(
                delivery.state,
                State::Cancelled { .. } | State::Missed { .. } | State::Failed { .. }
            );
            if lost {
                continue;
            }
            if let Some(known) = posts.get_mut(&delivery.post) {
                known.at = known.at.min(delivery.due);
                known.accounts.push(account.name.clone());
                continue;
            }
            let Some(post) = view.post(delivery.post)? else {
                continue;
            };
            if post.origin.is_message() {
                continue;
            }
            let pillar = post
                .pillar
                .and_then(|name| brand.strategy.pillars.get(&name));
            posts.insert(
                delivery.post,
                Counted {
                    at: delivery.due,
                    accounts: vec![account.name.clone()],
                    promotional: pillar.is_some_and(|one| one.kind == PillarKind::Promo),
                    pillar: pillar.map(|one| one.name.clone()),
                    campaign: post.campaign,
                },
            );
        }
    }
    let mut counted: Vec<Counted> = posts.into_values().collect();
    for planned in view.planned_between(from, to)? {
        if planned.brand == brand.name && planned.state == PlanState::Planned {
            counted.push(Counted {
                at: planned.slot,
                accounts: planned.accounts,
                pillar: Some(planned.pillar),
                promotional: planned.promotional,
                campaign: planned.campaign,
            });
        }
    }
    counted.sort_by(|a, b| (a.at, &a.accounts).cmp(&(b.at, &b.accounts)));
    Ok(counted)
}
