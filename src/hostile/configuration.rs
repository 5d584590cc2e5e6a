//! What the operator writes, and what articles put into the names that it asks for.

use std::borrow::Cow;
use std::fs;
use std::sync::LazyLock;

use crate::article::{Article, Guid};
use crate::attribution::sample;
use crate::config::{Environment, FileName, NameField, NameFields, NamePattern, PushUrl, Secrets, UrlField, load_from};

use super::parts;

/// A main file, and a partner's. What is wrong is told with a place that there is, and without the secrets.
pub fn configuration(bytes: &[u8]) {
    const SECRET: &str = "q7Zw-secret-of-the-environment";
    static DIR: LazyLock<tempfile::TempDir> =
        LazyLock::new(|| tempfile::tempdir().expect("a temporary directory can be made"));
    // Tests run side by side, and each has files of its own.
    let dir = DIR.path().join(format!("{:?}", std::thread::current().id()));
    let (main, partner) = (dir.join("newswired.toml"), dir.join("partners.d/island-post.toml"));
    fs::create_dir_all(dir.join("partners.d")).expect("a directory can be made");
    let [first, second] = parts(bytes);
    fs::write(&main, first).expect("a file can be written");
    fs::write(&partner, second).expect("a file can be written");
    let environment: Environment = [("SECRET", SECRET)].into_iter().collect();
    let said = match load_from(&main, &environment, Secrets::Read) {
        Ok(config) => format!("{config:?}"),
        Err(errors) => {
            let errors = errors.to_string();
            for error in errors.lines() {
                assert!(!error.is_empty(), "an empty complaint: {errors:?}");
            }
            errors
        }
    };
    assert!(!said.contains(SECRET), "the secret is shown: {said}");
}

/// A pattern of names, an address with fields, and what an article and a partner put into them: files stay in their
/// folder, and an address keeps its host and its shape.
pub fn names(bytes: &[u8]) {
    let [pattern, guid, text, url, remote] = parts(bytes).map(String::from_utf8_lossy);
    let Ok(story) = format!("urn:x:{guid}").parse::<Guid>() else { return };
    for pattern in [&*pattern, "{{ headline }}/{{ id }}", "{{ section }}-{{ id }}.{{ extension }}"] {
        let Ok(pattern) = NamePattern::parse(pattern) else { continue };
        let article = Article {
            guid: story.clone(),
            headline: text.clone().into_owned(),
            slugline: Some(text.clone().into_owned()),
            sections: vec![text.clone().into_owned()],
            language: Some(text.clone().into_owned()),
            ..sample::article()
        };
        let fields = NameFields::of_article(&article, &text).with(NameField::Sequence, "7");
        let Ok(name) = pattern.fill(&fields) else { continue };
        stays_inside(name.as_str());
        assert_eq!(FileName::read(name.as_str()), Some(name.clone()), "it is read as another");
        assert!(name.split().1.contains(fields.id()), "{name} does not tell whose it is");
    }
    if let Some(name) = FileName::safe(&text) {
        stays_inside(name.as_str());
    }
    for url in [&*url, "https://paper.example/in/{{ guid }}/of/{{ remote_id }}?id={{ guid }}"] {
        let Ok(parsed) = PushUrl::parse(url) else { continue };
        let fields = [(UrlField::Guid, Cow::Borrowed(story.as_str())), (UrlField::RemoteId, remote.clone())];
        // One without fields stands as it is, and is looked at by the configuration's check.
        let Some(Ok(target)) = parsed.has_fields().then(|| parsed.fill(&fields.into_iter().collect())) else {
            continue;
        };
        assert!(target.bytes().all(|byte| byte.is_ascii_graphic()), "{target:?} could split a request");
        let up = |part: &str| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..");
        assert!(!target.split(['?', '#']).next().unwrap_or_default().split('/').any(up), "{target:?} climbs");
    }
}

/// Told by the system's own rules of paths, and not by ours.
pub(super) fn stays_inside(name: &str) {
    use std::path::{Component, Path};
    let parts: Vec<Component<'_>> = Path::new(name).components().collect();
    assert!(!parts.is_empty() && parts.iter().all(|part| matches!(part, Component::Normal(_))), "{name:?} climbs");
    for part in name.split('/') {
        assert!(!part.is_empty() && part.len() < 255 && !part.starts_with(['.', '-', '~']), "{name:?}");
        assert!(part.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\:*?\"<>|%'`$&;".contains(&byte)), "{name:?}");
    }
}
