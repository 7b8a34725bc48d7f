//! From the token of a request to who sends it.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use http::request::Parts;
use mainstay_core::clock::Clock;
use mainstay_core::container::Need;
use mainstay_core::{Resolver, Result};
use mainstay_db::write::get;
use mainstay_db::{Db, Key};
use mainstay_http::Exchange;

use super::table::StoredAccessToken;
use super::text::{SecretText, looks_like_one};
use crate::account::Account;
use crate::authenticate::{Bearer, ReadToken, invalid_token};
use crate::scopes::{ACCESS_TOKEN, Scopes};
use crate::signed_in::SignedIn;

/// How old the note of the last use may be. Not every request writes.
const USED: Duration = Duration::from_secs(60);

/// Reads personal access tokens of accounts of `A`.
pub(super) struct ByAccessToken<A>(PhantomData<fn() -> A>);

impl<A> Default for ByAccessToken<A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<A: Account> ByAccessToken<A> {
    async fn bearer(token: &str, request: &mut Parts, resolver: &Resolver) -> Result<Bearer> {
        // A slip of the pen is told without asking the database.
        let text = SecretText::read(token).ok_or_else(invalid_token::<A>)?;
        let (db, clock) = (resolver.get::<Db>().await?, resolver.get::<dyn Clock>().await?);
        let (now, digest): (DateTime<Utc>, _) = (clock.now().into(), text.digest());
        // From the primary: what was revoked a moment ago is revoked.
        let primary = db.primary();
        let stored = StoredAccessToken::live(now)
            .filter(|token| token.digest.eq(digest) & token.account.eq(A::META.name));
        let stored = stored.first(&primary).await?.ok_or_else(invalid_token::<A>)?;
        let key = serde_json::from_str(&stored.account_key)?;
        let account = get::<A>(Key::new(key), &primary).await?;
        let account = account.filter(Account::is_active).ok_or_else(invalid_token::<A>)?;
        if stored
            .last_used_at
            .is_none_or(|used| now - used >= chrono::TimeDelta::from_std(USED).unwrap_or_default())
        {
            let this = StoredAccessToken::filter(|token| token.id.eq(&*stored.id));
            // It is only a note: that it cannot be written refuses nobody.
            if let Err(error) = this.update(|token| token.last_used_at(now), &db).await {
                tracing::warn!(error = %error.report(), "the last use of an access token could not be noted");
            }
        }
        let scopes = Scopes::parse(&stored.scopes)?;
        let principal = scopes.narrow(SignedIn::enter(account, request)).with_claim(ACCESS_TOKEN, stored.id);
        Ok(Bearer { principal, scopes: Arc::new(scopes) })
    }
}

impl<A: Account> ReadToken for ByAccessToken<A> {
    fn is_one(&self, token: &str) -> bool {
        looks_like_one(token)
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
        vec![Need::of::<Db>(), Need::of::<dyn Clock>()]
    }
}
