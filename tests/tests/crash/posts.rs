//! What is to be published: files of a folder and commands, of every shape.

use chrono::Utc;
use jarchi::demo::standin::Entry;
use jarchi_tests::daemon::Home;

pub const ACCOUNTS: [&str; 5] = ["cafe", "bakery", "shop", "studio", "club"];

/// One delivery, as it must be found on the server.
pub struct Expected {
    pub account: String,
    pub parts: Vec<String>,
    /// Digest and alt text.
    pub media: Vec<(String, Option<String>)>,
}

/// A picture of four pixels, which `tail` makes different.
pub fn png(tail: &str) -> Vec<u8> {
    jarchi_tests::photo::noise(2, 2, tail)
}

/// Writes the posts of so many deliveries: a fifth by command, the rest as files.
pub async fn write(home: &Home, deliveries: usize) -> Vec<Expected> {
    let mut expected = Vec::new();
    home.configure(&format!(
        "{}\n[[generator]]\nname = \"posts\"\nplugin = \"library\"\n\
         accounts = [\"cafe\"]\nfolders = {{ content = \"posts\" }}\n",
        std::fs::read_to_string(home.config()).unwrap()
    ));
    let commands = deliveries / 5 / ACCOUNTS.len();
    for number in 0..commands {
        let text = format!("Xəbər {number}: bu gün hamıya çay 🍵");
        home.ok(&["post", &text, "--account", &ACCOUNTS.join(",")])
            .await;
        for account in ACCOUNTS {
            expected.push(Expected {
                account: account.to_owned(),
                parts: vec![text.clone()],
                media: Vec::new(),
            });
        }
    }
    let now = Utc::now().with_timezone(&chrono_tz::Asia::Baku);
    let when = now.format("%Y-%m-%d %H:%M:%S");
    let mut number = 0;
    while expected.len() < deliveries {
        let mut accounts = vec![ACCOUNTS[number % ACCOUNTS.len()]];
        if number % 7 == 0 && expected.len() + 2 <= deliveries {
            accounts.push(ACCOUNTS[(number + 2) % ACCOUNTS.len()]);
        }
        let mut parts = vec![format!("Fayl {number}: Bakıda səhər, {number} dərəcə")];
        if number % 5 == 1 {
            parts.push(format!("Davamı {number}: külək"));
            parts.push(format!("Sonu {number}: axşam"));
        }
        let mut front = format!("when: {when}\naccounts: [{}]\n", accounts.join(", "));
        let mut media = Vec::new();
        let pictures = match number % 4 {
            2 => 1,
            3 => 2,
            _ => 0,
        };
        if pictures > 0 {
            front.push_str("media:\n");
        }
        for picture in 0..pictures {
            let name = format!("{number}-{picture}.png");
            let alt = format!("Şəkil {number}, {picture}");
            let bytes = png(&name);
            media.push((blake3::hash(&bytes).to_hex().to_string(), Some(alt.clone())));
            home.write(&format!("posts/{name}"), bytes);
            front.push_str(&format!("  - file: {name}\n    alt: {alt}\n"));
        }
        let text = parts.join("\n\n***\n\n");
        home.write(
            &format!("posts/{number:03}.md"),
            format!("---\n{front}---\n\n{text}\n"),
        );
        for account in accounts {
            expected.push(Expected {
                account: account.to_owned(),
                parts: parts.clone(),
                media: media.clone(),
            });
        }
        number += 1;
    }
    expected
}

/// Every part of every post is in the book.
pub fn is_complete(expected: &[Expected], book: &[Entry]) -> bool {
    let parts: usize = expected.iter().map(|post| post.parts.len()).sum();
    book.len() >= parts
}
