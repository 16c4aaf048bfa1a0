//! The generator's settings, checked.

use jarchi_plugin_sdk::generator::Brief;
use jarchi_plugin_sdk::{Error, Millis, Result, time};
use serde::Deserialize;

/// Millionths of a unit of money: prices are written with at most six decimals.
const MICRO: u64 = 1_000_000;

#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Task {
    #[default]
    Post,
    Ideas,
    Alt,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    endpoint: Option<String>,
    model: Option<String>,
    #[serde(default)]
    task: Task,
    #[serde(default)]
    per_run: u32,
    instructions: Option<String>,
    language: Option<String>,
    facts: Option<String>,
    pictures: Option<String>,
    temperature: Option<String>,
    max_tokens: Option<u32>,
    timeout: Option<String>,
    retries: Option<u32>,
    price_in: Option<String>,
    price_out: Option<String>,
    currency: Option<String>,
    budget_per_day: Option<String>,
    tokens_per_day: Option<u64>,
    #[serde(default)]
    link_hosts: Vec<String>,
    #[serde(default)]
    mentions: Vec<String>,
    #[serde(default)]
    own_hashtags: bool,
    #[serde(default)]
    avoid: Vec<String>,
    #[serde(default)]
    allow: Vec<String>,
    polls: Option<bool>,
    threads: Option<bool>,
    topics: Option<u32>,
}

/// In which language a draft is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    First,
    Rotate,
    Together,
    One(String),
}

/// What tokens cost, and how much of it a day may have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    /// Of a million tokens, in millionths of the unit: as many millionths of a millionth
    /// is the price of one, so that all sums are whole numbers.
    pub(crate) price_in: u64,
    pub(crate) price_out: u64,
    /// In millionths of a millionth of the unit.
    pub(crate) money: Option<u64>,
    pub(crate) tokens: Option<u64>,
    pub(crate) currency: String,
}

#[derive(Debug)]
pub(crate) struct Settings {
    /// Where chats are completed.
    pub(crate) url: String,
    pub(crate) model: String,
    pub(crate) task: Task,
    pub(crate) drafts: usize,
    pub(crate) instructions: String,
    pub(crate) language: Language,
    pub(crate) facts: Option<String>,
    pub(crate) pictures: Option<String>,
    pub(crate) temperature: Option<f64>,
    pub(crate) max_tokens: u32,
    pub(crate) timeout: Millis,
    pub(crate) retries: u32,
    pub(crate) budget: Budget,
    pub(crate) link_hosts: Vec<String>,
    pub(crate) mentions: Vec<String>,
    pub(crate) own_hashtags: bool,
    pub(crate) avoid: Vec<String>,
    pub(crate) allow: Vec<String>,
    pub(crate) polls: bool,
    pub(crate) threads: bool,
    /// Of what is talked about, so much is told to the model.
    pub(crate) topics: usize,
}

fn wrong(setting: &str, what: impl std::fmt::Display) -> Error {
    Error::invalid(format!("setting `{setting}`: {what}"))
}

fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty())
}

impl Settings {
    /// # Errors
    /// `Invalid`, with the setting and what it takes.
    pub(crate) fn of(brief: &Brief) -> Result<Self> {
        let written: Written = brief.settings()?;
        let url = url(written.endpoint)?;
        let model = filled(written.model)
            .ok_or_else(|| wrong("model", "is missing: name a model that the endpoint has"))?;
        let temperature = match filled(written.temperature) {
            None => None,
            Some(text) => match text.parse::<f64>() {
                Ok(number) if (0.0..=2.0).contains(&number) => Some(number),
                _ => {
                    return Err(wrong(
                        "temperature",
                        format!("`{text}` is no number from 0 to 2: write it as `0.7`"),
                    ));
                }
            },
        };
        let timeout = written.timeout.as_deref().unwrap_or("100s");
        let timeout = time::parse_span(timeout)
            .filter(|span| *span >= 1000)
            .ok_or_else(|| {
                wrong(
                    "timeout",
                    format!(
                        "`{timeout}` is no length of time of a second or more: write it as `100s`"
                    ),
                )
            })?;
        let max_tokens = written.max_tokens.unwrap_or(1500);
        if max_tokens < 16 {
            return Err(wrong("max_tokens", "no answer fits into less than 16"));
        }
        let retries = written.retries.unwrap_or(2);
        if retries > 10 {
            return Err(wrong(
                "retries",
                "10 are the most: what ten answers did not get right, an eleventh will not",
            ));
        }
        let pictures = filled(written.pictures);
        if written.task == Task::Alt && pictures.is_none() {
            return Err(wrong(
                "pictures",
                "is missing: `task = \"alt\"` needs the name of a granted folder with pictures",
            ));
        }
        if written.task != Task::Post && !brief.accounts.is_empty() {
            return Err(wrong(
                "task",
                "only posts have accounts; what this generator makes is for people to read, and \
                 would be published: take `accounts` out of its block",
            ));
        }
        let lists = |list: Vec<String>| -> Vec<String> {
            list.iter()
                .map(|item| item.trim().to_owned())
                .filter(|item| !item.is_empty())
                .collect()
        };
        Ok(Settings {
            url,
            model,
            task: written.task,
            drafts: match brief.wanted {
                0 => written.per_run,
                wanted => wanted,
            } as usize,
            instructions: filled(written.instructions).unwrap_or_default(),
            language: match filled(written.language).as_deref() {
                None | Some("first") => Language::First,
                Some("rotate") => Language::Rotate,
                Some("together") => Language::Together,
                Some(tag) => Language::One(tag.to_owned()),
            },
            facts: filled(written.facts),
            pictures,
            temperature,
            max_tokens,
            timeout,
            retries,
            budget: budget(
                written.price_in,
                written.price_out,
                written.budget_per_day,
                written.tokens_per_day,
                written.currency,
            )?,
            link_hosts: lists(written.link_hosts)
                .iter()
                .map(|host| host.to_lowercase())
                .collect(),
            mentions: lists(written.mentions)
                .iter()
                .map(|handle| handle.trim_start_matches('@').to_lowercase())
                .collect(),
            own_hashtags: written.own_hashtags,
            avoid: lists(written.avoid),
            allow: lists(written.allow),
            polls: written.polls.unwrap_or(true),
            threads: written.threads.unwrap_or(true),
            topics: written.topics.unwrap_or(5) as usize,
        })
    }
}

