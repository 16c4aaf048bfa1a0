//! What passes between a plugin's host and the broker. Plain types, without wasm.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use crate::config::{Grant, Limits};
use crate::model::TimeSpan;
use crate::plugin::manifest::Manifest;

/// In whose name a request is made. Made by the host for one call of a plugin.
#[derive(Clone)]
pub struct Caller {
    pub plugin: Arc<str>,
    /// The account or the generator.
    pub subject: Arc<str>,
    pub manifest: Arc<Manifest>,
    pub grants: Arc<[Grant]>,
    pub limits: Limits,
    /// The subject's settings: hosts of the manifest may be settings.
    pub settings: Arc<serde_json::Map<String, serde_json::Value>>,
    pub secrets: Arc<dyn Secrets>,
}

/// The secrets of one account or generator: those of the configuration, and those that
/// were captured from answers (session tokens), which are kept durably.
pub trait Secrets: Send + Sync {
    fn get(&self, name: &str) -> Option<SecretString>;
    /// Durable when it returns. A value that is captured replaces the one before.
    fn capture(&self, name: &str, value: SecretString) -> Result<(), String>;
    /// The secrets of one answer, which belong together: all are kept, or none.
    fn capture_all(&self, values: Vec<(String, SecretString)>) -> Result<(), String> {
        for (name, value) in values {
            self.capture(&name, value)?;
        }
        Ok(())
    }
    /// All values: what is filled in is looked up here, first come, and all of it is
    /// blacked out.
    fn all(&self) -> Vec<(String, SecretString)>;
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Body,
    pub timeout: Option<TimeSpan>,
}

#[derive(Clone, Debug)]
pub enum Body {
    None,
    Bytes(Vec<u8>),
    Media(Slice),
    Multipart(Vec<Part>),
}

/// A range of a file, streamed from disk. The host has checked that the caller may see
/// the file, and that the range lies inside it.
#[derive(Clone, Debug)]
pub struct Slice {
    pub path: PathBuf,
    pub offset: u64,
    pub length: u64,
}

#[derive(Clone, Debug)]
pub struct Part {
    pub name: String,
    pub filename: Option<String>,
    pub content_type: Option<String>,
    pub body: PartBody,
}

#[derive(Clone, Debug)]
pub enum PartBody {
    Bytes(Vec<u8>),
    Media(Slice),
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// After redirects.
    pub url: String,
}

/// As the interface's `http.error`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Denied(String),
    #[error("{0}")]
    Invalid(String),
    #[error("no secret `{0}`")]
    MissingSecret(String),
    #[error("the platform's pace forbids it for {0}")]
    Paced(TimeSpan),
    #[error("not sent: {0}")]
    NotSent(String),
    #[error("no answer: {0}")]
    NoAnswer(String),
    #[error("the answer is longer than {0} bytes")]
    TooLarge(u64),
}
