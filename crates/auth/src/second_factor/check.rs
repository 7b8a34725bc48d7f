//! Asking for a code.

use axum::response::Response;
use mainstay_core::{Error, Fault, Inject, Result};
use mainstay_db::Db;
use mainstay_http::{Form, Query};
use mainstay_view::{FormState, context};
use serde::Deserialize;

use super::pending::{Pending, Waits};
use super::{PAGE, SecondFactors, stepped_up};
use crate::attempts::Attempts;
use crate::pages::visit::{Sent, Visit};
use crate::pages::{ACCOUNT, After, Named};
use crate::signed_in::SignedIn;

const VIEW: &str = "auth/second_factor_check.html";

#[derive(Deserialize)]
pub(super) struct Typed {
    code: String,
}

pub(super) async fn show<A: Named>(
    visit: Visit,
    account: Option<SignedIn<A>>,
    Form(after): Form<After>,
) -> Result<Response> {
    let pending = Pending::of(&visit.session, visit.now())?;
    match pending {
        None if account.is_none() => visit.sign_in_first(),
        Some(pending) if pending.waits == Waits::ForEnrolment => Ok(visit.done(PAGE, None)),
        _ => visit.page(VIEW, context! { form => FormState::blank(), next => after.next }),
    }
}

pub(super) async fn check<A: Named>(
    visit: Visit,
    factors: Inject<SecondFactors>,
    attempts: Inject<Attempts>,
    db: Inject<Db>,
    account: Option<SignedIn<A>>,
    after: Query<After>,
    sent: Sent<Typed>,
) -> Result<Response> {
    let pending = Pending::of(&visit.session, visit.now())?;
    let found: Option<A> = match &pending {
        Some(pending) => pending.account.find(&db).await?,
        None => account.map(|SignedIn(account)| account),
    };
    let Some(account) = found else { return visit.sign_in_first() };
    let identity = account.principal().identity();
    let accepted = sent.accept(async |it| {
        if !factors.tried((&identity, &it.code), (&attempts, visit.audit()), &visit.exchange).await? {
            let told = "This code is not right, or was used already.";
            return Err(Error::invalid(vec![Fault::new("/code", "wrong_code", told)]));
        }
        if let Some(pending) = &pending {
            Pending::forget(&visit.session);
            visit.finish(&account, &pending.way, pending.is_remembered).await?;
        }
        stepped_up::note(&visit.session, visit.now())
    });
    let next = after.0.next;
    match accepted.await? {
        Ok(()) => {
            let usual = if pending.is_some() { &*visit.config().after_login } else { ACCOUNT };
            Ok(visit.done(next.as_deref().unwrap_or(usual), None))
        }
        Err(form) => visit.again(VIEW, form, context! { next }),
    }
}
