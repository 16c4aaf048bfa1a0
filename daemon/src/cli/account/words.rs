//! Accounts for people.

use crate::cli::output::{moment, or_dash, table};
use crate::plugin::Quota;
use crate::service::{AccountReport, TargetList};

fn ready(report: &AccountReport) -> String {
    match report.ready {
        Some(true) => "yes".to_owned(),
        Some(false) => "NO".to_owned(),
        None => "not tried".to_owned(),
    }
}

fn quota(quota: &Quota) -> String {
    match quota.limit {
        Some(limit) => format!(
            "{}: {} of {limit} left",
            quota.name,
            limit.saturating_sub(quota.used)
        ),
        None => format!("{}: {} used", quota.name, quota.used),
    }
}

/// When the access token ends, and who prolongs it.
fn ends(report: &AccountReport) -> String {
    let first = report
        .tokens
        .iter()
        .filter_map(|token| Some((token.expires?, token.refreshes)))
        .min_by_key(|(ends, _)| *ends);
    match first {
        Some((ends, true)) => format!("{}, refreshed before", moment(ends)),
        Some((ends, false)) => moment(ends),
        None => "-".to_owned(),
    }
}

pub(super) fn reports(reports: &[AccountReport]) -> String {
    if reports.is_empty() {
        return "no account is configured".to_owned();
    }
    let rows = reports.iter().map(|report| {
        let quotas: Vec<String> = report.quotas.iter().map(quota).collect();
        vec![
            report.account.clone(),
            report.plugin.clone(),
            ready(report),
            or_dash(report.profile.as_ref().or(report.target.as_ref())),
            ends(report),
            or_dash((!quotas.is_empty()).then(|| quotas.join("\n"))),
            or_dash(report.last_post.map(moment)),
        ]
    });
    let names = [
        "account",
        "plugin",
        "ready",
        "profile",
        "token ends",
        "quota",
        "last post",
    ];
    let mut text = table(&names, rows);
    for report in reports {
        text.push_str(&notes(report));
    }
    text
}

/// What there is to do, and to know.
fn notes(report: &AccountReport) -> String {
    let mut lines = Vec::new();
    for missing in &report.missing {
        lines.push(missing.clone());
    }
    for problem in &report.problems {
        if !report.missing.contains(&problem.message) {
            lines.push(problem.message.clone());
        }
    }
    if !report.lacking.is_empty() {
        lines.push(format!("not granted: {}", report.lacking.join(", ")));
    }
    if lines.is_empty() {
        return String::new();
    }
    format!("\n\n{}:\n  {}", report.account, lines.join("\n  "))
}

/// One account.
pub(super) fn report(report: &AccountReport) -> String {
    let mut text = match (report.ready, &report.profile) {
        (Some(true), Some(profile)) => {
            format!("account `{}` is ready: it is {profile}", report.account)
        }
        (Some(true), None) => format!("account `{}` is ready", report.account),
        (Some(false), _) => format!("account `{}` is NOT ready", report.account),
        (None, _) => format!(
            "account `{}` has what it needs; its plugin knows no call to try it with",
            report.account
        ),
    };
    if let Some(url) = &report.url {
        text.push_str(&format!(", {url}"));
    }
    if let Some(scopes) = &report.scopes {
        text.push_str(&format!("\n  granted: {}", scopes.join(", ")));
    }
    for token in &report.tokens {
        if let Some(end) = token.expires {
            let by = if token.refreshes {
                ", refreshed before"
            } else {
                ""
            };
            text.push_str(&format!("\n  `{}` ends {}{by}", token.secret, moment(end)));
        }
    }
    for one in &report.quotas {
        text.push_str(&format!("\n  {}", quota(one)));
    }
    text.push_str(&notes(report).replacen("\n\n", "\n", 1));
    text
}

pub(super) fn targets(list: &TargetList) -> String {
    if list.targets.is_empty() {
        return "there is nothing to choose".to_owned();
    }
    let rows = list.targets.iter().map(|target| {
        let chosen = list.chosen.as_ref() == Some(&target.id);
        vec![
            if chosen { "*" } else { "" }.to_owned(),
            target.id.clone(),
            target.kind.clone(),
            target.name.clone(),
            or_dash(target.url.as_ref()),
            target
                .obstacle
                .as_ref()
                .map_or_else(String::new, |why| format!("can't be used: {why}")),
        ]
    });
    table(&["", "id", "kind", "name", "address", ""], rows)
}
