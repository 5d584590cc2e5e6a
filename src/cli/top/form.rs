//! What is asked before something is ordered: what it does, why, and what else it needs to know.
//!
//! A form asks once. It makes the order that a verb of the command line makes, and nothing else.

use crossterm::event::{KeyCode, KeyEvent};
use jiff::Timestamp;

use crate::article::Guid;
use crate::cli::moment::Moment;
use crate::ledger::{Order, Replay, ReplayFrom, Target};

/// What an operator is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    Suspend(Target),
    Resume(Target),
    Replay(Target),
    Resend {
        story: Guid,
        to: Target,
    },
    Hold(Guid),
    Release(Guid),
    Cancel {
        story: Guid,
        to: Target,
    },
    /// Orders nothing: a partner's doors are tried, or one of them.
    Test(Target),
}

/// What came of a form that was filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filled {
    Order { order: Order, reason: Option<String> },
    Test(Target),
}

/// A field that can be written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub label: &'static str,
    pub text: String,
}

/// A form that stands over the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    pub intent: Intent,
    pub fields: Vec<Field>,
    /// The field that is written in.
    pub at: usize,
    /// What is wrong with it.
    pub wrong: Option<String>,
}

/// What a key did to a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Came {
    /// It stands as before, or was written in.
    Stays,
    Left,
    Done(Filled),
}

/// The longest that a field takes: a reason is a sentence.
const LONGEST: usize = 500;

const REASON: &str = "Why (it stands beside whatever waits because of it)";

const SINCE: &str = "Accepted since (an instant with its zone, or 2h, 3d)";

impl Form {
    pub fn new(intent: Intent) -> Self {
        let reason = Field { label: REASON, text: String::new() };
        let fields = match &intent {
            Intent::Replay(_) => vec![Field { label: SINCE, text: "2h".to_owned() }, reason],
            Intent::Test(_) => Vec::new(),
            Intent::Suspend(_)
            | Intent::Resume(_)
            | Intent::Resend { .. }
            | Intent::Hold(_)
            | Intent::Release(_)
            | Intent::Cancel { .. } => vec![reason],
        };
        Self { intent, fields, at: 0, wrong: None }
    }

    pub fn title(&self) -> String {
        match &self.intent {
            Intent::Suspend(to) => format!("Suspend {to}?"),
            Intent::Resume(to) => format!("Resume {to}?"),
            Intent::Replay(to) => format!("Replay to {to}?"),
            Intent::Resend { story, to } => format!("Resend {story} to {to}?"),
            Intent::Hold(story) => format!("Hold {story}?"),
            Intent::Release(story) => format!("Release {story}?"),
            Intent::Cancel { story, to } => format!("Cancel {story} to {to}?"),
            Intent::Test(to) => format!("Test the doors of {to}?"),
        }
    }

    /// What it does.
    pub fn explained(&self) -> &'static str {
        match self.intent {
            Intent::Suspend(_) => "It is sent nothing but kills until it is resumed. What it is owed waits.",
            Intent::Resume(_) => "What waits goes on, and its door is asked at once.",
            Intent::Replay(_) => {
                "The newest version of each story that it has not confirmed goes, behind what comes now."
            }
            Intent::Resend { .. } => "Its version goes once more, whatever came of it.",
            Intent::Hold(_) => "Nothing of it leaves for anyone any more, but kills. Who has it keeps it.",
            Intent::Release(_) => "What waits of it goes on, everywhere.",
            Intent::Cancel { .. } => "What waits of it there ends; what is under way is not tried again. Kills go on.",
            Intent::Test(_) => "Each door is tried without news, from here, as `newswired partner test` does.",
        }
    }

    /// One key. Times that are said as how long ago count from `now`.
    pub fn on_key(&mut self, key: KeyEvent, now: Timestamp) -> Came {
        match key.code {
            KeyCode::Esc => return Came::Left,
            KeyCode::Enter => match self.filled(now) {
                Ok(filled) => return Came::Done(filled),
                Err(why) => self.wrong = Some(why),
            },
            KeyCode::Tab | KeyCode::Down if !self.fields.is_empty() => self.at = (self.at + 1) % self.fields.len(),
            KeyCode::BackTab | KeyCode::Up if !self.fields.is_empty() => {
                self.at = (self.at + self.fields.len() - 1) % self.fields.len();
            }
            code => {
                if let Some(field) = self.fields.get_mut(self.at) {
                    written(&mut field.text, code);
                }
            }
        }
        Came::Stays
    }

    fn filled(&self, now: Timestamp) -> Result<Filled, String> {
        let field = |label: &str| self.fields.iter().find(|field| field.label == label).map(|field| field.text.trim());
        let reason = field(REASON).filter(|reason| !reason.is_empty()).map(str::to_owned);
        let order = match self.intent.clone() {
            Intent::Test(to) => return Ok(Filled::Test(to)),
            Intent::Suspend(to) => Order::Suspend { to, even_kills: false },
            Intent::Resume(to) => Order::Resume { to },
            Intent::Replay(to) => {
                let since: Moment = field(SINCE).unwrap_or_default().parse()?;
                let from = ReplayFrom::Since(since.before(now).map_err(|why| why.to_string())?);
                Order::Replay(Replay { to, from, until: None, filter: None, rate: Replay::USUAL_RATE })
            }
            Intent::Resend { story, to } => Order::Resend { story, to },
            Intent::Hold(story) => Order::Hold { story },
            Intent::Release(story) => Order::Release { story },
            Intent::Cancel { story, to } => Order::Cancel { story, to: Some(to), even_kills: false },
        };
        Ok(Filled::Order { order, reason })
    }
}

/// Writes a key's character at the end of a text, or takes the last away.
pub fn written(text: &mut String, code: KeyCode) {
    match code {
        KeyCode::Char(c) if !c.is_control() && text.len() < LONGEST => text.push(c),
        KeyCode::Backspace => drop(text.pop()),
        _ => {}
    }
}
