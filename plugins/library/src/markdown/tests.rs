use super::*;

fn parts(source: &str) -> Vec<Part> {
    let mut issues = Issues::default();
    let parts = render(source, 1, LineBreaks::Keep, &mut issues);
    let problems: Vec<_> = issues.into_problems("x.md").collect();
    assert!(problems.is_empty(), "{source}: {problems:?}");
    parts
}

fn text(source: &str) -> String {
    let mut parts = parts(source);
    assert_eq!(parts.len(), 1, "{source}");
    parts.remove(0).text
}

fn problems(source: &str) -> Vec<String> {
    let mut issues = Issues::default();
    render(source, 1, LineBreaks::Keep, &mut issues);
    issues
        .into_problems("x.md")
        .map(|problem| format!("{} {}", problem.place, problem.message))
        .collect()
}

#[test]
fn marks_go_and_words_stay() {
    for (source, expected) in [
        ("Bu **çox** *təzə* çörəkdir", "Bu çox təzə çörəkdir"),
        ("# Xəbər\n\nMətn", "Xəbər\n\nMətn"),
        ("# Xəbər\nMətn", "Xəbər\nMətn"),
        ("`kod` və \\*ulduz\\*", "kod və *ulduz*"),
        ("Fish &amp; chips &copy; 2026", "Fish & chips © 2026"),
        (
            "5 * 4 = 20 və 3 < 5, I <3 bread",
            "5 * 4 = 20 və 3 < 5, I <3 bread",
        ),
        ("~~5 AZN~~ 4 AZN", "~~5 AZN~~ 4 AZN"),
        ("#çörək #Bakı", "#çörək #Bakı"),
        ("Səhər 🥐👨‍👩‍👧 şəkərbura", "Səhər 🥐👨‍👩‍👧 şəkərbura"),
        ("ğışöçüəİ ĞIŞÖÇÜƏ", "ğışöçüəİ ĞIŞÖÇÜƏ"),
        ("bir<br>iki", "bir\niki"),
        ("bir <!-- unutma --> iki", "bir  iki"),
        ("<!-- qeyd -->\n\nMətn", "Mətn"),
        ("> Sitat\n> davamı", "> Sitat\n> davamı"),
        ("```\na\n  b\n```", "a\n  b"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn lines_stay_where_they_were_put() {
    assert_eq!(text("bir\niki\n\n\n\nüç  \ndörd"), "bir\niki\n\nüç\ndörd");
    let mut issues = Issues::default();
    let joined = render("bir\niki\n\nüç  \ndörd", 1, LineBreaks::Join, &mut issues);
    assert_eq!(joined[0].text, "bir iki\n\nüç\ndörd");
}

#[test]
fn lists_keep_their_bullets() {
    for (source, expected) in [
        ("Menyu:\n- plov\n- çay", "Menyu:\n• plov\n• çay"),
        (
            "Menyu:\n\n* plov\n* çay\n\nSon",
            "Menyu:\n\n• plov\n• çay\n\nSon",
        ),
        ("- bir\n\n- iki", "• bir\n\n• iki"),
        ("3. üç\n4. dörd", "3. üç\n4. dörd"),
        ("1) bir\n2) iki", "1) bir\n2) iki"),
        ("- a\n  - b\n    c\n- d", "• a\n  • b\n    c\n• d"),
        ("- [ ] un\n- [x] su", "☐ un\n☑ su"),
        ("+994 12 555 00 00", "+994 12 555 00 00"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn links_are_spelt_out() {
    for (source, expected) in [
        (
            "Bax: [menyu](https://xemir.az/menu).",
            "Bax: menyu (https://xemir.az/menu).",
        ),
        ("<https://xemir.az>", "https://xemir.az"),
        (
            "https://xemir.az/a_b_c?x=1&y=2",
            "https://xemir.az/a_b_c?x=1&y=2",
        ),
        (
            "https://xemir.az/_a_/__b__/ *x*",
            "https://xemir.az/_a_/__b__/ x",
        ),
        ("@_ali_ və @x_y_", "@_ali_ və @x_y_"),
        ("**https://xemir.az**", "https://xemir.az"),
        ("[xemir.az](https://xemir.az/)", "https://xemir.az/"),
        ("[https://xemir.az](https://xemir.az)", "https://xemir.az"),
        (
            "[yaz](mailto:salam@xemir.az?subject=x)",
            "yaz (salam@xemir.az)",
        ),
        ("[salam@xemir.az](mailto:salam@xemir.az)", "salam@xemir.az"),
        ("<salam@xemir.az>", "salam@xemir.az"),
        ("[zəng](tel:+99412)", "zəng (+99412)"),
        (
            "[ref][1]\n\n[1]: https://xemir.az/r",
            "ref (https://xemir.az/r)",
        ),
        ("[**qalın**](https://a.az/b)", "qalın (https://a.az/b)"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
    for source in [
        "[x](other.md)",
        "[x](javascript:alert)",
        "[x](#y)",
        "[x](//a.az)",
    ] {
        let told = problems(&format!("bir\n\n{source}"));
        assert_eq!(told.len(), 1, "{source}");
        assert!(
            told[0].starts_with("x.md line 3: a link goes nowhere"),
            "{told:?}"
        );
    }
}

#[test]
fn images_become_media_with_their_words() {
    let part = &parts("Səhər ![Təzə *çörək*](img/a.png \"t\") xeyir\n![](b.png)\nson")[0];
    assert_eq!(part.text, "Səhər xeyir\nson");
    let images: Vec<_> = part
        .images
        .iter()
        .map(|image| (image.file.as_str(), image.alt.as_str(), image.line))
        .collect();
    assert_eq!(images, [("img/a.png", "Təzə çörək", 1), ("b.png", "", 2)]);
    let part = &parts("![a](a.png) mətn")[0];
    assert_eq!(part.text, "mətn");
    let part = &parts("[![a](a.png)](https://a.az)")[0];
    assert_eq!((part.text.as_str(), part.images.len()), ("https://a.az", 1));
}

#[test]
fn a_line_of_stars_begins_the_next_part() {
    let parts = parts("bir\n\n***\n\niki\n![b](b.png)\n\n* * *\nüç");
    let texts: Vec<_> = parts.iter().map(|part| part.text.as_str()).collect();
    assert_eq!(texts, ["bir", "iki", "üç"]);
    assert_eq!(parts[1].images.len(), 1);
    assert_eq!((parts[1].line, parts[2].line), (4, 9));
}

#[test]
fn what_people_get_wrong_is_told() {
    let told = problems("bir\n---\niki");
    assert!(
        told[0].starts_with("x.md line 2: in Markdown a line of `-`"),
        "{told:?}"
    );
    let told = problems("bir\n\n<b>iki</b> <i>üç</i>");
    assert_eq!(
        told,
        ["x.md line 3: HTML tags are left out: a post is plain text"]
    );
    let mut issues = Issues::default();
    let parts = render(
        "<p>Salam\n<b>dost</b></p>",
        1,
        LineBreaks::Keep,
        &mut issues,
    );
    assert_eq!(parts[0].text, "Salam\ndost");
}
