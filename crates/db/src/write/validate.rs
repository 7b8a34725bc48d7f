//! What the metadata says of values, checked before they are written: so a fault names its field, and is the same on every
//! engine, whatever each of them would have done with the value.

use chrono::Datelike;
use mainstay_core::{Error, Fault, Result};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::Assignments;
use crate::driver::Dialect;
use crate::meta::FieldMeta;
use crate::value::{Choice, Value};

/// Checks the values that are set against their fields and against what the engine can hold. 422 with a fault for each that
/// is outside, all at once.
pub fn validate(assignments: &Assignments, dialect: Dialect) -> Result<()> {
    let mut faults = Vec::new();
    for (index, field) in assignments.meta().fields.iter().enumerate() {
        if let Some(value) = assignments.get(index) {
            if field.computed.is_some() {
                let message = "cannot be set: the database computes it";
                faults.push(Fault::new(field.pointer(), "computed", message));
                continue;
            }
            let mut check = |value: &Value, pointer: String| {
                check(field, value, dialect, &mut |fault| {
                    faults.push(Fault { pointer: pointer.clone(), ..fault });
                });
            };
            match value {
                Value::List(values) => {
                    // Which may be NULL is said by their type.
                    for (index, value) in values.iter().enumerate().filter(|(_, value)| !value.is_null()) {
                        check(value, format!("{}/{index}", field.pointer()));
                    }
                }
                value => check(value, field.pointer()),
            }
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid(faults)) }
}

/// Takes what is wrong; its place is known by whoever looks.
type Report<'r> = &'r mut dyn FnMut(Fault);

fn of(code: &'static str, message: impl Into<String>) -> Fault {
    Fault::new("", code, message)
}

fn check(field: &FieldMeta, value: &Value, dialect: Dialect, fault: Report<'_>) {
    match value {
        Value::Null if !field.nullable => fault(of("required", "must have a value")),
        Value::Text(text) => {
            length(field, text, fault);
            choice(field, |choice| choice.value == text, fault);
            if dialect == Dialect::Postgres && text.contains('\0') {
                nul(fault);
            }
        }
        // As text, jsonb would take it; what it stands for, it cannot hold.
        Value::Json(text) if dialect == Dialect::Postgres && writes_nul(text) => {
            nul(fault);
        }
        Value::Int(number) => {
            choice(field, |choice| choice.number == Some(*number), fault);
            bounds(field, Some((*number).into()), fault);
        }
        Value::Decimal(number) => {
            bounds(field, Some(*number), fault);
            digits(field, *number, fault);
        }
        Value::Float(number) => float(field, *number, dialect, fault),
        Value::DateTime(time) => year(time.year(), fault),
        Value::Date(date) => year(date.year(), fault),
        Value::Unstorable(what) => fault(of("not_storable", format!("cannot be stored: it is {what}"))),
        _ => {}
    }
}

fn nul(fault: Report<'_>) {
    fault(of("text_with_nul", "must not contain the character NUL, which PostgreSQL cannot hold"));
}

fn choice(field: &FieldMeta, is: impl Fn(&Choice) -> bool, fault: Report<'_>) {
    if !field.choices.is_empty() && !field.choices.iter().any(is) {
        let names: Vec<_> = field.choices.iter().map(|choice| choice.value).collect();
        let names = names.join(", ");
        fault(of("choice", format!("must be one of {names}")).with("choices", names));
    }
}

fn length(field: &FieldMeta, text: &str, fault: Report<'_>) {
    if field.min_length.is_none() && field.max_length.is_none() {
        return;
    }
    let characters = text.chars().count();
    let unit = |limit: u32| if limit == 1 { "character" } else { "characters" };
    if let Some(least) = field.min_length
        && characters < least as usize
    {
        fault(of("too_short", format!("must have at least {least} {}", unit(least))).with("min", least));
    }
    if let Some(most) = field.max_length
        && characters > most as usize
    {
        fault(of("too_long", format!("must have at most {most} {}", unit(most))).with("max", most));
    }
}

fn bounds(field: &FieldMeta, number: Option<Decimal>, fault: Report<'_>) {
    if let (Some(least), Some(number)) = (field.min, number)
        && number < least
    {
        fault(of("too_small", format!("must be at least {least}")).with("min", least));
    }
    if let (Some(most), Some(number)) = (field.max, number)
        && number > most
    {
        fault(of("too_large", format!("must be at most {most}")).with("max", most));
    }
}

