//! Who lets posts out: what pillars, generators and accounts say of it, and the strictest of
//! that.

use super::raw::RawApproval;
use super::reader::Located;
use super::resolve::{Names, Resolver};
use super::values::Span;
use super::{Diagnostic, Place};
use crate::model::{OnDeadline, Terms, TimeSpan};

/// Whether a person lets posts out. The later ones are the stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Approval {
    #[default]
    None,
    /// A person may say no, or other words, until the deadline.
    Optional,
    /// Nothing goes out without a yes.
    Required,
}

/// What one pillar, generator or account says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ApprovalRule {
    pub approval: Approval,
    /// Before the due time.
    pub deadline: Option<TimeSpan>,
    pub on_deadline: Option<OnDeadline>,
}

impl ApprovalRule {
    /// At the due time.
    pub const DEADLINE: TimeSpan = TimeSpan::ZERO;
}

/// `[approval]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovalConfig {
    /// How long before the deadline of a post that needs a yes an alarm is raised.
    pub remind: TimeSpan,
    pub through: Option<Through>,
}

/// Whom drafts are brought to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Through {
    pub account: String,
    /// Handles, or the platform's identifiers; never empty.
    pub from: Vec<String>,
    /// Between two looks for answers.
    pub every: TimeSpan,
}

impl Through {
    pub const EVERY: TimeSpan = TimeSpan::from_secs(30);

    /// Whether this person has a say.
    pub fn lets(&self, id: &str, handle: &str) -> bool {
        self.from
            .iter()
            .any(|one| one == id || one.trim_start_matches('@').eq_ignore_ascii_case(handle))
    }
}

impl Default for ApprovalConfig {
    fn default() -> Self {
        ApprovalConfig {
            remind: TimeSpan::from_hours(2),
            through: None,
        }
    }
}

/// On what terms a post waits to which all of these rules apply: the strictest word, the
/// earliest deadline and the most careful end win. None: it does not wait.
pub fn strictest<'a>(
    rules: impl IntoIterator<Item = &'a ApprovalRule>,
    remind: TimeSpan,
) -> Option<Terms> {
    let rules: Vec<&ApprovalRule> = rules
        .into_iter()
        .filter(|rule| rule.approval != Approval::None)
        .collect();
    let approval = rules.iter().map(|rule| rule.approval).max()?;
    let required = approval == Approval::Required;
    let usual = match required {
        true => OnDeadline::Hold,
        false => OnDeadline::Publish,
    };
    let on_deadline = rules.iter().filter_map(|rule| rule.on_deadline).max();
    let on_deadline = match on_deadline.unwrap_or(usual) {
        // Said where approval is optional: a required one never goes out by itself.
        OnDeadline::Publish => usual,
        other => other,
    };
    let deadline = rules.iter().filter_map(|rule| rule.deadline).max();
    Some(Terms {
        required,
        deadline: deadline.unwrap_or(ApprovalRule::DEADLINE),
        on_deadline,
        remind,
    })
}

impl<'a> Resolver<'a> {
    pub(super) fn approval(&mut self, names: &Names<'a>) -> ApprovalConfig {
        let default = ApprovalConfig::default();
        let Some(raw) = self.single("approval", |file| &file.approval) else {
            return default;
        };
        ApprovalConfig {
            remind: raw
                .remind
                .as_ref()
                .map_or(default.remind, |span| span.value.0),
            through: self.through(names, raw),
        }
    }

    fn through(&mut self, names: &Names<'a>, raw: &RawApproval) -> Option<Through> {
        let Some(account) = &raw.through else {
            let from = raw.from.as_ref().map(|one| &one.place);
            let every = raw.every.as_ref().map(|one| &one.place);
            for place in from.into_iter().chain(every) {
                self.error(place, "goes with `through` alone");
            }
            return None;
        };
        let known = self.refer("account", &account.value, &account.place, &names.accounts);
        let from = raw.from.iter().flat_map(|list| &list.value);
        let from: Vec<String> = from.map(|one| one.value.clone()).collect();
        if from.is_empty() {
            self.findings.push(
                Diagnostic::error("nobody may answer there")
                    .at(&account.place)
                    .help("add `from = [\"HANDLE\"]`: who has the say"),
            );
            return None;
        }
        known.then(|| Through {
            account: account.value.0.clone(),
            from,
            every: raw
                .every
                .as_ref()
                .map_or(Through::EVERY, |span| span.value.0),
        })
    }

