mod oauth;

use super::*;

/// A manifest that uses everything.
const WHOLE: &str = r#"
name = "mastodon"
version = "0.3.1"
description = "Posts to any Mastodon server"
authors = ["A <a@example.org>"]
license = "Apache-2.0"
homepage = "https://example.org/mastodon"
hosts = ["${setting:server}", "api.example.org", "*.cdn.example.org", "files.example.org:8443", "127.0.0.1:3000", "[::1]:3000"]

[settings.server]
description = "The server's address"
type = "url"
required = true

[settings.visibility]
type = "string"
one_of = ["public", "unlisted"]
default = "public"

[settings.tags]
type = "strings"
default = ["a", "b"]

[settings.extra]
type = "table"
default = { depth = 2, ratio = 0.5, deep = [true] }

[secrets.token]
description = "An access token"
required = true
place = [{ header = "authorization", hosts = ["${setting:server}"] }]

[secrets.session]
[[secrets.session.place]]
header = "authorization"
[[secrets.session.place]]
body = true
method = "POST"
path = "/xrpc/refresh*"
hosts = ["a.cdn.example.org"]
[[secrets.session.capture]]
path = "/xrpc/create"
json = "/accessJwt"

[secrets.renewal]
description = "The refresh token, which only the daemon sends"

[secrets.bot]
place = [
    { url = true, path = "/bot${secret:bot}/*", hosts = ["api.example.org"] },
    { url = true, method = "GET", path = "/api/*/hooks/${secret:bot}*" },
    { url = true, parameter = "access_token" },
]

[secrets.signing]
place = [
    { header = "webhook-signature", sign = "hmac-sha256", over = "standard-webhooks" },
    { header = "x-signature", sign = "hmac-sha256" },
]

[secrets.app_secret]
place = [{ proof_of = ["token", "session"], parameter = "appsecret_proof", hosts = ["api.example.org"] }]

[auth]
flow = "oauth2"
help = "Make an app."
authorize = "${setting:server}/oauth/authorize"
token = "https://example.org/oauth/token"
scopes = ["read", "write"]
scope_separator = ","
pkce = "S256-hex"
client_auth = "basic"
client_id_parameter = "client_key"
token_method = "GET"
authorize_parameters = { prompt = "consent", id = "${client:id}" }
access_token = "session"
refresh_token = "renewal"
[[auth.exchange]]
url = "${setting:server}/exchange"
method = "GET"
parameters = { grant_type = "long", secret = "${client:secret}", given = "${token}" }
[auth.refresh]
url = "https://example.org/refresh"
method = "GET"
parameters = { given = "${refresh_token}", server = "${setting:server}" }
min_age = 86400
ahead = 604800
ended = ["190", "invalid_grant"]
[auth.answer]
access_token = "/data/access_token"
refresh_expires_in = "/refresh_expires_in"
error = "/error/code"

[limits]
text = 500
count = "utf16"
media = 4
media_types = ["image/png", "video/*"]
polls = true
threads = true

[limits.image]
formats = ["jpeg", "png"]
size = 16_777_216
min_ratio = 0.8
max_ratio = 2
animated = true
animated_size = 1000
unless = "as_document"

[limits.video]
containers = ["mp4", "mov"]
video_codecs = ["h264"]
min_seconds = 0.5
max_rate = 60
fast_start = true

[delivery]
idempotent_for = 3600
can_look_up = true
visible_after = 5
"#;

fn problems(toml: &str) -> Vec<String> {
    match Manifest::parse(toml) {
        Ok(_) => Vec::new(),
        Err(error) => error.problems.iter().map(ToString::to_string).collect(),
    }
}

