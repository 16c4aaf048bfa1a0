//! A real browser, without a screen.

use std::path::Path;

use super::{Asking, stage};

const CHROMIUM: &str = "/usr/bin/chromium";

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_goes_the_whole_way() {
    if !Path::new(CHROMIUM).exists() {
        let required = std::env::var_os("JARCHI_REQUIRE_BROWSER").is_some_and(|value| value == "1");
        assert!(
            !required,
            "JARCHI_REQUIRE_BROWSER=1, and there is no {CHROMIUM}"
        );
        eprintln!("SKIPPED: there is no {CHROMIUM} to go through the platform's page with");
        return;
    }
    let (_lodge, home) = stage(&["cafe"]).await;
    let profile = home.path("profile");
    let shown = home.path("shown.html");
    let script = home.write(
        "browser.sh",
        format!(
            "#!/bin/sh\nexec {CHROMIUM} --headless --no-sandbox --disable-gpu \
             --disable-dev-shm-usage --no-first-run --user-data-dir='{}' \
             --virtual-time-budget=20000 --dump-dom \"$1\" > '{}' 2> '{}.log'\n",
            profile.display(),
            shown.display(),
            shown.display()
        ),
    );
    let browser = format!("/bin/sh {} %s", script.display());
    let args = ["account", "auth", "cafe", "--target", "kitchen", "--json"];
    let asking = Asking::start(&home, &args, &[("BROWSER", &browser)]);
    let (output, said) = asking.end().await;
    let log = std::fs::read_to_string(home.path("shown.html.log")).unwrap_or_default();
    assert!(output.status.success(), "{said}\n{log}");
    assert!(said.contains("It opens in your browser"), "{said}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ready"], true, "{report}");
}
