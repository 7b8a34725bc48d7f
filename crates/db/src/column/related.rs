//! Values from the rows that a relation leads to.

use std::fmt;
use std::marker::PhantomData;

use super::{Expr, Predicate};
use crate::error::DbError;
use crate::expression::{Call, Function, Node, Operand, Related, RelatedTerm, Scope, Term};
use crate::from_row::Yields;
use crate::meta::RelationMeta;
use crate::model::Model;
use crate::query::{Outputs, Project};
use crate::relation::{ToMany, ToOne, ToSingle};
use crate::row::Reader;
use crate::value::{Element, SqlType, Stored};

impl<M: Model, R: Model> ToOne<M, R> {
    /// A value of the related row: `a.author.to(|u| u.name)`. For a relation that may be empty, see
    /// [`maybe`](Self::maybe).
    pub fn to<T: Stored, X: Into<Operand>>(
        self,
        value: impl FnOnce(R::Fields) -> Expr<R, T, X>,
    ) -> Expr<M, T> {
        match self.may_be_null("").filter(|_| !T::NULLABLE) {
            Some(fault) => Expr::computed(fault),
            None => Expr::computed(self.inside(value)),
        }
    }

    /// A value of the related row, or NULL where there is none: `a.editor.maybe(|u| u.name)`.
    pub fn maybe<T: Stored, X: Into<Operand>>(
        self,
        value: impl FnOnce(R::Fields) -> Expr<R, T, X>,
    ) -> Expr<M, Option<T>> {
        Expr::computed(self.inside(value))
    }

    /// Several values of the related row: `a.author.select(|u| AuthorColumns { name: u.name, … })`. In a struct with
    /// `#[derive(FromRow)]` its field has `#[db(flatten)]`.
    pub fn select<P: Project<R>>(self, values: impl FnOnce(R::Fields) -> P) -> RelatedValues<M, R, P> {
        let mut outputs = Outputs::default();
        outputs.0.extend(self.may_be_null(" for each value"));
        values(R::fields(self.scope.inner())).project(&mut outputs);
        // Its type would only matter where a value is compared.
        let related = |output| related::<String>(self.relation, self.scope, None, output);
        RelatedValues { outputs: outputs.0.into_iter().map(related).collect(), marker: PhantomData }
    }

    /// What is wrong with a value that is to be there always, where there may be no row; and where to write what is right.
    fn may_be_null(self, place: &str) -> Option<Term> {
        self.relation.may_be_empty().then(|| {
            Term::Fault(format!(
                "`{0}.{1}` may be empty, so that what it leads to may be NULL: write `.{1}.maybe(..)`{place}",
                (self.relation.owner)().name,
                self.relation.name
            ))
        })
    }

    fn inside<T: Stored, X: Into<Operand>>(self, value: impl FnOnce(R::Fields) -> Expr<R, T, X>) -> Term {
        let inner = self.scope.inner();
        related::<T>(self.relation, self.scope, None, value(R::fields(inner)).into_term())
    }
}

/// Several values of a related row, from [`ToOne::select`].
#[derive(Clone)]
pub struct RelatedValues<M, R, P> {
    outputs: Vec<Term>,
    marker: PhantomData<(M, R, P)>,
}

impl<M, R, P> fmt::Debug for RelatedValues<M, R, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RelatedValues").field(&self.outputs.len()).finish()
    }
}

impl<M, R, P: Project<R>> Project<M> for RelatedValues<M, R, P> {
    type Row = P::Row;

    fn project(self, outputs: &mut Outputs) {
        outputs.0.extend(self.outputs);
    }

    fn read(reader: &mut Reader<'_>) -> Result<P::Row, DbError> {
        P::read(reader)
    }
}

impl<M, R, T, P: Project<R, Row = T>> Yields<T> for RelatedValues<M, R, P> {}

impl<M: Model, R: Model> ToSingle<M, R> {
    /// A value of the related row, or NULL where there is none: `u.profile.maybe(|p| p.city)`.
    pub fn maybe<T: Stored, X: Into<Operand>>(
        self,
        value: impl FnOnce(R::Fields) -> Expr<R, T, X>,
    ) -> Expr<M, Option<T>> {
        let (relation, scope) = (self.0.relation, self.0.scope);
        Expr::computed(related::<T>(relation, scope, None, value(R::fields(scope.inner())).into_term()))
    }
}

impl<M: Model, R: Model> ToMany<M, R> {
    /// How many there are.
    pub fn count(self) -> Expr<M, i64> {
        self.number(None)
    }

    /// How many there are that are as the closure says.
    pub fn count_where(self, condition: impl FnOnce(R::Fields) -> Predicate<R>) -> Expr<M, i64> {
        self.number(Some(condition(R::fields(self.scope.inner())).node))
    }

    fn number(self, body: Option<Node>) -> Expr<M, i64> {
        let count = Call { function: Function::CountAll, of: SqlType::BigInt, arguments: Vec::new() };
        Expr::computed(related::<i64>(self.relation, self.scope, body, Term::Call(Box::new(count))))
    }

    /// A value of each of them: `a.tags.list(|t| t.name)`. See [`Expr::list`].
    pub fn list<T: Element, X: Into<Operand>>(
        self,
        value: impl FnOnce(R::Fields) -> Expr<R, T, X>,
    ) -> Expr<M, Vec<T>> {
        self.aggregate(|fields| value(fields).list())
    }

    /// A value of all of them together: `a.comments.aggregate(|c| c.votes.sum())`, `a.comments.aggregate(|c| c.at.max())`.
    pub fn aggregate<T: Stored, X: Into<Operand>>(
        self,
        value: impl FnOnce(R::Fields) -> Expr<R, T, X>,
    ) -> Expr<M, T> {
        let output = value(R::fields(self.scope.inner())).into_term();
        if !output.has_aggregate() {
            return Expr::computed(Term::Fault(format!(
                "`{}.{}` leads to many rows: say which of their values with `.min()`, `.max()`, `.sum()` or the like",
                (self.relation.owner)().name,
                self.relation.name
            )));
        }
        Expr::computed(related::<T>(self.relation, self.scope, None, output))
    }
}

fn related<T: Stored>(
    relation: &'static RelationMeta,
    outer: Scope,
    body: Option<Node>,
    output: Term,
) -> Term {
    let related = Related { relation, outer, inner: outer.inner(), body };
    Term::Related(Box::new(RelatedTerm { related, output, sql_type: T::TYPE }))
}
