//! The plugins that are loaded, by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt as _, StreamExt as _};

use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};
use wasmtime::component::{Component, Linker};

use crate::clock::Clock;
use crate::config::{Grant, Limits, PluginConfig};
use crate::media::{Created, PublicUrls};

use super::cache::{Cache, CacheError, Found, Kept, Origin};
use super::code::{self, Code, Ready};
use super::component::{self, Capability};
use super::engine::{Engine, EngineError, Ticker};
use super::files::Library;
use super::host::{self, Carrier, KvStore, State};
use super::manifest::Manifest;
use super::refused::{LoadError, LoadReason, judge, needs};

/// What a host is made of.
pub struct HostOptions {
    /// Where compiled plugins are kept; made, with mode 0700, where it does not exist.
    pub cache_dir: PathBuf,
    /// Calls under way at once, over all plugins.
    pub concurrency: usize,
    pub carrier: Arc<dyn Carrier>,
    pub kv: Arc<dyn KvStore>,
    /// None: no platform can fetch a post's files.
    pub urls: Option<Arc<dyn PublicUrls>>,
    /// Where generators' files are kept. None: they make none.
    pub created: Option<Arc<Created>>,
    pub clock: Clock,
}

/// Why a host does not start.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Cache(#[from] CacheError),
    #[error("the interface can't be linked: {0}")]
    Link(String),
}

/// The wasm engine with all that plugins can call. A cheap handle.
#[derive(Clone)]
pub struct Host(Arc<Inner>);

struct Inner {
    engine: Engine,
    linker: Linker<State>,
    cache: Arc<Cache>,
    library: Arc<Library>,
    carrier: Arc<dyn Carrier>,
    kv: Arc<dyn KvStore>,
    urls: Option<Arc<dyn PublicUrls>>,
    created: Option<Arc<Created>>,
    clock: Clock,
    /// In front of the pool: its end is waited for, and never an error.
    permits: Semaphore,
}

impl Host {
    pub fn new(options: HostOptions) -> Result<Self, HostError> {
        let engine = Engine::new(options.concurrency)?;
        let mut linker = Linker::new(&engine.wasm);
        host::add_to_linker(&mut linker).map_err(|error| HostError::Link(format!("{error:#}")))?;
        let cache = Cache::open(&options.cache_dir, &engine.wasm, options.clock.clone())?;
        Ok(Host(Arc::new(Inner {
            permits: Semaphore::new(engine.slots),
            engine,
            linker,
            cache: Arc::new(cache),
            library: Arc::default(),
            carrier: options.carrier,
            kv: options.kv,
            urls: options.urls,
            created: options.created,
            clock: options.clock,
        })))
    }

    /// Whether instances come out of a pool; else each call allocates its own.
    pub fn pooled(&self) -> bool {
        self.0.engine.pooled
    }

    /// What the host knows of the operator's files.
    pub fn library(&self) -> &Arc<Library> {
        &self.0.library
    }

    /// Reads, checks and compiles a plugin (or finds it compiled). Runs none of it.
    pub async fn load(&self, config: &PluginConfig) -> Result<Plugin, LoadError> {
        let wrong = |reason| LoadError {
            plugin: config.name.clone(),
            path: config.path.clone(),
            reason: Box::new(reason),
        };
        let bytes: Arc<[u8]> = tokio::fs::read(&config.path)
            .await
            .map_err(|error| wrong(LoadReason::Read(error)))?
            .into();
        let inspection = tokio::task::spawn_blocking({
            let bytes = bytes.clone();
            move || component::inspect(&bytes)
        })
        .await
        .map_err(|error| wrong(LoadReason::Read(error.into())))?
        .map_err(|error| wrong(LoadReason::Inspect(error)))?;
        judge(&inspection, config).map_err(wrong)?;

        let Found {
            component,
            origin,
            kept,
        } = self
            .0
            .cache
            .clone()
            .load(&self.0.engine.wasm, bytes)
            .await
            .map_err(|error| wrong(LoadReason::Compile(error)))?;
        needs(&component, &config.limits).map_err(wrong)?;
        let link = |error: wasmtime::Error| wrong(LoadReason::Link(format!("{error:#}")));
        let ready =
            Ready::new(&self.0.linker, &component, &inspection.capabilities).map_err(link)?;
        tracing::debug!(
            plugin = config.name,
            version = %inspection.manifest.version,
            compiled = origin == Origin::Compiler,
            "loaded"
        );
        let plugin = Plugin(Arc::new(Loaded {
            host: self.clone(),
            name: config.name.as_str().into(),
            manifest: Arc::new(inspection.manifest),
            capabilities: inspection.capabilities,
            digest: inspection.digest,
            origin,
            path: config.path.clone(),
            grants: config.grants.clone().into(),
            limits: config.limits.clone(),
            concurrency: config.concurrency,
            permits: Semaphore::new(config.concurrency.max(1)),
            code: Code::new(ready, kept),
        }));
        plugin.let_rest();
        Ok(plugin)
    }
}

