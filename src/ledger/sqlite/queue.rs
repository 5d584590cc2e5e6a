//! What waits for the writer, in the order in which it is taken.
//!
//! Thousands of lanes at full work ask for far more than one commit holds. A kill that stood in line with them would
//! leave seconds late, and an article would be taken seconds late; so each kind of command has a line of its own
//! (promise 4), and a lane that asks for an urgent story does not stand behind those that ask for others. Within a line the
//! order is that of arrival, and a full line makes only those wait who would join it.
//!
//! For what was delivered nobody waits, so it is gathered: rows of many lanes stand on the same pages, and a page costs the
//! same for one of them as for twenty.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{Permit, Receiver, Sender, channel};
use tokio::time::sleep_until;

use super::command::Command;
use crate::ledger::{DestinationId, LedgerError, StoryId};

/// The lines, the most pressing first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// A withdrawal, or a lane that asks for one.
    Withdrawals,
    /// What comes from outside: articles, operators' orders, and what is done by the clock.
    Intake,
    /// A lane that asks for an urgent story.
    Urgent,
    /// What lanes ask for, and what became of attempts that they wait to see written.
    Lanes,
    /// What was plainly delivered.
    Ends,
}

/// Where commands are handed in.
pub struct Entrance {
    withdrawals: Sender<Command>,
    intake: Sender<Command>,
    urgent: Sender<Command>,
    lanes: Sender<Command>,
    ends: Sender<Command>,
}

/// Where the writer takes them.
pub struct Queue {
    withdrawals: Receiver<Command>,
    intake: Receiver<Command>,
    urgent: Receiver<Command>,
    lanes: Receiver<Command>,
    ends: Ends,
    /// The last of the two that lanes stand in was the urgent one.
    was_urgent: bool,
}

/// Thousands of lanes ask at a time, and what they ask is small.
const OF_LANES: usize = 4;

/// Lanes do not wait for an end to be written, but they do for a place in the line. Ends wait for longer than what lanes ask
/// for, so there is room for more of them; there are never more than rows in hand.
const OF_ENDS: usize = 32;

/// How long an end may wait for others. What a crash finds unwritten is sent once more, beside all that lanes had in hand. A
/// lane that has much waiting shares few pages with others at a time, and many over a while; and an article's last doors
/// have it before the ends of the first are written.
const GATHER: Duration = Duration::from_millis(50);

/// `each` commands may wait in each line, [`OF_LANES`] and [`OF_ENDS`] times as many in those of lanes and of ends.
pub fn queue(each: usize) -> (Entrance, Queue) {
    let (withdrawals, of_withdrawals) = channel(each);
    let (intake, of_intake) = channel(each);
    let (urgent, of_urgent) = channel(each);
    let (lanes, of_lanes) = channel(each.saturating_mul(OF_LANES));
    let (ends, of_ends) = channel(each.saturating_mul(OF_ENDS));
    let queue = Queue {
        withdrawals: of_withdrawals,
        intake: of_intake,
        urgent: of_urgent,
        lanes: of_lanes,
        ends: Ends { line: of_ends, first: VecDeque::new(), seen: None, due: 0 },
        was_urgent: false,
    };
    (Entrance { withdrawals, intake, urgent, lanes, ends }, queue)
}

impl Entrance {
    /// Waits while the command's line is full.
    ///
    /// # Errors
    /// [`LedgerError::Closed`] when there is no writer any more.
    pub async fn send(&self, command: Command) -> Result<(), LedgerError> {
        self.line(command.line()).send(command).await.map_err(|_| LedgerError::Closed)
    }

    /// A place in a line, if there is one now. Whoever waits for one has it first.
    pub fn place(&self, line: Line) -> Option<Permit<'_, Command>> {
        self.line(line).try_reserve().ok()
    }

    fn line(&self, line: Line) -> &Sender<Command> {
        match line {
            Line::Withdrawals => &self.withdrawals,
            Line::Intake => &self.intake,
            Line::Urgent => &self.urgent,
            Line::Lanes => &self.lanes,
            Line::Ends => &self.ends,
        }
    }
}

