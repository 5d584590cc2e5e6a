//! stub
pub struct ConfigErrors;
pub enum Source {}
pub fn load() {}
pub fn load_from() {}
