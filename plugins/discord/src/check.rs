//! What Discord would refuse, told before anything is sent.

use jarchi_plugin_sdk::{Poll, Post, Problem, count, options};

use crate::api::Webhook;
use crate::options::{Embed, KNOWN, Options, rgb};
use crate::plan::{self, THREAD_NAME, Unit};

/// "Execute Webhook": characters, files, and characters of a name.
const TEXT: usize = 2000;
const FILES: usize = 10;
const ALT: usize = 1024;
const USERNAME: usize = 80;
const TAGS: usize = 5;
/// "Embed Limits"; all of a message's cards together.
const EMBEDS: usize = 10;
const TITLE: usize = 256;
const DESCRIPTION: usize = 4096;
const FIELDS: usize = 25;
const FIELD: usize = 1024;
const FOOTER: usize = 2048;
const ALL_EMBEDS: usize = 6000;
/// "Poll Create Request Object".
const QUESTION: usize = 300;
const ANSWERS: usize = 10;
const ANSWER: usize = 55;
const HOURS: (u64, u64) = (1, 768);

/// The problems of a post.
pub fn check(webhook: &Webhook, post: &Post) -> Vec<Problem> {
    let mut problems = Vec::new();
    let options: Options = options::check(post, &KNOWN, &mut problems);
    let units = plan::units(post, &options);
    let embeds = plan::embeds(post, &options);
    for unit in &units {
        let extra = unit.place.is_empty() && (post.poll.is_some() || !embeds.is_empty());
        check_unit(webhook, unit, extra, &mut problems);
    }
    check_embeds(&embeds, &mut problems);
    if let Some(poll) = &post.poll {
        check_poll(poll, &plan::question(post, &options), &mut problems);
    }
    check_place(webhook, post, &options, &mut problems);
    problems
}

fn check_unit(webhook: &Webhook, unit: &Unit<'_>, extra: bool, problems: &mut Vec<Problem>) {
    let place = match unit.place.as_str() {
        "first-comment" => "first-comment".to_owned(),
        before => format!("{before}text"),
    };
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    let length = count::chars(&unit.text);
    if length > TEXT {
        error(&place, format!("{length} characters; Discord takes {TEXT}"));
    }
    if unit.text.trim().is_empty() && unit.media.is_empty() && !extra {
        error(&place, "there is neither text nor media".to_owned());
    }
    let media = match unit.place.as_str() {
        "first-comment" => "media".to_owned(),
        before => format!("{before}media"),
    };
    if unit.media.len() > FILES {
        error(
            &media,
            format!("{} files; Discord takes {FILES}", unit.media.len()),
        );
    }
    let limit = webhook.settings.upload_limit;
    for (index, item) in unit.media.iter().enumerate() {
        let place = format!("{media}[{index}]");
        if item.size > limit {
            error(
                &place,
                format!(
                    "{}: {} bytes; the server takes {limit}",
                    item.name, item.size
                ),
            );
        }
        if item.size == 0 {
            error(&place, format!("{} is empty", item.name));
        }
        let alt = count::chars(item.alt.as_deref().map(str::trim).unwrap_or_default());
        if alt > ALT {
            error(
                &format!("{place}.alt"),
                format!("{alt} characters; Discord takes {ALT}"),
            );
        }
    }
}

fn check_embeds(embeds: &[Embed], problems: &mut Vec<Problem>) {
    let mut error = |place: String, message: String| problems.push(Problem::error(place, message));
    if embeds.len() > EMBEDS {
        error(
            "options.embeds".into(),
            format!("{} cards; Discord takes {EMBEDS}", embeds.len()),
        );
    }
    let mut all = 0;
    for (index, embed) in embeds.iter().enumerate() {
        let place = format!("options.embeds[{index}]");
        let mut parts = vec![
            ("title", embed.title.as_deref(), TITLE),
            ("description", embed.description.as_deref(), DESCRIPTION),
            (
                "author.name",
                embed.author.as_ref().map(|one| one.name.as_str()),
                TITLE,
            ),
            (
                "footer.text",
                embed.footer.as_ref().map(|one| one.text.as_str()),
                FOOTER,
            ),
        ];
        for field in &embed.fields {
            parts.push(("fields.name", Some(&field.name), TITLE));
            parts.push(("fields.value", Some(&field.value), FIELD));
            if field.name.trim().is_empty() || field.value.trim().is_empty() {
                error(
                    format!("{place}.fields"),
                    "a field has a name and a value".into(),
                );
            }
        }
        for (name, text, limit) in parts {
            let length = count::chars(text.unwrap_or_default());
            all += length;
            if length > limit {
                error(
                    format!("{place}.{name}"),
                    format!("{length} characters; Discord takes {limit}"),
                );
            }
        }
        if embed.fields.len() > FIELDS {
            error(
                format!("{place}.fields"),
                format!("{} fields; Discord takes {FIELDS}", embed.fields.len()),
            );
        }
        if let Some(color) = embed.color.as_deref().filter(|color| rgb(color).is_none()) {
            error(
                format!("{place}.color"),
                format!("`{color}` is no colour: write it as `#8b5a2b`"),
            );
        }
    }
    if all > ALL_EMBEDS {
        error(
            "options.embeds".into(),
            format!("{all} characters in all cards; Discord takes {ALL_EMBEDS}"),
        );
    }
}