/// What was delivered, and waits for more of it.
struct Ends {
    line: Receiver<Command>,
    /// What has left the line already, and goes before what stands in it.
    first: VecDeque<Command>,
    /// When the first of all that wait was seen, if it was.
    seen: Option<Instant>,
    /// So many are due: those that waited when the first had waited long enough.
    due: usize,
}

impl Ends {
    /// The next one whose time has come. `None`: nobody is left who could send one.
    async fn next_due(&mut self) -> Option<Command> {
        if self.due == 0 {
            if self.first.is_empty() {
                self.first.push_back(self.line.recv().await?);
            }
            let seen = *self.seen.get_or_insert_with(now);
            sleep_until((seen + GATHER).into()).await;
        }
        self.take_due(now())
    }

    /// The next one, if its time has come.
    fn take_due(&mut self, now: Instant) -> Option<Command> {
        if self.due == 0 && self.len() > 0 {
            let seen = *self.seen.get_or_insert(now);
            if now >= seen + GATHER {
                self.due = self.len();
            }
        }
        if self.due > 0 { self.take() } else { None }
    }

    /// The next one, whenever it came.
    fn take(&mut self) -> Option<Command> {
        self.due = self.due.saturating_sub(1);
        self.seen = None;
        self.first.pop_front().or_else(|| self.line.try_recv().ok())
    }

    /// Those that are meant, whenever they came. The others wait on.
    fn take_those(&mut self, meant: impl Fn(DestinationId, StoryId) -> bool) -> Vec<Command> {
        let waiting = self.line.len();
        self.first.extend(std::iter::from_fn(|| self.line.try_recv().ok()).take(waiting));
        let is_meant = |end: &Command| end.arrived().is_some_and(|(lane, arrived)| meant(lane, arrived.story));
        // Nearly always there are none, and the others need not be moved.
        let Some(begin) = self.first.iter().position(is_meant) else { return Vec::new() };
        let (mut taken, mut due) = (Vec::new(), self.due.min(begin));
        for (place, end) in (begin..).zip(self.first.split_off(begin)) {
            if is_meant(&end) {
                taken.push(end);
            } else {
                due += usize::from(place < self.due);
                self.first.push_back(end);
            }
        }
        self.due = due;
        if self.first.is_empty() {
            self.seen = None;
        }
        taken
    }

    fn len(&self) -> usize {
        self.first.len() + self.line.len()
    }
}

