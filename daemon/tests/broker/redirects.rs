//! Where an answer sends a request on to.

use axum::response::{IntoResponse as _, Response};
use jarchi::plugin::broker::{Body, Error};

use crate::world::{
    Asker, Site, World, assert_denied, body, get, header, ok, plain, post, redirect, request,
    script, with_headers,
};

/// Two servers, and one that asks who may reach both.
async fn two(
    answer: impl Fn(&str) -> Response + Send + Sync + 'static,
) -> (World, Site, Site, Asker) {
    let world = World::new();
    let second = plain(ok()).await;
    let there = format!("http://other.example.net:{}", second.port());
    let first = plain(script(move |_| answer(&there))).await;
    let hosts = [
        format!("api.example.org:{}", first.port()),
        format!("other.example.net:{}", second.port()),
    ];
    let asker = Asker::of(&[&hosts[0], &hosts[1]]);
    (world, first, second, asker)
}

fn url(site: &Site, path: &str) -> String {
    format!("http://api.example.org:{}{path}", site.port())
}

#[tokio::test]
async fn a_redirect_is_followed_to_what_may_be_reached() {
    let (world, first, second, asker) =
        two(|there| redirect(302, &format!("{there}/landed"))).await;
    let answer = world.get(&asker, &url(&first, "/")).await.unwrap();
    assert_eq!(body(&answer), "fine");
    assert_eq!(
        answer.url,
        format!("http://other.example.net:{}/landed", second.port())
    );
    assert_eq!(second.only().uri.path(), "/landed");
}

