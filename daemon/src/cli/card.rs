//! `jarchi card`: what the cards of a brand look like.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::config::{Config, GeneratorConfig, Limits, PluginConfig};
use crate::model::{DeliveryKey, Severity, TimeSpan};
use crate::plugin::Bytes;
use crate::service::preview;

use super::client::{Context, runtime};
use super::output::{Failure, print};

/// Pictures in the brand's design
#[derive(Clone, Debug, clap::Args)]
pub struct CardArgs {
    #[command(subcommand)]
    command: CardCommand,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum CardCommand {
    Preview(PreviewArgs),
}

/// Draw one card into a file: nothing is published, and nothing remembered
///
/// With a configuration, in the design of its generator; else, or with --plugin, in the
/// plugin's own.
#[derive(Clone, Debug, clap::Args)]
struct PreviewArgs {
    /// quote, tip, review, price, poll or chart
    #[arg(long, default_value = "quote")]
    kind: String,
    /// square, portrait, story, landscape, link or pin [default: the generator's]
    #[arg(long)]
    size: Option<String>,
    /// The words; without any, a sample's
    #[arg(long)]
    text: Option<String>,
    /// Any other key of a card, as `author=Aysel` or `options=Tea=62; Coffee=38`
    #[arg(long = "set", value_name = "KEY=VALUE")]
    keys: Vec<String>,
    /// The language, as `az`
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// The generator whose design it is [default: the only one of the plugin `card`]
    #[arg(long, value_name = "NAME")]
    generator: Option<String>,
    /// The plugin's file, where no configuration has it
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    plugin: Option<PathBuf>,
    /// Where the picture goes: a PNG, or a JPEG by the name's ending
    #[arg(long, short, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    out: PathBuf,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Answer {
    file: PathBuf,
    width: Option<u32>,
    height: Option<u32>,
    /// Bytes.
    size: u64,
    alt: Option<String>,
    text: String,
    problems: Vec<String>,
    /// Milliseconds of CPU time.
    cpu: u64,
    /// Bytes at the highest point.
    memory: u64,
}

pub(super) fn run(context: &Context, args: CardArgs) -> Result<(), Failure> {
    let CardCommand::Preview(args) = args.command;
    let answer = draw(context, &args)?;
    print(&answer, args.json, |answer| {
        let mut lines = vec![format!(
            "{}: {} by {} pixels, {}; took {} ms of CPU time and {} of memory",
            answer.file.display(),
            answer.width.unwrap_or_default(),
            answer.height.unwrap_or_default(),
            Bytes(answer.size),
            answer.cpu,
            Bytes(answer.memory),
        )];
        if let Some(alt) = &answer.alt {
            lines.push(format!("alternative text: {alt}"));
        }
        lines.extend(answer.problems.iter().cloned());
        lines.join("\n")
    })
}

fn draw(context: &Context, args: &PreviewArgs) -> Result<Answer, Failure> {
    let config = match &args.plugin {
        Some(_) if context.config.is_none() => None,
        _ => Some(context.load_plain()?),
    };
    let (mut generator, mut plugin) = design(config.as_ref(), args)?;
    let jpeg = args
        .out
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("jpg") || end.eq_ignore_ascii_case("jpeg"));
    let format = if jpeg { "jpeg" } else { "png" };
    generator.settings.insert("format".into(), format.into());
    generator
        .settings
        .insert("preview".into(), Value::Object(row(args)?));
    if plugin.limits == Limits::default() {
        // A person waits, for one picture.
        plugin.limits.memory = 128 << 20;
        plugin.limits.cpu = TimeSpan(20_000);
    }
    let brand = config
        .as_ref()
        .and_then(|config| config.brands.get(&generator.brand));
    let languages = brand.map_or_else(Vec::new, |brand| brand.languages.clone());
    let zone = brand.map_or(chrono_tz::Tz::UTC, |brand| brand.time_zone);
    let folder = Folder::new()?;
    let compiled = config.as_ref().map_or_else(
        || folder.0.join("compiled"),
        |config| config.daemon.data_dir.join("compiled"),
    );
    let preview = runtime()?
        .block_on(preview(
            &plugin,
            &generator,
            languages,
            zone.name(),
            &compiled,
            &folder.0,
        ))
        .map_err(Failure::wrong)?;
    let (errors, warnings): (Vec<_>, Vec<_>) = preview
        .batch
        .problems
        .iter()
        .partition(|problem| problem.severity == Severity::Error);
    let Some(draft) = preview.batch.drafts.first() else {
        let why: Vec<&str> = errors.iter().map(|one| one.message.as_str()).collect();
        return Err(Failure::wrong(format!(
            "there is no card: {}",
            why.join("; ")
        )));
    };
    let Some(item) = draft.draft.media.first() else {
        return Err(Failure::failed("the plugin made no picture"));
    };
    let size = fs::copy(&item.path, &args.out).map_err(|error| {
        Failure::failed(format!("{} can't be written: {error}", args.out.display()))
    })?;
    Ok(Answer {
        file: args.out.clone(),
        width: item.width,
        height: item.height,
        size,
        alt: item.alt.clone(),
        text: draft.draft.text.clone(),
        problems: warnings.iter().map(|one| one.message.clone()).collect(),
        cpu: u64::try_from(preview.usage.cpu.as_millis()).unwrap_or(u64::MAX),
        memory: preview.usage.memory,
    })
}

