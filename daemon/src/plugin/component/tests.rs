use std::collections::BTreeSet;

use wasm_encoder::{
    Component, ComponentExportKind, ComponentExportSection, ComponentImportSection,
    ComponentTypeRef, ComponentTypeSection, InstanceType, Module, ModuleSection,
};

use super::*;

const MANIFEST: &str = "name = \"echo\"\nversion = \"1.2.3\"\n";

/// A component with a core module in it, which imports `http` and exports it again under
/// the given names.
fn component(exports: &[&str]) -> Vec<u8> {
    let mut component = Component::new();
    component.section(&ModuleSection(&Module::new()));
    let mut types = ComponentTypeSection::new();
    types.instance(&InstanceType::new());
    component.section(&types);
    let mut imports = ComponentImportSection::new();
    imports.import("jarchi:plugin/http@0.1.0", ComponentTypeRef::Instance(0));
    component.section(&imports);
    let mut section = ComponentExportSection::new();
    for name in exports {
        section.export(*name, ComponentExportKind::Instance, 0, None);
    }
    component.section(&section);
    component.section(&ModuleSection(&Module::new()));
    component.finish()
}

fn plugin() -> Vec<u8> {
    embed_manifest(
        &component(&[
            "jarchi:plugin/publisher@0.1.0",
            "jarchi:plugin/analytics@0.1.0",
        ]),
        MANIFEST,
    )
}

fn message(bytes: &[u8]) -> String {
    inspect(bytes).unwrap_err().to_string()
}

#[test]
fn reads_a_component() {
    let bytes = plugin();
    let found = inspect(&bytes).unwrap();
    assert_eq!(found.manifest, Manifest::parse(MANIFEST).unwrap());
    assert_eq!(found.interface, Version::new(0, 1, 0));
    assert_eq!(
        found.capabilities,
        BTreeSet::from([Capability::Publisher, Capability::Analytics])
    );
    assert_eq!(found.imports, ["jarchi:plugin/http@0.1.0"]);
    assert_eq!(found.exports.len(), 2);
    assert_eq!(found.size, bytes.len() as u64);
    assert_eq!(found.digest, blake3::hash(&bytes).to_hex().to_string());
    assert_eq!(found.foreign_imports().count(), 0);
    assert_eq!(found.fits(), Ok(()));
}

#[test]
fn a_new_manifest_replaces_the_old_one() {
    let bytes = embed_manifest(&plugin(), "name = \"other\"\nversion = \"2.0.0\"\n");
    let found = inspect(&bytes).unwrap();
    assert_eq!(found.manifest.name, "other");
    let again = embed_manifest(&bytes, MANIFEST);
    assert_eq!(again, plugin(), "nothing else changes");
}

#[test]
fn a_cut_off_file_is_named_as_such() {
    let bytes = plugin();
    let mut sections = 0;
    for length in 1..bytes.len() {
        match inspect(&bytes[..length]).unwrap_err() {
            InspectError::Truncated { size } => assert_eq!(size, length as u64),
            // Between two sections a shorter file is a whole one.
            InspectError::NoManifest => sections += 1,
            other => panic!("after {length} bytes: {other}"),
        }
    }
    assert_eq!(sections, 6);
}

#[test]
fn what_is_not_a_component_is_told_apart() {
    assert_eq!(inspect(b"").unwrap_err(), InspectError::Empty);
    assert_eq!(inspect(b"#!/bin/sh\n").unwrap_err(), InspectError::NotWasm);
    assert_eq!(inspect(b"PK\x03\x04").unwrap_err(), InspectError::NotWasm);
    let module = Module::new().finish();
    assert_eq!(inspect(&module).unwrap_err(), InspectError::CoreModule);
    assert!(message(&module).contains("jarchi plugin build"));
}

#[test]
fn a_damaged_byte_is_found() {
    let whole = plugin();
    // The name of the import: still a section, no longer a name.
    let at = whole.windows(6).position(|w| w == b"jarchi").unwrap();
    let mut bytes = whole.clone();
    bytes[at] = 0xff;
    assert!(matches!(inspect(&bytes), Err(InspectError::Invalid { .. })));
    // A type that isn't there.
    let import = b"jarchi:plugin/http@0.1.0";
    let at = whole
        .windows(import.len())
        .position(|w| w == import)
        .unwrap()
        + import.len()
        + 1;
    let mut bytes = whole;
    bytes[at] = 7;
    let Err(InspectError::Invalid { offset, reason }) = inspect(&bytes) else {
        panic!("the index is out of bounds");
    };
    assert!(offset > 8 && reason.contains("unknown type 7"), "{reason}");
}

#[test]
fn the_manifest_is_needed_once_and_whole() {
    let bare = component(&["jarchi:plugin/publisher@0.1.0"]);
    assert_eq!(inspect(&bare).unwrap_err(), InspectError::NoManifest);

    let mut twice = plugin();
    let section = twice[component(&[
        "jarchi:plugin/publisher@0.1.0",
        "jarchi:plugin/analytics@0.1.0",
    ])
    .len()..]
        .to_vec();
    twice.extend(section);
    assert_eq!(inspect(&twice).unwrap_err(), InspectError::TwoManifests);

    let wrong = embed_manifest(&bare, "name = \"Echo\"\nversion = \"1.2.3\"\nhost = []\n");
    let text = message(&wrong);
    assert!(text.contains("line 1, `name`"), "{text}");
    assert!(text.contains("line 3, `host`"), "{text}");
    assert!(text.contains("did you mean `hosts`?"), "{text}");
}

#[test]
fn a_component_without_a_capability_is_refused() {
    let other = embed_manifest(&component(&["wasi:http/handler@0.2.0"]), MANIFEST);
    let text = message(&other);
    assert!(
        text.contains("it exports wasi:http/handler@0.2.0"),
        "{text}"
    );
    let none = embed_manifest(&component(&[]), MANIFEST);
    assert!(message(&none).contains("it exports nothing"));
}

#[test]
fn versions_are_judged_by_their_line() {
    let with = |version: &str| {
        let mut found = inspect(&plugin()).unwrap();
        found.interface = Version::parse(version).unwrap();
        found.fits()
    };
    assert_eq!(with("0.1.0"), Ok(()));
    let newer = with("0.2.0").unwrap_err().to_string();
    assert!(newer.contains("update Jarchi"), "{newer}");
    let older = with("0.0.9").unwrap_err().to_string();
    assert!(older.contains("build the plugin again"), "{older}");

    let mixed = embed_manifest(&component(&["jarchi:plugin/publisher@0.2.0"]), MANIFEST);
    assert!(matches!(
        inspect(&mixed),
        Err(InspectError::MixedInterfaces(..))
    ));
}
