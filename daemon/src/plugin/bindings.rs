//! The interface as Rust, generated from `plugin-sdk/wit`, the one source of truth.

#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

wasmtime::component::bindgen!({
    path: "../plugin-sdk/wit",
    world: "everything",
    imports: {
        // These never wait, so they need no fibre switch.
        "jarchi:plugin/log": trappable,
        "jarchi:plugin/clock": trappable,
        "jarchi:plugin/random": trappable,
        default: async | trappable,
    },
    exports: { default: async },
});
