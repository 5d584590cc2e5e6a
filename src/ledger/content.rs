//! An article as a ledger keeps it.
//!
//! Documents are made of what is read back, whether they are made while the article is being accepted or a year later: so
//! they are the same (promise 9).

use jiff::Timestamp;

use crate::article::Article;

/// What is kept of an article.
///
/// # Errors
/// Where it cannot be JSON, which would be a defect of its types.
pub fn write(article: &Article) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(article)
}

/// The article that was kept as `content` when it was accepted.
///
/// # Errors
/// Where the content is damaged.
pub fn read(content: &[u8], accepted: Timestamp) -> serde_json::Result<Article> {
    let mut article: Article = serde_json::from_slice(content)?;
    // Some formats cannot be without the time of a version; a kill seldom says when it was made.
    // What is kept of a time is its microseconds.
    article.versioned.get_or_insert(Timestamp::from_microsecond(accepted.as_microsecond()).unwrap_or(accepted));
    Ok(article)
}
