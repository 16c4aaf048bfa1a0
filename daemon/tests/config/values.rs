//! What comes out of a configuration that is right.

use std::fs;
use std::path::Path;

use jarchi::config::{self, Config, Limits, Misfire, Rails, Run};
use jarchi::model::TimeSpan;
use secrecy::ExposeSecret as _;

use crate::{environment, surroundings};

const BRAND: &str = "[[brand]]\nname = \"tea\"\ntime_zone = \"Asia/Baku\"\n";

fn load(root: &Path, text: &str) -> Config {
    let path = root.join("jarchi.toml");
    fs::write(&path, text).unwrap();
    match config::load(&path, &environment(root)) {
        Ok((config, _)) => config,
        Err(wrong) => panic!("{wrong}"),
    }
}

#[test]
fn the_one_brand_and_every_default_is_filled_in() {
    let folder = surroundings();
    let root = folder.path();
    let config = load(
        root,
        &format!("{BRAND}[[account]]\nname = \"cafe\"\nplugin = \"mastodon\"\n"),
    );
    let account = &config.accounts["cafe"];
    assert_eq!(account.brand, "tea");
    assert_eq!(account.rails, Rails::default());
    let plugin = &config.plugins["mastodon"];
    assert_eq!(plugin.limits, Limits::default());
    assert_eq!(plugin.path, root.join(".jarchi/plugins/mastodon.wasm"));
    assert_eq!(config.daemon.data_dir, root.join(".jarchi"));
    assert_eq!(config.daemon.socket, root.join(".jarchi/jarchi.sock"));
    assert_eq!(config.daemon.http.unwrap().to_string(), "127.0.0.1:7377");
    assert_eq!(config.daemon.retry.first, TimeSpan::from_secs(30));
}

