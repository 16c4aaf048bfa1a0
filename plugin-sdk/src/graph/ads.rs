//! Promotions of posts: a campaign, an ad set, a creative and an ad, by the Marketing API.
//!
//! Everything is made paused, and costs nothing until the campaign is switched on, which
//! is the last step. Each has the promotion's key in its name, so that a start that was cut
//! off goes on with what is there. Sources: "Marketing API, Ad Campaign", "Ad Set", "Ad
//! Creative", "Budgets" (a lifetime budget is not exceeded), "Currency Codes".

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Graph, List, commit, pages, read};
use crate::http::{Request, encode};
use crate::promoter::{Campaign, Finding, Money, Objective, Promotion, Status};
use crate::{Error, Measure, Metric, Problem, Result, money, time};

/// Currencies that Meta counts in whole units, and ISO 4217 in hundredths.
const WHOLE: [&str; 5] = ["COP", "CRC", "HUF", "IDR", "TWD"];
/// Countries whose law wants it told who pays ("Digital Services Act").
const EU: [&str; 27] = [
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT",
    "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
];

/// Smallest units of ISO 4217 in one of Meta's.
fn per_unit(currency: &str) -> u64 {
    if WHOLE.contains(&currency) { 100 } else { 1 }
}

/// An ad account, and the token that may manage it.
#[derive(Debug)]
pub struct Ads<'a> {
    graph: &'a Graph,
    path: String,
    beneficiary: Option<&'a str>,
}

/// The ad set's goal for what is wanted; none where posts can't have it.
fn goal(objective: Objective) -> Option<(&'static str, &'static str)> {
    match objective {
        Objective::Awareness => Some(("OUTCOME_AWARENESS", "REACH")),
        Objective::Engagement => Some(("OUTCOME_ENGAGEMENT", "POST_ENGAGEMENT")),
        Objective::Traffic => Some(("OUTCOME_TRAFFIC", "LINK_CLICKS")),
        Objective::Leads | Objective::Sales | Objective::Followers => None,
    }
}

#[derive(Debug, Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
}

#[derive(Debug, Deserialize)]
struct Made {
    id: String,
}

impl<'a> Ads<'a> {
    /// The ad account of this number (with `act_` before it or without), in the name of the
    /// token of `graph`. `beneficiary` is who is promoted and pays.
    pub fn new(graph: &'a Graph, account: &str, beneficiary: Option<&'a str>) -> Self {
        let number = account.trim_start_matches("act_");
        Ads {
            graph,
            path: format!("/act_{}", encode(number)),
            beneficiary,
        }
    }

