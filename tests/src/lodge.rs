//! The platform of the plugin `lodge`: an authorization server that holds to the rules
//! (PKCE, codes and refresh tokens that are good for once, an end to a family of tokens of
//! which one comes twice), and the few resources behind it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::watch;
use url::Url;

/// The app that is registered there.
pub const APP: &str = "app-7";
pub const APP_SECRET: &str = "app secret/with+all";

/// What happens to the next request for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing is done.
    Status(u16),
    /// New tokens are made, and the answer never comes.
    Silence,
}

#[derive(Default)]
struct Books {
    /// Counted up for every secret that is given out.
    count: u64,
    /// Code: (query of the page, used).
    codes: BTreeMap<String, (BTreeMap<String, String>, bool)>,
    /// Tokens that only the exchange takes.
    short: BTreeMap<String, u64>,
    /// Access token: family.
    access: BTreeMap<String, u64>,
    /// Refresh token: family, and whether it was used.
    refresh: BTreeMap<String, (u64, bool)>,
    dead: BTreeSet<u64>,
    /// Seconds that a token lasts.
    life: u64,
    /// A refresh token that comes twice gets new tokens instead of the end.
    lenient: bool,
    /// The app is not one of those that get refresh tokens.
    short_lived: bool,
    troubles: Vec<Trouble>,
    /// Requests for tokens, by grant.
    asked: Vec<String>,
    given: Vec<String>,
    /// Texts by key.
    notes: Vec<(String, String)>,
    /// Answers of 401 to posts.
    refused: usize,
}

#[derive(Clone)]
pub struct Lodge {
    address: SocketAddr,
    books: Arc<Mutex<Books>>,
    changes: Arc<watch::Sender<u64>>,
}

impl Lodge {
    /// # Panics
    /// Loopback has no port left.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has ports");
        let lodge = Lodge {
            address: listener.local_addr().expect("it is bound"),
            books: Arc::new(Mutex::new(Books {
                life: 3600,
                ..Books::default()
            })),
            changes: Arc::new(watch::Sender::new(0)),
        };
        let router = Router::new()
            .route("/authorize", get(page))
            .route("/allow", post(allow))
            .route("/token", post(token))
            .route("/exchange", get(exchange))
            .route("/me", get(me))
            .route("/rooms", get(rooms))
            .route("/rooms/{room}", get(room))
            .route("/rooms/{room}/notes", get(found).post(note))
            .with_state(lodge.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        lodge
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The plugin's block, and an account for each name.
    pub fn blocks(&self, accounts: &[&str]) -> String {
        let mut text = format!(
            "\n[[brand]]\nname = \"Bakery\"\ntime_zone = \"UTC\"\n\
             \n[[plugin]]\nname = \"lodge\"\nclient_id = \"{APP}\"\nclient_secret = \"{APP_SECRET}\"\n\
             \n[[plugin.grant]]\nhost = \"{}\"\nplain_http = true\nprivate = true\n\
             reason = \"The test's own server\"\n",
            self.address
        );
        for name in accounts {
            text.push_str(&format!(
                "\n[[account]]\nname = \"{name}\"\nplugin = \"lodge\"\n\
                 settings = {{ api = \"{}\" }}\n\
                 rails = {{ per_hour = 1000, per_day = 1000, least_gap = \"0s\" }}\n",
                self.url()
            ));
        }
        text
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Seconds that a token lasts from now on.
    pub fn life(&self, seconds: u64) {
        self.books().life = seconds;
    }

    pub fn no_refresh_tokens(&self) {
        self.books().short_lived = true;
    }

    pub fn lenient(&self) {
        self.books().lenient = true;
    }

    /// Befalls the next requests for tokens, in this order.
    pub fn trouble(&self, troubles: &[Trouble]) {
        self.books().troubles.extend(troubles);
    }

    /// The user takes back what they allowed.
    pub fn revoke(&self) {
        let mut books = self.books();
        let families: Vec<u64> = books.access.values().copied().collect();
        books.dead.extend(families);
    }

    /// Every access token ends at once, and the refresh tokens stay.
    pub fn end_tokens(&self) {
        self.books().access.clear();
    }

    /// Requests for tokens so far, by grant.
    pub fn asked(&self) -> Vec<String> {
        self.books().asked.clone()
    }

    pub fn refreshes(&self) -> usize {
        let books = self.books();
        books
            .asked
            .iter()
            .filter(|one| *one == "refresh_token")
            .count()
    }

    /// Every secret that was given out.
    pub fn given(&self) -> Vec<String> {
        self.books().given.clone()
    }

    pub fn notes(&self) -> Vec<String> {
        self.books()
            .notes
            .iter()
            .map(|(_, text)| text.clone())
            .collect()
    }

    /// Posts that were turned away for their token.
    pub fn refused(&self) -> usize {
        self.books().refused
    }

    /// Waits until the books say so.
    ///
    /// # Panics
    /// They never do.
    pub async fn until(&self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let mut changes = self.changes.subscribe();
        let waiting = async {
            loop {
                changes.mark_unchanged();
                if wanted(self) {
                    return;
                }
                changes.changed().await.expect("the lodge lives on");
            }
        };
        if tokio::time::timeout(crate::standin::PATIENCE, waiting)
            .await
            .is_err()
        {
            panic!("in vain for {what}");
        }
    }

    /// The user says yes at this page: where the browser is sent.
    ///
    /// # Panics
    /// The page is refused.
    pub async fn allow(&self, page: &str) -> String {
        let query: BTreeMap<String, String> = Url::parse(page)
            .expect("an address")
            .query_pairs()
            .into_owned()
            .collect();
        let client = client();
        let shown = client.get(page).send().await.expect("the page");
        assert_eq!(
            shown.status(),
            200,
            "{}",
            shown.text().await.unwrap_or_default()
        );
        let answer = client
            .post(format!("{}/allow", self.url()))
            .body(
                url::form_urlencoded::Serializer::new(String::new())
                    .extend_pairs(&query)
                    .finish(),
            )
            .send()
            .await
            .expect("an answer");
        let to = answer.headers().get(header::LOCATION).expect("a redirect");
        to.to_str().expect("a text").to_owned()
    }
}

/// A browser without redirects.
///
/// # Panics
/// There is no client.
pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client")
}

impl Books {
    fn secret(&mut self, kind: &str) -> String {
        self.count += 1;
        let secret = format!("{kind}-{}-of-the-lodge", self.count);
        self.given.push(secret.clone());
        secret
    }

