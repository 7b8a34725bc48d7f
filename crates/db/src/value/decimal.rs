//! Exact numbers: money, above all.

use rust_decimal::Decimal;

use super::{Cell, Decode, Mismatch, SqlType, Stored, Value};

const EXACT: &str = "an exact number of at most 28 digits";

impl Decode for Decimal {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        match cell {
            Cell::Decimal(value) => Ok(value),
            Cell::Int(value) => Ok(value.into()),
            Cell::Text(text) => read(text).ok_or_else(|| Mismatch::new(EXACT, cell)),
            // A floating-point number is not taken: the digits that were meant are no longer known.
            _ => Err(Mismatch::new(EXACT, cell)),
        }
    }
}

impl Stored for Decimal {
    const TYPE: SqlType = SqlType::Decimal;

    fn into_value(self) -> Value {
        Value::Decimal(self)
    }
}

/// Reads the digits without rounding. Zeros at the end give way when there are too many digits: MySQL adds zeros up to the
/// scale of its column.
fn read(text: &str) -> Option<Decimal> {
    if let Ok(exact) = Decimal::from_str_exact(text) {
        return Some(exact);
    }
    let (_, fraction) = text.split_once('.')?;
    let zeros = fraction.len() - fraction.trim_end_matches('0').len();
    (1..=zeros)
        .find_map(|fewer| Decimal::from_str_exact(text[..text.len() - fewer].trim_end_matches('.')).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_digit_or_none() {
        let exact = |text: &str| Decimal::decode(Cell::Text(text)).map(|number| number.to_string());
        assert_eq!(exact("12.50").as_deref(), Ok("12.50"));
        assert_eq!(
            exact("-0.0000000000000000000000000001").as_deref(),
            Ok("-0.0000000000000000000000000001")
        );
        assert_eq!(exact("79228162514264337593543950335").as_deref(), Ok("79228162514264337593543950335"));
        assert!(exact("79228162514264337593543950336").is_err());
        assert!(exact("0.00000000000000000000000000001").is_err());
        assert!(exact("twelve").is_err());
        assert!(Decimal::decode(Cell::Float(0.1)).is_err());
        assert_eq!(Decimal::decode(Cell::Int(-7)), Ok(Decimal::from(-7)));
    }

    #[test]
    fn reads_past_the_zeros_that_an_engine_adds() {
        let padded = format!("{}.{}", Decimal::MAX, "0".repeat(28));
        assert_eq!(Decimal::decode(Cell::Text(&padded)), Ok(Decimal::MAX));
        assert_eq!(Decimal::decode(Cell::Text("1.500000000000000000000000000000")), Ok(Decimal::new(15, 1)));
    }
}
