//! Claims that only facts can bear out: prices, percentages, times of day.

use std::collections::BTreeSet;

use super::fold::fold;

/// What a number is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Money(&'static str),
    Percent,
    Time,
}

/// A number as it is compared: digits, and decimals without zeros at their end.
type Number = String;

/// What stands for a currency, folded. Words of four letters and more may have endings.
const CURRENCIES: [(&str, &str); 35] = [
    ("₼", "AZN"),
    ("azn", "AZN"),
    ("manat", "AZN"),
    ("манат", "AZN"),
    ("qəpik", "qəpik"),
    ("qepik", "qəpik"),
    ("гяпик", "qəpik"),
    ("$", "USD"),
    ("usd", "USD"),
    ("dollar", "USD"),
    ("dolar", "USD"),
    ("доллар", "USD"),
    ("cent", "cent"),
    ("€", "EUR"),
    ("eur", "EUR"),
    ("euro", "EUR"),
    ("avro", "EUR"),
    ("евро", "EUR"),
    ("₺", "TRY"),
    ("try", "TRY"),
    ("tl", "TRY"),
    ("lira", "TRY"),
    ("лир", "TRY"),
    ("₽", "RUB"),
    ("rub", "RUB"),
    ("rubl", "RUB"),
    ("руб", "RUB"),
    ("рубл", "RUB"),
    ("£", "GBP"),
    ("gbp", "GBP"),
    ("pound", "GBP"),
    ("₾", "GEL"),
    ("gel", "GEL"),
    ("lari", "GEL"),
    ("¥", "JPY"),
];

const PERCENTS: [&str; 8] = [
    "%",
    "٪",
    "percent",
    "per cent",
    "faiz",
    "yüzde",
    "процент",
    "prosent",
];

/// A number with what it is of, and how it is written.
#[derive(Debug)]
pub(crate) struct Claim {
    unit: Unit,
    pub(crate) written: String,
}

/// Numbers that may be named.
#[derive(Debug, Default)]
pub(crate) struct Known {
    bare: BTreeSet<Number>,
    with: BTreeSet<(Number, Unit)>,
}

impl Known {
    pub(crate) fn of(text: &str) -> Self {
        let folded = fold(text);
        let mut known = Known::default();
        for found in numbers(&folded) {
            match found.unit {
                Some(unit) => {
                    known.with.insert((found.number, unit));
                }
                // A column of prices has its currency in its head.
                None => {
                    known.bare.insert(found.number);
                }
            }
        }
        known
    }

    /// The claims of a text that are not known.
    pub(crate) fn unfounded(&self, text: &str) -> Vec<Claim> {
        let folded = fold(text);
        numbers(&folded)
            .into_iter()
            .filter_map(|found| {
                let unit = found.unit?;
                let known = self.with.contains(&(found.number.clone(), unit))
                    || unit != Unit::Time && self.bare.contains(&found.number);
                (!known).then(|| Claim {
                    unit,
                    written: folded[found.start..found.end].trim().to_owned(),
                })
            })
            .collect()
    }
}

impl Claim {
    pub(crate) fn what(&self) -> &'static str {
        match self.unit {
            Unit::Money(_) => "the price",
            Unit::Percent => "the percentage",
            Unit::Time => "the time",
        }
    }
}

struct Found {
    number: Number,
    unit: Option<Unit>,
    start: usize,
    end: usize,
}

fn numbers(folded: &str) -> Vec<Found> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = folded[from..].find(|c: char| digit(c).is_some()) {
        let start = from + at;
        let end = number_end(folded, start);
        from = end;
        let written = &folded[start..end];
        if let Some((time, rest)) = time(folded, start, end) {
            from = rest;
            found.push(Found {
                number: time,
                unit: Some(Unit::Time),
                start,
                end: rest,
            });
            continue;
        }
        let (unit, first, last) = unit(folded, start, end);
        found.push(Found {
            number: canonical(written),
            unit,
            start: first,
            end: last,
        });
    }
    found
}

fn digit(character: char) -> Option<u32> {
    match character {
        '0'..='9' => character.to_digit(10),
        // Arabic-Indic and Persian digits.
        '٠'..='٩' => Some(character as u32 - '٠' as u32),
        '۰'..='۹' => Some(character as u32 - '۰' as u32),
        _ => None,
    }
}

/// Digits with single separators between them; a blank parts groups of three only.
fn number_end(text: &str, start: usize) -> usize {
    let mut end = start;
    loop {
        let digits = text[end..]
            .find(|c| digit(c).is_none())
            .map_or(text.len(), |at| end + at);
        end = digits;
        let mut rest = text[end..].chars();
        let Some(separator @ ('.' | ',' | '\'' | ' ')) = rest.next() else {
            return end;
        };
        let group = rest.clone().take_while(|c| digit(*c).is_some()).count();
        if group == 0 || separator == ' ' && group != 3 {
            return end;
        }
        end += 1;
    }
}

