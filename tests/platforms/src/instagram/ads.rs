//! An ad account, as "Marketing API" describes it: what runs is what is switched on at all
//! three levels.

use serde_json::{Value, json};

use super::{Instagram, missing, no};
use crate::{Answer, Request};

pub const AD_ACCOUNT: &str = "act_5500";

/// A campaign, an ad set, a creative or an ad.
#[derive(Clone, Debug)]
pub struct Ad {
    pub id: String,
    /// `campaigns`, `adsets`, `adcreatives`, `ads`.
    pub kind: String,
    pub body: Value,
}

const PARAMETERS: &[(&str, &[&str])] = &[
    (
        "campaigns",
        &[
            "name",
            "objective",
            "status",
            "buying_type",
            "special_ad_categories",
            "is_adset_budget_sharing_enabled",
        ],
    ),
    (
        "adsets",
        &[
            "name",
            "campaign_id",
            "status",
            "lifetime_budget",
            "billing_event",
            "optimization_goal",
            "bid_strategy",
            "targeting",
            "start_time",
            "end_time",
            "destination_type",
            "dsa_beneficiary",
            "dsa_payor",
        ],
    ),
    (
        "adcreatives",
        &[
            "name",
            "source_instagram_media_id",
            "instagram_user_id",
            "object_id",
            "call_to_action",
        ],
    ),
    ("ads", &["name", "adset_id", "creative", "status"]),
];

impl Instagram {
    fn ad(&self, id: &str) -> Option<&Ad> {
        self.ads.iter().find(|ad| ad.id == id)
    }

    /// The campaign that something is of.
    fn campaign_of<'a>(&'a self, ad: &'a Ad) -> Option<&'a str> {
        match ad.kind.as_str() {
            "campaigns" => Some(&ad.id),
            "adsets" => ad.body["campaign_id"].as_str(),
            _ => self.campaign_of(self.ad(ad.body["adset_id"].as_str()?)?),
        }
    }

    /// The campaigns that cost money.
    pub fn running(&self) -> Vec<&Ad> {
        let on = |ad: &&Ad| ad.body["status"] == "ACTIVE";
        let below = |campaign: &Ad, kind: &str| {
            let of = |ad: &&Ad| self.campaign_of(ad) == Some(&campaign.id);
            self.ads
                .iter()
                .filter(|ad| ad.kind == kind)
                .filter(of)
                .any(|ad| on(&ad))
        };
        let campaigns = self
            .ads
            .iter()
            .filter(|ad| ad.kind == "campaigns")
            .filter(on);
        campaigns
            .filter(|one| below(one, "adsets") && below(one, "ads"))
            .collect()
    }

    /// None where the request is about something else.
    pub(super) fn promoted(
        &mut self,
        request: &Request,
        parts: &[&str],
        body: &Value,
    ) -> Option<Answer> {
        let about = *parts.first()?;
        if about != AD_ACCOUNT && self.ad(about).is_none() {
            return None;
        }
        assert!(self.facebook, "the Marketing API is Facebook's");
        Some(match (request.method.as_str(), parts) {
            ("GET", [AD_ACCOUNT]) => Answer::json(200, &json!({ "currency": self.currency })),
            ("POST", [AD_ACCOUNT, kind]) => self.make(kind, body),
            ("GET", [_, kind]) => {
                let fits = |ad: &&Ad| {
                    ad.kind == *kind && (about == AD_ACCOUNT || self.campaign_of(ad) == Some(about))
                };
                let told = self.ads.iter().filter(fits).map(|ad| {
                    json!({ "id": ad.id, "name": ad.body["name"], "status": ad.body["status"] })
                });
                Answer::json(200, &json!({ "data": told.collect::<Vec<_>>() }))
            }
            ("POST", [id]) => {
                let ad = self.ads.iter_mut().find(|ad| ad.id == *id)?;
                ad.body["status"] = body["status"].clone();
                Answer::json(200, &json!({ "success": true }))
            }
            ("GET", [id]) => {
                let status = self.ad(id)?.body["status"].clone();
                Answer::json(
                    200,
                    &json!({ "id": id, "effective_status": status,
                        "ads": { "data": [{ "effective_status": self.review }] },
                        "insights": { "data": [{ "spend": "3.05", "account_currency": self.currency,
                            "impressions": "900", "reach": "700", "clicks": "12" }] } }),
                )
            }
            _ => missing(),
        })
    }

    fn make(&mut self, kind: &str, body: &Value) -> Answer {
        let (_, known) = PARAMETERS
            .iter()
            .find(|(name, _)| *name == kind)
            .expect("an edge");
        for name in body.as_object().expect("an object").keys() {
            assert!(
                known.contains(&name.as_str()),
                "no parameter `{name}` of {kind}"
            );
        }
        assert!(
            kind == "adcreatives" || body["status"] == "PAUSED",
            "what is made is paused"
        );
        if kind == "adsets" {
            let countries = &body["targeting"]["geo_locations"]["countries"];
            if countries.as_array().is_none_or(Vec::is_empty) {
                return no(400, 100, 1_885_364, "Your ad set must include a location");
            }
            assert!(body["lifetime_budget"].is_u64() && body["end_time"].is_string());
        }
        if kind == "adcreatives" {
            let media = body["source_instagram_media_id"].as_str().expect("a post");
            if self.find(media).is_none() {
                return missing();
            }
        }
        let id = self.number();
        self.ads.push(Ad {
            id: id.clone(),
            kind: kind.to_owned(),
            body: body.clone(),
        });
        Answer::json(200, &json!({ "id": id }))
    }
}
