//! The Bot API: requests, answers, and what its refusals mean (core.telegram.org/bots/api).

use jarchi_plugin_sdk::http::{self, HttpError, Multipart, Request, Response};
use jarchi_plugin_sdk::{Account, Error, Result, kv};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::options::Settings;

/// How long a chat and the bot itself are remembered (milliseconds).
const REMEMBERED: u64 = 60 * 60 * 1000;
/// A group that became a supergroup: its name in the settings, and its new number.
const MOVED: &str = "moved";

/// The account's bot and its chat.
pub struct Bot {
    pub settings: Settings,
}

/// What is sent: fields, and files by the names of their parts.
#[derive(Debug, Default)]
pub struct Call<'a> {
    pub method: &'static str,
    pub fields: Map<String, Value>,
    pub files: Vec<(String, &'a jarchi_plugin_sdk::MediaItem)>,
}

impl Call<'_> {
    pub fn put(&mut self, name: &str, value: impl Into<Value>) {
        self.fields.insert(name.to_owned(), value.into());
    }
}

/// Why a call did not do what it should.
#[derive(Debug)]
pub struct Refused {
    pub error: Error,
    /// The group has this number now; nothing was done.
    pub moved_to: Option<i64>,
    pub description: String,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        refused.error
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Refused {
            description: error.reason(),
            error,
            moved_to: None,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stake {
    Read,
    Commit,
}

impl Bot {
    /// # Errors
    /// `Invalid`: the settings are not as the manifest declares them.
    pub fn of(account: &Account) -> Result<Self> {
        let mut settings: Settings = account.settings()?;
        let api = settings.api.trim_end_matches('/').len();
        settings.api.truncate(api);
        Ok(Bot { settings })
    }

    /// The chat of the settings, as a parameter.
    ///
    /// # Errors
    /// `Invalid`: none is chosen.
    pub fn chat(&self) -> Result<Value> {
        let Some(chat) = self.chosen() else {
            return Err(Error::invalid(
                "no chat is chosen: set `chat` to the channel's @name or its number",
            ));
        };
        if let Some((name, number)) = kv::get::<(String, i64)>(MOVED)?
            && name == chat
        {
            return Ok(number.into());
        }
        Ok(match chat.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => format!("@{}", chat.trim_start_matches('@')).into(),
        })
    }

    fn chosen(&self) -> Option<&str> {
        let chat = self.settings.chat.as_deref()?.trim();
        (!chat.is_empty()).then_some(chat)
    }

    /// Remembers that the chosen group has another number now.
    ///
    /// # Errors
    /// The memory can't be written.
    pub fn moved(&self, number: i64) -> Result<()> {
        let Some(chat) = self.chosen() else {
            return Ok(());
        };
        jarchi_plugin_sdk::warn!(
            "the group became a supergroup: set `chat = \"{number}\"` instead of `{chat}`"
        );
        kv::set(MOVED, &(chat, number))?;
        Ok(())
    }

    /// The chosen chat, remembered for an hour.
    ///
    /// # Errors
    /// Telegram refused to tell.
    pub fn about_chat(&self) -> Result<ChatInfo> {
        let chat = self.chat()?;
        kv::cached(&format!("chat:{chat}"), REMEMBERED, || {
            self.read("getChat", json!({ "chat_id": chat }))
                .map_err(Error::from)
        })
    }

    /// The bot itself, remembered for an hour.
    ///
    /// # Errors
    /// Telegram refused to tell.
    pub fn me(&self) -> Result<User> {
        kv::cached("me", REMEMBERED, || {
            self.read("getMe", json!({})).map_err(Error::from)
        })
    }

    /// Calls what is harmless to repeat.
    ///
    /// # Errors
    /// What Telegram's refusal means.
    pub fn read<T: DeserializeOwned>(&self, method: &str, parameters: Value) -> Result<T, Refused> {
        let request = self.request(method).json(&parameters);
        judge(request.send(), Stake::Read, &parameters)
    }

    /// Calls what can't be taken back.
    ///
    /// # Errors
    /// What Telegram's refusal means.
    pub fn commit<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Refused> {
        let request = self.request(call.method);
        let parameters = Value::Object(call.fields);
        if call.files.is_empty() {
            return judge(request.json(&parameters).send(), Stake::Commit, &parameters);
        }
        let mut form = Multipart::new();
        for (name, value) in parameters.as_object().into_iter().flatten() {
            form = match value {
                Value::String(text) => form.text(name, text.clone()),
                other => form.text(name, other.to_string()),
            };
        }
        for (name, file) in &call.files {
            form = form.media(name, &file.name, &file.mime, &file.id);
        }
        judge(request.multipart(form).send(), Stake::Commit, &parameters)
    }

    fn request(&self, method: &str) -> Request {
        let token = http::secret("token");
        http::post(format!("{}/bot{token}/{method}", self.settings.api))
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    ok: bool,
    #[serde(default)]
    result: Value,
    #[serde(default)]
    error_code: Option<u16>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
struct Parameters {
    #[serde(default)]
    retry_after: Option<u64>,
    #[serde(default)]
    migrate_to_chat_id: Option<i64>,
}

fn judge<T: DeserializeOwned>(
    answer: Result<Response, HttpError>,
    stake: Stake,
    sent: &Value,
) -> Result<T, Refused> {
    let unclear = |reason: String| match stake {
        Stake::Read => Error::Transient(reason),
        Stake::Commit => Error::UnknownOutcome(reason),
    };
    let response = answer.map_err(|error| match Error::from(error) {
        Error::UnknownOutcome(reason) => unclear(reason),
        other => other,
    })?;
    let envelope: Option<Envelope> = serde_json::from_slice(&response.body).ok();
    match envelope {
        Some(envelope) if response.is_success() && envelope.ok => {
            serde_json::from_value(envelope.result)
                .map_err(|error| unclear(format!("an answer of another shape: {error}")).into())
        }
        Some(envelope) if !envelope.ok => Err(refused(&response, envelope, stake, sent)),
        _ if response.is_success() => Err(unclear(format!(
            "the Bot API server answered {} with no result",
            response.status
        ))
        .into()),
        // A page of something in front of the server.
        _ => Err(refused(
            &response,
            Envelope {
                ok: false,
                result: Value::Null,
                error_code: None,
                description: response.message(),
                parameters: Parameters::default(),
            },
            stake,
            sent,
        )),
    }
}

/// What is missing, in the words of 400 and 403.
const RIGHTS: [&str; 9] = [
    "not enough rights",
    "need administrator rights",
    "have no rights",
    "CHAT_ADMIN_REQUIRED",
    "CHAT_WRITE_FORBIDDEN",
    "CHAT_SEND_",
    "bot is not a member",
    "bot was kicked",
    "TOPIC_CLOSED",
];

fn refused(response: &Response, envelope: Envelope, stake: Stake, sent: &Value) -> Refused {
    let said = &envelope.description;
    let private = sent["chat_id"].as_i64().is_some_and(|chat| chat > 0);
    let error = match envelope.error_code.unwrap_or(response.status) {
        429 => Error::RateLimited(
            envelope
                .parameters
                .retry_after
                .map(|seconds| seconds.saturating_mul(1000))
                .or_else(|| response.retry_after()),
        ),
        401 => Error::Unauthorized(format!(
            "Telegram refuses the bot's token ({said}): take a new one from @BotFather with /token"
        )),
        404 => Error::Unauthorized(format!(
            "{said}: the token is not of Telegram's form, or `api` is no Bot API server"
        )),
        409 if said.contains("webhook") => Error::Invalid(format!(
            "another program gets this bot's updates by a webhook ({said}): give this account a bot of its own, or set `updates = false`"
        )),
        409 => Error::Transient(format!(
            "another program reads this bot's updates ({said}): give this account a bot of its own, or set `updates = false`"
        )),
        400 | 403 if private => Error::Invalid(said.clone()),
        403 => Error::Unauthorized(format!(
            "{said}: add the bot to the chat as an administrator who may post"
        )),
        400 if RIGHTS.iter().any(|words| said.contains(words)) => Error::Unauthorized(format!(
            "{said}: give the bot the right to post in the chat's list of administrators"
        )),
        413 => Error::Invalid(format!(
            "{said}: the file is larger than this Bot API server takes"
        )),
        408 | 500.. if stake == Stake::Commit => Error::UnknownOutcome(said.clone()),
        408 | 425 | 500.. => Error::Transient(said.clone()),
        _ => Error::Invalid(said.clone()),
    };
    Refused {
        error,
        moved_to: envelope.parameters.migrate_to_chat_id,
        description: envelope.description,
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    pub id: i64,
    #[serde(default)]
    pub is_bot: bool,
    #[serde(default)]
    pub first_name: String,
    #[serde(default)]
    pub last_name: Option<String>,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub language_code: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    Private,
    Group,
    Supergroup,
    Channel,
    /// One that came later.
    #[serde(other)]
    Other,
}

impl ChatKind {
    pub fn name(self) -> &'static str {
        match self {
            ChatKind::Private => "private chat",
            ChatKind::Group | ChatKind::Supergroup => "group",
            ChatKind::Channel => "channel",
            ChatKind::Other => "chat",
        }
    }

    pub fn is_group(self) -> bool {
        matches!(self, ChatKind::Group | ChatKind::Supergroup)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Chat {
    pub id: i64,
    #[serde(rename = "type")]
    pub kind: ChatKind,
    #[serde(default)]
    pub title: Option<String>,
    #[serde(default)]
    pub username: Option<String>,
}

impl Chat {
    pub fn name(&self) -> String {
        let named = self.title.clone();
        named
            .or_else(|| self.username.as_ref().map(|name| format!("@{name}")))
            .unwrap_or_else(|| self.id.to_string())
    }

    /// Where people see a message; none in chats that have no addresses.
    pub fn address(&self, message: i64) -> Option<String> {
        if let Some(name) = &self.username {
            return Some(format!("https://t.me/{name}/{message}"));
        }
        let number = self.id.to_string();
        let inner = number.strip_prefix("-100")?;
        Some(format!("https://t.me/c/{inner}/{message}"))
    }
}

/// What `getChat` tells that is needed here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ChatInfo {
    #[serde(flatten)]
    pub chat: Chat,
    /// Of a channel its discussion group.
    #[serde(default)]
    pub linked_chat_id: Option<i64>,
    #[serde(default)]
    pub is_forum: bool,
    /// What everybody may do, in groups.
    #[serde(default)]
    pub permissions: Map<String, Value>,
}

/// A message, as far as it is read.
#[derive(Clone, Debug, Deserialize)]
pub struct Message {
    pub message_id: i64,
    #[serde(default)]
    pub date: u64,
    pub chat: Chat,
    #[serde(default)]
    pub from: Option<User>,
    #[serde(default)]
    pub sender_chat: Option<Chat>,
    #[serde(default)]
    pub message_thread_id: Option<i64>,
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub caption: Option<String>,
    #[serde(default)]
    pub media_group_id: Option<String>,
    #[serde(default)]
    pub is_automatic_forward: bool,
    #[serde(default)]
    pub forward_origin: Option<Origin>,
    #[serde(default)]
    pub reply_to_message: Option<Box<Message>>,
    #[serde(default)]
    pub poll: Option<Poll>,
}

impl Message {
    pub fn words(&self) -> &str {
        let words = self.text.as_deref().or(self.caption.as_deref());
        words
            .or(self.poll.as_ref().map(|poll| poll.question.as_str()))
            .unwrap_or_default()
    }
}

/// Where a forwarded message comes from, where that is a channel.
#[derive(Clone, Debug, Deserialize)]
pub struct Origin {
    #[serde(default)]
    pub chat: Option<Chat>,
    #[serde(default)]
    pub message_id: Option<i64>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Poll {
    pub id: String,
    #[serde(default)]
    pub question: String,
    #[serde(default)]
    pub total_voter_count: i64,
}
