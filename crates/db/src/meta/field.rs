//! How the metadata of a field is written: `const` functions, called by what `#[model]` generates.

use chrono::Timelike;
use rust_decimal::Decimal;

use super::{FieldMeta, Fill};
use crate::key::SingleKey;
use crate::model::Model;
use crate::relation::ToOneField;
use crate::value::{Stored, Value};

impl FieldMeta {
    /// A field of type `T`.
    pub const fn of<T: Stored>(name: &'static str, column: &'static str) -> Self {
        Self {
            name,
            column,
            label: name,
            help: "",
            sql_type: T::TYPE,
            nullable: T::NULLABLE,
            unique: false,
            index: false,
            fill: if T::NULLABLE { Fill::NULL } else { Fill::Required },
            min_length: None,
            max_length: None,
            min: match T::RANGE {
                Some((least, _)) => Some(whole(least)),
                None => None,
            },
            max: match T::RANGE {
                Some((_, most)) => Some(whole(most)),
                None => None,
            },
            precision: None,
            scale: None,
            check: None,
            default_sql: None,
            computed: None,
            renamed_from: None,
            version: false,
            deleted_at: false,
            choices: T::CHOICES,
            hidden: false,
            read_only: false,
            searchable: false,
            encrypted: None,
            index_of: None,
        }
    }

    /// The column of a relation of type `T`: it has the key of the other model.
    pub const fn of_relation<T>(name: &'static str, column: &'static str) -> Self
    where
        T: ToOneField<Key: Stored, Target: Model<Key: SingleKey>>,
    {
        Self::of::<T::Key>(name, column)
    }

    /// What people read.
    #[must_use]
    pub const fn described(mut self, label: &'static str, help: &'static str) -> Self {
        self.label = label;
        self.help = help;
        self
    }

    /// No two rows may share its value.
    #[must_use]
    pub const fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// It has an index of its own.
    #[must_use]
    pub const fn index(mut self) -> Self {
        self.index = true;
        self
    }

    /// Where its value comes from.
    #[must_use]
    pub const fn fill(mut self, fill: Fill) -> Self {
        self.fill = fill;
        self
    }

    /// The least number of characters.
    #[must_use]
    pub const fn min_length(mut self, characters: u32) -> Self {
        self.min_length = Some(characters);
        self
    }

    /// The greatest number of characters.
    #[must_use]
    pub const fn max_length(mut self, characters: u32) -> Self {
        self.max_length = Some(characters);
        self
    }

    /// The least number, written out: `0.01`.
    #[must_use]
    pub const fn min(mut self, number: &str) -> Self {
        self.min = Some(exact(number));
        self
    }

    /// The greatest number, written out.
    #[must_use]
    pub const fn max(mut self, number: &str) -> Self {
        self.max = Some(exact(number));
        self
    }

    /// How many digits an exact number has in all, and how many of them behind the point.
    #[must_use]
    pub const fn digits(mut self, precision: u32, scale: u32) -> Self {
        self.precision = Some(precision);
        self.scale = Some(scale);
        self
    }

    /// A condition that its value fulfils, in SQL.
    #[must_use]
    pub const fn check(mut self, sql: &'static str) -> Self {
        self.check = Some(sql);
        self
    }

    /// What the engine fills in, in SQL.
    #[must_use]
    pub const fn default_sql(mut self, sql: &'static str) -> Self {
        self.default_sql = Some(sql);
        self.fill = Fill::Database;
        self
    }

    /// What the engine computes it from, in SQL.
    #[must_use]
    pub const fn computed(mut self, sql: &'static str) -> Self {
        self.computed = Some(sql);
        self.fill = Fill::Database;
        self.read_only = true;
        self
    }

    /// Its column's name before.
    #[must_use]
    pub const fn renamed_from(mut self, column: &'static str) -> Self {
        self.renamed_from = Some(column);
        self
    }

    /// It counts the updates of its row.
    #[must_use]
    pub const fn version(mut self) -> Self {
        self.version = true;
        self.fill = Fill::Default(first);
        self
    }

    /// It is the time when its row was deleted.
    #[must_use]
    pub const fn deleted_at(mut self) -> Self {
        self.deleted_at = true;
        self
    }

