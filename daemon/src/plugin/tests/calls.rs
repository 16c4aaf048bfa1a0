//! What calls may use, and what becomes of those that want more.

use std::time::Duration;

use super::guest::{generator, with_text};
use super::*;
use crate::model::Fault;

fn answer(length: usize) -> Option<Result<Response, Error>> {
    Some(Ok(Response {
        status: 200,
        headers: Vec::new(),
        body: vec![b'x'; length],
        url: String::new(),
    }))
}

#[tokio::test]
async fn an_endless_loop_ends_at_the_cpu_limit() {
    let called = Stage::new()
        .call(&generator("(loop $again (br $again)) unreachable"))
        .await;
    let (limit, text) = limit(&called);
    assert_eq!(limit, Limit::Cpu);
    assert_eq!(
        text,
        "plugin `guest`, generator.generate for `one` used more than 50ms of CPU time; \
         `limits.cpu` in the [[plugin]] block of `guest` raises it"
    );
    assert!(called.usage.cpu >= Duration::from_millis(50));
    assert!(!called.requests_sent);
}

#[tokio::test]
async fn others_run_while_one_loops() {
    let stage = Stage::new();
    let looping = stage
        .plugin(&generator("(loop $again (br $again)) unreachable"))
        .await;
    let good = stage.plugin(&generator("(call $ok)")).await;
    // On one thread: the loop has to give way.
    let (one, other) = (subject("one"), subject("other"));
    let brief = Brief::default();
    let mut endless = std::pin::pin!(looping.generate(&one, &brief));
    tokio::select! {
        biased;
        _ = &mut endless => panic!("it ended first"),
        called = good.generate(&other, &brief) => assert!(called.result.is_ok()),
    }
    assert_eq!(limit(&endless.await).0, Limit::Cpu);
}

#[tokio::test]
async fn a_memory_bomb_ends_at_the_memory_limit() {
    let called = Stage::new()
        .call(&generator(
            "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) unreachable",
        ))
        .await;
    let (limit, text) = limit(&called);
    assert_eq!(limit, Limit::Memory);
    assert!(text.contains("needs more than 4 MiB of memory"), "{text}");
    assert!(called.usage.memory > 3 << 20 && called.usage.memory <= 4 << 20);
    let Err(CallError::Limit(limit)) = called.result else {
        unreachable!()
    };
    assert!(!limit.backtrace.is_empty());
}

#[tokio::test]
async fn what_the_host_holds_counts_as_memory() {
    let stage = Stage::new();
    *stage.platform.answer.lock().unwrap() = answer(1 << 20);
    // Its memory leaves no room for an answer that is within the limit of answers.
    let called = stage
        .call(&with_text(
            "HEADhttps://x/",
            "(drop (memory.grow (i32.const 58)))
             (call $request (i32.const 10) (i32.const 512)) (call $ok)",
        ))
        .await;
    assert_eq!(limit(&called).0, Limit::Memory);
    assert!(!called.requests_sent);
}

#[tokio::test]
async fn a_stack_without_end_is_a_crash_with_a_backtrace() {
    let module = guest::module("", "(call $deeper (i32.const 0))").replace(
        "(func $ok",
        "(func $deeper (param $n i32) (result i32)
            (i32.add (i32.const 1) (call $deeper (i32.add (local.get $n) (i32.const 1)))))
         (func $ok",
    );
    let called = Stage::new()
        .call(&guest::component(&module, "0.1.0", guest::MANIFEST))
        .await;
    let Err(CallError::Trap(trap)) = called.result else {
        panic!("no crash: {:?}", called.result)
    };
    assert_eq!(
        trap.reason,
        "wasm trap: call stack exhausted (a recursion without end, through `deeper`)"
    );
    assert!(trap.backtrace[0].starts_with("deeper"), "{trap:#}");
}

#[tokio::test]
async fn a_crash_says_where_and_what_was_logged_last() {
    let called = Stage::new()
        .call(&with_text(
            "cannot go on",
            "(call $write (i32.const 4) (i32.const 4096) (i32.const 12) (i32.const 0) (i32.const 0))
             unreachable",
        ))
        .await;
    let Err(error @ CallError::Trap(_)) = &called.result else {
        panic!("no crash: {:?}", called.result)
    };
    assert_eq!(
        error.to_string(),
        "plugin `guest`, generator.generate for `one` crashed: wasm trap: wasm `unreachable` \
         instruction executed; it last said: cannot go on"
    );
}

