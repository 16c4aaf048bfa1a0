//! The host's functions: the component's imports in a plugin, and
//! [`testing::Host`](crate::testing::Host) in a native test.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::testing::imports::*;
#[cfg(target_arch = "wasm32")]
pub(crate) use guest::*;

#[cfg(target_arch = "wasm32")]
mod guest {
    use crate::bindings::host::jarchi::plugin as imports;

    pub(crate) use imports::clock::now;
    pub(crate) use imports::http::send;
    pub(crate) use imports::kv::{
        commit as kv_commit, delete as kv_delete, get as kv_get, keys as kv_keys, set as kv_set,
    };
    pub(crate) use imports::log::write as log_write;
    pub(crate) use imports::media::{
        create as media_create, describe as media_describe, list_files as media_list_files,
        read as media_read,
    };
    pub(crate) use imports::random::bytes as random_bytes;
}
