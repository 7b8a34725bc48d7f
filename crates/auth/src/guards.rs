//! Guards: who is let in to a route, a group of them, a module or the whole application.
//!
//! ```
//! use mainstay_auth::guards::{Allowed, Guard, GuardedExt, Rule};
//! use mainstay_core::App;
//! use mainstay_http::{Group, RoutesExt, get, post, routes};
//!
//! /// Who publishes, as a type, for the arguments of handlers.
//! struct Publishes;
//!
//! impl Rule for Publishes {
//!     fn guard() -> Guard {
//!         Guard::permission("articles.publish").or(Guard::role("chief"))
//!     }
//! }
//!
//! /// Publishes an article.
//! #[post("/articles/{slug}/publish")]
//! async fn publish(who: Allowed<Publishes>) -> String {
//!     format!("published by {}", who.name())
//! }
//!
//! /// How many readers there were.
//! #[get("/numbers")]
//! async fn numbers() -> &'static str {
//!     "12"
//! }
//!
//! let back_office = Group::new("/office").routes(routes![numbers]).guarded(Guard::role("clerk"));
//! let app = App::new().routes(routes![publish]).group(back_office);
//! ```
//!
//! A guard on a group is around everything in it: groups within, every version, `HEAD`, routers that are mounted, files. Guards add up:
//! inside of a guarded group a guard can only ask for more.
//!
//! Who is not signed in gets 401, or, with a browser, the page to sign in; who is, and may not, gets 403.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::response::Response;
use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{Extensions, StatusCode};
use mainstay_core::clock::Clock;
use mainstay_core::principal::Principal;
use mainstay_core::{Contributions, Error, Inject, Result};
use mainstay_http::describe::{Describe, ErrorSpec, GuardSpec, Operation};
use mainstay_http::{Exchange, Group, Middleware, Next, Route, Routes, Session};

use crate::authenticate::challenge;
use crate::module::Accounts;
use crate::pages::{CONFIRM, HasPages, LOGIN};
use crate::passwords::AuthConfig;
use crate::proven::{self, is_fresh, lead_to};

/// Whom a route lets in. A middleware, and what an [`Allowed`] asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard(Arc<Asks>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Asks {
    SignedIn,
    Role(Cow<'static, str>),
    Permission(Cow<'static, str>),
    Proven,
    Any(Vec<Asks>),
    All(Vec<Asks>),
}

impl Guard {
    fn asking(asks: Asks) -> Self {
        Self(Arc::new(asks))
    }

    fn into_asks(self) -> Asks {
        Arc::unwrap_or_clone(self.0)
    }

    /// Whoever is signed in.
    pub fn signed_in() -> Self {
        Self::asking(Asks::SignedIn)
    }

    /// Who has this role. Prefer to ask for permissions: which roles have them can change while the application runs.
    pub fn role(name: impl Into<Cow<'static, str>>) -> Self {
        Self::asking(Asks::Role(name.into()))
    }

    /// Who has this permission: `articles.publish`.
    pub fn permission(name: impl Into<Cow<'static, str>>) -> Self {
        Self::asking(Asks::Permission(name.into()))
    }

    /// Who has signed in with a browser, or typed the password again, within `auth.proof_lifetime`: as
    /// [`Proven`](crate::Proven), which says more.
    pub fn proven() -> Self {
        Self::asking(Asks::Proven)
    }

    /// Whom one of these lets in. None of none.
    pub fn any(guards: impl IntoIterator<Item = Self>) -> Self {
        Self::asking(Asks::Any(guards.into_iter().map(Self::into_asks).collect()))
    }

    /// Whom all of these let in.
    pub fn all(guards: impl IntoIterator<Item = Self>) -> Self {
        Self::asking(Asks::All(guards.into_iter().map(Self::into_asks).collect()))
    }

    /// Also whom the other one lets in.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::any([self, other])
    }

    /// Only whom the other one lets in too.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::all([self, other])
    }

    /// Whether it lets somebody in who has not just typed the password: for what a page offers, and what it leaves out.
    pub fn lets_in(&self, who: &Principal) -> bool {
        who.is_authenticated() && self.0.is_met(who, Proof::Missing)
    }

    /// Whoever sends a request, if it lets them in as they are.
    fn admitted<'a>(&self, request: &'a Extensions) -> Option<&'a Principal> {
        request.get::<Principal>().filter(|who| self.lets_in(who))
    }

    /// Whoever sends a request, if it lets them in, or what they have to do before. Nobody who is unknown, whatever else it asks.
    async fn admit(&self, parts: &mut Parts) -> Result<Principal> {
        if let Some(who) = self.admitted(&parts.extensions) {
            return Ok(who.clone());
        }
        let who = parts.extensions.get::<Principal>().cloned().unwrap_or_default();
        let contributions = Inject::<Contributions>::from_request_parts(parts, &()).await?;
        let has_pages = contributions.of::<HasPages>().next().is_some();
        let exchange = Exchange::from_request_parts(parts, &()).await?;
        let lead = |page| if has_pages { lead_to(page, &exchange) } else { None };
        if !who.is_authenticated() {
            return Err(lead(LOGIN).unwrap_or_else(|| unauthorized(&contributions)));
        }
        if !self.0.is_met(&who, Proof::Given) {
            return Err(Error::forbidden("You may not do this.").context(format!("it asks for {self}")));
        }
        let session = Session::of(parts).await?;
        let clock = Inject::<dyn Clock>::from_request_parts(parts, &()).await?;
        let config = Inject::<AuthConfig>::from_request_parts(parts, &()).await?;
        // Not by a token that came with the request: nobody has typed that.
        let is_theirs = session.owner() == Some(who.identity());
        if is_theirs && is_fresh(&session, clock.now(), config.proof_lifetime)? {
            return Ok(who);
        }
        let page = if is_theirs { CONFIRM } else { LOGIN };
        Err(lead(page).unwrap_or_else(proven::required))
    }

    fn describe(&self, operation: &mut Operation) {
        Inject::<Contributions>::describe(operation);
        let mut spec = GuardSpec { rule: self.to_string(), permissions: Vec::new(), roles: Vec::new() };
        let mut asks_proof = false;
        self.0.visit(&mut |asks| match asks {
            Asks::Permission(name) => spec.permissions.push(name.to_string()),
            Asks::Role(name) => spec.roles.push(name.to_string()),
            Asks::Proven => asks_proof = true,
            _ => {}
        });
        if asks_proof {
            Session::describe(operation);
            proven::describe(operation);
        }
        operation.error(ErrorSpec::new(StatusCode::UNAUTHORIZED, "Nobody is signed in."));
        if *self.0 != Asks::SignedIn {
            let refused = format!("The caller may not do this. What is asked for: {self}.");
            operation.error(ErrorSpec::new(StatusCode::FORBIDDEN, refused));
        }
        operation.guards.push(spec);
    }
}

