//! What is read, what is refused, and with which words.

use chrono_tz::Tz;

use super::super::{Cron, CronError, CronField};
use super::{at, fires};

/// The first fires after 2026-01-01T00:00 UTC, as `MM-DD HH:MM:SS`.
fn first(expression: &str, count: usize) -> Vec<String> {
    let cron = Cron::parse(expression).unwrap_or_else(|error| panic!("{error}"));
    let mut last = at("2026-01-01T00:00");
    let mut all = Vec::new();
    for _ in 0..count {
        let Some(next) = cron.next_after(last, Tz::UTC) else {
            break;
        };
        all.push(next.to_utc().format("%m-%d %H:%M:%S").to_string());
        last = next;
    }
    all
}

#[test]
fn expressions_mean_what_crontab_says() {
    // 1 January 2026 is a Thursday.
    for (expression, expected) in [
        ("0 9 * * *", vec!["01-01 09:00:00", "01-02 09:00:00"]),
        ("30 0 9 * * *", vec!["01-01 09:00:30", "01-02 09:00:30"]),
        (
            "0 0 9 1 1 * 2027,2029",
            vec!["01-01 09:00:00", "01-01 09:00:00"],
        ),
        ("@hourly", vec!["01-01 01:00:00", "01-01 02:00:00"]),
        ("@daily", vec!["01-02 00:00:00", "01-03 00:00:00"]),
        (" @Midnight ", vec!["01-02 00:00:00"]),
        ("@weekly", vec!["01-04 00:00:00", "01-11 00:00:00"]),
        ("@monthly", vec!["02-01 00:00:00", "03-01 00:00:00"]),
        ("@yearly", vec!["01-01 00:00:00"]),
        ("@annually", vec!["01-01 00:00:00"]),
        // Sunday is 0 and 7, Monday 1.
        ("0 9 * * 0", vec!["01-04 09:00:00", "01-11 09:00:00"]),
        ("0 9 * * 7", vec!["01-04 09:00:00", "01-11 09:00:00"]),
        ("0 9 * * 1", vec!["01-05 09:00:00"]),
        (
            "0 9 * * 1-5",
            vec!["01-01 09:00:00", "01-02 09:00:00", "01-05 09:00:00"],
        ),
        (
            "0 9 * * mon-Friday",
            vec!["01-01 09:00:00", "01-02 09:00:00", "01-05 09:00:00"],
        ),
        (
            "0 9 * * 5-7",
            vec![
                "01-02 09:00:00",
                "01-03 09:00:00",
                "01-04 09:00:00",
                "01-09 09:00:00",
            ],
        ),
        (
            "0 9 * * SAT-SUN",
            vec!["01-03 09:00:00", "01-04 09:00:00", "01-10 09:00:00"],
        ),
        (
            "0 9 * * FRI-MON",
            vec![
                "01-02 09:00:00",
                "01-03 09:00:00",
                "01-04 09:00:00",
                "01-05 09:00:00",
                "01-09 09:00:00",
            ],
        ),
        (
            "0 9 * * 0-6/2",
            vec![
                "01-01 09:00:00",
                "01-03 09:00:00",
                "01-04 09:00:00",
                "01-06 09:00:00",
            ],
        ),
        (
            "0 9 * * */3",
            vec!["01-03 09:00:00", "01-04 09:00:00", "01-07 09:00:00"],
        ),
        ("0 9 * * SUN,WED", vec!["01-04 09:00:00", "01-07 09:00:00"]),
        (
            "5/20 9 * JAN,feb-Mar 4",
            vec![
                "01-01 09:05:00",
                "01-01 09:25:00",
                "01-01 09:45:00",
                "01-08 09:05:00",
            ],
        ),
        // Both day fields: either.
        (
            "0 9 13 * FRI",
            vec![
                "01-02 09:00:00",
                "01-09 09:00:00",
                "01-13 09:00:00",
                "01-16 09:00:00",
            ],
        ),
        (
            "0 9 13 * 5,6",
            vec!["01-02 09:00:00", "01-03 09:00:00", "01-09 09:00:00"],
        ),
        // One of them begins with `*`: both.
        ("0 9 */2 * FRI", vec!["01-09 09:00:00", "01-23 09:00:00"]),
        ("0 9 ? * FRI", vec!["01-02 09:00:00", "01-09 09:00:00"]),
        ("0 9 30 2 FRI", vec!["02-06 09:00:00"]),
        // Days that depend on the month.
        (
            "0 9 L * *",
            vec!["01-31 09:00:00", "02-28 09:00:00", "03-31 09:00:00"],
        ),
        ("0 9 L-2 * *", vec!["01-29 09:00:00", "02-26 09:00:00"]),
        (
            "0 9 1,L * *",
            vec![
                "01-01 09:00:00",
                "01-31 09:00:00",
                "02-01 09:00:00",
                "02-28 09:00:00",
            ],
        ),
        (
            "0 9 LW * *",
            vec!["01-30 09:00:00", "02-27 09:00:00", "03-31 09:00:00"],
        ),
        // 15 February 2026 is a Sunday, 1 February too, 31 May too, 1 August a Saturday.
        (
            "0 9 15W * *",
            vec!["01-15 09:00:00", "02-16 09:00:00", "03-16 09:00:00"],
        ),
        ("0 9 1W 2,8 *", vec!["02-02 09:00:00", "08-03 09:00:00"]),
        ("0 9 31W 2-5 *", vec!["03-31 09:00:00", "05-29 09:00:00"]),
        ("0 9 * * FRI#2", vec!["01-09 09:00:00", "02-13 09:00:00"]),
        ("0 9 * * 0#5", vec!["03-29 09:00:00", "05-31 09:00:00"]),
        ("0 9 * * 5L", vec!["01-30 09:00:00", "02-27 09:00:00"]),
        (
            "0 9 * * friL,1#1",
            vec!["01-05 09:00:00", "01-30 09:00:00", "02-02 09:00:00"],
        ),
        (
            "0 9 L * FRI",
            vec![
                "01-02 09:00:00",
                "01-09 09:00:00",
                "01-16 09:00:00",
                "01-23 09:00:00",
                "01-30 09:00:00",
                "01-31 09:00:00",
            ],
        ),
        ("0 9 29 2 *", vec!["02-29 09:00:00"]),
    ] {
        assert_eq!(first(expression, expected.len()), expected, "{expression}");
    }
}

