//! The operator's pictures, for models that see.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jarchi_plugin_sdk::media::{self, File};
use jarchi_plugin_sdk::{Error, MediaItem, MediaKind, Problem, Result};

/// Bytes of a picture that a request carries: in base64 and JSON it is four thirds of it,
/// several times over, in the memory of one call.
pub(crate) const LARGEST: u64 = 3 << 20;

/// What endpoints read.
const TYPES: [&str; 4] = ["image/jpeg", "image/png", "image/webp", "image/gif"];

/// The pictures of a granted folder that a model can be shown, and what was passed over.
pub(crate) fn list(folder: &str) -> Result<(Vec<File>, Vec<Problem>)> {
    let mut files = Vec::new();
    let mut passed = Vec::new();
    let listed = media::list(folder).map_err(|error| {
        Error::from(error).context(format!("setting `pictures`, folder `{folder}`"))
    })?;
    for file in listed {
        let picture = matches!(file.kind, Some(MediaKind::Image | MediaKind::Gif));
        if !picture
            || file
                .path
                .split('/')
                .any(|part| part.starts_with(['.', '_']))
        {
            continue;
        }
        if !TYPES.contains(&file.mime.as_str()) {
            let reason = format!(
                "{} can't be shown to a model: make it a JPEG, PNG or WebP",
                file.mime
            );
            passed.push(Problem::warning(file.path, reason));
        } else if file.size > LARGEST {
            let reason = format!(
                "{} bytes, and a model is shown at most {LARGEST}: make it smaller",
                file.size
            );
            passed.push(Problem::warning(file.path, reason));
        } else if file.size > 0 {
            files.push(file);
        }
    }
    Ok((files, passed))
}

/// A picture as `data:` address.
pub(crate) fn shown(file: &File) -> Result<String> {
    let bytes = media::read(&file.id, LARGEST)?;
    Ok(format!(
        "data:{};base64,{}",
        file.mime,
        STANDARD.encode(bytes)
    ))
}

pub(crate) fn item(file: &File, alt: String) -> MediaItem {
    MediaItem {
        id: file.id.clone(),
        kind: file.kind.unwrap_or(MediaKind::Image),
        alt: Some(alt),
        focus: None,
        name: file.path.rsplit('/').next().unwrap_or_default().to_owned(),
        mime: file.mime.clone(),
        size: file.size,
        width: file.width,
        height: file.height,
        length: None,
    }
}
