//! Phrases that give a text away: refusals, and claims that nobody can check.

/// How models refuse or speak of themselves, folded.
pub(crate) const REFUSALS: [&str; 32] = [
    "i can't help",
    "i cannot help",
    "i can't assist",
    "i cannot assist",
    "i can't write",
    "i cannot write",
    "i can't create",
    "i cannot create",
    "i can't comply",
    "i cannot comply",
    "i can't fulfill",
    "i cannot fulfill",
    "i'm unable to",
    "i am unable to",
    "i'm not able to",
    "i'm sorry but",
    "i am sorry but",
    "as an ai",
    "as a language model",
    "as an artificial intelligence",
    "i'm an ai",
    "kömək edə bilmərəm",
    "kömək edə bilmirəm",
    "süni intellekt modeli",
    "süni zəka modeli",
    "dil modeli kimi",
    "yardımcı olamam",
    "bir yapay zeka",
    "dil modeli olarak",
    "я не могу помочь",
    "как языковая модель",
    "как искусственный интеллект",
];

/// Superlatives and promises that want proof.
pub(crate) const SUPERLATIVES: [&str; 52] = [
    "the best",
    "best in",
    "best ever",
    "world's",
    "number one",
    "no 1",
    "nr 1",
    "unbeatable",
    "unrivalled",
    "unrivaled",
    "unmatched",
    "the cheapest",
    "lowest price",
    "lowest prices",
    "the only one",
    "the finest",
    "the leading",
    "guaranteed",
    "risk free",
    "clinically proven",
    "scientifically proven",
    "miracle",
    "ən yaxşı",
    "ən ucuz",
    "ən keyfiyyətli",
    "ən sürətli",
    "ən dadlı",
    "bir nömrəli",
    "birinci nömrəli",
    "rəqibsiz",
    "bənzərsiz",
    "misilsiz",
    "zəmanət veririk",
    "tam zəmanət",
    "dünyanın ən",
    "en iyi",
    "en ucuz",
    "en kaliteli",
    "bir numara",
    "bir numaralı",
    "rakipsiz",
    "eşsiz",
    "garantili",
    "самый лучший",
    "самая лучшая",
    "самое лучшее",
    "самые лучшие",
    "лучший в",
    "лучшая в",
    "самые низкие цены",
    "номер один",
    "гарантируем",
];

/// What stands for words that somebody is still to write, folded.
const PLACEHOLDERS: [&str; 14] = [
    "[insert",
    "[your",
    "<insert",
    "<your",
    "{{",
    "}}",
    "${",
    "lorem ipsum",
    "[...]",
    "[…]",
    "tbd",
    "todo:",
    "xxx",
    "example.com",
];

/// A placeholder in a folded text: one of the known ones, or words in square or curly
/// brackets, which posts do not have.
pub(crate) fn placeholder(folded: &str) -> Option<String> {
    if let Some(known) = PLACEHOLDERS.iter().find(|known| folded.contains(**known)) {
        return Some((*known).to_owned());
    }
    for (opening, closing) in [('[', ']'), ('{', '}')] {
        let mut rest = folded;
        while let Some(start) = rest.find(opening) {
            let inside = &rest[start + 1..];
            let Some(end) = inside.find(closing) else {
                break;
            };
            if inside[..end].chars().any(char::is_alphabetic) {
                return Some(rest[start..start + end + 2].to_owned());
            }
            rest = &inside[end..];
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::fold::{Phrase, fold, words};

    #[test]
    fn all_are_folded_and_found_by_themselves() {
        for written in REFUSALS.iter().chain(&SUPERLATIVES) {
            let phrase = Phrase::new(written).unwrap_or_else(|| panic!("{written}"));
            assert!(phrase.stands_in(&words(&fold(written))), "{written}");
        }
        for written in PLACEHOLDERS {
            assert_eq!(fold(written), written);
        }
    }

    #[test]
    fn placeholders() {
        for (text, found) in [
            ("Gəlin [Insert date]!", true),
            ("Salam {ad}", true),
            ("Salam [brendin adı]", true),
            ("{{ title }}", true),
            ("Bax: [1]", false),
            ("Adi mətn", false),
            ("[", false),
        ] {
            assert_eq!(placeholder(&fold(text)).is_some(), found, "{text}");
        }
    }
}
