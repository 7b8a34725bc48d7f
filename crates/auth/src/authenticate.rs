//! Who sends a request, from its token.

use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderValue, header};
use mainstay_core::container::Need;
use mainstay_core::keys::{Keys, Purpose};
use mainstay_core::principal::Principal;
use mainstay_core::{Contribution, Contributions, Error, Resolver, Result, StatusCode};
use mainstay_db::Db;
use mainstay_db::write::get;
use mainstay_http::Exchange;
use mainstay_http::stack::principal::Authenticate;
use tokio::sync::OnceCell;

use crate::account::Account;
use crate::proven::SIGNED_IN_AT;
use crate::scopes::{Scopes, hold};
use crate::signed_in::SignedIn;
use crate::tokens::{self, Claim};

/// Reads `Authorization: <scheme> <token>`, and leaves the account for [`SignedIn`].
///
/// A header of another scheme is somebody else's affair. A token that is expired, forged or void refuses the request, also where
/// nobody need be signed in: its sender believes to be.
pub(crate) struct ByToken<A> {
    known: OnceCell<Known<A>>,
}

/// What is found out at the first token.
struct Known<A> {
    purpose: Purpose,
    kinds: Vec<TokenKind<A>>,
}

impl<A> Default for ByToken<A> {
    fn default() -> Self {
        Self { known: OnceCell::new() }
    }
}

/// Tokens of a form of their own, beside those of [`Tokens`](crate::Tokens).
pub(crate) trait ReadToken: Send + Sync + 'static {
    /// Whether this may be one, by how it looks. If so, it is nobody else's.
    fn is_one(&self, token: &str) -> bool;

    /// Who comes with it, and what it is good for. The account is left in the request.
    fn read<'a>(
        &'a self,
        token: &'a str,
        exchange: &'a Exchange,
        request: &'a mut Parts,
        resolver: &'a Resolver,
    ) -> BoxFuture<'a, Result<Bearer>>;

    /// What it takes from the container.
    fn needs(&self) -> Vec<Need>;
}

/// Who comes with a token.
pub(crate) struct Bearer {
    /// Already without what the scopes do not cover.
    pub(crate) principal: Principal,
    pub(crate) scopes: Arc<Scopes>,
}

/// A contribution: tokens of another form, for accounts of `A`.
pub(crate) struct TokenKind<A> {
    read: Arc<dyn ReadToken>,
    accounts: PhantomData<fn() -> A>,
}

impl<A> TokenKind<A> {
    pub(crate) fn new(read: impl ReadToken) -> Self {
        Self { read: Arc::new(read), accounts: PhantomData }
    }
}

impl<A> Clone for TokenKind<A> {
    fn clone(&self) -> Self {
        Self { read: Arc::clone(&self.read), accounts: PhantomData }
    }
}

impl<A: Account> Contribution for TokenKind<A> {
    fn needs(&self) -> Vec<Need> {
        self.read.needs()
    }
}

impl<A: Account> ByToken<A> {
    async fn known(&self, resolver: &Resolver) -> Result<&Known<A>> {
        let find_out = async || {
            let (keys, contributions) =
                (resolver.get::<Keys>().await?, resolver.get::<Contributions>().await?);
            let kinds = contributions.of::<TokenKind<A>>().map(|kind| kind.value.clone()).collect();
            Ok(Known { purpose: tokens::purpose::<A>(&keys), kinds })
        };
        self.known.get_or_try_init(find_out).await
    }

    async fn account(purpose: &Purpose, token: &str, resolver: &Resolver) -> Result<(A, u64)> {
        let claim = Claim::<A>::read(purpose, token).map_err(|why| invalid_token::<A>().caused_by(why))?;
        let db = resolver.get::<Db>().await?;
        let account = get::<A>(claim.key.clone(), &db).await?;
        let account = account.filter(|account| account.is_active() && claim.is_of(account));
        Ok((account.ok_or_else(invalid_token::<A>)?, claim.issued_at))
    }
}

impl<A: Account> Authenticate for ByToken<A> {
    fn needs(&self) -> Vec<Need> {
        vec![Need::of::<Keys>(), Need::of::<Db>()]
    }

    fn authenticate<'a>(
        &'a self,
        exchange: &'a Exchange,
        request: &'a mut Parts,
        resolver: &'a Resolver,
    ) -> BoxFuture<'a, Result<Option<Principal>>> {
        Box::pin(async move {
            // The text of the header, which costs a counter, so that the request can be changed meanwhile.
            let Some(header) = request.headers.get(header::AUTHORIZATION).cloned() else { return Ok(None) };
            let Some(token) = token(&header, A::SCHEME) else { return Ok(None) };
            let known = self.known(resolver).await?;
            let Some(kind) = known.kinds.iter().find(|kind| kind.read.is_one(token)) else {
                let (account, issued_at) = Self::account(&known.purpose, token, resolver).await?;
                return Ok(Some(SignedIn::enter(account, request).with_claim(SIGNED_IN_AT, issued_at)));
            };
            let bearer = kind.read.read(token, exchange, request, resolver).await?;
            if let Some(route) = exchange.route() {
                let asked = &route.operation.scopes;
                hold(&bearer.scopes, asked, request).map_err(|error| challenged::<A>(error, asked))?;
            }
            Ok(Some(bearer.principal))
        })
    }
}

/// What follows the scheme in the header `Authorization`.
fn token<'a>(value: &'a HeaderValue, scheme: &str) -> Option<&'a str> {
    let value = value.to_str().ok()?;
    let (named, token) = value.split_once(' ').unwrap_or((value, ""));
    named.eq_ignore_ascii_case(scheme).then(|| token.trim())
}

/// 401, with the header that it asks for (RFC 9110, 11.6.1).
pub(crate) fn unauthorized<A: Account>(message: String) -> Error {
    challenge(Error::unauthorized(message), A::SCHEME)
}

/// 401: what was sent as a token is none, or none any more. Which of it, is for the log.
pub(crate) fn invalid_token<A: Account>() -> Error {
    let error = Error::unauthorized("The token is not valid, or its time is over.").code("invalid_token");
    challenge(error, &format!("{} error=\"invalid_token\"", A::SCHEME))
}

/// What the token is not good for, as RFC 6750, 3 says it.
fn challenged<A: Account>(error: Error, asked: &[String]) -> Error {
    if error.status() != StatusCode::FORBIDDEN {
        return error;
    }
    let scope = if asked.is_empty() { String::new() } else { format!(", scope=\"{}\"", asked.join(" ")) };
    challenge(error, &format!("{} error=\"insufficient_scope\"{scope}", A::SCHEME))
}

/// The same error, with what it asks for.
pub(crate) fn challenge(error: Error, asks: &str) -> Error {
    match HeaderValue::from_str(asks) {
        Ok(challenge) => error.header(header::WWW_AUTHENTICATE, challenge),
        Err(_) => error,
    }
}
