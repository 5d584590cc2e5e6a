//! The screen as it is drawn: a function of what is known and of the time. The terminal is sent what changed of it.

use indicatif::HumanCount;
use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Clear, Paragraph, Row as Drawn, Table, TableState, Wrap};

use super::form::Form;
use super::screen::{List, Opened, Over, Screen, Told};
use crate::answers::at;
use crate::answers::board::{Flow, Row, Sort};
use crate::cli::paint::{Paint, Tone, rate, span};
use crate::cli::status::{ago, why};
use crate::ledger::DeliveryRecord;

/// Lines above the table of destinations and below it, with its heading.
const AROUND: u16 = 3 + 1 + 3;

/// Rows that there is room for on a screen of this height.
pub fn room(height: u16) -> usize {
    usize::from(height.saturating_sub(AROUND)).max(1)
}

const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);

const HEADING: Style = Style::new().add_modifier(Modifier::BOLD);

const FAINT: Style = Style::new().add_modifier(Modifier::DIM);

const HELP: &str = "\
On the wire
  ↑ ↓ j k, PgUp PgDn, Home End   go                 Enter   a partner's own view
  t n w o r l   sort by state, name, waiting, oldest, rate, latency
  /   search in names            x   only what is in trouble      Esc   all again
  S R P T   suspend, resume, replay to, test the destination that stands out

In a partner's view
  Tab ← →   the next list        ↑ ↓   go           Esc   back to the wire
  S R P T   suspend, resume, replay to, test all of the partner's destinations
  E C       resend, cancel the delivery that stands out
  H U       hold its story for everyone, or let it go on

Each asks once, with a field for the reason. What is ordered stands in the ledger with your name.
?   this help        q   leave";

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, screen: &Screen, paint: Paint, now: Timestamp) {
    let [top, middle, bottom] =
        Layout::vertical([Constraint::Length(3), Constraint::Min(1), Constraint::Length(3)]).areas(frame.area());
    let brush = Brush { paint, now };
    let (flow, trouble) = match &screen.partner {
        Some(Opened { told, trouble, .. }) => (told.as_ref().map(|told| &told.flow), trouble),
        None => (screen.picture.as_ref().map(|picture| &picture.flow), &screen.trouble),
    };
    brush.flow(frame, top, flow, trouble.as_deref());
    match &screen.partner {
        Some(opened) => brush.partner(frame, middle, opened),
        None => brush.wire(frame, middle, screen),
    }
    brush.foot(frame, bottom, screen);
    match &screen.over {
        Over::Nothing | Over::Search(_) => {}
        Over::Help => brush.help(frame),
        Over::Form(form) => brush.form(frame, form),
        Over::Report { text, from } => brush.report(frame, text, *from),
    }
}

/// With what it is drawn.
struct Brush {
    paint: Paint,
    now: Timestamp,
}

impl Brush {
    fn tone(&self, tone: Tone) -> Style {
        match (self.paint, tone) {
            (_, Tone::Plain) => Style::new(),
            (Paint::Plain, Tone::Bad) => HEADING,
            (Paint::Plain, Tone::Good | Tone::Note) => Style::new(),
            (Paint::Colours, Tone::Good) => Style::new().fg(Color::Green),
            (Paint::Colours, Tone::Bad) => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
            (Paint::Colours, Tone::Note) => Style::new().fg(Color::Yellow),
        }
    }

