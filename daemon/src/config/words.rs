//! How drafts become an account's words.

use super::raw::RawAccount;

/// `[account.words]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WordRules {
    /// A text that is too long becomes a thread, where the platform has threads.
    pub split: bool,
    /// The parts of such a thread get their numbers.
    pub number: bool,
    /// Characters of one part, by the platform's count; none: as the plugin's manifest says.
    pub limit: Option<u32>,
    pub hashtags: HashtagPlace,
    /// None: all of them.
    pub most_hashtags: Option<usize>,
    pub link: LinkPlace,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HashtagPlace {
    /// The connector's own way.
    #[default]
    Usual,
    /// Where their words stand in the text; the others at its end.
    Text,
    End,
    FirstComment,
    Drop,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinkPlace {
    /// The connector's own way.
    #[default]
    Usual,
    Text,
    /// An attachment beside the text.
    Card,
    FirstComment,
}

/// The rules of an account.
pub(super) fn words(account: &RawAccount) -> WordRules {
    let default = WordRules::default();
    let Some(raw) = account.words.as_ref().map(|words| &words.value) else {
        return default;
    };
    WordRules {
        split: raw.split.as_ref().is_some_and(|flag| flag.value),
        number: raw.number.as_ref().is_some_and(|flag| flag.value),
        limit: raw.limit.as_ref().map(|number| number.value.small()),
        hashtags: raw
            .hashtags
            .as_ref()
            .map_or(default.hashtags, |one| one.value),
        most_hashtags: raw
            .most_hashtags
            .as_ref()
            .map(|number| number.value.count()),
        link: raw.link.as_ref().map_or(default.link, |one| one.value),
    }
}
