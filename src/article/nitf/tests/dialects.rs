//! One document in the manner of each of several agencies and systems, written for these tests. Everything in them is
//! invented; what is theirs is which elements they use, where, and how.

use crate::article::body::inline_text;
use crate::article::{Action, Article, Block, WireId, decode};

fn read(bytes: &[u8], content_type: Option<&str>) -> Article {
    decode(bytes, content_type, &WireId::new("hpnf")).unwrap_or_else(|why| panic!("{why}"))
}

/// Every field that is there, one a line.
fn listed(article: &Article) -> String {
    let value = serde_json::to_value(article).unwrap();
    let fields = value
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, value)| !value.is_null() && !value.as_array().is_some_and(Vec::is_empty));
    let line = |(key, value): (&String, &serde_json::Value)| match key.as_str() {
        "body" => format!("body: {:?}", article.body.text()),
        _ => format!("{key}: {value}"),
    };
    fields.map(line).collect::<Vec<_>>().join("\n")
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

/// No namespace, an id only beside it, the dateline once more in the first paragraph, `hl1` with an id.
#[test]
fn in_the_manner_of_ap() {
    let document = r#"<?xml version="1.0" encoding="utf-8"?>
<nitf version="-//IPTC//DTD NITF 3.4//EN" change.date="October 18, 2006" change.time="19:30" baselang="en-US">
 <head>
  <docdata management-status="usable">
   <doc-id regsrc="AP" id-string="tag:ap.example,2026:3f1c"/>
   <date.issue norm="20261124T101500Z"/>
   <ed-msg info="Eds: CORRECTS vote count to 7-2. With AP Photos."/>
   <doc.rights owner="AP" agent="AP" limitations="No use in print before Friday." geography="Not in Norway"/>
   <doc.copyright holder="AP" year="2026"/>
   <du-key key="BC-US--Ferry Vote, 2nd Ld-Writethru" version="2"/>
   <identified-content><classifier type="apcategorycode" value="f"/><location location-code="US-ME" code-source="ISO3166-2">Maine</location></identified-content>
  </docdata>
 </head>
 <body>
  <body.head>
   <hedline><hl1 id="headline">Council votes to reopen ferry</hl1><hl2 id="originalHeadline">Ferry vote</hl2></hedline>
   <byline>By ADA QUILL<byttl>AP Business Writer</byttl></byline>
   <distributor>The Associated Press</distributor>
   <dateline><location>PORT AREN, Maine</location></dateline>
  </body.head>
  <body.content>
   <block id="Main"><p>PORT AREN, Maine (AP) _ The council voted 7-2.</p><hl2>What next</hl2><p>A tender.</p></block>
  </body.content>
  <body.end/>
 </body>
</nitf>"#;
    insta::assert_snapshot!(listed(&read(document.as_bytes(), Some("application/nitf+xml"))), @r#"
action: "correct"
body: "PORT AREN, Maine (AP) _ The council voted 7-2.\nWhat next\nA tender."
byline: "By ADA QUILL, AP Business Writer"
copyright_holder: "AP"
dateline: "PORT AREN, Maine"
editor_note: "Eds: CORRECTS vote count to 7-2. With AP Photos."
guid: "tag:ap.example,2026:3f1c"
headline: "Council votes to reopen ferry"
language: "en-US"
places: [{"code":"US-ME","name":"Maine","scheme":"ISO3166-2"}]
sections: ["f"]
slugline: "BC-US--Ferry Vote, 2nd Ld-Writethru"
urgency: 5
usage_terms: "No use in print before Friday. Geography: Not in Norway."
version: 2
versioned: "2026-11-24T10:15:00Z"
wire: "hpnf"
"#);
}

/// ASCII, metas for everything, the abstract before the byline and without a paragraph, the number of a story in dots.
#[test]
fn in_the_manner_of_aap() {
    let document = "<?xml version=\"1.0\" encoding=\"US-ASCII\"?>\n<nitf>\n<head><title>Ferry vote</title>\
<meta name=\"anpa-sequence\" content=\"4711\"/><meta name=\"anpa-category\" content=\"f\"/>\
<meta name=\"anpa-format\" content=\"x\"/><meta name=\"anpa-keyword\" content=\"Ferry\"/>\
<tobject tobject.type=\"news\"><tobject.property tobject.property.type=\"Current\"/>\
<tobject.subject tobject.subject.refnum=\"11000000\" tobject.subject.type=\"Politics\" tobject.subject.matter=\"Councils\"/></tobject>\
<docdata><doc-id id-string=\"AAP.20261124.4711\" regsrc=\"AAP\"/><urgency ed-urg=\"3\"/><date.issue norm=\"20261124T211500\"/>\
<date.release norm=\"20261124T211500\"/><date.expire norm=\"20270101T000000\"/><du-key key=\"Ferry\" version=\"1\"/>\
<doc.copyright year=\"2026\" holder=\"AAP\"/><doc.rights type=\"AAP boilerplate\" limitations=\"For AAP subscribers &amp; nobody else\"/>\
<key-list><keyword key=\"Ferry\"/></key-list></docdata></head>\
<body><body.head><hedline><hl1>Ferry to sail again &#8212; council</hl1></hedline><abstract>The council said yes.</abstract>\
<byline>By Ada Quill</byline><dateline><location>PORT AREN</location></dateline></body.head>\
<body.content><p>The council said yes on Tuesday.</p><p>The caf&#233; at the pier stays &hellip;</p></body.content>\
<body.end><tagline>AAP aq/jo</tagline></body.end></body></nitf>";
    insta::assert_snapshot!(listed(&read(document.as_bytes(), None)), @r#"
action: "publish"
body: "The council said yes on Tuesday.\nThe café at the pier stays …\nAAP aq/jo"
byline: "By Ada Quill"
copyright_holder: "AAP"
dateline: "PORT AREN"
expires: "2026-12-31T10:00:00Z"
genres: [{"code":null,"name":"Current","scheme":null}]
guid: "urn:nitf:AAP:AAP.20261124.4711"
headline: "Ferry to sail again — council"
keywords: ["Ferry"]
sections: ["f"]
slugline: "Ferry"
subjects: [{"code":"11000000","name":"Councils","scheme":"subj"}]
summary: "The council said yes."
urgency: 3
usage_terms: "For AAP subscribers & nobody else"
version: 1
versioned: "2026-11-24T21:15:00Z"
wire: "hpnf"
"#);
}

/// ISO-8859-1, a DOCTYPE, the embargo three times over, a slug for a key.
#[test]
fn in_the_manner_of_pa() {
    let document = latin1(
        "<?xml version=\"1.0\" encoding=\"iso-8859-1\"?>\n<!DOCTYPE nitf SYSTEM \"nitf-3-4.dtd\">\n\
<nitf version=\"-//IPTC//DTD NITF 3.4//EN\"><head><meta name=\"service\" content=\"General\"/><meta name=\"category\" content=\"HHH\"/>\
<docdata management-status=\"embargoed\"><evloc city=\"Bar\u{e9}ge\" iso-cc=\"GB\"/>\
<doc-id id-string=\"3f1c8a00-0000-4000-8000-000000000000-HHH\" regsrc=\"PA\"/><urgency ed-urg=\"4\"/>\
<date.issue norm=\"20261124T101500+0000\"/><date.release norm=\"20261125T000100+0000\"/>\
<ed-msg info=\"Embargoed to 0001 Wednesday November 25\"/><du-key key=\"PA-HHH-POLITICS-Ferry\" version=\"2\"/>\
<doc-scope scope=\"UK\"/><series series.name=\"Ferries\" series.part=\"1\" series.totalpart=\"3\"/>\
<key-list><keyword key=\"Ferry\"/></key-list><del-list><from-src src-name=\"PA\"/></del-list></docdata></head>\
<body><body.head><hedline><hl1>COUNCIL \u{93}YES\u{94} TO FERRY \u{96} \u{a3}4</hl1></hedline><byline>By Benjamin Wright, Press Association</byline>\
</body.head><body.content><p>The caf\u{e9} stays.</p></body.content></body></nitf>",
    );
    insta::assert_snapshot!(listed(&read(&document, Some("text/xml"))), @r#"
action: "update"
body: "The café stays."
byline: "By Benjamin Wright, Press Association"
editor_note: "Embargoed to 0001 Wednesday November 25"
embargo: "2026-11-25T00:01:00Z"
guid: "urn:nitf:PA:3f1c8a00-0000-4000-8000-000000000000-HHH"
headline: "COUNCIL “YES” TO FERRY – £4"
keywords: ["Ferry","Ferries"]
places: [{"code":null,"name":"Barége, GB","scheme":null}]
sections: ["HHH"]
slugline: "PA-HHH-POLITICS-Ferry"
urgency: 4
version: 2
versioned: "2026-11-24T10:15:00Z"
wire: "hpnf"
"#);
}

/// ISO-8859-15 or -1, extended dates without a zone, the version in the id, the picture by the number that only the
/// agency's own systems know.
#[test]
fn in_the_manner_of_ntb() {
    let document = latin1(
        "<?xml version=\"1.0\" encoding=\"iso-8859-15\"?>\n<nitf version=\"-//IPTC//DTD NITF 3.2//EN\" change.date=\"x\"><head>\
<title>Ferje</title><meta name=\"NTBTjeneste\" content=\"Nyhetstjenesten\"/><meta name=\"NTBStikkord\" content=\"ferje\"/>\
<tobject tobject.type=\"Innenriks\"><tobject.property tobject.property.type=\"Nyheter\"/>\
<tobject.subject tobject.subject.refnum=\"medtop:20000621\" tobject.subject.matter=\"Regjering\"/></tobject>\
<docdata><evloc state-prov=\"Norge\" county-dist=\"Vestland\"/><doc-id regsrc=\"NTB\" id-string=\"NTB3f1c8a00-47_02\"/><urgency ed-urg=\"5\"/>\
<date.issue norm=\"2026-11-24T11:15:00\"/><ed-msg info=\"Til redaksjonen\"/><du-key version=\"3\" key=\"ferje\"/>\
<doc.copyright year=\"2026\" holder=\"NTB\"/><key-list><keyword key=\"ferje\"/></key-list></docdata>\
<pubdata date.publication=\"20261124T111500\" item-length=\"70\" unit-of-measure=\"character\"/></head>\
<body><body.head><hedline><hl1>Ferjen g\u{e5}r igjen for 4 \u{a4}</hl1></hedline><distributor><org>NTB</org></distributor></body.head>\
<body.content><p lede=\"true\">Bystyret sa ja.</p><p class=\"txt-ind\">Ferjen g\u{e5}r i mai.</p>\
<media media-type=\"image\"><media-reference mime-type=\"image/jpeg\" source=\"aB3dE\"/><media-caption>Ferjen. Foto: Lena Ortiz / NTB</media-caption></media>\
</body.content><body.end><tagline><a href=\"mailto:ada.quill@ntb.example\">ada.quill@ntb.example</a></tagline></body.end></body></nitf>",
    );
    insta::assert_snapshot!(listed(&read(&document, Some("application/xml"))), @r#"
action: "update"
body: "Bystyret sa ja.\nFerjen går i mai.\nada.quill@ntb.example"
copyright_holder: "NTB"
editor_note: "Til redaksjonen"
genres: [{"code":null,"name":"Nyheter","scheme":null}]
guid: "urn:nitf:NTB:NTB3f1c8a00-47"
headline: "Ferjen går igjen for 4 €"
keywords: ["ferje"]
media: [{"alt":null,"caption":"Ferjen. Foto: Lena Ortiz / NTB","copyright_notice":null,"credit":null,"headline":null,"holder":null,"kind":"picture","renditions":[],"uri":"aB3dE","usage_terms":null}]
places: [{"code":null,"name":"Vestland, Norge","scheme":null}]
slugline: "ferje"
subjects: [{"code":"20000621","name":"Regjering","scheme":"medtop"}]
urgency: 5
version: 3
versioned: "2026-11-24T11:15:00Z"
wire: "hpnf"
"#);
}

/// The schema broken in every way at once: elements in wrong places, HTML for NITF, the note in the tagline.
#[test]
fn in_the_manner_of_superdesk() {
    let document = r#"<?xml version='1.0' encoding='utf-8'?>
<nitf><head><docdata management-status="usable"><urgency ed-urg="3" /><doc-id regsrc="superdesk" id-string="urn:newsml:localhost:2026-11-24T10:15:00.123456:3f1c8a00-0000-4000-8000-000000000000" />
<date.issue norm="20261124T101500+0000" /><ed-msg info="Eds: note" /><du-key version="4" key="ferry" /></docdata>
<key-list><keyword key="ferry" /></key-list><tobject><tobject.subject tobject.subject.refnum="20000621" tobject.subject.ipr="IPTC" tobject.subject.type="government"/></tobject></head>
<body><body.head><hedline><hl1>Ferry <em>to</em> sail</hl1></hedline><org>Harbor Press</org><byline>Ada Quill</byline><dateline><location><city>Port Aren</city></location></dateline>
<abstract><p>Yes.</p></abstract></body.head>
<body.content><p>CO<sub>2</sub> is <b>down</b>.</p><h3>Next</h3><div><p>A tender.</p></div><bq><p>We promised.</p></bq><ul><li>One</li></ul><script>alert(1)</script></body.content>
<body.end><tagline>Eds: note</tagline></body.end></body></nitf>"#;
    let article = read(document.as_bytes(), None);
    insta::assert_snapshot!(listed(&article), @r#"
action: "update"
body: "CO2 is down.\nNext\nA tender.\nWe promised.\nOne"
byline: "Ada Quill"
dateline: "Port Aren"
editor_note: "Eds: note"
guid: "urn:newsml:localhost:2026-11-24T10:15:00.123456:3f1c8a00-0000-4000-8000-000000000000"
headline: "Ferry to sail"
keywords: ["ferry"]
slugline: "ferry"
subjects: [{"code":"20000621","name":"government","scheme":"medtop"}]
summary: "Yes."
urgency: 3
version: 4
versioned: "2026-11-24T10:15:00Z"
wire: "hpnf"
"#);
    assert!(matches!(article.body.blocks[3], Block::Quote(_)));
}

/// A newsroom system that marks up who wrote it and whose the picture is.
#[test]
fn with_everything_marked_up() {
    let document = r#"<nitf xmlns="http://iptc.org/std/NITF/2006-10-18/" uno="urn:x:ferry:5"><head><docdata management-status="withheld" management-doc-idref="urn:x:ferry:4" management-idref-status="canceled"><doc-id id-string="urn:x:ferry"/></docdata></head>
<body><body.head><byline>Av <person><name.given>Ada</name.given><name.family>Quill</name.family></person><byttl>Transport Reporter, <org>Gull Island Post</org></byttl></byline></body.head>
<body.content><media media-type="image"><media-reference source="https://x.example/a.jpg" copyright="© 2026 Bay Pictures" width="10" height="5"/><media-caption>At the pier (Lena Ortiz)</media-caption><media-producer>Lena Ortiz</media-producer></media>
<media media-type="image"><media-reference source="https://x.example/b.jpg"/><media-caption>Plain</media-caption></media></body.content></body></nitf>"#;
    let article = read(document.as_bytes(), None);
    assert_eq!((article.action, article.version.get()), (Action::Withhold, 5));
    let author = &article.authors[0];
    assert_eq!(author.name, "Ada Quill");
    assert_eq!(
        (author.role.as_deref(), author.affiliation.as_deref()),
        (Some("Transport Reporter"), Some("Gull Island Post"))
    );
    assert_eq!(article.byline.as_deref(), Some("Av Ada Quill, Transport Reporter, Gull Island Post"));
    let [photo] = &article.media[..] else { panic!("{:#?}", article.media) };
    assert_eq!((photo.holder.as_deref(), photo.credit.as_deref()), (Some("Bay Pictures"), Some("Lena Ortiz")));
    assert_eq!(photo.caption.as_deref(), Some("At the pier"));
    let [Block::Image(image)] = &article.body.blocks[..] else { panic!("{:#?}", article.body) };
    let mut caption = String::new();
    inline_text(&image.caption, &mut caption);
    assert_eq!((image.src.as_str(), caption.as_str()), ("https://x.example/b.jpg", "Plain"));
}
