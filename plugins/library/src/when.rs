//! `when`: a moment with its offset, or a date and time by the brand's clock.

use jarchi_plugin_sdk::Timestamp;
use jarchi_plugin_sdk::time::parse_rfc3339;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum When {
    At(Timestamp),
    /// `2026-11-24T09:00:00`, in the brand's time zone. The host knows the zone's rules.
    Local(String),
}

/// `2026-11-24 09:00`, with or without seconds, `T` or a blank in between, and with or
/// without an offset (`Z`, `+04:00`, `+0400`, `+04`) at its end.
pub(crate) fn parse(text: &str) -> Result<When, String> {
    let text = text.trim();
    let wrong = || {
        format!(
            "`{text}` is not a date and time: write it as `2026-11-24 09:00`, or with its offset \
             as `2026-11-24T09:00:00+04:00`"
        )
    };
    let (date, rest) = text.split_at_checked(10).ok_or_else(wrong)?;
    if rest.is_empty() {
        // The date alone must be one; else it is not the time that is missing.
        return match parse_rfc3339(&format!("{date}T00:00:00Z")) {
            Some(_) => Err(format!(
                "`{text}` has no time of day: write it as `{text} 09:00`"
            )),
            None => Err(wrong()),
        };
    }
    let rest = rest
        .strip_prefix(['T', 't'])
        .unwrap_or_else(|| rest.trim_start());
    let digits = rest
        .find(|c: char| !c.is_ascii_digit() && c != ':' && c != '.')
        .unwrap_or(rest.len());
    let (time, offset) = rest.split_at(digits);
    let time = whole_time(time).ok_or_else(wrong)?;
    let local = format!("{date}T{time}");
    // Both are checked by the same calendar: there is no 30th of February.
    parse_rfc3339(&format!("{local}Z")).ok_or_else(wrong)?;
    let offset = offset.trim();
    if offset.is_empty() {
        return Ok(When::Local(local));
    }
    let offset = whole_offset(offset).ok_or_else(|| {
        format!(
            "`{offset}` is not an offset: leave it out to mean the brand's own time zone, or \
             write it as `+04:00` or `Z`"
        )
    })?;
    parse_rfc3339(&format!("{local}{offset}"))
        .map(When::At)
        .ok_or_else(wrong)
}

/// `9:00`, `09:00` or `09:00:00` as `09:00:00`; a fraction of a second is dropped.
fn whole_time(time: &str) -> Option<String> {
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut fields = time.split(':');
    let (hour, minute) = (fields.next()?, fields.next()?);
    let second = fields.next().unwrap_or("00");
    let two = |field: &str| field.len() == 2;
    if !matches!(hour.len(), 1 | 2) || !two(minute) || !two(second) || fields.next().is_some() {
        return None;
    }
    Some(format!("{hour:0>2}:{minute}:{second}"))
}

/// `Z`, `+04:00`, `+0400` or `+04` in the form that RFC 3339 takes.
fn whole_offset(offset: &str) -> Option<String> {
    if offset.eq_ignore_ascii_case("z") {
        return Some(String::from("Z"));
    }
    let sign = offset
        .chars()
        .next()
        .filter(|sign| matches!(sign, '+' | '-'))?;
    let digits: String = offset[1..].chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match digits.len() {
        2 => Some(format!("{sign}{digits}:00")),
        4 => Some(format!("{sign}{}:{}", &digits[..2], &digits[2..])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_with_its_offset() {
        // 2026-11-24T05:00:00Z
        let expected = Ok(When::At(1_795_496_400_000));
        for text in [
            "2026-11-24T09:00:00+04:00",
            "2026-11-24 09:00 +04:00",
            "2026-11-24 09:00+0400",
            "2026-11-24t9:00+04",
            "2026-11-24T05:00:00Z",
            "2026-11-24T05:00z",
            "2026-11-24T05:00:00.250Z",
            "2026-11-23T23:30:00-05:30",
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    #[test]
    fn a_time_by_the_brands_clock_is_left_to_the_host() {
        for text in [
            "2026-11-24 09:00",
            "2026-11-24T9:00",
            " 2026-11-24T09:00:00 ",
        ] {
            assert_eq!(
                parse(text),
                Ok(When::Local("2026-11-24T09:00:00".into())),
                "{text}"
            );
        }
        // In a gap somewhere in the world, or twice: not for the plugin to say.
        assert_eq!(
            parse("2027-03-28 02:30"),
            Ok(When::Local("2027-03-28T02:30:00".into()))
        );
    }

    #[test]
    fn what_is_no_moment() {
        for text in [
            "",
            "tomorrow",
            "2026-02-30 09:00",
            "2026-11-24 25:00",
            "2026-11-24 9",
            "24.11.2026 09:00",
            "2026-11-24 09:60",
            "1969-01-01 09:00",
            "2026-1١-24 09:00",
        ] {
            assert!(
                parse(text).unwrap_err().contains("is not a date and time"),
                "{text}"
            );
        }
        assert!(parse("2026-11-24").unwrap_err().contains("no time of day"));
        assert!(
            parse("2026-11-24 09:00 Asia/Baku")
                .unwrap_err()
                .contains("not an offset")
        );
    }
}
