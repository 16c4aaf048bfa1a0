use super::problem;

/// The only problem of a manifest with OAuth 2 and these lines in `[auth]`.
fn oauth_problem(lines: &str) -> String {
    let mut lines = lines.to_owned();
    for (key, usual) in [
        ("authorize", "https://a.org/authorize"),
        ("token", "https://a.org/token"),
    ] {
        if !lines
            .lines()
            .any(|line| line.starts_with(&format!("{key} =")))
        {
            lines = format!("{key} = \"{usual}\"\n{lines}");
        }
    }
    problem(&format!(
        r#"hosts = ["a.org"]
[settings.server]
type = "url"
[settings.word]
type = "string"
[secrets.access_token]
place = [{{ header = "authorization" }}]
[secrets.renewal]
place = [{{ header = "x-renewal" }}]
[auth]
flow = "oauth2"
{lines}"#
    ))
}

#[test]
fn oauth_is_exact() {
    for (lines, says) in [
        ("authorize = \"http://a.org/x\"", "only https"),
        ("authorize = \"${setting:server/x\"", "has no end"),
        (
            "authorize = \"${setting:word}/x\"",
            "its type must be `url`",
        ),
        ("token = \"${setting:servr}/x\"", "did you mean `server`?"),
        ("pkce = \"s256\"", "did you mean `S256`?"),
        ("pkce = true", "a text is wanted"),
        ("client_auth = \"header\"", "known are `body`, `basic`"),
        ("token_method = \"PUT\"", "there is no `PUT`"),
        (
            "access_token = \"acces_token\"",
            "did you mean `access_token`?",
        ),
        (
            "refresh_token = \"refresh\"",
            "declare it: [secrets.refresh]",
        ),
        (
            "refresh_token = \"access_token\"",
            "need secrets of their own",
        ),
        ("scope = [\"a\"]", "did you mean `scopes`?"),
        ("scopes = [\"a\", \"a\"]", "stands here twice"),
        (
            "authorize_parameters = { secret = \"${client:secret}\" }",
            "can't stand in the address of a page",
        ),
        ("[[auth.exchange]]\nmethod = \"GET\"", "`url` is missing"),
        (
            "[[auth.exchange]]\nurl = \"https://a.org\"\nparameters = { a = \"x${token}\" }",
            "is no placeholder",
        ),
        (
            "[[auth.exchange]]\nurl = \"https://a.org\"\nparameters = { a = \"${setting:nothing}\" }",
            "there is no setting `nothing`",
        ),
        (
            "[[auth.exchange]]\nurl = \"https://a.org\"\nparameters = { a = \"${refresh_token}\" }",
            "names no secret `refresh_token`",
        ),
        ("[auth.refresh]\nmin_age = 5", "nothing to refresh with"),
        (
            "refresh_token = \"renewal\"\n[auth.refresh]\nmin_age = -5",
            "out of range",
        ),
        (
            "[auth.answer]\naccess_token = \"access_token\"",
            "begins with `/`: `/access_token`",
        ),
        (
            "[auth.answer]\nexpires = \"/a\"",
            "did you mean `expires_in`?",
        ),
    ] {
        let found = oauth_problem(lines);
        assert!(found.contains(says), "{lines}: {found}");
        assert!(found.contains("`auth"), "{lines}: {found}");
    }
    let missing = problem(
        "hosts = [\"a.org\"]\n[auth]\nflow = \"oauth2\"\nauthorize = \"https://a.org/x\"\ntoken = \"https://a.org/y\"",
    );
    assert!(missing.contains("names the secret that holds"), "{missing}");
    // Only what the daemon alone sends needs no place.
    let nowhere = problem("hosts = [\"a.org\"]\n[secrets.token]");
    assert!(nowhere.contains("can be put nowhere"), "{nowhere}");
}
