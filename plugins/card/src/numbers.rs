//! Numbers as people write them.

/// With two decimals at most, and the language's decimal sign; groups of three from
/// 10 000 on.
pub fn spoken(number: f64, language: &str) -> String {
    let rounded = (number * 100.0).round() / 100.0;
    let whole = grouped(rounded.trunc());
    let text = format!("{rounded:.2}");
    let cents = text.rsplit_once('.').map_or("", |(_, cents)| cents);
    let cents = cents.trim_end_matches('0');
    if cents.is_empty() {
        return whole;
    }
    let sign = if language.is_empty() || language.starts_with("en") {
        '.'
    } else {
        ','
    };
    format!("{whole}{sign}{cents}")
}

/// A whole number, with narrow blanks between groups of three from 10 000 on.
pub fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    if number.abs() < 10_000.0 {
        return digits;
    }
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_language_does() {
        assert_eq!(spoken(4.5, "az"), "4,5");
        assert_eq!(spoken(4.5, "en-GB"), "4.5");
        assert_eq!(spoken(4.999, "en"), "5");
        assert_eq!(spoken(0.05, ""), "0.05");
        assert_eq!(spoken(12_400.0, "az"), "12\u{202f}400");
        assert_eq!(spoken(9_999.0, "az"), "9999");
        assert_eq!(grouped(1_234_567.0), "1\u{202f}234\u{202f}567");
    }
}
