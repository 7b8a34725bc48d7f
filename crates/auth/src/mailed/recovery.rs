//! Another password for one that was forgotten.

use axum::response::Response;
use mainstay_core::{Inject, Result};
use mainstay_db::Db;
use mainstay_http::{Query, Sessions};
use mainstay_view::{FormState, context};
use serde::Deserialize;

use super::Person;
use super::link::{self, ForAccount, Token};
use super::post::Post;
use crate::audit::SecurityEvent;
use crate::pages::visit::{Sent, Visit};
use crate::pages::{FORGOT, LOGIN, set_password};
use crate::passwords::Passwords;

pub(super) const RESET: &str = "/account/reset";
const WHAT: &str = "reset";

#[derive(Deserialize)]
pub(super) struct Forgotten {
    email: String,
}

pub(super) async fn show_forgot(visit: Visit) -> Result<Response> {
    visit.page("auth/forgot.html", context! { form => FormState::blank() })
}

pub(super) async fn forgot<A: Person>(
    visit: Visit,
    post: Inject<Post>,
    db: Inject<Db>,
    sent: Sent<Forgotten>,
) -> Result<Response> {
    let accepted = sent.accept(async |it| {
        let asked = post.asked::<A>(&visit, &it.email, ("reset", "password.reset_asked"), &db);
        let Some(account) = asked.await? else { return Ok(()) };
        let link = (RESET, WHAT);
        let path = link::seal::<A>(&post.keys, link, &ForAccount::of(&account)?, post.config.link_lifetime)?;
        // To the address of the account: what was typed may only look like it.
        post.send(account.email(), "auth/mails/reset", context! { path }).await
    });
    match accepted.await? {
        Ok(()) => visit.look_into_your_mailbox(),
        Err(form) => visit.again("auth/forgot.html", form, context! {}),
    }
}

#[derive(Deserialize)]
pub(super) struct Reset {
    password: String,
}

pub(super) async fn show_reset<A: Person>(
    visit: Visit,
    post: Inject<Post>,
    db: Inject<Db>,
    Query(link): Query<Token>,
) -> Result<Response> {
    let shown = async {
        // Nobody thinks up a password for a link that is over.
        link::open::<A, ForAccount>(&post.keys, WHAT, &link.token)?.find::<A>(&db).await?;
        visit.page("auth/reset.html", context! { form => FormState::blank(), token => link.token })
    };
    visit.or_ask_again(shown.await, FORGOT)
}

pub(super) async fn reset<A: Person>(
    visit: Visit,
    post: Inject<Post>,
    passwords: Inject<Passwords>,
    sessions: Inject<Sessions>,
    db: Inject<Db>,
    Query(link): Query<Token>,
    sent: Sent<Reset>,
) -> Result<Response> {
    let accepted = sent.accept(async |it| {
        let account: A = link::open::<A, ForAccount>(&post.keys, WHAT, &link.token)?.find(&db).await?;
        let identity = account.principal().identity();
        let account = set_password(&account, ("password", &it.password), &passwords, &db).await?;
        let account = account.ok_or_else(link::invalid)?;
        sessions.end_all(&identity, None).await?;
        visit.record(SecurityEvent::new("password.reset").of(&identity)).await?;
        post.send(account.email(), "auth/mails/password_changed", context! { path => FORGOT }).await
    });
    match accepted.await? {
        Ok(()) => Ok(visit.done(LOGIN, "Your password is changed. Sign in with the new one.")),
        Err(form) => visit.again("auth/reset.html", form, context! { token => link.token }),
    }
}
