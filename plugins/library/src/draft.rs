//! One file as a draft.

use jarchi_plugin_sdk::generator::{Draft, Due};
use jarchi_plugin_sdk::media::{self, File};
use jarchi_plugin_sdk::{Link, MediaItem, MediaKind, Post, ThreadPart};

use crate::Settings;
use crate::folder::Folder;
use crate::front::{self, Front, MediaRef};
use crate::issue::Issues;
use crate::markdown::{self, Image, LineBreaks, Part};
use crate::when::When;

/// The longest file that is read (bytes): no post comes near it.
pub(crate) const LONGEST: u64 = 256 << 10;

/// Counts the ways in which files were turned into drafts: a new way is a new revision.
const FORM: u32 = 1;

/// What became of a file.
pub(crate) enum Outcome {
    /// With the line of its key.
    Draft(Box<Draft>, usize),
    /// Its author is not done with it.
    NotYet,
    /// The issues tell why.
    Broken,
}

/// Makes a draft of a file.
pub(crate) fn make(
    file: &File,
    folder: &Folder,
    settings: &Settings,
    issues: &mut Issues,
) -> Outcome {
    if file.size > LONGEST {
        issues.error(
            1,
            format!(
                "the file is too big: {} bytes, and {LONGEST} are the most",
                file.size
            ),
        );
        return Outcome::Broken;
    }
    let bytes = match media::read(&file.id, LONGEST) {
        Ok(bytes) => bytes,
        Err(error) => {
            let reason = match error {
                media::Error::NotFound(reason)
                | media::Error::Denied(reason)
                | media::Error::Io(reason)
                | media::Error::Invalid(reason) => reason,
                media::Error::Quota(bytes) => format!("more than {bytes} bytes"),
            };
            issues.error(1, format!("the file could not be read: {reason}"));
            return Outcome::Broken;
        }
    };
    let source = match std::str::from_utf8(&bytes) {
        Ok(source) => source
            .trim_start_matches('\u{feff}')
            .replace("\r\n", "\n")
            .replace('\r', "\n"),
        Err(error) => {
            let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
            let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
            issues.error(line, "the file is not UTF-8: save it with that encoding");
            return Outcome::Broken;
        }
    };
    let split = match front::split(&source) {
        Ok(Some(split)) => split,
        Ok(None) => {
            issues.error(
                1,
                "the file has no front matter: begin it with a line `---` and end it with another \
                 one, even if there is nothing to say in between; or put a `_` before its name to \
                 have it passed over",
            );
            return Outcome::Broken;
        }
        Err(line) => {
            issues.error(
                line,
                "the front matter has no end: close it with the line that opens it",
            );
            return Outcome::Broken;
        }
    };
    let mut about_front = Issues::default();
    let front = front::read(&split, &mut about_front);
    if front.draft {
        return Outcome::NotYet;
    }
    issues.append(about_front);
    let parts = markdown::render(split.body, split.body_line, settings.line_breaks, issues);
    let mut maker = Maker {
        path: &file.path,
        folder,
        issues,
        digests: vec![short(&file.digest)],
    };
    let key_line = front.id.as_ref().map_or(1, |(_, line)| *line);
    let draft = maker.draft(front, parts, settings);
    if issues.has_errors() {
        return Outcome::Broken;
    }
    Outcome::Draft(Box::new(draft), key_line)
}

/// Enough of a digest to tell a file from its last edition.
fn short(digest: &str) -> String {
    digest.chars().take(16).collect()
}

struct Maker<'a> {
    path: &'a str,
    folder: &'a Folder,
    issues: &'a mut Issues,
    /// Of the file and its media.
    digests: Vec<String>,
}