fn float(field: &FieldMeta, number: f64, dialect: Dialect, fault: Report<'_>) {
    let engine = dialect.name();
    match dialect {
        Dialect::Postgres => {}
        _ if number.is_nan() => {
            return fault(of("not_a_number", format!("must be a number: {engine} holds no NaN")));
        }
        Dialect::MySql | Dialect::MariaDb if number.is_infinite() => {
            return fault(of("infinite", format!("must be finite: {engine} holds no infinite number")));
        }
        _ => {}
    }
    let (least, most) =
        (field.min.and_then(|least| least.to_f64()), field.max.and_then(|most| most.to_f64()));
    // A NaN is neither less nor greater, and so in no range.
    if let (Some(bound), Some(least)) = (field.min, least)
        && (number.is_nan() || number < least)
    {
        fault(of("too_small", format!("must be at least {bound}")).with("min", bound));
    }
    if let (Some(bound), Some(most)) = (field.max, most)
        && (number.is_nan() || number > most)
    {
        fault(of("too_large", format!("must be at most {bound}")).with("max", bound));
    }
}

/// Whether a JSON document has a NUL in a text. A backslash before a backslash is none of an escape.
fn writes_nul(json: &str) -> bool {
    json.match_indices("\\u0000").any(|(at, _)| {
        let backslashes = json[..at].bytes().rev().take_while(|byte| *byte == b'\\').count();
        backslashes % 2 == 0
    })
}

/// No engine rounds for us: what does not fit is said. Zeros behind the last digit do not count.
fn digits(field: &FieldMeta, number: Decimal, fault: Report<'_>) {
    let Some(precision) = field.precision else { return };
    let scale = field.scale.unwrap_or(0);
    let number = number.normalize();
    let digit = |count: u32| if count == 1 { "digit" } else { "digits" };
    if number.scale() > scale {
        fault(
            of("digits", format!("must have at most {scale} {} behind the point", digit(scale)))
                .with("max", scale),
        );
    }
    let whole = number.trunc().abs().to_string();
    let before = precision.saturating_sub(scale);
    if whole != "0" && whole.len() > before as usize {
        fault(
            of("digits", format!("must have at most {before} {} before the point", digit(before)))
                .with("max", before),
        );
    }
}

/// The years that every engine has, and that RFC 3339 can write.
fn year(year: i32, fault: Report<'_>) {
    if !(1..=9999).contains(&year) {
        fault(of("year", "must be in one of the years 1 to 9999"));
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    fn faults(field: &FieldMeta, value: Value, dialect: Dialect) -> Vec<Cow<'static, str>> {
        let mut found = Vec::new();
        check(field, &value, dialect, &mut |fault| found.push(fault.code));
        found
    }

    #[test]
    fn knows_a_nul_in_json_from_words_about_one() {
        let nul = serde_json::to_string("a\0b").unwrap();
        let words = serde_json::to_string("a\\u0000b").unwrap();
        assert!(writes_nul(&nul) && !writes_nul(&words), "{nul} {words}");
        let field = FieldMeta::of::<crate::Json<String>>("note", "note");
        assert_eq!(faults(&field, Value::Json(nul.clone()), Dialect::Postgres), ["text_with_nul"]);
        assert!(faults(&field, Value::Json(nul), Dialect::Sqlite).is_empty());
    }

    #[test]
    fn counts_digits_before_and_behind_the_point() {
        let field = FieldMeta::of::<Decimal>("price", "price").digits(5, 2);
        let of = |number: &str| faults(&field, Value::Decimal(number.parse().unwrap()), Dialect::Sqlite);
        assert!(of("999.99").is_empty() && of("-0.5").is_empty() && of("1.5000").is_empty());
        assert_eq!(of("1000"), ["digits"]);
        assert_eq!(of("1000.001"), ["digits", "digits"]);
    }

    #[test]
    fn says_which_floating_point_numbers_an_engine_lacks() {
        let field = FieldMeta::of::<f64>("ratio", "ratio");
        let of = |number: f64, dialect| faults(&field, Value::Float(number), dialect);
        assert!(of(f64::NAN, Dialect::Postgres).is_empty() && of(f64::INFINITY, Dialect::Sqlite).is_empty());
        assert_eq!(of(f64::NAN, Dialect::Sqlite), ["not_a_number"]);
        assert_eq!(of(f64::NEG_INFINITY, Dialect::MySql), ["infinite"]);
        let bounded = field.min("0");
        assert_eq!(faults(&bounded, Value::Float(f64::NAN), Dialect::Postgres), ["too_small"]);
    }
}
