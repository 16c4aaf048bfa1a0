use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::{Answer, Served, empty, with_status};
use crate::demo::standin::Server;
use crate::demo::standin::error::Refusal;
use crate::demo::standin::media::{focus, sniff};
use crate::demo::standin::params::Params;
use crate::demo::standin::state::{Media, MediaType};

const SCOPE: [&str; 1] = ["write:media"];

/// The second version: what takes time is worked on after the answer.
pub(super) async fn create(
    State(server): Served,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Refusal> {
    let (done, json) = upload(&server, &headers, params, true)?;
    let status = if done {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    Ok(with_status(status, json))
}

/// The first version: all is done before the answer.
pub(super) async fn create_and_wait(
    State(server): Served,
    headers: HeaderMap,
    params: Params,
) -> Answer {
    let (_, json) = upload(&server, &headers, params, false)?;
    Ok(Json(json))
}

fn upload(
    server: &Server,
    headers: &HeaderMap,
    mut params: Params,
    later: bool,
) -> Result<(bool, Value), Refusal> {
    let account = server.authorised(headers, &SCOPE)?;
    let Some(file) = params.files.remove("file") else {
        return Err(Refusal::invalid("File can't be blank"));
    };
    let description = description(server, &params)?;
    let sniffed = sniff(&file, &server.options.rules)?;
    let now = server.now();
    let processing = server.options.processing;
    let slow = later && (processing.images || sniffed.kind != MediaType::Image);
    let mut state = server.lock();
    let media = Media {
        id: state.next_id(now),
        account,
        kind: sniffed.kind,
        mime: sniffed.mime,
        extension: sniffed.extension,
        bytes: file,
        size: sniffed.size,
        description: description.flatten(),
        focus: params.text("focus").as_deref().and_then(focus),
        unfinished: if slow { processing.polls } else { 0 },
        status: None,
    };
    let answer = (media.unfinished == 0, server.media_json(&media));
    state.media.insert(media.id, media);
    Ok(answer)
}

/// `Some(None)` takes the description away.
fn description(server: &Server, params: &Params) -> Result<Option<Option<String>>, Refusal> {
    let Some(text) = params.text("description") else {
        return Ok(None);
    };
    let limit = server.options.rules.description_limit;
    if text.chars().count() > limit {
        return Err(Refusal::invalid(format_args!(
            "Description is too long (maximum is {limit} characters)"
        )));
    }
    let text = text.trim();
    Ok(Some((!text.is_empty()).then(|| text.to_owned())))
}

pub(super) async fn show(
    State(server): Served,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let account = server.authorised(&headers, &SCOPE)?;
    let mut state = server.lock();
    let media = unattached(&mut state.media, &id, account)?;
    let answer = partial(&server, media);
    media.unfinished = media.unfinished.saturating_sub(1);
    Ok(answer)
}

pub(super) async fn update(
    State(server): Served,
    Path(id): Path<String>,
    headers: HeaderMap,
    params: Params,
) -> Result<Response, Refusal> {
    let account = server.authorised(&headers, &SCOPE)?;
    let description = description(&server, &params)?;
    let mut state = server.lock();
    let media = unattached(&mut state.media, &id, account)?;
    if let Some(description) = description {
        media.description = description;
    }
    if let Some(focus) = params.text("focus").as_deref().and_then(focus) {
        media.focus = Some(focus);
    }
    Ok(partial(&server, media))
}

pub(super) async fn delete(
    State(server): Served,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Answer {
    let account = server.authorised(&headers, &SCOPE)?;
    let mut state = server.lock();
    let id = unattached(&mut state.media, &id, account)?.id;
    state.media.remove(&id);
    Ok(empty())
}

fn partial(server: &Server, media: &Media) -> Response {
    let status = if media.unfinished > 0 {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    with_status(status, server.media_json(media))
}

/// Media of the account's own that no status has: others are not found here.
fn unattached<'a>(
    media: &'a mut std::collections::BTreeMap<u64, Media>,
    id: &str,
    account: u64,
) -> Result<&'a mut Media, Refusal> {
    id.parse()
        .ok()
        .and_then(|id: u64| media.get_mut(&id))
        .filter(|media| media.account == account && media.status.is_none())
        .ok_or_else(Refusal::not_found)
}
