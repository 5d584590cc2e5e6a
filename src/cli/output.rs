//! Standard output, as every verb writes to it.
//!
//! `println!` panics where its reader has gone, as `head` goes when it has read enough, so the library does without (clippy
//! holds it to that). What cannot be written ends the verb instead: a reader that has gone in silence, and anything else, such
//! as a full disk, with why.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};

use super::Failure;

/// What `println!` prints: `say!("{written} pages")?`.
macro_rules! say {
    ($($words:tt)*) => {
        $crate::cli::output::line(format_args!($($words)*))
    };
}
pub(super) use say;

/// A line, by way of [`say!`].
pub fn line(words: Arguments<'_>) -> Result<(), Failure> {
    written(writeln!(io::stdout().lock(), "{words}"))
}

/// Text that has its line ends, or a document as it is.
pub fn whole(text: impl AsRef<[u8]>) -> Result<(), Failure> {
    let mut output = io::stdout().lock();
    // What stands behind the last line end would wait for the end of the process, which tells of no trouble.
    written(output.write_all(text.as_ref()).and_then(|()| output.flush()))
}

fn written(done: io::Result<()>) -> Result<(), Failure> {
    done.map_err(|why| match why.kind() {
        ErrorKind::BrokenPipe => Failure::Unread,
        _ => Failure::Unavailable(format!("cannot write to standard output: {why}")),
    })
}
