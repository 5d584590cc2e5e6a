//! Articles that nobody would write, with every field a newsroom can fill.
//!
//! They come about as real ones do: a document in the daemon's own format, with whatever HTML an editor may send, goes
//! through the decoder. So each is an article that the daemon may have to carry, and a field or a block is as clean as
//! the decoder makes it, and no cleaner.
//!
//! [`articles`] is for properties, [`sample`] and [`many`] for tests that want many of them at once, the same ones at
//! every run. They are of the wire `hpnf`, and name a reporter in some way, so that [`wire`](crate::attribution::sample::wire)'s
//! policy can be met by each.

use std::sync::LazyLock;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

use crate::article::{Article, WireId, decode};
use crate::attribution::sample::wire;

/// Three hundred articles, made once for all tests that look at them.
pub fn sample() -> &'static [Article] {
    static SAMPLE: LazyLock<Vec<Article>> = LazyLock::new(|| many(300));
    &SAMPLE
}

/// The first `count` articles of a sequence that is always the same.
pub fn many(count: usize) -> Vec<Article> {
    let mut runner = TestRunner::deterministic();
    let articles = articles();
    (0..count).map(|_| articles.new_tree(&mut runner).expect("nothing is filtered out").current()).collect()
}

pub fn articles() -> impl Strategy<Value = Article> {
    documents().prop_map(|document| {
        let bytes = document.to_string();
        decode(bytes.as_bytes(), Some("application/vnd.newswired.article+json"), &WireId::new("hpnf"))
            .unwrap_or_else(|why| panic!("{why}\n{document}"))
    })
}

