//! Advertisements.

use serde_json::{Value, json};

use super::form::{body, decoded, fields, finder, flag, list, one_of, parameters, text};
use super::{AD_ACCOUNT, LinkedIn, PAGE, error};
use crate::{Answer, Request};

/// A campaign in the books.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub body: Value,
    pub status: String,
    /// Every status that it was given, in order.
    pub history: Vec<String>,
    /// Why it is not shown.
    pub holds: Vec<&'static str>,
    /// What was counted, as the reporting answers it.
    pub numbers: Option<Value>,
}

/// An advertisement in the books.
#[derive(Clone, Debug)]
pub struct Creative {
    pub body: Value,
    pub review: &'static str,
}

const PLACES: [(&str, &str); 3] = [
    ("Azerbaijan", "urn:li:geo:103226548"),
    ("Azerbaijani Street", "urn:li:geo:1"),
    ("Germany", "urn:li:geo:101282230"),
];

fn money(value: &Value, name: &str) -> Result<(), Answer> {
    let sum = &value[name];
    fields(sum, &["amount", "currencyCode"], &[])?;
    let amount = text(sum, "amount")?;
    if amount.parse::<f64>().is_err() || text(sum, "currencyCode")? != "EUR" {
        return Err(error(
            400,
            "INVALID_FIELD",
            0,
            &format!("/{name} :: a decimal text in the account's currency"),
        ));
    }
    Ok(())
}

fn schedule(value: &Value) -> Result<(), Answer> {
    fields(&value["runSchedule"], &["start"], &["end"])
}

fn account(value: &Value) -> Result<(), Answer> {
    match value["account"] == format!("urn:li:sponsoredAccount:{AD_ACCOUNT}") {
        true => Ok(()),
        false => Err(error(400, "INVALID_FIELD", 0, "/account :: another one")),
    }
}

/// The values of `search=(name:(values:List(…)))`, or of another field.
fn wanted(request: &Request, field: &str) -> Result<Vec<String>, Answer> {
    finder(request)?;
    parameters(
        request,
        &[("q", "search"), ("search", "")],
        &["pageSize", "pageToken", "sortOrder"],
    )?;
    let raw = request.url.query().unwrap_or_default();
    let start = format!("search=({field}:(values:List(");
    let value = raw.split('&').find_map(|pair| pair.strip_prefix(&start));
    let value = value.and_then(|rest| rest.strip_suffix(")))"));
    let value = value.ok_or_else(|| error(400, "PARAM_INVALID", 0, &format!("search in {raw}")))?;
    Ok(value.split(',').map(decoded).collect())
}

impl LinkedIn {
    pub(super) fn advertise(
        &mut self,
        request: &Request,
        rest: &[&str],
        now: u64,
    ) -> Result<Answer, Answer> {
        match (request.method.as_str(), rest) {
            ("GET", ["adCampaignGroups"]) => {
                let names = wanted(request, "name")?;
                let found: Vec<&Value> = self
                    .groups
                    .values()
                    .filter(|group| names.iter().any(|name| group["name"] == *name))
                    .collect();
                Ok(Answer::json(
                    200,
                    &json!({ "elements": found, "metadata": {} }),
                ))
            }
            ("GET", ["adCampaigns"]) => {
                let by_id = request.query()["search"].starts_with("(id:");
                let values = wanted(request, if by_id { "id" } else { "name" })?;
                let found: Vec<Value> = self
                    .campaigns
                    .iter()
                    .filter(|(id, campaign)| {
                        values.iter().any(|value| match by_id {
                            true => *value == format!("urn:li:sponsoredCampaign:{id}"),
                            false => campaign.body["name"] == *value,
                        })
                    })
                    .map(|(id, campaign)| told(*id, campaign))
                    .collect();
                Ok(Answer::json(
                    200,
                    &json!({ "elements": found, "metadata": {} }),
                ))
            }
            ("GET", ["creatives"]) => {
                finder(request)?;
                parameters(
                    request,
                    &[("q", "criteria")],
                    &[
                        "campaigns",
                        "creatives",
                        "sortOrder",
                        "pageSize",
                        "pageToken",
                    ],
                )?;
                let campaigns = list(request, "campaigns")?;
                let wanted = list(request, "creatives")?;
                let found: Vec<Value> = self
                    .creatives
                    .iter()
                    .filter(|(id, one)| {
                        let urn = format!("urn:li:sponsoredCreative:{id}");
                        wanted.contains(&urn)
                            || campaigns.iter().any(|urn| one.body["campaign"] == *urn)
                    })
                    .map(|(id, one)| told_creative(*id, one))
                    .collect();
                Ok(Answer::json(
                    200,
                    &json!({ "elements": found, "metadata": {} }),
                ))
            }
            ("POST", ["adCampaignGroups"]) => self.create_group(&body(request)?),
            ("POST", ["adCampaigns"]) => self.create_campaign(&body(request)?, now),
            ("POST", ["creatives"]) => self.create_creative(&body(request)?),
            ("POST", ["adCampaigns", id])
                if request.header("x-restli-method") == Some("PARTIAL_UPDATE") =>
            {
                self.patch_campaign(id, &body(request)?)
            }
            _ => Err(error(
                404,
                "RESOURCE_NOT_FOUND",
                0,
                "No virtual resource found",
            )),
        }
    }

