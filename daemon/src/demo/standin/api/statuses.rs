use axum::extract::{Path, State};
use http::HeaderMap;
use serde_json::{Value, json};

use super::{Answer, Served, ok};
use crate::demo::standin::error::Refusal;
use crate::demo::standin::params::Params;
use crate::demo::standin::post::post;
use crate::demo::standin::state::State as Held;

/// Statuses by their ids, at most so many.
const MOST: usize = 20;

pub(super) async fn create(State(server): Served, headers: HeaderMap, params: Params) -> Answer {
    let account = server.authorised(&headers, &["write:statuses"])?;
    let key = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
        .filter(|key| !key.is_empty());
    let now = server.now();
    let mut state = server.lock();
    let id = post(
        &mut state,
        &server.options.rules,
        account,
        &params,
        key,
        now,
    )?;
    let status = state.statuses.get(&id).ok_or_else(Refusal::not_found)?;
    ok(server.status_json(&state, status, Some(account)))
}

pub(super) async fn list(State(server): Served, headers: HeaderMap, params: Params) -> Answer {
    let viewer = server.viewer(&headers, "read:statuses")?;
    let ids = params.list("id");
    if ids.len() > MOST {
        return Err(Refusal::unprocessable("Too many ids"));
    }
    let state = server.lock();
    let found = ids
        .iter()
        .filter_map(|id| state.visible(id, viewer).ok())
        .map(|status| server.status_json(&state, status, viewer));
    ok(Value::Array(found.collect()))
}

pub(super) async fn show(
    State(server): Served,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let viewer = server.viewer(&headers, "read:statuses")?;
    let state = server.lock();
    let status = state.visible(&id, viewer)?;
    ok(server.status_json(&state, status, viewer))
}

/// As it was written: only its author asks.
pub(super) async fn source(
    State(server): Served,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let account = server.authorised(&headers, &["read:statuses"])?;
    let state = server.lock();
    let status = state.visible(&id, Some(account))?;
    if status.account != account {
        return Err(Refusal::not_found());
    }
    ok(json!({
        "id": status.id.to_string(),
        "text": status.text,
        "spoiler_text": status.spoiler,
    }))
}

pub(super) async fn context(
    State(server): Served,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let viewer = server.viewer(&headers, "read:statuses")?;
    let state = server.lock();
    let status = state.visible(&id, viewer)?;
    let mut ancestors = Vec::new();
    let mut at = status.parent;
    while let Some(parent) = at.and_then(|id| state.statuses.get(&id)) {
        ancestors.push(parent.id);
        at = parent.parent;
    }
    ancestors.reverse();
    let mut descendants = Vec::new();
    collect_replies(&state, status.id, &mut descendants);
    let show = |ids: Vec<u64>| -> Vec<Value> {
        ids.iter()
            .filter_map(|id| state.statuses.get(id))
            .filter(|status| status.is_visible_to(viewer))
            .map(|status| server.status_json(&state, status, viewer))
            .collect()
    };
    ok(json!({ "ancestors": show(ancestors), "descendants": show(descendants) }))
}

/// Every answer right after what it answers.
fn collect_replies(state: &Held, root: u64, found: &mut Vec<u64>) {
    let replies = |id: u64| state.statuses.get(&id).map(|status| &status.replies);
    // Not by recursion: a thread may be as long as it likes.
    let mut open: Vec<u64> = replies(root).into_iter().flatten().rev().copied().collect();
    while let Some(id) = open.pop() {
        found.push(id);
        open.extend(replies(id).into_iter().flatten().rev());
    }
}

pub(super) async fn delete(
    State(server): Served,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let account = server.authorised(&headers, &["write:statuses"])?;
    let mut state = server.lock();
    let status = state.visible(&id, Some(account))?;
    if status.account != account {
        return Err(Refusal::not_found());
    }
    let id = status.id;
    let mut json = server.status_json(&state, status, Some(account));
    json["text"] = status.text.clone().into();
    state.remove(id);
    ok(json)
}

/// `favourite`, `reblog` and their opposites.
pub(super) fn act(State(server): Served, id: &str, action: &str, headers: &HeaderMap) -> Answer {
    let scope = match action {
        "favourite" | "unfavourite" => "write:favourites",
        "reblog" | "unreblog" => "write:statuses",
        _ => return Err(Refusal::not_found()),
    };
    let account = server.authorised(headers, &[scope])?;
    let now = server.now();
    let mut state = server.lock();
    let status = state.visible(id, Some(account))?;
    let id = status.boosted.unwrap_or(status.id);
    let mut shown = id;
    match action {
        "favourite" | "unfavourite" => state.favourite(id, account, action == "favourite"),
        "reblog" => {
            shown = state
                .boost(id, account, now)
                .ok_or_else(Refusal::not_found)?
        }
        _ => {
            let boost = state
                .statuses
                .get(&id)
                .and_then(|status| status.boosts.get(&account).copied());
            if let Some(boost) = boost {
                state.remove(boost);
            }
        }
    }
    let status = state.statuses.get(&shown).ok_or_else(Refusal::not_found)?;
    ok(server.status_json(&state, status, Some(account)))
}
