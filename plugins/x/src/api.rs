//! The API, what it answers, and what its refusals mean.

use jarchi_plugin_sdk::http::{Request, Response, encode};
use jarchi_plugin_sdk::{Account, Error, Millis, Result, Timestamp, clock, kv, time};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// How long the account's own identifier is remembered (milliseconds): reading it costs.
const REMEMBERED: Millis = 24 * 60 * 60 * 1000;
/// The first moment of X's identifiers, which begin with their time (milliseconds).
const EPOCH: u64 = 1_288_834_974_657;

/// The account's settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub api: String,
    /// What a post may count.
    pub text: usize,
    pub video_seconds: u64,
    /// Bytes.
    pub video_size: u64,
    pub reply_settings: Option<String>,
    pub direct_messages: bool,
    pub costs: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            api: "https://api.x.com".into(),
            text: jarchi_plugin_sdk::count::x::LIMIT,
            video_seconds: 140,
            video_size: 512 << 20,
            reply_settings: None,
            direct_messages: true,
            costs: true,
        }
    }
}

/// The API, in the account's name.
#[derive(Debug)]
pub struct Api {
    pub settings: Settings,
}

/// What is at stake when a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stake {
    /// Nothing was published, whatever came of it.
    Harmless,
    /// The request publishes.
    Commit,
}

impl Api {
    /// # Errors
    /// `Invalid`: a setting does not fit.
    pub fn of(account: &Account) -> Result<Self> {
        Ok(Api {
            settings: account.settings()?,
        })
    }

    /// A request to `path`, as `/2/tweets`.
    pub fn request(&self, method: &str, path: &str) -> Request {
        let base = self.settings.api.trim_end_matches('/');
        Request::new(method, format!("{base}{path}")).bearer("access_token")
    }

    /// The path of a post.
    pub fn post(id: &str) -> String {
        format!("/2/tweets/{}", encode(id))
    }

    /// The account itself.
    ///
    /// # Errors
    /// X did not tell.
    pub fn me(&self) -> Result<(Me, Response)> {
        let request = self.request("GET", "/2/users/me").query(
            "user.fields",
            "id,name,username,public_metrics,protected,verified_type,subscription_type",
        );
        let response = harmless(request)?;
        let me: Whole<Me> = response.json()?;
        Ok((me.data()?, response))
    }

    /// The account's identifier.
    ///
    /// # Errors
    /// X did not tell.
    pub fn my_id(&self) -> Result<String> {
        kv::cached("account-id", REMEMBERED, || self.me().map(|(me, _)| me.id))
    }
}

/// Sends what publishes nothing.
///
/// # Errors
/// Every answer but a success, in the queue's terms.
pub fn harmless(request: Request) -> Result<Response> {
    match request.send() {
        Ok(response) if response.is_success() => response.for_read(),
        Ok(response) => Err(refused(&response, Stake::Harmless)),
        Err(error) => Err(unsent(error)),
    }
}

/// Sends what publishes.
///
/// # Errors
/// Every answer but a success, in the queue's terms.
pub fn commit(request: Request) -> Result<Response> {
    let response = request.send()?;
    match response.is_success() {
        true => Ok(response),
        false => Err(refused(&response, Stake::Commit)),
    }
}

/// No answer to something harmless.
pub fn unsent(error: jarchi_plugin_sdk::http::HttpError) -> Error {
    match Error::from(error) {
        Error::UnknownOutcome(reason) => Error::Transient(reason),
        other => other,
    }
}

/// X's own words of a refusal: RFC 7807's problem, or the older list of errors.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refusal {
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub detail: String,
    pub reason: String,
    pub errors: Vec<Fault>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Fault {
    pub code: Option<i64>,
    pub message: String,
    pub detail: String,
    pub title: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub resource_id: Option<String>,
    pub value: Option<Value>,
    pub field: Option<String>,
}

impl Fault {
    /// What it is about.
    pub fn about(&self) -> Option<&str> {
        let value = self.value.as_ref().and_then(Value::as_str);
        self.resource_id.as_deref().or(value)
    }

    pub fn is(&self, problem: &str) -> bool {
        self.kind.rsplit('/').next() == Some(problem)
    }
}

