//! Signing in and out, and the page of one's account.

use axum::response::Response;
use mainstay_core::Result;
use mainstay_http::Form;
use mainstay_view::{FormState, context};
use serde::{Deserialize, Serialize};

use super::visit::{Entry, Sent, Visit};
use super::{LOGIN, Named, Place};
use crate::password_login::PasswordLogin;
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
    login: PasswordLogin,
    after: mainstay_http::Query<After>,
    sent: Sent<Credentials>,
) -> Result<Response> {
    let next = after.0.next;
    let accepted = sent.accept(async |it| {
        let account = login.by_password::<A>(&it.name, &it.password).await?;
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
