//! What NITF becomes, case by case. Real dialects are in [`dialects`], bodies nobody would write in [`properties`].

mod dialects;
mod properties;
mod samples;

use crate::article::{Action, Article, DecodeError, WireId, decode, html};

/// A small document with `head` in its head, `body_head` in the head of its body, and `content` for a text.
fn document(head: &str, body_head: &str, content: &str) -> String {
    format!(
        "<nitf>\n<head>{head}</head>\n<body><body.head>{body_head}</body.head>\n<body.content>{content}</body.content></body></nitf>"
    )
}

fn read(document: &str) -> Result<Article, DecodeError> {
    decode(document.as_bytes(), Some("application/nitf+xml"), &WireId::new("hpnf"))
}

const ID: &str = "<docdata><doc-id id-string='urn:x:1'/></docdata>";

/// An article with `head` beside its id.
fn article(head: &str) -> Article {
    let document = document(&format!("{ID}{head}"), "<hedline><hl1>H</hl1></hedline>", "<p>B</p>");
    read(&document).unwrap_or_else(|why| panic!("{head}: {why}"))
}

fn refused(head: &str) -> String {
    read(&document(head, "<hedline><hl1>H</hl1></hedline>", "<p>B</p>")).unwrap_err().to_string()
}

fn body(content: &str) -> crate::article::Body {
    let document = document(ID, "<hl1>H</hl1><abstract>A</abstract>", content);
    read(&document).unwrap_or_else(|why| panic!("{content}: {why}")).body
}

