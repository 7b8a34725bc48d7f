//! What the definition of a factory has at hand.

use std::fmt;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Result;

use super::{Factory, Fake, Place};
use crate::error::{Border, DbError};
use crate::key::Key;
use crate::meta::RelationKind;
use crate::model::Model;
use crate::relation::ToOne;
use crate::transaction::Tx;
use crate::value::{Decode, Stored};
use crate::write::Assignments;

/// What [`Factory::define`] has at hand.
pub struct Make<'t, M: Model> {
    /// Made-up data.
    pub fake: Fake,
    number: u64,
    seed: u64,
    /// What goes before the definition.
    given: Assignments,
    place: Place<'t>,
    model: std::marker::PhantomData<fn() -> M>,
}

impl<M: Model> fmt::Debug for Make<'_, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Make")
            .field("model", &M::META.name)
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

impl<'t, M: Model> Make<'t, M> {
    /// For a row of this factory, which is made for another row of the seed `seed`, or by itself.
    pub(super) fn new(
        factory: &impl Factory<Model = M>,
        given: Assignments,
        seed: Option<u64>,
        place: Place<'t>,
    ) -> Self {
        let number = place.0.db().sequences().next(M::META.table);
        let seed = factory.chosen_seed().or(seed).unwrap_or_default();
        let fake = Fake::new(seed, M::META.table, number);
        Self { fake, number, seed, given, place, model: std::marker::PhantomData }
    }

    /// How many rows of the model factories have begun to make on this handle to the database, with this one: what is to be
    /// unique can be made from it.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The transaction in which everything is made.
    pub fn tx(&self) -> &'t Tx {
        self.place.0
    }

    /// The key of the row that this one belongs to: the one that the test has given, or a row that `factory` makes.
    ///
    /// ```
    /// # use mainstay_core::Result;
    /// # use mainstay_db::{BelongsTo, model, factory::{Factory, Make}};
    /// # #[model] pub struct User { pub id: i64 }
    /// # #[model] pub struct Post { pub id: i64, #[belongs_to] pub author: BelongsTo<User> }
    /// # struct UserFactory;
    /// # impl Factory for UserFactory {
    /// #     type Model = User;
    /// #     async fn define(&self, _: &mut Make<'_, User>) -> Result<UserDraft> { Ok(NewUser {}.into()) }
    /// # }
    /// # async fn post(make: &mut Make<'_, Post>) -> Result<NewPost> {
    /// let author = make.related(|post| post.author, UserFactory).await?;
    /// # Ok(NewPost { author }) }
    /// ```
    ///
    /// # Errors
    /// When the row cannot be made.
    pub fn related<'a, R: Model<Key: Stored>>(
        &'a mut self,
        relation: impl FnOnce(M::Fields) -> ToOne<M, R>,
        factory: impl Factory<Model = R>,
    ) -> BoxFuture<'a, Result<Key<R>>> {
        let relation = relation(M::fields(crate::expression::Scope::ROOT)).relation;
        let given = match relation.kind {
            RelationKind::BelongsTo { fields: [field], .. } => {
                self.given.get(*field).filter(|key| !key.is_null())
            }
            _ => None,
        };
        let given = given.map(|key| {
            Key::decode(key.cell()).map_err(|fault| DbError::Decode {
                column: relation.name.to_owned(),
                expected: fault.expected,
                found: fault.found,
            })
        });
        let (seed, place) = (Some(self.seed), self.place);
        async move {
            match given {
                Some(key) => key.at_border(),
                None => super::one(&factory, factory.given(), seed, place).await.map(|row| row.key()),
            }
        }
        .boxed()
    }

    /// The draft of the definition with what goes before it.
    pub(super) fn complete(&self, draft: M::Draft) -> M::Draft {
        let mut values: Assignments = draft.into();
        for (index, value) in self.given.clone().into_values() {
            values.set_value(index, value);
        }
        values.into()
    }
}
