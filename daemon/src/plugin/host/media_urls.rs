//! `${media-url:ID}` in a request: an address at which the platform fetches a file of the
//! post. It is put in here, where it is known which files the call may see; the broker
//! carries the request as if the plugin had written it so.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use regex::bytes::{Captures, Regex};

use super::super::broker::Encoding;
use super::super::files::CallFiles;
use super::{blocking, wit};
use crate::media::PublicUrls;
use wit::http::{Body, Error, PartBody, Request};

/// Every placeholder has this in it, however it is encoded.
const MARK: &[u8] = b"media-url";

static PLAIN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\$\{media-url:([A-Za-z0-9._-]+)\}").ok());

/// As the encoders of forms and queries write it, wholly or in part.
static ENCODED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)(?:\$|%24)(?:\{|%7b)media-url(?::|%3a)([a-z0-9._-]+)(?:\}|%7d)").ok()
});

static BEGUN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?i)(?:\$|%24)(?:\{|%7b)media-url(?::|%3a)").ok());

/// Puts addresses in the place of all placeholders: in the query, in a body that is text,
/// in a form's parts.
pub(super) async fn fill(
    mut request: Request,
    files: &CallFiles,
    account: Arc<str>,
    urls: Option<Arc<dyn PublicUrls>>,
) -> wasmtime::Result<Result<Request, Error>> {
    let mut ids = Vec::new();
    if let Err(error) = each(&mut request, |text, encoding| {
        Ok(visit(text, encoding, |id| {
            ids.push(id.to_owned());
            None
        }))
    }) {
        return Ok(Err(error));
    }
    if ids.is_empty() {
        return Ok(Ok(request));
    }
    let mut items = BTreeMap::new();
    for id in ids {
        let Some(item) = files.of_post(&id) else {
            return Ok(Err(Error::Invalid(format!(
                "`${{media-url:{id}}}` names no file of this post"
            ))));
        };
        items.insert(id, item.clone());
    }
    let Some(urls) = urls else {
        return Ok(Err(Error::Invalid(
            "files can't be offered here".to_owned(),
        )));
    };
    let addresses = blocking(move || {
        items
            .into_iter()
            .map(|(id, item)| urls.url_of(&account, &item).map(|url| (id, url)))
            .collect::<Result<BTreeMap<String, String>, String>>()
    })
    .await?;
    let addresses = match addresses {
        Ok(addresses) => addresses,
        Err(reason) => return Ok(Err(Error::Invalid(reason))),
    };
    let filled = each(&mut request, |text, encoding| {
        Ok(visit(text, encoding, |id| addresses.get(id).cloned()))
    });
    Ok(filled.map(|()| request))
}

type Filled<'t> = Result<Cow<'t, [u8]>, Error>;

/// Shows `change` each text of a request in which a placeholder may stand.
fn each(
    request: &mut Request,
    mut change: impl for<'t> FnMut(&'t [u8], Encoding) -> Filled<'t>,
) -> Result<(), Error> {
    let mut apply = |bytes: &mut Vec<u8>, encoding| {
        let changed = match change(bytes, encoding)? {
            Cow::Owned(changed) => changed,
            Cow::Borrowed(_) => return Ok::<(), Error>(()),
        };
        *bytes = changed;
        Ok(())
    };
    if memchr::memmem::find(request.url.as_bytes(), MARK).is_some() {
        let query = request.url.find('?').unwrap_or(request.url.len());
        if is_begun(&request.url.as_bytes()[..query]) {
            return Err(Error::Invalid(
                "`${media-url:ID}` stands in the query, not in the path".to_owned(),
            ));
        }
        let mut bytes = request.url.split_off(query).into_bytes();
        apply(&mut bytes, Encoding::Form)?;
        request.url.push_str(&String::from_utf8_lossy(&bytes));
    }
    let content_type = request
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| value.as_str());
    match &mut request.body {
        Body::None | Body::Media(_) => Ok(()),
        Body::Bytes(bytes) => apply(bytes, Encoding::of(content_type)),
        Body::Multipart(parts) => parts.iter_mut().try_for_each(|part| match &mut part.body {
            PartBody::Bytes(bytes) if part.filename.is_none() => {
                apply(bytes, Encoding::of(part.content_type.as_deref()))
            }
            PartBody::Bytes(_) | PartBody::Media(_) => Ok(()),
        }),
    }
}

/// A text with what `address` gives for the names in it; what it has nothing for stays.
fn visit<'t>(
    text: &'t [u8],
    encoding: Encoding,
    mut address: impl FnMut(&str) -> Option<String>,
) -> Cow<'t, [u8]> {
    let pattern = match encoding {
        Encoding::Binary => return Cow::Borrowed(text),
        Encoding::Form => &*ENCODED,
        Encoding::Plain | Encoding::Json => &*PLAIN,
    };
    let Some(pattern) = pattern else {
        return Cow::Borrowed(text);
    };
    if memchr::memmem::find(text, MARK).is_none() {
        return Cow::Borrowed(text);
    }
    pattern.replace_all(text, |found: &Captures<'_>| {
        let id = String::from_utf8_lossy(&found[1]);
        match address(&id) {
            Some(url) => encode(&url, encoding).into_bytes(),
            None => found[0].to_vec(),
        }
    })
}

/// A URL has nothing in it that JSON would escape.
fn encode(url: &str, encoding: Encoding) -> String {
    match encoding {
        Encoding::Form => url::form_urlencoded::byte_serialize(url.as_bytes()).collect(),
        Encoding::Plain | Encoding::Json | Encoding::Binary => url.to_owned(),
    }
}

fn is_begun(text: &[u8]) -> bool {
    BEGUN.as_ref().is_some_and(|begun| begun.is_match(text))
}
