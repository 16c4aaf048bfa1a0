//! `media.toml` of the library: what its files show, written by people and by commands. A
//! command changes what it was asked to, and leaves comments and order alone.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::{Entry, LibraryError};

/// The index of a library, in its folder.
pub const INDEX: &str = "media.toml";

const HEAD: &str = "\
# What the files of this folder show: a table for each, by its path from here.
#
#   [\"summer/tea.jpg\"]
#   alt = \"A glass of tea on a copper tray\"
#   tags = [\"tea\"]
#
# `alt` is for those who can't see it; `alt = \"\"`: there is nothing to say.
";

/// The index as it stands in its file.
#[derive(Debug)]
pub struct Index {
    path: PathBuf,
    document: DocumentMut,
    entries: BTreeMap<String, Entry>,
}

impl Index {
    /// Empty where there is none.
    ///
    /// # Errors
    /// It can't be read, or is not what an index is; with the line.
    pub fn read(folder: &Path) -> Result<Self, LibraryError> {
        let path = folder.join(INDEX);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => HEAD.to_owned(),
            Err(error) => return Err(LibraryError::io(&path, &error)),
        };
        let wrong = |offset: usize, reason: String| LibraryError::Index {
            path: path.clone(),
            line: line_of(&text, offset),
            reason,
        };
        let parsed = toml_edit::Document::parse(text.as_str()).map_err(|error| {
            let offset = error.span().map_or(0, |span| span.start);
            wrong(offset, error.message().to_owned())
        })?;
        let mut entries = BTreeMap::new();
        for (key, item) in parsed.as_table() {
            let at = |item: &Item| item.span().map_or(0, |span| span.start);
            let of_key = parsed
                .as_table()
                .key(key)
                .and_then(toml_edit::Key::span)
                .map_or_else(|| at(item), |span| span.start);
            let Some(table) = item.as_table_like() else {
                let reason =
                    format!("`{key}` is not a table: write `[{key:?}]`, and `alt = …` below");
                return Err(wrong(of_key, reason));
            };
            let file = normal(key)
                .ok_or_else(|| wrong(of_key, format!("`{key}` is not a path below this folder")))?;
            let entry = entry(key, table)
                .map_err(|(item, reason)| wrong(item.map_or(of_key, at), reason))?;
            if entries.insert(file, entry).is_some() {
                return Err(wrong(of_key, format!("`{key}` stands here twice")));
            }
        }
        let document = text
            .parse()
            .map_err(|error: toml_edit::TomlError| wrong(0, error.message().to_owned()))?;
        Ok(Index {
            path,
            document,
            entries,
        })
    }

    pub fn entries(&self) -> &BTreeMap<String, Entry> {
        &self.entries
    }

    pub fn get(&self, file: &str) -> Option<&Entry> {
        self.entries.get(file)
    }

    /// Writes what is given of an entry; the rest of it stays.
    pub fn set(&mut self, file: &str, alt: Option<&str>, tags: &[String]) {
        if alt.is_none() && tags.is_empty() {
            return;
        }
        let entry = self.entries.entry(file.to_owned()).or_default();
        // As it is written there, perhaps `./tea.jpg`.
        let written = self
            .document
            .iter()
            .map(|(key, _)| key)
            .find(|key| normal(key).as_deref() == Some(file))
            .unwrap_or(file)
            .to_owned();
        let item = self
            .document
            .entry(&written)
            .or_insert_with(|| Item::Table(Table::new()));
        let Some(table) = item.as_table_like_mut() else {
            return;
        };
        if let Some(alt) = alt {
            table.insert("alt", value(alt));
            entry.alt = Some(alt.to_owned());
        }
        if !tags.is_empty() {
            table.insert("tags", value(tags.iter().collect::<Array>()));
            entry.tags = tags.to_vec();
        }
    }

    /// All or nothing of it; on disk when it returns.
    ///
    /// # Errors
    /// The disk's.
    pub fn write(&self) -> Result<(), LibraryError> {
        let wrong = |error: io::Error| LibraryError::io(&self.path, &error);
        let partial = self.path.with_file_name(format!(".{INDEX}.partial"));
        let mut file = File::create(&partial).map_err(wrong)?;
        if let Ok(before) = fs::metadata(&self.path) {
            file.set_permissions(before.permissions()).map_err(wrong)?;
        }
        file.write_all(self.document.to_string().as_bytes())
            .map_err(wrong)?;
        file.sync_all().map_err(wrong)?;
        fs::rename(&partial, &self.path).map_err(wrong)?;
        let folder = self.path.parent().unwrap_or(Path::new("."));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(wrong)
    }
}

