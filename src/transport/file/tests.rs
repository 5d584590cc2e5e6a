//! What becomes of a story's files, at a place in memory that fails as the test says, and in a real directory.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::{Arc, LazyLock, Mutex};

use proptest::prelude::*;
use serde_json::json;

use super::directory::LocalDirectory;
use super::*;
use crate::article::{Action, Article, Version};
use crate::attribution::{Proved, sample};
use crate::config::{Edition, Format};
use crate::render::rendition;
use crate::transport::Timeouts;
use crate::transport::knock::Finding;

/// What becomes of something that is asked.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Done,
    /// Nothing happens.
    Trouble,
    Denied,
    Refused,
    /// It happens, and nobody hears of it.
    DoneUnheard,
    /// It does not, and nobody hears of that.
    NotDoneUnheard,
}

#[derive(Default)]
struct Memory {
    files: Mutex<BTreeMap<String, Bytes>>,
    /// Of what is asked next; all after them is done.
    fates: Mutex<VecDeque<Fate>>,
}

impl Memory {
    fn ask<T>(&self, change: impl FnOnce(&mut BTreeMap<String, Bytes>) -> T) -> Result<T, Outcome> {
        let fate = self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Done);
        let mut files = self.files.lock().unwrap();
        match fate {
            Fate::Done => Ok(change(&mut files)),
            Fate::Trouble => Err(door("trouble")),
            Fate::Denied => Err(denied("denied")),
            Fate::Refused => Err(refused("refused")),
            Fate::DoneUnheard => {
                change(&mut files);
                Err(unknown("unheard"))
            }
            Fate::NotDoneUnheard => Err(unknown("unheard")),
        }
    }

    fn names(&self) -> Vec<String> {
        self.files.lock().unwrap().keys().cloned().collect()
    }

    fn text(&self, name: &str) -> String {
        let files = self.files.lock().unwrap();
        String::from_utf8(files.get(name).unwrap_or_else(|| panic!("no {name}: {:?}", files.keys())).to_vec()).unwrap()
    }
}

impl Store for Memory {
    async fn put(&self, file: &File<'_>) -> Result<(), Outcome> {
        self.ask(|files| drop(files.insert(file.name.to_string(), file.bytes.clone())))
    }

    async fn remove(&self, path: &str) -> Result<(), Outcome> {
        self.ask(|files| drop(files.remove(path)))
    }

