//! What HTML becomes, case by case, and that no text is lost, whatever the tags.

use html5ever::tokenizer::BufferQueue;
use proptest::prelude::*;

use super::*;
use crate::article::body::inline_text;

/// A body in short: `p(a strong(b))`. Quotes stand around nothing, so that cases stay readable.
fn short(html: &str) -> String {
    blocks(&parse(html).blocks)
}

fn blocks(blocks: &[Block]) -> String {
    blocks.iter().map(block).collect::<Vec<_>>().join(" ")
}

fn block(block: &Block) -> String {
    match block {
        Block::Paragraph(children) => format!("p({})", inlines(children)),
        Block::Heading(level, children) => format!("h{level}({})", inlines(children)),
        Block::List { ordered, items } => {
            let items: Vec<_> = items.iter().map(|item| format!("li({})", blocks(item))).collect();
            format!("{}({})", if *ordered { "ol" } else { "ul" }, items.join(" "))
        }
        Block::Quote(children) => format!("quote({})", blocks(children)),
        Block::Preformatted(text) => format!("pre({text:?})"),
        Block::Rule => "rule".to_owned(),
        Block::Image(image) => format!("img({} alt={:?} {})", image.src, image.alt, inlines(&image.caption)),
        Block::Table(table) => {
            let rows: Vec<_> = table
                .rows
                .iter()
                .map(|row| row.iter().map(|cell| inlines(&cell.content)).collect::<Vec<_>>().join("|"))
                .collect();
            format!("table({};{})", inlines(&table.caption), rows.join(";"))
        }
    }
}

fn inlines(children: &[Inline]) -> String {
    let mark = |name: &str, children: &[Inline]| format!("{name}({})", inlines(children));
    children
        .iter()
        .map(|inline| match inline {
            Inline::Text(text) => text.clone(),
            Inline::Break => "/".to_owned(),
            Inline::Strong(children) => mark("b", children),
            Inline::Emphasis(children) => mark("i", children),
            Inline::Underline(children) => mark("u", children),
            Inline::Sub(children) => mark("sub", children),
            Inline::Sup(children) => mark("sup", children),
            Inline::Link { href, children } => format!("<{href}>({})", inlines(children)),
        })
        .collect()
}

#[test]
fn paragraphs_and_marks() {
    for (html, want) in [
        ("<p>a</p><p>b</p>", "p(a) p(b)"),
        ("a<p>b<div>c<section>d</section>e</div>f", "p(a) p(b) p(c) p(d) p(e) p(f)"),
        ("<p>  a \n b </p>\n <p> </p><p>&nbsp;</p>", "p(a b)"),
        ("a <b> b </b> c", "p(a b(b )c)"),
        ("<b><p>a</p><p>b</p></b>c", "p(b(a)) p(b(b)) p(c)"),
        ("<b>a<i>b</b>c</i>d", "p(b(ai(b))i(c)d)"),
        ("<b><b>a</b>b</b>c", "p(b(ab)c)"),
        ("</b></i></p>a", "p(a)"),
        (
            "a<strong>b</strong><em>c</em><cite>d</cite><ins>e</ins><sub>f</sub><sup>g</sup>",
            "p(ab(b)i(cd)u(e)sub(f)sup(g))",
        ),
        ("a<br>b<br/>c<br>", "p(a/b/c)"),
        ("<h2>a</h2>b<h6>c</h5>d<h7>e</h7>", "h2(a) p(b) h6(c) p(de)"),
        ("<h2>a<p>b", "h2(a) p(b)"),
        ("a<hr>b", "p(a) rule p(b)"),
        ("<span>a</span><blink>b</blink><font color=red>c</font>", "p(abc)"),
        ("a&amp;b&lt;c&nbsp;d&eacute;&#1;&#xfffe;&#0;", "p(a&b<c\u{a0}dé\u{fffd})"),
        ("he said <q>yes</q></q>", "p(he said “yes”)"),
        ("<b/>a<p/>b", "p(a) p(b)"),
        ("3 < 4 and 5 <6", "p(3 < 4 and 5 <6)"),
    ] {
        assert_eq!(short(html), want, "{html}");
    }
}

