mod media;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::output::{Failure, print};
use crate::plugin::Bytes;
use crate::plugin::component::{self, Capability, INTERFACE, Inspection, PACKAGE};
use crate::plugin::manifest::{AuthSpec, Manifest, Place, SecretSpec, SettingSpec};

/// Show what a plugin is and what it asks for, without running it
///
/// Nothing of the file is run or compiled. The status is 2 when it is no plugin.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct InspectArgs {
    /// A component, as `jarchi plugin build` makes it
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// A plugin as `--json` prints it.
#[derive(Serialize)]
struct Outcome<'a> {
    path: &'a Path,
    #[serde(flatten)]
    inspection: &'a Inspection,
    /// Why this daemon would not load it.
    refused: Option<String>,
}

pub(super) fn run(args: &InspectArgs) -> Result<(), Failure> {
    let path = &args.file;
    let wrong = |reason: String| Failure::wrong(format!("{}: {reason}", path.display()));
    let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let inspection = component::inspect(&bytes).map_err(|error| wrong(error.to_string()))?;
    let outcome = Outcome {
        path,
        refused: super::refused(&inspection, &inspection.manifest.name, path),
        inspection: &inspection,
    };
    print(&outcome, args.json, words)
}

fn words(outcome: &Outcome<'_>) -> String {
    let Inspection {
        manifest,
        interface,
        capabilities,
        imports,
        exports: _,
        size,
        digest,
    } = outcome.inspection;
    let mut page = Page::default();
    let about = match manifest.description.as_str() {
        "" => String::new(),
        description => format!(": {description}"),
    };
    page.title(&format!("{} {}{about}", manifest.name, manifest.version));
    if let Some(reason) = &outcome.refused {
        page.line("refused", reason);
    }
    page.line("file", &format!("{}, BLAKE3 {digest}", Bytes(*size)));
    page.line(
        "interface",
        &format!("{PACKAGE} {interface} (this daemon speaks {INTERFACE})"),
    );
    let names: Vec<&str> = capabilities.iter().map(|one| one.name()).collect();
    page.line("does", &names.join(", "));
    page.line("imports", &imports_of(imports));
    for (label, value) in [
        ("authors", Some(manifest.authors.join(", "))),
        ("license", manifest.license.clone()),
        ("homepage", manifest.homepage.clone()),
    ] {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            page.line(label, &value);
        }
    }
    page.line("hosts", &or_none(&manifest.hosts));
    page.list("secrets", manifest.secrets.iter(), secret);
    page.list("settings", manifest.settings.iter(), setting);
    match &manifest.auth {
        Some(AuthSpec::Token { help }) => page.line("token", help),
        Some(AuthSpec::Oauth2(oauth)) => {
            page.line(
                "OAuth 2",
                &format!("{}, scopes {}", oauth.authorize, or_none(&oauth.scopes)),
            );
            if !oauth.help.is_empty() {
                page.line("app", &oauth.help);
            }
        }
        None => {}
    }
    if manifest.history {
        page.line(
            "history",
            "is told what the brand has published, with its numbers",
        );
    }
    if capabilities.contains(&Capability::Publisher) {
        page.line("limits", &limits(manifest));
        if let Some(image) = &manifest.limits.image {
            page.line("images", &media::image(image));
        }
        if let Some(video) = &manifest.limits.video {
            page.line("videos", &media::video(video));
        }
        page.line("delivery", &delivery(manifest));
    }
    page.0
}

/// Lines of a name and what there is to say, further lines below the first.
#[derive(Default)]
struct Page(String);

impl Page {
    fn title(&mut self, text: &str) {
        self.0 += text;
        self.0.push('\n');
    }

    fn line(&mut self, label: &str, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let label = if index == 0 { label } else { "" };
            // Writing into a string does not fail.
            let _ = writeln!(self.0, "  {label:10} {line}");
        }
    }

    fn list<'a, T: 'a>(
        &mut self,
        label: &str,
        entries: impl Iterator<Item = (&'a String, &'a T)>,
        words: impl Fn(&str, &T) -> String,
    ) {
        let entries: Vec<String> = entries.map(|(name, spec)| words(name, spec)).collect();
        match entries.is_empty() {
            true => self.line(label, "none"),
            false => self.line(label, &entries.join("\n")),
        }
    }
}

