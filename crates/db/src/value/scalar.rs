//! Numbers, texts, bytes, truth values, and `Option` of anything.

use super::{Cell, Choice, Decode, Mismatch, SqlType, Stored, Value};

macro_rules! integer {
    ($($rust:ty => $sql:ident in $range:expr, $words:literal;)*) => {$(
        impl Decode for $rust {
            fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
                match cell {
                    Cell::Int(value) => {
                        Self::try_from(value).map_err(|_| Mismatch::new($words, cell))
                    }
                    // The sum of integers is an exact number to some engines.
                    Cell::Decimal(value) if value.is_integer() => {
                        Self::try_from(value).map_err(|_| Mismatch::new($words, cell))
                    }
                    _ => Err(Mismatch::new($words, cell)),
                }
            }
        }

        impl Stored for $rust {
            const TYPE: SqlType = SqlType::$sql;
            const RANGE: Option<(i64, i64)> = $range;

            fn into_value(self) -> Value {
                Value::Int(self.into())
            }
        }
    )*};
}

integer! {
    i8 => SmallInt in Some((-128, 127)), "an 8-bit integer";
    u8 => SmallInt in Some((0, 255)), "an unsigned 8-bit integer";
    i16 => SmallInt in None, "a 16-bit integer";
    u16 => Int in Some((0, 65_535)), "an unsigned 16-bit integer";
    i32 => Int in None, "a 32-bit integer";
    i64 => BigInt in None, "a 64-bit integer";
    u32 => BigInt in Some((0, 4_294_967_295)), "an unsigned 32-bit integer";
}

impl Decode for f64 {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        match cell {
            Cell::Float(value) => Ok(value),
            // An engine may hand out a whole number as an integer. The doubles that can come from one are exact.
            Cell::Int(value) => Ok(value as Self),
            _ => Err(Mismatch::new("a number", cell)),
        }
    }
}

impl Stored for f64 {
    const TYPE: SqlType = SqlType::Double;

    fn into_value(self) -> Value {
        Value::Float(self)
    }
}

impl Decode for f32 {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        let wide = f64::decode(cell)?;
        let narrow = wide as Self;
        // What was written as 32 bits comes back unchanged; a greater number does not become infinity.
        if narrow.is_infinite() && wide.is_finite() {
            return Err(Mismatch::new("a number of 32 bits", cell));
        }
        Ok(narrow)
    }
}

impl Stored for f32 {
    const TYPE: SqlType = SqlType::Real;

    fn into_value(self) -> Value {
        Value::Float(self.into())
    }
}

impl Decode for bool {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        match cell {
            Cell::Bool(value) => Ok(value),
            Cell::Int(0) => Ok(false),
            Cell::Int(1) => Ok(true),
            _ => Err(Mismatch::new("a boolean", cell)),
        }
    }
}

impl Stored for bool {
    const TYPE: SqlType = SqlType::Bool;

    fn into_value(self) -> Value {
        Value::Bool(self)
    }
}

impl Decode for String {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        match cell {
            Cell::Text(value) => Ok(value.to_owned()),
            _ => Err(Mismatch::new("text", cell)),
        }
    }
}

impl Stored for String {
    const TYPE: SqlType = SqlType::Text;

    fn into_value(self) -> Value {
        Value::Text(self)
    }
}

impl Decode for Vec<u8> {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        match cell {
            Cell::Bytes(value) => Ok(value.to_vec()),
            _ => Err(Mismatch::new("bytes", cell)),
        }
    }
}

impl Stored for Vec<u8> {
    const TYPE: SqlType = SqlType::Bytes;

    fn into_value(self) -> Value {
        Value::Bytes(self)
    }
}

impl<T: Decode> Decode for Option<T> {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        match cell {
            Cell::Null => Ok(None),
            cell => T::decode(cell).map(Some),
        }
    }
}

impl<T: Stored> Stored for Option<T> {
    const TYPE: SqlType = T::TYPE;
    const NULLABLE: bool = true;
    const CHOICES: &'static [Choice] = T::CHOICES;
    const RANGE: Option<(i64, i64)> = T::RANGE;

    fn into_value(self) -> Value {
        self.map_or(Value::Null, T::into_value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_an_integer_that_does_not_fit() {
        assert_eq!(i16::decode(Cell::Int(7)), Ok(7));
        let fault = i16::decode(Cell::Int(40_000)).unwrap_err();
        assert_eq!(fault, Mismatch { expected: "a 16-bit integer", found: "the integer 40000".into() });
        assert!(u32::decode(Cell::Int(-1)).is_err());
        assert!(bool::decode(Cell::Int(2)).is_err());
        assert!(u8::decode(Cell::Int(256)).is_err());
        assert!(f32::decode(Cell::Float(1e300)).is_err());
        assert_eq!(f32::decode(Cell::Float(f64::from(0.1_f32))), Ok(0.1));
    }

    #[test]
    fn reads_null_only_into_an_option() {
        assert_eq!(Option::<String>::decode(Cell::Null), Ok(None));
        assert_eq!(String::decode(Cell::Null).unwrap_err().found, "NULL");
    }
}
