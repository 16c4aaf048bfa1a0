//! Words that fit their boxes: `data-box` and `data-stack` in a template become lines of
//! the largest size at which all is inside.

mod text;

use std::ops::Range;

use roxmltree::{Document, Node};

use crate::fonts::Fonts;
use text::Words;

/// A rectangle in the template's units.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Area {
    x: f32,
    y: f32,
    width: f32,
    height: f32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Start,
    Middle,
    End,
}

/// What became of a template.
#[derive(Debug, Default, PartialEq)]
pub struct Fitted {
    pub svg: String,
    /// The words that were cut, as they are now.
    pub cut: Vec<String>,
}

/// Sets all words of a document into their boxes.
///
/// # Errors
/// It is no XML, or an attribute of a box is wrong; in words, with the line.
pub fn fit(source: &str, fonts: &Fonts) -> Result<Fitted, String> {
    // How an emoji is drawn is not left to choose: there is one font that can, and the
    // renderer looks in vain for one that has the selectors.
    let source = &source.replace(['\u{fe0e}', '\u{fe0f}'], "");
    let document = Document::parse(source).map_err(|error| {
        format!(
            "line {}: the template makes no valid SVG: {error}",
            error.pos().row
        )
    })?;
    let mut setter = Setter {
        source,
        document: &document,
        fonts,
        cut: Vec::new(),
    };
    let svg = setter.rewritten(document.root_element())?;
    Ok(Fitted {
        svg,
        cut: setter.cut,
    })
}

struct Setter<'a> {
    source: &'a str,
    document: &'a Document<'a>,
    fonts: &'a Fonts,
    cut: Vec<String>,
}

/// A child of a stack.
enum Item<'a> {
    Words(Words, Place),
    /// Anything else, drawn from the corner of the room that it says it takes.
    Drawing(Node<'a, 'a>, f32, f32),
}

impl<'a> Setter<'a> {
    /// The element's source with everything in it set.
    fn rewritten(&mut self, node: Node<'a, 'a>) -> Result<String, String> {
        let range = node.range();
        let mut changes: Vec<(Range<usize>, String)> = Vec::new();
        self.collect(node, &mut changes)?;
        let mut written = String::with_capacity(range.len() * 2);
        let mut at = range.start;
        for (range, text) in changes {
            written.push_str(self.source.get(at..range.start).unwrap_or_default());
            written.push_str(&text);
            at = range.end;
        }
        written.push_str(self.source.get(at..range.end).unwrap_or_default());
        Ok(written)
    }

    fn collect(
        &mut self,
        node: Node<'a, 'a>,
        changes: &mut Vec<(Range<usize>, String)>,
    ) -> Result<(), String> {
        for child in node.children().filter(Node::is_element) {
            if child.has_attribute("data-stack") {
                changes.push((child.range(), self.stack(child)?));
            } else if child.has_attribute("data-box") {
                changes.push((child.range(), self.text_box(child)?));
            } else {
                self.collect(child, changes)?;
            }
        }
        Ok(())
    }

    fn wrong(&self, node: Node<'a, 'a>, message: impl std::fmt::Display) -> String {
        let line = self.document.text_pos_at(node.range().start).row;
        format!("line {line} of the SVG: {message}")
    }

    fn numbers(
        &self,
        node: Node<'a, 'a>,
        name: &str,
        count: Range<usize>,
    ) -> Result<Vec<f32>, String> {
        let text = node.attribute(name).unwrap_or_default();
        let numbers: Vec<f32> = text
            .split([' ', ','])
            .filter(|part| !part.is_empty())
            .map(str::parse)
            .collect::<Result<_, _>>()
            .map_err(|_| self.wrong(node, format!("`{name}` is not numbers: `{text}`")))?;
        if !count.contains(&numbers.len()) || numbers.iter().any(|number| !number.is_finite()) {
            let message = format!("`{name}` has {} numbers: `{text}`", numbers.len());
            return Err(self.wrong(node, message));
        }
        Ok(numbers)
    }

