//! What platforms get of the files that a post names: photos without their place, small
//! enough and of the right format, films as they are but for their place.

use image::{DynamicImage, GenericImageView, ImageDecoder};
use jarchi_platforms::{facebook, instagram, webhook, youtube};
use jarchi_tests::daemon::{Daemon, Home, daemon_section};
use jarchi_tests::photo;
use jarchi_tests::platforms::Served;
use reqwest::Method;
use serde_json::Value;

use super::fetching::ask;

struct Stage {
    facebook: Served<facebook::Facebook>,
    instagram: Served<instagram::Instagram>,
    webhook: Served<webhook::Receiver>,
    youtube: Served<youtube::YouTube>,
}

const GRAPH: &str = "graph.facebook.com";
const GRAPH_VIDEO: &str = "graph-video.facebook.com";
const UPLOAD: &str = "rupload.facebook.com";
const INSTAGRAM: &str = "graph.instagram.com";
const HOOK: &str = "hook.example";
const GOOGLE: &str = "www.googleapis.com";

impl Stage {
    async fn start() -> Self {
        let graph = [GRAPH, GRAPH_VIDEO, UPLOAD];
        Stage {
            facebook: Served::start(facebook::Facebook::default(), &graph).await,
            instagram: Served::start(instagram::Instagram::default(), &[INSTAGRAM, UPLOAD]).await,
            webhook: Served::start(webhook::Receiver::default(), &[HOOK]).await,
            youtube: Served::start(youtube::YouTube::default(), &[GOOGLE]).await,
        }
    }

    async fn home(&self) -> Home {
        let (facebook, instagram) = (&self.facebook, &self.instagram);
        let mut text = format!(
            "{}[media]\npublic_url = \"https://media.example\"\nlisten = \"127.0.0.1:0\"\n\
             [[brand]]\nname = \"Tea\"\ntime_zone = \"Asia/Baku\"\n",
            daemon_section()
        );
        for (plugin, grants, settings, secret) in [
            (
                "facebook",
                facebook.grants(),
                format!(
                    "api = \"{}\", video_api = \"{}\", upload = \"{}\", page = \"{}\"",
                    facebook.url(GRAPH),
                    facebook.url(GRAPH_VIDEO),
                    facebook.url(UPLOAD),
                    facebook::PAGE
                ),
                format!("access_token = \"{}\"", facebook::TOKEN),
            ),
            (
                "instagram",
                instagram.grants(),
                format!(
                    "api = \"{}\", upload = \"{}\"",
                    instagram.url(INSTAGRAM),
                    instagram.url(UPLOAD)
                ),
                format!("access_token = \"{}\"", instagram::TOKEN),
            ),
            (
                "webhook",
                self.webhook.grants(),
                format!(
                    "url = \"{}/hook\", body = \"multipart\"",
                    self.webhook.url(HOOK)
                ),
                format!("signing = \"{}\"", webhook::SECRET),
            ),
            (
                "youtube",
                self.youtube.grants(),
                format!(
                    "api = \"{}\", channel = \"{}\"",
                    self.youtube.url(GOOGLE),
                    youtube::CHANNEL
                ),
                format!("access_token = \"{}\"", youtube::TOKEN),
            ),
        ] {
            text.push_str(&format!(
                "[[plugin]]\nname = \"{plugin}\"\n{grants}[[account]]\nname = \"{plugin}\"\n\
                 plugin = \"{plugin}\"\nsettings = {{ {settings} }}\nsecrets = {{ {secret} }}\n\
                 rails = {{ least_gap = \"0s\" }}\n"
            ));
        }
        Home::compiled("prepared", &text, |_| {}).await
    }

    /// The address that Instagram was given last, behind the proxy.
    fn address(&self, daemon: &Daemon) -> String {
        let books = self.instagram.books();
        let container = books
            .containers
            .values()
            .max_by_key(|container| container.made);
        let url = container.expect("a container").body["image_url"].clone();
        let path = url
            .as_str()
            .unwrap()
            .strip_prefix("https://media.example")
            .unwrap();
        format!("http://{}{path}", daemon.media())
    }
}

async fn published(home: &Home, daemon: &Daemon, account: &str, file: &str) {
    let posted = home
        .json(&["post", file, "--account", account, "--media", file])
        .await;
    let number = posted["deliveries"][0]["delivery"].to_string();
    let delivery: Value = daemon
        .until("the end of the delivery", async || {
            let shown = home.json(&["queue", "show", &number]).await;
            let delivery = shown["deliveries"][0].clone();
            let over = delivery["state"] == "published" || delivery["state"]["failed"].is_object();
            over.then_some(delivery)
        })
        .await;
    assert_eq!(delivery["state"], "published", "{delivery:#}");
}

fn tells(bytes: &[u8]) -> bool {
    bytes
        .windows(photo::PLACE.len())
        .any(|part| part == photo::PLACE)
}

/// Upright, as whoever gets it shows it.
fn seen(bytes: &[u8]) -> DynamicImage {
    let reader = image::ImageReader::new(std::io::Cursor::new(bytes));
    let mut decoder = reader
        .with_guessed_format()
        .unwrap()
        .into_decoder()
        .unwrap();
    let turn = decoder.orientation().unwrap();
    let mut image = DynamicImage::from_decoder(decoder).unwrap();
    image.apply_orientation(turn);
    image
}

