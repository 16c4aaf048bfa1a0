//! Where promotions stand, what they cost, and what was counted.

use jarchi_plugin_sdk::promoter::{Campaign, Money, Status};
use jarchi_plugin_sdk::{Account, Error, Measure, Metric, Result, log, money, time};
use serde_json::Value;

use crate::ads::{Kept, ad_account, number};
use crate::api::{self, Api};
use crate::{errors, publish};

/// Where a campaign and its advertisement stand, and why one was rejected.
pub(crate) fn standing(campaign: &Value, creative: Option<&Value>) -> (Status, Option<String>) {
    let held = |reason: &str| {
        let reasons = campaign.get("servingStatuses").and_then(Value::as_array);
        reasons.is_some_and(|reasons| reasons.iter().any(|one| one == reason))
    };
    let status = campaign
        .get("status")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let over = [
        "CAMPAIGN_END_DATE_HOLD",
        "CAMPAIGN_TOTAL_BUDGET_HOLD",
        "CAMPAIGN_GROUP_END_DATE_HOLD",
        "CAMPAIGN_GROUP_TOTAL_BUDGET_HOLD",
    ];
    let own = match status {
        "DRAFT" => Status::Draft,
        "ACTIVE" if over.iter().any(|reason| held(reason)) => Status::Ended,
        "ACTIVE" => Status::Active,
        "PAUSED" => Status::Paused,
        _ => Status::Ended,
    };
    if own != Status::Active {
        return (own, None);
    }
    let review = creative.and_then(|one| one.get("review"));
    match review.and_then(|review| review.get("status")?.as_str()) {
        Some("PENDING" | "NEEDS_REVIEW") => (Status::InReview, None),
        Some("REJECTED") => {
            let reasons = review.and_then(|review| review.get("rejectionReasons"));
            let reasons: Vec<&str> = reasons
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            (Status::Rejected, Some(reasons.join(", ")))
        }
        _ => (Status::Active, None),
    }
}

/// The numbers of advertisements (Ads Reporting).
const NUMBERS: [(&str, Measure); 5] = [
    ("impressions", Measure::Impressions),
    ("clicks", Measure::Clicks),
    ("likes", Measure::Likes),
    ("comments", Measure::Comments),
    ("shares", Measure::Shares),
];

/// Campaigns of one question.
const BATCH: usize = 50;

/// The campaigns as LinkedIn has them now.
///
/// # Errors
/// By the table of errors; those that LinkedIn did not tell of are left out.
pub fn read(account: &Account, campaigns: &[Campaign]) -> Result<Vec<Campaign>> {
    let api = Api::of(account)?;
    let mut told = Vec::with_capacity(campaigns.len());
    for batch in campaigns.chunks(BATCH) {
        match together(&api, batch) {
            Ok(campaigns) => told.extend(campaigns),
            Err(error) if told.is_empty() => return Err(error),
            Err(error) => {
                log::warn!(reason = error.reason(), known = told.len(); "not all campaigns were told");
                break;
            }
        }
    }
    Ok(told)
}

fn urn(campaign: &Campaign) -> String {
    format!("urn:li:sponsoredCampaign:{}", campaign.id)
}

fn together(api: &Api, campaigns: &[Campaign]) -> Result<Vec<Campaign>> {
    let account = ad_account(api)?;
    let mut kept = Vec::with_capacity(campaigns.len());
    for campaign in campaigns {
        let data = campaign.data.as_deref().unwrap_or_default();
        let data: Kept = serde_json::from_str(data)
            .map_err(|error| Error::invalid(format!("campaign `{}`: {error}", campaign.id)))?;
        kept.push(data);
    }
    let urns: Vec<String> = campaigns.iter().map(urn).collect();
    let urns = api::list(urns.iter().map(String::as_str));
    let path = format!(
        "/rest/adAccounts/{account}/adCampaigns?q=search&search=(id:(values:{urns}))&pageSize=100"
    );
    let standings = publish::elements(&errors::granted(api.find(&path), errors::ADS)?)?;
    let creatives = api::list(kept.iter().map(|kept| kept.creative.as_str()));
    let path = format!(
        "/rest/adAccounts/{account}/creatives?q=criteria&creatives={creatives}&sortOrder=ASCENDING"
    );
    let creatives = publish::elements(&errors::granted(api.find(&path), errors::ADS)?)?;
    // Sums of each campaign's whole life, from the day on which the first one began.
    let first = kept
        .iter()
        .map(|kept| kept.starts)
        .min()
        .unwrap_or_default();
    let day = time::format_rfc3339(first);
    let part = |range: std::ops::Range<usize>| {
        let part = day.get(range).and_then(|part| part.parse::<u32>().ok());
        part.unwrap_or(1)
    };
    let path = format!(
        "/rest/adAnalytics?q=analytics&pivot=CAMPAIGN&timeGranularity=ALL&dateRange=(start:(year:{},month:{},day:{}))&campaigns={urns}&fields=impressions,clicks,likes,comments,shares,follows,costInLocalCurrency,pivotValues",
        part(0..4),
        part(5..7),
        part(8..10),
    );
    let lines = publish::elements(&errors::granted(api.find(&path), errors::ADS_NUMBERS)?)?;
    let mut told = Vec::with_capacity(campaigns.len());
    for (campaign, kept) in campaigns.iter().zip(kept) {
        let id = Some(campaign.id.clone());
        let Some(now) = standings.iter().find(|one| number(one) == id) else {
            continue;
        };
        let same = |one: &&Value| one.get("id").and_then(Value::as_str) == Some(&kept.creative);
        let (status, note) = standing(now, creatives.iter().find(same));
        // There is no line before the first view.
        let pivot = urn(campaign);
        let line = lines.iter().find(|line| {
            let pivots = line.get("pivotValues").and_then(Value::as_array);
            pivots.is_some_and(|pivots| pivots.iter().any(|one| *one == pivot))
        });
        let spent = line.and_then(|line| cost(line, &kept.currency));
        told.push(Campaign {
            status,
            note,
            metrics: line.map(counted).unwrap_or_default(),
            spent: spent.or_else(|| campaign.spent.clone()),
            ..campaign.clone()
        });
    }
    Ok(told)
}

fn counted(line: &Value) -> Vec<Metric> {
    let count = |name: &str| line.get(name).and_then(Value::as_i64);
    let numbers = NUMBERS.iter();
    let mut metrics: Vec<Metric> = numbers
        .filter_map(|(name, measure)| Some(Metric::new(measure.clone(), count(name)?)))
        .collect();
    if let Some(follows) = count("follows") {
        metrics.push(Metric::new(Measure::Other("follows".into()), follows));
    }
    metrics
}

fn cost(line: &Value, currency: &str) -> Option<Money> {
    let minor = match line.get("costInLocalCurrency")? {
        Value::String(text) => money::from_decimal(text, currency),
        Value::Number(number) => money::from_decimal(&number.to_string(), currency),
        _ => None,
    }?;
    Some(Money {
        minor,
        currency: currency.to_owned(),
    })
}
