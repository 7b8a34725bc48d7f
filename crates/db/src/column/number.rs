//! What numbers can do: `+`, `-`, `*`, `/`, `%` and a few functions.

use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

use rust_decimal::Decimal;

use super::Expr;
use crate::expression::{Function, Operand, Term};
use crate::value::{IntoOperand, SqlType, Stored, Value};

/// The types of numbers.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a number",
    label = "expected a number, or an `Option` of one"
)]
pub trait Number: Stored {
    /// The type of a sum of many.
    type Sum: Stored;
    /// The type of an average; there is none of no number at all. That of exact numbers is rounded to a double.
    type Average: Stored;
}

/// The types of numbers that `/` and `%` divide. Exact numbers are none: not every quotient has a last digit.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be divided by `/` or `%`",
    label = "say how many digits the quotient is to have: `.divided_by(divisor, 2)`"
)]
pub trait Divided: Number {
    /// What comes of a division by something that may be zero.
    type Quotient: Stored;
}

/// The types of exact numbers.
#[diagnostic::on_unimplemented(message = "`{Self}` is not an exact number", label = "divide it by `/`")]
pub trait Exact: Number {}

impl Exact for Decimal {}

impl Exact for Option<Decimal> {}

/// What a number can be divided by: a number, or an expression.
///
/// A division by zero is NULL, on every engine. So what an expression divides may be NULL; what a number divides may not,
/// and zero is refused before the statement is run.
#[diagnostic::on_unimplemented(
    message = "a column of type `{T}` cannot be divided by `{Self}`",
    label = "expected `{T}`"
)]
pub trait Divisor<T> {
    /// The type of the quotient.
    type Quotient;

    /// The divisor.
    fn into_divisor(self) -> Operand;
}

macro_rules! numbers {
    ($($type:ty => $sum:ty,)*) => {$(
        impl Number for $type {
            type Sum = $sum;
            type Average = Option<f64>;
        }

        impl Number for Option<$type> {
            type Sum = $sum;
            type Average = Option<f64>;
        }
    )*};
}

macro_rules! divided {
    ($($type:ty),*) => {$(
        impl Divided for $type {
            type Quotient = Option<$type>;
        }

        impl Divided for Option<$type> {
            type Quotient = Option<$type>;
        }

        impl Divisor<$type> for $type {
            type Quotient = $type;

            fn into_divisor(self) -> Operand {
                literal(self)
            }
        }

        impl Divisor<Option<$type>> for $type {
            type Quotient = Option<$type>;

            fn into_divisor(self) -> Operand {
                literal(self)
            }
        }
    )*};
}

numbers! {
    i8 => i64,
    u8 => i64,
    i16 => i64,
    u16 => i64,
    i32 => i64,
    u32 => i64,
    i64 => i64,
    f32 => f64,
    f64 => f64,
    Decimal => Decimal,
}

divided!(i8, u8, i16, u16, i32, u32, i64, f32, f64);

impl<M, T: Divided, X: Into<Operand>> Divisor<T> for Expr<M, T, X> {
    type Quotient = T::Quotient;

    fn into_divisor(self) -> Operand {
        Operand(self.into_term())
    }
}

fn literal(divisor: impl Stored) -> Operand {
    let value = divisor.into_value();
    let is_zero = match &value {
        Value::Int(value) => *value == 0,
        Value::Float(value) => *value == 0.0,
        _ => false,
    };
    Operand(Term::Value(if is_zero { Value::Unstorable("a division by zero".to_owned()) } else { value }))
}

macro_rules! operators {
    ($($operator:ident $method:ident;)*) => {$(
        impl<M, T: Number, X: Into<Operand>, R: IntoOperand<T>> $operator<R> for Expr<M, T, X> {
            type Output = Expr<M, T>;

            fn $method(self, other: R) -> Expr<M, T> {
                self.with(Function::$operator, other.into_operand())
            }
        }
    )*};
}

operators! {
    Add add;
    Sub sub;
    Mul mul;
}

impl<M, T: Divided, X: Into<Operand>, R: Divisor<T>> Rem<R> for Expr<M, T, X> {
    type Output = Expr<M, R::Quotient>;

    fn rem(self, other: R) -> Expr<M, R::Quotient> {
        Expr::computed(self.with(Function::Rem, other.into_divisor()).into_term())
    }
}

impl<M, T: Divided, X: Into<Operand>, R: Divisor<T>> Div<R> for Expr<M, T, X> {
    type Output = Expr<M, R::Quotient>;

    fn div(self, other: R) -> Expr<M, R::Quotient> {
        Expr::computed(self.with(Function::Div, other.into_divisor()).into_term())
    }
}

impl<M, T: Number, X: Into<Operand>> Neg for Expr<M, T, X> {
    type Output = Expr<M, T>;

    fn neg(self) -> Expr<M, T> {
        Expr::<M, T>::call::<T>(Function::Neg, vec![self.into_term()])
    }
}

impl<M, T: Exact, X: Into<Operand>> Expr<M, T, X> {
    /// The quotient, rounded to so many digits after the point (28 at most), a half away from zero. A division by zero is
    /// NULL.
    pub fn divided_by(self, divisor: impl IntoOperand<T>, digits: u8) -> Expr<M, Option<Decimal>> {
        let quotient = self.with(Function::Div, divisor.into_operand());
        Expr::computed(quotient.round(digits.min(28)).into_term())
    }
}

impl<M, T: Number, X: Into<Operand>> Expr<M, T, X> {
    /// The number without its sign.
    pub fn abs(self) -> Expr<M, T> {
        Expr::<M, T>::call::<T>(Function::Absolute, vec![self.into_term()])
    }

    /// The number with so many digits after the point.
    pub fn round(self, digits: u8) -> Expr<M, T> {
        let digits = Term::Literal { value: Value::Int(digits.into()), sql_type: SqlType::Int };
        Expr::<M, T>::call::<T>(Function::Round, vec![self.into_term(), digits])
    }

    fn with(self, function: Function, other: Operand) -> Expr<M, T> {
        Expr::<M, T>::call::<T>(function, vec![self.into_term(), other.typed(T::TYPE)])
    }
}
