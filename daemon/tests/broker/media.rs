//! Files on their way out, which no plugin and no memory holds.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use jarchi::plugin::broker::{Body, Error, Part, PartBody, Request, Slice};
use tokio::io::AsyncReadExt as _;
use tokio::sync::oneshot;

use crate::world::{Asker, Site, World, header, ok, plain, request};

fn asker(site: &Site) -> Asker {
    Asker::of(&[&format!("api.example.org:{}", site.port())])
}

fn file(length: usize) -> (tempfile::TempDir, PathBuf, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("şəkil.bin");
    // No two places of it look alike.
    let bytes: Vec<u8> = (0..length as u32 / 4 + 1)
        .flat_map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes())
        .take(length)
        .collect();
    fs::write(&path, &bytes).unwrap();
    (dir, path, bytes)
}

fn slice(path: &Path, offset: u64, length: u64) -> Slice {
    Slice {
        path: path.to_owned(),
        offset,
        length,
    }
}

fn put(site: &Site, body: Body) -> Request {
    let mut request = request("PUT", &format!("http://api.example.org:{}/", site.port()));
    request.body = body;
    request
}

#[tokio::test]
async fn a_range_of_a_file_is_sent_as_it_lies_there() {
    let world = World::new();
    let site = plain(ok()).await;
    let asker = asker(&site);
    let (_keep, path, bytes) = file(300_001);
    for (offset, length) in [
        (0, 300_001),
        (0, 1),
        (300_000, 1),
        (1, 65_536),
        (65_535, 131_073),
        (7, 0),
        (300_001, 0),
    ] {
        let body = Body::Media(slice(&path, offset, length));
        let request = header(put(&site, body), "content-type", "video/mp4");
        world.send(&asker, request).await.unwrap();
        let seen = site.seen().pop().unwrap();
        let range = offset as usize..(offset + length) as usize;
        assert!(seen.body == bytes[range], "{offset}+{length}");
        assert_eq!(seen.header("content-type"), Some("video/mp4"));
        if length > 0 {
            assert_eq!(
                seen.header("content-length"),
                Some(length.to_string().as_str())
            );
        }
    }
}

#[tokio::test]
async fn files_and_words_in_one_form() {
    let world = World::new();
    let site = plain(ok()).await;
    let asker = asker(&site);
    let (_keep, path, bytes) = file(100_000);
    let part = |name: &str, filename: Option<&str>, content_type: Option<&str>, body| Part {
        name: name.to_owned(),
        filename: filename.map(str::to_owned),
        content_type: content_type.map(str::to_owned),
        body,
    };
    let parts = vec![
        part(
            "description",
            None,
            None,
            PartBody::Bytes("bir tort 🍰".into()),
        ),
        part(
            "file",
            Some("a \"cake\"\u{e9}.jpg"),
            Some("image/jpeg"),
            PartBody::Media(slice(&path, 10, 50_000)),
        ),
        part(
            "rest",
            None,
            None,
            PartBody::Media(slice(&path, 50_010, 49_990)),
        ),
    ];
    world
        .send(&asker, put(&site, Body::Multipart(parts)))
        .await
        .unwrap();
    let seen = site.only();
    let content_type = seen.header("content-type").unwrap();
    let boundary = content_type
        .strip_prefix("multipart/form-data; boundary=")
        .unwrap();
    let mut expected = Vec::new();
    for (head, body) in [
        ("name=\"description\"\r\n", "bir tort 🍰".as_bytes()),
        (
            "name=\"file\"; filename=\"a %22cake%22é.jpg\"\r\nContent-Type: image/jpeg\r\n",
            &bytes[10..50_010],
        ),
        ("name=\"rest\"\r\n", &bytes[50_010..]),
    ] {
        let head = format!("--{boundary}\r\nContent-Disposition: form-data; {head}\r\n");
        expected.extend_from_slice(head.as_bytes());
        expected.extend_from_slice(body);
        expected.extend_from_slice(b"\r\n");
    }
    expected.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    assert!(
        seen.body == expected,
        "{}",
        String::from_utf8_lossy(&seen.body[..200])
    );
    assert_eq!(
        seen.header("content-length"),
        Some(expected.len().to_string().as_str())
    );
}

#[tokio::test]
async fn a_file_that_is_not_as_it_was_is_not_sent() {
    let world = World::new();
    let site = plain(ok()).await;
    let asker = asker(&site);
    let (_keep, path, _) = file(1000);
    for slice in [
        slice(&path, 0, 1001),
        slice(&path, 999, 2),
        slice(&path, u64::MAX, 2),
        slice(&path.with_file_name("gone.bin"), 0, 1),
    ] {
        let error = world.send(&asker, put(&site, Body::Media(slice))).await;
        let Err(Error::NotSent(text)) = error else {
            panic!("{error:?}");
        };
        // Its name, and not where it lies.
        assert!(text.contains(".bin`"), "{text}");
        assert!(
            !text.contains(path.parent().unwrap().to_str().unwrap()),
            "{text}"
        );
    }
    assert_eq!(site.connections(), 0);
}

/// A server takes a part of the body and waits; in the meantime the file grows.
#[tokio::test]
async fn a_file_that_changes_under_way_does_not_arrive_whole() {
    const LENGTH: u64 = 64 << 20;
    let world = World::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("api.example.org:{}", listener.local_addr().unwrap().port());
    let (begun, has_begun) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut chunk = vec![0; 64 << 10];
        let mut received = stream.read(&mut chunk).await.unwrap() as u64;
        begun.send(()).unwrap();
        may_go_on.await.unwrap();
        while let Ok(length @ 1..) = stream.read(&mut chunk).await {
            received += length as u64;
        }
        received
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("video.mp4");
    File::create(&path).unwrap().set_len(LENGTH).unwrap();
    let mut request = request("PUT", &format!("http://{host}/"));
    request.body = Body::Media(slice(&path, 0, LENGTH));
    let (broker, caller) = (world.broker.clone(), Asker::of(&[&host]).caller());
    let sending = tokio::spawn(async move { broker.send(&caller, request).await });
    has_begun.await.unwrap();
    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(b"one byte more").unwrap();
    file.sync_all().unwrap();
    go_on.send(()).unwrap();
    let error = sending.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::NoAnswer(_)), "{error:?}");
    assert!(
        error.to_string().contains("changed while it was sent"),
        "{error}"
    );
    assert!(server.await.unwrap() < LENGTH);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_video_costs_no_memory() {
    const LENGTH: u64 = 512 << 20;
    /// The most that this process ever had, in bytes.
    fn peak() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .unwrap();
        let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kibibytes << 10
    }
    let world = World::new();
    let site = plain(ok()).await;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("video.mp4");
    File::create(&path).unwrap().set_len(LENGTH).unwrap();
    let before = peak();
    let body = Body::Media(slice(&path, 0, LENGTH));
    let answer = world.send(&asker(&site), put(&site, body)).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(site.only().length, Some(LENGTH));
    let grown = peak() - before;
    assert!(grown < LENGTH / 8, "{grown} bytes more");
}
