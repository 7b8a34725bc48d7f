//! The types of the server that are bound and read in their binary form.

use tokio_postgres::types::{Kind as Family, Type};

/// How a value of some type looks on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Bytes,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    /// Text, and everything whose binary form is its text: `json`, enumerations, `citext`.
    Text,
    Jsonb,
    Uuid,
    /// A point in time, with or without a time zone: microseconds in UTC.
    Instant,
    Date,
    Time,
    Array,
    /// Anything else. It is bound in its text form, and read as bytes.
    Other,
}

impl Kind {
    pub(super) fn of(sql: &Type) -> Self {
        Self::of_number(sql.oid()).unwrap_or_else(|| match sql.kind() {
            Family::Enum(_) => Self::Text,
            Family::Domain(beneath) => Self::of(beneath),
            Family::Array(_) => Self::Array,
            _ if sql.name() == "citext" => Self::Text,
            _ => Self::Other,
        })
    }

    /// The numbers are those of `pg_type.dat`, and the same on every server.
    pub(super) fn of_number(number: u32) -> Option<Self> {
        Some(match number {
            16 => Self::Bool,
            17 => Self::Bytes,
            20 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            26 => Self::Oid,
            700 => Self::Float4,
            701 => Self::Float8,
            1700 => Self::Numeric,
            // "char", name, text, json, xml, unknown, bpchar, varchar.
            18 | 19 | 25 | 114 | 142 | 705 | 1042 | 1043 => Self::Text,
            3802 => Self::Jsonb,
            2950 => Self::Uuid,
            1114 | 1184 => Self::Instant,
            1082 => Self::Date,
            1083 => Self::Time,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_types_by_the_numbers_of_the_server() {
        for (sql, kind) in [
            (Type::BOOL, Kind::Bool),
            (Type::BYTEA, Kind::Bytes),
            (Type::INT2, Kind::Int2),
            (Type::INT4, Kind::Int4),
            (Type::INT8, Kind::Int8),
            (Type::OID, Kind::Oid),
            (Type::FLOAT4, Kind::Float4),
            (Type::FLOAT8, Kind::Float8),
            (Type::NUMERIC, Kind::Numeric),
            (Type::CHAR, Kind::Text),
            (Type::NAME, Kind::Text),
            (Type::TEXT, Kind::Text),
            (Type::JSON, Kind::Text),
            (Type::XML, Kind::Text),
            (Type::UNKNOWN, Kind::Text),
            (Type::BPCHAR, Kind::Text),
            (Type::VARCHAR, Kind::Text),
            (Type::JSONB, Kind::Jsonb),
            (Type::UUID, Kind::Uuid),
            (Type::TIMESTAMP, Kind::Instant),
            (Type::TIMESTAMPTZ, Kind::Instant),
            (Type::DATE, Kind::Date),
            (Type::TIME, Kind::Time),
            (Type::INTERVAL, Kind::Other),
            (Type::INT4_ARRAY, Kind::Array),
        ] {
            assert_eq!(Kind::of(&sql), kind, "{sql}");
        }
        let colour = Type::new("colour".into(), 70_000, Family::Enum(vec!["red".into()]), "public".into());
        assert_eq!(Kind::of(&colour), Kind::Text);
        let domain = Type::new("positive".into(), 70_001, Family::Domain(Type::INT4), "public".into());
        assert_eq!(Kind::of(&domain), Kind::Int4);
    }
}
