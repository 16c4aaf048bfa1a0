//! HTML as plain text. A feed is a stranger's: what comes out is words, lines and
//! addresses, never marks, scripts or characters that can't be seen.

/// What is never shown, with all that is inside it.
const UNSEEN: &[&str] = &[
    "script", "style", "head", "template", "noscript", "iframe", "object", "svg", "math", "select",
    "textarea",
];

/// The text of an HTML fragment, at most `most` characters.
pub(crate) fn html(source: &str, most: usize) -> String {
    let mut out = Text::new(most);
    let mut rest = source;
    while let Some(at) = rest.find('<') {
        out.push(&htmlize::unescape(&rest[..at]));
        if out.is_full() {
            break;
        }
        rest = &rest[at..];
        rest = match Markup::read(rest) {
            Markup::Tag {
                name,
                closing,
                length,
            } => {
                let after = &rest[length..];
                if !closing && UNSEEN.contains(&name.as_str()) {
                    after_closing_tag(after, &name)
                } else {
                    out.tag(&name, closing);
                    after
                }
            }
            Markup::Unseen(length) => &rest[length..],
            Markup::Text { from, to, length } => {
                out.push(&rest[from..to]);
                &rest[length..]
            }
            Markup::None => {
                out.push("<");
                &rest[1..]
            }
        };
    }
    if !out.is_full() {
        out.push(&htmlize::unescape(rest));
    }
    out.finish()
}

/// Text that is no HTML, at most `most` characters.
pub(crate) fn text(source: &str, most: usize) -> String {
    let mut out = Text::new(most);
    for (index, line) in source.lines().enumerate() {
        if index > 0 {
            out.break_line(if line.trim().is_empty() { 2 } else { 1 });
        }
        out.push(line);
    }
    out.finish()
}

/// The same in one line.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What stands at a `<`.
enum Markup {
    Tag {
        name: String,
        closing: bool,
        length: usize,
    },
    /// A comment, a declaration; or a tag without an end.
    Unseen(usize),
    /// A CDATA section.
    Text {
        from: usize,
        to: usize,
        length: usize,
    },
    /// A sign like any other.
    None,
}

impl Markup {
    fn read(source: &str) -> Self {
        if source.starts_with("<!--") {
            return Markup::Unseen(source.find("-->").map_or(source.len(), |end| end + 3));
        }
        if source.starts_with("<![CDATA[") {
            let to = source.find("]]>").unwrap_or(source.len());
            return Markup::Text {
                from: 9,
                to,
                length: (to + 3).min(source.len()),
            };
        }
        if source.starts_with("<!") || source.starts_with("<?") {
            return Markup::Unseen(source.find('>').map_or(source.len(), |end| end + 1));
        }
        let closing = source.starts_with("</");
        let name_start = if closing { 2 } else { 1 };
        let name: String = source[name_start..]
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .take(16)
            .collect::<String>()
            .to_ascii_lowercase();
        if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Markup::None;
        }
        match tag_end(source) {
            Some(length) => Markup::Tag {
                name,
                closing,
                length,
            },
            None => Markup::Unseen(source.len()),
        }
    }
}

/// The byte after a tag; a `>` in quotes does not end it, unless the quotes have no end.
fn tag_end(source: &str) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in source.bytes().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    source.find('>').map(|end| end + 1)
}

fn after_closing_tag<'a>(source: &'a str, name: &str) -> &'a str {
    let mut rest = source;
    while let Some(at) = rest.find("</") {
        rest = &rest[at..];
        let is_it = rest
            .get(2..2 + name.len())
            .is_some_and(|other| other.eq_ignore_ascii_case(name));
        if is_it {
            return tag_end(rest).map_or("", |end| &rest[end..]);
        }
        rest = &rest[2..];
    }
    ""
}

/// Text under construction: white space is one blank, blocks are lines.
struct Text {
    out: String,
    left: usize,
    /// Line ends and a blank that are due before the next word.
    lines: usize,
    blank: bool,
}

impl Text {
    fn new(most: usize) -> Self {
        Text {
            out: String::new(),
            left: most,
            lines: 0,
            blank: false,
        }
    }

    fn is_full(&self) -> bool {
        self.left == 0
    }

