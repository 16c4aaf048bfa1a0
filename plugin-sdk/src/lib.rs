#![doc = include_str!("../README.md")]

#[doc(hidden)]
pub mod bindings;
mod capability;
pub mod clock;
pub mod compose;
pub mod count;
pub mod graph;
mod guest;
mod host;
pub mod http;
pub mod kv;
pub mod log;
pub mod media;
pub mod money;
pub mod options;
pub mod random;
#[cfg(not(target_arch = "wasm32"))]
#[expect(
    clippy::expect_used,
    reason = "only tests use it, and a test may panic"
)]
pub mod testing;
pub mod text;
pub mod time;
mod types;

pub use analytics::PostMetrics;
pub use bindings::host::jarchi::plugin::types::{
    Account, Error, FocalPoint, Link, Measure, MediaItem, MediaKind, Mention, Metric, Poll, Post,
    Problem, Receipt, Severity, ThreadPart, Timestamp, Visibility,
};
pub use capability::{Analytics, Connection, Generator, Inbox, Promoter, Publisher};
pub use generator::{Batch, Brief, Draft};
pub use publisher::{Delivery, Finding, Outcome, Progress};

/// A span of time in milliseconds.
pub type Millis = u64;

/// What every capability answers with.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The words of [`Publisher`].
pub mod publisher {
    pub use crate::bindings::publishing::exports::jarchi::plugin::publisher::{
        Delivery, Finding, Outcome, Progress,
    };
}

/// The words of [`Connection`].
pub mod connection {
    pub use crate::bindings::connecting::exports::jarchi::plugin::connection::{
        Quota, Standing, Target,
    };
}

/// The words of [`Analytics`].
pub mod analytics {
    pub use crate::bindings::measuring::exports::jarchi::plugin::analytics::PostMetrics;
}

/// The words of [`Inbox`].
pub mod inbox {
    pub use crate::bindings::answering::exports::jarchi::plugin::inbox::{
        Answer, Attachment, Author, Finding, Kind, Message, Page,
    };
}

/// The words of [`Promoter`].
pub mod promoter {
    pub use crate::bindings::promoting::exports::jarchi::plugin::promoter::{
        Audience, Campaign, Finding, Money, Objective, Promotion, Status,
    };
}

/// The words of [`Generator`].
pub mod generator {
    pub use crate::bindings::generating::exports::jarchi::plugin::generator::{
        AccountLimits, Batch, Brief, Campaign, Draft, Due, PastPost, Pillar, Provenance, Topic,
        Voice,
    };
}

/// Exports a plugin's capabilities: `export!(Name: publisher, analytics);`. The names are
/// `publisher`, `connection`, `analytics`, `inbox`, `promoter` and `generator`; once in a
/// crate.
#[macro_export]
macro_rules! export {
    ($plugin:ident : $($capability:ident),+ $(,)?) => {
        $($crate::__export_capability!($plugin $capability);)+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_capability {
    ($plugin:ident publisher) => {
        $crate::__export_world!($plugin, $crate::Publisher, publishing);
    };
    ($plugin:ident connection) => {
        $crate::__export_world!($plugin, $crate::Connection, connecting);
    };
    ($plugin:ident analytics) => {
        $crate::__export_world!($plugin, $crate::Analytics, measuring);
    };
    ($plugin:ident inbox) => {
        $crate::__export_world!($plugin, $crate::Inbox, answering);
    };
    ($plugin:ident promoter) => {
        $crate::__export_world!($plugin, $crate::Promoter, promoting);
    };
    ($plugin:ident generator) => {
        $crate::__export_world!($plugin, $crate::Generator, generating);
    };
    ($plugin:ident $other:ident) => {
        ::core::compile_error!(::core::concat!(
            "no capability `",
            ::core::stringify!($other),
            "`: there are publisher, connection, analytics, inbox, promoter and generator"
        ));
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_world {
    ($plugin:ident, $capability:path, $world:ident) => {
        const _: fn() = || {
            fn implements<T: $capability>() {}
            implements::<$plugin>();
        };
        #[cfg(target_arch = "wasm32")]
        #[allow(unsafe_code, reason = "generated: the component's exports")]
        const _: () = {
    $crate::bindings::$world::export!($plugin with_types_in $crate::bindings::$world);
        };
    };
}
