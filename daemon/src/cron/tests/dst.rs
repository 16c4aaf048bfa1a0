//! What fires on the nights when the clock is put forward or back.

use chrono_tz::Tz;

use super::fires;

#[test]
fn the_clock_is_put_forward_and_back() {
    // (zone, expression, after, until, fires with their offsets)
    let table: &[(Tz, &str, &str, &str, &[&str])] = &[
        // Berlin, 29 March 2026: 02:00 becomes 03:00.
        (
            Tz::Europe__Berlin,
            "30 2 * * *",
            "2026-03-28T00:00",
            "2026-03-31T00:00",
            &["28 02:30+0100", "29 03:00+0200", "30 02:30+0200"],
        ),
        (
            Tz::Europe__Berlin,
            "30 2 29 3 *",
            "2026-03-01T00:00",
            "2026-03-31T00:00",
            &["29 03:00+0200"],
        ),
        // Several times in the gap are one fire, with the one that stands there anyway.
        (
            Tz::Europe__Berlin,
            "0,20,40 2,3 * * *",
            "2026-03-29T00:00",
            "2026-03-29T12:00",
            &["29 03:00+0200", "29 03:20+0200", "29 03:40+0200"],
        ),
        (
            Tz::Europe__Berlin,
            "*/30 * * * *",
            "2026-03-29T01:00",
            "2026-03-29T04:00",
            &[
                "29 01:30+0100",
                "29 03:00+0200",
                "29 03:30+0200",
                "29 04:00+0200",
            ],
        ),
        (
            Tz::Europe__Berlin,
            "15 */2 * * *",
            "2026-03-29T00:00",
            "2026-03-29T06:00",
            &["29 00:15+0100", "29 04:15+0200"],
        ),
        // Berlin, 25 October 2026: 03:00 becomes 02:00.
        (
            Tz::Europe__Berlin,
            "30 2 * * *",
            "2026-10-24T00:00",
            "2026-10-27T00:00",
            &["24 02:30+0200", "25 02:30+0200", "26 02:30+0100"],
        ),
        (
            Tz::Europe__Berlin,
            "*/30 * * * *",
            "2026-10-25T01:30",
            "2026-10-25T03:30",
            &[
                "25 02:00+0200",
                "25 02:30+0200",
                "25 02:00+0100",
                "25 02:30+0100",
                "25 03:00+0100",
                "25 03:30+0100",
            ],
        ),
        (
            Tz::Europe__Berlin,
            "@hourly",
            "2026-10-25T01:00",
            "2026-10-25T04:00",
            &[
                "25 02:00+0200",
                "25 02:00+0100",
                "25 03:00+0100",
                "25 04:00+0100",
            ],
        ),
        (
            Tz::Europe__Berlin,
            "10 */2 * * *",
            "2026-10-25T00:30",
            "2026-10-25T05:00",
            &["25 02:10+0200", "25 02:10+0100", "25 04:10+0100"],
        ),
        // A range is a list of fixed times.
        (
            Tz::Europe__Berlin,
            "0 1-4 * * *",
            "2026-10-25T00:00",
            "2026-10-25T12:00",
            &[
                "25 01:00+0200",
                "25 02:00+0200",
                "25 03:00+0100",
                "25 04:00+0100",
            ],
        ),
        // One hour a day in the words of a step.
        (
            Tz::Europe__Berlin,
            "30 2/24 * * *",
            "2026-10-25T00:00",
            "2026-10-26T00:00",
            &["25 02:30+0200"],
        ),
        // A whole year lies between, and the second of the two hours is not forgotten.
        (
            Tz::Europe__Berlin,
            "50 * 25 10 *",
            "2026-10-25T02:30",
            "2026-10-25T03:00",
            &["25 02:50+0200", "25 02:50+0100"],
        ),
        // New York, 8 March 2026 and 1 November 2026.
        (
            Tz::America__New_York,
            "30 2 * * *",
            "2026-03-07T00:00",
            "2026-03-09T12:00",
            &["07 02:30-0500", "08 03:00-0400", "09 02:30-0400"],
        ),
        (
            Tz::America__New_York,
            "30 1 * * *",
            "2026-10-31T00:00",
            "2026-11-02T12:00",
            &["31 01:30-0400", "01 01:30-0400", "02 01:30-0500"],
        ),
        (
            Tz::America__New_York,
            "*/20 * * * SUN",
            "2026-11-01T00:40",
            "2026-11-01T02:00",
            &[
                "01 01:00-0400",
                "01 01:20-0400",
                "01 01:40-0400",
                "01 01:00-0500",
                "01 01:20-0500",
                "01 01:40-0500",
                "01 02:00-0500",
            ],
        ),
        // Baku has had no summer time since 2016; before, it was put back at 05:00.
        (
            Tz::Asia__Baku,
            "30 4 * * *",
            "2026-03-28T00:00",
            "2026-03-30T12:00",
            &["28 04:30+0400", "29 04:30+0400", "30 04:30+0400"],
        ),
        (
            Tz::Asia__Baku,
            "30 4 * * *",
            "2015-10-24T12:00",
            "2015-10-26T12:00",
            &["25 04:30+0500", "26 04:30+0400"],
        ),
        (
            Tz::Asia__Baku,
            "30 4 * * *",
            "2015-03-28T12:00",
            "2015-03-30T12:00",
            &["29 05:00+0500", "30 04:30+0500"],
        ),
        // Lord Howe moves by half an hour: 4 October 2026 and 5 April 2026.
        (
            Tz::Australia__Lord_Howe,
            "15 2 * * *",
            "2026-10-03T00:00",
            "2026-10-05T12:00",
            &["03 02:15+1030", "04 02:30+1100", "05 02:15+1100"],
        ),
        (
            Tz::Australia__Lord_Howe,
            "*/15 * * * *",
            "2026-10-04T01:30",
            "2026-10-04T03:00",
            &[
                "04 01:45+1030",
                "04 02:30+1100",
                "04 02:45+1100",
                "04 03:00+1100",
            ],
        ),
        (
            Tz::Australia__Lord_Howe,
            "45 1 * * *",
            "2026-04-04T12:00",
            "2026-04-06T12:00",
            &["05 01:45+1100", "06 01:45+1030"],
        ),
        (
            Tz::Australia__Lord_Howe,
            "*/15 * * * *",
            "2026-04-05T01:15",
            "2026-04-05T02:00",
            &[
                "05 01:30+1100",
                "05 01:45+1100",
                "05 01:30+1030",
                "05 01:45+1030",
                "05 02:00+1030",
            ],
        ),
        // São Paulo's old rules put midnight forward: 4 November 2018, 17 February 2019.
        (
            Tz::America__Sao_Paulo,
            "0 0 * * *",
            "2018-11-03T12:00",
            "2018-11-05T12:00",
            &["04 01:00-0200", "05 00:00-0200"],
        ),
        (
            Tz::America__Sao_Paulo,
            "30 0 4 11 *",
            "2018-01-03T12:00",
            "2018-12-05T12:00",
            &["04 01:00-0200"],
        ),
        (
            Tz::America__Sao_Paulo,
            "30 23 * * SAT",
            "2019-02-16T12:00",
            "2019-02-23T23:45",
            &["16 23:30-0200", "23 23:30-0300"],
        ),
        (
            Tz::America__Sao_Paulo,
            "30 * * * *",
            "2019-02-16T22:00",
            "2019-02-17T00:30",
            &[
                "16 22:30-0200",
                "16 23:30-0200",
                "16 23:30-0300",
                "17 00:30-0300",
            ],
        ),
        // Cairo puts midnight forward too: 24 April 2026, and back on 30 October.
        (
            Tz::Africa__Cairo,
            "15 0 * * *",
            "2026-04-23T12:00",
            "2026-04-25T12:00",
            &["24 01:00+0300", "25 00:15+0300"],
        ),
        (
            Tz::Africa__Cairo,
            "30 23 * * *",
            "2026-10-29T12:00",
            "2026-10-30T23:45",
            &["29 23:30+0300", "30 23:30+0200"],
        ),
        (
            Tz::Africa__Cairo,
            "30 * * * *",
            "2026-10-29T22:00",
            "2026-10-30T00:30",
            &[
                "29 22:30+0300",
                "29 23:30+0300",
                "29 23:30+0200",
                "30 00:30+0200",
            ],
        ),
    ];
    for (zone, expression, after, until, expected) in table {
        let found = fires(expression, *zone, after, until);
        assert_eq!(found, *expected, "`{expression}` in {zone} after {after}");
    }
}

#[test]
fn a_time_of_day_fires_once_on_each_date_of_many_years() {
    for zone in [
        Tz::Europe__Berlin,
        Tz::America__New_York,
        Tz::Asia__Baku,
        Tz::Australia__Lord_Howe,
        Tz::America__Sao_Paulo,
        Tz::Africa__Cairo,
        Tz::Africa__Casablanca,
        Tz::Asia__Kathmandu,
    ] {
        for expression in ["30 2 * * *", "0 0 * * *", "45 23 * * *", "15 1 * * *"] {
            let cron = super::Cron::parse(expression).unwrap();
            let mut last = super::local("2008-12-31T23:50", zone);
            let mut date = chrono::NaiveDate::from_ymd_opt(2009, 1, 1).unwrap();
            while date < chrono::NaiveDate::from_ymd_opt(2031, 1, 1).unwrap() {
                last = cron.next_after(last, zone).unwrap();
                let shown = last.to_utc().with_timezone(&zone).date_naive();
                assert_eq!(shown, date, "`{expression}` in {zone}");
                date = date.succ_opt().unwrap();
            }
        }
    }
}
