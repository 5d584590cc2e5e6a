//! Files of media beside a story's own.

use super::*;
use crate::transport::Enclosure;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n a picture";

/// The parcel of a version with these pictures.
fn with(dir: &tempfile::TempDir, version: u64, pictures: &[&str], remote: Option<&str>) -> Parcel {
    let bare = parcel(version, Action::Publish, remote);
    let id = bare.names.id().to_owned();
    let file = |name: &&str| Enclosure::in_test(dir.path(), &format!("{id}-{name}.png"), PNG);
    Parcel { media: pictures.iter().map(file).collect(), ..bare }
}

fn kill(version: u64, remote: Option<&str>) -> Parcel {
    parcel(version, Action::Kill, remote)
}

/// In memory, where an attempt ends at once but for the disk that files are loaded from.
async fn attempt(door: &FileDoor<Memory>, parcel: &Parcel) -> Outcome {
    door.attempt(parcel).await
}

fn names(door: &FileDoor<Memory>) -> String {
    door.store.names().join("\n")
}

#[tokio::test]
async fn they_stand_beside_the_story_and_go_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let door = door_of(json!({ "name": "{{ wire }}/{{ name }}-{{ id }}.json", "sidecars": {} }));
    let first = attempt(&door, &with(&dir, 1, &["a", "b"], None)).await;
    assert_eq!(first.class, Class::Delivered);
    insta::assert_snapshot!(first.detail, @"hpnf/ferry-vote-58e536ac4feaf6b8.json written; 2 beside it");
    insta::assert_snapshot!(names(&door), @r"
    hpnf/58e536ac4feaf6b8-a.png
    hpnf/58e536ac4feaf6b8-b.png
    hpnf/ferry-vote-58e536ac4feaf6b8.json
    ");
    // The next version has another picture in the place of the first.
    let second = attempt(&door, &with(&dir, 2, &["c", "b"], first.remote.as_deref())).await;
    insta::assert_snapshot!(names(&door), @r"
    hpnf/58e536ac4feaf6b8-b.png
    hpnf/58e536ac4feaf6b8-c.png
    hpnf/ferry-vote-58e536ac4feaf6b8.json
    ");
    let ended = attempt(&door, &kill(3, second.remote.as_deref())).await;
    assert_eq!(ended.class, Class::Delivered);
    insta::assert_snapshot!(names(&door), @"hpnf/ferry-vote-58e536ac4feaf6b8.json");
    assert_eq!(ended.remote.as_deref(), Some("hpnf/ferry-vote-58e536ac4feaf6b8.json"));
}

#[tokio::test]
async fn they_come_before_the_story() {
    let dir = tempfile::tempdir().unwrap();
    let door = door_of(json!({ "sidecars": {} }));
    // Each is put: the first picture, the second, the story.
    for (fates, want, there) in [
        (vec![Fate::Trouble], Class::Deferred { retry_after: None, maybe_document: false }, 0),
        (vec![Fate::Refused], Class::Refused, 0),
        (vec![Fate::DoneUnheard], Class::Unknown { retry_after: None }, 1),
        // What stands has to be found by a kill, so it counts as arrived.
        (vec![Fate::Done, Fate::Trouble], Class::Unknown { retry_after: None }, 1),
        (vec![Fate::Done, Fate::Done, Fate::Trouble], Class::Unknown { retry_after: None }, 2),
        // A story that is refused leaves nothing behind.
        (vec![Fate::Done, Fate::Done, Fate::Refused], Class::Refused, 0),
        (vec![Fate::Done, Fate::Done, Fate::Refused, Fate::Trouble], Class::Unknown { retry_after: None }, 2),
    ] {
        let door = FileDoor { store: Memory::default(), rules: door.rules.clone() };
        door.store.fates.lock().unwrap().extend(fates.clone());
        let outcome = attempt(&door, &with(&dir, 1, &["a", "b"], None)).await;
        assert_eq!((outcome.class, door.store.names().len()), (want, there), "{fates:?}: {}", outcome.detail);
        // Whatever it came to, a kill leaves the kill alone.
        attempt(&door, &kill(2, outcome.remote.as_deref())).await;
        assert_eq!(names(&door), "ferry-vote-58e536ac4feaf6b8.json", "{fates:?}");
    }
}

#[tokio::test]
async fn a_refused_version_leaves_the_pictures_of_the_one_that_stands() {
    let dir = tempfile::tempdir().unwrap();
    let door = door_of(json!({ "sidecars": {} }));
    let first = attempt(&door, &with(&dir, 1, &["a"], None)).await;
    door.store.fates.lock().unwrap().extend([Fate::Done, Fate::Done, Fate::Refused]);
    let second = attempt(&door, &with(&dir, 2, &["a", "b"], first.remote.as_deref())).await;
    assert_eq!((second.class, second.remote), (Class::Refused, first.remote));
    insta::assert_snapshot!(names(&door), @r"
    58e536ac4feaf6b8-a.png
    ferry-vote-58e536ac4feaf6b8.json
    ");
}

/// The process died between a picture's move and its record.
#[tokio::test]
async fn a_kill_finds_what_nobody_remembers() {
    let dir = tempfile::tempdir().unwrap();
    let door = door_of(json!({ "on_kill": "remove", "sidecars": {} }));
    attempt(&door, &with(&dir, 1, &["a", "b"], None)).await;
    assert_eq!(attempt(&door, &kill(2, None)).await.class, Class::Delivered);
    assert_eq!(names(&door), "");
}

#[tokio::test]
async fn versions_that_stay_keep_their_pictures() {
    let dir = tempfile::tempdir().unwrap();
    let door = door_of(
        json!({ "name": "{{ id }}-v{{ version }}.json", "keep_versions": true, "on_kill": "remove", "sidecars": {} }),
    );
    let first = attempt(&door, &with(&dir, 1, &["a"], None)).await;
    let second = attempt(&door, &with(&dir, 2, &["b"], first.remote.as_deref())).await;
    assert_eq!(door.store.names().len(), 4);
    attempt(&door, &kill(3, second.remote.as_deref())).await;
    assert_eq!(names(&door), "");
}

#[tokio::test]
async fn a_picture_that_left_the_store_is_fetched_again() {
    let dir = tempfile::tempdir().unwrap();
    let door = door_of(json!({ "sidecars": {} }));
    let parcel = with(&dir, 1, &["a"], None);
    fs::remove_dir_all(dir.path().join("files")).unwrap();
    let outcome = attempt(&door, &parcel).await;
    assert_eq!(outcome.class, Class::Deferred { retry_after: None, maybe_document: true });
    assert!(outcome.detail.contains("not in the store of media files any more"), "{}", outcome.detail);
    assert_eq!(names(&door), "");
}

#[tokio::test]
async fn in_a_real_directory() {
    let (kept, place) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let door = local(place.path(), json!({ "sidecars": {} }));
    let first = door.attempt(&with(&kept, 1, &["a"], None)).await;
    assert_eq!(first.class, Class::Delivered, "{}", first.detail);
    assert_eq!(fs::read(place.path().join("58e536ac4feaf6b8-a.png")).unwrap(), PNG);
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 2);
    door.attempt(&kill(2, first.remote.as_deref())).await;
    assert_eq!(fs::read_dir(place.path()).unwrap().count(), 1);
}
