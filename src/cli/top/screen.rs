//! What the screen shows, and what a key or an answer makes of it: pure, without a terminal, a clock or a daemon.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;

use super::form::{Came, Filled, Form, Intent, written};
use crate::answers::board::{Flow, Row, Sort, View};
use crate::answers::partner::PartnerSeen;
use crate::cli::lookout::Picture;
use crate::ledger::{DeliveryRecord, Order, Target};

/// What has to be done because of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// Look at the wire.
    Look(View),
    /// Look at a partner.
    Partner(String),
    Give {
        order: Order,
        reason: Option<String>,
    },
    Test(Target),
    Quit,
}

/// What came of something that was asked.
#[derive(Debug)]
pub enum News {
    Seen {
        view: View,
        came: Result<Picture, String>,
    },
    Partner {
        id: String,
        came: Result<Told, String>,
    },
    /// What came of an order, in a line.
    Given(Result<String, String>),
    /// What was found at doors, line by line.
    Tested(Result<String, String>),
}

/// A partner, with how its destinations stand.
#[derive(Debug, Clone)]
pub struct Told {
    pub flow: Flow,
    pub rows: Vec<Row>,
    pub seen: PartnerSeen,
}

/// All of it.
#[derive(Debug)]
pub struct Screen {
    pub view: View,
    pub picture: Option<Picture>,
    /// Why the picture is not of now.
    pub trouble: Option<String>,
    /// The line that stands out.
    pub cursor: usize,
    /// A partner's own view, where one is open.
    pub partner: Option<Opened>,
    pub over: Over,
    /// What came last of something that was ordered.
    pub said: Option<Result<String, String>>,
}

/// A partner's own view.
#[derive(Debug)]
pub struct Opened {
    pub id: String,
    pub told: Option<Told>,
    pub trouble: Option<String>,
    pub list: List,
    pub cursor: usize,
}

/// A list of a partner's view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    Recent,
    Next,
    Held,
    Refused,
    Failed,
    Orders,
}

/// What stands over the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Over {
    Nothing,
    Help,
    /// The search is being written.
    Search(String),
    Form(Form),
    /// What was found at doors, from a line on.
    Report {
        text: String,
        from: usize,
    },
}

impl List {
    pub const ALL: [Self; 6] = [Self::Recent, Self::Next, Self::Held, Self::Refused, Self::Failed, Self::Orders];

    pub fn title(self) -> &'static str {
        match self {
            Self::Recent => "Recent",
            Self::Next => "Next",
            Self::Held => "Held",
            Self::Refused => "Refused",
            Self::Failed => "Failed attempts",
            Self::Orders => "Orders",
        }
    }

    /// How many there are of it.
    pub fn len(self, seen: &PartnerSeen) -> usize {
        match self {
            Self::Failed => seen.failed.len(),
            Self::Orders => seen.orders.len(),
            Self::Next => seen.attempting.len() + seen.next.len(),
            Self::Recent | Self::Held | Self::Refused => self.deliveries(seen).count(),
        }
    }

    /// Its deliveries; none where it is of something else.
    pub fn deliveries(self, seen: &PartnerSeen) -> impl Iterator<Item = &DeliveryRecord> {
        let (first, then): (&[_], &[_]) = match self {
            Self::Recent => (&seen.recent, &[]),
            Self::Next => (&seen.attempting, &seen.next),
            Self::Held => (&seen.held, &[]),
            Self::Refused => (&seen.refused, &[]),
            Self::Failed | Self::Orders => (&[], &[]),
        };
        first.iter().chain(then)
    }

    fn turned(self, forward: bool) -> Self {
        let at = Self::ALL.iter().position(|list| *list == self).unwrap_or_default();
        let step = if forward { 1 } else { Self::ALL.len() - 1 };
        Self::ALL[(at + step) % Self::ALL.len()]
    }
}

impl Screen {
    /// Before anything is known, on a screen that has room for so many rows.
    pub fn new(rows: usize) -> Self {
        Self {
            view: View { size: Some(rows.max(1)), ..View::default() },
            picture: None,
            trouble: None,
            cursor: 0,
            partner: None,
            over: Over::Nothing,
            said: None,
        }
    }

    /// What keeps what is shown up to date.
    pub fn refresh(&self) -> Ask {
        match &self.partner {
            Some(opened) => Ask::Partner(opened.id.clone()),
            None => Ask::Look(self.view.clone()),
        }
    }

    /// There is room for so many rows now. The line that stands out goes on standing out.
    pub fn resize(&mut self, rows: usize) -> Option<Ask> {
        let rows = rows.max(1);
        let before = self.view.page_size();
        if before == rows {
            return None;
        }
        let place = self.view.page * before + self.cursor.min(before - 1);
        (self.view.size, self.view.page, self.cursor) = (Some(rows), place / rows, place % rows);
        Some(Ask::Look(self.view.clone()))
    }