    /// The rule of one pillar, generator or account.
    pub(super) fn approval_rule<const A: u64, const B: u64>(
        &mut self,
        approval: Option<&Located<Approval>>,
        deadline: Option<&Located<Span<A, B>>>,
        on_deadline: Option<&Located<OnDeadline>>,
    ) -> ApprovalRule {
        let rule = ApprovalRule {
            approval: approval.map_or(Approval::None, |one| one.value),
            deadline: deadline.map(|span| span.value.0),
            on_deadline: on_deadline.map(|one| one.value),
        };
        let places: [(&str, Option<&Place>); 2] = [
            ("approval_deadline", deadline.map(|one| &one.place)),
            ("on_deadline", on_deadline.map(|one| &one.place)),
        ];
        if rule.approval == Approval::None {
            for (key, place) in places {
                if let Some(place) = place {
                    self.findings.push(
                        Diagnostic::warning(format!(
                            "`{key}` counts where `approval` is asked for"
                        ))
                        .at(place)
                        .help("add `approval = \"optional\"` or `approval = \"required\"`"),
                    );
                }
            }
        }
        if let Some(one) = on_deadline.filter(|one| one.value == OnDeadline::Publish)
            && rule.approval == Approval::Required
        {
            self.findings.push(
                Diagnostic::error("what needs a yes is never published without one")
                    .at(&one.place)
                    .help("write `hold` or `cancel`, or `approval = \"optional\"` beside it"),
            );
        }
        rule
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(approval: Approval, hours: Option<u64>, end: Option<OnDeadline>) -> ApprovalRule {
        ApprovalRule {
            approval,
            deadline: hours.map(TimeSpan::from_hours),
            on_deadline: end,
        }
    }

    #[test]
    fn the_strictest_wins() {
        use Approval::{None as No, Optional, Required};
        use OnDeadline::{Cancel, Hold, Publish};
        let terms = |rules: &[ApprovalRule]| {
            strictest(rules, TimeSpan::ZERO).map(|terms| {
                (
                    terms.required,
                    terms.deadline.0 / 3_600_000,
                    terms.on_deadline,
                )
            })
        };
        assert_eq!(terms(&[]), None);
        assert_eq!(terms(&[rule(No, Some(9), Some(Cancel))]), None);
        let optional = rule(Optional, Some(2), None);
        let required = rule(Required, None, None);
        assert_eq!(terms(&[optional]), Some((false, 2, Publish)));
        assert_eq!(terms(&[required]), Some((true, 0, Hold)));
        assert_eq!(
            terms(&[optional, rule(No, Some(9), Some(Cancel)), required]),
            Some((true, 2, Hold))
        );
        let lenient = rule(Optional, Some(1), Some(Publish));
        assert_eq!(terms(&[lenient]), Some((false, 1, Publish)));
        assert_eq!(terms(&[lenient, required]), Some((true, 1, Hold)));
        assert_eq!(
            terms(&[lenient, rule(Optional, Some(5), Some(Cancel))]),
            Some((false, 5, Cancel))
        );
        // All combinations: nothing that needs a yes is published without one.
        let all = [No, Optional, Required].into_iter().flat_map(|approval| {
            [None, Some(Publish), Some(Hold), Some(Cancel)]
                .into_iter()
                .map(move |end| rule(approval, None, end))
        });
        let all: Vec<ApprovalRule> = all.collect();
        for one in &all {
            for other in &all {
                for third in &all {
                    let found = strictest([one, other, third], TimeSpan::ZERO);
                    let needs = [one, other, third]
                        .iter()
                        .any(|rule| rule.approval == Required);
                    assert_eq!(found.is_some_and(|terms| terms.required), needs);
                    assert!(found.is_none_or(|terms| !needs || terms.on_deadline != Publish));
                }
            }
        }
    }
}
