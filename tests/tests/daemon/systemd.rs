//! What the daemon tells systemd.

use std::collections::BTreeMap;

use jarchi_tests::standin::PATIENCE;
use tokio::net::UnixDatagram;

use super::stage;

struct Manager(UnixDatagram);

impl Manager {
    /// Waits for a message that has this field.
    async fn told(&self, field: &str) -> BTreeMap<String, String> {
        let waiting = async {
            loop {
                let mut bytes = [0; 4096];
                let length = self.0.recv(&mut bytes).await.unwrap();
                let text = String::from_utf8(bytes[..length].to_vec()).unwrap();
                let message: BTreeMap<String, String> = text
                    .lines()
                    .filter_map(|line| line.split_once('='))
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect();
                if message.contains_key(field) {
                    return message;
                }
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(message) => message,
            Err(_) => panic!("nobody says {field}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_watchdog_reload_and_stop() {
    let (_standin, home) = stage().await;
    let socket = home.path("notify.sock");
    let manager = Manager(UnixDatagram::bind(&socket).unwrap());
    let mut daemon = home.spawn_with(&[
        ("NOTIFY_SOCKET", socket.to_str().unwrap()),
        ("WATCHDOG_USEC", "400000"),
    ]);
    manager.told("READY").await;
    // It can be used when it says so.
    home.ok(&["status"]).await;
    let beat = manager.told("WATCHDOG").await;
    assert!(beat["STATUS"].contains("0 dead letters"), "{beat:?}");
    daemon.hang_up();
    let reloading = manager.told("RELOADING").await;
    // systemd needs the time in the same message.
    assert!(reloading.contains_key("MONOTONIC_USEC"), "{reloading:?}");
    manager.told("READY").await;
    daemon.stop();
    manager.told("STOPPING").await;
    assert!(daemon.ended().await.success());
}
