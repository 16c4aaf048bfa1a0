//! Compiled components on disk, so that starting does not compile.
//!
//! What lies here is native code. It is loaded only when its keyed hash shows that this
//! daemon wrote it, and that not a bit has changed since.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::clock::Clock;
use crate::model::{TimeSpan, Timestamp};

/// The last bytes of a file; a new layout gets a new number. The code comes first, so that
/// it can be mapped.
const MAGIC: &[u8; 16] = b"jarchi-compiled2";
const MAC: usize = 32;
const KEY: usize = 32;
const KEY_FILE: &str = "key";
const SUFFIX: &str = "cwasm";
const TEMPORARY: &str = "tmp";
/// What nobody has loaded for so long is removed.
const UNUSED: TimeSpan = TimeSpan::from_days(30);
/// A large interpreter takes a quarter of a minute on a small machine.
const COMPILE_LIMIT: Duration = Duration::from_secs(300);

#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("{path}: {error}")]
    Io { path: PathBuf, error: io::Error },
    #[error(
        "{path} holds compiled plugins and must be a directory of the daemon's own user (uid {ours}); it {what}. Remove it or give it back: chown {ours} {path}"
    )]
    Foreign {
        path: PathBuf,
        what: String,
        ours: u32,
    },
    #[error("{0}")]
    Compile(String),
    #[error("compiling takes longer than {} s", COMPILE_LIMIT.as_secs())]
    CompileLimit,
}

/// Where a component came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    Cache,
    Compiler,
}

/// A compiled component on disk, by its open file: it stays what it is when its name is
/// gone.
#[derive(Clone)]
pub(crate) struct Kept {
    name: String,
    file: Arc<File>,
}

/// A component, and where it came from and can be had again.
pub(crate) struct Found {
    pub(crate) component: Component,
    pub(crate) origin: Origin,
    /// None: it could not be written down.
    pub(crate) kept: Option<Kept>,
}

pub(crate) struct Cache {
    directory: PathBuf,
    key: [u8; KEY],
    /// Of the engine and its settings.
    compatibility: String,
    clock: Clock,
    used: Mutex<HashSet<String>>,
}

impl Cache {
    /// Opens the directory; makes it, and its key, where there is none.
    pub(crate) fn open(
        directory: &Path,
        engine: &Engine,
        clock: Clock,
    ) -> Result<Self, CacheError> {
        let loose = own(directory)?;
        if loose {
            // Others could write here: nothing of what is here is trusted any more.
            tracing::warn!(
                directory = %directory.display(),
                "the directory of compiled plugins was open to other users; it is closed now, \
                 and plugins are compiled anew"
            );
            empty(directory)?;
        }
        Ok(Cache {
            key: key(directory)?,
            directory: directory.to_owned(),
            compatibility: compatibility(engine),
            clock,
            used: Mutex::default(),
        })
    }

    /// The component, compiled now or before.
    ///
    /// A compile that takes too long is given up, and its thread left to itself: there is
    /// no way to stop it.
    pub(crate) async fn load(
        self: Arc<Self>,
        engine: &Engine,
        wasm: Arc<[u8]>,
    ) -> Result<Found, CacheError> {
        let (sender, receiver) = oneshot::channel();
        let engine = engine.clone();
        // A thread of its own: the runtime waits for its blocking threads at a stop.
        std::thread::Builder::new()
            .name("plugin-compile".to_owned())
            .spawn(move || {
                // Nobody waits any more when it took too long.
                let _ = sender.send(self.load_blocking(&engine, &wasm));
            })
            .map_err(|error| CacheError::Compile(format!("no thread to compile on: {error}")))?;
        match tokio::time::timeout(COMPILE_LIMIT, receiver).await {
            Ok(Ok(loaded)) => loaded,
            Ok(Err(_)) => Err(CacheError::Compile("the compiler crashed".to_owned())),
            Err(_) => Err(CacheError::CompileLimit),
        }
    }

    /// The same once more, out of the file that it was found in.
    pub(crate) fn again(&self, engine: &Engine, kept: &Kept) -> Result<Component, String> {
        // A description of its own, from the beginning.
        let path = format!("/proc/self/fd/{}", kept.file.as_raw_fd());
        let mut file = File::open(path).map_err(|error| error.to_string())?;
        let authentic = self.authenticate(&kept.name, &mut file)?;
        deserialize(engine, &authentic)
    }

