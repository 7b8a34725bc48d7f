//! The page where people make and revoke their tokens.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::Method;
use mainstay_core::{Contributions, Error, Fault, Inject, Result};
use mainstay_http::{NoStore, Route, Routes};
use mainstay_view::{Context, FormState, context};
use serde::{Deserialize, Serialize};

use super::{AccessToken, AccessTokens, NewAccessToken};
use crate::account::Account;
use crate::audit::SecurityEvent;
use crate::pages::visit::{Sent, Visit};
use crate::pages::{Named, page};
use crate::proven::Proven;
use crate::scopes::{KnownScope, Scopes};
use crate::signed_in::SignedIn;

pub(super) const PAGE: &str = "/account/access-tokens";
const REVOKE: &str = "/account/access-tokens/revoke";
const VIEW: &str = "auth/tokens.html";

pub(super) fn routes<A: Named>() -> Routes {
    Routes::new()
        .route(page(Route::new(Method::GET, PAGE, show::<A>)))
        .route(page(Route::new(Method::POST, PAGE, create::<A>)))
        .route(page(Route::new(Method::POST, REVOKE, revoke::<A>)))
}

/// A token, as the page shows it.
#[derive(Serialize)]
struct Shown {
    id: String,
    name: String,
    starts_with: String,
    scopes: String,
    expires_on: String,
    used_on: Option<String>,
}

impl From<AccessToken> for Shown {
    fn from(token: AccessToken) -> Self {
        let day = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%d").to_string();
        Self {
            id: token.id,
            name: token.name,
            starts_with: token.starts_with,
            scopes: token.scopes.join(" "),
            expires_on: day(token.expires_at),
            used_on: token.last_used_at.map(day),
        }
    }
}

/// What the page shows whatever has happened.
async fn context<A: Account>(
    account: &A,
    tokens: &AccessTokens,
    contributions: &Contributions,
) -> Result<Context> {
    let mine: Vec<Shown> = tokens.list(account).await?.into_iter().map(Shown::from).collect();
    let known = KnownScope::all(contributions).map(|scope| (&*scope.name, &*scope.description));
    let scopes: Vec<(&str, &str)> = known.chain([("*", "Everything that you may do")]).collect();
    Ok(context! { tokens => mine, scopes, address => REVOKE })
}

async fn show<A: Named>(
    visit: Visit,
    account: Proven<A>,
    tokens: Inject<AccessTokens>,
    contributions: Inject<Contributions>,
) -> Result<Response> {
    let context = context(&*account, &tokens, &contributions).await?;
    visit.page(VIEW, context.with("form", FormState::blank()))
}

#[derive(Deserialize)]
struct Wanted {
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
    days: u32,
}

async fn create<A: Named>(
    visit: Visit,
    account: Proven<A>,
    tokens: Inject<AccessTokens>,
    contributions: Inject<Contributions>,
    sent: Sent<Wanted>,
) -> Result<Response> {
    let made = sent.accept(async |wanted| {
        if wanted.scopes.is_empty() {
            return Err(Error::invalid(vec![Fault::new("/scopes", "missing", "Choose at least one.")]));
        }
        let scopes = Scopes::of(wanted.scopes.iter().map(String::as_str))?;
        let lifetime = Duration::from_secs(u64::from(wanted.days) * 24 * 60 * 60);
        let new = NewAccessToken { lifetime: Some(lifetime), ..NewAccessToken::new(wanted.name, scopes) };
        let (about, token) = tokens.create(&*account, new).await?;
        visit.record(made(&account.principal().identity(), &about)).await?;
        Ok((about, token))
    });
    match made.await? {
        Ok((about, token)) => {
            let context = context(&*account, &tokens, &contributions).await?;
            let context =
                context.with("form", FormState::blank()).with("made", token).with("name", about.name);
            Ok(NoStore(visit.page(VIEW, context)?).into_response())
        }
        Err(form) => visit.again(VIEW, form, context(&*account, &tokens, &contributions).await?),
    }
}

#[derive(Deserialize)]
struct Revoked {
    id: String,
}

async fn revoke<A: Named>(
    visit: Visit,
    account: Option<SignedIn<A>>,
    tokens: Inject<AccessTokens>,
    sent: Sent<Revoked>,
) -> Result<Response> {
    let Some(account) = account else { return visit.sign_in_first() };
    let told = sent.accept(async |it| {
        if !tokens.revoke(&*account, &it.id).await? {
            return Ok("That token had ended already.");
        }
        visit.record(revoked(&account.principal().identity(), &it.id)).await?;
        Ok("The token has been revoked.")
    });
    Ok(visit.done(PAGE, told.await?.unwrap_or("That token had ended already.")))
}

/// What is recorded of a token that was made.
pub(super) fn made(owner: &str, about: &AccessToken) -> SecurityEvent {
    let event = SecurityEvent::new("access_token.made").of(owner).with("token", &*about.id);
    event.with("scopes", about.scopes.join(" ")).with("expires_at", about.expires_at.to_rfc3339())
}

/// What is recorded of a token that was revoked.
pub(super) fn revoked(owner: &str, id: &str) -> SecurityEvent {
    SecurityEvent::new("access_token.revoked").of(owner).with("token", id)
}
