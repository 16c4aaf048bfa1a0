//! Bodies on their way out. Media are read from disk as the server takes them, so that a
//! video costs no more memory than a few chunks.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http::HeaderValue;
use hyper::body::{Frame, SizeHint};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::placeholder::{self, Encoding, Filler};
use super::{Body, Error, Part, PartBody, Slice};

/// Bytes that are read from a file at once.
const CHUNK: usize = 64 << 10;

/// A body ready to be sent, once.
pub(super) struct Outgoing {
    segments: VecDeque<Segment>,
    /// Of a multipart body.
    pub content_type: Option<HeaderValue>,
    /// Exact, in bytes.
    pub length: u64,
}

enum Segment {
    Bytes(Bytes),
    File(Opened),
}

struct Opened {
    file: File,
    /// The file's own name, for errors: a plugin does not learn where the file lies.
    name: String,
    left: u64,
    stamp: Stamp,
}

/// What changes when somebody writes to the file.
#[derive(PartialEq, Eq)]
struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
}

/// Fills in the secrets and opens the files.
///
/// `Error::NotSent` where a file can't be read, or is shorter than what is asked of it.
pub(super) async fn prepare(
    body: &Body,
    content_type: Option<&str>,
    filler: &Filler<'_>,
) -> Result<Outgoing, Error> {
    let mut outgoing = Outgoing {
        segments: VecDeque::new(),
        content_type: None,
        length: 0,
    };
    match body {
        Body::None => {}
        Body::Bytes(bytes) => {
            let filled = filler.body(bytes, Encoding::of(content_type))?;
            outgoing.push(filled.into_owned());
        }
        Body::Media(slice) => outgoing.open(slice).await?,
        Body::Multipart(parts) => outgoing.multipart(parts, filler).await?,
    }
    Ok(outgoing)
}

impl Outgoing {
    fn push(&mut self, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.length += bytes.len() as u64;
        self.segments.push_back(Segment::Bytes(bytes));
    }

    async fn open(&mut self, slice: &Slice) -> Result<(), Error> {
        let name = file_name(&slice.path);
        let failed = |error: io::Error| {
            Error::NotSent(format!("the media file `{name}` can't be read: {error}"))
        };
        let mut file = File::open(&slice.path).await.map_err(failed)?;
        let stamp = Stamp::of(&file).await.map_err(failed)?;
        if slice
            .offset
            .checked_add(slice.length)
            .is_none_or(|end| end > stamp.length)
        {
            return Err(Error::NotSent(format!(
                "the media file `{name}` has {} bytes, fewer than it had: {} from {} were asked for",
                stamp.length, slice.length, slice.offset
            )));
        }
        file.seek(io::SeekFrom::Start(slice.offset))
            .await
            .map_err(failed)?;
        self.length += slice.length;
        self.segments.push_back(Segment::File(Opened {
            file,
            left: slice.length,
            stamp,
            name,
        }));
        Ok(())
    }

    async fn multipart(&mut self, parts: &[Part], filler: &Filler<'_>) -> Result<(), Error> {
        let boundary = boundary()?;
        for part in parts {
            for (text, place) in [
                (Some(&part.name), "a part's name"),
                (part.filename.as_ref(), "a part's filename"),
                (part.content_type.as_ref(), "a part's content type"),
            ] {
                if let Some(text) = text {
                    placeholder::refuse(filler.caller, text, place)?;
                }
            }
            self.push(part_head(&boundary, part));
            match &part.body {
                PartBody::Bytes(bytes) => {
                    let encoding = match part.content_type.as_deref() {
                        // A file without a type may be anything.
                        None if part.filename.is_some() => Encoding::Binary,
                        content_type => Encoding::of(content_type),
                    };
                    let filled = filler.body(bytes, encoding)?;
                    self.push(filled.into_owned());
                }
                PartBody::Media(slice) => self.open(slice).await?,
            }
            self.push(Bytes::from_static(b"\r\n"));
        }
        self.push(format!("--{boundary}--\r\n"));
        let content_type = format!("multipart/form-data; boundary={boundary}");
        self.content_type = HeaderValue::from_str(&content_type).ok();
        Ok(())
    }

