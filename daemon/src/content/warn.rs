//! What a person should know of a post before it goes out, though nothing is wrong with it.

use crate::config::Account;
use crate::model::{Draft, Id, Problem, Severity, State, Timestamp};
use crate::publish::fingerprint;
use crate::store::{DeliveryFilter, StoreError, View};

/// Deliveries that are compared with the new one.
const COMPARED: usize = 500;

fn warning(place: &str, message: String) -> Problem {
    Problem {
        severity: Severity::Warning,
        place: place.to_owned(),
        message,
    }
}

/// Whether the account posts the same about that time, or something else within its least
/// gap. `own`: the post itself, where it is accepted already; `due`: none, where it is yet
/// to find its slot.
pub fn neighbours(
    view: View<'_>,
    account: &Account,
    draft: &Draft,
    due: Option<Timestamp>,
    own: Option<Id>,
    now: Timestamp,
) -> Result<Vec<Problem>, StoreError> {
    let mut problems = Vec::new();
    let at = due.unwrap_or(now);
    let around = |span| DeliveryFilter {
        account: Some(account.name.clone()),
        open: false,
        from: Some(at.saturating_sub(span)),
        to: Some(at.saturating_add(span)),
    };
    let counts = |state: &State| {
        !matches!(
            state,
            State::Cancelled { .. } | State::Missed { .. } | State::Failed { .. }
        )
    };
    let rails = &account.rails;
    let mine = draft.in_words_of(&account.name, &account.plugin);
    let print = fingerprint(&mine);
    let words = mine.text.trim();
    for other in view.deliveries(&around(rails.duplicate_window), COMPARED)? {
        if own == Some(other.post) || !counts(&other.state) {
            continue;
        }
        let Some(post) = view.post(other.post)? else {
            continue;
        };
        let theirs = post.draft.in_words_of(&account.name, &account.plugin);
        let (id, then) = (other.id, other.due);
        if fingerprint(&theirs) == print {
            problems.push(warning(
                "text",
                format!(
                    "delivery {id}, of {then}, is the same: within `rails.duplicate_window` ({}) \
                     it is not published twice",
                    rails.duplicate_window
                ),
            ));
            break;
        }
        if !words.is_empty() && theirs.text.trim() == words {
            let message = format!("delivery {id}, of {then}, has the same text");
            problems.push(warning("text", message));
            break;
        }
    }
    if due.is_some() && rails.least_gap.0 > 0 {
        let near = view.deliveries(&around(rails.least_gap), 20)?;
        let near = near.into_iter().find(|other| {
            own != Some(other.post)
                && counts(&other.state)
                && at.since(other.due).max(other.due.since(at)) < rails.least_gap
        });
        if let Some(other) = near {
            problems.push(warning(
                "due",
                format!(
                    "delivery {} is due at {}, and `rails.least_gap` is {}: one of them waits",
                    other.id, other.due, rails.least_gap
                ),
            ));
        }
    }
    Ok(problems)
}

/// The addresses of web pages in a draft, the first few.
pub fn links(draft: &Draft) -> Vec<String> {
    const MOST: usize = 5;
    let mut found: Vec<String> = Vec::new();
    let texts = std::iter::once(&draft.text).chain(draft.thread.iter().map(|part| &part.text));
    let named = draft.link.iter().map(|link| link.url.clone());
    let written = texts
        .flat_map(|text| text.split_whitespace())
        .filter(|word| word.starts_with("https://") || word.starts_with("http://"));
    let written = written.map(|word| {
        let end = ['.', ',', ';', ':', '!', '?', ')', ']', '>', '"', '\''];
        word.trim_end_matches(end).to_owned()
    });
    for url in named.chain(written) {
        if found.len() < MOST && !found.contains(&url) {
            found.push(url);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_where_they_stand() {
        let draft = Draft {
            text: "Bax: https://a.example/x?y=1, http://b.example. (https://a.example/x?y=1)"
                .to_owned(),
            ..Draft::default()
        };
        assert_eq!(
            links(&draft),
            ["https://a.example/x?y=1", "http://b.example"]
        );
        assert_eq!(links(&Draft::default()), [""; 0]);
    }
}
