//! What NewsML-G2 becomes. That nothing panics is tried with NITF's documents, see `nitf::tests::properties`.

use crate::article::{Action, Article, DecodeError, WireId, decode, html};

fn read(document: &str) -> Result<Article, DecodeError> {
    decode(document.as_bytes(), Some("application/vnd.iptc.g2.newsitem+xml"), &WireId::new("hpnf"))
}

const XHTML: &str = "<inlineXML contenttype='application/xhtml+xml'><html xmlns='http://www.w3.org/1999/xhtml'>\
                     <head><title>T</title></head><body><p>B</p></body></html></inlineXML>";

fn item(attributes: &str, item_meta: &str, content_meta: &str, content: &str) -> String {
    format!(
        "<newsItem xmlns='http://iptc.org/std/nar/2006-10-01/' guid='urn:x:1' {attributes}>\n<itemMeta>{item_meta}</itemMeta>\n\
         <contentMeta>{content_meta}</contentMeta><contentSet>{content}</contentSet></newsItem>"
    )
}

fn article(attributes: &str, item_meta: &str, content_meta: &str) -> Article {
    let document = item(attributes, item_meta, &format!("<headline>H</headline>{content_meta}"), XHTML);
    read(&document).unwrap_or_else(|why| panic!("{document}: {why}"))
}

fn refused(attributes: &str, item_meta: &str, content_meta: &str) -> String {
    let document = item(attributes, item_meta, &format!("<headline>H</headline>{content_meta}"), XHTML);
    read(&document).unwrap_err().to_string()
}

fn with_content(content: &str) -> Article {
    read(&item("", "", "<headline>H</headline>", content)).unwrap_or_else(|why| panic!("{content}: {why}"))
}

#[test]
fn the_invented_story() {
    let Some(document) = crate::article::samples::sample("formats/newsml-g2-2.35-article.xml") else { return };
    let document = String::from_utf8(document).unwrap();
    for document in [document.clone(), in_a_message(&document)] {
        let article = read(&document).unwrap();
        assert_eq!(article.guid.as_str(), "urn:newsml:wire.example.org:20261124:ferry-vote");
        assert_eq!((article.version.get(), article.action, article.urgency.get()), (3, Action::Correct, 4));
        assert_eq!(article.headline, "Harbor council votes to reopen ferry line");
        assert_eq!(article.subheadline.as_deref(), Some("Service to Gull Island returns"));
        assert_eq!(
            article.summary.as_deref(),
            Some("The Port Aren council voted 7-2 to reopen the Gull Island ferry.")
        );
        assert_eq!(article.byline.as_deref(), Some("Ada Quill, Transport Reporter, Harbor Press News Foundation"));
        assert_eq!(article.authors[0].name, "Ada Quill");
        assert_eq!(article.authors[0].uri.as_deref(), Some("https://wire.example.org/authors/77"));
        assert_eq!(article.dateline.as_deref(), Some("PORT AREN, Maine, Nov. 24"));
        assert_eq!(article.language.as_deref(), Some("en-US"));
        assert_eq!(article.slugline.as_deref(), Some("US-FERRY-VOTE"));
        assert_eq!(article.subjects[0].qcode().as_deref(), Some("medtop:11000000"));
        assert_eq!(article.subjects[0].name.as_deref(), Some("politics"));
        assert_eq!(article.genres[0].qcode().as_deref(), Some("genre:Current"));
        assert_eq!(article.places[0].name.as_deref(), Some("Port Aren"));
        assert_eq!(article.keywords, ["ferries"]);
        assert_eq!(article.embargo, "2026-11-24T12:00:00Z".parse().ok());
        assert_eq!(article.created, "2026-11-24T10:15:00Z".parse().ok());
        assert_eq!(article.versioned, "2026-11-24T11:10:00Z".parse().ok());
        assert_eq!(article.copyright_holder.as_deref(), Some("Harbor Press News Foundation"));
        assert_eq!(article.copyright_notice.as_deref(), Some("© 2026 Harbor Press News Foundation"));
        assert!(article.usage_terms.unwrap().starts_with("Free to republish"));
        assert!(article.editor_note.unwrap().starts_with("Eds: CORRECTS"));
        assert_eq!(article.body, html::parse("<p>The Port Aren Harbor Council voted 7-2 on Tuesday.</p>"));
    }
}

