//! Sponsored content: a campaign group, a campaign and a creative of a post that is there
//! already. All are found again by the promotion's key in their names, so that nothing is
//! made twice; nothing is shown before the very last request, which sets the campaign
//! going. [`crate::report`] reads what became of them.

use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::promoter::{Campaign, Finding, Money, Objective, Promotion, Status};
use jarchi_plugin_sdk::{Account, Error, Problem, Result, money};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::{self, Api};
use crate::audience;
use crate::errors;
use crate::plan::Kind;
use crate::publish::{self, Kept as Posted};
use crate::report::standing;

/// The keys of [`Options`].
const KEYS: [&str; 3] = ["objective", "bid", "off_site"];

/// `options.linkedin` of a promotion.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    /// LinkedIn's own name of an objective, instead of the promotion's.
    objective: Option<String>,
    /// The most for a click, or a thousand views, as `"4.50"`; else LinkedIn bids.
    bid: Option<String>,
    /// Also on LinkedIn's Audience Network.
    off_site: bool,
}

/// What a campaign remembers.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub group: String,
    pub creative: String,
    pub starts: u64,
    pub currency: String,
}

pub(crate) fn ad_account(api: &Api) -> Result<&str> {
    let account = api.settings.ad_account.as_deref().unwrap_or_default();
    let number = account.rsplit(':').next().unwrap_or_default();
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Error::invalid(
            "the account has no `ad_account`: the number of the advertising account, from Campaign Manager",
        ));
    }
    Ok(number)
}

/// LinkedIn's objective, and what it delivers for.
fn objective(promotion: &Promotion, options: &Options) -> Option<(String, &'static str)> {
    if let Some(own) = &options.objective {
        let target = if own == "BRAND_AWARENESS" {
            "MAX_IMPRESSION"
        } else {
            "MAX_CLICK"
        };
        return Some((own.clone(), target));
    }
    let (name, target) = match promotion.objective {
        Objective::Awareness => ("BRAND_AWARENESS", "MAX_IMPRESSION"),
        // The advertisement has a button to follow the Page.
        Objective::Engagement | Objective::Followers => ("ENGAGEMENT", "MAX_CLICK"),
        Objective::Traffic => ("WEBSITE_VISIT", "MAX_CLICK"),
        Objective::Leads | Objective::Sales => return None,
    };
    Some((name.to_owned(), target))
}

fn options(promotion: &Promotion, problems: &mut Vec<Problem>) -> Options {
    audience::own(&promotion.options, &KEYS, "options", problems)
}

/// What LinkedIn would refuse.
///
/// # Errors
/// None; the problems tell.
pub fn check(account: &Account, promotion: &Promotion) -> Result<Vec<Problem>> {
    let api = Api::of(account)?;
    let mut problems = Vec::new();
    let options = options(promotion, &mut problems);
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    if let Err(reason) = ad_account(&api) {
        error("settings.ad_account", reason.reason());
    }
    if !api.settings.not_political {
        error(
            "settings.not_political",
            "LinkedIn wants it declared that the advertisements are not political: set `not_political = true`; political ones can't be started here".into(),
        );
    }
    if !api.is_page() {
        error(
            "settings.author",
            "only a Page's posts can be promoted".into(),
        );
    }
    if let Ok(Posted { kind }) = promotion.post.data::<Posted>()
        && matches!(kind, Kind::MultiImage | Kind::Poll)
    {
        error(
            "post",
            "LinkedIn promotes no polls and no posts of several pictures".into(),
        );
    }
    if objective(promotion, &options).is_none() {
        error(
            "objective",
            "for leads LinkedIn wants a form, for sales conversions that were set up in Campaign Manager: take awareness, engagement, traffic or followers".into(),
        );
    }
    if let Some(bid) = &options.bid
        && money::from_decimal(bid, &promotion.budget.currency).is_none_or(|bid| bid == 0)
    {
        error("options.bid", format!("`{bid}` is no sum, as \"4.50\""));
    }
    if promotion.budget.minor == 0 {
        error("budget", "there is nothing to spend".into());
    }
    let day = 24 * 60 * 60 * 1000;
    if promotion.ends < promotion.starts.saturating_add(day) {
        error("ends", "a run takes a day at least".into());
    }
    audience::check(&promotion.audience, &mut problems);
    Ok(problems)
}

/// The name under which a promotion's parts are found again.
fn name(promotion: &Promotion) -> String {
    // LinkedIn takes 100 characters.
    let words: String = promotion.name.chars().take(60).collect();
    let words: String = words
        .chars()
        .map(|c| {
            if "(),'%:".contains(c) || c.is_control() {
                ' '
            } else {
                c
            }
        })
        .collect();
    format!("{} [{}]", words.trim(), promotion.key)
}

fn budget(promotion: &Promotion) -> Value {
    let Money { minor, currency } = &promotion.budget;
    json!({ "amount": money::to_decimal(*minor, currency), "currencyCode": currency })
}

