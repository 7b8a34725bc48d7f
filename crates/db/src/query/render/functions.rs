//! Functions and operators, in each dialect's words.
//!
//! A template has a `?` for each argument. One that is an operator brings its own brackets.

use sea_query::Expr;

use super::Renderer;
use crate::driver::Dialect::{self, MariaDb, MySql, Postgres, Sqlite};
use crate::error::DbError;
use crate::expression::{Call, Function, Term};
use crate::value::SqlType;

macro_rules! maria_list {
    (numbers $item:literal) => {
        concat!("concat('[', coalesce(group_concat(coalesce(", $item, ", 'null')), ''), ']')")
    };
    (texts $item:literal) => {
        concat!(
            "concat('[', coalesce(group_concat(coalesce(json_quote(",
            $item,
            ") COLLATE utf8mb4_nopad_bin, 'null')), ''), ']')"
        )
    };
}

impl Renderer {
    pub(super) fn call(&self, call: &Call) -> Result<Expr, DbError> {
        let mut arguments = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            arguments.push(self.term(argument)?);
        }
        if call.function.is_of_lists() && !self.dialect.has_arrays() {
            let detail = format!("{} has no arrays: keep the list in a `Json<Vec<…>>`", self.dialect.name());
            return Err(DbError::Model { detail });
        }
        if call.function == Function::List && call.of == SqlType::Bytes && !self.dialect.has_arrays() {
            let detail = format!("{} cannot make a list of bytes: load the rows", self.dialect.name());
            return Err(DbError::Model { detail });
        }
        if self.dialect == Sqlite && call.of == SqlType::Decimal && call.function != Function::List {
            return self.exact(call.function, arguments);
        }
        let template = self.words(call);
        match <[Expr; 2]>::try_from(arguments) {
            Ok(two) => Ok(self.template(template, two)),
            Err(mut others) => Ok(match others.pop() {
                Some(one) => self.template(template, [one]),
                None => Expr::cust(template),
            }),
        }
    }

    /// Exact numbers on SQLite, which keeps them as texts.
    fn exact(&self, function: Function, mut arguments: Vec<Expr>) -> Result<Expr, DbError> {
        let number = SqlType::Decimal;
        let second = if arguments.len() > 1 { arguments.pop() } else { None };
        let first = arguments.pop().unwrap_or_else(|| Expr::cust("NULL"));
        Ok(match (function, second) {
            (Function::Add, Some(second)) => {
                self.collated(self.template("decimal_add(?, ?)", [first, second]), number)
            }
            (Function::Sub, Some(second)) => {
                self.collated(self.template("decimal_sub(?, ?)", [first, second]), number)
            }
            (Function::Mul, Some(second)) => {
                self.collated(self.template("decimal_mul(?, ?)", [first, second]), number)
            }
            (Function::Div, Some(second)) => {
                self.collated(self.template("decimal_div(?, ?)", [first, second]), number)
            }
            (Function::Round, Some(second)) => {
                self.collated(self.template("decimal_round(?, ?)", [first, second]), number)
            }
            (Function::Coalesce, Some(second)) => {
                self.collated(self.template("coalesce(?, ?)", [first, second]), number)
            }
            (Function::Neg, None) => self.collated(self.template("decimal_sub('0', ?)", [first]), number),
            (Function::Absolute, None) => {
                let words = "CASE WHEN decimal_cmp(?, '0') < 0 THEN decimal_sub('0', ?) ELSE ? END";
                self.collated(self.template(words, [first.clone(), first.clone(), first]), number)
            }
            (Function::Min, None) => self.collated(self.template("min(?)", [first]), number),
            (Function::Max, None) => self.collated(self.template("max(?)", [first]), number),
            (Function::Sum, None) => {
                self.collated(self.template("coalesce(decimal_sum(?), '0')", [first]), number)
            }
            (Function::Average, None) => self.template("avg(?)", [first]),
            (Function::Count, None) => self.template("count(?)", [first]),
            (Function::CountDistinct, None) => self.template("count(DISTINCT ?)", [first]),
            _ => {
                return Err(DbError::Model {
                    detail: format!("SQLite cannot reckon {function:?} of exact numbers: do it in Rust"),
                });
            }
        })
    }

    fn words(&self, call: &Call) -> &'static str {
        let dialect = self.dialect;
        match call.function {
            Function::Add => "(? + ?)",
            Function::Sub => "(? - ?)",
            Function::Mul => "(? * ?)",
            Function::Div => divide(call, dialect),
            Function::Rem if may_be_zero(call) => "(? % nullif(?, 0))",
            Function::Rem => "(? % ?)",
            Function::Neg => "(- ?)",
            Function::Absolute => "abs(?)",
            // PostgreSQL rounds doubles to whole numbers only.
            Function::Round => match (dialect, call.of) {
                (Postgres, SqlType::Real | SqlType::Double) => {
                    "CAST(round(CAST(? AS numeric), ?) AS double precision)"
                }
                _ => "round(?, ?)",
            },
            Function::Lower => "lower(?)",
            Function::Upper => "upper(?)",
            Function::Length => match dialect {
                Sqlite => "length(?)",
                Postgres => "CAST(char_length(?) AS bigint)",
                MySql | MariaDb => "char_length(?)",
            },
            Function::Trim => "trim(?)",
            Function::Concat => match dialect {
                Sqlite | Postgres => "(? || ?)",
                MySql | MariaDb => "concat(?, ?)",
            },
            Function::Coalesce => "coalesce(?, ?)",
            Function::Has => "(? = ANY(?))",
            Function::HasAll => "(? @> ?)",
            Function::Overlaps => "(? && ?)",
            Function::ListLength => "CAST(cardinality(?) AS bigint)",
            Function::YearOf => part(
                call,
                dialect,
                [
                    "CAST(strftime('%Y', ?) AS INTEGER)",
                    "CAST(extract(year FROM ?) AS integer)",
                    "CAST(extract(year FROM ? AT TIME ZONE 'UTC') AS integer)",
                    "extract(year FROM ?)",
                ],
            ),
            Function::MonthOf => part(
                call,
                dialect,
                [
                    "CAST(strftime('%m', ?) AS INTEGER)",
                    "CAST(extract(month FROM ?) AS integer)",
                    "CAST(extract(month FROM ? AT TIME ZONE 'UTC') AS integer)",
                    "extract(month FROM ?)",
                ],
            ),
            Function::DayOf => part(
                call,
                dialect,
                [
                    "CAST(strftime('%d', ?) AS INTEGER)",
                    "CAST(extract(day FROM ?) AS integer)",
                    "CAST(extract(day FROM ? AT TIME ZONE 'UTC') AS integer)",
                    "extract(day FROM ?)",
                ],
            ),
            Function::HourOf => part(
                call,
                dialect,
                [
                    "CAST(strftime('%H', ?) AS INTEGER)",
                    "CAST(extract(hour FROM ?) AS integer)",
                    "CAST(extract(hour FROM ? AT TIME ZONE 'UTC') AS integer)",
                    "extract(hour FROM ?)",
                ],
            ),
            Function::MinuteOf => part(
                call,
                dialect,
                [
                    "CAST(strftime('%M', ?) AS INTEGER)",
                    "CAST(extract(minute FROM ?) AS integer)",
                    "CAST(extract(minute FROM ? AT TIME ZONE 'UTC') AS integer)",
                    "extract(minute FROM ?)",
                ],
            ),
            Function::SecondOf => part(
                call,
                dialect,
                [
                    "CAST(strftime('%S', ?) AS INTEGER)",
                    "CAST(floor(extract(second FROM ?)) AS integer)",
                    "CAST(floor(extract(second FROM ? AT TIME ZONE 'UTC')) AS integer)",
                    "extract(second FROM ?)",
                ],
            ),
            Function::Date => {
                part(call, dialect, ["date(?)", "?", "CAST(? AT TIME ZONE 'UTC' AS date)", "CAST(? AS date)"])
            }
            Function::StartOfMonth => part(
                call,
                dialect,
                [
                    "date(?, 'start of month')",
                    "CAST(date_trunc('month', ?) AS date)",
                    "CAST(date_trunc('month', ? AT TIME ZONE 'UTC') AS date)",
                    "CAST(date_format(?, '%Y-%m-01') AS date)",
                ],
            ),
            Function::StartOfYear => part(
                call,
                dialect,
                [
                    "date(?, 'start of year')",
                    "CAST(date_trunc('year', ?) AS date)",
                    "CAST(date_trunc('year', ? AT TIME ZONE 'UTC') AS date)",
                    "CAST(date_format(?, '%Y-01-01') AS date)",
                ],
            ),
            Function::Now => match dialect {
                // In the form in which times are stored; SQLite's clock has milliseconds.
                Sqlite => "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')",
                Postgres => "now()",
                MySql | MariaDb => "utc_timestamp(6)",
            },
            Function::CountAll => "count(*)",
            Function::Count => "count(?)",
            Function::CountDistinct => "count(DISTINCT ?)",
            Function::Min => "min(?)",
            Function::Max => "max(?)",
            Function::Sum => sum(call, dialect),
            Function::Average => match dialect {
                Sqlite => "avg(?)",
                Postgres => "CAST(avg(?) AS double precision)",
                MySql | MariaDb => "CAST(avg(?) AS double)",
            },
            Function::List => list(call.of, dialect),
        }
    }
}