fn in_a_message(item: &str) -> String {
    let item = item.trim_start_matches("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    format!(
        "<newsMessage xmlns='http://iptc.org/std/nar/2006-10-01/'><header><sent/></header><itemSet>{item}</itemSet></newsMessage>"
    )
}

#[test]
fn a_message_holds_one_item() {
    let one = item("", "", "<headline>H</headline>", XHTML);
    assert_eq!(read(&in_a_message(&one)).unwrap().headline, "H");
    let said = |items: &str| read(&in_a_message(items)).unwrap_err().to_string();
    insta::assert_snapshot!(said(&one.repeat(2)), @"newsItem: is one of 2 items; send each in a message of its own (line 3, column 245) (read as NewsML-G2)");
    insta::assert_snapshot!(said(""), @"newsMessage: has no item in its itemSet; send one newsItem (line 1, column 1) (read as NewsML-G2)");
    insta::assert_snapshot!(said("<packageItem/>"), @"packageItem: is not taken; this daemon carries news items with a story's text (line 1, column 91) (read as NewsML-G2)");
    insta::assert_snapshot!(read("<conceptItem/>").unwrap_err(), @"conceptItem: is not taken: this daemon carries stories, and a conceptItem is none; send the newsItem (line 1, column 1) (read as NewsML-G2)");
}

