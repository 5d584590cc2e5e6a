//! An invented wire and one of its articles, for tests of this module and of those above it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Policies;
use crate::article::body::{Cell, Image, Table};
use crate::article::{
    Action, Article, Author, Block, Body, Concept, Inline, Media, MediaRendition, Urgency, Version, WireId,
};
use crate::config::{Edits, Element, Licence, Limits, Logo, MediaUse, Span, Wire};

pub fn wire() -> Wire {
    Wire {
        name: "Harbor Press News Foundation".into(),
        short_name: "HPNF".into(),
        url: Some("https://harborpress.example/".into()),
        contact: Some("licensing@harborpress.example".into()),
        licence: Some(Licence {
            id: Some("HPNF-FREE-1".into()),
            url: Some("https://harborpress.example/licence?a=1&b=2".into()),
            line: "Content by the Harbor Press News Foundation is free to any legitimate news publisher; keep the \
                   logo, the byline & the affiliation."
                .into(),
        }),
        logo: Some(Logo {
            url: "https://cdn.harborpress.example/logo.png?w=200&h=40".into(),
            alt: None,
            width: Some(200),
            height: Some(40),
        }),
        affiliation: None,
        byline_word: "By".into(),
        byline_words: BTreeMap::new(),
        byline: None,
        byline_of_nobody: None,
        require: BTreeSet::from(Element::USUAL),
        tracking: None,
        elements: BTreeMap::new(),
        policies: BTreeSet::new(),
        former_lines: Vec::new(),
        edits: Edits::default(),
        keep_headline: false,
        own_media: MediaUse::Pass,
        third_party_media: MediaUse::Drop,
        media_rules: Vec::new(),
        own_holders: Vec::new(),
        retention: None,
        limits: Limits::default(),
        withdraw_for: Span::from_secs(30 * 86_400),
    }
}

/// The policies of a wire with no other's beside its own.
pub fn own(wire: Wire) -> Policies {
    Policies::own(WireId::new("hpnf"), Arc::new(wire))
}

pub fn text(text: &str) -> Inline {
    Inline::Text(text.into())
}

pub fn paragraph(words: &str) -> Block {
    Block::Paragraph(vec![text(words)])
}

pub fn picture(name: &str, holder: Option<&str>) -> Media {
    Media {
        uri: Some(format!("urn:newsml:harborpress.example:20261124:{name}")),
        kind: "picture".into(),
        caption: Some("The ferry Gull at the Port Aren pier in 2022.".into()),
        alt: Some("A white ferry at a pier".into()),
        credit: Some("Lena Ortiz".into()),
        holder: holder.map(Into::into),
        renditions: vec![MediaRendition {
            name: "main".into(),
            href: format!("https://cdn.harborpress.example/{name}.jpg"),
            mime: Some("image/jpeg".into()),
            width: Some(1600),
            height: Some(1067),
        }],
        ..Media::default()
    }
}

/// A story with one of everything.
pub fn article() -> Article {
    let concept = |code: &str, scheme: &str, name: &str| Concept {
        code: Some(code.into()),
        scheme: Some(scheme.into()),
        name: Some(name.into()),
    };
    Article {
        wire: WireId::new("hpnf"),
        guid: "urn:newsml:harborpress.example:20261124:ferry-vote".parse().unwrap(),
        version: Version::try_from(3).unwrap(),
        action: Action::Update,
        urgency: Urgency::try_from(4).unwrap(),
        language: Some("en-US".into()),
        slugline: Some("US-FERRY-VOTE".into()),
        headline: "Harbor council votes to reopen ferry line".into(),
        subheadline: Some("Service to Gull Island returns after four years & two lawsuits".into()),
        summary: Some("The Port Aren council voted 7-2 to reopen the Gull Island ferry.".into()),
        byline: None,
        authors: vec![Author {
            name: "Ada Quill".into(),
            role: Some("Transport Reporter".into()),
            affiliation: None,
            uri: Some("https://harborpress.example/people/ada-quill".into()),
        }],
        dateline: Some("PORT AREN, Maine".into()),
        body: body(),
        subjects: vec![
            concept("11000000", "medtop", "politics"),
            concept("20000621", "medtop", "government"),
            concept("ferries & boats", "https://harborpress.example/topics/", "ferries"),
        ],
        genres: vec![concept("Current", "genre", "Current")],
        places: vec![concept("US-ME", "iso3166-2", "Maine")],
        sections: vec!["politics".into()],
        keywords: vec!["ferries".into(), "public transport".into()],
        editor_note: Some("Eds: UPDATES with quote. A <fuller> write-thru follows.".into()),
        notice: None,
        created: Some("2026-11-24T10:15:00Z".parse().unwrap()),
        versioned: Some("2026-11-24T11:10:00.250Z".parse().unwrap()),
        embargo: Some("2026-11-24T12:00:00Z".parse().unwrap()),
        expires: Some("2026-12-24T12:00:00Z".parse().unwrap()),
        rights_until: Some("2027-02-22T12:00:00Z".parse().unwrap()),
        canonical: Some("https://harborpress.example/2026/11/24/ferry-vote?ref=wire&x=1".into()),
        copyright_holder: None,
        copyright_notice: Some("© 2026 Harbor Press News Foundation".into()),
        usage_terms: None,
        media: vec![picture("ferry", None), picture("agency-photo", Some("Bay Pictures"))],
    }
}

fn body() -> Body {
    let cell = |words: &str, header| Cell { header, colspan: 1, rowspan: 1, content: vec![text(words)] };
    Body {
        blocks: vec![
            Block::Paragraph(vec![
                text("The Port Aren Harbor Council voted 7-2 on Tuesday to reopen the "),
                Inline::Strong(vec![text("Gull Island")]),
                text(" ferry, "),
                Inline::Link {
                    href: "https://harborpress.example/2022/ferry-closure?a=1&b=2".into(),
                    children: vec![text("closed since 2022")],
                },
                text("."),
            ]),
            Block::Paragraph(vec![
                text("“We promised the island a boat,” said the chair, Mara Lindqvist."),
                Inline::Break,
                text("Fuel will emit 12 t CO"),
                Inline::Sub(vec![text("2")]),
                text(" a year, < 1 % of today's."),
            ]),
            Block::Heading(2, vec![text("What happens next")]),
            Block::List {
                ordered: false,
                items: vec![
                    vec![paragraph("Tender in January")],
                    vec![
                        paragraph("First sailing in May"),
                        Block::List { ordered: true, items: vec![vec![paragraph("Weekdays only")]] },
                    ],
                ],
            },
            Block::Quote(vec![paragraph("The line shall run not fewer than four return sailings a day.")]),
            Block::Table(Table {
                caption: vec![text("Fares")],
                rows: vec![
                    vec![cell("Passenger", true), cell("Fare", true)],
                    vec![cell("Adult", false), cell("$4", false)],
                ],
            }),
            Block::Preformatted("LINE 1   PORT AREN  -  GULL ISLAND".into()),
            Block::Rule,
            Block::Image(Image {
                src: "https://cdn.harborpress.example/pier.jpg".into(),
                alt: "The \"old\" pier".into(),
                caption: vec![text("The pier, "), Inline::Emphasis(vec![text("before the storm")])],
                width: Some(800),
                height: None,
            }),
        ],
    }
}
