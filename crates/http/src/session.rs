//! Sessions: what an application remembers of a visitor between requests, on the server.
//!
//! The browser has a cookie with a random name for it, and nothing else. A visitor of whom nothing is remembered has no cookie.
//!
//! ```
//! use mainstay_core::{App, Result};
//! use mainstay_http::session::{Session, SessionsExt};
//! use mainstay_http::{Path, Redirect, RoutesExt, post, routes};
//!
//! #[post("/cart/{item}")]
//! async fn add(session: Session, Path(item): Path<u32>) -> Result<Redirect> {
//!     let mut cart: Vec<u32> = session.get("cart")?.unwrap_or_default();
//!     cart.push(item);
//!     session.set("cart", &cart)?;
//!     session.flash("success", "It is in your cart.");
//!     Ok(Redirect::see_other("/cart"))
//! }
//!
//! let app = App::new().sessions().routes(routes![add]);
//! ```
//!
//! In reading order:
//!
//! 1. [`Session`]: what a handler takes.
//! 2. `slot`: the session of one request, loaded when somebody asks for it, kept when the handler has ended.
//! 3. [`record`]: what is kept, and its key, which does not tell the cookie.
//! 4. [`sessions`]: [`Sessions`], all of them: those of one owner, and ending them.
//! 5. [`recognized`]: whose a session is, as authenticators find out and processes remember for a moment.
//! 6. [`store`]: the contract of whatever keeps them; `memory`: the memory of the process.
//! 7. `config`, `module`: the section `session`, and [`SessionsExt`].
//!
//! Two requests of one visitor may be under way at once. Each keeps what it has changed, by name, over what the other has kept
//! meanwhile; a session that has been ended meanwhile is not made again.

mod config;
mod memory;
mod module;
pub mod recognized;
pub mod record;
pub mod sessions;
mod slot;
pub mod store;

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use http::request::Parts;
use mainstay_core::container::Need;
use mainstay_core::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

pub use config::SessionConfig;
pub use module::SessionsExt;
pub use recognized::Recognized;
pub use record::{SessionKey, SessionRecord};
pub use sessions::Sessions;
pub use store::{SessionDriver, SessionStore};

use crate::describe::{Describe, Operation};
pub(crate) use slot::Slot;

/// Under which name messages wait to be shown.
const FLASHES: &str = "_flash";

/// The session of the visitor who sends the request: an argument of a handler. Clones are the same session.
///
/// What is changed is kept when the handler has ended, whatever it answers; not if it panics or takes too long.
#[derive(Clone)]
pub struct Session(Arc<Slot>);

/// A message that the next page shows, once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    /// Of what kind: `success`, `error`, `info`.
    pub kind: String,
    /// What it says.
    pub message: String,
}

impl Session {
    /// The session of this request, for whoever is no handler: a middleware, an authenticator.
    ///
    /// # Errors
    ///
    /// When the application has no sessions; 503 when those cannot be had.
    pub async fn of(parts: &Parts) -> Result<Self> {
        let slot = parts
            .extensions
            .get::<Arc<Slot>>()
            .ok_or_else(|| Error::internal("the application has no sessions: add `.sessions()` to it"))?;
        slot.load().await?;
        Ok(Self(Arc::clone(slot)))
    }

    /// The same, if the application has sessions and the request brings the cookie of one.
    ///
    /// # Errors
    ///
    /// As [`of`](Self::of).
    pub async fn of_visitor(parts: &Parts) -> Result<Option<Self>> {
        match parts.extensions.get::<Arc<Slot>>() {
            Some(slot) if slot.is_likely() => Self::of(parts).await.map(Some),
            _ => Ok(None),
        }
    }

    /// Whose the session of this request is, if that was [found out](Self::recognize) within `session.recheck`: then nobody is asked for
    /// it, and it is not loaded.
    pub fn recognized(parts: &Parts) -> Option<Arc<Recognized>> {
        parts.extensions.get::<Arc<Slot>>()?.recognized()
    }

    /// Says whose it is, as it was loaded: for the next requests of `session.recheck`. What this process changes of the session is
    /// known at once.
    pub fn recognize(&self, found: Recognized) {
        self.0.recognize(found);
    }

    /// What is remembered under a name.
    ///
    /// # Errors
    ///
    /// When it is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        serde_json::from_value(value).map(Some).map_err(|fault| {
            Error::internal(format!("`{name}` in the session is of another type than is asked for: {fault}"))
        })
    }

    /// Remembers something.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn set(&self, name: &str, value: &(impl Serialize + ?Sized)) -> Result<()> {
        self.0.set(name, Some(serde_json::to_value(value)?));
        Ok(())
    }

    /// Forgets something.
    pub fn remove(&self, name: &str) {
        self.0.set(name, None);
    }

    /// Takes something out.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn take<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let found = self.get(name)?;
        if self.0.get(name).is_some() {
            self.remove(name);
        }
        Ok(found)
    }

    /// Says something on the page that the visitor sees next: `session.flash("success", "It is saved.")`.
    pub fn flash(&self, kind: impl Into<String>, message: impl Into<String>) {
        let mut flashes = self.flashes();
        flashes.push(Flash { kind: kind.into(), message: message.into() });
        // Texts alone: this cannot fail.
        self.0.set(FLASHES, serde_json::to_value(flashes).ok());
    }

    /// The messages that wait to be shown.
    pub fn flashes(&self) -> Vec<Flash> {
        self.get(FLASHES).ok().flatten().unwrap_or_default()
    }

    /// The same, which now are shown.
    pub fn take_flashes(&self) -> Vec<Flash> {
        let flashes = self.flashes();
        if !flashes.is_empty() {
            self.remove(FLASHES);
        }
        flashes
    }

    /// Whose session it is, if anybody's.
    pub fn owner(&self) -> Option<String> {
        self.0.owner()
    }

    /// Makes it the session of somebody who has just proved who they are. It gets a new cookie, so that one that somebody else knew is
    /// worth nothing, and its time begins anew. What an earlier owner had in it is gone.
    pub fn sign_in(&self, owner: impl Into<String>) {
        self.0.sign_in(owner.into());
    }

    /// Keeps the session when the browser is closed, for as long as `session.lifetime` says.
    pub fn remember(&self) {
        self.0.remember();
    }

    /// Gives it a new cookie: whenever what it may do has become more.
    pub fn rotate(&self) {
        self.0.rotate();
    }

    /// Ends it: everything in it is gone. What is set afterwards begins another.
    pub fn end(&self) {
        self.0.end();
    }

    /// What names it in a list of one's sessions. None, as long as nothing is kept.
    pub fn key(&self) -> Option<SessionKey> {
        self.0.key()
    }

    /// When it began: with the first thing that was kept, or when its owner signed in.
    pub fn created_at(&self) -> Option<SystemTime> {
        self.0.created_at()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("owner", &self.owner()).finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for Session {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(parts).await
    }
}

impl Describe for Session {
    fn describe(operation: &mut Operation) {
        operation.needs.push(Need::of::<Sessions>());
    }
}
