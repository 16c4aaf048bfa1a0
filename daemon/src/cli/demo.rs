//! `jarchi demo`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use crate::config::LogConfig;
use crate::demo::{Demo, DemoError, Newspaper, Summary};
use crate::plugin::{Bytes, build};
use crate::service::start_log;

use super::output::Failure;

mod words;

/// Run a week of a sample brand against a server on this machine
///
/// Builds the stock plugins, writes the sample brand into a folder, and runs the daemon on
/// it by a clock that hurries: in about a minute the week is planned, written, drawn,
/// published and measured. It needs no account and sends nothing to anybody. It goes on
/// until Ctrl-C.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Where configuration, content and store go; an earlier demo there is replaced
    #[arg(default_value = "jarchi-demo", value_hint = clap::ValueHint::DirPath)]
    pub directory: PathBuf,
    /// A folder with plugins that are built already
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub plugins: Option<PathBuf>,
    /// End when the week is over
    #[arg(long)]
    pub once: bool,
}

const STOCK: [&str; 4] = ["card", "library", "mastodon", "template"];

pub(super) fn run(args: &DemoArgs, config: Option<&Path>) -> Result<ExitCode, Failure> {
    if config.is_some() {
        return Err(Failure::wrong("the demo has a configuration of its own")
            .help("run it without `--config` (and without JARCHI_CONFIG)"));
    }
    let mut out = io::stdout();
    let plugins = match &args.plugins {
        Some(dir) => std::path::absolute(dir)?,
        None => build_plugins(&mut out)?,
    };
    let dir = std::path::absolute(&args.directory)?;
    let log = LogConfig {
        filter: "warn".to_owned(),
        ..LogConfig::default()
    };
    start_log(&log).map_err(|error| Failure::wrong(error.to_string()))?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("no runtime: {error}")))?
        .block_on(show(args, &dir, &plugins, &mut out))
}

/// Builds the stock plugins of the checkout that this binary, or the current folder, is in.
fn build_plugins(out: &mut dyn Write) -> Result<PathBuf, Failure> {
    let starts = [std::env::current_dir(), std::env::current_exe()];
    let checkout = starts.iter().flatten().find_map(|start| {
        start
            .ancestors()
            .find(|dir| STOCK.iter().all(|name| source(dir, name).is_dir()))
    });
    let Some(checkout) = checkout else {
        return Err(
            Failure::wrong("the sources of the stock plugins are not here").help(
                "run it in a checkout of Jarchi, or name a folder of built plugins: \
             `jarchi demo --plugins DIR`",
            ),
        );
    };
    writeln!(
        out,
        "Building the plugins; the first time takes a few minutes."
    )?;
    let target = checkout.join("target/plugins");
    let components = target.join("stock");
    let options = build::Options {
        out: Some(components.clone()),
        target_dir: Some(target),
        live: true,
        install: true,
    };
    let dirs: Vec<PathBuf> = STOCK.iter().map(|name| source(checkout, name)).collect();
    for built in build::build(&dirs, &options)? {
        writeln!(
            out,
            "  {:<9} {}",
            built.inspection.manifest.name,
            Bytes(built.inspection.size)
        )?;
    }
    Ok(components)
}

fn source(checkout: &Path, name: &str) -> PathBuf {
    checkout.join("plugins").join(name)
}

async fn show(
    args: &DemoArgs,
    dir: &Path,
    plugins: &Path,
    out: &mut dyn Write,
) -> Result<ExitCode, Failure> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut demo = Demo::start(dir, plugins).await?;
    words::welcome(&demo, out)?;
    let mut paper = Newspaper::new(demo.zone());
    let mut look = tokio::time::interval(Demo::LOOK);
    let (_, end) = demo.week();
    let mut over = false;
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            error = demo.broken() => return Err(error.into()),
            _ = look.tick() => {
                // The time first: what happens meanwhile is told with the next look.
                let now = demo.now();
                for news in paper.read(demo.store(), now)? {
                    words::tell(&news, demo.zone(), out)?;
                }
                if over || now < end || !paper.is_settled() {
                    continue;
                }
                over = true;
                words::summary(&Summary::of(demo.store(), &demo.config)?, out)?;
                if args.once {
                    break;
                }
                writeln!(out, "\nFrom here on the clock goes as every other. Look at {}, edit the \
                    files in {}, or press Ctrl-C.", demo.page(), dir.display())?;
            }
        }
    }
    let summary = Summary::of(demo.store(), &demo.config)?;
    let whole = demo.now() >= end;
    writeln!(out, "\nStopping.")?;
    demo.stop().await?;
    words::goodbye(&summary, dir, out)?;
    let well = summary.lost == 0 && paper.troubles() == 0 && (whole || !args.once);
    Ok(if well {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Run(error) => error.into(),
            DemoError::Config(findings) => findings.into(),
            DemoError::Taken(_) => {
                Failure::wrong(error.to_string()).help("name another folder: `jarchi demo DIR`")
            }
            DemoError::Write { .. } => Failure::wrong(error.to_string()),
            DemoError::Listen(_) | DemoError::Standin(_) => Failure::failed(error.to_string()),
        }
    }
}
