//! Publishing: one message a call. What a call before it reached is in the state.

use jarchi_plugin_sdk::{Delivery, Error, Outcome, Progress, Receipt, Result, Timestamp, time};
use serde::{Deserialize, Serialize};

use crate::api::{self, Message, Refused, Stake, UNKNOWN_MESSAGE, Webhook};
use crate::options::Options;
use crate::plan;

/// What is done so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// The messages that are out, in order.
    pub sent: Vec<String>,
    pub channel: String,
    /// The thread that they are in.
    pub thread: Option<String>,
    pub published_at: Option<Timestamp>,
}

/// What a receipt keeps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub thread: Option<String>,
}

/// The next step.
///
/// # Errors
/// As the interface's `publish`.
pub fn step(delivery: &Delivery, mut state: State) -> Result<Outcome> {
    let webhook = Webhook::of(&delivery.account)?;
    let settings = &webhook.settings;
    let options: Options = delivery.post.options()?;
    let units = plan::units(&delivery.post, &options);
    let chosen = options.thread.clone().or_else(|| settings.thread.clone());
    let mut rest = 0;
    if let Some(unit) = units.get(state.sent.len()) {
        let thread = state.thread.clone().or_else(|| chosen.clone());
        let opens = settings.forum && thread.is_none();
        let (body, form) = plan::body(settings, &delivery.post, &options, unit, opens);
        // Without it Discord does not say whether the message was kept.
        let mut request = webhook.request("POST", "").query("wait", true);
        if let Some(thread) = &thread {
            request = request.query("thread_id", thread);
        }
        let request = match form {
            Some(form) => request.multipart(form),
            None => request.json(&body),
        };
        let answer = api::judge(request.send(), Stake::Commit).map_err(|refused: Refused| {
            let error = Error::from(refused);
            match unit.place.trim_end_matches('.') {
                "" => error,
                place => error.context(format!("publishing {place}")),
            }
        })?;
        rest = api::rest(&answer);
        let message: Message = answer.json()?;
        if state.sent.is_empty() {
            state.published_at = message.timestamp.as_deref().and_then(time::parse_rfc3339);
            // A thread is a channel of its own.
            state.thread = thread.or_else(|| opens.then(|| message.channel_id.clone()));
            state.channel = message.channel_id;
        }
        state.sent.push(message.id);
    }
    if state.sent.len() == units.len() {
        return Ok(receipt(&webhook, &state)?.into());
    }
    let note = format!("{} of {} messages sent", state.sent.len(), units.len());
    let progress = Progress::new(&state, note)?;
    Ok(progress.visible(true).after(rest).into())
}

fn receipt(webhook: &Webhook, state: &State) -> Result<Receipt> {
    let Some((first, further)) = state.sent.split_first() else {
        return Err(Error::invalid(
            "the delivery's state names no message, although all are published",
        ));
    };
    // The post is out: that its address can't be told is no failure.
    let url = webhook
        .about()
        .ok()
        .and_then(|about| about.address(&state.channel, Some(first)));
    Receipt {
        id: first.clone(),
        url,
        published_at: state.published_at,
        parts: further.to_vec(),
        data: None,
    }
    .with_data(&Kept {
        thread: state.thread.clone(),
    })
}

/// Takes the messages back, the last one first. What is gone already is no error.
///
/// # Errors
/// Discord refused.
pub fn delete(webhook: &Webhook, receipt: &Receipt) -> Result<()> {
    let kept: Kept = receipt.data()?;
    let ids = receipt.parts.iter().rev().chain([&receipt.id]);
    for id in ids {
        let request = webhook.message("DELETE", id, kept.thread.as_deref());
        match api::judge(request.send(), Stake::Read) {
            Ok(_) => {}
            Err(refused) if refused.code == UNKNOWN_MESSAGE => {}
            Err(refused) => return Err(refused.into()),
        }
    }
    Ok(())
}
