//! The answer as it is read out to a partner on the telephone.

use std::fmt::Write as _;

use super::at;
use super::why::{Answer, Door, Owed};
use crate::ledger::{OrderRecord, OrderState};

/// A paragraph for the story, one for each destination, and one for what was ordered.
pub fn told(answer: &Answer) -> String {
    let mut paragraphs = vec![about_story(answer)];
    paragraphs.extend(answer.doors.iter().map(|door| about_door(door, answer)));
    if answer.doors.is_empty() {
        paragraphs.push("No destination of it is known.".to_owned());
    }
    if !answer.orders.is_empty() {
        let orders: Vec<String> = answer.orders.iter().map(about_order).collect();
        paragraphs.push(format!("Ordered, the last first:\n{}", orders.join("\n")));
    }
    paragraphs.join("\n\n")
}

fn about_story(answer: &Answer) -> String {
    let mut text = String::new();
    match answer.versions.last() {
        Some(newest) => {
            let _ = write!(
                text,
                "\"{}\" ({}) stands at version {} ({}), accepted {} from {}.",
                answer.headline,
                answer.story,
                newest.version,
                newest.action,
                at(newest.accepted),
                newest.source
            );
        }
        None => {
            let _ = write!(
                text,
                "{} came up to version {}; what else there was of it was removed after the time to keep it (ledger.keep_deliveries).",
                answer.story, answer.newest
            );
        }
    }
    if let Some(why) = &answer.on_hold {
        let _ = write!(text, " It is on hold: {why}.");
    }
    if let Some(until) = answer.rights_until {
        let _ = write!(text, " Who has it may keep it until {}; then it is withdrawn by itself.", at(until));
    }
    match &answer.routed {
        Some(routed) => {
            let _ = write!(text, "\n{} {}. (By the configuration as it is now.)", answer.partner, routed.why);
        }
        None if !answer.versions.is_empty() => {
            let _ = write!(text, "\n{} is not in the configuration any more.", answer.partner);
        }
        None => {}
    }
    text
}

fn about_door(door: &Door, answer: &Answer) -> String {
    let name = &door.destination;
    let Some(owed) = &door.owed else {
        return format!("{name} is owed nothing of it{}.", why_nothing(answer));
    };
    let mut text = match (&owed.ended, owed.state) {
        (Some((when, reason)), "delivered") => {
            format!("{name} has version {}: delivered {} ({reason}).", owed.version, at(*when))
        }
        (Some((when, reason)), state) => {
            let ended = if state == "expired" { "expired".to_owned() } else { format!("was {state}") };
            let mend = match state {
                "refused" | "expired" => {
                    format!(
                        " It waits for an operator: `newswired resend --story {} --destination {name}` sends it again.",
                        answer.story
                    )
                }
                _ => String::new(),
            };
            format!("{name}: version {} ({}) {ended} {}: {reason}.{mend}", owed.version, owed.action, at(*when))
        }
        (None, state) => {
            let waits = owed.waits_for.join("; ");
            let state = if state == "attempting" { "is being sent" } else { "waits for" };
            format!(
                "{name} {state} version {} ({}), accepted {}: {waits}.",
                owed.version,
                owed.action,
                at(owed.accepted)
            )
        }
    };
    what_it_has(&mut text, owed, answer);
    if !door.failed.is_empty() {
        text.push_str("\nAttempts that failed:");
        for failed in &door.failed {
            let _ = write!(
                text,
                "\n  {} version {}, attempt {}: {} ({})",
                at(failed.began),
                failed.version,
                failed.attempt,
                failed.outcome,
                failed.detail
            );
        }
    }
    if !door.past.is_empty() {
        text.push_str("\nEarlier versions:");
        for past in &door.past {
            let _ = write!(text, "\n  {} version {}: {} ({})", at(past.at), past.version, past.ended, past.reason);
        }
    }
    text
}

/// Why a destination has no delivery.
fn why_nothing(answer: &Answer) -> String {
    let withdrawn = answer.versions.last().is_some_and(|newest| newest.action.withdraws());
    match &answer.routed {
        _ if withdrawn => ": the story was withdrawn before it was ever owed it".to_owned(),
        Some(routed) if routed.gets => format!(
            ", though it would be by the configuration as it is now: when version {} came, the configuration was another. `newswired replay` sends what is missing",
            answer.newest
        ),
        Some(_) | None => String::new(),
    }
}