    fn flow(&self, frame: &mut Frame<'_>, area: Rect, flow: Option<&Flow>, trouble: Option<&str>) {
        let Some(flow) = flow else {
            let said = trouble.unwrap_or("…");
            frame.render_widget(Paragraph::new(said).wrap(Wrap { trim: false }), area);
            return;
        };
        let mut first = match (&flow.ledger_fails, flow.started) {
            (Some(why), _) => vec![Span::styled(format!("Nothing is taken or sent: {why}"), self.tone(Tone::Bad))],
            (None, None) => {
                vec![Span::styled("No daemon runs", self.tone(Tone::Bad)), Span::raw(": this is how one left it")]
            }
            (None, Some(started)) => vec![
                Span::styled("The wire flows", self.tone(Tone::Good)),
                Span::raw(format!(
                    "  articles {}  deliveries {}  newswired {} for {}",
                    rate(flow.articles),
                    rate(flow.arrivals),
                    flow.version,
                    ago(started, self.now)
                )),
            ],
        };
        if let Some(why) = trouble {
            first = vec![Span::styled("Not of now", self.tone(Tone::Bad)), Span::raw(format!(": {why}"))];
        }
        let marked = |number: u64, word: &str, tone: Tone| {
            let style = if number == 0 { Style::new() } else { self.tone(tone) };
            Span::styled(format!("{} {word}", HumanCount(number)), style)
        };
        let second = vec![
            Span::raw(format!("{} destinations  ", HumanCount(flow.destinations as u64))),
            marked(flow.troubled as u64, "in trouble", Tone::Bad),
            Span::raw("  "),
            marked(flow.suspended as u64, "suspended", Tone::Note),
            Span::raw("  "),
            marked(flow.withdrawals, "kills not acknowledged", Tone::Bad),
            Span::raw("  "),
            marked(flow.quarantine, "in quarantine", Tone::Bad),
            Span::raw("  "),
            marked(flow.orders as u64, "orders open", Tone::Plain),
        ];
        let refused = flow.config_refused().map(|_| self.tone(Tone::Bad));
        let second: Vec<_> = refused
            .map(|style| Span::styled("the configuration is wrong  ", style))
            .into_iter()
            .chain(second)
            .collect();
        let more = if flow.or_more { "+" } else { "" };
        let oldest = match (flow.oldest, &flow.oldest_at) {
            (Some(oldest), Some(at)) => format!(", the oldest for {} to {at}", ago(oldest, self.now)),
            (_, _) => String::new(),
        };
        let third = Line::raw(format!("{}{more} waiting{oldest}", HumanCount(flow.waiting)));
        frame.render_widget(Paragraph::new(vec![first.into(), second.into(), third]), area);
        // The last hour, where there is room beside the words.
        let words = third_width(flow.waiting, more, &oldest);
        let minutes: Vec<u32> = flow.arrivals_by_minute.chunks(2).map(|two| two.iter().sum()).collect();
        let graph = bars(&minutes);
        let wide = u16::try_from(graph.chars().count()).unwrap_or(u16::MAX);
        if wide > 0 && words + wide + 14 <= area.width {
            let place = Rect { x: area.width - wide - 11, y: area.y + 2, width: wide + 11, height: 1 };
            frame.render_widget(Line::from(vec![Span::styled("last hour ", FAINT), Span::raw(graph)]), place);
        }
    }

