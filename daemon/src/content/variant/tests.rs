use proptest::prelude::*;

use super::*;
use crate::config::HashtagPlace;

const COUNTS: [Count; 7] = [
    Count::Graphemes,
    Count::Chars,
    Count::Utf16,
    Count::Bytes,
    Count::Mastodon,
    Count::Threads,
    Count::X,
];

fn room(text: usize) -> Room {
    Room {
        text: Some(text),
        count: Count::Graphemes,
        threads: true,
    }
}

fn draft(text: &str, tags: &[&str], link: Option<&str>) -> Draft {
    Draft {
        text: text.to_owned(),
        hashtags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        link: link.map(|url| Link {
            url: url.to_owned(),
            title: None,
            description: None,
            thumbnail: None,
        }),
        ..Draft::default()
    }
}

fn made(draft: &Draft, rules: &WordRules, room: Room) -> Variant {
    variant(draft, "cafe", "mastodon", rules, room).unwrap_or_else(|| Variant::of(draft))
}

#[test]
fn without_rules_a_draft_stays_as_it_is() {
    let long = draft(&"Çay. ".repeat(300), &["çay"], Some("https://a.example"));
    let rules = WordRules::default();
    assert_eq!(variant(&long, "cafe", "mastodon", &rules, room(100)), None);
}

#[test]
fn words_for_one_account_are_taken_as_they_are() {
    let rules = WordRules {
        split: true,
        hashtags: HashtagPlace::End,
        ..WordRules::default()
    };
    for name in ["cafe", "mastodon"] {
        let mut own = draft("Salam", &["çay"], None);
        own.variants = vec![(name.to_owned(), "Mine ".repeat(100))];
        assert_eq!(variant(&own, "cafe", "mastodon", &rules, room(50)), None);
    }
}

#[test]
fn hashtags_stand_where_the_account_wants_them() {
    let given = draft(
        "Bakı çayı: çay, https://a.example/çay",
        &["çay", "Bakı", "samovar", "#Çay"],
        None,
    );
    let placed = |hashtags, most| {
        let rules = WordRules {
            hashtags,
            most_hashtags: most,
            ..WordRules::default()
        };
        made(&given, &rules, room(500))
    };
    let text = placed(HashtagPlace::Text, None);
    assert_eq!(
        text.text,
        "#Bakı çayı: #çay, https://a.example/çay\n\n#samovar"
    );
    assert_eq!(text.hashtags, [""; 0]);
    let end = placed(HashtagPlace::End, Some(2));
    assert_eq!(
        end.text,
        "Bakı çayı: çay, https://a.example/çay\n\n#çay #Bakı"
    );
    let comment = placed(HashtagPlace::FirstComment, None);
    assert_eq!(comment.text, given.text);
    assert_eq!(
        comment.first_comment.as_deref(),
        Some("#çay #Bakı #samovar")
    );
    let none = placed(HashtagPlace::Drop, None);
    assert_eq!((none.text.as_str(), none.hashtags.len()), (&*given.text, 0));
    let fewer = placed(HashtagPlace::Usual, Some(1));
    assert_eq!(fewer.hashtags, ["çay"]);
}

#[test]
fn a_link_stands_where_the_account_wants_it() {
    let placed = |draft: &Draft, link| {
        let rules = WordRules {
            link,
            ..WordRules::default()
        };
        made(draft, &rules, room(500))
    };
    let beside = draft("Gəlin", &[], Some("https://a.example/x"));
    let within = draft("Gəlin: https://a.example/x", &[], None);
    let text = placed(&beside, LinkPlace::Text);
    assert_eq!(text.text, "Gəlin\n\nhttps://a.example/x");
    assert_eq!(text.link, None);
    let card = placed(&within, LinkPlace::Card);
    assert_eq!(card.text, "Gəlin:");
    assert_eq!(card.link.unwrap().url, "https://a.example/x");
    // In the middle of a sentence it stays.
    let middle = draft("Bax https://a.example/x bura", &[], None);
    assert_eq!(placed(&middle, LinkPlace::Card), Variant::of(&middle));
    for one in [&beside, &within] {
        let comment = placed(one, LinkPlace::FirstComment);
        assert_eq!(
            comment.first_comment.as_deref(),
            Some("https://a.example/x")
        );
        assert_eq!(comment.link, None);
        assert!(!comment.text.contains("https"));
    }
}