    /// What Meta would refuse.
    pub fn validate(&self, promotion: &Promotion) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut error = |place: &str, words: &str| problems.push(Problem::error(place, words));
        if goal(promotion.objective).is_none() {
            error(
                "objective",
                "posts are promoted for awareness, engagement or traffic",
            );
        }
        if promotion.objective == Objective::Traffic && promotion.link.is_none() {
            error("link", "traffic needs an address to go to");
        }
        if promotion.audience.countries.is_empty() {
            error("audience.countries", "Meta needs a country at least");
        }
        if !promotion.audience.interests.is_empty() || !promotion.audience.languages.is_empty() {
            error(
                "audience",
                "Meta takes interests and languages by its own numbers: put them into `options`",
            );
        }
        if !serde_json::from_str::<Value>(&promotion.audience.options)
            .is_ok_and(|value| value.is_object())
        {
            error("audience.options", "they are no table");
        }
        let eu = |country: &String| EU.contains(&country.to_ascii_uppercase().as_str());
        if promotion.audience.countries.iter().any(eu) && self.beneficiary.is_none() {
            error(
                "audience.countries",
                "in the European Union it has to be told who pays: set `ad_beneficiary`",
            );
        }
        if promotion.ends < promotion.starts.saturating_add(24 * 3_600_000) {
            error("ends", "a budget of a whole run needs a day at least");
        }
        let currency = promotion.budget.currency.as_str();
        if money::decimals(currency) > 2 || promotion.budget.minor < per_unit(currency) {
            error("budget", "Meta has no such budget");
        }
        problems
    }

    /// What has the key in its name, among the newest of its kind.
    fn named(&self, edge: &str, key: &str) -> Result<Option<Named>> {
        let request = self.graph.get(edge).query("fields", "id,name,status");
        let mut pages = pages::<Named>(request.query("limit", 500), 5);
        for page in pages.by_ref() {
            if let Some(found) = page?.into_iter().find(|one| one.name.contains(key)) {
                return Ok(Some(found));
            }
        }
        match pages.more() {
            false => Ok(None),
            true => Err(Error::transient(
                "the ad account has too many campaigns to look through: archive or delete old ones",
            )),
        }
    }

    /// What is there of this key, or is made. Paused things cost nothing: making one twice
    /// does no harm.
    fn have(
        &self,
        list: &str,
        make: &str,
        key: &str,
        body: impl FnOnce() -> Value,
    ) -> Result<String> {
        if let Some(found) = self.named(list, key)? {
            return Ok(found.id);
        }
        let made: Made = read(self.graph.post(make).json(&body()))?.json()?;
        Ok(made.id)
    }

    /// Starts a promotion. `creative` names the post, in the Marketing API's words;
    /// `platforms` are those that it is shown on (`facebook`, `instagram`).
    ///
    /// # Errors
    /// Meta refused, or whether the campaign was switched on is not known.
    pub fn start(
        &self,
        promotion: &Promotion,
        platforms: &[&str],
        creative: impl FnOnce() -> Result<Value>,
    ) -> Result<Campaign> {
        if let Some(problem) = self.validate(promotion).first() {
            return Err(Error::invalid(format!(
                "{}: {}",
                problem.place, problem.message
            )));
        }
        let account = self.path.as_str();
        #[derive(Deserialize)]
        struct Currency {
            currency: String,
        }
        let request = self.graph.get(account).query("fields", "currency");
        let Currency { currency } = read(request)?.json()?;
        let budget = &promotion.budget;
        if currency != budget.currency {
            return Err(Error::invalid(format!(
                "the ad account is kept in {currency}, the budget is in {}",
                budget.currency
            )));
        }
        let Some((objective, goal)) = goal(promotion.objective) else {
            return Err(Error::unsupported("posts can't be promoted for that"));
        };
        let key = promotion.key.as_str();
        let name = format!("{} [{key}]", promotion.name);
        let campaign = self.have(
            &format!("{account}/campaigns"),
            &format!("{account}/campaigns"),
            key,
            || {
                json!({
                    "name": name, "objective": objective, "status": "PAUSED", "buying_type": "AUCTION",
                    "special_ad_categories": [], "is_adset_budget_sharing_enabled": false,
                })
            },
        )?;
        let below = format!("/{}", encode(&campaign));
        let set = self.have(
            &format!("{below}/adsets"),
            &format!("{account}/adsets"),
            key,
            || {
                let mut body = json!({
                    "name": name, "campaign_id": campaign, "status": "PAUSED",
                    "lifetime_budget": budget.minor / per_unit(&currency),
                    "billing_event": "IMPRESSIONS", "optimization_goal": goal,
                    "bid_strategy": "LOWEST_COST_WITHOUT_CAP", "targeting": targeting(promotion, platforms),
                    "start_time": time::format_rfc3339(promotion.starts),
                    "end_time": time::format_rfc3339(promotion.ends),
                });
                if promotion.objective == Objective::Engagement {
                    body["destination_type"] = json!("ON_POST");
                }
                if let Some(beneficiary) = self.beneficiary {
                    body["dsa_beneficiary"] = json!(beneficiary);
                    body["dsa_payor"] = json!(beneficiary);
                }
                body
            },
        )?;
        let ad = match self.named(&format!("{below}/ads"), key)? {
            Some(found) => found.id,
            None => {
                let mut creative = creative()?;
                creative["name"] = json!(name);
                if let Some(link) = &promotion.link {
                    creative["call_to_action"] =
                        json!({ "type": "LEARN_MORE", "value": { "link": link } });
                }
                let request = self.graph.post(&format!("{account}/adcreatives"));
                let Made { id } = read(request.json(&creative))?.json()?;
                let body = json!({
                    "name": name, "adset_id": set, "creative": { "creative_id": id }, "status": "PAUSED",
                });
                let request = self.graph.post(&format!("{account}/ads"));
                read(request.json(&body))?.json::<Made>()?.id
            }
        };
        // Under a paused campaign nothing runs.
        for id in [&ad, &set] {
            read(self.switch(id, "ACTIVE"))?;
        }
        commit(self.switch(&campaign, "ACTIVE"))?;
        Ok(started(&campaign, Status::InReview))
    }

    fn switch(&self, id: &str, status: &str) -> Request {
        let request = self.graph.post(&format!("/{}", encode(id)));
        request.json(&json!({ "status": status }))
    }

    /// Whether the campaign of a promotion was switched on. One that is paused costs nothing,
    /// and the next start goes on with it.
    ///
    /// # Errors
    /// Meta did not tell.
    pub fn find(&self, promotion: &Promotion) -> Result<Finding> {
        let list = format!("{}/campaigns", self.path);
        Ok(match self.named(&list, &promotion.key)? {
            Some(found) if found.status == "ACTIVE" => {
                Finding::Found(self.read(&started(&found.id, Status::Active))?)
            }
            _ => Finding::Absent,
        })
    }

    /// Switches a campaign (`ACTIVE`, `PAUSED`, `ARCHIVED`), and reads it. Saying it twice does no harm.
    ///
    /// # Errors
    /// Meta refused.
    pub fn set(&self, campaign: &Campaign, status: &str) -> Result<Campaign> {
        read(self.switch(&campaign.id, status))?;
        let mut now = self.read(campaign)?;
        if status == "ARCHIVED" {
            now.status = Status::Ended;
        }
        Ok(now)
    }

    /// A campaign as it is now.
    ///
    /// # Errors
    /// Meta did not tell.
    pub fn read(&self, campaign: &Campaign) -> Result<Campaign> {
        let fields = "effective_status,ads{effective_status},\
                      insights.date_preset(maximum){spend,account_currency,impressions,reach,clicks}";
        let request = self.graph.get(&format!("/{}", encode(&campaign.id)));
        let told: Told = read(request.query("fields", fields))?.json()?;
        let mut now = campaign.clone();
        let ad = told.ads.as_ref().and_then(|ads| ads.data.first());
        let ad = ad
            .map(|ad| ad.effective_status.as_str())
            .unwrap_or_default();
        now.status = match (told.effective_status.as_str(), ad) {
            ("ARCHIVED" | "DELETED", _) => Status::Ended,
            (_, "DISAPPROVED") => Status::Rejected,
            ("PAUSED", _) => Status::Paused,
            (_, "PENDING_REVIEW" | "IN_PROCESS" | "PREAPPROVED") => Status::InReview,
            _ => Status::Active,
        };
        let spent = told
            .insights
            .and_then(|insights| insights.data.into_iter().next());
        if let Some(spent) = spent {
            if let (Some(spend), Some(currency)) = (spent.spend, spent.account_currency) {
                now.spent =
                    money::from_decimal(&spend, &currency).map(|minor| Money { minor, currency });
            }
            now.metrics = [
                (Measure::Impressions, spent.impressions),
                (Measure::Reach, spent.reach),
                (Measure::Clicks, spent.clicks),
            ]
            .into_iter()
            .filter_map(|(measure, value)| Some(Metric::new(measure, value?.parse().ok()?)))
            .collect();
        }
        Ok(now)
    }
}

