//! What the bot may do, and where.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::connection::{Standing, Target};
use jarchi_plugin_sdk::{Error, Problem, Result};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::api::{Bot, Chat, ChatInfo, ChatKind, User};

#[derive(Debug, Deserialize)]
struct Member {
    status: String,
    #[serde(flatten)]
    rights: Map<String, Value>,
}

impl Member {
    fn may(&self, right: &str) -> bool {
        self.rights
            .get(right)
            .and_then(Value::as_bool)
            .unwrap_or_default()
    }

    fn rights(&self) -> Vec<String> {
        let granted = self.rights.iter().filter(|(_, value)| **value == true);
        granted
            .map(|(name, _)| name.clone())
            .filter(|name| name.starts_with("can_") && name != "can_be_edited")
            .collect()
    }

    /// The right that posting needs and the bot has not.
    fn lacks(&self, info: &ChatInfo) -> Option<&'static str> {
        let everybody = |right: &str| info.permissions.get(right) != Some(&Value::Bool(false));
        match (self.status.as_str(), info.chat.kind) {
            ("creator", _) | (_, ChatKind::Private) => None,
            ("administrator", ChatKind::Channel) if self.may("can_post_messages") => None,
            (_, ChatKind::Channel) => Some("can_post_messages"),
            ("administrator", _) => None,
            ("member", _) if everybody("can_send_messages") => None,
            ("restricted", _) if self.may("can_send_messages") => None,
            _ => Some("can_send_messages"),
        }
    }
}

/// A bot can't list its chats; those that its waiting updates name are told, and the
/// chosen one. Nothing is taken from the updates by that.
///
/// # Errors
/// Telegram refused.
pub fn targets(bot: &Bot) -> Result<Vec<Target>> {
    let me = read_me(bot)?;
    let mut chats: BTreeMap<i64, Chat> = BTreeMap::new();
    if bot.settings.updates {
        match bot.read::<Vec<Value>>("getUpdates", json!({ "timeout": 0 })) {
            Ok(updates) => {
                for chat in updates.iter().filter_map(chat_of) {
                    if chat.kind.is_group() || chat.kind == ChatKind::Channel {
                        chats.insert(chat.id, chat);
                    }
                }
            }
            Err(refused) => match refused.error {
                error @ (Error::Unauthorized(_) | Error::RateLimited(_)) => return Err(error),
                other => jarchi_plugin_sdk::info!("no chats out of updates: {}", other.reason()),
            },
        }
    }
    if bot.settings.chat.is_some() {
        let info = read_chat(bot, &bot.chat()?)?;
        chats.insert(info.chat.id, info.chat);
    }
    let mut targets = Vec::new();
    for (id, chat) in chats {
        let info = read_chat(bot, &id.into());
        let obstacle = match &info {
            Err(error) => Some(error.reason()),
            Ok(info) => match member(bot, &id.into(), &me) {
                Err(error) => Some(error.reason()),
                Ok(member) => member
                    .lacks(info)
                    .map(|right| format!("the bot lacks the right `{right}`")),
            },
        };
        let chosen = match &chat.username {
            Some(name) => format!("@{name}"),
            None => id.to_string(),
        };
        targets.push(Target {
            id: id.to_string(),
            name: chat.name(),
            kind: chat.kind.name().to_owned(),
            url: chat
                .username
                .as_ref()
                .map(|name| format!("https://t.me/{name}")),
            obstacle,
            settings: json!({ "chat": chosen }).to_string(),
        });
    }
    if targets.is_empty() {
        return Err(Error::invalid(format!(
            "@{} was not added to any chat within the last day: make it an administrator of the channel now, or set `chat` yourself",
            me.username.unwrap_or(me.first_name)
        )));
    }
    Ok(targets)
}

fn chat_of(update: &Value) -> Option<Chat> {
    let kinds = [
        "my_chat_member",
        "channel_post",
        "message",
        "message_reaction_count",
    ];
    let found = kinds
        .iter()
        .find_map(|kind| update.get(kind)?.get("chat"))?;
    serde_json::from_value(found.clone()).ok()
}

fn read_me(bot: &Bot) -> Result<User> {
    Ok(bot.read("getMe", json!({}))?)
}

fn read_chat(bot: &Bot, chat: &Value) -> Result<ChatInfo> {
    Ok(bot.read("getChat", json!({ "chat_id": chat }))?)
}

fn member(bot: &Bot, chat: &Value, me: &User) -> Result<Member> {
    let parameters = json!({ "chat_id": chat, "user_id": me.id });
    Ok(bot.read("getChatMember", parameters)?)
}

#[derive(Deserialize)]
struct Webhook {
    #[serde(default)]
    url: String,
}

/// # Errors
/// Telegram refused.
pub fn check(bot: &Bot) -> Result<Standing> {
    let me = read_me(bot)?;
    let chat = bot.chat()?;
    let info = read_chat(bot, &chat)?;
    let member = member(bot, &chat, &me)?;
    let mut problems = Vec::new();
    let lacking: Vec<String> = member.lacks(&info).map(str::to_owned).into_iter().collect();
    if let Some(right) = lacking.first() {
        let name = me.username.as_deref().unwrap_or(&me.first_name);
        problems.push(Problem::error(
            "chat",
            format!(
                "@{name} is {} of {} and lacks the right `{right}`: give it in the chat's list of administrators",
                member.status,
                info.chat.name()
            ),
        ));
    }
    if bot.settings.updates {
        let webhook: Webhook = bot.read("getWebhookInfo", json!({}))?;
        if !webhook.url.is_empty() {
            problems.push(Problem::warning(
                "updates",
                "another program gets this bot's updates by a webhook: comments, messages and reactions can't be read. Give this account a bot of its own, or set `updates = false`",
            ));
        }
    }
    if let (ChatKind::Channel, Some(group)) = (info.chat.kind, info.linked_chat_id) {
        let there = self::member(bot, &group.into(), &me);
        let inside = there.is_ok_and(|member| !matches!(member.status.as_str(), "left" | "kicked"));
        if !inside {
            problems.push(Problem::warning(
                "chat",
                "the bot is not in the channel's discussion group: it sees no comments, can't write the first one, and can't look up a post whose answer was lost",
            ));
        }
    }
    Ok(Standing {
        name: info.chat.name(),
        url: info
            .chat
            .username
            .as_ref()
            .map(|name| format!("https://t.me/{name}")),
        scopes: member.rights(),
        lacking,
        expires: None,
        quotas: Vec::new(),
        problems,
    })
}
