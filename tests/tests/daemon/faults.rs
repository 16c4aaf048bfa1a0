//! A disk that is full, read-only or harmed, a store that is lost: what is said, what is
//! kept, and how it is restored.

use std::path::{Path, PathBuf};

use jarchi_tests::daemon::{Home, config};
use jarchi_tests::standin::Standin;

use super::{delivery, numbers, stage, state, words};

/// A small disk of its own; none where the test may not mount one.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: PathBuf, options: &str) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(&at)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Disk(at)),
            other => {
                eprintln!("PASSED OVER: no disk can be mounted here, which takes root: {other:?}");
                None
            }
        }
    }

    fn again(&self, options: &str) {
        let done = std::process::Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(&self.0)
            .status()
            .unwrap();
        assert!(done.success());
    }

    /// With the plugins compiled already.
    fn prepare(&self, home: &Home) {
        let data = self.0.join("data");
        std::fs::create_dir_all(&data).unwrap();
        let copied = std::process::Command::new("cp")
            .arg("-a")
            .args([home.data().join("compiled"), data])
            .status()
            .unwrap();
        assert!(copied.success());
    }

    /// Takes all the space that is left.
    fn fill(&self) -> PathBuf {
        use std::io::Write as _;
        let path = self.0.join("fill");
        let mut file = std::fs::File::create(&path).unwrap();
        let mut size = 1 << 20;
        while size > 0 {
            match file.write(&vec![1; size]) {
                Ok(written) if written > 0 => {}
                _ => size /= 2,
            }
        }
        path
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(&self.0)
            .status();
    }
}

