//! Universally unique identifiers.
//!
//! PostgreSQL has a type for them; the other engines keep the sixteen bytes, which sort as the identifiers do. So keys
//! made by `Uuid::now_v7()` are appended to the index everywhere, and not strewn over it.

use uuid::Uuid;

use super::{Cell, Decode, Mismatch, SqlType, Stored, Value};

impl Decode for Uuid {
    fn decode(cell: Cell<'_>) -> Result<Self, Mismatch> {
        let read = match cell {
            Cell::Uuid(value) => return Ok(value),
            Cell::Bytes(bytes) => Self::from_slice(bytes).ok(),
            Cell::Text(text) => Self::try_parse(text).ok(),
            _ => None,
        };
        read.ok_or_else(|| Mismatch::new("a universally unique identifier", cell))
    }
}

impl Stored for Uuid {
    const TYPE: SqlType = SqlType::Uuid;

    fn into_value(self) -> Value {
        Value::Uuid(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_identifier_as_any_engine_keeps_it() {
        let id = Uuid::now_v7();
        assert_eq!(Uuid::decode(Cell::Uuid(id)), Ok(id));
        assert_eq!(Uuid::decode(Cell::Bytes(id.as_bytes())), Ok(id));
        assert_eq!(Uuid::decode(Cell::Text(&id.to_string())), Ok(id));
        assert!(Uuid::decode(Cell::Bytes(&[1, 2, 3])).is_err());
        assert!(Uuid::decode(Cell::Int(7)).is_err());
    }
}
