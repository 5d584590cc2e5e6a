//! A try of a site without a post: whether WordPress's interface is there, knows our user, and lets it do what this
//! destination asks of it.

use serde_json::Value;

use super::WordPressDoor;
use crate::config::PostStatus;
use crate::transport::knock::{Finding, Looked};
use crate::transport::outcome::excerpt;

impl WordPressDoor {
    /// Asks the site who we are.
    pub(super) async fn ask_who_we_are(&self) -> Looked<()> {
        let me = self.site.me().await.map_err(|trouble| {
            let mend = "check url, user and application_password with the site's web editor; docs/wordpress.md says what has \
                        to be there";
            Finding::trouble(trouble.outcome.detail, mend)
        })?;
        may(&me, &self.needed()).map(|finding| (finding, ()))
    }

    /// The capabilities that deliveries need, each with what it is for.
    fn needed(&self) -> Vec<(&'static str, &'static str)> {
        let mut needed = vec![("edit_posts", "make posts"), ("delete_posts", "take posts down")];
        if self.status == PostStatus::Publish {
            needed.extend([
                ("publish_posts", "publish posts"),
                ("edit_published_posts", "change posts that are published"),
                ("delete_published_posts", "take down posts that are published"),
            ]);
        }
        if self.author.is_some() {
            needed.push(("edit_others_posts", "write for the author of this destination"));
        }
        if self.makes_terms {
            needed.push(("manage_categories", "make categories and tags"));
        }
        needed
    }
}

/// What WordPress says of us, and whether that is enough.
fn may(me: &Value, needed: &[(&str, &str)]) -> Result<Finding, Finding> {
    let roles: Vec<&str> = me["roles"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let roles = if roles.is_empty() { "no role".to_owned() } else { format!("the role {}", roles.join(", ")) };
    let name = me["name"].as_str().unwrap_or_default();
    let who = excerpt(format!("WordPress knows us as {name:?}, with {roles}").as_bytes());
    let lacking = needed.iter().filter(|(capability, _)| me["capabilities"][capability] != true);
    let lacking: Vec<&str> = lacking.map(|(_, what)| *what).collect();
    if !lacking.is_empty() {
        return Err(Finding::trouble(
            format!("{who}, which may not {}", lacking.join(", nor ")),
            "have the site's administrator give the user the role Author, or Editor where it is to write for others or to \
             make categories",
        ));
    }
    if me["capabilities"]["unfiltered_html"] != true {
        return Ok(Finding::well(format!("{who}; WordPress takes out of its posts what is not plain HTML")));
    }
    Ok(Finding::well(who))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_user_may_not_do_is_said_with_its_mend() {
        let needed = [("edit_posts", "make posts"), ("publish_posts", "publish posts")];
        let may = |roles: Value, capabilities: Value| {
            let me = json!({ "name": "Wire", "roles": roles, "capabilities": capabilities });
            let Finding { verdict, found, .. } = may(&me, &needed).unwrap_or_else(|trouble| trouble);
            format!("{verdict:?}: {found}")
        };
        let told = [
            may(json!(["editor"]), json!({ "edit_posts": true, "publish_posts": true, "unfiltered_html": true })),
            may(json!(["author"]), json!({ "edit_posts": true, "publish_posts": true })),
            may(json!(["contributor"]), json!({ "edit_posts": true })),
            may(json!([]), json!({})),
        ];
        insta::assert_snapshot!(told.join("\n"), @r#"
        Well: WordPress knows us as "Wire", with the role editor
        Well: WordPress knows us as "Wire", with the role author; WordPress takes out of its posts what is not plain HTML
        Trouble: WordPress knows us as "Wire", with the role contributor, which may not publish posts
        Trouble: WordPress knows us as "Wire", with no role, which may not make posts, nor publish posts
        "#);
    }
}