fn targeting(promotion: &Promotion, platforms: &[&str]) -> Value {
    let audience = &promotion.audience;
    let mut targeting: Value = serde_json::from_str(&audience.options).unwrap_or_default();
    if !targeting.is_object() {
        targeting = json!({});
    }
    let countries = audience
        .countries
        .iter()
        .map(|country| country.to_ascii_uppercase());
    targeting["geo_locations"] = json!({ "countries": countries.collect::<Vec<_>>() });
    targeting["publisher_platforms"] = json!(platforms);
    for (name, age) in [("age_min", audience.min_age), ("age_max", audience.max_age)] {
        if let Some(age) = age {
            targeting[name] = json!(age);
        }
    }
    targeting
}

fn started(id: &str, status: Status) -> Campaign {
    Campaign {
        id: id.to_owned(),
        status,
        url: None,
        spent: None,
        metrics: Vec::new(),
        note: None,
        data: None,
    }
}

#[derive(Debug, Deserialize)]
struct Told {
    #[serde(default)]
    effective_status: String,
    #[serde(default)]
    ads: Option<List<AdTold>>,
    #[serde(default)]
    insights: Option<List<Spent>>,
}

#[derive(Debug, Deserialize)]
struct AdTold {
    #[serde(default)]
    effective_status: String,
}

/// Numbers are written as texts, money with decimals in the account's currency.
#[derive(Debug, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Spent {
    spend: Option<String>,
    account_currency: Option<String>,
    impressions: Option<String>,
    reach: Option<String>,
    clicks: Option<String>,
}