#[tokio::test]
async fn a_redirect_is_judged_like_any_request() {
    let world = World::new();
    let inside = plain(ok()).await;
    let port = inside.port();
    world.names.set("home.example.org", &[&["127.0.0.1"]]);
    world.names.set("meta.example.org", &[&["169.254.169.254"]]);
    for (to, words) in [
        (format!("http://other.example.net:{port}/"), "names only"),
        (format!("http://127.0.0.1:{port}/"), "names only"),
        (format!("http://[::1]:{port}/"), "names only"),
        ("http://169.254.169.254/latest/".to_owned(), "names only"),
        (
            format!("http://home.example.org:{port}/"),
            "plain http needs",
        ),
        (format!("https://home.example.org:{port}/"), "(loopback)"),
        ("https://meta.example.org/".to_owned(), "cloud metadata"),
        ("file:///etc/passwd".to_owned(), "only https"),
        ("ftp://api.example.org/".to_owned(), "only https"),
        (
            format!("http://me:word@api.example.org:{port}/"),
            "user name",
        ),
        (format!("//other.example.net:{port}/"), "names only"),
    ] {
        let target = to.clone();
        let site = plain(script(move |_| redirect(302, &target))).await;
        let first = format!("api.example.org:{}", site.port());
        let home = format!("home.example.org:{port}");
        let wants = format!("hosts = [\"{first}\", \"{home}\", \"meta.example.org\"]\n");
        let asker = Asker::new(wants)
            .grant(&first, true, true)
            .grant(&home, false, false)
            .grant("meta.example.org", false, true);
        let outcome = world.get(&asker, &url(&site, "/")).await;
        assert_denied(outcome, words);
        assert_eq!(site.seen().len(), 1, "{to}");
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn a_secret_does_not_go_along_to_another_host() {
    let (world, first, second, asker) = two(|there| redirect(307, there)).await;
    let own = format!("api.example.org:{}", first.port());
    let asker = asker
        .manifest(&format!(
            "[secrets.token]\nplace = [{{ header = \"authorization\", hosts = [\"{own}\"] }}, \
             {{ header = \"x-key\", hosts = [\"{own}\"] }}]\n\
             [secrets.both]\nplace = [{{ header = \"x-both\" }}]\n"
        ))
        .secret("token", "s3cret-token")
        .secret("both", "for-both-of-them");
    let mut request = get(&url(&first, "/"));
    for (name, value) in [
        ("authorization", "Bearer ${secret:token}"),
        ("x-key", "${secret:token}"),
        ("x-both", "${secret:both}"),
        ("x-own", "kept"),
    ] {
        request = header(request, name, value);
    }
    world.send(&asker, request).await.unwrap();
    let seen = first.only();
    assert_eq!(seen.header("authorization"), Some("Bearer s3cret-token"));
    assert_eq!(seen.header("x-key"), Some("s3cret-token"));
    let seen = second.only();
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("x-key"), None);
    // The manifest says that it may go to all of its hosts.
    assert_eq!(seen.header("x-both"), Some("for-both-of-them"));
    assert_eq!(seen.header("x-own"), Some("kept"));

    // What the plugin wrote itself was meant for the first.
    let own = header(get(&url(&first, "/")), "authorization", "Bearer written");
    world.send(&asker, own).await.unwrap();
    assert_eq!(
        first.seen()[1].header("authorization"),
        Some("Bearer written")
    );
    assert_eq!(second.seen()[1].header("authorization"), None);
}

#[tokio::test]
async fn a_login_s_body_does_not_go_along_either() {
    let (world, first, second, asker) = two(|there| redirect(307, &format!("{there}/login"))).await;
    let own = format!("api.example.org:{}", first.port());
    let asker = asker
        .manifest(&format!(
            "[secrets.password]\nplace = [{{ body = true, method = \"POST\", path = \"/login\", \
             hosts = [\"{own}\"] }}]\n"
        ))
        .secret("password", "geheim-1234");
    let login = post(
        &url(&first, "/login"),
        "application/json",
        r#"{"password":"${secret:password}"}"#,
    );
    assert_denied(world.send(&asker, login).await, "the secret `password`");
    assert_eq!(first.only().text(), r#"{"password":"geheim-1234"}"#);
    assert_eq!(second.connections(), 0);
}

/// A server that could have a placeholder filled would read any secret.
#[tokio::test]
async fn a_server_s_own_placeholder_leads_nowhere() {
    for place in [
        "header = \"authorization\"",
        "url = true, parameter = \"t\"",
    ] {
        let (world, first, second, asker) =
            two(|there| redirect(302, &format!("{there}/?t=${{secret:token}}"))).await;
        let asker = asker
            .manifest(&format!("[secrets.token]\nplace = [{{ {place} }}]\n"))
            .secret("token", "s3cret-token");
        assert_denied(world.get(&asker, &url(&first, "/")).await, "put a secret");
        assert_eq!(first.seen().len(), 1);
        assert_eq!(second.connections(), 0);
    }
}

#[tokio::test]
async fn methods_and_bodies_of_redirects() {
    for (status, method, becomes, length) in [
        (301, "POST", "GET", 0),
        (302, "POST", "GET", 0),
        (303, "POST", "GET", 0),
        (303, "PUT", "GET", 0),
        (307, "POST", "POST", 5),
        (308, "PUT", "PUT", 5),
    ] {
        let (world, first, second, asker) = two(move |there| redirect(status, there)).await;
        let mut request = request(method, &url(&first, "/"));
        request.body = Body::Bytes(b"hello".to_vec());
        world.send(&asker, request).await.unwrap();
        let seen = second.only();
        assert_eq!(seen.method.as_str(), becomes, "{status}");
        assert_eq!(seen.length, Some(length), "{status}");
        assert_eq!(first.only().length, Some(5));
    }
}

#[tokio::test]
async fn a_circle_ends() {
    let world = World::new();
    let site = plain(script(|_| redirect(302, "/again"))).await;
    let asker = Asker::of(&[&format!("api.example.org:{}", site.port())]);
    let error = world.get(&asker, &url(&site, "/")).await.unwrap_err();
    assert!(matches!(error, Error::NoAnswer(_)), "{error}");
    assert!(error.to_string().contains("more than 5 times"), "{error}");
    assert_eq!(site.seen().len(), 6);
}

/// After a server has taken a request, nobody may conclude that it was not sent.
#[tokio::test]
async fn what_was_taken_is_never_called_not_sent() {
    let (world, first, second, asker) = two(|there| redirect(303, there)).await;
    let host = format!("api.example.org:{}", first.port());
    let narrow = Asker::of(&[&host]);
    let error = world
        .send(&narrow, request("POST", &url(&first, "/")))
        .await;
    let Err(Error::NoAnswer(text)) = error else {
        panic!("{error:?}");
    };
    assert!(text.contains("was taken"), "{text}");
    assert_eq!(second.connections(), 0);
    // A question is another matter: it is asked again without harm.
    assert_denied(world.get(&narrow, &url(&first, "/")).await, "names only");
    drop(asker);
}

#[tokio::test]
async fn an_answer_without_a_target_is_an_answer() {
    let world = World::new();
    let site = plain(script(|seen| match seen.uri.path() {
        "/304" => with_headers(304, &[], ""),
        "/300" => with_headers(300, &[("location", "/x")], "choose"),
        _ => (http::StatusCode::FOUND, "nowhere").into_response(),
    }))
    .await;
    let asker = Asker::of(&[&format!("api.example.org:{}", site.port())]);
    for status in [300, 302, 304] {
        let answer = world.get(&asker, &url(&site, &format!("/{status}"))).await;
        assert_eq!(answer.unwrap().status, status);
    }
}
