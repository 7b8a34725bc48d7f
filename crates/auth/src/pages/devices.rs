//! Where one is signed in.

use axum::response::{IntoResponse, Response};
use mainstay_core::{Inject, Result};
use mainstay_http::session::{SessionKey, SessionRecord};
use mainstay_http::{Json, Sessions};
use mainstay_view::context;
use serde::{Deserialize, Serialize};

use super::visit::{Sent, Visit};
use super::{Named, SESSIONS};
use crate::audit::SecurityEvent;
use crate::signed_in::SignedIn;

/// A session, as its owner sees it.
#[derive(Serialize)]
struct Shown {
    key: SessionKey,
    agent: Option<String>,
    address: Option<String>,
    seen_at: String,
    is_this: bool,
}

pub(super) async fn list<A: Named>(
    visit: Visit,
    sessions: Inject<Sessions>,
    account: Option<SignedIn<A>>,
) -> Result<Response> {
    let Some(account) = account else { return visit.sign_in_first() };
    let this = visit.session.key();
    let shown = |(key, record): (SessionKey, SessionRecord)| Shown {
        is_this: Some(&key) == this.as_ref(),
        agent: record.agent,
        address: record.address.map(|address| address.to_string()),
        seen_at: chrono::DateTime::<chrono::Utc>::from(record.seen_at)
            .format("%Y-%m-%d %H:%M UTC")
            .to_string(),
        key,
    };
    let all = sessions.of_owner(&account.principal().identity()).await?;
    let all: Vec<Shown> = all.into_iter().map(shown).collect();
    if visit.is_program() {
        return Ok(Json(all).into_response());
    }
    visit.page("auth/sessions.html", context! { sessions => all })
}

#[derive(Deserialize)]
pub(super) struct Ended {
    /// None: all but this one.
    key: Option<String>,
}

pub(super) async fn end<A: Named>(
    visit: Visit,
    sessions: Inject<Sessions>,
    account: Option<SignedIn<A>>,
    sent: Sent<Ended>,
) -> Result<Response> {
    let Some(account) = account else { return visit.sign_in_first() };
    let owner = account.principal().identity();
    let told = sent.accept(async |ended| {
        let key = ended.key.map(SessionKey::from_text);
        let told = match &key {
            Some(key) if sessions.end(&owner, key).await? => "The session has been ended.",
            Some(_) => return Ok("That session had ended already."),
            None => {
                sessions.end_all(&owner, visit.session.key().as_ref()).await?;
                "All other sessions have been ended."
            }
        };
        let which = if key.is_some() { "one" } else { "all others" };
        visit.record(SecurityEvent::new("session.ended").of(&owner).with("which", which)).await?;
        Ok(told)
    });
    match told.await? {
        Ok(told) => Ok(visit.done(SESSIONS, told)),
        Err(_) => Ok(visit.done(SESSIONS, "That session had ended already.")),
    }
}
