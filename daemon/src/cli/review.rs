//! `jarchi approve`, `jarchi edit`, `jarchi reject`, `jarchi approval list`.

use std::fs::OpenOptions;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::model::{Id, Severity};
use crate::service::api::{PostDetail, Request, Reviewed, Reviews};

use super::client::{Context, runtime};
use super::output::{Failure, or_dash, print, table};
use super::post::problem_line;

/// Let posts out that wait for a yes
#[derive(Clone, Debug, clap::Args)]
pub struct ApproveArgs {
    /// Numbers of posts; `jarchi approval list` shows them
    #[arg(required = true, value_name = "POST")]
    posts: Vec<Id>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Keep a post back, and say what is wrong with it
///
/// Its slot in the plan gets another post, whose generator is told the reason.
#[derive(Clone, Debug, clap::Args)]
pub struct RejectArgs {
    post: Id,
    /// What is wrong with it; the generator is told
    #[arg(long, value_name = "TEXT")]
    because: Option<String>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Give a post other words, as long as nothing of it has gone out
///
/// The accounts' platforms are asked before it is taken. A post that waits for a yes goes
/// on waiting; `--approve` lets it out.
#[derive(Clone, Debug, clap::Args)]
pub struct EditArgs {
    post: Id,
    /// The new text; `-` reads it from standard input. Else `$VISUAL` or `$EDITOR` opens the
    /// old one
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// For this account alone; else for all
    #[arg(long, short, value_name = "NAME")]
    account: Option<String>,
    /// Let it out, too
    #[arg(long)]
    approve: bool,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Posts that wait for a yes
#[derive(Clone, Debug, clap::Args)]
pub struct ApprovalArgs {
    #[command(subcommand)]
    command: ApprovalCommand,
    /// Print the answer as JSON
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum ApprovalCommand {
    /// All of them, those with the nearest deadline first
    List,
}

pub(super) fn list(context: &Context, args: ApprovalArgs) -> Result<(), Failure> {
    let ApprovalCommand::List = args.command;
    let reviews: Reviews = context.call(&Request::Reviews)?;
    print(&reviews, args.json, words)
}

pub(super) fn approve(context: &Context, args: ApproveArgs) -> Result<(), Failure> {
    for post in args.posts {
        let reviewed: Reviewed = context.call(&Request::Approve { post })?;
        print(&reviewed, args.json, outcome)?;
    }
    Ok(())
}

pub(super) fn reject(context: &Context, args: RejectArgs) -> Result<(), Failure> {
    let reviewed: Reviewed = context.call(&Request::Reject {
        post: args.post,
        because: args.because,
    })?;
    print(&reviewed, args.json, outcome)
}

pub(super) fn edit(context: &Context, args: EditArgs) -> Result<(), Failure> {
    let detail: PostDetail = context.call(&Request::ShowPost { post: args.post })?;
    let text = match args.text {
        Some(text) if text == "-" => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text.trim_end().to_owned()
        }
        Some(text) => text,
        None => {
            let draft = &detail.post.draft;
            let own = args.account.as_ref();
            let own = own.and_then(|name| draft.variants.iter().find(|(known, _)| known == name));
            let before = own.map_or(&draft.text, |(_, words)| words);
            let after = in_editor(before)?;
            if after == *before {
                return Err(Failure::wrong("nothing was changed"));
            }
            after
        }
    };
    let accounts: Vec<String> = detail
        .deliveries
        .iter()
        .map(|delivery| delivery.account.clone())
        .collect();
    let reviewed: Reviewed = runtime()?.block_on(async {
        // Where no daemon runs, the plugins are asked here.
        let client = context.with_accounts(&accounts).await?;
        let request = Request::Edit {
            post: args.post,
            text,
            account: args.account,
        };
        Ok::<_, Failure>(client.call(&request).await?)
    })?;
    for (account, problem) in &reviewed.problems {
        eprintln!("{}", problem_line(account, problem));
    }
    let refused = reviewed
        .problems
        .iter()
        .any(|(_, problem)| problem.severity == Severity::Error);
    if refused {
        if args.json {
            print(&reviewed, true, |_| String::new())?;
        }
        return Err(Failure::wrong(format!("post {} is as it was", args.post))
            .help("change the text to what the platform takes"));
    }
    if !args.approve {
        return print(&reviewed, args.json, outcome);
    }
    let approved: Reviewed = context.call(&Request::Approve { post: args.post })?;
    print(&approved, args.json, outcome)
}

/// What somebody makes of a text in an editor.
fn in_editor(text: &str) -> Result<String, Failure> {
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()));
    let Some(editor) = editor else {
        return Err(Failure::wrong("neither $VISUAL nor $EDITOR is set")
            .help("give the text: `--text \"…\"`, or `--text -` from standard input"));
    };
    let path = draft_file(text)?;
    let edited = open_editor(&editor, &path);
    // It can stay where it can't be removed: it is in the folder for that.
    let _ = std::fs::remove_file(&path);
    edited
}

/// For this user's eyes only.
fn draft_file(text: &str) -> Result<PathBuf, Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut random = [0; 8];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::failed(format!("no random numbers: {error}")))?;
    let name = format!("jarchi-{:016x}.md", u64::from_be_bytes(random));
    let path = std::env::temp_dir().join(name);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))?;
    file.write_all(text.as_bytes())?;
    Ok(path)
}

fn open_editor(editor: &str, path: &Path) -> Result<String, Failure> {
    // It may have arguments of its own, as `code --wait`.
    let status = Command::new("sh")
        .arg("-c")
        .arg(format!("{editor} \"$1\""))
        .arg("jarchi")
        .arg(path)
        .status()
        .map_err(|error| Failure::failed(format!("`{editor}`: {error}")))?;
    if !status.success() {
        return Err(Failure::wrong(format!(
            "`{editor}` ended with {status}: nothing was changed"
        )));
    }
    let text = std::fs::read_to_string(path)?;
    Ok(text.trim_end().to_owned())
}

fn outcome(reviewed: &Reviewed) -> String {
    let mut text = format!("post {} {}\n", reviewed.post, reviewed.outcome);
    for line in &reviewed.deliveries {
        text.push_str(&format!(
            "  delivery {} on {} is {}, due {}\n",
            line.delivery, line.account, line.state, line.due_local
        ));
    }
    if let Some(planned) = reviewed.planned {
        text.push_str(&format!("  planned slot {planned} gets another post\n"));
    }
    text
}

fn words(reviews: &Reviews) -> String {
    if reviews.reviews.is_empty() {
        return "nothing waits for a yes".to_owned();
    }
    table(
        &[
            "post",
            "answer by",
            "else",
            "due",
            "accounts",
            "pillar",
            "text",
        ],
        reviews.reviews.iter().map(|one| {
            vec![
                one.post.to_string(),
                one.deadline_local.clone(),
                one.on_deadline.name().to_owned(),
                one.due_local.clone(),
                one.accounts.join(", "),
                or_dash(one.pillar.as_ref()),
                one.text.clone(),
            ]
        }),
    )
}
