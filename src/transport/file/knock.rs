//! A try of a place without a story: whether we are let in, and can write, move and remove a file there.
//!
//! The file stands under a name that a file has while it is being written, all the time that it is there: whoever takes
//! files up from the folder leaves those alone. A test item stands under a name of its own, for as long as it takes to
//! remove it.

use bytes::Bytes;

use super::{File, FileDoor, Store};
use crate::config::{FileName, NameField, NameFields};
use crate::transport::Outcome;
use crate::transport::knock::{Finding, Looked, Part, Steps, TestItem};

/// What the file says to whoever finds it.
const WORDS: &[u8] = b"newswired tries whether it can write here. This is not news, and may be removed.\n";

/// What its name begins with; a number makes it nobody else's.
const NAME: &str = "newswire-test";

/// What the name of a test item begins with.
const MARK: &str = "TEST-";

impl<S: Store> FileDoor<S> {
    pub(super) async fn try_without_story(&self, steps: &mut Steps) {
        if steps.look(Part::Login, self.store.enter()).await.is_some() {
            steps.look(Part::Folder, self.try_to_write()).await;
        }
    }

    async fn try_to_write(&self) -> Looked<()> {
        let unusable = || Finding::trouble("no name can be made for a test file", "check file.temporary");
        let name = FileName::safe(&format!("{NAME}-{:08x}", fastrand::u32(..))).ok_or_else(unusable)?;
        let name = self.rules.temporary.clone().unwrap_or_default().name(&name);
        let bytes = Bytes::from_static(WORDS);
        let file = File {
            temporary: format!("{name}-"),
            name: &name,
            bytes: &bytes,
            content_type: "text/plain; charset=utf-8",
            make_folders: self.rules.make_folders,
        };
        self.store.put(&file).await.map_err(|outcome| not_written(&outcome))?;
        self.store.remove(name.as_str()).await.map_err(|outcome| not_removed(&name, &outcome))?;
        Ok((Finding::well("a test file was written, moved and removed"), ()))
    }

    /// The item stands where its story's file would, for a moment.
    pub(super) async fn try_item_as_file(&self, item: &TestItem) -> Looked<()> {
        let parcel = &item.publish;
        let fields = NameFields::clone(&parcel.names).with(NameField::Sequence, "0");
        let name = self.rules.name.fill(&fields).map_err(|why| Finding::trouble(why, "check file.name"))?;
        let (folder, last) = name.split();
        let marked = FileName::safe(&format!("{folder}/{MARK}{last}"));
        let name = marked.ok_or_else(|| Finding::trouble(format!("{name} cannot be marked"), "check file.name"))?;
        let document = &parcel.document;
        self.put_file(&name, document.bytes(), document.content_type())
            .await
            .map_err(|outcome| not_written(&outcome))?;
        self.store.remove(name.as_str()).await.map_err(|outcome| not_removed(&name, &outcome))?;
        Ok((Finding::well(format!("{name} was written and removed")), ()))
    }
}

fn not_written(outcome: &Outcome) -> Finding {
    let mend = "make the folder if it is missing; have the partner let the user write, rename and remove files in it, and \
                look whether there is room";
    Finding::trouble(outcome.detail.clone(), mend)
}

fn not_removed(name: &FileName, outcome: &Outcome) -> Finding {
    let mend = format!(
        "have the partner let the user remove files in this folder, since kills and updates do; {name} stands there still"
    );
    Finding::trouble(outcome.detail.clone(), mend)
}
