//! Addresses at which a file can be fetched for a while, and that nobody else can make.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use zeroize::Zeroizing;

use crate::model::{Digest, MediaItem, Timestamp};

/// Gives the files of a call addresses on the public web.
pub trait PublicUrls: Send + Sync {
    /// An address that the account's platform can fetch the file from. It is durable when
    /// this returns. May wait for a disk.
    ///
    /// # Errors
    /// There is no such address, and what to do about it.
    fn url_of(&self, account: &str, item: &MediaItem) -> Result<String, String>;
}

/// Before the signature, so that a proxy knows these paths by their beginning.
const FOLDER: &str = "m";
/// Characters of a file's name; the ending is kept.
const LONGEST_NAME: usize = 64;
const TIME: usize = size_of::<u64>();
const DIGEST: usize = blake3::OUT_LEN;

/// Signs paths as `m/SIGNATURE/photo.jpg`: a platform looks at the name's ending.
pub struct Signer(Zeroizing<[u8; blake3::KEY_LEN]>);

/// What a path that was signed here says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signed {
    pub digest: Digest,
    pub until: Timestamp,
}

impl Signer {
    pub fn new(key: [u8; blake3::KEY_LEN]) -> Self {
        Signer(Zeroizing::new(key))
    }

    /// A relative path.
    pub fn sign(&self, signed: Signed, item: &MediaItem) -> String {
        let name = plain_name(item);
        let mut token = [0; TIME + DIGEST + blake3::OUT_LEN];
        token[..TIME].copy_from_slice(&signed.until.0.to_be_bytes());
        token[TIME..TIME + DIGEST].copy_from_slice(&signed.digest.0);
        let code = self.code(&token[..TIME + DIGEST], &name);
        token[TIME + DIGEST..].copy_from_slice(code.as_bytes());
        format!("{FOLDER}/{}/{name}", BASE64.encode(token))
    }

    /// Of a path that was signed with this key; whatever stands before its three parts is
    /// a proxy's.
    pub fn open(&self, path: &str) -> Option<Signed> {
        let mut parts = path.rsplit('/');
        let (name, token, folder) = (parts.next()?, parts.next()?, parts.next()?);
        let token = BASE64.decode(token).ok()?;
        if folder != FOLDER || token.len() != TIME + DIGEST + blake3::OUT_LEN {
            return None;
        }
        let (said, code) = token.split_at(TIME + DIGEST);
        // This comparison takes the same time wherever they differ.
        if self.code(said, name) != blake3::Hash::from_slice(code).ok()? {
            return None;
        }
        let (until, digest) = said.split_at(TIME);
        Some(Signed {
            digest: Digest(digest.try_into().ok()?),
            until: Timestamp(u64::from_be_bytes(until.try_into().ok()?)),
        })
    }

    fn code(&self, said: &[u8], name: &str) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        hasher.update(said).update(name.as_bytes());
        hasher.finalize()
    }
}

/// The file's name in characters that no platform stumbles over, with an ending that says
/// what it is.
fn plain_name(item: &MediaItem) -> String {
    let path = std::path::Path::new(&item.path);
    let text = |part: Option<&std::ffi::OsStr>| {
        part.map(|part| part.to_string_lossy().into_owned())
            .unwrap_or_default()
    };
    let plain = |text: &str, most: usize| -> String {
        text.chars()
            .take(most)
            .map(|c| match c {
                c if c.is_ascii_alphanumeric() || c == '-' || c == '_' => c,
                _ => '-',
            })
            .collect()
    };
    let mut ending = plain(&text(path.extension()), 8).to_ascii_lowercase();
    let says = mime_guess::from_ext(&ending).first();
    if says.is_none_or(|says| says.essence_str() != item.mime) {
        let usual = match item.mime.as_str() {
            "image/jpeg" => Some("jpg"),
            "image/png" => Some("png"),
            "image/gif" => Some("gif"),
            "image/webp" => Some("webp"),
            "image/avif" => Some("avif"),
            "image/heic" => Some("heic"),
            "video/mp4" => Some("mp4"),
            "video/quicktime" => Some("mov"),
            "video/webm" => Some("webm"),
            "application/pdf" => Some("pdf"),
            _ => None,
        };
        if let Some(usual) = usual {
            ending = usual.to_owned();
        }
    }
    let stem = plain(&text(path.file_stem()), LONGEST_NAME);
    match (stem.is_empty(), ending.is_empty()) {
        (true, _) => format!("file.{ending}"),
        (false, true) => stem,
        (false, false) => format!("{stem}.{ending}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::MediaKind;

    fn item(path: &str, mime: &str) -> MediaItem {
        MediaItem {
            path: path.to_owned(),
            kind: MediaKind::Image,
            mime: mime.to_owned(),
            size: 1,
            digest: Digest([7; 32]),
            alt: None,
            focus: None,
            width: None,
            height: None,
            length: None,
        }
    }

    #[test]
    fn names_are_plain_and_say_what_the_file_is() {
        for (path, mime, name) in [
            ("/a/photo.jpg", "image/jpeg", "photo.jpg"),
            ("/a/Photo.JPEG", "image/jpeg", "Photo.jpeg"),
            ("/a/çay evi #1.png", "image/png", "-ay-evi--1.png"),
            ("/a/photo.png", "image/jpeg", "photo.jpg"),
            ("/a/photo", "image/jpeg", "photo.jpg"),
            ("/a/clip.mov", "video/quicktime", "clip.mov"),
            ("/a/clip", "video/mp4", "clip.mp4"),
            ("/a/..", "image/jpeg", "file.jpg"),
        ] {
            assert_eq!(plain_name(&item(path, mime)), name, "{path}");
        }
    }

    #[test]
    fn only_what_was_signed_here_opens() {
        let signer = Signer::new([1; 32]);
        let signed = Signed {
            digest: Digest([7; 32]),
            until: Timestamp(1_800_000_000_000),
        };
        let path = signer.sign(signed, &item("/a/photo.jpg", "image/jpeg"));
        assert!(path.ends_with("/photo.jpg"), "{path}");
        assert_eq!(signer.open(&path), Some(signed));
        assert_eq!(signer.open(&format!("/jarchi/{path}")), Some(signed));
        assert_eq!(Signer::new([2; 32]).open(&path), None);
        for at in 0..path.len() {
            let mut altered = path.clone().into_bytes();
            altered[at] = if altered[at] == b'a' { b'b' } else { b'a' };
            let altered = String::from_utf8(altered).unwrap();
            // The last of base 64's characters has bits that nothing is in.
            if BASE64.decode(altered.split('/').nth(1).unwrap()).is_ok() {
                assert_eq!(signer.open(&altered), None, "{altered}");
            }
        }
        for other in ["", "/", "m", "m//photo.jpg", "m/AAAA/photo.jpg", "x/../m"] {
            assert_eq!(signer.open(other), None, "{other}");
        }
    }
}
