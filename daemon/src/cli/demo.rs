//! `jarchi demo`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono_tz::Tz;
use tokio::signal::unix::{SignalKind, signal};

use crate::config::LogConfig;
use crate::demo::{Demo, DemoError, News, Newspaper};
use crate::model::{Metric, Timestamp};
use crate::plugin::{Bytes, build};
use crate::service::start_log;

use super::output::Failure;

/// Run a sample brand against a server on this machine
///
/// Builds the stock plugins, writes the sample brand into a folder, and runs the daemon on
/// it: within a minute its posts are published and measured. It needs no account and sends
/// nothing to anybody. It goes on until Ctrl-C.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// Where configuration, content and store go; an earlier demo there is replaced
    #[arg(default_value = "jarchi-demo", value_hint = clap::ValueHint::DirPath)]
    pub directory: PathBuf,
    /// A folder with plugins that are built already
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub plugins: Option<PathBuf>,
    /// End when every post is published and measured
    #[arg(long)]
    pub once: bool,
}

const STOCK: [&str; 4] = ["bluesky", "library", "mastodon", "rss"];

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
    welcome(&demo, out)?;
    let zone = demo
        .config
        .brands
        .values()
        .next()
        .map_or(Tz::UTC, |brand| brand.time_zone);
    let mut paper = Newspaper::default();
    let mut tally = Tally::default();
    let mut look = tokio::time::interval(Demo::LOOK);
    let mut told_finished = false;
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            error = demo.broken() => return Err(error.into()),
            _ = look.tick() => {
                for news in paper.read(demo.store())? {
                    tally.count(&news);
                    tell(&news, zone, out)?;
                }
                if paper.is_finished() {
                    if args.once {
                        break;
                    }
                    if !told_finished {
                        told_finished = true;
                        writeln!(out, "\nEverything is out and measured. Watch the numbers grow \
                            at {}, edit the files in {}, or press Ctrl-C.",
                            demo.page(), dir.join("content").display())?;
                    }
                }
            }
        }
    }
    writeln!(out, "\nStopping.")?;
    demo.stop().await?;
    goodbye(&tally, dir, out)?;
    Ok(if tally.trouble == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

#[derive(Default)]
struct Tally {
    waiting: usize,
    published: usize,
    trouble: usize,
}

impl Tally {
    fn count(&mut self, news: &News) {
        match news {
            News::Waiting(new) => self.waiting += new,
            News::Published { .. } => self.published += 1,
            News::Trouble { .. } => self.trouble += 1,
            News::Measured { .. } | News::Account { .. } => {}
        }
    }
}

fn welcome(demo: &Demo, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "\nThe daemon runs, with everything it keeps in {}.",
        demo.dir.display()
    )?;
    writeln!(
        out,
        "  The brand's page   {}   (a server on this machine that speaks Mastodon's API)",
        demo.page()
    )?;
    if let Some(http) = demo.http() {
        writeln!(
            out,
            "  The daemon itself  http://{http}/readyz   and /metrics"
        )?;
    }
    writeln!(
        out,
        "  From elsewhere     jarchi --config {} queue list\n",
        demo.dir.join("jarchi.toml").display()
    )
}

fn goodbye(tally: &Tally, dir: &Path, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} of {} deliveries were published, each once. The folder {} stays for you to look at.",
        tally.published,
        tally.waiting,
        dir.display()
    )?;
    writeln!(
        out,
        "\nFor your own account:\n  \
         jarchi init my-brand     write a configuration; it says where the token goes\n  \
         jarchi check             after filling it in\n  \
         jarchi run               and the daemon does the rest"
    )
}

fn tell(news: &News, zone: Tz, out: &mut dyn Write) -> io::Result<()> {
    match news {
        News::Waiting(new) => writeln!(out, "          {new} deliveries are waiting"),
        News::Published {
            account,
            text,
            due,
            at,
            url,
            parts,
        } => {
            let thread = match parts {
                0 | 1 => String::new(),
                parts => format!(" (a thread of {parts})"),
            };
            writeln!(
                out,
                "{}  published  {:<10} {}{thread}",
                clock(*at, zone),
                account,
                shorten(text),
            )?;
            let url = url.as_deref().unwrap_or_default();
            writeln!(out, "                     due {}  {url}", clock(*due, zone))
        }
        News::Trouble {
            account,
            text,
            state,
            reason,
        } => writeln!(
            out,
            "          {state}  {account}: {} ({reason})",
            shorten(text)
        ),
        News::Measured {
            account,
            text,
            metrics,
        } => writeln!(
            out,
            "          measured   {:<10} {}: {}",
            account,
            shorten(text),
            numbers(metrics)
        ),
        News::Account { account, metrics } => {
            writeln!(
                out,
                "          account    {account:<10} {}",
                numbers(metrics)
            )
        }
    }
}

fn clock(at: Timestamp, zone: Tz) -> String {
    at.to_utc()
        .with_timezone(&zone)
        .format("%H:%M:%S")
        .to_string()
}

/// Enough of it to be known again.
fn shorten(text: &str) -> String {
    const MOST: usize = 48;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MOST - 1).collect();
    format!("{}…", kept.trim_end())
}

fn numbers(metrics: &[Metric]) -> String {
    metrics
        .iter()
        .map(|metric| format!("{} {}", metric.value, metric.measure))
        .collect::<Vec<_>>()
        .join(", ")
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
