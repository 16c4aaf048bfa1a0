//! The local Mastodon-API server of `jarchi demo`.
//!
//! It answers the part of the API that a publisher uses, with the limits, refusals and
//! words of a real server, and shows what was posted on a page. Everything is in memory
//! and goes away with it. It is for one machine: there is no federation, no sign-up and
//! no e-mail, and accounts and tokens are made by [`Server`]'s owner.

mod api;
mod error;
mod media;
mod page;
mod params;
mod post;
mod rates;
mod render;
mod state;
mod text;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use chrono_tz::Tz;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub use rates::{Rate, Rates};
pub use state::{Entry, MediaEntry};
pub use text::{Entity, EntityKind};

use crate::clock::Clock;
use crate::model::Timestamp;
use state::{Account, State, Token};

/// The configuration that a server tells its clients; Mastodon's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub max_characters: usize,
    pub characters_reserved_per_url: usize,
    pub max_media_attachments: usize,
    pub description_limit: usize,
    /// Bytes.
    pub image_size_limit: usize,
    /// Pixels.
    pub image_matrix_limit: usize,
    /// Bytes.
    pub video_size_limit: usize,
    /// Pixels.
    pub video_matrix_limit: usize,
    pub video_frame_rate_limit: u32,
    pub poll_options: usize,
    pub poll_option_characters: usize,
    /// Seconds.
    pub poll_min_expiration: u64,
    /// Seconds.
    pub poll_max_expiration: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Rules {
            max_characters: 500,
            characters_reserved_per_url: 23,
            max_media_attachments: 4,
            description_limit: 1500,
            image_size_limit: 16 << 20,
            image_matrix_limit: 33_177_600,
            video_size_limit: 99 << 20,
            video_matrix_limit: 8_294_400,
            video_frame_rate_limit: 120,
            poll_options: 4,
            poll_option_characters: 50,
            poll_min_expiration: 300,
            poll_max_expiration: 2_629_746,
        }
    }
}

/// How uploads are worked on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Processing {
    /// An upload that is worked on is asked for so often before it is done.
    pub polls: u32,
    /// Still pictures are worked on too, not only what moves or sounds.
    pub images: bool,
}

#[derive(Clone, Debug)]
pub struct Options {
    /// Of the page and of the server.
    pub title: String,
    pub clock: Clock,
    /// Of the page's times.
    pub zone: Tz,
    pub rules: Rules,
    pub rates: Rates,
    pub processing: Processing,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            title: "Jarchi demo".to_owned(),
            clock: Clock::system(),
            zone: Tz::UTC,
            rules: Rules::default(),
            rates: Rates::mastodon(),
            processing: Processing {
                polls: 2,
                images: false,
            },
        }
    }
}

/// Every scope that the API of this server asks for.
pub const ALL_SCOPES: &str = "read write";

/// The server without its socket.
#[derive(Debug)]
pub struct Server {
    /// Without a slash at the end.
    base: String,
    options: Options,
    state: Mutex<State>,
}

#[derive(Debug, thiserror::Error)]
pub enum StandinError {
    #[error("there is no account `{0}`")]
    NoAccount(String),
    #[error("there is no post `{0}`")]
    NoPost(String),
    #[error("{0}")]
    Refused(String),
}

impl Server {
    /// `base` is where clients reach it, as `http://127.0.0.1:3000`.
    pub fn new(base: &str, options: Options) -> Arc<Self> {
        Arc::new(Server {
            base: base.trim_end_matches('/').to_owned(),
            options,
            state: Mutex::default(),
        })
    }

