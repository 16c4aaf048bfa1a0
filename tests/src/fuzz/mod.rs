//! What the fuzzers under `tests/fuzz` feed, each with bytes of any kind: one function a
//! target. They panic where something is found. The seeds are run by `tests/seeds.rs`.

mod api;
mod host;
mod texts;

pub use api::api;
pub use host::host;
pub use texts::{config, front_matter, manifest, store};

/// A target's name, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 6] = [
    ("api", api),
    ("config", config),
    ("front_matter", front_matter),
    ("host", host),
    ("manifest", manifest),
    ("store", store),
];
