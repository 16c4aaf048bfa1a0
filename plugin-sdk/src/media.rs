//! The operator's files that this call may see, and those that a generator makes.

pub use crate::bindings::host::jarchi::plugin::media::{Error, File};

use crate::{MediaItem, MediaKind};

/// What stands for the address of a post's file on the public web, for platforms that
/// fetch media themselves. It goes into a JSON body, a form's field or a query; the broker
/// puts a short-lived `https` URL in its place, percent-encoded where the text around it
/// is. The request fails as `invalid` where the operator has configured no address, and
/// where the file is not of this call's post.
pub fn public_url(item: &MediaItem) -> String {
    format!("${{media-url:{}}}", item.id)
}

/// The most that the host gives at once (bytes).
const CHUNK: u32 = 1 << 20;

/// The files of a granted folder, in the order of their paths.
///
/// # Errors
/// The folder was not granted, or can't be read.
pub fn list(folder: &str) -> Result<Vec<File>, Error> {
    crate::host::media_list_files(folder)
}

/// What is known of a file.
///
/// # Errors
/// There is no such file for this call.
pub fn describe(id: &str) -> Result<File, Error> {
    crate::host::media_describe(id)
}

/// At most `length` bytes from `offset`; fewer at the end of the file.
///
/// # Errors
/// There is no such file for this call, or reading it failed.
pub fn read_at(id: &str, offset: u64, length: u32) -> Result<Vec<u8>, Error> {
    crate::host::media_read(id, offset, length)
}

/// Hands over a file that this generator made: a picture, a video, a sound or a PDF, told by
/// its bytes. Platforms show the name; its ending becomes that of the type. The file is on
/// disk when this returns. [`item`] makes of it what a draft has in its media.
///
/// The same bytes have the same id for as long as the file is there: as long as a post has
/// it, and some days after it was last made or described. So make what a draft needs in the
/// call that returns the draft, or see whether [`describe`] still knows it.
///
/// # Errors
/// The bytes are no such file, more than a call may make (`limits.media`), or can't be kept;
/// `denied` to all but generators.
pub fn create(name: &str, content: &[u8]) -> Result<File, Error> {
    crate::host::media_create(name, content)
}

/// A file for a draft's media.
pub fn item(file: &File, alt: Option<String>) -> MediaItem {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    MediaItem {
        id: file.id.clone(),
        kind: file.kind.unwrap_or(MediaKind::Document),
        alt,
        focus: None,
        name: name.to_owned(),
        mime: file.mime.clone(),
        size: file.size,
        width: file.width,
        height: file.height,
        length: None,
    }
}

/// The whole of a small file.
///
/// # Errors
/// As [`read_at`], and when the file is longer than `limit` bytes.
pub fn read(id: &str, limit: u64) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    loop {
        let chunk = read_at(id, bytes.len() as u64, CHUNK)?;
        if chunk.is_empty() {
            return Ok(bytes);
        }
        bytes.extend_from_slice(&chunk);
        if bytes.len() as u64 > limit {
            return Err(Error::Io(format!("the file is longer than {limit} bytes")));
        }
    }
}