/// By the clock that sleeps are timed by.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl Queue {
    /// The most pressing command; waits for one. `None`: nobody is left who could send one.
    pub async fn next(&mut self) -> Option<Command> {
        tokio::select! {
            biased;
            Some(command) = self.withdrawals.recv() => Some(command),
            Some(command) = self.intake.recv() => Some(command),
            Some(command) = self.urgent.recv() => Some(command),
            Some(command) = self.lanes.recv() => Some(command),
            Some(command) = self.ends.next_due() => Some(command),
            else => None,
        }
    }

    /// The most pressing command that waits; an end, too, whose time has not come.
    pub fn try_next(&mut self) -> Option<Command> {
        let pressing = self.withdrawals.try_recv().or_else(|_| self.intake.try_recv()).ok();
        pressing.or_else(|| self.of_lanes()).or_else(|| self.ends.take())
    }

    /// All ends that wait, for what depends on them.
    pub fn all_ends(&mut self) -> Vec<Command> {
        let waiting = self.ends.len();
        std::iter::from_fn(|| self.ends.take()).take(waiting).collect()
    }

    /// All ends of a story that wait, for what depends on those alone.
    pub fn ends_of(&mut self, story: StoryId) -> Vec<Command> {
        self.ends.take_those(|_, of| of == story)
    }

    /// The same, of one lane.
    pub fn ends_at(&mut self, lane: DestinationId) -> Vec<Command> {
        self.ends.take_those(|at, _| at == lane)
    }

    /// The most pressing command that waits; an end, if its time has come.
    #[cfg(test)]
    pub fn try_next_due(&mut self) -> Option<Command> {
        let pressing = self.withdrawals.try_recv().or_else(|_| self.intake.try_recv()).ok();
        pressing.or_else(|| self.of_lanes_or_ends(now()))
    }

    /// The ends that are due, and then what lanes ask for: in one commit the ends share their pages, in several they do not.
    fn of_lanes_or_ends(&mut self, now: Instant) -> Option<Command> {
        self.ends.take_due(now).or_else(|| self.of_lanes())
    }

    /// What lanes ask for: the urgent first, and by turns with the others, since what became of attempts stands among those.
    fn of_lanes(&mut self) -> Option<Command> {
        let urgent = if self.was_urgent { None } else { self.urgent.try_recv().ok() };
        self.was_urgent = urgent.is_some();
        urgent.or_else(|| self.lanes.try_recv().ok()).or_else(|| self.urgent.try_recv().ok())
    }

    /// Nobody is left who could send anything; something may wait.
    pub fn is_closed(&self) -> bool {
        self.lanes.is_closed()
    }
}

/// How the time of one commit is shared. Lanes have as much of it as intake had, so that neither a flood of articles nor
/// thousands of lanes can keep the other from the disk. A withdrawal goes in whenever it comes, and then nothing else
/// does: what waits behind it is not to hold it up. A thousand of them are several commits, so that the first leaves
/// before the last is written.
pub struct Share {
    began: Instant,
    span: Duration,
    lanes_from: Option<Instant>,
    withdrawals_from: Option<Instant>,
}

/// How long a commit goes on taking up withdrawals.
const WITHDRAWALS: Duration = Duration::from_millis(2);

impl Share {
    /// Of a commit that begins now with `commands`, and takes up more for about `span`.
    pub fn of(span: Duration, commands: &[Command], now: Instant) -> Self {
        let withdraws = commands.iter().any(|command| command.line() == Line::Withdrawals);
        Self { began: now, span, lanes_from: None, withdrawals_from: withdraws.then_some(now) }
    }

