//! Markdown as the plain text that people post: addresses spelt out, marks dropped, lists
//! with bullets, lines and blank lines where the author put them.

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};
use serde::Deserialize;

use crate::front::web_address;
use crate::issue::Issues;
use crate::tree::line_of;

/// What becomes of a line's end inside a paragraph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LineBreaks {
    /// It stays.
    #[default]
    Keep,
    /// It becomes a blank, as in a web page.
    Join,
}

/// One post of a thread.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Part {
    pub(crate) text: String,
    pub(crate) images: Vec<Image>,
    /// The line on which it begins.
    pub(crate) line: usize,
}

/// `![alt](file)`.
#[derive(Debug, PartialEq)]
pub(crate) struct Image {
    pub(crate) file: String,
    pub(crate) alt: String,
    pub(crate) line: usize,
}

/// The parts of a body whose first line is line `first` of the file: one, and a further
/// one after each line `***`. Lines must end with `\n` alone.
pub(crate) fn render(
    source: &str,
    first: usize,
    line_breaks: LineBreaks,
    issues: &mut Issues,
) -> Vec<Part> {
    let mut writer = Writer {
        source,
        first,
        line_breaks,
        issues,
        parts: Vec::new(),
        part: Part {
            line: first,
            ..Part::default()
        },
        gap: 0,
        blank: false,
        bullet: None,
        lists: Vec::new(),
        quotes: 0,
        links: Vec::new(),
        image: None,
        html: None,
        literal_marks: Vec::new(),
        told_html: false,
    };
    for (event, range) in Parser::new_ext(source, Options::ENABLE_TASKLISTS).into_offset_iter() {
        writer.event(event, range);
    }
    writer.end_part();
    writer.parts
}

struct Writer<'a> {
    source: &'a str,
    first: usize,
    line_breaks: LineBreaks,
    issues: &'a mut Issues,
    parts: Vec<Part>,
    part: Part,
    /// Line ends that are due before the next text.
    gap: usize,
    /// A blank is due before the next text.
    blank: bool,
    /// The bullet that is due before the next text.
    bullet: Option<String>,
    /// The number of the next item, where a list is numbered.
    lists: Vec<Option<u64>>,
    quotes: usize,
    links: Vec<OpenLink>,
    image: Option<Image>,
    /// An HTML block under way, and where it began.
    html: Option<(usize, String)>,
    /// Of each open emphasis: its marks, where they belong to an address or a handle.
    literal_marks: Vec<Option<&'static str>>,
    told_html: bool,
}

struct OpenLink {
    address: String,
    kind: LinkType,
    /// What was written inside it.
    text: String,
    line: usize,
}