/// Something of ours by its name, among groups or campaigns.
fn by_name(api: &Api, room: &str, name: &str) -> Result<Option<Value>> {
    let path = format!(
        "/rest/adAccounts/{}/{room}?q=search&search=(name:(values:List({})))&pageSize=10",
        ad_account(api)?,
        encode(name)
    );
    let found = publish::elements(&errors::granted(api.find(&path), errors::ADS)?)?;
    Ok(found
        .into_iter()
        .find(|one| one.get("name").and_then(Value::as_str) == Some(name)))
}

pub(crate) fn number(value: &Value) -> Option<String> {
    match value.get("id")? {
        Value::Number(id) => Some(id.to_string()),
        Value::String(id) => Some(id.rsplit(':').next().unwrap_or(id).to_owned()),
        _ => None,
    }
}

/// Makes something that spends nothing; a lost answer is no harm, for it is looked for.
fn make(api: &Api, path: &str, body: &Value) -> Result<String> {
    let answer = errors::granted(api.post(path).json(body), errors::ADS)?;
    api::made(&answer).map_err(|error| Error::transient(error.reason()))
}

fn group(api: &Api, promotion: &Promotion) -> Result<String> {
    let name = name(promotion);
    if let Some(id) = by_name(api, "adCampaignGroups", &name)?
        .as_ref()
        .and_then(number)
    {
        return Ok(id);
    }
    let account = ad_account(api)?;
    // A second ceiling over the campaign's own. Without a campaign it spends nothing.
    let body = json!({
        "account": format!("urn:li:sponsoredAccount:{account}"),
        "name": name,
        "status": "ACTIVE",
        "runSchedule": { "start": promotion.starts, "end": promotion.ends },
        "totalBudget": budget(promotion),
    });
    make(
        api,
        &format!("/rest/adAccounts/{account}/adCampaignGroups"),
        &body,
    )
    .map_err(|error| error.context("making the campaign group"))
}

fn campaign(api: &Api, promotion: &Promotion, group: &str) -> Result<String> {
    let account = ad_account(api)?;
    let name = name(promotion);
    let options = options(promotion, &mut Vec::new());
    let (objective, target) = objective(promotion, &options)
        .ok_or_else(|| Error::invalid("LinkedIn has no such objective for a post"))?;
    let posted: Option<Posted> = promotion.post.data().ok();
    let video = posted.is_some_and(|posted| posted.kind == Kind::Video);
    let format = if video {
        "SINGLE_VIDEO"
    } else {
        "STANDARD_UPDATE"
    };
    let (language, country) = audience::locale(promotion);
    let currency = &promotion.budget.currency;
    let (cost, target, bid) = match &options.bid {
        Some(bid) if objective == "BRAND_AWARENESS" => ("CPM", "NONE", bid.as_str()),
        Some(bid) => ("CPC", "NONE", bid.as_str()),
        None => ("CPM", target, "0"),
    };
    let body = json!({
        "account": format!("urn:li:sponsoredAccount:{account}"),
        "campaignGroup": format!("urn:li:sponsoredCampaignGroup:{group}"),
        "associatedEntity": api.author()?,
        "name": name,
        "type": "SPONSORED_UPDATES",
        "format": format,
        "objectiveType": objective,
        "costType": cost,
        "optimizationTargetType": target,
        "unitCost": { "amount": bid, "currencyCode": currency },
        "totalBudget": budget(promotion),
        "pacingStrategy": "LIFETIME",
        "runSchedule": { "start": promotion.starts, "end": promotion.ends },
        "locale": { "country": country, "language": language },
        "targetingCriteria": audience::criteria(api, &promotion.audience)?,
        "audienceExpansionEnabled": false,
        "offsiteDeliveryEnabled": options.off_site,
        "politicalIntent": "NOT_POLITICAL",
        // All is checked, and nothing is shown.
        "status": "PAUSED",
    });
    make(
        api,
        &format!("/rest/adAccounts/{account}/adCampaigns"),
        &body,
    )
    .map_err(|error| error.context("making the campaign"))
}

fn creatives(api: &Api, campaign: &str) -> Result<Vec<Value>> {
    let urn = format!("urn:li:sponsoredCampaign:{campaign}");
    let path = format!(
        "/rest/adAccounts/{}/creatives?q=criteria&campaigns={}&sortOrder=ASCENDING",
        ad_account(api)?,
        api::list([urn.as_str()])
    );
    publish::elements(&errors::granted(api.find(&path), errors::ADS)?)
}

fn creative(api: &Api, promotion: &Promotion, campaign: &str) -> Result<String> {
    let known = creatives(api, campaign)?;
    if let Some(id) = known.first().and_then(|one| one.get("id")?.as_str()) {
        return Ok(id.to_owned());
    }
    let body = json!({
        "campaign": format!("urn:li:sponsoredCampaign:{campaign}"),
        "content": { "reference": promotion.post.id },
        "intendedStatus": "ACTIVE",
        "name": name(promotion),
    });
    make(
        api,
        &format!("/rest/adAccounts/{}/creatives", ad_account(api)?),
        &body,
    )
    .map_err(|error| error.context("making the advertisement"))
}

