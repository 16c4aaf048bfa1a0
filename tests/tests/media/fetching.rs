//! A platform that fetches a post's files from a public address.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::Json;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jarchi_tests::daemon::{Home, daemon_section};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

/// Where the world would reach the daemon, through a proxy.
const PUBLIC: &str = "https://media.test/jarchi";
const FILE: &[u8] = b"\xff\xd8\xff\xe0 not much of a picture";

/// Notes the requests that it gets.
#[derive(Clone)]
struct Platform {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Platform {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let platform = Platform {
            address: listener.local_addr().unwrap(),
            asked: Arc::default(),
        };
        let router = Router::new().fallback(take).with_state(platform.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        platform
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn take(State(platform): State<Platform>, uri: axum::http::Uri, body: String) -> Json<Value> {
    platform.asked.lock().unwrap().push(format!("{uri} {body}"));
    Json(json!({ "taken": true }))
}

/// An account whose connector makes this request.
fn config(platform: &Platform, url: &str, body: &str, media: &str) -> String {
    let address = platform.address;
    let body = body.replace("${", "$${");
    let url = url.replace("${", "$${");
    format!(
        "{}\n[media]\nlisten = \"127.0.0.1:0\"\n{media}\n\
         [[brand]]\nname = \"B\"\ntime_zone = \"UTC\"\n\
         [[plugin]]\nname = \"hostile\"\n\
         [[plugin.grant]]\nhost = \"{address}\"\nplain_http = true\nprivate = true\n\
         reason = \"The test's own platform\"\n\
         [[account]]\nname = \"cafe\"\nplugin = \"hostile\"\n\
         settings = {{ server = \"http://{address}\", behave = {{ do = \"request\", method = \"POST\", \
         url = 'http://{address}{url}', body = '{body}' }} }}\n\
         rails = {{ least_gap = \"0s\" }}\n",
        daemon_section()
    )
}

fn public() -> String {
    format!("public_url = \"{PUBLIC}/\"")
}

fn placeholder() -> String {
    format!("${{media-url:{}}}", blake3::hash(FILE).to_hex())
}

async fn home(config: &str) -> Home {
    let home = Home::compiled("media", config, |_| {}).await;
    home.write("çay.jpg", FILE);
    home
}

pub async fn ask(method: Method, url: String, headers: &[(&str, &str)]) -> reqwest::Response {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = Client::builder().no_proxy().build().unwrap();
    let mut request = client.request(method, url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

/// What a proxy in front of `address` is asked for.
fn behind(address: SocketAddr, url: &str) -> String {
    let path = url.strip_prefix("https://media.test").unwrap();
    format!("http://{address}{path}")
}

async fn posted(home: &Home, daemon: &jarchi_tests::daemon::Daemon) -> Value {
    let args = ["post", "Salam", "--account", "cafe", "--media", "çay.jpg"];
    let posted = home.json(&args).await;
    let number = posted["deliveries"][0]["delivery"].to_string();
    daemon
        .until("the end of the delivery", async || {
            let shown = home.json(&["queue", "show", &number]).await;
            let delivery = shown["deliveries"][0].clone();
            let over = delivery["state"] == "published" || delivery["state"]["failed"].is_object();
            over.then_some(delivery)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_served_for_as_long_as_it_is_offered() {
    let platform = Platform::start().await;
    let body = format!("{{\"image_url\":\"{}\"}}", placeholder());
    let home = home(&config(&platform, "/media", &body, &public())).await;
    let daemon = home.start().await;
    assert_eq!(posted(&home, &daemon).await["state"], "published");
    let asked = platform.asked();
    let [one] = asked.as_slice() else {
        panic!("{asked:?}");
    };
    let said: Value = serde_json::from_str(one.split_once(' ').unwrap().1).unwrap();
    let url = said["image_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with(&format!("{PUBLIC}/m/")), "{url}");
    assert!(url.ends_with("/-ay.jpg"), "{url}");

    // A proxy may keep what stands before `/m/`, or take it away.
    let here = behind(daemon.media(), &url);
    for address in [here.clone(), here.replace("/jarchi/", "/")] {
        let answer = ask(Method::GET, address, &[]).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "image/jpeg");
        assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers()["accept-ranges"], "bytes");
        assert_eq!(answer.bytes().await.unwrap(), FILE);
    }
    let head = ask(Method::HEAD, here.clone(), &[]).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()["content-length"], FILE.len().to_string());
    let tag = head.headers()["etag"].to_str().unwrap().to_owned();
    assert!(head.bytes().await.unwrap().is_empty());

    let range = ("range", "bytes=4-7");
    for (headers, status, bytes) in [
        (vec![range], 206, &FILE[4..8]),
        (vec![("range", "bytes=-5")], 206, &FILE[FILE.len() - 5..]),
        (vec![("range", "bytes=900-")], 416, b""),
        (vec![range, ("if-range", &tag)], 206, &FILE[4..8]),
        (vec![range, ("if-range", "\"other\"")], 200, FILE),
        (vec![("range", "bytes=0-1,3-4")], 200, FILE),
        (vec![("if-none-match", &tag)], 304, b""),
        (vec![("if-none-match", "\"other\"")], 200, FILE),
    ] {
        let answer = ask(Method::GET, here.clone(), &headers).await;
        assert_eq!(answer.status(), status, "{headers:?}");
        if status != 416 {
            assert_eq!(answer.headers()["etag"], tag, "{headers:?}");
            assert_eq!(answer.bytes().await.unwrap(), bytes, "{headers:?}");
        }
    }
    let post = ask(Method::POST, here.clone(), &[]).await;
    assert_eq!(post.status(), StatusCode::METHOD_NOT_ALLOWED);

    // Another signature, another name, another time, no file, a folder.
    let token = here.rsplit('/').nth(1).unwrap();
    let altered = |at: usize, to: u8| {
        let mut bytes = BASE64.decode(token).unwrap();
        bytes[at] ^= to;
        here.replace(token, &BASE64.encode(bytes))
    };
    let root = format!("http://{}", daemon.media());
    for unknown in [
        altered(70, 1),
        altered(20, 1),
        altered(3, 1),
        here.replace("-ay.jpg", "other.jpg"),
        here.replace("-ay.jpg", ""),
        format!("{here}/"),
        format!("{root}/"),
        format!("{root}/m/"),
        format!("{root}/m/../../../etc/passwd"),
        format!("{root}/metrics"),
    ] {
        let answer = ask(Method::GET, unknown.clone(), &[]).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{unknown}");
    }

    // A daemon that is gone at once has promised what it said.
    daemon.kill().await;
    let daemon = home.start().await;
    let here = behind(daemon.media(), &url);
    let answer = ask(Method::GET, here.clone(), &[]).await;
    assert_eq!(answer.bytes().await.unwrap(), FILE);

    // What was promised is this file, not another in its place.
    home.write("çay.jpg", b"\xff\xd8\xff\xe0 another");
    let answer = ask(Method::GET, here.clone(), &[]).await;
    assert_eq!(answer.status(), StatusCode::GONE);
    std::fs::remove_file(home.path("çay.jpg")).unwrap();
    let answer = ask(Method::GET, here, &[]).await;
    assert_eq!(answer.status(), StatusCode::GONE);
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_have_it_encoded() {
    let platform = Platform::start().await;
    let id = blake3::hash(FILE).to_hex();
    for (at, url) in [
        format!("/threads?image_url=${{media-url:{id}}}&x=1"),
        format!("/threads?image_url=%24%7Bmedia-url%3A{id}%7D&x=1"),
    ]
    .iter()
    .enumerate()
    {
        let home = home(&config(&platform, url, "", &public())).await;
        let daemon = home.start().await;
        assert_eq!(posted(&home, &daemon).await["state"], "published");
        let asked = platform.asked()[at].clone();
        let start = "/threads?image_url=https%3A%2F%2Fmedia.test%2Fjarchi%2Fm%2F";
        assert!(asked.starts_with(start), "{asked}");
        assert!(asked.contains("%2F-ay.jpg&x=1"), "{asked}");
        let query = asked.split(['?', ' ']).nth(1).unwrap();
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        let here = behind(daemon.media(), &pairs[0].1);
        let answer = ask(Method::GET, here, &[]).await;
        assert_eq!(answer.bytes().await.unwrap(), FILE);
        assert!(daemon.terminate().await.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_offered_is_told() {
    let platform = Platform::start().await;
    let other = format!("${{media-url:{}}}", blake3::hash(b"other").to_hex());
    for (url, body, media, told) in [
        ("/", placeholder(), String::new(), "`public_url`"),
        ("/", other, public(), "names no file of this post"),
        (
            &format!("/{}", placeholder()),
            String::new(),
            public(),
            "in the query",
        ),
    ] {
        let home = home(&config(&platform, url, &body, &media)).await;
        let daemon = home.start().await;
        let delivery = posted(&home, &daemon).await;
        let words = delivery.to_string();
        // The connector tells what it was told, and publishes nothing.
        assert!(words.contains("\\\"invalid\\\""), "{words}");
        assert!(words.contains(told), "{words}");
        assert!(daemon.terminate().await.success());
    }
    assert_eq!(platform.asked(), Vec::<String>::new());
}
