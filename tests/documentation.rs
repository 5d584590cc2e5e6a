//! The documentation leads where it says: every link to a file, a heading or a picture, in every page of the project. What is
//! on the Internet is only looked at for its form. And the life of a story is told in the program's own words.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use newswired::ledger::states;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use support::project;

/// What is made, or is another's.
const NOT_OURS: [&str; 4] = ["target", ".git", "corpus", "node_modules"];

/// The project's files whose name ends so, below a directory of it.
fn files(below: &Path, ends: &[&str], into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(below).expect("a directory of the project can be read") {
        let path = entry.expect("a directory of the project can be read").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.is_dir() && !path.is_symlink() {
            if !NOT_OURS.contains(&name.as_str()) {
                files(&path, ends, into);
            }
        } else if ends.iter().any(|end| name.ends_with(end)) {
            into.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// What a page links to, pictures too, and what can be linked to in it.
#[derive(Default)]
struct Page {
    links: Vec<String>,
    anchors: BTreeSet<String>,
}

impl Page {
    fn new(text: &str) -> Self {
        let mut page = Self::default();
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let mut heading: Option<String> = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    page.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let anchor = anchor(&heading.take().unwrap_or_default());
                    let times = seen.entry(anchor.clone()).or_default();
                    page.anchors.insert(if *times == 0 { anchor } else { format!("{anchor}-{times}") });
                    *times += 1;
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                Event::Start(_)
                | Event::End(_)
                | Event::InlineMath(_)
                | Event::DisplayMath(_)
                | Event::Html(_)
                | Event::InlineHtml(_)
                | Event::FootnoteReference(_)
                | Event::SoftBreak
                | Event::HardBreak
                | Event::Rule
                | Event::TaskListMarker(_) => {}
            }
        }
        page
    }
}

/// As GitHub makes it of a heading.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    let kept = heading.trim().chars().filter(kept);
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// A path without `.` and `..`; none, where it leaves the project.
fn plain(path: &Path) -> Option<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                plain.pop();
            }
            Component::CurDir => {}
            Component::Normal(_) | Component::RootDir | Component::Prefix(_) => plain.push(part),
        }
    }
    plain.starts_with(project("")).then_some(plain)
}

/// What is wrong with a link of a page.
fn trouble(from: &Path, link: &str, pages: &BTreeMap<PathBuf, Page>) -> Option<&'static str> {
    if let Ok(address) = url::Url::parse(link) {
        return match address.scheme() {
            "https" | "http" if address.host_str().is_some_and(|host| host.contains('.')) => None,
            "mailto" if address.path().contains('@') => None,
            _ => Some("is no address of the Web"),
        };
    }
    let (path, heading) = link.split_once('#').map_or((link, None), |(path, heading)| (path, Some(heading)));
    let at = if path.is_empty() { Some(from.to_owned()) } else { plain(&from.parent()?.join(path)) };
    let Some(at) = at else { return Some("leads out of the project") };
    match (at.exists(), heading, pages.get(&at)) {
        (false, _, _) => Some("leads to no file"),
        (true, None, _) => None,
        (true, Some(heading), Some(page)) if page.anchors.contains(heading) => None,
        (true, Some(_), _) => Some("leads to no heading"),
    }
}