fn what_it_has(text: &mut String, owed: &Owed, answer: &Answer) {
    if owed.version < answer.newest && owed.later.is_empty() {
        let _ = write!(text, " Version {}, the newest, was not for it.", answer.newest);
    }
    if !owed.later.is_empty() {
        let later: Vec<String> = owed.later.iter().map(ToString::to_string).collect();
        let _ = write!(text, " Then it is to get version {}.", later.join(", "));
    }
    match (owed.confirmed, owed.possible) {
        (Some(confirmed), _) if owed.state == "delivered" && confirmed == owed.version => {}
        (Some(confirmed), _) => {
            let _ = write!(text, " It has confirmed version {confirmed}.");
        }
        (None, Some(_)) => {}
        (None, None) => text.push_str(" It has never confirmed a version."),
    }
    if let Some(possible) = owed.possible.filter(|possible| owed.confirmed < Some(*possible)) {
        let _ = write!(text, " It may have version {possible}: the answer to that attempt was lost.");
    }
    if owed.attempts > 0 {
        let _ = write!(text, " Attempts of this version: {}.", owed.attempts);
    }
    if let Some(sequence) = owed.sequence {
        let _ = write!(text, " Its number in the destination's sequence is {sequence}.");
    }
}

fn about_order(record: &OrderRecord) -> String {
    let why = record.reason.as_ref().map(|reason| format!(", \"{reason}\"")).unwrap_or_default();
    let came = match (record.state, &record.result) {
        (OrderState::Waiting, _) => "waits for a daemon".to_owned(),
        (state, Some(result)) => format!("{}: {result}", state.as_str()),
        (state, None) => state.as_str().to_owned(),
    };
    format!("  {} {} by {}{why} ({came})", at(record.at), record.order, record.by)
}

#[cfg(test)]
mod tests {
    use super::super::waits::Around;
    use super::super::waits::tests::{around, door as view, row, time};
    use super::super::why::*;
    use super::*;
    use crate::article::{Action, Version};
    use crate::ledger::state::{End, Numbered, PastEnd, Stage};
    use crate::ledger::{AttemptView, Before, Halt, NewOrder, Order, OrderId, VersionView};

    fn version(number: u64) -> Version {
        Version::try_from(number).unwrap()
    }

    fn answer(action: Action, gets: &str, doors: Vec<Door>) -> Answer {
        let versions = [(1, Action::Publish, "09:00:00"), (2, Action::Update, "10:00:00"), (3, action, "11:00:00")];
        Answer {
            story: "urn:test:ferry".parse().unwrap(),
            headline: "Ferry vote".to_owned(),
            partner: "Coast Times (coast-times)".to_owned(),
            newest: version(3),
            versions: versions
                .map(|(number, action, accepted)| VersionView {
                    version: version(number),
                    action,
                    accepted: time(accepted),
                    source: "http".to_owned(),
                })
                .into(),
            on_hold: None,
            rights_until: None,
            routed: Some(Routed { gets: gets.starts_with("gets"), why: gets.to_owned() }),
            doors,
            orders: Vec::new(),
            served: true,
        }
    }

    const GETS: &str = "gets it by its rule \"all-but-sports\"";

