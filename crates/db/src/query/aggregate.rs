//! One value of all rows that match. Order, limit and offset do not count.

use mainstay_core::Result;

use super::Query;
use super::project::Project;
use crate::column::{Expr, Number, Ordered};
use crate::executor::Executor;
use crate::expression::Operand;
use crate::model::Model;

impl<M: Model> Query<M> {
    /// The sum of a value of every row: zero if there is none. It is exact; one that its type cannot hold is an error.
    #[track_caller]
    pub fn sum<T: Number, X: Into<Operand>>(
        self,
        value: impl FnOnce(M::Fields) -> Expr<M, T, X>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<T::Sum>> {
        self.reckon(|fields| value(fields).sum(), executor)
    }

    /// The average of a value of every row, if there is one.
    #[track_caller]
    pub fn avg<T: Number, X: Into<Operand>>(
        self,
        value: impl FnOnce(M::Fields) -> Expr<M, T, X>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<T::Average>> {
        self.reckon(|fields| value(fields).avg(), executor)
    }

    /// The smallest value of all rows, if there is one.
    #[track_caller]
    pub fn min<T: Ordered, X: Into<Operand>>(
        self,
        value: impl FnOnce(M::Fields) -> Expr<M, T, X>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<T::Extreme>> {
        self.reckon(|fields| value(fields).min(), executor)
    }

    /// The greatest value of all rows, if there is one.
    #[track_caller]
    pub fn max<T: Ordered, X: Into<Operand>>(
        self,
        value: impl FnOnce(M::Fields) -> Expr<M, T, X>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<T::Extreme>> {
        self.reckon(|fields| value(fields).max(), executor)
    }

    #[track_caller]
    fn reckon<P: Project<M>>(
        mut self,
        value: impl FnOnce(M::Fields) -> P,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<P::Row>> {
        self.select.order.clear();
        (self.select.limit, self.select.offset, self.select.lock) = (None, None, None);
        self.select(value).one(executor)
    }
}
