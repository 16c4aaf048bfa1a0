//! Filters that know Azerbaijani and English: the language is that of the post.

use chrono::{Datelike, NaiveDate};
use jarchi_plugin_sdk::{compose, count, text};
use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

const MONTHS_AZ: [&str; 12] = [
    "yanvar", "fevral", "mart", "aprel", "may", "iyun", "iyul", "avqust", "sentyabr", "oktyabr",
    "noyabr", "dekabr",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// From Monday on.
const DAYS_AZ: [&str; 7] = [
    "bazar ertəsi",
    "çərşənbə axşamı",
    "çərşənbə",
    "cümə axşamı",
    "cümə",
    "şənbə",
    "bazar",
];
const DAYS_EN: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

pub(crate) fn add(environment: &mut Environment<'_>) {
    environment.add_filter("upper", |state: &State<'_, '_>, text: &str| {
        upper(dotted(state), text)
    });
    environment.add_filter("lower", |state: &State<'_, '_>, text: &str| {
        lower(dotted(state), text)
    });
    environment.add_filter("capitalize", |state: &State<'_, '_>, text: &str| {
        capitalize(dotted(state), text)
    });
    environment.add_filter("title", |state: &State<'_, '_>, text: &str| {
        let dotted = dotted(state);
        text.split_inclusive(char::is_whitespace)
            .map(|word| capitalize(dotted, word))
            .collect::<String>()
    });
    environment.add_filter("date", date);
    environment.add_filter("money", money);
    environment.add_filter("number", number);
    environment.add_filter("plural", plural);
    environment.add_filter("truncate", |text: &str, most: usize| {
        text::shorten(text, most, count::graphemes)
    });
    environment.add_filter("hashtag", hashtag);
}

fn language(state: &State<'_, '_>) -> String {
    state
        .lookup("language")
        .and_then(|language| language.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn is(state: &State<'_, '_>, wanted: &str) -> bool {
    crate::front::same_language(&language(state), wanted)
}

/// In Azerbaijani and Turkish `i` and `ı` are two letters.
fn dotted(state: &State<'_, '_>) -> bool {
    is(state, "az") || is(state, "tr")
}

fn upper(dotted: bool, text: &str) -> String {
    if dotted {
        text.replace('i', "İ").to_uppercase()
    } else {
        text.to_uppercase()
    }
}

fn lower(dotted: bool, text: &str) -> String {
    if dotted {
        text.replace("i\u{307}", "i")
            .replace('I', "ı")
            .replace('İ', "i")
            .to_lowercase()
    } else {
        text.to_lowercase()
    }
}

fn capitalize(dotted: bool, text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => upper(dotted, &first.to_string()) + &lower(dotted, letters.as_str()),
        None => String::new(),
    }
}

fn wrong(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// `2026-12-01` as `long` (1 dekabr 2026), `day` (1 dekabr), `short` (01.12.2026), `full`
/// (with the weekday), `weekday`, `month`, `year` or `iso`.
fn date(state: &State<'_, '_>, text: &str, form: Option<&str>) -> Result<String, Error> {
    let day = text
        .get(..10)
        .and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok())
        .ok_or_else(|| wrong(format!("`{text}` is not a date: write it as 2026-12-01")))?;
    let az = is(state, "az");
    let month = if az { MONTHS_AZ } else { MONTHS_EN }[day.month0() as usize];
    let weekday = if az { DAYS_AZ } else { DAYS_EN }[day.weekday().num_days_from_monday() as usize];
    Ok(match form.unwrap_or("long") {
        "long" => format!("{} {month} {}", day.day(), day.year()),
        "day" => format!("{} {month}", day.day()),
        "short" if az => day.format("%d.%m.%Y").to_string(),
        "short" => day.format("%d/%m/%Y").to_string(),
        "full" if az => format!("{} {month} {}, {weekday}", day.day(), day.year()),
        "full" => format!("{weekday}, {} {month} {}", day.day(), day.year()),
        "weekday" => weekday.to_owned(),
        "month" => month.to_owned(),
        "year" => day.year().to_string(),
        "iso" => day.to_string(),
        other => {
            return Err(wrong(format!(
                "date has no form `{other}`: there are long, day, short, full, weekday, month, year, iso"
            )));
        }
    })
}

/// A number of the data: `1234.5`, `12,50`.
fn decimal(value: &Value) -> Result<(bool, String, String), Error> {
    let text = value.to_string();
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix(['-', '−']) {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 18 || !all_digits(whole) || !all_digits(fraction) {
        return Err(wrong(format!(
            "`{text}` is not a number: write it as 1234.50"
        )));
    }
    Ok((negative, whole.to_owned(), fraction.to_owned()))
}

/// Digits in groups of three, and the decimals behind the language's sign.
fn grouped(az: bool, whole: &str, fraction: &str) -> String {
    let (group, point) = if az { ('.', ',') } else { (',', '.') };
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(group);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push(point);
        text.push_str(fraction);
    }
    text
}

fn number(state: &State<'_, '_>, value: Value) -> Result<String, Error> {
    let (negative, whole, fraction) = decimal(&value)?;
    let sign = if negative { "−" } else { "" };
    Ok(format!(
        "{sign}{}",
        grouped(is(state, "az"), &whole, &fraction)
    ))
}

/// `12.5` as `12,50 ₼` or `₼12.50`; without decimals where there are none.
fn money(state: &State<'_, '_>, value: Value, currency: Option<&str>) -> Result<String, Error> {
    let az = is(state, "az");
    let (negative, whole, fraction) = decimal(&value)?;
    let fraction = match fraction.trim_end_matches('0').len() {
        0 => String::new(),
        1 | 2 => format!("{fraction:0<2}")[..2].to_owned(),
        _ => {
            return Err(wrong(format!(
                "`{value}` has more than two decimals, which is no sum of money"
            )));
        }
    };
    let currency = currency.unwrap_or("AZN");
    let symbol = match currency {
        "AZN" => "₼",
        "USD" => "$",
        "EUR" => "€",
        "GBP" => "£",
        "TRY" => "₺",
        "RUB" => "₽",
        "GEL" => "₾",
        "UAH" => "₴",
        "KZT" => "₸",
        other => other,
    };
    let sign = if negative { "−" } else { "" };
    let sum = grouped(az, &whole, &fraction);
    Ok(match (az, symbol == currency) {
        (true, _) => format!("{sign}{sum}\u{a0}{symbol}"),
        (false, true) => format!("{sign}{symbol}\u{a0}{sum}"),
        (false, false) => format!("{sign}{symbol}{sum}"),
    })
}

/// The word that goes with a number: `{{ n }} {{ n | plural("cup", "cups") }}`. In
/// Azerbaijani a word behind a number stays in the singular.
fn plural(
    state: &State<'_, '_>,
    value: Value,
    one: String,
    many: Option<String>,
) -> Result<String, Error> {
    let (_, whole, fraction) = decimal(&value)?;
    let single = whole.trim_start_matches('0') == "1" && fraction.is_empty();
    if single || is(state, "az") || is(state, "tr") {
        return Ok(one);
    }
    Ok(many.unwrap_or_else(|| format!("{one}s")))
}

/// `bread of the day` as `#breadOfTheDay`; of a list, each.
fn hashtag(value: Value, _: Rest<Value>) -> Result<Value, Error> {
    let tag = |text: &str| match compose::hashtag(text) {
        word if word.is_empty() => word,
        word => format!("#{word}"),
    };
    if value.kind() == ValueKind::Seq {
        let tags: Vec<String> = value
            .try_iter()?
            .map(|item| tag(&item.to_string()))
            .filter(|tag| !tag.is_empty())
            .collect();
        return Ok(Value::from(tags));
    }
    Ok(Value::from(tag(&value.to_string())))
}