impl Refusal {
    pub fn of(response: &Response) -> Self {
        serde_json::from_slice(&response.body).unwrap_or_default()
    }

    fn is(&self, problem: &str) -> bool {
        self.kind.rsplit('/').next() == Some(problem)
            || self.errors.iter().any(|fault| fault.is(problem))
    }

    fn has_code(&self, code: i64) -> bool {
        self.errors.iter().any(|fault| fault.code == Some(code))
    }

    /// All that it says, in lower case.
    fn words(&self) -> String {
        let mut words = format!("{} {} {}", self.title, self.detail, self.reason);
        for fault in &self.errors {
            words.push_str(&format!(" {} {}", fault.message, fault.detail));
        }
        words.to_lowercase()
    }
}

/// X refuses a post because the account published the same words lately. Legacy code 187;
/// "You are not allowed to create a Tweet with duplicate content."
pub fn is_duplicate(response: &Response) -> bool {
    let refusal = Refusal::of(response);
    response.status == 403
        && (refusal.has_code(187) || refusal.words().contains("duplicate content"))
}

/// What a refusal means (X API, "Response codes and errors"):
///
/// | answer | |
/// |---|---|
/// | 401; 403 `Unsupported Authentication` | the token ended: connect anew |
/// | 402 | no credits left |
/// | 403 `client-forbidden`, `oauth1-permissions`, a suspended account | the app or the account may not |
/// | 403 of the content: duplicate, reply, link, cashtag, video | never as it is |
/// | 429 `usage-capped` | the month's cap: a person decides |
/// | 429 | wait until the window ends |
/// | 408, 5xx | unknown after a commit, else tried again |
/// | others | never as it is |
pub fn refused(response: &Response, stake: Stake) -> Error {
    let refusal = Refusal::of(response);
    let message = response.message();
    let words = refusal.words();
    let has = |some: &[&str]| some.iter().any(|word| words.contains(word));
    match response.status {
        401 => Error::unauthorized(format!(
            "{message}; connect the account anew: `jarchi account auth`"
        )),
        402 => Error::unauthorized(format!(
            "{message}; the app's credits are out: buy some on developer.x.com, then have the \
             post tried again"
        )),
        403 if has(&["unsupported authentication"]) => Error::unauthorized(format!(
            "{message}; connect the account anew: `jarchi account auth`"
        )),
        403 if refusal.has_code(64) || has(&["suspended", "account is locked"]) => {
            Error::unauthorized(format!("{message}; look at the account on x.com"))
        }
        403 if refusal.is("client-forbidden")
            || refusal.is("oauth1-permissions")
            || has(&[
                "not permitted to access this feature",
                "access level",
                "client not enrolled",
                "required scope",
            ]) =>
        {
            Error::unauthorized(format!(
                "{message}; the app or its scopes do not allow it: see developer.x.com"
            ))
        }
        403 if has(&["reply to this", "replies", "not been mentioned", "summon"]) => {
            Error::invalid(format!(
                "{message}; X lets self-serve apps reply only where the author mentioned the \
                 account"
            ))
        }
        403 => Error::invalid(message),
        429 if refusal.is("usage-capped") || has(&["usage cap"]) => Error::unauthorized(format!(
            "{message}; the cap of the app's plan is reached: raise it, or wait for the next \
             period, then have the post tried again"
        )),
        429 => Error::rate_limited(wait(response)),
        408 | 500.. if stake == Stake::Commit => Error::unknown_outcome(message),
        408 | 425 | 500.. => match response.retry_after() {
            Some(wait) => Error::rate_limited(Some(wait)),
            None => Error::transient(message),
        },
        _ => Error::invalid(message),
    }
}

/// Until the end of the window that is used up: of 15 minutes, or of 24 hours.
fn wait(response: &Response) -> Option<Millis> {
    let now = clock::now();
    let number = |name: String| response.header(&name)?.trim().parse::<u64>().ok();
    let ends = ["x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour"]
        .into_iter()
        .filter(|family| number(format!("{family}-remaining")) == Some(0))
        .filter_map(|family| number(format!("{family}-reset")))
        .max();
    match ends {
        // A second more: the header has whole seconds.
        Some(end) => Some((end * 1000).saturating_sub(now) + 1000),
        None => response.retry_after(),
    }
}

