//! What has to hold when everything has settled: every version has one end, each door has what it should, and what could
//! go at once went at once.

use std::time::Duration;

use super::{Book, Halted, RowSeen, SOON, Sent, Story, cancelled};
use crate::article::Action;
use crate::simulation::schedule::{DOORS, EARLY, EARLY_DOOR, PAUSED_VARIANT};
use crate::transport::Class;

impl Book {
    /// Kills go through a halt that does not stop them.
    pub fn check_kills_at_halted_doors(&mut self, at: Duration) {
        let mut missed = Vec::new();
        for (story, book) in &self.stories {
            let Some(kill) = book.committed.last().filter(|last| last.action.withdraws()) else { continue };
            // It had time for the slowest backoff and all that may be in the network.
            if kill.at + Duration::from_secs(20) > at {
                continue;
            }
            for door in 0..DOORS {
                let has = |one: &&Sent| one.door == door && one.story == *story;
                let got = self.sends.iter().filter(has).any(|one| !one.action.withdraws() && !one.arrivals.is_empty());
                let killed = self
                    .sends
                    .iter()
                    .filter(has)
                    .any(|one| one.version == kill.version && matches!(one.ended, Some((_, Class::Delivered))));
                if got && !killed && self.halted(door, at) != Halted::All && !cancelled(book, door, kill.version) {
                    missed.push(format!("door {door} has s{story}, and its kill has not come though the door is well"));
                }
            }
        }
        missed.into_iter().for_each(|what| self.violated(at, what));
    }

    /// Everything has settled: what the ledger holds, and what each door has.
    pub fn check_end(&mut self, rows: &[RowSeen], at: Duration) {
        let mut found = Vec::new();
        for (story, book) in &self.stories {
            for door in 0..DOORS {
                let row = rows.iter().find(|row| row.door == door && row.story == *story);
                let context = format!("door {door}, s{story}");
                found.extend(self.conserved(book, door, row).into_iter().map(|what| format!("{context}: {what}")));
                let arrived = self.arrived(door, *story);
                found.extend(self.converged(book, door, row, &arrived).map(|what| format!("{context}: {what}")));
                found.extend(self.in_time(book, door, *story).map(|what| format!("{context}: {what}")));
            }
            if let Some(newest) = book.committed.last()
                && newest.rights_until.is_some()
                && !newest.action.withdraws()
            {
                found.push(format!("s{story}: its rights have ended, and it is not withdrawn"));
            }
        }
        found.extend(self.untold(rows));
        found.into_iter().for_each(|what| self.violated(at, what));
    }

    /// Every version that was owed has one end, or is the one that the row holds.
    fn conserved(&self, book: &Story, door: usize, row: Option<&RowSeen>) -> Vec<String> {
        let mut found = Vec::new();
        let mut held: Vec<u64> = row.map(|row| vec![row.version]).unwrap_or_default();
        held.extend(row.into_iter().flat_map(|row| row.later.iter().chain(&row.past)));
        for one in &book.committed {
            let times = held.iter().filter(|version| **version == one.version).count();
            if one.routed[door] && !one.action.withdraws() && times == 0 {
                found.push(format!("v{} was owed, and has no end", one.version));
            }
            if times > 1 {
                found.push(format!("v{} has {times} ends", one.version));
            }
        }
        let unknown = held.iter().filter(|version| book.committed.iter().all(|one| one.version != **version));
        found.extend(unknown.map(|version| format!("v{version} was never the story's newest")));
        found
    }

    /// What arrived, in the order of arrival.
    fn arrived(&self, door: usize, story: usize) -> Vec<(Duration, u64, Action)> {
        let mut all: Vec<_> = self
            .sends
            .iter()
            .filter(|one| one.door == door && one.story == story)
            .flat_map(|one| one.arrivals.iter().map(|at| (*at, one.version, one.action)))
            .collect();
        all.sort_by_key(|(at, ..)| *at);
        all
    }

    /// A receiver that shows whatever came last shows what it should.
    fn converged(
        &self,
        book: &Story,
        door: usize,
        row: Option<&RowSeen>,
        arrived: &[(Duration, u64, Action)],
    ) -> Option<String> {
        let newest = book.committed.last()?;
        let last = arrived.last();
        let Some(row) = row else {
            return last.map(|(_, version, _)| format!("v{version} arrived, and the ledger has no row"));
        };
        if row.stage != 4 {
            return Some(format!("v{} is still at stage {} though nothing is wrong any more", row.version, row.stage));
        }
        let ended = row.ended.as_deref().unwrap_or_default();
        if newest.action.withdraws() {
            let has = arrived.iter().any(|(_, _, action)| !action.withdraws());
            let came_down = last.is_some_and(|(_, version, _)| *version == newest.version);
            if has && !came_down && !cancelled(book, door, newest.version) {
                return Some(format!("the story was withdrawn, and what came last is {last:?}; its row is {ended}"));
            }
            return None;
        }
        let wanted = book.committed.iter().find(|one| one.version == row.version)?;
        let passed_over = book.committed.iter().any(|one| one.version > row.version && !one.routed[door]);
        match ended {
            // What has expired is not sent once more, though an older request came after it.
            "delivered" if wanted.expires.is_some() => None,
            "delivered" => (last.map(|(_, version, _)| *version) != Some(row.version))
                .then(|| format!("v{} is said to be delivered, and what came last is {last:?}", row.version)),
            "refused" if self.strict[door] => None,
            "expired" if wanted.expires.is_some() => None,
            "superseded" if passed_over => None,
            // A correction or a kill for who has the story, where it turned out not to have come.
            "cancelled" if !wanted.routed[door] || wanted.action.withdraws() => None,
            "cancelled" if cancelled(book, door, row.version) => None,
            other => Some(format!("v{} ended as {other} without a cause", row.version)),
        }
    }

    /// A door that is well is served soon, whatever the others do; a kill goes to any door at once.
    fn in_time(&self, book: &Story, door: usize, story: usize) -> Option<String> {
        if !book.holds.is_empty()
            || !book.cancels.is_empty()
            || !book.renewed.is_empty()
            || !self.halts[door].is_empty()
        {
            return None;
        }
        for (at, one) in book.committed.iter().enumerate() {
            let early = if door == EARLY_DOOR { EARLY } else { Duration::ZERO };
            let embargo = one.embargo.map(|embargo| self.since_start(embargo).saturating_sub(early));
            let due = embargo.map_or(one.at, |embargo| embargo.max(one.at));
            let until = due + SOON;
            let next = book.committed.get(at + 1);
            if !self.calm_between(one.at.saturating_sub(SOON), until) || next.is_some_and(|next| next.at <= until) {
                continue;
            }
            let sends = || self.sends.iter().filter(|sent| sent.door == door && sent.story == story);
            let begun = sends().any(|sent| sent.version == one.version && sent.began <= until);
            if one.action.withdraws() {
                let has = sends().any(|sent| {
                    sent.ended.is_some_and(|(ended, class)| class == Class::Delivered && ended + SOON < one.at)
                });
                let in_flight =
                    sends().any(|sent| sent.began <= one.at && sent.ended.is_none_or(|(ended, _)| ended >= one.at));
                if has && !in_flight && !begun {
                    return Some(format!("the kill v{} did not go at once", one.version));
                }
            } else if door == 0 && one.routed[0] && self.variant != PAUSED_VARIANT {
                let expired = one.expires.is_some_and(|expires| self.since_start(expires) <= until);
                if !begun && !expired {
                    return Some(format!("v{} did not go though the door was well", one.version));
                }
            }
        }
        None
    }
}
