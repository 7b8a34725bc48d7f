//! `numeric` in its binary form: digits to the base of 10,000, with the weight of the first.
//!
//! Format: `numeric_send` in PostgreSQL's `numeric.c`: number of digits, weight, sign, number of decimal places, digits.

use bytes::{BufMut, BytesMut};
use rust_decimal::Decimal;

const BASE: u128 = 10_000;
const NEGATIVE: u16 = 0x4000;
/// The most decimal places that a [`Decimal`] has.
const MOST_PLACES: u32 = 28;

/// A number as it was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Exact(Decimal),
    /// Not a number, infinite, or more digits than fit into a [`Decimal`].
    Near(f64),
}

pub(super) fn write(number: &Decimal, out: &mut BytesMut) {
    let places = number.scale();
    // To whole groups of four decimal places.
    let padding = (4 - places % 4) % 4;
    let mut rest = number.mantissa().unsigned_abs() * 10_u128.pow(padding);
    let fraction_groups = (places + padding) / 4;
    let mut digits = [0_u16; 12];
    let mut count = 0;
    while rest > 0 {
        // Below 10,000, so that it fits.
        digits[count] = (rest % BASE) as u16;
        rest /= BASE;
        count += 1;
    }
    // The smallest digit comes first; zeros at that end are left out.
    let zeros = digits[..count].iter().take_while(|digit| **digit == 0).count();
    let weight = if count == 0 { 0 } else { count as i32 - fraction_groups as i32 - 1 };
    out.put_i16((count - zeros) as i16);
    out.put_i16(weight as i16);
    out.put_u16(if number.is_sign_negative() && count > 0 { NEGATIVE } else { 0 });
    out.put_i16(places as i16);
    for digit in digits[zeros..count].iter().rev() {
        out.put_u16(*digit);
    }
}

/// `None` when the bytes are not what the server sends.
pub(super) fn read(raw: &[u8]) -> Option<Number> {
    let field = |at: usize| raw.get(at * 2..at * 2 + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let count = usize::from(field(0)?);
    let weight = i32::from(field(1)?.cast_signed());
    let sign = field(2)?;
    let places = u32::from(field(3)?);
    match sign {
        0 | NEGATIVE => {}
        0xD000 => return Some(Number::Near(f64::INFINITY)),
        0xF000 => return Some(Number::Near(f64::NEG_INFINITY)),
        _ => return Some(Number::Near(f64::NAN)),
    }
    let digits =
        raw.get(8..8 + count * 2)?.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let negative = sign == NEGATIVE;
    match exact(digits.clone(), weight - count as i32 + 1, places) {
        Some(magnitude) => {
            let signed = if negative { -magnitude } else { magnitude };
            let decimal = Decimal::try_from_i128_with_scale(signed, places.min(MOST_PLACES)).ok();
            Some(decimal.map_or_else(|| near(digits, weight, negative), Number::Exact))
        }
        None => Some(near(digits, weight, negative)),
    }
}

/// The digits as a whole number of units of the last decimal place. `last` is the weight of the last digit.
fn exact(digits: impl Iterator<Item = u16>, last: i32, places: u32) -> Option<i128> {
    let mut number: u128 = 0;
    for digit in digits {
        number = number.checked_mul(BASE)?.checked_add(u128::from(digit))?;
    }
    // What no `Decimal` can keep is cut off only where it is zero.
    let exponent = last * 4 + places.min(MOST_PLACES) as i32;
    let power = 10_u128.checked_pow(exponent.unsigned_abs())?;
    if exponent >= 0 {
        number = number.checked_mul(power)?;
    } else if number.is_multiple_of(power) {
        number /= power;
    } else {
        return None;
    }
    i128::try_from(number).ok()
}

fn near(digits: impl Iterator<Item = u16>, weight: i32, negative: bool) -> Number {
    let sum: f64 =
        digits.zip(0..).map(|(digit, place)| f64::from(digit) * 10_000_f64.powi(weight - place)).sum();
    Number::Near(if negative { -sum } else { sum })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn round(number: Decimal) -> Option<Number> {
        let mut raw = BytesMut::new();
        write(&number, &mut raw);
        read(&raw)
    }

    proptest! {
        #[test]
        fn round_trips_with_its_decimal_places(low: u32, mid: u32, high: u32, negative: bool, scale in 0_u32..=28) {
            let number = Decimal::from_parts(low, mid, high, negative, scale);
            match round(number) {
                Some(Number::Exact(read)) => {
                    prop_assert_eq!(read, number);
                    prop_assert_eq!(read.scale(), scale);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn never_panics_on_what_arrives(raw: Vec<u8>) {
            let _ = read(&raw);
        }
    }

    #[test]
    fn writes_what_the_server_writes() {
        // SELECT numeric_send(12345.678), numeric_send(-0.0001), numeric_send(0.00)
        for (text, expected) in [
            ("12345.678", "0003000100000003000109291a7c"),
            ("-0.0001", "0001ffff400000040001"),
            ("0.00", "0000000000000002"),
            ("10000", "00010001000000000001"),
        ] {
            let mut raw = BytesMut::new();
            write(&text.parse().unwrap(), &mut raw);
            let hex: String = raw.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected, "{text}");
        }
    }

    #[test]
    fn reads_what_no_decimal_can_hold_as_a_float() {
        // 1 followed by 40 zeros: one digit of weight 10.
        let raw = [0, 1, 0, 10, 0, 0, 0, 0, 0, 1];
        assert_eq!(read(&raw), Some(Number::Near(1e40)));
        let infinity = [0, 0, 0, 0, 0xD0, 0, 0, 0];
        assert_eq!(read(&infinity), Some(Number::Near(f64::INFINITY)));
        let nan = [0, 0, 0, 0, 0xC0, 0, 0, 0];
        assert!(matches!(read(&nan), Some(Number::Near(number)) if number.is_nan()));
        assert_eq!(read(&[0, 9, 0]), None);
    }
}