fn or_none(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        names => names.join(", "),
    }
}

/// Those of the interface by their short names.
fn imports_of(imports: &[String]) -> String {
    let names: Vec<String> = imports
        .iter()
        .map(|import| {
            let short = import
                .strip_prefix(PACKAGE)
                .and_then(|rest| rest.strip_prefix('/'));
            short
                .and_then(|rest| rest.split('@').next())
                .unwrap_or(import)
                .to_owned()
        })
        .collect();
    or_none(&names)
}

fn with(text: &str, description: &str) -> String {
    match description {
        "" => text.to_owned(),
        description => format!("{text}: {description}"),
    }
}

fn secret(name: &str, secret: &SecretSpec) -> String {
    let mut name = name.to_owned();
    if secret.required {
        name += " (required)";
    }
    let mut text = with(&name, &secret.description);
    for place in &secret.place {
        text += &format!("\n  goes into {}", place_of(place));
    }
    for capture in &secret.capture {
        text += &format!(
            "\n  taken out of answers of {}, {}",
            capture.path, capture.json
        );
    }
    text
}

fn place_of(place: &Place) -> String {
    let mut text = match (&place.header, &place.parameter) {
        (Some(header), _) if place.sign.is_some() => {
            format!("the header {header} as a signature made with it")
        }
        (Some(header), _) => format!("the header {header}"),
        (None, Some(parameter)) => format!("the parameter {parameter} of the address"),
        (None, None) if place.url => "the address".to_owned(),
        (None, None) => "the body".to_owned(),
    };
    if let Some(method) = &place.method {
        text += &format!(" of {method}");
    }
    if let Some(path) = &place.path {
        text += &format!(" {path}");
    }
    text += " to ";
    text += &match &place.hosts[..] {
        [] => "every host of the plugin".to_owned(),
        hosts => hosts.join(", "),
    };
    text
}

fn setting(name: &str, setting: &SettingSpec) -> String {
    let kind = serde_json::to_value(setting.kind).unwrap_or_default();
    let mut notes = vec![kind.as_str().unwrap_or_default().to_owned()];
    if setting.required {
        notes.push("required".to_owned());
    }
    if let Some(default) = &setting.default {
        notes.push(format!("else {default}"));
    }
    if !setting.one_of.is_empty() {
        notes.push(format!("one of {}", setting.one_of.join(", ")));
    }
    with(
        &format!("{name} ({})", notes.join("; ")),
        &setting.description,
    )
}

fn limits(manifest: &Manifest) -> String {
    let limits = &manifest.limits;
    let mut parts = Vec::new();
    if let Some(text) = limits.text {
        parts.push(format!("{text} characters"));
    }
    if let Some(media) = limits.media {
        parts.push(format!("{media} files"));
    }
    if !limits.media_types.is_empty() {
        parts.push(limits.media_types.join(" "));
    }
    for (has, what) in [(limits.polls, "polls"), (limits.threads, "threads")] {
        parts.push(format!("{}{what}", if has { "" } else { "no " }));
    }
    parts.join(", ")
}

fn delivery(manifest: &Manifest) -> String {
    let delivery = &manifest.delivery;
    let mut parts = Vec::new();
    if let Some(seconds) = delivery.idempotent_for {
        parts.push(format!("the same key can't double a post for {seconds} s"));
    }
    if delivery.can_look_up {
        parts.push(format!(
            "a post can be looked up, {} s after it was published",
            delivery.visible_after
        ));
    }
    if delivery.may_look_up {
        parts.push("a post may be found again, else a person judges".to_owned());
    }
    if parts.is_empty() {
        parts.push("an attempt that is cut off is for a person to judge".to_owned());
    }
    parts.join("; ")
}
