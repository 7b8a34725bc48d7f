//! Registering.
//!
//! There is no account until the link is followed: what was typed is sealed in it. So nobody can take an address that is not theirs, and
//! none has to be cleared away that was never confirmed. Whoever follows the link in another browser than the one that asked for it types
//! the password again: they might own the mailbox, and somebody else have chosen the password.

use axum::response::Response;
use mainstay_core::random::Random;
use mainstay_core::{Error, Fault, Inject, Result};
use mainstay_db::Db;
use mainstay_http::Query;
use mainstay_view::{FormState, context};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Registration;
use super::link::{self, Token};
use super::post::{Post, address};
use crate::audit::SecurityEvent;
use crate::pages::visit::{Entry, Sent, Visit};
use crate::passwords::{PasswordHash, Passwords, Verdict};

pub(super) const REGISTER: &str = "/account/register";
pub(super) const FINISH: &str = "/account/register/finish";
const WHAT: &str = "registration";

/// Under which name a session knows which registration it has asked for.
const NAME: &str = "_registering";

/// What a link says.
#[derive(Serialize, Deserialize)]
struct Registering<M> {
    email: String,
    password: String,
    more: M,
    id: String,
}

#[derive(Deserialize)]
pub(super) struct Asked<M> {
    email: String,
    password: String,
    #[serde(flatten)]
    more: M,
}

pub(super) async fn show<A: Registration>(visit: Visit) -> Result<Response> {
    visit.page("auth/register.html", context! { form => FormState::blank(), fields => A::FIELDS })
}

pub(super) async fn register<A: Registration>(
    visit: Visit,
    post: Inject<Post>,
    passwords: Inject<Passwords>,
    random: Inject<dyn Random>,
    db: Inject<Db>,
    sent: Sent<Asked<A::More>>,
) -> Result<Response> {
    let accepted = sent.accept(async |it| {
        let email = address("email", &it.email)?;
        passwords.check_rules("password", &it.password, &names(&email, &it.more)?)?;
        A::check(&it.more, &db).await?;
        post.count("register", &email, &visit.exchange).await?;
        passwords.check_breaches("password", &it.password).await?;
        // Also where it is for nothing: whoever measures the time learns nothing.
        let hash = passwords.hash(&it.password).await?;
        let id = random.hex(16);
        visit.session.set(NAME, &id)?;
        let asked = SecurityEvent::new("registration.asked").with("email", email.as_str());
        if A::by_email(&email).first(&db).await?.is_some() {
            visit.record(asked.refused().with("why", "there is such an account")).await?;
            return post.send(&email, "auth/mails/registered_already", context! { email }).await;
        }
        visit.record(asked).await?;
        let password = hash.expose().to_owned();
        let registering = Registering { email: email.clone(), password, more: it.more, id };
        let lifetime = post.config.registration_lifetime;
        let path = link::seal::<A>(&post.keys, (FINISH, WHAT), &registering, lifetime)?;
        post.send(&email, "auth/mails/register", context! { path }).await
    });
    match accepted.await? {
        Ok(()) => visit.look_into_your_mailbox(),
        Err(form) => visit.again("auth/register.html", form, context! { fields => A::FIELDS }),
    }
}

/// What a password may not be like: the address, and the texts that came with it.
fn names(email: &str, more: &impl Serialize) -> Result<Vec<String>> {
    let mut names = vec![email.to_owned()];
    if let Value::Object(fields) = serde_json::to_value(more)? {
        names.extend(fields.into_iter().filter_map(|(_, value)| match value {
            Value::String(text) => Some(text),
            _ => None,
        }));
    }
    Ok(names)
}

#[derive(Deserialize)]
pub(super) struct Finished {
    password: Option<String>,
}

pub(super) async fn show_finish<A: Registration>(
    visit: Visit,
    post: Inject<Post>,
    Query(link): Query<Token>,
) -> Result<Response> {
    let asked: Registering<A::More> = match link::open::<A, _>(&post.keys, WHAT, &link.token) {
        Ok(asked) => asked,
        Err(error) => return visit.or_ask_again(Err(error), REGISTER),
    };
    let is_here = is_here(&visit, &asked)?;
    let form = FormState::blank();
    visit.page(
        "auth/register_finish.html",
        context! { form, token => link.token, email => asked.email, is_here },
    )
}

pub(super) async fn finish<A: Registration>(
    visit: Visit,
    post: Inject<Post>,
    passwords: Inject<Passwords>,
    db: Inject<Db>,
    Query(link): Query<Token>,
    sent: Sent<Finished>,
) -> Result<Response> {
    let asked: Registering<A::More> = match link::open::<A, _>(&post.keys, WHAT, &link.token) {
        Ok(asked) => asked,
        Err(error) => return visit.or_ask_again(Err(error), REGISTER),
    };
    let (is_here, email) = (is_here(&visit, &asked)?, asked.email.clone());
    let accepted = sent.accept(async |it| {
        let hash = PasswordHash::parse(&asked.password)?;
        if !is_here {
            post.count("register", &asked.email, &visit.exchange).await?;
            let typed = it.password.unwrap_or_default();
            if passwords.verify(&typed, &hash).await? == Verdict::Wrong {
                let told = "This is not the password that was chosen.";
                return Err(Error::invalid(vec![Fault::new("/password", "wrong_password", told)]));
            }
        }
        let taken = || Error::conflict("There is such an account already. Sign in.").code("account_exists");
        let made = db.transaction(async |tx| {
            if A::by_email(&asked.email).first(tx).await?.is_some() {
                return Err(taken());
            }
            A::register(asked.email.clone(), hash, asked.more.clone(), tx).await
        });
        let account = match made.await {
            // Two of them at once; or somebody has taken what came with it, a name that others see.
            Err(error) if error.status() == http::StatusCode::CONFLICT => {
                // In a transaction, which waits for whoever was faster: on SQLite they may not have been committed yet.
                let there = db.transaction(async |tx| A::by_email(&asked.email).first(tx).await).await?;
                return Err(if there.is_some() { taken().context(error.report()) } else { gone(&error) });
            }
            account => account?,
        };
        visit.session.remove(NAME);
        visit.record(SecurityEvent::new("registration.finished").of(&account.principal().identity())).await?;
        let next = &*post.config.after_login;
        visit.enter(&account, Entry { way: "registration", is_remembered: false, next }).await
    });
    match accepted.await? {
        Ok(next) => Ok(visit.done(&next, "Welcome. Your account is ready.")),
        Err(form) => {
            visit.again("auth/register_finish.html", form, context! { token => link.token, email, is_here })
        }
    }
}

/// Something that was free when the link was asked for.
fn gone(error: &Error) -> Error {
    let told = "Somebody else has taken what you chose meanwhile. Register again, with something else.";
    Error::conflict(told).code("taken_meanwhile").caused_by(error.report())
}

/// Whether it was this browser that asked.
fn is_here<M>(visit: &Visit, asked: &Registering<M>) -> Result<bool> {
    Ok(visit.session.get::<String>(NAME)?.is_some_and(|id| id == asked.id))
}