/// An answer with what it is about, and what could not be told beside it.
#[derive(Debug, Deserialize)]
pub struct Whole<T> {
    pub data: Option<T>,
    #[serde(default)]
    pub includes: Includes,
    #[serde(default)]
    pub errors: Vec<Fault>,
    #[serde(default)]
    pub meta: Meta,
}

impl<T: DeserializeOwned> Whole<T> {
    /// # Errors
    /// `Transient`: there is nothing but errors.
    pub fn data(self) -> Result<T> {
        let faults = self.errors;
        self.data.ok_or_else(|| {
            let words = faults.first().map_or("nothing", |fault| {
                [&fault.detail, &fault.message, &fault.title]
                    .into_iter()
                    .find(|words| !words.is_empty())
                    .map_or("an error without words", String::as_str)
            });
            Error::transient(format!("X answered with {words}"))
        })
    }
}

#[derive(Debug, Default, Deserialize)]
pub struct Meta {
    pub next_token: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Includes {
    pub users: Vec<User>,
    pub media: Vec<Media>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct User {
    pub id: String,
    #[serde(default)]
    pub username: String,
    pub name: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Media {
    pub media_key: String,
    #[serde(rename = "type", default)]
    pub kind: String,
    pub url: Option<String>,
    pub preview_image_url: Option<String>,
    pub alt_text: Option<String>,
    #[serde(default)]
    pub public_metrics: Numbers,
    #[serde(default)]
    pub non_public_metrics: Numbers,
}

/// Numbers by name. The older and the newer description of the API name some otherwise.
pub type Numbers = std::collections::BTreeMap<String, i64>;

/// The account.
#[derive(Debug, Deserialize)]
pub struct Me {
    pub id: String,
    pub username: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub public_metrics: Numbers,
    #[serde(default)]
    pub protected: bool,
    pub subscription_type: Option<String>,
}

/// A post as X has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Tweet {
    pub id: String,
    #[serde(default)]
    pub text: String,
    pub author_id: Option<String>,
    pub created_at: Option<String>,
    pub conversation_id: Option<String>,
    pub in_reply_to_user_id: Option<String>,
    pub lang: Option<String>,
    #[serde(default)]
    pub entities: Entities,
    /// The whole of a long post.
    #[serde(alias = "note_post")]
    pub note_tweet: Option<Note>,
    #[serde(default, alias = "referenced_posts")]
    pub referenced_tweets: Vec<Reference>,
    #[serde(default)]
    pub attachments: Attachments,
    #[serde(default)]
    pub public_metrics: Numbers,
    #[serde(default)]
    pub non_public_metrics: Numbers,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Note {
    pub text: String,
    #[serde(default)]
    pub entities: Entities,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Entities {
    pub urls: Vec<ShortUrl>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ShortUrl {
    /// As it stands in the text.
    pub url: String,
    pub expanded_url: Option<String>,
    /// It stands for a file of the post.
    pub media_key: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Reference {
    #[serde(rename = "type")]
    pub kind: String,
    pub id: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Attachments {
    pub media_keys: Vec<String>,
    pub poll_ids: Vec<String>,
}

impl Tweet {
    /// The post that it refers to in this way: `replied_to`, `quoted`.
    pub fn refers(&self, kind: &str) -> Option<&str> {
        let found = self
            .referenced_tweets
            .iter()
            .find(|other| other.kind == kind);
        found.map(|other| other.id.as_str())
    }

    /// When it was published.
    pub fn created(&self) -> Option<Timestamp> {
        let told = self.created_at.as_deref().and_then(time::parse_rfc3339);
        told.or_else(|| moment(&self.id))
    }
}

/// The time in an identifier: milliseconds since X's epoch, above 22 bits.
pub fn moment(id: &str) -> Option<Timestamp> {
    let id: u64 = id.parse().ok()?;
    // Those of the years before 2010 were counted one by one.
    (id > 1 << 40).then_some((id >> 22) + EPOCH)
}

/// Where people see a post.
pub fn address(id: &str) -> String {
    format!("https://x.com/i/status/{id}")
}