#[test]
fn a_long_text_becomes_a_thread_between_its_sentences() {
    let mut long = draft(
        "Birinci cümlə burada. İkinci cümlə oradadır.",
        &["çay"],
        None,
    );
    long.thread = vec![plain("Qısa.")];
    let rules = WordRules {
        split: true,
        ..WordRules::default()
    };
    let cut = made(&long, &rules, room(30));
    assert_eq!(cut.text, "Birinci cümlə burada.");
    let parts: Vec<&str> = cut.thread.iter().map(|part| part.text.as_str()).collect();
    assert_eq!(parts, ["İkinci cümlə oradadır.", "Qısa."]);
    let numbered = WordRules {
        number: true,
        ..rules.clone()
    };
    let cut = made(&long, &numbered, room(34));
    assert_eq!(cut.text, "Birinci cümlə burada. (1/3)");
    assert_eq!(cut.thread[1].text, "Qısa. (3/3)");
    // Where the platform has no threads, and where it fits, it is left alone.
    let no_threads = Room {
        threads: false,
        ..room(30)
    };
    assert_eq!(variant(&long, "cafe", "mastodon", &rules, no_threads), None);
    assert_eq!(
        variant(&long, "cafe", "mastodon", &numbered, room(90)),
        None
    );
    let limited = WordRules {
        limit: Some(500),
        ..rules
    };
    assert_eq!(variant(&long, "cafe", "mastodon", &limited, room(30)), None);
}

#[test]
fn an_address_without_room_beside_the_hashtags_goes_on_whole() {
    let url = "https://example.org/a/b?c=d";
    let given = draft(url, &["ça", "əaaaəa"], Some("https://a.example/x"));
    let rules = WordRules {
        split: true,
        ..WordRules::default()
    };
    let cut = made(&given, &rules, room(60));
    assert_eq!(cut.text, "");
    assert_eq!(cut.thread[0].text, url);
    assert_eq!(cut.hashtags.len(), 2);
}

fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => "[a-zəçşığöü]{1,14}",
        1 => Just("çay".to_owned()),
        1 => Just("https://example.org/a/b?c=d".to_owned()),
        1 => Just("👨‍👩‍👧‍👦".to_owned()),
        1 => Just("@ali@example.org".to_owned()),
    ];
    let end = prop_oneof![Just(" "), Just(". "), Just("! "), Just("\n\n"), Just(", ")];
    prop::collection::vec((word, end), 0..120)
        .prop_map(|pairs| pairs.into_iter().map(|(word, end)| word + end).collect())
}

fn squeezed(text: &str) -> String {
    text.split_whitespace().collect()
}

