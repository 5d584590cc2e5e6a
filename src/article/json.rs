//! stub
pub struct ArticleV1;
pub fn schema() -> serde_json::Value {
    serde_json::Value::Null
}