/// A plugin that is ready to be called. A cheap handle: who holds one goes on with this
/// version, whatever is loaded in its place.
#[derive(Clone)]
pub struct Plugin(Arc<Loaded>);

struct Loaded {
    host: Host,
    name: Arc<str>,
    manifest: Arc<Manifest>,
    capabilities: BTreeSet<Capability>,
    digest: String,
    origin: Origin,
    path: PathBuf,
    grants: Arc<[Grant]>,
    limits: Limits,
    concurrency: usize,
    permits: Semaphore,
    code: Code,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin")
            .field("name", &self.0.name)
            .field("digest", &self.0.digest)
            .finish_non_exhaustive()
    }
}

impl Plugin {
    pub fn name(&self) -> &Arc<str> {
        &self.0.name
    }

    pub fn manifest(&self) -> &Arc<Manifest> {
        &self.0.manifest
    }

    pub fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.0.capabilities
    }

    pub fn has(&self, capability: Capability) -> bool {
        self.0.capabilities.contains(&capability)
    }

    /// BLAKE3 of the component, lower-case hexadecimal.
    pub fn digest(&self) -> &str {
        &self.0.digest
    }

    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub fn limits(&self) -> &Limits {
        &self.0.limits
    }

    /// Whether it was compiled for this start, or before.
    pub fn origin(&self) -> Origin {
        self.0.origin
    }

    /// How many calls may be under way at once.
    pub fn concurrency(&self) -> usize {
        self.0.concurrency
    }

    pub(super) fn grants(&self) -> &Arc<[Grant]> {
        &self.0.grants
    }

    pub(super) fn engine(&self) -> &wasmtime::Engine {
        &self.0.host.0.engine.wasm
    }

    pub(super) fn ticker(&self) -> &Ticker {
        &self.0.host.0.engine.ticker
    }

    pub(super) fn library(&self) -> &Arc<Library> {
        &self.0.host.0.library
    }

    pub(super) fn carrier(&self) -> &Arc<dyn Carrier> {
        &self.0.host.0.carrier
    }

    pub(super) fn kv(&self) -> &Arc<dyn KvStore> {
        &self.0.host.0.kv
    }

    pub(super) fn urls(&self) -> &Option<Arc<dyn PublicUrls>> {
        &self.0.host.0.urls
    }

    pub(super) fn created(&self) -> &Option<Arc<Created>> {
        &self.0.host.0.created
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.0.host.0.clock
    }

    /// Whether its code is in memory.
    pub fn is_awake(&self) -> bool {
        self.0.code.is_awake()
    }

    /// Lets go of its compiled code now, as it does by itself when nobody has called it for
    /// a minute; the next call brings it back. False: it is at work, or can't be had again.
    pub fn rest(&self) -> bool {
        self.0.code.rest(Duration::ZERO).is_ok()
    }

    /// Its code, out of memory or off the disk.
    pub(super) async fn ready(&self) -> Result<Arc<Ready>, String> {
        if let Some(ready) = self.0.code.awake() {
            return Ok(ready);
        }
        let _turn = self.0.code.turn.lock().await;
        if let Some(ready) = self.0.code.awake() {
            return Ok(ready);
        }
        let (component, kept) = self.again().await?;
        let host = &self.0.host.0;
        let ready = Ready::new(&host.linker, &component, &self.0.capabilities)
            .map_err(|error| format!("{error:#}"))?;
        let ready = self.0.code.wake(ready, kept);
        self.let_rest();
        Ok(ready)
    }

    async fn again(&self) -> Result<(Component, Option<Kept>), String> {
        let host = self.0.host.clone();
        if let Some(kept) = self.0.code.kept() {
            let again = tokio::task::spawn_blocking(move || {
                let component = host.0.cache.again(&host.0.engine.wasm, &kept);
                component.map(|component| (component, Some(kept)))
            });
            match again.await.map_err(|error| error.to_string())? {
                Ok(found) => return Ok(found),
                Err(reason) => tracing::warn!(plugin = %self.0.name, reason,
                    "its compiled code is not what it was; it is compiled anew"),
            }
        }
        let bytes = tokio::fs::read(&self.0.path)
            .await
            .map_err(|error| format!("{}: {error}", self.0.path.display()))?;
        if blake3::hash(&bytes).to_hex().as_str() != self.0.digest {
            return Err(format!(
                "its compiled code is gone, and {} is another version now; `jarchi reload` takes that",
                self.0.path.display()
            ));
        }
        let host = &self.0.host.0;
        let loading = host.cache.clone().load(&host.engine.wasm, bytes.into());
        let found = loading.await.map_err(|error| error.to_string())?;
        Ok((found.component, found.kept))
    }

    /// Watches for the time when nobody has called it for long.
    fn let_rest(&self) {
        let plugin = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            let mut wait = code::REST;
            loop {
                tokio::time::sleep(wait).await;
                let Some(plugin) = plugin.upgrade() else {
                    return;
                };
                match plugin.code.rest(code::REST) {
                    Ok(()) => {
                        tracing::debug!(plugin = %plugin.name, "rests");
                        return;
                    }
                    Err(left) => wait = left,
                }
            }
        });
    }

    /// The plugin's own turn first, so that those who wait for it keep nobody else from
    /// theirs.
    pub(super) async fn permit(&self) -> Result<[SemaphorePermit<'_>; 2], AcquireError> {
        let own = self.0.permits.acquire().await?;
        let common = self.0.host.0.permits.acquire().await?;
        Ok([own, common])
    }

    fn is(&self, config: &PluginConfig, digest: &str) -> bool {
        let loaded = &*self.0;
        loaded.digest == digest
            && loaded.path == config.path
            && *loaded.grants == *config.grants
            && loaded.limits == config.limits
            && loaded.concurrency == config.concurrency
    }
}

