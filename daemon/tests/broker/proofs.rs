//! Proofs that the broker makes of a token and the app's secret: the plugin has neither.

use axum::response::IntoResponse as _;

use crate::world::{Asker, Site, World, body, get, header, plain, redirect, script};

/// RFC 4231, test case 2: key and data.
const KEY: &str = "Jefe";
const DATA: &str = "what do ya want for nothing?";
const PROOF: &str = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";

fn asker(site: &Site, others: &[&str]) -> Asker {
    let own = format!("api.example.org:{}", site.port());
    let mut hosts = vec![own.as_str()];
    hosts.extend(others);
    Asker::of(&hosts)
        .manifest(&format!(
            "[secrets.token]\nplace = [{{ header = \"authorization\" }}]\n\
             [secrets.key]\nplace = [{{ url = true, parameter = \"access_token\" }}]\n\
             [secrets.other]\nplace = [{{ header = \"authorization\" }}]\n\
             [secrets.app]\nplace = [{{ proof_of = [\"token\", \"key\"], parameter = \"appsecret_proof\", hosts = [\"{own}\"] }}]\n"
        ))
        .secret("token", DATA)
        .secret("key", DATA)
        .secret("other", "another token")
}

fn url(site: &Site, rest: &str) -> String {
    format!("http://api.example.org:{}{rest}", site.port())
}

/// What was asked for.
fn echo() -> crate::world::Script {
    script(|seen| seen.uri.to_string().into_response())
}

#[tokio::test]
async fn a_token_goes_out_with_its_proof() {
    let world = World::new();
    let site = plain(echo()).await;
    let asker = asker(&site, &[]).secret("app", KEY);
    let bearer = |rest: &str, name: &str| {
        let value = format!("Bearer ${{secret:{name}}}");
        header(get(&url(&site, rest)), "authorization", &value)
    };
    for (request, sent) in [
        (
            bearer("/me", "token"),
            format!("/me?appsecret_proof={PROOF}"),
        ),
        (
            bearer("/me?fields=id&x=%20", "token"),
            format!("/me?fields=id&x=%20&appsecret_proof={PROOF}"),
        ),
        // What the plugin says of it does not count.
        (
            bearer(
                "/me?appsecret_proof=a&fields=id&appsecret%5Fproof=b",
                "token",
            ),
            format!("/me?fields=id&appsecret_proof={PROOF}"),
        ),
        (
            get(&url(&site, "/me?access_token=${secret:key}")),
            format!(
                "/me?access_token=what%20do%20ya%20want%20for%20nothing%3F&appsecret_proof={PROOF}"
            ),
        ),
        // Of no other secret, and not without one.
        (bearer("/me", "other"), "/me".to_owned()),
        (get(&url(&site, "/me")), "/me".to_owned()),
    ] {
        let answer = world.send(&asker, request).await.unwrap();
        assert_eq!(site.seen().last().unwrap().uri.to_string(), sent);
        assert!(!body(&answer).contains(PROOF), "{}", body(&answer));
        assert!(!answer.url.contains(PROOF), "{}", answer.url);
    }
}

#[tokio::test]
async fn without_the_apps_secret_there_is_none() {
    let world = World::new();
    let site = plain(echo()).await;
    for asker in [asker(&site, &[]), asker(&site, &[]).secret("app", "")] {
        let request = header(
            get(&url(&site, "/me")),
            "authorization",
            "Bearer ${secret:token}",
        );
        world.send(&asker, request).await.unwrap();
        assert_eq!(site.seen().last().unwrap().uri.to_string(), "/me");
    }
}

/// Neither the key nor a proof can be asked for, and neither leaves the declared hosts.
#[tokio::test]
async fn only_where_it_is_declared() {
    let world = World::new();
    let other = plain(echo()).await;
    let elsewhere = format!("http://other.example.net:{}/there", other.port());
    let site = plain(script(move |_| redirect(307, &elsewhere))).await;
    let host = format!("other.example.net:{}", other.port());
    let asker = asker(&site, &[&host]).secret("app", KEY);
    let request = header(
        get(&url(&site, "/me")),
        "authorization",
        "Bearer ${secret:token}",
    );
    world.send(&asker, request).await.unwrap();
    assert_eq!(
        site.only().uri.to_string(),
        format!("/me?appsecret_proof={PROOF}")
    );
    assert_eq!(other.only().uri.to_string(), "/there");

    for value in ["${secret:app}", "${secret:proof:app:token}"] {
        let request = header(get(&url(&site, "/me")), "authorization", value);
        assert!(world.send(&asker, request).await.is_err(), "{value}");
    }
    assert_eq!(site.seen().len(), 1);
}
