//! What is wrong is told by file and line, and stops nothing else.

use super::*;

#[test]
fn a_row_that_fails_is_told_and_the_others_go_on() {
    let _host = host(&[
        (
            "t.jinja",
            "---\ndata: d.csv\n---\nSalam\n{{ name }}: {{ size }}",
        ),
        (
            "u.jinja",
            "---\ndata: e.yaml\n---\n{{ name }}\n\n{{ size }}",
        ),
        ("d.csv", "id,name,size\n1,a,xl\n2,b\n3,c,m\n1,d,s\n"),
        (
            "e.yaml",
            "- name: a\n  size: 1\n- name: b\n- just words\n- name: c\n  size: 2\n",
        ),
    ]);
    let batch = run(&wanted(50));
    assert_eq!(
        sorted(&batch),
        BTreeSet::from(["Salam\nc: m", "a\n\n1", "c\n\n2"])
    );
    assert_eq!(
        told(&batch),
        [
            "d.csv: line 3: the row has 2 fields, and there are 3 columns: put a text that has `,` \
             in it between quotes",
            "d.csv: line 5: the id `1` is that of line 2 too: give each row one of its own",
            "e.yaml: line 4: a row must be a table (`name: value`), not text",
            "e.yaml: line 3: the row with template `u.jinja`: `u.jinja` line 6: there is no \
             `size`: name a column of the row, or write `size | default(\"\")` where it may be \
             missing",
        ]
    );
    assert!(!batch.complete, "what can't be read is not gone");
}

#[test]
fn a_text_that_is_too_long_is_counted_and_the_others_go_on() {
    let _host = host(&[
        ("t.jinja", &format!("{T}{{{{ name }}}}")),
        (
            "d.json",
            &format!(
                "[\n{{\"id\":\"a\",\"name\":\"{}\"}},\n{{\"id\":\"b\",\"name\":\"b\"}}\n]",
                "x".repeat(60)
            ),
        ),
    ]);
    let mut brief = wanted(5);
    brief.accounts = vec![account("cafe", "mastodon", 50)];
    let batch = run(&brief);
    assert_eq!(texts(&batch), ["b"]);
    assert_eq!(
        told(&batch),
        [
            "d.json: line 2: row `a` with template `t.jinja`: the text for `cafe` (mastodon) has 60 \
          characters, and 50 are taken: shorten the row, or give the template a section \
          `=== short@mastodon`"
        ]
    );
}

/// Link and hashtags count where they are words like any other.
#[test]
fn lengths_are_those_of_the_platform() {
    for (plugin, most) in [
        ("mastodon", 23 + 2 + 6 + 2 + 5),
        ("x", 23 + 2 + 6 + 2 + 5),
        ("bluesky", 5 + 2 + 6),
        ("telegram", 5 + 2 + 60 + 2 + 6),
    ] {
        for (limit, fits) in [(most, true), (most - 1, false)] {
            let row = json!({ "id": 1, "link": format!("https://a.az/{}", "x".repeat(47)), "hashtags": "tea12" });
            let _host = host(&[
                ("t.jinja", &format!("{T}Salam")),
                ("d.json", &json!([row]).to_string()),
            ]);
            let mut brief = wanted(1);
            brief.accounts = vec![account("a", plugin, limit)];
            let batch = run(&brief);
            assert_eq!(
                batch.drafts.len() == 1,
                fits,
                "{plugin} {limit} {:?}",
                told(&batch)
            );
        }
    }
}

