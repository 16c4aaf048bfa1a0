//! What one call may use.

use std::time::Duration;

use jarchi::plugin::{CallError, Limit};
use serde_json::{Value, json};

use super::stage::{SPAN, on_stage};
use super::web::Web;

#[test]
fn an_endless_loop() {
    on_stage(|stage| async move {
        let done = stage
            .call(json!({ "do": "loop-forever" }))
            .limits(|limits| limits.cpu = SPAN(80))
            .publish()
            .await;
        let (limit, text) = done.limit();
        assert_eq!(limit, Limit::Cpu);
        assert_eq!(
            text,
            "plugin `hostile`, publisher.publish for `cafe` used more than 80ms of CPU time; \
             `limits.cpu` in the [[plugin]] block of `hostile` raises it"
        );
        assert!(done.passed_through("loop_forever"), "{done:?}");
        assert!(done.0.usage.cpu >= Duration::from_millis(80));
    });
}

#[test]
fn a_loop_that_hides_between_requests() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let done = stage
            .call(json!({ "do": "loop-in-bursts", "url": web.url("/") }))
            .with(&web)
            .limits(|limits| {
                limits.cpu = SPAN(80);
                limits.http_calls = 10_000;
            })
            .publish()
            .await;
        let (limit, text) = done.limit();
        assert_eq!(limit, Limit::Cpu);
        assert!(text.contains("used more than 80ms of CPU time"), "{text}");
        assert!(!web.asked().is_empty());
    });
}

#[test]
fn a_call_that_waits_for_ever() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let done = stage
            .call(json!({ "do": "request", "url": web.url("/never") }))
            .with(&web)
            .limits(|limits| limits.wall = SPAN(300))
            .publish()
            .await;
        // The broker gives up first, and tells the guest; or the host stops the guest.
        let text = match &done.0.result {
            Ok(_) => done.refusal().1,
            Err(_) => done.error(),
        };
        assert!(
            text.contains("no answer within 300ms") || text.contains("took longer than 300ms"),
            "{text}"
        );
        assert!(done.0.usage.wall < Duration::from_secs(10));
    });
}

#[test]
fn a_memory_bomb() {
    on_stage(|stage| async move {
        let done = stage
            .call(json!({ "do": "grow-memory" }))
            .limits(|limits| limits.memory = 16 << 20)
            .publish()
            .await;
        let (limit, text) = done.limit();
        assert_eq!(limit, Limit::Memory);
        assert_eq!(
            text,
            "plugin `hostile`, publisher.publish for `cafe` needs more than 16 MiB of memory; \
             `limits.memory` in the [[plugin]] block of `hostile` raises it"
        );
        assert!(done.passed_through("grow_memory"), "{done:?}");
        let memory = done.0.usage.memory;
        assert!((8 << 20..=16 << 20).contains(&memory), "{memory}");
    });
}

#[test]
fn a_bomb_that_the_host_would_hold() {
    on_stage(|stage| async move {
        let done = stage
            .call(json!({ "do": "random-bytes", "count": 1 << 30 }))
            .publish()
            .await;
        let text = done.error();
        assert!(
            text.contains("plugin `hostile`, publisher.publish"),
            "{text}"
        );
        assert!(done.0.usage.memory <= 32 << 20);
    });
}

#[test]
fn a_recursion_without_end() {
    on_stage(|stage| async move {
        let done = stage
            .call(json!({ "do": "recurse-forever" }))
            .publish()
            .await;
        let Err(CallError::Trap(trap)) = &done.0.result else {
            panic!("no crash: {done:?}")
        };
        let text = trap.to_string();
        assert!(
            text.starts_with("plugin `hostile`, publisher.publish for `cafe` crashed: "),
            "{text}"
        );
        assert!(text.contains("recursion without end, through `"), "{text}");
        assert!(text.contains("deeper`"), "{text}");
        assert!(trap.backtrace[0].contains("deeper"), "{trap:#}");
    });
}

#[test]
fn a_panic() {
    on_stage(|stage| async move {
        let done = stage
            .call(json!({ "do": "panic", "message": "the moon is full" }))
            .publish()
            .await;
        let text = done.error();
        assert!(
            text.starts_with("plugin `hostile`, publisher.publish for `cafe` crashed: "),
            "{text}"
        );
        assert!(text.contains("the moon is full"), "{text}");
        assert!(done.passed_through("fall_over"), "{done:?}");
    });
}

#[test]
fn an_answer_that_is_too_long() {
    on_stage(|stage| async move {
        for behave in ["return-huge", "return-state"] {
            let done = stage
                .call(json!({ "do": behave, "bytes": 2 << 20 }))
                .limits(|limits| limits.output = 1 << 20)
                .publish()
                .await;
            let (limit, text) = done.limit();
            assert_eq!(limit, Limit::Output, "{behave}");
            assert_eq!(
                text,
                "plugin `hostile`, publisher.publish for `cafe` handed over more than 1 MiB in \
                 one call; `limits.output` in the [[plugin]] block of `hostile` raises it"
            );
        }
    });
}

