//! The page of the docs that shows one story in every format, made by the program: its documents, and where in each the
//! attribution stands.

use std::fmt::Write;
use std::path::Path;

use super::*;

const PAGE: &str = "docs/formats/one-story.md";

const OPENING: &str = "\
# One story in every format

Made by the program; `UPDATE_DOCS=1 cargo test --lib one_story` makes it anew, and a test holds it against the program. The
story is short on purpose, and carries everything that an article can: a correction's notice, an embargo, a picture. For
each format there is the document as a partner gets it, but for line ends that make JSON readable, and what `newswired
render --explain` says of it: where each required element stands, and what it says.

";

fn fence(kind: &str, text: &str) -> String {
    format!("```{kind}\n{}\n```\n\n", text.trim_end())
}

fn page() -> String {
    let wire = serde_json::from_value(serde_json::json!({
        "name": "Harbor Press News Foundation",
        "short_name": "HPNF",
        "url": "https://harborpress.example/",
        "contact": "licensing@harborpress.example",
        "licence": {
            "url": "https://harborpress.example/republish",
            "line": "All republished articles must include our logo, our reporter’s byline and their affiliation.",
        },
        "logo": { "url": "https://harborpress.example/logo.png", "width": 240, "height": 60 },
        "elements": { "source": { "text": "First published by the {{ agency }}.", "link": "article", "position": "top" } },
    }));
    let policies = own(wire.unwrap());
    let source = include_str!("../sample.json");
    let article = crate::article::decode(source.as_bytes(), None, &WireId::new("hpnf")).unwrap();
    let article = Article { action: Action::Correct, ..article };

    let mut page = OPENING.to_owned();
    page += "- [The article](#the-article)\n";
    for format in Format::ALL {
        let name = format.as_str();
        writeln!(page, "- [{name}](#{})", name.replace('.', "")).unwrap();
    }
    page += "\n## The article\n\n";
    page += &fence("json", &source.replace("\"update\"", "\"correct\""));
    for format in Format::ALL {
        let edition = Edition::plain(format);
        let draft = Draft::write(&article, &policies, &edition).unwrap();
        let explained = draft.explain().unwrap();
        let document = draft.prove().unwrap().document;
        let text = std::str::from_utf8(document.bytes()).unwrap();
        let (kind, text) = if text.starts_with('{') {
            ("json", pretty(text))
        } else if text.starts_with("<?xml") {
            ("xml", text.to_owned())
        } else if text.starts_with('<') {
            ("html", text.to_owned())
        } else {
            ("text", text.to_owned())
        };
        write!(page, "## {}\n\n`{}`\n\n", format.as_str(), document.content_type()).unwrap();
        page += &fence(kind, &text);
        page += "| element | stands at | and says |\n| --- | --- | --- |\n";
        for Explained { name, found } in explained {
            for (at, says) in found {
                writeln!(page, "| {name} | `{at}` | {} |", says.replace('|', "\\|")).unwrap();
            }
        }
        page.push('\n');
    }
    page.truncate(page.trim_end().len());
    page + "\n"
}

#[test]
fn one_story_in_every_format_is_in_the_docs() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "{PAGE} is out of date; make it anew with UPDATE_DOCS=1 cargo test --lib one_story");
}