    fn number(&self, node: Node<'a, 'a>, name: &str) -> Result<Option<f32>, String> {
        if !node.has_attribute(name) {
            return Ok(None);
        }
        Ok(self.numbers(node, name, 1..2)?.first().copied())
    }

    fn area(&self, node: Node<'a, 'a>, name: &str) -> Result<Area, String> {
        match self.numbers(node, name, 4..5)?[..] {
            [x, y, width, height] if width > 0.0 && height > 0.0 => Ok(Area {
                x,
                y,
                width,
                height,
            }),
            _ => Err(self.wrong(node, format!("`{name}` needs x, y, width and height"))),
        }
    }

    fn place(&self, node: Node<'a, 'a>, name: &str) -> Result<Option<Place>, String> {
        Ok(Some(match node.attribute(name) {
            None => return Ok(None),
            Some("left" | "top") => Place::Start,
            Some("center" | "middle") => Place::Middle,
            Some("right" | "bottom") => Place::End,
            Some(other) => {
                let message = format!(
                    "`{name}` is `{other}`: it may be left, center or right, and for `data-valign` top, middle or bottom"
                );
                return Err(self.wrong(node, message));
            }
        }))
    }

    fn words(&self, node: Node<'a, 'a>) -> Result<Words, String> {
        let sizes = if node.has_attribute("data-size") {
            self.numbers(node, "data-size", 1..3)?
        } else {
            let message = "a text in a box needs `data-size`: its largest size, and its smallest";
            return Err(self.wrong(node, message));
        };
        let largest = sizes[0];
        let smallest = sizes.get(1).copied().unwrap_or(largest / 2.0);
        if smallest <= 0.0 || largest < smallest {
            let message = "`data-size` is the largest size, then the smallest";
            return Err(self.wrong(node, message));
        }
        let words = Words::new(
            node,
            self.fonts,
            largest,
            smallest,
            self.number(node, "data-leading")?.unwrap_or(1.2),
            self.number(node, "data-lines")?
                .map_or(usize::MAX, |lines| (lines as usize).max(1)),
            self.number(node, "letter-spacing")?.unwrap_or(0.0),
        );
        Ok(words)
    }

    fn text_box(&mut self, node: Node<'a, 'a>) -> Result<String, String> {
        if !node.has_tag_name((SVG, "text")) {
            return Err(self.wrong(node, "`data-box` belongs to a `text`"));
        }
        let area = self.area(node, "data-box")?;
        let vertical = self.place(node, "data-valign")?.unwrap_or(Place::Start);
        let align = self.place(node, "data-align")?.unwrap_or(Place::Start);
        let words = self.words(node)?;
        if words.is_empty() {
            return Ok(String::new());
        }
        self.set(area, vertical, vec![(0.0, Item::Words(words, align))])
    }

    fn stack(&mut self, node: Node<'a, 'a>) -> Result<String, String> {
        let area = self.area(node, "data-stack")?;
        let vertical = self.place(node, "data-valign")?.unwrap_or(Place::Start);
        let align = self.place(node, "data-align")?.unwrap_or(Place::Start);
        let usual = self.number(node, "data-gap")?.unwrap_or(0.0);
        let mut items = Vec::new();
        for child in node.children().filter(Node::is_element) {
            let gap = self.number(child, "data-gap")?.unwrap_or(usual);
            let gap = if items.is_empty() { 0.0 } else { gap };
            if child.has_tag_name((SVG, "text")) {
                let align = self.place(child, "data-align")?.unwrap_or(align);
                let words = self.words(child)?;
                if !words.is_empty() {
                    items.push((gap, Item::Words(words, align)));
                }
                continue;
            }
            let Some(height) = self.number(child, "data-height")? else {
                let message = "in a stack, what is no `text` needs `data-height`";
                return Err(self.wrong(child, message));
            };
            let width = self.number(child, "data-width")?.unwrap_or(area.width);
            let x = match align {
                Place::Start => area.x,
                Place::Middle => area.x + (area.width - width) / 2.0,
                Place::End => area.x + area.width - width,
            };
            items.push((gap, Item::Drawing(child, x, height)));
        }
        let attributes: String = node
            .attributes()
            .filter(|attribute| !attribute.name().starts_with("data-"))
            .filter_map(|attribute| self.source.get(attribute.range()))
            .map(|attribute| format!(" {attribute}"))
            .collect();
        let inside = self.set(area, vertical, items)?;
        Ok(format!("<g{attributes}>{inside}</g>"))
    }

