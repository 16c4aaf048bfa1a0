//! The operator's files that this call may see.

pub use crate::bindings::host::jarchi::plugin::media::{Error, File};

use crate::MediaItem;

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