    async fn enter(&self) -> Looked<()> {
        let entered = self.ask(|_| (Finding::well("let in"), ()));
        entered.map_err(|outcome| Finding::trouble(outcome.detail, "mend it"))
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, Outcome> {
        self.ask(|files| {
            let inside = |path: &&String| parent(path).unwrap_or_default() == folder;
            files.keys().filter(inside).map(|path| path.rsplit('/').next().unwrap().to_owned()).collect()
        })
    }

    fn in_network(&self) -> Duration {
        Duration::ZERO
    }
}

const STORY: &str = "urn:newsml:paper.example:20261124:ferry-vote";
const OTHER: &str = "urn:newsml:paper.example:20261124:harbor";

fn version_of(guid: &str, version: u64, action: Action) -> Article {
    let guid = guid.parse().unwrap();
    let version = Version::try_from(version).unwrap();
    let slugline = Some(format!("slug {version}"));
    Article { guid, version, action, slugline, ..sample::article() }
}

fn document(article: &Article) -> Arc<Proved> {
    let made = rendition(article, &sample::own(sample::wire()), &Edition::plain(Format::Json));
    made.unwrap_or_else(|flaw| panic!("{flaw}")).document.into()
}

fn parcel_with(article: &Article, document: Arc<Proved>, remote: Option<&str>) -> Parcel {
    Parcel {
        document,
        message_id: "msg_1".into(),
        story: article.guid.clone(),
        version: article.version,
        action: article.action,
        urgency: article.urgency,
        attempt: 1,
        sequence: article.version.get(),
        remote: remote.map(str::to_owned),
        names: NameFields::of_article(article, "json").into(),
        media: Arc::default(),
        trace: None,
    }
}

pub fn parcel(version: u64, action: Action, remote: Option<&str>) -> Parcel {
    let article = version_of(STORY, version, action);
    parcel_with(&article, document(&article), remote)
}

fn rules(rules: serde_json::Value) -> FileRules {
    serde_json::from_value(rules).unwrap()
}

fn door_of(rules: serde_json::Value) -> FileDoor<Memory> {
    FileDoor { store: Memory::default(), rules: self::rules(rules) }
}

fn send<S: Store>(door: &FileDoor<S>, parcel: &Parcel) -> Outcome {
    door.attempt(parcel).now_or_never().expect("a place in memory answers at once")
}

#[test]
fn a_story_has_one_file_which_its_versions_replace() {
    let door = door_of(json!({}));
    let first = send(&door, &parcel(1, Action::Publish, None));
    insta::assert_snapshot!(first.detail, @"ferry-vote-58e536ac4feaf6b8.json written");
    assert_eq!(first.class, Class::Delivered);
    assert_eq!(door.store.names().join("\n"), first.remote.clone().unwrap());
    let before = door.store.text(first.remote.as_deref().unwrap());
    // The same again changes nothing.
    assert_eq!(send(&door, &parcel(1, Action::Publish, None)), first);
    assert_eq!(door.store.text(first.remote.as_deref().unwrap()), before);
    let second = send(&door, &parcel(2, Action::Update, first.remote.as_deref()));
    assert_eq!((second.remote.clone(), door.store.names().len()), (first.remote, 1));
    assert_ne!(door.store.text(second.remote.as_deref().unwrap()), before);
}

#[test]
fn a_name_that_changes_takes_the_old_file_along() {
    let door = door_of(json!({ "name": "{{ slug }}-v{{ version }}-{{ id }}.json" }));
    let first = send(&door, &parcel(1, Action::Publish, None));
    insta::assert_snapshot!(first.remote.as_deref().unwrap(), @"slug-1-v1-58e536ac4feaf6b8.json");
    let second = send(&door, &parcel(2, Action::Update, first.remote.as_deref()));
    assert_eq!(door.store.names(), [second.remote.clone().unwrap()]);
    assert_ne!(second.remote, first.remote);
    // Where we may not remove it, the new one has arrived all the same, and the old one is not forgotten.
    door.store.fates.lock().unwrap().extend([Fate::Done, Fate::Denied]);
    let third = send(&door, &parcel(3, Action::Update, second.remote.as_deref()));
    insta::assert_snapshot!(third.detail, @"slug-3-v3-58e536ac4feaf6b8.json written; slug-2-v2-58e536ac4feaf6b8.json, its file before, stands there still: denied");
    assert_eq!(third.class, Class::Delivered);
    assert_eq!(third.remote.as_deref().unwrap().lines().count(), 2);
    let kill = send(&door, &parcel(4, Action::Kill, third.remote.as_deref()));
    assert_eq!((kill.class, door.store.names().len()), (Class::Delivered, 1));
}

#[test]
fn versions_that_are_kept_are_all_taken_back() {
    let door = door_of(json!({ "name": "{{ id }}-{{ version }}.json", "keep_versions": true, "on_kill": "remove" }));
    let mut remote = None;
    for version in 1..=102 {
        remote = send(&door, &parcel(version, Action::Update, remote.as_deref())).remote;
    }
    assert_eq!(door.store.names().len(), remote::MOST, "what could not be remembered does not stay");
    let kill = send(&door, &parcel(103, Action::Kill, remote.as_deref()));
    assert_eq!((door.store.names(), kill.remote.as_deref()), (Vec::new(), Some("")));
    insta::assert_snapshot!(kill.detail, @"removed");
}

#[test]
fn what_may_stand_is_remembered_and_what_does_not_is_not() {
    let sent = parcel(1, Action::Publish, None);
    for (fate, remembered) in [
        (Fate::DoneUnheard, true),
        (Fate::NotDoneUnheard, true),
        (Fate::Trouble, false),
        (Fate::Denied, false),
        (Fate::Refused, false),
    ] {
        let door = door_of(json!({}));
        door.store.fates.lock().unwrap().push_back(fate);
        assert_eq!(send(&door, &sent).remote.is_some(), remembered, "{fate:?}");
    }
}

#[test]
fn what_a_kill_does_is_configured() {
    let told = |on_kill: &str| {
        let door = door_of(json!({ "on_kill": on_kill, "checksum": true }));
        let up = send(&door, &parcel(1, Action::Publish, None));
        let mut told = String::new();
        let mut remote = up.remote;
        // Twice, since the answer to the first may be lost.
        for _ in 0..2 {
            let kill = send(&door, &parcel(2, Action::Kill, remote.as_deref()));
            let kills = door.store.names().iter().filter(|name| door.store.text(name).contains("\"kill\"")).count();
            told += &format!("{:?}: {}\n  {kills} kill of {:?}\n", kill.class, kill.detail, door.store.names());
            remote = kill.remote;
        }
        told
    };
    insta::assert_snapshot!(told("replace"), @r#"
    Delivered: ferry-vote-58e536ac4feaf6b8.json is the kill now
      1 kill of ["ferry-vote-58e536ac4feaf6b8.json", "ferry-vote-58e536ac4feaf6b8.json.sha256"]
    Delivered: ferry-vote-58e536ac4feaf6b8.json is the kill now
      1 kill of ["ferry-vote-58e536ac4feaf6b8.json", "ferry-vote-58e536ac4feaf6b8.json.sha256"]
    "#);
    insta::assert_snapshot!(told("remove"), @r"
    Delivered: removed
      0 kill of []
    Delivered: removed
      0 kill of []
    ");
    insta::assert_snapshot!(told("both"), @r#"
    Delivered: removed, and ferry-vote-58e536ac4feaf6b8-kill.json written
      1 kill of ["ferry-vote-58e536ac4feaf6b8-kill.json", "ferry-vote-58e536ac4feaf6b8-kill.json.sha256"]
    Delivered: removed, and ferry-vote-58e536ac4feaf6b8-kill.json written
      1 kill of ["ferry-vote-58e536ac4feaf6b8-kill.json", "ferry-vote-58e536ac4feaf6b8-kill.json.sha256"]
    "#);
}

#[test]
fn a_checksum_stands_beside_its_file() {
    let door = door_of(json!({ "name": "in/{{ id }}.json", "checksum": true }));
    let sent = parcel(1, Action::Publish, None);
    let name = send(&door, &sent).remote.unwrap();
    let sum = door.store.text(&format!("{name}.sha256"));
    let digest: String = sent.document.digest().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(sum, format!("{digest}  {}\n", name.trim_start_matches("in/")));
    // A place that does not take it has the document.
    let door = door_of(json!({ "checksum": true }));
    door.store.fates.lock().unwrap().extend([Fate::Done, Fate::Refused]);
    let outcome = send(&door, &sent);
    assert_eq!(outcome.class, Class::Delivered);
    insta::assert_snapshot!(outcome.detail, @"ferry-vote-58e536ac4feaf6b8.json written; its checksum was not taken: refused");
}

/// One attempt: which version, what becomes of what it asks, and whether the program dies before its record.
type Event = (u64, Vec<Fate>, bool);

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        4 => Just(Fate::Done),
        1 => Just(Fate::Trouble),
        1 => Just(Fate::Denied),
        1 => Just(Fate::Refused),
        1 => Just(Fate::DoneUnheard),
        1 => Just(Fate::NotDoneUnheard),
    ]
}

static MADE: LazyLock<Vec<(Article, Arc<Proved>)>> = LazyLock::new(|| {
    let action = |version| if version == 9 { Action::Kill } else { Action::Publish };
    let of = |guid| (1..=9).map(move |version| version_of(guid, version, action(version)));
    of(STORY)
        .chain([version_of(OTHER, 1, Action::Publish)])
        .map(|article| (document(&article), article))
        .map(|(document, article)| (article, document))
        .collect()
});

proptest! {
    /// Whatever happened before, a kill that is delivered leaves nothing of the story but itself, and takes nothing of
    /// another one; and what is delivered stands there.
    #[test]
    fn a_kill_finds_all_of_its_story_and_nothing_else(
        events in prop::collection::vec((1_u64..9, prop::collection::vec(fate(), 0..5), any::<bool>()), 0..8),
        last in prop::collection::vec(fate(), 0..6),
        on_kill in prop::sample::select(vec!["replace", "remove", "both"]),
        name in prop::sample::select(vec!["{{ name }}-{{ id }}.json", "in/{{ slug }}-{{ id }}_{{ version }}.json"]),
        keep in any::<bool>(), checksum in any::<bool>(),
    ) {
        let door = door_of(json!({ "name": name, "on_kill": on_kill, "keep_versions": keep, "checksum": checksum }));
        let made = |number: u64| &MADE[usize::try_from(number).unwrap() - 1];
        let (other, bytes) = made(10);
        prop_assert_eq!(send(&door, &parcel_with(other, Arc::clone(bytes), None)).class, Class::Delivered);
        let of_other = door.store.names();

        let mut remote: Option<String> = None;
        let events: Vec<Event> = events;
        for (version, fates, dies) in events {
            let (article, document) = made(version);
            door.store.fates.lock().unwrap().extend(fates);
            let outcome = send(&door, &parcel_with(article, Arc::clone(document), remote.as_deref()));
            door.store.fates.lock().unwrap().clear();
            if outcome.class == Class::Delivered {
                let name = outcome.remote.clone().unwrap().lines().next().unwrap().to_owned();
                let text = door.store.text(&name);
                prop_assert_eq!(text.as_bytes(), &document.bytes()[..]);
            }
            if !dies && outcome.remote.is_some() {
                remote = outcome.remote;
            }
        }

        let (article, document) = made(9);
        door.store.fates.lock().unwrap().extend(last);
        for _ in 0..8 {
            let outcome = send(&door, &parcel_with(article, Arc::clone(document), remote.as_deref()));
            remote = outcome.remote.or(remote);
            if outcome.class == Class::Delivered {
                break;
            }
        }
        let mut kills = 0;
        for name in door.store.names().into_iter().filter(|name| !of_other.contains(name)) {
            if door.store.text(&name).as_bytes() == &document.bytes()[..] {
                kills += 1;
            } else {
                prop_assert!(checksum && name.ends_with(".sha256"), "{name} is left");
            }
        }
        prop_assert_eq!(kills, usize::from(on_kill != "remove"));
        for name in of_other {
            prop_assert!(name.ends_with(".sha256") || door.store.text(&name).as_bytes() == &bytes.bytes()[..]);
        }
    }
}

// --- a real directory ------------------------------------------------------------------------------------------------

fn local(path: &std::path::Path, file: serde_json::Value) -> FileDoor<LocalDirectory> {
    let [connect, write, answer] = [5; 3].map(Duration::from_secs);
    let store = LocalDirectory::new(path, Timeouts { connect, write, answer }, 2);
    FileDoor { store, rules: rules(file) }
}

fn standing(path: &std::path::Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_directory_has_the_file_and_nothing_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let door = local(dir.path(), json!({ "name": "{{ wire }}/{{ id }}.json", "make_folders": true }));
    let sent = parcel(1, Action::Publish, None);
    let up = door.attempt(&sent).await;
    assert_eq!(up.class, Class::Delivered, "{}", up.detail);
    let name = up.remote.unwrap();
    assert_eq!(&fs::read(dir.path().join(&name)).unwrap()[..], &sent.document.bytes()[..]);
    assert_eq!(standing(dir.path().join(&name).parent().unwrap()).len(), 1, "no temporary file is left");
    let kill = door.attempt(&parcel(2, Action::Kill, Some(&name))).await;
    assert_eq!((kill.class, kill.remote), (Class::Delivered, Some(name)));
}

#[tokio::test]
async fn what_is_wrong_with_a_directory_is_the_doors_trouble() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("mounted");
    let door = local(&place, json!({}));
    let sent = parcel(1, Action::Publish, None);
    let outcome = async |door: &FileDoor<LocalDirectory>| {
        let outcome = door.attempt(&sent).await;
        (outcome.class, outcome.detail.replace(&dir.path().display().to_string(), ""))
    };
    let (class, detail) = outcome(&door).await;
    assert_eq!(class, Class::Deferred { retry_after: None, maybe_document: false });
    insta::assert_snapshot!(detail, @"/mounted is not there; mount it, or make it");
    assert!(!place.exists(), "a directory that is not mounted is not made");
    fs::create_dir(&place).unwrap();
    let deeper = local(&place, json!({ "name": "a/{{ id }}" }));
    let (class, detail) = outcome(&deeper).await;
    assert_eq!(class, Class::Deferred { retry_after: None, maybe_document: true });
    insta::assert_snapshot!(detail, @"the folder /mounted/a is not there; make it, or set make_folders");
    // A folder that has the file's name is this file's fault.
    let up = door.attempt(&sent).await;
    let file = place.join(up.remote.unwrap());
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    assert_eq!(outcome(&door).await.0, Class::Refused);
    assert_eq!(standing(&place).len(), 1, "nothing temporary is left");
}

/// The directory may be the partner's, and what he puts there must not lead us elsewhere.
#[tokio::test]
async fn no_link_leads_out_of_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (place, elsewhere) = (dir.path().join("place"), dir.path().join("elsewhere"));
    fs::create_dir(&place).unwrap();
    fs::create_dir(&elsewhere).unwrap();
    fs::write(elsewhere.join("precious"), "mine").unwrap();
    let door = local(&place, json!({}));
    let sent = parcel(1, Action::Publish, None);
    let name = door.attempt(&sent).await.remote.unwrap();
    fs::remove_file(place.join(&name)).unwrap();
    for link in [name.clone(), format!(".{name}.part")] {
        symlink(elsewhere.join("precious"), place.join(link)).unwrap();
    }
    assert_eq!(door.attempt(&sent).await.class, Class::Delivered);
    assert_eq!(fs::read_to_string(elsewhere.join("precious")).unwrap(), "mine");
    assert_eq!(&fs::read(place.join(&name)).unwrap()[..], &sent.document.bytes()[..]);
    assert!(fs::symlink_metadata(place.join(&name)).unwrap().is_file());
    // Nor does a folder.
    symlink(&elsewhere, place.join("sub")).unwrap();
    let door = local(&place, json!({ "name": "sub/{{ id }}", "make_folders": true, "on_kill": "remove" }));
    let outcome = door.attempt(&sent).await;
    assert_eq!(outcome.class, Class::Deferred { retry_after: None, maybe_document: true }, "{}", outcome.detail);
    fs::write(elsewhere.join(door.rules.name.fill(&sent.names).unwrap().split().1), "theirs").unwrap();
    door.attempt(&parcel(2, Action::Kill, None)).await;
    assert_eq!(standing(&elsewhere).len(), 2, "nor is anything removed there");
}

