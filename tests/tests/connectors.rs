//! Every connector as its users have it: a component in the daemon, granted what its
//! platform's hosts are here, with the broker between it and a platform that stands in.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "what goes wrong fails the test"
)]

use jarchi_platforms::{
    discord, facebook, instagram, linkedin, telegram, threads, tiktok, webhook, x, youtube,
};
use jarchi_tests::daemon::{Daemon, Home, daemon_section};
use jarchi_tests::photo;
use jarchi_tests::platforms::Served;
use serde_json::Value;

const CAPTIONS: &[u8] = b"1\n00:00:01,000 --> 00:00:02,500\nSalam\n";

/// The platforms, and the accounts on them.
struct Stage {
    discord: Served<discord::Discord>,
    facebook: Served<facebook::Facebook>,
    instagram: Served<instagram::Instagram>,
    linkedin: Served<linkedin::LinkedIn>,
    telegram: Served<telegram::Telegram>,
    threads: Served<threads::Threads>,
    tiktok: Served<tiktok::TikTok>,
    webhook: Served<webhook::Receiver>,
    x: Served<x::X>,
    youtube: Served<youtube::YouTube>,
}

/// Facebook's app wants a proof with every request.
const APP_SECRET: &str = "the-app-s-own-secret";

const GRAPH: &str = "graph.facebook.com";
const GRAPH_VIDEO: &str = "graph-video.facebook.com";
const UPLOAD: &str = "rupload.facebook.com";
const INSTAGRAM: &str = "graph.instagram.com";
const THREADS: &str = "graph.threads.net";
const LINKEDIN: &str = "api.linkedin.com";
const LINKEDIN_SITE: &str = "www.linkedin.com";
const TELEGRAM: &str = "api.telegram.org";
const DISCORD: &str = "discord.com";
const TIKTOK: &str = "open.tiktokapis.com";
const X: &str = "api.x.com";
const GOOGLE: &str = "www.googleapis.com";
const HOOK: &str = "hook.example";

impl Stage {
    async fn start() -> Self {
        let mut facebook = facebook::Facebook::default();
        facebook.app_secret = Some(APP_SECRET.into());
        let mut tiktok = tiktok::TikTok::default();
        tiktok.slow = 0;
        Stage {
            discord: Served::start(discord::Discord::default(), &[DISCORD]).await,
            facebook: Served::start(facebook, &[GRAPH, GRAPH_VIDEO, UPLOAD]).await,
            instagram: Served::start(instagram::Instagram::default(), &[INSTAGRAM, UPLOAD]).await,
            linkedin: Served::start(linkedin::LinkedIn::new(), &[LINKEDIN, LINKEDIN_SITE]).await,
            telegram: Served::start(telegram::Telegram::default(), &[TELEGRAM]).await,
            threads: Served::start(threads::Threads::default(), &[THREADS]).await,
            tiktok: Served::start(tiktok, &[TIKTOK]).await,
            webhook: Served::start(webhook::Receiver::default(), &[HOOK]).await,
            x: Served::start(x::X::new(), &[X]).await,
            youtube: Served::start(youtube::YouTube::default(), &[GOOGLE, youtube::ANALYTICS])
                .await,
        }
    }