    /// What the commit takes next; `None` when it has enough, or nothing more waits.
    pub fn next(&mut self, queue: &mut Queue, now: Instant) -> Option<Command> {
        let since = self.withdrawals_from.unwrap_or(now);
        if now.duration_since(since) < WITHDRAWALS
            && let Ok(command) = queue.withdrawals.try_recv()
        {
            self.withdrawals_from = Some(since);
            return Some(command);
        }
        if self.withdrawals_from.is_some() {
            return None;
        }
        if self.lanes_from.is_none()
            && now.duration_since(self.began) < self.span
            && let Ok(command) = queue.intake.try_recv()
        {
            return Some(command);
        }
        let from = *self.lanes_from.get_or_insert(now);
        let span = self.span.max(from.duration_since(self.began));
        if now.duration_since(from) >= span {
            return None;
        }
        queue.of_lanes_or_ends(now)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use proptest::prelude::*;
    use tokio::sync::oneshot;

    use super::*;
    use crate::article::Version;
    use crate::ledger::sqlite::command::Told;
    use crate::ledger::{Arrived, Claim, Recorder, Tidy, Waiting};

    struct Nobody;

    impl Recorder for Nobody {
        fn recorded(&self, _: Result<Waiting, LedgerError>) {}
    }

    /// A command that says by a number which it is.
    fn command(line: Line, number: i64) -> Command {
        let now = Timestamp::from_second(number).unwrap();
        let claim = |withdrawals_only, urgent| Claim {
            destination: DestinationId(number),
            limit: 1,
            withdrawals_only,
            urgent,
            give_up_before: now,
            now,
        };
        match line {
            Line::Withdrawals => Command::Claim(claim(true, false), oneshot::channel().0),
            Line::Urgent => Command::Claim(claim(false, true), oneshot::channel().0),
            Line::Lanes => Command::Claim(claim(false, false), oneshot::channel().0),
            Line::Intake => {
                let (stories_before, attempts_before, quarantine_before) = (now, now, now);
                let after = crate::ledger::ArticleId::default();
                let tidy = Tidy { now, stories_before, attempts_before, quarantine_before, after, limit: 1 };
                Command::Tidy(tidy, oneshot::channel().0)
            }
            Line::Ends => {
                let (reason, in_network) = (String::new(), Duration::ZERO);
                let arrived =
                    Arrived { story: StoryId(number % 2), version: Version::FIRST, at: now, reason, in_network };
                Command::Arrived(DestinationId(number), arrived, Told::new(Arc::new(Nobody)))
            }
        }
    }

    fn number(command: &Command) -> i64 {
        match command {
            Command::Claim(claim, _) => claim.destination.0,
            Command::Arrived(destination, ..) => destination.0,
            Command::Tidy(tidy, _) => tidy.now.as_second(),
            _ => panic!("no other was made"),
        }
    }

    fn line() -> impl Strategy<Value = Line> {
        prop_oneof![
            Just(Line::Withdrawals),
            Just(Line::Intake),
            Just(Line::Urgent),
            Just(Line::Lanes),
            Just(Line::Ends)
        ]
    }

    fn rank(line: Line) -> u8 {
        match line {
            Line::Withdrawals => 0,
            Line::Intake => 1,
            Line::Urgent => 2,
            Line::Lanes => 3,
            Line::Ends => 4,
        }
    }

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
    }

    proptest! {
        #[test]
        fn the_most_pressing_goes_first_and_each_line_in_its_order(lines in prop::collection::vec(line(), 0..40)) {
            let mut expected: Vec<(u8, i64)> = lines.iter().zip(0..).map(|(line, at)| (rank(*line), at)).collect();
            expected.sort();
            let taken: Vec<(u8, i64)> = block_on(async {
                let (entrance, mut queue) = queue(64);
                for (line, at) in lines.iter().zip(0..) {
                    entrance.send(command(*line, at)).await.unwrap();
                }
                drop(entrance);
                let mut taken = Vec::new();
                while let Some(command) = queue.next().await {
                    taken.push((rank(command.line()), number(&command)));
                }
                taken
            });
            prop_assert_eq!(taken, expected);
        }

        /// Each command takes a time; no commit goes on for longer than its share, and none of the two starves.
        #[test]
        fn intake_and_lanes_share_a_commit(articles in 0..60_u32, lanes in 0..60_u32, each in 1..30_u32) {
            let (entrance, mut queue) = queue(64);
            block_on(async {
                for at in 0..articles {
                    entrance.send(command(Line::Intake, at.into())).await.unwrap();
                }
                for at in 0..lanes {
                    entrance.send(command(Line::Lanes, at.into())).await.unwrap();
                }
            });
            let (span, began) = (Duration::from_millis(10), Instant::now());
            let mut share = Share::of(span, &[], began);
            let mut now = began;
            let mut taken = [0, 0];
            while let Some(command) = share.next(&mut queue, now) {
                taken[usize::from(command.line() == Line::Lanes)] += 1;
                now += Duration::from_millis(each.into());
            }
            let spans = |number: u32| number.min(10_u32.div_ceil(each));
            prop_assert_eq!(taken[0], spans(articles), "intake has one span");
            let for_lanes = (taken[0] * each).max(10);
            prop_assert_eq!(taken[1], lanes.min(for_lanes.div_ceil(each)), "lanes have as much as intake, or one span");
        }
    }

