//! Who is to see a promotion, as LinkedIn's targeting criteria ("Targeting Criteria
//! Facet URNs").

use jarchi_plugin_sdk::http::encode;
use jarchi_plugin_sdk::promoter::{Audience, Promotion};
use jarchi_plugin_sdk::{Error, Problem, Result, options};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Api;
use crate::{errors, publish};

/// ISO 3166-1 and the names by which LinkedIn is asked.
const COUNTRIES: &str = include_str!("countries.txt");

/// Each is looked up by a request, and a call has 40.
const COUNTRIES_AT_ONCE: usize = 25;

/// The languages that LinkedIn's site has, and its locales.
const LOCALES: [(&str, &[&str]); 24] = [
    ("ar", &["ar_AE"]),
    ("cs", &["cs_CZ"]),
    ("da", &["da_DK"]),
    ("de", &["de_DE"]),
    ("en", &["en_US"]),
    ("es", &["es_ES"]),
    ("fr", &["fr_FR"]),
    ("hi", &["hi_IN"]),
    ("id", &["in_ID"]),
    ("it", &["it_IT"]),
    ("ja", &["ja_JP"]),
    ("ko", &["ko_KR"]),
    ("ms", &["ms_MY"]),
    ("nl", &["nl_NL"]),
    ("no", &["no_NO"]),
    ("pl", &["pl_PL"]),
    ("pt", &["pt_BR"]),
    ("ro", &["ro_RO"]),
    ("ru", &["ru_RU"]),
    ("sv", &["sv_SE"]),
    ("th", &["th_TH"]),
    ("tr", &["tr_TR"]),
    ("uk", &["uk_UA"]),
    ("zh", &["zh_CN", "zh_TW"]),
];

/// The groups of ages that LinkedIn has; the last one is open.
const AGES: [(u8, Option<u8>); 4] = [(18, Some(24)), (25, Some(34)), (35, Some(54)), (55, None)];

/// The keys of [`Own`].
pub const KEYS: [&str; 4] = ["locations", "facets", "exclude", "locale"];

/// `audience.options`: LinkedIn's own targeting.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Own {
    /// `urn:li:geo:…`, beside the countries.
    pub locations: Vec<String>,
    /// Facets by name (`industries`, `titles`, `skills`, …) with their URNs; all must fit.
    pub facets: std::collections::BTreeMap<String, Vec<String>>,
    /// Facets of whom it is not shown to.
    pub exclude: std::collections::BTreeMap<String, Vec<String>>,
    /// The campaign's language, as `en_US`.
    pub locale: Option<String>,
}

/// `audience.options` and the promotion's options alike, with what is wrong in them.
pub fn own<T: serde::de::DeserializeOwned + Default>(
    json: &str,
    known: &[&str],
    place: &str,
    problems: &mut Vec<Problem>,
) -> T {
    let post = jarchi_plugin_sdk::Post {
        options: json.to_owned(),
        ..jarchi_plugin_sdk::Post::default()
    };
    let before = problems.len();
    let options = options::check(&post, known, problems);
    for problem in problems.iter_mut().skip(before) {
        problem.place = problem.place.replacen("options", place, 1);
    }
    options
}

fn country(code: &str) -> Option<&'static str> {
    COUNTRIES.lines().find_map(|line| {
        let (known, name) = line.split_once(' ')?;
        known.eq_ignore_ascii_case(code).then_some(name)
    })
}

fn locales(language: &str) -> Option<&'static [&'static str]> {
    let language = language.split(['-', '_']).next().unwrap_or_default();
    let found = LOCALES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(language));
    found.map(|(_, locales)| *locales)
}

/// What LinkedIn can't do of it.
pub fn check(audience: &Audience, problems: &mut Vec<Problem>) {
    let own: Own = own(&audience.options, &KEYS, "audience.options", problems);
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    if audience.countries.len() > COUNTRIES_AT_ONCE {
        error(
            "audience.countries",
            format!(
                "more than {COUNTRIES_AT_ONCE}; put an urn:li:geo:… of a whole region into audience.options.locations"
            ),
        );
    }
    if audience.countries.is_empty() && own.locations.is_empty() {
        error(
            "audience.countries",
            "LinkedIn wants at least one place".into(),
        );
    }
    for code in audience
        .countries
        .iter()
        .filter(|code| country(code).is_none())
    {
        error(
            "audience.countries",
            format!("`{code}` is no country of ISO 3166-1"),
        );
    }
    for language in audience
        .languages
        .iter()
        .filter(|one| locales(one).is_none())
    {
        error(
            "audience.languages",
            format!(
                "LinkedIn's site has no `{language}`; leave languages out to reach everybody in a place"
            ),
        );
    }
    if ages(audience.min_age, audience.max_age).is_none() {
        error(
            "audience.min-age",
            "LinkedIn has the ages 18 to 24, 25 to 34, 35 to 54, and 55 and above".into(),
        );
    }
    for interest in audience
        .interests
        .iter()
        .filter(|one| !one.starts_with("urn:li:"))
    {
        error(
            "audience.interests",
            format!("`{interest}`: LinkedIn takes interests by URN, as urn:li:interest:1234"),
        );
    }
    let urns = own.locations.iter().chain(own.facets.values().flatten());
    for urn in urns.chain(own.exclude.values().flatten()) {
        if !urn.starts_with("urn:li:") {
            error("audience.options", format!("`{urn}` is no URN"));
        }
    }
}

