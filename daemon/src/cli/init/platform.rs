//! The platforms that `jarchi init` knows.

use std::fmt;

use minijinja::{Value, context};
use url::Url;

/// One that a stock plugin serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Platform {
    Mastodon,
    Bluesky,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Platform::Mastodon => "mastodon",
            Platform::Bluesky => "bluesky",
        })
    }
}

impl Platform {
    pub(super) fn names() -> String {
        let names = <Platform as clap::ValueEnum>::value_variants().iter();
        names
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    }

    pub(super) const fn usual_server(self) -> &'static str {
        match self {
            Platform::Mastodon => "https://mastodon.social",
            Platform::Bluesky => "https://bsky.social",
        }
    }

    pub(super) const fn secret_file(self) -> &'static str {
        match self {
            Platform::Mastodon => "secrets/mastodon-token",
            Platform::Bluesky => "secrets/bluesky-app-password",
        }
    }

    pub(super) const fn secret_help(self) -> &'static str {
        match self {
            Platform::Mastodon => {
                "make a token on your server (Preferences, Development, New application; the scopes read:accounts, read:statuses, write:media, write:statuses)"
            }
            Platform::Bluesky => {
                "make an app password (Settings, Privacy and security, App passwords), write your handle into jarchi.toml"
            }
        }
    }

    /// What the template says of an account.
    pub(super) fn context(self, server: Option<&Url>) -> Value {
        let usual = self.usual_server();
        let address = server.map_or_else(
            || usual.to_owned(),
            |server| server.as_str().trim_end_matches('/').to_owned(),
        );
        let (title, settings, secret, secret_about) = match self {
            Platform::Mastodon => (
                "A profile on Mastodon, or on a server that speaks its API.",
                vec![context! { name => "server", value => address }],
                "token",
                "The access token of an application (Preferences, Development).",
            ),
            Platform::Bluesky => (
                "A profile on Bluesky.",
                vec![
                    context! { about => "Your handle.", name => "identifier", value => "example.bsky.social" },
                    context! { about => "Your server.", name => "service", value => address },
                ],
                "app_password",
                "An app password (Settings, Privacy and security), not your own.",
            ),
        };
        let local = server.and_then(Local::of);
        context! {
            title,
            name => self.to_string(),
            plugin => self.to_string(),
            settings,
            secret,
            secret_about,
            secret_file => self.secret_file(),
            grants => local.iter().map(|local| local.host.clone()).collect::<Vec<_>>(),
            plain_http => local.as_ref().is_some_and(|local| local.plain_http),
            private => local.as_ref().is_some_and(|local| local.private),
        }
    }
}

/// A server that is not reached before the operator grants it.
struct Local {
    host: String,
    plain_http: bool,
    private: bool,
}

impl Local {
    fn of(url: &Url) -> Option<Self> {
        let plain_http = url.scheme() == "http";
        let private = match url.host()? {
            url::Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
            url::Host::Ipv4(address) => address.is_loopback() || address.is_private(),
            url::Host::Ipv6(address) => address.is_loopback() || address.is_unique_local(),
        };
        let port = url
            .port()
            .map(|port| format!(":{port}"))
            .unwrap_or_default();
        (plain_http || private).then(|| Local {
            host: format!("{}{port}", url.host_str().unwrap_or_default()),
            plain_http,
            private,
        })
    }
}
