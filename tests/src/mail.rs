//! A mail server that takes one kind of client: it wants TLS where it has TLS, a login
//! where it has users, and everything in the order of RFC 5321.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::standin::PATIENCE;

/// How the way to it is secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    Plain,
    StartTls,
    Tls,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// Headers and body.
    pub data: String,
    pub tls: bool,
    /// User and password.
    pub login: Option<(String, String)>,
}

impl Mail {
    /// A header's value on one line.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.data.split("\r\n\r\n").next()?.replace("\r\n ", " ");
        head.split("\r\n").find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

pub struct MailServer {
    address: SocketAddr,
    /// The certificate of its authority, PEM.
    pub authority: String,
    inner: Arc<Inner>,
}

struct Inner {
    way: Way,
    tls: TlsAcceptor,
    login: Option<(String, String)>,
    /// Answers to the ends of the next mails; then 250.
    refusals: Mutex<VecDeque<&'static str>>,
    taken: watch::Sender<Vec<Mail>>,
    /// What a client did that it should not have done.
    faults: Mutex<Vec<String>>,
}

impl MailServer {
    pub async fn start(way: Way, login: Option<(&str, &str)>) -> Self {
        let (authority, tls) = certificate();
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has ports");
        let address = listener.local_addr().expect("it is bound");
        let inner = Arc::new(Inner {
            way,
            tls,
            login: login.map(|(user, password)| (user.to_owned(), password.to_owned())),
            refusals: Mutex::default(),
            taken: watch::Sender::new(Vec::new()),
            faults: Mutex::default(),
        });
        let own = inner.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let inner = own.clone();
                // A client that goes away ends its own conversation.
                tokio::spawn(async move { drop(inner.serve(stream).await) });
            }
        });
        MailServer {
            address,
            authority,
            inner,
        }
    }

    /// For a configuration.
    pub fn server(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// The next mails are refused at their ends like this, as `451 Not now`.
    pub fn refuse(&self, answers: &[&'static str]) {
        let mut refusals = self.inner.refusals.lock().expect("no panic in here");
        refusals.extend(answers);
    }

    pub fn taken(&self) -> Vec<Mail> {
        self.inner.taken.borrow().clone()
    }

    /// Waits for mails.
    pub async fn until(&self, what: &str, wanted: impl Fn(&[Mail]) -> bool) -> Vec<Mail> {
        let mut taken = self.inner.taken.subscribe();
        match tokio::time::timeout(PATIENCE, taken.wait_for(|all| wanted(all))).await {
            Ok(found) => found.expect("the server lives on").clone(),
            Err(_) => panic!(
                "in vain for {what}; mails: {:#?}; faults: {:?}",
                self.inner.taken.borrow(),
                self.faults()
            ),
        }
    }

    /// What clients did against the rules.
    pub fn faults(&self) -> Vec<String> {
        let faults = self.inner.faults.lock();
        faults.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// An authority, and a server's certificate for `localhost`.
fn certificate() -> (String, TlsAcceptor) {
    let key = rcgen::KeyPair::generate().expect("a key");
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let root = pem(params.self_signed(&key).expect("a certificate").der());
    let issuer = rcgen::Issuer::new(params, key);
    let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect("a name");
    params.use_authority_key_identifier_extension = true;
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let key = rcgen::KeyPair::generate().expect("a key");
    let own = params.signed_by(&key, &issuer).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![own.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).expect("a key"),
        )
        .expect("a certificate and its key");
    (root, TlsAcceptor::from(Arc::new(config)))
}

fn pem(der: &[u8]) -> String {
    let text = BASE64.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

struct Talk {
    stream: BufStream<Box<dyn Stream>>,
    tls: bool,
    greeted: bool,
    login: Option<(String, String)>,
    from: Option<String>,
    to: Vec<String>,
}

impl Talk {
    fn over(stream: Box<dyn Stream>, tls: bool) -> Self {
        Talk {
            stream: BufStream::new(stream),
            tls,
            greeted: false,
            login: None,
            from: None,
            to: Vec::new(),
        }
    }

    async fn say(&mut self, line: &str) -> std::io::Result<()> {
        self.stream.write_all(line.as_bytes()).await?;
        self.stream.write_all(b"\r\n").await?;
        self.stream.flush().await
    }

    async fn line(&mut self) -> std::io::Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl Inner {
    fn fault(&self, what: String) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.push(what);
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut talk = if self.way == Way::Tls {
            Talk::over(Box::new(self.tls.accept(stream).await?), true)
        } else {
            Talk::over(Box::new(stream), false)
        };
        talk.say("220 localhost ESMTP").await?;
        loop {
            let line = talk.line().await?;
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    talk.greeted = true;
                    let mut lines = vec!["localhost"];
                    if self.way == Way::StartTls && !talk.tls {
                        lines.push("STARTTLS");
                    }
                    if self.login.is_some() && (talk.tls || self.way == Way::Plain) {
                        lines.push("AUTH PLAIN LOGIN");
                    }
                    lines.push("8BITMIME");
                    for (at, line) in lines.iter().enumerate() {
                        let dash = if at + 1 == lines.len() { ' ' } else { '-' };
                        talk.say(&format!("250{dash}{line}")).await?;
                    }
                }
                "STARTTLS" if self.way == Way::StartTls && !talk.tls => {
                    talk.say("220 Go ahead").await?;
                    let plain = talk.stream.into_inner();
                    talk = Talk::over(Box::new(self.tls.accept(plain).await?), true);
                }
                "AUTH" => self.auth(&mut talk, rest).await?,
                "MAIL" => self.mail(&mut talk, rest).await?,
                "RCPT" if talk.from.is_some() => {
                    talk.to.push(between(rest));
                    talk.say("250 OK").await?;
                }
                "DATA" if !talk.to.is_empty() => self.data(&mut talk).await?,
                "QUIT" => return talk.say("221 Bye").await,
                "RSET" | "NOOP" => talk.say("250 OK").await?,
                _ => {
                    self.fault(format!("out of order: {line}"));
                    talk.say("503 Bad sequence").await?;
                }
            }
        }
    }

    async fn auth(&self, talk: &mut Talk, rest: &str) -> std::io::Result<()> {
        if !talk.tls && self.way != Way::Plain {
            self.fault("a password without TLS".to_owned());
            return talk.say("538 Encryption required").await;
        }
        let plain = rest.strip_prefix("PLAIN ").unwrap_or_default();
        let decoded = BASE64.decode(plain).unwrap_or_default();
        let mut parts = decoded.split(|byte| *byte == 0).skip(1);
        let mut text = || {
            let part = parts.next().unwrap_or_default();
            String::from_utf8_lossy(part).into_owned()
        };
        let login = (text(), text());
        if Some(&login) == self.login.as_ref() {
            talk.login = Some(login);
            talk.say("235 Welcome").await
        } else {
            talk.say("535 Who are you?").await
        }
    }

    async fn mail(&self, talk: &mut Talk, rest: &str) -> std::io::Result<()> {
        if !talk.greeted {
            self.fault("a mail without a greeting".to_owned());
        }
        if self.way != Way::Plain && !talk.tls {
            self.fault("a mail without TLS".to_owned());
            return talk.say("530 Must issue a STARTTLS command first").await;
        }
        if self.login.is_some() && talk.login.is_none() {
            return talk.say("530 Authentication required").await;
        }
        talk.from = Some(between(rest));
        talk.to.clear();
        talk.say("250 OK").await
    }

    async fn data(&self, talk: &mut Talk) -> std::io::Result<()> {
        talk.say("354 End with a dot").await?;
        let mut data = String::new();
        loop {
            let line = talk.line().await?;
            if line == "." {
                break;
            }
            data.push_str(line.strip_prefix('.').unwrap_or(&line));
            data.push_str("\r\n");
        }
        let mail = Mail {
            from: talk.from.take().unwrap_or_default(),
            to: std::mem::take(&mut talk.to),
            data,
            tls: talk.tls,
            login: talk.login.clone(),
        };
        let refusal = {
            let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
            refusals.pop_front()
        };
        if let Some(answer) = refusal {
            return talk.say(answer).await;
        }
        self.taken.send_modify(|all| all.push(mail));
        talk.say("250 Taken").await
    }
}

/// What stands between angle brackets.
fn between(text: &str) -> String {
    let inner = text
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(address, _)| address.to_owned())
}
