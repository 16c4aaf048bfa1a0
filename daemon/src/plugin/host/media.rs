//! `media`: the operator's files that this call may see, and those that it makes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::super::convert::kind_to_wit;
use super::super::files::{FileError, FileInfo};
use super::super::limits::{Limit, Reached};
use super::{State, blocking, wit};
use wit::media::Error;

/// The least that a file counts: files are bounded in number too.
const LEAST: u64 = 64 << 10;

impl wit::media::Host for State {
    async fn list_files(
        &mut self,
        folder: String,
    ) -> wasmtime::Result<Result<Vec<wit::media::File>, Error>> {
        self.cpu.check()?;
        let files = self.files.clone();
        let listed = blocking(move || files.list(&folder)).await?;
        Ok(match listed {
            Ok(list) => {
                let list: Vec<_> = list.into_iter().map(wit::media::File::from).collect();
                self.memory.hold(list.iter().map(weight_of).sum())?;
                Ok(list)
            }
            Err(error) => Err(error.into()),
        })
    }

    async fn describe(&mut self, id: String) -> wasmtime::Result<Result<wit::media::File, Error>> {
        let files = self.files.clone();
        Ok(blocking(move || files.describe(&id))
            .await?
            .map(Into::into)
            .map_err(Into::into))
    }

    async fn read(
        &mut self,
        id: String,
        offset: u64,
        length: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        self.cpu.check()?;
        let files = self.files.clone();
        let opened = blocking(move || {
            let path = files.resolve(&id)?;
            let file = File::open(&path).map_err(|error| FileError::io(&id, &error))?;
            let size = file
                .metadata()
                .map_err(|error| FileError::io(&id, &error))?
                .len();
            Ok::<_, FileError>((id, file, size))
        })
        .await?;
        let (id, mut file, size) = match opened {
            Ok(opened) => opened,
            Err(error) => return Ok(Err(error.into())),
        };
        let length = size.saturating_sub(offset).min(length.into());
        // Before it is read: the number is the guest's, the memory ours.
        self.memory.hold(length)?;
        let read = blocking(move || {
            let mut bytes = Vec::with_capacity(length as usize);
            file.seek(SeekFrom::Start(offset))?;
            file.take(length).read_to_end(&mut bytes)?;
            Ok::<_, io::Error>(bytes)
        })
        .await?;
        Ok(read.map_err(|error| FileError::io(&id, &error).into()))
    }

    async fn create(
        &mut self,
        name: String,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<wit::media::File, Error>> {
        self.cpu.check()?;
        let length = content.len() as u64;
        self.memory.hold(length + name.len() as u64)?;
        self.tally.output += length;
        let counted = self.tally.media.saturating_add(length.max(LEAST));
        if counted > self.limits.media {
            let quota = self.limits.media;
            self.refuse(Reached {
                limit: Limit::Media,
                allowed: quota,
            });
            return Ok(Err(Error::Quota(quota)));
        }
        self.tally.media = counted;
        let files = self.files.clone();
        Ok(blocking(move || files.create(&name, &content))
            .await?
            .map(Into::into)
            .map_err(Into::into))
    }
}

fn weight_of(file: &wit::media::File) -> u64 {
    (size_of::<wit::media::File>()
        + file.id.len()
        + file.path.len()
        + file.mime.len()
        + file.digest.len()) as u64
}

impl From<FileInfo> for wit::media::File {
    fn from(file: FileInfo) -> Self {
        wit::media::File {
            id: file.id,
            path: file.name,
            mime: file.mime,
            kind: file.kind.map(kind_to_wit),
            size: file.size,
            modified: file.modified.millis(),
            width: file.width,
            height: file.height,
            digest: file.digest.to_string(),
        }
    }
}

impl From<FileError> for Error {
    fn from(error: FileError) -> Self {
        let text = error.to_string();
        match error {
            FileError::NotFound(_) => Error::NotFound(text),
            FileError::Denied(_) | FileError::NoGenerator => Error::Denied(text),
            FileError::Invalid(_) => Error::Invalid(text),
            FileError::Io(..) | FileError::TooMany(_) => Error::Io(text),
        }
    }
}
