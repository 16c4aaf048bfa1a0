use tempfile::TempDir;

use super::*;

/// A machine with no compiler yet.
fn machine() -> (TempDir, Places) {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    let system = folder.path().join("system");
    fs::create_dir_all(&own).unwrap();
    fs::create_dir_all(&system).unwrap();
    let places = Places {
        cargo: own.join("cargo"),
        rustc: own.join("rustc"),
        rustup: own.join("rustup"),
        linkers: vec![folder.path().join("linkers")],
        system,
    };
    (folder, places)
}

/// A compiler that answers, with its sysroot beside it.
fn compiler(folder: &Path, version: &str) -> PathBuf {
    let sysroot = folder.join("sysroot");
    for name in ["cargo", "rustc"] {
        let path = folder.join(name);
        let script = format!(
            "#!/bin/sh\n\
             case \"$*\" in\n\
             --version) echo 'rustc {version} (0123456 2026-01-01)' ;;\n\
             *target-libdir*) echo '{0}/lib/rustlib/{TARGET}/lib' ;;\n\
             *sysroot*) echo '{0}' ;;\n\
             *) exit 9 ;;\n\
             esac\n",
            sysroot.display()
        );
        // Another process writes it: a file that this one had open, a child of another test
        // could hold open still, and then it does not start.
        let written = Command::new("sh")
            .args(["-c", "printf %s \"$1\" > \"$0\" && chmod 755 \"$0\""])
            .arg(&path)
            .arg(script)
            .status();
        assert!(written.unwrap().success());
    }
    sysroot
}

fn write(path: PathBuf) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "").unwrap();
}

fn with_target(sysroot: &Path) {
    write(sysroot.join(format!("lib/rustlib/{TARGET}/lib/libcore-0123.rlib")));
}

fn with_source(sysroot: &Path) {
    write(sysroot.join("lib/rustlib/src/rust/library/std/Cargo.toml"));
}

fn look_at(places: &Places) -> Result<Toolchain, Vec<String>> {
    let mut tried = Vec::new();
    look(places, Path::new("/"), &mut tried).ok_or(tried)
}

#[test]
fn the_users_own_target_comes_first() {
    let (folder, places) = machine();
    with_target(&compiler(&folder.path().join("own"), "1.90.0"));
    with_target(&compiler(&places.system, "1.96.0"));
    let found = look_at(&places).unwrap();
    assert_eq!(found.cargo, places.cargo);
    assert_eq!(found.rustc, None);
    assert!(matches!(found.standard, Standard::Installed));
}

#[test]
fn the_distributions_source_is_built_with_whatever_linker_there_is() {
    let (folder, places) = machine();
    compiler(&folder.path().join("own"), "1.90.0");
    let sysroot = compiler(&places.system, "1.96.0");
    with_source(&sysroot);
    let tried = look_at(&places).unwrap_err();
    assert!(tried[1].contains("no linker"), "{tried:?}");

    write(places.linkers[0].join("wasm-ld"));
    let linker_of = |places| match look_at(places).unwrap().standard {
        Standard::Source { linker, .. } => linker,
        Standard::Installed => panic!("it has no target"),
    };
    assert_eq!(linker_of(&places), places.linkers[0].join("wasm-ld"));
    write(places.linkers[0].join("rust-lld"));
    assert_eq!(linker_of(&places), places.linkers[0].join("rust-lld"));

    let found = look_at(&places).unwrap();
    let mut command = found.cargo(Path::new("/"));
    found.for_target(&mut command);
    let variables: Vec<_> = command.get_envs().collect();
    assert!(variables.contains(&("RUSTC_BOOTSTRAP".as_ref(), Some("1".as_ref()))));
    assert!(variables.contains(&(
        "RUSTC".as_ref(),
        Some(places.system.join("rustc").as_os_str())
    )));
    assert!(
        command
            .get_args()
            .any(|one| one == "-Zbuild-std=std,panic_abort")
    );
}

#[test]
fn a_target_of_the_distribution_needs_no_source() {
    let (_folder, places) = machine();
    with_target(&compiler(&places.system, "1.96.0"));
    let found = look_at(&places).unwrap();
    assert_eq!(found.rustc, Some(places.system.join("rustc")));
    assert!(matches!(found.standard, Standard::Installed));
}

#[test]
fn what_does_not_do_is_told_with_the_ways_that_do() {
    let (_folder, places) = machine();
    let tried = look_at(&places).unwrap_err();
    assert!(tried[0].contains("can't be started"), "{tried:?}");
    assert!(tried[1].starts_with("there is no "), "{tried:?}");

    let sysroot = compiler(&places.system, "1.63.0");
    with_source(&sysroot);
    let tried = look_at(&places).unwrap_err();
    assert!(tried[1].contains("1.63.0"), "{tried:?}");

    compiler(&places.system, "1.96.0");
    fs::remove_dir_all(&sysroot).unwrap();
    let tried = look_at(&places).unwrap_err();
    assert!(tried[1].contains("neither"), "{tried:?}");
    let words = ToolchainError { tried }.to_string();
    for way in ["rustup target add", "rustc-web", "neither"] {
        assert!(words.contains(way), "{words}");
    }
}
