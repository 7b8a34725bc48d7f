//! Exact numbers on an engine that has none.
//!
//! They are kept as texts. The collation `decimal` compares and sorts those as numbers, and the functions `decimal_add`,
//! `decimal_sub`, `decimal_mul`, `decimal_cmp` and `decimal_sum` calculate with them without rounding. The names are those
//! of SQLite's own extension (`ext/misc/decimal.c`), which its shell has built in: so the shell reads our files.
//! `decimal_div` and `decimal_round` are ours alone, and for queries only.

use std::cmp::Ordering;

use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Error, Result};

/// The most digits that are calculated with. Nobody's money has more, and a product takes time by the square of them.
const MOST_DIGITS: usize = 1_000;

/// How many digits behind the point a quotient has before it is rounded.
const QUOTIENT_SCALE: usize = 32;

type Operation = fn(Number, Number) -> Number;

/// Teaches a connection to calculate and to sort.
pub(super) fn register(connection: &Connection) -> Result<()> {
    // The same arguments give the same result, so that indexes and checks can use them.
    let flags =
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_collation("decimal", collate)?;
    let operations: [(&str, Operation); 3] =
        [("decimal_add", add), ("decimal_sub", |a, b| add(a, b.negated())), ("decimal_mul", multiply)];
    for (name, operation) in operations {
        connection.create_scalar_function(name, 2, flags, move |context| {
            let (Some(a), Some(b)) = (argument(context, 0)?, argument(context, 1)?) else { return Ok(None) };
            Ok(Some(operation(a, b).to_string()))
        })?;
    }
    connection.create_scalar_function("decimal_cmp", 2, flags, |context| {
        let (Some(a), Some(b)) = (argument(context, 0)?, argument(context, 1)?) else { return Ok(None) };
        Ok(Some(a.compare(&b) as i32))
    })?;
    connection.create_scalar_function("decimal_div", 2, flags, |context| {
        let (Some(a), Some(b)) = (argument(context, 0)?, argument(context, 1)?) else { return Ok(None) };
        Ok(divide(&a, &b).map(|quotient| quotient.to_string()))
    })?;
    connection.create_scalar_function("decimal_round", 2, flags, |context| {
        let Some(number) = argument(context, 0)? else { return Ok(None) };
        Ok(Some(round(number, usize::from(context.get::<u8>(1)?)).to_string()))
    })?;
    connection.create_aggregate_function("decimal_sum", 1, flags, Sum)
}

struct Sum;

impl Aggregate<Option<Number>, Option<String>> for Sum {
    fn init(&self, _: &mut Context<'_>) -> Result<Option<Number>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, sum: &mut Option<Number>) -> Result<()> {
        if let Some(number) = argument(context, 0)? {
            *sum = Some(match sum.take() {
                Some(sum) => add(sum, number),
                None => number,
            });
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Option<Number>>) -> Result<Option<String>> {
        Ok(sum.flatten().map(|sum| sum.to_string()))
    }
}

/// `None` for NULL.
fn argument(context: &Context<'_>, index: usize) -> Result<Option<Number>> {
    let text = match context.get_raw(index) {
        ValueRef::Null => return Ok(None),
        ValueRef::Integer(value) => value.to_string(),
        // The shortest digits that read back as the same number: those that were written.
        ValueRef::Real(value) => value.to_string(),
        ValueRef::Text(text) | ValueRef::Blob(text) => String::from_utf8_lossy(text).into_owned(),
    };
    match Parts::of(&text) {
        Some(parts) if parts.whole.len() + parts.fraction.len() <= MOST_DIGITS => Ok(Some(parts.number())),
        _ => Err(Error::UserFunctionError(format!("`{text:.40}` is not an exact number").into())),
    }
}

/// Numbers by their value, before whatever is no number.
fn collate(a: &str, b: &str) -> Ordering {
    match (Parts::of(a), Parts::of(b)) {
        (Some(a), Some(b)) => a.compare(&b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

/// A number as it is written.
struct Parts<'a> {
    negative: bool,
    /// Without zeros in front.
    whole: &'a str,
    fraction: &'a str,
}

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Option<Self> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        Some(Self { negative, whole: whole.trim_start_matches('0'), fraction })
    }

    fn compare(&self, other: &Self) -> Ordering {
        let (fraction, others) = (self.fraction.trim_end_matches('0'), other.fraction.trim_end_matches('0'));
        let zero = self.whole.is_empty() && fraction.is_empty();
        let other_zero = other.whole.is_empty() && others.is_empty();
        let (negative, other_negative) = (self.negative && !zero, other.negative && !other_zero);
        match (negative, other_negative) {
            (true, false) => return Ordering::Less,
            (false, true) => return Ordering::Greater,
            _ => {}
        }
        let size = self.whole.len().cmp(&other.whole.len());
        let size = size.then_with(|| self.whole.cmp(other.whole)).then_with(|| fraction.cmp(others));
        if negative { size.reverse() } else { size }
    }

    fn number(&self) -> Number {
        let digits = self.whole.bytes().chain(self.fraction.bytes()).rev().map(|byte| byte - b'0').collect();
        Number { negative: self.negative, digits, scale: self.fraction.len() }
    }
}

/// A number to calculate with.
#[derive(Clone)]
struct Number {
    negative: bool,
    /// The last first.
    digits: Vec<u8>,
    /// How many of them are behind the point.
    scale: usize,
}

impl Number {
    fn negated(mut self) -> Self {
        self.negative = !self.negative;
        self
    }

