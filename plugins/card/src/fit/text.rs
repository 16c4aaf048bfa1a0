//! One text: its pieces, and its lines at a size.

use std::fmt::Write as _;
use std::ops::Range;

use roxmltree::Node;
use unicode_linebreak::BreakOpportunity;
use unicode_segmentation::UnicodeSegmentation;

use crate::fonts::{Fonts, Measures, Want};

/// Lines up to this many are made about equally long; longer texts are read, not looked at.
const BALANCED: usize = 6;

/// Between two places where a line may end.
#[derive(Clone, Debug)]
struct Piece {
    text: String,
    /// Of an em; with the blanks at its end, and without.
    width: f32,
    width_without_blanks: f32,
    graphemes: usize,
    /// The line ends behind it.
    ends_line: bool,
}

pub(super) struct Words {
    /// Attributes of the element that stay, as ranges of the source.
    attributes: Vec<Range<usize>>,
    want: Want,
    measures: Measures,
    pieces: Vec<Piece>,
    largest: f32,
    smallest: f32,
    leading: f32,
    most_lines: usize,
    spacing: f32,
    /// At the size tried last.
    size: f32,
    lines: Vec<String>,
    cut: bool,
}

/// What is read off the element, or the nearest one around it.
fn inherited<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    node.ancestors().find_map(|node| node.attribute(name))
}