/// Documents in the daemon's own format.
fn documents() -> impl Strategy<Value = Value> {
    (names(), texts(), times(), lists(), credit(), html()).prop_map(|(names, texts, times, lists, credit, html)| {
        let mut document = json!({"newswired": 1, "body_html": html});
        for (key, value) in [names, texts, times, lists, credit].into_iter().flatten() {
            if !value.is_null() {
                document[key] = value;
            }
        }
        document
    })
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Map<String, Value> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn names() -> impl Strategy<Value = Map<String, Value>> {
    let guid = prop_oneof![
        4 => "[a-z0-9:-]{1,30}".prop_map(|name| format!("urn:newsml:harborpress.example:{name}")),
        1 => "[!-~]{0,40}".prop_map(|name| format!("tag:harborpress.example,2026:{name}")),
        1 => "[a-z/?=&;'#%20]{0,30}".prop_map(|name| format!("https://harborpress.example/{name}")),
    ];
    let action = prop_oneof![
        4 => Just("publish"),
        2 => Just("update"),
        2 => Just("correct"),
        1 => Just("kill"),
        1 => Just("withhold"),
    ];
    let version = prop_oneof![3 => 1..9_u64, 1 => 1..=i64::MAX.unsigned_abs()];
    let language = weighted(0.8, select(vec!["en-US", "en", "de", "ar", "he-IL", "zh-Hant-TW", "nb-NO", "x-klingon"]));
    (guid, version, action, weighted(0.8, 1..=9_u8), language).prop_map(|(guid, version, action, urgency, language)| {
        object([
            ("guid", guid.into()),
            ("version", version.into()),
            ("action", action.into()),
            ("urgency", urgency.into()),
            ("language", language.into()),
        ])
    })
}

fn texts() -> impl Strategy<Value = Map<String, Value>> {
    let some = || weighted(0.75, line());
    let note = || weighted(0.75, prose());
    let holder = weighted(0.5, select(vec!["HPNF", "Harbor Press News Foundation", "Ada Quill & <Sons>"]));
    let canonical = weighted(0.75, address());
    let lines = (named(), some(), some(), some(), some(), some());
    (lines, note(), note(), note(), holder, canonical).prop_map(
        |(
            (headline, slugline, subheadline, summary, dateline, copyright),
            editors,
            notice,
            terms,
            holder,
            canonical,
        )| {
            object([
                ("headline", headline.into()),
                ("slugline", slugline.into()),
                ("subheadline", subheadline.into()),
                ("summary", summary.into()),
                ("dateline", dateline.into()),
                ("copyright_notice", copyright.into()),
                ("copyright_holder", holder.into()),
                ("editor_note", editors.into()),
                ("notice", notice.into()),
                ("usage_terms", terms.into()),
                ("canonical_url", canonical.into()),
            ])
        },
    )
}

fn times() -> impl Strategy<Value = Map<String, Value>> {
    // From 1970 to 2100.
    let second = || 0..4_102_444_800_i64;
    let fraction = || prop_oneof![2 => Just(0), 1 => 0..1_000_000_000_i32];
    let time = || weighted(0.75, (second(), fraction()));
    let length = || weighted(0.6, 2..100_000_000_i64);
    (time(), time(), time(), length(), length()).prop_map(|(created, versioned, embargo, length, kept)| {
        let written = |(second, fraction)| Timestamp::new(second, fraction).expect("it is in range").to_string();
        let (second, fraction) = embargo.unwrap_or((1_800_000_000, 0));
        let after = |length: i64| (second + length, fraction);
        object([
            ("created", created.map(written).into()),
            ("versioned", versioned.map(written).into()),
            ("embargo", embargo.map(written).into()),
            ("expires", length.map(after).map(written).into()),
            ("rights_until", kept.map(after).map(written).into()),
        ])
    })
}

fn lists() -> impl Strategy<Value = Map<String, Value>> {
    let words = || vec(line(), 0..4);
    // More than nine, so that names with numbers sort otherwise than their numbers do.
    let media = prop_oneof![6 => vec(media(), 0..4), 1 => vec(media(), 9..13)];
    let terms = || vec(concept(), 0..4);
    (terms(), terms(), terms(), words(), words(), media).prop_map(
        |(subjects, genres, places, sections, keywords, media)| {
            object([
                ("subjects", subjects.into()),
                ("genres", genres.into()),
                ("places", places.into()),
                ("sections", sections.into()),
                ("keywords", keywords.into()),
                ("media", media.into()),
            ])
        },
    )
}

fn concept() -> impl Strategy<Value = Value> {
    let name = || weighted(0.7, named());
    let number = "[0-9]{8}".prop_map(Value::from);
    let iptc = (select(vec!["medtop", "subj"]), number, name());
    let genre = (Just("genre"), select(vec!["Current", "Analysis"]).prop_map(Value::from), name());
    let house = (
        select(vec![
            "https://harborpress.example/topics/",
            "http://www.wikidata.org/entity/",
            "urn:hpnf:",
            "iso3166-2",
            "desk",
        ]),
        named().prop_map(Value::from),
        name(),
    );
    let term = prop_oneof![iptc, genre, house];
    prop_oneof![
        5 => term.prop_map(|(scheme, code, name)| json!({"scheme": scheme, "code": code, "name": name})),
        1 => named().prop_map(|code| json!({"code": code})),
        1 => named().prop_map(|name| json!({"name": name})),
    ]
}

fn media() -> impl Strategy<Value = Value> {
    let some = || weighted(0.7, line());
    let uri = weighted(
        0.7,
        prop_oneof![
            3 => "[a-z0-9]{1,8}".prop_map(|name| format!("urn:newsml:harborpress.example:media:{name}")),
            1 => address(),
            1 => named(),
        ],
    );
    let kind = select(vec!["picture", "graphic", "video", "audio"]);
    let holder =
        weighted(0.5, prop_oneof![select(vec!["HPNF", "hpnf ", "Bay Pictures"]).prop_map(str::to_owned), named()]);
    (uri, kind, [some(), some(), some(), some(), some()], holder, weighted(0.5, prose()), vec(file(), 0..4)).prop_map(
        |(uri, kind, [headline, caption, alt, credit, copyright], holder, terms, files)| {
            json!({
                "uri": uri, "kind": kind, "headline": headline, "caption": caption, "alt": alt, "credit": credit,
                "copyright_notice": copyright, "holder": holder, "usage_terms": terms, "renditions": files,
            })
        },
    )
}

fn file() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        3 => select(vec!["main", "original", "thumbnail", "viewImage", "baseImage", "4-3", "16-9"]).prop_map(str::to_owned),
        1 => named(),
    ];
    let mime =
        weighted(0.7, select(vec!["image/jpeg", "image/svg+xml", "video/mp4", "audio/mpeg", "text/x-odd; a=\"b\""]));
    let pixels = || weighted(0.7, prop_oneof![9 => 1..5000_u32, 1 => any::<u32>()]);
    (name, picture(), mime, pixels(), pixels()).prop_map(|(name, href, mime, width, height)| {
        json!({"name": name, "href": href, "mime": mime, "width": width, "height": height})
    })
}

/// Who wrote it: authors, a line, or both.
fn credit() -> impl Strategy<Value = Map<String, Value>> {
    let uri = weighted(0.6, prop_oneof![address(), named()]);
    let affiliation = weighted(0.3, prop_oneof![Just("HPNF".to_owned()), named()]);
    let author = (named(), weighted(0.6, line()), affiliation, uri).prop_map(
        |(name, role, affiliation, uri)| json!({"name": name, "role": role, "affiliation": affiliation, "uri": uri}),
    );
    let byline = || named().prop_map(|name| format!("By {name}"));
    prop_oneof![
        3 => (vec(author, 1..4), weighted(0.3, byline())),
        1 => byline().prop_map(|byline| (Vec::new(), Some(byline))),
    ]
    .prop_map(|(authors, byline)| object([("authors", authors.into()), ("byline", byline.into())]))
}