/// The last separator parts decimals when one or two digits follow it, else groups.
fn canonical(written: &str) -> Number {
    let (whole, decimals) = match written.rfind(['.', ',']) {
        Some(at) if written.len() > at + 1 && written[at + 1..].chars().count() != 3 => {
            (&written[..at], &written[at + 1..])
        }
        _ => (written, ""),
    };
    let plain = |text: &str| -> String {
        text.chars()
            .filter_map(digit)
            .filter_map(|digit| char::from_digit(digit, 10))
            .collect()
    };
    let (whole, decimals) = (plain(whole), plain(decimals));
    let whole = whole.trim_start_matches('0');
    let decimals = decimals.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    match decimals {
        "" => whole.to_owned(),
        decimals => format!("{whole}.{decimals}"),
    }
}

/// `9:00`, `09:00`: one number, in minutes. Not a score or a ratio of other digits.
fn time(text: &str, start: usize, end: usize) -> Option<(Number, usize)> {
    let hours: u32 = text[start..end].parse().ok().filter(|hours| *hours < 25)?;
    let rest = text[end..].strip_prefix(':')?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let minutes: u32 = digits.parse().ok().filter(|minutes| *minutes < 60)?;
    (digits.len() == 2).then(|| ((hours * 60 + minutes).to_string(), end + 3))
}

/// The unit before or behind a number, and where number and unit begin and end.
fn unit(text: &str, start: usize, end: usize) -> (Option<Unit>, usize, usize) {
    let behind = &text[end..];
    // An ending, a hyphen or a blank may stand between: `5-manat`, `20 %`.
    let gap = behind.len() - behind.trim_start_matches([' ', '-']).len();
    if gap <= 2
        && let Some((unit, length)) = begins(&behind[gap..])
    {
        return (Some(unit), start, end + gap + length);
    }
    let before = text[..start].trim_end_matches(' ');
    if text[before.len()..start].len() <= 1
        && let Some((unit, length)) = ends(before)
    {
        return (Some(unit), before.len() - length, end);
    }
    (None, start, end)
}

fn begins(text: &str) -> Option<(Unit, usize)> {
    let word = text
        .find(|c: char| !c.is_alphabetic())
        .map_or(text, |end| &text[..end]);
    units()
        .find(|(sign, _)| match sign.chars().all(char::is_alphabetic) {
            false => text.starts_with(sign),
            true => word == *sign || sign.chars().count() >= 4 && word.starts_with(sign),
        })
        .map(|(sign, unit)| (unit, word.len().max(sign.len())))
}

fn ends(text: &str) -> Option<(Unit, usize)> {
    units()
        .find(|(sign, _)| {
            text.strip_suffix(sign).is_some_and(|before| {
                !sign.chars().all(char::is_alphabetic)
                    || !before.ends_with(|c: char| c.is_alphanumeric())
            })
        })
        .map(|(sign, unit)| (unit, sign.len()))
}

fn units() -> impl Iterator<Item = (&'static str, Unit)> {
    let money = CURRENCIES
        .iter()
        .map(|(sign, name)| (*sign, Unit::Money(name)));
    money.chain(PERCENTS.iter().map(|sign| (*sign, Unit::Percent)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_claims() {
        for (text, claims) in [
            ("Çay 3 manatdır", vec!["3 manatdir"]),
            (
                "3₼, 3 AZN, 3azn, AZN 3, $3.50, 1 250,00 €",
                vec!["3₼", "3 azn", "3azn", "azn 3", "$3.50", "1 250,00 €"],
            ),
            (
                "20% endirim, 20 %, 20 faiz, yüzde 20",
                vec!["20%", "20 %", "20 faiz", "yüzde 20"],
            ),
            ("Saat 9:00-dan 23:30-a kimi", vec!["9:00", "23:30"]),
            ("50 qəpik; 5 Долларов", vec!["50 qəpik", "5 долларов"]),
            ("۲۰٪", vec!["۲۰٪"]),
            ("10 dost, 2026-cı il, saat 5-də", vec![]),
            ("3 trying friends, 4 man-made", vec![]),
            ("3 mandarin, a score of 99:11", vec![]),
        ] {
            let found = Known::default().unfounded(text);
            let found: Vec<&str> = found.iter().map(|claim| claim.written.as_str()).collect();
            assert_eq!(found, claims, "{text}");
        }
    }

    #[test]
    fn what_facts_bear_out() {
        let known = Known::of(
            "name,price_azn\nArmudu,3.50\nPaxlava,1.250,00\n\nOpen 09:00-23:00. Tea is 5 manat. 15 % off on Fridays.",
        );
        for text in [
            "3,50 ₼",
            "3.5 manat",
            "1 250 AZN",
            "1250 manat",
            "5 AZN",
            "15% endirim",
            "saat 9:00",
        ] {
            assert!(known.unfounded(text).is_empty(), "{text}");
        }
        for text in [
            "3 ₼",
            "35 manat",
            "5 $",
            "10%",
            "9:30",
            "saat 3:50",
            "250 manat",
        ] {
            assert_eq!(known.unfounded(text).len(), 1, "{text}");
        }
    }
}
