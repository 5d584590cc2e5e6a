//! Looking into a ledger, beside a running daemon or without one; and what operators order, written down.
//!
//! Each list reads along an index in the order in which it is shown, and a page of it costs what is shown, whatever the
//! ledger holds. What has to count, says so.

mod deliveries;
mod glance;
mod happened;
mod orders;
mod quarantine;
mod stats;
mod story;
mod survey;

use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, params};

pub use self::orders::open_orders;
pub use self::quarantine::{QuarantineSummary, quarantined};
use super::{lock_path, schema, trouble};
use crate::article::Article;
use crate::ledger::LedgerError;

/// A ledger that is only looked at.
pub struct SqliteReader {
    connection: Connection,
    path: PathBuf,
}

/// A story that a partner has or may have.
#[derive(Debug, Clone)]
pub struct Held {
    /// The highest version that it was sent and may show.
    pub article: Article,
    /// It is to take the story down.
    pub withdrawn: bool,
}

impl SqliteReader {
    /// # Errors
    /// [`LedgerError::Unusable`] where there is no ledger, or one that a start of this version has to bring up to date.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        if !path.exists() {
            return Err(LedgerError::Unusable(format!(
                "there is no ledger at {}; the daemon makes it at its first start, and ledger.path says where",
                path.display()
            )));
        }
        let connection = schema::open_to_read(path)?;
        schema::is_current(&connection, path)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// Whether a daemon runs on the ledger now.
    pub fn is_served(&self) -> bool {
        let Ok(lock) = File::open(lock_path(&self.path)) else { return false };
        // A daemon that starts in this moment tries again.
        matches!(lock.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock))
    }

    fn classed(&self, why: &rusqlite::Error) -> LedgerError {
        trouble::classed(&self.path, why)
    }

    /// The stories that a partner has or may have, those accepted last first; at most `limit`.
    pub fn held_by(&self, partner: &str, story: Option<&str>, limit: usize) -> Result<Vec<Held>, LedgerError> {
        // Of a story that was withdrawn, the article is the last that was to be read.
        let sql = "SELECT article.content, max(delivery.action IN ('kill', 'withhold')), max(article.version) \
                   FROM delivery JOIN destination ON destination.id = delivery.destination \
                   JOIN story ON story.id = delivery.story JOIN article ON article.story = delivery.story \
                   WHERE destination.name GLOB ?1 || '/*' AND (?2 IS NULL OR story.guid = ?2) \
                   AND article.version <= max(coalesce(confirmed, 0), coalesce(possible, 0)) \
                   AND article.action NOT IN ('kill', 'withhold') \
                   GROUP BY delivery.story ORDER BY max(delivery.accepted) DESC LIMIT ?3";
        let list = || -> rusqlite::Result<Vec<(Vec<u8>, bool)>> {
            let mut statement = self.connection.prepare(sql)?;
            let rows = statement.query_map(params![partner, story, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect()
        };
        let held = |(content, withdrawn): (Vec<u8>, bool)| {
            let article = serde_json::from_slice(&content).map_err(|why| LedgerError::Damaged(why.to_string()))?;
            Ok(Held { article, withdrawn })
        };
        list().map_err(|why| self.classed(&why))?.into_iter().map(held).collect()
    }
}
