//! What a component file says of itself, read without running or compiling any of it.

use std::collections::BTreeSet;
use std::fmt;

use semver::Version;
use serde::Serialize;
use wasmparser::{Chunk, Encoding, Parser, Payload, Validator};

use super::manifest::{Manifest, ManifestError, SECTION};

/// The package whose interfaces plugins import and export.
pub const PACKAGE: &str = "jarchi:plugin";

/// The version of the interface that this daemon speaks.
pub const INTERFACE: Version = Version::new(0, 1, 0);

/// One of the interfaces that a plugin may export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    Publisher,
    Connection,
    Analytics,
    Inbox,
    Promoter,
    Generator,
}

impl Capability {
    pub const ALL: [Capability; 6] = [
        Capability::Publisher,
        Capability::Connection,
        Capability::Analytics,
        Capability::Inbox,
        Capability::Promoter,
        Capability::Generator,
    ];

    /// The interface's name in the WIT package.
    pub const fn name(self) -> &'static str {
        match self {
            Capability::Publisher => "publisher",
            Capability::Connection => "connection",
            Capability::Analytics => "analytics",
            Capability::Inbox => "inbox",
            Capability::Promoter => "promoter",
            Capability::Generator => "generator",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A component that is whole and valid, and what it says of itself.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    pub manifest: Manifest,
    /// The version of `jarchi:plugin` that it was built for.
    pub interface: Version,
    pub capabilities: BTreeSet<Capability>,
    /// Everything that it imports, as `jarchi:plugin/http@0.1.0`, in its own order.
    pub imports: Vec<String>,
    /// Everything that it exports, known to this daemon or not.
    pub exports: Vec<String>,
    /// Bytes.
    pub size: u64,
    /// BLAKE3 of the file, lower-case hexadecimal.
    pub digest: String,
}

impl Inspection {
    /// Whether this daemon can run it: the same line of versions (the major, or the minor
    /// one while that is 0), and not newer than the daemon's own.
    pub fn fits(&self) -> Result<(), InspectError> {
        let (theirs, ours) = (&self.interface, &INTERFACE);
        if line_of(theirs) == line_of(ours) && theirs <= ours {
            return Ok(());
        }
        Err(InspectError::Interface {
            found: theirs.clone(),
            newer: theirs > ours,
        })
    }

    /// What it imports beside the interface: a plugin that was built by
    /// `jarchi plugin build` has nothing here.
    pub fn foreign_imports(&self) -> impl Iterator<Item = &str> {
        self.imports
            .iter()
            .map(String::as_str)
            .filter(|name| interface_of(name).is_none())
    }
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InspectError {
    #[error("the file is empty")]
    Empty,
    #[error(
        "this is not a WebAssembly file (a plugin is a component, as `jarchi plugin build` makes it)"
    )]
    NotWasm,
    #[error(
        "this is a core module, not a component; `jarchi plugin build` makes components, and `wasm-tools component new` turns a module into one"
    )]
    CoreModule,
    #[error("the file is cut off after {size} bytes; copy or build it again")]
    Truncated { size: u64 },
    #[error("the component is damaged or not valid, at byte {offset}: {reason}")]
    Invalid { offset: u64, reason: String },
    #[error(
        "the component has no manifest (custom section `{SECTION}`); `jarchi plugin build` puts the crate's plugin.toml in"
    )]
    NoManifest,
    #[error("the component has more than one manifest (custom section `{SECTION}`)")]
    TwoManifests,
    #[error("the component's manifest is not UTF-8")]
    ManifestEncoding,
    #[error("the component's manifest is wrong:\n{0}")]
    Manifest(#[from] ManifestError),
    #[error("the component uses `{PACKAGE}` in versions that don't go together: {0} and {1}")]
    MixedInterfaces(Version, Version),
    #[error("the component exports no capability ({}); it exports {}", capability_names(), listed(.exports))]
    NoCapability { exports: Vec<String> },
    #[error(
        "the component was built for version {found} of `{PACKAGE}`, and this daemon speaks {INTERFACE}: {}",
        if *.newer { "update Jarchi" } else { "build the plugin again with the SDK of this version" }
    )]
    Interface { found: Version, newer: bool },
}

fn capability_names() -> String {
    Capability::ALL.map(Capability::name).join(", ")
}

fn listed(names: &[String]) -> String {
    match names {
        [] => "nothing".to_owned(),
        names => names.join(", "),
    }
}

