//! The words of a post, from an item. The template is the operator's; the item is data,
//! and is never read as a template.

use jarchi_plugin_sdk::{count, text};
use minijinja::value::{Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, context};

use crate::feed::Item;

const NAME: &str = "template";
const VARIABLES: &[&str] = &[
    "title",
    "link",
    "summary",
    "content",
    "author",
    "published",
    "categories",
    "feed_title",
];

pub(crate) struct Template {
    environment: Environment<'static>,
}

impl Template {
    /// # Errors
    /// It is no template, or names a variable that there is not; in words.
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.add_filter("truncate", truncate);
        environment.add_filter("hashtag", hashtag);
        environment.add_filter("join", join);
        environment.add_filter("upper", |text: &str| text.to_uppercase());
        environment.add_filter("lower", |text: &str| text.to_lowercase());
        environment.add_filter("replace", |text: &str, from: &str, to: &str| {
            text.replace(from, to)
        });
        environment.add_filter("first", first);
        environment
            .add_template_owned(NAME, source.to_owned())
            .map_err(|error| words(&error))?;
        let unknown = environment
            .get_template(NAME)
            .map_err(|error| words(&error))?
            .undeclared_variables(false)
            .into_iter()
            .find(|name| !VARIABLES.contains(&name.as_str()));
        if let Some(name) = unknown {
            return Err(format!(
                "there is no `{name}`: an item has {}",
                VARIABLES.join(", ")
            ));
        }
        // A filter that there is not is found only when it is used.
        let template = Template { environment };
        template.render_as_is(&sample(), "Feed")?;
        Ok(template)
    }

    /// The text for an item. Where it is longer than `limit`, content, summary and title
    /// are shortened in turn, so that an address in it stays whole.
    ///
    /// # Errors
    /// The template fails on this item; in words.
    pub(crate) fn render(
        &self,
        item: &Item,
        feed_title: &str,
        limit: Option<usize>,
    ) -> Result<String, String> {
        let mut item = item.clone();
        let mut rendered = self.render_as_is(&item, feed_title)?;
        let Some(limit) = limit else {
            return Ok(rendered);
        };
        let fields: [fn(&mut Item) -> &mut String; 3] = [
            |item| &mut item.content,
            |item| &mut item.summary,
            |item| &mut item.title,
        ];
        for field in fields {
            loop {
                let over = count::graphemes(&rendered).saturating_sub(limit);
                if over == 0 {
                    return Ok(rendered);
                }
                let words = field(&mut item);
                if words.is_empty() {
                    break;
                }
                let left = count::graphemes(words).saturating_sub(over);
                let shorter = text::shorten(words, left, count::graphemes);
                if shorter.len() >= words.len() {
                    break;
                }
                *words = shorter;
                let before = rendered;
                rendered = self.render_as_is(&item, feed_title)?;
                if rendered == before {
                    // The template does not use it, or cuts it short by itself.
                    break;
                }
            }
        }
        Ok(rendered)
    }

    fn render_as_is(&self, item: &Item, feed_title: &str) -> Result<String, String> {
        let published = item.published.map(jarchi_plugin_sdk::time::format_rfc3339);
        self.environment
            .get_template(NAME)
            .and_then(|template| {
                template.render(context! {
                    title => item.title,
                    link => item.link.as_deref().unwrap_or_default(),
                    summary => item.summary,
                    content => item.content,
                    author => item.author,
                    published => published.as_deref().and_then(|moment| moment.get(..10)).unwrap_or_default(),
                    categories => item.categories,
                    feed_title => feed_title,
                })
            })
            .map(|text| tidy(&text))
            .map_err(|error| words(&error))
    }
}

fn sample() -> Item {
    let word = || String::from("Word");
    Item {
        id: word(),
        title: word(),
        link: Some(String::from("https://example.org/")),
        summary: word(),
        content: word(),
        author: word(),
        published: Some(0),
        categories: vec![word()],
    }
}

/// No blanks at the ends of lines, no more than one empty line: a field may be empty.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = 0;
    for line in text.trim().lines() {
        let line = line.trim_end();
        empty = if line.is_empty() { empty + 1 } else { 0 };
        if empty > 1 {
            continue;
        }
        if !out.is_empty() {
            out.push('\n');
        }
        out.push_str(line);
    }
    out
}

fn words(error: &Error) -> String {
    let detail = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    match error.line() {
        Some(line) => format!("line {line}: {detail}"),
        None => detail,
    }
}

/// At most so many characters, cut between words, with `…` behind.
fn truncate(text: &str, most: usize) -> String {
    text::shorten(text, most, count::graphemes)
}

/// `bread of the day` as `#BreadOfTheDay`; of a list, each. Nothing, where no letter is
/// left.
fn hashtag(value: Value) -> Result<Value, Error> {
    if value.kind() == ValueKind::Seq {
        let tags: Vec<String> = value
            .try_iter()?
            .map(|item| tag(&item.to_string()))
            .filter(|tag| !tag.is_empty())
            .collect();
        return Ok(Value::from(tags));
    }
    Ok(Value::from(tag(&value.to_string())))
}

fn tag(text: &str) -> String {
    let words: Vec<&str> = text
        .split(|c: char| !c.is_alphanumeric() && c != '_' && !('\u{300}'..='\u{36f}').contains(&c))
        .filter(|word| !word.is_empty())
        .collect();
    if !text.chars().any(char::is_alphabetic) {
        return String::new();
    }
    let mut tag = String::from("#");
    for word in &words {
        let mut letters = word.chars();
        match letters.next() {
            Some(letter) if words.len() > 1 => tag.extend(letter.to_uppercase()),
            Some(letter) => tag.push(letter),
            None => {}
        }
        tag.push_str(letters.as_str());
    }
    tag
}

fn join(value: Value, between: Rest<String>) -> Result<String, Error> {
    let between = between.first().map_or("", String::as_str);
    let items: Vec<String> = value.try_iter()?.map(|item| item.to_string()).collect();
    Ok(items.join(between))
}

fn first(value: Value) -> Result<Value, Error> {
    let mut items = value
        .try_iter()
        .map_err(|_| Error::new(ErrorKind::InvalidOperation, "`first` takes a list"))?;
    Ok(items.next().unwrap_or_else(|| Value::from("")))
}