    fn offer(entrance: &Entrance, lines: &[Line]) {
        block_on(async {
            for (line, at) in lines.iter().zip(0..) {
                entrance.send(command(*line, at)).await.unwrap();
            }
        });
    }

    #[test]
    fn a_withdrawal_goes_into_a_commit_that_has_enough_and_nothing_goes_after_it() {
        let (entrance, mut queue) = queue(4);
        let began = Instant::now();
        let mut share = Share::of(Duration::from_millis(1), &[], began);
        let late = began + Duration::from_secs(1);
        assert!(share.next(&mut queue, late).is_none());
        offer(&entrance, &[Line::Lanes, Line::Intake, Line::Withdrawals]);
        assert_eq!(share.next(&mut queue, late).map(|command| command.line()), Some(Line::Withdrawals));
        assert!(share.next(&mut queue, late).is_none());
        let withdrawal = [command(Line::Withdrawals, 1)];
        assert!(Share::of(Duration::from_secs(1), &withdrawal, began).next(&mut queue, began).is_none());
        assert!(Share::of(Duration::from_secs(1), &[], began).next(&mut queue, began).is_some());
    }

    #[test]
    fn urgent_lanes_go_first_and_by_turns_with_the_others() {
        let (entrance, mut queue) = queue(8);
        offer(
            &entrance,
            &[Line::Lanes, Line::Lanes, Line::Lanes, Line::Urgent, Line::Urgent, Line::Urgent, Line::Urgent],
        );
        let began = Instant::now();
        let mut share = Share::of(Duration::from_secs(1), &[], began);
        let taken: Vec<_> =
            std::iter::from_fn(|| share.next(&mut queue, began)).map(|command| command.line()).collect();
        let (urgent, other) = (Line::Urgent, Line::Lanes);
        assert_eq!(taken, [urgent, other, urgent, other, urgent, other, urgent]);
    }

    /// The numbers of what a commit takes at a time.
    fn taken(queue: &mut Queue, now: Instant) -> Vec<i64> {
        let mut share = Share::of(Duration::from_secs(1), &[], now);
        std::iter::from_fn(|| share.next(queue, now)).map(|command| number(&command)).collect()
    }

    #[test]
    fn ends_are_gathered_and_go_together_when_the_first_has_waited_long_enough() {
        let (entrance, mut queue) = queue(8);
        let began = Instant::now();
        offer(&entrance, &[Line::Ends, Line::Ends, Line::Lanes]);
        assert_eq!(taken(&mut queue, began), [2], "lanes wait, for what was delivered nobody does");
        offer(&entrance, &[Line::Ends]);
        let early = began + GATHER - Duration::from_micros(1);
        assert!(taken(&mut queue, early).is_empty());
        offer(&entrance, &[Line::Lanes; 2]);
        assert_eq!(
            taken(&mut queue, began + GATHER),
            [0, 1, 0, 0, 1],
            "then all of them go, before what lanes ask for"
        );
        offer(&entrance, &[Line::Ends]);
        assert!(taken(&mut queue, began + GATHER).is_empty(), "what comes after them is gathered anew");
        assert_eq!(taken(&mut queue, began + 2 * GATHER), [0]);
    }

    #[test]
    fn ends_that_one_commit_has_no_time_for_go_with_the_next() {
        let (entrance, mut queue) = queue(8);
        offer(&entrance, &[Line::Ends; 3]);
        let began = Instant::now();
        assert!(taken(&mut queue, began).is_empty());
        let due = began + GATHER;
        let mut share = Share::of(SHORT, &[], due);
        assert_eq!(share.next(&mut queue, due).map(|end| number(&end)), Some(0));
        assert!(share.next(&mut queue, due + SHORT).is_none());
        offer(&entrance, &[Line::Ends]);
        assert_eq!(block_on(queue.next()).map(|end| number(&end)), Some(1), "it is due already");
        assert_eq!(taken(&mut queue, due + SHORT), [2], "and what came since is not");
    }

    const SHORT: Duration = Duration::from_millis(1);

