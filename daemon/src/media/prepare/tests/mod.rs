mod made;
mod pictures;
mod robust;

use std::path::Path;

use image::{DynamicImage, GenericImageView, Rgb, RgbImage};

use super::*;
use crate::clock::Clock;
use crate::model::{FocalPoint, Timestamp};
use made::{SECRET, gif, jpeg, png, webp};

const KEEP: Keep = Keep {
    most: 1 << 30,
    spared: TimeSpan::from_hours(1),
};

struct Stage {
    dir: tempfile::TempDir,
    preparer: Preparer,
}

impl Stage {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let preparer = open(dir.path());
        Stage { dir, preparer }
    }

    async fn item(&self, name: &str, bytes: &[u8]) -> MediaItem {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        crate::media::describe(&path, None, None).await.unwrap()
    }

    async fn prepare(
        &self,
        name: &str,
        bytes: &[u8],
        recipe: &Recipe,
    ) -> Result<Prepared, Trouble> {
        let item = self.item(name, bytes).await;
        self.preparer.prepare(&item, recipe, KEEP).await
    }

    fn entries(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir.path().join("prepared")).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

fn open(dir: &Path) -> Preparer {
    Preparer::open(
        dir.join("prepared"),
        Clock::manual(Timestamp(1_800_000_000_000)).0,
    )
    .unwrap()
}

fn bytes(prepared: &Prepared) -> Vec<u8> {
    std::fs::read(&prepared.item.path).unwrap()
}

fn image_limits(limits: ImageLimits) -> Recipe {
    Recipe {
        image: Some(limits),
        ..Recipe::default()
    }
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    memchr::memmem::find(bytes, what).is_some()
}

#[tokio::test]
async fn a_file_with_nothing_to_tell_stays_where_it_is() {
    let stage = Stage::new();
    let plain = made::plain_jpeg(40, 30);
    let limits = image_limits(ImageLimits {
        formats: vec!["jpeg".to_owned()],
        max_width: Some(1440),
        ..ImageLimits::default()
    });
    let prepared = stage.prepare("a.jpg", &plain, &limits).await.unwrap();
    let own = stage.dir.path().canonicalize().unwrap().join("a.jpg");
    assert_eq!(prepared.item.path, own.to_str().unwrap());
    assert_eq!(stage.entries(), [""; 0]);
}

#[tokio::test]
async fn what_was_made_is_used_again_and_by_the_next_process() {
    let stage = Stage::new();
    let item = stage.item("a.jpg", &jpeg(40, 30, 6)).await;
    let recipe = Recipe::default();
    let first = stage.preparer.prepare(&item, &recipe, KEEP).await.unwrap();
    assert!(first.item.path.ends_with("/a.jpg"), "{}", first.item.path);
    let written = std::fs::metadata(&first.item.path).unwrap();
    {
        use std::os::unix::fs::{MetadataExt, PermissionsExt};
        assert_eq!(written.permissions().mode() & 0o777, 0o600);
        let folder = stage.dir.path().join("prepared");
        let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        // What a crash left half done.
        std::fs::create_dir(folder.join(".unfinished-1")).unwrap();
        std::fs::write(folder.join(".unfinished-1/a.jpg"), "half").unwrap();

        let next = open(stage.dir.path());
        let second = next.prepare(&item, &recipe, KEEP).await.unwrap();
        assert_eq!(second, first);
        assert_eq!(
            std::fs::metadata(&second.item.path).unwrap().ino(),
            written.ino()
        );
        assert_eq!(stage.entries().len(), 1);
    }
    // Other limits, another file.
    let other = image_limits(ImageLimits {
        max_width: Some(20),
        ..ImageLimits::default()
    });
    let third = stage.preparer.prepare(&item, &other, KEEP).await.unwrap();
    assert_ne!(third.item.digest, first.item.digest);
    assert_eq!(stage.entries().len(), 2);
}

