//! Documents that other people wrote.

use crate::article::samples::{folder, sample};
use crate::article::{Action, Article, Block, DecodeError, WireId, decode};

fn read(file: &str) -> Option<Result<Article, DecodeError>> {
    Some(decode(&sample(file)?, Some("application/json"), &WireId::new("hpnf")))
}

/// One line a document, with what the eye would check first.
#[test]
fn every_text_sample_decodes() {
    let Some(folder) = folder() else { return };
    let mut files: Vec<_> = std::fs::read_dir(folder.join("ninjs"))
        .unwrap()
        .map(|entry| format!("ninjs/{}", entry.unwrap().file_name().display()))
        .collect();
    files.extend(
        ["ninjs-1.6-article", "ninjs-2.2-article", "ninjs-3.1-article", "ninjs-3.1-kill", "superdesk-newsroom-push"]
            .map(|name| format!("formats/{name}.json")),
    );
    files.push("dcnf-article.ninjs-1.6.json".to_owned());
    files.sort();
    let lines: Vec<_> = files
        .iter()
        .map(|file| match read(file).unwrap() {
            Ok(article) => format!(
                "{file}: {} {} v{} u{}, headline {} characters, {} blocks, {} words, {} media",
                article.action,
                article.language.as_deref().unwrap_or("-"),
                article.version,
                article.urgency,
                article.headline.chars().count(),
                article.body.blocks.len(),
                article.body.words(),
                article.media.len(),
            ),
            Err(why) => format!("{file}: REFUSED {why}"),
        })
        .collect();
    insta::assert_snapshot!("list", lines.join("\n"));
}

/// The invented story says the same in four formats.
#[test]
fn one_story_in_four_formats() {
    for file in ["ninjs-1.6-article", "ninjs-2.2-article", "ninjs-3.1-article", "superdesk-newsroom-push"] {
        let Some(article) = read(&format!("formats/{file}.json")) else { return };
        let article = article.unwrap();
        assert_eq!(article.guid.as_str(), "urn:newsml:wire.example.org:20261124:ferry-vote", "{file}");
        assert_eq!((article.version.get(), article.action, article.urgency.get()), (3, Action::Correct, 4), "{file}");
        assert_eq!(article.headline, "Harbor council votes to reopen ferry line", "{file}");
        assert_eq!(
            article.summary.as_deref(),
            Some("The Port Aren council voted 7-2 to reopen the Gull Island ferry.")
        );
        assert_eq!(article.embargo, "2026-11-24T12:00:00Z".parse().ok(), "{file}");
        assert_eq!(article.created, "2026-11-24T10:15:00Z".parse().ok(), "{file}");
        assert_eq!(article.subjects[0].qcode().as_deref(), Some("medtop:11000000"), "{file}");
        assert_eq!(article.subjects.len(), 1, "{file}");
        assert_eq!(article.keywords, ["ferries"], "{file}");
        assert_eq!(article.authors[0].name, "Ada Quill", "{file}");
        assert_eq!(article.authors.len(), 1, "{file}");
        let photo = article.media.iter().find(|media| media.kind == "picture").unwrap();
        assert_eq!(photo.holder.as_deref(), Some("Bay Pictures"), "{file}");
        assert_eq!(photo.caption.as_deref(), Some("The ferry Gull at the Port Aren pier in 2022."), "{file}");
        assert_eq!(photo.renditions[0].href, "https://cdn.example.org/img/ferry.jpg", "{file}");
        assert!(article.notice.is_none() && article.editor_note.is_some(), "{file}");
    }
    let Some(article) = read("formats/ninjs-3.1-article.json") else { return };
    let article = article.unwrap();
    assert_eq!(article.canonical.as_deref(), Some("https://wire.example.org/2026/11/24/ferry-vote"));
    assert_eq!(article.subheadline.as_deref(), Some("Service to Gull Island returns after four years & two lawsuits"));
    assert_eq!(article.sections, ["Politics"]);
}

#[test]
fn a_kill_is_a_kill() {
    let Some(article) = read("formats/ninjs-3.1-kill.json") else { return };
    let article = article.unwrap();
    assert_eq!((article.action, article.version.get()), (Action::Kill, 4));
    assert!(article.body.blocks.is_empty());
    assert!(article.editor_note.unwrap().starts_with("KILL. Defamatory statement."));
}

/// An agency's HTML: a whole page, with the credit of a picture between picture and caption.
#[test]
fn a_page_becomes_a_body() {
    let Some(article) = read("ninjs/2.1-tt_text_image_2.json") else { return };
    let article = article.unwrap();
    let Some(Block::Image(image)) = article.body.blocks.iter().find(|block| matches!(block, Block::Image(_))) else {
        panic!("no picture in {:#?}", article.body)
    };
    let mut caption = String::new();
    crate::article::body::inline_text(&image.caption, &mut caption);
    assert!(caption.lines().count() == 2 && caption.lines().next().unwrap().ends_with("/TT"), "{caption}");
    assert!(article.body.blocks.iter().any(|block| matches!(block, Block::Quote(_))));
}