#[tokio::test]
async fn rust_names_in_a_backtrace_can_be_read() {
    let module = guest::module("", "(call $_ZN7example4deep17h0123456789abcdefE)").replace(
        "(func $ok",
        "(func $_ZN7example4deep17h0123456789abcdefE (result i32) unreachable) (func $ok",
    );
    let called = Stage::new()
        .call(&guest::component(&module, "0.1.0", guest::MANIFEST))
        .await;
    let Err(CallError::Trap(trap)) = called.result else {
        panic!("no crash: {:?}", called.result)
    };
    assert!(
        trap.backtrace[0].starts_with("example::deep (at "),
        "{trap:#}"
    );
}

#[tokio::test]
async fn a_call_that_waits_ends_at_the_wall_limit_and_burns_no_cpu() {
    let stage = Stage::new();
    let plugin = stage
        .plugin(&with_text(
            "POSThttps://x/",
            "(call $request (i32.const 10) (i32.const 512)) (call $ok)",
        ))
        .await;
    tokio::time::pause();
    let called = plugin.generate(&subject("one"), &Brief::default()).await;
    let (limit, text) = limit(&called);
    assert_eq!(limit, Limit::Wall);
    assert!(text.contains("took longer than 1min;"), "{text}");
    assert!(called.usage.cpu < Duration::from_millis(50));
    assert_eq!(called.usage.wall.as_secs(), 60);
    // It left, and nobody knows what became of it.
    assert!(called.requests_sent);
    assert!(called.result.unwrap_err().requests_sent());
}

#[tokio::test]
async fn requests_are_counted() {
    let stage = Stage::new();
    *stage.platform.answer.lock().unwrap() = answer(10);
    // A thousand requests, and on with whatever they answer.
    let called = stage
        .call(&with_text(
            "HEADhttps://x/",
            "(loop $again
                (call $request (i32.const 10) (i32.const 512))
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (br_if $again (i32.lt_u (global.get $count) (i32.const 1000))))
             (call $invalid (i32.const 4100) (i32.const 10))",
        ))
        .await;
    let (limit, text) = limit(&called);
    assert_eq!(limit, Limit::HttpCalls);
    assert_eq!(
        text,
        "plugin `guest`, generator.generate for `one` made more than 10 HTTP requests; \
         `limits.http_calls` in the [[plugin]] block of `guest` raises it \
         (the plugin says: https://x/)"
    );
    assert_eq!(stage.platform.requests.lock().unwrap().len(), 10);
    assert_eq!(called.usage.http_calls, 10);
}

#[tokio::test]
async fn a_guest_may_make_do_with_the_requests_that_it_has() {
    let stage = Stage::new();
    *stage.platform.answer.lock().unwrap() = answer(10);
    let called = stage
        .call(&with_text(
            "HEADhttps://x/",
            "(loop $again
                (call $request (i32.const 10) (i32.const 512))
                (br_if $again (i32.eqz (i32.load8_u (i32.const 512)))))
             (call $ok)",
        ))
        .await;
    assert!(called.result.is_ok());
}

#[tokio::test]
async fn what_a_guest_hands_over_is_bounded() {
    // An answer of 100 KiB where 64 are allowed.
    let called = Stage::new()
        .call(&generator(
            "(drop (memory.grow (i32.const 4)))
             (call $invalid (i32.const 65536) (i32.const 102400))",
        ))
        .await;
    let (limit, text) = limit(&called);
    assert_eq!(limit, Limit::Output);
    assert!(
        text.contains("handed over more than 64 KiB in one call"),
        "{text}"
    );
}

#[tokio::test]
async fn handles_without_end_end_at_their_limit() {
    let called = Stage::new()
        .call(&guest::with_handles(
            "(loop $again (drop (call $new (i32.const 1))) (br $again)) unreachable",
        ))
        .await;
    let (limit, text) = limit(&called);
    assert_eq!(limit, Limit::Handles);
    assert_eq!(
        text,
        "plugin `guest`, generator.generate for `one` holds more than 1000 handles; this limit \
         is fixed"
    );
}

#[tokio::test]
async fn a_flood_of_log_is_dropped_and_the_call_goes_on() {
    let called = Stage::new()
        .call(&with_text(
            &"x".repeat(100),
            "(loop $again
                (call $write (i32.const 2) (i32.const 4096) (i32.const 100) (i32.const 0) (i32.const 0))
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (br_if $again (i32.lt_u (global.get $count) (i32.const 500))))
             (call $ok)",
        ))
        .await;
    assert!(called.result.is_ok());
    assert_eq!(called.usage.log, 1000);
    assert_eq!(called.usage.output, 50_000);
}

