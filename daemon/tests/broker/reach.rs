//! Where a request may go.

use axum::response::IntoResponse as _;
use jarchi::plugin::broker::Error;

use crate::world::{
    Asker, Authority, World, assert_denied, body, get, ok, plain, plain_at, request, script,
};

#[tokio::test]
async fn a_host_is_reached_where_manifest_and_grant_agree() {
    let world = World::new();
    let names = ["api.example.org", "*.example.net"];
    let site = world.authority.site(&names, ok()).await;
    let port = site.port();
    let api = format!("api.example.org:{port}");
    let url = format!("https://{api}/v1");
    let wants = |hosts: &str| Asker::new(format!("hosts = [{hosts}]\n"));

    // Neither, one of them, the other, another port.
    let nothing = wants("");
    assert_denied(world.get(&nothing, &url).await, "names no hosts");
    let unwanted = wants("\"www.example.org\"").grant(&api, false, true);
    let error = world.get(&unwanted, &url).await;
    assert_denied(error, "its manifest names only `www.example.org`");
    let ungranted = wants(&format!("\"{api}\""));
    let error = world.get(&ungranted, &url).await;
    assert_denied(error, "the operator has not granted this host");
    let error = world.get(&ungranted, &url).await;
    assert_denied(error, &format!("[[plugin.grant]]\nhost = \"{api}\""));
    let other_port = wants("\"api.example.org\"").grant("api.example.org", false, true);
    assert_denied(world.get(&other_port, &url).await, "names only");
    assert_eq!(site.connections(), 0);
    assert!(world.names.asked().is_empty(), "not even looked up");

    let both = wants(&format!("\"{api}\"")).grant(&api, false, true);
    let answer = world.get(&both, &url).await.unwrap();
    assert_eq!((answer.status, body(&answer)), (200, "fine"));
    assert_eq!(answer.url, url);
    let seen = site.only();
    assert_eq!(seen.header("host"), Some(api.as_str()));
    assert!(seen.header("user-agent").unwrap().starts_with("jarchi/"));

    // A wildcard is for what lies below it.
    let below = format!("*.example.net:{port}");
    let wild = wants(&format!("\"{below}\"")).grant(&below, false, true);
    world.names.set("a.example.net", &[&["127.0.0.1"]]);
    let url = format!("https://a.example.net:{port}/");
    assert_eq!(world.get(&wild, &url).await.unwrap().status, 200);
    for host in ["example.net", "badexample.net", "a.example.net.evil.org"] {
        let url = format!("https://{host}:{port}/");
        assert_denied(world.get(&wild, &url).await, "names only");
    }
}

#[tokio::test]
async fn a_setting_of_the_account_names_its_server() {
    let world = World::new();
    let site = world.authority.site(&["api.example.org"], ok()).await;
    let server = format!("https://api.example.org:{}", site.port());
    let mut asker = Asker::new("hosts = [\"${setting:server}\"]\n");
    assert_denied(world.get(&asker, &server).await, "`server`");
    asker
        .settings
        .insert("server".to_owned(), server.clone().into());
    // It grants the host, not what lies at home.
    let error = world.get(&asker, &server).await;
    assert_denied(error, "resolves to 127.0.0.1 (loopback)");
    let host = format!("api.example.org:{}", site.port());
    let asker = asker.grant(&host, false, true);
    assert_eq!(world.get(&asker, &server).await.unwrap().status, 200);
    let elsewhere = format!("https://other.example.net:{}/", site.port());
    assert_denied(world.get(&asker, &elsewhere).await, "may not reach");
}

#[tokio::test]
async fn plain_http_needs_a_grant_that_says_so() {
    let world = World::new();
    let site = plain(ok()).await;
    let host = format!("api.example.org:{}", site.port());
    let url = format!("http://{host}/");
    let asker = Asker::new(format!("hosts = [\"{host}\"]\n"));
    let without = asker.clone().grant(&host, false, true);
    assert_denied(world.get(&without, &url).await, "plain_http = true");
    assert_eq!(site.connections(), 0);
    let with = asker.grant(&host, true, true);
    assert_eq!(world.get(&with, &url).await.unwrap().status, 200);
    for url in [
        "ftp://api.example.org/",
        "file:///etc/passwd",
        "gopher://x/",
    ] {
        assert_denied(world.get(&with, url).await, "only https");
    }
    let named = format!("http://me:word@{host}/");
    assert_denied(world.get(&with, &named).await, "user name");
}

#[tokio::test]
async fn a_name_that_leads_home_is_not_followed() {
    let world = World::new();
    let site = plain(ok()).await;
    let host = format!("api.example.org:{}", site.port());
    let url = format!("http://{host}/");
    let asker = Asker::new(format!("hosts = [\"{host}\"]\n"));
    let public = asker.clone().grant(&host, true, false);
    let private = asker.grant(&host, true, true);
    for (addresses, words) in [
        (&["127.0.0.1"][..], "127.0.0.1 (loopback)"),
        (&["127.8.8.8"], "loopback"),
        (&["::1"], "loopback"),
        (&["10.1.2.3"], "private"),
        (&["172.16.0.1"], "private"),
        (&["192.168.1.1"], "private"),
        (&["169.254.7.7"], "link-local"),
        (&["100.64.0.1"], "carrier-grade"),
        (&["fd12::1"], "unique local"),
        (&["fe80::1"], "link-local"),
        (&["::ffff:127.0.0.1"], "loopback"),
        (&["::ffff:10.0.0.1"], "private"),
        (&["64:ff9b::7f00:1"], "loopback"),
        (&["2002:7f00:1::"], "loopback"),
        (&["10.1.2.3", "127.0.0.1"], "10.1.2.3 (private), 127.0.0.1"),
    ] {
        world.names.set("api.example.org", &[addresses]);
        let error = world.get(&public, &url).await;
        assert_denied(error.clone(), words);
        assert_denied(error, "private = true");
    }
    // What no grant of a name opens.
    for (address, words) in [
        ("169.254.169.254", "cloud metadata"),
        ("::ffff:169.254.169.254", "cloud metadata"),
        ("fd00:ec2::254", "cloud metadata"),
        ("0.0.0.0", "unspecified"),
        ("224.0.0.1", "multicast"),
        ("255.255.255.255", "broadcast"),
        ("203.0.113.7", "documentation"),
    ] {
        world.names.set("api.example.org", &[&[address]]);
        assert_denied(world.get(&public, &url).await, words);
        assert_denied(world.get(&private, &url).await, words);
    }
    assert_eq!(site.connections(), 0);
    world.names.set("api.example.org", &[&["127.0.0.1"]]);
    assert_eq!(world.get(&private, &url).await.unwrap().status, 200);
    // Of several addresses, those that are closed are left out.
    world
        .names
        .set("api.example.org", &[&["169.254.169.254", "127.0.0.1"]]);
    let again = request("DELETE", &url);
    assert_eq!(world.send(&private, again).await.unwrap().status, 200);
}

