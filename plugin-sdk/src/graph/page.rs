//! A Page's own token, which most of what a Page does needs.

use super::{Graph, read};
use crate::http::encode;
use crate::{Error, Millis, Result, Timestamp, clock, kv, log};

/// How long the token is taken to be the one in the vault.
const KEPT: Millis = 60 * 60 * 1000;

impl Graph {
    /// The API with the token of this Page, which is asked for with the token that this
    /// one has. The manifest captures `/access_token` of the answer as the secret `token`.
    ///
    /// # Errors
    /// Facebook did not give it.
    pub fn as_page(&self, page: &str, token: &str) -> Result<Graph> {
        let asked: Option<Timestamp> = kv::get(&key(page)).map_err(kept)?;
        match asked {
            Some(at) if clock::now().saturating_sub(at) < KEPT => Ok(self.with(token)),
            Some(_) => match self.as_page_anew(page, token) {
                // A Page's token outlives that of the user who asked for it.
                Err(Error::Unauthorized(reason)) => {
                    log::info!(reason = reason; "the Page's token was not given again");
                    Ok(self.with(token))
                }
                asked => asked,
            },
            None => self.as_page_anew(page, token),
        }
    }

    /// As [`as_page`](Graph::as_page), with a token that was just asked for: after the
    /// account was connected anew, the one before is gone.
    ///
    /// # Errors
    /// As there.
    pub fn as_page_anew(&self, page: &str, token: &str) -> Result<Graph> {
        let request = self.get(&format!("/{}", encode(page)));
        read(request.query("fields", "access_token"))
            .map_err(|error| error.context("asking for the Page's token"))?;
        kv::set(&key(page), &clock::now()).map_err(kept)?;
        Ok(self.with(token))
    }
}

fn key(page: &str) -> String {
    format!("page-token/{page}")
}

fn kept(error: kv::Error) -> Error {
    Error::transient(format!("the plugin's memory: {error:?}"))
}