    /// Gives it more zeros behind the point, and in front.
    fn widen(&mut self, scale: usize, digits: usize) {
        self.digits.splice(0..0, std::iter::repeat_n(0, scale - self.scale));
        self.scale = scale;
        self.digits.resize(digits.max(self.digits.len()), 0);
    }

    fn compare(&self, other: &Self) -> Ordering {
        collate(&self.to_string(), &other.to_string())
    }
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digit = |place: usize| char::from(b'0' + self.digits.get(place).copied().unwrap_or(0));
        let zeros = self.digits.iter().rev().take_while(|digit| **digit == 0).count();
        let first = (self.digits.len() - zeros).max(self.scale + 1);
        let mut text = String::with_capacity(first + 2);
        if self.negative && zeros < self.digits.len() {
            text.push('-');
        }
        for place in (0..first).rev() {
            text.push(digit(place));
            if place == self.scale && place > 0 {
                text.push('.');
            }
        }
        f.write_str(&text)
    }
}

fn add(mut a: Number, mut b: Number) -> Number {
    let scale = a.scale.max(b.scale);
    a.widen(scale, 0);
    b.widen(scale, a.digits.len());
    a.widen(scale, b.digits.len());
    if a.negative == b.negative {
        let mut carry = 0;
        for (digit, other) in a.digits.iter_mut().zip(&b.digits) {
            let sum = *digit + other + carry;
            (*digit, carry) = (sum % 10, sum / 10);
        }
        a.digits.push(carry);
        return a;
    }
    // Both have the same length, so that the greater one is seen from the front.
    if a.digits.iter().rev().lt(b.digits.iter().rev()) {
        std::mem::swap(&mut a, &mut b);
    }
    let mut borrowed = 0;
    for (digit, other) in a.digits.iter_mut().zip(&b.digits) {
        let taken = other + borrowed;
        borrowed = u8::from(*digit < taken);
        *digit = *digit + 10 * borrowed - taken;
    }
    a
}

fn multiply(a: Number, b: Number) -> Number {
    let mut places = vec![0_u32; a.digits.len() + b.digits.len() + 1];
    for (at, digit) in a.digits.iter().enumerate() {
        for (other_at, other) in b.digits.iter().enumerate() {
            places[at + other_at] += u32::from(*digit) * u32::from(*other);
        }
    }
    let mut carry = 0;
    let digits = places.into_iter().map(|place| {
        let sum = place + carry;
        carry = sum / 10;
        u8::try_from(sum % 10).unwrap_or(0)
    });
    Number { negative: a.negative != b.negative, digits: digits.collect(), scale: a.scale + b.scale }
}

/// The quotient, cut off far behind what is kept of it. `None` when the divisor is zero.
fn divide(a: &Number, b: &Number) -> Option<Number> {
    // The first digit first, and none of them a zero in front.
    let divisor: Vec<u8> = b.digits.iter().rev().copied().skip_while(|digit| *digit == 0).collect();
    if divisor.is_empty() {
        return None;
    }
    let scale = QUOTIENT_SCALE.max(a.scale.saturating_sub(b.scale));
    let zeros = std::iter::repeat_n(0, scale + b.scale - a.scale);
    let (mut rest, mut quotient) = (Vec::with_capacity(divisor.len() + 1), Vec::new());
    for digit in a.digits.iter().rev().copied().chain(zeros) {
        if digit != 0 || !rest.is_empty() {
            rest.push(digit);
        }
        let mut times = 0;
        while rest.len() > divisor.len() || (rest.len() == divisor.len() && rest >= divisor) {
            let mut borrowed = 0;
            let others = divisor.iter().rev().copied().chain(std::iter::repeat(0));
            for (digit, other) in rest.iter_mut().rev().zip(others) {
                let taken = other + borrowed;
                borrowed = u8::from(*digit < taken);
                *digit = *digit + 10 * borrowed - taken;
            }
            let front = rest.iter().take_while(|digit| **digit == 0).count();
            rest.drain(..front);
            times += 1;
        }
        quotient.push(times);
    }
    quotient.reverse();
    Some(Number { negative: a.negative != b.negative, digits: quotient, scale })
}

