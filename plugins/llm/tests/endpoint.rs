//! Endpoints that take less than others, and answers that go wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod common;

use common::*;
use jarchi_platforms::openai::{KEY, OpenAi, Say, Takes, error};
use jarchi_platforms::{Answer, Platform, Trouble};
use jarchi_plugin_llm::Llm;
use jarchi_plugin_sdk::testing::{self, Host};
use jarchi_plugin_sdk::{Error, Generator};
use serde_json::{Value, json};
use std::rc::Rc;

#[test]
fn what_an_endpoint_does_not_take_is_left_out_from_then_on() {
    let all = OpenAi::default().takes;
    for (takes, refused, format) in [
        (
            Takes {
                json_schema: false,
                ..all
            },
            1,
            json!({ "type": "json_object" }),
        ),
        (
            Takes {
                json_schema: false,
                json_object: false,
                ..all
            },
            2,
            Value::Null,
        ),
        (
            Takes {
                max_tokens: false,
                temperature: false,
                ..all
            },
            2,
            Value::Null,
        ),
        (
            Takes {
                system: false,
                ..all
            },
            1,
            Value::Null,
        ),
    ] {
        let stage = stage(OpenAi {
            takes,
            ..OpenAi::default()
        });
        let mut brief = brief(json!({ "temperature": "0.2" }));
        generate(&stage, &brief).unwrap();
        assert_eq!(stage.requests().len(), refused + 1, "{takes:?}");
        brief.slot = None;
        let batch = generate(&stage, &brief).unwrap();
        assert_eq!(batch.drafts.len(), 1);
        assert_eq!(stage.requests().len(), 1, "{takes:?}: remembered");
        let platform = stage.platform.borrow();
        let request = platform.asked.last().unwrap();
        if !takes.json_schema {
            assert_eq!(
                request.get("response_format").unwrap_or(&Value::Null),
                &format
            );
            assert!(platform.prompt(0).contains("JSON Schema"));
        }
        assert_eq!(request.get("max_tokens").is_some(), takes.max_tokens);
        assert_eq!(
            request.get("max_completion_tokens").is_some(),
            !takes.max_tokens
        );
        assert_eq!(request.get("temperature").is_some(), takes.temperature);
        assert_eq!(request["messages"][0]["role"] == "system", takes.system);
    }
}

#[test]
fn another_model_is_asked_for_everything_again() {
    let takes = Takes {
        json_schema: false,
        ..OpenAi::default().takes
    };
    let stage = stage(OpenAi {
        takes,
        ..OpenAi::default()
    });
    generate(&stage, &brief(json!({}))).unwrap();
    stage.platform.borrow_mut().takes.json_schema = true;
    let mut other = brief(json!({ "endpoint": "https://other.example/v1" }));
    other.slot = None;
    generate(&stage, &other).unwrap();
    let platform = stage.platform.borrow();
    assert_eq!(
        platform.asked.last().unwrap()["response_format"]["type"],
        "json_schema"
    );
}

#[test]
fn a_local_server_needs_no_key() {
    let stage = jarchi_platforms::Stage::new(OpenAi {
        key: None,
        ..OpenAi::default()
    });
    let brief = brief(json!({ "endpoint": "http://127.0.0.1:8080/v1/" }));
    assert_eq!(generate(&stage, &brief).unwrap().drafts.len(), 1);
    assert_eq!(stage.called(), ["POST /v1/chat/completions"]);
}

#[test]
fn an_answer_of_another_shape_is_asked_for_again() {
    for wrong in [
        Say::Text("Salam! Buyurun: çay hazırdır.".into()),
        Say::Text("{\"text\": \"Çay".into()),
        Say::Json(json!({ "post": GOOD })),
        Say::Json(json!({ "text": 5, "hashtags": [] })),
        Say::Json(json!([GOOD])),
        Say::Text(String::new()),
        Say::Refusal("I'm sorry, I can't help with that.".into()),
        Say::Filtered,
        Say::Cut("{\"text\": \"Çay".into()),
    ] {
        let stage = saying([wrong.clone(), say(GOOD)]);
        let batch = generate(&stage, &brief(json!({}))).unwrap();
        assert_eq!(batch.drafts[0].post.text, GOOD, "{wrong:?}");
        assert_eq!(asked(&stage), 2, "{wrong:?}");

        drop(stage);
        let stage = saying(vec![wrong.clone(); 3]);
        let batch = generate(&stage, &brief(json!({})));
        assert_eq!(asked(&stage), 3, "{wrong:?}");
        match (&wrong, batch) {
            (Say::Cut(_), Err(Error::Transient(reason))) => {
                assert!(reason.contains("`max_tokens`, 1500"), "{reason}");
            }
            (_, Ok(batch)) => {
                assert!(batch.drafts.is_empty());
                assert_eq!(batch.problems.len(), 1);
            }
            (_, Err(error)) => panic!("{wrong:?}: {error:?}"),
        }
    }
}