    fn load_blocking(&self, engine: &Engine, wasm: &[u8]) -> Result<Found, CacheError> {
        let name = format!("{}-{}", blake3::hash(wasm).to_hex(), self.compatibility);
        self.lock().insert(name.clone());
        let path = self.directory.join(&name).with_extension(SUFFIX);
        match self.read(engine, &name, &path) {
            Ok(Some((component, kept))) => {
                return Ok(Found {
                    component,
                    origin: Origin::Cache,
                    kept: Some(kept),
                });
            }
            Ok(None) => {}
            Err(reason) => tracing::warn!(
                path = %path.display(),
                reason,
                "a compiled plugin was not what this daemon wrote; it is compiled anew"
            ),
        }
        let compiled = engine
            .precompile_component(wasm)
            .map_err(|error| CacheError::Compile(format!("{error:#}")))?;
        match self.write(&name, &path, &compiled) {
            // Mapped like that of any later start: what is not used takes no memory.
            Ok(()) => {
                if let Ok(Some((component, kept))) = self.read(engine, &name, &path) {
                    return Ok(Found {
                        component,
                        origin: Origin::Compiler,
                        kept: Some(kept),
                    });
                }
            }
            Err(error) => tracing::warn!(
                path = %path.display(),
                %error,
                "a compiled plugin could not be kept; the next start compiles it again"
            ),
        }
        let component =
            deserialize(engine, &Compiled::Bytes(&compiled)).map_err(CacheError::Compile)?;
        Ok(Found {
            component,
            origin: Origin::Compiler,
            kept: None,
        })
    }

    fn read(
        &self,
        engine: &Engine,
        name: &str,
        path: &Path,
    ) -> Result<Option<(Component, Kept)>, String> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.to_string()),
        };
        let authentic = self.authenticate(name, &mut file)?;
        let component = deserialize(engine, &authentic)?;
        let now = SystemTime::UNIX_EPOCH + Duration::from_millis(self.clock.now().millis());
        if let Err(error) = File::options()
            .append(true)
            .open(path)
            .and_then(|file| file.set_modified(now))
        {
            tracing::debug!(path = %path.display(), %error, "the time of use is not kept");
        }
        let kept = Kept {
            name: name.to_owned(),
            file: Arc::new(file),
        };
        Ok(Some((component, kept)))
    }

    fn authenticate<'a>(&self, name: &str, file: &'a mut File) -> Result<Compiled<'a>, String> {
        let words = |error: io::Error| error.to_string();
        let length = file.metadata().map_err(words)?.len();
        let code = length
            .checked_sub((MAC + MAGIC.len()) as u64)
            .ok_or("it is cut off")?;
        let mut hasher = self.hasher(name);
        hasher
            .update_reader((&mut *file).take(code))
            .map_err(words)?;
        let mut mac = [0; MAC];
        let mut magic = [0; MAGIC.len()];
        file.read_exact(&mut mac).map_err(words)?;
        file.read_exact(&mut magic).map_err(words)?;
        if magic != *MAGIC {
            return Err("it does not end as one".to_owned());
        }
        // Compared in constant time.
        if hasher.finalize() != blake3::Hash::from_bytes(mac) {
            return Err("its keyed hash does not fit".to_owned());
        }
        Ok(Compiled::File(file))
    }

    /// Of the name too, so that no file can stand in for another.
    fn hasher(&self, name: &str) -> blake3::Hasher {
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher
            .update(&(name.len() as u64).to_le_bytes())
            .update(name.as_bytes());
        hasher
    }

    fn write(&self, name: &str, path: &Path, code: &[u8]) -> io::Result<()> {
        let mac = self.hasher(name).update(code).finalize();
        write_new(&self.directory, path, |file| {
            file.write_all(code)?;
            file.write_all(mac.as_bytes())?;
            file.write_all(MAGIC)
        })
    }

    /// Removes what has not been used for long, and what a crash left half written.
    pub(crate) fn prune(&self) {
        let used = self.lock().clone();
        let Ok(entries) = fs::read_dir(&self.directory) else {
            return;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            let kind = path.extension().and_then(|suffix| suffix.to_str());
            let in_use = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .is_some_and(|stem| used.contains(stem));
            let keep = match kind {
                Some(SUFFIX) if in_use => continue,
                Some(SUFFIX) => UNUSED,
                Some(TEMPORARY) => TimeSpan::from_hours(1),
                _ => continue,
            };
            let modified = entry
                .metadata()
                .and_then(|data| data.modified())
                .ok()
                .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
                .map_or(Timestamp(0), |since| Timestamp(since.as_millis() as u64));
            if self.clock.now().since(modified) > keep
                && let Err(error) = fs::remove_file(&path)
            {
                tracing::warn!(path = %path.display(), %error, "an old compiled plugin stays");
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What this process compiled, or what carries the keyed hash of one that did.
enum Compiled<'a> {
    Bytes(&'a [u8]),
    /// Open since before it was checked.
    File(&'a File),
}

#[expect(
    unsafe_code,
    reason = "wasmtime can't check native code; see the proof"
)]
fn deserialize(engine: &Engine, code: &Compiled<'_>) -> Result<Component, String> {
    // SAFETY: the code must be what `precompile_component` gave, and must not change as long
    // as it is in use. `Compiled::Bytes` is made in `load_blocking` alone, straight from that
    // function. `Compiled::File` is made in `authenticate` alone, of a file whose BLAKE3
    // keyed hash fits. The key is 32 random bytes in a file of mode 0600 in a directory of
    // mode 0700 of our own user, and is used in `write` alone, for what
    // `precompile_component` gave: who has no key can't make another file with a fitting
    // hash. The file that is mapped is the one that was checked, by its descriptor and not
    // by its name. It is written once, under another name, and moved into place: nothing in
    // this program opens it for writing its contents afterwards. Only our own user, or root,
    // could, and they command this process anyway. Code of another wasmtime, processor or
    // configuration is refused by wasmtime itself, and has another name besides.
    let component = unsafe {
        match code {
            Compiled::Bytes(bytes) => Component::deserialize(engine, bytes),
            Compiled::File(file) => {
                Component::deserialize_file(engine, format!("/proc/self/fd/{}", file.as_raw_fd()))
            }
        }
    };
    component.map_err(|error| format!("{error:#}"))
}

/// Makes the directory the daemon's own. True: it was open to others until now.
fn own(directory: &Path) -> Result<bool, CacheError> {
    let wrong = |error| CacheError::Io {
        path: directory.to_owned(),
        error,
    };
    match fs::symlink_metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = directory.parent() {
                fs::create_dir_all(parent).map_err(wrong)?;
            }
            DirBuilder::new()
                .mode(0o700)
                .create(directory)
                .or_else(|error| match error.kind() {
                    io::ErrorKind::AlreadyExists => Ok(()),
                    _ => Err(error),
                })
                .map_err(wrong)?;
        }
        Err(error) => return Err(wrong(error)),
        Ok(_) => {}
    }
    let data = fs::symlink_metadata(directory).map_err(wrong)?;
    let ours = rustix::process::geteuid().as_raw();
    let foreign = |what: String| CacheError::Foreign {
        path: directory.to_owned(),
        what,
        ours,
    };
    if data.is_symlink() {
        return Err(foreign("is a symbolic link".to_owned()));
    }
    if !data.is_dir() {
        return Err(foreign("is not a directory".to_owned()));
    }
    if data.uid() != ours {
        return Err(foreign(format!("belongs to uid {}", data.uid())));
    }
    let mode = data.mode() & 0o7777;
    if mode & 0o077 == 0 && mode & 0o700 == 0o700 {
        return Ok(false);
    }
    fs::set_permissions(directory, fs::Permissions::from_mode(0o700)).map_err(|error| {
        foreign(format!(
            "has mode {mode:04o}, which can't be mended: {error}"
        ))
    })?;
    Ok(mode & 0o077 != 0)
}

