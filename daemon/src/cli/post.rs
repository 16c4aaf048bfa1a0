//! `jarchi post`, `jarchi post list`, `jarchi post show`.

use std::io::Read as _;
use std::path::PathBuf;

use crate::model::{
    Decision, Id, Origin, Post, Problem, Review, Severity, TimeSpan, Variant, Visibility,
};
use crate::service::api::{Attachment, PostDetail, PostRequest, Posted, Posts, Request};

use super::client::Context;
use super::output::{Failure, moment, or_dash, print, table};

/// Post something, or look at what was posted
///
/// The post is on disk when the command returns; the daemon publishes it when it is due.
/// Where no daemon runs, it waits for the next start.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct PostArgs {
    #[command(subcommand)]
    command: Option<PostCommand>,
    /// What to say; `-` reads it from standard input
    #[arg(required = true)]
    text: Option<String>,
    /// Where: names of the configuration, separated by commas
    #[arg(
        long,
        short,
        required = true,
        value_delimiter = ',',
        value_name = "NAME"
    )]
    account: Vec<String>,
    /// When: `2026-11-24 09:00` by the brand's wall clock, or with an offset
    /// [default: now]
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// In the next free slot of each account
    #[arg(long, conflicts_with = "at")]
    slot: bool,
    /// A picture or a video; may be given more than once
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    media: Vec<PathBuf>,
    /// What the picture shows, for those who can't see it; one for each `--media`
    #[arg(long, value_name = "TEXT", requires = "media")]
    alt: Vec<String>,
    /// BCP 47, as `az` or `en`
    #[arg(long, value_name = "TAG")]
    language: Option<String>,
    /// A link to show as a card
    #[arg(long, value_name = "URL")]
    link: Option<String>,
    /// Without the number sign, separated by commas
    #[arg(long, value_delimiter = ',', value_name = "TAG")]
    hashtag: Vec<String>,
    /// An answer that can be voted for; two or more
    #[arg(long = "poll", value_name = "ANSWER")]
    poll: Vec<String>,
    /// How long votes are taken
    #[arg(long, value_name = "SPAN", requires = "poll", default_value = "1d")]
    poll_open_for: TimeSpan,
    /// A further part of a thread; may be given more than once
    #[arg(long, value_name = "TEXT")]
    thread: Vec<String>,
    /// The first answer below the post
    #[arg(long, value_name = "TEXT")]
    first_comment: Option<String>,
    /// Hides the post behind these words
    #[arg(long, value_name = "TEXT")]
    content_warning: Option<String>,
    #[arg(long, value_enum)]
    visibility: Option<VisibilityArg>,
    #[arg(long, value_name = "NAME")]
    pillar: Option<String>,
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
    /// Only say what is wrong with it
    #[arg(long)]
    check: bool,
    /// Accept it in spite of what the platform would refuse
    #[arg(long, conflicts_with = "check")]
    force: bool,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum VisibilityArg {
    Public,
    Unlisted,
    Followers,
    Direct,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum PostCommand {
    /// The latest posts, newest first
    List {
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
    },
    /// One post with its deliveries and their history
    Show { post: Id },
}

pub(super) fn run(context: &Context, args: PostArgs) -> Result<(), Failure> {
    match args.command {
        Some(PostCommand::List { limit }) => {
            let posts: Posts = context.call(&Request::Posts { limit })?;
            print(&posts, args.json, list)
        }
        Some(PostCommand::Show { post }) => {
            let detail: PostDetail = context.call(&Request::ShowPost { post })?;
            print(&detail, args.json, show)
        }
        None => post(context, args),
    }
}

fn post(context: &Context, args: PostArgs) -> Result<(), Failure> {
    let mut text = args.text.unwrap_or_default();
    if text == "-" {
        text.clear();
        std::io::stdin().read_to_string(&mut text)?;
        text.truncate(text.trim_end().len());
    }
    if args.alt.len() > args.media.len() {
        return Err(Failure::wrong("there are more `--alt` than `--media`"));
    }
    let mut alts = args.alt.into_iter();
    let mut media = Vec::new();
    for path in args.media {
        let path = std::path::absolute(&path)
            .map_err(|error| Failure::wrong(format!("{}: {error}", path.display())))?;
        media.push(Attachment {
            path,
            alt: alts.next(),
        });
    }
    let request = PostRequest {
        text,
        accounts: args.account,
        at: args.at,
        slot: args.slot,
        media,
        language: args.language,
        link: args.link,
        hashtags: args.hashtag,
        poll: args.poll,
        poll_open_for: Some(args.poll_open_for),
        thread: args.thread,
        first_comment: args.first_comment,
        content_warning: args.content_warning,
        visibility: args.visibility.map(|visibility| match visibility {
            VisibilityArg::Public => Visibility::Public,
            VisibilityArg::Unlisted => Visibility::Unlisted,
            VisibilityArg::Followers => Visibility::Followers,
            VisibilityArg::Direct => Visibility::Direct,
        }),
        pillar: args.pillar,
        campaign: args.campaign,
        check: args.check,
        force: args.force,
    };
    let posted: Posted = context.call(&Request::Post(Box::new(request)))?;
    let refused = posted
        .problems
        .iter()
        .any(|(_, problem)| problem.severity == Severity::Error);
    for (account, problem) in &posted.problems {
        eprintln!("{}", problem_line(account, problem));
    }
    if posted.post.is_none() && refused {
        if args.json {
            print(&posted, true, |_| String::new())?;
        }
        return Err(Failure::wrong("it was not posted")
            .help("change it, or `--force` accepts it all the same and lets the platform decide"));
    }
    print(&posted, args.json, |posted| match posted.post {
        None => "nothing is wrong with it\n".to_owned(),
        Some(post) => {
            let mut text = format!("post {post}\n");
            for line in &posted.deliveries {
                let note = line.note.as_ref().map(|note| format!("; {note}"));
                text.push_str(&format!(
                    "  delivery {} on {}, due {}{}\n",
                    line.delivery,
                    line.account,
                    line.due_local,
                    note.unwrap_or_default()
                ));
            }
            text
        }
    })
}

pub(super) fn problem_line(account: &str, problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    format!(
        "{account}: {severity}: {}: {}",
        problem.place, problem.message
    )
}

fn list(posts: &Posts) -> String {
    if posts.posts.is_empty() {
        return "no posts yet: `jarchi post \"…\" --account NAME` makes one".to_owned();
    }
    table(
        &["post", "made", "state", "text", "from"],
        posts.posts.iter().map(|post| {
            vec![
                post.post.to_string(),
                moment(post.created_at),
                post.deliveries
                    .iter()
                    .map(|(account, state)| format!("{account}: {state}"))
                    .collect::<Vec<_>>()
                    .join(", "),
                post.text.clone(),
                post.source.clone(),
            ]
        }),
    )
}

/// What a person said of it, or has to say.
fn review_words(review: &Review) -> String {
    let Some(decision) = &review.decision else {
        let end = review.terms.on_deadline.name();
        return match review.terms.deadline {
            TimeSpan::ZERO => format!("waits for approval; {end} at its due time"),
            before => format!("waits for approval; {end} {before} before its due time"),
        };
    };
    let at = review.decided_at.map(moment);
    let by = review.by.as_ref().map(|by| format!(" by {by}"));
    let why = match decision {
        Decision::Rejected { because: Some(why) } => format!(": {why}"),
        _ => String::new(),
    };
    format!(
        "{} {}{}{why}",
        decision.name(),
        at.unwrap_or_default(),
        by.unwrap_or_default()
    )
}

fn indented(words: &str) -> String {
    words.lines().map(|line| format!("  {line}\n")).collect()
}

/// A draft's words as one account gets them.
fn variant_words(account: &str, variant: &Variant) -> String {
    let mut text = format!("\n{account}:\n{}", indented(&variant.text));
    for (number, part) in variant.thread.iter().enumerate() {
        text.push_str(&format!("  ({}) {}\n", number + 2, part.text));
    }
    if let Some(link) = &variant.link {
        text.push_str(&format!("  [link] {}\n", link.url));
    }
    if !variant.hashtags.is_empty() {
        text.push_str(&format!("  [hashtags] {}\n", variant.hashtags.join(", ")));
    }
    if let Some(comment) = &variant.first_comment {
        text.push_str(&format!("  [first comment] {comment}\n"));
    }
    text
}

/// What made it, and from what.
fn origin_words(post: &Post) -> String {
    let Origin::Generator {
        name,
        plugin,
        key,
        revision,
        source,
        provenance,
    } = &post.origin
    else {
        return String::new();
    };
    let mut text = format!("\nmade by {name} ({plugin}), draft {key}, revision {revision}\n");
    if let Some(source) = source {
        text.push_str(&format!("  source: {source}\n"));
    }
    let Some(made) = provenance else {
        return text;
    };
    for (what, value) in [
        ("model", &made.model),
        ("prompt", &made.prompt),
        ("brief", &made.brief),
    ] {
        if let Some(value) = value {
            text.push_str(&format!("  {what}: {value}\n"));
        }
    }
    if !made.sources.is_empty() {
        text.push_str(&format!("  drawn on: {}\n", made.sources.join(", ")));
    }
    text
}

fn show(detail: &PostDetail) -> String {
    let post = &detail.post;
    let mut text = format!("post {}, made {}\n\n", post.id, moment(post.created_at));
    for line in post.draft.text.lines() {
        text.push_str(&format!("  {line}\n"));
    }
    for item in &post.draft.media {
        let alt = item.alt.as_deref().unwrap_or("no alt text");
        text.push_str(&format!("  [{}: {}] {alt}\n", item.mime, item.path));
    }
    for (number, part) in post.draft.thread.iter().enumerate() {
        text.push_str(&format!("  ({}) {}\n", number + 2, part.text));
    }
    for (account, words) in &post.draft.variants {
        text.push_str(&format!(
            "\n{account}, by its own words:\n{}",
            indented(words)
        ));
    }
    for (account, variant) in &detail.variants {
        text.push_str(&variant_words(account, variant));
    }
    if let Some(review) = &post.review {
        text.push_str(&format!("\n{}\n", review_words(review)));
    }
    for delivery in &detail.deliveries {
        text.push('\n');
        text.push_str(&super::queue::detail(delivery));
    }
    text.push_str(&origin_words(post));
    if let Some(pillar) = &post.pillar {
        text.push_str(&format!(
            "\npillar {pillar}, campaign {}\n",
            or_dash(post.campaign.as_ref())
        ));
    }
    text
}