    pub fn on_news(&mut self, news: News) -> Option<Ask> {
        match news {
            News::Seen { view, .. } if view != self.view => None,
            News::Seen { came: Ok(picture), .. } => {
                self.trouble = None;
                self.seen(picture)
            }
            News::Seen { came: Err(why), .. } => {
                self.trouble = Some(why);
                None
            }
            News::Partner { id, came } => {
                let opened = self.partner.as_mut().filter(|opened| opened.id == id)?;
                match came {
                    Ok(told) => {
                        opened.cursor = opened.cursor.min(opened.list.len(&told.seen).saturating_sub(1));
                        (opened.told, opened.trouble) = (Some(told), None);
                    }
                    Err(why) => opened.trouble = Some(why),
                }
                None
            }
            News::Given(came) => {
                // There is one line for it.
                self.said = Some(came.map(|said| said.replace('\n', " ")));
                Some(self.refresh())
            }
            News::Tested(Ok(text)) => {
                self.said = None;
                self.over = Over::Report { text, from: 0 };
                None
            }
            News::Tested(Err(why)) => {
                self.said = Some(Err(why));
                None
            }
        }
    }

    /// A destination that stands out does so wherever it is now.
    fn seen(&mut self, picture: Picture) -> Option<Ask> {
        let before = self.row().map(|row| row.destination.clone());
        let place = before.and_then(|name| picture.rows.iter().position(|row| row.destination == name));
        self.cursor = place.unwrap_or(self.cursor).min(picture.rows.len().saturating_sub(1));
        let is_beyond = picture.rows.is_empty() && self.view.page > 0;
        let pages = picture.all.div_ceil(self.view.page_size());
        self.picture = Some(picture);
        // What was on this page is gone.
        is_beyond.then(|| self.look(|view| view.page = pages.saturating_sub(1)))
    }

    /// The destination that stands out.
    pub fn row(&self) -> Option<&Row> {
        self.picture.as_ref()?.rows.get(self.cursor)
    }

    /// The delivery that stands out in a partner's view.
    pub fn delivery(&self) -> Option<&DeliveryRecord> {
        let opened = self.partner.as_ref()?;
        opened.list.deliveries(&opened.told.as_ref()?.seen).nth(opened.cursor)
    }

