//! `jarchi init`: a configuration to start from.

mod ask;
mod platform;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono_tz::Tz;
use minijinja::context;
use url::Url;

pub use self::ask::Ask;
pub use self::platform::Platform;

const CONFIG: &str = include_str!("jarchi.toml");
const POST: &str = include_str!("hello.md");
const GITIGNORE: &str = include_str!("gitignore");

/// Write a configuration to start from
///
/// Makes jarchi.toml, a folder `content` with an example post, and a .gitignore that keeps
/// secrets out of the repository. What is already there is left as it is. On a terminal it
/// asks for what is not given.
#[derive(Clone, Debug, clap::Args)]
pub struct InitArgs {
    /// Where; made if it is not there
    #[arg(default_value = ".", value_hint = clap::ValueHint::DirPath)]
    pub directory: PathBuf,
    /// Whom the daemon speaks for
    #[arg(long, value_name = "NAME")]
    pub brand: Option<String>,
    /// Of slots and schedules, as Asia/Baku; else this machine's
    #[arg(long, value_name = "ZONE", value_parser = time_zone)]
    pub time_zone: Option<Tz>,
    /// A platform to begin with; may be given more than once
    #[arg(long = "account", value_enum, value_name = "PLATFORM")]
    pub accounts: Vec<Platform>,
    /// The account's server, as https://mastodon.social
    #[arg(long, value_name = "URL")]
    pub server: Option<Url>,
    /// Ask nothing
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("{} is already there; nothing was written", .0.display())]
    Exists(PathBuf),
    #[error("{} can't be written: {error}", .path.display())]
    Write { path: PathBuf, error: io::Error },
    #[error("`--server` needs `--account`: whose server is it?")]
    ServerAlone,
    #[error("`--server` is for one account; give the others' servers in jarchi.toml")]
    ServerOfMany,
    #[error("`{0}` is no server: write its address, as https://mastodon.social")]
    Server(Url),
    #[error("asking: {0}")]
    Ask(io::Error),
    #[error("the template: {0}")]
    Template(#[from] minijinja::Error),
}

fn time_zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| {
        let names = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let help = crate::config::did_you_mean(text, names);
        let help = help.unwrap_or_else(|| "write one of the IANA database, as Asia/Baku".into());
        format!("not a time zone; {help}")
    })
}

/// What the files are made from.
struct Answers {
    brand: String,
    time_zone: Tz,
    accounts: Vec<(Platform, Option<Url>)>,
}

impl InitArgs {
    /// `questions` is the terminal, if there is one and it may be asked.
    ///
    /// # Errors
    /// When there is a jarchi.toml already, or a file can't be written.
    pub fn run(
        &self,
        questions: Option<&mut Ask<'_>>,
        out: &mut dyn Write,
    ) -> Result<ExitCode, InitError> {
        let config = self.directory.join("jarchi.toml");
        // Before anybody answers questions in vain.
        if config.exists() {
            return Err(InitError::Exists(config));
        }
        let answers = self.answers(questions.filter(|_| !self.yes))?;
        let mut files = Files {
            root: &self.directory,
            written: Vec::new(),
            kept: Vec::new(),
        };
        let (text, post) = answers.render()?;
        fs::create_dir_all(&self.directory).map_err(|error| InitError::Write {
            path: self.directory.clone(),
            error,
        })?;
        files.write("jarchi.toml", &text)?;
        if files.kept.contains(&config) {
            return Err(InitError::Exists(config));
        }
        files.folder("content")?;
        files.folder("secrets")?;
        files.write("content/hello.md", &post)?;
        files.write(".gitignore", GITIGNORE)?;
        self.tell(&files, &answers, out)
            .map_err(|error| InitError::Write {
                path: PathBuf::from("standard output"),
                error,
            })?;
        Ok(ExitCode::SUCCESS)
    }

    fn answers(&self, mut questions: Option<&mut Ask<'_>>) -> Result<Answers, InitError> {
        match (self.accounts.len(), &self.server) {
            (0, Some(_)) => return Err(InitError::ServerAlone),
            (2.., Some(_)) => return Err(InitError::ServerOfMany),
            (_, Some(server)) if !is_server(server) => {
                return Err(InitError::Server(server.clone()));
            }
            _ => {}
        }
        let brand = match (&self.brand, &mut questions) {
            (Some(brand), _) => brand.clone(),
            (None, Some(ask)) => ask.text("Whom does it speak for?", "My brand")?,
            (None, None) => "My brand".to_owned(),
        };
        let here = iana_time_zone::get_timezone()
            .ok()
            .and_then(|name| name.parse().ok())
            .unwrap_or(Tz::UTC);
        let time_zone = match (self.time_zone, &mut questions) {
            (Some(zone), _) => zone,
            (None, Some(ask)) => ask.parsed("In which time zone?", here.name(), time_zone)?,
            (None, None) => here,
        };
        let mut accounts = self.accounts.clone();
        if let (true, Some(ask)) = (accounts.is_empty(), &mut questions) {
            accounts.push(ask.parsed("Where does it post first?", "mastodon", |text| {
                <Platform as clap::ValueEnum>::from_str(text, true)
                    .map_err(|_| format!("one of {}", Platform::names()))
            })?);
        }
        if accounts.is_empty() {
            accounts.push(Platform::Mastodon);
        }
        let mut with_servers: Vec<(Platform, Option<Url>)> = Vec::new();
        for platform in accounts {
            if with_servers.iter().any(|(known, _)| *known == platform) {
                continue;
            }
            let server = match (&self.server, &mut questions) {
                (Some(server), _) => Some(server.clone()),
                (None, Some(ask)) => {
                    let question = format!("The address of your {platform} server?");
                    Some(ask.parsed(&question, platform.usual_server(), server)?)
                }
                (None, None) => None,
            };
            with_servers.push((platform, server));
        }
        Ok(Answers {
            brand,
            time_zone,
            accounts: with_servers,
        })
    }