/// Sets key `k` to the bytes of that length at 4096, and answers ok when it was taken.
fn set(length: u32, end: &str) -> Vec<u8> {
    with_text(
        "k",
        &format!(
            "(drop (memory.grow (i32.const 1)))
             (call $set (i32.const 4096) (i32.const 1) (i32.const 4096) (i32.const {length})
                (i32.const 512))
             (if (i32.load8_u (i32.const 512)) (then
                (return (call $invalid (i32.const 4096) (i32.const 1)))))
             {end}"
        ),
    )
}

#[tokio::test]
async fn kv_has_a_quota() {
    let stage = Stage::new();
    let called = stage.call(&set(1000, "(call $ok)")).await;
    let (limit, text) = limit(&called);
    assert_eq!(limit, Limit::Kv);
    assert!(
        text.contains("wants to keep more than 1000 bytes in kv"),
        "{text}"
    );
    assert_eq!(stage.kv.usage("guest", "one"), Ok(0));

    // 999 bytes and the key fit, and again in their own place.
    for _ in 0..2 {
        assert!(stage.call(&set(999, "(call $ok)")).await.result.is_ok());
        assert_eq!(stage.kv.usage("guest", "one"), Ok(1000));
    }
}

#[tokio::test]
async fn kv_is_kept_when_the_call_ends_well_and_only_then() {
    let stage = Stage::new();
    assert!(stage.call(&set(5, "unreachable")).await.result.is_err());
    assert_eq!(stage.kv.get("guest", "one", "k"), Ok(None));
    let called = stage
        .call(&set(5, "(call $invalid (i32.const 4096) (i32.const 1))"))
        .await;
    assert!(matches!(
        called.result,
        Err(CallError::Fault(Fault::Invalid(text))) if text == "k"
    ));
    assert_eq!(stage.kv.get("guest", "one", "k"), Ok(None));
    assert!(stage.call(&set(1, "(call $ok)")).await.result.is_ok());
    assert_eq!(stage.kv.get("guest", "one", "k"), Ok(Some(b"k".to_vec())));
}

#[tokio::test]
async fn what_is_committed_outlives_the_call() {
    let stage = Stage::new();
    let called = stage
        .call(&set(5, "(call $commit (i32.const 600)) unreachable"))
        .await;
    assert!(called.result.is_err());
    let kept = stage.kv.get("guest", "one", "k").unwrap();
    assert_eq!(kept.map(|value| value.len()), Some(5));

    // As often as a call may, and once more: then it is told so.
    let called = stage
        .call(&set(
            7,
            "(loop $again
                (call $commit (i32.const 600))
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (br_if $again (i32.eqz (i32.load8_u (i32.const 600)))))
             (call $invalid (i32.const 4096) (i32.sub (global.get $count) (i32.const 64)))",
        ))
        .await;
    assert!(matches!(
        called.result,
        Err(CallError::Fault(Fault::Invalid(text))) if text == "k"
    ));
    let kept = stage.kv.get("guest", "one", "k").unwrap();
    assert_eq!(kept.map(|value| value.len()), Some(7));
}

#[tokio::test]
async fn one_subject_never_sees_anothers_kv() {
    let stage = Stage::new();
    let plugin = stage.plugin(&set(1, "(call $ok)")).await;
    let called = plugin.generate(&subject("other"), &Brief::default()).await;
    assert!(called.result.is_ok());
    // Answers `invalid` with the value's bytes when there is one.
    let reader = stage
        .plugin(&with_text(
            "k",
            "(call $get (i32.const 4096) (i32.const 1) (i32.const 512))
             (if (i32.load8_u (i32.const 520)) (then
                (return (call $invalid (i32.load (i32.const 524)) (i32.load (i32.const 528))))))
             (call $ok)",
        ))
        .await;
    let brief = Brief::default();
    assert!(
        reader
            .generate(&subject("one"), &brief)
            .await
            .result
            .is_ok()
    );
    let own = reader.generate(&subject("other"), &brief).await.result;
    assert!(
        matches!(&own, Err(CallError::Fault(Fault::Invalid(text))) if text == "k"),
        "{own:?}"
    );
}