    #[test]
    fn delivered_after_failures() {
        let mut row = row(Action::Update);
        row.stage = Stage::Ended { end: End::Delivered, at: time("11:00:03"), reason: "answered 200 OK".to_owned() };
        row.attempts = 2;
        row.confirmed = Some(version(3));
        row.number = Some(Numbered { sequence: 17, version: version(3) });
        let mut view = view(row);
        view.past = vec![
            PastEnd {
                version: version(1),
                end: End::Delivered,
                at: time("09:00:01"),
                reason: "answered 200 OK".to_owned(),
            },
            PastEnd {
                version: version(2),
                end: End::Superseded,
                at: time("11:00:00"),
                reason: "version 3 took its place".to_owned(),
            },
        ];
        view.attempts = vec![AttemptView {
            version: version(3),
            attempt: 1,
            began: time("11:00:01"),
            ended: time("11:00:02"),
            outcome: "deferred".to_owned(),
            status: Some(503),
            detail: "answered 503 Service Unavailable".to_owned(),
        }];
        insta::assert_snapshot!(told(&answer(Action::Update, GETS, vec![door(view, &[], &around())])), @r#"
        "Ferry vote" (urn:test:ferry) stands at version 3 (update), accepted 2026-11-24 11:00:00Z from http.
        Coast Times (coast-times) gets it by its rule "all-but-sports". (By the configuration as it is now.)

        coast-times/main has version 3: delivered 2026-11-24 11:00:03Z (answered 200 OK). Attempts of this version: 2. Its number in the destination's sequence is 17.
        Attempts that failed:
          2026-11-24 11:00:01Z version 3, attempt 1: deferred (answered 503 Service Unavailable)
        Earlier versions:
          2026-11-24 09:00:01Z version 1: delivered (answered 200 OK)
          2026-11-24 11:00:00Z version 2: superseded (version 3 took its place)
        "#);
    }

    #[test]
    fn waiting_behind_others_at_a_door_in_trouble_and_on_hold() {
        let mut row = row(Action::Update);
        row.possible = Some(version(2));
        row.attempts = 4;
        let mut view = view(row);
        view.lane.state.retry_at = Some(time("12:10:00"));
        view.lane.state.failures = 4;
        view.lane.state.trouble = Some("connection refused".to_owned());
        view.before = Before { number: 10_000, or_more: true };
        let hold = "hold urn:test:ferry by anna: a court order";
        let around = Around { on_hold: Some(hold), ..around() };
        let mut answer = answer(Action::Update, GETS, vec![door(view, &[], &around)]);
        answer.on_hold = Some(hold.to_owned());
        let NewOrder { order, by, reason, at } = NewOrder {
            order: Order::Hold { story: answer.story.clone() },
            by: "anna".to_owned(),
            reason: Some("a court order".to_owned()),
            at: time("11:30:00"),
        };
        answer.orders = vec![OrderRecord {
            id: OrderId::new(7),
            order,
            at,
            by,
            reason,
            state: OrderState::Done,
            taken: Some(at),
            result: Some("deliveries held: 1; nobody has it".to_owned()),
        }];
        insta::assert_snapshot!(told(&answer), @r#"
        "Ferry vote" (urn:test:ferry) stands at version 3 (update), accepted 2026-11-24 11:00:00Z from http. It is on hold: hold urn:test:ferry by anna: a court order.
        Coast Times (coast-times) gets it by its rule "all-but-sports". (By the configuration as it is now.)

        coast-times/main waits for version 3 (update), accepted 2026-11-24 11:00:00Z: the story is on hold (hold urn:test:ferry by anna: a court order); its door is in trouble (4 failures, the last: connection refused) and is asked again at 2026-11-24 12:10:00Z; more than 10000 deliveries go before it. It may have version 2: the answer to that attempt was lost. Attempts of this version: 4.

        Ordered, the last first:
          2026-11-24 11:30:00Z hold urn:test:ferry by anna, "a court order" (done: deliveries held: 1; nobody has it)
        "#);
    }

    #[test]
    fn not_routed_and_owed_nothing() {
        let nothing =
            || Door { destination: "coast-times/main".to_owned(), owed: None, past: Vec::new(), failed: Vec::new() };
        let passed = "does not get it: its rule \"all-but-sports\" excludes it";
        insta::assert_snapshot!(told(&answer(Action::Update, passed, vec![nothing()])), @r#"
        "Ferry vote" (urn:test:ferry) stands at version 3 (update), accepted 2026-11-24 11:00:00Z from http.
        Coast Times (coast-times) does not get it: its rule "all-but-sports" excludes it. (By the configuration as it is now.)

        coast-times/main is owed nothing of it.
        "#);
        let late = told(&answer(Action::Update, GETS, vec![nothing()]));
        assert!(late.contains("`newswired replay` sends what is missing"), "{late}");
        let killed = told(&answer(Action::Kill, GETS, vec![nothing()]));
        assert!(killed.contains("withdrawn before it was ever owed it"), "{killed}");
    }

    #[test]
    fn a_refused_document_waits_for_an_operator() {
        let mut row = row(Action::Update);
        row.stage =
            Stage::Ended { end: End::Refused, at: time("11:00:03"), reason: "answered 422: no byline".to_owned() };
        row.attempts = 1;
        insta::assert_snapshot!(told(&answer(Action::Update, GETS, vec![door(view(row), &[], &around())])), @r#"
        "Ferry vote" (urn:test:ferry) stands at version 3 (update), accepted 2026-11-24 11:00:00Z from http.
        Coast Times (coast-times) gets it by its rule "all-but-sports". (By the configuration as it is now.)

        coast-times/main: version 3 (update) was refused 2026-11-24 11:00:03Z: answered 422: no byline. It waits for an operator: `newswired resend --story urn:test:ferry --destination coast-times/main` sends it again. It has never confirmed a version. Attempts of this version: 1.
        "#);
    }

    #[test]
    fn a_kill_that_nothing_but_its_suspension_stops() {
        let mut row = row(Action::Kill);
        row.confirmed = Some(version(2));
        let mut view = view(row);
        view.lane.halt = Some(Halt { even_kills: true, why: "suspend coast-times, even kills by ben".to_owned() });
        insta::assert_snapshot!(told(&answer(Action::Kill, GETS, vec![door(view, &[], &around())])), @r#"
        "Ferry vote" (urn:test:ferry) stands at version 3 (kill), accepted 2026-11-24 11:00:00Z from http.
        Coast Times (coast-times) gets it by its rule "all-but-sports". (By the configuration as it is now.)

        coast-times/main waits for version 3 (kill), accepted 2026-11-24 11:00:00Z: the destination is suspended (suspend coast-times, even kills by ben). It has confirmed version 2.
        "#);
    }
}
