//! A host for native tests: scripted answers, files, a clock that stands, memory and a
//! captured log.
//!
//! ```
//! use jarchi_plugin_sdk::{http, testing::{Answer, Host}};
//!
//! let host = Host::new();
//! host.expect("GET https://example.org/about", Answer::json(200, &["one"]));
//! let names: Vec<String> = http::get("https://example.org/about").read()?.json()?;
//! assert_eq!(names, ["one"]);
//! assert_eq!(host.requests()[0].header("authorization"), None);
//! # Ok::<(), jarchi_plugin_sdk::Error>(())
//! ```

mod exchange;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::bindings::host::jarchi::plugin::log;
use crate::media::File;
use crate::{Account, Delivery, MediaItem, MediaKind, Millis, Post, Timestamp};

pub use exchange::{Answer, Request};

/// The time of a host whose clock was not set: 2026-11-24T08:00:00Z.
pub const START: Timestamp = 1_795_507_200_000;

/// The host of this thread, until it is dropped. Dropped without a panic, it insists that
/// every expected request was made.
#[derive(Debug)]
#[must_use = "the host is there until it is dropped"]
pub struct Host(PhantomData<*const ()>);

#[derive(Default)]
struct State {
    now: Timestamp,
    expected: VecDeque<(String, Answer)>,
    server: Option<Server>,
    requests: Vec<Request>,
    kv: BTreeMap<String, Vec<u8>>,
    /// What a call that fails leaves behind.
    committed: BTreeMap<String, Vec<u8>>,
    kv_quota: u64,
    files: BTreeMap<String, (File, Vec<u8>)>,
    folders: BTreeMap<String, Vec<String>>,
    created: u64,
    media_quota: Option<u64>,
    logs: Vec<(Level, String)>,
    random: u64,
}

type Server = Box<dyn FnMut(&Request) -> Answer>;

pub use log::Level;

thread_local! {
    static STATE: RefCell<Option<State>> = const { RefCell::new(None) };
}

fn with<T>(act: impl FnOnce(&mut State) -> T) -> T {
    STATE.with_borrow_mut(|state| {
        act(state
            .as_mut()
            .expect("no `testing::Host` in this thread: make one first"))
    })
}

impl Default for Host {
    fn default() -> Self {
        Host::new()
    }
}

impl Host {
    /// Makes the host of this thread.
    ///
    /// # Panics
    /// There is one already.
    pub fn new() -> Self {
        STATE.with_borrow_mut(|state| {
            assert!(state.is_none(), "this thread has a `testing::Host` already");
            *state = Some(State {
                now: START,
                kv_quota: 1 << 20,
                media_quota: Some(64 << 20),
                ..State::default()
            });
        });
        Host(PhantomData)
    }

    /// The next request that is not expected yet must be this one: method and address,
    /// query included, as `GET https://example.org/api?limit=20`.
    pub fn expect(&self, request: impl Into<String>, answer: Answer) -> &Self {
        with(|state| state.expected.push_back((request.into(), answer)));
        self
    }

    /// Answers all requests that are not expected.
    pub fn serve(&self, server: impl FnMut(&Request) -> Answer + 'static) -> &Self {
        with(|state| state.server = Some(Box::new(server)));
        self
    }

    /// The requests so far, and forgets them.
    pub fn requests(&self) -> Vec<Request> {
        with(|state| std::mem::take(&mut state.requests))
    }

    /// Sets the clock.
    pub fn set_now(&self, moment: Timestamp) -> &Self {
        with(|state| state.now = moment);
        self
    }

    /// Moves the clock.
    pub fn advance(&self, span: Millis) -> &Self {
        with(|state| state.now += span);
        self
    }

    /// Gives a file that the plugin may see by its id.
    pub fn file(&self, id: &str, mime: &str, bytes: impl Into<Vec<u8>>) -> &Self {
        self.put_file(id, id, mime, bytes.into());
        self
    }

    /// Gives a file in a granted folder; its id is `FOLDER/PATH`. Given again, it is
    /// changed: its time is that of the clock.
    pub fn folder_file(
        &self,
        folder: &str,
        path: &str,
        mime: &str,
        bytes: impl Into<Vec<u8>>,
    ) -> &Self {
        let id = format!("{folder}/{path}");
        self.put_file(&id, path, mime, bytes.into());
        with(|state| {
            let ids = state.folders.entry(folder.to_owned()).or_default();
            if !ids.contains(&id) {
                ids.push(id);
                ids.sort();
            }
        });
        self
    }

    /// Takes a file away.
    pub fn remove_file(&self, id: &str) -> &Self {
        with(|state| {
            state.files.remove(id);
            for ids in state.folders.values_mut() {
                ids.retain(|other| other != id);
            }
        });
        self
    }

    /// Grants a folder without files.
    pub fn folder(&self, name: &str) -> &Self {
        with(|state| {
            state.folders.entry(name.to_owned()).or_default();
        });
        self
    }

