//! The granted folder: its files by their paths.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::media::{self, File};
use jarchi_plugin_sdk::options::nearest;
use jarchi_plugin_sdk::{Error, MediaItem, Result};

use crate::issue::Fault;

/// The longest data file or template that is read (bytes): it is parsed at every call.
const LONGEST: u64 = 512 << 10;

pub(crate) struct Folder {
    files: BTreeMap<String, File>,
}

impl Folder {
    /// # Errors
    /// The folder is not granted, or can't be read.
    pub(crate) fn open(name: &str) -> Result<Self> {
        let files = media::list(name)
            .map_err(|error| Error::from(error).context(format!("folder `{name}`")))?;
        Ok(Folder {
            files: files
                .into_iter()
                .map(|file| (file.path.clone(), file))
                .collect(),
        })
    }

    /// All paths, in order, but those of hidden files and folders.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files
            .keys()
            .map(String::as_str)
            .filter(|path| !path.split('/').any(|name| name.starts_with('.')))
    }

    /// The text of a file, with `\n` at the ends of lines.
    ///
    /// # Errors
    /// It can't be read, is too long, or no UTF-8.
    pub(crate) fn text(&self, path: &str) -> std::result::Result<String, Fault> {
        let file = self.file(path).map_err(|message| Fault::new(0, message))?;
        if file.size > LONGEST {
            return Err(Fault::new(
                0,
                format!(
                    "the file is too big: {} bytes, and {LONGEST} are the most; divide it",
                    file.size
                ),
            ));
        }
        let bytes = media::read(&file.id, LONGEST).map_err(|error| {
            let reason = Error::from(error).reason();
            Fault::new(0, format!("the file could not be read: {reason}"))
        })?;
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(text
                .trim_start_matches('\u{feff}')
                .replace("\r\n", "\n")
                .replace('\r', "\n")),
            Err(error) => {
                let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
                Err(Fault::new(
                    line,
                    "the file is not UTF-8: save it with that encoding (in spreadsheets: CSV UTF-8)",
                ))
            }
        }
    }

    fn file(&self, path: &str) -> std::result::Result<&File, String> {
        self.files.get(path).ok_or_else(|| {
            let paths: Vec<&str> = self.files.keys().map(String::as_str).collect();
            match nearest(path, &paths) {
                Some(other) => format!("there is no file `{path}`; did you mean `{other}`?"),
                None => format!("there is no file `{path}` in the folder"),
            }
        })
    }

    /// The file that `reference` names, seen from the file at `from`: its path.
    ///
    /// # Errors
    /// There is none, or it lies outside of the folder; in words.
    pub(crate) fn find(&self, from: &str, reference: &str) -> std::result::Result<String, String> {
        if reference.contains("://") {
            return Err(format!(
                "`{reference}` is an address: only files of the folder can be posted, so put the \
                 file there"
            ));
        }
        let mut path: Vec<&str> = match reference.strip_prefix('/') {
            Some(_) => Vec::new(),
            None => from
                .rsplit_once('/')
                .map_or_else(Vec::new, |(folder, _)| folder.split('/').collect()),
        };
        for step in reference.split(['/', '\\']) {
            match step {
                "" | "." => {}
                ".." => {
                    path.pop().ok_or_else(|| {
                        format!("`{reference}` leaves the folder: put the file into it")
                    })?;
                }
                name => path.push(name),
            }
        }
        self.file(&path.join("/")).map(|file| file.path.clone())
    }

    /// The file as something to publish, and its digest.
    ///
    /// # Errors
    /// It is not of a kind that can be published; in words.
    pub(crate) fn item(&self, path: &str) -> std::result::Result<(MediaItem, String), String> {
        let file = self.file(path)?;
        let Some(kind) = file.kind else {
            return Err(format!(
                "`{path}` ({}) is no picture, video or sound",
                file.mime
            ));
        };
        if file.size == 0 {
            return Err(format!("`{path}` is empty"));
        }
        let item = MediaItem {
            id: file.id.clone(),
            kind,
            alt: None,
            focus: None,
            name: path.rsplit('/').next().unwrap_or_default().to_owned(),
            mime: file.mime.clone(),
            size: file.size,
            width: file.width,
            height: file.height,
            length: None,
        };
        Ok((item, file.digest.clone()))
    }
}
