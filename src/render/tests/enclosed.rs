//! Files of media that go with a document: what it calls them, and what becomes of it when one is gone.

use proptest::prelude::*;

use super::schemas::assert_valid;
use super::*;
use crate::article::{MediaRendition, Version};
use crate::config::{MediaReference, MediaRule, MediaWay, MissingMedia};

/// The formats that may name a file by a name alone.
const NAMING: [Format; 4] = [Format::Json, Format::Nitf, Format::Html, Format::HtmlFragment];

fn edition(format: Format, refer: MediaReference) -> Edition {
    let media = MediaWay::Enclosed { refer, largest_width: None, missing: MissingMedia::Without };
    Edition { media, ..Edition::plain(format) }
}

/// A story with a picture of the wire's own, which its text shows too, and one of somebody else that needs its credit.
fn story() -> (Article, Wire) {
    let mut article = article();
    let (own, mut theirs) = (picture("pier", None), picture("gull", Some("Bay Pictures")));
    theirs.credit = Some("Sam Bay/Bay Pictures".into());
    let image = Image { src: own.renditions[0].href.clone(), alt: "A ferry".into(), ..Image::default() };
    article.body.blocks.insert(1, Block::Image(image));
    article.media = vec![own, theirs, picture("agency", Some("REUTERS"))];
    let credit = MediaRule { owner: Some("Bay*".into()), usage: None, keyword: None, policy: MediaUse::Credit };
    (article, Wire { media_rules: vec![credit], ..wire() })
}

fn made(article: &Article, wire: &Wire, edition: &Edition, gone: &[&str]) -> (String, Vec<MediaFile>) {
    let gone = gone.iter().map(|address| (*address).to_owned()).collect();
    let made = rendition_without(article, &own(wire.clone()), edition, &gone).unwrap_or_else(|flaw| panic!("{flaw}"));
    (String::from_utf8(made.document.bytes().to_vec()).unwrap(), made.media)
}

const PIER: &str = "https://cdn.harborpress.example/pier.jpg";
const GULL: &str = "https://cdn.harborpress.example/gull.jpg";

#[test]
fn a_document_names_its_files_and_only_those_that_are_the_wires_to_give() {
    let (article, wire) = story();
    for format in NAMING {
        let (text, files) = made(&article, &wire, &edition(format, MediaReference::Name), &[]);
        let addresses: Vec<&str> = files.iter().map(|file| file.address.as_str()).collect();
        assert_eq!(addresses, [PIER, GULL], "{format:?}");
        for file in &files {
            assert!(text.contains(&file.name), "{format:?} does not name {}:\n{text}", file.name);
            assert!(!text.contains(&file.address), "{format:?} names {}:\n{text}", file.address);
        }
        assert!(text.contains("Sam Bay/Bay Pictures"), "{format:?} has the credit");
        assert!(!text.contains("agency.jpg"), "{format:?}");
        // Nothing of it is of this moment.
        assert_eq!(made(&article, &wire, &edition(format, MediaReference::Name), &[]), (text, files));
    }
    let (nitf, files) = made(&article, &wire, &edition(Format::Nitf, MediaReference::Name), &[]);
    insta::assert_snapshot!(files[0].name, @"1ab7a10d464ebf3d-00a269fe93c4f1a039ea9af6.jpg");
    assert_valid("nitf", &[nitf]);
}

#[test]
fn a_document_may_name_the_addresses_all_the_same() {
    let (article, wire) = story();
    for format in Format::ALL {
        let (text, files) = made(&article, &wire, &edition(format, MediaReference::Address), &[]);
        assert_eq!(text, made(&article, &wire, &Edition::plain(format), &[]).0, "{format:?}");
        assert_eq!(files.len(), 2, "{format:?}");
    }
}

#[test]
fn what_is_gone_is_named_nowhere() {
    let (article, wire) = story();
    for format in Format::ALL {
        for refer in [MediaReference::Name, MediaReference::Address, MediaReference::Id] {
            let (text, files) = made(&article, &wire, &edition(format, refer), &[PIER]);
            assert!(!text.contains("pier.jpg") && !text.contains("A ferry"), "{format:?} {refer:?}:\n{text}");
            let addresses: Vec<&str> = files.iter().map(|file| file.address.as_str()).collect();
            assert_eq!(addresses, [GULL], "{format:?} {refer:?}");
            let (text, files) = made(&article, &wire, &edition(format, refer), &[PIER, GULL]);
            assert!(!text.contains("gull.jpg") && files.is_empty(), "{format:?} {refer:?}:\n{text}");
        }
    }
}

