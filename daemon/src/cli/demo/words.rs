//! What a demo says.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;

use chrono_tz::Tz;

use crate::demo::{Demo, News, Row, Summary};
use crate::model::{Planned, Timestamp};

pub(super) fn welcome(demo: &Demo, out: &mut dyn Write) -> io::Result<()> {
    let (begin, _) = demo.week();
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
        "  From elsewhere     jarchi --config {} calendar",
        demo.dir.join("jarchi.toml").display()
    )?;
    writeln!(
        out,
        "\nIts clock hurries while there is nothing to do. It is {} in Baku.",
        local(begin, demo.zone(), "%A, %-d %B %Y, %H:%M")
    )
}

pub(super) fn tell(news: &News, zone: Tz, out: &mut dyn Write) -> io::Result<()> {
    match news {
        News::Planned(slots) => plan(slots, zone, out),
        News::Day {
            date,
            published,
            engagement,
        } => {
            writeln!(out, "\n{}", date.format("%A, %-d %B"))?;
            match published {
                0 => Ok(()),
                _ => writeln!(
                    out,
                    "  so far: {published} posts out, {} likes, {} shares, {} replies",
                    engagement.likes, engagement.shares, engagement.replies
                ),
            }
        }
        News::Published {
            account,
            text,
            pillar,
            generator,
            at,
            url,
            pictures,
            parts,
            ..
        } => {
            let mut with = String::new();
            if *pictures > 0 {
                let s = if *pictures == 1 { "" } else { "s" };
                let _ = write!(with, " [{pictures} picture{s}]");
            }
            if *parts > 1 {
                let _ = write!(with, " [a thread of {parts}]");
            }
            writeln!(
                out,
                "  {}  published  {:<9}  {:<14}  {}{with}",
                local(*at, zone, "%H:%M"),
                account,
                pillar.as_deref().unwrap_or_default(),
                shorten(text),
            )?;
            writeln!(
                out,
                "         by {:<8}  {}",
                generator.as_deref().unwrap_or("hand"),
                url.as_deref().unwrap_or_default()
            )
        }
        News::Trouble { what, reason } => writeln!(out, "  TROUBLE  {what} ({reason})"),
    }
}

fn plan(slots: &[Planned], zone: Tz, out: &mut dyn Write) -> io::Result<()> {
    let promo = slots.iter().filter(|slot| slot.promotional).count();
    writeln!(
        out,
        "\nPlanned: {} slots, {} of them give something and {promo} sell.",
        slots.len(),
        slots.len() - promo
    )?;
    let mut day = String::new();
    for slot in slots {
        let this = local(slot.slot, zone, "%a %-d %b");
        let shown = if this == day { "" } else { this.as_str() };
        writeln!(
            out,
            "  {shown:<10}  {}  {:<9}  {}{}",
            local(slot.slot, zone, "%H:%M"),
            slot.accounts.join(", "),
            slot.pillar,
            if slot.promotional { " (promo)" } else { "" }
        )?;
        day = this;
    }
    Ok(())
}

pub(super) fn summary(summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "\nThe week is over.\n")?;
    writeln!(
        out,
        "  {:<20} {:>5} {:>8} {:>6} {:>7} {:>8} {:>9}",
        "pillar", "posts", "pictures", "likes", "shares", "replies", "a post"
    )?;
    for (name, pillar) in &summary.pillars {
        let name = if pillar.promotional {
            format!("{name} (promo)")
        } else {
            name.clone()
        };
        row(&name, pillar, out)?;
    }
    row("all", &summary.all, out)?;
    let all = (summary.value + summary.promo).max(1);
    writeln!(
        out,
        "\n  value : promo   {} : {}   ({:.0} % give something; the plan holds 80 %)",
        summary.value,
        summary.promo,
        summary.value as f64 * 100.0 / all as f64
    )?;
    let made: Vec<String> = summary
        .generators
        .iter()
        .map(|(name, posts)| format!("{posts} by {name}"))
        .collect();
    writeln!(out, "  written         {}", made.join(", "))
}

fn row(name: &str, row: &Row, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "  {name:<20} {:>5} {:>8} {:>6} {:>7} {:>8} {:>9.1}",
        row.posts,
        row.pictures,
        row.engagement.likes,
        row.engagement.shares,
        row.engagement.replies,
        row.engagement.all() as f64 / row.posts.max(1) as f64
    )
}

pub(super) fn goodbye(summary: &Summary, dir: &Path, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "{} posts were planned, written and published, each once{}. The folder {} stays for you to \
         look at.",
        summary.all.posts,
        match summary.lost {
            0 => String::new(),
            lost => format!("; {lost} were not"),
        },
        dir.display()
    )?;
    writeln!(
        out,
        "\nFor your own account:\n  \
         jarchi init my-brand     write a configuration; it says where the token goes\n  \
         jarchi check             after filling it in\n  \
         jarchi plan --dry-run    the week that it would plan, and why\n  \
         jarchi run               and the daemon does the rest"
    )
}

fn local(at: Timestamp, zone: Tz, format: &str) -> String {
    at.to_utc().with_timezone(&zone).format(format).to_string()
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
