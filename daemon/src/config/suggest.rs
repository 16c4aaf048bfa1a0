//! The nearest name to a misspelt one.

/// The candidate that was most likely meant, if one is near enough.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = folded(name);
    // A name of one letter is near to every other.
    let limit = match name.chars().count() {
        0 | 1 => 0,
        2..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let other = folded(candidate);
            let distance = if other == name || other.rsplit('/').next() == Some(&name) {
                0
            } else if name.len() > 2 && (other == format!("{name}s") || name == format!("{other}s"))
            {
                1
            } else {
                strsim::damerau_levenshtein(&name, &other)
            };
            (distance <= limit).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// `did you mean …?`
pub fn did_you_mean<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

fn folded(name: &str) -> String {
    name.to_lowercase().replace(['-', ' '], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let zones = ["Asia/Baku", "Asia/Tbilisi", "Europe/London"];
        for (name, expected) in [
            ("Asia/Bakku", Some("Asia/Baku")),
            ("baku", Some("Asia/Baku")),
            ("asia/tiblisi", Some("Asia/Tbilisi")),
            ("Mars/Olympus", None),
            ("", None),
        ] {
            assert_eq!(nearest(name, zones), expected, "{name}");
        }
        assert_eq!(
            nearest("per-hour", ["per_day", "per_hour"]),
            Some("per_hour")
        );
        assert_eq!(nearest("accounts", ["account", "brand"]), Some("account"));
        assert_eq!(nearest("a", ["b"]), None);
    }
}