fn empty(directory: &Path) -> Result<(), CacheError> {
    let wrong = |error| CacheError::Io {
        path: directory.to_owned(),
        error,
    };
    for entry in fs::read_dir(directory).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        let ours = path
            .extension()
            .is_some_and(|suffix| suffix == SUFFIX || suffix == TEMPORARY)
            || path.file_name().is_some_and(|name| name == KEY_FILE);
        if ours {
            fs::remove_file(&path).map_err(|error| CacheError::Io { path, error })?;
        }
    }
    Ok(())
}

/// The key of this directory; made where there is none, or where it is not ours alone.
fn key(directory: &Path) -> Result<[u8; KEY], CacheError> {
    let path = directory.join(KEY_FILE);
    let wrong = |error| CacheError::Io {
        path: path.clone(),
        error,
    };
    for _ in 0..2 {
        match read_key(&path) {
            Ok(Some(key)) => return Ok(key),
            Ok(None) => {}
            Err(error) => return Err(wrong(error)),
        }
        let mut key = [0; KEY];
        getrandom::fill(&mut key).map_err(|error| wrong(io::Error::other(error)))?;
        // Moved into place whole. Where two start at once, the last one's is read by both
        // in the second round, or the first compiles once more.
        write_new(directory, &path, |file| file.write_all(&key)).map_err(wrong)?;
    }
    read_key(&path)
        .map_err(wrong)?
        .ok_or_else(|| wrong(io::Error::other("the key file does not stay as written")))
}

fn read_key(path: &Path) -> io::Result<Option<[u8; KEY]>> {
    let mut file = match OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
        .open(path)
    {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let data = file.metadata()?;
    if data.mode() & 0o077 != 0 || data.uid() != rustix::process::geteuid().as_raw() {
        tracing::warn!(path = %path.display(), "the key was open to others; a new one is made");
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(KEY);
    (&mut file).take(KEY as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes.try_into().ok())
}

/// Writes beside the place and moves there, so that a crash leaves no half file.
fn write_new(
    directory: &Path,
    path: &Path,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let temporary = directory
        .join(format!("{:016x}", u64::from_le_bytes(random)))
        .with_extension(TEMPORARY);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| {
            write(&mut file)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The error that matters is the first one.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn compatibility(engine: &Engine) -> String {
    struct Blake(blake3::Hasher);
    impl Hasher for Blake {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Blake(blake3::Hasher::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.0.finalize().to_hex()[..16].to_owned()
}