    fn create_group(&mut self, body: &Value) -> Result<Answer, Answer> {
        fields(
            body,
            &["account", "name", "status", "runSchedule"],
            &["totalBudget", "objectiveType"],
        )?;
        account(body)?;
        super::form::short(body, "name", 100)?;
        one_of(body, "status", &["ACTIVE", "DRAFT", "PAUSED", "ARCHIVED"])?;
        schedule(body)?;
        if body.get("totalBudget").is_some() {
            money(body, "totalBudget")?;
            if body["runSchedule"].get("end").is_none() {
                return Err(error(
                    400,
                    "INVALID_FIELD",
                    0,
                    "/runSchedule/end :: required with totalBudget",
                ));
            }
        }
        let id = self.fresh() % 1_000_000_000;
        let mut group = body.clone();
        group["id"] = json!(id);
        self.groups.insert(id, group);
        Ok(Answer::empty(201).header("x-restli-id", id))
    }

    fn create_campaign(&mut self, body: &Value, now: u64) -> Result<Answer, Answer> {
        let required = [
            "account",
            "campaignGroup",
            "name",
            "type",
            "costType",
            "unitCost",
            "locale",
            "runSchedule",
            "targetingCriteria",
            "offsiteDeliveryEnabled",
            "status",
            "politicalIntent",
            "associatedEntity",
        ];
        let optional = [
            "format",
            "objectiveType",
            "optimizationTargetType",
            "totalBudget",
            "dailyBudget",
            "pacingStrategy",
            "audienceExpansionEnabled",
            "creativeSelection",
        ];
        fields(body, &required, &optional)?;
        account(body)?;
        let group =
            text(body, "campaignGroup")?.trim_start_matches("urn:li:sponsoredCampaignGroup:");
        if !self.groups.contains_key(&group.parse().unwrap_or(0)) {
            return Err(error(
                400,
                "INVALID_FIELD",
                0,
                "/campaignGroup :: there is none",
            ));
        }
        one_of(body, "type", &["SPONSORED_UPDATES"])?;
        one_of(body, "costType", &["CPM", "CPC", "CPV"])?;
        one_of(body, "status", &["ACTIVE", "PAUSED", "DRAFT"])?;
        one_of(
            body,
            "politicalIntent",
            &["POLITICAL", "NOT_POLITICAL", "NOT_DECLARED"],
        )?;
        one_of(
            body,
            "objectiveType",
            &[
                "BRAND_AWARENESS",
                "ENGAGEMENT",
                "WEBSITE_VISIT",
                "VIDEO_VIEW",
                "LEAD_GENERATION",
                "WEBSITE_CONVERSION",
            ],
        )?;
        one_of(body, "format", &["STANDARD_UPDATE", "SINGLE_VIDEO"])?;
        one_of(
            body,
            "optimizationTargetType",
            &["NONE", "MAX_IMPRESSION", "MAX_CLICK"],
        )?;
        if body["objectiveType"] != "BRAND_AWARENESS"
            && body["optimizationTargetType"] == "MAX_IMPRESSION"
        {
            return Err(error(
                400,
                "INVALID_FIELD",
                0,
                "/optimizationTargetType :: not with this objective",
            ));
        }
        flag(body, "offsiteDeliveryEnabled")?;
        money(body, "unitCost")?;
        if body.get("totalBudget").is_some() {
            money(body, "totalBudget")?;
            one_of(body, "pacingStrategy", &["LIFETIME", "ACCELERATED"])?;
        } else {
            money(body, "dailyBudget")?;
        }
        fields(&body["locale"], &["country", "language"], &[])?;
        schedule(body)?;
        if body["runSchedule"]["end"]
            .as_u64()
            .is_some_and(|end| end <= now)
        {
            return Err(error(
                400,
                "INVALID_FIELD",
                0,
                "/runSchedule/end :: is over",
            ));
        }
        let targeting = &body["targetingCriteria"];
        fields(targeting, &["include"], &["exclude"])?;
        let all = targeting["include"]["and"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let places = "urn:li:adTargetingFacet:locations";
        if !all
            .iter()
            .any(|one| one["or"].get(places).is_some_and(|urns| urns != &json!([])))
        {
            return Err(error(
                400,
                "INVALID_FIELD",
                0,
                "/targetingCriteria :: at least one location",
            ));
        }
        let id = self.fresh() % 1_000_000_000;
        let status = text(body, "status")?.to_owned();
        self.campaigns.insert(
            id,
            Campaign {
                body: body.clone(),
                history: vec![status.clone()],
                status,
                holds: vec![],
                numbers: None,
            },
        );
        Ok(Answer::empty(201).header("x-restli-id", id))
    }

    fn create_creative(&mut self, body: &Value) -> Result<Answer, Answer> {
        fields(
            body,
            &["content", "campaign"],
            &["intendedStatus", "name", "leadgenCallToAction"],
        )?;
        fields(&body["content"], &["reference"], &[])?;
        one_of(body, "intendedStatus", &["ACTIVE", "PAUSED", "DRAFT"])?;
        let campaign = text(body, "campaign")?.trim_start_matches("urn:li:sponsoredCampaign:");
        if !self.campaigns.contains_key(&campaign.parse().unwrap_or(0)) {
            return Err(error(400, "INVALID_FIELD", 0, "/campaign :: there is none"));
        }
        let reference = text(&body["content"], "reference")?;
        let post = self
            .posts
            .iter()
            .find(|post| post.urn == reference && !post.deleted);
        if post.is_none_or(|post| post.author != PAGE) {
            return Err(error(
                400,
                "INVALID_FIELD",
                0,
                "/content/reference :: no post of the organization",
            ));
        }
        let id = self.fresh() % 1_000_000_000;
        self.creatives.insert(
            id,
            Creative {
                body: body.clone(),
                review: "PENDING",
            },
        );
        Ok(Answer::empty(201).header("x-restli-id", format!("urn:li:sponsoredCreative:{id}")))
    }

    fn patch_campaign(&mut self, id: &str, body: &Value) -> Result<Answer, Answer> {
        fields(body, &["patch"], &[])?;
        fields(&body["patch"], &["$set"], &[])?;
        let set = &body["patch"]["$set"];
        fields(set, &["status"], &[])?;
        one_of(set, "status", &["ACTIVE", "PAUSED", "ARCHIVED", "DRAFT"])?;
        let campaign = self
            .campaigns
            .get_mut(&id.parse().unwrap_or(0))
            .ok_or_else(missing)?;
        if campaign.status == "ARCHIVED" {
            return Err(error(
                400,
                "INVALID_FIELD",
                0,
                "/status :: the campaign is archived",
            ));
        }
        text(set, "status")?.clone_into(&mut campaign.status);
        campaign.history.push(campaign.status.clone());
        Ok(Answer::empty(204))
    }

    pub(super) fn typeahead(&self, request: &Request) -> Result<Answer, Answer> {
        finder(request)?;
        let wanted = [
            ("q", "typeahead"),
            ("query", ""),
            ("facet", "urn:li:adTargetingFacet:locations"),
            ("queryVersion", "QUERY_USES_URNS"),
        ];
        parameters(request, &wanted, &[])?;
        let query = request.query()["query"].clone();
        let found: Vec<Value> = PLACES
            .iter()
            .rev()
            .filter(|(name, _)| name.starts_with(&query))
            .map(|(name, urn)| json!({ "name": name, "urn": urn, "facetUrn": "urn:li:adTargetingFacet:locations" }))
            .collect();
        Ok(Answer::json(200, &json!({ "elements": found })))
    }

    pub(super) fn ad_numbers(&self, request: &Request) -> Result<Answer, Answer> {
        self.granted("r_ads_reporting")?;
        finder(request)?;
        let wanted = [
            ("q", "analytics"),
            ("pivot", "CAMPAIGN"),
            ("timeGranularity", "ALL"),
            ("dateRange", ""),
            ("campaigns", ""),
            ("fields", ""),
        ];
        parameters(request, &wanted, &[])?;
        if !request.query()["dateRange"].starts_with("(start:(year:20") {
            return Err(error(400, "PARAM_INVALID", 0, "dateRange"));
        }
        let asked = request.query()["fields"].clone();
        let asked: Vec<&str> = asked.split(',').collect();
        let mut lines = Vec::new();
        for urn in list(request, "campaigns")? {
            let id = urn
                .trim_start_matches("urn:li:sponsoredCampaign:")
                .parse()
                .unwrap_or(0);
            if let Some(numbers) = self.campaigns.get(&id).and_then(|one| one.numbers.as_ref()) {
                let mut line = numbers.clone();
                if let Some(line) = line.as_object_mut() {
                    line.retain(|name, _| asked.contains(&name.as_str()));
                }
                lines.push(line);
            }
        }
        Ok(Answer::json(200, &json!({ "elements": lines })))
    }
}

fn missing() -> Answer {
    error(404, "NOT_FOUND", 0, "Could not find entity")
}

fn told(id: u64, campaign: &Campaign) -> Value {
    let mut told = campaign.body.clone();
    told["id"] = json!(id);
    told["status"] = json!(campaign.status);
    told["servingStatuses"] = json!(campaign.holds);
    told
}

fn told_creative(id: u64, creative: &Creative) -> Value {
    let mut told = creative.body.clone();
    told["id"] = json!(format!("urn:li:sponsoredCreative:{id}"));
    told["review"] = json!({ "status": creative.review });
    if creative.review == "REJECTED" {
        told["review"]["rejectionReasons"] = json!(["MISLEADING"]);
    }
    told
}
