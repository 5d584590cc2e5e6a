//! Colours and widths, where a terminal shows them, and tables as all verbs print them.
//!
//! What goes into a file or a pipe has neither, and is whole.

use std::io::IsTerminal;

use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use crossterm::style::Stylize;
use indicatif::HumanCount;

use crate::answers::board::Standing;

/// Whether what is printed has colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    Plain,
    Colours,
}

/// What a word is to its reader. Never told by its colour alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Good,
    Bad,
    /// To know, and nothing to do.
    Note,
    Plain,
}

impl Paint {
    /// Of standard output: colours on a terminal alone, unless `NO_COLOR` (no-color.org) or `TERM=dumb` says otherwise.
    pub fn of_output() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        Self::decided(
            std::io::stdout().is_terminal(),
            set("NO_COLOR").is_some(),
            set("TERM").is_some_and(|term| term == "dumb"),
        )
    }

    fn decided(terminal: bool, no_color: bool, dumb: bool) -> Self {
        if terminal && !no_color && !dumb { Self::Colours } else { Self::Plain }
    }

    /// A word in a line.
    pub fn word(self, text: &str, tone: Tone) -> String {
        match (self, tone) {
            (Self::Plain, _) | (Self::Colours, Tone::Plain) => text.to_owned(),
            (Self::Colours, Tone::Good) => text.green().to_string(),
            (Self::Colours, Tone::Bad) => text.red().bold().to_string(),
            (Self::Colours, Tone::Note) => text.yellow().to_string(),
        }
    }

    /// A word in a table.
    pub fn cell(self, text: impl Into<String>, tone: Tone) -> Cell {
        let cell = Cell::new(text.into());
        match (self, tone) {
            (Self::Plain, _) | (Self::Colours, Tone::Plain) => cell,
            (Self::Colours, Tone::Good) => cell.fg(Color::Green),
            (Self::Colours, Tone::Bad) => cell.fg(Color::Red).add_attribute(Attribute::Bold),
            (Self::Colours, Tone::Note) => cell.fg(Color::Yellow),
        }
    }

    /// A table, as wide as the terminal at most.
    pub fn table(self, header: &[&str]) -> Table {
        let mut table = Table::new();
        table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(header);
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table
    }
}

impl Standing {
    /// What its word is to its reader.
    pub fn tone(self) -> Tone {
        match self {
            Self::Trouble | Self::Gone => Tone::Bad,
            Self::Suspended => Tone::Note,
            Self::Sending => Tone::Good,
            Self::Idle => Tone::Plain,
        }
    }
}

/// A text of somebody else's without what a terminal would obey.
pub fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

/// How long ago, or in how long, in its largest unit: `3 min`.
pub fn span(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let units = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let (size, unit) = units.into_iter().find(|(size, _)| seconds >= *size).unwrap_or((1, "s"));
    format!("{} {unit}", seconds / size)
}

/// A rate: whole from ten on, since nobody needs more.
pub fn rate(per_minute: f64) -> String {
    if per_minute == 0.0 {
        "0/min".to_owned()
    } else if per_minute < 10.0 {
        format!("{per_minute:.1}/min")
    } else {
        format!("{}/min", HumanCount(per_minute.round() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        assert_eq!(Paint::decided(true, false, false), Paint::Colours);
        for (terminal, no_color, dumb) in [(false, false, false), (true, true, false), (true, false, true)] {
            assert_eq!(Paint::decided(terminal, no_color, dumb), Paint::Plain);
        }
        assert_eq!(Paint::Plain.word("trouble", Tone::Bad), "trouble");
        let painted = Paint::Colours.word("trouble", Tone::Bad);
        assert!(painted.contains("trouble") && painted.starts_with('\u{1b}'), "{painted:?}");
    }

    #[test]
    fn spans_and_rates_are_short() {
        let spans = [-3, 0, 59, 60, 3_599, 7_200, 200_000].map(span);
        assert_eq!(spans, ["0 s", "0 s", "59 s", "1 min", "59 min", "2 h", "2 d"]);
        assert_eq!([0.0, 0.4, 9.94, 10.4, 4_000.0].map(rate), ["0/min", "0.4/min", "9.9/min", "10/min", "4,000/min"]);
    }
}
