//! stub
use super::{Article, WireId};
pub enum Kind {
    Own,
}
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DecodeError(pub String);
pub struct Decoder;
impl Decoder {
    pub fn decode(_: &[u8], _: Option<&str>, _: &WireId) -> Result<Article, DecodeError> {
        Err(DecodeError(String::new()))
    }
}