    /// The API and the pages.
    pub fn router(self: &Arc<Self>) -> Router {
        api::router(self).merge(page::router(self))
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    /// Makes an account, and gives its id; the one that there is by that name.
    pub fn add_account(&self, username: &str, display_name: &str) -> String {
        let now = self.now();
        let mut state = self.lock();
        if let Some(account) = state.account_named(username) {
            return account.id.to_string();
        }
        let id = state.next_id(now);
        let account = Account {
            id,
            username: username.to_owned(),
            display_name: display_name.to_owned(),
            created_at: now,
            followers: 0,
            following: 0,
            statuses: Default::default(),
        };
        state.accounts.insert(id, account);
        id.to_string()
    }

    /// Lets `token` act for the account, within these scopes (separated by spaces, as
    /// `read write:statuses`).
    ///
    /// # Errors
    /// There is no such account.
    pub fn grant(&self, username: &str, token: &str, scopes: &str) -> Result<(), StandinError> {
        let mut state = self.lock();
        let account = named(&state, username)?;
        let scopes = scopes.split_whitespace().map(str::to_owned).collect();
        state
            .tokens
            .insert(token.to_owned(), Token { account, scopes });
        Ok(())
    }

    pub fn revoke(&self, token: &str) {
        self.lock().tokens.remove(token);
    }

    /// # Errors
    /// There is no such account.
    pub fn set_followers(&self, username: &str, followers: u64) -> Result<(), StandinError> {
        let mut state = self.lock();
        let account = named(&state, username)?;
        if let Some(account) = state.accounts.get_mut(&account) {
            account.followers = followers;
        }
        Ok(())
    }

    /// # Errors
    /// There is no such account or post.
    pub fn favourite(&self, status: &str, username: &str) -> Result<(), StandinError> {
        let mut state = self.lock();
        let (status, account) = (known(&state, status)?, named(&state, username)?);
        state.favourite(status, account, true);
        Ok(())
    }

    /// Its author deletes a post in another app.
    ///
    /// # Errors
    /// There is no such post.
    pub fn delete(&self, status: &str) -> Result<(), StandinError> {
        let mut state = self.lock();
        let status = known(&state, status)?;
        state.remove(status);
        Ok(())
    }

    /// # Errors
    /// There is no such account or post.
    pub fn boost(&self, status: &str, username: &str) -> Result<(), StandinError> {
        let now = self.now();
        let mut state = self.lock();
        let (status, account) = (known(&state, status)?, named(&state, username)?);
        state.boost(status, account, now);
        Ok(())
    }

    /// Answers a post, and gives the answer's id. The answer is in the book too.
    ///
    /// # Errors
    /// There is no such account or post, or the text is refused.
    pub fn reply(&self, status: &str, username: &str, text: &str) -> Result<String, StandinError> {
        let now = self.now();
        let mut state = self.lock();
        let (status, account) = (known(&state, status)?, named(&state, username)?);
        let params =
            params::Params::of([("status", text), ("in_reply_to_id", &status.to_string())]);
        post::post(&mut state, &self.options.rules, account, &params, None, now)
            .map(|id| id.to_string())
            .map_err(|refusal| StandinError::Refused(refusal.error))
    }

    /// Everything that was posted, in the order in which it came.
    pub fn book(&self) -> Vec<Entry> {
        self.lock().book.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.options.clock.now()
    }
}

fn named(state: &State, username: &str) -> Result<u64, StandinError> {
    state
        .account_named(username)
        .map(|account| account.id)
        .ok_or_else(|| StandinError::NoAccount(username.to_owned()))
}

fn known(state: &State, status: &str) -> Result<u64, StandinError> {
    status
        .parse()
        .ok()
        .filter(|id| state.statuses.contains_key(id))
        .ok_or_else(|| StandinError::NoPost(status.to_owned()))
}

/// A server on its socket, until it is dropped.
#[derive(Debug)]
pub struct Serving {
    pub server: Arc<Server>,
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Serving {
    /// Serves on this address; port 0 takes a free one.
    ///
    /// # Errors
    /// The address can't be listened on.
    pub async fn start(address: SocketAddr, options: Options) -> std::io::Result<Self> {
        Serving::on(TcpListener::bind(address).await?, options)
    }

    /// Serves on a socket that is open already.
    ///
    /// # Errors
    /// The socket has no address.
    pub fn on(listener: TcpListener, options: Options) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let server = Server::new(&format!("http://{address}"), options);
        let router = server.router();
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the stand-in server ended");
            }
        });
        Ok(Serving {
            server,
            address,
            task,
        })
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}
