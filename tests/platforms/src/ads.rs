//! An ad account of Meta's, as "Marketing API" describes it: what runs is what is switched
//! on at all three levels.

use jarchi_plugin_sdk::time;
use serde_json::{Value, json};

use crate::{Answer, Request};

pub const AD_ACCOUNT: &str = "act_5500";
const DAY: u64 = 24 * 60 * 60 * 1000;

/// A campaign, an ad set, a creative or an ad.
#[derive(Clone, Debug)]
pub struct Ad {
    pub id: String,
    /// `campaigns`, `adsets`, `adcreatives`, `ads`.
    pub kind: String,
    pub body: Value,
}

/// The account.
#[derive(Clone, Debug)]
pub struct AdAccount {
    pub made: Vec<Ad>,
    pub currency: String,
    /// The `effective_status` of ads.
    pub review: String,
    /// In the currency's unit of Meta's: an ad set has as much a day at least.
    pub least_a_day: u64,
    /// The token may not manage it.
    pub forbidden: bool,
    /// The number given last.
    pub next: u64,
}

impl Default for AdAccount {
    fn default() -> Self {
        AdAccount {
            made: Vec::new(),
            currency: "EUR".into(),
            review: "ACTIVE".into(),
            least_a_day: 100,
            forbidden: false,
            next: 23_840_000_000_000_000,
        }
    }
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
            "object_story_id",
            "source_instagram_media_id",
            "instagram_user_id",
            "object_id",
            "call_to_action",
        ],
    ),
    ("ads", &["name", "adset_id", "creative", "status"]),
];

fn no(code: i64, subcode: i64, words: &str) -> Answer {
    let error = json!({
        "message": words, "type": "OAuthException", "code": code, "error_subcode": subcode,
        "is_transient": false, "fbtrace_id": "Abc",
    });
    Answer::json(
        if code == 200 { 403 } else { 400 },
        &json!({ "error": error }),
    )
}

impl AdAccount {
    fn ad(&self, id: &str) -> Option<&Ad> {
        self.made.iter().find(|ad| ad.id == id)
    }

    /// The campaign that something is of.
    fn campaign_of<'a>(&'a self, ad: &'a Ad) -> Option<&'a str> {
        match ad.kind.as_str() {
            "campaigns" => Some(&ad.id),
            "adsets" => ad.body["campaign_id"].as_str(),
            _ => self.campaign_of(self.ad(ad.body["adset_id"].as_str()?)?),
        }
    }

    /// A request below this path is for the Marketing API.
    pub fn is_about(&self, path: &[&str]) -> bool {
        path.first()
            .is_some_and(|about| *about == AD_ACCOUNT || self.ad(about).is_some())
    }

    /// The campaigns that cost money.
    pub fn running(&self) -> Vec<&Ad> {
        let on = |ad: &&Ad| ad.body["status"] == "ACTIVE";
        let below = |campaign: &Ad, kind: &str| {
            let of = |ad: &&Ad| self.campaign_of(ad) == Some(&campaign.id);
            self.made
                .iter()
                .filter(|ad| ad.kind == kind)
                .filter(of)
                .any(|ad| on(&ad))
        };
        let campaigns = self
            .made
            .iter()
            .filter(|ad| ad.kind == "campaigns")
            .filter(on);
        campaigns
            .filter(|one| below(one, "adsets") && below(one, "ads"))
            .collect()
    }

    /// None where the request is about something else.
    /// `knows` is asked whether the post of a creative is there.
    pub fn answer(
        &mut self,
        request: &Request,
        parts: &[&str],
        body: &Value,
        knows: impl Fn(&Value) -> bool,
    ) -> Option<Answer> {
        let about = *parts.first()?;
        if !self.is_about(parts) {
            return None;
        }
        if self.forbidden {
            let words = "Ad account owner has NOT grant ads_management or ads_read permission";
            return Some(no(200, 0, words));
        }
        Some(match (request.method.as_str(), parts) {
            ("GET", [AD_ACCOUNT]) => Answer::json(200, &json!({ "currency": self.currency })),
            ("POST", [AD_ACCOUNT, kind]) => self.make(kind, body, knows),
            ("GET", [_, kind]) => {
                let fits = |ad: &&Ad| {
                    ad.kind == *kind && (about == AD_ACCOUNT || self.campaign_of(ad) == Some(about))
                };
                let told = self.made.iter().filter(fits).map(|ad| {
                    json!({ "id": ad.id, "name": ad.body["name"], "status": ad.body["status"] })
                });
                Answer::json(200, &json!({ "data": told.collect::<Vec<_>>() }))
            }
            ("POST", [id]) => {
                let ad = self.made.iter_mut().find(|ad| ad.id == *id)?;
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
            _ => no(100, 33, "Unsupported request"),
        })
    }

    fn make(&mut self, kind: &str, body: &Value, knows: impl Fn(&Value) -> bool) -> Answer {
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
                return no(100, 1_885_364, "Your ad set must include a location");
            }
            let moment = |name: &str| time::parse_rfc3339(body[name].as_str()?);
            let (Some(start), Some(end)) = (moment("start_time"), moment("end_time")) else {
                return no(
                    100,
                    0,
                    "(#100) A lifetime budget needs start_time and end_time",
                );
            };
            if end < start + DAY {
                return no(100, 1_487_793, "The ad set has to run a day at least");
            }
            let days = (end - start).div_ceil(DAY);
            if body["lifetime_budget"].as_u64().expect("a number") < days * self.least_a_day {
                return no(100, 1_885_272, "Your budget is too low");
            }
        }
        if kind == "adcreatives" && !knows(body) {
            return no(100, 33, "The post does not exist, or is not yours");
        }
        self.next += 1;
        let id = self.next.to_string();
        self.made.push(Ad {
            id: id.clone(),
            kind: kind.to_owned(),
            body: body.clone(),
        });
        Answer::json(200, &json!({ "id": id }))
    }
}
