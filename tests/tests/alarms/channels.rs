//! Mail, headers, severities, posts.

use jarchi_tests::daemon::{Home, account, config};
use jarchi_tests::hook::Hook;
use jarchi_tests::mail::{MailServer, Way};
use jarchi_tests::standin::{Fault, Standin, token_of};

use super::{cafe, post, stage};

const BOSS: &str = "boss@example.org";

fn mail_block(server: &MailServer, more: &str) -> String {
    format!(
        "\n[[alarm]]\nname = \"mail\"\nemail = [\"The Boss <{BOSS}>\", \"two@example.org\"]\n\
         from = \"Jarçı <jarchi@example.org>\"\nserver = \"{}\"\n{more}\n",
        server.server()
    )
}

async fn mailed(way: Way, security: &str) {
    let login = ("jarchi", "parol \"1\" ə");
    let server = MailServer::start(way, Some(login)).await;
    let standin = Standin::start(&["cafe"]);
    let more = format!(
        "security = \"{security}\"\nca = \"ca.pem\"\nuser = \"{}\"\n\
         secrets = {{ password = \"${{file:password}}\" }}",
        login.0
    );
    let block = mail_block(&server, &more);
    let home = Home::new(&cafe(&standin, "wrong-token-0123456789", &block)).await;
    home.write("ca.pem", &server.authority);
    home.secret("password", login.1);
    // What a busy server says first is no reason to give up.
    server.refuse(&["451 Not now"]);
    let daemon = home.start().await;
    post(&home, "Salam").await;
    let mails = server.until("the mail", |mails| !mails.is_empty()).await;
    let mail = &mails[0];
    assert_eq!(mail.from, "jarchi@example.org");
    assert_eq!(mail.to, [BOSS, "two@example.org"]);
    assert_eq!(mail.tls, way != Way::Plain);
    assert_eq!(mail.login, Some((login.0.to_owned(), login.1.to_owned())));
    let subject = mail.header("Subject").unwrap();
    assert!(subject.contains("jarchi [error]"), "{subject}");
    assert!(
        mail.header("Message-ID")
            .unwrap()
            .contains("-alarm@example.org")
    );
    assert!(
        mail.data.contains("account:cafe:unauthorized"),
        "{}",
        mail.data
    );
    let log = daemon.log();
    for secret in ["wrong-token-0123456789", login.1] {
        assert!(!mail.data.contains(secret) && !log.contains(secret));
    }
    assert_eq!(server.faults(), Vec::<String>::new());
    assert!(daemon.terminate().await.success());
    let left = server.until("no more", |mails| mails.len() == 1).await;
    assert_eq!(left.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_by_starttls() {
    mailed(Way::StartTls, "starttls").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_goes_by_tls() {
    mailed(Way::Tls, "tls").await;
}

/// No password and no mail goes to a server that has no TLS, or a stranger's certificate.
#[tokio::test(flavor = "multi_thread")]
async fn mail_does_not_fall_back() {
    let plain = MailServer::start(Way::Plain, Some(("jarchi", "parol"))).await;
    let strange = MailServer::start(Way::StartTls, None).await;
    let open = MailServer::start(Way::Plain, None).await;
    let standin = Standin::start(&["cafe"]);
    let login = "user = \"jarchi\"\nsecrets = { password = \"${file:password}\" }";
    let blocks = [
        mail_block(&plain, login).replace("\"mail\"", "\"no-tls\""),
        mail_block(&strange, "").replace("\"mail\"", "\"stranger\""),
        mail_block(&open, "security = \"plain\"").replace("\"mail\"", "\"open\""),
    ];
    let home = Home::new(&cafe(&standin, &token_of("cafe"), &blocks.concat())).await;
    home.secret("password", "parol");
    let daemon = home.start().await;
    let output = home.jarchi(&["alarm", "test"]).await;
    assert_eq!(output.status.code(), Some(1));
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(words.contains("no-tls: FAILED"), "{words}");
    assert!(words.contains("stranger: FAILED"), "{words}");
    assert!(words.contains("open: ok"), "{words}");
    for server in [&plain, &strange] {
        assert_eq!(server.faults(), Vec::<String>::new());
        assert!(server.taken().is_empty());
    }
    assert!(!open.taken()[0].tls);
    home.ok(&["alarm", "test", "open"]).await;
    assert_eq!(open.taken().len(), 2);
    assert!(daemon.terminate().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_gets_its_header_and_what_is_grave_enough() {
    let standin = Standin::start(&["cafe"]);
    let (all, grave) = (Hook::start().await, Hook::start().await);
    let blocks = format!(
        "{}{}",
        all.block("all", "secrets = { authorization = \"${file:hook}\" }"),
        grave.block("grave", "severity = \"error\"")
    );
    let home = Home::new(&cafe(&standin, &token_of("cafe"), &blocks)).await;
    home.secret("hook", "Bearer hook-secret-0123456789");
    let daemon = home.start().await;
    // A breaker is a warning, a failed post an error.
    standin.fail("POST", "/api/v1/statuses", Fault::Refused(503), 6);
    standin.fail("POST", "/api/v1/statuses", Fault::Refused(422), 1);
    post(&home, "Salam").await;
    grave.told("alarm", "account:cafe:failed").await;
    let sent = all.told("alarm", "account:cafe:failed").await;
    assert_eq!(
        sent.headers["authorization"],
        "Bearer hook-secret-0123456789"
    );
    assert_eq!(sent.headers["content-type"], "application/json");
    all.told("alarm", "account:cafe:breaker").await;
    assert!(
        grave
            .all()
            .iter()
            .all(|one| one.body["severity"] == "error")
    );
    assert!(!daemon.log().contains("hook-secret-0123456789"));
    assert!(daemon.terminate().await.success());
}

/// Without the words that let it, a webhook at this machine gets nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_obeys_the_rules_of_addresses() {
    let standin = Standin::start(&["cafe"]);
    let hook = Hook::start().await;
    let block = hook.block("ops", "").replace("private = true\n", "");
    let home = Home::new(&cafe(&standin, &token_of("cafe"), &block)).await;
    let daemon = home.start().await;
    let output = home.jarchi(&["alarm", "test", "ops"]).await;
    let words = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        words.contains("loopback") && words.contains("private = true"),
        "{words}"
    );
    assert!(hook.all().is_empty());
    assert!(daemon.terminate().await.success());
    let plain = block.replace("plain_http = true\n", "");
    home.configure(&cafe(&standin, &token_of("cafe"), &plain));
    let output = home.jarchi(&["check"]).await;
    assert_eq!(output.status.code(), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_is_a_post_on_another_account() {
    let (standin, hook, home) = stage("").await;
    let text = format!(
        "{}{}{}{}",
        config(&standin, &[]),
        account(&standin, "cafe", &token_of("cafe"))
            .replace("\nplugin", "\nquiet_after = \"1d\"\nplugin"),
        account(&standin, "shop", &token_of("shop")),
        hook.block("ops", "")
            + "\n[[alarm]]\nname = \"toot\"\naccount = \"shop\"\nto = \"@cafe\"\n",
    );
    home.configure(&text);
    let daemon = home.start().await;
    standin.fail("POST", "/api/v1/statuses", Fault::Refused(422), 1);
    let number = post(&home, "Salam").await;
    let book = standin.until("the alarm", |book| !book.is_empty()).await;
    assert_eq!(book[0].account, "shop");
    assert_eq!(book[0].visibility, "direct");
    assert!(
        book[0].text.starts_with("@cafe [error]"),
        "{}",
        book[0].text
    );
    assert!(
        book[0].text.contains("`jarchi queue retry"),
        "{}",
        book[0].text
    );
    home.ok(&["queue", "cancel", &number]).await;
    let book = standin.until("the all-clear", |book| book.len() == 2).await;
    assert!(book[1].text.contains("[over]"), "{}", book[1].text);

    // What is wrong with the account itself goes the other way alone.
    standin.fail("POST", "/api/v1/statuses", Fault::Refused(422), 1);
    home.json(&["post", "Salam", "--account", "shop", "--force"])
        .await;
    hook.told("alarm", "account:shop:failed").await;
    let list = home.json(&["alarm", "list"]).await;
    let told = list["alarms"][0]["told"].as_array().unwrap();
    assert_eq!(told.len(), 1, "{list}");
    assert_eq!(told[0]["channel"], "ops");
    home.ok(&["alarm", "test", "toot"]).await;
    standin.until("the test", |book| book.len() == 3).await;
    assert!(daemon.terminate().await.success());
}
