//! Timestamps as text: RFC 3339, and the dates of HTTP.

use crate::Timestamp;

const DAY: i64 = 86_400_000;

/// A moment as RFC 3339 in UTC, with milliseconds: `2026-11-24T08:00:00.000Z`.
pub fn format_rfc3339(moment: Timestamp) -> String {
    let days = moment / DAY as u64;
    let (year, month, day) = civil(days as i64);
    let rest = moment % DAY as u64;
    format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.{:03}Z",
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1000 % 60,
        rest % 1000
    )
}

/// The moment of an RFC 3339 date and time, with any offset and any number of decimals
/// (cut to milliseconds). None when it is none, or before 1970. A leap second is taken as
/// the second after it.
pub fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    if !matches!(bytes[10], b'T' | b't' | b' ') || bytes[13] != b':' || bytes[16] != b':' {
        return None;
    }
    let days = days(
        digits(&bytes[0..4])?,
        digits(&bytes[5..7])?,
        digits(&bytes[8..10])?,
    )?;
    let (hour, minute, second) = (
        digits(&bytes[11..13])?,
        digits(&bytes[14..16])?,
        digits(&bytes[17..19])?,
    );
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut rest = &bytes[19..];
    let mut millis = 0;
    if rest[0] == b'.' {
        let length = rest[1..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if length == 0 {
            return None;
        }
        for place in 0..3 {
            millis = millis * 10
                + if place < length {
                    i64::from(rest[1 + place] - b'0')
                } else {
                    0
                };
        }
        rest = &rest[1 + length..];
    }
    let offset = match rest {
        b"Z" | b"z" => 0,
        [sign @ (b'+' | b'-'), hours @ .., b':', tens, ones] if hours.len() == 2 => {
            let (hours, minutes) = (digits(hours)?, digits(&[*tens, *ones])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let minutes = hours * 60 + minutes;
            if *sign == b'-' { -minutes } else { minutes }
        }
        _ => return None,
    };
    let moment = days * DAY + ((hour * 60 + minute - offset) * 60 + second) * 1000 + millis;
    u64::try_from(moment).ok()
}

/// The moment of an HTTP date (RFC 9110): `Sun, 06 Nov 1994 08:49:37 GMT`. The two
/// obsolete forms are not read.
pub fn parse_http_date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.trim().split_once(", ")?;
    let mut words = rest.split(' ');
    let day = digits(words.next()?.as_bytes())?;
    let month = words.next()?;
    let month = MONTHS
        .iter()
        .position(|name| name.eq_ignore_ascii_case(month))? as i64
        + 1;
    let year = digits(words.next()?.as_bytes())?;
    let mut clock = words
        .next()?
        .split(':')
        .map(|field| digits(field.as_bytes()));
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if words.next()? != "GMT" || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let moment = days(year, month, day)? * DAY + ((hour * 60 + minute) * 60 + second) * 1000;
    u64::try_from(moment).ok()
}

/// A span of time as configuration writes it: `90s`, `15min`, `2h`, `7d`, `2w`, `1h30min`.
/// None when it is none.
pub fn parse_span(text: &str) -> Option<crate::Millis> {
    let mut rest = text.trim();
    let mut total = 0u64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at(digits);
        let tail = tail.trim_start();
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at(letters);
        let size = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => DAY as u64,
            "w" => 7 * DAY as u64,
            _ => return None,
        };
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(size)?)?;
        rest = tail.trim_start();
    }
    Some(total)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    if bytes.is_empty() || bytes.len() > 9 || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(
        bytes
            .iter()
            .fold(0, |number, byte| number * 10 + i64::from(byte - b'0')),
    )
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar; none where the
/// date does not exist. The year is taken to begin in March, so that the leap day is its
/// last one.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

/// The date of a day counted from 1970-01-01: the reverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_of_time() {
        for (text, span) in [
            ("250ms", 250),
            ("90s", 90_000),
            ("1h 30min", 5_400_000),
            ("15m", 900_000),
            ("30d", 30 * 86_400_000),
            ("2w", 14 * 86_400_000),
        ] {
            assert_eq!(parse_span(text), Some(span), "{text}");
        }
        for text in [
            "",
            "5",
            "d",
            "-1d",
            "1 month",
            "99999999999999999999s",
            "999999999999999w",
        ] {
            assert_eq!(parse_span(text), None, "{text}");
        }
    }

    #[test]
    fn moments_and_their_text() {
        for (text, moment) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2000-02-29T23:59:59.999Z", 951_868_799_999),
            ("2024-12-31T00:00:00.000Z", 1_735_603_200_000),
            ("2100-03-01T00:00:00.000Z", 4_107_542_400_000),
        ] {
            assert_eq!(parse_rfc3339(text), Some(moment), "{text}");
            assert_eq!(format_rfc3339(moment), text);
        }
    }

    #[test]
    fn every_day_of_five_centuries_is_the_day_after_the_one_before() {
        let mut before = (1969, 12, 31);
        for day in 0..200_000 {
            let date = civil(day);
            assert_eq!(days(date.0, date.1, date.2), Some(day));
            assert!(date > before, "{date:?} after {before:?}");
            before = date;
        }
    }

    #[test]
    fn other_forms() {
        let noon = parse_rfc3339("2026-11-24T12:00:00Z");
        assert!(noon.is_some());
        for same in [
            "2026-11-24t12:00:00z",
            "2026-11-24 12:00:00+00:00",
            "2026-11-24T16:00:00+04:00",
            "2026-11-24T06:30:00.0001-05:30",
        ] {
            assert_eq!(parse_rfc3339(same), noon, "{same}");
        }
        assert_eq!(
            parse_rfc3339("2026-11-24T12:00:00.5Z"),
            noon.map(|noon| noon + 500)
        );
        assert_eq!(parse_http_date("Tue, 24 Nov 2026 12:00:00 GMT"), noon);
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            "2026-11-24",
            "2026-11-24T12:00:00",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2026-11-24T24:00:00Z",
            "2026-11-24T12:00:00.Z",
            "2026-11-24T12:00:00+4:00",
            "1969-12-31T23:59:59Z",
            "ééééééééééé",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
        for text in [
            "",
            "Tue, 24 Nov 2026 12:00:00 CET",
            "Tuesday, 24-Nov-26 12:00:00 GMT",
        ] {
            assert_eq!(parse_http_date(text), None, "{text}");
        }
    }
}
