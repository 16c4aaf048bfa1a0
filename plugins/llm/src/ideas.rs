//! Ideas for posts: a person picks from them. They are drafts for nobody's account, so
//! that none is published.

use jarchi_plugin_sdk::generator::{Batch, Brief, Draft};
use jarchi_plugin_sdk::{Post, Result, count};
use serde::Deserialize;
use serde_json::json;

use crate::chat::{Message, Role};
use crate::digest;
use crate::guard::Guard;
use crate::prompt;
use crate::session::Session;
use crate::settings::{Language, Settings};

const TASK: &str = "\
Your task: ideas for posts, which a person picks from and writes out. Each has a title of a \
few words and an outline of two or three sentences: what the post says, and what is to be seen.";

/// Ideas of one run, and characters of an outline.
const MOST: usize = 20;
const LONGEST: usize = 1000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    ideas: Vec<Idea>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Idea {
    title: String,
    outline: String,
}

impl Idea {
    fn text(&self) -> String {
        format!("{}\n\n{}", prompt::line(&self.title), self.outline.trim())
    }

    fn check(&self, guard: &Guard) -> Result<String, String> {
        let text = self.text();
        if self.title.trim().is_empty() || self.outline.trim().is_empty() {
            return Err(String::from("title or outline is empty"));
        }
        let length = count::graphemes(&text);
        if length > LONGEST {
            return Err(format!("it has {length} characters of {LONGEST}"));
        }
        guard.check(&text)?;
        guard.is_new(&text)?;
        Ok(text)
    }
}

pub(crate) fn write(brief: &Brief, settings: &Settings) -> Result<Batch> {
    let mut session = Session::open(brief, settings, TASK)?;
    let wanted = settings.drafts.min(MOST);
    let schema = json!({
        "type": "object",
        "properties": {
            "ideas": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": {
                        "title": { "type": "string" },
                        "outline": { "type": "string" },
                    },
                    "required": ["title", "outline"],
                    "additionalProperties": false,
                },
            },
        },
        "required": ["ideas"],
        "additionalProperties": false,
    });
    let language = match &settings.language {
        Language::One(tag) => Some(tag.clone()),
        _ => brief.languages.first().cloned(),
    };
    let mut told = prompt::matter(
        brief,
        &session.facts,
        &session.earlier,
        &session.topics,
        &session.mark,
    );
    told.push_str(&format!(
        "Ideas wanted: {wanted}. Language: {}.\n",
        language.as_deref().unwrap_or("the brand's")
    ));
    let made = session.until(
        Message::new(Role::User, told),
        &schema,
        |guard, written: Written, _| {
            let mut good = Vec::new();
            let mut bad = Vec::new();
            for (at, idea) in written.ideas.iter().enumerate().take(wanted) {
                match idea.check(guard) {
                    Ok(text) if good.contains(&text) => {}
                    Ok(text) => good.push(text),
                    Err(reason) => bad.push(format!("idea {}: {reason}", at + 1)),
                }
            }
            match good.is_empty() {
                true if bad.is_empty() => Err(String::from("it has no ideas")),
                true => Err(bad.join("; ")),
                false => Ok((good, bad)),
            }
        },
    );
    let (good, bad) = match made {
        Ok(Ok(made)) => made,
        Ok(Err(reason)) => {
            session.problem("ideas", format!("no idea passed: {reason}"));
            return session.close(None);
        }
        Err(stop) => return session.close(Some(stop)),
    };
    for reason in bad {
        session.problem("ideas", reason);
    }
    for text in good {
        session.remember(&text);
        session.batch.drafts.push(Draft {
            key: format!("idea:{}", digest(&text)),
            revision: String::from("1"),
            post: Post {
                language: language.clone(),
                ..Post::text(text)
            },
            variants: Vec::new(),
            accounts: Vec::new(),
            pillar: brief.pillar.as_ref().map(|pillar| pillar.name.clone()),
            campaign: brief
                .campaign
                .as_ref()
                .map(|campaign| campaign.name.clone()),
            due: None,
            repeat_after: None,
            provenance: None,
            source: Some(settings.model.clone()),
        });
    }
    session.close(None)
}