#[test]
fn a_fence_and_a_remark_are_passed_over() {
    let stage = saying([Say::Text(format!(
        "<think>Hm.</think>Here it is:\n```json\n{}\n```\nHope this helps!",
        post(GOOD)
    ))]);
    assert_eq!(
        generate(&stage, &brief(json!({}))).unwrap().drafts[0]
            .post
            .text,
        GOOD
    );
}

#[test]
fn faults_in_the_terms_of_the_queue() {
    type Check = fn(&Error) -> bool;
    let cases: Vec<(Answer, Check)> = vec![
        (
            error(500, "The server had an error", "server", None),
            |error| matches!(error, Error::Transient(reason) if reason.contains("The server had an error")),
        ),
        (
            Answer::new(502, "text/html", "<title>Bad Gateway</title>"),
            |error| matches!(error, Error::Transient(_)),
        ),
        (
            error(503, "Overloaded", "overloaded", None).header("retry-after", "7"),
            |error| *error == Error::RateLimited(Some(7000)),
        ),
        (
            Answer::new(200, "application/json", "{\"choices\": [{\"mess"),
            |error| matches!(error, Error::Transient(reason) if reason.contains("no whole chat completion")),
        ),
        (
            Answer::json(200, &json!({ "choices": [] })),
            |error| matches!(error, Error::Transient(reason) if reason.contains("no choices")),
        ),
        (
            error(403, "Country not supported", "region", None),
            |error| matches!(error, Error::Unauthorized(reason) if reason.contains("Country not supported")),
        ),
        (
            error(404, "The model `x` does not exist", "model_not_found", None),
            |error| matches!(error, Error::Invalid(reason) if reason.contains("does not exist")),
        ),
        (
            error(
                400,
                "This model's maximum context length is 8192 tokens",
                "context_length_exceeded",
                Some("messages"),
            ),
            |error| matches!(error, Error::Invalid(reason) if reason.contains("maximum context length")),
        ),
        (
            error(429, "Slow down", "rate_limit", None).header("retry-after", "20"),
            |error| *error == Error::RateLimited(Some(20_000)),
        ),
        (
            error(429, "Slow down", "rate_limit", None)
                .header("x-ratelimit-remaining-requests", "10")
                .header("x-ratelimit-reset-requests", "8.64s")
                .header("x-ratelimit-remaining-tokens", "0")
                .header("x-ratelimit-reset-tokens", "6m0s"),
            |error| *error == Error::RateLimited(Some(360_000)),
        ),
        (
            error(
                429,
                "You exceeded your current quota",
                "insufficient_quota",
                None,
            ),
            |error| *error == Error::RateLimited(Some(3_600_000)),
        ),
    ];
    for (answer, expected) in cases {
        let stage = saying([Say::Instead(answer.clone())]);
        let fault = generate(&stage, &brief(json!({}))).unwrap_err();
        assert!(expected(&fault), "{answer:?}: {fault:?}");
        assert_eq!(asked(&stage), 1, "not tried again in one run: {answer:?}");
    }
}

#[test]
fn no_answer_and_no_connection_are_transient() {
    for trouble in [Trouble::LoseAnswer, Trouble::NotSent] {
        let stage = saying([say(GOOD)]);
        stage.trouble_once("POST", "/chat/completions", trouble.clone());
        let fault = generate(&stage, &brief(json!({}))).unwrap_err();
        assert!(
            matches!(fault, Error::Transient(_)),
            "{trouble:?}: {fault:?}"
        );
    }
}

#[test]
fn a_key_that_is_refused() {
    let stage = stage(OpenAi::default());
    stage.secret("api_key", "sk-wrong");
    let fault = generate(&stage, &brief(json!({}))).unwrap_err();
    assert!(matches!(&fault, Error::Unauthorized(reason) if reason.contains("Incorrect API key")));
    let logs = stage.host.logs();
    assert!(!logs.iter().any(|(_, line)| line.contains(KEY)), "{logs:?}");
}

/// Each answer takes 40 of the run's 100 seconds: a third request gets 20, a fourth none.
#[test]
fn a_slow_endpoint_does_not_take_the_run_with_it() {
    let host = Rc::new(Host::new());
    let clock = Rc::downgrade(&host);
    let mut server = OpenAi::default();
    host.serve(move |request| {
        clock.upgrade().expect("the host").advance(40_000);
        let mut arrived = jarchi_platforms::Request::scripted(request);
        for (name, value) in &mut arrived.headers {
            if name == "authorization" {
                *value = format!("Bearer {KEY}");
            }
        }
        let answer = server.answer(&arrived, 0);
        testing::Answer::new(answer.status, "application/json", answer.body)
    });
    let mut brief = brief(json!({ "timeout": "100s" }));
    brief.wanted = 5;
    let batch = Llm::generate(&brief).unwrap();
    assert_eq!(batch.drafts.len(), 3);
    assert_eq!(host.requests().len(), 3);
    let problem = &batch.problems[0].message;
    assert!(
        problem.contains("the run's time (`timeout`, 100 s) is used up"),
        "{problem}"
    );
}
