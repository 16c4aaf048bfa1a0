//! Sums of money, between the smallest unit that the interface speaks and the decimal
//! text that platforms write.

/// How many decimals a currency has (ISO 4217): 2 where nothing else is known.
pub fn decimals(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "UYI" | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// A sum in the smallest unit as decimal text in the major one: 1250 of EUR is `12.50`.
pub fn to_decimal(minor: u64, currency: &str) -> String {
    let places = decimals(currency);
    if places == 0 {
        return minor.to_string();
    }
    let unit = 10_u64.pow(places);
    let width = places as usize;
    format!("{}.{:0width$}", minor / unit, minor % unit)
}

/// Decimal text in the major unit as a sum in the smallest; what is smaller still is
/// rounded up, as spending is. None where it is no number, or below nothing.
pub fn from_decimal(text: &str, currency: &str) -> Option<u64> {
    let text = text.trim();
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(rest) {
        return None;
    }
    let places = decimals(currency);
    let mut minor = whole.parse::<u64>().ok()?.checked_mul(10_u64.pow(places))?;
    let kept = rest.len().min(places as usize);
    if kept > 0 {
        let scale = 10_u64.pow(places.saturating_sub(u32::try_from(kept).ok()?));
        minor = minor.checked_add(rest[..kept].parse::<u64>().ok()? * scale)?;
    }
    if rest[kept..].bytes().any(|digit| digit != b'0') {
        minor = minor.checked_add(1)?;
    }
    Some(minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for (minor, currency, text) in [
            (0, "EUR", "0.00"),
            (5, "EUR", "0.05"),
            (50_000, "AZN", "500.00"),
            (1250, "JPY", "1250"),
            (1250, "KWD", "1.250"),
        ] {
            assert_eq!(to_decimal(minor, currency), text);
            assert_eq!(from_decimal(text, currency), Some(minor));
        }
    }

    #[test]
    fn what_platforms_write() {
        for (text, currency, minor) in [
            ("12", "EUR", Some(1200)),
            ("12.5", "EUR", Some(1250)),
            ("12.501", "EUR", Some(1251)),
            ("12.5000", "EUR", Some(1250)),
            ("0.1", "JPY", Some(1)),
            ("", "EUR", None),
            (".5", "EUR", None),
            ("-1", "EUR", None),
            ("1e3", "EUR", None),
            ("99999999999999999999", "EUR", None),
        ] {
            assert_eq!(from_decimal(text, currency), minor, "{text}");
        }
    }
}
