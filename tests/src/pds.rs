//! The real Bluesky PDS as a child process on loopback, for tests: see `tests/pds/`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;

use serde::Deserialize;
use serde_json::Value;

/// Set to `1`, it makes a machine without node and npm a failure instead of a test that is
/// passed over.
pub const REQUIRE: &str = "JARCHI_REQUIRE_PDS";

/// A running server, with its data in a temporary folder. It stops when this is dropped.
pub struct Pds {
    process: Child,
    pub ready: Ready,
    client: reqwest::Client,
}

/// What the server says of itself when it is ready.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ready {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    /// Its directory of identities.
    pub plc: String,
    /// The stand-in that counts likes and replies, where one was asked for.
    pub app_view: Option<String>,
    pub version: String,
    pub node: String,
    pub accounts: BTreeMap<String, Account>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    pub did: String,
    pub password: String,
    pub app_password: String,
}

/// How the server is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// With a stand-in for the app view behind it.
    pub app_view: bool,
    /// With the limits of the real service, as 30 sessions in five minutes.
    pub rate_limits: bool,
    /// Sessions come with the account's DID document.
    pub did_doc: bool,
}

impl Pds {
    /// Starts a server; the first start on a machine installs it. None, and loud words on
    /// standard error, where that can't be done here.
    ///
    /// # Panics
    /// The server can't be started though [`REQUIRE`] is set, or it starts and then does
    /// not do as it should.
    pub fn start(options: Options) -> Option<Pds> {
        match Self::try_start(options) {
            Ok(pds) => Some(pds),
            Err(reason) if std::env::var_os(REQUIRE).is_some_and(|value| value == "1") => {
                panic!("{REQUIRE}=1, and the PDS can't be started: {reason}")
            }
            Err(reason) => {
                eprintln!(
                    "\n*** PASSED OVER: the real Bluesky PDS can't be started: {reason}\n\
                     *** Install node (20 or newer) with npm, or set {REQUIRE}=1 to make this a failure.\n"
                );
                None
            }
        }
    }

    fn try_start(options: Options) -> Result<Pds, String> {
        // One installation at a time: two would do the same work twice.
        static INSTALLING: Mutex<()> = Mutex::new(());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("pds/start.mjs");
        {
            let _one = INSTALLING
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            let status = Command::new("node")
                .arg(&script)
                .arg("--install-only")
                .stdin(Stdio::null())
                .status()
                .map_err(|error| format!("node: {error}"))?;
            if !status.success() {
                return Err(format!("its installation failed ({status})"));
            }
        }
        let mut command = Command::new("node");
        command
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for (wanted, flag) in [
            (options.app_view, "--app-view"),
            (options.rate_limits, "--rate-limits"),
            (options.did_doc, "--did-doc"),
        ] {
            if wanted {
                command.arg(flag);
            }
        }
        let mut process = command.spawn().map_err(|error| format!("node: {error}"))?;
        let output = process.stdout.take().ok_or("it has no standard output")?;
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .map_err(|error| error.to_string())?;
        let ready = serde_json::from_str(&line).map_err(|error| {
            // Its own words are on standard error already.
            let _ = process.kill();
            let _ = process.wait();
            format!("it ended before it was ready ({error})")
        })?;
        // Every client wants one, plain http or not; a second one is refused, and is the same.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // Tests have runtimes of their own, and a pooled connection ends with its runtime.
        let client = reqwest::Client::builder()
            .pool_max_idle_per_host(0)
            .build()
            .map_err(|error| error.to_string())?;
        Ok(Pds {
            process,
            ready,
            client,
        })
    }

    /// One more account, below `.test`.
    ///
    /// # Panics
    /// The server refuses it.
    pub async fn create_account(&self, handle: &str) -> Account {
        let password = format!("{handle}-password");
        let email = format!("{}@mail.test", handle.trim_end_matches(".test"));
        let body = serde_json::json!({ "handle": handle, "password": password, "email": email });
        let (status, session) = self
            .call("com.atproto.server.createAccount", &body, None)
            .await;
        assert_eq!(status, 200, "{session}");
        let text = |answer: &Value, name: &str| answer[name].as_str().expect("text").to_owned();
        let token = text(&session, "accessJwt");
        let body = serde_json::json!({ "name": "jarchi" });
        let (status, app) = self
            .call("com.atproto.server.createAppPassword", &body, Some(&token))
            .await;
        assert_eq!(status, 200, "{app}");
        Account {
            did: text(&session, "did"),
            password,
            app_password: text(&app, "password"),
        }
    }

