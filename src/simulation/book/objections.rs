//! What there is to say against a request that begins.

use std::time::Duration;

use jiff::Timestamp;

use super::{Book, Committed, Halted, INSTANT, Sent};
use crate::article::Action;
use crate::simulation::schedule::{EARLY, EARLY_DOOR, EVERY_DOOR, RATE_BURST, RATE_INTERVAL, SECTION_DOOR};
use crate::transport::Class;

/// From a lane's decision to its request.
const JUST_BEFORE: Duration = Duration::from_millis(100);

impl Book {
    pub(super) fn objections(&self, sent: &Sent, now: Timestamp) -> Vec<String> {
        let Sent { door, story, version, action, sequence, began, incarnation, .. } = *sent;
        let mut found = Vec::new();
        let mut object = |holds: bool, what: &str| {
            if !holds {
                found.push(what.to_owned());
            }
        };
        let before: Vec<_> = self.sends.iter().filter(|one| one.door == door && one.story == story).collect();
        object(
            !before.iter().any(|one| one.incarnation == incarnation && one.ended.is_none()),
            "another attempt is in flight",
        );
        object(before.iter().all(|one| one.version <= version), "a higher version was attempted before");
        if door == SECTION_DOOR && !action.withdraws() {
            // A withdrawal goes past its contract's rate, and counts.
            let in_life = self.sends.iter().rev().filter(|one| one.door == door && one.incarnation == incarnation);
            let first = in_life.map(|one| one.began).nth(RATE_BURST - 1);
            object(
                first.is_none_or(|first| began - first >= RATE_INTERVAL - JUST_BEFORE),
                "its contract does not allow so many in so short a time",
            );
        }
        let Some(book) = self.stories.get(&story) else {
            return vec!["nothing of the story is committed".to_owned()];
        };
        let Some(this) = book.committed.iter().find(|one| one.version == version) else {
            return vec!["that version was never the story's newest on the disk".to_owned()];
        };
        let known = || book.committed.iter().filter(|one| one.at < began);
        let withdraws = action.withdraws();
        // A process that died meanwhile may have announced an attempt, and nobody knows what became of that.
        let offered = book.committed.iter().find(|one| one.routed[door] && !one.action.withdraws());
        let died = offered.is_some_and(|one| !self.calm_between(one.at, began));
        if withdraws {
            object(died || before.iter().any(|one| !one.surely_not()), "a kill for who never had the story");
        } else {
            // What an operator had sent again goes by the rules of a day that nobody wrote down here.
            let renewed = book.renewed.iter().any(|(at, renewed)| *at <= began && *renewed == door);
            let for_it = |one: &Committed| one.routed[door] || renewed;
            object(
                for_it(this) || (this.action == Action::Correct && (died || !before.is_empty())),
                "that version is not for this door",
            );
            // What is owed now, by what was on the disk before.
            let newest = known().filter(|one| one.routed[door] || one.action.withdraws()).map(|one| one.version).max();
            object(newest <= Some(version) || door == EVERY_DOOR, "a newer version is on the disk");
            object(
                known().all(|one| one.version <= version || !one.action.withdraws()),
                "the story was withdrawn before",
            );
            let passed_over = known().any(|one| one.version > version && !for_it(one));
            // What has arrived is sent once more when an older request could arrive after it.
            let arrived = |one: &&Sent| one.version == version && matches!(one.ended, Some((_, Class::Delivered)));
            object(!passed_over || before.iter().any(arrived), "a newer version is not for this door");
            if door == EVERY_DOOR {
                let was_sent = |one: &Committed| before.iter().any(|sent| sent.version == one.version);
                // Its time may have been over before the machine's clock went back.
                let latest = self.clock_read.max(now);
                let had_its_end = |one: &Committed| {
                    one.action.withdraws()
                        || book.cancels.iter().any(|cancel| cancel.up_to >= one.version)
                        || one.expires.is_some_and(|expires| expires <= latest)
                        || known().any(|kill| kill.action.withdraws() && kill.version > one.version)
                };
                let skipped = known().any(|one| one.version < version && !had_its_end(one) && !was_sent(one));
                object(!skipped, "a version before it was left out");
            }
            let early = if door == EARLY_DOOR && this.routed[door] { EARLY } else { Duration::ZERO };
            let over = |one: &Committed| {
                one.embargo.and_then(|embargo| embargo.checked_sub(early).ok()).is_none_or(|embargo| now >= embargo)
            };
            // Where all versions go, the newest says when; one that comes in the same instant may, or may not yet.
            let dated = |before| book.committed.iter().rev().find(|one| one.at < before).is_none_or(over);
            let ended = if door == EVERY_DOOR { dated(began) || dated(began + INSTANT) } else { over(this) };
            object(ended, "its embargo has not ended");
            object(this.expires.is_none_or(|expires| now < expires), "it has expired");
            // What is ordered in the same instant may be before or after it.
            let held = |instant| book.holds.iter().rev().find(|(at, _)| *at < instant).is_some_and(|(_, held)| *held);
            object(!held(began) || !held(began + INSTANT), "an operator holds the story");
        }
        match self.halted(door, began).min(self.halted(door, began + INSTANT)) {
            Halted::No => {}
            Halted::ButKills => object(withdraws, "the door is halted"),
            Halted::All => object(false, "the door is halted, for kills too"),
        }
        let cancelled = book.cancels.iter().any(|cancel| {
            cancel.at < began
                && cancel.door.is_none_or(|meant| meant == door)
                && cancel.up_to >= version
                && (cancel.even_kills || !withdraws)
                // What had arrived there was not waiting, and a replay that works may come to it.
                && !before.iter().any(|one| {
                    one.version == version && one.ended.is_some_and(|(at, class)| at < cancel.at && class == Class::Delivered)
                })
                && !book.renewed.iter().any(|(at, renewed)| *at >= cancel.at && *renewed == door)
        });
        object(!cancelled, "an operator cancelled it");
        for one in self.sends.iter().filter(|one| one.door == door) {
            let same = (one.story, one.version) == (story, version);
            if same && one.sequence != sequence {
                object(false, "it has another number than before");
            }
            if one.sequence == sequence && one.story != story {
                object(false, "another story had that number");
            }
            if one.sequence == sequence && one.story == story && !same && !one.surely_not() {
                object(false, "a version that may have arrived had that number");
            }
        }
        found
    }
}
