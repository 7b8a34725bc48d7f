//! Who sends a request, from the session of a browser.

use std::marker::PhantomData;

use futures_util::future::BoxFuture;
use http::request::Parts;
use mainstay_core::container::Need;
use mainstay_core::principal::Principal;
use mainstay_core::random::hex;
use mainstay_core::{Resolver, Result};
use mainstay_db::write::get;
use mainstay_db::{Db, Key};
use mainstay_http::session::Recognized;
use mainstay_http::stack::principal::Authenticate;
use mainstay_http::{Exchange, Session};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::signed_in::{Pending, Proof, SignedIn};
use crate::tokens::stamp;

/// Under which name a session knows its account.
const NAME: &str = "_account";

/// What a session says of its account.
#[derive(Serialize, Deserialize)]
pub(crate) struct Note {
    /// Of which model it is.
    model: String,
    key: serde_json::Value,
    /// That of the password: a session ends when it changes.
    stamp: String,
}

impl Note {
    pub(crate) fn of<A: Account>(account: &A) -> Result<Self> {
        Ok(Self {
            model: A::META.name.to_owned(),
            key: serde_json::to_value(account.key())?,
            stamp: hex(&stamp(account)),
        })
    }

    /// The account, if it is one of `A`, as long as it may sign in and its password is what it was.
    pub(crate) async fn find<A: Account>(&self, db: &Db) -> Result<Option<A>> {
        if self.model != A::META.name {
            return Ok(None);
        }
        let account = match serde_json::from_value(self.key.clone()) {
            Ok(key) => get::<A>(Key::new(key), db).await?,
            Err(_) => None,
        };
        Ok(account.filter(|account| account.is_active() && self.stamp == hex(&stamp(account))))
    }
}

/// Signs accounts in at browsers. In the prelude.
pub trait SignInExt {
    /// Makes it the session of this account: requests that come with it have a [`SignedIn`]. The session gets a new cookie.
    ///
    /// It ends with its time, when it is ended, when the account is not active any more, and when its password changes: at once for who
    /// takes the account, for who takes the principal alone within `session.recheck`.
    ///
    /// # Errors
    ///
    /// When the key of the account cannot be written as JSON.
    fn sign_in_as<A: Account>(&self, account: &A) -> Result<()>;
}

impl SignInExt for Session {
    fn sign_in_as<A: Account>(&self, account: &A) -> Result<()> {
        self.sign_in(account.principal().identity());
        self.set(NAME, &Note::of(account)?)
    }
}

/// The account of a session. A session that was one and is none any more is ended.
pub(crate) async fn account_of<A: Account>(session: &Session, db: &Db) -> Result<Option<A>> {
    let note = match session.get::<Note>(NAME) {
        Ok(Some(note)) if note.model == A::META.name => note,
        Ok(_) => return Ok(None),
        // Of another version of this program, or not ours at all.
        Err(error) => {
            tracing::warn!(error = %error.report(), "a session that cannot be read is ended");
            session.end();
            return Ok(None);
        }
    };
    let account = note.find::<A>(db).await?;
    match &account {
        Some(account) => {
            session.recognize(Recognized { principal: account.principal(), model: A::META.name });
        }
        None => session.end(),
    }
    Ok(account)
}

/// What a request has that came by a session and not by a token.
#[derive(Clone, Copy)]
pub(crate) struct CameBySession;

/// Whether it did.
pub(crate) fn came_by_session(request: &Parts) -> bool {
    request.extensions.get::<CameBySession>().is_some()
}

/// Finds out whose the session is. Where a process knows that still, the account waits for who asks for it.
pub(crate) struct BySession<A>(PhantomData<fn() -> A>);

impl<A> Default for BySession<A> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<A: Account> Authenticate for BySession<A> {
    fn needs(&self) -> Vec<Need> {
        vec![Need::of::<Db>()]
    }

    fn authenticate<'a>(
        &'a self,
        _: &'a Exchange,
        request: &'a mut Parts,
        resolver: &'a Resolver,
    ) -> BoxFuture<'a, Result<Option<Principal>>> {
        Box::pin(async move {
            if let Some(known) = Session::recognized(request) {
                if known.model != A::META.name {
                    return Ok(None);
                }
                Pending::<A>::enter(Proof::Session, &resolver.get::<Db>().await?, request);
                request.extensions.insert(CameBySession);
                return Ok(Some(known.principal.clone()));
            }
            let Some(session) = Session::of_visitor(request).await? else { return Ok(None) };
            let db = resolver.get::<Db>().await?;
            let account = account_of::<A>(&session, &db).await?;
            Ok(account.map(|account| {
                request.extensions.insert(CameBySession);
                SignedIn::enter(account, request)
            }))
        })
    }
}
