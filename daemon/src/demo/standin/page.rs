//! The pages that people look at: what was posted, and how it was received.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use chrono::SecondsFormat;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, StatusCode};
use minijinja::{Environment, Value, context};

use super::Server;
use super::state::{Account, MediaType, State as Held, Status, Visibility};
use super::text::{self, EntityKind};
use crate::model::Timestamp;

/// The newest posts only: this is a page, not an archive.
const SHOWN: usize = 100;

#[expect(
    clippy::expect_used,
    reason = "the template is a constant, and tests render it"
)]
static PAGES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages
        .add_template("timeline.html", include_str!("timeline.html"))
        .expect("a template of ours");
    pages
});

type Served = State<Arc<Server>>;

pub(super) fn router(server: &Arc<Server>) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/tags/{tag}", get(tag))
        .route("/{account}", get(profile))
        .route("/{account}/{id}", get(thread))
        .route("/users/{account}/statuses/{id}", get(permalink))
        .route("/files/{file}", get(file))
        .route("/avatars/{file}", get(avatar))
        .route("/thumbnail.svg", get(async || svg(&initial_svg("J", 210))))
        .with_state(server.clone())
}

async fn home(State(server): Served) -> Response {
    let state = server.lock();
    let posts = newest(&state, |status| {
        status.visibility == Visibility::Public && status.parent.is_none()
    });
    server.page(&state, "", &posts)
}

async fn tag(State(server): Served, Path(tag): Path<String>) -> Response {
    let state = server.lock();
    let posts = newest(&state, |status| {
        status.visibility == Visibility::Public
            && text::entities(&status.text).iter().any(|entity| {
                matches!(&entity.kind, EntityKind::Hashtag(name) if name.to_lowercase() == tag.to_lowercase())
            })
    });
    server.page(&state, &format!("#{tag}"), &posts)
}

async fn profile(State(server): Served, Path(name): Path<String>) -> Response {
    let state = server.lock();
    let Some(account) = owner(&state, &name) else {
        return missing();
    };
    let posts = newest(&state, |status| {
        status.account == account.id && status.is_visible_to(None)
    });
    server.page(&state, &account.display_name, &posts)
}

async fn permalink(server: Served, Path((name, id)): Path<(String, String)>) -> Response {
    thread(server, Path((format!("@{name}"), id))).await
}

/// A post with all that was answered.
async fn thread(State(server): Served, Path((name, id)): Path<(String, String)>) -> Response {
    let state = server.lock();
    let (Some(account), Ok(status)) = (owner(&state, &name), state.visible(&id, None)) else {
        return missing();
    };
    if status.account != account.id {
        return missing();
    }
    let mut root = status;
    while let Some(parent) = root.parent.and_then(|id| state.statuses.get(&id)) {
        root = parent;
    }
    let mut posts = Vec::new();
    let mut open = vec![root];
    while let Some(status) = open.pop() {
        let replies = status.replies.iter().rev();
        open.extend(replies.filter_map(|id| state.statuses.get(id)));
        if status.is_visible_to(None) {
            posts.push(status);
        }
    }
    server.page(&state, &format!("Post by {}", account.display_name), &posts)
}

async fn file(State(server): Served, Path(file): Path<String>) -> Response {
    let id = file.split('.').next().and_then(|id| id.parse().ok());
    let state = server.lock();
    match id.and_then(|id: u64| state.media.get(&id)) {
        Some(media) => (
            [
                (CONTENT_TYPE, HeaderValue::from_static(media.mime)),
                (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
            ],
            media.bytes.clone(),
        )
            .into_response(),
        None => missing(),
    }
}

async fn avatar(State(server): Served, Path(file): Path<String>) -> Response {
    let id = file.strip_suffix(".svg").and_then(|id| id.parse().ok());
    let state = server.lock();
    match id.and_then(|id: u64| state.accounts.get(&id)) {
        Some(account) => svg(&initial_svg(&initial(account), hue(account))),
        None => missing(),
    }
}

fn svg(image: &str) -> Response {
    ([(CONTENT_TYPE, "image/svg+xml")], image.to_owned()).into_response()
}

fn initial(account: &Account) -> String {
    let mut letters = account.display_name.chars().chain(account.username.chars());
    let letter = letters.find(|letter| letter.is_alphanumeric());
    letter.map_or_else(
        || "?".to_owned(),
        |letter| letter.to_uppercase().to_string(),
    )
}

/// A colour of the account's own.
fn hue(account: &Account) -> u32 {
    account
        .username
        .bytes()
        .fold(7u32, |hue, byte| (hue * 31 + u32::from(byte)) % 360)
}

fn initial_svg(letter: &str, hue: u32) -> String {
    format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 96 96"><rect width="96" height="96" fill="hsl({hue} 55% 42%)"/><text x="48" y="50" fill="#fff" font-family="sans-serif" font-size="48" font-weight="600" text-anchor="middle" dominant-baseline="central">{}</text></svg>"##,
        text::escape(letter)
    )
}