#[test]
fn secrets_and_settings_are_filled_in_from_outside() {
    let folder = surroundings();
    let config = load(
        folder.path(),
        &(BRAND.to_owned()
            + r#"
[[account]]
name = "cafe"
plugin = "mastodon"
settings = { server = "${env:SERVER}/$${env:SERVER}", deep = { list = ["${env:SERVER}", 1, 1.5, true] } }
secrets = { a = "${file:secrets/closed}", b = "x-${env:TOKEN}", c = "${credential:cafe}" }
"#),
    );
    let account = &config.accounts["cafe"];
    assert_eq!(
        account.settings["server"],
        "https://social.example/${env:SERVER}"
    );
    assert_eq!(
        account.settings["deep"]["list"],
        serde_json::json!(["https://social.example", 1, 1.5, true])
    );
    for (name, value) in [("a", "hush-hush"), ("b", "x-hush-hush"), ("c", "hush-hush")] {
        assert_eq!(account.secrets[name].expose_secret(), value);
    }
    let printed = format!("{config:?}");
    assert!(
        !printed.contains("hush") && !printed.contains("social.example"),
        "{printed}"
    );
}

#[test]
fn what_has_no_schedule_gets_one() {
    let folder = surroundings();
    let text = BRAND.to_owned()
        + r#"
[[account]]
name = "cafe"
plugin = "mastodon"

[[account]]
name = "shop"
plugin = "bluesky"

[[generator]]
name = "asked"
plugin = "library"
accounts = ["cafe"]

[[generator]]
name = "left"
plugin = "library"
accounts = ["cafe"]

[[schedule]]
name = "morning"
cron = "0 6 * * *"
time_zone = "UTC"
misfire = "skip"
generate = "asked"
"#;
    let names = |config: &Config| {
        let list = config.schedules.values();
        list.map(|one| format!("{} {} {}", one.name, one.cron, one.time_zone))
            .collect::<Vec<_>>()
    };
    let config = load(folder.path(), &text);
    assert_eq!(
        names(&config),
        [
            "generate:left */5 * * * * Asia/Baku",
            "measure:accounts 23 4 * * * Asia/Baku",
            "morning 0 6 * * * UTC",
            "store:tidy 41 3 * * * Asia/Baku",
        ]
    );
    assert_eq!(config.schedules["morning"].misfire, Misfire::Skip);

    // Where schedules measure some accounts, the others are not forgotten.
    let text = text
        + "[[schedule]]\nname = \"often\"\ncron = \"*/10 * * * *\"\nmeasure = \"accounts\"\naccount = \"cafe\"\n"
        + "[[schedule]]\nname = \"all\"\ncron = \"@daily\"\nmeasure = \"posts\"\n";
    let config = load(folder.path(), &text);
    assert_eq!(
        names(&config),
        [
            "all @daily Asia/Baku",
            "generate:left */5 * * * * Asia/Baku",
            "measure:accounts:shop 23 4 * * * Asia/Baku",
            "morning 0 6 * * * UTC",
            "often */10 * * * * Asia/Baku",
            "store:tidy 41 3 * * * Asia/Baku",
        ]
    );
    let left = &config.schedules["measure:accounts:shop"];
    assert_eq!(left.run, Run::MeasureAccounts(Some("shop".into())));
}

#[test]
fn paths_are_relative_to_the_file_that_they_stand_in() {
    let folder = surroundings();
    let root = folder.path();
    fs::create_dir_all(root.join("conf.d/own")).unwrap();
    fs::write(
        root.join("conf.d/a.toml"),
        "[[generator]]\nname = \"a\"\nplugin = \"library\"\naccounts = []\nfolders = { content = \"./own\" }\n",
    )
    .unwrap();
    let config = load(
        root,
        &format!(
            "{BRAND}[[generator]]\nname = \"b\"\nplugin = \"library\"\naccounts = []\nfolders = {{ content = \"content\" }}\n"
        ),
    );
    assert_eq!(
        config.generators["a"].folders["content"],
        root.join("conf.d/own")
    );
    assert_eq!(
        config.generators["b"].folders["content"],
        root.join("content")
    );
    assert_eq!(config.origin.files.len(), 2);
}

#[test]
fn nothing_around_is_looked_at_where_it_is_not_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("jarchi.toml");
    let text = BRAND.to_owned()
        + r#"
[[account]]
name = "cafe"
plugin = "mastodon"
settings = { server = "${env:NOWHERE}" }
secrets = { token = "${file:nowhere}", literal = "hush-hush" }

[[generator]]
name = "library"
plugin = "library"
accounts = ["cafe"]
folders = { content = "nowhere" }
"#;
    fs::write(&path, text).unwrap();
    let (config, _) = config::load_without_surroundings(&path).unwrap();
    let account = &config.accounts["cafe"];
    assert_eq!(account.settings["server"], "${env:NOWHERE}");
    assert_eq!(account.secrets.keys().collect::<Vec<_>>(), ["literal"]);
    let wrong = config::load(&path, &environment(folder.path())).unwrap_err();
    assert_eq!(wrong.errors(), 5, "{wrong}");
}

#[test]
fn what_is_shown_of_a_file_has_no_secret_in_it() {
    let folder = surroundings();
    let path = folder.path().join("jarchi.toml");
    let secret = "hush\u{259}-hush";
    for text in [
        format!("[[account]]\nname = \"cafe\"\ntoken = \"{secret}\"\nplugin = 1\n"),
        format!("[[account]]\nsecrets = {{ token = \"{secret}\" }}\n"),
        format!("[[account]]\nsettings = {{ deep = [{{ token = \"{secret}\" }}] }}\n"),
        format!("[account]\nsecrets = {{ token = [\"{secret}\"] }}\n"),
        format!("[[acount]]\nsecrets.token = \"{secret}\"\n"),
        format!("[[account]]\nsecrets = \"{secret}\"\n"),
        format!("[[account\nname = \"cafe\"\nsecrets = {{ token = \"{secret} }}\n"),
        format!("[[account]]\nsecrets = {{ token = \"\"\"\n{secret}\n"),
    ] {
        fs::write(&path, &text).unwrap();
        let wrong = config::load(&path, &environment(folder.path())).unwrap_err();
        assert!(!wrong.to_string().contains("hush"), "{wrong}");
        for finding in &wrong.0 {
            let shown = &finding.snippet.as_ref().unwrap().text;
            assert!(!shown.contains("hush"), "{shown}");
            assert!(shown.contains("ount"), "{shown}");
            assert_eq!(shown.len(), text.len());
            let span = finding.span.clone().unwrap();
            assert!(text.get(span).is_some());
        }
    }
}