#[tokio::test]
async fn a_prepared_file_that_was_changed_is_made_anew() {
    let stage = Stage::new();
    let item = stage.item("a.jpg", &jpeg(40, 30, 1)).await;
    let first = stage
        .preparer
        .prepare(&item, &Recipe::default(), KEEP)
        .await
        .unwrap();
    let good = bytes(&first);
    std::fs::write(&first.item.path, "another").unwrap();
    let again = stage
        .preparer
        .prepare(&item, &Recipe::default(), KEEP)
        .await
        .unwrap();
    assert_eq!(bytes(&again), good);
}

#[tokio::test]
async fn the_cache_stays_within_its_bounds() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, hand) = Clock::manual(Timestamp(1_800_000_000_000));
    let preparer = Preparer::open(dir.path().join("prepared"), clock).unwrap();
    let stage = Stage { dir, preparer };
    let keep = Keep {
        most: 3000,
        spared: TimeSpan::from_mins(30),
    };
    let mut paths = Vec::new();
    for number in 0..6 {
        let item = stage
            .item(&format!("{number}.jpg"), &jpeg(100 + number, 80, 1))
            .await;
        let made = stage
            .preparer
            .prepare(&item, &Recipe::default(), keep)
            .await
            .unwrap();
        paths.push(made.item.path);
    }
    // A platform may still be fetching them.
    assert!(paths.iter().all(|path| Path::new(path).exists()));
    hand.advance(TimeSpan::from_hours(1));
    let item = stage.item("last.jpg", &jpeg(90, 80, 1)).await;
    let last = stage
        .preparer
        .prepare(&item, &Recipe::default(), keep)
        .await
        .unwrap();
    assert!(Path::new(&last.item.path).exists());
    let left: u64 = paths
        .iter()
        .filter_map(|path| Path::new(path).metadata().ok())
        .map(|data| data.len())
        .sum();
    assert!(left + last.item.size <= 3000, "{left}");
    assert!(!Path::new(&paths[0]).exists());
    // And is made anew where it is wanted again.
    let item = stage.item("0.jpg", &jpeg(100, 80, 1)).await;
    let again = stage
        .preparer
        .prepare(&item, &Recipe::default(), keep)
        .await
        .unwrap();
    assert!(Path::new(&again.item.path).exists());
}

#[tokio::test]
async fn a_file_is_judged_by_its_bytes() {
    let stage = Stage::new();
    let film = made::mp4(&[]);
    let item = stage.item("a.mp4", &film).await;
    let lying = MediaItem {
        mime: "image/png".to_owned(),
        kind: MediaKind::Image,
        ..item
    };
    let error = stage
        .preparer
        .prepare(&lying, &Recipe::default(), KEEP)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "its name says image/png, and its bytes are video/mp4"
    );
    // One picture that is another is what it is.
    let item = MediaItem {
        mime: "image/png".to_owned(),
        ..stage.item("b.png", &jpeg(30, 20, 1)).await
    };
    let prepared = stage
        .preparer
        .prepare(&item, &Recipe::default(), KEEP)
        .await
        .unwrap();
    assert_eq!(prepared.item.mime, "image/jpeg");
    assert!(
        prepared.item.path.ends_with("/b.jpg"),
        "{}",
        prepared.item.path
    );
}

#[tokio::test]
async fn a_file_that_changed_does_not_go_out() {
    let stage = Stage::new();
    let item = stage.item("a.jpg", &jpeg(40, 30, 1)).await;
    stage
        .preparer
        .prepare(&item, &Recipe::default(), KEEP)
        .await
        .unwrap();
    stage.item("a.jpg", &made::plain_jpeg(40, 30)).await;
    let fresh = open(&stage.dir.path().join("other"));
    let error = fresh
        .prepare(&item, &Recipe::default(), KEEP)
        .await
        .unwrap_err();
    assert_eq!(error, Trouble::Changed);
}