    pub fn on_key(&mut self, key: KeyEvent, now: Timestamp) -> Option<Ask> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Some(Ask::Quit);
        }
        match &mut self.over {
            Over::Nothing => {}
            Over::Help => {
                self.over = Over::Nothing;
                return None;
            }
            Over::Search(text) => match key.code {
                KeyCode::Enter => {
                    let q = std::mem::take(text);
                    self.over = Over::Nothing;
                    return Some(self.anew(|view| view.q = q));
                }
                KeyCode::Esc => {
                    self.over = Over::Nothing;
                    return None;
                }
                code => {
                    written(text, code);
                    return None;
                }
            },
            Over::Form(form) => {
                let came = form.on_key(key, now);
                if came == Came::Stays {
                    return None;
                }
                self.over = Over::Nothing;
                return match came {
                    Came::Done(Filled::Order { order, reason }) => {
                        self.said = Some(Ok(format!("{order} …")));
                        Some(Ask::Give { order, reason })
                    }
                    Came::Done(Filled::Test(to)) => {
                        self.said = Some(Ok(format!("the doors of {to} are tried …")));
                        Some(Ask::Test(to))
                    }
                    Came::Left | Came::Stays => None,
                };
            }
            Over::Report { text, from } => {
                let last = text.lines().count().saturating_sub(1);
                match key.code {
                    KeyCode::Down | KeyCode::Char('j') => *from = (*from + 1).min(last),
                    KeyCode::Up | KeyCode::Char('k') => *from = from.saturating_sub(1),
                    _ => self.over = Over::Nothing,
                }
                return None;
            }
        }
        self.said = None;
        match key.code {
            KeyCode::Char('?') => self.over = Over::Help,
            KeyCode::Char('q') => return Some(Ask::Quit),
            _ if self.partner.is_some() => return self.on_key_of_partner(key),
            _ => return self.on_key_of_wire(key),
        }
        None
    }

    fn on_key_of_wire(&mut self, key: KeyEvent) -> Option<Ask> {
        let sort = match key.code {
            KeyCode::Char('t') => Some(Sort::Trouble),
            KeyCode::Char('n') => Some(Sort::Name),
            KeyCode::Char('w') => Some(Sort::Waiting),
            KeyCode::Char('o') => Some(Sort::Oldest),
            KeyCode::Char('r') => Some(Sort::Rate),
            KeyCode::Char('l') => Some(Sort::Latency),
            _ => None,
        };
        if let Some(sort) = sort {
            return Some(self.anew(|view| view.sort = sort));
        }
        let target = self.row().map(|row| Target::new(&row.destination));
        let ask = |intent: fn(Target) -> Intent| target.map_or(Over::Nothing, |to| Over::Form(Form::new(intent(to))));
        match key.code {
            KeyCode::Char('/') => self.over = Over::Search(self.view.q.clone()),
            KeyCode::Char('x') => return Some(self.anew(|view| view.trouble = !view.trouble)),
            KeyCode::Esc if !self.view.q.is_empty() || self.view.trouble => {
                return Some(self.anew(|view| {
                    view.q.clear();
                    view.trouble = false;
                }));
            }
            KeyCode::Down | KeyCode::Char('j') => return self.go(1),
            KeyCode::Up | KeyCode::Char('k') => return self.go(-1),
            KeyCode::PageDown | KeyCode::Char(' ') => return self.turn(1),
            KeyCode::PageUp => return self.turn(-1),
            KeyCode::Home | KeyCode::Char('g') => return Some(self.anew(|_| {})),
            KeyCode::End | KeyCode::Char('G') => {
                let last = self.pages().saturating_sub(1);
                self.cursor = usize::MAX;
                return Some(self.look(|view| view.page = last));
            }
            KeyCode::Enter => {
                let id = self.row()?.destination.split('/').next().unwrap_or_default().to_owned();
                let opened = Opened { id, told: None, trouble: None, list: List::Recent, cursor: 0 };
                self.partner = Some(opened);
                return Some(self.refresh());
            }
            KeyCode::Char('S') => self.over = ask(Intent::Suspend),
            KeyCode::Char('R') => self.over = ask(Intent::Resume),
            KeyCode::Char('P') => self.over = ask(Intent::Replay),
            KeyCode::Char('T') => self.over = ask(Intent::Test),
            _ => {}
        }
        None
    }

    fn on_key_of_partner(&mut self, key: KeyEvent) -> Option<Ask> {
        let delivery = self.delivery().and_then(|one| Some((one.story.parse().ok()?, Target::new(&one.destination))));
        let opened = self.partner.as_mut()?;
        let length = opened.told.as_ref().map_or(0, |told| opened.list.len(&told.seen));
        let target = Target::new(&opened.id);
        let intent = match key.code {
            KeyCode::Esc | KeyCode::Backspace => {
                self.partner = None;
                return Some(self.refresh());
            }
            KeyCode::Tab | KeyCode::Right | KeyCode::BackTab | KeyCode::Left => {
                opened.list = opened.list.turned(matches!(key.code, KeyCode::Tab | KeyCode::Right));
                opened.cursor = 0;
                None
            }
            KeyCode::Down | KeyCode::Char('j') => {
                opened.cursor = (opened.cursor + 1).min(length.saturating_sub(1));
                None
            }
            KeyCode::Up | KeyCode::Char('k') => {
                opened.cursor = opened.cursor.saturating_sub(1);
                None
            }
            KeyCode::Char('S') => Some(Intent::Suspend(target)),
            KeyCode::Char('R') => Some(Intent::Resume(target)),
            KeyCode::Char('P') => Some(Intent::Replay(target)),
            KeyCode::Char('T') => Some(Intent::Test(target)),
            KeyCode::Char('E') => delivery.map(|(story, to)| Intent::Resend { story, to }),
            KeyCode::Char('H') => delivery.map(|(story, _)| Intent::Hold(story)),
            KeyCode::Char('U') => delivery.map(|(story, _)| Intent::Release(story)),
            KeyCode::Char('C') => delivery.map(|(story, to)| Intent::Cancel { story, to }),
            _ => None,
        };
        if let Some(intent) = intent {
            self.over = Over::Form(Form::new(intent));
        }
        None
    }

    /// So many pages there are, one at least.
    pub fn pages(&self) -> usize {
        self.picture.as_ref().map_or(0, |picture| picture.all.div_ceil(self.view.page_size())).max(1)
    }

    /// One line on, or back; over the edge of a page to the next.
    fn go(&mut self, step: isize) -> Option<Ask> {
        let rows = self.picture.as_ref()?.rows.len();
        match self.cursor.checked_add_signed(step) {
            Some(cursor) if cursor < rows => {
                self.cursor = cursor;
                None
            }
            Some(_) if self.view.page + 1 < self.pages() => {
                self.cursor = 0;
                Some(self.look(|view| view.page += 1))
            }
            None if self.view.page > 0 => {
                self.cursor = usize::MAX;
                Some(self.look(|view| view.page -= 1))
            }
            Some(_) | None => None,
        }
    }

    fn turn(&mut self, step: isize) -> Option<Ask> {
        let page = self.view.page.checked_add_signed(step).filter(|page| *page < self.pages())?;
        Some(self.look(|view| view.page = page))
    }

    /// Looks at something else, from its beginning.
    fn anew(&mut self, change: impl FnOnce(&mut View)) -> Ask {
        self.cursor = 0;
        self.look(|view| {
            change(view);
            view.page = 0;
        })
    }

    /// What stood out is not looked for on another page.
    fn look(&mut self, change: impl FnOnce(&mut View)) -> Ask {
        change(&mut self.view);
        if let Some(picture) = &mut self.picture {
            picture.rows.clear();
        }
        Ask::Look(self.view.clone())
    }
}
