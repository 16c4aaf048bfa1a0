use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use minijinja::{Environment, context};

use crate::cli::output::Failure;
use crate::plugin::manifest::Manifest;

const CARGO: &str = include_str!("new/Cargo.toml.in");
const GITIGNORE: &str = include_str!("new/gitignore");

/// The crate of the SDK, in its folder in Jarchi's own checkout.
const SDK: &str = "jarchi-plugin-sdk";
const SDK_FOLDER: &str = "plugin-sdk";

/// Start a plugin: a crate that builds, with tests that pass
#[derive(Clone, Debug, clap::Args)]
pub(super) struct NewArgs {
    /// What accounts call it: a-z, 0-9 and -
    name: String,
    /// A connector publishes on a platform, a generator makes content
    #[arg(long, value_enum)]
    kind: Kind,
    /// The crate's folder [default: NAME in this folder]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<PathBuf>,
    /// The folder of jarchi-plugin-sdk [default: that of the checkout which this program was
    /// built in, else its repository]
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    sdk: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Kind {
    Connector,
    Generator,
}

impl Kind {
    /// The manifest, the plugin and its tests.
    fn files(self) -> [&'static str; 3] {
        match self {
            Kind::Connector => [
                include_str!("new/connector.toml"),
                include_str!("new/connector.rs"),
                include_str!("new/connector_test.rs"),
            ],
            Kind::Generator => [
                include_str!("new/generator.toml"),
                include_str!("new/generator.rs"),
                include_str!("new/generator_test.rs"),
            ],
        }
    }
}

pub(super) fn run(args: &NewArgs) -> Result<(), Failure> {
    let dir = args
        .dir
        .clone()
        .unwrap_or_else(|| PathBuf::from(&args.name));
    let [manifest, library, test] = args.kind.files();
    // As a string of TOML, whatever is in it.
    let quoted = toml::Value::from(args.name.as_str()).to_string();
    let manifest = manifest.replace("\"{{ name }}\"", &quoted);
    if let Err(wrong) = Manifest::parse(&manifest) {
        let messages: Vec<&str> = wrong
            .problems
            .iter()
            .map(|problem| problem.message.as_str())
            .collect();
        return Err(Failure::wrong(messages.join("; ")));
    }
    let absolute = std::path::absolute(&dir)?;
    let surroundings = Surroundings::of(&absolute)?;
    let package = format!("jarchi-plugin-{}", args.name);
    let sdk = sdk(args, &surroundings)?;
    let template = |text: &str| -> Result<String, minijinja::Error> {
        let mut environment = Environment::new();
        environment.set_keep_trailing_newline(true);
        environment.render_str(
            text,
            context! {
                package,
                library => package.replace('-', "_"),
                sdk,
                stands_alone => !matches!(surroundings, Surroundings::Member { .. }),
                own_workspace => matches!(surroundings, Surroundings::Inside),
            },
        )
    };
    let render =
        |text| template(text).map_err(|error| Failure::failed(format!("the template: {error}")));
    let files = [
        ("Cargo.toml", render(CARGO)?),
        ("plugin.toml", manifest),
        ("src/lib.rs", library.to_owned()),
        ("tests/calls.rs", render(test)?),
        (".gitignore", GITIGNORE.to_owned()),
    ];
    write(&dir, &files)?;
    tell(args, &dir)
}

/// Into a folder that is not there yet, or is empty.
fn write(dir: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    let at =
        |path: &Path, error: io::Error| Failure::failed(format!("{}: {error}", path.display()));
    match fs::read_dir(dir).map(Iterator::count) {
        Ok(1..) => {
            return Err(Failure::wrong(format!(
                "{} is already there, and not empty; nothing was written",
                dir.display()
            ))
            .help("`--dir` names another folder"));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(dir, error)),
        _ => {}
    }
    for (name, text) in files {
        let path = dir.join(name);
        let folder = path.parent().unwrap_or(dir);
        fs::create_dir_all(folder).map_err(|error| at(folder, error))?;
        fs::File::create_new(&path)
            .and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| at(&path, error))?;
    }
    Ok(())
}

fn tell(args: &NewArgs, dir: &Path) -> Result<(), Failure> {
    let path = dir.display();
    let name = &args.name;
    super::print(&(), false, |()| {
        format!(
            "wrote {path}: Cargo.toml, plugin.toml, src/lib.rs, tests/calls.rs\n\n\
             How to go on:\n  \
             - cd {path}\n  \
             - cargo test                    # native, no wasm toolchain is needed\n  \
             - jarchi plugin build           # makes {name}.wasm\n  \
             - jarchi plugin inspect {name}.wasm\n\
             What it may reach and needs is in plugin.toml, what it does in src/lib.rs."
        )
    })
}

/// Where a new crate would lie.
#[derive(Debug, PartialEq)]
enum Surroundings {
    Alone,
    /// In a folder that a workspace takes its members from.
    Member {
        /// The workspace says itself where the SDK is.
        knows_sdk: bool,
    },
    /// Inside of a workspace that does not count it in.
    Inside,
}