    fn wire(&self, frame: &mut Frame<'_>, area: Rect, screen: &Screen) {
        let heading = |sort: Option<Sort>, key: &'static str, rest: &'static str, before: &'static str| {
            let sorted = sort == Some(screen.view.sort);
            let mark = if sorted { "▾" } else { "" };
            let key_style = if sort.is_some() { HEADING.add_modifier(Modifier::UNDERLINED) } else { HEADING };
            Cell::from(Line::from(vec![
                Span::styled(before, HEADING),
                Span::styled(key, key_style),
                Span::styled(rest, HEADING),
                Span::styled(mark, HEADING),
            ]))
        };
        let header = Drawn::new([
            heading(Some(Sort::Name), "n", "ame", ""),
            heading(Some(Sort::Trouble), "t", "e", "sta"),
            heading(Some(Sort::Waiting), "w", "aiting", ""),
            heading(Some(Sort::Oldest), "o", "ldest", ""),
            heading(Some(Sort::Rate), "r", "ate", ""),
            heading(Some(Sort::Latency), "l", "atency", ""),
            heading(None, "last hour", "", ""),
            heading(None, "why", "", ""),
        ]);
        let Some(picture) = &screen.picture else { return };
        let rows: Vec<Drawn<'_>> = picture.rows.iter().map(|row| self.row(row)).collect();
        let longest = picture.rows.iter().map(|row| row.destination.chars().count()).max().unwrap_or(0);
        let widths = [
            Constraint::Length(u16::try_from(longest).unwrap_or(u16::MAX).clamp(12, 32)),
            Constraint::Length(9),
            Constraint::Length(8),
            Constraint::Length(8),
            Constraint::Length(9),
            Constraint::Length(9),
            Constraint::Length(12),
            Constraint::Fill(1),
        ];
        if rows.is_empty() && picture.all == 0 {
            let nothing = match (&*screen.view.q, screen.view.trouble) {
                ("", false) => "No destination is known to the ledger yet.".to_owned(),
                ("", true) => "No door is in trouble.".to_owned(),
                (text, _) => format!("No destination or partner has \"{text}\" in its name."),
            };
            frame.render_widget(Paragraph::new(nothing), area);
            return;
        }
        let mut state = TableState::default().with_selected(screen.cursor);
        let table = Table::new(rows, widths).header(header).row_highlight_style(SELECTED);
        frame.render_stateful_widget(table, area, &mut state);
    }

    fn row<'a>(&self, row: &'a Row) -> Drawn<'a> {
        let more = if row.or_more { "+" } else { "" };
        let number = |text: String| Cell::from(Line::from(text).right_aligned());
        Drawn::new([
            Cell::from(row.destination.as_str()),
            Cell::from(Span::styled(row.standing.as_str(), self.tone(row.standing.tone()))),
            number(if row.waiting == 0 { String::new() } else { format!("{}{more}", HumanCount(row.waiting)) }),
            number(row.oldest.map_or_else(String::new, |oldest| ago(oldest, self.now))),
            number(if row.per_minute > 0.0 { rate(row.per_minute) } else { String::new() }),
            number(row.latency_ms.map_or_else(String::new, |latency| format!("{} ms", HumanCount(latency)))),
            Cell::from(self.hour(row)),
            Cell::from(why(row, self.now)),
        ])
    }

    /// The last hour of a destination, in parts of five minutes; a part with a failed attempt is bad.
    fn hour(&self, row: &Row) -> Line<'static> {
        let sums: Vec<u32> = row.arrived.iter().zip(&row.failed).map(|(good, bad)| good.saturating_add(*bad)).collect();
        if sums.iter().all(|sum| *sum == 0) {
            return Line::default();
        }
        let parts = bars(&sums).chars().collect::<Vec<_>>().into_iter().zip(&row.failed);
        parts
            .map(|(bar, failed)| {
                let style = if *failed > 0 { self.tone(Tone::Bad) } else { self.tone(Tone::Good) };
                Span::styled(bar.to_string(), style)
            })
            .collect()
    }

    fn partner(&self, frame: &mut Frame<'_>, area: Rect, opened: &Opened) {
        let Some(Told { rows, seen, .. }) = &opened.told else {
            frame.render_widget(Paragraph::new(format!("{} …", opened.id)), area);
            return;
        };
        let doors = u16::try_from(rows.len()).unwrap_or(u16::MAX).min(area.height / 3);
        let [name, lanes, lists, list] = Layout::vertical([
            Constraint::Length(1),
            Constraint::Length(doors),
            Constraint::Length(1),
            Constraint::Min(1),
        ])
        .areas(area);
        let called = match &seen.name {
            Some(name) => format!("{name} ({})", opened.id),
            None => format!("{}, which is not in the configuration any more", opened.id),
        };
        frame.render_widget(Span::styled(called, HEADING), name);
        let door = |row: &Row| {
            let said = why(row, self.now);
            let said = if said.is_empty() { said } else { format!(": {said}") };
            Line::from(vec![
                Span::raw(format!("  {}  ", row.destination)),
                Span::styled(row.standing.as_str(), self.tone(row.standing.tone())),
                Span::raw(said),
            ])
        };
        frame.render_widget(Paragraph::new(rows.iter().map(door).collect::<Vec<_>>()), lanes);
        let tab = |of: &List| {
            let style = if *of == opened.list { SELECTED } else { Style::new() };
            [Span::styled(format!(" {} {} ", of.title(), of.len(seen)), style), Span::raw(" ")]
        };
        frame.render_widget(Line::from_iter(List::ALL.iter().flat_map(tab)), lists);
        let (header, widths, rows) = self.list(opened.list, opened.told.as_ref());
        let mut state = TableState::default().with_selected(opened.cursor);
        let table = Table::new(rows, widths).header(header.style(HEADING)).row_highlight_style(SELECTED);
        frame.render_stateful_widget(table, list, &mut state);
    }

    fn list<'a>(&self, list: List, told: Option<&'a Told>) -> (Drawn<'static>, Vec<Constraint>, Vec<Drawn<'a>>) {
        let Some(Told { seen, .. }) = told else { return (Drawn::default(), Vec::new(), Vec::new()) };
        match list {
            List::Recent | List::Next | List::Held | List::Refused => (
                Drawn::new(["destination", "story", "version", "state", "attempts", "since", "why"]),
                [(0, 2), (0, 3), (10, 0), (11, 0), (8, 0), (9, 0), (0, 3)].map(wide).into(),
                list.deliveries(seen).map(|delivery| self.delivery(delivery)).collect(),
            ),
            List::Failed => (
                Drawn::new(["destination", "story", "version", "attempt", "outcome", "ended", "why"]),
                [(0, 2), (0, 3), (10, 0), (8, 0), (11, 0), (9, 0), (0, 3)].map(wide).into(),
                seen.failed
                    .iter()
                    .map(|one| {
                        Drawn::new([
                            Cell::from(one.destination.as_str()),
                            Cell::from(one.story.as_str()),
                            Cell::from(one.attempt.version.to_string()),
                            Cell::from(one.attempt.attempt.to_string()),
                            Cell::from(Span::styled(one.attempt.outcome.as_str(), self.tone(Tone::Bad))),
                            Cell::from(when(one.attempt.ended, self.now)),
                            Cell::from(one.attempt.detail.as_str()),
                        ])
                    })
                    .collect(),
            ),
            List::Orders => (
                Drawn::new(["no.", "order", "state", "given", "by", "why", "what came of it"]),
                [(5, 0), (0, 3), (8, 0), (20, 0), (0, 1), (0, 2), (0, 2)].map(wide).into(),
                seen.orders
                    .iter()
                    .map(|order| {
                        Drawn::new([
                            order.id.to_string(),
                            order.order.to_string(),
                            order.state.as_str().to_owned(),
                            at(order.at),
                            order.by.clone(),
                            order.reason.clone().unwrap_or_default(),
                            order.result.clone().unwrap_or_default(),
                        ])
                    })
                    .collect(),
            ),
        }
    }

    fn delivery<'a>(&self, delivery: &'a DeliveryRecord) -> Drawn<'a> {
        let tone = match delivery.state.as_str() {
            "refused" | "expired" => Tone::Bad,
            "held" => Tone::Note,
            "delivered" => Tone::Good,
            _ => Tone::Plain,
        };
        let story = if delivery.headline.is_empty() { &delivery.story } else { &delivery.headline };
        Drawn::new([
            Cell::from(delivery.destination.as_str()),
            Cell::from(story.as_str()),
            Cell::from(format!("{} {}", delivery.version, delivery.action)),
            Cell::from(Span::styled(delivery.state.as_str(), self.tone(tone))),
            Cell::from(delivery.attempts.to_string()),
            Cell::from(when(delivery.at.unwrap_or(delivery.accepted), self.now)),
            Cell::from(delivery.reason.as_deref().unwrap_or_default()),
        ])
    }

    /// What stands out in full, what was said last, and the keys.
    fn foot(&self, frame: &mut Frame<'_>, area: Rect, screen: &Screen) {
        let [full, said, keys] = Layout::vertical([Constraint::Length(1); 3]).areas(area);
        let chosen = match &screen.partner {
            Some(_) => screen.delivery().map(|one| {
                let why = one.reason.as_deref().unwrap_or_default();
                format!("{} at {}: {why}", one.story, one.destination)
            }),
            None => screen.row().map(|row| {
                let name = row.name.as_deref().unwrap_or_default();
                let said = why(row, self.now);
                format!("{name} {}{}{said}", row.destination, if said.is_empty() { "" } else { ": " })
            }),
        };
        frame.render_widget(Span::styled(chosen.unwrap_or_default(), FAINT), full);
        let line = match (&screen.over, &screen.said) {
            (Over::Search(text), _) => Line::from(format!("/{text}▏")),
            (_, Some(Ok(said))) => Line::styled(said.as_str(), HEADING),
            (_, Some(Err(why))) => Line::styled(why.as_str(), self.tone(Tone::Bad)),
            (_, None) => self.place(screen),
        };
        frame.render_widget(line, said);
        let hints = match (&screen.over, &screen.partner) {
            (Over::Search(_), _) => "Enter search   Esc leave it",
            (Over::Form(_), _) => "Enter do it   Tab next field   Esc leave it",
            (Over::Help, _) => "any key: back",
            (Over::Report { .. }, _) => "↑ ↓ go   any other key: back",
            (Over::Nothing, Some(_)) => {
                "Tab lists   S suspend  R resume  P replay  T test  E resend  C cancel  H hold  U release   Esc back  ? help"
            }
            (Over::Nothing, None) => {
                "Enter open   / search   x trouble   S suspend  R resume  P replay  T test   ? help   q leave"
            }
        };
        frame.render_widget(Span::styled(hints, FAINT), keys);
    }

    /// Which of the destinations are shown.
    fn place(&self, screen: &Screen) -> Line<'static> {
        let (Some(picture), None) = (&screen.picture, &screen.partner) else { return Line::default() };
        let first = screen.view.page * screen.view.page_size() + 1;
        let last = first + picture.rows.len().saturating_sub(1);
        let of = HumanCount(picture.all as u64);
        let matching = match (&*screen.view.q, screen.view.trouble) {
            ("", false) => String::new(),
            ("", true) => " in trouble".to_owned(),
            (text, false) => format!(" that match \"{text}\""),
            (text, true) => format!(" in trouble that match \"{text}\""),
        };
        Line::from(if picture.rows.is_empty() {
            String::new()
        } else {
            format!("{} to {} of {of}{matching}", HumanCount(first as u64), HumanCount(last as u64))
        })
    }

    fn help(&self, frame: &mut Frame<'_>) {
        let height = u16::try_from(HELP.lines().count()).unwrap_or(u16::MAX);
        let inside = over(frame, "Keys", 100, height);
        frame.render_widget(Paragraph::new(HELP), inside);
    }

    fn form(&self, frame: &mut Frame<'_>, form: &Form) {
        let height = 3 + 3 * u16::try_from(form.fields.len()).unwrap_or(0);
        let inside = over(frame, &form.title(), 84, height);
        let mut lines = vec![Line::raw(form.explained()), Line::default()];
        for (number, field) in form.fields.iter().enumerate() {
            let (mark, cursor) = if number == form.at { ("> ", "▏") } else { ("  ", "") };
            lines.push(Line::styled(field.label, FAINT));
            lines.push(Line::from(vec![Span::styled(mark, HEADING), Span::raw(format!("{}{cursor}", field.text))]));
        }
        if let Some(wrong) = &form.wrong {
            lines.push(Line::styled(wrong.as_str(), self.tone(Tone::Bad)));
        }
        frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inside);
    }

    fn report(&self, frame: &mut Frame<'_>, text: &str, from: usize) {
        let height = u16::try_from(text.lines().count()).unwrap_or(u16::MAX);
        let inside = over(frame, "What was found", u16::MAX, height);
        let lines: Vec<Line<'_>> = text.lines().skip(from).map(Line::raw).collect();
        frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), inside);
    }
}

