//! A WordPress site: one post for a story, by the REST interface that WordPress brings.
//!
//! ```text
//!                      not found                draft, as stored           status
//!  search by slug ──────────────▶ make a draft ──────────────────▶ proved? ──────▶ published
//!        │ found                                                      ▲
//!        └──────────────▶ change the post: title, content, excerpt ───┘ (one that is up already stays up)
//! ```
//!
//! WordPress has no idempotency key. So a post has a slug made of the story's guid alone, by which it is found again
//! after an answer was lost; and it begins as a draft, so that a request that arrives late after all makes one that no
//! reader sees (promise 9). What the site stored is proved again before it is published: the filters of a site take out
//! what its user may not write, and without attribution nothing is published (promise 6). What is remembered between
//! attempts is in `remote`.
//!
//! A site's editors are masters of their site: what they took down stays down, and where they put a post it stays.

mod changed;
mod document;
mod knock;
mod remote;
mod site;
mod slug;
mod terms;
#[cfg(test)]
mod tests;

#[cfg(any(test, fuzzing))]
pub(super) use site::answered;

use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::document::Document;
use self::remote::{PostId, Remote, State};
use self::site::{Ask, Site, Trouble};
use self::terms::Terms;
use super::client::Settings;
use super::knock::{Part, Steps, is_test};
use super::{Class, DoorError, Outcome, Parcel, Transport};
use crate::config::{OnKill, PostStatus, WordPress};

/// A partner's WordPress site.
pub struct WordPressDoor {
    site: Site,
    terms: Terms,
    status: PostStatus,
    on_kill: OnKill,
    author: Option<u64>,
    slug: String,
    makes_terms: bool,
}

const POSTS: &str = "/wp/v2/posts";

/// What is asked back of a post.
const FIELDS: (&str, &str) = ("_fields", "id,slug,status,content.raw");

/// The post is not there any more.
const NO_POST: &str = "rest_post_invalid_id";

/// A post as the site has it.
#[derive(Debug)]
struct Post {
    id: PostId,
    status: String,
    /// The content as it is stored, before anything that the site does to show it.
    raw: Option<String>,
}

impl Post {
    fn read(value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Some(Self { id: value["id"].as_u64()?, status: text(&value["status"])?, raw: text(&value["content"]["raw"]) })
    }
}

impl WordPressDoor {
    /// Reads the secret and the certificates that `site` and `settings` refer to.
    pub fn new(site: &WordPress, settings: &Settings<'_>) -> Result<Self, DoorError> {
        Ok(Self {
            site: Site::new(site, settings)?,
            terms: Terms::new(site),
            status: site.status,
            on_kill: site.on_kill,
            author: site.author,
            slug: site.slug.clone(),
            makes_terms: site.create_terms,
        })
    }

    async fn attempt(&self, parcel: &Parcel) -> Outcome {
        let document = match Document::read(parcel.document.bytes()) {
            Ok(document) => document,
            Err(why) => return Outcome::refused_here(format!("not sent: {why}")),
        };
        // What cannot be read is found again by the slug.
        let remote = parcel.remote.as_deref().and_then(|remote| remote.parse().ok());
        let mut visit = Visit { door: self, parcel, document, remote };
        let ended = if parcel.action.withdraws() { visit.take_down().await } else { visit.put_up().await };
        let mut outcome = ended.unwrap_or_else(|outcome| outcome);
        outcome.remote = visit.remote.map(|remote| remote.to_string());
        outcome
    }
}

/// One attempt.
struct Visit<'a> {
    door: &'a WordPressDoor,
    parcel: &'a Parcel,
    document: Document,
    /// What is known of the post so far.
    remote: Option<Remote>,
}

