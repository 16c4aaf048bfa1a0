//! Small guests, written in the text format and encoded against the interface.

use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::plugin::component::embed_manifest;

/// Functions that guests may import, by the names used below.
const IMPORTS: &[(&str, &str)] = &[
    (
        "$send",
        r#"(import "jarchi:plugin/http@0.1.0" "send" (func $send
            (param i32 i32 i32 i32 i32 i32)
            (param i32 i32 i32 i64 i32 i64)
            (param i32 i64 i32)))"#,
    ),
    (
        "$get",
        r#"(import "jarchi:plugin/kv@0.1.0" "get" (func $get (param i32 i32 i32)))"#,
    ),
    (
        "$set",
        r#"(import "jarchi:plugin/kv@0.1.0" "set" (func $set (param i32 i32 i32 i32 i32)))"#,
    ),
    (
        "$commit",
        r#"(import "jarchi:plugin/kv@0.1.0" "commit" (func $commit (param i32)))"#,
    ),
    (
        "$write",
        r#"(import "jarchi:plugin/log@0.1.0" "write" (func $write (param i32 i32 i32 i32 i32)))"#,
    ),
    (
        "$now",
        r#"(import "jarchi:plugin/clock@0.1.0" "now" (func $now (result i64)))"#,
    ),
    (
        "$bytes",
        r#"(import "jarchi:plugin/random@0.1.0" "bytes" (func $bytes (param i32 i32)))"#,
    ),
    (
        "$list",
        r#"(import "jarchi:plugin/media@0.1.0" "list-files" (func $list (param i32 i32 i32)))"#,
    ),
    (
        "$read",
        r#"(import "jarchi:plugin/media@0.1.0" "read" (func $read (param i32 i32 i64 i32 i32)))"#,
    ),
    (
        "$create",
        r#"(import "jarchi:plugin/media@0.1.0" "create" (func $create (param i32 i32 i32 i32 i32)))"#,
    ),
];

/// Where the texts of a guest lie, one behind the other.
const TEXT: u32 = 4096;

/// A generator with this body of `generate`. Its stack is empty at the start, and it
/// leaves the address of its answer: `(call $ok)`, or `(call $invalid ADDRESS LENGTH)`.
pub(super) fn generator(body: &str) -> Vec<u8> {
    with_text("", body)
}

/// One whose memory holds `text` from 4096 on.
pub(super) fn with_text(text: &str, body: &str) -> Vec<u8> {
    component(&module(text, body), "0.1.0", MANIFEST)
}

pub(super) const MANIFEST: &str = "name = \"guest\"\nversion = \"0.1.0\"\n";

pub(super) fn module(text: &str, body: &str) -> String {
    let request = if body.contains("$request") { SEND } else { "" };
    let code = format!("{request}{body}");
    let imports: String = IMPORTS
        .iter()
        .filter(|(name, _)| code.contains(name))
        .map(|(_, import)| *import)
        .collect();
    format!(
        r#"(module
            {imports}
            (memory (export "memory") 2)
            (data (i32.const {TEXT}) {text:?})
            (global $next (mut i32) (i32.const 65536))
            (global $count (mut i32) (i32.const 0))
            (func $realloc (export "cabi_realloc")
                (param $old i32) (param $before i32) (param $align i32) (param $size i32)
                (result i32)
                (local $at i32) (local $end i32)
                (local.set $at (i32.and
                    (i32.add (global.get $next) (i32.const 15))
                    (i32.const -16)))
                (local.set $end (i32.add (local.get $at) (local.get $size)))
                (if (i32.gt_u (local.get $end) (i32.shl (memory.size) (i32.const 16)))
                    (then
                        (if (i32.eq (i32.const -1) (memory.grow (i32.shr_u
                                (i32.add (i32.sub (local.get $end)
                                    (i32.shl (memory.size) (i32.const 16))) (i32.const 65535))
                                (i32.const 16))))
                            (then unreachable))))
                (global.set $next (local.get $end))
                (local.get $at))
            (func $ok (result i32) (i32.const 1024))
            (func $invalid (param $at i32) (param $length i32) (result i32)
                (i32.store8 (i32.const 2048) (i32.const 1))
                (i32.store8 (i32.const 2056) (i32.const 2))
                (i32.store (i32.const 2064) (local.get $at))
                (i32.store (i32.const 2068) (local.get $length))
                (i32.const 2048))
            {request}
            (func (export "jarchi:plugin/generator@0.1.0#generate")
                (param $brief i32) (result i32)
                {body}))"#
    )
}

/// A request without a body: the method is the first four bytes of the guest's text, the
/// URL the `$length` bytes behind them. The answer is written to `$answer`.
const SEND: &str = r#"(func $request (param $length i32) (param $answer i32)
    (call $send
        (i32.const 4096) (i32.const 4)
        (i32.const 4100) (local.get $length)
        (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i64.const 0) (i32.const 0) (i64.const 0)
        (i32.const 0) (i64.const 0) (local.get $answer)))"#;

/// Encodes a core module as a component against that version of the interface.
pub(super) fn component(module: &str, version: &str, manifest: &str) -> Vec<u8> {
    encode(module, version, manifest, "")
}

/// A guest with handles of its own making: `$new` makes one.
pub(super) fn with_handles(body: &str) -> Vec<u8> {
    let module = module("", body).replacen(
        "(module",
        r#"(module (import "[export]test:guest/things" "[resource-new]thing"
            (func $new (param i32) (result i32)))"#,
        1,
    );
    let things = "interface things { resource thing; }";
    encode(&module, "0.1.0", MANIFEST, things)
}

fn encode(module: &str, version: &str, manifest: &str, things: &str) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugin-sdk/wit");
    let mut texts = Vec::new();
    for file in std::fs::read_dir(directory).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        texts.push((path, text.replace("@0.1.0", &format!("@{version}"))));
    }
    let copy = tempfile::tempdir().unwrap();
    for (path, text) in texts {
        std::fs::write(copy.path().join(path.file_name().unwrap()), text).unwrap();
    }
    resolve.push_dir(copy.path()).unwrap();
    let package = resolve
        .push_str(
            "guest.wit",
            &format!(
                "package test:guest; {things} world guest {{ \
                 include jarchi:plugin/host@{version}; \
                 export jarchi:plugin/generator@{version}; {own} }}",
                own = if things.is_empty() {
                    ""
                } else {
                    "export things;"
                },
            ),
        )
        .unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    let mut wasm = wat::parse_str(module.replace("@0.1.0", &format!("@{version}"))).unwrap();
    embed_component_metadata(&mut wasm, &resolve, world, StringEncoding::UTF8).unwrap();
    let component = ComponentEncoder::default()
        .validate(true)
        .module(&wasm)
        .unwrap()
        .encode()
        .unwrap();
    embed_manifest(&component, manifest)
}
