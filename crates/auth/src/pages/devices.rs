//! Where one is signed in: with browsers, by sessions, and with devices that have tokens.

use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use mainstay_core::{Inject, Result};
use mainstay_http::session::{SessionKey, SessionRecord};
use mainstay_http::{Json, Sessions};
use mainstay_view::context;
use serde::{Deserialize, Serialize};

use super::visit::{Sent, Visit};
use super::{Named, SESSIONS, agent};
use crate::audit::SecurityEvent;
use crate::jwt::{SignIn, TokenPairs};
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

/// A device that is signed in by tokens, the same.
#[derive(Serialize)]
struct Device {
    id: String,
    agent: Option<String>,
    address: Option<String>,
    used_at: String,
}

impl From<SignIn> for Device {
    fn from(device: SignIn) -> Self {
        Self {
            id: device.id,
            agent: device.agent.as_deref().map(agent::named),
            address: device.address,
            used_at: minute(device.used_at),
        }
    }
}

fn minute(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%d %H:%M UTC").to_string()
}

pub(super) async fn list<A: Named>(
    visit: Visit,
    sessions: Inject<Sessions>,
    pairs: Option<Inject<TokenPairs>>,
    account: Option<SignedIn<A>>,
) -> Result<Response> {
    let Some(account) = account else { return visit.sign_in_first() };
    let this = visit.session.key();
    let shown = |(key, record): (SessionKey, SessionRecord)| Shown {
        is_this: Some(&key) == this.as_ref(),
        agent: record.agent,
        address: record.address.map(|address| address.to_string()),
        seen_at: minute(record.seen_at.into()),
        key,
    };
    let all = sessions.of_owner(&account.principal().identity()).await?;
    let all: Vec<Shown> = all.into_iter().map(shown).collect();
    if visit.is_program() {
        return Ok(Json(all).into_response());
    }
    let named = |session: Shown| Shown { agent: session.agent.as_deref().map(agent::named), ..session };
    let all: Vec<Shown> = all.into_iter().map(named).collect();
    let devices: Vec<Device> = match &pairs {
        Some(pairs) => pairs.list(&*account).await?.into_iter().map(Device::from).collect(),
        None => Vec::new(),
    };
    visit.page("auth/sessions.html", context! { sessions => all, devices })
}

#[derive(Deserialize)]
pub(super) struct Ended {
    /// A session.
    key: Option<String>,
    /// A device, by its id. Neither: all but this session.
    device: Option<String>,
}

pub(super) async fn end<A: Named>(
    visit: Visit,
    sessions: Inject<Sessions>,
    pairs: Option<Inject<TokenPairs>>,
    account: Option<SignedIn<A>>,
    sent: Sent<Ended>,
) -> Result<Response> {
    let Some(account) = account else { return visit.sign_in_first() };
    let owner = account.principal().identity();
    let told = sent.accept(async |ended| {
        if let Some(id) = &ended.device {
            let is_ended = match &pairs {
                Some(pairs) => pairs.sign_out(&*account, id).await?,
                None => false,
            };
            if !is_ended {
                return Ok("That device was signed out already.");
            }
            visit.record(SecurityEvent::new("device.signed_out").of(&owner).with("sign_in", &**id)).await?;
            return Ok("The device has been signed out.");
        }
        let key = ended.key.map(SessionKey::from_text);
        let told = match &key {
            Some(key) if sessions.end(&owner, key).await? => "The session has been ended.",
            Some(_) => return Ok("That session had ended already."),
            None => {
                sessions.end_all(&owner, visit.session.key().as_ref()).await?;
                if let Some(pairs) = &pairs {
                    pairs.sign_out_all(&*account, None).await?;
                }
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
