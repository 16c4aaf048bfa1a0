//! A topic as the text of a post.

use jarchi_plugin_sdk::compose;
use minijinja::{Environment, Error, UndefinedBehavior, context};

use crate::score::Topic;

const NAME: &str = "template";
const VARIABLES: [&str; 6] = ["topic", "hashtag", "pillar", "score", "source", "link"];
/// Steps that the template may take.
const FUEL: u64 = 10_000;

pub(crate) struct Template {
    environment: Environment<'static>,
}

impl Template {
    /// # Errors
    /// It is no template, or names what there is not; in words.
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        environment.set_fuel(Some(FUEL));
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
                "there is no `{name}`: a topic has {}",
                VARIABLES.join(", ")
            ));
        }
        Ok(Template { environment })
    }

    /// # Errors
    /// The template fails on this topic; in words.
    pub(crate) fn render(&self, topic: &Topic, with_link: bool) -> Result<String, String> {
        let link = topic
            .link
            .as_deref()
            .filter(|_| with_link)
            .unwrap_or_default();
        self.environment
            .get_template(NAME)
            .and_then(|template| {
                template.render(context! {
                    topic => topic.name,
                    hashtag => hashtag(&topic.name).unwrap_or_default(),
                    pillar => topic.pillar.as_deref().unwrap_or_default(),
                    score => topic.score,
                    source => topic.sources.first().map(String::as_str).unwrap_or_default(),
                    link => link,
                })
            })
            .map(|text| text.trim().to_owned())
            .map_err(|error| words(&error))
    }
}

/// The topic's hashtag with its sign, where it is short enough to be one.
pub(crate) fn hashtag(name: &str) -> Option<String> {
    let tag = compose::hashtag(name);
    let words = name.split(' ').count();
    (!tag.is_empty() && words <= 4 && tag.chars().count() <= 40).then(|| format!("#{tag}"))
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