/// A box in the middle, and the place inside it.
fn over(frame: &mut Frame<'_>, title: &str, width: u16, height: u16) -> Rect {
    let all = frame.area();
    let (width, height) = (width.min(all.width), height.saturating_add(2).min(all.height));
    let (x, y) = ((all.width - width) / 2, (all.height - height) / 2);
    let area = Rect { x, y, width, height };
    frame.render_widget(Clear, area);
    frame.render_widget(Block::bordered().title(format!(" {title} ")), area);
    area.inner(Margin { horizontal: 2, vertical: 1 })
}

fn wide((fixed, share): (u16, u16)) -> Constraint {
    if share == 0 { Constraint::Length(fixed) } else { Constraint::Fill(share) }
}

/// How long ago, or in how long.
fn when(at: Timestamp, now: Timestamp) -> String {
    if at > now { format!("in {}", span(at.as_second() - now.as_second())) } else { format!("{} ago", ago(at, now)) }
}

/// One bar for each number, as high as it is to the highest.
fn bars(numbers: &[u32]) -> String {
    const BARS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = u64::from(numbers.iter().copied().max().unwrap_or(0).max(1));
    // What is there at all can be seen.
    numbers.iter().map(|number| BARS[(u64::from(*number) * 8).div_ceil(most) as usize]).collect()
}

/// The width of the third line's words.
fn third_width(waiting: u64, more: &str, oldest: &str) -> u16 {
    let words = format!("{}{more} waiting{oldest}", HumanCount(waiting));
    u16::try_from(words.chars().count()).unwrap_or(u16::MAX)
}
