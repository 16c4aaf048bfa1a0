//! A feed's document over HTTP, when it changed.

use jarchi_plugin_sdk::http::{self, HttpError, Response};

use crate::state::State;

const ACCEPT: &str = "application/rss+xml, application/atom+xml, application/feed+json, \
                      application/xml;q=0.9, text/xml;q=0.9, application/json;q=0.8, */*;q=0.1";

pub(crate) enum Fetched {
    /// As it was when it was last read.
    Unchanged,
    Document(Response),
}

/// Asks for a feed, unless it is unchanged.
///
/// # Errors
/// Why there is no document, and what to do, in words.
pub(crate) fn fetch(url: &str, state: &State) -> Result<Fetched, String> {
    let mut request = http::get(url).header("accept", ACCEPT);
    if let Some(etag) = &state.etag {
        request = request.header("if-none-match", etag);
    }
    if let Some(date) = &state.last_modified {
        request = request.header("if-modified-since", date);
    }
    let response = request.send().map_err(|error| words(&error))?;
    match response.status {
        304 => Ok(Fetched::Unchanged),
        200..=299 => Ok(Fetched::Document(response)),
        status => Err(refusal(status, &response)),
    }
}

fn words(error: &HttpError) -> String {
    match error {
        HttpError::Denied(reason) | HttpError::Invalid(reason) => reason.clone(),
        HttpError::MissingSecret(name) => format!("the secret `{name}` is not given"),
        HttpError::Paced(wait) => {
            format!(
                "its server asks to wait {} seconds more",
                wait.div_ceil(1000)
            )
        }
        HttpError::NotSent(reason) => format!("its server could not be reached: {reason}"),
        HttpError::NoAnswer(reason) => format!("its server did not answer: {reason}"),
        HttpError::TooLarge(bytes) => format!(
            "the feed is longer than {bytes} bytes; let the plugin's limit `response` be larger if \
             it has to be"
        ),
    }
}

fn refusal(status: u16, response: &Response) -> String {
    match status {
        301 | 308 => match response.header("location") {
            Some(address) => format!("the feed has moved: write `{address}` into `feeds`"),
            None => String::from("the feed has moved, and its server does not say where"),
        },
        401 | 403 => format!("its server refuses us ({status})"),
        404 => String::from("there is no feed at this address (404): correct it in `feeds`"),
        410 => String::from("the feed is gone for good (410): take it out of `feeds`"),
        429 => {
            String::from("its server asks to come less often (429): run the schedule less often")
        }
        500..=599 => format!("its server has a fault ({status}); asked again at the next run"),
        _ => format!("its server answered {status}"),
    }
}

/// A header to be sent back, where it is one that can be.
pub(crate) fn validator(response: &Response, name: &str) -> Option<String> {
    response
        .header(name)
        .filter(|value| value.len() <= 512 && !value.contains(char::is_control))
        .map(str::to_owned)
}