#[test]
fn links_lead_to_the_web_or_to_a_mailbox() {
    for (html, want) in [
        ("<a href='https://x.org/a?b=1&amp;c=2'>t</a>", "p(<https://x.org/a?b=1&c=2>(t))"),
        ("<a href=' mailto:a@x.org\n'>t</a>", "p(<mailto:a@x.org>(t))"),
        ("<a href='javascript:x'>t</a><a href='/x'>u</a><a href='java&#10;script:x'>v</a><a>w</a>", "p(tuvw)"),
        (
            "<a href=https://x.org/1>t<a href=https://x.org/2>u</a>v</a>w",
            "p(<https://x.org/1>(t)<https://x.org/2>(u)vw)",
        ),
        ("<b>a <a href=https://x.org/>b</b>c</a>", "p(b(a <https://x.org/>(b))<https://x.org/>(c))"),
        ("<a href=https://x.org/><h2>a</h2><p>b</a>", "h2(<https://x.org/>(a)) p(<https://x.org/>(b))"),
    ] {
        assert_eq!(short(html), want, "{html}");
    }
}

#[test]
fn lists_and_quotes() {
    for (html, want) in [
        ("<ul><li>a<li>b</ul>c", "ul(li(p(a)) li(p(b))) p(c)"),
        ("<ol><li>a<ul><li>b</ul>c</ol>", "ol(li(p(a) ul(li(p(b))) p(c)))"),
        ("<ul><li>a</li><ul><li>b</li></ul></ul>", "ul(li(p(a) ul(li(p(b)))))"),
        ("<ul>a<li>b</ul></ul></li>", "ul(li(p(a)) li(p(b)))"),
        ("<ul></ul><ol><li></ol><li>a", "p(a)"),
        ("<ul><li>a</ol>b</ul>", "ul(li(p(a) p(b)))"),
        ("<blockquote>a<p>b</blockquote>c</blockquote>", "quote(p(a) p(b)) p(c)"),
        ("<ul><li><blockquote>a</ul>b", "ul(li(quote(p(a)))) p(b)"),
        ("<dl><dt>a<dd>b</dl>c", "p(a) p(b) p(c)"),
        ("<pre>\n a\n  <b>b</b><br>c\n</pre>d", r#"pre(" a\n  b\nc") p(d)"#),
    ] {
        assert_eq!(short(html), want, "{html}");
    }
}

#[test]
fn tables() {
    for (html, want) in [
        ("<table><caption>c<tr><th>a<td>b<tr><td>d</table>e", "table(c;a|b;d) p(e)"),
        ("<table><thead><tr><td>a</thead><tbody><tr><td>b<tfoot><tr><td>c</table>", "table(;a;b;c)"),
        ("<table><tr><td><p>a</p><p>b</p><ul><li>c</ul></table>d", "table(;a/b/c) p(d)"),
        ("<table><tr><td>a<table><tr><td>b<td>c</table>d<td>e</table>", "table(;a/b/c/d|e)"),
        ("<table>a<tr><td>b</table>", "table(;a;b)"),
        ("<table><tr><td>a</tr><caption>b</caption></table>", "table(;a;b)"),
        ("<table><tr><td></td></table>a", "p(a)"),
        ("<ul><li><table><tr><td>a</ul>b</table>c", "ul(li(table(;a/b) p(c)))"),
        ("<table><tr><td><b>a<td>b</table>c", "table(;b(a)|b) p(c)"),
        ("<td>a<td>b</table>c", "p(a) p(b) p(c)"),
        ("<table><tr><td>a<img src=https://x.org/i>b</table>c", "table(;ab) img(https://x.org/i alt=\"\" ) p(c)"),
    ] {
        assert_eq!(short(html), want, "{html}");
    }
    let Block::Table(table) = &parse("<table><tr><th colspan=2 rowspan=0>a<td colspan=9999>b<td colspan=x>c").blocks[0]
    else {
        panic!("no table")
    };
    let spans: Vec<_> = table.rows[0].iter().map(|cell| (cell.header, cell.colspan, cell.rowspan)).collect();
    assert_eq!(spans, [(true, 2, 1), (false, 1000, 1), (false, 1, 1)]);
}

#[test]
fn pictures_and_their_captions() {
    for (html, want) in [
        ("<p>a<img src=https://x.org/i alt=' b\nc '>d", "p(a) img(https://x.org/i alt=\"b c\" ) p(d)"),
        (
            "<figure><img src=https://x.org/i><figcaption>a <b>b</b></figcaption></figure>c",
            "img(https://x.org/i alt=\"\" a b(b)) p(c)",
        ),
        (
            "<figure><figcaption>a</figcaption><img src=https://x.org/i></figure>c",
            "img(https://x.org/i alt=\"\" a) p(c)",
        ),
        (
            "<figure><img src=https://x.org/i></figure><figure><figcaption>b</figcaption><img src=https://x.org/j></figure>",
            "img(https://x.org/i alt=\"\" ) img(https://x.org/j alt=\"\" b)",
        ),
        (
            "<figure><img src=https://x.org/i></figure><figure><div>b</div></figure>",
            "img(https://x.org/i alt=\"\" ) p(b)",
        ),
        (
            "<figure><img src=https://x.org/i><div>by</div><figcaption><p>a<p>b</figcaption></figure>",
            "img(https://x.org/i alt=\"\" by/a/b)",
        ),
        (
            "<figure><img src=https://x.org/i><p>the whole story<p>goes on",
            "img(https://x.org/i alt=\"\" ) p(the whole story) p(goes on)",
        ),
        ("<figure><blockquote>a</blockquote><figcaption>b</figcaption></figure>", "quote(p(a)) p(b)"),
        ("<img src='data:image/png;base64,xx' alt='a cat'> b <img src=/x.png>", "p(a cat b)"),
        ("<img src='data:x' data-src='https://x.org/i'>", "img(https://x.org/i alt=\"\" )"),
        ("a<img class=wp-emoji src=https://x.org/i alt=😀>b", "p(a😀b)"),
    ] {
        assert_eq!(short(html), want, "{html}");
    }
    let Block::Image(image) = &parse("<img src=//x.org/i width=640px height=100%>").blocks[0] else {
        panic!("no image")
    };
    assert_eq!((image.width, image.height), (Some(640), None));
}

#[test]
fn what_plays_elsewhere_becomes_a_link() {
    for (html, want) in [
        ("a<iframe src=https://x.org/v title='A film'>fallback</iframe>b", "p(a) p(<https://x.org/v>(A film)) p(b)"),
        (
            "<iframe src=about:blank data-src=https://x.org/v aria-label='A film'></iframe>",
            "p(<https://x.org/v>(A film))",
        ),
        ("<iframe src=https://x.org/v />b", "p(<https://x.org/v>(https://x.org/v)) p(b)"),
        ("<video title=t><source src=https://x.org/v><source src=https://x.org/w></video>", "p(<https://x.org/v>(t))"),
        (
            "<audio src=https://x.org/a></audio><embed src=https://x.org/e>",
            "p(<https://x.org/a>(https://x.org/a)) p(<https://x.org/e>(https://x.org/e))",
        ),
        (
            "<object data=https://x.org/o>a</object><iframe src=/x></iframe>",
            "p(<https://x.org/o>(https://x.org/o)) p(a)",
        ),
    ] {
        assert_eq!(short(html), want, "{html}");
    }
}

#[test]
fn what_is_not_for_readers_goes() {
    for (html, want) in [
        ("a<script>if (a<b) '</p>'</script>b<style>p{}</style>c<!-- d -->e", "p(abce)"),
        ("<!doctype html><html><head><title>t</title></head><body>a", "p(a)"),
        ("a<template>b<template>c</template>d</template>e<noscript>f</noscript>", "p(aef)"),
        ("a<script/>b<title/>c", "p(abc)"),
        ("<textarea>a <b>c</b></textarea>d", "p(a <b>c</b>) p(d)"),
        ("<?xml version='1.0'?>a<![CDATA[x]]>b", "p(ab)"),
        ("a<p title='", "p(a)"),
        ("<p onclick='evil()' style='x'>a", "p(a)"),
    ] {
        assert_eq!(short(html), want, "{html}");
    }
}

#[test]
fn plain_text_has_paragraphs_and_lines() {
    let body = from_text("\r\n a \r\nb  c\n\n\n  \nd <b>\u{0}\re\n");
    assert_eq!(blocks(&body.blocks), "p(a/b c) p(d <b>/e)");
    assert_eq!(from_text(" \n\n").blocks, []);
}

/// How deep the tree is: blocks and inlines together.
pub(super) fn depth(blocks: &[Block]) -> usize {
    let lines = |children: &[Inline]| inline_depth(children);
    let deepest = blocks.iter().map(|block| match block {
        Block::Paragraph(children) | Block::Heading(_, children) => lines(children),
        Block::List { items, .. } => items.iter().map(|item| depth(item)).max().unwrap_or(0),
        Block::Quote(children) => depth(children),
        Block::Preformatted(_) | Block::Rule => 0,
        Block::Image(image) => lines(&image.caption),
        Block::Table(table) => {
            let cells = table.rows.iter().flatten().map(|cell| lines(&cell.content)).max().unwrap_or(0);
            cells.max(lines(&table.caption))
        }
    });
    deepest.max().map_or(0, |below| below + 1)
}

fn inline_depth(children: &[Inline]) -> usize {
    let deepest = children.iter().map(|inline| match inline {
        Inline::Text(_) | Inline::Break => 0,
        Inline::Strong(children)
        | Inline::Emphasis(children)
        | Inline::Underline(children)
        | Inline::Sub(children)
        | Inline::Sup(children)
        | Inline::Link { children, .. } => inline_depth(children),
    });
    deepest.max().map_or(0, |below| below + 1)
}

/// As [`parse`], with the input in one piece.
#[test]
fn a_byte_order_mark_is_none_but_at_the_start() {
    let text = |html: &str| parse(html).text();
    assert_eq!(text("\u{feff}<p>a</p>"), "a");
    assert_eq!(text("<p>\u{feff}a</p><p><b>\u{feff}b</b></p>"), "\u{feff}a\n\u{feff}b");
}

fn parse_whole(html: &str) -> Body {
    let sink = Sink { tree: RefCell::new(Tree::new(html.len(), Page::default())), raw: Cell::new(None) };
    let tokenizer = Tokenizer::new(sink, TokenizerOpts { discard_bom: true, ..TokenizerOpts::default() });
    let queue = BufferQueue::default();
    queue.push_back(StrTendril::from_slice(html));
    let _done = tokenizer.feed(&queue);
    tokenizer.end();
    tokenizer.sink.tree.into_inner().finish()
}

fn without_space(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

/// Every tag that the tree knows and some that it does not, opened or closed, with and without attributes.
fn tag() -> impl Strategy<Value = String> {
    let names = "p|div|b|i|u|sub|sup|a|span|ul|ol|li|dl|dt|dd|blockquote|pre|h1|h2|table|caption|thead|tr|td|th|figure|\
                 figcaption|br|hr|img|section|video|audio|object|source|noscript|x-y";
    let name = proptest::sample::select(names.split('|').collect::<Vec<_>>());
    let attributes = proptest::sample::select(vec![
        "",
        "",
        "",
        " class=\"a>b\"",
        " href='https://x.org/'",
        " colspan=2 ",
        " src=https://x.org/i",
        " a=b/c d",
        " a =\n\"x\"",
    ]);
    (name, attributes, 0..7).prop_map(|(name, attributes, form)| match form {
        0..3 => format!("<{name}{attributes}>"),
        3 => format!("<{name}{attributes} />"),
        _ => format!("</{name}{attributes}>"),
    })
}

/// HTML, and the text that it shows. A player's link says its address, so that players have none here.
fn soup() -> impl Strategy<Value = (String, String)> {
    let text = "[a-z0-9é]{1,3}( | \n|\u{a0})?".prop_map(|text| (text.clone(), text));
    let hidden = proptest::sample::select(vec![
        "<!-- x > -->",
        "<!-->",
        "<!doctype html>",
        "<script>x<p></script>",
        "<style>x</style>",
        "<template>x<b></template>",
        "<?x>",
        "</>",
        "</ x>",
        "<title>x</title>",
    ]);
    let piece = prop_oneof![
        3 => text,
        5 => tag().prop_filter("shows its address", |tag| {
            !(tag.contains("src=") && ["<video", "<audio", "<source"].iter().any(|name| tag.starts_with(name)))
        }).prop_map(|tag| (tag, String::new())),
        1 => hidden.prop_map(|hidden| (hidden.to_owned(), String::new())),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| {
        let (html, text): (Vec<_>, Vec<_>) = pieces.into_iter().unzip();
        (html.concat(), text.concat())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_lost_or_moved((html, text) in soup()) {
        let body = parse(&html);
        prop_assert_eq!(without_space(&body.text()), without_space(&text), "{}", html);
        prop_assert!(depth(&body.blocks) <= crate::article::body::DEEPEST);
    }

    #[test]
    fn pieces_change_nothing((html, _) in soup(), junk in "[<>/!?a-c \"'=&;#x-]{0,60}", raw in "(<(title|textarea|script)>)?[</>a-z !-]{0,40}") {
        for html in [&html, &junk, &raw, &format!("{html}{junk}{raw}")] {
            prop_assert_eq!(parse(html), parse_whole(html), "{}", html);
        }
    }

    #[test]
    fn nothing_panics(html in "\\PC*", bytes: Vec<u8>) {
        for html in [html.as_str(), &String::from_utf8_lossy(&bytes)] {
            let body = parse(html);
            prop_assert!(body.text().chars().all(text::is_xml_char));
            let plain = from_text(html);
            let shown = without_space(&plain.text());
            prop_assert_eq!(shown, without_space(&text::clean(html)));
        }
    }

    #[test]
    fn lines_are_tidy((html, _) in soup()) {
        for block in parse(&html).blocks {
            if let Block::Paragraph(children) = block {
                let mut line = String::new();
                inline_text(&children, &mut line);
                prop_assert_eq!(line.trim_matches([' ', '\n']), line.as_str(), "{}", html);
                prop_assert!(!line.contains("  ") && !line.contains(" \n") && !line.contains("\n "), "{}: {:?}", html, line);
            }
        }
    }
}

#[test]
fn relative_addresses_lead_to_the_story_on_its_own_site() {
    let html = "<a href='/ferry'>a</a> <a href='#fares'>b</a> <a href='#'>c</a><img src='pier.jpg' alt=d>\
                <video src='../v.mp4' title=e></video><iframe src='javascript:x'></iframe>";
    let at = |page| blocks(&parse_at(html, page).blocks);
    assert_eq!(
        at(Some("https://x.org/2026/ferry-vote")),
        "p(<https://x.org/ferry>(a) <https://x.org/2026/ferry-vote#fares>(b) c) img(https://x.org/2026/pier.jpg alt=\"d\" ) \
         p(<https://x.org/v.mp4>(e))"
    );
    assert_eq!(at(None), "p(a b cd)");
}

/// What newsrooms embed: the text stays, and so does the way to what was shown.
#[test]
fn what_a_newsroom_embeds_stays_as_words_and_a_link() {
    for (html, want) in [
        (
            "<blockquote class='twitter-tweet'><p lang=en>We promised the island a boat.</p>&mdash; Mara (@mara) \
             <a href='https://twitter.example/mara/status/1'>Nov. 24</a></blockquote><script async src=w.js></script>",
            "quote(p(We promised the island a boat.) p(— Mara (@mara) <https://twitter.example/mara/status/1>(Nov. 24)))",
        ),
        (
            "<figure><iframe src='https://video.example/e/1' title='The ferry'></iframe><figcaption>In 2022</figcaption></figure>",
            "p(<https://video.example/e/1>(The ferry)) p(In 2022)",
        ),
        (
            "<video controls title='The pier'><source src='https://x.org/v.webm'><source src='https://x.org/v.mp4'>\
             Your browser plays no video.</video>",
            "p(<https://x.org/v.webm>(The pier)) p(Your browser plays no video.)",
        ),
        ("<div class=embed><iframe srcdoc='<p>a</p>'></iframe></div>", ""),
    ] {
        assert_eq!(short(html), want, "{html}");
    }
}
