//! Who sends a request, from its token.

use std::marker::PhantomData;
use std::sync::OnceLock;

use futures_util::future::BoxFuture;
use http::request::Parts;
use http::{HeaderValue, header};
use mainstay_core::container::Need;
use mainstay_core::keys::{Keys, Purpose};
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Resolver, Result};
use mainstay_db::Db;
use mainstay_db::write::get;
use mainstay_http::Exchange;
use mainstay_http::stack::principal::Authenticate;

use crate::account::Account;
use crate::signed_in::SignedIn;
use crate::tokens::{self, Claim};

/// Reads `Authorization: <scheme> <token>`, loads the account, and leaves it for [`SignedIn`].
///
/// A header of another scheme is somebody else's affair. A token that is expired, forged or void refuses the request, also where
/// nobody need be signed in: its sender believes to be.
pub(crate) struct ByToken<A> {
    purpose: OnceLock<Purpose>,
    accounts: PhantomData<fn() -> A>,
}

impl<A> Default for ByToken<A> {
    fn default() -> Self {
        Self { purpose: OnceLock::new(), accounts: PhantomData }
    }
}

impl<A: Account> ByToken<A> {
    async fn account(&self, token: &str, resolver: &Resolver) -> Result<A> {
        let purpose = match self.purpose.get() {
            Some(purpose) => purpose,
            None => {
                let keys = resolver.get::<Keys>().await?;
                self.purpose.get_or_init(|| tokens::purpose::<A>(&keys))
            }
        };
        let claim = Claim::<A>::read(purpose, token).map_err(|why| refused::<A>().caused_by(why))?;
        let db = resolver.get::<Db>().await?;
        let account = get::<A>(claim.key.clone(), &db).await?;
        account.filter(|account| account.is_active() && claim.is_of(account)).ok_or_else(refused::<A>)
    }
}

impl<A: Account> Authenticate for ByToken<A> {
    fn needs(&self) -> Vec<Need> {
        vec![Need::of::<Keys>(), Need::of::<Db>()]
    }

    fn authenticate<'a>(
        &'a self,
        _: &'a Exchange,
        request: &'a mut Parts,
        resolver: &'a Resolver,
    ) -> BoxFuture<'a, Result<Option<Principal>>> {
        Box::pin(async move {
            let Some(token) = token(request, A::SCHEME) else { return Ok(None) };
            let account = self.account(token, resolver).await?;
            Ok(Some(SignedIn::enter(account, request)))
        })
    }
}

/// What follows the scheme in the header `Authorization`.
fn token<'a>(request: &'a Parts, scheme: &str) -> Option<&'a str> {
    let value = request.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (named, token) = value.split_once(' ').unwrap_or((value, ""));
    named.eq_ignore_ascii_case(scheme).then(|| token.trim())
}

/// 401, with the header that it asks for (RFC 9110, 11.6.1).
pub(crate) fn unauthorized<A: Account>(message: String) -> Error {
    let error = Error::unauthorized(message);
    match HeaderValue::from_str(A::SCHEME) {
        Ok(scheme) => error.header(header::WWW_AUTHENTICATE, scheme),
        Err(_) => error,
    }
}

fn refused<A: Account>() -> Error {
    unauthorized::<A>("The token is not valid, or its time is over.".to_owned()).code("invalid_token")
}
