//! From the access token of a request to who sends it.

use std::marker::PhantomData;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use http::request::Parts;
use mainstay_core::container::Need;
use mainstay_core::principal::Principal;
use mainstay_core::{Resolver, Result};
use mainstay_http::Exchange;

use super::pairs::TokenPairs;
use super::table::StoredSignIn;
use crate::account::Account;
use crate::authenticate::{Bearer, ReadToken, invalid_token};
use crate::proven::SIGNED_IN_AT;
use crate::scopes::Scopes;
use crate::signed_in::{Pending, Proof, SignedIn};

/// Which claim of a principal says by which sign-in it came: the id of that.
pub(super) const SIGN_IN: &str = "sign_in";

/// A token that was good when it was looked at. It is found by its whole text, so that no other one is taken for it.
pub(super) struct Remembered {
    /// Which sign-in it is of.
    pub(super) family: String,
    /// Of which model the account is.
    model: &'static str,
    /// The key of the account, as JSON.
    account: Arc<str>,
    pub(super) principal: Principal,
    scopes: Arc<Scopes>,
}

/// Reads access tokens of accounts of `A`.
pub(super) struct ByJwt<A>(PhantomData<fn() -> A>);

impl<A> Default for ByJwt<A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<A: Account> ByJwt<A> {
    async fn bearer(token: &str, request: &mut Parts, resolver: &Resolver) -> Result<Bearer> {
        let pairs = resolver.get::<TokenPairs>().await?;
        if let Some(known) = pairs.known.get(token, pairs.clock.monotonic())
            && known.model == A::META.name
        {
            // Who only wants to know who it is costs no statement; the account is loaded for who asks for it.
            let proof = Proof::Token(Arc::clone(&known.account));
            Pending::<A>::enter(proof, &pairs.db, request);
            return Ok(Bearer { principal: known.principal.clone(), scopes: Arc::clone(&known.scopes) });
        }
        Self::first_sight(&pairs, token, request).await
    }

    async fn first_sight(pairs: &TokenPairs, token: &str, request: &mut Parts) -> Result<Bearer> {
        let asked = pairs.known.asked();
        let claims = pairs.verify(token).map_err(|why| invalid_token::<A>().caused_by(why))?;
        // One of another model is for another scheme.
        let is_of_model = claims.text("account") == Some(A::META.name);
        let id = claims.text("sid").filter(|_| is_of_model).ok_or_else(invalid_token::<A>)?;
        let now: DateTime<Utc> = pairs.now();
        let sign_in =
            StoredSignIn::live(now).filter(|sign_in| sign_in.id.eq(id) & sign_in.account.eq(A::META.name));
        let sign_in = sign_in.first(&pairs.db.primary()).await?.ok_or_else(invalid_token::<A>)?;
        let account = pairs.account::<A>(&sign_in).await?.ok_or_else(invalid_token::<A>)?;
        let scopes = Arc::new(Scopes::parse(&sign_in.scopes)?);
        let principal = scopes.narrow(SignedIn::enter(account, request)).with_claim(SIGN_IN, id);
        let principal = principal.with_claim(SIGNED_IN_AT, sign_in.created_at.timestamp());
        // Never longer than the token is good.
        let ends = claims.expires_at().ok_or_else(invalid_token::<A>)? + pairs.config.leeway;
        let left = ends.duration_since(pairs.clock.now()).unwrap_or_default();
        let until = pairs.clock.monotonic() + left.min(pairs.config.recheck);
        let remembered = Remembered {
            model: A::META.name,
            family: sign_in.id,
            account: sign_in.account_key.into(),
            principal: principal.clone(),
            scopes: Arc::clone(&scopes),
        };
        pairs.known.remember(token.into(), Arc::new(remembered), until, asked);
        Ok(Bearer { principal, scopes })
    }
}

impl<A: Account> ReadToken for ByJwt<A> {
    /// Three parts of which the first is a JSON object in base64url. No other token has dots.
    fn is_one(&self, token: &str) -> bool {
        token.contains('.')
    }

    fn read<'a>(
        &'a self,
        token: &'a str,
        _: &'a Exchange,
        request: &'a mut Parts,
        resolver: &'a Resolver,
    ) -> BoxFuture<'a, Result<Bearer>> {
        Box::pin(Self::bearer(token, request, resolver))
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::of::<TokenPairs>()]
    }
}