#[test]
fn an_id_is_of_one_version_and_a_name_of_the_story() {
    let (article, wire) = story();
    let next = Article { version: Version::try_from(article.version.get() + 1).unwrap(), ..article.clone() };
    let name = |article: &Article, format, refer| made(article, &wire, &edition(format, refer), &[]).1.remove(0).name;
    let id = |article: &Article| name(article, Format::SuperdeskNinjs, MediaReference::Id);
    assert_ne!(id(&article), id(&next));
    assert_eq!(id(&article).len(), 24);
    let sidecar = |article: &Article| name(article, Format::Json, MediaReference::Name);
    assert_eq!(sidecar(&article), sidecar(&next));
    let elsewhere = Article { guid: "urn:test:other".parse().unwrap(), ..article.clone() };
    assert_ne!(sidecar(&article), sidecar(&elsewhere));
}

#[test]
fn superdesks_family_gets_the_ids_of_what_was_pushed() {
    let (article, wire) = story();
    let (text, files) = made(&article, &wire, &edition(Format::SuperdeskNinjs, MediaReference::Id), &[]);
    let item: serde_json::Value = serde_json::from_str(&text).unwrap();
    let picture = &item["associations"]["featuremedia"]["renditions"];
    assert_eq!(picture["viewImage"], picture["original"]);
    assert_eq!(picture["original"]["media"], files[0].name);
    assert_eq!(picture["original"]["href"], PIER);
    // The logo is nobody's file.
    assert!(item["associations"]["logo"]["renditions"]["original"].get("media").is_none());
}

#[test]
fn a_withdrawal_needs_no_file() {
    let (article, wire) = story();
    for action in [Action::Kill, Action::Withhold] {
        let article = Article { action, ..article.clone() };
        for format in Format::ALL {
            let (text, files) = made(&article, &wire, &edition(format, MediaReference::Id), &[]);
            assert_eq!((text, files), made(&article, &wire, &Edition::plain(format), &[]), "{format:?}");
        }
    }
}

#[test]
fn an_address_that_cannot_be_fetched_stays_a_link() {
    let (mut article, wire) = story();
    article.media[0].renditions[0].href = "urn:picture:7".into();
    let (_, files) = made(&article, &wire, &edition(Format::Json, MediaReference::Name), &[]);
    assert_eq!(files.len(), 1);
}

/// An asset with files of these widths, 0 for one that is not known.
fn sizes(widths: &[u32]) -> Article {
    let mut asset = picture("pier", None);
    let file = |(at, width): (usize, &u32)| MediaRendition {
        name: format!("n{at}"),
        href: format!("https://cdn.harborpress.example/{at}.jpg"),
        width: Some(*width).filter(|width| *width > 0),
        ..asset.renditions[0].clone()
    };
    let renditions = widths.iter().enumerate().map(file).collect();
    asset.renditions = renditions;
    Article { media: vec![asset], ..article() }
}

/// The width of the file that goes.
fn chosen(widths: &[u32], largest_width: Option<u32>) -> u32 {
    let media = MediaWay::Enclosed { refer: MediaReference::Id, largest_width, missing: MissingMedia::Without };
    let edition = Edition { media, ..Edition::plain(Format::SuperdeskNinjs) };
    let files = made(&sizes(widths), &wire(), &edition, &[]).1;
    assert_eq!(files.len(), 1);
    let at: usize = files[0].address.rsplit(['/', '.']).nth(1).unwrap().parse().unwrap();
    widths[at]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_widest_goes_that_may(widths in prop::collection::vec(0_u32..4_000, 1..6), largest in 1_u32..4_000) {
        let known: Vec<u32> = widths.iter().copied().filter(|width| *width > 0).collect();
        let fit = known.iter().copied().filter(|width| *width <= largest).max();
        let unknown = widths.contains(&0).then_some(0);
        prop_assert_eq!(chosen(&widths, Some(largest)), fit.or(unknown).or(known.iter().copied().min()).unwrap());
        prop_assert_eq!(chosen(&widths, None), known.iter().copied().max().unwrap_or(0));
    }
}

#[test]
fn where_the_best_is_gone_the_next_best_goes() {
    let article = sizes(&[800, 1600, 400]);
    let edition = edition(Format::SuperdeskNinjs, MediaReference::Id);
    let best = |gone: &[&str]| made(&article, &wire(), &edition, gone).1.first().map(|file| file.address.clone());
    let address = |at: u32| format!("https://cdn.harborpress.example/{at}.jpg");
    assert_eq!(best(&[]), Some(address(1)));
    assert_eq!(best(&[&address(1)]), Some(address(0)));
    assert_eq!(best(&[&address(1), &address(0), &address(2)]), None);
}

#[test]
fn there_is_an_end_to_what_goes_with_one_story() {
    let mut article = article();
    article.media = (0..50).map(|number| picture(&format!("p{number}"), None)).collect();
    let (text, files) = made(&article, &wire(), &edition(Format::Json, MediaReference::Name), &[]);
    assert_eq!(files.len(), 20);
    assert!(text.contains("https://cdn.harborpress.example/p49.jpg"), "the others are links");
}
