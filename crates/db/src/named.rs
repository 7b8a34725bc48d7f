//! Fields that are known by name, at run time: what surfaces filter, sort, read and write by that know no model.
//!
//! [`Named`] is to a field's name what a [`Column`](crate::Column) is to a closure. Values come from JSON or from the text of a
//! query string, and go back: [`read_json`], [`read_text`], [`write_json`]. They are bound, whatever they are.

use std::fmt;
use std::marker::PhantomData;

use serde_json::value::RawValue;

use crate::column::{Order, Predicate};
use crate::encrypted::column::{among, incomparable};
use crate::expression::{Anchor, Case, ColumnRef, Direction, List, Node, Operator, Pattern, Scope, Term};
use crate::meta::FieldMeta;
use crate::model::Model;
use crate::transfer::text;
use crate::value::{SqlType, Value};

/// A field of `M` that is known by name.
///
/// ```
/// use mainstay_db::named::{Comparison, Named, read_text};
/// use mainstay_db::{Db, meta::meta_of, model, schema};
///
/// #[model]
/// pub struct Book {
///     pub id: i64,
///     pub title: String,
///     pub pages: i32,
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
/// # let db = Db::open("sqlite::memory:").await?;
/// # schema::create_tables(&[meta_of::<Book>()], &db).await?;
/// let pages = Named::<Book>::find("pages").expect("it is there");
/// let least = read_text(pages.meta(), "300").expect("a number");
/// let long = Book::query().filter(|_| pages.compare(Comparison::AtLeast, least)).order_by(|_| pages.desc());
/// assert!(long.all(&db).await?.is_empty());
/// # Ok(()) }
/// ```
pub struct Named<M> {
    field: &'static FieldMeta,
    model: PhantomData<fn() -> M>,
}

/// How a field is compared with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Comparison {
    /// It is the same. NULL is the same as NULL.
    Equal,
    /// It is another one.
    NotEqual,
    /// It is less.
    Less,
    /// It is less, or the same.
    AtMost,
    /// It is greater.
    Greater,
    /// It is greater, or the same.
    AtLeast,
}

impl<M> Clone for Named<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for Named<M> {}

impl<M> fmt::Debug for Named<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Named").field(&self.field.name).finish()
    }
}

impl<M: Model> Named<M> {
    /// The field called so.
    pub fn find(name: &str) -> Option<Self> {
        M::META.field(name).map(|(_, field)| Self { field, model: PhantomData })
    }

    /// What is known of it.
    pub fn meta(self) -> &'static FieldMeta {
        self.field
    }

    /// How it compares with `value`, which is of its type.
    pub fn compare(self, how: Comparison, value: Value) -> Predicate<M> {
        if let Some(index) = self.encrypted().filter(|_| !value.is_null()) {
            return match how {
                Comparison::Equal => Predicate::new(among(M::META, index, Scope::ROOT, &[value])),
                Comparison::NotEqual => !Predicate::new(among(M::META, index, Scope::ROOT, &[value])),
                _ => Predicate::new(incomparable(M::META, index)),
            };
        }
        let operator = match how {
            Comparison::Equal if value.is_null() => return self.is_null(),
            Comparison::NotEqual if value.is_null() => return !self.is_null(),
            Comparison::Equal => Operator::Equal,
            Comparison::NotEqual => Operator::NotEqual,
            Comparison::Less => Operator::Less,
            Comparison::AtMost => Operator::LessOrEqual,
            Comparison::Greater => Operator::Greater,
            Comparison::AtLeast => Operator::GreaterOrEqual,
        };
        Predicate::new(Node::Compare { left: self.term(), operator, right: Term::Value(value) })
    }

    /// It is one of these, which are of its type.
    pub fn is_in(self, values: Vec<Value>) -> Predicate<M> {
        if let Some(index) = self.encrypted() {
            return Predicate::new(among(M::META, index, Scope::ROOT, &values));
        }
        Predicate::new(Node::In { left: self.term(), list: List::Values(values) })
    }

    /// It has no value.
    pub fn is_null(self) -> Predicate<M> {
        Predicate::new(Node::Null(self.term()))
    }

    /// It contains `needle` in any case. For a text.
    pub fn contains(self, needle: impl Into<String>) -> Predicate<M> {
        self.search(needle.into(), Anchor::Anywhere)
    }

    /// It begins with `needle` in any case. For a text.
    pub fn starts_with(self, needle: impl Into<String>) -> Predicate<M> {
        self.search(needle.into(), Anchor::Start)
    }

    /// Smallest first.
    pub fn asc(self) -> Order<M> {
        Order::by(self.term(), self.field, Direction::Ascending)
    }

    /// Greatest first.
    pub fn desc(self) -> Order<M> {
        Order::by(self.term(), self.field, Direction::Descending)
    }

    fn search(self, needle: String, anchor: Anchor) -> Predicate<M> {
        if self.field.sql_type != SqlType::Text || self.field.encrypted.is_some() {
            let fault = format!("`{}.{}` is no text to be searched", M::META.name, self.field.name);
            return Predicate::new(Node::Null(Term::Fault(fault)));
        }
        let pattern = Pattern { needle: Term::Value(Value::Text(needle)), anchor, case: Case::Ignored };
        Predicate::new(Node::Text { left: self.term(), pattern })
    }

    /// Where it is in the model, if it is encrypted.
    fn encrypted(self) -> Option<usize> {
        self.field.encrypted.and_then(|_| M::META.field(self.field.name)).map(|(index, _)| index)
    }

    fn term(self) -> Term {
        Term::Column(ColumnRef { scope: Scope::ROOT, column: self.field.column })
    }
}