/// A file that is written anew keeps no permissions that somebody gave to the one before.
#[tokio::test]
async fn a_leftover_of_an_attempt_that_broke_off_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let door = local(dir.path(), json!({}));
    let sent = parcel(1, Action::Publish, None);
    let name = door.rules.name.fill(&sent.names).unwrap();
    let leftover = dir.path().join(format!(".{name}.part"));
    fs::write(&leftover, "half a docum").unwrap();
    fs::set_permissions(&leftover, fs::Permissions::from_mode(0o400)).unwrap();
    assert_eq!(door.attempt(&sent).await.class, Class::Delivered);
    assert_eq!(standing(dir.path()), [name.to_string()]);
    // And a kill that finds one takes it along.
    fs::write(&leftover, "half a docum").unwrap();
    let door = local(dir.path(), json!({ "on_kill": "remove" }));
    assert_eq!(door.attempt(&parcel(2, Action::Kill, None)).await.class, Class::Delivered);
    assert_eq!(standing(dir.path()), Vec::<String>::new());
}

/// Whatever fails, it is told by what failed, and nothing of a test stays where it could be removed.
#[tokio::test]
async fn a_try_leaves_nothing_and_says_where_it_ended() {
    use Fate::{Denied, Done, Trouble};
    let tried = async |fates: &[Fate]| {
        let store = Memory { fates: Mutex::new(fates.iter().copied().collect()), ..Memory::default() };
        let door = FileDoor { store, rules: FileRules::default() };
        let mut steps = Steps::default();
        door.knock(&mut steps).await;
        let told = steps.told().map(|step| format!("{} {:?}", step.part.as_str(), step.finding.verdict));
        (told.collect::<Vec<_>>().join(", "), door.store.names())
    };
    assert_eq!(tried(&[]).await, ("login Well, folder Well".to_owned(), vec![]));
    assert_eq!(tried(&[Trouble]).await, ("login Trouble".to_owned(), vec![]));
    assert_eq!(tried(&[Done, Denied]).await, ("login Well, folder Trouble".to_owned(), vec![]));
    let (told, names) = tried(&[Done, Done, Denied]).await;
    assert_eq!((told.as_str(), names.len()), ("login Well, folder Trouble", 1));
    assert!(names[0].starts_with(".newswire-test-") && names[0].ends_with(".part"), "{names:?}");
}

/// A test item is written beside what stands there, under a name that says what it is, and is removed.
#[tokio::test]
async fn a_test_item_is_marked_and_removed() {
    let publish = parcel(1, Action::Publish, None);
    let item = TestItem { kill: parcel(2, Action::Kill, None), publish };
    let door = FileDoor { store: Memory::default(), rules: rules(json!({ "name": "in/{{ id }}.{{ extension }}" })) };
    let (found, ()) = door.try_item(&item).await.unwrap();
    assert!(found.found.starts_with("in/TEST-"), "{found:?}");
    assert!(door.store.names().is_empty());
    *door.store.fates.lock().unwrap() = [Fate::Done, Fate::Denied].into();
    let why = door.try_item(&item).await.unwrap_err();
    assert!(why.mend.unwrap().contains("in/TEST-"), "it says what stands there still");
}
mod sidecars;
