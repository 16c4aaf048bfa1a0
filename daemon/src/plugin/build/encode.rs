//! From cargo's core module to the component's file.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use wit_component::ComponentEncoder;

use crate::plugin::component::{embed_manifest, inspect};

use super::{BuildError, Built, Source, names};

/// Makes the component, and writes it where the daemon could load it and it has changed.
pub(super) fn component(source: &Source, module: &Path, out: &Path) -> Result<Built, BuildError> {
    let path = out.join(format!("{}.wasm", source.name));
    let module = fs::read(module).map_err(|error| BuildError::file("read", module, error))?;
    let component = names::shorten(&module)
        .map_err(|error| error.to_string())
        .and_then(|module| encode(&module))
        .map_err(|reason| BuildError::Encode {
            dir: source.dir.clone(),
            reason,
        })?;
    let component = embed_manifest(&component, &source.manifest);
    let inspection = inspect(&component)
        .and_then(|found| found.fits().map(|()| found))
        .map_err(|reason| BuildError::Refused {
            dir: source.dir.clone(),
            reason,
        })?;
    let imports: Vec<String> = inspection.foreign_imports().map(str::to_owned).collect();
    if !imports.is_empty() {
        return Err(BuildError::Imports {
            dir: source.dir.clone(),
            imports,
        });
    }
    // A file that stays as it is does not wake those who watch it.
    let changed = fs::read(&path).map_or(true, |before| before != component);
    if changed {
        fs::create_dir_all(out).map_err(|error| BuildError::file("made", out, error))?;
        replace(&path, &component).map_err(|error| BuildError::file("written", &path, error))?;
    }
    Ok(Built {
        path,
        inspection,
        changed,
    })
}

fn encode(module: &[u8]) -> Result<Vec<u8>, String> {
    // The whole is validated when it is inspected.
    let encoded = ComponentEncoder::default()
        .validate(false)
        .module(module)
        .and_then(|mut encoder| encoder.encode());
    encoded.map_err(|error| {
        let mut reason = format!("{error:#}");
        if reason.contains("__wbindgen") {
            reason += "\n  a dependency expects JavaScript around it (wasm-bindgen). Usual ones: \
                       chrono with `clock` or `wasmbind` (take `default-features = false`), \
                       getrandom and uuid with `js`, web-time. `cargo tree -i wasm-bindgen \
                       --target wasm32-unknown-unknown` finds it";
        }
        reason
    })
}

/// Whoever reads the file has the old one or the new one, never a part.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(format!("wasm.{}.tmp", std::process::id()));
    let written = File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written
}
