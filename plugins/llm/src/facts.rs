//! What may be claimed: the operator's files of products, prices, hours.

use jarchi_plugin_sdk::media::{self, File};
use jarchi_plugin_sdk::{Problem, Result};

/// Bytes of one file, and of all that a prompt has of them.
const FILE: u64 = 64 << 10;
const ALL: usize = 96 << 10;

/// The files' texts.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Path and text.
    pub(crate) files: Vec<(String, String)>,
    pub(crate) problems: Vec<Problem>,
}

impl Facts {
    /// Reads a granted folder; files that can't be read are told, and passed over.
    ///
    /// # Errors
    /// The folder is not granted, or can't be read.
    pub(crate) fn read(folder: &str) -> Result<Self> {
        let mut facts = Facts::default();
        let mut all = 0;
        for file in media::list(folder)? {
            if is_hidden(&file.path) {
                continue;
            }
            match text_of(&file) {
                Ok(text) if all + text.len() > ALL => facts.problems.push(Problem::warning(
                    file.path,
                    format!(
                        "not a fact for the model: with it there would be more than {} KiB",
                        ALL >> 10
                    ),
                )),
                Ok(text) => {
                    all += text.len();
                    facts.files.push((file.path, text));
                }
                Err(reason) => facts.problems.push(Problem::error(
                    file.path,
                    format!("not a fact for the model: {reason}"),
                )),
            }
        }
        if facts.files.is_empty() && facts.problems.is_empty() {
            facts.problems.push(Problem::warning(
                folder,
                "the folder of facts has no .txt, .md, .csv or .json: no price may be named",
            ));
        }
        Ok(facts)
    }

    pub(crate) fn all(&self) -> String {
        let texts: Vec<&str> = self.files.iter().map(|(_, text)| text.as_str()).collect();
        texts.join("\n")
    }
}

fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with(['.', '_']))
}

fn text_of(file: &File) -> Result<String, String> {
    let extension = file
        .path
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_lowercase());
    let extension = extension.as_deref().unwrap_or_default();
    if !matches!(extension, "txt" | "md" | "csv" | "json") {
        return Err(String::from("only .txt, .md, .csv and .json are read"));
    }
    if file.size > FILE {
        return Err(format!(
            "{} bytes, and at most {FILE} are read of one file",
            file.size
        ));
    }
    let bytes = media::read(&file.id, FILE)
        .map_err(|error| jarchi_plugin_sdk::Error::from(error).reason())?;
    let text = String::from_utf8(bytes).map_err(|error| {
        format!(
            "it is no UTF-8 from byte {} on",
            error.utf8_error().valid_up_to()
        )
    })?;
    let text = text.trim_start_matches('\u{feff}');
    match extension {
        "json" => {
            serde_json::from_str::<serde_json::Value>(text)
                .map_err(|error| format!("it is no JSON: {error}"))?;
        }
        "csv" => uneven(text).map_or(Ok(()), Err)?,
        _ => {}
    }
    Ok(text.trim().to_owned())
}

/// A row whose columns are not those of the first: a price in a wrong column is a wrong
/// price. Separators are commas, semicolons or tabs (RFC 4180, and what Excel writes).
fn uneven(text: &str) -> Option<String> {
    let head = text.lines().next()?;
    let separator = [';', '\t', ',']
        .into_iter()
        .max_by_key(|separator| head.matches(*separator).count())?;
    let mut quoted = false;
    let (mut columns, mut wanted, mut line, mut began) = (1, None, 1, 1);
    let mut check = |columns: usize, line: usize| match wanted {
        None => {
            wanted = Some(columns);
            None
        }
        Some(wanted) if wanted != columns => Some(format!(
            "line {line} has {columns} columns, and the first line {wanted}"
        )),
        Some(_) => None,
    };
    let mut blank = true;
    for character in text.chars().chain(['\n']) {
        match character {
            '"' => quoted = !quoted,
            '\n' if !quoted => {
                if !blank && let Some(reason) = check(columns, began) {
                    return Some(reason);
                }
                (columns, blank) = (1, true);
                line += 1;
                began = line;
                continue;
            }
            '\n' => line += 1,
            other if other == separator && !quoted => columns += 1,
            _ => {}
        }
        blank &= character.is_whitespace() && character != separator;
    }
    quoted.then(|| format!("the quotation mark of the row at line {began} is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_columns_of_the_first() {
        for (text, reason) in [
            ("name,price\nçay,3", None),
            ("name;price\r\n\"a;b\nc\";3\r\n\r\n", None),
            ("name,price\nçay,3,50", Some("line 2 has 3 columns")),
            ("name,price\n\"a\nb\",1\nçay", Some("line 4 has 1 columns")),
            ("name,price\n\"çay,3", Some("line 2 is not closed")),
            ("one\ntwo", None),
            ("", None),
        ] {
            let found = uneven(text);
            match reason {
                None => assert_eq!(found, None, "{text}"),
                Some(reason) => assert!(found.unwrap_or_default().contains(reason), "{text}"),
            }
        }
    }
}