#[tokio::test]
async fn every_call_has_an_instance_of_its_own() {
    let stage = Stage::new();
    let plugin = stage
        .plugin(&generator(
            "(if (global.get $count) (then unreachable))
             (if (i32.load (i32.const 3000)) (then unreachable))
             (global.set $count (i32.const 1))
             (i32.store (i32.const 3000) (i32.const 1))
             (call $ok)",
        ))
        .await;
    for _ in 0..20 {
        let called = plugin.generate(&subject("one"), &Brief::default()).await;
        assert!(called.result.is_ok());
    }
}

#[tokio::test]
async fn more_calls_than_the_pool_holds_wait_for_their_turn() {
    let stage = Stage::with_concurrency(2);
    *stage.platform.answer.lock().unwrap() = answer(10);
    let plugin = stage
        .plugin(&with_text(
            "HEADhttps://x/",
            "(call $request (i32.const 10) (i32.const 512)) (call $ok)",
        ))
        .await;
    let calls: Vec<_> = (0..50)
        .map(|index| {
            let plugin = plugin.clone();
            tokio::spawn(async move {
                let brief = Brief::default();
                plugin.generate(&subject(&index.to_string()), &brief).await
            })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap().result.is_ok());
    }
}

#[tokio::test]
async fn a_call_that_never_gets_its_turn_says_so() {
    let stage = Stage::with_concurrency(1);
    let plugin = stage
        .plugin(&with_text(
            "HEADhttps://x/",
            "(call $request (i32.const 10) (i32.const 512)) (call $ok)",
        ))
        .await;
    let (one, other) = (subject("one"), subject("other"));
    let brief = Brief::default();
    tokio::time::pause();
    // Both begin now; the first waits for ever, and both end after a minute.
    let (first, second) = tokio::join!(
        plugin.generate(&one, &brief),
        plugin.generate(&other, &brief)
    );
    assert_eq!(limit(&first).0, Limit::Wall);
    let error = second.result.unwrap_err();
    assert!(matches!(error, CallError::Busy { .. }), "{error}");
    assert!(!error.requests_sent());
}

#[tokio::test]
async fn what_was_sent_is_known_after_a_crash() {
    let stage = Stage::new();
    for (method, answer, sent) in [
        ("POST", answer(1), true),
        ("PACK", answer(1), true),
        ("HEAD", answer(1), false),
        ("POST", Some(Err(Error::Denied(String::new()))), false),
        ("POST", Some(Err(Error::NotSent(String::new()))), false),
        ("POST", Some(Err(Error::NoAnswer(String::new()))), true),
    ] {
        *stage.platform.answer.lock().unwrap() = answer;
        let called = stage
            .call(&with_text(
                &format!("{method}https://x/"),
                "(call $request (i32.const 10) (i32.const 512)) unreachable",
            ))
            .await;
        assert_eq!(called.requests_sent, sent, "{method}");
        assert_eq!(called.result.unwrap_err().requests_sent(), sent, "{method}");
    }
}

#[tokio::test]
async fn a_missing_capability_is_unsupported() {
    let stage = Stage::new();
    let plugin = stage.plugin(&generator("(call $ok)")).await;
    let called = plugin.measure_account(&subject("one")).await;
    assert!(matches!(
        called.result,
        Err(CallError::Fault(Fault::Unsupported(text)))
            if text == "plugin `guest` has no analytics"
    ));
}

#[tokio::test]
async fn files_of_a_folder_are_listed_and_read() {
    let stage = Stage::new();
    let folder = stage.directory.path().join("posts");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("a.md"), "hello").unwrap();
    let mut one = subject("one");
    one.folders = Arc::new(BTreeMap::from([("posts".to_owned(), folder)]));
    // Lists the folder, reads the first file, and answers `invalid` with what it read.
    let plugin = stage
        .plugin(&with_text(
            "posts",
            "(call $list (i32.const 4096) (i32.const 5) (i32.const 512))
             (if (i32.load8_u (i32.const 512)) (then unreachable))
             (if (i32.ne (i32.load (i32.const 524)) (i32.const 1)) (then unreachable))
             (call $read
                (i32.load (i32.load (i32.const 520))) (i32.load offset=4 (i32.load (i32.const 520)))
                (i64.const 1) (i32.const 3) (i32.const 600))
             (if (i32.load8_u (i32.const 600)) (then unreachable))
             (call $invalid (i32.load (i32.const 608)) (i32.load (i32.const 612)))",
        ))
        .await;
    let called = plugin.generate(&one, &Brief::default()).await;
    assert!(
        matches!(&called.result, Err(CallError::Fault(Fault::Invalid(text))) if text == "ell"),
        "{:?}",
        called.result
    );
}
