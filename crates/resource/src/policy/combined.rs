//! One policy from two.

use mainstay_core::principal::Principal;
use mainstay_db::Model;

use super::{Action, FieldSet, Policy, Rows};

/// What one of two policies lets somebody do: `Either(ByPermission, Owned::by(|article| article.author))`.
///
/// Rows add up. Fields do so only as far as each of them is let in every row: a policy for all rows lets its fields be seen and
/// written, one for some rows only where no other has a say. So who changes titles of their own articles, and the status of all, gets
/// no titles of others by it. The row that comes of a change has to be let by one of the two, whichever let the row before;
/// who makes one writes no field that one of the two keeps back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Either<A, B>(pub A, pub B);

/// What both of two policies let somebody do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Both<A, B>(pub A, pub B);

impl<M: Model, A: Policy<M>, B: Policy<M>> Policy<M> for Either<A, B> {
    fn rows(&self, who: &Principal, action: Action) -> Rows<M> {
        match (self.0.rows(who, action), self.1.rows(who, action)) {
            (Rows::None, rows) | (rows, Rows::None) => rows,
            (Rows::All, _) | (_, Rows::All) => Rows::All,
            (Rows::Where(one), Rows::Where(other)) => Rows::Where(one | other),
        }
    }

    fn check(&self, who: &Principal, action: Action, after: &M) -> bool {
        self.0.check(who, action, after) || self.1.check(who, action, after)
    }

    fn fields(&self, who: &Principal, action: Action) -> FieldSet<M> {
        let (one, other) = (self.0.fields(who, action), self.1.fields(who, action));
        match (self.0.rows(who, action), self.1.rows(who, action)) {
            (Rows::None, _) => other,
            (_, Rows::None) => one,
            // A row that there is not yet is nobody's: each says by its own check which it lets be made.
            (Rows::All, Rows::All) if action == Action::Create => one.and(other),
            (Rows::All, Rows::All) => one.or(other),
            (Rows::All, Rows::Where(_)) => one,
            (Rows::Where(_), Rows::All) => other,
            (Rows::Where(_), Rows::Where(_)) => one.and(other),
        }
    }
}

impl<M: Model, A: Policy<M>, B: Policy<M>> Policy<M> for Both<A, B> {
    fn rows(&self, who: &Principal, action: Action) -> Rows<M> {
        match (self.0.rows(who, action), self.1.rows(who, action)) {
            (Rows::None, _) | (_, Rows::None) => Rows::None,
            (Rows::All, rows) | (rows, Rows::All) => rows,
            (Rows::Where(one), Rows::Where(other)) => Rows::Where(one & other),
        }
    }

    fn check(&self, who: &Principal, action: Action, after: &M) -> bool {
        self.0.check(who, action, after) && self.1.check(who, action, after)
    }

    fn fields(&self, who: &Principal, action: Action) -> FieldSet<M> {
        self.0.fields(who, action).and(self.1.fields(who, action))
    }
}
