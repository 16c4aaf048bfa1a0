//! What the API's errors mean to the queue.
//!
//! Sources: "Graph API, Handling Errors" (codes, subcodes of 190), "Graph API, Rate
//! Limits" (4, 17, 32, 613, 80000 to 80014), "Instagram Platform, Error Codes" (2207…),
//! "Messenger Platform, Error Codes" (2018…, 551, 1200), and what other clients met (those
//! above 1,000,000 that are none of these).

use serde::Deserialize;

use super::Usage;
use crate::http::{self, HttpError, Response};
use crate::{Error, Millis};

const MINUTE: Millis = 60_000;
const HOUR: Millis = 60 * MINUTE;

/// Why a request failed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// There was no whole answer.
    Unsent(HttpError),
    /// The API says what is wrong.
    Refused(Box<Refusal>),
    /// An answer that is neither a success nor an error of the API.
    Other(Box<Response>),
}

/// An error of the API.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// `code`.
    pub code: i64,
    /// `error_subcode`; 0 where there is none.
    pub subcode: i64,
    transient: bool,
    words: String,
    wait: Option<Millis>,
}

/// What an error means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Calls are taken again later: after this long, where the answer does not tell it.
    Wait(Option<Millis>),
    /// The credentials are refused; the words say what to do.
    Connect(&'static str),
    /// It will never be taken as it is.
    Never,
    /// Nothing was done, and trying again can help.
    Again,
    /// Whether it was done is not known.
    Unsure,
}

use Meaning::{Again, Connect, Never, Unsure, Wait};

const ANEW: &str = "connect the account again";
const PERMIT: &str =
    "a permission is missing or was taken back: connect the account again and grant all of them";

/// Those that decide whatever the code is, by subcode (some come as the code itself).
const BY_SUBCODE: &[(i64, Meaning)] = &[
    (
        458,
        Connect("the app was removed from the account: connect it again"),
    ),
    (
        459,
        Connect(
            "log in at facebook.com and solve what it asks for, then connect the account again",
        ),
    ),
    (
        460,
        Connect("the password was changed: connect the account again"),
    ),
    (463, Connect("the token expired: connect the account again")),
    (
        464,
        Connect("log in at facebook.com and confirm the account, then connect it again"),
    ),
    (
        467,
        Connect("the token is invalid: connect the account again"),
    ),
    (
        492,
        Connect(
            "the user has no role on the Page any more: connect the account as somebody who has",
        ),
    ),
    // Publishing on Pages.
    (1_346_003, Never),
    (1_349_125, Never),
    (1_363_047, Again),
    (1_366_046, Never),
    (1_366_051, Never),
    (1_390_008, Wait(Some(10 * MINUTE))),
    (
        1_404_078,
        Connect(
            "the Page needs publishing authorization: open it at facebook.com and follow what it asks for",
        ),
    ),
    (1_404_102, Never),
    (1_609_005, Never),
    (1_609_008, Never),
    (1_609_010, Again),
    (2_061_006, Never),
    (2_069_019, Never),
    (
        4_854_002,
        Connect("the account's identity has to be confirmed at facebook.com"),
    ),
    // Messages.
    (1_545_041, Never),
    (2_018_001, Never),
    (2_018_065, Never),
    (2_018_108, Never),
    (2_018_278, Never),
    // Instagram.
    (2_207_001, Unsure),
    (2_207_003, Again),
    (2_207_004, Never),
    (2_207_005, Never),
    (2_207_006, Never),
    (2_207_008, Never),
    (2_207_009, Never),
    (2_207_010, Never),
    (2_207_020, Never),
    (2_207_023, Never),
    (2_207_026, Never),
    (2_207_027, Again),
    (2_207_028, Never),
    (2_207_032, Again),
    (2_207_035, Never),
    (2_207_036, Never),
    (2_207_037, Never),
    (2_207_040, Never),
    (2_207_042, Wait(Some(HOUR))),
    (
        2_207_050,
        Connect("the Instagram account is restricted: open the app and follow what it asks for"),
    ),
    (2_207_051, Wait(Some(HOUR))),
    (2_207_052, Again),
    (2_207_053, Again),
    (2_207_057, Never),
    (2_207_077, Never),
    (2_207_081, Never),
    (2_207_082, Again),
];

/// By code, where the subcode does not decide.
fn by_code(code: i64) -> Option<Meaning> {
    Some(match code {
        // Unknown, service; -1 and -2 are Instagram's for the same.
        -2..=2 | 1200 => Unsure,
        3 => Connect(
            "the app may not use this: its access has to be requested at developers.facebook.com",
        ),
        4 | 17 | 32 | 341 | 613 | 80_000..=80_014 => Wait(None),
        9 => Wait(Some(HOUR)),
        10 | 200..=299 => Connect(PERMIT),
        102 | 190 => Connect(ANEW),
        // Blocked for a time, for breaking the rules.
        368 => Wait(Some(HOUR)),
        506 | 551 => Never,
        9007 => Again,
        _ => return None,
    })
}

#[derive(Deserialize)]
struct Envelope {
    error: Words,
}