    fn pair(&mut self, family: u64) -> Value {
        let access = self.secret("access");
        self.access.insert(access.clone(), family);
        if self.short_lived {
            return json!({ "access_token": access, "expires_in": self.life });
        }
        let refresh = self.secret("refresh");
        self.refresh.insert(refresh.clone(), (family, false));
        json!({
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "bearer",
            "expires_in": self.life,
            "scope": "post read",
        })
    }
}

fn form(body: &str) -> BTreeMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

fn no(error: &str, why: &str) -> Response {
    let body = json!({ "error": error, "error_description": why });
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

/// What is wrong with the query of the page.
fn wrong(query: &BTreeMap<String, String>) -> Option<String> {
    let expected = [
        ("response_type", "code"),
        ("client_id", APP),
        ("scope", "post read clean"),
        ("code_challenge_method", "S256"),
        ("prompt", "consent"),
    ];
    for (name, value) in expected {
        if query.get(name).map(String::as_str) != Some(value) {
            return Some(format!("{name} is {:?}, not {value}", query.get(name)));
        }
    }
    for (name, least) in [("state", 32), ("code_challenge", 43), ("redirect_uri", 1)] {
        if query.get(name).is_none_or(|value| value.len() < least) {
            return Some(format!("{name} is too short"));
        }
    }
    None
}

/// Asks the user, and presses the button for them where there are scripts.
async fn page(Query(query): Query<BTreeMap<String, String>>) -> Response {
    if let Some(wrong) = wrong(&query) {
        return no("invalid_request", &wrong);
    }
    let fields: String = query
        .iter()
        .map(|(name, value)| {
            let value = value.replace('&', "&amp;").replace('"', "&quot;");
            format!("<input type=hidden name=\"{name}\" value=\"{value}\">")
        })
        .collect();
    Html(format!(
        "<!doctype html><title>The lodge</title><form id=f method=post action=/allow>{fields}\
         <button>Let it in</button></form><script>document.getElementById('f').submit()</script>"
    ))
    .into_response()
}

async fn allow(State(lodge): State<Lodge>, body: String) -> Response {
    let query = form(&body);
    if let Some(wrong) = wrong(&query) {
        return no("invalid_request", &wrong);
    }
    let code = {
        let mut books = lodge.books();
        let code = books.secret("code");
        books.codes.insert(code.clone(), (query.clone(), false));
        code
    };
    let mut to = Url::parse(&query["redirect_uri"]).expect("an address");
    to.query_pairs_mut()
        .append_pair("code", &code)
        .append_pair("state", &query["state"]);
    Redirect::to(to.as_str()).into_response()
}

fn is_app(headers: &HeaderMap) -> bool {
    let encoded =
        |text: &str| -> String { url::form_urlencoded::byte_serialize(text.as_bytes()).collect() };
    let pair = format!("{}:{}", encoded(APP), encoded(APP_SECRET));
    let expected = format!("Basic {}", STANDARD.encode(pair));
    headers
        .get(header::AUTHORIZATION)
        .is_some_and(|value| value.as_bytes() == expected.as_bytes())
}

async fn token(State(lodge): State<Lodge>, headers: HeaderMap, body: String) -> Response {
    let form = form(&body);
    let grant = form.get("grant_type").cloned().unwrap_or_default();
    let trouble = {
        let mut books = lodge.books();
        books.asked.push(grant.clone());
        match books.troubles.is_empty() {
            true => None,
            false => Some(books.troubles.remove(0)),
        }
    };
    if let Some(Trouble::Status(status)) = trouble {
        lodge.changed();
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, "the lodge is closed").into_response();
    }
    if !is_app(&headers) {
        let body = json!({ "error": "invalid_client" });
        return (StatusCode::UNAUTHORIZED, Json(body)).into_response();
    }
    let answer = match grant.as_str() {
        "authorization_code" => redeem(&lodge, &form),
        "refresh_token" => refresh(&lodge, &form),
        other => no("unsupported_grant_type", other),
    };
    lodge.changed();
    if trouble == Some(Trouble::Silence) {
        std::future::pending::<()>().await;
    }
    answer
}

fn redeem(lodge: &Lodge, form: &BTreeMap<String, String>) -> Response {
    let mut books = lodge.books();
    let code = form.get("code").cloned().unwrap_or_default();
    let Some((query, used)) = books.codes.get_mut(&code) else {
        return no("invalid_grant", "there is no such code");
    };
    if std::mem::replace(used, true) {
        return no("invalid_grant", "the code was used");
    }
    let query = query.clone();
    if form.get("redirect_uri") != query.get("redirect_uri") {
        return no("invalid_grant", "another redirect_uri");
    }
    let verifier = form.get("code_verifier").cloned().unwrap_or_default();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
    if verifier.len() < 43 || query.get("code_challenge") != Some(&challenge) {
        return no("invalid_grant", "the verifier is of another challenge");
    }
    let family = books.count;
    let short = books.secret("short");
    books.short.insert(short.clone(), family);
    Json(json!({ "access_token": short, "expires_in": 60, "scope": "post read" })).into_response()
}

fn refresh(lodge: &Lodge, form: &BTreeMap<String, String>) -> Response {
    let mut books = lodge.books();
    let token = form.get("refresh_token").cloned().unwrap_or_default();
    let Some((family, used)) = books.refresh.get_mut(&token) else {
        return no("invalid_grant", "there is no such token");
    };
    let family = *family;
    let again = std::mem::replace(used, true);
    if again && !books.lenient {
        // Whoever has the other copy is shut out as well.
        books.dead.insert(family);
    }
    if books.dead.contains(&family) {
        return no("invalid_grant", "the token was revoked");
    }
    Json(books.pair(family)).into_response()
}

async fn exchange(
    State(lodge): State<Lodge>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut books = lodge.books();
    books.asked.push("exchange".to_owned());
    let is = |name: &str, value: &str| query.get(name).map(String::as_str) == Some(value);
    if !is("app", APP) || !is("proof", APP_SECRET) {
        return no("invalid_client", "who are you");
    }
    let Some(family) = query
        .get("short")
        .and_then(|token| books.short.remove(token))
    else {
        return no("invalid_grant", "there is no such token");
    };
    Json(books.pair(family)).into_response()
}

/// Whether the bearer is let in.
fn is_guest(lodge: &Lodge, headers: &HeaderMap) -> bool {
    let books = lodge.books();
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    token
        .and_then(|token| books.access.get(token))
        .is_some_and(|family| !books.dead.contains(family))
}

fn out() -> Response {
    (
        StatusCode::UNAUTHORIZED,
        Json(json!({ "message": "who are you" })),
    )
        .into_response()
}

async fn me(State(lodge): State<Lodge>, headers: HeaderMap) -> Response {
    if !is_guest(&lodge, &headers)
        || headers
            .get("x-room-key")
            .is_none_or(|key| key != "brass key")
    {
        return out();
    }
    let left = 100 - lodge.books().notes.len();
    Json(json!({ "name": "guest", "left": left })).into_response()
}

async fn rooms(State(lodge): State<Lodge>, headers: HeaderMap) -> Response {
    if !is_guest(&lodge, &headers) {
        return out();
    }
    Json(json!([
        { "id": "kitchen", "name": "Kitchen", "locked": false },
        { "id": "attic", "name": "Attic", "locked": true },
        { "id": "garden", "name": "Garden", "locked": false },
    ]))
    .into_response()
}

async fn room(
    State(lodge): State<Lodge>,
    Path(room): Path<String>,
    headers: HeaderMap,
) -> Response {
    if !is_guest(&lodge, &headers) {
        return out();
    }
    match room.as_str() {
        "kitchen" | "garden" => Json(json!({ "key": "brass key" })).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn note(
    State(lodge): State<Lodge>,
    Path(room): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if !is_guest(&lodge, &headers) {
        lodge.books().refused += 1;
        lodge.changed();
        return out();
    }
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let count = {
        let mut books = lodge.books();
        books
            .notes
            .push((text("key"), format!("{room}: {}", text("text"))));
        books.notes.len()
    };
    lodge.changed();
    Json(json!({ "id": count.to_string() })).into_response()
}

async fn found(
    State(lodge): State<Lodge>,
    headers: HeaderMap,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    if !is_guest(&lodge, &headers) {
        return out();
    }
    let wanted = query.get("key").cloned().unwrap_or_default();
    let books = lodge.books();
    let found: Vec<Value> = (1..)
        .zip(&books.notes)
        .filter(|(_, (key, _))| *key == wanted)
        .map(|(id, _)| json!({ "id": id.to_string() }))
        .collect();
    Json(json!(found)).into_response()
}