/// Whether somebody has proved who they are lately.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Proof {
    Given,
    Missing,
}

impl Asks {
    fn is_met(&self, who: &Principal, proof: Proof) -> bool {
        match self {
            Self::SignedIn => who.is_authenticated(),
            Self::Role(name) => who.has_role(name),
            Self::Permission(name) => who.may(name),
            Self::Proven => proof == Proof::Given,
            Self::Any(guards) => guards.iter().any(|guard| guard.is_met(who, proof)),
            Self::All(guards) => guards.iter().all(|guard| guard.is_met(who, proof)),
        }
    }

    fn visit(&self, see: &mut impl FnMut(&Self)) {
        see(self);
        if let Self::Any(guards) | Self::All(guards) = self {
            guards.iter().for_each(|guard| guard.visit(see));
        }
    }
}

impl fmt::Display for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Asks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = |f: &mut fmt::Formatter<'_>, guards: &[Self], word: &str| {
            for (index, guard) in guards.iter().enumerate() {
                if index > 0 {
                    write!(f, " {word} ")?;
                }
                match guard {
                    Self::Any(_) | Self::All(_) => write!(f, "({guard})")?,
                    _ => write!(f, "{guard}")?,
                }
            }
            Ok(())
        };
        match self {
            Self::SignedIn => f.write_str("being signed in"),
            Self::Role(name) => write!(f, "role {name}"),
            Self::Permission(name) => f.write_str(name),
            Self::Proven => f.write_str("the password again"),
            Self::Any(guards) if guards.is_empty() => f.write_str("nobody"),
            Self::All(guards) if guards.is_empty() => f.write_str("being signed in"),
            Self::Any(guards) => several(f, guards, "or"),
            Self::All(guards) => several(f, guards, "and"),
        }
    }
}

/// 401, with the header that it asks for (RFC 9110, 11.6.1).
fn unauthorized(contributions: &Contributions) -> Error {
    let error = Error::unauthorized("Sign in first.");
    match contributions.of::<Accounts>().next() {
        Some(accounts) => challenge(error, accounts.value.scheme),
        None => error,
    }
}

impl Middleware<Self> for Guard {
    fn call(&self, request: Request, next: Next) -> BoxFuture<'static, Result<Response>> {
        if self.admitted(request.extensions()).is_some() {
            return Box::pin(next.run(request));
        }
        let guard = self.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            guard.admit(&mut parts).await?;
            next.run(Request::from_parts(parts, body)).await
        })
    }

    fn describe(&self, operation: &mut Operation) {
        Self::describe(self, operation);
    }
}

/// Puts guards around routes. In the prelude.
pub trait GuardedExt: Sized {
    /// Lets in only whom the guard does.
    #[must_use]
    fn guarded(self, guard: Guard) -> Self;
}

impl GuardedExt for Route {
    fn guarded(self, guard: Guard) -> Self {
        self.middleware(guard)
    }
}

impl GuardedExt for Routes {
    fn guarded(self, guard: Guard) -> Self {
        self.middleware(guard)
    }
}

impl GuardedExt for Group {
    fn guarded(self, guard: Guard) -> Self {
        self.middleware(guard)
    }
}

/// A guard, as a type: for [`Allowed`].
pub trait Rule: Send + Sync + 'static {
    /// Whom it lets in.
    fn guard() -> Guard;
}

/// Whoever sends the request, and is let in by the guard: an argument of a handler, which goes before those that cost something.
///
/// See the [module](self) for an example.
pub struct Allowed<R> {
    who: Principal,
    rule: PhantomData<fn() -> R>,
}

impl<R> Deref for Allowed<R> {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.who
    }
}

impl<R> fmt::Debug for Allowed<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Allowed").field(&self.who).finish()
    }
}

impl<R: Rule, S: Send + Sync> FromRequestParts<S> for Allowed<R> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self { who: R::guard().admit(parts).await?, rule: PhantomData })
    }
}

impl<R: Rule> Describe for Allowed<R> {
    fn describe(operation: &mut Operation) {
        R::guard().describe(operation);
    }
}