/// A divisor that is written out is not zero.
fn may_be_zero(call: &Call) -> bool {
    !matches!(call.arguments.last(), Some(Term::TypedSlot { .. } | Term::Literal { .. }))
}

fn divide(call: &Call, dialect: Dialect) -> &'static str {
    if call.of == SqlType::Decimal {
        // With more digits than are kept, so that it is rounded once.
        return match dialect {
            MySql | MariaDb => "(CAST(? AS decimal(65, 30)) / nullif(?, 0))",
            _ => "(CAST(? AS numeric(70, 32)) / nullif(?, 0))",
        };
    }
    let whole = !matches!(call.of, SqlType::Real | SqlType::Double);
    match (dialect, whole, may_be_zero(call)) {
        (MySql | MariaDb, true, false) => "(? DIV ?)",
        (MySql | MariaDb, true, true) => "(? DIV nullif(?, 0))",
        (_, _, false) => "(? / ?)",
        (_, _, true) => "(? / nullif(?, 0))",
    }
}

/// SQLite; PostgreSQL without and with a time zone; MySQL.
fn part(call: &Call, dialect: Dialect, words: [&'static str; 4]) -> &'static str {
    match dialect {
        Sqlite => words[0],
        Postgres if call.of == SqlType::DateTime => words[2],
        Postgres => words[1],
        MySql | MariaDb => words[3],
    }
}

/// Where there are no arrays, as JSON; what JSON has no type for is a text in it, in a form that its type is read from.
/// MariaDB's own function for that loses the letters of other languages where it groups joined rows.
fn list(of: SqlType, dialect: Dialect) -> &'static str {
    match (dialect, of) {
        (Postgres, _) => "coalesce(array_agg(?), '{}')",
        (Sqlite, SqlType::Uuid) => "json_group_array(nullif(hex(?), ''))",
        (Sqlite, _) => "json_group_array(?)",
        (MySql, SqlType::Uuid) => "coalesce(json_arrayagg(hex(?)), json_array())",
        (MySql, SqlType::DateTime) => {
            "coalesce(json_arrayagg(date_format(?, '%Y-%m-%dT%H:%i:%s.%fZ')), json_array())"
        }
        (MySql, SqlType::Date | SqlType::Time | SqlType::Decimal) => {
            "coalesce(json_arrayagg(CAST(? AS char)), json_array())"
        }
        (MySql, SqlType::Real) => "coalesce(json_arrayagg(CAST(? AS double)), json_array())",
        (MySql, _) => "coalesce(json_arrayagg(?), json_array())",
        (MariaDb, SqlType::Uuid) => maria_list!(texts "hex(?)"),
        (MariaDb, SqlType::DateTime) => maria_list!(texts "date_format(?, '%Y-%m-%dT%H:%i:%s.%fZ')"),
        (MariaDb, SqlType::Date | SqlType::Time | SqlType::Decimal) => maria_list!(texts "CAST(? AS char)"),
        (MariaDb, SqlType::Text | SqlType::Enum) => maria_list!(texts "?"),
        // With every digit.
        (MariaDb, SqlType::Double) => maria_list!(numbers "CAST(? AS char(40))"),
        (MariaDb, SqlType::Real) => maria_list!(numbers "CAST(CAST(? AS double) AS char(40))"),
        (MariaDb, _) => maria_list!(numbers "?"),
    }
}

/// Whole numbers are summed up exactly. PostgreSQL's and MySQL's sums are decimals, which are read as what they are.
fn sum(call: &Call, dialect: Dialect) -> &'static str {
    match (call.of, dialect) {
        (SqlType::Real | SqlType::Double, Postgres) => {
            "coalesce(sum(CAST(? AS double precision)), CAST(0 AS double precision))"
        }
        (SqlType::Real | SqlType::Double, Sqlite) => "coalesce(sum(?), 0.0)",
        (SqlType::Real | SqlType::Double, _) => "coalesce(sum(?), 0e0)",
        (SqlType::Decimal, _) => "coalesce(sum(?), 0)",
        (_, Postgres) => "CAST(coalesce(sum(?), 0) AS bigint)",
        _ => "coalesce(sum(?), 0)",
    }
}
