//! The API's routes, and who may call them.

mod accounts;
mod media;
mod statuses;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::Server;
use super::error::Refusal;

/// What a handler answers.
type Answer = Result<Json<Value>, Refusal>;
type Served = State<Arc<Server>>;

pub(super) fn router(server: &Arc<Server>) -> Router {
    let uploads = server.options.rules.video_size_limit + (1 << 20);
    Router::new()
        .route("/api/v1/instance", get(old_instance))
        .route("/api/v2/instance", get(instance))
        .route(
            "/api/v1/accounts/verify_credentials",
            get(accounts::verify_credentials),
        )
        .route("/api/v1/accounts/lookup", get(accounts::lookup))
        .route("/api/v1/accounts/{id}", get(accounts::show))
        .route("/api/v1/accounts/{id}/statuses", get(accounts::statuses))
        .route("/api/v1/media", post(media::create_and_wait))
        .route("/api/v2/media", post(media::create))
        .route(
            "/api/v1/media/{id}",
            get(media::show).put(media::update).delete(media::delete),
        )
        .route(
            "/api/v1/statuses",
            get(statuses::list).post(statuses::create),
        )
        .route(
            "/api/v1/statuses/{id}",
            get(statuses::show).delete(statuses::delete),
        )
        .route("/api/v1/statuses/{id}/source", get(statuses::source))
        .route("/api/v1/statuses/{id}/context", get(statuses::context))
        .route("/api/v1/statuses/{id}/{action}", post(act))
        .fallback(async || Refusal::not_found())
        .layer(DefaultBodyLimit::max(uploads))
        .layer(from_fn_with_state(server.clone(), limit))
        .with_state(server.clone())
}

async fn instance(State(server): Served) -> Json<Value> {
    Json(server.instance_json())
}

async fn old_instance(State(server): Served) -> Json<Value> {
    Json(server.old_instance_json())
}

async fn act(
    server: Served,
    Path((id, action)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    statuses::act(server, &id, &action, &headers)
}

/// Counts the request for the account's limits, and tells where they stand.
async fn limit(State(server): Served, request: Request, next: Next) -> Response {
    let account = server
        .caller(request.headers())
        .map_or(0, |caller| caller.0);
    let standing = {
        let (method, path) = (request.method(), request.uri().path());
        let now = server.now();
        let mut state = server.lock();
        let rates = &server.options.rates;
        state.counters.count(rates, method, path, account, now)
    };
    let mut response = match standing {
        Some(standing) if standing.exceeded => Refusal::too_many().into_response(),
        _ => next.run(request).await,
    };
    if let Some(standing) = standing {
        standing.write(response.headers_mut());
    }
    response
}

impl Server {
    /// The account and the scopes of the request's token.
    fn caller(&self, headers: &HeaderMap) -> Option<(u64, Vec<String>)> {
        let token = bearer(headers)?;
        let state = self.lock();
        let token = state.tokens.get(token)?;
        Some((token.account, token.scopes.clone()))
    }

    /// The account in whose name the request is made, where its token covers one of
    /// these scopes.
    fn authorised(&self, headers: &HeaderMap, scopes: &[&str]) -> Result<u64, Refusal> {
        let (account, granted) = self.caller(headers).ok_or_else(Refusal::unauthorised)?;
        let covers = |scope: &&str| {
            let whole = scope.split(':').next().unwrap_or_default();
            granted
                .iter()
                .any(|granted| granted == scope || granted == whole)
        };
        match scopes.iter().any(covers) {
            true => Ok(account),
            false => Err(Refusal::out_of_scope()),
        }
    }

    /// As [`Server::authorised`], where strangers may come too.
    fn viewer(&self, headers: &HeaderMap, scope: &str) -> Result<Option<u64>, Refusal> {
        match headers.contains_key(AUTHORIZATION) {
            true => self.authorised(headers, &[scope]).map(Some),
            false => Ok(None),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn ok(json: Value) -> Answer {
    Ok(Json(json))
}

fn empty() -> Json<Value> {
    Json(json!({}))
}

fn with_status(status: StatusCode, json: Value) -> Response {
    (status, Json(json)).into_response()
}
