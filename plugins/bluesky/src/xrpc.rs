//! What the servers' refusals mean. They are told by the name of the error: the same
//! trouble comes with different statuses.

use jarchi_plugin_sdk::http::{HttpError, Response};
use jarchi_plugin_sdk::{Error, http};
use serde::Deserialize;

/// What a failure leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stake {
    /// Nothing: it may be sent again.
    Read,
    /// Perhaps a record that others see.
    Commit,
}

/// A refusal with the name that the server gave it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Empty where no server answered, or it named nothing.
    pub name: String,
    pub error: Error,
}

impl Failure {
    /// A fresh token, or a new session, may help.
    pub fn is_token(&self) -> bool {
        matches!(
            self.name.as_str(),
            "ExpiredToken" | "InvalidToken" | "AuthMissing" | NO_SECRET
        )
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// The name of the failure when the broker holds no session token.
pub const NO_SECRET: &str = "missing-secret";

#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    error: String,
    #[serde(default)]
    message: String,
}

/// Takes an answer apart.
///
/// # Errors
/// Everything but a 2xx, and no answer at all.
pub fn check(answer: Result<Response, HttpError>, stake: Stake) -> Result<Response, Failure> {
    let response = match answer {
        Ok(response) => response,
        Err(HttpError::MissingSecret(name)) => {
            let error = Error::unauthorized(format!("there is no secret `{name}`"));
            return Err(Failure {
                name: NO_SECRET.into(),
                error,
            });
        }
        Err(error) => {
            return Err(Failure {
                name: String::new(),
                error: unsent(error, stake),
            });
        }
    };
    if response.is_success() {
        // Lets a body that is no JSON be judged by what was at stake.
        return match stake {
            Stake::Read => response.for_read(),
            Stake::Commit => response.for_commit(),
        }
        .map_err(|error| Failure {
            name: String::new(),
            error,
        });
    }
    let Body {
        error: name,
        message,
    } = serde_json::from_slice(&response.body).unwrap_or(Body {
        error: String::new(),
        message: String::new(),
    });
    Err(Failure {
        error: refused(&name, &message, response, stake),
        name,
    })
}

fn unsent(error: HttpError, stake: Stake) -> Error {
    match (stake, error) {
        (Stake::Read, HttpError::NoAnswer(reason)) => Error::Transient(reason),
        (Stake::Read, HttpError::TooLarge(bytes)) => {
            Error::Invalid(format!("the answer is longer than {bytes} bytes"))
        }
        (_, error) => error.into(),
    }
}

fn refused(name: &str, message: &str, response: Response, stake: Stake) -> Error {
    let said = response.message();
    match name {
        "AuthFactorTokenRequired" => Error::unauthorized(
            "the account asks for a code that it sends by e-mail: make an app password \
             (Bluesky, Settings, Privacy and security) and use that",
        ),
        "ExpiredToken"
        | "InvalidToken"
        | "AuthMissing"
        | "AuthenticationRequired"
        | "AccountTakedown"
        | "AccountDeactivated"
        | "AccountSuspended"
        | "RepoTakendown"
        | "RepoDeactivated"
        | "RepoSuspended"
        | "Forbidden"
        | "InsufficientScope" => Error::unauthorized(said),
        // A server without an app view behind it: posts can be made, numbers can't be read.
        "InvalidRequest" if message.contains("No service configured") => Error::unsupported(
            format!("{said} (this server has no app view: give the account an `app_view`)"),
        ),
        "MethodNotImplemented" | "XRPCNotSupported" => Error::unsupported(said),
        "InvalidRequest" | "InvalidRecord" | "InvalidMimeType" | "InvalidHandle"
        | "InvalidSwap" | "SyntaxError" | "BlobTooLarge" | "PayloadTooLarge" | "RecordNotFound"
        | "NotFound" | "RepoNotFound" => Error::invalid(said),
        // The server throws a blob away that no record names for hours.
        "BlobNotFound" => Error::transient(said),
        "RateLimitExceeded" => Error::rate_limited(response.retry_after()),
        "InternalServerError" | "UpstreamFailure" | "UpstreamTimeout" | "NotEnoughResources" => {
            match stake {
                Stake::Read => Error::transient(said),
                Stake::Commit => Error::unknown_outcome(said),
            }
        }
        // Not named, or not known: by the status.
        _ => {
            let judged = match stake {
                Stake::Read => response.for_read(),
                Stake::Commit => response.for_commit(),
            };
            match judged {
                Err(error) => error,
                // 304, which no method of the protocol answers.
                Ok(_) => Error::invalid(said),
            }
        }
    }
}

/// The address of a method.
pub fn method(base: &str, name: &str) -> String {
    format!("{base}/xrpc/{name}")
}

/// A query: a method that only reads.
pub fn query(base: &str, name: &str, parameters: &[(&str, &str)]) -> http::Request {
    parameters
        .iter()
        .fold(http::get(method(base, name)), |request, (name, value)| {
            request.query(name, value)
        })
}

#[cfg(test)]
mod tests {
    use jarchi_plugin_sdk::testing::{Answer, Host};
    use serde_json::json;

    use super::*;

    fn failure(answer: Answer, stake: Stake) -> Failure {
        let host = Host::new();
        host.expect("GET https://pds.test/xrpc/a.b", answer);
        check(query("https://pds.test", "a.b", &[]).send(), stake).unwrap_err()
    }