fn check_poll(poll: &Poll, question: &str, problems: &mut Vec<Problem>) {
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    match count::chars(question) {
        0 => error("text", "a poll needs a question".into()),
        1..=QUESTION => {}
        length => error(
            "text",
            format!(
                "{length} characters; a poll's question takes {QUESTION}: give it as `options.discord.question`, and the text stands above it"
            ),
        ),
    }
    let options = poll.options.len();
    if !(1..=ANSWERS).contains(&options) {
        error(
            "poll.options",
            format!("{options} options; Discord takes 1 to {ANSWERS}"),
        );
    }
    for (index, option) in poll.options.iter().enumerate() {
        let place = format!("poll.options[{index}]");
        match count::chars(option.trim()) {
            0 => error(&place, "the option is empty".into()),
            1..=ANSWER => {}
            length => error(
                &place,
                format!("{length} characters; Discord takes {ANSWER}"),
            ),
        }
    }
    let (hours, (least, most)) = (plan::hours(poll.open_for), HOURS);
    if !(least..=most).contains(&hours) {
        error(
            "poll.open-for",
            format!("{hours} hours; Discord takes {least} to {most}"),
        );
    } else if !poll.open_for.is_multiple_of(3_600_000) {
        problems.push(Problem::warning(
            "poll.open-for",
            format!("Discord counts whole hours: it is open for {hours}"),
        ));
    }
    if poll.hide_totals {
        problems.push(Problem::warning(
            "poll",
            "Discord shows the votes while a poll is open",
        ));
    }
}

fn check_place(webhook: &Webhook, post: &Post, options: &Options, problems: &mut Vec<Problem>) {
    let settings = &webhook.settings;
    let mut error = |place: &str, message: String| problems.push(Problem::error(place, message));
    let thread = options.thread.as_ref().or(settings.thread.as_ref());
    if settings.forum && thread.is_none() {
        let name = options.thread_name.as_deref().unwrap_or_default();
        if count::chars(name.trim()) > THREAD_NAME {
            error(
                "options.thread_name",
                format!("a thread's name has up to {THREAD_NAME} characters"),
            );
        }
        if plan::thread_name(post, options).is_empty() {
            error(
                "options.thread_name",
                "the post opens a thread, which needs a name".into(),
            );
        }
        if options.tags.len() > TAGS {
            error(
                "options.tags",
                format!("{} tags; Discord takes {TAGS}", options.tags.len()),
            );
        }
    } else {
        for (name, given) in [
            ("thread_name", options.thread_name.is_some()),
            ("tags", !options.tags.is_empty()),
        ] {
            if given {
                error(
                    &format!("options.{name}"),
                    "only a post that opens a thread in a forum takes it".into(),
                );
            }
        }
        if post.first_comment.is_some() && thread.is_none() {
            error(
                "first-comment",
                "a webhook can't answer its own message: in a forum, or in a thread, it can follow it".into(),
            );
        }
    }
    let name = options.username.as_ref().or(settings.username.as_ref());
    if let Some(name) = name {
        let lower = name.to_lowercase();
        if !(1..=USERNAME).contains(&count::chars(name.trim())) {
            error(
                "options.username",
                format!("a name has 1 to {USERNAME} characters"),
            );
        } else if lower.contains("discord") || lower.contains("clyde") {
            error(
                "options.username",
                "Discord takes no name with `discord` or `clyde` in it".into(),
            );
        }
    }
    for (place, number) in [
        ("options.thread", options.thread.as_ref()),
        ("settings.thread", settings.thread.as_ref()),
        ("settings.webhook", Some(&settings.webhook)),
    ] {
        if number.is_some_and(|number| number.parse::<u64>().is_err()) {
            error(place, "it is a number, as 1234567890123456789".into());
        }
    }
}
