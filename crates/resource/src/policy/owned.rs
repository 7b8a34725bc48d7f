//! The policy of what belongs to somebody.

use std::fmt;
use std::marker::PhantomData;

use mainstay_core::principal::{Principal, PrincipalKind};
use mainstay_db::expression::Scope;
use mainstay_db::meta::{FieldMeta, RelationKind};
use mainstay_db::named::{Comparison, Named, read_text};
use mainstay_db::{Model, Predicate, Value};

use super::{Action, ColumnSet, FieldSet, Policy, Rows};

/// Whoever a row belongs to may do everything with it, and make new ones that belong to them: `Owned::by(|note| note.owner)`.
///
/// The field has the id of the account: a relation to the model of accounts, or its key. Where accounts of several models sign in, take
/// a relation: one of another model with the same id is somebody else. In a new row the field is set by
/// [`on_create`](crate::Resource::on_create), or by its maker, who cannot name anybody else.
///
/// ```
/// use mainstay_core::App;
/// use mainstay_db::model;
/// use mainstay_resource::{Either, Owned, PoliciesExt, ReadOnly};
///
/// #[model]
/// pub struct Note {
///     pub id: i64,
///     pub owner: i64,
///     pub text: String,
/// }
///
/// // Everybody reads all notes; who is signed in changes their own.
/// let app = App::new().policy(Either(ReadOnly, Owned::<Note>::by(|note| note.owner)));
/// ```
pub struct Owned<M> {
    field: &'static FieldMeta,
    at: usize,
    /// The model of accounts that it refers to.
    account: Option<&'static str>,
    model: PhantomData<fn() -> M>,
}

impl<M> Clone for Owned<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Owned<M> {}

impl<M> fmt::Debug for Owned<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Owned").field(&self.field.name).finish()
    }
}

impl<M: Model> Owned<M> {
    /// By what this field says.
    ///
    /// # Panics
    ///
    /// When it is not one column: who owns a row has one key.
    pub fn by<C: ColumnSet<M>>(field: impl FnOnce(M::Fields) -> C) -> Self {
        let names = field(M::fields(Scope::ROOT)).names();
        let known = match &*names {
            [only] => M::META.column(only),
            _ => None,
        };
        let Some((at, field)) = known else {
            panic!("`Owned::by` of `{}` takes one field, which has the key of the owner", M::META.name)
        };
        let account = M::META.relations.iter().find_map(|relation| match relation.kind {
            RelationKind::BelongsTo { fields, .. } if fields == [at] => Some((relation.target)().name),
            _ => None,
        });
        Self { field, at, account, model: PhantomData }
    }

    /// What the field has of rows that belong to somebody; none when nothing can.
    fn key(&self, who: &Principal) -> Option<Value> {
        let model = who.claim("account").and_then(|name| name.as_str());
        let is_other = model.is_some_and(|model| self.account.is_some_and(|account| account != model));
        // The id of a token, or of a part of the application, is no account's.
        if who.kind() != PrincipalKind::User || who.id().is_empty() || is_other {
            return None;
        }
        read_text(self.field, who.id()).ok().filter(|value| !value.is_null())
    }

    fn mine(&self, who: &Principal) -> Option<Predicate<M>> {
        Some(Named::<M>::find(self.field.name)?.compare(Comparison::Equal, self.key(who)?))
    }
}

impl<M: Model> Policy<M> for Owned<M> {
    fn rows(&self, who: &Principal, action: Action) -> Rows<M> {
        match self.mine(who) {
            None => Rows::none(),
            Some(_) if action == Action::Create => Rows::all(),
            Some(mine) => Rows::Where(mine),
        }
    }

    fn check(&self, who: &Principal, _: Action, after: &M) -> bool {
        self.key(who).is_some_and(|key| after.values().get(self.at) == Some(&key))
    }

    fn fields(&self, who: &Principal, _: Action) -> FieldSet<M> {
        if self.key(who).is_some() { FieldSet::all() } else { FieldSet::none() }
    }
}