/// With the store on `small`, and its account on hold.
fn on_the_small_disk(standin: &Standin, keep_free: &str) -> String {
    config(standin, &["cafe"])
        .replace("data_dir = \"data\"", "data_dir = \"small/data\"")
        .replace(
            "[daemon]",
            &format!("[daemon]\nkeep_free = \"{keep_free}\""),
        )
        .replace("name = \"cafe\"", "name = \"cafe\"\nhold = true")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_daemon_and_loses_nothing() {
    let standin = Standin::start(&["cafe"]);
    let home = Home::new(&on_the_small_disk(&standin, "0B")).await;
    let Some(disk) = Disk::mount(home.path("small"), "size=48m") else {
        return;
    };
    disk.prepare(&home);
    let mut daemon = home.start().await;
    let mut acknowledged = Vec::new();
    let mut post = async |number: usize| {
        let text = format!("{number} {}", "ə".repeat(400));
        let args = ["post", &text, "--account", "cafe", "--force", "--json"];
        let output = home.jarchi(&args).await;
        if output.status.success() {
            let posted: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            acknowledged.push(numbers(&posted).1);
            Ok(())
        } else {
            Err(output)
        }
    };
    for number in 0..5 {
        post(number).await.unwrap();
    }
    let fill = disk.fill();
    // Some may still find room in what sled has already.
    let mut number = 5;
    let refused = loop {
        if let Err(output) = post(number).await {
            break output;
        }
        number += 1;
        assert!(number < 2000, "the disk is not full");
    };
    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    // It can't go on, and does not pretend to.
    assert_eq!(daemon.ended().await.code(), Some(1));
    assert!(
        daemon.log().contains("the store can't be written any more"),
        "{}",
        daemon.log()
    );
    // As often as it is started.
    let mut again = home.spawn();
    assert_eq!(again.ended().await.code(), Some(1));
    assert!(again.log().contains("full"), "{}", again.log());

    std::fs::remove_file(fill).unwrap();
    let daemon = home.start().await;
    let list = home.json(&["queue", "list", "--limit", "5000"]).await;
    let there: Vec<String> = list["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["delivery"].to_string())
        .collect();
    for number in &acknowledged {
        assert!(
            there.contains(number),
            "{number} was acknowledged and is lost"
        );
    }
    assert!(daemon.terminate().await.success());
    let checked = home.ok(&["store", "check"]).await;
    assert!(checked.contains("nothing is wrong"), "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_disk_is_full_nothing_new_is_begun() {
    let standin = Standin::start(&["cafe"]);
    let with = |keep_free: &str| {
        config(&standin, &["cafe"]).replace(
            "[daemon]",
            &format!("[daemon]\nkeep_free = \"{keep_free}\""),
        )
    };
    let home = Home::new(&with("0B")).await;
    let posted = home.json(&["post", "Salam", "--account", "cafe"]).await;
    // More than any disk has.
    home.configure(&with("1048576GiB"));
    let mut daemon = home.start().await;
    daemon
        .logged(|line| line["message"] == "nothing is begun")
        .await;
    let (status, ready) = daemon.get("/readyz").await;
    assert_eq!(status, 503);
    assert!(ready.contains("daemon.keep_free"), "{ready}");
    // The daemon itself is well: no supervisor is to restart it.
    assert_eq!(daemon.get("/healthz").await.0, 200);
    let refused = home.jarchi(&["post", "Sağ ol", "--account", "cafe"]).await;
    assert_eq!(refused.status.code(), Some(1), "{}", words(&refused));
    assert!(
        words(&refused).contains("daemon.keep_free"),
        "{}",
        words(&refused)
    );
    assert!(standin.book().is_empty());

    home.configure(&with("0B"));
    daemon.hang_up();
    daemon
        .logged(|line| line["message"] == "the configuration is in force")
        .await;
    assert_eq!(daemon.get("/readyz").await.0, 200);
    // Not in a minute, but at once.
    let (_, number) = numbers(&posted);
    home.ok(&["queue", "retry", &number]).await;
    standin.until("the post", |book| book.len() == 1).await;
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_read_only_is_told() {
    let standin = Standin::start(&["cafe"]);
    let home = Home::new(&on_the_small_disk(&standin, "0B")).await;
    let Some(disk) = Disk::mount(home.path("small"), "size=48m") else {
        return;
    };
    disk.prepare(&home);
    home.ok(&["post", "Salam", "--account", "cafe"]).await;
    disk.again("ro");
    let mut daemon = home.spawn();
    assert_eq!(daemon.ended().await.code(), Some(1));
    let log = daemon.log();
    assert!(
        log.contains("small/data") && log.contains("Read-only"),
        "{log}"
    );
    disk.again("rw");
    let list = home.json(&["queue", "list"]).await;
    assert_eq!(list["deliveries"].as_array().unwrap().len(), 1);
}

fn lines(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
        .unwrap_or_default();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_by_schedule_and_by_hand_while_the_daemon_runs() {
    let standin = Standin::start(&["cafe"]);
    let schedule = "\n[[schedule]]\nname = \"night\"\ncron = \"* * * * * *\"\n\
                    backup = \"nightly\"\nkeep = 2\n";
    let home = Home::new(&format!("{}{schedule}", config(&standin, &["cafe"]))).await;
    let mut daemon = home.start().await;
    home.ok(&["post", "Salam", "--account", "cafe"]).await;
    standin.until("the post", |book| book.len() == 1).await;
    let removed = daemon
        .logged(|line| line["message"] == "backed up" && line["removed"] == 1)
        .await;
    assert!(removed["records"].as_u64().unwrap() > 0, "{removed}");
    let listed = home.ok(&["schedule", "list"]).await;
    assert!(listed.contains("keep 2"), "{listed}");

    // By hand: a file, a folder, and none at all.
    let file = home.path("by hand.gz");
    home.ok(&["backup", file.to_str().unwrap()]).await;
    home.ok(&["backup", "kept/"]).await;
    let report = home.json(&["backup"]).await;
    assert_eq!(lines(&home.path("kept")).len(), 1);
    let latest = PathBuf::from(report["file"].as_str().unwrap());
    assert_eq!(lines(&home.data().join("backups")), [latest]);
    let twice = home.jarchi(&["backup", file.to_str().unwrap()]).await;
    assert_eq!(twice.status.code(), Some(2), "{}", words(&twice));

    // A daemon that runs keeps its store.
    let refused = home.jarchi(&["restore", file.to_str().unwrap()]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(words(&refused).contains("in use"), "{}", words(&refused));
    assert!(daemon.terminate().await.success());
    // And when none runs.
    home.ok(&["backup", "kept"]).await;
    assert_eq!(lines(&home.path("kept")).len(), 2);
    assert!(!lines(&home.path("nightly")).is_empty());
    assert!(lines(&home.path("nightly")).len() <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_store_is_restored_and_doubles_nothing() {
    let (standin, home) = stage().await;
    standin.ignore_idempotency_keys();
    let daemon = home.start().await;
    let first = home.json(&["post", "Salam", "--account", "cafe"]).await;
    standin.until("the post", |book| book.len() == 1).await;
    home.ok(&["hold", "account:shop"]).await;
    let second = home.json(&["post", "Sağ ol", "--account", "shop"]).await;
    home.ok(&["backup", "b.gz"]).await;
    // It goes out after the backup was taken.
    home.ok(&["release", "account:shop"]).await;
    standin.until("both", |book| book.len() == 2).await;
    daemon.kill().await;

    // The disk eats the log.
    std::fs::remove_file(home.data().join("db/db")).unwrap();
    home.ok(&["backup", "--help"]).await;
    let mut broken = home.spawn();
    assert_eq!(broken.ended().await.code(), Some(1));
    let log = broken.log();
    assert!(
        log.contains("lacks the last") && log.contains("jarchi restore"),
        "{log}"
    );
    let refused = home.jarchi(&["restore", "b.gz"]).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(words(&refused).contains("mv "), "{}", words(&refused));

    let mut bytes = std::fs::read(home.path("b.gz")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(home.path("altered.gz"), bytes).unwrap();
    std::fs::rename(home.data().join("db"), home.data().join("db.torn")).unwrap();
    let refused = home.jarchi(&["restore", "altered.gz"]).await;
    assert_eq!(refused.status.code(), Some(2), "{}", words(&refused));
    assert!(!home.data().join("db").exists());
    let restored = home.ok(&["restore", "b.gz"]).await;
    assert!(restored.contains("records of"), "{restored}");

    // On hold, as it was; then it is looked up, and found.
    let daemon = home.start().await;
    home.ok(&["release", "account:shop"]).await;
    let (_, number) = numbers(&second);
    let found = daemon
        .until("the end", async || {
            let found = delivery(&home, &number).await;
            (state(&found) == "published").then_some(found)
        })
        .await;
    assert!(found["history"].to_string().contains("found"), "{found}");
    assert_eq!(
        state(&delivery(&home, &numbers(&first).1).await),
        "published"
    );
    assert_eq!(standin.book().len(), 2);
    assert!(daemon.terminate().await.success());
}
