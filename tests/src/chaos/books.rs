//! The platforms' books against ours, post by post.

use std::collections::{BTreeMap, HashMap};

use jarchi::demo::standin::Entry;
use jarchi::model::{Delivery, Draft, Id, State};
use jarchi::store::{DeliveryFilter, Options, Store};

use super::platforms::Platform;
use super::report::Report;

/// The texts of a post's parts.
pub fn parts(draft: &Draft) -> Vec<&str> {
    let thread = draft.thread.iter().map(|part| part.text.as_str());
    std::iter::once(draft.text.as_str()).chain(thread).collect()
}

/// What is on the platforms, by account and text.
pub struct Books(HashMap<(String, String), Vec<Entry>>);

impl Books {
    pub fn of(platforms: &[Platform]) -> Self {
        let mut books: HashMap<(String, String), Vec<Entry>> = HashMap::new();
        let entries = platforms
            .iter()
            .flat_map(|platform| platform.standin.book());
        for entry in entries {
            let key = (entry.account.clone(), entry.text.clone());
            books.entry(key).or_default().push(entry);
        }
        Books(books)
    }

    pub fn find(&self, account: &str, text: &str) -> &[Entry] {
        let key = (account.to_owned(), text.to_owned());
        self.0.get(&key).map_or(&[], Vec::as_slice)
    }
}

/// How many parts of a post a delivery knows to be out.
pub fn known_parts(delivery: &Delivery) -> usize {
    let state = delivery.progress.as_ref().map(|progress| &progress.state);
    let state = state.and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    state
        .and_then(|state| state["parts"].as_array().map(Vec::len))
        .unwrap_or_default()
}

/// Compares; `acknowledged`: deliveries that a caller was told of; `cut`: threads that a
/// person ended early.
pub fn compare(
    data: &std::path::Path,
    platforms: &[Platform],
    acknowledged: &[Id],
    cut: &[Id],
    report: &mut Report,
) {
    let books = Books::of(platforms);
    let mut left = books.0.clone();
    let store = Store::open(data, &Options { cache: 16 << 20 }).expect("the store opens");
    let check = store.check(|_| ()).expect("the store can be read");
    for problem in check.problems {
        report.wrong.push(format!("the store: {problem}"));
    }
    let view = store.view();
    let deliveries = view
        .deliveries(&DeliveryFilter::default(), usize::MAX)
        .expect("the store can be read");
    let by_id: BTreeMap<Id, &Delivery> = deliveries.iter().map(|d| (d.id, d)).collect();
    for id in acknowledged {
        if !by_id.contains_key(id) {
            report
                .lost
                .push(format!("delivery {id} was acknowledged and is not there"));
        }
    }
    report.deliveries = deliveries.len();
    for delivery in &deliveries {
        let post = view.post(delivery.post).expect("the store can be read");
        let post = post.expect("a delivery has a post");
        let what = format!("delivery {} on {}", delivery.id, delivery.account);
        if delivery.state != State::Published {
            let state = &delivery.state;
            report.lost.push(format!(
                "{what} ended as {state:?}: {:#?}",
                delivery.history
            ));
        }
        let mut parent: Option<&str> = None;
        for (number, text) in parts(&post.draft).into_iter().enumerate() {
            report.parts += 1;
            left.remove(&(delivery.account.clone(), text.to_owned()));
            let found = books.find(&delivery.account, text);
            match found {
                [] if cut.contains(&delivery.id) && number > 0 => {
                    report.parts -= 1;
                    continue;
                }
                [] => report
                    .lost
                    .push(format!("{what}, part {number} ({text}): {delivery:#?}")),
                [entry] => {
                    if entry.in_reply_to_id.as_deref() != parent {
                        report
                            .wrong
                            .push(format!("{what}, part {number} answers another: {entry:?}"));
                    }
                    let wanted = if number == 0 {
                        post.draft.media.len()
                    } else {
                        0
                    };
                    if entry.media.len() != wanted {
                        report
                            .wrong
                            .push(format!("{what} has other files: {entry:?}"));
                    }
                    parent = Some(&entry.id);
                }
                several => report.doubled.push(format!(
                    "{what}, part {number} ({text}) is there {} times: {delivery:#?} {several:#?}",
                    several.len()
                )),
            }
        }
    }
    for entry in left.into_values().flatten() {
        report.wrong.push(format!("nobody wrote {entry:?}"));
    }
}
