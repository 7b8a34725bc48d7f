//! Signing in by a link.

use axum::response::Response;
use chrono::{DateTime, Utc};
use mainstay_core::random::Random;
use mainstay_core::{Inject, Result};
use mainstay_db::Db;
use mainstay_http::Query;
use mainstay_view::{FormState, context};
use serde::{Deserialize, Serialize};

use super::Person;
use super::link::{self, ForAccount, Token};
use super::post::Post;
use super::spent::spend;
use crate::pages::visit::{Entry, Sent, Visit};

pub(super) const LINK: &str = "/account/link";
pub(super) const USE: &str = "/account/link/use";
const WHAT: &str = "sign in";

/// What a link says. It is good once.
#[derive(Serialize, Deserialize)]
struct Once {
    account: ForAccount,
    id: String,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    email: String,
}

pub(super) async fn show(visit: Visit) -> Result<Response> {
    visit.page("auth/link.html", context! { form => FormState::blank() })
}

pub(super) async fn send<A: Person>(
    visit: Visit,
    post: Inject<Post>,
    random: Inject<dyn Random>,
    db: Inject<Db>,
    sent: Sent<Asked>,
) -> Result<Response> {
    let accepted = sent.accept(async |it| {
        let asked = post.asked::<A>(&visit, &it.email, ("link", "login.link_asked"), &db);
        let Some(account) = asked.await? else { return Ok(()) };
        let once = Once { account: ForAccount::of(&account)?, id: random.hex(32) };
        let path = link::seal::<A>(&post.keys, (USE, WHAT), &once, post.config.link_lifetime)?;
        post.send(account.email(), "auth/mails/link", context! { path }).await
    });
    match accepted.await? {
        Ok(()) => visit.look_into_your_mailbox(),
        Err(form) => visit.again("auth/link.html", form, context! {}),
    }
}

/// A page with a button, since programs that look into mails follow every link.
pub(super) async fn show_use<A: Person>(
    visit: Visit,
    post: Inject<Post>,
    db: Inject<Db>,
    Query(link): Query<Token>,
) -> Result<Response> {
    let shown = async {
        let once: Once = link::open::<A, _>(&post.keys, WHAT, &link.token)?;
        let account: A = once.account.find(&db).await?;
        visit.page("auth/link_use.html", context! { token => link.token, email => account.email() })
    };
    visit.or_ask_again(shown.await, LINK)
}

pub(super) async fn follow<A: Person>(
    visit: Visit,
    post: Inject<Post>,
    db: Inject<Db>,
    Query(link): Query<Token>,
) -> Result<Response> {
    let followed = async {
        let once: Once = link::open::<A, _>(&post.keys, WHAT, &link.token)?;
        let account: A = once.account.find(&db).await?;
        let now = visit.now();
        let expires_at: DateTime<Utc> = (now + post.config.link_lifetime).into();
        spend(&once.id, now.into(), expires_at, &db).await?;
        let entry = Entry { way: "link", is_remembered: false, next: &post.config.after_login };
        Ok(visit.done(&visit.enter(&account, entry).await?, None))
    };
    visit.or_ask_again(followed.await, LINK)
}