    fn tell(&self, files: &Files<'_>, answers: &Answers, out: &mut dyn Write) -> io::Result<()> {
        for path in &files.written {
            writeln!(out, "wrote {}", path.display())?;
        }
        for path in &files.kept {
            writeln!(out, "left {} as it is", path.display())?;
        }
        writeln!(out, "\nHow to go on:")?;
        let mut plugins: Vec<String> = answers
            .accounts
            .iter()
            .map(|(platform, _)| platform.to_string())
            .collect();
        plugins.push("library".to_owned());
        plugins.dedup();
        writeln!(
            out,
            "  - put {} into {}; in a checkout of Jarchi:\n    \
             jarchi plugin build {} --out {}",
            words(plugins.iter().map(|name| format!("{name}.wasm"))),
            self.directory.join(".jarchi/plugins").display(),
            plugins
                .iter()
                .map(|name| format!("plugins/{name}"))
                .collect::<Vec<_>>()
                .join(" "),
            std::path::absolute(self.directory.join(".jarchi/plugins"))?.display(),
        )?;
        for (platform, _) in &answers.accounts {
            let file = self.directory.join(platform.secret_file());
            writeln!(out, "  - {}, and put it into", platform.secret_help())?;
            writeln!(out, "    {} (mode 0600)", file.display())?;
        }
        writeln!(
            out,
            "  - write posts into {}",
            self.directory.join("content").display()
        )?;
        let config = self.directory.join("jarchi.toml");
        writeln!(out, "  - jarchi check --config {}", config.display())?;
        writeln!(
            out,
            "  - take `hold = true` away, and jarchi run --config {}",
            config.display()
        )
    }
}

/// `a, b and c`.
fn words(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

fn server(text: &str) -> Result<Url, String> {
    let text = text.trim();
    let whole = if text.contains("://") {
        text.to_owned()
    } else {
        format!("https://{text}")
    };
    Url::parse(&whole)
        .ok()
        .filter(is_server)
        .ok_or_else(|| "write its address, as https://mastodon.social".to_owned())
}

fn is_server(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https") && url.has_host()
}

impl Answers {
    /// The configuration and the example post.
    fn render(&self) -> Result<(String, String), minijinja::Error> {
        let mut templates = minijinja::Environment::new();
        templates.set_keep_trailing_newline(true);
        templates.add_filter("toml", |value: minijinja::Value| {
            // Strings and arrays of strings only: both are written in one line.
            toml::Value::try_from(&value)
                .map(|value| value.to_string())
                .map_err(|error| {
                    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, error.to_string())
                })
        });
        let accounts: Vec<_> = self
            .accounts
            .iter()
            .map(|(platform, server)| platform.context(server.as_ref()))
            .collect();
        let names: Vec<String> = self
            .accounts
            .iter()
            .map(|(platform, _)| platform.to_string())
            .collect();
        let config = templates.render_str(
            CONFIG,
            context! {
                brand => self.brand,
                time_zone => self.time_zone.name(),
                languages => ["en"],
                accounts,
            },
        )?;
        let post = templates.render_str(
            POST,
            context! { brand => self.brand, accounts => names.join(", ") },
        )?;
        Ok((config, post))
    }
}

/// What is written; nothing that exists is touched.
struct Files<'a> {
    root: &'a Path,
    written: Vec<PathBuf>,
    kept: Vec<PathBuf>,
}

impl Files<'_> {
    fn write(&mut self, name: &str, text: &str) -> Result<(), InitError> {
        let path = self.root.join(name);
        let mut options = fs::OpenOptions::new();
        match options.write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                let written = file.write_all(text.as_bytes());
                written.map_err(|error| InitError::Write {
                    path: path.clone(),
                    error,
                })?;
                self.written.push(path);
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.kept.push(path),
            Err(error) => return Err(InitError::Write { path, error }),
        }
        Ok(())
    }

    /// Only its owner may look into `secrets`.
    fn folder(&mut self, name: &str) -> Result<(), InitError> {
        let path = self.root.join(name);
        if path.is_dir() {
            return Ok(());
        }
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        if name == "secrets" {
            use std::os::unix::fs::DirBuilderExt as _;
            builder.mode(0o700);
        }
        let made = builder.create(&path);
        made.map_err(|error| InitError::Write { path, error })
    }
}
