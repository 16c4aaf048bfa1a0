//! What a token opens, and how it stands.

use jarchi_platforms::linkedin::{MEMBER, OTHER_PAGE, PAGE};
use jarchi_plugin_linkedin::LinkedIn;
use jarchi_plugin_sdk::{Connection, Error, Severity, testing};
use serde_json::json;

use crate::*;

#[test]
fn targets() {
    let stage = stage();
    let account = testing::account(&json!({}));
    let targets = LinkedIn::targets(&account).expect("told");
    let told: Vec<(&str, &str, bool)> = targets
        .iter()
        .map(|one| (one.id.as_str(), one.name.as_str(), one.obstacle.is_none()))
        .collect();
    assert_eq!(
        told,
        [
            (MEMBER, "Leyla Həsənova", true),
            // Of two roles the one that posts.
            (PAGE, "Armudu Çay Evi", true),
            (OTHER_PAGE, "Başqa", false),
            ("urn:li:organization:778", "urn:li:organization:778", false),
        ]
    );
    assert_eq!(targets[1].settings, json!({ "author": PAGE }).to_string());
    assert_eq!(
        targets[1].url.as_deref(),
        Some("https://www.linkedin.com/company/armudu")
    );
    // An app that has the other product's scopes.
    {
        let mut books = stage.platform.borrow_mut();
        books.scopes.remove("openid");
        books.scopes.insert("r_basicprofile");
        books.scopes.remove("rw_organization_admin");
    }
    let targets = LinkedIn::targets(&account).expect("told");
    assert_eq!(targets.len(), 1);
    assert_eq!(
        (targets[0].id.as_str(), targets[0].name.as_str()),
        (MEMBER, "Leyla Həsənova")
    );
    stage.platform.borrow_mut().scopes.clear();
    let none = LinkedIn::targets(&account);
    assert!(matches!(none, Err(Error::Unsupported(_))), "{none:?}");
    stage.platform.borrow_mut().dead_token = Some((65_601, "revoked"));
    assert!(matches!(
        LinkedIn::targets(&account),
        Err(Error::Unauthorized(_))
    ));
}

#[test]
fn standings() {
    let stage = stage();
    for (account, name) in [(page(), "Armudu Çay Evi"), (member(), "Leyla Həsənova")] {
        let standing = LinkedIn::check(&account).expect("told");
        assert_eq!(standing.name, name);
        assert!(
            standing.problems.is_empty() && standing.lacking.is_empty(),
            "{standing:?}"
        );
    }
    let other = testing::account(&json!({ "author": "urn:li:person:somebody" }));
    let standing = LinkedIn::check(&other).expect("told");
    assert_eq!(standing.problems[0].severity, Severity::Error);
    let analyst = testing::account(&json!({ "author": OTHER_PAGE }));
    let standing = LinkedIn::check(&analyst).expect("told");
    assert!(
        standing.problems[0].message.contains("ANALYST"),
        "{standing:?}"
    );
    stage.platform.borrow_mut().scopes.remove("r_member_social");
    let standing = LinkedIn::check(&member()).expect("told");
    assert_eq!(standing.lacking, ["r_member_social"]);
    assert_eq!(standing.problems[0].severity, Severity::Warning);
    // Nothing was changed by all this.
    assert!(
        stage
            .requests()
            .iter()
            .all(|request| request.method == "GET")
    );
}
