use std::ops::Bound;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::header::LINK;
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::{Answer, Served, ok};
use crate::demo::standin::error::Refusal;
use crate::demo::standin::params::Params;
use crate::demo::standin::state::{State as Held, Status};
use crate::demo::standin::text::{self, EntityKind};

/// The page's greatest length, and the one that is given when none is asked for.
const MOST: u64 = 40;
const USUAL: u64 = 20;

pub(super) async fn verify_credentials(State(server): Served, headers: HeaderMap) -> Answer {
    let scopes = ["read:accounts", "profile", "read:me"];
    let account = server.authorised(&headers, &scopes)?;
    let state = server.lock();
    let account = state
        .accounts
        .get(&account)
        .ok_or_else(Refusal::not_found)?;
    ok(server.credentials_json(account))
}

pub(super) async fn lookup(State(server): Served, params: Params) -> Answer {
    let name = params.text("acct").unwrap_or_default();
    let name = name.trim_start_matches('@');
    let state = server.lock();
    let account = state.account_named(name).ok_or_else(Refusal::not_found)?;
    ok(server.account_json(account))
}

pub(super) async fn show(State(server): Served, Path(id): Path<String>) -> Answer {
    let state = server.lock();
    let account = id.parse().ok().and_then(|id| state.accounts.get(&id));
    ok(server.account_json(account.ok_or_else(Refusal::not_found)?))
}

pub(super) async fn statuses(
    State(server): Served,
    Path(id): Path<String>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Refusal> {
    let viewer = server.viewer(&headers, "read:statuses")?;
    let state = server.lock();
    let account = id
        .parse()
        .ok()
        .and_then(|id| state.accounts.get(&id))
        .ok_or_else(Refusal::not_found)?;

    let bound = |name: &str| -> Option<u64> { params.number(name) };
    let limit = bound("limit").unwrap_or(USUAL).clamp(1, MOST) as usize;
    let least = bound("since_id").max(bound("min_id"));
    let least = least.map_or(Bound::Unbounded, Bound::Excluded);
    let most = bound("max_id").map_or(u64::MAX, |most| most);
    if matches!(least, Bound::Excluded(least) if least >= most) {
        return Ok(Json(Value::Array(Vec::new())).into_response());
    }
    let found = account
        .statuses
        .range((least, Bound::Excluded(most)))
        .filter_map(|id| state.statuses.get(id))
        .filter(|status| status.is_visible_to(viewer) && wanted(&state, status, &params));
    // `min_id` gives the page next to it; all else the newest.
    let page: Vec<&Status> = match bound("min_id") {
        Some(_) => {
            let mut page: Vec<_> = found.take(limit).collect();
            page.reverse();
            page
        }
        None => found.rev().take(limit).collect(),
    };

    let json = page
        .iter()
        .map(|status| server.status_json(&state, status, viewer))
        .collect();
    let mut response = Json(Value::Array(json)).into_response();
    let here = format!(
        "{}/api/v1/accounts/{id}/statuses?limit={limit}",
        server.base
    );
    let mut links = Vec::new();
    if let Some(last) = page.last().filter(|_| page.len() == limit) {
        links.push(format!("<{here}&max_id={}>; rel=\"next\"", last.id));
    }
    if let Some(first) = page.first() {
        links.push(format!("<{here}&min_id={}>; rel=\"prev\"", first.id));
    }
    if let Ok(links) = HeaderValue::from_str(&links.join(", "))
        && !links.is_empty()
    {
        response.headers_mut().insert(LINK, links);
    }
    Ok(response)
}

fn wanted(state: &Held, status: &Status, params: &Params) -> bool {
    let to_another = || {
        let parent = status.parent.and_then(|id| state.statuses.get(&id));
        parent.is_some_and(|parent| parent.account != status.account)
    };
    let tagged = |tag: &str| {
        text::entities(&status.text).iter().any(|entity| {
            matches!(&entity.kind, EntityKind::Hashtag(name) if name.to_lowercase() == tag.to_lowercase())
        })
    };
    !(params.flag("exclude_reblogs") && status.boosted.is_some()
        || params.flag("exclude_replies") && to_another()
        || params.flag("only_media") && status.media.is_empty()
        || params.flag("pinned")
        || params.text("tagged").is_some_and(|tag| !tagged(&tag)))
}