    /// It never leaves in JSON, nor in `Debug`.
    #[must_use]
    pub const fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Clients cannot set it.
    #[must_use]
    pub const fn read_only(mut self) -> Self {
        self.read_only = true;
        self
    }

    /// A list of rows is searched for what it contains.
    #[must_use]
    pub const fn searchable(mut self) -> Self {
        self.searchable = true;
        self
    }

    /// The value as its column holds it: an exact number with the digits behind the point that were said, a time to the
    /// microsecond. So it is read back the same from every engine. What would be rounded stays as it is, for validation to
    /// refuse.
    pub(crate) fn fitted(&self, value: Value) -> Value {
        match value {
            Value::Decimal(number) => {
                let mut fitted = number;
                if let Some(scale) = self.scale {
                    fitted.rescale(scale);
                }
                Value::Decimal(if fitted == number { fitted } else { number })
            }
            Value::DateTime(time) => Value::DateTime(to_micros(time)),
            Value::Time(time) => Value::Time(to_micros(time)),
            Value::List(values) => Value::List(values.into_iter().map(|value| self.fitted(value)).collect()),
            other => other,
        }
    }

    /// Where it is in JSON: `/slug`, or `/billing/street` of a part.
    pub fn pointer(&self) -> String {
        format!("/{}", self.name.replace('.', "/"))
    }

    /// Whether a new row must say its value.
    pub fn is_required(&self) -> bool {
        matches!(self.fill, Fill::Required)
    }
}

/// Without what is less than a microsecond. A leap second becomes the last microsecond before it ends: no engine has it.
fn to_micros<T: Timelike + Copy>(time: T) -> T {
    let nanos = (time.nanosecond() / 1_000).min(999_999) * 1_000;
    time.with_nanosecond(nanos).unwrap_or(time)
}

fn first() -> Value {
    Value::Int(1)
}

const fn whole(number: i64) -> Decimal {
    parts(number.unsigned_abs() as u128, number < 0, 0)
}

/// A number of an attribute. The macro has looked at it: digits, with a sign before and a point between. More than 28 digits
/// do not compile.
const fn exact(text: &str) -> Decimal {
    let bytes = text.as_bytes();
    let (mut digits, mut scale, mut behind, mut at) = (0_u128, 0, false, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'.' => behind = true,
            digit if digit.is_ascii_digit() => {
                digits = digits * 10 + (digit - b'0') as u128;
                scale += behind as u32;
            }
            _ => {}
        }
        at += 1;
    }
    parts(digits, !bytes.is_empty() && bytes[0] == b'-', scale)
}

const fn parts(digits: u128, negative: bool, scale: u32) -> Decimal {
    assert!(digits < 1 << 96 && scale <= 28, "an exact number has at most 28 digits");
    let (low, middle, high) = (digits as u32, (digits >> 32) as u32, (digits >> 64) as u32);
    Decimal::from_parts(low, middle, high, negative, scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_numbers_of_attributes_exactly() {
        for text in
            ["0", "-1", "0.01", "-99999999.99", "9223372036854775807", "79228162514264337593543950335"]
        {
            assert_eq!(exact(text).to_string(), text);
        }
        assert_eq!(whole(i64::MIN).to_string(), "-9223372036854775808");
    }

    #[test]
    fn fits_a_value_to_its_column_without_changing_it() {
        let price = FieldMeta::of::<Decimal>("price", "price").digits(12, 2);
        let shown = |number: &str| match price.fitted(Value::Decimal(number.parse().unwrap())) {
            Value::Decimal(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        assert_eq!((shown("1.5"), shown("2"), shown("1.500")), ("1.50".into(), "2.00".into(), "1.50".into()));
        assert_eq!(shown("1.505"), "1.505");
        let leap = chrono::NaiveTime::from_hms_nano_opt(23, 59, 59, 1_999_999_999).unwrap();
        let last = chrono::NaiveTime::from_hms_micro_opt(23, 59, 59, 999_999).unwrap();
        assert_eq!(price.fitted(Value::Time(leap)), Value::Time(last));
    }

    #[test]
    fn takes_over_the_range_of_the_type() {
        let field = FieldMeta::of::<Option<u8>>("level", "level").max("10");
        assert_eq!((field.min, field.max), (Some(Decimal::ZERO), Some(Decimal::TEN)));
        assert_eq!(FieldMeta::of::<i64>("id", "id").min, None);
    }
}