/// A file of a picture; few enough for one to be met in the media and again in the text.
fn picture() -> impl Strategy<Value = String> {
    let logo = wire().logo.expect("the wire has one").url;
    prop_oneof![
        8 => (0..12, select(vec!["", "?w=640", "?a=1&b=%22#c"]))
            .prop_map(|(number, query)| format!("https://cdn.harborpress.example/{number}.jpg{query}")),
        1 => address(),
        1 => Just(logo),
    ]
}

fn address() -> impl Strategy<Value = String> {
    ("https?", "[a-z]{1,8}", "[a-zA-Z0-9/?&=;'\"<>é #%-]{0,30}")
        .prop_map(|(scheme, host, path)| format!("{scheme}://{host}.example/{path}"))
}

/// What stands in real texts, and what has broken one receiver or another.
fn word() -> impl Strategy<Value = String> {
    let plain = vec![
        "The",
        "harbor",
        "council,",
        "voted",
        "7-2",
        "on",
        "Tuesday",
        "“ferry”",
        "Straße",
        "costs",
        "$4.50",
        "(HPNF)",
        "by",
        "Ada",
    ];
    let odd = vec![
        "]]>",
        "<![CDATA[",
        "<!--",
        "-->",
        "</p>",
        "<script>alert(1)</script>",
        "&amp;",
        "&nbsp;",
        "&eacute;",
        "&#0;",
        "&#x1F;",
        "&",
        "<",
        ">",
        "\"",
        "'",
        "\\",
        "\\u0000",
        "{{x}}",
        "%s",
        "--",
        "..",
        "ﬁ",
        "e\u{301}",
        "\u{a0}",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{200b}",
        "\u{ad}",
        "\u{7f}",
        "\u{80}",
        "\u{fffd}",
    ];
    let right_to_left = vec!["שלום", "عاجل: تصحيح", "\u{202e}evil\u{202c}", "\u{2067}x\u{2069}"];
    let emoji = vec!["🚒", "👩\u{200d}🚒", "🇩🇪", "❤\u{fe0f}", "👍🏽", "𝔉𝔢𝔯𝔯𝔶", "𠜎"];
    let controls = vec![
        "\0",
        "\u{1}",
        "\u{8}",
        "\u{b}",
        "\u{c}",
        "\u{1b}[31m",
        "\u{1f}",
        "\u{fffe}",
        "\u{ffff}",
        "\t",
        "\r\n",
        "\r",
    ];
    prop_oneof![
        10 => select(plain).prop_map(str::to_owned),
        1 => "[a-zA-Zäéß0-9$€%,.:;!?()-]{1,8}",
        2 => select(odd).prop_map(str::to_owned),
        1 => select(right_to_left).prop_map(str::to_owned),
        1 => select(emoji).prop_map(str::to_owned),
        1 => select(controls).prop_map(str::to_owned),
        1 => vec(any::<char>(), 1..4).prop_map(String::from_iter),
    ]
}

fn line() -> impl Strategy<Value = String> {
    let joined = |words: Vec<String>| words.join(" ");
    prop_oneof![
        20 => vec(word(), 0..8).prop_map(joined),
        1 => vec(word(), 40..60).prop_map(joined),
        1 => "[a-zß]{1,9}".prop_map(|word| word.repeat(200)),
    ]
}

/// A line of which something stays however it is cleaned.
fn named() -> impl Strategy<Value = String> {
    ("[A-Z][a-z]{2,7}", line()).prop_map(|(word, line)| format!("{word} {line}"))
}

fn prose() -> impl Strategy<Value = String> {
    let licence = wire().licence.expect("the wire has one").line;
    prop_oneof![
        8 => vec(line(), 0..3).prop_map(|lines| lines.join("\n")),
        1 => line().prop_map(|line| format!("Eds: UPDATES with quote. {line}")),
        1 => line().prop_map(move |line| format!("{licence} {line}")),
    ]
}

/// What an editor may send as the text of a story: a first paragraph that says something, and then anything.
fn html() -> impl Strategy<Value = String> {
    let licence = wire().licence.expect("the wire has one").line;
    let contact = wire().contact.expect("the wire has one");
    let carried = prop_oneof![
        12 => Just(String::new()),
        1 => Just(format!("<p>{}</p>", escaped(&licence))),
        1 => Just(format!("<ul><li>Write to {contact}.</li></ul>")),
        1 => Just("<p>By Ada Quill, Harbor Press News Foundation</p>".to_owned()),
    ];
    (named(), vec(block(), 0..8), carried)
        .prop_map(|(first, blocks, carried)| format!("<p>{}</p>{}{carried}", escaped(&first), blocks.concat()))
}