proptest! {
    /// By each platform's own count no part is too long; nothing is lost and nothing is
    /// added; no word and no address is cut; and the same draft comes out the same.
    #[test]
    fn threads_fit_and_lose_nothing(
        text in words(),
        limit in 60_usize..400,
        count in 0..COUNTS.len(),
        number: bool,
        tags in prop::collection::vec("[a-zəç]{2,8}", 0..3),
        linked: bool,
    ) {
        let count = COUNTS[count];
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let given = draft(&text, &tags, linked.then_some("https://a.example/x"));
        let rules = WordRules { split: true, number, ..WordRules::default() };
        let room = Room { text: Some(limit), count, threads: true };
        let cut = made(&given, &rules, room);
        prop_assert_eq!(&cut, &made(&given, &rules, room));
        let whole = |text: &str| length(count, text);
        let mut texts = vec![cut.text.clone()];
        texts.extend(cut.thread.iter().map(|part| part.text.clone()));
        let all = texts.len();
        prop_assert!(all == 1 || texts.iter().all(|text| whole(text) <= limit), "{:?}", texts);
        // What a connector adds to the first part has room, too.
        let post = jarchi_plugin_sdk::Post {
            text: cut.text.clone(),
            hashtags: cut.hashtags.clone(),
            link: cut.link.clone().map(|link| jarchi_plugin_sdk::Link {
                url: link.url, title: None, description: None, thumbnail: None,
            }),
            ..Default::default()
        };
        let first = compose::whole_text(&post);
        prop_assert!(whole(&first) <= limit, "{} of {limit}: {first}", whole(&first));
        let mut plain = String::new();
        for (at, text) in texts.iter().enumerate() {
            let mark = format!(" ({}/{all})", at + 1);
            let bare = match number && all > 1 {
                true => text.strip_suffix(&mark).expect("its number"),
                false => text,
            };
            // No cut inside a word or an address: each word of a part is one of the text's.
            let own: Vec<&str> = text_words(&given.text);
            for word in text_words(bare) {
                prop_assert!(own.contains(&word), "`{word}` was cut");
            }
            plain.push_str(bare);
        }
        prop_assert_eq!(squeezed(&plain), squeezed(&given.text));
    }

    /// Placing hashtags and links loses no word and no address of the draft.
    #[test]
    fn placing_loses_nothing(
        text in words(),
        tags in prop::collection::vec("[a-zəç]{2,8}", 0..5),
        hashtags in 0..4_usize,
        link in 0..4_usize,
        linked: bool,
    ) {
        let tags: Vec<&str> = tags.iter().map(String::as_str).collect();
        let given = draft(&text, &tags, linked.then_some("https://a.example/x"));
        let rules = WordRules {
            hashtags: [HashtagPlace::Usual, HashtagPlace::Text, HashtagPlace::End,
                HashtagPlace::FirstComment][hashtags],
            link: [LinkPlace::Usual, LinkPlace::Text, LinkPlace::Card,
                LinkPlace::FirstComment][link],
            ..WordRules::default()
        };
        let placed = made(&given, &rules, room(10_000));
        let mut all = format!("{}\n{}", placed.text, placed.first_comment.clone().unwrap_or_default());
        if let Some(link) = &placed.link {
            all.push_str(&format!("\n{}", link.url));
        }
        for tag in &placed.hashtags {
            all.push_str(&format!("\n#{tag}"));
        }
        let plain = all.replace('#', "").to_lowercase();
        for word in text_words(&given.text.to_lowercase()) {
            prop_assert!(plain.contains(word), "`{word}` is lost: {all}");
        }
        for tag in &given.hashtags {
            prop_assert!(plain.contains(&tag.to_lowercase()), "#{tag} is lost: {all}");
        }
        if let Some(link) = &given.link {
            prop_assert!(all.contains(&link.url));
        }
    }
}

fn text_words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// Generators reckon by a connector's name what its manifest says.
#[test]
fn generators_count_as_the_stock_connectors_manifests_do() {
    let plugins = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins");
    let text = "Çay 🍵 hazırdır, @aysel@example.org: https://example.org/menyu?a=1#çay 👨‍👩‍👧‍👦 ok";
    let mut limited = 0;
    for folder in std::fs::read_dir(plugins).unwrap() {
        let Ok(manifest) = std::fs::read_to_string(folder.unwrap().path().join("plugin.toml"))
        else {
            continue;
        };
        let manifest = crate::plugin::manifest::Manifest::parse(&manifest).unwrap();
        if manifest.limits.text.is_none() {
            continue;
        }
        limited += 1;
        assert_eq!(
            count::on(&manifest.name, text),
            length(manifest.limits.count, text),
            "{}",
            manifest.name
        );
    }
    assert!(limited > 8, "{limited}");
}
