//! What somebody means who answers a draft.

/// An answer to the question whether a post may go out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    Yes,
    No(Option<String>),
    /// Other words for the post.
    Words(String),
    /// None of these, surely enough.
    Unclear,
}

const YES: [&str; 11] = [
    "ok", "okay", "okey", "yes", "hə", "bəli", "oldu", "olsun", "👍", "✅", "👌",
];
const NO: [&str; 4] = ["no", "yox", "👎", "❌"];

/// Reads an answer. A single word that is no answer is not taken for a new text: it is more
/// likely an answer that was mistyped.
pub fn said(text: &str) -> Said {
    let text = text.trim();
    let plain = fold(text);
    let word = plain.trim_end_matches(['.', '!', ',', ' ', '\u{fe0f}']);
    if YES.contains(&word) {
        return Said::Yes;
    }
    if NO.contains(&word) {
        return Said::No(None);
    }
    if let Some((first, why)) = text.split_once(':')
        && NO.contains(&fold(first).trim())
    {
        let why = why.trim();
        return Said::No((!why.is_empty()).then(|| why.to_owned()));
    }
    match text.split_whitespace().nth(1) {
        Some(_) => Said::Words(text.to_owned()),
        None => Said::Unclear,
    }
}

/// In small letters, whichever alphabet's `I` it was.
fn fold(text: &str) -> String {
    let small = text.to_lowercase();
    small.chars().filter(|c| *c != '\u{307}').collect()
}

/// The number of a post at the beginning of a text, as `#12 ok`, and the rest of it.
pub fn numbered(text: &str) -> Option<(u64, &str)> {
    let (number, rest) = text
        .trim_start()
        .strip_prefix('#')?
        .split_once(char::is_whitespace)?;
    Some((number.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_from_new_texts() {
        for yes in [
            "ok", "OK", " Ok. ", "Hə", "HƏ", "bəli", "BƏLİ!", "Oldu", "👍", "✅", "yes",
        ] {
            assert_eq!(said(yes), Said::Yes, "{yes}");
        }
        let no = |why: &str| Said::No(Some(why.to_owned()));
        assert_eq!(said("no"), Said::No(None));
        assert_eq!(said("Yox."), Said::No(None));
        assert_eq!(said("no:"), Said::No(None));
        assert_eq!(said("No: too loud: really"), no("too loud: really"));
        assert_eq!(said("yox : qiymət səhvdir"), no("qiymət səhvdir"));
        for words in [
            "No sugar today",
            "Yox, bu gün açığıq",
            "ok but shorter",
            "Note: we open at nine",
        ] {
            assert_eq!(said(words), Said::Words(words.to_owned()), "{words}");
        }
        for unclear in ["okk", "hee", "", "  ", "nope", "https://a.example"] {
            assert_eq!(said(unclear), Said::Unclear, "{unclear}");
        }
        assert_eq!(numbered("#12 hə"), Some((12, "hə")));
        assert_eq!(numbered("#çay ok"), None);
        assert_eq!(numbered("12 ok"), None);
        assert_eq!(numbered("#12"), None);
    }
}
