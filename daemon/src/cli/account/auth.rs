//! `jarchi account auth`.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::mpsc;
use url::Url;
use zeroize::Zeroize as _;

use crate::account::Granted;
use crate::cli::client::Context;
use crate::cli::output::{Failure, moment, print};
use crate::plugin::Target;
use crate::service::api::Request;
use crate::service::{AccountReport, AuthStart, Client, Secret, SecretWanted, TargetList};

use super::callback::Callback;
use super::{browser, words};

/// How long a user may take at the platform's page.
const PATIENCE: Duration = Duration::from_secs(25 * 60);
/// Named where nobody listens: the address is copied out of the browser.
const PASTED_PORT: u16 = 7378;

/// Connect an account: in the browser, or by pasting what the platform gave
#[derive(Clone, Debug, clap::Args)]
pub(super) struct AuthArgs {
    /// Its name in the configuration
    name: String,
    /// The profile to post as; else you are asked where there are several
    #[arg(long, value_name = "ID")]
    target: Option<String>,
    /// The port of 127.0.0.1 for the platform's answer; else a free one
    #[arg(long)]
    port: Option<u16>,
    /// The address that is registered for the app [default: `redirect` of the [[plugin]]]
    #[arg(long, value_name = "URL")]
    redirect: Option<Url>,
    /// On a machine without a browser: paste the address that yours ends at, or the code
    #[arg(long)]
    paste: bool,
    /// What to ask the platform for, instead of all that the plugin can use; divided by commas
    #[arg(long, value_name = "SCOPES", value_delimiter = ',')]
    scopes: Vec<String>,
    /// Paste a token that you have already, a system user's, say
    #[arg(long, conflicts_with_all = ["paste", "redirect", "port", "scopes"])]
    token: bool,
    /// Show the platform's page, but don't open a browser
    #[arg(long)]
    no_browser: bool,
}

fn say(text: &str) {
    // Nothing is left to be done where stderr is closed.
    let _ = writeln!(io::stderr(), "{text}");
}

pub(super) async fn run(context: &Context, args: AuthArgs, json: bool) -> Result<(), Failure> {
    let config = context.load_plain()?;
    let plugin = config
        .accounts
        .get(&args.name)
        .and_then(|account| config.plugins.get(&account.plugin));
    let registered = args
        .redirect
        .clone()
        .or_else(|| plugin.and_then(|plugin| plugin.redirect.clone()));
    let client = context
        .with_accounts(std::slice::from_ref(&args.name))
        .await?;
    let callback = match args.paste || args.token {
        true => None,
        false => Callback::bind(registered.as_ref(), args.port).await?,
    };
    let redirect = match (&callback, &registered) {
        (Some(callback), _) => callback.redirect.clone(),
        (None, Some(registered)) => registered.as_str().to_owned(),
        (None, None) => format!(
            "http://127.0.0.1:{}/callback",
            args.port.unwrap_or(PASTED_PORT)
        ),
    };
    let start: AuthStart = client
        .call(&Request::AuthAccount {
            account: args.name.clone(),
            redirect,
            scopes: args.scopes.clone(),
            token: args.token,
        })
        .await?;
    let mut typed = Typed::default();
    match start {
        AuthStart::Token { help, secrets } => {
            if !help.is_empty() {
                say(&help);
            }
            let secrets = pasted(&secrets)?;
            let request = Request::KeepSecrets {
                account: args.name.clone(),
                secrets,
            };
            let () = client.call(&request).await?;
            say("The vault has them now.");
        }
        AuthStart::Browser {
            url, state, host, ..
        } => {
            let answer = asked(&args, callback, &url, &state, &mut typed).await?;
            let request = Request::AnswerAuth {
                account: args.name.clone(),
                state,
                answer: Secret(answer),
            };
            let granted: Granted = client.call(&request).await?;
            say(&allowed(&granted, &host));
        }
    }
    let report = choose(&client, &args, &mut typed).await?;
    ended(&report, json)
}

/// Prints how the account stands; one that is not ready is a failure.
pub(super) fn ended(report: &AccountReport, json: bool) -> Result<(), Failure> {
    print(report, json, words::report)?;
    match report.ready {
        Some(false) => Err(Failure::failed(format!(
            "account `{}` is not ready",
            report.account
        ))),
        _ => Ok(()),
    }
}

/// What the user pastes, unseen; from a pipe, a line for each.
fn pasted(wanted: &[SecretWanted]) -> Result<BTreeMap<String, Secret>, Failure> {
    let mut secrets = BTreeMap::new();
    let is_terminal = io::stdin().is_terminal();
    for one in wanted {
        let optional = if one.required {
            ""
        } else {
            ", empty to leave out"
        };
        let description = match one.description.as_str() {
            "" => String::new(),
            words => format!(" ({words})"),
        };
        let mut value = if is_terminal {
            rpassword::prompt_password(format!("{}{description}{optional}: ", one.name))?
        } else {
            let mut line = String::new();
            io::stdin().lock().read_line(&mut line)?;
            line
        };
        let text = value.trim();
        if !text.is_empty() {
            secrets.insert(one.name.clone(), Secret(SecretString::from(text)));
        }
        value.zeroize();
    }
    Ok(secrets)
}

