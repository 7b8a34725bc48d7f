//! What dates and times can do. Everything is reckoned in UTC.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::Expr;
use crate::expression::{Function, Operand};
use crate::value::Stored;

/// The engine's clock: the time of the statement or, on PostgreSQL, of its transaction.
///
/// For the application's own clock, which a test can set, bind its time as a value.
pub fn now() -> Expr<(), DateTime<Utc>> {
    Expr::<(), DateTime<Utc>>::call::<DateTime<Utc>>(Function::Now, Vec::new())
}

/// The types with a day of the calendar.
#[diagnostic::on_unimplemented(message = "`{Self}` has no year, month and day", label = "expected a date")]
pub trait DateColumn: Stored {
    /// The type of its year, month and day.
    type Part: Stored;
    /// The type of a day.
    type Day: Stored;
}

/// The types with a time of day.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no hour, minute and second",
    label = "expected a time"
)]
pub trait TimeColumn: Stored {
    /// The type of its hour, minute and second.
    type Part: Stored;
}

macro_rules! dates {
    ($($type:ty),*) => {$(
        impl DateColumn for $type {
            type Part = i32;
            type Day = NaiveDate;
        }

        impl DateColumn for Option<$type> {
            type Part = Option<i32>;
            type Day = Option<NaiveDate>;
        }
    )*};
}

macro_rules! times {
    ($($type:ty),*) => {$(
        impl TimeColumn for $type {
            type Part = i32;
        }

        impl TimeColumn for Option<$type> {
            type Part = Option<i32>;
        }
    )*};
}

dates!(DateTime<Utc>, NaiveDateTime, NaiveDate);
times!(DateTime<Utc>, NaiveDateTime, NaiveTime);

impl<M, T: DateColumn, X: Into<Operand>> Expr<M, T, X> {
    /// The year.
    pub fn year(self) -> Expr<M, T::Part> {
        self.date_part(Function::YearOf)
    }

    /// The month, from 1 to 12.
    pub fn month(self) -> Expr<M, T::Part> {
        self.date_part(Function::MonthOf)
    }

    /// The day of the month, from 1.
    pub fn day(self) -> Expr<M, T::Part> {
        self.date_part(Function::DayOf)
    }

    /// The day, without the time.
    pub fn date(self) -> Expr<M, T::Day> {
        Expr::<M, T::Day>::call::<T>(Function::Date, vec![self.into_term()])
    }

    /// The first day of its month: to group by months.
    pub fn start_of_month(self) -> Expr<M, T::Day> {
        Expr::<M, T::Day>::call::<T>(Function::StartOfMonth, vec![self.into_term()])
    }

    /// The first day of its year: to group by years.
    pub fn start_of_year(self) -> Expr<M, T::Day> {
        Expr::<M, T::Day>::call::<T>(Function::StartOfYear, vec![self.into_term()])
    }

    fn date_part(self, part: Function) -> Expr<M, T::Part> {
        Expr::<M, T::Part>::call::<T>(part, vec![self.into_term()])
    }
}

impl<M, T: TimeColumn, X: Into<Operand>> Expr<M, T, X> {
    /// The hour, from 0 to 23.
    pub fn hour(self) -> Expr<M, T::Part> {
        self.time_part(Function::HourOf)
    }

    /// The minute, from 0 to 59.
    pub fn minute(self) -> Expr<M, T::Part> {
        self.time_part(Function::MinuteOf)
    }

    /// The second, from 0 to 59.
    pub fn second(self) -> Expr<M, T::Part> {
        self.time_part(Function::SecondOf)
    }

    fn time_part(self, part: Function) -> Expr<M, T::Part> {
        Expr::<M, T::Part>::call::<T>(part, vec![self.into_term()])
    }
}