impl Surroundings {
    fn of(dir: &Path) -> Result<Self, Failure> {
        for root in dir.ancestors().skip(1) {
            let path = root.join("Cargo.toml");
            let text = match fs::read_to_string(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => continue,
                text => text.map_err(|error| {
                    Failure::wrong(format!("{} can't be read: {error}", path.display()))
                })?,
            };
            let manifest: toml::Table = text
                .parse()
                .map_err(|error| Failure::wrong(format!("{}: {error}", path.display())))?;
            let Some(workspace) = manifest.get("workspace") else {
                continue;
            };
            let inside = dir.strip_prefix(root).unwrap_or(dir);
            let named = |key| {
                let patterns = workspace.get(key).and_then(toml::Value::as_array);
                patterns
                    .into_iter()
                    .flatten()
                    .filter_map(toml::Value::as_str)
                    .any(|pattern| matches(Path::new(pattern), inside))
            };
            return Ok(if named("members") && !named("exclude") {
                let dependencies = workspace.get("dependencies");
                Surroundings::Member {
                    knows_sdk: dependencies.and_then(|all| all.get(SDK)).is_some(),
                }
            } else {
                Surroundings::Inside
            });
        }
        Ok(Surroundings::Alone)
    }
}

/// Whether a workspace's pattern, as `plugins/*`, names this path.
fn matches(pattern: &Path, path: &Path) -> bool {
    let part = |(pattern, name): (&std::ffi::OsStr, &std::ffi::OsStr)| {
        let (Some(pattern), Some(name)) = (pattern.to_str(), name.to_str()) else {
            return pattern == name;
        };
        match pattern.split_once('*') {
            None => pattern == name,
            Some((before, after)) => {
                name.len() >= before.len() + after.len()
                    && name.starts_with(before)
                    && name.ends_with(after)
            }
        }
    };
    pattern.iter().count() == path.iter().count() && pattern.iter().zip(path).all(part)
}

/// The line of Cargo.toml that names the SDK.
fn sdk(args: &NewArgs, surroundings: &Surroundings) -> Result<String, Failure> {
    let by_path = |dir: &Path| {
        let path = toml::Value::from(dir.display().to_string());
        format!("{SDK} = {{ path = {path} }}")
    };
    if let Some(dir) = &args.sdk {
        let absolute = dir.canonicalize().unwrap_or_else(|_| dir.clone());
        if !is_sdk(&absolute) {
            return Err(
                Failure::wrong(format!("{} is not the folder of {SDK}", dir.display()))
                    .help(format!("it is `{SDK_FOLDER}` in Jarchi's own checkout")),
            );
        }
        return Ok(by_path(&absolute));
    }
    if let Surroundings::Member { knows_sdk: true } = surroundings {
        return Ok(format!("{SDK}.workspace = true"));
    }
    let program = env::current_exe().unwrap_or_default();
    let checkout = program
        .ancestors()
        .map(|folder| folder.join(SDK_FOLDER))
        .find(|folder| is_sdk(folder));
    Ok(checkout.map_or_else(
        || {
            format!(
                "{SDK} = {{ git = \"{}\", version = \"{}\" }}",
                env!("CARGO_PKG_REPOSITORY"),
                env!("CARGO_PKG_VERSION")
            )
        },
        |dir| by_path(&dir),
    ))
}

fn is_sdk(dir: &Path) -> bool {
    fs::read_to_string(dir.join("Cargo.toml"))
        .ok()
        .and_then(|text| text.parse::<toml::Table>().ok())
        .is_some_and(|manifest| {
            let package = manifest.get("package");
            package.and_then(|package| package.get("name")) == Some(&toml::Value::from(SDK))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_crate_fits_into_the_workspace_around_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let of = |path: &str| Surroundings::of(&root.join(path)).unwrap();
        assert_eq!(of("notes"), Surroundings::Alone);

        let manifest = "[workspace]\nmembers = [\"plugins/*\", \"apps/jarchi-*\", \"one\"]\n\
                        exclude = [\"plugins/old\"]\n";
        fs::write(root.join("Cargo.toml"), manifest).unwrap();
        for member in ["plugins/notes", "apps/jarchi-notes", "one"] {
            assert_eq!(
                of(member),
                Surroundings::Member { knows_sdk: false },
                "{member}"
            );
        }
        for other in ["notes", "plugins/old", "plugins/notes/more", "apps/notes"] {
            assert_eq!(of(other), Surroundings::Inside, "{other}");
        }

        let knows = format!("{manifest}[workspace.dependencies]\n{SDK} = \"0.1\"\n");
        fs::write(root.join("Cargo.toml"), knows).unwrap();
        assert_eq!(
            of("plugins/notes"),
            Surroundings::Member { knows_sdk: true }
        );
    }
}