#[tokio::test(flavor = "multi_thread")]
async fn no_place_leaves_whichever_way_a_file_goes() {
    let stage = Stage::start().await;
    let home = stage.home().await;
    let taken = photo::photo(640, 600, 6);
    assert!(tells(&taken));
    home.write("photo.jpg", &taken);
    let film = photo::film(&photo::place());
    assert!(tells(&film));
    home.write("film.mp4", &film);
    let daemon = home.start().await;

    published(&home, &daemon, "facebook", "photo.jpg").await;
    published(&home, &daemon, "webhook", "photo.jpg").await;
    published(&home, &daemon, "instagram", "photo.jpg").await;
    published(&home, &daemon, "youtube", "film.mp4").await;
    let address = stage.address(&daemon);
    assert!(address.ends_with("/photo.jpg"), "{address}");
    let fetched = ask(Method::GET, address.clone(), &[]).await;
    let fetched = fetched.bytes().await.unwrap().to_vec();
    let of_facebook = stage
        .facebook
        .books()
        .photos
        .values()
        .next()
        .unwrap()
        .bytes
        .clone();
    let of_webhook = {
        let books = stage.webhook.books();
        let taken = books.posts.values().next().unwrap();
        taken.files.values().next().unwrap().clone()
    };
    for (name, sent) in [
        ("facebook", &of_facebook),
        ("webhook", &of_webhook),
        ("instagram", &fetched),
    ] {
        assert!(!tells(sent), "{name}");
        let image = seen(sent);
        // Turned to the right: what was below on the left is above on the left.
        assert_eq!(image.dimensions(), (600, 640), "{name}");
        let [red, green, blue, _] = image.get_pixel(100, 100).0;
        assert!(
            blue > 200 && red < 60 && green < 60,
            "{name}: {red} {green} {blue}"
        );
    }
    let sent = stage.youtube.books().videos[0].bytes.clone();
    assert_eq!(sent.len(), film.len());
    assert!(!tells(&sent));

    // After a restart the address leads to the same bytes, which were not made again.
    let made = |home: &Home| {
        let mut found: Vec<_> = walk(&home.data().join("prepared"));
        found.sort();
        found
    };
    let before = made(&home);
    // One for each set of limits.
    assert_eq!(before.len(), 4, "{before:?}");
    assert!(daemon.terminate().await.success());
    let daemon = home.start().await;
    let again = ask(Method::GET, stage.address(&daemon), &[]).await;
    assert_eq!(again.bytes().await.unwrap(), fetched);
    home.json(&[
        "post",
        "Yenə",
        "--account",
        "facebook",
        "--media",
        "photo.jpg",
        "--check",
    ])
    .await;
    assert_eq!(made(&home), before);
    assert!(daemon.terminate().await.success());
}

/// Path and inode of every file.
fn walk(folder: &std::path::Path) -> Vec<(String, u64)> {
    use std::os::unix::fs::MetadataExt;
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(walk(&entry.path()));
        } else {
            let inode = entry.metadata().unwrap().ino();
            found.push((entry.path().display().to_string(), inode));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_png_fits_instagram_and_what_does_not_is_told() {
    let stage = Stage::start().await;
    let home = stage.home().await;
    home.write("large.png", photo::noise(2400, 1600, "large"));
    home.write("small.jpg", photo::plain(300, 300));
    home.write("strip.jpg", photo::plain(1600, 400));
    home.write("half.jpg", &photo::plain(640, 640)[..900]);
    // It says that it has more pixels than any memory.
    let mut bomb = photo::noise(2, 2, "bomb");
    bomb[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    let mut crc = flate2::Crc::new();
    crc.update(&bomb[12..29]);
    bomb[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    home.write("bomb.png", &bomb);
    let daemon = home.start().await;
    published(&home, &daemon, "instagram", "large.png").await;
    let address = stage.address(&daemon);
    assert!(address.ends_with("/large.jpg"), "{address}");
    let answer = ask(Method::GET, address, &[]).await;
    assert_eq!(answer.headers()["content-type"], "image/jpeg");
    let sent = answer.bytes().await.unwrap();
    assert!(sent.len() <= 8 << 20);
    assert_eq!(seen(&sent).dimensions(), (1440, 960));

    for (file, says) in [
        (
            "small.jpg",
            "small.jpg: 300 × 300 pixels; the platform takes pictures that are 320 wide and more",
        ),
        (
            "strip.jpg",
            "strip.jpg: 1600 × 400 pixels are 4.00 to 1 (width to height); the platform takes 0.80 to 1.91",
        ),
        ("half.jpg", "half.jpg: no sound JPEG: it ends too early"),
        (
            "bomb.png",
            "bomb.png: 65536 × 65536 pixels are more than are dealt with",
        ),
    ] {
        let output = home
            .jarchi(&["post", "Olmaz", "--account", "instagram", "--media", file])
            .await;
        let words = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            !output.status.success() && words.contains(says),
            "{file}: {words}"
        );
    }
    // By force it is accepted, and refused before anything is sent.
    let asked = stage.instagram.books().containers.len();
    let posted = home
        .json(&[
            "post",
            "Olmaz",
            "--account",
            "instagram",
            "--media",
            "half.jpg",
            "--force",
        ])
        .await;
    let number = posted["deliveries"][0]["delivery"].to_string();
    daemon
        .until("the refusal", async || {
            let shown = home.json(&["queue", "show", &number]).await;
            let reason = shown["deliveries"][0]["state"]["failed"]["reason"].clone();
            reason
                .as_str()?
                .contains("half.jpg: no sound JPEG")
                .then_some(())
        })
        .await;
    assert_eq!(stage.instagram.books().containers.len(), asked);
    assert!(daemon.terminate().await.success());
}