    #[test]
    fn a_writer_that_sleeps_wakes_when_ends_are_due_and_for_anything_else_at_once() {
        let (entrance, mut queue) = queue(8);
        offer(&entrance, &[Line::Ends]);
        block_on(async {
            let began = tokio::time::Instant::now();
            entrance.send(command(Line::Lanes, 7)).await.unwrap();
            assert_eq!(queue.next().await.map(|command| number(&command)), Some(7));
            assert_eq!(began.elapsed(), Duration::ZERO);
            assert_eq!(queue.next().await.map(|command| number(&command)), Some(0));
            assert!(began.elapsed() >= GATHER && began.elapsed() <= GATHER + SHORT);
        });
    }

    #[test]
    fn what_depends_on_ends_has_all_that_came_before_it() {
        let (entrance, mut queue) = queue(8);
        offer(&entrance, &[Line::Ends; 3]);
        assert!(taken(&mut queue, Instant::now()).is_empty());
        let ends: Vec<_> = queue.all_ends().iter().map(number).collect();
        assert_eq!(ends, [0, 1, 2]);
        assert!(queue.all_ends().is_empty());
    }

    #[test]
    fn what_depends_on_a_story_has_its_ends_and_the_others_wait_on() {
        let (entrance, mut queue) = queue(8);
        let began = Instant::now();
        offer(&entrance, &[Line::Ends; 5]);
        assert!(taken(&mut queue, began).is_empty());
        let ends_of = |queue: &mut Queue, story| queue.ends_of(StoryId(story)).iter().map(number).collect::<Vec<_>>();
        assert_eq!(ends_of(&mut queue, 1), [1, 3]);
        assert!(ends_of(&mut queue, 1).is_empty());
        let due = began + GATHER;
        assert!(taken(&mut queue, due - Duration::from_micros(1)).is_empty());
        let mut share = Share::of(SHORT, &[], due);
        assert_eq!(share.next(&mut queue, due).map(|end| number(&end)), Some(0), "since the first was seen");
        offer(&entrance, &[Line::Ends; 2]);
        assert_eq!(ends_of(&mut queue, 1), [1]);
        assert_eq!(taken(&mut queue, due), [2, 4], "and those that were due are, but no other");
        assert_eq!(ends_of(&mut queue, 0), [0]);
        assert!(taken(&mut queue, due + GATHER).is_empty() && block_on(next_or_nothing(&mut queue)).is_none());
        offer(&entrance, &[Line::Ends; 3]);
        let at: Vec<_> = queue.ends_at(DestinationId(1)).iter().map(number).collect();
        assert_eq!((at, queue.ends_at(DestinationId(1)).len()), (vec![1], 0));
        assert_eq!(ends_of(&mut queue, 0), [0, 2]);
        let later = due + 3 * GATHER;
        offer(&entrance, &[Line::Ends]);
        assert!(taken(&mut queue, later).is_empty(), "what comes after all were taken is gathered anew");
        assert_eq!(taken(&mut queue, later + GATHER), [0]);
    }

    async fn next_or_nothing(queue: &mut Queue) -> Option<Command> {
        tokio::time::timeout(2 * GATHER, queue.next()).await.ok().flatten()
    }

    #[test]
    fn many_withdrawals_are_several_commits() {
        let (entrance, mut queue) = queue(8);
        offer(&entrance, &[Line::Withdrawals; 8]);
        let began = Instant::now();
        let mut taken = Vec::new();
        for commit in 0..3 {
            let mut now = began + Duration::from_secs(commit);
            let mut share = Share::of(Duration::from_secs(1), &[], now);
            let mut number = 0;
            while share.next(&mut queue, now).is_some() {
                number += 1;
                now += WITHDRAWALS / 3;
            }
            taken.push(number);
        }
        assert_eq!(taken, [4, 4, 0], "the fourth begins at a hair before the end");
    }
}
