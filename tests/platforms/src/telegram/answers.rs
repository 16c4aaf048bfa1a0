//! The Bot API's envelope ("Making requests").

use serde_json::{Value, json};

use crate::Answer;

pub(super) fn yes(result: Value) -> Answer {
    Answer::json(200, &json!({ "ok": true, "result": result }))
}

pub(super) fn no(code: u16, description: &str) -> Answer {
    Answer::json(
        code,
        &json!({ "ok": false, "error_code": code, "description": description }),
    )
}

pub(super) fn flood(seconds: u64) -> Answer {
    Answer::json(
        429,
        &json!({
            "ok": false,
            "error_code": 429,
            "description": format!("Too Many Requests: retry after {seconds}"),
            "parameters": { "retry_after": seconds },
        }),
    )
}

pub(super) fn moved(to: i64) -> Answer {
    Answer::json(
        400,
        &json!({
            "ok": false,
            "error_code": 400,
            "description": "Bad Request: group chat was upgraded to a supergroup chat",
            "parameters": { "migrate_to_chat_id": to },
        }),
    )
}