impl Visit<'_> {
    async fn put_up(&mut self) -> Result<Outcome, Outcome> {
        if self.remote.is_none() {
            self.remote = self.find().await?;
        }
        match self.remote {
            None => self.make().await,
            Some(Remote { id, state: State::Up }) => self.change(id).await,
            Some(Remote { id, state: State::Unfinished | State::Withdrawn }) => self.finish(id).await,
        }
    }

    /// The story's post, where an earlier attempt made one and its answer was lost.
    async fn find(&self) -> Result<Option<Remote>, Outcome> {
        let posts = self.search().await?;
        let shown = posts.iter().find(|post| !matches!(post.status.as_str(), "draft" | "trash"));
        let draft = || posts.iter().find(|post| post.status == "draft");
        if let Some(post) = shown {
            return Ok(Some(Remote { id: post.id, state: State::Up }));
        }
        if let Some(post) = draft() {
            return Ok(Some(Remote { id: post.id, state: State::Unfinished }));
        }
        match posts.first() {
            Some(post) => Err(self.taken_down(post.id, "it is in the site's trash")),
            None => Ok(None),
        }
    }

    /// All posts with the story's slug, those in the trash too, the oldest first.
    async fn search(&self) -> Result<Vec<Post>, Outcome> {
        let slug = slug::slug(&self.door.slug, &self.parcel.story);
        // A second post of one slug is given a number, and what goes into the trash is renamed.
        let numbered = ["", "-2", "-3"].map(|number| format!("{slug}{number},{slug}{number}__trashed"));
        let slugs = numbered.join(",");
        let query = [
            ("slug", slugs.as_str()),
            ("status", "publish,future,draft,pending,private,trash"),
            ("context", "edit"),
            ("orderby", "id"),
            ("order", "asc"),
            FIELDS,
        ];
        let found = self.door.site.ask(Ask::Get, POSTS, &query, self.parcel).await?;
        Ok(found.as_array().into_iter().flatten().filter_map(Post::read).collect())
    }

    /// What a post is made with: everything but its status.
    async fn whole(&self) -> Result<Map<String, Value>, Outcome> {
        let door = self.door;
        let mut fields = self.document.texts();
        fields.extend(terms::fields(door.terms.of(&door.site, self.parcel, &self.document).await?));
        fields.insert("slug".to_owned(), slug::slug(&door.slug, &self.parcel.story).into());
        fields.extend(door.author.map(|author| ("author".to_owned(), author.into())));
        fields.extend(self.document.date(Timestamp::now()).map(|date| ("date_gmt".to_owned(), date.into())));
        Ok(fields)
    }

    async fn make(&mut self) -> Result<Outcome, Outcome> {
        let mut fields = self.whole().await?;
        fields.insert("status".to_owned(), "draft".into());
        let made = self.post(POSTS, fields).await?;
        self.publish(&made).await
    }

    /// Brings up a post that is a draft of ours, or that we took down.
    async fn finish(&mut self, id: PostId) -> Result<Outcome, Outcome> {
        let mut fields = self.whole().await?;
        let withdrawn = self.remote.is_some_and(|remote| remote.state == State::Withdrawn);
        if withdrawn {
            fields.insert("status".to_owned(), "draft".into());
        }
        let post = match self.post(&format!("{POSTS}/{id}"), fields).await {
            Ok(post) => post,
            // The trash was emptied since we put it there.
            Err(trouble) if withdrawn && trouble.code.as_deref() == Some(NO_POST) => {
                self.remote = None;
                return self.make().await;
            }
            Err(trouble) => return Err(self.gone_or(id, trouble)),
        };
        if post.status == "trash" {
            return Err(self.taken_down(id, "it is in the site's trash"));
        }
        self.publish(&post).await
    }

    /// Gives a draft its status, when what the site stored carries its attribution. One that has another status than
    /// draft was given it by an attempt whose answer was lost, or by the site's editors.
    async fn publish(&mut self, post: &Post) -> Result<Outcome, Outcome> {
        let id = post.id;
        self.remote = Some(Remote { id, state: State::Unfinished });
        if let Some(lack) = self.lack(post) {
            return Err(refused(format!("{lack}; post {id} is not published, its status stays {:?}", post.status)));
        }
        // A test is no reader's to see.
        let wanted = if is_test(&self.parcel.story) { PostStatus::Draft } else { self.door.status };
        let up = if wanted == PostStatus::Draft || post.status != "draft" {
            post.status.clone()
        } else {
            let fields = Map::from_iter([("status".to_owned(), wanted.as_str().into())]);
            let answer = self.post(&format!("{POSTS}/{id}"), fields).await;
            answer.map_err(|trouble| self.gone_or(id, trouble))?.status
        };
        self.remote = Some(Remote { id, state: State::Up });
        Ok(delivered(format!("post {id} made, its status is {up:?}")))
    }

    /// A later version: the texts change, and nothing that the site's editors decide.
    async fn change(&mut self, id: PostId) -> Result<Outcome, Outcome> {
        let texts = self.document.texts();
        let post = match self.post(&format!("{POSTS}/{id}"), texts).await {
            Ok(post) => post,
            Err(trouble) => return Err(self.gone_or(id, trouble)),
        };
        if post.status == "trash" {
            return Err(self.taken_down(id, "it is in the site's trash"));
        }
        if let Some(lack) = self.lack(&post) {
            return Err(refused(format!(
                "{lack}; post {id} stands at the site without it, with the status {:?}",
                post.status
            )));
        }
        Ok(delivered(format!("post {id} changed, its status is {:?}", post.status)))
    }

    async fn take_down(&mut self) -> Result<Outcome, Outcome> {
        // All that there are: a request that arrived late may have made a draft that nobody knows of.
        let found = self.search().await?;
        let up = found.iter().filter(|post| post.status != "trash").map(|post| post.id);
        let mut ids: Vec<PostId> = self.remote.map(|remote| remote.id).into_iter().collect();
        for id in up {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let Some(first) = ids.first().copied() else {
            self.remote = found.first().map(|post| Remote { id: post.id, state: State::Withdrawn });
            return Ok(delivered("the site has no post of this story, or has it in its trash already".to_owned()));
        };
        let mut told = String::new();
        for id in ids {
            let on_kill = if is_test(&self.parcel.story) { OnKill::Trash } else { self.door.on_kill };
            let taken = match on_kill {
                OnKill::Trash => self.trash(id).await,
                OnKill::Draft => self.withdraw_to_draft(id).await,
            };
            match taken {
                Ok(how) => told = how,
                Err(outcome) => {
                    if matches!(outcome.class, Class::Unknown { .. }) {
                        // It may be down, by us: a later version may bring it back.
                        self.remote = Some(Remote { id: first, state: State::Withdrawn });
                    }
                    return Err(outcome);
                }
            }
        }
        self.remote = Some(Remote { id: first, state: State::Withdrawn });
        Ok(delivered(told))
    }

    async fn trash(&self, id: PostId) -> Result<String, Outcome> {
        let route = format!("{POSTS}/{id}");
        match self.door.site.ask(Ask::Delete, &route, &[FIELDS], self.parcel).await {
            Ok(_) => Ok(format!("post {id} is in the site's trash")),
            Err(trouble) => match trouble.code.as_deref() {
                Some("rest_already_trashed") => Ok(format!("post {id} was in the site's trash already")),
                Some(NO_POST) => Ok(format!("post {id} was deleted at the site already")),
                // A site without a trash would delete it for good, which is not ours to do.
                Some("rest_trash_not_supported") => self.withdraw_to_draft(id).await,
                Some(_) | None => Err(trouble.into()),
            },
        }
    }

    /// Makes it a draft that says why it was withdrawn.
    async fn withdraw_to_draft(&self, id: PostId) -> Result<String, Outcome> {
        let site = &self.door.site;
        let route = format!("{POSTS}/{id}");
        let deleted = || format!("post {id} was deleted at the site already");
        match site.ask(Ask::Get, &route, &[("context", "edit"), FIELDS], self.parcel).await {
            Ok(post) if post["status"] == "trash" => return Ok(format!("post {id} was in the site's trash already")),
            Ok(_) => {}
            Err(trouble) if trouble.code.as_deref() == Some(NO_POST) => return Ok(deleted()),
            Err(trouble) => return Err(trouble.into()),
        }
        let mut fields = self.document.texts();
        fields.insert("status".to_owned(), "draft".into());
        match site.ask(Ask::Post(&fields.into()), &route, &[FIELDS], self.parcel).await {
            Ok(_) => Ok(format!("post {id} is a draft")),
            Err(trouble) if trouble.code.as_deref() == Some(NO_POST) => Ok(deleted()),
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// Makes or changes a post, and returns it as the site stored it.
    async fn post(&self, route: &str, fields: Map<String, Value>) -> Result<Post, Trouble> {
        let stored = self.door.site.ask(Ask::Post(&fields.into()), route, &[FIELDS], self.parcel).await?;
        Post::read(&stored).ok_or_else(|| {
            let detail = "answered with what is no post of WordPress".to_owned();
            let class = Class::Unknown { retry_after: None };
            Trouble { outcome: Outcome { class, status: None, detail, remote: None }, code: None, term: None }
        })
    }

    /// What the stored post lacks of its attribution, as an operator reads it. What else the site changed is logged.
    fn lack(&self, post: &Post) -> Option<String> {
        let raw = post.raw.as_deref()?;
        if raw == self.document.content() {
            return None;
        }
        let stored = json!({ "content": raw }).to_string();
        let lacks = self.parcel.document.lacks_when_stored_as(stored.as_bytes());
        if lacks.is_empty() {
            if let Some(place) = changed::place(self.document.content(), raw) {
                let (story, version, site) = (&self.parcel.story, self.parcel.version, &self.door.site.name);
                tracing::warn!(%story, %version, site, post = post.id, place, "the site changed the content");
            }
            return None;
        }
        let lacks = lacks.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Some(format!(
            "the site took out what the licence demands: {lacks}; give the WordPress user the role Editor, or have the \
             plugin or filter that does it leave these posts alone"
        ))
    }

    /// Our post is not there: the partner took it down, and it is not made again behind the editors' backs. Nor is it
    /// ours any more where they gave it to another author.
    fn gone_or(&self, id: PostId, trouble: Trouble) -> Outcome {
        match (trouble.code.as_deref(), trouble.outcome.class) {
            (Some(NO_POST), _) => self.taken_down(id, "it was deleted at the site"),
            (Some("rest_cannot_edit"), Class::Deferred { maybe_document: true, .. }) => {
                Outcome { class: Class::Refused, ..trouble.outcome }
            }
            (_, _) => trouble.into(),
        }
    }

    fn taken_down(&self, id: PostId, how: &str) -> Outcome {
        refused(format!("the partner took post {id} down: {how}, and is not brought back against its editors"))
    }
}

fn delivered(detail: String) -> Outcome {
    Outcome { class: Class::Delivered, status: Some(200), detail, remote: None }
}

/// By what the site answered, not by what was sent: it says something of the door too.
fn refused(detail: String) -> Outcome {
    Outcome { class: Class::Refused, status: Some(200), detail, remote: None }
}

impl Transport for WordPressDoor {
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Outcome> {
        self.attempt(parcel).boxed()
    }

    fn in_network(&self) -> Duration {
        self.site.timeouts().in_network()
    }

    fn knock<'a>(&'a self, steps: &'a mut Steps) -> BoxFuture<'a, ()> {
        steps.look(Part::Login, self.ask_who_we_are()).map(drop).boxed()
    }
}
