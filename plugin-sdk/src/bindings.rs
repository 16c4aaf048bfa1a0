//! What `wit-bindgen` makes of `wit/`. One call for the host, and one for each
//! capability, so that a plugin's component holds only what the plugin exports: a world's
//! exports are written into the component by that world's `export!` alone.

// The canonical ABI passes pointers; the code that does so is generated, not written here.
#![allow(unsafe_code)]
#![allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::expect_used)]

pub mod host {
    wit_bindgen::generate!({
        path: "wit",
        world: "host",
        pub_export_macro: true,
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
    });
}

macro_rules! capability {
    ($module:ident, $world:literal, $path:literal) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "wit",
                world: $world,
                pub_export_macro: true,
                default_bindings_module: $path,
                generate_unused_types: true,
                additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
                with: {
                    "jarchi:plugin/types@0.1.0": crate::bindings::host::jarchi::plugin::types,
                    "jarchi:plugin/http@0.1.0": crate::bindings::host::jarchi::plugin::http,
                    "jarchi:plugin/media@0.1.0": crate::bindings::host::jarchi::plugin::media,
                    "jarchi:plugin/kv@0.1.0": crate::bindings::host::jarchi::plugin::kv,
                    "jarchi:plugin/log@0.1.0": crate::bindings::host::jarchi::plugin::log,
                    "jarchi:plugin/clock@0.1.0": crate::bindings::host::jarchi::plugin::clock,
                    "jarchi:plugin/random@0.1.0": crate::bindings::host::jarchi::plugin::random,
                },
            });
        }
    };
}

capability!(
    publishing,
    "publishing",
    "jarchi_plugin_sdk::bindings::publishing"
);
capability!(
    connecting,
    "connecting",
    "jarchi_plugin_sdk::bindings::connecting"
);
capability!(
    measuring,
    "measuring",
    "jarchi_plugin_sdk::bindings::measuring"
);
capability!(
    answering,
    "answering",
    "jarchi_plugin_sdk::bindings::answering"
);
capability!(
    promoting,
    "promoting",
    "jarchi_plugin_sdk::bindings::promoting"
);
capability!(
    generating,
    "generating",
    "jarchi_plugin_sdk::bindings::generating"
);
