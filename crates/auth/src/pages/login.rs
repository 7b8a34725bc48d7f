//! Signing in and out, and the page of one's account.

use axum::response::Response;
use http::StatusCode;
use mainstay_core::{Inject, Result};
use mainstay_db::Db;
use mainstay_http::{Exchange, Form};
use mainstay_view::{FormState, context};
use serde::{Deserialize, Serialize};

use super::visit::{Entry, Sent, Visit};
use super::{LOGIN, Named, Place};
use crate::attempts::Attempts;
use crate::audit::{Audit, SecurityEvent};
use crate::passwords::Passwords;
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
    db: Inject<Db>,
    after: mainstay_http::Query<After>,
    sent: Sent<Credentials>,
) -> Result<Response> {
    let next = after.0.next;
    let accepted = sent.accept(async |it| {
        let proof = ByPassword {
            exchange: &visit.exchange,
            passwords: &passwords,
            attempts: &attempts,
            audit: visit.audit(),
            db: &db,
        };
        let account = proof.account::<A>(&it.name, &it.password).await?;
        let next = next.as_deref().unwrap_or(&visit.config().after_login);
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

/// What it takes to sign in by name and password, whoever asks.
pub(crate) struct ByPassword<'a> {
    pub(crate) exchange: &'a Exchange,
    pub(crate) passwords: &'a Passwords,
    pub(crate) attempts: &'a Attempts,
    pub(crate) audit: &'a Audit,
    pub(crate) db: &'a Db,
}

impl ByPassword<'_> {
    /// The account with this name and password. Whatever comes of it is counted, and what is refused recorded.
    pub(crate) async fn account<A: Named>(&self, name: &str, password: &str) -> Result<A> {
        let refused = |why: &'static str, account: Option<&A>| {
            let event = SecurityEvent::new("login").refused().with("name", hinted(name)).with("why", why);
            let event = event.from(self.exchange);
            match account {
                Some(account) => event.of(&account.principal().identity()),
                None => event,
            }
        };
        if let Err(error) = self.attempts.count("login", name, self.exchange).await {
            if error.status() == StatusCode::TOO_MANY_REQUESTS && self.attempts.is_news(self.exchange).await {
                self.audit.record(refused("too many attempts", None)).await?;
            }
            return Err(error);
        }
        let found = A::by_name(name.trim()).first(self.db).await?;
        let outcome = self.passwords.log_in(found.clone(), password, self.db).await;
        if outcome.as_ref().is_err_and(|error| error.status() == StatusCode::UNAUTHORIZED) {
            self.audit.record(refused("name and password do not belong together", found.as_ref())).await?;
        }
        outcome
    }
}

/// As much of what was typed as a name as tells an attack from a slip. It may be anything, a password among it.
fn hinted(name: &str) -> String {
    let start: String = name.trim().chars().take(2).collect();
    format!("{start}…")
}

pub(super) async fn log_out(visit: Visit) -> Result<Response> {
    let told = visit.sign_out().await?.then_some("You are signed out.");
    Ok(visit.done(LOGIN, told))
}

/// What a person is called on a page: by nothing but a number only where nothing else is known.
fn shown_name<A: Named>(account: &A) -> String {
    let who = account.principal();
    let names = account.names();
    let first = names.into_iter().next().filter(|_| who.name() == who.id());
    first.unwrap_or_else(|| who.name().to_owned())
}

pub(super) async fn overview<A: Named>(visit: Visit, account: Option<SignedIn<A>>) -> Result<Response> {
    let Some(account) = account else { return visit.sign_in_first() };
    let name = shown_name(&*account);
    visit.page("auth/account.html", context! { name, offers => visit.offers(Place::Account) })
}