#[tokio::test]
async fn a_film_loses_its_place_and_nothing_moves() {
    let stage = Stage::new();
    let film = made::mp4(&made::place());
    assert!(holds(&film, SECRET));
    let prepared = stage
        .prepare("a.mp4", &film, &Recipe::default())
        .await
        .unwrap();
    let sent = bytes(&prepared);
    assert_eq!(sent.len(), film.len());
    assert!(!holds(&sent, SECRET) && !holds(&sent, b"\xa9xyz"));
    let pictures = memchr::memmem::find(&film, b"mdat").unwrap();
    assert_eq!(memchr::memmem::find(&sent, b"mdat"), Some(pictures));
    assert_eq!(
        sent[pictures + 4..pictures + 12],
        film[pictures + 4..pictures + 12]
    );
    let item = &prepared.item;
    assert_eq!((item.width, item.height), (Some(1080), Some(1920)));
    assert_eq!(item.length, Some(TimeSpan(12_000)));
    // The camera's own track lies in the pictures' box.
    assert!(holds(&film, b"GPS9") && !holds(&sent, b"GPS9"));

    let webm = made::webm();
    assert!(holds(&webm, SECRET));
    let prepared = stage
        .prepare("a.webm", &webm, &Recipe::default())
        .await
        .unwrap();
    let sent = bytes(&prepared);
    assert!(!holds(&sent, SECRET));
    assert_eq!(sent.len(), webm.len());
    assert_eq!(
        (prepared.item.width, prepared.item.length),
        (Some(640), Some(TimeSpan(2500)))
    );
}

#[tokio::test]
async fn films_are_judged_with_their_numbers() {
    let stage = Stage::new();
    let recipe = Recipe {
        video: Some(VideoLimits {
            containers: vec!["mp4".to_owned()],
            video_codecs: vec!["h264".to_owned()],
            max_seconds: Some(10.0),
            max_ratio: Some(0.5),
            max_width: Some(720),
            max_rate: Some(24.0),
            size: Some(100),
            fast_start: true,
            ..VideoLimits::default()
        }),
        ..Recipe::default()
    };
    let prepared = stage
        .prepare("a.mp4", &made::mp4(&[]), &recipe)
        .await
        .unwrap();
    let said: Vec<String> = prepared
        .problems
        .iter()
        .map(|(severity, text)| format!("{severity:?}: {text}"))
        .collect();
    let said = said.join("\n");
    for part in [
        "Error: 12 seconds; the platform takes 10 and less",
        "Error: 1080 pixels wide; the platform takes 720 and less",
        "1080 × 1920 pixels are 0.56 to 1",
        "bytes; the platform takes 100",
        "Warning: its pictures are coded as hevc; the platform takes h264",
        "Warning: 30 pictures a second; the platform takes 24 and less",
        "Warning: its index (`moov`) stands behind its pictures",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    let prepared = stage
        .prepare("a.webm", &made::webm(), &recipe)
        .await
        .unwrap();
    assert!(
        prepared.problems[0]
            .1
            .contains("it is webm; the platform takes mp4")
    );
    let cut = &made::mp4(&[])[..300];
    let error = stage.prepare("cut.mp4", cut, &recipe).await.unwrap_err();
    assert_eq!(error.to_string(), "no sound film: it is cut off");
}

#[tokio::test]
async fn what_can_not_be_read_goes_where_nothing_is_said_of_files() {
    let stage = Stage::new();
    let odd = b"\xff\xd8\xff\xe0 not much of a picture";
    let prepared = stage
        .prepare("a.jpg", odd, &Recipe::default())
        .await
        .unwrap();
    assert!(
        prepared.problems[0].1.contains("it goes out as it is"),
        "{prepared:?}"
    );
    let limits = image_limits(ImageLimits::default());
    let error = stage.prepare("a.jpg", odd, &limits).await.unwrap_err();
    assert!(error.to_string().starts_with("no sound JPEG"), "{error}");
    let telling = b"\xff\xd8\xff\xe1 Exif\0\0 and a place";
    let error = stage
        .prepare("b.jpg", telling, &Recipe::default())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("can't be taken out"), "{error}");
}