    /// Shows the body to `look`, files included, without using it up.
    pub async fn read_through(&mut self, mut look: impl FnMut(&[u8])) -> Result<(), Error> {
        for segment in &mut self.segments {
            match segment {
                Segment::Bytes(bytes) => look(bytes),
                Segment::File(opened) => opened.read_through(&mut look).await.map_err(|error| {
                    Error::NotSent(format!(
                        "the media file `{}` can't be read: {error}",
                        opened.name
                    ))
                })?,
            }
        }
        Ok(())
    }

    /// A body that ends with an error, so that no server takes it for whole, where a file
    /// changes while it is read.
    pub fn into_body(mut self) -> reqwest::Body {
        if self.length == 0 {
            return reqwest::Body::default();
        }
        // Bytes alone are sent as they are.
        if self.segments.len() == 1
            && let Some(Segment::Bytes(bytes)) = self.segments.front()
        {
            return reqwest::Body::from(bytes.clone());
        }
        let left = self.length;
        self.segments.retain(|segment| match segment {
            Segment::Bytes(bytes) => !bytes.is_empty(),
            Segment::File(opened) => opened.left > 0,
        });
        let chunks = stream::try_unfold(self.segments, |mut segments| async move {
            let chunk = match segments.pop_front() {
                None => return Ok(None),
                Some(Segment::Bytes(bytes)) => bytes,
                Some(Segment::File(mut opened)) => {
                    let chunk = opened.next().await?;
                    if opened.left > 0 {
                        segments.push_front(Segment::File(opened));
                    }
                    chunk
                }
            };
            Ok(Some((chunk, segments)))
        });
        reqwest::Body::wrap(Streamed {
            chunks: Box::pin(chunks),
            left,
        })
    }
}

impl Opened {
    /// What is sent later is the same: a file that changes in between ends the request.
    async fn read_through(&mut self, look: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let start = self.file.stream_position().await?;
        let mut left = self.left;
        let mut chunk = BytesMut::with_capacity(CHUNK);
        while left > 0 {
            chunk.clear();
            let read = (&mut self.file)
                .take(left.min(CHUNK as u64))
                .read_buf(&mut chunk)
                .await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            look(&chunk);
            left -= read as u64;
        }
        self.file.seek(io::SeekFrom::Start(start)).await?;
        Ok(())
    }

    async fn next(&mut self) -> io::Result<Bytes> {
        let wanted = usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = BytesMut::with_capacity(wanted);
        // A buffer's capacity may be more than was asked for.
        let read = (&mut self.file)
            .take(wanted as u64)
            .read_buf(&mut chunk)
            .await?;
        self.left -= read as u64;
        // Looked at before the last chunk goes out, while the request is not yet whole.
        if read == 0 || (self.left == 0 && Stamp::of(&self.file).await? != self.stamp) {
            return Err(io::Error::other(format!(
                "the media file `{}` changed while it was sent",
                self.name
            )));
        }
        Ok(chunk.freeze())
    }
}

impl Stamp {
    async fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata().await?;
        Ok(Stamp {
            length: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

struct Streamed {
    chunks: Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send + Sync>>,
    left: u64,
}

impl hyper::body::Body for Streamed {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let next = std::task::ready!(self.chunks.as_mut().poll_next(cx));
        Poll::Ready(next.map(|chunk| {
            chunk.map(|bytes| {
                self.left = self.left.saturating_sub(bytes.len() as u64);
                Frame::data(bytes)
            })
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || "unnamed".to_owned(),
        |name| name.to_string_lossy().into_owned(),
    )
}

fn boundary() -> Result<String, Error> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|error| Error::NotSent(format!("no random numbers: {error}")))?;
    Ok(format!("jarchi-{:032x}", u128::from_be_bytes(random)))
}

/// RFC 7578; names are escaped as browsers do.
fn part_head(boundary: &str, part: &Part) -> String {
    let escape = |text: &str| {
        text.replace('"', "%22")
            .replace('\r', "%0D")
            .replace('\n', "%0A")
    };
    let mut head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"",
        escape(&part.name)
    );
    if let Some(filename) = &part.filename {
        head.push_str(&format!("; filename=\"{}\"", escape(filename)));
    }
    if let Some(content_type) = &part.content_type {
        head.push_str(&format!("\r\nContent-Type: {content_type}"));
    }
    head.push_str("\r\n\r\n");
    head
}
