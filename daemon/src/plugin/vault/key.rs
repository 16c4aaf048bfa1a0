//! The vault's key: 32 bytes in base64, outside of the store.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use secrecy::{ExposeSecret as _, SecretBox};
use zeroize::Zeroizing;

use crate::config::Environment;

/// The name of the systemd credential.
pub const CREDENTIAL: &str = "jarchi-vault-key";
/// The environment variable.
pub const VARIABLE: &str = "JARCHI_VAULT_KEY";
/// The file in `daemon.data_dir`.
pub const FILE: &str = "vault.key";

const LENGTH: usize = 32;
/// Longer files hold something else.
const LONGEST_FILE: u64 = 1024;

/// Tells keys apart without telling anything of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KeyId(pub [u8; KeyId::LENGTH]);

impl KeyId {
    pub const LENGTH: usize = 8;
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where a key was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    Credential(PathBuf),
    Variable,
    File(PathBuf),
    /// Made by the process, and kept nowhere.
    Made,
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeySource::Credential(path) => {
                write!(f, "the credential `{CREDENTIAL}` ({})", path.display())
            }
            KeySource::Variable => write!(f, "the environment variable {VARIABLE}"),
            KeySource::File(path) => path.display().fmt(f),
            KeySource::Made => f.write_str("this process"),
        }
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum KeyError {
    #[error(
        "{0} is no key for the vault: it has to be 32 bytes in base64, as `head -c 32 /dev/urandom \
         | base64` makes them"
    )]
    NoKey(KeySource),
    #[error(
        "{path} can be read by others than its owner (mode {mode:o}), and holds the key of the \
         vault: run `chmod 600 {path}`; where the file system knows no modes, give the key as \
         {VARIABLE} or as the systemd credential `{CREDENTIAL}`"
    )]
    Open { path: String, mode: u32 },
    #[error("{0} can't be read: {1}")]
    Unreadable(KeySource, String),
    #[error("the key of the vault can't be written to {path}: {reason}")]
    Unwritable { path: String, reason: String },
}

/// Zeroed when it is dropped, and never printed.
pub struct Key {
    bytes: SecretBox<[u8; LENGTH]>,
    id: KeyId,
    source: KeySource,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("id", &self.id)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// The key of the daemon whose store is in `data_dir`: the systemd credential, else
    /// the environment's, else that of a file, which is made where there is none. A key
    /// that is given and is wrong is an error, not a reason to look further.
    pub fn find(environment: &dyn Environment, data_dir: &Path) -> Result<Self, KeyError> {
        if let Some(folder) = environment.var("CREDENTIALS_DIRECTORY") {
            let path = Path::new(&folder).join(CREDENTIAL);
            let source = KeySource::Credential(path.clone());
            // systemd keeps that folder from everybody else: no look at the file's mode.
            match File::open(&path).and_then(read) {
                Ok(text) => return Self::parse(&text, source),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(KeyError::Unreadable(source, error.to_string())),
            }
        }
        if let Some(text) = environment.var(VARIABLE) {
            let text = Zeroizing::new(text.into_encoded_bytes());
            return Self::parse(&text, KeySource::Variable);
        }
        Self::of_file(&data_dir.join(FILE))
    }

    /// A new one.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut outcome = Ok(());
        let bytes = SecretBox::init_with_mut(|bytes: &mut [u8; LENGTH]| {
            outcome = getrandom::fill(bytes);
        });
        outcome.map(|()| Self::new(bytes, KeySource::Made))
    }

    fn new(bytes: SecretBox<[u8; LENGTH]>, source: KeySource) -> Self {
        let derived = blake3::derive_key("jarchi vault: the id of a key", bytes.expose_secret());
        let mut id = KeyId::default();
        id.0.copy_from_slice(&derived[..KeyId::LENGTH]);
        Key { bytes, id, source }
    }

    fn parse(text: &[u8], source: KeySource) -> Result<Self, KeyError> {
        let decoded = BASE64.decode(text.trim_ascii()).map(Zeroizing::new);
        match decoded {
            Ok(decoded) if decoded.len() == LENGTH => {
                let bytes = SecretBox::init_with_mut(|bytes: &mut [u8; LENGTH]| {
                    bytes.copy_from_slice(&decoded);
                });
                Ok(Self::new(bytes, source))
            }
            _ => Err(KeyError::NoKey(source)),
        }
    }

    /// The key in a file, of which one is made where there is none.
    pub(super) fn of_file(path: &Path) -> Result<Self, KeyError> {
        let source = KeySource::File(path.to_owned());
        let unreadable = |error: io::Error| KeyError::Unreadable(source.clone(), error.to_string());
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                create(path).map_err(|error| KeyError::Unwritable {
                    path: path.display().to_string(),
                    reason: error.to_string(),
                })?;
                tracing::info!(
                    path = %path.display(),
                    "made a key for the vault; keep a copy of it apart from copies of the store"
                );
                File::open(path).map_err(unreadable)?
            }
            Err(error) => return Err(unreadable(error)),
        };
        let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(KeyError::Open {
                path: path.display().to_string(),
                mode,
            });
        }
        let text = read(file).map_err(unreadable)?;
        Self::parse(&text, source)
    }

    pub fn id(&self) -> KeyId {
        self.id
    }

    pub fn source(&self) -> &KeySource {
        &self.source
    }

    /// A key for something else, by its purpose; the vault's own can't be told from it.
    pub fn derive(&self, purpose: &str) -> [u8; LENGTH] {
        blake3::derive_key(purpose, self.bytes.expose_secret())
    }

    pub(super) fn bytes(&self) -> &[u8; LENGTH] {
        self.bytes.expose_secret()
    }
}

fn read(file: File) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(Vec::with_capacity(LONGEST_FILE as usize + 1));
    file.take(LONGEST_FILE + 1).read_to_end(&mut text)?;
    Ok(text)
}

/// Writes a new key. It appears whole or not at all, and never in the place of another:
/// what that one has sealed would be lost.
fn create(path: &Path) -> io::Result<()> {
    let key = Key::generate().map_err(io::Error::other)?;
    let mut text = Zeroizing::new(BASE64.encode(key.bytes()));
    text.push('\n');
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    let draft = PathBuf::from(draft);
    match fs::remove_file(&draft) {
        // Of a start that was interrupted.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    let linked = match fs::hard_link(&draft, path) {
        // Somebody else was quicker: theirs it is.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    };
    fs::remove_file(&draft)?;
    linked?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
