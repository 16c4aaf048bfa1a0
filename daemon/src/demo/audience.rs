//! Visitors of the demo's server, who like, share and answer what the brand posts, so
//! that there is something to measure.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use super::standin::{Entry, Server};

const VISITORS: [(&str, &str); 9] = [
    ("gunel", "Günel"),
    ("elvin", "Elvin"),
    ("aysel", "Aysel"),
    ("rashad", "Rəşad"),
    ("nigar", "Nigar"),
    ("tural", "Tural"),
    ("leyla", "Leyla"),
    ("maggie", "Maggie"),
    ("tom", "Tom"),
];

const ANSWERS: [&str; 4] = [
    "Çox gözəl! 😍",
    "Sabah gəlirik ☕",
    "We were there last week, the fig jam!",
    "Şənbə günü masa var?",
];

/// What each of a hundred does with a post. Pictures are liked more, and what names a price
/// less: so there is something to learn.
const LIKES: u64 = 45;
const SHARES: u64 = 14;
const REPLIES: u64 = 9;
const OF_A_PICTURE: u64 = 25;
const OF_A_PRICE: u64 = 20;

/// Within so many minutes of the post.
const SPREAD: u64 = 20 * 60;

/// Between two looks of the visitors, by every clock.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Deed {
    Like,
    Share,
    Answer,
}

/// Goes on until it is dropped.
pub(super) async fn run(server: Arc<Server>) {
    for (name, display_name) in VISITORS {
        server.add_account(name, display_name);
    }
    let mut done = HashSet::new();
    let mut tick = tokio::time::interval(LOOK);
    loop {
        tick.tick().await;
        let now = server.now();
        for post in server.book() {
            if VISITORS.iter().any(|(name, _)| *name == post.account) {
                continue;
            }
            let age = now.since(post.at).to_std().as_secs() / 60;
            let likes = taste(&post);
            for (who, (name, _)) in VISITORS.iter().enumerate() {
                for (deed, share) in [
                    (Deed::Like, likes),
                    (Deed::Share, SHARES),
                    (Deed::Answer, REPLIES),
                ] {
                    let dice = dice(&post.id, who, deed);
                    let wants = dice % 100 < share && age >= dice / 100 % SPREAD;
                    if wants && done.insert((post.id.clone(), who, deed)) {
                        act(&server, &post.id, name, deed, dice);
                    }
                }
            }
        }
        let followers = 120 + done.len() as u64 / 4;
        for account in ["cayevi", "cayevi_en"] {
            // Made before the audience came.
            let _ = server.set_followers(account, followers);
        }
    }
}

/// Of a hundred, those who like it.
fn taste(post: &Entry) -> u64 {
    let picture = if post.media.is_empty() {
        0
    } else {
        OF_A_PICTURE
    };
    let has_price = ['₼', '%'].iter().any(|sign| {
        let descriptions = post.media.iter().flat_map(|one| &one.description);
        post.text.contains(*sign) || descriptions.into_iter().any(|words| words.contains(*sign))
    });
    (LIKES + picture).saturating_sub(if has_price { OF_A_PRICE } else { 0 })
}

/// The same visitor thinks the same of the same post.
fn dice(post: &str, who: usize, deed: Deed) -> u64 {
    let mut hasher = DefaultHasher::new();
    (post, who, deed).hash(&mut hasher);
    hasher.finish()
}

fn act(server: &Server, post: &str, name: &str, deed: Deed, dice: u64) {
    let result = match deed {
        Deed::Like => server.favourite(post, name),
        Deed::Share => server.boost(post, name),
        Deed::Answer => {
            let text = ANSWERS[(dice / 7 % ANSWERS.len() as u64) as usize];
            server.reply(post, name, text).map(|_| ())
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a visitor of the demo");
    }
}
