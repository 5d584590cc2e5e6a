//! What XML becomes, and that nothing in it hurts.

use super::*;

fn root(text: &str) -> Element {
    Document::parse(text).unwrap_or_else(|why| panic!("{text}: {why}")).root
}

fn said(text: &str) -> String {
    Document::parse(text).err().unwrap_or_else(|| panic!("{text} was read")).to_string()
}

#[test]
fn names_have_no_prefix_and_text_is_what_the_references_say() {
    let element = root(
        "<?xml version='1.0'?>\n<!-- c --><n:a xmlns:n='urn:n' xml:lang=\"en\" b='1 &amp; &#x32;\n3&eacute;'>\
         x &lt;&#233;&nbsp;&hellip;<![CDATA[<y>&amp;]]>\r\nz<n:c/></n:a>",
    );
    assert_eq!((element.name.as_str(), element.attribute("xml:lang")), ("a", Some("en")));
    assert_eq!(element.attribute("b"), Some("1 & 2 3é"));
    assert!(matches!(&element.children[0], Node::Text(text) if text == "x <é\u{a0}…<y>&amp;\nz"), "{element:?}");
    assert_eq!(element.elements().next().unwrap().name, "c");
}

#[test]
fn elements_side_by_side_are_words_of_their_own() {
    let line = |text: &str| root(text).line().unwrap_or_default();
    assert_eq!(line("<a><b>Ada</b><c>Quill</c></a>"), "Ada Quill");
    assert_eq!(line("<a>in<b>Oslo</b>, <c>Norway</c>.</a>"), "inOslo, Norway.");
    assert_eq!(line("<a>\n <b> </b> </a>"), "");
}

#[test]
fn characters_that_xml_forbids_fall_away() {
    let element = root("<a b='x\u{1}y&#x2;z'>u\u{b}v&#11;&#xfffe;w</a>");
    assert_eq!(element.attribute("b"), Some("xyz"));
    assert_eq!(element.line().unwrap(), "uvw");
}

#[test]
fn a_document_type_is_passed_over_and_never_fetched() {
    for doctype in [
        "<!DOCTYPE nitf SYSTEM \"nitf-3-4.dtd\">",
        "<!DOCTYPE nitf PUBLIC \"-//IPTC//DTD NITF 3.4//EN\" 'http://127.0.0.1:1/nitf.dtd'>",
        "<!DOCTYPE nitf [<!ATTLIST p x CDATA 'y'> <!-- > ] --> ]>",
    ] {
        assert_eq!(
            root(&format!("<?xml version='1.0'?>{doctype}<nitf>x</nitf>")).line().as_deref(),
            Some("x"),
            "{doctype}"
        );
    }
}

#[test]
fn entities_of_its_own_refuse_a_document() {
    let mut laughs = String::from("<!DOCTYPE nitf [\n<!ENTITY a0 \"ha\">");
    for at in 1..20 {
        laughs.push_str(&format!("<!ENTITY a{at} \"{}\">", format!("&a{};", at - 1).repeat(10)));
    }
    laughs.push_str("]><nitf>&a19;</nitf>");
    insta::assert_snapshot!(said(&laughs), @"line 2, column 1: the DOCTYPE declares entities, which are not read here; write the text that they stand for in their place");
    for entity in ["<!ENTITY x SYSTEM 'file:///etc/passwd'>", "<!ENTITY % x SYSTEM 'http://127.0.0.1/'> %x;"] {
        assert!(said(&format!("<!DOCTYPE nitf [{entity}]><nitf>&x;</nitf>")).contains("declares entities"), "{entity}");
    }
}

#[test]
fn what_is_not_well_formed_is_told_with_its_place() {
    insta::assert_snapshot!(said("<a>\n<b>x</a>"), @"line 2, column 5: not well-formed XML: expected `</b>`, but `</a>` was found");
    insta::assert_snapshot!(said("<a>\n x & y</a>"), @r#"line 2, column 4: not well-formed XML: a bare "&"; write "&amp;""#);
    insta::assert_snapshot!(said("<a>\n<b c='AT&T'/></a>"), @r#"line 2, column 1: not well-formed XML: a bare "&"; write "&amp;""#);
    insta::assert_snapshot!(said("<a>&wire;</a>"), @"line 1, column 4: the entity &wire; is not known here; write the character itself");
    insta::assert_snapshot!(said("<a>\n<b>"), @"line 2, column 4: the XML is truncated: <b> is not closed");
    insta::assert_snapshot!(said("<a>\n<b c='"), @"line 2, column 1: the XML is truncated: attribute value not closed: `'` not found before end of input");
    insta::assert_snapshot!(said("<a/>\n<b/>"), @"line 2, column 1: a second root element; a document has one");
    insta::assert_snapshot!(said("<a/> x"), @"line 1, column 5: not well-formed XML: text outside of the root element");
    insta::assert_snapshot!(said("<?xml version='1.0'?>\n"), @"line 2, column 1: the document is empty; there is no element in it");
    insta::assert_snapshot!(said("<a b=c/>"), @r#"line 1, column 1: not well-formed XML: an attribute of this element: position 4: attribute value must be enclosed in `"` or `'`"#);
}

/// Each of these would take minutes, or all memory, if the work grew faster than the input.
#[test]
fn nothing_grows_faster_than_the_input() {
    assert!(said(&"<a>".repeat(1_000_000)).contains("elements nest deeper"));
    assert!(said(&format!("<a>{}</a>", "<b/>".repeat(1_000_000))).contains("more than 200000 elements"));
    let attributes: String = (0..200_000).map(|n| format!(" a{n}=''")).collect();
    assert!(said(&format!("<a{attributes}/>")).contains("more than 100 attributes"));
    let spaces: String = (0..200_000).map(|n| format!(" xmlns:a{n}='u'")).collect();
    assert!(said(&format!("<a{spaces}/>")).contains("more than 100 attributes"));
    root(&format!("<a>{}</a>", "&eacute;".repeat(500_000)));
    root(&format!("<a b='{}'/>", "&amp;".repeat(500_000)));
    root(&format!("<a>{}</a>", "x<!-- -->".repeat(200_000)));
    for part in ["<!--", "<![CDATA[", "<?", "<!DOCTYPE [", "&", "&#", "<", "<a b='", "]]>", "<!DOCTYPE a [<!--"] {
        let _ = Document::parse(&part.repeat(400_000 / part.len()));
        let _ = Document::parse(&format!("<a>{}", part.repeat(400_000 / part.len())));
    }
    let name = "x".repeat(1_000_000);
    assert!(said(&format!("<{name}></y>")).len() < 1_000, "a refusal is short whatever it is about");
}

proptest::proptest! {
    #[test]
    fn nothing_panics(text: String, markup in "[<>a/!?&;#x0-9'\"= \\[\\]-]{0,60}") {
        let _ = Document::parse(&text);
        let _ = Document::parse(&markup);
        let _ = Document::parse(&format!("<a>{markup}</a>"));
        let _ = Document::parse(&format!("<!DOCTYPE a [{markup}]><a/>"));
    }
}
