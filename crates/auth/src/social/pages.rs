//! Pages to sign in by a provider, and to say which are connected with one's account.
//!
//! | address | |
//! |---|---|
//! | `GET /account/login/{provider}` | a button, for links from elsewhere: following a link begins nothing |
//! | `POST /account/login/{provider}` | sets out; `next=/cart` says where to go then |
//! | `GET /account/login/{provider}/callback` | where providers send browsers back to |
//! | `POST /account/login/{provider}/callback` | the same for those that send them with a form |
//! | `GET /account/connections` | which are connected, and buttons to connect and disconnect |
//! | `POST /account/connections` | disconnects one |
//! | `POST /account/connections/{provider}` | sets out to connect one |
//! | `POST /account/logout/{provider}` | signs out here, and goes on to do so there |
//!
//! To set out takes a POST, which other sites cannot send: a link that began it would let them connect an account of theirs with that of
//! whoever follows it, or sign somebody in unasked.
//!
//! What answers it is a page that goes on by itself, and no redirect: a browser holds the redirects of a form to `form-action`, and no
//! application should have to name its providers there.

mod connections;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, Method, StatusCode, header};
use mainstay_core::{Error, Inject, Result};
use mainstay_db::Db;
use mainstay_http::{Cookies, Form, Path, Query, Redirect, Route, Routes, SetCookie};
use mainstay_view::context;
use url::Url;

use super::arrival::{self, Arrival};
use super::attempt;
use super::login::{Answer, Returned, SocialLogin};
use super::profile::FromProfile;
use super::remote::Remote;
use crate::audit::SecurityEvent;
use crate::pages::visit::{Entry, Visit};
use crate::pages::{After, LOGIN, page};
use crate::signed_in::SignedIn;

pub(super) const CONNECTIONS: &str = "/account/connections";
/// How long the form of a provider may be, in bytes.
const LARGEST_FORM: u64 = 16 * 1024;

/// The routes, for accounts of `A`.
pub(super) fn routes<A: FromProfile>() -> Routes {
    let connect = "/account/connections/{provider}";
    let callback = "/account/login/{provider}/callback";
    // Another site sends it, as it shall. It changes nothing.
    let posted = Route::new(Method::POST, callback, forward).cross_origin().body_limit(LARGEST_FORM);
    Routes::new()
        .route(page(Route::new(Method::GET, "/account/login/{provider}", show)))
        .route(page(Route::new(Method::POST, "/account/login/{provider}", depart)))
        .route(page(Route::new(Method::GET, callback, arrive::<A>)))
        .route(page(posted))
        .route(page(Route::new(Method::GET, CONNECTIONS, connections::list::<A>)))
        .route(page(Route::new(Method::POST, CONNECTIONS, connections::disconnect::<A>)))
        .route(page(Route::new(Method::GET, connect, connections::back)))
        .route(page(Route::new(Method::POST, connect, connections::connect::<A>)))
        .route(page(Route::new(Method::POST, "/account/logout/{provider}", sign_out)))
}

async fn show(
    visit: Visit,
    login: Inject<SocialLogin>,
    Path(name): Path<String>,
    Query(after): Query<After>,
) -> Result<Response> {
    let label = &login.remote(&name)?.provider.label;
    visit.page("auth/continue.html", context! { label, next => after.next })
}

async fn depart(
    visit: Visit,
    login: Inject<SocialLogin>,
    cookies: Cookies,
    Path(name): Path<String>,
    Form(after): Form<After>,
) -> Result<Response> {
    let remote = login.remote(&name)?;
    let attempt = login.attempt(remote, &visit.exchange)?.going_to(after.next);
    match login.depart(remote, &attempt, &cookies, &visit.exchange).await {
        Ok((url, cookies)) => leaving(&visit, remote, &url, cookies),
        Err(error) => unfinished(&visit, remote, &error, SIGN_IN),
    }
}

/// Where the visitor may go after an attempt that came to nothing, and what that is.
type Way = (&'static str, &'static str);

const SIGN_IN: Way = (LOGIN, "Sign in in another way");
const CONNECT: Way = (CONNECTIONS, "Back to the connections of your account");

/// An answer that came as a form goes on to where the others come to.
async fn forward(
    login: Inject<SocialLogin>,
    Path(name): Path<String>,
    Form(answer): Form<Answer>,
) -> Result<Response> {
    let next = login.forwarded(login.remote(&name)?, answer)?;
    Ok(private(Redirect::see_other(&next).into_response()))
}