    fn put_file(&self, id: &str, path: &str, mime: &str, bytes: Vec<u8>) {
        with(|state| {
            let file = File {
                id: id.to_owned(),
                path: path.to_owned(),
                mime: mime.to_owned(),
                kind: kind_of(mime),
                size: bytes.len() as u64,
                modified: state.now,
                width: None,
                height: None,
                digest: digest(&bytes),
            };
            state.files.insert(id.to_owned(), (file, bytes));
        });
    }

    /// What the plugin keeps under a key.
    pub fn kept<T: DeserializeOwned>(&self, key: &str) -> Option<T> {
        with(|state| {
            let bytes = state.kv.get(key)?;
            Some(serde_json::from_slice(bytes).expect("what is kept has the shape asked for"))
        })
    }

    /// Forgets all that the plugin keeps.
    pub fn forget(&self) -> &Self {
        with(|state| {
            state.kv.clear();
            state.committed.clear();
        });
        self
    }

    /// The call ends as the daemon ends one: what it wrote is kept when it succeeded, else
    /// only what it had committed.
    pub fn end_call(&self, succeeded: bool) -> &Self {
        with(|state| {
            if succeeded {
                state.committed = state.kv.clone();
            } else {
                state.kv = state.committed.clone();
            }
        });
        self
    }

    /// How many bytes the plugin may keep.
    pub fn kv_quota(&self, bytes: u64) -> &Self {
        with(|state| state.kv_quota = bytes);
        self
    }

    /// How many bytes of files the plugin may make from now on; `None`: it is no generator,
    /// and may make none.
    pub fn media_quota(&self, bytes: Option<u64>) -> &Self {
        with(|state| {
            state.created = 0;
            state.media_quota = bytes;
        });
        self
    }

    /// The bytes of a file, one that the plugin made among them.
    ///
    /// # Panics
    /// There is no such file.
    pub fn bytes_of(&self, id: &str) -> Vec<u8> {
        with(|state| match state.files.get(id) {
            Some((_, bytes)) => bytes.clone(),
            None => panic!("there is no file `{id}`"),
        })
    }

    /// The log so far, and forgets it.
    pub fn logs(&self) -> Vec<(Level, String)> {
        with(|state| std::mem::take(&mut state.logs))
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let state = STATE.take();
        if let Some(state) = state
            && !std::thread::panicking()
        {
            let left: Vec<_> = state.expected.iter().map(|(request, _)| request).collect();
            assert!(left.is_empty(), "expected and not made: {left:#?}");
        }
    }
}

fn kind_of(mime: &str) -> Option<MediaKind> {
    match mime.split('/').next() {
        Some("image") if mime == "image/gif" => Some(MediaKind::Gif),
        Some("image") => Some(MediaKind::Image),
        Some("video") => Some(MediaKind::Video),
        Some("audio") => Some(MediaKind::Audio),
        _ => None,
    }
}

/// As the host tells it by the first bytes, for what generators make.
fn type_of(bytes: &[u8]) -> Option<(&'static str, &'static str)> {
    Some(match bytes {
        [0x89, b'P', b'N', b'G', ..] => ("image/png", "png"),
        [0xff, 0xd8, 0xff, ..] => ("image/jpeg", "jpg"),
        [b'G', b'I', b'F', b'8', ..] => ("image/gif", "gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => ("image/webp", "webp"),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => ("video/mp4", "mp4"),
        [b'I', b'D', b'3', ..] => ("audio/mpeg", "mp3"),
        [b'%', b'P', b'D', b'F', ..] => ("application/pdf", "pdf"),
        _ => return None,
    })
}

/// Not the host's BLAKE3, but as good a fingerprint within one test (FNV-1a).
fn digest(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}").repeat(4)
}

/// An account of the name `test`.
pub fn account(settings: &serde_json::Value) -> Account {
    Account {
        name: "test".into(),
        settings: settings.to_string(),
    }
}

/// The first attempt at a delivery, made now.
pub fn delivery(account: &Account, post: Post) -> Delivery {
    Delivery {
        account: account.clone(),
        post,
        key: "01JDEVKEY0000000000000TEST".into(),
        created_at: crate::clock::now(),
        due: crate::clock::now(),
        attempt: 1,
    }
}

/// A media item of 640 × 480 pixels, whose id is the file's name.
pub fn media(name: &str, mime: &str, size: u64) -> MediaItem {
    MediaItem {
        id: name.into(),
        kind: kind_of(mime).unwrap_or(MediaKind::Document),
        alt: None,
        focus: None,
        name: name.into(),
        mime: mime.into(),
        size,
        width: Some(640),
        height: Some(480),
        length: None,
    }
}

/// What stands in for the component's imports.
pub(crate) mod imports {
    use super::{Answer, Request, State, with};
    use crate::bindings::host::jarchi::plugin::{http, kv, log, media};

    pub(crate) fn now() -> u64 {
        with(|state| state.now)
    }

