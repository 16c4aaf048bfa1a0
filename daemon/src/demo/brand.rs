//! The sample brand's files, carried in the binary.

use std::fs;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::DemoError;

/// Where the sample configuration expects the server, and the daemon's own endpoint.
pub const SAMPLE_SERVER: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7378);
pub const SAMPLE_HTTP: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7377);

/// Tells a demo's folder from others.
pub const MARK: &str = ".jarchi-demo";

/// Account, and its name on the page.
const ACCOUNTS: [(&str, &str); 2] = [("cayevi", "Çay Evi"), ("cayevi_en", "Çay Evi (English)")];

const CONFIG: &str = include_str!("../../../config/sample/jarchi.toml");

macro_rules! sample {
    ($($path:literal),+ $(,)?) => {
        /// Every file of the sample's folders, by its path.
        pub(super) const FILES: &[(&str, &[u8])] = &[
            $(($path, include_bytes!(concat!("../../../config/sample/", $path)))),+
        ];
    };
}

sample!(
    "cards/logo.svg",
    "cards/prices.csv",
    "cards/reviews.csv",
    "cards/sayings.csv",
    "content/01-sabahiniz-xeyir.md",
    "content/02-samovar.md",
    "content/03-murebbe.md",
    "content/04-paxlava.md",
    "content/05-yeni-elci.md",
    "content/06-yagis.md",
    "content/07-yaxsi-cay.md",
    "content/08-which-jam.md",
    "content/09-two-pictures.md",
    "content/README.md",
    "content/images/armudu.png",
    "content/images/murebbe.png",
    "content/images/paxlava.png",
    "content/images/samovar.png",
    "words/brew.csv",
    "words/brew.jinja",
    "words/offers.csv",
    "words/offers.jinja",
    "words/talk.csv",
    "words/talk.jinja",
);

/// Writes configuration, tokens and content, and gives the configuration's path.
pub(super) fn write(
    dir: &Path,
    plugins: &Path,
    server: SocketAddr,
    http: SocketAddr,
) -> Result<PathBuf, DemoError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |error| DemoError::Write { path, error }
    };
    clear(dir)?;
    fs::create_dir_all(dir).map_err(failed(dir))?;
    let mark = dir.join(MARK);
    fs::write(
        &mark,
        "Made by `jarchi demo`, which replaces this folder.\n",
    )
    .map_err(failed(&mark))?;
    let folder = |name: &str| {
        let path = dir.join(name);
        fs::create_dir_all(&path).map_err(failed(&path))?;
        Ok::<_, DemoError>(path)
    };
    for (name, bytes) in FILES {
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(failed(folder))?;
        }
        fs::write(&path, bytes).map_err(failed(&path))?;
    }
    let secrets = folder("secrets")?;
    for (account, _) in ACCOUNTS {
        let path = secrets.join(account);
        let token = token().map_err(failed(&path))?;
        write_secret(&path, &token).map_err(failed(&path))?;
    }
    let path = dir.join("jarchi.toml");
    fs::write(&path, configuration(plugins, server, http)).map_err(failed(&path))?;
    Ok(path)
}

/// The sample with the addresses and the folder of this run.
fn configuration(plugins: &Path, server: SocketAddr, http: SocketAddr) -> String {
    let plugins = toml::Value::String(plugins.display().to_string());
    let daemon = format!("[daemon]\nplugin_dir = {plugins}\nhttp = \"{http}\"\n\n[daemon.log]");
    CONFIG
        .replace(&SAMPLE_SERVER.to_string(), &server.to_string())
        .replacen("[daemon.log]", &daemon, 1)
}

/// Removes what an earlier demo left, and nothing else.
fn clear(dir: &Path) -> Result<(), DemoError> {
    let mut entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            let path = dir.to_owned();
            return Err(DemoError::Write { path, error });
        }
    };
    if entries.next().is_none() {
        return Ok(());
    }
    if !dir.join(MARK).is_file() {
        return Err(DemoError::Taken(dir.to_owned()));
    }
    fs::remove_dir_all(dir).map_err(|error| DemoError::Write {
        path: dir.to_owned(),
        error,
    })
}

/// Account, display name and token, as [`write`] left them.
pub(super) fn accounts(dir: &Path) -> Result<Vec<(&'static str, &'static str, String)>, DemoError> {
    ACCOUNTS
        .into_iter()
        .map(|(account, name)| {
            let path = dir.join("secrets").join(account);
            match fs::read_to_string(&path) {
                Ok(token) => Ok((account, name, token)),
                Err(error) => Err(DemoError::Write { path, error }),
            }
        })
        .collect()
}

fn token() -> io::Result<String> {
    use base64::Engine as _;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

fn write_secret(path: &Path, token: &str) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(token.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn carries_every_file_of_the_sample() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/sample");
        let mut found: Vec<String> = ["cards", "content", "words"]
            .into_iter()
            .flat_map(|folder| walkdir::WalkDir::new(root.join(folder)))
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| {
                let path = entry.path().strip_prefix(&root).unwrap();
                path.to_str().unwrap().to_owned()
            })
            .collect();
        found.sort();
        let carried: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        assert_eq!(found, carried);
    }

    #[test]
    fn replaces_an_earlier_demo_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let ours = dir.path().join("demo");
        let plugins = Path::new("/plugins");
        write(&ours, plugins, SAMPLE_SERVER, SAMPLE_HTTP).unwrap();
        fs::write(ours.join("content/extra.md"), "x").unwrap();
        write(&ours, plugins, SAMPLE_SERVER, SAMPLE_HTTP).unwrap();
        assert!(!ours.join("content/extra.md").exists());

        let others = dir.path().join("others");
        fs::create_dir(&others).unwrap();
        fs::write(others.join("precious"), "x").unwrap();
        let refused = write(&others, plugins, SAMPLE_SERVER, SAMPLE_HTTP);
        assert!(matches!(refused, Err(DemoError::Taken(path)) if path == others));
        assert!(others.join("precious").exists());
    }
}
