//! What a film is, read off its container, and where in it lies what it should not tell.
//! Nothing is decoded.

pub(super) mod boxes;
mod matroska;
pub(super) mod mp4;

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::Trouble;
use crate::model::TimeSpan;
use mp4::Patches;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Mp4,
    Mov,
    Webm,
    Matroska,
}

impl Container {
    pub(super) fn name(self) -> &'static str {
        match self {
            Container::Mp4 => "mp4",
            Container::Mov => "mov",
            Container::Webm => "webm",
            Container::Matroska => "mkv",
        }
    }

    pub(super) fn mime(self) -> &'static str {
        match self {
            Container::Mp4 => "video/mp4",
            Container::Mov => "video/quicktime",
            Container::Webm => "video/webm",
            Container::Matroska => "video/x-matroska",
        }
    }
}

/// As far as the container tells it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Film {
    pub container: Container,
    /// As a manifest names it: `h264`, `hevc`, `av1`, `vp8`, `vp9`, or the container's
    /// own word.
    pub video: Option<String>,
    /// `aac`, `mp3`, `opus`, `vorbis`, `ac3`, `pcm`, or the container's own word.
    pub audio: Option<String>,
    pub length: Option<TimeSpan>,
    /// Pixels, as it is seen.
    pub width: u32,
    pub height: u32,
    /// Pictures a second.
    pub rate: Option<f64>,
    /// What a player needs to begin stands before the pictures.
    pub fast_start: bool,
}

/// A file, or bytes.
pub(super) trait Source {
    fn size(&self) -> u64;
    fn read(&self, at: u64, to: &mut [u8]) -> io::Result<()>;

    /// So many bytes, fewer at the end.
    fn some(&self, at: u64, most: usize) -> Result<Vec<u8>, Trouble> {
        let left = self.size().saturating_sub(at);
        let mut bytes = vec![0; most.min(usize::try_from(left).unwrap_or(usize::MAX))];
        self.read(at, &mut bytes)
            .map_err(|error| Trouble::Io(error.to_string()))?;
        Ok(bytes)
    }
}

pub(super) struct OnDisk {
    file: File,
    size: u64,
}

impl OnDisk {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let size = file.metadata()?.len();
        Ok(OnDisk { file, size })
    }
}

impl Source for OnDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, at: u64, to: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(to, at)
    }
}

#[cfg(test)]
impl Source for &[u8] {
    fn size(&self) -> u64 {
        self.len() as u64
    }

    fn read(&self, at: u64, to: &mut [u8]) -> io::Result<()> {
        let short = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let at = usize::try_from(at).map_err(io::Error::other)?;
        let end = at.checked_add(to.len()).ok_or_else(short)?;
        to.copy_from_slice(self.get(at..end).ok_or_else(short)?);
        Ok(())
    }
}

/// What the film is, and how it loses what it should not tell.
///
/// # Errors
/// It is no whole MP4, QuickTime or Matroska file.
pub(super) fn probe(source: &dyn Source) -> Result<(Film, Patches), Trouble> {
    let head = source.some(0, 12)?;
    if head.starts_with(&[0x1a, 0x45, 0xdf, 0xa3]) {
        return matroska::probe(source);
    }
    if head
        .get(4..8)
        .is_some_and(|kind| mp4::BEGINNINGS.iter().any(|one| one.as_slice() == kind))
    {
        return mp4::probe(source);
    }
    Err(Trouble::Foreign(
        "it is neither MP4, QuickTime nor WebM".to_owned(),
    ))
}
