//! After a restore. The store is older than the world: what it has as waiting, another
//! store, which is gone, may have published after the backup was taken. So each delivery is
//! looked up once before anything of it is sent.

use crate::model::{Delivery, Origin, Post, State, TimeSpan};
use crate::store::{Restoration, StoreError, View};

/// A person may have moved a delivery forward, and had it published: those of the next days
/// are looked up where that can be done. Further ahead, a look-up could find an earlier
/// post with the same words.
const AHEAD: TimeSpan = TimeSpan::from_days(7);

/// What generators gave after the backup was lost with the old store, and they give it
/// again.
const AGAIN: TimeSpan = TimeSpan::from_days(1);

/// The restore that puts a delivery in doubt: the store that is gone may have published it,
/// and nobody has looked yet.
pub(super) fn doubt(
    view: View<'_>,
    delivery: &Delivery,
    post: &Post,
    can_look_up: bool,
) -> Result<Option<Restoration>, StoreError> {
    if !matches!(delivery.state, State::Waiting | State::Processing) {
        return Ok(None);
    }
    let Some(restored) = view.restoration()? else {
        return Ok(None);
    };
    // The first call after the restore is the look itself.
    let looked = delivery
        .history
        .iter()
        .any(|attempt| attempt.ended >= restored.at);
    if looked || !may_be_there(delivery, post, can_look_up, restored) {
        return Ok(None);
    }
    Ok(Some(restored))
}

fn may_be_there(
    delivery: &Delivery,
    post: &Post,
    can_look_up: bool,
    Restoration { at, .. }: Restoration,
) -> bool {
    if delivery.created_at < at {
        let begun = delivery.first_attempt.is_some() || delivery.progress.is_some();
        return begun
            || delivery.due <= at
            || (can_look_up && delivery.due <= at.saturating_add(AHEAD));
    }
    let given_again = matches!(post.origin, Origin::Generator { .. })
        && delivery.round == 0
        && delivery.created_at < at.saturating_add(AGAIN);
    can_look_up && given_again
}
