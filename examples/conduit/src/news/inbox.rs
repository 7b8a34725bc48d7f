//! What one was told: a list, what is unread, what comes in now, and what one wants to be told.

use mainstay::db::Uuid;
use mainstay::notifications::mailbox::Show;
use mainstay::notifications::{Notice, Preference};
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::users::User;

/// So many are listed at once.
const PAGE: u64 = 20;

/// Which are listed.
#[derive(Deserialize, JsonSchema)]
struct Listed {
    /// Those before the one with this id; empty: the newest.
    before: Option<String>,
    #[serde(default)]
    show: Show,
}

#[derive(Debug, Serialize, JsonSchema)]
struct NoticeList {
    notifications: Vec<Notice>,
    /// How many were not read yet.
    unread: u64,
}

/// Lists what one was told, the newest first.
#[get("/api/notifications", tag = "Notifications")]
#[errors(BadRequest)]
async fn list(
    SignedIn(user): SignedIn<User>,
    Query(which): Query<Listed>,
    notifications: Inject<Notifications>,
) -> Result<Json<NoticeList>> {
    let before = which.before.filter(|id| !id.is_empty()).map(|id| id.parse::<Uuid>()).transpose();
    let before = before.map_err(|fault| Error::bad_request("`before` is no id.").caused_by(fault))?;
    let mine = notifications.of(&user);
    let listed = mine.list(which.show, before, PAGE).await?;
    Ok(Json(NoticeList { notifications: listed, unread: mine.unread_count().await? }))
}

/// Says what one is told, when it is told. A stream that ends has missed something: list them then.
#[get("/api/notifications/live", tag = "Notifications")]
async fn live(
    SignedIn(user): SignedIn<User>,
    notifications: Inject<Notifications>,
) -> Result<JsonEvents<Notice>> {
    Ok(JsonEvents::new(notifications.of(&user).live().await?.into_stream()))
}

/// Marks one as read.
#[post("/api/notifications/{id}/read", tag = "Notifications")]
#[errors(NotFound)]
async fn read(
    Path(id): Path<Uuid>,
    SignedIn(user): SignedIn<User>,
    notifications: Inject<Notifications>,
) -> Result<NoContent> {
    notifications.of(&user).read(id).await?;
    Ok(NoContent)
}

/// Marks all as read.
#[post("/api/notifications/read", tag = "Notifications")]
async fn read_all(SignedIn(user): SignedIn<User>, notifications: Inject<Notifications>) -> Result<NoContent> {
    notifications.of(&user).read_all().await?;
    Ok(NoContent)
}

#[derive(Debug, Serialize, JsonSchema)]
struct PreferenceList {
    preferences: Vec<Preference>,
}

/// Lists what one can be told, by which ways, and whether one is.
#[get("/api/notifications/preferences", tag = "Notifications")]
async fn preferences(
    SignedIn(user): SignedIn<User>,
    notifications: Inject<Notifications>,
) -> Result<Json<PreferenceList>> {
    Ok(Json(PreferenceList { preferences: notifications.of(&user).preferences().await? }))
}

/// What one wants.
#[derive(Deserialize, JsonSchema)]
struct Wish {
    /// What one is told.
    name: String,
    /// By which way.
    via: Via,
    /// Whether one wants it.
    wanted: bool,
}

/// Has one told something by a way, or no more.
#[put("/api/notifications/preferences", tag = "Notifications")]
#[errors(NotFound, Conflict("notification_always", "It cannot be switched off."))]
async fn prefer(
    SignedIn(user): SignedIn<User>,
    notifications: Inject<Notifications>,
    Json(wish): Json<Wish>,
) -> Result<Json<PreferenceList>> {
    let mine = notifications.of(&user);
    mine.prefer(&wish.name, wish.via, wish.wanted).await?;
    Ok(Json(PreferenceList { preferences: mine.preferences().await? }))
}

pub(super) fn routes() -> Routes {
    routes![list, live, read, read_all, preferences, prefer]
}
