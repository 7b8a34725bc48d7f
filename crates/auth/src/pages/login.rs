//! Signing in and out, and the page of one's account.

use axum::response::Response;
use mainstay_core::{Inject, Result};
use mainstay_db::Db;
use mainstay_http::Form;
use mainstay_view::{FormState, context};
use serde::{Deserialize, Serialize};

use super::visit::{Entry, Sent, Visit};
use super::{LOGIN, Named, Place};
use crate::attempts::Attempts;
use crate::audit::SecurityEvent;
use crate::passwords::{AuthConfig, Passwords};
use crate::signed_in::SignedIn;

/// Where to go when it is done.
#[derive(Deserialize, Serialize)]
pub(crate) struct After {
    pub(crate) next: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    remember: bool,
}

pub(super) async fn show<A: Named>(visit: Visit, Form(after): Form<After>) -> Result<Response> {
    let offers = visit.offers(Place::SignIn);
    let (form, buttons) = (FormState::blank(), visit.buttons());
    visit.page("auth/login.html", context! { form, label => A::LABEL, next => after.next, offers, buttons })
}

pub(super) async fn log_in<A: Named>(
    visit: Visit,
    passwords: Inject<Passwords>,
    attempts: Inject<Attempts>,
    config: Inject<AuthConfig>,
    db: Inject<Db>,
    after: mainstay_http::Query<After>,
    sent: Sent<Credentials>,
) -> Result<Response> {
    let next = after.0.next;
    let accepted = sent.accept(async |it| {
        let account = by_password::<A>(&visit, &it.name, &it.password, (&passwords, &attempts, &db)).await?;
        let next = next.as_deref().unwrap_or(&config.after_login);
        visit.enter(&account, Entry { way: "password", is_remembered: it.remember, next }).await
    });
    match accepted.await? {
        Ok(next) => Ok(visit.done(&next, None)),
        Err(form) => {
            let offers = visit.offers(Place::SignIn);
            let buttons = visit.buttons();
            visit.again("auth/login.html", form, context! { label => A::LABEL, next, offers, buttons })
        }
    }
}

/// The account with this name and password. Whatever comes of it is counted and recorded.
async fn by_password<A: Named>(
    visit: &Visit,
    name: &str,
    password: &str,
    (passwords, attempts, db): (&Passwords, &Attempts, &Db),
) -> Result<A> {
    let refused = |why: &'static str, account: Option<&A>| {
        let event = SecurityEvent::new("login").refused().with("name", shortened(name)).with("why", why);
        match account {
            Some(account) => event.of(&account.principal().identity()),
            None => event,
        }
    };
    if let Err(error) = attempts.count("login", name, &visit.exchange).await {
        visit.record(refused("too many attempts", None)).await?;
        return Err(error);
    }
    let found = A::by_name(name.trim()).first(db).await?;
    let outcome = passwords.log_in(found.clone(), password, db).await;
    if outcome.as_ref().is_err_and(|error| error.status() == http::StatusCode::UNAUTHORIZED) {
        visit.record(refused("name and password do not belong together", found.as_ref())).await?;
    }
    outcome
}

/// What was typed as a name, which may be anything, a password among it: no more than tells an attack from a slip.
fn shortened(name: &str) -> String {
    let name = name.trim();
    name.chars().take(64).collect()
}

pub(super) async fn log_out(visit: Visit) -> Result<Response> {
    // Of somebody without a session, none is made.
    if visit.session.key().is_none() {
        return Ok(visit.done(LOGIN, None));
    }
    if let Some(owner) = visit.session.owner() {
        visit.record(SecurityEvent::new("logout").of(&owner)).await?;
    }
    visit.session.end();
    Ok(visit.done(LOGIN, "You are signed out."))
}

pub(super) async fn overview<A: Named>(visit: Visit, account: Option<SignedIn<A>>) -> Result<Response> {
    let Some(account) = account else { return visit.sign_in_first() };
    let name = account.principal().name().to_owned();
    visit.page("auth/account.html", context! { name, offers => visit.offers(Place::Account) })
}
