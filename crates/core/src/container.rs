//! Dependency injection by type.
//!
//! A [`Provider`] is a function whose parameters are its dependencies. There is no look-up inside a factory, so the
//! whole graph is known before anything is built; [`verify`](graph::Graph::verify) reports all its faults together:
//!
//! | id | fault |
//! |---|---|
//! | `core.E001` | nothing provides what is needed |
//! | `core.E002` | two providers of one type are visible |
//! | `core.E003` | a circle |
//! | `core.E004` | captive: a longer-lived value holds a request-scoped one |
//! | `core.E005` | provided by a module that does not export it |
//! | `core.E006` | exported, but not provided |
//! | `core.E007` | two modules of one name |
//! | `core.E008` | an override that replaces nothing |
//!
//! Reading order: [`provider`] (what is written), [`graph`] (what is visible to whom, and verified), [`resolver`]
//! (what is built), [`inject`] (what is taken).

pub mod dependency;
pub mod graph;
pub mod inject;
pub mod provider;
pub mod resolver;

pub use dependency::{Dependencies, Dependency, Factory, FactoryWith};
pub use inject::Inject;
pub use provider::{Injectable, IntoProvider, Provider, Registration, Scope};
pub use resolver::Resolver;

use std::any::{TypeId, type_name};
use std::fmt;

/// A type as the container knows it.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
}

impl Key {
    /// The key of `T`.
    pub fn of<T: ?Sized + 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: type_name::<T>() }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl fmt::Display for Key {
    /// The type without the paths of its parts: `Option<UserService>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&short(self.name))
    }
}

/// A type's name without module paths.
pub(crate) fn short(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut word = String::new();
    for ch in name.chars() {
        match ch {
            ':' => word.clear(),
            ch if ch.is_alphanumeric() || ch == '_' => word.push(ch),
            ch => {
                out.push_str(&word);
                word.clear();
                out.push(ch);
            }
        }
    }
    out.push_str(&word);
    out
}

/// What somebody takes from the container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Need {
    pub(crate) key: Key,
    pub(crate) presence: Presence,
    pub(crate) taker: Taker,
    pub(crate) place: Option<(&'static str, u32)>,
}

/// Whether it must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    Required,
    Optional,
}

/// How long the taker lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taker {
    /// As long as the application.
    Application,
    /// As long as one request, job or message.
    Request,
}

impl Need {
    /// Something that must be there, taken for as long as the application lives.
    pub fn of<T: ?Sized + 'static>() -> Self {
        Self { key: Key::of::<T>(), presence: Presence::Required, taker: Taker::Application, place: None }
    }

    /// Says where it is taken: file and line.
    #[must_use]
    pub fn at(mut self, file: &'static str, line: u32) -> Self {
        self.place = Some((file, line));
        self
    }

    /// The same, but it may be absent.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.presence = Presence::Optional;
        self
    }

    /// The same, but taken for one request, so that it may be request-scoped.
    #[must_use]
    pub fn in_request(mut self) -> Self {
        self.taker = Taker::Request;
        self
    }

    /// The name of the needed type, without paths.
    pub fn type_name(&self) -> String {
        self.key.to_string()
    }
}

#[cfg(test)]
mod tests;
