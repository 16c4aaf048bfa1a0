#![allow(dead_code, reason = "not every test needs all of it")]

use jarchi_platforms::Stage;
use jarchi_platforms::openai::{KEY, MODEL, OpenAi, Say};
use jarchi_plugin_llm::Llm;
use jarchi_plugin_sdk::generator::{AccountLimits, Batch, Brief, Campaign, Pillar, Voice};
use jarchi_plugin_sdk::testing::START;
use jarchi_plugin_sdk::{Error, Generator};
use serde_json::{Value, json};

pub const ENDPOINT: &str = "https://api.models.example/v1";

pub fn stage(platform: OpenAi) -> Stage<OpenAi> {
    let stage = Stage::new(platform);
    stage.secret("api_key", KEY);
    stage
}

pub fn saying(script: impl IntoIterator<Item = Say>) -> Stage<OpenAi> {
    stage(OpenAi::saying(script))
}

/// The usual settings with others over them.
pub fn settings(more: Value) -> Value {
    let mut settings = json!({ "endpoint": ENDPOINT, "model": MODEL });
    if let (Some(fields), Value::Object(more)) = (settings.as_object_mut(), more) {
        fields.extend(more);
    }
    settings
}

pub fn account(name: &str, plugin: &str, text: u32) -> AccountLimits {
    AccountLimits {
        account: name.into(),
        plugin: plugin.into(),
        text: Some(text),
        media: Some(4),
        polls: true,
        threads: true,
    }
}

/// One draft for a tea house.
pub fn brief(more: Value) -> Brief {
    Brief {
        settings: settings(more).to_string(),
        brand: "Çay Evi".into(),
        languages: vec!["az".into(), "en".into()],
        time_zone: "Asia/Baku".into(),
        now: START,
        wanted: 1,
        slot: Some(START + 3_600_000),
        pillar: Some(Pillar {
            name: "behind the scenes".into(),
            promotional: false,
            description: Some("how the tea is made".into()),
        }),
        campaign: Some(Campaign {
            name: "Winter".into(),
            goal: "more guests in the evening".into(),
            link: Some("https://cayevi.az/qis".into()),
        }),
        voice: Some(Voice {
            tone: "friendly".into(),
            examples: vec!["Çay soyumadan gəl, söhbət bizdən!".into()],
            taboos: vec!["sığır".into(), "şok".into()],
            audience: Some("people of Baku".into()),
            call_to_action: Some("Masa sifariş edin".into()),
        }),
        accounts: vec![account("toots", "mastodon", 500)],
        hashtags: vec!["çay".into(), "bakı".into()],
        recent: vec![],
        feedback: None,
        history: Vec::new(),
        topics: Vec::new(),
    }
}

pub fn post(text: &str) -> Value {
    json!({ "text": text, "hashtags": [], "thread": [], "poll": null })
}

pub fn say(text: &str) -> Say {
    Say::Json(post(text))
}

pub const GOOD: &str = "Ustamız hər səhər yarpaqları əlində yoxlayır, sonra dəmləyir.";

/// A whole call, as the daemon ends it.
pub fn generate(stage: &Stage<OpenAi>, brief: &Brief) -> Result<Batch, Error> {
    let made = Llm::generate(brief);
    stage.host.end_call(made.is_ok());
    made
}

pub fn asked(stage: &Stage<OpenAi>) -> usize {
    stage.platform.borrow().asked.len()
}
