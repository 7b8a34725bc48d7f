//! The account that sends a request.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use http::StatusCode;
use http::request::Parts;
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Inject, Result};
use mainstay_db::write::get;
use mainstay_db::{Db, Key};
use mainstay_http::Session;
use mainstay_http::describe::{Describe, ErrorSpec, Operation, Place, SecurityScheme, SecuritySpec};
use tokio::sync::OnceCell;

use crate::account::Account;
use crate::authenticate::{invalid_token, unauthorized};
use crate::by_session::account_of;

/// The account that sends the request: `SignedIn(user): SignedIn<User>`. Whoever is not signed in is answered with 401;
/// `Option<SignedIn<User>>` serves everybody.
///
/// The account is loaded once for a request, whoever takes it.
#[derive(Clone, Debug)]
pub struct SignedIn<A>(pub A);

impl<A: Account> SignedIn<A> {
    /// Leaves the account for the handlers of a request, and says what policies and logs know of it.
    pub(crate) fn enter(account: A, request: &mut Parts) -> Principal {
        let principal = account.principal();
        request.extensions.insert(Self(account));
        principal
    }
}

/// An account of which is known whose it is, and which nobody has asked for yet.
pub(crate) struct Pending<A> {
    proof: Proof,
    db: Inject<Db>,
    loaded: OnceCell<Option<A>>,
}

/// By what it is known whose a request is.
pub(crate) enum Proof {
    /// A token, of an account with this key, as JSON.
    Token(Arc<str>),
    /// The session of the request, which is looked at only now.
    Session,
}

impl<A: Account> Pending<A> {
    /// Leaves it for the handlers of a request.
    pub(crate) fn enter(proof: Proof, db: &Inject<Db>, request: &mut Parts) {
        request.extensions.insert(Arc::new(Self { proof, db: db.clone(), loaded: OnceCell::new() }));
    }

    /// None of a session that has ended since it was last looked at.
    async fn account(&self, request: &Parts) -> Result<Option<A>> {
        let load = async || match &self.proof {
            Proof::Token(key) => {
                let account = get::<A>(Key::new(serde_json::from_str(key)?), &self.db).await?;
                account.filter(Account::is_active).ok_or_else(invalid_token::<A>).map(Some)
            }
            Proof::Session => account_of(&Session::of(request).await?, &self.db).await,
        };
        self.loaded.get_or_try_init(load).await.cloned()
    }
}

impl<A: Account> SignedIn<A> {
    /// The account of this session, not of a token that came with the request: nobody has typed that.
    pub(crate) async fn by_session(session: &Session, parts: &Parts) -> Result<Option<A>> {
        let account = Self::of(parts).await?.map(|signed_in| signed_in.0);
        Ok(account.filter(|account| session.owner() == Some(account.principal().identity())))
    }

    async fn of(parts: &Parts) -> Result<Option<Self>> {
        if let Some(signed_in) = parts.extensions.get::<Self>() {
            return Ok(Some(signed_in.clone()));
        }
        match parts.extensions.get::<Arc<Pending<A>>>() {
            Some(pending) => Ok(pending.account(parts).await?.map(Self)),
            None => Ok(None),
        }
    }
}

impl<A> Deref for SignedIn<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

impl<A: Account, S: Sync> FromRequestParts<S> for SignedIn<A> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(parts)
            .await?
            .ok_or_else(|| unauthorized::<A>(format!("Sign in, and send `Authorization: {} …`.", A::SCHEME)))
    }
}

impl<A: Account, S: Sync> OptionalFromRequestParts<S> for SignedIn<A> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>> {
        Self::of(parts).await
    }
}

impl<A: Account> Describe for SignedIn<A> {
    fn describe(operation: &mut Operation) {
        operation.security.push(SecuritySpec::new(A::SCHEME, scheme::<A>()));
        operation.error(ErrorSpec::new(StatusCode::UNAUTHORIZED, "The token is missing or not valid."));
    }
}

/// OpenAPI knows the scheme `Bearer`; another is a header like any other.
pub(crate) fn scheme<A: Account>() -> SecurityScheme {
    if A::SCHEME.eq_ignore_ascii_case("bearer") {
        SecurityScheme::Bearer { format: None }
    } else {
        SecurityScheme::Key { place: Place::Header, name: "Authorization".into() }
    }
}
