//! Files that are wrong: what is said of them, and that the others go on.

use super::*;

#[test]
fn a_broken_file_is_named_with_its_line_and_the_others_go_on() {
    let _host = host(&[
        ("good.md", "---\n---\nSalam"),
        (
            "broken.md",
            "---\nwhen: 2026-11-24 09:00\nacounts: [main]\npoll: {options: [a]}\n---\nx",
        ),
        ("later.md", "---\ndraft: true\nwhen: soon\n---\n"),
    ]);
    let batch = generate();
    assert_eq!(batch.drafts.len(), 1);
    assert!(batch.complete);
    assert_eq!(
        told(&batch),
        [
            "broken.md: line 3: unknown key `acounts`: did you mean `accounts`?",
            "broken.md: line 4: a poll needs two `options` or more",
        ]
    );
}

#[test]
fn every_fault_says_what_to_do() {
    for (text, expected) in [
        ("Salam", "a.md: line 1: the file has no front matter"),
        (
            "---\nwhen: x\nSalam",
            "a.md: line 1: the front matter has no end",
        ),
        (
            "\n\n+++\nid = \"a\"\n---\nSalam",
            "a.md: line 3: the front matter has no end",
        ),
        (
            "---\na: b: c\n---\nx",
            "a.md: line 2: the front matter is not YAML: ",
        ),
        (
            "+++\nid = \n+++\nx",
            "a.md: line 2: the front matter is not TOML: ",
        ),
        (
            "---\n- a\n---\nx",
            "a.md: line 2: the front matter must be a table (`key: value`), not a list",
        ),
        (
            "---\nid: a\nid: b\n---\nx",
            "a.md: line 3: `id` is given twice",
        ),
        (
            "---\ntags: [x]\n---\nx",
            "a.md: line 2: unknown key `tags`: use `hashtags`",
        ),
        (
            "---\nthread: [x]\n---\nx",
            "a.md: line 2: unknown key `thread`: write its parts below",
        ),
        (
            "---\nRepeat-After: 3d\n---\nx",
            "a.md: line 2: unknown key `Repeat-After`: did you mean `repeat_after`?",
        ),
        (
            "---\nqwertyuiop: 3d\n---\nx",
            "a.md: line 2: unknown key `qwertyuiop`: the front matter takes id, when",
        ),
        (
            "---\nwhen: tomorrow\n---\nx",
            "a.md: line 2: `when`: `tomorrow` is not a date and time",
        ),
        (
            "---\nwhen: [a]\n---\nx",
            "a.md: line 2: `when` takes text, not a list",
        ),
        (
            "---\nrepeat_after: 30\n---\nx",
            "a.md: line 2: `repeat_after`: `30` is not a length of time",
        ),
        (
            "---\nrepeat_after: 0d\n---\nx",
            "a.md: line 2: `repeat_after`: it must be longer than nothing",
        ),
        (
            "---\nlanguage: azerbaijani\n---\nx",
            "a.md: line 2: `language`: `azerbaijani` is not a language",
        ),
        (
            "---\nvisibility: private\n---\nx",
            "a.md: line 2: `visibility`: `private` is not a visibility",
        ),
        (
            "---\nsensitive: yes\n---\nx",
            "a.md: line 2: `sensitive` is either true or false",
        ),
        (
            "---\nhashtags: #bread\n---\nx",
            "a.md: line 2: `hashtags` is empty",
        ),
        (
            "---\nhashtags: [two words]\n---\nx",
            "a.md: line 2: `two words` is not a hashtag",
        ),
        (
            "---\nhashtags: [\"2026\"]\n---\nx",
            "a.md: line 2: `2026` is not a hashtag",
        ),
        (
            "---\nlink: xemir.az\n---\nx",
            "a.md: line 2: `link`: `xemir.az` is not an address of the web",
        ),
        (
            "---\nlink: {title: x}\n---\nx",
            "a.md: line 2: `link` has no `url`",
        ),
        (
            "---\nlink: javascript:alert(1)\n---\nx",
            "a.md: line 2: `link`: `javascript:alert(1)` is not an address",
        ),
        (
            "---\npoll: {options: [a, b, a]}\n---\nx",
            "a.md: line 2: the poll has the option `a` twice",
        ),
        (
            "---\npoll: {options: [a, b], open: 1d}\n---\nx",
            "a.md: line 2: unknown key `open`",
        ),
        (
            "---\nmedia: nobread.png\n---\nx",
            "a.md: line 2: there is no file `nobread.png`; did you mean `bread.png`?",
        ),
        (
            "---\nmedia:\n  - ../../bread.png\n---\nx",
            "a.md: line 3: `../../bread.png` leaves the folder",
        ),
        (
            "---\nmedia:\n  - a.md\n---\nx",
            "a.md: line 3: `a.md` (text/markdown) is no picture",
        ),
        (
            "---\nmedia:\n  - alt: x\n---\nx",
            "a.md: line 3: `file` is missing",
        ),
        (
            "---\nmedia:\n  - {file: bread.png, alt: x, focus: [2, 0]}\n---\nx",
            "a.md: line 3: `focus` takes two numbers",
        ),
        (
            "---\noptions: {mastodon: 5}\n---\nx",
            "a.md: line 2: `options` holds a table for each plugin",
        ),
        (
            "---\nvariants: {blue: ''}\n---\nx",
            "a.md: line 2: the variant `blue` has no text",
        ),
        (
            "---\npillar: |\n  a\n  b\n---\nx",
            "a.md: line 2: `pillar` takes one line of text",
        ),
        (
            "---\na: &x 1\nb: *x\n---\nx",
            "a.md: line 3: references (`*name`) are not taken",
        ),
        ("---\n---\n", "a.md: line 3: there is nothing to post"),
        (
            "---\n---\nx\n\n![b](gone.png)\n",
            "a.md: line 5: there is no file `gone.png`",
        ),
        (
            "---\n---\nx\n\n[y](z.md)\n",
            "a.md: line 5: a link goes nowhere",
        ),
        (
            "---\n---\nx\n\n***\n",
            "a.md: line 6: post 2 of the thread is empty",
        ),
        (
            "---\n---\nx\n![b](https://a.az/b.png)\n",
            "a.md: line 4: `https://a.az/b.png` is an address",
        ),
    ] {
        let told = fault(text);
        assert!(
            told.iter().any(|line| line.starts_with(expected)),
            "{text}\nexpected {expected}\ntold {told:#?}"
        );
    }
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_line() {
    let host = host(&[("big.md", "")]);
    host.folder_file(
        "content",
        "a.md",
        "text/markdown",
        b"---\n---\nSalam\n\xff\xfe".to_vec(),
    );
    host.folder_file("content", "big.md", "text/markdown", "x".repeat(300 << 10));
    let batch = generate();
    assert_eq!(batch.drafts, []);
    let told = told(&batch);
    assert_eq!(
        told[0],
        "a.md: line 4: the file is not UTF-8: save it with that encoding"
    );
    assert!(
        told[1].starts_with("big.md: line 1: the file is too big: 307200 bytes"),
        "{told:?}"
    );
}
