//! Hands on a new configuration when its files change, or when asked to.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{mpsc, watch};

use super::diff::pin;
use super::load::{conf_d, files};
use super::{Config, Diagnostic, Diagnostics, Diff, Environment, Severity, diff, load};

/// An editor writes a file in several steps; they are over when nothing happened for
/// this long.
const QUIET: Duration = Duration::from_millis(250);

/// And for a file that never rests, after this.
const PATIENCE: Duration = Duration::from_secs(3);

/// The configuration that is in force, and what became of the latest attempt to change
/// it.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Arc<Config>,
    /// Why the files as they are now are not in force. For `/readyz`.
    pub config_error: Option<Arc<Diagnostics>>,
    /// Keys whose value in the files counts after a restart only. In `config` they have
    /// the values that run.
    pub restart_needed: Vec<String>,
}

/// Checks beyond those of the loader, as those against the manifests.
pub type ExtraCheck = Box<dyn Fn(&Config) -> Vec<Diagnostic> + Send + Sync>;

/// Loads the configuration anew. A file that is wrong keeps the old one in force.
pub struct Reloader {
    path: PathBuf,
    environment: Box<dyn Environment>,
    check: ExtraCheck,
    loaded: watch::Sender<Loaded>,
    /// The same, for those who want a part of it only.
    config: watch::Sender<Arc<Config>>,
    config_error: watch::Sender<Option<String>>,
    /// Of the files as they were loaded; locked for the time of a reload.
    fingerprint: Mutex<Option<blake3::Hash>>,
}

impl Reloader {
    /// `running` is what the daemon started with.
    pub fn new(running: Config, environment: impl Environment + 'static) -> Self {
        let fingerprint = fingerprint(&running.path, &running);
        let running = Arc::new(running);
        Reloader {
            path: running.path.clone(),
            config: watch::Sender::new(running.clone()),
            config_error: watch::Sender::new(None),
            environment: Box::new(environment),
            check: Box::new(|_| Vec::new()),
            fingerprint: Mutex::new(Some(fingerprint)),
            loaded: watch::Sender::new(Loaded {
                config: running,
                config_error: None,
                restart_needed: Vec::new(),
            }),
        }
    }

    #[must_use]
    pub fn with_check(mut self, check: ExtraCheck) -> Self {
        self.check = check;
        self
    }

    /// What is in force now, and every change of it.
    pub fn subscribe(&self) -> watch::Receiver<Loaded> {
        self.loaded.subscribe()
    }

    /// The configuration that is in force.
    pub fn config(&self) -> watch::Receiver<Arc<Config>> {
        self.config.subscribe()
    }

    /// [`Loaded::config_error`] in words, a line for each finding.
    pub fn config_error(&self) -> watch::Receiver<Option<String>> {
        self.config_error.subscribe()
    }

    /// [`Reloader::reload`] in words, for a command that a person gave.
    ///
    /// # Errors
    /// What is wrong, a line for each finding.
    pub fn reload_in_words(&self) -> Result<String, String> {
        match self.reload() {
            Ok(changes) => {
                let mut words = changes.to_string();
                if !changes.restart_needed.is_empty() {
                    let keys = changes.restart_needed.join(", ");
                    words += &format!(" (after a restart: {keys})");
                }
                Ok(words)
            }
            Err(wrong) => Err(wrong.to_string()),
        }
    }

    /// Loads the files now, for SIGHUP and the command line. Reads files: call it where
    /// blocking is allowed.
    ///
    /// # Errors
    /// Everything that is wrong. It is logged and kept in [`Loaded::config_error`] too.
    pub fn reload(&self) -> Result<Diff, Arc<Diagnostics>> {
        let mut fingerprint = self
            .fingerprint
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.reload_locked(&mut fingerprint)
    }

    fn reload_locked(&self, known: &mut Option<blake3::Hash>) -> Result<Diff, Arc<Diagnostics>> {
        let old = self.loaded.borrow().config.clone();
        // Taken before the files are read: a change in between is seen the next time.
        let before = fingerprint(&self.path, &old);
        let result = load(&self.path, &*self.environment).and_then(|(config, mut findings)| {
            findings.extend((self.check)(&config));
            if findings.iter().any(Diagnostic::is_error) {
                Err(Diagnostics(findings))
            } else {
                Ok((config, findings))
            }
        });
        let (mut config, warnings) = match result {
            Ok(loaded) => loaded,
            Err(wrong) => {
                *known = Some(before);
                return Err(self.keep(wrong));
            }
        };
        for warning in &warnings {
            tell(warning);
        }
        let changes = diff(&old, &config);
        pin(&mut config, &old);
        // Its own files may be others than those of the old one.
        *known = Some(fingerprint(&self.path, &config));
        tracing::info!(changes = %changes, "the configuration was loaded");
        for key in &changes.restart_needed {
            tracing::warn!(key, "the new value counts after a restart");
        }
        let config = Arc::new(config);
        self.loaded.send_replace(Loaded {
            config: config.clone(),
            config_error: None,
            restart_needed: changes.restart_needed.clone(),
        });
        self.config.send_replace(config);
        self.config_error.send_replace(None);
        Ok(changes)
    }

