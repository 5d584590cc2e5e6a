//! docs/configuration.md: every table and every key, made from the types and the samples, so that it cannot differ.
//!
//! What a key takes, its default and its meaning are the types' (their schema has the doc comments); the order of tables and
//! keys, and examples, are the samples'. A key without a meaning fails the test.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use serde_json::{Map, Value};

use newswired::config::schema;

const INTRO: &str = "\
# The configuration, key by key

Made from the program's types; [config/newswired.toml](../config/newswired.toml) and
[config/partners.d/](../config/partners.d/ledger-herald.toml) show the same in use, with more of the why. The main file is
`/etc/newswired/newswired.toml` where `--config` does not say otherwise, partners stand in `partners.d/` beside it, a file
each. The environment wins over both: `NEWSWIRED__DELIVERY__CONCURRENCY=8` sets `concurrency` in `[delivery]`.

`newswired check` names everything that is wrong with its place, `newswired config show` prints every value in effect and
where it was said. Editors that read `#:schema` complete and check keys by
[newswired.schema.json](../config/newswired.schema.json) and [partner.schema.json](../config/partner.schema.json).

In a table's name `ID`, `NAME`, `WIRE` and `ELEMENT` are yours to choose. A key that is **needed** has no default; one with
neither may be left out.

";

const VALUES: &str = "\
## Values

Secrets never stand in the configuration, only where they are found; systemd's `LoadCredential=NAME:PATH` makes a
`credential:NAME`. The pattern is a regular expression.

| | | pattern |
| --- | --- | --- |
";

/// The file of a partner, whose top is no table.
const PARTNER: &str = "partners.d/ID.toml";

/// A table of the configuration: where it stands, and its schema.
#[derive(Clone)]
struct Table {
    /// Its definition's name.
    name: String,
    /// `[wires.ID]`, or nothing for what stands at a file's top.
    title: String,
    schema: Value,
}

struct Book {
    definitions: Map<String, Value>,
    samples: Samples,
    /// The first place of each table's definition, by its name.
    places: BTreeMap<String, String>,
    /// The short words for each kind of value; the whole, and how it is written.
    values: BTreeMap<String, (String, String)>,
}

/// What the samples show: of each key of a definition which one it is in order, and an example.
type Samples = BTreeMap<(String, String), (usize, Option<String>)>;

fn project(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn name_of(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")
}

/// The forms that a value may take, without "none".
fn forms(schema: &Value) -> Vec<&Value> {
    let choices = ["anyOf", "oneOf"].iter().find_map(|word| schema.get(*word)?.as_array());
    let Some(choices) = choices else { return vec![schema] };
    choices.iter().filter(|form| form.get("type").and_then(Value::as_str) != Some("null")).collect()
}

fn text<'a>(schema: &'a Value, key: &str) -> Option<&'a str> {
    schema.get(key).and_then(Value::as_str)
}

/// What of a table's name is the operator's to choose.
fn chosen(key: &str) -> &'static [&'static str] {
    match key {
        "wires" | "policies" | "partners" => &["ID"],
        "attribution" => &["WIRE", "ELEMENT"],
        _ => &["NAME"],
    }
}

/// As GitHub makes it of a heading.
fn anchor(title: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, '-' | '_' | ' ');
    title.chars().filter(kept).map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