    /// The largest sizes at which all of it is inside; the last resort is to cut words.
    fn set(
        &mut self,
        area: Area,
        vertical: Place,
        mut items: Vec<(f32, Item<'a>)>,
    ) -> Result<String, String> {
        let at = |items: &mut Vec<(f32, Item<'a>)>, scale: f32| -> bool {
            let mut whole = true;
            for (_, item) in items.iter_mut() {
                if let Item::Words(words, _) = item {
                    whole &= words.wrap(scale, area.width);
                }
            }
            whole && height_of(items) <= area.height + 0.5
        };
        if !at(&mut items, 1.0) {
            let (mut low, mut high) = (0.0_f32, 1.0_f32);
            for _ in 0..10 {
                let middle = (low + high) / 2.0;
                if at(&mut items, middle) {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            if !at(&mut items, low) {
                self.cut(&mut items, area);
            }
        }
        for (_, item) in &mut items {
            if let Item::Words(words, _) = item {
                words.balance(area.width);
            }
        }
        let free = (area.height - height_of(&items)).max(0.0);
        let mut y = area.y
            + match vertical {
                Place::Start => 0.0,
                Place::Middle => free / 2.0 + lone_tails(&items) / 2.0,
                Place::End => free,
            };
        let mut written = String::new();
        for (gap, item) in items {
            y += gap;
            match item {
                Item::Words(words, align) => {
                    let (x, anchor) = match align {
                        Place::Start => (area.x, "start"),
                        Place::Middle => (area.x + area.width / 2.0, "middle"),
                        Place::End => (area.x + area.width, "end"),
                    };
                    words.write(self.source, x, y, anchor, &mut written);
                    y += words.height();
                }
                Item::Drawing(node, x, height) => {
                    let inside = self.rewritten(node)?;
                    written.push_str(&format!(
                        "<g transform=\"translate({x:.2} {y:.2})\">{inside}</g>"
                    ));
                    y += height;
                }
            }
        }
        Ok(written)
    }

    /// At the smallest size: lines too many are cut off the longest text, until it fits.
    fn cut(&mut self, items: &mut [(f32, Item<'a>)], area: Area) {
        for (_, item) in items.iter_mut() {
            if let Item::Words(words, _) = item {
                words.break_words(self.fonts, area.width);
                words.keep_lines(self.fonts, words.most_lines(), area.width);
            }
        }
        while height_of(items) > area.height + 0.5 {
            let longest = items
                .iter_mut()
                .filter_map(|(_, item)| match item {
                    Item::Words(words, _) if words.lines() > 1 => Some(words),
                    _ => None,
                })
                .max_by_key(|words| words.lines());
            let Some(words) = longest else {
                break;
            };
            let lines = words.lines() - 1;
            words.keep_lines(self.fonts, lines, area.width);
        }
        for (_, item) in items.iter() {
            if let Item::Words(words, _) = item
                && words.is_cut()
            {
                self.cut.push(words.text());
            }
        }
    }
}

fn height_of(items: &[(f32, Item<'_>)]) -> f32 {
    let heights = items.iter().map(|(gap, item)| {
        gap + match item {
            Item::Words(words, _) => words.height(),
            Item::Drawing(_, _, height) => *height,
        }
    });
    heights.sum()
}

/// Of a line that stands alone: its capitals are in the middle then, not its capitals and
/// tails.
fn lone_tails(items: &[(f32, Item<'_>)]) -> f32 {
    match items {
        [(_, Item::Words(words, _))] if words.lines() == 1 => words.tails_in_pixels(),
        _ => 0.0,
    }
}

const SVG: &str = "http://www.w3.org/2000/svg";