type Wrong<'a> = (Option<&'a Item>, String);

fn entry<'a>(key: &str, table: &'a dyn toml_edit::TableLike) -> Result<Entry, Wrong<'a>> {
    let mut entry = Entry::default();
    for (name, item) in table.iter() {
        match name {
            "alt" => {
                let text = item.as_str();
                let text = text.ok_or_else(|| (Some(item), "`alt` is a text".to_owned()))?;
                entry.alt = Some(text.to_owned());
            }
            "tags" => {
                let tags = item.as_array().and_then(|tags| {
                    let texts = tags.iter().map(|tag| tag.as_str().map(str::to_owned));
                    texts.collect::<Option<Vec<_>>>()
                });
                entry.tags =
                    tags.ok_or_else(|| (Some(item), "`tags` is a list of texts".to_owned()))?;
            }
            other => {
                let hint = if item.is_table_like() {
                    ": a path with a dot stands in quotes"
                } else {
                    ""
                };
                return Err((
                    Some(item),
                    format!("`{other}` of `{key}` is neither `alt` nor `tags`{hint}"),
                ));
            }
        }
    }
    Ok(entry)
}

/// A path below the folder with `/` between, without `.`; none for one that leads out.
pub(super) fn normal(path: &str) -> Option<String> {
    use std::path::Component;
    let mut parts = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::CurDir => {}
            Component::Normal(name) => parts.push(name.to_str()?),
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Index, LibraryError> {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(INDEX), text).unwrap();
        Index::read(dir.path())
    }

    #[test]
    fn a_change_leaves_the_rest_as_people_wrote_it() {
        let dir = tempfile::tempdir().unwrap();
        let written =
            "# ours\n\n[\"./b.jpg\"] # the best\nalt = 'old'\n\n[\"a.jpg\"]\ntags = [\"x\"]\n";
        fs::write(dir.path().join(INDEX), written).unwrap();
        let mut index = Index::read(dir.path()).unwrap();
        index.set("b.jpg", Some("new \"words\""), &[]);
        index.set("c/d.jpg", Some(""), &["t".to_owned()]);
        index.write().unwrap();
        let text = fs::read_to_string(dir.path().join(INDEX)).unwrap();
        assert!(
            text.starts_with("# ours\n\n[\"./b.jpg\"] # the best\nalt = "),
            "{text}"
        );
        assert!(text.contains("[\"a.jpg\"]\ntags = [\"x\"]\n"), "{text}");
        let again = Index::read(dir.path()).unwrap();
        assert_eq!(again.entries(), index.entries());
        assert_eq!(
            again.get("b.jpg").unwrap().alt.as_deref(),
            Some("new \"words\"")
        );
        assert_eq!(again.get("c/d.jpg").unwrap().alt.as_deref(), Some(""));
        assert_eq!(again.get("a.jpg").unwrap().tags, ["x"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line, reason) in [
            ("[\"a.jpg\"]\nalt = 1\n", 2, "`alt` is a text"),
            ("\n[\"a.jpg\"]\ntags = \"x\"\n", 3, "`tags` is a list"),
            (
                "[\"a.jpg\"]\nalt = \"x\"\naltt = \"x\"\n",
                3,
                "neither `alt` nor `tags`",
            ),
            (
                "[a.jpg]\nalt = \"x\"\n",
                1,
                "a path with a dot stands in quotes",
            ),
            ("[\"../a.jpg\"]\n", 1, "not a path below"),
            ("[\"/a.jpg\"]\n", 1, "not a path below"),
            ("[\"a.jpg\"]\n[\"./a.jpg\"]\n", 2, "stands here twice"),
            ("\"a.jpg\" = \"x\"\n", 1, "is not a table"),
            ("x = 1\n[\"a.jpg\n", 2, ""),
        ] {
            match read(text).unwrap_err() {
                LibraryError::Index {
                    line: at,
                    reason: told,
                    ..
                } => {
                    assert_eq!(at, line, "{text}: {told}");
                    assert!(told.contains(reason), "{text}: {told}");
                }
                other => panic!("{text}: {other}"),
            }
        }
    }
}
