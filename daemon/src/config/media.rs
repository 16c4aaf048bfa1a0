//! `[media]`.

use schemars::{Schema, SchemaGenerator, json_schema};
use url::Url;

use super::reader::{Read, Reader, Value};
use super::resolve::Resolver;
use super::{Diagnostic, MediaConfig};

/// The address below which files are fetched.
#[derive(Clone, Debug)]
pub(super) struct PublicUrl(pub Url);

impl Read for PublicUrl {
    fn read(value: &Value<'_>, key: &str, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, key, reader)?;
        let url = Url::parse(&text)
            .ok()
            .filter(|url| matches!(url.scheme(), "https" | "http") && url.has_host());
        let Some(mut url) = url else {
            let help = (!text.contains("://")).then(|| format!("write `https://{text}`"));
            let message = format!("`{text}` is not an address with `https://` and a host");
            reader.error_with_help(value, key, message, help);
            return None;
        };
        let plain = url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !plain {
            reader.error(value, key, "a host and a path are all that can stand here");
            return None;
        }
        if url.scheme() == "http" {
            let warning = Diagnostic::warning("platforms fetch media by https alone");
            reader.finding(warning, value, key);
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Some(PublicUrl(url))
    }

    fn schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^https?://" })
    }
}

impl Resolver<'_> {
    pub fn media(&mut self) -> MediaConfig {
        let Some(raw) = self.single("media", |file| &file.media) else {
            return MediaConfig::default();
        };
        let public_url = raw.public_url.as_ref().map(|url| url.value.0.clone());
        let listen = match &raw.listen {
            Some(listen) => listen.value.0,
            // Without an address nobody would come.
            None => public_url.is_some().then_some(MediaConfig::LISTEN),
        };
        if let (Some(url), Some(listen), None) = (&raw.public_url, &raw.listen, listen) {
            self.findings.push(
                Diagnostic::error("nothing is served there while `listen` is false")
                    .at(&url.place)
                    .help(format!("`listen` stands at {}", listen.place.short())),
            );
        }
        MediaConfig {
            public_url,
            listen,
            valid: raw
                .valid
                .as_ref()
                .map_or(MediaConfig::VALID, |span| span.value.0),
            cache: raw
                .cache
                .as_ref()
                .map_or(MediaConfig::CACHE, |size| size.value.0),
            library: raw.library.as_ref().map(|library| self.folder(library)),
        }
    }
}
