//! One value of many rows.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use rust_decimal::Decimal;

use super::{Expr, Number};
use crate::expression::{Call, Function, Operand, Term};
use crate::value::{Element, SqlType, Stored};

/// The types of which there is a smallest and a greatest value.
#[diagnostic::on_unimplemented(
    message = "there is no smallest and no greatest `{Self}`",
    label = "expected a number, a text, a date or a time"
)]
pub trait Ordered: Stored {
    /// The type of the smallest of many: there is none of no value at all.
    type Extreme: Stored;
}

macro_rules! ordered {
    ($($type:ty),* $(,)?) => {$(
        impl Ordered for $type {
            type Extreme = Option<$type>;
        }

        impl Ordered for Option<$type> {
            type Extreme = Option<$type>;
        }
    )*};
}

ordered!(
    i8,
    u8,
    i16,
    u16,
    i32,
    u32,
    i64,
    f32,
    f64,
    Decimal,
    String,
    DateTime<Utc>,
    NaiveDateTime,
    NaiveDate,
    NaiveTime,
);

/// How many rows there are (in each group, if they are grouped).
pub fn count<M>() -> Expr<M, i64> {
    let call = Call { function: Function::CountAll, of: SqlType::BigInt, arguments: Vec::new() };
    Expr::computed(Term::Call(Box::new(call)))
}

/// What is reckoned of a column over many rows: inside of `select`, `having`, `order_by` and `aggregate`.
impl<M, T: Stored, X: Into<Operand>> Expr<M, T, X> {
    /// How many rows have a value here.
    pub fn count(self) -> Expr<M, i64> {
        Expr::<M, i64>::call::<T>(Function::Count, vec![self.into_term()])
    }

    /// How many different values there are.
    pub fn count_distinct(self) -> Expr<M, i64> {
        Expr::<M, i64>::call::<T>(Function::CountDistinct, vec![self.into_term()])
    }
}

impl<M, T: Ordered, X: Into<Operand>> Expr<M, T, X> {
    /// The smallest value, if there is one.
    pub fn min(self) -> Expr<M, T::Extreme> {
        Expr::<M, T::Extreme>::call::<T>(Function::Min, vec![self.into_term()])
    }

    /// The greatest value, if there is one.
    pub fn max(self) -> Expr<M, T::Extreme> {
        Expr::<M, T::Extreme>::call::<T>(Function::Max, vec![self.into_term()])
    }
}

impl<M, T: Number, X: Into<Operand>> Expr<M, T, X> {
    /// The sum: zero of no value. It is exact; one that its type cannot hold is an error.
    pub fn sum(self) -> Expr<M, T::Sum> {
        Expr::<M, T::Sum>::call::<T>(Function::Sum, vec![self.into_term()])
    }

    /// The average, if there is a value.
    pub fn avg(self) -> Expr<M, T::Average> {
        Expr::<M, T::Average>::call::<T>(Function::Average, vec![self.into_term()])
    }
}

impl<M, T: Element, X: Into<Operand>> Expr<M, T, X> {
    /// All values as one list, in no order that could be relied on. On SQLite and MySQL it cannot be of bytes.
    pub fn list(self) -> Expr<M, Vec<T>> {
        Expr::<M, Vec<T>>::call::<T>(Function::List, vec![self.into_term()])
    }
}
