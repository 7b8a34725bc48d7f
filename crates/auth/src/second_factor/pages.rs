//! Turning a second factor on and off.

use axum::response::{IntoResponse, Response};
use mainstay_core::{Error, Fault, Inject, Result};
use mainstay_db::Db;
use mainstay_http::Json;
use mainstay_view::{FormState, context};
use serde::Deserialize;
use serde_json::json;

use super::pending::{Pending, Waits};
use super::{CHECK, Enrolment, PAGE, SecondFactors, SteppedUp, stepped_up};
use crate::attempts::Attempts;
use crate::audit::SecurityEvent;
use crate::pages::visit::{Sent, Visit};
use crate::pages::{ACCOUNT, CONFIRM, Named};
use crate::proven::is_fresh;
use crate::signed_in::SignedIn;

const VIEW: &str = "auth/second_factor.html";

/// Under which name a session knows the secret of an app that is not confirmed yet.
const ENROLLING: &str = "_second_factor_enrolling";

/// Who may turn it on: somebody who has just proved who they are, or who waits to be signed in until they do.
async fn enrolling<A: Named>(
    visit: &Visit,
    account: Option<SignedIn<A>>,
    db: &Db,
) -> Result<Result<(A, Option<Pending>), Response>> {
    let pending =
        Pending::of(&visit.session, visit.now())?.filter(|pending| pending.waits == Waits::ForEnrolment);
    if let Some(pending) = pending {
        return Ok(match pending.account.find(db).await? {
            Some(account) => Ok((account, Some(pending))),
            None => Err(visit.sign_in_first()?),
        });
    }
    let here = |account: &SignedIn<A>| visit.session.owner() == Some(account.principal().identity());
    let Some(SignedIn(account)) = account.filter(here) else { return Ok(Err(visit.sign_in_first()?)) };
    if !is_fresh(&visit.session, visit.now(), visit.config().proof_lifetime)? {
        return Ok(Err(visit.lead_to(CONFIRM)?));
    }
    Ok(Ok((account, None)))
}

/// The secret that this visitor is being shown.
fn enrolment(visit: &Visit, factors: &SecondFactors, identity: &str) -> Result<Enrolment> {
    let begun = visit.session.get::<String>(ENROLLING)?.and_then(|sealed| factors.unseal(&sealed));
    match begun.filter(|begun| begun.is_of(identity)) {
        Some(begun) => Ok(begun),
        None => {
            let begun = factors.begin(identity);
            visit.session.set(ENROLLING, &factors.seal(&begun)?)?;
            Ok(begun)
        }
    }
}

fn name_of<A: Named>(account: &A) -> String {
    account.names().into_iter().next().unwrap_or_else(|| account.principal().name().to_owned())
}

pub(super) async fn show<A: Named>(
    visit: Visit,
    factors: Inject<SecondFactors>,
    db: Inject<Db>,
    account: Option<SignedIn<A>>,
) -> Result<Response> {
    let (account, pending) = match enrolling(&visit, account, &db).await? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    let identity = account.principal().identity();
    if pending.is_none() && factors.is_on(&identity).await? {
        let left = factors.codes_left(&identity).await?;
        if visit.is_program() {
            return Ok(Json(json!({ "is_on": true, "recovery_codes_left": left })).into_response());
        }
        return visit.page("auth/second_factor_on.html", context! { left });
    }
    let begun = enrolment(&visit, &factors, &identity)?;
    if visit.is_program() {
        let address = factors.address(&begun, &name_of(&account))?;
        return Ok(
            Json(json!({ "is_on": false, "secret": begun.secret(), "address": address })).into_response()
        );
    }
    let picture = factors.picture(&begun, &name_of(&account))?;
    let form = FormState::blank();
    visit.page(VIEW, context! { form, picture, secret => begun.secret(), is_demanded => pending.is_some() })
}

#[derive(Deserialize)]
pub(super) struct First {
    code: String,
}

pub(super) async fn turn_on<A: Named>(
    visit: Visit,
    factors: Inject<SecondFactors>,
    attempts: Inject<Attempts>,
    db: Inject<Db>,
    account: Option<SignedIn<A>>,
    sent: Sent<First>,
) -> Result<Response> {
    let (account, pending) = match enrolling(&visit, account, &db).await? {
        Ok(found) => found,
        Err(response) => return Ok(response),
    };
    let identity = account.principal().identity();
    // Another one takes its place only after it was turned off, for which it is asked.
    if factors.is_on(&identity).await? {
        return Ok(visit.done(if pending.is_some() { CHECK } else { PAGE }, None));
    }
    let begun = enrolment(&visit, &factors, &identity)?;
    let accepted = sent.accept(async |it| {
        attempts.count_codes(&identity).await?;
        let codes = factors.turn_on(&begun, &it.code).await?.ok_or_else(|| {
            let told = "This code is not right. Does the clock of your device tell the right time?";
            Error::invalid(vec![Fault::new("/code", "wrong_code", told)])
        })?;
        visit.record(SecurityEvent::new("second_factor.on").of(&identity)).await?;
        visit.session.remove(ENROLLING);
        if let Some(pending) = &pending {
            Pending::forget(&visit.session);
            visit.finish(&account, &pending.way, pending.is_remembered).await?;
        }
        stepped_up::note(&visit.session, visit.now())?;
        Ok(codes)
    });
    match accepted.await? {
        Ok(codes) => {
            visit.show_codes(codes, if pending.is_some() { &visit.config().after_login } else { ACCOUNT })
        }
        Err(form) => {
            let picture = factors.picture(&begun, &name_of(&account))?;
            let is_demanded = pending.is_some();
            visit.again(VIEW, form, context! { picture, secret => begun.secret(), is_demanded })
        }
    }
}

pub(super) async fn turn_off<A: Named>(
    visit: Visit,
    factors: Inject<SecondFactors>,
    SteppedUp(account): SteppedUp<A>,
) -> Result<Response> {
    let identity = account.principal().identity();
    if factors.turn_off(&identity).await? {
        visit.record(SecurityEvent::new("second_factor.off").of(&identity)).await?;
    }
    stepped_up::forget(&visit.session);
    Ok(visit.done(ACCOUNT, "Your password is enough to sign in now."))
}

pub(super) async fn new_codes<A: Named>(
    visit: Visit,
    factors: Inject<SecondFactors>,
    SteppedUp(account): SteppedUp<A>,
) -> Result<Response> {
    let identity = account.principal().identity();
    if !factors.is_on(&identity).await? {
        return Ok(visit.done(PAGE, None));
    }
    let codes = factors.new_codes(&identity).await?;
    visit.record(SecurityEvent::new("second_factor.new_recovery_codes").of(&identity)).await?;
    visit.show_codes(codes, ACCOUNT)
}

impl Visit {
    /// Once, and never again.
    fn show_codes(&self, codes: Vec<String>, next: &str) -> Result<Response> {
        if self.is_program() {
            return Ok(Json(json!({ "recovery_codes": codes, "next": next })).into_response());
        }
        self.page("auth/recovery_codes.html", context! { codes, next })
    }
}