    /// The account of a handle.
    ///
    /// # Panics
    /// There is none; there are `alice.test` and `bob.test`.
    pub fn account(&self, handle: &str) -> &Account {
        self.ready
            .accounts
            .get(handle)
            .unwrap_or_else(|| panic!("no account {handle}"))
    }

    /// A query without a session. The status, and the body as JSON.
    ///
    /// # Panics
    /// No answer comes, or it is no JSON.
    pub async fn query(&self, method: &str, parameters: &[(&str, &str)]) -> (u16, Value) {
        let url = format!("{}/xrpc/{method}", self.ready.url);
        let url = reqwest::Url::parse_with_params(&url, parameters).expect("an address");
        json_of(self.client.get(url)).await
    }

    /// A procedure, in the name of an account where a token is given.
    ///
    /// # Panics
    /// No answer comes, or it is no JSON.
    pub async fn call(&self, method: &str, body: &Value, token: Option<&str>) -> (u16, Value) {
        let mut request = self
            .client
            .post(format!("{}/xrpc/{method}", self.ready.url))
            .json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        json_of(request).await
    }

    /// A session of an account, apart from those of the daemon: its access token.
    ///
    /// # Panics
    /// The server refuses it.
    pub async fn log_in(&self, account: &Account) -> String {
        let body = serde_json::json!({ "identifier": account.did, "password": account.password });
        let (status, answer) = self
            .call("com.atproto.server.createSession", &body, None)
            .await;
        assert_eq!(status, 200, "{answer}");
        answer["accessJwt"].as_str().expect("a token").to_owned()
    }

    /// An access token as the server made it two hours ago.
    ///
    /// # Panics
    /// The server refuses it.
    pub async fn expired_token(&self, account: &Account) -> String {
        let url = format!("{}/expired-token?did={}", self.ready.url, account.did);
        let (status, answer) = json_of(self.client.get(url)).await;
        assert_eq!(status, 200, "{answer}");
        answer["token"].as_str().expect("a token").to_owned()
    }

    /// Puts a record into an account's repository, as another client would.
    ///
    /// # Panics
    /// The server refuses it.
    pub async fn create(&self, account: &Account, token: &str, record: &Value) -> Value {
        let body = serde_json::json!({
            "repo": account.did,
            "collection": record["$type"],
            "record": record,
        });
        let (status, answer) = self
            .call("com.atproto.repo.createRecord", &body, Some(token))
            .await;
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// A blob's bytes.
    ///
    /// # Panics
    /// The server does not have it.
    pub async fn blob(&self, did: &str, cid: &str) -> Vec<u8> {
        let url = format!("{}/xrpc/com.atproto.sync.getBlob", self.ready.url);
        let url = reqwest::Url::parse_with_params(&url, [("did", did), ("cid", cid)])
            .expect("an address");
        let answer = self.client.get(url).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        answer.bytes().await.expect("a body").to_vec()
    }

    /// All records of a collection, the oldest key first, each with `uri`, `cid` and `value`.
    ///
    /// # Panics
    /// The server refuses.
    pub async fn records(&self, did: &str, collection: &str) -> Vec<Value> {
        let mut records = Vec::new();
        let mut cursor = String::new();
        loop {
            let mut parameters = vec![
                ("repo", did),
                ("collection", collection),
                ("reverse", "true"),
            ];
            if !cursor.is_empty() {
                parameters.push(("cursor", &cursor));
            }
            let (status, mut page) = self
                .query("com.atproto.repo.listRecords", &parameters)
                .await;
            assert_eq!(status, 200, "{page}");
            let found = page["records"].take();
            records.extend(found.as_array().expect("records").iter().cloned());
            match page["cursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => return records,
            }
        }
    }
}

impl Drop for Pds {
    fn drop(&mut self) {
        // The server ends when its standard input does.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

async fn json_of(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    let body = response.bytes().await.expect("a body");
    let json = serde_json::from_slice(&body)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&body)));
    (status, json)
}