    fn kind(error: &Error) -> &'static str {
        match error {
            Error::RateLimited(_) => "rate-limited",
            Error::Unauthorized(_) => "unauthorized",
            Error::Invalid(_) => "invalid",
            Error::Transient(_) => "transient",
            Error::UnknownOutcome(_) => "unknown-outcome",
            Error::Unsupported(_) => "unsupported",
        }
    }

    #[test]
    fn refusals_by_name() {
        // Status and name as the servers were seen to pair them, or as documented.
        for (status, name, message, read, commit) in [
            (
                400,
                "ExpiredToken",
                "Token has expired",
                "unauthorized",
                "unauthorized",
            ),
            (
                400,
                "InvalidToken",
                "Token could not be verified",
                "unauthorized",
                "unauthorized",
            ),
            (
                401,
                "AuthMissing",
                "Authentication Required",
                "unauthorized",
                "unauthorized",
            ),
            (
                401,
                "AuthenticationRequired",
                "Invalid identifier or password",
                "unauthorized",
                "unauthorized",
            ),
            (
                401,
                "AuthFactorTokenRequired",
                "A sign in code has been sent",
                "unauthorized",
                "unauthorized",
            ),
            (
                401,
                "AccountTakedown",
                "Account has been taken down",
                "unauthorized",
                "unauthorized",
            ),
            (
                400,
                "AccountDeactivated",
                "Account is deactivated",
                "unauthorized",
                "unauthorized",
            ),
            (
                400,
                "RepoDeactivated",
                "Repo has been deactivated",
                "unauthorized",
                "unauthorized",
            ),
            (
                400,
                "InvalidRequest",
                "grapheme too big",
                "invalid",
                "invalid",
            ),
            (
                400,
                "InvalidRequest",
                "No service configured for app.bsky.feed.getPosts",
                "unsupported",
                "unsupported",
            ),
            (
                400,
                "InvalidSwap",
                "Record was at bafyrei",
                "invalid",
                "invalid",
            ),
            (
                400,
                "RecordNotFound",
                "Could not locate record",
                "invalid",
                "invalid",
            ),
            (
                400,
                "BlobNotFound",
                "Could not find blob",
                "transient",
                "transient",
            ),
            (400, "SyntaxError", "Unexpected token", "invalid", "invalid"),
            (
                413,
                "PayloadTooLarge",
                "request entity too large",
                "invalid",
                "invalid",
            ),
            (400, "BlobTooLarge", "too large", "invalid", "invalid"),
            (
                400,
                "InvalidMimeType",
                "wrong mimetype",
                "invalid",
                "invalid",
            ),
            (403, "Forbidden", "no", "unauthorized", "unauthorized"),
            (
                501,
                "MethodNotImplemented",
                "Method Not Implemented",
                "unsupported",
                "unsupported",
            ),
            (
                500,
                "InternalServerError",
                "Internal Server Error",
                "transient",
                "unknown-outcome",
            ),
            (
                502,
                "UpstreamFailure",
                "Upstream service unreachable",
                "transient",
                "unknown-outcome",
            ),
            (
                504,
                "UpstreamTimeout",
                "timed out",
                "transient",
                "unknown-outcome",
            ),
            (
                503,
                "NotEnoughResources",
                "busy",
                "transient",
                "unknown-outcome",
            ),
            (400, "SomethingNew", "what", "invalid", "invalid"),
            (503, "SomethingNew", "what", "transient", "unknown-outcome"),
        ] {
            let body = json!({ "error": name, "message": message });
            for (stake, expected) in [(Stake::Read, read), (Stake::Commit, commit)] {
                let failure = failure(Answer::json(status, &body), stake);
                assert_eq!(kind(&failure.error), expected, "{status} {name} {stake:?}");
                assert_eq!(failure.name, name);
            }
        }
    }

    #[test]
    fn token_trouble_is_told_by_name_not_by_status() {
        for (status, name, token) in [
            (400, "ExpiredToken", true),
            (401, "InvalidToken", true),
            (401, "AuthMissing", true),
            (401, "AuthenticationRequired", false),
            (400, "InvalidRequest", false),
        ] {
            let failure = failure(Answer::json(status, &json!({ "error": name })), Stake::Read);
            assert_eq!(failure.is_token(), token, "{name}");
        }
        let missing = failure(
            Answer::error(HttpError::MissingSecret("access_jwt".into())),
            Stake::Read,
        );
        assert!(missing.is_token());
    }

    #[test]
    fn waits() {
        let body = json!({ "error": "RateLimitExceeded", "message": "Rate Limit Exceeded" });
        let failure = failure(
            Answer::json(429, &body)
                .header("retry-after", "289")
                .header("ratelimit-reset", "1795501778"),
            Stake::Commit,
        );
        assert_eq!(failure.error, Error::RateLimited(Some(289_000)));
    }

    #[test]
    fn what_is_not_the_protocol() {
        let html = || Answer::new(404, "text/html", "<html><title>Not here</title>");
        let failure_ = failure(html(), Stake::Commit);
        assert!(
            matches!(&failure_.error, Error::Invalid(said) if said.contains("Not here")),
            "{failure_:?}"
        );
        for (stake, expected) in [
            (Stake::Read, "transient"),
            (Stake::Commit, "unknown-outcome"),
        ] {
            let lost = failure(Answer::error(HttpError::NoAnswer("reset".into())), stake);
            assert_eq!(kind(&lost.error), expected);
            let refused = failure(Answer::error(HttpError::NotSent("no route".into())), stake);
            assert_eq!(kind(&refused.error), "transient");
            let bad_gateway = failure(Answer::new(502, "text/html", "<html>"), stake);
            assert_eq!(kind(&bad_gateway.error), expected);
        }
    }
}