#[test]
fn files_that_are_wrong() {
    for (files, place, words) in [
        (
            vec![("t.jinja", "Salam")],
            "t.jinja",
            "line 1: the template does not say which rows",
        ),
        (
            vec![("t.jinja", "---\ndata: e.json\n---\nx")],
            "t.jinja",
            "line 2: `data`: there is no file `e.json`; did you mean `d.json`?",
        ),
        (
            vec![("t.jinja", "---\ndata: ../d.json\n---\nx")],
            "t.jinja",
            "leaves the folder",
        ),
        (
            vec![("t.jinja", "---\ndata: t.jinja\n---\nx")],
            "t.jinja",
            "is no CSV, JSON, YAML or TOML",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\nwieght: 2\n---\nx")],
            "t.jinja",
            "line 3: unknown key `wieght`: did you mean `weight`?",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\nweight: -1\n---\nx")],
            "t.jinja",
            "line 3: `weight`: it takes a whole number",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\nlink: {{ url }}\n---\nx")],
            "t.jinja",
            "line 3",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\nrest: soon\n---\nx")],
            "t.jinja",
            "line 3: `rest`: `soon` is not a length of time",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\nseason: winter\n---\nx")],
            "t.jinja",
            "line 3: `season`: `winter` is no season",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\npoll: yes\n---\nx")],
            "t.jinja",
            "line 3: `poll` takes a table",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\npoll: {open_for: 1h}\n---\nx")],
            "t.jinja",
            "line 3: `poll` has no `options`",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\nx")],
            "t.jinja",
            "line 1: the front matter has no end",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\n---\n\nSalam {{ name")],
            "t.jinja",
            "line 5",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\n---\nx\n=== loud@x\ny")],
            "t.jinja",
            "line 5: `loud@x` is no section",
        ),
        (
            vec![(
                "t.jinja",
                "---\ndata: d.json\n---\nx\n=== short\ny\n=== short\nz",
            )],
            "t.jinja",
            "line 7: there is such a section already",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\n---\n\n")],
            "t.jinja",
            "the template has no words",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\n---\nx"), ("u@x.jinja", "y")],
            "u@x.jinja",
            "there is no template `u.jinja`",
        ),
        (
            vec![
                ("t.jinja", "---\ndata: d.json\n---\nx"),
                ("d.json", "[{\"id\":1},\n{\"id\":]"),
            ],
            "d.json",
            "line 2: this is not JSON",
        ),
        (
            vec![
                ("t.jinja", "---\ndata: d.yaml\n---\nx"),
                ("d.yaml", "a: 1\nb: [1\n"),
            ],
            "d.yaml",
            "this is not YAML",
        ),
        (
            vec![
                ("t.jinja", "---\ndata: d.yaml\n---\nx"),
                ("d.yaml", "- &a {x: 1}\n- *a\n"),
            ],
            "d.yaml",
            "line 2: references",
        ),
        (
            vec![
                ("t.jinja", "---\ndata: d.toml\n---\nx"),
                ("d.toml", "[[a]]\nb = \n"),
            ],
            "d.toml",
            "line 2: this is not TOML",
        ),
        (
            vec![
                ("t.jinja", "---\ndata: d.csv\n---\nx"),
                ("d.csv", "a,a\n1,2\n"),
            ],
            "d.csv",
            "line 1: there are two columns `a`",
        ),
        (
            vec![(
                "t.jinja",
                "---\ndata: d.json\n---\n{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}",
            )],
            "d.json",
            "too many steps",
        ),
        (
            vec![(
                "t.jinja",
                "---\ndata: d.json\n---\n{% for i in range(900) %}{{ 'x' * 1000 }}{% endfor %}",
            )],
            "d.json",
            "writes more than 131072 bytes",
        ),
        (
            vec![
                (
                    "t.jinja",
                    "---\ndata: d.json\n---\n{% include '_b.jinja' %}",
                ),
                ("_b.jinja", "a\n{{ nothing }}"),
            ],
            "d.json",
            "`_b.jinja` line 2: there is no `nothing`",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\nmedia: no.png\n---\nx")],
            "d.json",
            "line 1: row `1` with template `t.jinja`: there is no file `no.png`",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\nmedia: d.json\n---\nx")],
            "d.json",
            "is no picture, video or sound",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\nlink: a.az\n---\nx")],
            "d.json",
            "the link `a.az` is no address",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\npoll: {options: one}\n---\nx")],
            "d.json",
            "a poll needs two options",
        ),
        (
            vec![("t.jinja", "---\ndata: d.json\n---\n=== text.ru\nx")],
            "t.jinja",
            "there are no words in az or en",
        ),
        (vec![], ".", "there is no template in the folder"),
    ] {
        let mut all = vec![("d.json", "[{\"id\":1}]")];
        all.extend(files.clone());
        let _host = host(&all);
        let batch = run(&wanted(1));
        // Where a variant alone is wrong, the template itself goes on.
        let goes_on = usize::from(place == "u@x.jinja");
        assert_eq!(batch.drafts.len(), goes_on, "{files:?}");
        let told = told(&batch);
        assert!(
            told.iter()
                .any(|line| line.starts_with(&format!("{place}: ")) && line.contains(words)),
            "{words}\n{told:#?}"
        );
    }
}

#[test]
fn a_picture_without_words_for_it_is_a_warning() {
    let _host = host(&[
        ("t.jinja", "---\ndata: d.json\nmedia: a.png\n---\nx"),
        ("d.json", "[{\"id\":1}]"),
        ("a.png", "a"),
    ]);
    let batch = run(&wanted(1));
    assert_eq!(batch.drafts.len(), 1);
    assert!(told(&batch)[0].starts_with("? d.json: line 1: row `1`: `a.png` has no alt text"));
}

#[test]
fn settings_that_are_wrong() {
    let _host = host(&[("t.jinja", T), ("d.json", "[]")]);
    for (settings, words) in [
        (json!({ "every": "soon" }), "setting `every`"),
        (json!({ "rest": "5" }), "setting `rest`"),
        (json!({ "per_run": 51 }), "setting `per_run` is 51"),
        (json!({ "folder": "secrets" }), "folder `secrets`"),
        (json!({ "fodler": "x" }), "fodler"),
    ] {
        let error = Templates::generate(&brief(&settings)).unwrap_err();
        assert!(error.reason().contains(words), "{error:?}");
    }
}

#[test]
fn data_is_never_read_as_a_template() {
    let row = json!({ "id": 1, "name": "{{ 7 * 7 }}{% raw %}<b>" });
    let draft = post(&format!("{T}{{{{ name }}}}"), &row, &wanted(1));
    assert_eq!(draft.post.text, "{{ 7 * 7 }}{% raw %}<b>");
}