#[test]
fn the_years_come_to_an_end() {
    let cron = Cron::parse("0 0 9 1 1 * 2027").unwrap();
    let only = cron.next_after(at("2026-01-01T00:00"), Tz::UTC).unwrap();
    assert_eq!(only, at("2027-01-01T09:00"));
    assert_eq!(cron.next_after(only, Tz::UTC), None);
    let daily = Cron::parse("@daily").unwrap();
    assert_eq!(daily.next_after(at("2100-12-31T00:00"), Tz::UTC), None);
    assert_eq!(
        daily.next_after(crate::model::Timestamp::MAX, Tz::UTC),
        None
    );
}

#[test]
fn a_moment_between_two_seconds_is_followed_by_the_next() {
    let cron = Cron::parse("* * * * * *").unwrap();
    let next = cron.next_after(at("2026-01-01T10:00:00.500Z"), Tz::Asia__Baku);
    assert_eq!(next, Some(at("2026-01-01T10:00:01Z")));
    let next = cron.next_after(at("2026-01-01T10:00:01Z"), Tz::Asia__Baku);
    assert_eq!(next, Some(at("2026-01-01T10:00:02Z")));
}

#[test]
fn errors_name_the_field_the_text_and_what_is_allowed() {
    for (expression, words) in [
        ("", vec!["empty", "0 9 * * MON-FRI"]),
        ("   ", vec!["empty"]),
        ("0 9 * *", vec!["4 fields", "minute, hour"]),
        ("9", vec!["1 field:"]),
        ("1 2 3 4 5 6 7 8", vec!["8 fields"]),
        ("61 * * * *", vec!["`61`", "minute field", "0 to 59"]),
        ("0 24 * * *", vec!["`24`", "hour field", "0 to 23"]),
        ("0 -1 * * *", vec!["`-1`", "hour field", "missing"]),
        ("0 9 0 * *", vec!["`0`", "day of month field", "1 to 31"]),
        ("0 9 32 * *", vec!["`32`", "day of month field", "1 to 31"]),
        ("0 9 * 13 *", vec!["`13`", "month field", "JAN to DEC"]),
        (
            "0 9 * Jänner *",
            vec!["`Jänner`", "month field", "neither a number nor a name"],
        ),
        ("0 9 * * 8", vec!["`8`", "weekday field", "0 to 7"]),
        ("0 9 * * Mo", vec!["`Mo`", "weekday field", "SUN to SAT"]),
        ("60 0 9 * * *", vec!["`60`", "second field"]),
        (
            "0 0 9 * * * 1969",
            vec!["`1969`", "year field", "1970 to 2100"],
        ),
        (
            "*/90 * * * *",
            vec!["`*/90`", "minute field", "longer than the field"],
        ),
        ("*/0 * * * *", vec!["`*/0`", "never moves on"]),
        ("*/x * * * *", vec!["`*/x`", "not a number"]),
        ("1,,2 * * * *", vec!["`1,,2`", "comma"]),
        ("1- * * * *", vec!["`1-`", "missing"]),
        ("1-2-3 * * * *", vec!["`1-2-3`"]),
        ("*-5 * * * *", vec!["`*-5`"]),
        ("0 22-2 * * *", vec!["`22-2`", "`22-23,0-2`"]),
        ("? * * * *", vec!["`?`", "minute"]),
        ("99999999999999999999 * * * *", vec!["out of range"]),
        ("0 9 * * L", vec!["FRIL", "day of month"]),
        ("0 9 * * FRI#6", vec!["`FRI#6`", "1 to 5"]),
        ("0 9 * * W", vec!["15W", "MON-FRI"]),
        ("0 9 FRI#2 * *", vec!["weekday field"]),
        ("0 9 L-31 * *", vec!["0 to 30"]),
        ("0 9 40W * *", vec!["`40W`", "out of range"]),
        ("L 9 * * *", vec!["`L`", "minute field"]),
        ("@fortnightly", vec!["@fortnightly", "@weekly"]),
        ("@reboot", vec!["@reboot", "start of the daemon"]),
        ("@every 5m", vec!["*/15 * * * *"]),
        ("TZ=Asia/Baku 0 9 * * *", vec!["time_zone"]),
    ] {
        let error = Cron::parse(expression).expect_err(expression).to_string();
        for word in words {
            assert!(
                error.contains(word),
                "`{expression}`: `{error}` lacks `{word}`"
            );
        }
    }
    assert!(matches!(
        Cron::parse("0 9 * * 8"),
        Err(CronError::Field {
            field: CronField::Weekday,
            ..
        })
    ));
}

#[test]
fn a_date_that_never_comes_is_told_at_once() {
    for expression in [
        "0 9 30 2 *",
        "0 9 31 4,6,9,11 *",
        "0 9 30W 2 *",
        "0 9 L-30 2,4 *",
        "0 0 9 29 2 * 2027",
        "0 9 31 2 ?",
        "* * * 31 2 *",
    ] {
        let error = Cron::parse(expression).expect_err(expression);
        assert!(error.to_string().contains("never comes"), "{error}");
    }
}

#[test]
fn an_expression_is_shown_as_it_was_written() {
    let cron: Cron = "0  9 * * mon ".parse().unwrap();
    assert_eq!(cron.to_string(), "0  9 * * mon");
    assert_eq!(
        fires(
            "0  9 * * mon ",
            Tz::UTC,
            "2026-01-01T00:00",
            "2026-01-06T00:00"
        ),
        ["05 09:00+0000"]
    );
}
