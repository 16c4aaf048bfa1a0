//! A generator asked once, beside the daemon: nothing of it is remembered or published.

use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;

use crate::clock::Clock;
use crate::config::{GeneratorConfig, PluginConfig, with_defaults};
use crate::media::Created;
use crate::plugin::broker::{Broker, BrokerOptions, Secrets};
use crate::plugin::{
    Batch, Brief, Capability, Host, HostOptions, MemoryKv, Plugin, Subject, Usage,
};

/// It has no secret to give.
struct NoSecrets;

impl Secrets for NoSecrets {
    fn get(&self, _: &str) -> Option<SecretString> {
        None
    }
    fn capture(&self, _: &str, _: SecretString) -> Result<(), String> {
        Err("a preview keeps no secrets".to_owned())
    }
    fn all(&self) -> Vec<(String, SecretString)> {
        Vec::new()
    }
}

/// What a generator gave, and what that took.
#[derive(Debug)]
pub struct Preview {
    pub batch: Batch,
    pub usage: Usage,
}

/// Asks a generator for one draft. Its memory is empty and forgotten; the files that it
/// makes are below `folder`, which the caller removes; compiled code is kept in `compiled`.
///
/// # Errors
/// The plugin can't be loaded, is no generator, or fails; in words.
pub async fn preview(
    plugin: &PluginConfig,
    generator: &GeneratorConfig,
    languages: Vec<String>,
    time_zone: &str,
    compiled: &Path,
    folder: &Path,
) -> Result<Preview, String> {
    let clock = Clock::system();
    let broker = Broker::new(BrokerOptions::default(), clock.clone());
    let host = Host::new(HostOptions {
        cache_dir: compiled.to_owned(),
        concurrency: 1,
        carrier: Arc::new(broker.map_err(|error| error.to_string())?),
        kv: Arc::new(MemoryKv::default()),
        urls: None,
        created: Some(Arc::new(Created::new(folder, clock.clone(), || Ok(())))),
        clock: clock.clone(),
    })
    .map_err(|error| error.to_string())?;
    let loaded = host.load(plugin).await.map_err(|error| error.to_string())?;
    if !loaded.has(Capability::Generator) {
        return Err(format!("plugin `{}` is no generator", plugin.name));
    }
    let called = loaded
        .generate(
            &subject(&loaded, generator),
            &Brief {
                brand: generator.brand.clone(),
                languages,
                time_zone: time_zone.to_owned(),
                now: clock.now(),
                wanted: 1,
                ..Brief::default()
            },
        )
        .await;
    let batch = called.result.map_err(|error| error.to_string())?;
    Ok(Preview {
        batch,
        usage: called.usage,
    })
}

fn subject(plugin: &Plugin, generator: &GeneratorConfig) -> Subject {
    Subject {
        name: generator.name.as_str().into(),
        settings: Arc::new(with_defaults(&generator.settings, plugin.manifest())),
        secrets: Arc::new(NoSecrets),
        folders: Arc::new(generator.folders.clone()),
    }
}