    fn push(&mut self, text: &str) {
        for c in text.chars() {
            if self.left == 0 {
                return;
            }
            if c.is_whitespace() {
                self.blank = true;
            } else if is_seen(c) {
                self.before_word();
                self.out.push(c);
                self.left = self.left.saturating_sub(1);
            }
        }
    }

    fn before_word(&mut self) {
        let begun = !self.out.is_empty();
        if self.lines > 0 && begun {
            self.out.extend(std::iter::repeat_n('\n', self.lines));
        } else if self.blank && begun && !self.out.ends_with(' ') {
            self.out.push(' ');
        }
        self.lines = 0;
        self.blank = false;
    }

    fn break_line(&mut self, lines: usize) {
        self.lines = self.lines.max(lines);
    }

    fn tag(&mut self, name: &str, closing: bool) {
        match name {
            "br" | "div" | "tr" | "dt" | "dd" | "figcaption" | "option" => self.break_line(1),
            "li" => {
                self.break_line(1);
                if !closing {
                    self.push("•");
                    self.blank = true;
                }
            }
            "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "table"
            | "blockquote" | "pre" | "hr" | "section" | "article" | "header" | "footer"
            | "figure" | "aside" | "main" | "nav" => self.break_line(2),
            "td" | "th" => self.blank = true,
            _ => {}
        }
    }

    fn finish(self) -> String {
        self.out
    }
}

/// Not a control character, and none that turns the direction of the text around or hides
/// in it. Joiners stay: emoji are made with them.
fn is_seen(c: char) -> bool {
    !c.is_control()
        && !matches!(
            c,
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{200b}'
                | '\u{2060}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}' | '\u{ad}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_go_and_words_stay() {
        for (source, expected) in [
            ("<p>Bir <b>iki</b></p><p>üç</p>", "Bir iki\n\nüç"),
            ("bir<br/>iki<BR>üç", "bir\niki\nüç"),
            ("<ul><li>un</li><li>su</li></ul>son", "• un\n• su\n\nson"),
            (
                "Fish &amp; chips&nbsp;&mdash; 5&nbsp;&lt; 6 &#x259; &#399;",
                "Fish & chips — 5 < 6 ə Ə",
            ),
            ("5 < 6 > 4 və I <3 you", "5 < 6 > 4 və I <3 you"),
            ("a<script>alert('</p>')</script>b<style>x{}</style>c", "abc"),
            ("a<SCRIPT type='x'>b</ScRiPt >c", "ac"),
            ("a<script>b", "a"),
            ("a<!-- b --> c<!doctype html><?php d ?>", "a c"),
            ("a <![CDATA[b < c]]> d", "a b < c d"),
            ("<a href='https://x.az' title='a > b'>söz</a>", "söz"),
            ("<a title=\"x>söz", "söz"),
            ("söz <a href", "söz"),
            ("&lt;b&gt; is a tag", "<b> is a tag"),
            ("a\u{0}b\u{7}c\u{202e}d\u{200b}e\u{feff}", "abcde"),
            ("👨\u{200d}👩\u{200d}👧 ailə", "👨\u{200d}👩\u{200d}👧 ailə"),
            ("  çox \n\t boşluq  ", "çox boşluq"),
            (
                "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>",
                "a b\nc",
            ),
            ("", ""),
            ("<<<p>>>", "<<\n\n>>"),
        ] {
            assert_eq!(html(source, 1000), expected, "{source}");
        }
    }

    #[test]
    fn text_that_is_no_html_keeps_its_signs() {
        assert_eq!(
            text("a <b> &amp; c\n\n\nd\r\ne", 1000),
            "a <b> &amp; c\n\nd\ne"
        );
        assert_eq!(one_line("a \n b\t\tc "), "a b c");
    }

    #[test]
    fn no_more_than_asked_for() {
        assert_eq!(html(&"ə".repeat(5000), 10).chars().count(), 10);
        assert_eq!(
            html(&"<p>a</p>".repeat(100_000), 5),
            "a\n\na\n\na\n\na\n\na"
        );
    }

    #[test]
    fn hostile_text_takes_linear_time() {
        for piece in [
            "<",
            "<a ",
            "<!--",
            "</",
            "<script>",
            "<a \"",
            "&",
            "<![CDATA[",
        ] {
            let source = piece.repeat(100_000);
            assert!(html(&source, 1000).chars().count() <= 3000);
        }
    }
}