    pub(crate) fn send(request: &http::Request) -> Result<http::Response, http::Error> {
        let made = Request {
            method: request.method.to_ascii_uppercase(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
        };
        let line = made.to_string();
        let (answer, server) = with(|state| {
            state.requests.push(made.clone());
            match state.expected.pop_front() {
                Some((expected, answer)) => {
                    assert_eq!(line, expected, "another request was expected");
                    (Some(answer), None)
                }
                None => (None, state.server.take()),
            }
        });
        let Answer(answer) = match (answer, server) {
            (Some(answer), _) => answer,
            (None, Some(mut server)) => {
                // Outside of the state, so that a server may look at the host.
                let answer = server(&made);
                with(|state| {
                    state.server.get_or_insert(server);
                });
                answer
            }
            (None, None) => panic!("not expected: {line}"),
        };
        answer.map(|mut response| {
            if response.url.is_empty() {
                response.url = request.url.clone();
            }
            response
        })
    }

    fn check_key(key: &str) -> Result<(), kv::Error> {
        match key.len() {
            1..=256 => Ok(()),
            length => Err(kv::Error::InvalidKey(format!("{length} bytes"))),
        }
    }

    pub(crate) fn kv_get(key: &str) -> Result<Option<Vec<u8>>, kv::Error> {
        check_key(key)?;
        Ok(with(|state| state.kv.get(key).cloned()))
    }

    pub(crate) fn kv_set(key: &str, value: &[u8]) -> Result<(), kv::Error> {
        check_key(key)?;
        with(|state: &mut State| {
            let others: usize = state
                .kv
                .iter()
                .filter(|(other, _)| *other != key)
                .map(|(key, value)| key.len() + value.len())
                .sum();
            if (others + key.len() + value.len()) as u64 > state.kv_quota {
                return Err(kv::Error::Quota(state.kv_quota));
            }
            state.kv.insert(key.to_owned(), value.to_vec());
            Ok(())
        })
    }

    pub(crate) fn kv_delete(key: &str) -> Result<(), kv::Error> {
        check_key(key)?;
        with(|state| state.kv.remove(key));
        Ok(())
    }

    pub(crate) fn kv_commit() -> Result<(), kv::Error> {
        with(|state| state.committed = state.kv.clone());
        Ok(())
    }

    pub(crate) fn kv_keys(prefix: &str) -> Result<Vec<String>, kv::Error> {
        Ok(with(|state| {
            state
                .kv
                .keys()
                .filter(|key| key.starts_with(prefix))
                .cloned()
                .collect()
        }))
    }

    pub(crate) fn log_write(level: log::Level, message: &str, fields: &[(String, String)]) {
        let fields: String = fields
            .iter()
            .map(|(key, value)| format!(" {key}={value}"))
            .collect();
        with(|state| state.logs.push((level, format!("{message}{fields}"))));
    }

    pub(crate) fn media_list_files(folder: &str) -> Result<Vec<media::File>, media::Error> {
        with(|state| {
            let ids = state
                .folders
                .get(folder)
                .ok_or_else(|| media::Error::Denied(format!("folder `{folder}` is not granted")))?;
            Ok(ids
                .iter()
                .filter_map(|id| state.files.get(id))
                .map(|(file, _)| file.clone())
                .collect())
        })
    }

    pub(crate) fn media_describe(id: &str) -> Result<media::File, media::Error> {
        with(|state| match state.files.get(id) {
            Some((file, _)) => Ok(file.clone()),
            None => Err(media::Error::NotFound(format!("there is no file `{id}`"))),
        })
    }

    pub(crate) fn media_read(id: &str, offset: u64, length: u32) -> Result<Vec<u8>, media::Error> {
        with(|state| match state.files.get(id) {
            Some((_, bytes)) => {
                let start = (offset as usize).min(bytes.len());
                let end = start.saturating_add(length as usize).min(bytes.len());
                Ok(bytes[start..end].to_vec())
            }
            None => Err(media::Error::NotFound(format!("there is no file `{id}`"))),
        })
    }

    pub(crate) fn media_create(name: &str, content: &[u8]) -> Result<media::File, media::Error> {
        with(|state| {
            let quota = state
                .media_quota
                .ok_or_else(|| media::Error::Denied("files are made by generators alone".into()))?;
            let counted = state.created + (content.len() as u64).max(64 << 10);
            if counted > quota {
                return Err(media::Error::Quota(quota));
            }
            state.created = counted;
            let (mime, ending) = super::type_of(content).ok_or_else(|| {
                media::Error::Invalid(format!(
                    "`{name}` is neither a picture, a video, a sound nor a PDF"
                ))
            })?;
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
            let file = media::File {
                id: super::digest(content),
                path: format!("{stem}.{ending}"),
                mime: mime.to_owned(),
                kind: super::kind_of(mime).or(Some(super::MediaKind::Document)),
                size: content.len() as u64,
                modified: state.now,
                width: None,
                height: None,
                digest: super::digest(content),
            };
            state
                .files
                .insert(file.id.clone(), (file.clone(), content.to_vec()));
            Ok(file)
        })
    }

    /// The same numbers in every run (a 64-bit linear congruence).
    pub(crate) fn random_bytes(count: u32) -> Vec<u8> {
        with(|state| {
            (0..count)
                .map(|_| {
                    state.random = state
                        .random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    (state.random >> 56) as u8
                })
                .collect()
        })
    }
}