impl<'a> Writer<'a> {
    fn event(&mut self, event: Event<'a>, range: Range<usize>) {
        match event {
            Event::Start(tag) => self.start(tag, range),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(text) => self.write(&text),
            Event::SoftBreak => match self.line_breaks {
                LineBreaks::Keep => self.line_break(),
                LineBreaks::Join => self.soft_blank(),
            },
            Event::HardBreak => self.line_break(),
            Event::Rule if self.lists.is_empty() && self.quotes == 0 => {
                self.end_part();
                self.part.line = self.line(range.start) + 1;
            }
            Event::TaskListMarker(done) => {
                let sign = if done { "☑ " } else { "☐ " };
                self.bullet = Some(format!("{}{sign}", self.item_indent()));
            }
            Event::Html(html) => match &mut self.html {
                Some((_, block)) => block.push_str(&html),
                None => self.inline_html(&html, range.start),
            },
            Event::InlineHtml(html) => self.inline_html(&html, range.start),
            // A rule inside a list or a quote; nothing else is enabled.
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'a>, range: Range<usize>) {
        match tag {
            Tag::Paragraph | Tag::CodeBlock(_) => self.block(range.start),
            Tag::Heading { .. } => {
                self.block(range.start);
                self.warn_of_underline(&range);
            }
            Tag::BlockQuote(_) => {
                self.block(range.start);
                self.quotes += 1;
            }
            Tag::List(number) => {
                self.block(range.start);
                self.lists.push(number);
            }
            Tag::Item => {
                self.flush_bullet();
                self.block(range.start);
                self.bullet = Some(self.next_bullet(&range));
            }
            Tag::HtmlBlock => {
                self.block(range.start);
                self.html = Some((range.start, String::new()));
            }
            Tag::Emphasis => self.emphasis(&range, 1),
            Tag::Strong => self.emphasis(&range, 2),
            Tag::Link {
                dest_url,
                link_type,
                ..
            } => self.links.push(OpenLink {
                address: dest_url.into_string(),
                kind: link_type,
                text: String::new(),
                line: self.line(range.start),
            }),
            Tag::Image { dest_url, .. } => {
                self.image = Some(Image {
                    file: dest_url.into_string(),
                    alt: String::new(),
                    line: self.line(range.start),
                });
            }
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::BlockQuote(_) => self.quotes = self.quotes.saturating_sub(1),
            TagEnd::List(_) => {
                self.flush_bullet();
                self.lists.pop();
            }
            TagEnd::HtmlBlock => {
                if let Some((start, block)) = self.html.take() {
                    self.html_block(start, &block);
                }
            }
            TagEnd::Emphasis | TagEnd::Strong => {
                if let Some(Some(mark)) = self.literal_marks.pop() {
                    self.write(mark);
                }
            }
            TagEnd::Image => {
                if let Some(image) = self.image.take() {
                    self.part.images.push(image);
                    // The blank behind it goes where there is one, or a line end, before it.
                    let text = &self.part.text;
                    self.blank |= self.gap > 0 || text.is_empty() || text.ends_with(' ');
                }
            }
            TagEnd::Link => {
                if let Some(link) = self.links.pop() {
                    self.end_link(&link);
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        match &mut self.image {
            Some(image) => image.alt.push_str(text),
            None => {
                // Code blocks come with their line ends.
                let mut lines = text.split('\n');
                if let Some(line) = lines.next() {
                    self.write(line);
                }
                for line in lines {
                    self.gap = (self.gap + 1).min(2);
                    self.write(line);
                }
            }
        }
    }

    /// Text, after whatever is due before it.
    fn write(&mut self, text: &str) {
        if let Some(image) = &mut self.image {
            image.alt.push_str(text);
            return;
        }
        let mut text: String = text
            .chars()
            .filter(|c| !c.is_control() || *c == '\t')
            .collect();
        if self.blank {
            text = text.trim_start().to_owned();
        }
        if text.is_empty() {
            return;
        }
        self.before_text();
        self.part.text.push_str(&text);
        for link in &mut self.links {
            link.text.push_str(&text);
        }
    }

    fn before_text(&mut self) {
        let out = &mut self.part.text;
        let begins = out.is_empty();
        if self.gap > 0 && !begins {
            out.truncate(out.trim_end().len());
            out.extend(std::iter::repeat_n('\n', self.gap));
        }
        if self.gap > 0 || begins {
            out.push_str(&"> ".repeat(self.quotes));
            match self.bullet.take() {
                Some(bullet) => out.push_str(&bullet),
                None => out.push_str(&"  ".repeat(self.lists.len())),
            }
        } else if self.blank && !out.ends_with(char::is_whitespace) {
            out.push(' ');
        }
        self.gap = 0;
        self.blank = false;
    }

    /// An item without text still has its bullet.
    fn flush_bullet(&mut self) {
        if self.bullet.is_some() {
            self.before_text();
        }
    }

    fn line_break(&mut self) {
        match &mut self.image {
            Some(image) => image.alt.push(' '),
            None => self.gap = self.gap.max(1),
        }
    }

    fn soft_blank(&mut self) {
        match &mut self.image {
            Some(image) => image.alt.push(' '),
            None => self.blank = true,
        }
    }

    /// A block begins: on a line of its own, and after a blank line where the source has
    /// one. The first block of an item stands beside its bullet.
    fn block(&mut self, start: usize) {
        if self.bullet.is_some() {
            return;
        }
        let line_start = self.source[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_before = self.source[..line_start]
            .strip_suffix('\n')
            .map(|before| before.rsplit('\n').next().unwrap_or_default());
        let after_blank_line =
            line_before.is_some_and(|line| line.chars().all(|c| c.is_whitespace() || c == '>'));
        self.gap = self.gap.max(if after_blank_line { 2 } else { 1 });
        self.blank = false;
    }

    fn item_indent(&self) -> String {
        "  ".repeat(self.lists.len().saturating_sub(1))
    }

    fn next_bullet(&mut self, range: &Range<usize>) -> String {
        let indent = self.item_indent();
        match self.lists.last_mut() {
            Some(Some(number)) => {
                let mark = self.source[range.clone()]
                    .trim_start()
                    .trim_start_matches(|c: char| c.is_ascii_digit())
                    .chars()
                    .next()
                    .unwrap_or('.');
                let bullet = format!("{indent}{number}{mark} ");
                *number += 1;
                bullet
            }
            _ => format!("{indent}• "),
        }
    }

    /// `https://example.az/_a_/` and `@_ali_` keep their signs: they are no emphasis.
    fn emphasis(&mut self, range: &Range<usize>, length: usize) {
        let opening = range.start;
        let mark = self.is_in_address(opening).then(|| {
            match (self.source.as_bytes().get(opening), length) {
                (Some(b'_'), 1) => "_",
                (Some(b'_'), _) => "__",
                (_, 1) => "*",
                _ => "**",
            }
        });
        if let Some(mark) = mark {
            self.write(mark);
        }
        self.literal_marks.push(mark);
    }

    /// Whether the word around this offset is an address or a handle, up to here.
    fn is_in_address(&self, offset: usize) -> bool {
        let before = &self.source[..offset];
        let start = before
            .rfind(|c: char| c.is_whitespace() || matches!(c, '(' | '<' | '[' | '"'))
            .map_or(0, |at| {
                at + before[at..].chars().next().map_or(1, char::len_utf8)
            });
        let word = &before[start..];
        word.contains("://") || word.starts_with('@')
    }

    fn end_link(&mut self, link: &OpenLink) {
        if matches!(link.kind, LinkType::Autolink | LinkType::Email) {
            return;
        }
        let shown = link.text.trim();
        let address = link.address.trim();
        let spelt = match web_address(address) {
            Ok(address) => address,
            Err(message) => {
                let scheme = address
                    .split_once(':')
                    .map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest));
                match scheme {
                    Some((scheme, rest)) if matches!(scheme.as_str(), "mailto" | "tel") => {
                        rest.split('?').next().unwrap_or_default().to_owned()
                    }
                    _ => {
                        self.issues
                            .error(link.line, format!("a link goes nowhere: {message}"));
                        return;
                    }
                }
            }
        };
        if shown.is_empty() {
            self.write(&spelt);
        } else if same_address(shown, &spelt) {
            // The whole address can be clicked everywhere; `example.az` alone can not.
            if let Some(kept) = self
                .part
                .text
                .strip_suffix(link.text.as_str())
                .map(str::len)
            {
                self.part.text.truncate(kept);
            }
            self.write(&spelt);
        } else {
            self.write(&format!(" ({spelt})"));
        }
    }

    fn inline_html(&mut self, html: &str, offset: usize) {
        let tag = html.trim().to_ascii_lowercase();
        if tag.starts_with("<!--") {
            return;
        }
        if tag.starts_with("<br") {
            self.line_break();
            return;
        }
        self.warn_of_html(offset);
    }

    /// The text of an HTML block; comments go without a word.
    fn html_block(&mut self, start: usize, block: &str) {
        let mut text = String::new();
        let mut rest = block;
        let mut has_tags = false;
        while let Some(at) = rest.find('<') {
            text.push_str(&rest[..at]);
            rest = &rest[at..];
            let end = if rest.starts_with("<!--") {
                rest.find("-->").map(|end| end + 3)
            } else {
                has_tags = true;
                rest.find('>').map(|end| end + 1)
            };
            rest = end.map_or("", |end| &rest[end..]);
        }
        text.push_str(rest);
        if has_tags {
            self.warn_of_html(start);
        }
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.write(line);
            self.line_break();
        }
    }

    fn warn_of_html(&mut self, offset: usize) {
        if !self.told_html {
            self.told_html = true;
            let line = self.line(offset);
            self.issues
                .warning(line, "HTML tags are left out: a post is plain text");
        }
    }

    fn warn_of_underline(&mut self, range: &Range<usize>) {
        let heading = self.source[range.clone()].trim_end();
        let last = heading.rsplit('\n').next().unwrap_or_default().trim();
        if heading.contains('\n') && last.bytes().all(|byte| byte == b'-') {
            let line = self.line(range.start) + heading.matches('\n').count();
            self.issues.warning(
                line,
                "in Markdown a line of `-` below text makes a heading of it: for the next post \
                 of a thread write `***`",
            );
        }
    }

    fn end_part(&mut self) {
        self.flush_bullet();
        let mut part = std::mem::take(&mut self.part);
        part.text = part.text.trim().to_owned();
        for image in &mut part.images {
            image.alt = image.alt.trim().to_owned();
        }
        self.parts.push(part);
        self.gap = 0;
        self.blank = false;
    }

    fn line(&self, offset: usize) -> usize {
        self.first + line_of(self.source, offset)
    }
}

/// Whether the words of a link are its address, give or take what people leave out.
fn same_address(shown: &str, address: &str) -> bool {
    let bare = |text: &str| {
        let text = text.to_lowercase();
        let text = text
            .split_once("://")
            .map_or(text.as_str(), |(_, rest)| rest)
            .to_owned();
        let text = text.strip_prefix("www.").unwrap_or(&text);
        text.trim_end_matches('/').to_owned()
    };
    bare(shown) == bare(address)
}

#[cfg(test)]
mod tests;