async fn arrive<A: FromProfile>(
    visit: Visit,
    login: Inject<SocialLogin>,
    db: Inject<Db>,
    cookies: Cookies,
    account: Option<SignedIn<A>>,
    Path(name): Path<String>,
    Query(answer): Query<Answer>,
) -> Result<Response> {
    let remote = login.remote(&name)?;
    let answer = login.opened(remote, answer);
    // Whatever comes of it, this attempt is over.
    let over = answer.state.as_deref().map(|state| attempt::end(state, visit.exchange.scheme()));
    let mut way = SIGN_IN;
    let arrived = async {
        let returned = login.returned(remote, answer, (&cookies, &visit.exchange)).await?;
        if let Some(owner) = &returned.attempt.connects {
            way = CONNECT;
            let account = account.filter(|account| account.principal().identity() == *owner);
            let SignedIn(account) = account.ok_or_else(not_signed_in)?;
            return connected(&visit, &login, remote, (returned, account, &db)).await;
        }
        let Returned { attempt, profile, granted } = returned;
        let Arrival { account, identity, .. } =
            arrival::sign_in::<A>(&remote.provider, &profile, login.now(), &db).await?;
        if remote.provider.keep_tokens {
            login.kept.keep(&identity, &granted).await?;
        }
        let next = attempt.next.as_deref().unwrap_or(&visit.config().after_login);
        let entry = Entry { way: &remote.provider.name, is_remembered: false, next };
        let next = visit.enter(&account, entry).await?;
        login.note(&visit.session, remote, &granted)?;
        Ok(visit.done(&next, None))
    };
    let answered = match arrived.await {
        Ok(response) => private(response),
        Err(error) => {
            let event = SecurityEvent::new("login").refused().with("way", &*remote.provider.name);
            if error.status() != StatusCode::TOO_MANY_REQUESTS {
                visit.record(event.with("why", error.machine_code())).await?;
            }
            unfinished(&visit, remote, &error, way)?
        }
    };
    Ok(match over {
        Some(cookie) => (cookie, answered).into_response(),
        None => answered,
    })
}

/// The provider is connected with the account that set out to do so.
async fn connected<A: FromProfile>(
    visit: &Visit,
    login: &SocialLogin,
    remote: &Remote,
    (returned, account, db): (Returned, A, &Db),
) -> Result<Response> {
    let owner = account.principal().identity();
    let now = login.now();
    let arrival = arrival::connect(&remote.provider, &returned.profile, (account, now), db).await?;
    if remote.provider.keep_tokens {
        login.kept.keep(&arrival.identity, &returned.granted).await?;
    }
    let told = if arrival.is_new {
        let event = SecurityEvent::new("identity.connected").of(&owner);
        visit
            .record(event.with("provider", &*remote.provider.name).with("issuer", arrival.identity.issuer))
            .await?;
        "is connected with your account."
    } else {
        "was connected already."
    };
    visit.session.flash("success", format!("{} {told}", remote.provider.label));
    Ok(visit.done(CONNECTIONS, None))
}

async fn sign_out(visit: Visit, login: Inject<SocialLogin>, Path(name): Path<String>) -> Result<Response> {
    let remote = login.remote(&name)?;
    // Here in any case, whether the provider can be reached or not.
    let there = login.sign_out(&visit.session, remote, (&visit.exchange, LOGIN)).await;
    if visit.sign_out().await? {
        visit.session.flash("success", "You are signed out.");
    }
    let there = there.unwrap_or_else(|error| {
        tracing::warn!(error = %error.report(), "signed out here, and not at the provider");
        None
    });
    match there {
        Some(url) => leaving(&visit, remote, &url, Vec::new()),
        None => Ok(Redirect::see_other(LOGIN).into_response()),
    }
}

/// A page that goes on to a provider.
fn leaving(visit: &Visit, remote: &Remote, url: &Url, cookies: Vec<SetCookie>) -> Result<Response> {
    let context = context! { label => &remote.provider.label, url => url.as_str() };
    let mut response = private(visit.page("auth/leaving.html", context)?);
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie.to_header()?);
    }
    Ok(response)
}

/// A page that says why somebody is not signed in, and what to do. What is not for visitors is logged.
fn unfinished(visit: &Visit, remote: &Remote, error: &Error, way: Way) -> Result<Response> {
    let (provider, code, report) = (&*remote.provider.name, error.machine_code(), error.report());
    if error.status().is_server_error() {
        tracing::error!(provider, code, error = %report, "nobody can sign in by a provider");
    } else {
        tracing::info!(provider, code, error = %report, "a sign-in by a provider came to nothing");
    }
    let message = match error.status() {
        StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong here, and you are not signed in.",
        _ => error.message(),
    };
    let (other, other_label) = way;
    // Where it can be begun again.
    let again = match other {
        LOGIN => remote.provider.address(),
        there => there.to_owned(),
    };
    let page = visit.page("auth/not_signed_in.html", context! { message, again, other, other_label })?;
    Ok(private((error.status(), page).into_response()))
}

fn not_signed_in() -> Error {
    Error::new(StatusCode::FORBIDDEN, "You are not signed in any more as who set out to connect the account.")
        .code("not_signed_in")
}

/// Nobody keeps it, and nobody is told the address, which may have a code in it.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