/// A value as TOML has it.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(toml).collect::<Vec<_>>().join(", ")),
        Value::Object(keys) => {
            let keys: Vec<_> = keys.iter().map(|(key, value)| format!("{key} = {}", toml(value))).collect();
            format!("{{ {} }}", keys.join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

/// "a, b or c".
fn or(mut words: Vec<String>) -> String {
    words.dedup();
    match words.pop() {
        Some(last) if !words.is_empty() => format!("{} or {last}", words.join(", ")),
        last => last.unwrap_or_default(),
    }
}

impl Book {
    fn new() -> Self {
        let mut root = schema();
        let mut definitions = match root.get_mut("$defs").map(Value::take) {
            Some(Value::Object(definitions)) => definitions,
            other => panic!("the schema has no definitions: {other:?}"),
        };
        definitions.insert("Config".to_owned(), root);
        let mut book = Self { definitions, samples: Samples::new(), places: BTreeMap::new(), values: BTreeMap::new() };
        book.read_sample("config/newswired.toml", "Config");
        let partners = fs::read_dir(project("config/partners.d")).unwrap();
        let mut partners: Vec<_> = partners.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        // The one that shows every key comes first.
        partners.sort_by_key(|name| (name != "ledger-herald.toml", name.clone()));
        for name in partners {
            book.read_sample(&format!("config/partners.d/{name}"), "Partner");
        }
        book
    }

    /// Notes which keys a sample shows, commented out or not.
    fn read_sample(&mut self, file: &str, root: &str) {
        let mut table = Some(root.to_owned());
        for line in fs::read_to_string(project(file)).unwrap().lines() {
            let line = line.strip_prefix("# ").unwrap_or(line);
            if let Some(path) = line.strip_prefix('[').and_then(|line| line.trim_end().strip_suffix(']')) {
                table = Some(root.to_owned());
                for part in path.split('.') {
                    table = table.and_then(|above| self.step(&above, part));
                }
            } else if let (Some((key, _)), Some(table)) = (line.split_once(" = "), &table) {
                let example = uncommented(line);
                let whole = toml::from_str::<toml::Table>(example).is_ok();
                self.note(table, key, whole.then(|| example.to_owned()));
            }
        }
    }

    fn note(&mut self, table: &str, key: &str, example: Option<String>) {
        let next = self.samples.len();
        let noted = self.samples.entry((table.to_owned(), key.to_owned())).or_insert((next, None));
        noted.1 = noted.1.take().or(example);
    }

    /// The definition of what stands at `part` of the table `above`, which is noted as shown.
    fn step(&mut self, above: &str, part: &str) -> Option<String> {
        // A star before a definition's name stands for a table of such tables, by names of the operator's choosing.
        if let Some(map) = above.strip_prefix('*') {
            return Some(map.to_owned());
        }
        let keys = self.keys(self.definition(above));
        let (_, value) = keys.into_iter().find(|(key, _)| key == part)?;
        self.note(above, part, None);
        let mut stars = String::new();
        let mut value = &value;
        loop {
            let inner = forms(value)
                .into_iter()
                .find_map(|form| form.get("additionalProperties").filter(|inner| inner.is_object()));
            match inner {
                Some(inner) => {
                    stars.push('*');
                    value = inner;
                }
                None => break,
            }
        }
        let name = forms(value).into_iter().find_map(name_of)?;
        Some(format!("{stars}{name}"))
    }

    /// The keys of a table. Of a choice between tables of one key each, all of them.
    fn keys(&self, table: &Value) -> Vec<(String, Value)> {
        let own = |form: &Value| form.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        let mut keys: Vec<(String, Value)> = Vec::new();
        for form in forms(table) {
            for (key, mut value) in own(form) {
                if is_choice(table) && value.get("description").is_none() {
                    value["description"] = form["description"].clone();
                }
                keys.push((key, value));
            }
        }
        keys
    }

    fn definition(&self, name: &str) -> &Value {
        &self.definitions[name]
    }

    /// Where tables stand below a key: their definitions, and what comes after the key in their titles.
    fn tables_in(&self, key: &str, value: &Value) -> Vec<(String, String, bool)> {
        let mut found = Vec::new();
        for form in forms(value) {
            if let Some(name) = name_of(form) {
                let definition = self.definition(name);
                if has_keys(definition) {
                    found.push((name.to_owned(), key.to_owned(), false));
                } else if !forms(definition).iter().all(|inner| *inner == definition) {
                    found.extend(self.tables_in(key, definition));
                }
            } else if let Some(inner) = form.get("items") {
                found.extend(self.tables_in(key, inner).into_iter().map(|(name, key, _)| (name, key, true)));
            } else {
                let mut inner = form;
                let mut title = key.to_owned();
                for name in chosen(key) {
                    let Some(below) = inner.get("additionalProperties").filter(|below| below.is_object()) else {
                        break;
                    };
                    title = format!("{title}.{name}");
                    inner = below;
                }
                if !std::ptr::eq(inner, form) {
                    found.extend(self.tables_in(&title, inner));
                }
            }
        }
        found
    }

    /// A table and those below it, in the samples' order; each definition once.
    fn place(&mut self, name: &str, path: &str, list: bool, into: &mut Vec<Table>) {
        if self.places.contains_key(name) {
            return;
        }
        let title = if path.is_empty() {
            String::new()
        } else if list {
            format!("[[{path}]]")
        } else {
            format!("[{path}]")
        };
        self.places.insert(name.to_owned(), title.clone());
        let schema = self.definition(name).clone();
        let keys = self.in_order(name, &schema);
        into.push(Table { name: name.to_owned(), title, schema });
        for (key, value) in keys {
            for (name, below, list) in self.tables_in(&key, &value) {
                let path = if path.is_empty() { below } else { format!("{path}.{below}") };
                self.place(&name, &path, list, into);
            }
        }
    }

    /// The keys of a definition in the samples' order; what these do not show comes last.
    fn in_order(&self, name: &str, schema: &Value) -> Vec<(String, Value)> {
        let mut keys = self.keys(schema);
        let order =
            |key: &str| self.samples.get(&(name.to_owned(), key.to_owned())).map_or(usize::MAX, |shown| shown.0);
        keys.sort_by_key(|(key, _)| (order(key), key.clone()));
        keys
    }

    /// What a key takes, in words.
    fn takes(&mut self, value: &Value) -> String {
        let forms: Vec<Value> = forms(value).into_iter().cloned().collect();
        let words = forms.iter().flat_map(|form| match form.get("enum").and_then(Value::as_array) {
            Some(values) => values.iter().map(|value| format!("`{}`", toml(value))).collect(),
            None => vec![self.form(form)],
        });
        or(words.collect())
    }

    fn form(&mut self, form: &Value) -> String {
        if let Some(name) = name_of(form) {
            if let Some(title) = self.places.get(name) {
                let shown = if title.is_empty() { PARTNER } else { title };
                return format!("[`{shown}`](#{})", anchor(shown));
            }
            let definition = self.definition(name).clone();
            let described = text(&definition, "description");
            return match described
                .filter(|_| text(&definition, "type") == Some("string") && definition.get("enum").is_none())
            {
                Some(described) => self.value(described, text(&definition, "pattern")),
                None => self.takes(&definition),
            };
        }
        if let Some(value) = form.get("const") {
            return format!("`{}`", toml(value));
        }
        if let Some(values) = form.get("enum").and_then(Value::as_array) {
            return or(values.iter().map(|value| format!("`{}`", toml(value))).collect());
        }
        let kinds = match form.get("type") {
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
            kind => kind.and_then(Value::as_str),
        };
        match kinds {
            Some("boolean") => "`true` or `false`".to_owned(),
            Some("number") => match (form.get("minimum"), form.get("maximum")) {
                (Some(least), Some(most)) => format!("a number, {least} to {most}"),
                _ => "a number".to_owned(),
            },
            Some("integer") => match (form.get("minimum"), form.get("maximum")) {
                (Some(least), Some(most)) => format!("a whole number, {least} to {most}"),
                (Some(least), None) if least.as_u64() > Some(0) => format!("a whole number, {least} or more"),
                _ => "a whole number".to_owned(),
            },
            Some("array") => format!("a list: {}", self.takes(&form["items"])),
            Some("object") => match form.get("additionalProperties").filter(|inner| inner.is_object()) {
                Some(inner) if inner.get("additionalProperties").is_some() => self.form(inner),
                Some(inner) if name_of(inner).is_some_and(|name| self.places.contains_key(name)) => self.form(inner),
                Some(inner) => format!("a table of names, each with {}", self.takes(inner)),
                None => {
                    let keys: Vec<_> =
                        self.keys(form).iter().map(|(key, value)| format!("`{key}` ({})", self.takes(value))).collect();
                    format!("a table of {}", keys.join(" and "))
                }
            },
            Some("string") => {
                text(form, "description").filter(|about| about.starts_with('"')).unwrap_or("text").to_owned()
            }
            other => panic!("nobody can say what this takes: {other:?} {form}"),
        }
    }

    /// The short words for a kind of value, which is explained at the page's end.
    fn value(&mut self, described: &str, pattern: Option<&str>) -> String {
        let ends = [":", ";", " such as ", ", such as", ", or ", ", which ", ", \""];
        let end = ends.iter().filter_map(|end| described.find(end)).min();
        let Some(end) = end.filter(|_| !described.starts_with('"')) else { return lower_first(described) };
        let short = lower_first(&described[..end]);
        // Two marks, since one of the patterns has a mark of code in it.
        let pattern = pattern.map(|pattern| format!("`` {pattern} ``")).unwrap_or_default();
        self.values.insert(short.clone(), (described.to_owned(), pattern));
        format!("[{short}](#values)")
    }

    /// What a key means: its own words, or else its type's; what each word that it takes stands for; an example.
    fn about(&self, table: &str, key: &str, value: &Value) -> String {
        let types: Vec<&Value> =
            forms(value).into_iter().filter_map(name_of).map(|name| self.definition(name)).collect();
        let own = text(value, "description").or_else(|| types.iter().find_map(|kind| text(kind, "description")));
        let own = own.unwrap_or_else(|| panic!("nothing says what {key} of {table} means: write a doc comment"));
        let mut about = own.replace('\n', " ");
        if let Some(default) = value.get("default") {
            let bare = default.as_str().map_or_else(|| toml(default), str::to_owned);
            about = about.replace(&format!("Default: `{bare}`."), "").replace(&format!("Default: {bare}."), "");
        }
        let mut about = vec![about.trim().to_owned()];
        for choice in types.iter().flat_map(|kind| forms(kind)) {
            if let (Some(word), Some(means)) = (choice.get("const"), text(choice, "description")) {
                about.push(format!("`{}`: {}", toml(word), means.replace('\n', " ")));
            }
        }
        let example = self.samples.get(&(table.to_owned(), key.to_owned())).and_then(|shown| shown.1.as_deref());
        let default = value.get("default").map(|default| format!("{key} = {}", toml(default)));
        if let Some(example) = example.filter(|example| default.as_deref() != Some(example)) {
            about.push(format!("Example: `{example}`"));
        }
        about.join("<br>")
    }

    fn section(&mut self, table: &Table) -> String {
        let name = table.name.as_str();
        let mut page = String::new();
        if !table.title.is_empty() {
            page += &format!("### `{}`\n\n", table.title);
        }
        if let Some(about) = text(&table.schema, "description") {
            page += &format!("{}{}\n\n", about, if is_choice(&table.schema) { " One of these keys:" } else { "" });
        }
        page += "| key | takes | default | |\n| --- | --- | --- | --- |\n";
        let required: Vec<String> = table
            .schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|key| key.as_str().map(str::to_owned))
            .collect();
        for (key, value) in self.in_order(name, &table.schema) {
            let default = match value.get("default") {
                _ if required.contains(&key) => "**needed**".to_owned(),
                None | Some(Value::Null) => String::new(),
                Some(Value::Object(keys)) if keys.is_empty() => String::new(),
                Some(default) => format!("`{}`", toml(default)),
            };
            let cells = [format!("`{key}`"), self.takes(&value), default, self.about(name, &key, &value)];
            page += &format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
        }
        page + "\n"
    }

    fn page(mut self) -> String {
        // A definition that both use is shown with the partner's.
        let (mut partner, mut main) = (Vec::new(), Vec::new());
        self.place("Partner", "", false, &mut partner);
        self.place("Config", "", false, &mut main);
        let mut page = INTRO.to_owned();
        for (file, tables) in [("newswired.toml", main), (PARTNER, partner)] {
            page += &format!("## {file}\n\n");
            for table in &tables {
                page += &self.section(table);
            }
        }
        page += VALUES;
        for (short, (described, pattern)) in &self.values {
            let cells = [short.clone(), described.replace('\n', " "), pattern.clone()];
            page += &format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "));
        }
        page
    }
}

fn has_keys(definition: &Value) -> bool {
    definition.get("properties").is_some() || is_choice(definition)
}

/// Whether a table has one of several keys.
fn is_choice(definition: &Value) -> bool {
    let forms = definition.get("oneOf").and_then(Value::as_array);
    forms.is_some_and(|forms| forms.iter().all(|form| form.get("properties").is_some()))
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// A line of TOML without the comment at its end.
fn uncommented(line: &str) -> &str {
    let mut quoted = false;
    let end = line.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '#' && !quoted
    });
    end.map_or(line, |(end, _)| &line[..end]).trim_end()
}

/// `UPDATE_SCHEMAS=1 cargo test --test configuration` writes it anew.
#[test]
fn the_reference_is_that_of_the_types() {
    let page = Book::new().page();
    let path = project("docs/configuration.md");
    if env::var_os("UPDATE_SCHEMAS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/configuration.md is not up to date; run UPDATE_SCHEMAS=1 cargo test --test configuration"
    );
}
