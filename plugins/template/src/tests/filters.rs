//! Words in Azerbaijani and English.

use super::*;

#[test]
fn filters() {
    let row = json!({ "id": 1, "w": "istiot IŞIQ", "d": "2026-12-01", "n": 1, "m": 1234.5,
        "s": "2,00", "big": 1_234_567, "list": ["a b", "ç"] });
    for (words, az, en) in [
        ("w | upper", "İSTİOT IŞIQ", "ISTIOT IŞIQ"),
        ("w | lower", "istiot ışıq", "istiot işiq"),
        ("w | title", "İstiot Işıq", "Istiot Işiq"),
        ("w | capitalize", "İstiot ışıq", "Istiot işiq"),
        ("d | date", "1 dekabr 2026", "1 December 2026"),
        ("d | date('day')", "1 dekabr", "1 December"),
        ("d | date('short')", "01.12.2026", "01/12/2026"),
        (
            "d | date('full')",
            "1 dekabr 2026, çərşənbə axşamı",
            "Tuesday, 1 December 2026",
        ),
        ("d | date('month') | capitalize", "Dekabr", "December"),
        ("m | money", "1.234,50\u{a0}₼", "₼1,234.50"),
        ("m | money('USD')", "1.234,50\u{a0}$", "$1,234.50"),
        ("m | money('CHF')", "1.234,50\u{a0}CHF", "CHF\u{a0}1,234.50"),
        ("s | money", "2\u{a0}₼", "₼2"),
        ("-3 | money", "−3\u{a0}₼", "−₼3"),
        ("big | number", "1.234.567", "1,234,567"),
        ("n | plural('cup', 'cups')", "cup", "cup"),
        ("2 | plural('cup', 'cups')", "cup", "cups"),
        ("0 | plural('cup')", "cup", "cups"),
        (
            "'bread of the day' | hashtag",
            "#breadOfTheDay",
            "#breadOfTheDay",
        ),
        ("list | hashtag | join(' ')", "#aB #ç", "#aB #ç"),
        ("'Salam, dünya' | truncate(11)", "Salam…", "Salam…"),
        ("missing | default('-')", "-", "-"),
    ] {
        for (language, expected) in [("az", az), ("en", en)] {
            let mut brief = wanted(1);
            brief.settings = json!({ "language": language }).to_string();
            let draft = post(&format!("{T}{{{{ {words} }}}}"), &row, &brief);
            assert_eq!(draft.post.text, expected, "{language}: {words}");
        }
    }
}

#[test]
fn what_filters_do_not_take() {
    let row = json!({ "id": 1, "d": "01.12.2026", "m": "twelve" });
    for (words, reason) in [
        ("d | date", "`01.12.2026` is not a date"),
        ("'2026-12-01' | date('loud')", "date has no form `loud`"),
        ("m | money", "`twelve` is not a number"),
        ("'1.234' | money", "more than two decimals"),
        ("m | shout", "shout"),
    ] {
        let _host = host(&[
            ("t.jinja", &format!("{T}{{{{ {words} }}}}")),
            ("d.json", &json!([row]).to_string()),
        ]);
        let batch = run(&wanted(1));
        assert_eq!(batch.drafts.len(), 0);
        assert!(told(&batch)[0].contains(reason), "{:?}", told(&batch));
    }
}