fn url(endpoint: Option<String>) -> Result<String> {
    const PATH: &str = "/chat/completions";
    let endpoint = filled(endpoint)
        .ok_or_else(|| wrong("endpoint", "is missing: give the base address of the API"))?;
    let lower = endpoint.to_ascii_lowercase();
    if !lower.starts_with("https://") && !lower.starts_with("http://") {
        return Err(wrong(
            "endpoint",
            format!("`{endpoint}` is no address: it begins with `https://`"),
        ));
    }
    if endpoint.contains(['?', '#']) {
        return Err(wrong(
            "endpoint",
            "an address with `?` or `#` is no base address: it ends with the path, as `/v1`",
        ));
    }
    let base = endpoint.trim_end_matches('/');
    Ok(match base.ends_with(PATH) {
        true => base.to_owned(),
        false => format!("{base}{PATH}"),
    })
}

fn budget(
    price_in: Option<String>,
    price_out: Option<String>,
    money: Option<String>,
    tokens: Option<u64>,
    currency: Option<String>,
) -> Result<Budget> {
    let sum = |setting: &str, text: Option<String>| match filled(text) {
        None => Ok(None),
        Some(text) => micros(&text)
            .ok_or_else(|| {
                wrong(
                    setting,
                    format!("`{text}` is no sum: write it as `0.15`, with at most six decimals"),
                )
            })
            .map(Some),
    };
    let (reading, writing) = (sum("price_in", price_in)?, sum("price_out", price_out)?);
    let money = sum("budget_per_day", money)?;
    if money.is_some() && (reading.is_none() || writing.is_none()) {
        return Err(wrong(
            "budget_per_day",
            "needs `price_in` and `price_out`, the prices of a million tokens; `tokens_per_day` \
             needs none",
        ));
    }
    Ok(Budget {
        price_in: reading.unwrap_or(0),
        price_out: writing.unwrap_or(0),
        money: money.map(|money| money.saturating_mul(MICRO)),
        tokens,
        currency: filled(currency).unwrap_or_else(|| String::from("USD")),
    })
}

/// Decimal text in millionths, at most a billion of the unit.
fn micros(text: &str) -> Option<u64> {
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 9 || rest.len() > 6 || !digits(whole) || !digits(rest) {
        return None;
    }
    let whole: u64 = whole.parse().ok()?;
    let rest: u64 = format!("{rest:0<6}").parse().ok()?;
    Some(whole * MICRO + rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_of_money() {
        for (text, sum) in [
            ("0.15", Some(150_000)),
            ("12", Some(12_000_000)),
            ("0.000001", Some(1)),
            ("0.0000001", None),
            ("-1", None),
            ("1,5", None),
            ("1e3", None),
            ("", None),
            (".5", None),
            ("1234567890", None),
        ] {
            assert_eq!(micros(text), sum, "{text}");
        }
    }

    #[test]
    fn base_addresses() {
        for (endpoint, path) in [
            (
                "https://api.example/v1",
                "https://api.example/v1/chat/completions",
            ),
            (
                "http://[::1]:8080/v1/",
                "http://[::1]:8080/v1/chat/completions",
            ),
            (
                "https://api.example/x/chat/completions",
                "https://api.example/x/chat/completions",
            ),
        ] {
            assert_eq!(url(Some(endpoint.into())).ok().as_deref(), Some(path));
        }
        for endpoint in ["", "api.example", "ftp://a.b", "https://a.b/v1?key=x"] {
            assert!(url(Some(endpoint.into())).is_err(), "{endpoint}");
        }
    }
}