/// The only problem of a manifest with this line in it.
fn problem(line: &str) -> String {
    let found = problems(&format!("name = \"a\"\nversion = \"1.0.0\"\n{line}\n"));
    assert_eq!(found.len(), 1, "{line}: {found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn reads_what_serde_reads() {
    let parsed = Manifest::parse(WHOLE).unwrap();
    assert_eq!(parsed, toml::from_str::<Manifest>(WHOLE).unwrap());
    assert_eq!(parsed.secrets["session"].capture[0].json, "/accessJwt");
    assert_eq!(
        parsed.settings["extra"].default,
        Some(serde_json::json!({ "depth": 2, "ratio": 0.5, "deep": [true] }))
    );
    let (image, video) = (parsed.limits.image.unwrap(), parsed.limits.video.unwrap());
    assert_eq!((image.size, image.max_ratio), (Some(16 << 20), Some(2.0)));
    assert_eq!((video.min_seconds, video.max_rate), (Some(0.5), Some(60.0)));
}

#[test]
fn the_least_manifest_is_enough() {
    let parsed = Manifest::parse("name = \"a\"\nversion = \"1.0.0\"").unwrap();
    assert!(parsed.hosts.is_empty() && parsed.secrets.is_empty() && parsed.auth.is_none());
}

#[test]
fn tells_everything_at_once_and_where() {
    let found = problems(
        r#"name = "Mastodon"
version = "1"
host = ["example.org"]
limits = { text = "500", media_typs = [] }

[secrets.token]
place = [
    { header = "Authorization" },
    { headr = "authorization" },
]
[settings.server]
type = "ulr"
"#,
    );
    let expected = [
        "line 1, `name`: `Mastodon` is no name for a plugin",
        "line 2, `version`: `1` is not a version",
        "line 3, `host`: there is no such key; did you mean `hosts`?",
        "line 4, `limits.text`: a whole number is wanted here, not a text",
        "line 4, `limits.media_typs`: there is no such key; did you mean `media_types`?",
        "line 6, `secrets.token`: the plugin has no `hosts`",
        "line 8, `secrets.token.place[0].header`: write it in lower case: `authorization`",
        "line 9, `secrets.token.place[1]`: a place needs `header",
        "line 9, `secrets.token.place[1].headr`: there is no such key; did you mean `header`?",
        "line 12, `settings.server.type`: there is no `ulr`; did you mean `url`?",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\nis not\n{expected}");
    }
}

#[test]
fn text_that_is_not_toml_is_placed() {
    let found = problems("name = \"a\nversion = \"1.0.0\"\n");
    assert!(
        found[0].starts_with("line 1: this is not TOML"),
        "{found:?}"
    );
    let found = problems("name = \"a\"\nname = \"b\"\nversion = \"1.0.0\"\n");
    assert!(
        found[0].contains("line 2") && found[0].contains("duplicate"),
        "{found:?}"
    );
}

#[test]
fn what_is_missing_is_named() {
    assert_eq!(
        problems(""),
        ["line 1: `name` is missing", "line 1: `version` is missing"]
    );
    assert!(problem("[settings.a]").ends_with("`settings.a`: `type` is missing"));
}

#[test]
fn hosts_are_hosts() {
    for (host, says) in [
        (
            "https://api.example.org/v1",
            "write the host alone: `api.example.org`",
        ),
        ("api.example.org/v1", "a path belongs to a secret's place"),
        ("*", "name them, or let a setting name them"),
        ("*.org", "too wide"),
        ("a.*.org", "`*` can only stand alone at the beginning"),
        ("*.127.0.0.1", "nothing below an address"),
        ("API.example.org", "write it as `api.example.org`"),
        ("çarçı.az", "write it as `xn--"),
        ("127.1", "write it as `127.0.0.1`"),
        ("example.org:port", "`port` is not a port"),
        ("example.org:0", "`0` is not a port"),
        ("a..example.org", "is not a host"),
        ("", "is not a host"),
        ("a b", "is not a host"),
        (
            "${setting:server}",
            "there is no setting `server`; declare it",
        ),
        ("${settings:server}", "write `${setting:NAME}`"),
        ("${setting:server", "write `${setting:NAME}`"),
        ("{setting:server}", "write `${setting:NAME}`"),
        ("$setting:server", "write `${setting:NAME}`"),
        ("${server}", "write `${setting:NAME}`"),
        ("${secret:token}", "a secret can't stand here"),
        ("*.${setting:server}", "write `${setting:NAME}`"),
    ] {
        let found = problem(&format!("hosts = [{host:?}]"));
        assert!(found.starts_with("line 3, `hosts[0]`: "), "{found}");
        assert!(found.contains(says), "{host}: {found}");
    }
    let twice = problem("hosts = [\"a.org\", \"b.org\", \"a.org\"]");
    assert_eq!(twice, "line 3, `hosts[2]`: `a.org` stands here twice");
}

#[test]
fn a_host_setting_has_a_host() {
    let near = problem("hosts = [\"${setting:sever}\"]\n[settings.server]\ntype = \"url\"");
    assert!(near.contains("did you mean `server`?"), "{near}");
    let kind = problem("hosts = [\"${setting:server}\"]\n[settings.server]\ntype = \"string\"");
    assert!(kind.contains("must be `url` or `urls`"), "{kind}");
}

#[test]
fn a_proof_stands_in_a_parameter_alone() {
    for (place, says) in [
        ("proof_of = [\"token\"]", "needs the `parameter`"),
        (
            "proof_of = [\"token\"], parameter = \"a=b\"",
            "not the name of a parameter",
        ),
        (
            "proof_of = [\"token\"], parameter = \"a\", header = \"x-key\"",
            "or a proof, not both",
        ),
    ] {
        let found = problem(&format!(
            "hosts = [\"api.example.org\"]\n[secrets]\n\
             token = {{ place = [{{ header = \"authorization\" }}] }}\n\
             app = {{ place = [{{ {place} }}] }}"
        ));
        assert!(found.contains(says), "{place}: {found}");
    }
}

#[test]
fn places_are_exact() {
    for (place, says) in [
        ("{ header = \"x-key\", body = true }", "not both"),
        ("{ method = \"POST\" }", "a place needs `header"),
        ("{ header = \"x key\" }", "not the name of a header"),
        ("{ header = \"host\" }", "set by the daemon alone"),
        (
            "{ body = true, method = \"post\" }",
            "write it in upper case: `POST`",
        ),
        (
            "{ body = true, path = \"login\" }",
            "a path begins with `/`: `/login`",
        ),
        ("{ body = true, path = \"/a*b\" }", "once, at the end"),
        ("{ body = true, path = \"/a**\" }", "once, at the end"),
        ("{ body = true, path = \"/a?b\" }", "ends before `?`"),
        ("{ body = true, path = \"/a/*b/c\" }", "of a whole segment"),
        ("{ header = \"x-key\", url = true }", "not both"),
        ("{ body = true, url = true }", "not both"),
        (
            "{ url = true, path = \"/a/${secret:other}\" }",
            "only `${secret:token}` can stand",
        ),
        (
            "{ url = true, path = \"/a/${secret:token\" }",
            "only `${secret:token}` can stand",
        ),
        (
            "{ header = \"x-key\", path = \"/${secret:token}\" }",
            "no placeholders",
        ),
        (
            "{ url = true, path = \"/${secret:token}\", parameter = \"a\" }",
            "write another `[[place]]`",
        ),
        (
            "{ header = \"x-key\", parameter = \"a\" }",
            "goes with `url = true`",
        ),
        (
            "{ url = true, parameter = \"a=b\" }",
            "not the name of a parameter",
        ),
        (
            "{ url = true, paramter = \"a\" }",
            "did you mean `parameter`?",
        ),
        (
            "{ url = true, sign = \"hmac-sha256\" }",
            "goes with the `header`",
        ),
        (
            "{ header = \"x-key\", sign = \"hmac-sha1\" }",
            "did you mean `hmac-sha256`?",
        ),
        ("{ header = \"x-key\", over = \"body\" }", "goes with `sign"),
        (
            "{ proof_of = [\"token\"], parameter = \"a\" }",
            "no proof of itself",
        ),
        (
            "{ proof_of = [\"tokn\"], parameter = \"a\" }",
            "did you mean `token`?",
        ),
        (
            "{ proof_of = [\"other\"], parameter = \"a\" }",
            "there is no secret `other`",
        ),
        (
            "{ header = \"x-key\", sign = \"hmac-sha256\", over = \"all\" }",
            "known are `body`, `standard-webhooks`",
        ),
        (
            "{ body = true, path = \"/${setting:a}\" }",
            "no placeholders",
        ),
        (
            "{ body = true, hosts = [\"b.org\"] }",
            "not among the plugin's `hosts`",
        ),
        (
            "{ body = true }, { body = true }",
            "the same place stands here twice",
        ),
        ("", "can be put nowhere"),
    ] {
        let found = problem(&format!(
            "hosts = [\"a.org\"]\n[secrets.token]\nplace = [{place}]"
        ));
        assert!(found.contains(says), "{place}: {found}");
    }
}

#[test]
fn captures_are_exact() {
    for (capture, says) in [
        (
            "path = \"/a\", json = \"$.session.jwt\"",
            "begins with `/`: `/session/jwt`",
        ),
        ("path = \"/a\", json = \"/a~b\"", "written `~0`"),
        ("path = \"/a\"", "`json` is missing"),
        ("json = \"/a\"", "`path` is missing"),
        (
            "path = \"/a\", json = \"/a\", host = []",
            "did you mean `hosts`?",
        ),
        (
            "path = \"/v${setting:page}\", json = \"/a\"",
            "not `v${setting:page}`",
        ),
        (
            "path = \"/${secret:page}\", json = \"/a\"",
            "not `${secret:page}`",
        ),
        (
            "path = \"/${setting:pag}\", json = \"/a\"",
            "did you mean `page`?",
        ),
        (
            "path = \"/${setting:size}\", json = \"/a\"",
            "its type must be `string`",
        ),
    ] {
        let found = problem(&format!(
            "hosts = [\"a.org\"]\n[settings]\npage = {{ type = \"string\" }}\nsize = {{ type = \"integer\" }}\n\
             [secrets.token]\nplace = [{{ body = true }}]\ncapture = [{{ {capture} }}]"
        ));
        assert!(found.contains(says), "{capture}: {found}");
    }
    let given = problem(
        "hosts = [\"a.org\"]\n[secrets.token]\nrequired = true\nplace = [{ body = true }]\ncapture = [{ path = \"/a\", json = \"/b\" }]",
    );
    assert!(given.contains("drop `required`"), "{given}");
}

#[test]
fn defaults_fit_their_setting() {
    for (setting, says) in [
        ("type = \"integer\"\ndefault = \"1\"", "a whole number"),
        (
            "type = \"url\"\ndefault = \"example.org\"",
            "is not an address",
        ),
        ("type = \"urls\"\ndefault = [1]", "a list of texts"),
        ("type = \"boolean\"\ndefault = 0", "true or false"),
        (
            "type = \"string\"\none_of = [\"a\"]\ndefault = \"b\"",
            "is not one of `a`",
        ),
        (
            "type = \"integer\"\none_of = [\"a\"]",
            "goes with the types",
        ),
        (
            "type = \"string\"\nrequired = true\ndefault = \"b\"",
            "`required` as well",
        ),
        ("type = \"table\"\ndefault = { at = 2026-01-01 }", "a date"),
    ] {
        let found = problem(&format!("[settings.a]\n{setting}"));
        assert!(found.contains(says), "{setting}: {found}");
    }
}

#[test]
fn the_rest_is_checked_too() {
    for (line, says) in [
        ("homepage = \"example.org\"", "not an http address"),
        ("limits = { text = 0 }", "leave the key out"),
        ("limits = { text = -1 }", "out of range"),
        ("limits = { text = 5_000_000_000 }", "out of range"),
        (
            "limits = { media_types = [\"png\"] }",
            "write it as `image/png`",
        ),
        (
            "limits = { media_types = [\"image/png\", \"image/png\"] }",
            "twice",
        ),
        (
            "limits = { image = { formats = [\"jpg\"] } }",
            "did you mean `jpeg`?",
        ),
        ("limits = { image = { size = 0 } }", "leave the key out"),
        (
            "limits = { image = { min_ratio = 2, max_ratio = 1.5 } }",
            "`min_ratio` is more than `max_ratio`",
        ),
        (
            "limits = { video = { containers = [\"avi\"] } }",
            "known are `mp4`",
        ),
        (
            "limits = { video = { max_seconds = -1.5 } }",
            "a number above 0",
        ),
        (
            "limits = { video = { max_seconds = \"long\" } }",
            "a number is wanted here",
        ),
        ("delivery = { idempotent_for = 0 }", "leave the key out"),
        ("delivery = { can_look_up = \"yes\" }", "true or false"),
        (
            "delivery = { can_look_up = true, may_look_up = true }",
            "drop `may_look_up`",
        ),
        ("auth = { flow = \"oauth\" }", "did you mean `oauth2`?"),
        ("auth = { flow = \"token\" }", "`help` is missing"),
        ("secrets = \"token\"", "a table is wanted here, not a text"),
        ("authors = \"me\"", "a list of texts"),
        (
            "settings = { Server = { type = \"url\" } }",
            "can't be a name",
        ),
    ] {
        let found = problem(line);
        assert!(found.contains(says), "{line}: {found}");
    }
}
