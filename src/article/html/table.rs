//! Tables: which row and which cell a tag speaks of.
//!
//! Nothing stands open in a table but one cell, or the caption, and what is written there is a single line: of the
//! blocks inside only the line ends remain. Text that stands in a table but in no cell gets a cell of its own, so that
//! it stays where it was written.

use html5ever::tokenizer::Tag;

use super::line::Marks;
use super::tree::{Frame, MOST_CONTAINERS, Shape, Tree, append_line, attribute};
use crate::article::body::{Block, Cell, Table};

/// The widest and tallest cell (HTML's own limit for `colspan`).
const MOST_SPAN: u16 = 1000;

/// A table under way.
#[derive(Default)]
pub struct Grid {
    table: Table,
    row: Option<Vec<Cell>>,
    cell: Option<Cell>,
    in_caption: bool,
    /// How many tables stand open inside the cell.
    inner: u32,
    /// The marks that were in force before the cell or the caption.
    marks: Marks,
    /// Pictures of the cells, which follow the table.
    pub images: Vec<Block>,
}

impl Grid {
    /// Whether there is a cell, or the caption, to write into.
    pub fn is_writing(&self) -> bool {
        self.cell.is_some() || self.in_caption
    }

    /// The table, unless there is nothing to see in it, and the pictures that stood in its cells.
    pub fn into_blocks(self) -> impl Iterator<Item = Block> {
        let Self { mut table, row, images, .. } = self;
        table.rows.extend(row.filter(|row| !row.is_empty()));
        let filled = table.rows.iter().flatten().any(|cell| !cell.content.is_empty());
        let seen = filled || !table.caption.is_empty();
        seen.then_some(Block::Table(table)).into_iter().chain(images)
    }
}

/// An empty cell, as the attributes of `tag` describe it.
pub fn cell_of(tag: &Tag) -> Cell {
    Cell {
        header: &*tag.name == "th",
        colspan: span(tag, "colspan"),
        rowspan: span(tag, "rowspan"),
        content: Vec::new(),
    }
}

/// An empty cell for text that stands outside of any.
pub fn plain_cell() -> Cell {
    Cell { header: false, colspan: 1, rowspan: 1, content: Vec::new() }
}

fn span(tag: &Tag, name: &str) -> u16 {
    let number = attribute(tag, name).and_then(|value| value.trim().parse().ok());
    number.unwrap_or(1).clamp(1, MOST_SPAN)
}

impl Tree {
    pub(super) fn open_table(&mut self) {
        if self.outside_cells() {
            self.close_frame();
        }
        if let Some(Frame::Table(grid)) = self.frames.last_mut() {
            grid.inner = grid.inner.saturating_add(1);
            self.line.boundary();
        } else if self.lifted > 0 || self.containers() >= MOST_CONTAINERS {
            self.boundary();
        } else {
            self.end_figure();
            self.shape = Shape::Paragraph;
            self.frames.push(Frame::Table(Box::default()));
        }
    }

    pub(super) fn close_table(&mut self) {
        self.boundary();
        match self.frames.last_mut() {
            Some(Frame::Table(grid)) if grid.inner > 0 => grid.inner -= 1,
            Some(Frame::Table(_)) => self.close_frame(),
            _ => {}
        }
    }

    /// The table whose rows and cells a tag speaks of, when it does not speak of one inside a cell.
    fn grid(&mut self) -> Option<&mut Grid> {
        match self.frames.last_mut() {
            Some(Frame::Table(grid)) if grid.inner == 0 => Some(grid),
            _ => None,
        }
    }

    pub(super) fn open_caption(&mut self) {
        self.close_row();
        let marks = self.marks.clone();
        if let Some(grid) = self.grid()
            // A caption below the rows stays where it is: in a cell of its own.
            && grid.table.rows.is_empty()
        {
            grid.in_caption = true;
            grid.marks = marks;
        }
    }

    pub(super) fn open_row(&mut self) {
        self.close_row();
        if let Some(grid) = self.grid() {
            grid.row = Some(Vec::new());
        }
    }

    pub(super) fn close_row(&mut self) {
        self.close_cell();
        if let Some(grid) = self.grid() {
            grid.table.rows.extend(grid.row.take().filter(|row| !row.is_empty()));
        }
    }

    pub(super) fn open_cell(&mut self, cell: Cell) {
        self.close_cell();
        let marks = self.marks.clone();
        if let Some(grid) = self.grid() {
            grid.row.get_or_insert_default();
            grid.cell = Some(cell);
            grid.marks = marks;
        }
    }

    pub(super) fn close_cell(&mut self) {
        self.boundary();
        if self.grid().is_some() {
            self.close_cell_or_caption();
        }
    }

    /// Puts the line into the cell or the caption that it was written for.
    pub(super) fn close_cell_or_caption(&mut self) {
        let Some(Frame::Table(grid)) = self.frames.last_mut() else { return };
        let content = self.line.finish(&mut self.copies);
        if let Some(cell) = grid.cell.take() {
            grid.row.get_or_insert_default().push(Cell { content, ..cell });
        } else if std::mem::take(&mut grid.in_caption) {
            append_line(&mut grid.table.caption, content);
        } else {
            return;
        }
        // What a cell marks, it marks for itself.
        self.marks = std::mem::take(&mut grid.marks);
        self.shape = Shape::Paragraph;
    }
}
