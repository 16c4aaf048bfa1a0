//! A message as an e-mail, by SMTP.

use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Mailboxes, MessageBuilder};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use secrecy::ExposeSecret as _;

use crate::config::{Email, MailSecurity};
use crate::model::Notice;

use super::Failed;
use super::channel::PATIENCE;

pub(super) async fn send(mail: &Email, notice: &Notice) -> Result<(), Failed> {
    let message = message(mail, notice)?;
    let transport = transport(mail)?;
    match tokio::time::timeout(PATIENCE, transport.send(message)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Failed(describe(&error))),
        Err(_) => Err(Failed("the mail server takes too long".to_owned())),
    }
}

fn mailbox(address: &str) -> Result<Mailbox, Failed> {
    address
        .parse()
        .map_err(|error| Failed(format!("`{address}` is no address: {error}")))
}

fn message(mail: &Email, notice: &Notice) -> Result<Message, Failed> {
    let from = mailbox(&mail.from)?;
    let mut to = Mailboxes::new();
    for address in &mail.to {
        to.push(mailbox(address)?);
    }
    // The same for every try: mail servers put doubles away by it.
    let id = format!("<{}@{}>", notice.id(), from.email.domain());
    let builder: MessageBuilder = Message::builder()
        .from(from)
        .mailbox(lettre::message::header::To::from(to))
        .subject(format!("jarchi {}", notice.title()))
        .message_id(Some(id))
        .header(ContentType::TEXT_PLAIN);
    builder
        .body(notice.text())
        .map_err(|error| Failed(error.to_string()))
}

fn transport(mail: &Email) -> Result<AsyncSmtpTransport<Tokio1Executor>, Failed> {
    let broken = |error: lettre::transport::smtp::Error| Failed(describe(&error));
    let parameters = || -> Result<TlsParameters, Failed> {
        let mut builder = TlsParameters::builder(mail.host.clone());
        if let Some(path) = &mail.ca {
            let pem = std::fs::read(path)
                .map_err(|error| Failed(format!("{}: {error}", path.display())))?;
            builder = builder.add_root_certificate(Certificate::from_pem(&pem).map_err(broken)?);
        }
        builder.build().map_err(broken)
    };
    let tls = match mail.security {
        MailSecurity::StartTls => Tls::Required(parameters()?),
        MailSecurity::Tls => Tls::Wrapper(parameters()?),
        MailSecurity::Plain => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.host)
        .port(mail.port)
        .timeout(Some(PATIENCE))
        .tls(tls);
    if let (Some(user), Some(password)) = (&mail.user, &mail.password) {
        builder = builder.credentials(Credentials::new(
            user.clone(),
            password.expose_secret().to_owned(),
        ));
    }
    Ok(builder.build())
}

/// The chain of causes.
fn describe(error: &dyn std::error::Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if parts.iter().all(|part| !part.contains(&text)) {
            parts.push(text);
        }
        cause = inner.source();
    }
    parts.join(": ")
}
