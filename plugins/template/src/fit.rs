//! Words for each account: its own where the template has them, shorter ones where the
//! others do not fit.

use jarchi_plugin_sdk::generator::AccountLimits;

use crate::front::{Length, Section, Template, same_language};

/// The sections that serve for an account, the best first: its own before those of its
/// plugin before those for all, the long one before the short one, the language's own
/// before the one for all languages.
pub(crate) fn candidates<'a>(
    template: &'a Template,
    language: Option<&str>,
    account: Option<&AccountLimits>,
) -> Vec<&'a Section> {
    let rank = |section: &Section| {
        let target = match (&section.target, account) {
            (None, _) => 2,
            (Some(target), Some(account)) if *target == account.account => 0,
            (Some(target), Some(account)) if *target == account.plugin => 1,
            _ => return None,
        };
        let general = match (&section.language, language) {
            (None, _) => true,
            (Some(own), Some(wanted)) if same_language(own, wanted) => false,
            _ => return None,
        };
        Some((target, section.length, general))
    };
    let mut found: Vec<((u8, Length, bool), &Section)> = template
        .sections
        .iter()
        .filter_map(|section| Some((rank(section)?, section)))
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, section)| section).collect()
}
