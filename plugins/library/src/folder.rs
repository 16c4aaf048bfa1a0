//! The granted folder: its files by their paths, and what a path in a post means.

use std::collections::BTreeMap;

use jarchi_plugin_sdk::media::{self, File};
use jarchi_plugin_sdk::{MediaItem, Result};

use crate::issue::nearest;

pub(crate) struct Folder {
    files: BTreeMap<String, File>,
}

impl Folder {
    /// Lists a granted folder.
    ///
    /// # Errors
    /// It is not granted, or can't be read.
    pub(crate) fn open(name: &str) -> Result<Self> {
        let files = media::list(name).map_err(|error| {
            jarchi_plugin_sdk::Error::from(error).context(format!("folder `{name}`"))
        })?;
        Ok(Folder {
            files: files
                .into_iter()
                .map(|file| (file.path.clone(), file))
                .collect(),
        })
    }

    /// The files that are posts: Markdown, but not hidden, not set aside by a `_` before
    /// the name, and no README.
    pub(crate) fn posts(&self) -> impl Iterator<Item = &File> {
        self.files.values().filter(|file| {
            let mut names = file.path.split('/');
            let name = names.next_back().unwrap_or_default().to_lowercase();
            let is_markdown = name.ends_with(".md") || name.ends_with(".markdown");
            let set_aside = |name: &str| name.starts_with(['_', '.']);
            is_markdown
                && !name.starts_with("readme.")
                && !set_aside(&name)
                && !names.any(set_aside)
        })
    }

    /// The file that `reference` names, seen from the post at `from`.
    ///
    /// # Errors
    /// There is none, or it lies outside of the folder; in words.
    pub(crate) fn find(&self, from: &str, reference: &str) -> std::result::Result<&File, String> {
        if reference.contains("://") {
            return Err(format!(
                "`{reference}` is an address: only files of the folder can be posted, so put the \
                 file there"
            ));
        }
        let as_written = self.resolve(from, reference)?;
        if let Some(file) = self.files.get(&as_written) {
            return Ok(file);
        }
        // In Markdown a blank in a name is written `%20`.
        if let Some(decoded) = percent_decoded(reference)
            && let Some(file) = self.files.get(&self.resolve(from, &decoded)?)
        {
            return Ok(file);
        }
        Err(
            match nearest(&as_written, self.files.keys().map(String::as_str)) {
                Some(other) => format!("there is no file `{as_written}`; did you mean `{other}`?"),
                None => format!("there is no file `{as_written}` in the folder"),
            },
        )
    }

    /// A path from the folder's root.
    fn resolve(&self, from: &str, reference: &str) -> std::result::Result<String, String> {
        if reference.contains('\\') {
            return Err(format!("`{reference}`: write `/` between folders"));
        }
        let mut path: Vec<&str> = if reference.starts_with('/') {
            Vec::new()
        } else {
            let mut folders: Vec<&str> = from.split('/').collect();
            folders.pop();
            folders
        };
        for step in reference.split('/') {
            match step {
                "" | "." => {}
                ".." => {
                    if path.pop().is_none() {
                        return Err(format!(
                            "`{reference}` leaves the folder: put the file into it"
                        ));
                    }
                }
                name => path.push(name),
            }
        }
        Ok(path.join("/"))
    }

    /// The file as something to publish.
    ///
    /// # Errors
    /// It is not of a kind that can be published; in words.
    pub(crate) fn item(file: &File) -> std::result::Result<MediaItem, String> {
        let Some(kind) = file.kind else {
            return Err(format!(
                "`{}` ({}) is no picture, video or sound",
                file.path, file.mime
            ));
        };
        if file.size == 0 {
            return Err(format!("`{}` is empty", file.path));
        }
        Ok(MediaItem {
            id: file.id.clone(),
            kind,
            alt: None,
            focus: None,
            name: file.path.rsplit('/').next().unwrap_or_default().to_owned(),
            mime: file.mime.clone(),
            size: file.size,
            width: file.width,
            height: file.height,
            length: None,
        })
    }
}

/// `None` where nothing is encoded, or not as UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    let mut encoded = false;
    while let Some((first, tail)) = rest.split_first() {
        let value = match (first, tail) {
            (b'%', [high, low, ..]) => {
                let digit = |byte: u8| char::from(byte).to_digit(16);
                digit(*high)
                    .zip(digit(*low))
                    .map(|(high, low)| (high * 16 + low) as u8)
            }
            _ => None,
        };
        bytes.push(value.unwrap_or(*first));
        encoded |= value.is_some();
        rest = if value.is_some() { &tail[2..] } else { tail };
    }
    if encoded {
        String::from_utf8(bytes).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(paths: &[&str]) -> Folder {
        Folder {
            files: paths
                .iter()
                .map(|path| {
                    let file = File {
                        id: format!("id of {path}"),
                        path: (*path).to_owned(),
                        mime: String::new(),
                        kind: None,
                        size: 1,
                        modified: 0,
                        width: None,
                        height: None,
                        digest: String::new(),
                    };
                    ((*path).to_owned(), file)
                })
                .collect(),
        }
    }

    #[test]
    fn a_path_is_seen_from_its_post_and_stays_in_the_folder() {
        let folder = folder(&[
            "a.png",
            "img/b c.png",
            "img/çörək.png",
            "may/x.md",
            "may/d.png",
        ]);
        for (reference, path) in [
            ("d.png", "may/d.png"),
            ("./d.png", "may/d.png"),
            ("../a.png", "a.png"),
            ("/a.png", "a.png"),
            ("../img/b%20c.png", "img/b c.png"),
            ("../img/b c.png", "img/b c.png"),
            ("../img/%C3%A7%C3%B6r%C9%99k.png", "img/çörək.png"),
            ("../img/x/../çörək.png", "img/çörək.png"),
        ] {
            assert_eq!(
                folder
                    .find("may/x.md", reference)
                    .map(|file| file.path.as_str()),
                Ok(path)
            );
        }
        for (reference, words) in [
            ("../../etc/passwd", "leaves the folder"),
            ("/../a.png", "leaves the folder"),
            ("%2e%2e/%2e%2e/a.png", "leaves the folder"),
            ("..\\a.png", "write `/`"),
            ("https://a.az/a.png", "is an address"),
            ("../img/cörək.png", "did you mean `img/çörək.png`?"),
            ("../A.PNG", "did you mean `a.png`?"),
            (
                "nothing-like-it.mp4",
                "there is no file `may/nothing-like-it.mp4`",
            ),
        ] {
            let error = folder.find("may/x.md", reference).unwrap_err();
            assert!(error.contains(words), "{reference}: {error}");
        }
    }

    #[test]
    fn not_every_markdown_file_is_a_post() {
        let folder = folder(&[
            "a.md",
            "b/c.MD",
            "d.markdown",
            "README.md",
            "b/readme.MD",
            "_later.md",
            ".hidden.md",
            "_set-aside/e.md",
            ".git/f.md",
            "g.txt",
            "md",
        ]);
        let posts: Vec<_> = folder.posts().map(|file| file.path.as_str()).collect();
        assert_eq!(posts, ["a.md", "b/c.MD", "d.markdown"]);
    }
}