#[test]
fn the_action_follows_the_status_the_signal_and_the_version() {
    for (attributes, meta, action) in [
        ("", "", Action::Publish),
        ("version='1'", "<pubStatus qcode='stat:usable'/>", Action::Publish),
        ("version='2'", "", Action::Update),
        ("version='2'", "<pubStatus qcode='stat:canceled'/><signal qcode='sig:correction'/>", Action::Kill),
        ("version='2'", "<pubStatus uri='http://cv.iptc.org/newscodes/pubstatusg2/canceled'/>", Action::Kill),
        ("version='2'", "<pubStatus qcode='stat:withheld'/>", Action::Withhold),
        ("version='2'", "<signal qcode='sig:update'/>", Action::Update),
        ("version='1'", "<signal qcode='sig:correction'/>", Action::Correct),
        ("version='2'", "<signal uri='http://cv.iptc.org/newscodes/signal/correction'/>", Action::Correct),
        ("version='2'", "<edNote>Eds: CORRECTS name</edNote>", Action::Correct),
    ] {
        assert_eq!(article(attributes, meta, "").action, action, "{attributes} {meta}");
    }
    insta::assert_snapshot!(refused("", "<pubStatus qcode='stat:gone'/>", ""), @r#"pubStatus: unknown status "gone"; use stat:usable, stat:withheld or stat:canceled (line 2, column 11) (read as NewsML-G2)"#);
    insta::assert_snapshot!(refused("", "<pubStatus qcode='stat:canceled'/>", ""), @"newsItem@version: is missing; to kill a story takes a version above the one that is out (line 1, column 1) (read as NewsML-G2)");
    insta::assert_snapshot!(refused("version='1.2'", "", ""), @r#"newsItem@version: the version "1.2" is not a whole number; a version is a whole number that grows with every change of the story (line 1, column 1) (read as NewsML-G2)"#);
    insta::assert_snapshot!(refused("", "<itemClass qcode='ninat:picture'/>", ""), @r#"itemClass: "picture" is not taken: this daemon carries stories' texts (line 2, column 11) (read as NewsML-G2)"#);
    insta::assert_snapshot!(read("<newsItem/>").unwrap_err(), @"newsItem@guid: is missing; a story needs a URI that stays the same for all of its versions (line 1, column 1) (read as NewsML-G2)");
    assert!(
        read("<newsItem guid='4711'/>").unwrap_err().to_string().starts_with("newsItem@guid: the guid \"4711\" is not")
    );
}

#[test]
fn a_kill_is_taken_whatever_else_is_wrong_with_it() {
    let meta = "<itemClass qcode='ninat:text'/><embargoed/><pubStatus qcode='stat:canceled'/><edNote>Wrong.</edNote>";
    let kill = read(&item("version='4'", meta, "<urgency>high</urgency>", "")).unwrap();
    assert_eq!((kill.action, kill.headline.as_str()), (Action::Kill, "urn:x:1"));
    assert_eq!((kill.notice, kill.editor_note.as_deref()), (None, Some("Wrong.")));
}

#[test]
fn times_that_decide_are_understood_or_refused() {
    let story = article("", "<embargoed>2026-11-24T12:00:00+01:00</embargoed>", "<expires>2026-11-27</expires>");
    assert_eq!(story.embargo, "2026-11-24T11:00:00Z".parse().ok());
    assert_eq!(story.expires, "2026-11-26T10:00:00Z".parse().ok(), "a day without a zone begins first in the east");
    insta::assert_snapshot!(refused("", "<embargoed/>", ""), @"embargoed: is empty; leave it out, or say when (line 2, column 11) (read as NewsML-G2)");
    insta::assert_snapshot!(refused("", "<embargoed>noon</embargoed>", ""), @r#"embargoed: "noon" is not a time; write it as ISO 8601 does: "2026-11-24T12:00:00Z" (line 2, column 11) (read as NewsML-G2)"#);
    insta::assert_snapshot!(refused("", "", "<urgency>high</urgency>"), @r#"urgency: "high" is not a number; give 1 (flash) to 9, or leave it out (line 3, column 36) (read as NewsML-G2)"#);
}

#[test]
fn of_several_rights_the_first_to_end_says_how_long_a_story_may_be_kept() {
    let until = |rights: &str| {
        let document =
            item("", "", "<headline>H</headline>", XHTML).replacen("<itemMeta>", &format!("{rights}<itemMeta>"), 1);
        read(&document).map(|story| story.rights_until.map(|at| at.to_string()))
    };
    let (one, other) = ("<rightsInfo validto='2026-12-24T13:00:00+01:00'/>", "<rightsInfo validto='2027-01-01'/>");
    assert_eq!(until(&format!("<rightsInfo/>{other}{one}")).unwrap().unwrap(), "2026-12-24T12:00:00Z");
    assert_eq!(until(other).unwrap().unwrap(), "2026-12-31T10:00:00Z", "a day without a zone begins first in the east");
    let picture = "<rightsInfo idrefs='p1' validto='2026-12-01T00:00:00Z'/>";
    assert_eq!(until(&format!("{picture}{one}")).unwrap().unwrap(), "2026-12-24T12:00:00Z", "a picture's are its own");
    assert_eq!(until("<rightsInfo/>").unwrap(), None);
    insta::assert_snapshot!(until("<rightsInfo validto='spring'/>").unwrap_err(), @r#"rightsInfo@validto: "spring" is not a time; write it as ISO 8601 does: "2026-11-24T12:00:00Z" (line 2, column 1) (read as NewsML-G2)"#);
}

#[test]
fn terms_are_read_by_their_alias_their_uri_or_their_word() {
    let terms = |term: &str| {
        let concept = article("", "", term).subjects.remove(0);
        format!("{} {}", concept.qcode().unwrap_or("-".into()), concept.name.unwrap_or("-".into()))
    };
    for (term, want) in [
        ("<subject qcode='medtop:11000000'><name>politics</name></subject>", "medtop:11000000 politics"),
        ("<subject qcode='subj:04000000'/>", "subj:04000000 -"),
        ("<subject qcode='own:a:b'/>", "own:a:b -"),
        ("<subject uri='http://cv.iptc.org/newscodes/mediatopic/11000000'/>", "medtop:11000000 -"),
        (
            "<subject literal='ferry'><name xml:lang='en'>Ferry</name><name xml:lang='de'>F\u{e4}hre</name></subject>",
            "ferry Ferry",
        ),
        ("<subject><name>Ferry</name></subject>", "- Ferry"),
    ] {
        assert_eq!(terms(term), want, "{term}");
    }
    let story = article(
        "",
        "",
        "<subject type='cpnat:geoArea' qcode='geo:1'/><subject qcode='medtop:1'/><located qcode='city:2'><name>Oslo</name></located>",
    );
    assert_eq!((story.subjects.len(), story.places.len(), story.dateline.as_deref()), (1, 2, Some("Oslo")));
    assert!(refused("", "", &"<keyword>k</keyword>".repeat(1001)).contains("at most 1000"));
}

#[test]
fn organisations_are_no_authors() {
    let creators = "<creator type='cpnat:organisation'><name>HPNF</name></creator><creator qcode='p:1'><name>Ada Quill</name>\
                    <personDetails><affiliation><name>Gull Island Post</name></affiliation></personDetails></creator>";
    let story = article("", "", creators);
    assert_eq!(story.authors.len(), 1);
    assert_eq!(
        (story.authors[0].name.as_str(), story.authors[0].affiliation.as_deref()),
        ("Ada Quill", Some("Gull Island Post"))
    );
}

#[test]
fn the_text_is_the_best_that_there_is() {
    let plain = "<inlineData contenttype='text/plain'>one\n\ntwo</inlineData>";
    let marked = "<inlineData contenttype='text/html'><![CDATA[<p>caf&eacute; <b>x</b></p>]]></inlineData>";
    for (content, as_html) in [
        (plain.to_owned(), "<p>one</p><p>two</p>"),
        (format!("{plain}{marked}"), "<p>caf\u{e9} <b>x</b></p>"),
        (format!("{plain}{marked}{XHTML}"), "<p>B</p>"),
        (format!("<inlineXML><html/></inlineXML>{plain}"), "<p>one</p><p>two</p>"),
        (format!("<inlineData encoding='base64'>QUJD</inlineData>{plain}"), "<p>one</p><p>two</p>"),
    ] {
        assert_eq!(with_content(&content).body, html::parse(as_html), "{content}");
    }
    let short = read(&item(
        "",
        "",
        "<headline>H</headline><description role='drol:caption'>C</description><description>D</description>",
        "",
    ));
    assert_eq!(short.unwrap().body.text(), "D");
    assert_eq!(article("", "", "<description role='drol:caption'>C</description>").summary, None, "of a picture");
    insta::assert_snapshot!(read(&item("", "", "<headline>H</headline>", "")).unwrap_err(), @"contentSet: holds no text, nor does a description; a story to publish needs some (line 3, column 50) (read as NewsML-G2)");
    insta::assert_snapshot!(read(&item("", "", "", XHTML)).unwrap_err(), @"headline: is missing, and there is neither a title nor a slugline in its place (line 1, column 1) (read as NewsML-G2)");
}

#[test]
fn an_inner_nitf_fills_what_the_item_leaves_open() {
    let nitf = "<inlineXML contenttype='application/nitf+xml'><nitf xmlns='http://iptc.org/std/NITF/2006-10-18/'><body><body.head>\
                <hedline><hl1>Inner</hl1><hl2>Sub</hl2></hedline><byline>By <person>Ada Quill</person></byline>\
                <dateline><location>OSLO</location></dateline><abstract><p>A</p></abstract></body.head><body.content>\
                <p>x <em class='bold'>y</em></p><media media-type='image'><media-reference source='https://x.example/a.jpg' \
                copyright='Bay'/></media></body.content></body></nitf></inlineXML>";
    let story = read(&item("", "", "", nitf)).unwrap();
    assert_eq!((story.headline.as_str(), story.subheadline.as_deref()), ("Inner", Some("Sub")));
    assert_eq!((story.byline.as_deref(), story.authors.len()), (Some("By Ada Quill"), 1));
    assert_eq!((story.dateline.as_deref(), story.summary.as_deref()), (Some("OSLO"), Some("A")));
    assert_eq!(story.body, html::parse("<p>x <b>y</b></p>"));
    assert_eq!(story.media[0].holder.as_deref(), Some("Bay"));
    let outer = read(&item("", "", "<headline>Outer</headline><by>Jo Ray</by>", nitf)).unwrap();
    assert_eq!((outer.headline.as_str(), outer.byline.as_deref()), ("Outer", Some("Jo Ray")));
}

#[test]
fn files_elsewhere_become_media() {
    let files = "<remoteContent rendition='rnd:highRes' href='https://x.example/a.jpg' contenttype='image/jpeg' width='640' height='480'/>\
                 <remoteContent href='https://x.example/a.zip' contenttype='application/zip'/><remoteContent href='a.mp4' contenttype='video/mp4'/>";
    let story = read(&item(
        "",
        "<link rel='irel:seeAlso' href='https://x.example/b.mp3' contenttype='audio/mpeg'/><link rel='irel:canonical' href='https://x.example/1'/>",
        "<headline>H</headline>",
        &format!("{files}{XHTML}"),
    ))
    .unwrap();
    let list: Vec<_> = story
        .media
        .iter()
        .map(|it| (it.kind.as_str(), it.renditions[0].name.as_str(), it.renditions[0].width))
        .collect();
    assert_eq!(list, [("picture", "highRes", Some(640)), ("audio", "main", None)]);
    assert_eq!(story.canonical.as_deref(), Some("https://x.example/1"));
}