#[test]
fn the_action_follows_the_status_the_message_and_the_version() {
    for (head, action) in [
        ("<docdata management-status='usable'/>", Action::Publish),
        ("<docdata management-status=' '/>", Action::Publish),
        ("<du-key version='1'/>", Action::Publish),
        ("<du-key version='2'/>", Action::Update),
        ("<ed-msg msg-type='update' info='x'/>", Action::Update),
        ("<du-key version='2'/><ed-msg info='Eds: CORRECTS name'/>", Action::Correct),
        ("<du-key version='2'/><ed-msg info='Correct spelling is Lindqvist'/>", Action::Update),
        ("<correction info='The name'/>", Action::Correct),
        ("<ed-msg msg-type='Correction' info='x'/>", Action::Correct),
        ("<docdata management-status='canceled'/><du-key version='2'/><correction info='x'/>", Action::Kill),
        ("<docdata management-status='Killed'/><du-key version='2'/>", Action::Kill),
        ("<docdata management-status='withheld'/><du-key version='2'/>", Action::Withhold),
        ("<docdata management-status='usable'/><ed-msg msg-type='kill'/><du-key version='2'/>", Action::Kill),
        ("<tobject tobject.type='advisory'/><du-key version='2'/>", Action::Update),
    ] {
        assert_eq!(article(head).action, action, "{head}");
    }
    insta::assert_snapshot!(refused(&format!("{ID}<docdata management-status='gone'/>")), @r#"docdata@management-status: unknown status "gone"; use usable, embargoed, withheld or canceled (line 2, column 55) (read as NITF)"#);
    insta::assert_snapshot!(refused(&format!("{ID}<docdata management-status='canceled'/>")), @"du-key@version: is missing; to kill a story takes a version above the one that is out (line 2, column 16) (read as NITF)");
}

#[test]
fn a_story_is_known_by_its_id_without_the_version_in_it() {
    for (head, guid, version) in [
        ("<doc-id id-string='urn:x:1'/><du-key version='7'/>", "urn:x:1", 7),
        ("<doc-id id-string='urn:x:1'/><du-key version='v07'/>", "urn:x:1", 7),
        ("<doc-id id-string=''/><doc-id id-string='tag:x,2026:a'/>", "tag:x,2026:a", 1),
        ("<doc-id regsrc='AAP' id-string='AAP.1 2/é'/>", "urn:nitf:AAP:AAP.1%202%2F%C3%A9", 1),
        ("<doc-id id-string='4711'/>", "urn:nitf:hpnf:4711", 1),
        ("<doc-id id-string='urn:newsml:x.org:20261124:ferry:3U'/>", "urn:newsml:x.org:20261124:ferry", 3),
        (
            "<doc-id id-string='urn:newsml:x.org:20261124:ferry:3'/><du-key version='9'/>",
            "urn:newsml:x.org:20261124:ferry",
            9,
        ),
        ("<doc-id id-string='urn:newsml:x.org:20261124:ferry-2'/>", "urn:newsml:x.org:20261124:ferry-2", 1),
        (
            "<doc-id id-string='urn:newsml:localhost:2026-11-24T10:15:00.1:3'/>",
            "urn:newsml:localhost:2026-11-24T10:15:00.1:3",
            1,
        ),
        ("<doc-id id-string='urn:x:ferry-v12'/>", "urn:x:ferry", 12),
        ("<doc-id id-string='urn:x:v12'/>", "urn:x", 12),
        ("<doc-id id-string='urn:x:ferry-12'/>", "urn:x:ferry-12", 1),
        ("<doc-id regsrc='NTB' id-string='NTBab-1_00'/>", "urn:nitf:NTB:NTBab-1", 1),
        ("<doc-id regsrc='NTB' id-string='NTBab-1_46'/>", "urn:nitf:NTB:NTBab-1", 47),
        ("<doc-id regsrc='PA' id-string='ab_46'/>", "urn:nitf:PA:ab_46", 1),
    ] {
        let article = read(&document(head, "<hl1>H</hl1>", "<p>B</p>")).unwrap_or_else(|why| panic!("{head}: {why}"));
        assert_eq!((article.guid.as_str(), article.version.get()), (guid, version), "{head}");
    }
    let uno = |uno: &str, head: &str| {
        read(&document(head, "<hl1>H</hl1>", "<p>B</p>").replace("<nitf>", &format!("<nitf uno='{uno}'>"))).unwrap()
    };
    assert_eq!(uno("urn:x:1:4", "<doc-id id-string='urn:x:1'/>").version.get(), 4);
    assert_eq!(uno("urn:x:1", "<doc-id id-string='urn:x:1'/>").version.get(), 1);
    assert_eq!(uno("urn:x:11", "<doc-id id-string='urn:x:1'/>").version.get(), 1, "another id");
    assert_eq!(uno("urn:x:1", "").guid.as_str(), "urn:x:1");
    insta::assert_snapshot!(refused(""), @"doc-id@id-string: is missing; a story needs an id-string that stays the same for all of its versions (line 1, column 1) (read as NITF)");
    insta::assert_snapshot!(refused("\n <docdata><doc-id regsrc='AP'/></docdata>"), @"doc-id@id-string: is missing; a story needs an id-string that stays the same for all of its versions (line 3, column 11) (read as NITF)");
    insta::assert_snapshot!(refused(&format!("{ID}<du-key version='1.2'/>")), @r#"du-key@version: the version "1.2" is not a whole number; a version is a whole number that grows with every change of the story (line 2, column 55) (read as NITF)"#);
    assert!(refused(&format!("<doc-id id-string='{}'/>", "x".repeat(5000))).contains("too long"));
}

#[test]
fn a_withdrawal_may_name_the_story_that_it_takes_down() {
    let guid = |idref: &str, status: &str| {
        let head = format!(
            "<docdata management-status='canceled' management-doc-idref='{idref}' management-idref-status='{status}'>\
             <doc-id id-string='urn:x:1'/><du-key version='4'/></docdata>"
        );
        read(&document(&head, "<hl1>H</hl1>", "")).unwrap().guid.to_string()
    };
    assert_eq!(guid("urn:x:other", "canceled"), "urn:x:other");
    assert_eq!(guid("urn:x:other", "usable"), "urn:x:1");
    assert_eq!(guid("urn:x:1", "canceled"), "urn:x:1");
    assert_eq!(guid("urn:x:1:3", "canceled"), "urn:x:1", "its own version before");
    assert_eq!(guid("urn:x:12", "canceled"), "urn:x:12");
    let replaces =
        "<docdata management-status='usable' management-doc-idref='urn:x:other' management-idref-status='canceled'/>";
    assert_eq!(article(replaces).guid.as_str(), "urn:x:1", "what is out stays its own story");
}

#[test]
fn a_kill_is_taken_whatever_else_is_wrong_with_it() {
    let head = format!(
        "{ID}<docdata management-status='canceled'/><du-key version='4'/><urgency ed-urg='high'/><date.release norm='noon'/>\
         <correction info='Wrong.'/><ed-msg info='Remove it.'/>"
    );
    let kill = read(&document(&head, "<hl1>KILL: H</hl1>", "")).unwrap();
    assert_eq!((kill.action, kill.headline.as_str(), kill.version.get()), (Action::Kill, "H", 4));
    assert_eq!((kill.notice.as_deref(), kill.editor_note.as_deref()), (Some("Wrong."), Some("Remove it.")));
}

#[test]
fn a_zone_that_is_not_given_is_the_one_that_keeps_the_promise() {
    let times = |head: &str| {
        let article = article(head);
        [article.versioned, article.embargo, article.expires].map(|at| at.map_or("-".to_owned(), |at| at.to_string()))
    };
    for (head, want) in [
        ("<date.issue norm='20261124T101500-0500'/>", ["2026-11-24T15:15:00Z", "-", "-"]),
        ("<date.issue norm='2026-11-24 10:15'/>", ["2026-11-24T10:15:00Z", "-", "-"]),
        ("<date.issue norm='yesterday'/>", ["-", "-", "-"]),
        ("<date.release norm='20261124T120000Z'/>", ["-", "2026-11-24T12:00:00Z", "-"]),
        ("<date.release norm='20261124T120000'/>", ["-", "2026-11-25T00:00:00Z", "-"]),
        ("<date.release norm='20261124'/>", ["-", "2026-11-24T12:00:00Z", "-"]),
        ("<date.expire norm='20261124T120000'/>", ["-", "-", "2026-11-23T22:00:00Z"]),
        ("<date.expire norm=' '/>", ["-", "-", "-"]),
        // Written on every story: no embargo.
        (
            "<date.issue norm='20261124T101500'/><date.release norm='20261124T101500'/>",
            ["2026-11-24T10:15:00Z", "-", "-"],
        ),
        (
            "<date.issue norm='20261124T101500'/><date.release norm='20261124T101501'/>",
            ["2026-11-24T10:15:00Z", "2026-11-24T22:15:01Z", "-"],
        ),
        (
            "<date.issue norm='20261124T101500Z'/><date.release norm='20261124T101500'/>",
            ["2026-11-24T10:15:00Z", "2026-11-24T22:15:00Z", "-"],
        ),
    ] {
        assert_eq!(times(head), want, "{head}");
    }
    insta::assert_snapshot!(refused(&format!("{ID}<date.release norm='noon'/>")), @r#"date.release@norm: "noon" is not a time; write it as ISO 8601 does: "20261124T120000Z" (line 2, column 55) (read as NITF)"#);
    assert!(refused(&format!("{ID}<date.expire norm='never'/>")).starts_with("date.expire@norm: "));
    insta::assert_snapshot!(refused(&format!("{ID}<docdata management-status='embargoed'/>")), @"date.release: is missing, but the story is said to be embargoed; add when the embargo ends (line 2, column 55) (read as NITF)");
    insta::assert_snapshot!(refused(&format!("{ID}<ed-msg info='Eds: EMBARGOED to 0001 Friday'/>")), @"date.release: is missing, but the story is said to be embargoed; add when the embargo ends (line 1, column 1) (read as NITF)");
    article("<ed-msg info='Embargo lifted'/>");
}

#[test]
fn of_several_rights_the_first_to_end_says_how_long_a_story_may_be_kept() {
    let until = |head: &str| article(head).rights_until.map(|at| at.to_string());
    let (head, displayed) = ("<doc.rights enddate='20261224T120000Z'/>", "<rights.enddate norm='20261223T120000Z'/>");
    assert_eq!(until(head).unwrap(), "2026-12-24T12:00:00Z");
    assert_eq!(until(&format!("{head}<rights>{displayed}</rights>")).unwrap(), "2026-12-23T12:00:00Z");
    assert_eq!(until(&format!("<doc.rights enddate='20270101'/>{head}")).unwrap(), "2026-12-24T12:00:00Z");
    assert_eq!(until("<doc.rights enddate='20261224T120000'/>").unwrap(), "2026-12-23T22:00:00Z", "first in the east");
    assert_eq!(
        until("<doc.rights owner='AAP' enddate=''/><rights><rights.enddate>soon</rights.enddate></rights>"),
        None
    );
    assert_eq!(article(head).usage_terms, None, "it is said once");
    insta::assert_snapshot!(refused(&format!("{ID}<doc.rights enddate='never'/>")), @r#"doc.rights@enddate: "never" is not a time; write it as ISO 8601 does: "20261124T120000Z" (line 2, column 55) (read as NITF)"#);
}

#[test]
fn urgency_is_the_iptcs() {
    for (head, step) in [
        ("", 5),
        ("<urgency ed-urg=''/>", 5),
        ("<urgency ed-urg='0'/>", 5),
        ("<urgency ed-urg='1'/>", 1),
        ("<urgency ed-urg=' 8 '/>", 8),
        ("<urgency ed-urg='400'/>", 9),
    ] {
        assert_eq!(article(head).urgency.get(), step, "{head}");
    }
    insta::assert_snapshot!(refused(&format!("{ID}<urgency ed-urg='flash'/>")), @r#"urgency@ed-urg: "flash" is not a number; give 1 (most urgent) to 8, or leave it out (line 2, column 55) (read as NITF)"#);
}

#[test]
fn subjects_say_whose_number_it_is() {
    for (attributes, scheme, code, name) in [
        ("refnum='11000000'", Some("subj"), Some("11000000"), None),
        ("refnum='20000621'", Some("medtop"), Some("20000621"), None),
        ("refnum='medtop:11000000'", Some("medtop"), Some("11000000"), None),
        ("refnum='11000000' tobject.subject.ipr='medtop'", Some("medtop"), Some("11000000"), None),
        ("refnum='POL' tobject.subject.ipr='EFE'", Some("EFE"), Some("POL"), None),
        ("refnum='EFE:POL' tobject.subject.ipr='EFE'", Some("EFE"), Some("POL"), None),
        ("refnum='POL'", None, Some("POL"), None),
        ("type='a' tobject.subject.matter='b' tobject.subject.detail='c'", None, None, Some("c")),
    ] {
        let article = article(&format!("<tobject><tobject.subject tobject.subject.{attributes}/></tobject>"));
        let concept = &article.subjects[0];
        let got = (concept.scheme.as_deref(), concept.code.as_deref(), concept.name.as_deref());
        assert_eq!(got, (scheme, code, name), "{attributes}");
    }
}

#[test]
fn a_byline_is_a_line_and_authors_where_nothing_is_in_doubt() {
    for (byline, line, authors) in [
        ("By ADA QUILL<byttl>AP Business Writer</byttl>", "By ADA QUILL, AP Business Writer", ""),
        ("By Ada Quill, Press Association", "By Ada Quill, Press Association", ""),
        ("By <person>Ada Quill</person>", "By Ada Quill", "Ada Quill/-/-"),
        (
            "<person>Ada Quill</person><byttl>Reporter, <org>Post</org></byttl>",
            "Ada Quill, Reporter, Post",
            "Ada Quill/Reporter/Post",
        ),
        ("By <person>Ada Quill</person>, <byttl><org>Post</org></byttl>", "By Ada Quill, Post", "Ada Quill/-/Post"),
        (
            "By <person>Ada Quill</person> and <person>Jo Ray</person><byttl>Reporters</byttl>",
            "By Ada Quill and Jo Ray, Reporters",
            "Ada Quill/-/- Jo Ray/-/-",
        ),
        ("<byttl>From our desk</byttl>", "From our desk", ""),
    ] {
        let article = read(&document(ID, &format!("<hl1>H</hl1><byline>{byline}</byline>"), "<p>B</p>")).unwrap();
        assert_eq!(article.byline.as_deref(), Some(line), "{byline}");
        let told = |text: &Option<String>| text.clone().unwrap_or("-".into());
        let list: Vec<_> = article
            .authors
            .iter()
            .map(|it| format!("{}/{}/{}", it.name, told(&it.role), told(&it.affiliation)))
            .collect();
        assert_eq!(list.join(" "), authors, "{byline}");
    }
}

#[test]
fn the_headline_is_the_one_that_readers_see() {
    for (head, body_head, headline, sub) in [
        ("", "<hedline><hl1>a</hl1><hl1 id='headline'>b</hl1><hl2>c</hl2></hedline>", "b", Some("c")),
        ("<title>t</title>", "<hedline><hl1> </hl1></hedline>", "t", None),
        ("<meta name='slugline' content='S'/>", "", "S", None),
        ("", "<hl1>a <em>b</em><br/>c</hl1><hl2 id='originalHeadline'>d</hl2>", "a b c", None),
    ] {
        let article = read(&document(&format!("{ID}{head}"), body_head, "<p>B</p>")).unwrap();
        assert_eq!((article.headline.as_str(), article.subheadline.as_deref()), (headline, sub), "{body_head}");
    }
    insta::assert_snapshot!(read(&document(ID, "", "<p>B</p>")).unwrap_err(), @"hl1: is missing, and there is neither a title nor a slugline in its place (line 1, column 1) (read as NITF)");
}

#[test]
fn a_dateline_is_a_place() {
    for (dateline, place) in [
        ("<location>NEW YORK</location> (AP) _ ", "NEW YORK"),
        ("<location><city>OSLO</city><country>Norway</country></location>", "OSLO, Norway"),
        (
            "<location><city>OSLO</city>, <state>Norway</state></location> <story.date>Nov. 24</story.date>",
            "OSLO, Norway",
        ),
        ("OSLO <story.date>Nov. 24</story.date>", "OSLO"),
    ] {
        let article = read(&document(ID, &format!("<hl1>H</hl1><dateline>{dateline}</dateline>"), "<p>B</p>")).unwrap();
        assert_eq!(article.dateline.as_deref(), Some(place), "{dateline}");
    }
}

/// What NITF says with elements of its own is what HTML says with these.
#[test]
fn the_text_is_what_html_would_make_of_it() {
    for (nitf, as_html) in [
        ("<p>a</p><p>b</p>", "<p>a</p><p>b</p>"),
        ("<block id='Main'><p>a</p><hl2>b</hl2></block>c", "<p>a</p><h2>b</h2>c"),
        (
            "<p>a <em>b</em> <em class='bold'>c</em> <em class='underscore'>d</em></p>",
            "<p>a <i>b</i> <b>c</b> <u>d</u></p>",
        ),
        ("<p>CO<num><sub>2</sub></num> m<num><sup>2</sup></num></p>", "<p>CO<sub>2</sub> m<sup>2</sup></p>"),
        ("<p><num>1<frac><frac-num>1</frac-num><frac-den>2</frac-den></frac></num></p>", "<p>11/2</p>"),
        (
            "<p>said <person>A</person> of <org>B</org> in <location><city>C</city></location> on <chron>May 1</chron> for \
             <money unit='USD'>$4</money>, <q>yes</q> <object.title>D</object.title></p>",
            "<p>said A of B in C on May 1 for $4, <q>yes</q> <cite>D</cite></p>",
        ),
        ("<p><a href='https://x.example/'>a</a><a href='b'>b</a></p>", "<p><a href='https://x.example/'>a</a>b</p>"),
        ("<bq><block><p>a</p></block><credit>b</credit></bq>", "<blockquote><p>a</p><p>b</p></blockquote>"),
        (
            "<ul><li>a<ol><li>b</li></ol></li></ul><dl><dt>c</dt><dd>d</dd></dl>",
            "<ul><li>a<ol><li>b</li></ol></li></ul><p>c<p>d",
        ),
        ("<pre>a  b\n c</pre><hr/>", "<pre>a  b\n c</pre><hr>"),
        (
            "<table><caption>t</caption><tfoot><tr><td>f</td></tr></tfoot><tbody><tr><th colspan='2'>a</th></tr></tbody></table>",
            "<table><caption>t</caption><tr><th colspan=2>a</th></tr><tr><td>f</td></tr></table>",
        ),
        (
            "<nitf-table><nitf-table-metadata><nitf-table-summary><p>s</p></nitf-table-summary><nitf-col value='x'/>\
             </nitf-table-metadata><table><tr><td>a</td></tr></table></nitf-table>",
            "<p>s</p><table><tr><td>a</td></tr></table>",
        ),
        (
            "<fn><p>a</p></fn><note><body.content><p>b</p></body.content></note><datasource>c</datasource>",
            "<p>a</p><p>b</p><p>c</p>",
        ),
        (
            "<block><byline>By A<byttl>B</byttl></byline><dateline>C</dateline><key-list><keyword key='k'/></key-list><p>d</p></block>",
            "<p>By A<p>B<p>C<p>d",
        ),
        (
            "<h3>a</h3><div><strong>b</strong></div><x:y xmlns:x='z'>c</x:y><script>d</script>",
            "<h3>a</h3><p><b>b</b></p>c",
        ),
        (
            "<media media-type='image'><media-reference source='https://x.example/i.jpg' alternate-text='t' width='4'/>\
             <media-caption>c <em>d</em></media-caption></media>",
            "<figure><img src='https://x.example/i.jpg' alt=t width=4><figcaption>c <i>d</i></figcaption></figure>",
        ),
        (
            "<media media-type='data'><media-reference source='https://x.example/d.csv'/><media-caption>c</media-caption></media>",
            "<p><a href='https://x.example/d.csv'>c</a></p>",
        ),
        (" ", "A"),
    ] {
        assert_eq!(body(nitf), html::parse(as_html), "{nitf}");
    }
}

/// Whose a picture is decides whether it may leave.
#[test]
fn a_picture_is_somebody_elses_when_anything_says_so() {
    let photo = |reference: &str, more: &str| {
        let media = format!(
            "<media media-type='image'><media-reference source='https://x.example/a.jpg' {reference}/>{more}</media>"
        );
        let article = read(&document(ID, "<hl1>H</hl1>", &format!("<p>B</p>{media}"))).unwrap();
        article.media.first().map(|photo| (photo.holder.clone(), photo.credit.clone()))
    };
    let is = |holder: Option<&str>, credit: &str| Some((holder.map(str::to_owned), Some(credit.to_owned())));
    assert_eq!(photo("", ""), None, "one of which nothing is said stays in the text");
    assert_eq!(photo("source-credit='Lena Ortiz'", ""), is(None, "Lena Ortiz"));
    assert_eq!(
        photo("source-credit='Lena Ortiz/Bay Pictures'", ""),
        is(Some("Bay Pictures"), "Lena Ortiz/Bay Pictures")
    );
    let produced = "<media-producer>Lena Ortiz / Bay Pictures</media-producer>";
    assert_eq!(photo("source-credit='x'", produced), is(Some("Bay Pictures"), "Lena Ortiz / Bay Pictures"));
    assert_eq!(photo("source-credit='L/B' copyright='© 2026 HPNF'", ""), is(Some("HPNF"), "L/B"));
    assert_eq!(photo("copyright='Bay'", ""), Some((Some("Bay".to_owned()), None)));
}

#[test]
fn the_end_closes_the_text_unless_it_is_said_already() {
    let ended = |end: &str| {
        let document = document(&format!("{ID}<ed-msg info='For editors'/>"), "<hl1>H</hl1>", "<p>B. Terms.</p>");
        let document = document.replace("</body>", &format!("<body.end>{end}</body.end></body>"));
        read(&document).unwrap().body.text()
    };
    assert_eq!(ended("<tagline>More at <a href='https://x.example/'>x</a></tagline>"), "B. Terms.\nMore at x");
    assert_eq!(ended("<tagline>Terms.</tagline><bibliography>Book</bibliography>"), "B. Terms.\nBook");
    assert_eq!(ended("<tagline>For editors</tagline>"), "B. Terms.");
    assert_eq!(ended("<tagline type='npa'>Desk only</tagline>"), "B. Terms.");
}

#[test]
fn what_is_for_editors_never_enters_the_text() {
    let head = format!("{ID}<ed-msg info='one'/>");
    let notes = "<hl1>H</hl1><note noteclass='editorsnote' type='npa'><body.content><p>two</p></body.content></note>\
                 <note noteclass='cpyrt' type='pa'><body.content><p>© X</p></body.content></note>";
    let article =
        read(&document(&head, notes, "<p>B</p><note type='npa'><body.content><p>three</p></body.content></note>"))
            .unwrap();
    assert_eq!(article.editor_note.as_deref(), Some("one\ntwo\nthree"));
    assert_eq!(article.copyright_notice.as_deref(), Some("© X"));
    assert_eq!(article.body.text(), "B");
    let corrected = super::tests::article("<correction info='The name.'/><ed-msg info='The name. Was Lee.'/>");
    assert_eq!((corrected.notice.as_deref(), corrected.editor_note.as_deref()), (Some("The name."), Some("Was Lee.")));
}

#[test]
fn a_story_without_text_is_refused() {
    insta::assert_snapshot!(read(&document(ID, "<hl1>H</hl1>", "<media media-type='image'/>")).unwrap_err(), @"body.content: holds no text, nor does an abstract; a story to publish needs some (line 1, column 1) (read as NITF)");
    insta::assert_snapshot!(refused(&format!("{ID}<key-list>{}</key-list>", "<keyword key='k'/>".repeat(1001))), @"keyword: stands here 1001 times; at most 1000 are taken (line 2, column 18065) (read as NITF)");
}

#[test]
fn a_body_without_its_content_element_is_read() {
    let document =
        format!("<nitf><head>{ID}</head><body><body.head><hl1>H</hl1></body.head><p>a</p><p>b</p></body></nitf>");
    assert_eq!(read(&document).unwrap().body.text(), "a\nb");
}

/// Each of these would take minutes if the work grew faster than the input.
#[test]
fn nothing_grows_faster_than_the_input() {
    let head = |part: &str| document(&format!("{ID}{}", part.repeat(100_000)), "<hl1>H</hl1>", "<p>B</p>");
    for part in
        ["<docdata/>", "<meta name='x'/>", "<ed-msg info='x'/>", "<date.issue norm='x'/>", "<byline/>", "<note/>"]
    {
        let _ = read(&head(part));
    }
    for part in ["<p>x</p>", "<media/>", "<note type='npa'>x</note>", "<em><b><i>x</i></b></em>", "<table/>", "<frac/>"]
    {
        let _ = read(&document(ID, "<hl1>H</hl1>", &part.repeat(60_000)));
    }
    let deep = ["block", "bq", "ul", "li", "em", "table", "note", "unknown"].map(|name| (name, 180));
    for (name, times) in deep {
        let content = format!("{}x{}", format!("<{name}>").repeat(times), format!("</{name}>").repeat(times));
        assert_eq!(body(&content).text().trim(), "x", "{name}");
    }
    let ends = format!("<body.end>{}</body.end></body>", "<tagline>x y</tagline>".repeat(50_000));
    let long = document(ID, "<hl1>H</hl1>", &"<p>x</p>".repeat(50_000)).replace("</body>", &ends);
    assert!(read(&long).unwrap_err().to_string().starts_with("body.end: has more than 100 parts"));
}
