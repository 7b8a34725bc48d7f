//! Policies that do not look at who asks.

use mainstay_core::principal::Principal;
use mainstay_db::Model;

use super::{Action, FieldSet, Policy, Rows};

/// Everybody sees and changes everything: for a prototype, or behind a door of another kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Open;

/// Everybody sees everything, and nobody changes anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOnly;

impl<M: Model> Policy<M> for Open {
    fn rows(&self, _: &Principal, _: Action) -> Rows<M> {
        Rows::all()
    }

    fn check(&self, _: &Principal, _: Action, _: &M) -> bool {
        true
    }

    fn fields(&self, _: &Principal, _: Action) -> FieldSet<M> {
        FieldSet::all()
    }
}

impl<M: Model> Policy<M> for ReadOnly {
    fn rows(&self, _: &Principal, action: Action) -> Rows<M> {
        if action == Action::View { Rows::all() } else { Rows::none() }
    }

    fn check(&self, _: &Principal, action: Action, _: &M) -> bool {
        action == Action::View
    }

    fn fields(&self, _: &Principal, action: Action) -> FieldSet<M> {
        if action == Action::View { FieldSet::all() } else { FieldSet::none() }
    }
}