/// Starts a promotion.
///
/// # Errors
/// `UnknownOutcome` only where the last request's answer was lost: nothing before it
/// spends anything. Else by the table.
pub fn start(account: &Account, promotion: &Promotion) -> Result<Campaign> {
    let api = Api::of(account)?;
    let mut problems = check(account, promotion)?.into_iter();
    if let Some(problem) = problems.find(|one| one.severity == jarchi_plugin_sdk::Severity::Error) {
        return Err(Error::invalid(format!(
            "{}: {}",
            problem.place, problem.message
        )));
    }
    let known = by_name(&api, "adCampaigns", &name(promotion))?;
    let (group, id) = match known {
        Some(campaign) => {
            let group = campaign
                .get("campaignGroup")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let group = group.rsplit(':').next().unwrap_or_default().to_owned();
            let id = number(&campaign);
            (
                group,
                id.ok_or_else(|| Error::transient("LinkedIn tells a campaign without its number"))?,
            )
        }
        None => {
            let group = group(&api, promotion)?;
            let id = campaign(&api, promotion, &group)?;
            (group, id)
        }
    };
    let creative = creative(&api, promotion, &id)?;
    let kept = Kept {
        group,
        creative,
        starts: promotion.starts,
        currency: promotion.budget.currency.clone(),
    };
    set(&api, &id, "ACTIVE", true).map_err(|error| error.context("setting the campaign going"))?;
    Ok(Campaign {
        url: Some(manager(&api, &id)?),
        status: Status::InReview,
        spent: None,
        metrics: Vec::new(),
        note: None,
        data: Some(json!(kept).to_string()),
        id,
    })
}

fn manager(api: &Api, id: &str) -> Result<String> {
    let account = ad_account(api)?;
    Ok(format!(
        "{}/campaignmanager/accounts/{account}/campaigns/{id}",
        api.settings.site
    ))
}

fn set(api: &Api, id: &str, status: &str, commit: bool) -> Result<()> {
    let path = format!(
        "/rest/adAccounts/{}/adCampaigns/{}",
        ad_account(api)?,
        encode(id)
    );
    let body = json!({ "patch": { "$set": { "status": status } } });
    let request = api.patch(&path).json(&body);
    if commit {
        errors::commit(request)
    } else {
        errors::granted(request, errors::ADS)
    }
    .map(drop)
}

/// Looks for a promotion that may have been started.
///
/// # Errors
/// LinkedIn did not tell.
pub fn find(account: &Account, promotion: &Promotion) -> Result<Finding> {
    let api = Api::of(account)?;
    let Some(told) = by_name(&api, "adCampaigns", &name(promotion))? else {
        return Ok(Finding::Absent);
    };
    // Made, and not set going: it is gone on with.
    if matches!(
        told.get("status").and_then(Value::as_str),
        Some("PAUSED" | "DRAFT")
    ) {
        return Ok(Finding::Absent);
    }
    let id = number(&told)
        .ok_or_else(|| Error::transient("LinkedIn tells a campaign without its number"))?;
    let creative = creatives(&api, &id)?;
    let first = creative.first().and_then(|one| one.get("id")?.as_str());
    let group = told
        .get("campaignGroup")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let kept = Kept {
        group: group.rsplit(':').next().unwrap_or_default().to_owned(),
        creative: first.unwrap_or_default().to_owned(),
        starts: promotion.starts,
        currency: promotion.budget.currency.clone(),
    };
    let (status, note) = standing(&told, creative.first());
    Ok(Finding::Found(Campaign {
        url: Some(manager(&api, &id)?),
        status,
        spent: None,
        metrics: Vec::new(),
        note,
        data: Some(json!(kept).to_string()),
        id,
    }))
}

fn change(account: &Account, campaign: &Campaign, to: &str, status: Status) -> Result<Campaign> {
    let api = Api::of(account)?;
    set(&api, &campaign.id, to, false)?;
    Ok(Campaign {
        status,
        ..campaign.clone()
    })
}

/// Stops spending until it is resumed.
///
/// # Errors
/// By the table of errors.
pub fn pause(account: &Account, campaign: &Campaign) -> Result<Campaign> {
    change(account, campaign, "PAUSED", Status::Paused)
}

/// Goes on.
///
/// # Errors
/// By the table of errors.
pub fn resume(account: &Account, campaign: &Campaign) -> Result<Campaign> {
    change(account, campaign, "ACTIVE", Status::Active)
}

/// Stops for good.
///
/// # Errors
/// By the table of errors.
pub fn end(account: &Account, campaign: &Campaign) -> Result<Campaign> {
    change(account, campaign, "ARCHIVED", Status::Ended)
}
