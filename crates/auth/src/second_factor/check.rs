//! Asking for a code.

use axum::response::Response;
use mainstay_core::clock::Clock;
use mainstay_core::{Error, Fault, Inject, Result};
use mainstay_db::Db;
use mainstay_http::{Form, Query};
use mainstay_view::{FormState, context};
use serde::Deserialize;

use super::pending::{Pending, Waits};
use super::{PAGE, SecondFactors, stepped_up};
use crate::attempts::Attempts;
use crate::audit::SecurityEvent;
use crate::pages::visit::{Sent, Visit};
use crate::pages::{ACCOUNT, After, Named};
use crate::passwords::AuthConfig;
use crate::signed_in::SignedIn;

const VIEW: &str = "auth/second_factor_check.html";

#[derive(Deserialize)]
pub(super) struct Typed {
    code: String,
}

pub(super) async fn show<A: Named>(
    visit: Visit,
    clock: Inject<dyn Clock>,
    account: Option<SignedIn<A>>,
    Form(after): Form<After>,
) -> Result<Response> {
    let pending = Pending::of(&visit.session, clock.now())?;
    match pending {
        None if account.is_none() => visit.sign_in_first(),
        Some(pending) if pending.waits == Waits::ForEnrolment => Ok(visit.done(PAGE, None)),
        _ => visit.page(VIEW, context! { form => FormState::blank(), next => after.next }),
    }
}

#[expect(clippy::too_many_arguments, reason = "a handler takes what it needs")]
pub(super) async fn check<A: Named>(
    visit: Visit,
    factors: Inject<SecondFactors>,
    attempts: Inject<Attempts>,
    config: Inject<AuthConfig>,
    clock: Inject<dyn Clock>,
    db: Inject<Db>,
    account: Option<SignedIn<A>>,
    after: Query<After>,
    sent: Sent<Typed>,
) -> Result<Response> {
    let pending = Pending::of(&visit.session, clock.now())?;
    let found: Option<A> = match &pending {
        Some(pending) => pending.account.find(&db).await?,
        None => account.map(|SignedIn(account)| account),
    };
    let Some(account) = found else { return visit.sign_in_first() };
    let identity = account.principal().identity();
    let accepted = sent.accept(async |it| {
        attempts.count_codes(&identity).await?;
        if !factors.accept(&identity, &it.code).await? {
            visit.record(SecurityEvent::new("second_factor").of(&identity).refused()).await?;
            let told = "This code is not right, or was used already.";
            return Err(Error::invalid(vec![Fault::new("/code", "wrong_code", told)]));
        }
        visit.record(SecurityEvent::new("second_factor").of(&identity)).await?;
        if let Some(pending) = &pending {
            Pending::forget(&visit.session);
            visit.finish(&account, &pending.way, pending.is_remembered).await?;
        }
        stepped_up::note(&visit.session, clock.now())
    });
    let next = after.0.next;
    match accepted.await? {
        Ok(()) => {
            let usual = if pending.is_some() { &*config.after_login } else { ACCOUNT };
            Ok(visit.done(next.as_deref().unwrap_or(usual), None))
        }
        Err(form) => visit.again(VIEW, form, context! { next }),
    }
}