fn block() -> impl Strategy<Value = String> {
    let size = prop_oneof![Just(String::new()), "[1-9][0-9]{1,3}", Just("100%".to_owned())];
    let image = (picture(), line(), size, inline())
        .prop_map(|(src, alt, width, caption)| {
            let image = format!("<img src=\"{}\" alt=\"{}\" width=\"{width}\">", escaped(&src), escaped(&alt));
            format!("<figure>{image}<figcaption>{caption}</figcaption></figure>")
        })
        .boxed();
    let leaf = prop_oneof![
        6 => inline().prop_map(|text| format!("<p>{text}</p>")),
        1 => inline(),
        1 => (1..7, inline()).prop_map(|(level, text)| format!("<h{level}>{text}</h{level}>")),
        1 => prose().prop_map(|text| format!("<pre>{}</pre>", escaped(&text))),
        1 => Just("<hr>".to_owned()),
        1 => table(),
        2 => image,
        1 => address().prop_map(|src| format!("<iframe src=\"{}\"></iframe>", escaped(&src))),
        1 => Just("<script>var x = '<p>';</script><style>p { }</style><!-- seen by nobody -->".to_owned()),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let blocks = || vec(inner.clone(), 0..4);
        let item = (inline(), blocks()).prop_map(|(text, blocks)| format!("<li>{text}{}</li>", blocks.concat()));
        let list = (select(vec!["ul", "ol"]), vec(item, 0..4))
            .prop_map(|(tag, items)| format!("<{tag}>{}</{tag}>", items.concat()));
        let wrap = (select(vec!["blockquote", "div", "section"]), blocks())
            .prop_map(|(tag, blocks)| format!("<{tag}>{}</{tag}>", blocks.concat()));
        prop_oneof![3 => list, 2 => wrap]
    })
}

fn inline() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        8 => line().prop_map(|text| escaped(&text)),
        1 => Just("<br>".to_owned()),
        1 => Just("caf&eacute;&nbsp;&#128;&hearts;&bogus; a < b & c".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 3, |inner| {
        let tag = select(vec!["b", "strong", "i", "em", "u", "sub", "sup", "span", "q", "cite"]);
        let marked =
            (tag, vec(inner.clone(), 0..3)).prop_map(|(tag, children)| format!("<{tag}>{}</{tag}>", children.concat()));
        let href = prop_oneof![4 => address(), 1 => Just("mailto:desk@harborpress.example".to_owned()), 1 => line()];
        let link = (href, inner.clone()).prop_map(|(href, text)| format!("<a href=\"{}\">{text}</a>", escaped(&href)));
        let several = vec(inner, 0..3).prop_map(|pieces| pieces.join(" "));
        prop_oneof![2 => marked, 2 => link, 1 => several]
    })
}

fn table() -> impl Strategy<Value = String> {
    let span = || prop_oneof![5 => 1..3_u16, 1 => any::<u16>()];
    let cell = (select(vec!["td", "th"]), span(), span(), inline())
        .prop_map(|(tag, wide, tall, text)| format!("<{tag} colspan=\"{wide}\" rowspan=\"{tall}\">{text}</{tag}>"));
    let row = vec(cell, 0..4).prop_map(|cells| format!("<tr>{}</tr>", cells.concat()));
    (inline(), vec(row, 0..4))
        .prop_map(|(caption, rows)| format!("<table><caption>{caption}</caption>{}</table>", rows.concat()))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

/// A generator that leaves a field alone proves nothing about it.
#[test]
fn every_field_is_filled_in_one_article_and_absent_in_another() {
    let articles: Vec<Value> =
        sample().iter().map(|article| serde_json::to_value(article).expect("an article is JSON")).collect();
    let Value::Object(fields) = &articles[0] else { panic!("an article is an object") };
    for field in fields.keys() {
        let absent = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
        let filled = articles.iter().filter(|article| !absent(&article[field])).count();
        assert!(filled >= 100, "{field} is filled in {filled} of {} articles", articles.len());
        let always = ["wire", "guid", "version", "action", "urgency", "headline", "body"];
        assert!(filled < articles.len() || always.contains(&field.as_str()), "{field} is never absent");
    }
    let text = Value::from(articles).to_string();
    for met in
        ["]]>", "שלום", "👩\u{200d}🚒", "\u{a0}", "\"kill\"", "\"withhold\"", "\"table\"", "\"list\"", "\"quote\""]
    {
        assert!(text.contains(met), "{met} is in no article");
    }
}
