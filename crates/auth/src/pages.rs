//! Pages to sign in and out, and to see where one is signed in.
//!
//! | address | |
//! |---|---|
//! | `GET`, `POST /account/login` | the form, and what it sends; `?next=/cart` says where to go then |
//! | `POST /account/logout` | ends the session |
//! | `GET /account/sessions` | where one is signed in, and a button to end each session, or all others |
//!
//! They work without scripts. Each is a view, `auth/login.html` and `auth/sessions.html`, which an application replaces by a file of the
//! same name.

use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};
use mainstay_core::{Contribute, Contribution, Inject, Module, Result};
use mainstay_db::{Db, Query};
use mainstay_http::session::SessionKey;
use mainstay_http::{Exchange, Form, Html, Redirect, Route, Routes, Session, Sessions};
use mainstay_view::{FormState, Submitted, Views, ViewsExt, context, views};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::attempts::Attempts;
use crate::by_session::SignInExt;
use crate::passwords::{AuthConfig, Passwords};
use crate::sessions::DatabaseSessionsExt;
use crate::signed_in::SignedIn;

const LOGIN: &str = "/account/login";
const LOGOUT: &str = "/account/logout";
const SESSIONS: &str = "/account/sessions";

/// An account that a person finds by a name that they type.
pub trait Named: Account {
    /// What the name is called on pages.
    const LABEL: &'static str = "E-mail";

    /// The account with this name: `Self::filter(|user| user.email.eq(name))`. Spaces around what was typed are gone already.
    fn by_name(name: &str) -> Query<Self>;
}

/// Adds pages to sign in. In the prelude.
pub trait SignInPagesExt: Contribute {
    /// The accounts of `A` sign in with a browser, at `/account/login`. Sessions are in the database.
    #[must_use]
    fn sign_in_pages<A: Named>(self) -> Self {
        let routes = Routes::new()
            .route(page(Route::new(Method::GET, LOGIN, show::<A>)))
            .route(page(Route::new(Method::POST, LOGIN, log_in::<A>)))
            .route(page(Route::new(Method::POST, LOGOUT, log_out)))
            .route(page(Route::new(Method::GET, SESSIONS, list::<A>)))
            .route(page(Route::new(Method::POST, SESSIONS, end::<A>)));
        self.contribute(HasPages).database_sessions().contribute(routes)
    }
}

impl<C: Contribute> SignInPagesExt for C {}

/// Pages are no part of the API.
fn page(route: Route) -> Route {
    route.describe(|operation| operation.hidden = true)
}

/// A contribution: there are pages.
struct HasPages;

impl Contribution for HasPages {
    fn installs() -> Option<Module> {
        Some(Module::new("account pages").views(views!()))
    }
}

/// Where to go when it is done.
#[derive(Deserialize, Serialize)]
struct After {
    next: Option<String>,
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    remember: bool,
}

async fn show<A: Named>(views: Views, Form(after): Form<After>) -> Result<Html<String>> {
    views.render(
        "auth/login.html",
        context! { form => FormState::blank(), label => A::LABEL, next => after.next },
    )
}

#[expect(clippy::too_many_arguments, reason = "a handler takes what it needs")]
async fn log_in<A: Named>(
    views: Views,
    session: Session,
    exchange: Exchange,
    passwords: Inject<Passwords>,
    attempts: Inject<Attempts>,
    config: Inject<AuthConfig>,
    db: Inject<Db>,
    after: mainstay_http::Query<After>,
    submitted: Submitted<Form<Credentials>>,
) -> Result<Response> {
    let next = after.0.next;
    let accepted = submitted.accept(async |Form(it)| {
        attempts.count("login", &it.name, &exchange).await?;
        let account = A::by_name(it.name.trim()).first(&db).await?;
        let account = passwords.log_in(account, &it.password, &*db).await?;
        session.sign_in_as(&account)?;
        if it.remember {
            session.remember();
        }
        Ok(())
    });
    match accepted.await? {
        Ok(()) => Ok(Redirect::local(next.as_deref().unwrap_or(&config.after_login)).into_response()),
        Err(form) => {
            // A page is no place for 401, which asks a program for a token.
            let status = match form.status() {
                StatusCode::UNAUTHORIZED => StatusCode::UNPROCESSABLE_ENTITY,
                status => status,
            };
            let page = views.render("auth/login.html", context! { form, label => A::LABEL, next })?;
            Ok((status, page).into_response())
        }
    }
}

async fn log_out(session: Session) -> Redirect {
    // Of somebody without a session, none is made.
    if session.key().is_some() {
        session.end();
        session.flash("info", "You are signed out.");
    }
    Redirect::see_other(LOGIN)
}

/// A session, as its owner sees it.
#[derive(Serialize)]
struct Shown {
    key: SessionKey,
    agent: Option<String>,
    address: Option<String>,
    seen_at: String,
    is_this: bool,
}

async fn list<A: Named>(
    views: Views,
    session: Session,
    sessions: Inject<Sessions>,
    account: Option<SignedIn<A>>,
) -> Result<Response> {
    let Some(account) = account else { return Ok(sign_in_first()) };
    let this = session.key();
    let shown = |(key, record): (SessionKey, mainstay_http::session::SessionRecord)| Shown {
        is_this: Some(&key) == this.as_ref(),
        agent: record.agent,
        address: record.address.map(|address| address.to_string()),
        seen_at: chrono::DateTime::<chrono::Utc>::from(record.seen_at)
            .format("%Y-%m-%d %H:%M UTC")
            .to_string(),
        key,
    };
    let all = sessions.of_owner(&account.principal().identity()).await?;
    let all: Vec<Shown> = all.into_iter().map(shown).collect();
    Ok(views.render("auth/sessions.html", context! { sessions => all })?.into_response())
}

#[derive(Deserialize)]
struct Ended {
    /// None: all but this one.
    key: Option<String>,
}

async fn end<A: Named>(
    session: Session,
    sessions: Inject<Sessions>,
    account: Option<SignedIn<A>>,
    Form(ended): Form<Ended>,
) -> Result<Response> {
    let Some(account) = account else { return Ok(sign_in_first()) };
    let owner = account.principal().identity();
    let told = match ended.key.map(SessionKey::from_text) {
        Some(key) if sessions.end(&owner, &key).await? => "The session has been ended.",
        Some(_) => "That session had ended already.",
        None => {
            sessions.end_all(&owner, session.key().as_ref()).await?;
            "All other sessions have been ended."
        }
    };
    session.flash("success", told);
    Ok(Redirect::see_other(SESSIONS).into_response())
}

fn sign_in_first() -> Response {
    Redirect::see_other(&format!("{LOGIN}?next={SESSIONS}")).into_response()
}