#[derive(Deserialize)]
struct Words {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    error_subcode: i64,
    #[serde(default)]
    is_transient: bool,
    #[serde(default)]
    message: String,
    #[serde(default)]
    error_user_title: Option<String>,
    #[serde(default)]
    error_user_msg: Option<String>,
    #[serde(default)]
    fbtrace_id: Option<String>,
}

/// How the upload host refuses.
#[derive(Deserialize)]
struct Upload {
    debug_info: DebugInfo,
}

#[derive(Deserialize)]
struct DebugInfo {
    #[serde(default)]
    retriable: bool,
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    message: String,
}

impl Refusal {
    /// The error in an answer, also in one whose status is a success.
    pub(super) fn of(response: &Response) -> Option<Self> {
        let wait = || {
            let regain = Usage::of(response).and_then(|usage| usage.regain);
            regain.or_else(|| response.retry_after())
        };
        if let Ok(Envelope { error }) = serde_json::from_slice(&response.body) {
            return Some(Refusal {
                status: response.status,
                code: error.code,
                subcode: error.error_subcode,
                transient: error.is_transient,
                words: error.in_words(),
                wait: wait(),
            });
        }
        let Upload { debug_info: told } = serde_json::from_slice(&response.body).ok()?;
        (!response.is_success()).then(|| Refusal {
            status: response.status,
            code: 0,
            subcode: 0,
            transient: told.retriable,
            words: format!("{}: {}", told.kind, told.message),
            wait: wait(),
        })
    }

    /// What it means.
    pub fn meaning(&self) -> Meaning {
        let known = BY_SUBCODE
            .iter()
            .find(|(number, _)| *number == self.subcode || *number == self.code);
        if let Some((_, meaning)) = known {
            return *meaning;
        }
        // A code of 0 is none.
        if let Some(meaning) = Some(self.code).filter(|code| *code != 0).and_then(by_code) {
            return meaning;
        }
        match self.status {
            _ if self.transient => Unsure,
            401 | 403 => Connect(ANEW),
            429 => Wait(None),
            408 | 500.. => Unsure,
            _ => Never,
        }
    }

    /// The API's own words, with its numbers.
    pub fn words(&self) -> &str {
        &self.words
    }

    fn error(&self, unsure: fn(String) -> Error) -> Error {
        let words = self.words.clone();
        match self.meaning() {
            Wait(usual) => Error::RateLimited(self.wait.or(usual)),
            Connect(advice) => Error::Unauthorized(format!("{words}: {advice}")),
            Never => Error::Invalid(words),
            Again => Error::Transient(words),
            Unsure => unsure(words),
        }
    }
}

impl Words {
    fn in_words(&self) -> String {
        let user = self.error_user_msg.as_deref().map(str::trim);
        let title = self.error_user_title.as_deref().map(str::trim);
        let title = title.filter(|title| !title.is_empty());
        let mut words = match (user.filter(|words| !words.is_empty()), title) {
            (Some(words), Some(title)) => format!("{title}: {words}"),
            (Some(words), None) => words.to_owned(),
            (None, Some(title)) => format!("{title}: {}", self.message),
            (None, None) => self.message.clone(),
        };
        let mut numbers = format!(" (error {}", self.code);
        if self.error_subcode != 0 {
            numbers.push_str(&format!("/{}", self.error_subcode));
        }
        if let Some(trace) = self.fbtrace_id.as_deref().filter(|trace| !trace.is_empty()) {
            numbers.push_str(&format!(", trace {trace}"));
        }
        words.push_str(&numbers);
        words.push(')');
        words
    }
}

impl Failure {
    /// The API's error, where it told one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Failure::Refused(refusal) => Some(refusal),
            Failure::Unsent(_) | Failure::Other(_) => None,
        }
    }

    /// The code, or the subcode, is this one.
    pub fn is(&self, number: i64) -> bool {
        self.refusal()
            .is_some_and(|refusal| refusal.code == number || refusal.subcode == number)
    }

    /// There is no such thing (any more), or it is not for this token to see: the API does
    /// not tell the one from the other.
    pub fn is_gone(&self) -> bool {
        match self {
            Failure::Refused(refusal) => {
                (refusal.code == 100 && refusal.subcode == 33)
                    || refusal.code == 803
                    || refusal.status == 404
            }
            Failure::Other(response) => matches!(response.status, 404 | 410),
            Failure::Unsent(_) => false,
        }
    }

    /// What it means after a request that is harmless to repeat: what may or may not have
    /// been done is `Transient`.
    pub fn for_read(self) -> Error {
        match self {
            Failure::Unsent(error) => http::read_error(error),
            Failure::Refused(refusal) => refusal.error(Error::Transient),
            Failure::Other(response) => other(response.for_read()),
        }
    }

    /// What it means after one that can't be taken back: what may or may not have been
    /// done is `UnknownOutcome`.
    pub fn for_commit(self) -> Error {
        match self {
            Failure::Unsent(error) => error.into(),
            Failure::Refused(refusal) => refusal.error(Error::UnknownOutcome),
            Failure::Other(response) => other(response.for_commit()),
        }
    }
}

fn other(refused: crate::Result<Response>) -> Error {
    match refused {
        Err(error) => error,
        // 304 to a request that asked for no such thing.
        Ok(response) => Error::Transient(format!("status {}", response.status)),
    }
}