fn pages() -> BTreeMap<PathBuf, Page> {
    let mut found = Vec::new();
    files(&project(""), &[".md"], &mut found);
    let plain = |path: PathBuf| plain(&path).expect("it is in the project");
    found.into_iter().map(|path| (plain(path.clone()), Page::new(&read(&path)))).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    let links: usize = pages.values().map(|page| page.links.len()).sum();
    assert!(pages.len() > 25 && links > 300, "{} pages with {links} links", pages.len());
    let broken: Vec<_> = pages
        .iter()
        .flat_map(|(from, page)| page.links.iter().map(move |link| (from, link)))
        .filter_map(|(from, link)| Some(format!("{}: {link} {}", from.display(), trouble(from, link, &pages)?)))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// A file's comments name pages without linking to them.
#[test]
fn every_page_that_is_named_is_there() {
    let mut found = Vec::new();
    for folder in ["src", "config", "deploy", "tests", "benches", ".ci"] {
        files(&project(folder), &[".rs", ".toml", ".yaml", ".yml", ".json", "run", "Dockerfile"], &mut found);
    }
    let mut named = BTreeSet::new();
    for file in found {
        for (at, _) in read(&file).match_indices("docs/") {
            let text = read(&file);
            let name: String = text[at..].chars().take_while(|c| c.is_alphanumeric() || "/-_.".contains(*c)).collect();
            if let Some(end) = name.find(".md") {
                named.insert((file.clone(), name[..end + 3].to_owned()));
            }
        }
    }
    assert!(named.len() > 15, "{named:?}");
    for (file, page) in named {
        assert!(project(&page).exists(), "{} names {page}, which is not there", file.display());
    }
}

#[test]
fn the_index_has_every_page() {
    let pages = pages();
    let index = project("docs/README.md");
    let listed: BTreeSet<_> =
        pages[&index].links.iter().filter_map(|link| plain(&index.parent()?.join(link.split('#').next()?))).collect();
    for page in pages.keys().filter(|page| page.starts_with(project("docs")) && **page != index) {
        assert!(listed.contains(page), "{} is not in docs/README.md", page.display());
    }
}

#[test]
fn what_is_wrong_with_a_link_is_seen() {
    let pages = pages();
    let from = project("docs/README.md");
    for (link, wrong) in [
        ("receiving.md", None),
        ("receiving.md#the-request", None),
        ("../README.md", None),
        ("https://www.standardwebhooks.com/", None),
        ("receiving", Some("leads to no file")),
        ("receiving.md#the-answer", Some("leads to no heading")),
        ("#nothing", Some("leads to no heading")),
        ("../../elsewhere.md", Some("leads out of the project")),
        ("https://nowhere/", Some("is no address of the Web")),
        ("file:///etc/passwd", Some("is no address of the Web")),
    ] {
        assert_eq!(trouble(&from, link, &pages), wrong, "{link}");
    }
    let page =
        Page::new("# A `b_c`, d!\n\n## Same\n\n## Same\n\n![x](y.png) [`z`](w.md)\n\n```sh\n# [no](no.md)\n```\n");
    assert_eq!(page.anchors, ["a-b_c-d", "same", "same-1"].map(str::to_owned).into());
    assert_eq!(page.links, ["y.png", "w.md"]);
}

/// The first cells of the rows of a page's table, without the marks of code.
fn first_cells(page: &str, header: &str) -> Vec<String> {
    let (_, table) = page.split_once(header).unwrap_or_else(|| panic!("no table begins with {header:?}"));
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.filter_map(|row| Some(row.split('|').nth(1)?.trim().trim_matches('`').to_owned())).collect()
}

#[test]
fn the_life_of_a_story_is_told_in_the_words_of_the_program() {
    let page = read(&project("docs/lifecycle.md"));
    assert_eq!(first_cells(&page, "| state | |"), states().collect::<Vec<_>>());
    let actions = ["publish", "update", "correct", "kill", "withhold"];
    assert_eq!(first_cells(&page, "| action | what it is |"), actions);

    let mut sources = Vec::new();
    files(&project("src/ledger"), &[".rs"], &mut sources);
    let said: String = sources.iter().filter(|path| !path.ends_with("tests.rs")).map(|path| read(path)).collect();
    let reasons = first_cells(&page, "| reason | what happened |");
    assert!(reasons.len() > 7, "{reasons:?}");
    for reason in reasons {
        // What stands for a version is a field there.
        let parts: Vec<&str> = reason.split('…').collect();
        let is_said = said.match_indices(parts[0]).any(|(at, _)| {
            let Some(line) = said[at + parts[0].len()..].lines().next() else { return false };
            match parts.get(1) {
                None => line.starts_with('"'),
                Some(rest) => line.split_once('}').is_some_and(|(field, after)| {
                    field.starts_with('{') && after.strip_prefix(rest).is_some_and(|end| end.starts_with('"'))
                }),
            }
        });
        assert!(is_said, "nothing in src/ledger gives the reason {reason:?}");
    }
}