/// The generator's block and its plugin's; without a configuration their defaults.
fn design(
    config: Option<&Config>,
    args: &PreviewArgs,
) -> Result<(GeneratorConfig, PluginConfig), Failure> {
    let blocks: Vec<&GeneratorConfig> = config
        .into_iter()
        .flat_map(|config| config.generators.values())
        .filter(|one| match &args.generator {
            Some(name) => one.name == *name,
            None => one.plugin == "card",
        })
        .collect();
    let generator = match (&blocks[..], &args.generator) {
        ([one], _) => (*one).clone(),
        ([], Some(name)) => {
            return Err(Failure::wrong(format!(
                "generator `{name}` is not configured"
            )));
        }
        ([], None) => plain(),
        (several, _) => {
            let names: Vec<&str> = several.iter().map(|one| one.name.as_str()).collect();
            return Err(Failure::wrong(format!(
                "there are several generators of cards: {}",
                names.join(", ")
            ))
            .help("name one with --generator"));
        }
    };
    let configured = config.and_then(|config| config.plugins.get(&generator.plugin));
    let plugin = match (&args.plugin, configured, config) {
        (Some(path), known, _) => PluginConfig {
            path: path.clone(),
            ..known.cloned().unwrap_or_else(|| unknown(path))
        },
        (None, Some(known), _) => known.clone(),
        (None, None, Some(config)) => unknown(&config.daemon.plugin_dir.join("card.wasm")),
        (None, None, None) => {
            return Err(Failure::wrong("no plugin: name its file with --plugin"));
        }
    };
    if !plugin.path.is_file() {
        return Err(
            Failure::wrong(format!("there is no plugin {}", plugin.path.display()))
                .help("build it: jarchi plugin build plugins/card --out FOLDER"),
        );
    }
    Ok((generator, plugin))
}

fn plain() -> GeneratorConfig {
    GeneratorConfig {
        name: "preview".to_owned(),
        plugin: "card".to_owned(),
        brand: String::new(),
        accounts: Vec::new(),
        pillar: None,
        folders: BTreeMap::new(),
        settings: Map::new(),
        secrets: BTreeMap::new(),
        watch: false,
        approval: Default::default(),
    }
}

fn unknown(path: &Path) -> PluginConfig {
    PluginConfig {
        name: "card".to_owned(),
        path: path.to_owned(),
        grants: Vec::new(),
        limits: Limits::default(),
        concurrency: 1,
        app: Default::default(),
        redirect: None,
    }
}

/// The card as a row of a file; a sample's words where none are given.
fn row(args: &PreviewArgs) -> Result<Map<String, Value>, Failure> {
    let mut row = Map::new();
    for key in &args.keys {
        let (name, value) = key
            .split_once('=')
            .ok_or_else(|| Failure::wrong(format!("--set {key}: write it as KEY=VALUE")))?;
        row.insert(name.trim().to_owned(), value.into());
    }
    if let Some(text) = &args.text {
        row.insert("text".to_owned(), text.as_str().into());
    }
    if row.is_empty() {
        for (name, value) in sample(&args.kind) {
            row.insert((*name).to_owned(), (*value).into());
        }
    }
    row.insert("kind".to_owned(), args.kind.as_str().into());
    for (name, value) in [("size", &args.size), ("language", &args.language)] {
        if let Some(value) = value {
            row.insert(name.to_owned(), value.as_str().into());
        }
    }
    Ok(row)
}

fn sample(kind: &str) -> &'static [(&'static str, &'static str)] {
    match kind {
        "quote" => &[
            ("text", "Çay süfrəsi uzaq qonağı da doğma edir."),
            ("author", "Gülnarə İsmayılova"),
            ("language", "az"),
        ],
        "tip" => &[
            ("title", "Warm the pot first"),
            ("text", "Swirl a little hot water in it and pour it away."),
            ("language", "en"),
        ],
        "review" => &[
            ("text", "We came for one glass and stayed for three hours."),
            ("author", "Leyla"),
            ("stars", "4.5"),
            ("language", "en"),
        ],
        "price" => &[
            ("title", "Lənkəran çayı, 250 q"),
            ("price", "12,50 ₼"),
            ("old_price", "16 ₼"),
            ("language", "az"),
        ],
        "poll" => &[
            ("text", "Lemon in your tea?"),
            ("options", "Always=62; Never=38"),
            ("language", "en"),
        ],
        "chart" => &[
            ("title", "Guests a year"),
            ("values", "2023=8200; 2024=12400; 2025=17150"),
            ("language", "en"),
        ],
        _ => &[],
    }
}

/// A folder of this command's own, which goes when it ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Result<Self, Failure> {
        use std::os::unix::fs::DirBuilderExt as _;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| Failure::failed(error.to_string()))?;
        let id = DeliveryKey::from_random(random);
        let path = std::env::temp_dir().join(format!("jarchi-preview-{id}"));
        fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left in a folder for what is temporary does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}