/// Sends the user to the platform; what comes back.
async fn asked(
    args: &AuthArgs,
    callback: Option<Callback>,
    url: &str,
    state: &Secret,
    typed: &mut Typed,
) -> Result<SecretString, Failure> {
    let listens = callback.is_some();
    say(&format!("Let it in at this page:\n\n  {url}\n"));
    if listens && !args.no_browser && browser::open(url) {
        say("It opens in your browser.");
    }
    // A line may come from the terminal even where the answer is listened for.
    let reads = !listens || io::stdin().is_terminal();
    if reads {
        say(if listens {
            "Where the browser is on another machine, paste here the address that it ends at:"
        } else {
            "Then paste here the address that the browser ends at, or the code that it shows:"
        });
    }
    let listening = async {
        match callback {
            Some(callback) => callback.answer(state.0.clone()).await,
            None => std::future::pending().await,
        }
    };
    let typing = async {
        if !reads {
            return std::future::pending().await;
        }
        loop {
            match typed.line().await {
                Some(line) if line.expose_secret().is_empty() => {}
                line => return line,
            }
        }
    };
    let waiting = async {
        tokio::pin!(listening);
        tokio::select! {
            answer = &mut listening => answer,
            answer = typing => match answer {
                Some(answer) => Ok(answer),
                // The terminal was closed; the browser may still come.
                None if listens => listening.await,
                None => Err(Failure::wrong("nothing was pasted")),
            },
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .unwrap_or_else(|_| Err(Failure::failed("nobody has let it in; begin again")))
}

/// The lines of standard input. They are read on a thread that nobody waits for, so that a
/// command can end while nothing is typed.
#[derive(Default)]
struct Typed(Option<mpsc::UnboundedReceiver<SecretString>>);

impl Typed {
    /// None at the end of the input.
    async fn line(&mut self) -> Option<SecretString> {
        let lines = self.0.get_or_insert_with(|| {
            let (sender, receiver) = mpsc::unbounded_channel();
            std::thread::spawn(move || {
                loop {
                    let mut line = String::new();
                    let read = io::stdin().lock().read_line(&mut line);
                    let text = SecretString::from(line.trim());
                    line.zeroize();
                    if !read.is_ok_and(|length| length > 0) || sender.send(text).is_err() {
                        return;
                    }
                }
            });
            receiver
        });
        lines.recv().await
    }
}

fn allowed(granted: &Granted, host: &str) -> String {
    let mut text = format!("{host} gave its tokens; the vault has them now.");
    match granted.expires {
        Some(ends) if granted.refreshes => {
            text.push_str(&format!(" They are refreshed before {}.", moment(ends)));
        }
        Some(ends) => text.push_str(&format!(
            " They end at {}, and can't be refreshed: you will be told before.",
            moment(ends)
        )),
        None => {}
    }
    if !granted.lacking.is_empty() {
        text.push_str(&format!(
            "\nNot granted, although asked for: {}",
            granted.lacking.join(", ")
        ));
    }
    text
}

/// Finds the profile to post as.
async fn choose(
    client: &Client,
    args: &AuthArgs,
    typed: &mut Typed,
) -> Result<AccountReport, Failure> {
    let account = args.name.clone();
    let later = format!("`jarchi account target {account}` tries again");
    let listed = client
        .call::<TargetList>(&Request::Targets {
            account: account.clone(),
        })
        .await
        .map_err(|error| Failure::from(error).help(later.clone()))?;
    let usable: Vec<&Target> = listed
        .targets
        .iter()
        .filter(|target| target.obstacle.is_none())
        .collect();
    let is_there = |id: &String| usable.iter().any(|target| target.id == *id);
    let id = if let Some(id) = &args.target {
        Some(id.clone())
    } else if listed.settled {
        None
    } else if let Some(id) = listed.chosen.clone().filter(is_there) {
        Some(id)
    } else if let [only] = usable.as_slice() {
        Some(only.id.clone())
    } else if usable.is_empty() {
        say(&words::targets(&listed));
        return Err(
            Failure::failed("these credentials open nothing that can be posted as").help(later),
        );
    } else {
        Some(ask(&listed, &usable, &account, typed).await?)
    };
    let request = match id {
        Some(target) => Request::ChooseTarget { account, target },
        None => {
            let request = Request::Accounts {
                names: vec![account],
                check: true,
            };
            let reports: Vec<AccountReport> = client.call(&request).await?;
            return reports
                .into_iter()
                .next()
                .ok_or_else(|| Failure::failed("nothing is known of the account"));
        }
    };
    Ok(client.call(&request).await?)
}

async fn ask(
    listed: &TargetList,
    usable: &[&Target],
    account: &str,
    typed: &mut Typed,
) -> Result<String, Failure> {
    if !io::stdin().is_terminal() {
        say(&words::targets(listed));
        return Err(
            Failure::wrong("there are several profiles, and nobody to ask which")
                .help(format!("`jarchi account target {account} ID` chooses one")),
        );
    }
    for (number, target) in (1..).zip(usable) {
        let address = target.url.as_deref().unwrap_or(&target.id);
        say(&format!(
            "  {number}  {} {} ({address})",
            target.kind, target.name
        ));
    }
    loop {
        let _ = write!(io::stderr(), "Post as which? ");
        let _ = io::stderr().flush();
        let Some(line) = typed.line().await else {
            return Err(Failure::wrong("no profile was chosen")
                .help(format!("`jarchi account target {account} ID` chooses one")));
        };
        let chosen = line.expose_secret().parse::<usize>().ok();
        match chosen.and_then(|number| usable.get(number.checked_sub(1)?)) {
            Some(target) => return Ok(target.id.clone()),
            None => say(&format!("a number from 1 to {}", usable.len())),
        }
    }
}
