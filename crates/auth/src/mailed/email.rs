//! Another address.

use axum::response::Response;
use http::StatusCode;
use mainstay_core::{Error, Fault, Inject, Result};
use mainstay_db::Db;
use mainstay_db::named::is_row;
use mainstay_http::Query;
use mainstay_view::{FormState, context};
use serde::{Deserialize, Serialize};

use super::Person;
use super::link::{self, ForAccount, Token};
use super::post::{Post, address};
use crate::audit::SecurityEvent;
use crate::pages::ACCOUNT;
use crate::pages::visit::{Sent, Visit};
use crate::proven::Proven;
use crate::signed_in::SignedIn;

pub(super) const EMAIL: &str = "/account/email";
pub(super) const CONFIRM: &str = "/account/email/confirm";
const WHAT: &str = "change of address";

/// What a link says.
#[derive(Serialize, Deserialize)]
struct Change {
    account: ForAccount,
    before: String,
    after: String,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    email: String,
}

pub(super) async fn show<A: Person>(visit: Visit, Proven(account): Proven<A>) -> Result<Response> {
    visit.page("auth/email.html", context! { form => FormState::blank(), email => account.email() })
}

pub(super) async fn change<A: Person>(
    visit: Visit,
    Proven(account): Proven<A>,
    post: Inject<Post>,
    db: Inject<Db>,
    sent: Sent<Asked>,
) -> Result<Response> {
    let accepted = sent.accept(async |it| {
        let after = address("email", &it.email)?;
        if after == account.email() {
            return Err(refused("same_email", "This is your address already."));
        }
        post.count("email", &after, &visit.exchange).await?;
        let asked = SecurityEvent::new("email.change_asked").of(&account.principal().identity());
        visit.record(asked.with("to", after.as_str())).await?;
        if A::by_email(&after).first(&db).await?.is_some() {
            // Its owner learns it, and whoever has typed it does not.
            return post.send(&after, "auth/mails/email_taken", context! { email => after.clone() }).await;
        }
        let change = Change {
            account: ForAccount::of(&account)?,
            before: account.email().to_owned(),
            after: after.clone(),
        };
        let path = link::seal::<A>(&post.keys, (CONFIRM, WHAT), &change, post.config.link_lifetime)?;
        post.send(&after, "auth/mails/email_change", context! { path }).await
    });
    match accepted.await? {
        Ok(()) => visit.look_into_your_mailbox(),
        Err(form) => visit.again("auth/email.html", form, context! { email => account.email() }),
    }
}

pub(super) async fn show_confirm<A: Person>(
    visit: Visit,
    post: Inject<Post>,
    account: Option<SignedIn<A>>,
    Query(link): Query<Token>,
) -> Result<Response> {
    if account.is_none() {
        return visit.sign_in_first();
    }
    let shown = link::open::<A, Change>(&post.keys, WHAT, &link.token).and_then(|change| {
        visit.page("auth/email_confirm.html", context! { token => link.token, email => change.after })
    });
    visit.or_ask_again(shown, EMAIL)
}

pub(super) async fn confirm<A: Person>(
    visit: Visit,
    post: Inject<Post>,
    account: Option<SignedIn<A>>,
    db: Inject<Db>,
    Query(link): Query<Token>,
) -> Result<Response> {
    let Some(SignedIn(account)) = account else { return visit.sign_in_first() };
    let Change { account: whose, before, after } = link::open::<A, _>(&post.keys, WHAT, &link.token)?;
    let found: A = whose.find(&db).await?;
    // A link for somebody else's account is nothing in this browser; one that was used has another address before it.
    if found.key() != account.key() || found.email() != before {
        return Err(link::invalid());
    }
    let this = mainstay_db::Query::new()
        .filter(|_| is_row(&found))
        .filter(|fields| A::set_email(fields, before.clone()).is_so());
    let changed = this.update_with(|fields| A::set_email(fields, after.clone()), &*db).await;
    match changed {
        Ok(0) => return Err(link::invalid()),
        Err(error) if error.status() == StatusCode::CONFLICT => {
            return Err(link::invalid().context(error.report()));
        }
        changed => changed?,
    };
    let event = SecurityEvent::new("email.changed").of(&found.principal().identity());
    visit.record(event.with("from", before.as_str()).with("to", after.as_str())).await?;
    post.send(&before, "auth/mails/email_changed", context! { email => after }).await?;
    Ok(visit.done(ACCOUNT, "Your address is changed."))
}

fn refused(code: &'static str, told: &'static str) -> Error {
    Error::invalid(vec![Fault::new("/email", code, told)])
}