    fn config(&self) -> String {
        let at = |name: &str, url: String| format!("{name} = \"{url}\"");
        let accounts: Vec<(&str, String, Vec<String>, String)> = vec![
            (
                "discord",
                self.discord.grants(),
                vec![
                    at("api", self.discord.url(DISCORD)),
                    at("webhook", discord::WEBHOOK.into()),
                ],
                at("token", discord::TOKEN.into()),
            ),
            (
                "facebook",
                self.facebook.grants(),
                vec![
                    at("api", self.facebook.url(GRAPH)),
                    at("video_api", self.facebook.url(GRAPH_VIDEO)),
                    at("upload", self.facebook.url(UPLOAD)),
                    at("page", facebook::PAGE.into()),
                ],
                [
                    at("access_token", facebook::TOKEN.into()),
                    at("app_secret", APP_SECRET.into()),
                ]
                .join(", "),
            ),
            (
                "instagram",
                self.instagram.grants(),
                vec![
                    at("api", self.instagram.url(INSTAGRAM)),
                    at("upload", self.instagram.url(UPLOAD)),
                ],
                at("access_token", instagram::TOKEN.into()),
            ),
            (
                "linkedin",
                self.linkedin.grants(),
                vec![
                    at("api", self.linkedin.url(LINKEDIN)),
                    at("site", self.linkedin.url(LINKEDIN_SITE)),
                    at("author", linkedin::PAGE.into()),
                ],
                at("access_token", linkedin::TOKEN.into()),
            ),
            (
                "telegram",
                self.telegram.grants(),
                vec![
                    at("api", self.telegram.url(TELEGRAM)),
                    at("chat", "@teahouse".into()),
                ],
                at("token", telegram::TOKEN.into()),
            ),
            (
                "threads",
                self.threads.grants(),
                vec![at("api", self.threads.url(THREADS))],
                at("access_token", threads::TOKEN.into()),
            ),
            (
                "tiktok",
                self.tiktok.grants(),
                vec![at("api", self.tiktok.url(TIKTOK))],
                at("access_token", tiktok::TOKEN.into()),
            ),
            (
                "webhook",
                self.webhook.grants(),
                vec![at("url", format!("{}/hook", self.webhook.url(HOOK)))],
                at("signing", webhook::SECRET.into()),
            ),
            (
                "x",
                self.x.grants(),
                vec![at("api", self.x.url(X))],
                at("access_token", "access-0".into()),
            ),
            (
                "youtube",
                self.youtube.grants(),
                vec![
                    at("api", self.youtube.url(GOOGLE)),
                    at("analytics", self.youtube.url(youtube::ANALYTICS)),
                    at("channel", youtube::CHANNEL.into()),
                ],
                at("access_token", youtube::TOKEN.into()),
            ),
        ];
        let mut text = daemon_section();
        text.push_str(
            "[media]\npublic_url = \"https://media.example\"\nlisten = \"127.0.0.1:0\"\n\
             [[brand]]\nname = \"Tea\"\ntime_zone = \"Asia/Baku\"\n",
        );
        for (plugin, grants, settings, secret) in accounts {
            text.push_str(&format!(
                "[[plugin]]\nname = \"{plugin}\"\n{grants}\
                 [[account]]\nname = \"on-{plugin}\"\nplugin = \"{plugin}\"\n\
                 settings = {{ {} }}\nsecrets = {{ {secret} }}\nrails = {{ least_gap = \"0s\" }}\n",
                settings.join(", ")
            ));
        }
        text
    }
}

