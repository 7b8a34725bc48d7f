//! The password once more, before something that matters.

use axum::response::Response;
use mainstay_core::{Inject, Result};
use mainstay_db::Db;
use mainstay_http::Form;
use mainstay_view::{FormState, context};
use serde::Deserialize;

use super::login::After;
use super::password::typed_again;
use super::visit::{Sent, Visit};
use super::{ACCOUNT, Named};
use crate::attempts::Attempts;
use crate::audit::SecurityEvent;
use crate::passwords::Passwords;
use crate::proven;
use crate::signed_in::SignedIn;

#[derive(Deserialize)]
pub(super) struct Again {
    password: String,
}

pub(super) async fn show<A: Named>(
    visit: Visit,
    account: Option<SignedIn<A>>,
    Form(after): Form<After>,
) -> Result<Response> {
    let Some(account) = account else { return visit.sign_in_first() };
    let (has_password, buttons) = (account.password().is_some(), visit.buttons());
    let form = FormState::blank();
    visit.page("auth/confirm.html", context! { form, next => after.next, has_password, buttons })
}

pub(super) async fn confirm<A: Named>(
    visit: Visit,
    account: Option<SignedIn<A>>,
    passwords: Inject<Passwords>,
    attempts: Inject<Attempts>,
    db: Inject<Db>,
    after: mainstay_http::Query<After>,
    sent: Sent<Again>,
) -> Result<Response> {
    let Some(SignedIn(account)) = account else { return visit.sign_in_first() };
    let identity = account.principal().identity();
    let accepted = sent.accept(async |it| {
        attempts.count("confirm", &identity, &visit.exchange).await?;
        let event = SecurityEvent::new("login.confirmed").of(&identity);
        typed_again(&visit, &account, &it.password, (&event, &passwords, &db)).await?;
        visit.record(event).await?;
        proven::prove(&visit.session, visit.now())
    });
    let next = after.0.next;
    match accepted.await? {
        Ok(()) => Ok(visit.done(next.as_deref().unwrap_or(ACCOUNT), None)),
        Err(form) => {
            let (has_password, buttons) = (account.password().is_some(), visit.buttons());
            visit.again("auth/confirm.html", form, context! { next, has_password, buttons })
        }
    }
}
