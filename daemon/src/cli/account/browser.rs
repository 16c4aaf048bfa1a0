//! The user's browser.

use std::io;
use std::process::{Command, Stdio};

/// Opens an address; false where there is no browser to be had.
pub(super) fn open(url: &str) -> bool {
    let Some(mut command) = command(url) else {
        return false;
    };
    let started: io::Result<_> = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.is_ok()
}

/// What `BROWSER` names, by its usual rules: programs divided by colons, `%s` is the
/// address; else the desktop's way, where there is a desktop.
fn command(url: &str) -> Option<Command> {
    let named = std::env::var("BROWSER").ok();
    let first = named
        .as_deref()
        .and_then(|named| named.split(':').find(|one| !one.trim().is_empty()));
    if let Some(named) = first {
        let mut words = named.split_whitespace();
        let mut command = Command::new(words.next()?);
        let mut placed = false;
        for word in words {
            placed |= word.contains("%s");
            command.arg(word.replace("%s", url));
        }
        if !placed {
            command.arg(url);
        }
        return Some(command);
    }
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        let has_desktop = ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        // Elsewhere it would look for a browser in the terminal.
        if !has_desktop {
            return None;
        }
        "xdg-open"
    };
    let mut command = Command::new(program);
    command.arg(url);
    Some(command)
}
