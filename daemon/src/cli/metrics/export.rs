//! `jarchi metrics export`.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use serde::Serialize;

use crate::model::{Id, Measure, Timestamp};
use crate::service::api::{MetricsPage, Request, Series};

use super::super::client::Context;
use super::super::output::Failure;

/// Every reading that is kept, a line for each number
#[derive(Clone, Debug, clap::Args)]
pub struct ExportArgs {
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Of this account and its posts
    #[arg(long, short, value_name = "NAME")]
    account: Option<String>,
    /// Else to stdout
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Csv,
    /// One JSON object on each line
    Jsonl,
}

/// One number of one reading.
#[derive(Serialize)]
struct Line<'a> {
    /// Null: of a delivery that is not kept any more.
    account: Option<&'a str>,
    /// Null: of the account itself, as the three below.
    post: Option<Id>,
    delivery: Option<Id>,
    published: Option<Timestamp>,
    at: Timestamp,
    /// Since it was published.
    age_seconds: Option<u64>,
    measure: &'a Measure,
    value: i64,
}

pub(super) fn run(context: &Context, args: &ExportArgs) -> Result<(), Failure> {
    match &args.file {
        None => {
            let mut failure = None;
            to_stdout(|out| {
                failure = write(context, args, out)?.err();
                Ok(())
            })?;
            failure.map_or(Ok(()), Err)
        }
        Some(path) => {
            let unwritable = |error: &dyn std::fmt::Display| {
                Failure::failed(format!("{} can't be written: {error}", path.display()))
            };
            let file = std::fs::File::create(path).map_err(|error| unwritable(&error))?;
            let mut out = BufWriter::new(file);
            write(context, args, &mut out).map_err(|error| unwritable(&error))??;
            out.into_inner()
                .map_err(|error| unwritable(&error))?
                .sync_all()
                .map_err(|error| unwritable(&error))
        }
    }
}

/// Writes to stdout; whoever reads it may go when it has seen enough.
pub(super) fn to_stdout(
    write: impl FnOnce(&mut dyn Write) -> csv::Result<()>,
) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let written = write(&mut out).map_err(io::Error::from);
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::failed(format!("stdout can't be written: {error}"))),
        Ok(()) => Ok(()),
    }
}

/// The outer error is that of `out`.
fn write(
    context: &Context,
    args: &ExportArgs,
    out: &mut dyn Write,
) -> csv::Result<Result<(), Failure>> {
    let mut lines = match args.format {
        Format::Csv => Lines::Csv(Box::new(csv::Writer::from_writer(out))),
        Format::Jsonl => Lines::Json(out),
    };
    let session = match context.session() {
        Ok(session) => session,
        Err(failure) => return Ok(Err(failure)),
    };
    let mut behind = None;
    loop {
        let request = Request::ExportMetrics {
            account: args.account.clone(),
            behind,
        };
        let page: MetricsPage = match session.call(&request) {
            Ok(page) => page,
            Err(failure) => return Ok(Err(failure)),
        };
        for series in &page.series {
            for line in numbers(series) {
                lines.put(&line)?;
            }
        }
        behind = page.behind;
        if behind.is_none() {
            return lines.end().map(Ok);
        }
    }
}

fn numbers(series: &Series) -> impl Iterator<Item = Line<'_>> {
    series.samples.iter().flat_map(move |sample| {
        sample.metrics.iter().map(move |metric| Line {
            account: series.account.as_deref(),
            post: series.post,
            delivery: series.delivery,
            published: series.published,
            at: sample.at,
            age_seconds: series
                .published
                .map(|published| sample.at.since(published).0 / 1000),
            measure: &metric.measure,
            value: metric.value,
        })
    })
}

enum Lines<'a> {
    Csv(Box<csv::Writer<&'a mut dyn Write>>),
    Json(&'a mut dyn Write),
}

impl Lines<'_> {
    fn put(&mut self, line: &Line<'_>) -> csv::Result<()> {
        match self {
            Lines::Csv(out) => out.serialize(line),
            Lines::Json(out) => {
                serde_json::to_writer(&mut *out, line).map_err(io::Error::from)?;
                out.write_all(b"\n")?;
                Ok(())
            }
        }
    }

    fn end(&mut self) -> csv::Result<()> {
        match self {
            Lines::Csv(out) => out.flush()?,
            Lines::Json(out) => out.flush()?,
        }
        Ok(())
    }
}
