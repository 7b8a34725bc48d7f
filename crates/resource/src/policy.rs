//! Policies: who may see and change which rows and fields of a model.
//!
//! A policy is written once and holds on every surface. It speaks of three things: [`Rows`], a condition that becomes a
//! part of every query; the row as it would be after a change, checked inside the transaction; and [`FieldSet`], what
//! may be seen or written.
//!
//! ```
//! use mainstay_core::App;
//! use mainstay_core::principal::Principal;
//! use mainstay_db::model;
//! use mainstay_resource::{Action, FieldSet, PoliciesExt, Policy, Rows};
//!
//! #[model]
//! pub struct Note {
//!     pub id: i64,
//!     pub owner: String,
//!     pub text: String,
//! }
//!
//! /// Everybody reads all notes; who is signed in changes their own.
//! struct OwnNotes;
//!
//! impl Policy<Note> for OwnNotes {
//!     fn rows(&self, who: &Principal, action: Action) -> Rows<Note> {
//!         match action {
//!             Action::View => Rows::all(),
//!             _ if who.is_authenticated() => Rows::<Note>::when(|note| note.owner.eq(who.id().to_owned())),
//!             _ => Rows::none(),
//!         }
//!     }
//!
//!     fn check(&self, who: &Principal, _: Action, after: &Note) -> bool {
//!         after.owner == who.id()
//!     }
//!
//!     fn fields(&self, _: &Principal, action: Action) -> FieldSet<Note> {
//!         match action {
//!             Action::View => FieldSet::all(),
//!             _ => FieldSet::<Note>::only(|note| note.text),
//!         }
//!     }
//! }
//!
//! let app = App::new().policy(OwnNotes);
//! ```
//!
//! Most policies are one line: [`ByPermission`], [`Owned`], [`ReadOnly`], [`Open`], and [`Either`] or [`Both`] of two. [`ShownPolicy`]
//! is one for people to read.

mod combined;
mod common;
mod fields;
mod owned;
mod permission;
mod shown;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use mainstay_core::principal::Principal;
use mainstay_core::{Contribute, Contribution, Contributions, Module};
use mainstay_db::meta::ModelMeta;
use mainstay_db::{Model, Predicate, Query};

pub use combined::{Both, Either};
pub use common::{Open, ReadOnly};
pub use fields::{ColumnSet, FieldSet};
pub use owned::Owned;
pub use permission::{ByPermission, permission_of};
pub use shown::{Shown, ShownPolicy, ShownRows};

/// What somebody wants to do with a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// See it: in a list, alone, in a feed.
    View,
    /// Make it.
    Create,
    /// Change it.
    Update,
    /// Take it away.
    Delete,
}

/// Who may do what with the rows of a model.
pub trait Policy<M: Model>: Send + Sync + 'static {
    /// The rows that somebody may act on. They become a part of every query: list, get, update, delete, bulk, feed.
    fn rows(&self, who: &Principal, action: Action) -> Rows<M>;

    /// Whether the row may become what it would be. Asked inside the transaction that creates or updates it.
    fn check(&self, who: &Principal, action: Action, after: &M) -> bool;

    /// The fields that may be seen, or written.
    fn fields(&self, who: &Principal, action: Action) -> FieldSet<M>;
}

/// Which rows of a model.
#[derive(Debug)]
#[must_use = "rows do nothing until a query takes them"]
pub enum Rows<M> {
    /// No row.
    None,
    /// Every row.
    All,
    /// Those that are so.
    Where(Predicate<M>),
}

impl<M: Model> Rows<M> {
    /// No row.
    pub fn none() -> Self {
        Self::None
    }

    /// Every row.
    pub fn all() -> Self {
        Self::All
    }

    /// Those that are as the closure says.
    pub fn when(condition: impl FnOnce(M::Fields) -> Predicate<M>) -> Self {
        Self::Where(condition(M::fields(mainstay_db::expression::Scope::ROOT)))
    }

    /// The query with this condition, which it cannot lose.
    pub fn limit(self, query: Query<M>) -> Query<M> {
        match self {
            Self::None => query.filter(|_| Predicate::never()),
            Self::All => query,
            Self::Where(predicate) => query.filter(|_| predicate),
        }
    }
}

/// A contribution: the policy of one model.
struct PolicyOf<M>(Arc<dyn Policy<M>>);

impl<M: Model> Contribution for PolicyOf<M> {
    fn installs() -> Option<Module> {
        Some(crate::module::module())
    }
}

/// The models that have a policy, and the modules that it comes from.
pub(crate) fn models(contributions: &Contributions) -> Vec<(&'static ModelMeta, String)> {
    contributions.of::<ShownPolicy>().map(|shown| (shown.value.meta, shown.module.name.to_string())).collect()
}

/// Adds policies. In the prelude.
pub trait PoliciesExt: Contribute {
    /// Makes it the policy of its model.
    #[must_use]
    fn policy<M: Model>(self, policy: impl Policy<M>) -> Self {
        self.shared_policy(Arc::new(policy))
    }

    /// The same for a policy that is shared.
    #[must_use]
    fn shared_policy<M: Model>(self, policy: Arc<dyn Policy<M>>) -> Self {
        self.contribute(ShownPolicy::of(Arc::clone(&policy))).contribute(PolicyOf(policy))
    }
}

impl<C: Contribute> PoliciesExt for C {}

/// Finds the policy of a model.
#[derive(Clone, Debug)]
pub struct Policies(Contributions);

impl Policies {
    /// The policies among these contributions.
    pub fn new(contributions: Contributions) -> Self {
        Self(contributions)
    }

    /// The policy of `M`. Without one, nobody may do anything.
    pub fn of<M: Model>(&self) -> Arc<dyn Policy<M>> {
        match self.0.of::<PolicyOf<M>>().last() {
            Some(policy) => Arc::clone(&policy.value.0),
            None => Arc::new(NoAccess(PhantomData)),
        }
    }
}

/// The policy of a model that has none.
struct NoAccess<M>(PhantomData<fn() -> M>);

impl<M: Model> Policy<M> for NoAccess<M> {
    fn rows(&self, _: &Principal, _: Action) -> Rows<M> {
        Rows::None
    }

    fn check(&self, _: &Principal, _: Action, _: &M) -> bool {
        false
    }

    fn fields(&self, _: &Principal, _: Action) -> FieldSet<M> {
        FieldSet::none()
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::View => "view",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        })
    }
}

#[cfg(test)]
mod tests;
