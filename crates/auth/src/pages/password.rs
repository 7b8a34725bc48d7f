//! Another password.

use axum::response::Response;
use http::StatusCode;
use mainstay_core::{Error, Fault, Inject, Result};
use mainstay_db::Db;
use mainstay_http::Sessions;
use mainstay_view::{Context, FormState, context};
use serde::Deserialize;

use super::visit::{Sent, Visit};
use super::{ACCOUNT, FORGOT, Named, Place};
use crate::attempts::Attempts;
use crate::audit::SecurityEvent;
use crate::by_session::SignInExt;
use crate::passwords::Passwords;
use crate::signed_in::SignedIn;

const VIEW: &str = "auth/password.html";

#[derive(Deserialize)]
pub(super) struct Change {
    password: String,
    new_password: String,
}

pub(super) async fn show<A: Named>(visit: Visit, account: Option<SignedIn<A>>) -> Result<Response> {
    let Some(account) = account else { return visit.sign_in_first() };
    visit.page(VIEW, shown(&visit, &*account).with("form", FormState::blank()))
}

/// Whoever came by a provider may have none, and is led to where one is chosen by mail, if there is such a page.
fn shown<A: Named>(visit: &Visit, account: &A) -> Context {
    let reset = visit.offers(Place::SignIn).into_iter().find(|offer| offer.path() == FORGOT);
    context! { has_password => account.password().is_some(), reset => reset.map(|offer| offer.path()) }
}

pub(super) async fn change<A: Named>(
    visit: Visit,
    account: Option<SignedIn<A>>,
    passwords: Inject<Passwords>,
    attempts: Inject<Attempts>,
    sessions: Inject<Sessions>,
    db: Inject<Db>,
    sent: Sent<Change>,
) -> Result<Response> {
    let Some(SignedIn(account)) = account else { return visit.sign_in_first() };
    let identity = account.principal().identity();
    let accepted = sent.accept(async |it| {
        let changed = SecurityEvent::new("password.changed").of(&identity);
        attempts.count("confirm", &identity, &visit.exchange).await?;
        let account = typed_again(&visit, &account, &it.password, (&changed, &passwords, &db)).await?;
        let account = set_password(&account, ("new_password", &it.new_password), &passwords, &db).await?;
        let account =
            account.ok_or_else(|| Error::conflict("Your password has just been changed elsewhere."))?;
        // Everywhere else it ends, here it goes on.
        sessions.end_all(&identity, visit.session.key().as_ref()).await?;
        visit.record(changed).await?;
        visit.session.sign_in_as(&account)
    });
    match accepted.await? {
        Ok(()) => Ok(visit.done(ACCOUNT, "Your password is changed. You are signed out everywhere else.")),
        Err(form) => visit.again(VIEW, form, shown(&visit, &account)),
    }
}

/// The account, if this is its password; what it was typed for is recorded as refused otherwise.
pub(super) async fn typed_again<A: Named>(
    visit: &Visit,
    account: &A,
    password: &str,
    (event, passwords, db): (&SecurityEvent, &Passwords, &Db),
) -> Result<A> {
    match passwords.log_in(Some(account.clone()), password, db).await {
        Err(error) if error.status() == StatusCode::UNAUTHORIZED => {
            visit.record(event.clone().refused()).await?;
            let told = "This is not your password.";
            Err(Error::invalid(vec![Fault::new("/password", "wrong_password", told)]))
        }
        account => account,
    }
}

/// Gives an account another password, if that may be one, and returns it as it is then. None: somebody else has changed it meanwhile.
pub(crate) async fn set_password<A: Named>(
    account: &A,
    (field, password): (&str, &str),
    passwords: &Passwords,
    db: &Db,
) -> Result<Option<A>> {
    let names = account.names();
    passwords.check_choice(field, password, &names).await?;
    passwords.replace(account, password, &db.primary()).await
}