/// All plugins by name. What is loaded anew takes the old one's place at once; calls that
/// are under way end on the old one.
pub struct Registry {
    host: Host,
    plugins: RwLock<Arc<BTreeMap<String, Plugin>>>,
}

/// What a reload changed: names of plugins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub added: Vec<String>,
    pub replaced: Vec<String>,
    pub removed: Vec<String>,
}

/// Plugins that are loaded side by side: as many as keep a small machine busy.
const AT_ONCE: usize = 4;

impl Registry {
    pub fn new(host: Host) -> Self {
        Registry {
            host,
            plugins: RwLock::default(),
        }
    }

    pub fn host(&self) -> &Host {
        &self.host
    }

    pub fn get(&self, name: &str) -> Option<Plugin> {
        self.all().get(name).cloned()
    }

    pub fn all(&self) -> Arc<BTreeMap<String, Plugin>> {
        self.plugins
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The plugin as it is, where nothing has changed of it; and what it was before.
    async fn load_one(
        &self,
        name: String,
        config: PluginConfig,
        known: Option<Plugin>,
    ) -> (String, Option<Plugin>, Result<Plugin, LoadError>) {
        if let Some(same) = &known
            && let Ok(bytes) = tokio::fs::read(&config.path).await
            && same.is(&config, blake3::hash(&bytes).to_hex().as_str())
        {
            return (name, known.clone(), Ok(same.clone()));
        }
        let loaded = self.host.load(&config).await;
        (name, known, loaded)
    }

    /// Takes on what the configuration names: all of it, or, where one plugin is refused,
    /// nothing, and the errors of all that are.
    pub async fn load(
        &self,
        configs: &BTreeMap<String, PluginConfig>,
    ) -> Result<Changes, Vec<LoadError>> {
        let before = self.all();
        let mut plugins = BTreeMap::new();
        let mut changes = Changes::default();
        let mut errors = Vec::new();
        let loading: Vec<BoxFuture<'_, _>> = configs
            .iter()
            .map(|(name, config)| {
                let known = before.get(name).cloned();
                self.load_one(name.clone(), config.clone(), known).boxed()
            })
            .collect();
        let loaded: Vec<_> = futures_util::stream::iter(loading)
            .buffered(AT_ONCE)
            .collect()
            .await;
        for (name, known, result) in loaded {
            match result {
                Ok(plugin) => {
                    match known {
                        Some(known) if Arc::ptr_eq(&known.0, &plugin.0) => {}
                        Some(_) => changes.replaced.push(name.clone()),
                        None => changes.added.push(name.clone()),
                    }
                    plugins.insert(name.clone(), plugin);
                }
                Err(error) => errors.push(error),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        changes.removed = before
            .keys()
            .filter(|name| !plugins.contains_key(*name))
            .cloned()
            .collect();
        *self.plugins.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plugins);
        let cache = self.host.0.cache.clone();
        // What is left over of old versions; nobody waits for it.
        tokio::task::spawn_blocking(move || cache.prune());
        Ok(changes)
    }
}