#[tokio::test]
async fn an_address_is_the_same_in_every_spelling() {
    let world = World::new();
    let site = plain(ok()).await;
    let port = site.port();
    let spellings = [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "0x7f000001",
        "１２７.0.0.1",
        "127.0.0.1.",
    ];
    let host = format!("127.0.0.1:{port}");
    let wants = format!("hosts = [\"{host}\", \"api.example.org:{port}\"]\n");
    let asker = Asker::new(wants).grant(&host, true, false);
    for spelling in spellings {
        let url = format!("http://{spelling}:{port}/");
        assert_denied(world.get(&asker, &url).await, "loopback");
    }
    let mapped = format!("http://[::ffff:127.0.0.1]:{port}/");
    assert_denied(world.get(&asker, &mapped).await, "may not reach");
    assert_eq!(site.connections(), 0);
    let granted = asker.grant(&host, true, true);
    let count = spellings.len();
    for spelling in spellings {
        let url = format!("http://{spelling}:{port}/");
        assert_eq!(
            world.get(&granted, &url).await.unwrap().status,
            200,
            "{url}"
        );
    }
    assert_eq!(site.seen().len(), count);
    assert!(world.names.asked().is_empty(), "addresses need no look-up");
}

/// The name is looked up once for a connection: what was judged is what is connected to.
#[tokio::test]
async fn a_name_that_changes_its_mind_is_taken_at_its_word() {
    let world = World::new();
    let first = plain_at("127.0.0.1", script(|_| "first".into_response())).await;
    let port = first.port();
    let host = format!("api.example.org:{port}");
    let url = format!("http://{host}/");
    let asker = Asker::of(&[&host]);
    world.names.set(
        "api.example.org",
        &[&["127.0.0.1"], &["169.254.169.254"], &["127.0.0.1"]],
    );
    // POST takes a connection of its own each time.
    let ask = || world.send(&asker, request("POST", &url));
    assert_eq!(body(&ask().await.unwrap()), "first");
    assert_eq!(world.names.asked().len(), 1);
    assert_denied(ask().await, "169.254.169.254 (cloud metadata)");
    assert_eq!(world.names.asked().len(), 2);
    assert_eq!(body(&ask().await.unwrap()), "first");
    assert_eq!(world.names.asked().len(), 3);
    assert_eq!(first.connections(), 2);
}

/// A connection that one plugin may have is not lent to another that may not.
#[tokio::test]
async fn a_kept_connection_opens_no_door() {
    let world = World::new();
    let site = plain(ok()).await;
    let host = format!("api.example.org:{}", site.port());
    let url = format!("http://{host}/");
    let private = Asker::of(&[&host]);
    for _ in 0..3 {
        assert_eq!(world.get(&private, &url).await.unwrap().status, 200);
    }
    assert_eq!(site.connections(), 1, "kept for requests that do nothing");
    let public = Asker::new(format!("hosts = [\"{host}\"]\n")).grant(&host, true, false);
    assert_denied(world.get(&public, &url).await, "loopback");
    assert_eq!(site.seen().len(), 3);
}

#[tokio::test]
async fn a_server_has_to_be_who_it_says() {
    let world = World::new();
    let right = world.authority.site(&["other.example.net"], ok()).await;
    let strange = Authority::new().site(&["api.example.org"], ok()).await;
    let without = plain(ok()).await;
    for site in [&right, &strange, &without] {
        let host = format!("api.example.org:{}", site.port());
        let asker = Asker::of(&[&host]);
        let error = world.get(&asker, &format!("https://{host}/")).await;
        let Err(Error::NotSent(text)) = error else {
            panic!("{error:?}");
        };
        assert!(!text.is_empty());
        assert!(site.seen().is_empty(), "{text}");
    }
}

#[tokio::test]
async fn what_can_t_be_reached_was_not_sent() {
    let world = World::new();
    let free = {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        taken.local_addr().unwrap().port()
    };
    let refused = format!("api.example.org:{free}");
    let unknown = format!("nowhere.example.org:{free}");
    let empty = format!("empty.example.org:{free}");
    world.names.set("empty.example.org", &[&[]]);
    let asker = Asker::of(&[&refused, &unknown, &empty]);
    for (host, words) in [
        (&refused, "refused"),
        (&unknown, "no such name"),
        (&empty, "has no address"),
    ] {
        let error = world.send(&asker, get(&format!("http://{host}/"))).await;
        let Err(Error::NotSent(text)) = error else {
            panic!("{host}: {error:?}");
        };
        assert!(text.contains(words), "{words}: {text}");
    }
}