/// The groups that lie within; none where the bounds cut one.
fn ages(min: Option<u8>, max: Option<u8>) -> Option<Vec<String>> {
    if min.is_none() && max.is_none() {
        return Some(Vec::new());
    }
    let first = match min {
        None => 0,
        Some(min) if min < 18 => return None,
        Some(min) => AGES.iter().position(|(from, _)| *from == min)?,
    };
    let last = match max {
        None => AGES.len() - 1,
        Some(max) => AGES.iter().position(|(_, to)| *to == Some(max))?,
    };
    let within = AGES.get(first..=last)?;
    (!within.is_empty()).then(|| {
        within
            .iter()
            .map(|(from, to)| {
                let to = to.map_or(i32::MAX, i32::from);
                format!("urn:li:ageRange:({from},{to})")
            })
            .collect()
    })
}

/// The campaign's language and country: of the options, else of the first language.
pub fn locale(promotion: &Promotion) -> (String, String) {
    let own: Own = own(
        &promotion.audience.options,
        &KEYS,
        "audience.options",
        &mut Vec::new(),
    );
    let first = promotion
        .audience
        .languages
        .iter()
        .find_map(|language| locales(language));
    let chosen = own.locale.as_deref();
    let chosen = chosen.or_else(|| first.and_then(|locales| locales.first().copied()));
    let (language, country) = chosen
        .and_then(|one| one.split_once('_'))
        .unwrap_or(("en", "US"));
    (language.to_owned(), country.to_owned())
}

/// The targeting criteria; asks LinkedIn for the countries' names of its own.
///
/// # Errors
/// LinkedIn knows no such country, or did not tell.
pub fn criteria(api: &Api, audience: &Audience) -> Result<Value> {
    let own: Own = own(
        &audience.options,
        &KEYS,
        "audience.options",
        &mut Vec::new(),
    );
    let mut places = own.locations.clone();
    for code in &audience.countries {
        places.push(geo(api, code)?);
    }
    let mut all = vec![facet("locations", &places)];
    let languages: Vec<String> = audience
        .languages
        .iter()
        .filter_map(|language| locales(language))
        .flatten()
        .map(|locale| format!("urn:li:locale:{locale}"))
        .collect();
    let ages = ages(audience.min_age, audience.max_age).unwrap_or_default();
    let more = [
        ("interfaceLocales", &languages),
        ("ageRanges", &ages),
        ("interests", &audience.interests),
    ];
    all.extend(
        more.iter()
            .filter(|(_, urns)| !urns.is_empty())
            .map(|(name, urns)| facet(name, urns)),
    );
    all.extend(own.facets.iter().map(|(name, urns)| facet(name, urns)));
    let mut criteria = json!({ "include": { "and": all } });
    if !own.exclude.is_empty() {
        let mut none = serde_json::Map::new();
        for (name, urns) in &own.exclude {
            none.insert(format!("urn:li:adTargetingFacet:{name}"), json!(urns));
        }
        criteria["exclude"] = json!({ "or": none });
    }
    Ok(criteria)
}

fn facet(name: &str, urns: &[String]) -> Value {
    let facet = format!("urn:li:adTargetingFacet:{name}");
    json!({ "or": { facet: urns } })
}

fn geo(api: &Api, code: &str) -> Result<String> {
    let name = country(code)
        .ok_or_else(|| Error::invalid(format!("`{code}` is no country of ISO 3166-1")))?;
    let path = format!(
        "/rest/adTargetingEntities?q=typeahead&queryVersion=QUERY_USES_URNS&query={}&facet={}",
        encode(name),
        encode("urn:li:adTargetingFacet:locations")
    );
    let found = publish::elements(&errors::granted(api.find(&path), errors::ADS)?)?;
    found
        .iter()
        .find(|entity| entity.get("name").and_then(Value::as_str) == Some(name))
        .and_then(|entity| entity.get("urn")?.as_str())
        .map(str::to_owned)
        .ok_or_else(|| {
            Error::invalid(format!(
                "LinkedIn has no place `{name}`: put its urn:li:geo:… into audience.options.locations instead of {code}"
            ))
        })
}