/// Reads a component without running or compiling it.
///
/// The interface's version is read and not judged: [`Inspection::fits`] does that, so that
/// a plugin of another version can still be shown.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, InspectError> {
    whole(bytes)?;
    Validator::new()
        .validate_all(bytes)
        .map_err(|error| invalid(&error))?;
    let Surface {
        manifests,
        imports,
        exports,
    } = surface(bytes).map_err(|error| invalid(&error))?;

    let manifest = match manifests[..] {
        [] => return Err(InspectError::NoManifest),
        [bytes] => std::str::from_utf8(bytes).map_err(|_| InspectError::ManifestEncoding)?,
        _ => return Err(InspectError::TwoManifests),
    };
    let manifest = Manifest::parse(manifest)?;

    let capabilities: BTreeSet<_> = exports
        .iter()
        .filter_map(|name| interface_of(name))
        .filter_map(|(interface, _)| Capability::ALL.into_iter().find(|c| c.name() == interface))
        .collect();
    let mut version: Option<Version> = None;
    for (_, found) in imports
        .iter()
        .chain(&exports)
        .filter_map(|n| interface_of(n))
    {
        match &version {
            Some(known) if line_of(known) != line_of(&found) => {
                return Err(InspectError::MixedInterfaces(known.clone(), found));
            }
            Some(known) if *known >= found => {}
            _ => version = Some(found),
        }
    }
    let (false, Some(interface)) = (capabilities.is_empty(), version) else {
        return Err(InspectError::NoCapability { exports });
    };
    Ok(Inspection {
        manifest,
        interface,
        capabilities,
        imports,
        exports,
        size: bytes.len() as u64,
        digest: blake3::hash(bytes).to_hex().to_string(),
    })
}

/// The component with this manifest in it, in place of the one that it had.
///
/// Bytes that are not a component come back with the section behind them; [`inspect`]
/// refuses those.
pub fn embed_manifest(component: &[u8], manifest_toml: &str) -> Vec<u8> {
    let section = wasm_encoder::CustomSection {
        name: SECTION.into(),
        data: manifest_toml.as_bytes().into(),
    };
    let mut whole = without_manifest(component).unwrap_or_else(|_| component.to_vec());
    whole.push(wasm_encoder::ComponentSectionId::CoreCustom as u8);
    wasm_encoder::Encode::encode(&section, &mut whole);
    whole
}

fn without_manifest(component: &[u8]) -> wasmparser::Result<Vec<u8>> {
    let mut kept = wasm_encoder::Component::new();
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        let at_top = depth == 0;
        match &payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) if at_top && section.name() == SECTION => continue,
            _ => {}
        }
        if let (true, Some((id, range))) = (at_top, payload.as_section()) {
            kept.section(&wasm_encoder::RawSection {
                id,
                data: &component[range.start..range.end],
            });
        }
    }
    Ok(kept.finish())
}

/// Tells a cut-off file from a damaged one, and a component from other files, before the
/// validator, whose errors don't.
fn whole(bytes: &[u8]) -> Result<(), InspectError> {
    const MAGIC: &[u8] = b"\0asm";
    let truncated = InspectError::Truncated {
        size: bytes.len() as u64,
    };
    if bytes.is_empty() {
        return Err(InspectError::Empty);
    }
    if !bytes.starts_with(MAGIC) {
        return Err(match MAGIC.starts_with(bytes) {
            true => truncated,
            false => InspectError::NotWasm,
        });
    }
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    loop {
        match parser.parse(rest, false) {
            Ok(Chunk::NeedMoreData(_)) if rest.is_empty() => return Ok(()),
            Ok(Chunk::NeedMoreData(_)) => return Err(truncated),
            Err(error) => return Err(invalid(&error)),
            Ok(Chunk::Parsed { consumed, payload }) => {
                rest = &rest[consumed..];
                match payload {
                    Payload::Version {
                        encoding: Encoding::Module,
                        ..
                    } => return Err(InspectError::CoreModule),
                    // What is nested is the validator's; here only its length counts.
                    Payload::ModuleSection {
                        unchecked_range, ..
                    }
                    | Payload::ComponentSection {
                        unchecked_range, ..
                    } => match bytes.get(unchecked_range.end..) {
                        Some(after) => rest = after,
                        None => return Err(truncated),
                    },
                    _ => {}
                }
            }
        }
    }
}

struct Surface<'a> {
    manifests: Vec<&'a [u8]>,
    imports: Vec<String>,
    exports: Vec<String>,
}

fn surface(bytes: &[u8]) -> wasmparser::Result<Surface<'_>> {
    let mut surface = Surface {
        manifests: Vec::new(),
        imports: Vec::new(),
        exports: Vec::new(),
    };
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            Payload::CustomSection(section) if section.name() == SECTION => {
                surface.manifests.push(section.data());
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    surface.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    surface.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok(surface)
}

/// `jarchi:plugin/http@0.1.0` is `http` in version 0.1.0.
fn interface_of(name: &str) -> Option<(&str, Version)> {
    let (interface, version) = name
        .strip_prefix(PACKAGE)?
        .strip_prefix('/')?
        .split_once('@')?;
    Some((interface, Version::parse(version).ok()?))
}

/// Versions of the same line are compatible upwards.
fn line_of(version: &Version) -> (u64, u64) {
    match version.major {
        0 => (0, version.minor),
        major => (major, 0),
    }
}

fn invalid(error: &wasmparser::BinaryReaderError) -> InspectError {
    InspectError::Invalid {
        offset: error.offset() as u64,
        reason: error.message().to_owned(),
    }
}

#[cfg(test)]
mod tests;