impl Maker<'_> {
    fn draft(&mut self, front: Front, parts: Vec<Part>, settings: &Settings) -> Draft {
        let mut media: Vec<(MediaItem, usize)> = Vec::new();
        for reference in &front.media {
            self.add(&mut media, reference);
        }
        let mut parts = parts.into_iter().enumerate();
        let (_, main) = parts.next().unwrap_or_default();
        for image in main.images {
            self.add(&mut media, &image.into());
        }
        if main.text.is_empty() && media.is_empty() && front.poll.is_none() {
            self.issues.error(
                main.line,
                "there is nothing to post: no text, no media, no poll",
            );
        }
        let media = self.with_alt(media);
        let thread = parts.map(|(index, part)| self.part(index, part)).collect();
        let link = front.link.map(|link| Link {
            url: link.url,
            title: link.title,
            description: link.description,
            thumbnail: link.thumbnail.and_then(|reference| {
                let mut items = Vec::new();
                self.add(&mut items, &reference);
                items.pop().map(|(item, _)| item)
            }),
        });
        let language = front.language.or_else(|| settings.language.clone());
        Draft {
            key: front.id.map_or_else(|| self.path.to_owned(), |(id, _)| id),
            revision: format!(
                "{FORM}{} {} {}",
                match settings.line_breaks {
                    LineBreaks::Keep => "k",
                    LineBreaks::Join => "j",
                },
                language.as_deref().unwrap_or("-"),
                self.digests.join(" ")
            ),
            post: Post {
                text: main.text,
                language,
                media,
                link,
                hashtags: front.hashtags,
                poll: front.poll,
                thread,
                first_comment: front.first_comment,
                visibility: front.visibility,
                content_warning: front.content_warning,
                sensitive: front.sensitive,
                options: serde_json::Value::Object(front.options).to_string(),
                ..Post::default()
            },
            variants: front.variants,
            accounts: front.accounts,
            pillar: front.pillar,
            campaign: front.campaign,
            due: front.when.map(|when| match when {
                When::At(moment) => Due::At(moment),
                When::Local(local) => Due::Local(local),
            }),
            repeat_after: front.repeat_after,
            provenance: None,
            source: Some(self.path.to_owned()),
        }
    }

    fn part(&mut self, index: usize, part: Part) -> ThreadPart {
        if part.text.is_empty() && part.images.is_empty() {
            self.issues.error(
                part.line,
                format!(
                    "post {} of the thread is empty: a `***` too many",
                    index + 1
                ),
            );
        }
        let mut media = Vec::new();
        for image in part.images {
            self.add(&mut media, &image.into());
        }
        ThreadPart {
            text: part.text,
            media: self.with_alt(media),
        }
    }

    /// Adds a file to the media of a post. A file that is there already gets what it
    /// lacks: the front matter says where a picture is cropped, the text what it shows.
    fn add(&mut self, media: &mut Vec<(MediaItem, usize)>, reference: &MediaRef) {
        let found = self
            .folder
            .find(self.path, &reference.file)
            .and_then(|file| Folder::item(file).map(|item| (file, item)));
        let (file, mut item) = match found {
            Ok(found) => found,
            Err(message) => {
                self.issues.error(reference.line, message);
                return;
            }
        };
        if let Some((known, _)) = media.iter_mut().find(|(known, _)| known.id == item.id) {
            known.alt = known.alt.take().or_else(|| reference.alt.clone());
            known.focus = known.focus.or(reference.focus);
            return;
        }
        self.digests.push(short(&file.digest));
        item.alt = reference.alt.clone();
        item.focus = reference.focus;
        media.push((item, reference.line));
    }

    /// Warns of pictures without words for them. An empty alt text on purpose is none.
    fn with_alt(&mut self, media: Vec<(MediaItem, usize)>) -> Vec<MediaItem> {
        media
            .into_iter()
            .map(|(mut item, line)| {
                let seen = matches!(
                    item.kind,
                    MediaKind::Image | MediaKind::Gif | MediaKind::Video
                );
                if seen && item.alt.is_none() {
                    self.issues.warning(
                        line,
                        format!(
                            "`{}` has no alt text: say what it shows, for those who can't see it \
                             (`alt: \"\"` if there is nothing to say)",
                            item.name
                        ),
                    );
                }
                item.alt = item.alt.filter(|alt| !alt.is_empty());
                item
            })
            .collect()
    }
}

impl From<Image> for MediaRef {
    fn from(image: Image) -> Self {
        MediaRef {
            file: image.file,
            alt: Some(image.alt).filter(|alt| !alt.is_empty()),
            focus: None,
            line: image.line,
        }
    }
}