/// A post on every platform, with a file where it wants one; each is there once, and every
/// account is ready.
#[tokio::test(flavor = "multi_thread")]
async fn a_post_on_every_platform() {
    let stage = Stage::start().await;
    let home = Home::compiled("connectors", &stage.config(), |_| {}).await;
    home.write("çay.jpg", photo::plain(640, 640));
    let film = photo::film(&[]);
    home.write("film.mp4", &film);
    home.write("film.az.srt", CAPTIONS);
    let daemon = home.start().await;

    let mut waits = Vec::new();
    let posts: [(&str, &[&str]); 10] = [
        ("discord", &["çay.jpg"]),
        ("facebook", &["çay.jpg"]),
        ("instagram", &["çay.jpg"]),
        ("linkedin", &[]),
        ("telegram", &["çay.jpg"]),
        ("threads", &["çay.jpg"]),
        ("tiktok", &["çay.jpg"]),
        ("webhook", &[]),
        ("x", &["çay.jpg"]),
        ("youtube", &["film.mp4", "film.az.srt"]),
    ];
    for (plugin, media) in posts {
        let account = format!("on-{plugin}");
        let mut args = vec!["post", "Səhəriniz xeyir", "--account", &account];
        args.extend(media.iter().flat_map(|file| ["--media", *file]));
        let posted = home.json(&args).await;
        waits.push((plugin, posted["deliveries"][0]["delivery"].to_string()));
    }
    for (plugin, number) in &waits {
        daemon
            .until(plugin, async || {
                let shown = home.json(&["queue", "show", number]).await;
                let state = &shown["deliveries"][0]["state"];
                let name = match state.as_object() {
                    Some(state) => state.keys().next().cloned(),
                    None => state.as_str().map(str::to_owned),
                };
                let name = name.expect("a delivery has a state");
                let stuck = ["failed", "parked", "missed", "cancelled"];
                assert!(!stuck.contains(&name.as_str()), "{plugin}: {shown:#}");
                (name == "published").then_some(())
            })
            .await;
    }

    assert_eq!(stage.discord.books().kept().len(), 1);
    assert_eq!(stage.facebook.books().timeline().len(), 1);
    assert_eq!(stage.facebook.books().photos.len(), 1);
    assert_eq!(stage.instagram.books().media.len(), 1);
    assert_eq!(stage.linkedin.books().posts.len(), 1);
    assert_eq!(stage.telegram.books().messages(telegram::CHANNEL).len(), 1);
    assert_eq!(stage.threads.books().media.len(), 1);
    assert_eq!(stage.tiktok.books().done().len(), 1);
    assert_eq!(stage.webhook.books().made, 1);
    assert_eq!(stage.x.books().own().len(), 1);
    assert_eq!(stage.youtube.books().videos.len(), 1);
    assert_eq!(stage.youtube.books().videos[0].bytes, film);
    let captions = stage.youtube.books().captions.clone();
    assert_eq!(captions.len(), 1);
    assert_eq!(captions[0].bytes.as_deref(), Some(CAPTIONS));

    let checked = home.jarchi(&["account", "check", "--json"]).await;
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    let accounts = checked.as_array().unwrap_or_else(|| panic!("{checked:#}"));
    assert_eq!(accounts.len(), waits.len());
    for account in accounts {
        assert_eq!(account["ready"], true, "{account:#}");
    }
    every_number_is_told(&home, &daemon).await;
    let log = daemon.log();
    for secret in [
        discord::TOKEN,
        facebook::TOKEN,
        facebook::PAGE_TOKEN,
        APP_SECRET,
        "appsecret_proof",
        instagram::TOKEN,
        linkedin::TOKEN,
        telegram::TOKEN,
        threads::TOKEN,
        tiktok::TOKEN,
        youtube::TOKEN,
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert!(daemon.terminate().await.success());
}

/// Each platform tells what it counts of its post, and of the account, in words that the
/// store takes.
async fn every_number_is_told(home: &Home, daemon: &Daemon) {
    home.ok(&["measure"]).await;
    let measured = [
        ("discord", "likes", None),
        ("facebook", "likes", Some("followers")),
        ("instagram", "likes", Some("followers")),
        ("linkedin", "likes", Some("followers")),
        ("threads", "views", Some("followers")),
        ("tiktok", "views", Some("followers")),
        ("x", "views", None),
        ("youtube", "views", Some("followers")),
    ];
    for (plugin, of_post, of_account) in measured {
        let account = format!("on-{plugin}");
        daemon
            .until(&format!("the numbers of {plugin}"), async || {
                let args = [
                    "metrics",
                    "query",
                    "--measure",
                    of_post,
                    "--account",
                    &account,
                ];
                let told = home.ok(&[&args[..], &["--format", "json"]].concat()).await;
                let told: Value = serde_json::from_str(&told).unwrap();
                (told["rows"][0]["cells"][0]["posts"] == 1).then_some(())
            })
            .await;
        if let Some(measure) = of_account {
            daemon
                .until(&format!("the followers on {plugin}"), async || {
                    let told = home.json(&["metrics", "--account", &account]).await;
                    let samples = told["of"][0]["samples"].as_array().cloned()?;
                    let metrics = samples.last()?["metrics"].as_array().cloned()?;
                    let mut found = metrics.iter();
                    found.find(|one| one["measure"] == measure).map(|_| ())
                })
                .await;
        }
    }
}
