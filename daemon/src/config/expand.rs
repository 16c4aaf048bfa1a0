//! `${env:NAME}`, `${file:PATH}` and `${credential:NAME}` inside a string. `$${` is a
//! plain `${`.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{Environment, Severity};

/// No secret is longer, in bytes.
const LONGEST_FILE: u64 = 64 << 10;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Env,
    File,
    Credential,
}

/// What surrounds an expansion.
pub(super) struct Surroundings<'a> {
    /// None: references are not followed.
    pub environment: Option<&'a dyn Environment>,
    /// What relative paths are relative to.
    pub folder: &'a Path,
}

#[derive(Debug, Default)]
pub(super) struct Expanded {
    /// None when something was wrong, or when references are not followed.
    pub text: Option<String>,
    /// What the text refers to.
    pub kinds: Vec<Kind>,
    /// Files that were read.
    pub files: Vec<PathBuf>,
    /// Message and help; they never hold what was read.
    pub findings: Vec<(Severity, String, Option<String>)>,
}

pub(super) fn expand(text: &str, around: &Surroundings<'_>) -> Expanded {
    let mut expanded = Expanded::default();
    let mut whole = String::with_capacity(text.len());
    let mut complete = true;
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, tail) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            whole.push_str(before);
            whole.push_str("${");
            rest = &tail[2..];
            continue;
        }
        whole.push_str(before);
        let Some((reference, tail)) = tail[2..].split_once('}') else {
            expanded.error(
                "`${` has no `}` after it",
                Some("write `$${` for a plain `${`".into()),
            );
            return expanded;
        };
        rest = tail;
        match expanded.follow(reference, around) {
            Some(value) => whole.push_str(&value),
            None => complete = false,
        }
    }
    whole.push_str(rest);
    expanded.text = complete.then_some(whole);
    expanded
}

/// Whether the text is one reference and nothing else.
pub(super) fn is_reference(text: &str) -> bool {
    let inner = text
        .strip_prefix("${")
        .and_then(|rest| rest.strip_suffix('}'))
        .filter(|inner| !inner.contains(['{', '}']));
    let kind = inner.and_then(|inner| inner.split_once(':'));
    kind.is_some_and(|(kind, _)| matches!(kind, "env" | "file" | "credential"))
}

impl Expanded {
    fn error(&mut self, message: impl Into<String>, help: Option<String>) {
        self.findings.push((Severity::Error, message.into(), help));
    }

    fn follow(&mut self, reference: &str, around: &Surroundings<'_>) -> Option<String> {
        let (kind, name) = match reference.split_once(':') {
            Some(("env", name)) => (Kind::Env, name),
            Some(("file", name)) => (Kind::File, name),
            Some(("credential", name)) => (Kind::Credential, name),
            _ => {
                // What stands in the braces may be a secret that holds `${` by chance.
                self.error(
                    "`${…}` is none of `${env:NAME}`, `${file:PATH}` and `${credential:NAME}`",
                    Some("write `$${` for a plain `${`".into()),
                );
                return None;
            }
        };
        self.kinds.push(kind);
        if name.is_empty() {
            self.error("`${…}` names nothing after its colon", None);
            return None;
        }
        let environment = around.environment?;
        let value = match kind {
            Kind::Env => self.variable(name, environment),
            Kind::File => self.file(&around.folder.join(name)),
            Kind::Credential => self.credential(name, environment),
        }?;
        if value.is_empty() {
            self.error(format!("`${{{reference}}}` is empty"), None);
            return None;
        }
        Some(value)
    }

    fn variable(&mut self, name: &str, environment: &dyn Environment) -> Option<String> {
        match environment.var(name).map(|value| value.into_string()) {
            Some(Ok(value)) => Some(value),
            Some(Err(_)) => {
                self.error(
                    format!("the environment variable `{name}` is not UTF-8"),
                    None,
                );
                None
            }
            None => {
                self.error(
                    format!("the environment variable `{name}` is not set"),
                    Some(format!(
                        "set it for the daemon: `Environment=` or `EnvironmentFile=` in a systemd unit, `export {name}=…` in a shell"
                    )),
                );
                None
            }
        }
    }

    fn credential(&mut self, name: &str, environment: &dyn Environment) -> Option<String> {
        if name.contains('/') || name == ".." || name == "." {
            self.error(format!("`{name}` is not the name of a credential"), None);
            return None;
        }
        let Some(folder) = environment.var("CREDENTIALS_DIRECTORY") else {
            self.error(
                format!("no credential `{name}`: $CREDENTIALS_DIRECTORY is not set"),
                Some(format!(
                    "systemd sets it for a unit that has `LoadCredential={name}:/path/to/file`"
                )),
            );
            return None;
        };
        // systemd keeps that folder from everybody else: no look at the file's mode.
        self.read(&Path::new(&folder).join(name))
    }