    fn keep(&self, wrong: Diagnostics) -> Arc<Diagnostics> {
        let wrong = Arc::new(wrong);
        // Before it is logged: who reads the log and asks finds it so.
        self.loaded
            .send_modify(|loaded| loaded.config_error = Some(wrong.clone()));
        self.config_error.send_replace(Some(wrong.to_string()));
        tracing::error!(
            errors = wrong.errors(),
            "the configuration is wrong; the old one stays in force"
        );
        for finding in &wrong.0 {
            tell(finding);
        }
        wrong
    }

    /// Reloads whenever the files change: the main file, those of `conf.d`, and those
    /// that secrets were read from. Runs until it is dropped.
    ///
    /// # Errors
    /// When the system does not let files be watched.
    pub async fn watch(self: Arc<Self>) -> Result<(), notify::Error> {
        let (sender, mut events) = mpsc::unbounded_channel();
        let mut watcher = notify::recommended_watcher(move |event| {
            // Closed means that this future was dropped.
            let _ = sender.send(event);
        })?;
        let mut watched: Vec<PathBuf> = Vec::new();
        loop {
            self.watch_folders(&mut watcher, &mut watched)?;
            // What changed while nobody watched.
            let reloader = self.clone();
            let reload = tokio::task::spawn_blocking(move || reloader.reload_if_changed());
            if let Err(error) = reload.await {
                tracing::error!(%error, "loading the configuration");
            }
            loop {
                match events.recv().await {
                    Some(Ok(event)) if self.concerns(&event) => break,
                    Some(Ok(_)) => {}
                    Some(Err(error)) => {
                        tracing::warn!(%error, "watching the configuration");
                        break;
                    }
                    None => return Ok(()),
                }
            }
            let quiet = async {
                while let Ok(Some(_)) = tokio::time::timeout(QUIET, events.recv()).await {}
            };
            let _ = tokio::time::timeout(PATIENCE, quiet).await;
        }
    }

    /// Folders and not files: a file that is replaced takes its watch with it.
    fn watch_folders(
        &self,
        watcher: &mut RecommendedWatcher,
        watched: &mut Vec<PathBuf>,
    ) -> Result<(), notify::Error> {
        let config = self.loaded.borrow().config.clone();
        let files = self.single_files(&config);
        let mut wanted: Vec<PathBuf> = files.iter().map(|file| folder(file)).collect();
        wanted.push(conf_d(&self.path));
        wanted.sort();
        wanted.dedup();
        wanted.retain(|folder| folder.is_dir());
        // A folder that was deleted and made anew has lost its watch, which nobody can
        // see from here: it is taken off and put on again.
        for old in watched.drain(..) {
            let _ = watcher.unwatch(&old);
        }
        for folder in wanted {
            watcher.watch(&folder, RecursiveMode::NonRecursive)?;
            watched.push(folder);
        }
        Ok(())
    }

    /// The main file, those with secrets, and what they are links to.
    fn single_files(&self, config: &Config) -> Vec<PathBuf> {
        let named = config.origin.secret_files.iter().chain([&self.path]);
        let mut files: Vec<PathBuf> = named.cloned().collect();
        let links = files.iter().filter_map(|file| fs::canonicalize(file).ok());
        files.extend(links.collect::<Vec<_>>());
        files
    }

    /// Whether it is about one of our files: the folders may hold others, the store's
    /// among them, that never rest.
    fn concerns(&self, event: &Event) -> bool {
        if matches!(event.kind, EventKind::Access(_)) {
            return false;
        }
        let config = self.loaded.borrow().config.clone();
        let files = self.single_files(&config);
        let conf_d = Some(OsStr::new("conf.d"));
        event.paths.is_empty()
            || event.paths.iter().any(|path| {
                let name = path.file_name();
                name == conf_d
                    || path.parent().and_then(Path::file_name) == conf_d
                    // Kubernetes swaps a link `..data` under the files.
                    || name.is_some_and(|name| name.as_encoded_bytes().starts_with(b".."))
                    || files.iter().any(|file| file.file_name() == name)
            })
    }

    fn reload_if_changed(&self) {
        let mut known = self
            .fingerprint
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let config = self.loaded.borrow().config.clone();
        if *known != Some(fingerprint(&self.path, &config)) {
            // It is logged and kept for `/readyz`.
            let _ = self.reload_locked(&mut known);
        }
    }
}

fn folder(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
        _ => PathBuf::from("."),
    }
}

/// Of the bytes of all files that the configuration comes from.
fn fingerprint(path: &Path, config: &Config) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    let mut files = files(path, &mut Vec::new());
    files.extend(config.origin.secret_files.iter().cloned());
    for file in files {
        hasher.update(file.as_os_str().as_encoded_bytes());
        match fs::read(&file) {
            Ok(bytes) => hasher.update(&[1]).update(blake3::hash(&bytes).as_bytes()),
            Err(_) => hasher.update(&[0]),
        };
    }
    hasher.finalize()
}

fn tell(finding: &Diagnostic) {
    match finding.severity {
        Severity::Error => tracing::error!("{finding}"),
        Severity::Warning => tracing::warn!("{finding}"),
    }
}
