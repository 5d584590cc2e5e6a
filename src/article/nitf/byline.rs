//! Who wrote it.
//!
//! A byline is a line of text with, at best, a `person` and a `byttl` in it. The line is always kept. An author is made
//! of it where the elements leave no doubt: one person in a byline has the title and the organisation that stand beside
//! the name; of several, nobody says whose they are.

use crate::article::Author;
use crate::article::text::one_line;
use crate::article::xml::{Element, Node};

/// The byline as a line: `By Ada Quill, Transport Reporter`.
pub fn line(byline: &Element) -> Option<String> {
    let mut line = String::new();
    for node in &byline.children {
        match node {
            Node::Text(text) => line.push_str(text),
            Node::Element(title) if title.name == "byttl" => {
                let kept = line.trim_end().trim_end_matches(',').len();
                line.truncate(kept);
                if let Some(title) = title.line() {
                    line.push_str(if line.trim().is_empty() { "" } else { ", " });
                    line.push_str(&title);
                }
            }
            Node::Element(other) => {
                if line.chars().next_back().is_some_and(char::is_alphanumeric) {
                    line.push(' ');
                }
                line.push_str(&other.line().unwrap_or_default());
            }
        }
    }
    one_line(&line)
}

/// The authors that `byline` names beyond doubt.
pub fn authors(byline: &Element) -> Vec<Author> {
    let persons: Vec<&Element> = byline.all("person").collect();
    let titles: Vec<&Element> = byline.all("byttl").collect();
    let name = |person: &Element| person.line_without(&|part| part.name == "function");
    match (&persons[..], &titles[..]) {
        ([person], [] | [_]) => {
            let title = titles.first();
            let affiliation = title.and_then(|title| title.child("org")).and_then(Element::line);
            let function = || person.child("function").and_then(Element::line);
            let role = title.and_then(|title| title.line_without(&|part| part.name == "org"));
            let role = role.and_then(|role| one_line(role.trim_matches([',', ' ', '/', '-', '|', '–', '—'])));
            let role = role.or_else(function);
            name(person).map(|name| Author { name, role, affiliation, uri: None }).into_iter().collect()
        }
        (persons, _) => {
            persons.iter().filter_map(|person| Some(Author { name: name(person)?, ..Author::default() })).collect()
        }
    }
}