    fn file(&mut self, path: &Path) -> Option<String> {
        let value = self.read(path)?;
        self.warn_if_open(path);
        Some(value)
    }

    fn read(&mut self, path: &Path) -> Option<String> {
        let shown = path.display();
        self.files.push(path.to_path_buf());
        let mut bytes = Vec::new();
        let read = fs::File::open(path)
            .and_then(|file| file.take(LONGEST_FILE + 1).read_to_end(&mut bytes));
        if let Err(error) = read {
            let help = (error.kind() == std::io::ErrorKind::NotFound)
                .then(|| "write the secret into it, and nothing else, with mode 0600".to_owned());
            self.error(format!("can't read {shown}: {error}"), help);
            return None;
        }
        if bytes.len() as u64 > LONGEST_FILE {
            self.error(
                format!("{shown} is longer than {LONGEST_FILE} bytes"),
                Some("a file holds one secret and nothing else".into()),
            );
            return None;
        }
        match String::from_utf8(bytes) {
            Ok(mut text) => {
                if text.ends_with('\n') {
                    text.pop();
                    if text.ends_with('\r') {
                        text.pop();
                    }
                }
                Some(text)
            }
            Err(_) => {
                self.error(format!("{shown} is not UTF-8"), None);
                None
            }
        }
    }

    #[cfg(unix)]
    fn warn_if_open(&mut self, path: &Path) {
        use std::os::unix::fs::PermissionsExt as _;
        let Ok(about) = fs::metadata(path) else {
            return;
        };
        let mode = about.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            self.findings.push((
                Severity::Warning,
                format!(
                    "{} can be read by others: its mode is {mode:04o}",
                    path.display()
                ),
                Some(format!("chmod 600 {}", path.display())),
            ));
        }
    }

    #[cfg(not(unix))]
    fn warn_if_open(&mut self, _path: &Path) {}
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn with(text: &str, variables: &[(&str, &str)], folder: &Path) -> Expanded {
        let environment: BTreeMap<String, String> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        expand(
            text,
            &Surroundings {
                environment: Some(&environment),
                folder,
            },
        )
    }

    #[test]
    fn references_are_followed_and_escapes_are_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("token"), "t0ken\n").unwrap();
        let directory = folder.path().to_str().unwrap();
        let variables = [("NAME", "cafe"), ("CREDENTIALS_DIRECTORY", directory)];
        for (text, expected) in [
            ("plain $ and $NAME", "plain $ and $NAME"),
            ("a ${env:NAME}.", "a cafe."),
            ("${file:token}${env:NAME}", "t0kencafe"),
            ("${credential:token}", "t0ken"),
            ("$${env:NAME}", "${env:NAME}"),
        ] {
            let expanded = with(text, &variables, folder.path());
            assert_eq!(expanded.text.as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_can_not_be_followed_is_told_without_values() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("empty"), "\n").unwrap();
        fs::write(folder.path().join("long"), "x".repeat(70_000)).unwrap();
        fs::write(folder.path().join("bytes"), [0xff, 0xfe]).unwrap();
        let variables = [("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap())];
        for (text, expected) in [
            ("${env:NONE}", "is not set"),
            ("${env:}", "names nothing"),
            ("${NAME}", "is none of"),
            ("${env:NAME", "has no `}`"),
            ("${file:none}", "can't read"),
            ("${file:empty}", "is empty"),
            ("${file:long}", "longer than"),
            ("${file:bytes}", "not UTF-8"),
            ("${credential:../token}", "not the name"),
        ] {
            let expanded = with(text, &variables, folder.path());
            assert_eq!(expanded.text, None, "{text}");
            let found = &expanded
                .findings
                .iter()
                .find(|one| one.0 == Severity::Error);
            assert!(found.unwrap().1.contains(expected), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_reference_is_told_from_a_secret() {
        for text in ["${env:A}", "${file:a/b c}", "${credential:a}"] {
            assert!(is_reference(text), "{text}");
        }
        for text in [
            "hush",
            "${hush:a}",
            "${env:A}hush",
            "${env:A}${env:B}",
            "hush${env:A}",
            "",
        ] {
            assert!(!is_reference(text), "{text}");
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_others_can_read_is_told() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, "t0ken").unwrap();
        for (mode, findings) in [(0o600, 0), (0o400, 0), (0o640, 1), (0o644, 1)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let expanded = with("${file:token}", &[], folder.path());
            assert_eq!(expanded.text.as_deref(), Some("t0ken"));
            assert_eq!(expanded.findings.len(), findings, "{mode:o}");
        }
    }
}