/// The row itself, as a condition: its key is that of `row`.
pub fn is_row<M: Model>(row: &M) -> Predicate<M> {
    let values = row.values();
    M::META.key.iter().fold(Predicate::always(), |all, index| {
        let named = Named { field: &M::META.fields[*index], model: PhantomData };
        all.and(named.compare(Comparison::Equal, values[*index].clone()))
    })
}

/// The value for a field, or what was expected instead. What JSON has no word for is text: exact numbers, times, identifiers,
/// bytes in hexadecimal digits.
///
/// # Errors
///
/// What was expected: `a whole number`.
pub fn read_json(field: &FieldMeta, json: &RawValue) -> Result<Value, String> {
    text::value(field, json)
}

/// The value for a field from the text of a query string or a path, or what was expected instead.
///
/// # Errors
///
/// What was expected: `a whole number`.
pub fn read_text(field: &FieldMeta, written: &str) -> Result<Value, String> {
    let is_bare = matches!(
        field.sql_type,
        SqlType::SmallInt
            | SqlType::Int
            | SqlType::BigInt
            | SqlType::Real
            | SqlType::Double
            | SqlType::Decimal
            | SqlType::Bool
    );
    let bare = || RawValue::from_string(written.to_owned()).ok().filter(|_| is_bare && written != "null");
    let quoted = || {
        let mut quoted = String::new();
        text::write_text(written, &mut quoted);
        RawValue::from_string(quoted).ok()
    };
    match bare().or_else(quoted) {
        Some(json) => text::value(field, &json),
        None => Err("a value".to_owned()),
    }
}

/// Writes a value of a field as JSON, in the form that [`read_json`] reads.
///
/// # Errors
///
/// When it is no value of such a field.
pub fn write_json(field: &FieldMeta, value: &Value, out: &mut String) -> Result<(), String> {
    text::write(field.sql_type, value, out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: crate::Stored>(written: &str) -> Result<Value, String> {
        read_text(&FieldMeta::of::<T>("it", "it"), written)
    }

    #[test]
    fn reads_texts_as_the_field_asks() {
        assert_eq!(read::<i32>("7"), Ok(Value::Int(7)));
        assert_eq!(read::<i32>("seven"), Err("a whole number".to_owned()));
        assert_eq!(read::<i32>("7.5"), Err("a whole number".to_owned()));
        assert_eq!(read::<String>("7"), Ok(Value::Text("7".to_owned())));
        assert_eq!(read::<String>("null"), Ok(Value::Text("null".to_owned())));
        assert_eq!(read::<String>("\"\\"), Ok(Value::Text("\"\\".to_owned())));
        assert_eq!(read::<bool>("true"), Ok(Value::Bool(true)));
        assert_eq!(read::<Option<bool>>("null"), Err("true or false".to_owned()));
        assert!(
            read::<rust_decimal::Decimal>("0.10").is_ok() && read::<rust_decimal::Decimal>("1,5").is_err()
        );
        assert!(
            read::<chrono::NaiveDate>("2026-05-17").is_ok() && read::<chrono::NaiveDate>("today").is_err()
        );
    }
}