fn missing() -> Response {
    (
        StatusCode::NOT_FOUND,
        Html("<!doctype html><title>Not found</title><p>There is no such page here. <a href=\"/\">All posts</a>"),
    )
        .into_response()
}

fn owner<'a>(state: &'a Held, name: &str) -> Option<&'a Account> {
    state.account_named(name.strip_prefix('@')?)
}

fn newest(state: &Held, wanted: impl Fn(&Status) -> bool) -> Vec<&Status> {
    state
        .statuses
        .values()
        .rev()
        .filter(|status| status.boosted.is_none() && wanted(status))
        .take(SHOWN)
        .collect()
}

impl Server {
    fn page(&self, state: &Held, heading: &str, posts: &[&Status]) -> Response {
        let accounts: Vec<Value> = state
            .accounts
            .values()
            .filter(|account| {
                // Those who only answer are visitors.
                let mut statuses = account.statuses.iter();
                statuses.any(|id| {
                    let status = state.statuses.get(id);
                    status.is_some_and(|status| status.parent.is_none() && status.boosted.is_none())
                })
            })
            .map(|account| {
                context! {
                    name => account.display_name,
                    username => account.username,
                    avatar => format!("/avatars/{}.svg", account.id),
                    posts => account.statuses.len(),
                    followers => account.followers,
                }
            })
            .collect();
        let posts: Vec<Value> = posts.iter().map(|post| self.post(state, post)).collect();
        let page = context! {
            title => self.options.title,
            heading => heading,
            accounts => accounts,
            posts => posts,
            now => self.shown_time(self.now()),
        };
        let page = PAGES
            .get_template("timeline.html")
            .and_then(|template| template.render(page));
        match page {
            Ok(page) => (
                [
                    (
                        CONTENT_SECURITY_POLICY,
                        "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'",
                    ),
                    (CACHE_CONTROL, "no-store"),
                ],
                Html(page),
            )
                .into_response(),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        }
    }

    fn post(&self, state: &Held, status: &Status) -> Value {
        let author = state.accounts.get(&status.account);
        let media: Vec<Value> = status
            .media
            .iter()
            .filter_map(|id| state.media.get(id))
            .map(|media| {
                context! {
                    url => format!("/files/{}.{}", media.id, media.extension),
                    alt => media.description,
                    moving => media.kind == MediaType::Video,
                    sounding => media.kind == MediaType::Audio,
                }
            })
            .collect();
        context! {
            url => author.map(|author| format!("/@{}/{}", author.username, status.id)),
            name => author.map(|author| author.display_name.as_str()),
            username => author.map(|author| author.username.as_str()),
            avatar => format!("/avatars/{}.svg", status.account),
            time => self.shown_time(status.created_at),
            datetime => status.created_at.to_utc().to_rfc3339_opts(SecondsFormat::Secs, true),
            language => status.language,
            warning => status.spoiler,
            reply => status.parent.is_some(),
            visibility => status.visibility.name(),
            // Escaped where it was made.
            content => Value::from_safe_string(self.content(state, status)),
            media => media,
            poll => status.poll.as_ref().map(|poll| context! {
                options => poll.options,
                multiple => poll.multiple,
                until => self.shown_time(poll.expires_at),
            }),
            replies => status.replies.len(),
            boosts => status.boosts.len(),
            favourites => status.favourites.len(),
        }
    }

    fn shown_time(&self, at: Timestamp) -> String {
        let local = at.to_utc().with_timezone(&self.options.zone);
        local.format("%-d %B %Y, %H:%M").to_string()
    }
}