/// To so many digits behind the point; a half goes away from zero.
fn round(mut number: Number, scale: usize) -> Number {
    let Some(gone) = number.scale.checked_sub(scale).filter(|gone| *gone > 0) else { return number };
    let is_up = number.digits.get(gone - 1).is_some_and(|digit| *digit >= 5);
    number.digits.drain(..gone.min(number.digits.len()));
    number.scale = scale;
    if is_up {
        number.digits.push(0);
        for digit in &mut number.digits {
            *digit += 1;
            if *digit < 10 {
                break;
            }
            *digit = 0;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rust_decimal::{Decimal, RoundingStrategy};

    use super::*;

    fn connection() -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        register(&connection).unwrap();
        connection
    }

    fn ask(sql: &str) -> Option<String> {
        connection().query_row(sql, [], |row| row.get(0)).unwrap()
    }

    fn any_decimal() -> impl Strategy<Value = Decimal> {
        (-1_000_000_000_000_i64..1_000_000_000_000, 0_u32..7)
            .prop_map(|(digits, scale)| Decimal::new(digits, scale))
    }

    proptest! {
        #[test]
        fn calculates_as_rust_decimal_does(a in any_decimal(), b in any_decimal()) {
            let number = |value: Decimal| Parts::of(&value.to_string()).unwrap().number();
            prop_assert_eq!(add(number(a), number(b)).to_string(), (a + b).to_string());
            prop_assert_eq!(add(number(a), number(b).negated()).to_string(), (a - b).to_string());
            prop_assert_eq!(multiply(number(a), number(b)).to_string(), (a * b).to_string());
            prop_assert_eq!(collate(&a.to_string(), &b.to_string()), a.cmp(&b));
        }

        #[test]
        fn divides_and_rounds_as_rust_decimal_does(a in any_decimal(), b in any_decimal(), digits in 0_u32..7) {
            let number = |value: Decimal| Parts::of(&value.to_string()).unwrap().number();
            let quotient = divide(&number(a), &number(b)).map(|quotient| round(quotient, digits as usize));
            let expected = a.checked_div(b).map(|quotient| {
                quotient.round_dp_with_strategy(digits, RoundingStrategy::MidpointAwayFromZero)
            });
            prop_assert_eq!(quotient.is_some(), expected.is_some());
            if let (Some(quotient), Some(expected)) = (quotient, expected) {
                prop_assert_eq!(collate(&quotient.to_string(), &expected.to_string()), Ordering::Equal);
            }
        }

        #[test]
        fn puts_any_texts_in_one_order(a in "[-+0-9.x]{0,5}", b in "[-+0-9.x]{0,5}", c in "[-+0-9.x]{0,5}") {
            prop_assert_eq!(collate(&a, &b), collate(&b, &a).reverse());
            if collate(&a, &b).is_le() && collate(&b, &c).is_le() {
                prop_assert!(collate(&a, &c).is_le());
            }
        }
    }

    #[test]
    fn calculates_in_sql_without_rounding() {
        assert_eq!(ask("SELECT decimal_add('0.10', '0.2')").as_deref(), Some("0.30"));
        assert_eq!(ask("SELECT decimal_sub('1', '1.00')").as_deref(), Some("0.00"));
        assert_eq!(
            ask("SELECT decimal_mul('99999999999999999999.99', '1.000000000000000000001')").as_deref(),
            Some("100000000000000000000.08999999999999999999999")
        );
        assert_eq!(ask("SELECT decimal_add('1', NULL)"), None);
        assert_eq!(
            ask("SELECT decimal_sum(column1) FROM (VALUES ('0.1'), (NULL), ('0.2'), (1))").as_deref(),
            Some("1.3")
        );
        assert_eq!(ask("SELECT decimal_round(decimal_div('-2', '3'), 3)").as_deref(), Some("-0.667"));
        assert_eq!(ask("SELECT decimal_round('0.995', 2)").as_deref(), Some("1.00"));
        assert_eq!(ask("SELECT decimal_div('1', '0.00')"), None);
        assert_eq!(ask("SELECT decimal_sum('1') WHERE 1 = 0"), None);
        assert!(connection().query_row("SELECT decimal_add('1e5', 'x')", [], |_| Ok(())).is_err());
    }

    #[test]
    fn sorts_texts_as_numbers() {
        let sorted = "SELECT group_concat(n, ' ') FROM (SELECT column1 AS n FROM (VALUES ('10'), ('9.5'), ('-1'), ('-10'), ('9.50'), \
                      ('0.09')) ORDER BY n COLLATE decimal)";
        assert_eq!(ask(sorted).as_deref(), Some("-10 -1 0.09 9.5 9.50 10"));
        assert_eq!(collate("-0", "0.00"), Ordering::Equal);
    }
}