impl Words {
    pub(super) fn new(
        node: Node<'_, '_>,
        fonts: &Fonts,
        largest: f32,
        smallest: f32,
        leading: f32,
        most_lines: usize,
        spacing: f32,
    ) -> Self {
        let want = Want {
            families: inherited(node, "font-family")
                .unwrap_or_default()
                .split(',')
                .map(|name| name.trim().trim_matches(['\'', '"']).to_owned())
                .filter(|name| !name.is_empty())
                .collect(),
            weight: match inherited(node, "font-weight") {
                Some("bold") => 700,
                Some(number) => number.parse().unwrap_or(400),
                None => 400,
            },
            italic: matches!(inherited(node, "font-style"), Some("italic" | "oblique")),
        };
        let text: String = node
            .descendants()
            .filter(Node::is_text)
            .filter_map(|node| node.text())
            .collect();
        let lines: Vec<String> = text
            .trim()
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        let text = lines.join("\n");
        Words {
            attributes: node
                .attributes()
                .filter(|attribute| {
                    let name = attribute.name();
                    !name.starts_with("data-")
                        && !matches!(name, "x" | "y" | "font-size" | "text-anchor")
                })
                .map(|attribute| attribute.range())
                .collect(),
            measures: fonts.measures(&want),
            pieces: pieces(&text, fonts, &want),
            want,
            largest,
            smallest,
            leading,
            most_lines,
            spacing,
            size: largest,
            lines: Vec::new(),
            cut: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn lines(&self) -> usize {
        self.lines.len()
    }

    pub(super) fn most_lines(&self) -> usize {
        self.most_lines
    }

    pub(super) fn text(&self) -> String {
        self.lines.join(" ")
    }

    /// From the top of the first line's capitals to below the last line's tails.
    pub(super) fn height(&self) -> f32 {
        let between = self.lines.len().saturating_sub(1) as f32 * self.leading;
        self.size * (self.measures.cap_height + between + self.tails())
    }

    pub(super) fn tails_in_pixels(&self) -> f32 {
        self.size * self.tails()
    }

    fn tails(&self) -> f32 {
        self.measures.descent.clamp(0.0, 0.22)
    }

    fn pixels(&self, width: f32, graphemes: usize) -> f32 {
        width * self.size + graphemes as f32 * self.spacing
    }

    /// Lines at a size between the smallest (0) and the largest (1). False when a word is
    /// wider than the box, or the lines are too many.
    pub(super) fn wrap(&mut self, scale: f32, width: f32) -> bool {
        self.size = self.smallest + (self.largest - self.smallest) * scale;
        let (lines, whole) = self.broken(width);
        self.lines = lines;
        whole && self.lines.len() <= self.most_lines
    }

    fn broken(&self, width: f32) -> (Vec<String>, bool) {
        let mut lines = Vec::new();
        let mut line = String::new();
        let (mut used, mut graphemes) = (0.0, 0);
        let mut whole = true;
        for piece in &self.pieces {
            let needed = self.pixels(
                used + piece.width_without_blanks,
                graphemes + piece.graphemes,
            );
            if !line.is_empty() && needed > width {
                lines.push(line.trim_end().to_owned());
                line.clear();
                (used, graphemes) = (0.0, 0);
            }
            whole &= self.pixels(piece.width_without_blanks, piece.graphemes) <= width;
            line.push_str(&piece.text);
            used += piece.width;
            graphemes += piece.graphemes;
            if piece.ends_line {
                lines.push(line.trim_end().to_owned());
                line.clear();
                (used, graphemes) = (0.0, 0);
            }
        }
        if !line.is_empty() {
            lines.push(line.trim_end().to_owned());
        }
        (lines, whole)
    }

    /// The narrowest lines that are not more of them, so that none has a single word.
    pub(super) fn balance(&mut self, width: f32) {
        let count = self.lines.len();
        if self.cut || !(2..=BALANCED).contains(&count) {
            return;
        }
        let (mut low, mut high) = (width / 2.0, width);
        for _ in 0..8 {
            let middle = (low + high) / 2.0;
            let (lines, whole) = self.broken(middle);
            if whole && lines.len() == count {
                high = middle;
            } else {
                low = middle;
            }
        }
        let (lines, whole) = self.broken(high);
        if whole && lines.len() == count {
            self.lines = lines;
        }
    }

    /// At the smallest size, words wider than the box are broken between two characters.
    pub(super) fn break_words(&mut self, fonts: &Fonts, width: f32) {
        self.size = self.smallest;
        let mut broken = Vec::with_capacity(self.pieces.len());
        for piece in std::mem::take(&mut self.pieces) {
            if self.pixels(piece.width_without_blanks, piece.graphemes) <= width {
                broken.push(piece);
                continue;
            }
            let mut part = String::new();
            for grapheme in piece.text.graphemes(true) {
                let longer = format!("{part}{grapheme}");
                let needed = fonts.width(&self.want, longer.trim_end());
                if !part.is_empty() && self.pixels(needed, longer.graphemes(true).count()) > width {
                    broken.push(Piece::new(
                        std::mem::take(&mut part),
                        false,
                        fonts,
                        &self.want,
                    ));
                    part.push_str(grapheme);
                } else {
                    part = longer;
                }
            }
            broken.push(Piece::new(part, piece.ends_line, fonts, &self.want));
        }
        self.pieces = broken;
        self.lines = self.broken(width).0;
    }

    /// Cuts the text to so many lines; the last ends with an ellipsis.
    pub(super) fn keep_lines(&mut self, fonts: &Fonts, count: usize, width: f32) {
        if self.lines.len() <= count {
            return;
        }
        self.lines.truncate(count);
        self.cut = true;
        let Some(last) = self.lines.last_mut() else {
            return;
        };
        let kept: Vec<&str> = last.split_word_bounds().collect();
        for count in (0..=kept.len()).rev() {
            let words = kept[..count].concat();
            let words =
                words.trim_end_matches(|c: char| c.is_whitespace() || ",;:.–-…".contains(c));
            let shorter = format!("{words}…");
            let needed = fonts.width(&self.want, &shorter) * self.size
                + shorter.graphemes(true).count() as f32 * self.spacing;
            if needed <= width || count == 0 {
                *last = shorter;
                return;
            }
        }
    }

    /// The element with its lines, from `y` down.
    pub(super) fn write(&self, source: &str, x: f32, y: f32, anchor: &str, to: &mut String) {
        to.push_str("<text xml:space=\"preserve\"");
        for range in &self.attributes {
            let attribute = source.get(range.clone()).unwrap_or_default();
            let _ = write!(to, " {attribute}");
        }
        let _ = write!(
            to,
            " font-size=\"{:.2}\" text-anchor=\"{anchor}\">",
            self.size
        );
        let mut baseline = y + self.size * self.measures.cap_height;
        for line in &self.lines {
            let _ = write!(
                to,
                "<tspan x=\"{x:.2}\" y=\"{baseline:.2}\">{}</tspan>",
                escaped(line)
            );
            baseline += self.size * self.leading;
        }
        to.push_str("</text>");
    }
}

impl Piece {
    fn new(text: String, ends_line: bool, fonts: &Fonts, want: &Want) -> Self {
        let without = text.trim_end();
        let width_without_blanks = fonts.width(want, without);
        let blanks = &text[without.len()..];
        Piece {
            width: width_without_blanks + fonts.width(want, blanks),
            width_without_blanks,
            graphemes: text.graphemes(true).count(),
            ends_line,
            text,
        }
    }
}

fn pieces(text: &str, fonts: &Fonts, want: &Want) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for (end, opportunity) in unicode_linebreak::linebreaks(text) {
        let piece = &text[from..end];
        from = end;
        if piece.is_empty() {
            continue;
        }
        let ends_line = opportunity == BreakOpportunity::Mandatory && end < text.len();
        let piece = piece.trim_end_matches(['\n', '\r']).to_owned();
        // An emoji stays with the word before it: alone on a line it looks lost.
        if begins_with_emoji(&piece)
            && let Some(Piece { text: before, .. }) =
                pieces.pop_if(|last: &mut Piece| !last.ends_line && !begins_with_emoji(&last.text))
        {
            pieces.push(Piece::new(before + &piece, ends_line, fonts, want));
            continue;
        }
        pieces.push(Piece::new(piece, ends_line, fonts, want));
    }
    pieces
}

fn begins_with_emoji(text: &str) -> bool {
    matches!(
        text.chars().next(),
        Some('\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
