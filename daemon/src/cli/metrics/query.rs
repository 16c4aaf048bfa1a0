//! `jarchi metrics query`.

use crate::measure::query::{Cell, Dimension, Number, Table};
use crate::model::TimeSpan;
use crate::service::api::{MetricsQuery, Request};

use super::super::client::Context;
use super::super::output::{Failure, table};

/// The numbers of many posts, in groups
#[derive(Clone, Debug, clap::Args)]
pub struct QueryArgs {
    /// By post, account, platform, brand, pillar, campaign, generator, media, hashtag or
    /// hour-of-week; several with commas, each within the one before
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    by: Vec<Dimension>,
    /// Measures, as likes or views; interactions; engagement-rate, or
    /// engagement-rate-by-reach, -by-impressions, -by-followers
    #[arg(long, value_name = "NAMES", value_delimiter = ',', required = true)]
    measure: Vec<Number>,
    /// Posts published from then on: a day, `2026-11-24 09:00`, or with an offset
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Posts published before then; a day counts to its end
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Of these accounts
    #[arg(long, short, value_name = "NAMES", value_delimiter = ',')]
    account: Vec<String>,
    /// Of the accounts of this brand
    #[arg(long, value_name = "NAME")]
    brand: Option<String>,
    /// As the numbers were at this age, as 7d; else as they were read last
    #[arg(long, value_name = "AGE")]
    at_age: Option<TimeSpan>,
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// The middle of each group: of a count the mean and the sum, of a rate the rate of all
    Table,
    Json,
    Csv,
}

pub(super) fn run(context: &Context, args: QueryArgs) -> Result<(), Failure> {
    let request = Request::QueryMetrics(Box::new(MetricsQuery {
        by: args.by,
        numbers: args.measure,
        from: args.from,
        to: args.to,
        accounts: args.account,
        brand: args.brand,
        at_age: args.at_age,
    }));
    let answer: Table = context.call(&request)?;
    match args.format {
        Format::Table => super::print(&answer, false, words),
        Format::Json => super::print(&answer, true, words),
        Format::Csv => super::export::to_stdout(|out| csv(&answer, out)),
    }
}

fn words(answer: &Table) -> String {
    if answer.rows.is_empty() {
        return "no post was published then".to_owned();
    }
    let mut names: Vec<String> = answer.by.iter().map(ToString::to_string).collect();
    names.push("posts".to_owned());
    for number in &answer.numbers {
        names.push(number.to_string());
        names.push("median".to_owned());
        if !number.is_rate() {
            names.push("sum".to_owned());
        }
        names.push("of".to_owned());
    }
    let rows = answer.rows.iter().map(|row| {
        let key = row
            .key
            .iter()
            .map(|part| part.clone().unwrap_or("-".into()));
        let mut line: Vec<String> = key.collect();
        line.push(row.posts.to_string());
        for (number, cell) in answer.numbers.iter().zip(&row.cells) {
            let shown = |value: Option<f64>| match value {
                None => "-".to_owned(),
                Some(value) if number.is_rate() => format!("{:.2} %", value * 100.0),
                Some(value) => decimal(value),
            };
            let Cell {
                posts,
                total,
                mean,
                median,
            } = *cell;
            if number.is_rate() {
                line.extend([shown(total), shown(median)]);
            } else {
                line.extend([shown(mean), shown(median), shown(total)]);
            }
            line.push(posts.to_string());
        }
        line
    });
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    table(&names, rows)
}

/// Without a point where it is whole.
fn decimal(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn csv(answer: &Table, out: &mut dyn std::io::Write) -> csv::Result<()> {
    let mut out = csv::Writer::from_writer(out);
    let mut head: Vec<String> = answer.by.iter().map(ToString::to_string).collect();
    head.extend(["posts".to_owned(), "gone".to_owned()]);
    for number in &answer.numbers {
        for what in ["posts", "total", "mean", "median"] {
            head.push(format!("{number}.{what}"));
        }
    }
    out.write_record(&head)?;
    for row in &answer.rows {
        let key = row.key.iter().map(|part| part.clone().unwrap_or_default());
        let mut line: Vec<String> = key.collect();
        line.extend([row.posts.to_string(), row.gone.to_string()]);
        for cell in &row.cells {
            line.push(cell.posts.to_string());
            for value in [cell.total, cell.mean, cell.median] {
                line.push(value.map(|value| value.to_string()).unwrap_or_default());
            }
        }
        out.write_record(&line)?;
    }
    out.flush()?;
    Ok(())
}