#[test]
fn a_body_that_is_too_long() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let done = stage
            .call(json!({ "do": "send-huge", "url": web.url("/"), "bytes": 2 << 20 }))
            .with(&web)
            .limits(|limits| limits.output = 1 << 20)
            .publish()
            .await;
        let (limit, text) = done.limit();
        assert_eq!(limit, Limit::Output);
        assert!(text.contains("handed over more than 1 MiB"), "{text}");
        assert!(web.asked().is_empty());
        assert!(!done.0.requests_sent);
    });
}

#[test]
fn a_thousand_requests() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let done = stage
            .call(json!({ "do": "send-many", "url": web.url("/"), "count": 1000 }))
            .with(&web)
            .limits(|limits| limits.http_calls = 25)
            .publish()
            .await;
        assert_eq!(web.asked().len(), 25);
        assert_eq!(done.0.usage.http_calls, 25);
        let (limit, text) = done.limit();
        assert_eq!(limit, Limit::HttpCalls);
        assert!(
            text.starts_with(
                "plugin `hostile`, publisher.publish for `cafe` made more than 25 HTTP requests; \
                 `limits.http_calls` in the [[plugin]] block of `hostile` raises it"
            ),
            "{text}"
        );
    });
}

#[test]
fn an_answer_of_the_server_that_is_too_long() {
    on_stage(|stage| async move {
        let web = Web::start().await;
        let ask = |path: &str| {
            stage
                .call(json!({ "do": "request", "url": web.url(path) }))
                .with(&web)
                .limits(|limits| limits.response = 1 << 20)
        };
        // One that says so at once, and one that only grows.
        for path in ["/big?bytes=1048577", "/stream?bytes=100000000"] {
            let done = ask(path).publish().await;
            assert_eq!(
                done.refusal(),
                ("too-large".to_owned(), (1 << 20).to_string()),
                "{path}"
            );
        }
        // The headers count too.
        let done = ask("/big?bytes=1048000").publish().await;
        assert_eq!(done.seen()["status"], 200);
    });
}

#[test]
fn a_flood_of_log() {
    on_stage(|stage| async move {
        let done = stage
            .call(json!({ "do": "log", "lines": 1000, "bytes": 1000 }))
            .limits(|limits| limits.log = 10_000)
            .publish()
            .await;
        // Its work goes on; what it says is dropped.
        assert_eq!(done.seen(), json!("logged"));
        let usage = done.0.usage;
        assert!((9_000..=10_000).contains(&usage.log), "{usage:?}");
        assert!(usage.output >= 1_000_000, "{usage:?}");
    });
}

#[test]
fn kv_over_its_quota() {
    on_stage(|stage| async move {
        let set = |bytes: usize| {
            stage
                .call(json!({ "do": "kv-set", "key": "k", "bytes": bytes }))
                .account("quota")
                .limits(|limits| limits.kv = 1000)
        };
        let done = set(2000).publish().await;
        let (limit, text) = done.limit();
        assert_eq!(limit, Limit::Kv);
        assert!(
            text.starts_with(
                "plugin `hostile`, publisher.publish for `quota` wants to keep more than 1000 \
                 bytes in kv; `limits.kv` in the [[plugin]] block of `hostile` raises it"
            ),
            "{text}"
        );
        let keys = || {
            stage
                .call(json!({ "do": "kv-keys" }))
                .account("quota")
                .publish()
        };
        assert_eq!(keys().await.seen(), json!([]));
        assert_eq!(set(900).publish().await.seen(), json!("kept"));
        assert_eq!(keys().await.seen(), json!(["k"]));
    });
}

#[test]
fn kv_of_another_account() {
    on_stage(|stage| async move {
        let of = |account: &str, behave: Value| stage.call(behave).account(account).publish();
        let set = json!({ "do": "kv-set", "key": "diary", "bytes": 10 });
        assert_eq!(of("his", set).await.seen(), json!("kept"));
        // The keys that it would have to guess, and those that it would find.
        for key in ["diary", "his/diary", "his\0diary", "../his/diary"] {
            let done = of("hers", json!({ "do": "kv-get", "key": key })).await;
            assert_eq!(done.seen(), Value::Null, "{key}");
        }
        for account in ["hers", "hi", "his2", ""] {
            let done = of(account, json!({ "do": "kv-keys" })).await;
            assert_eq!(done.seen(), json!([]), "{account}");
        }
        let own = of("his", json!({ "do": "kv-get", "key": "diary" })).await;
        assert_eq!(own.seen(), json!("x".repeat(10)));
    });
}

#[test]
fn kv_of_a_call_that_fell_over() {
    on_stage(|stage| async move {
        let of = |behave: Value| stage.call(behave).account("fallen").publish();
        let done = of(json!({ "do": "kv-set-and-panic", "key": "half" })).await;
        assert!(done.error().contains("after Ok"), "{done:?}");
        let keys = of(json!({ "do": "kv-keys" })).await;
        assert_eq!(keys.seen(), json!([]));
    });
}
