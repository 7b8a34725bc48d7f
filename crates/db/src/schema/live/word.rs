//! Types as engines call them.

use crate::driver::Dialect;
use crate::schema::ColumnType;

/// A word for a type in the form in which words can be compared: engines have several for one type, and give another back
/// than they were given.
pub(crate) fn normal(word: &str, dialect: Dialect) -> String {
    let word = word.trim().to_ascii_lowercase().replace(", ", ",");
    match dialect {
        Dialect::Sqlite => word,
        Dialect::Postgres if word.ends_with("[]") => {
            format!("{}[]", normal(word.trim_end_matches("[]"), dialect))
        }
        Dialect::Postgres => match word.as_str() {
            "timestamptz" => "timestamp with time zone".to_owned(),
            "time" => "time without time zone".to_owned(),
            "int" | "int4" => "integer".to_owned(),
            other => other.replacen("varchar", "character varying", 1),
        },
        Dialect::MySql | Dialect::MariaDb => {
            if word == "boolean" || word == "tinyint(1)" {
                return "tinyint(1)".to_owned();
            }
            let (name, rest) = word.split_once('(').map_or((word.as_str(), ""), |(name, rest)| (name, rest));
            match name {
                // The width of an integer says nothing, and newer versions leave it out.
                "smallint" | "bigint" | "mediumint" | "tinyint" => name.to_owned(),
                "int" | "integer" => "int".to_owned(),
                // MariaDB's documents are texts with a check.
                "json" if dialect == Dialect::MariaDb => "longtext".to_owned(),
                _ if rest.is_empty() => name.to_owned(),
                _ => word.clone(),
            }
        }
    }
}

/// What a type is to us, as far as that can be told.
pub(super) fn kind(word: &str, dialect: Dialect) -> ColumnType {
    let word = normal(word, dialect);
    if let Some(of) = word.strip_suffix("[]") {
        return match kind(of, dialect) {
            ColumnType::Other(_) => ColumnType::Other(word),
            of => ColumnType::Array(Box::new(of)),
        };
    }
    let (name, digits) = word.split_once('(').map_or((word.as_str(), ""), |(name, rest)| (name, rest));
    let digits: Vec<u32> =
        digits.trim_end_matches(')').split(',').filter_map(|digits| digits.trim().parse().ok()).collect();
    match (name.trim(), digits.as_slice()) {
        ("smallint", _) => ColumnType::SmallInt,
        ("integer", _) if dialect == Dialect::Sqlite => ColumnType::BigInt,
        ("integer" | "int" | "mediumint", _) => ColumnType::Int,
        ("bigint", _) => ColumnType::BigInt,
        ("real", _) if dialect == Dialect::Sqlite => ColumnType::Double,
        ("real" | "float", _) => ColumnType::Real,
        ("double" | "double precision", _) => ColumnType::Double,
        ("numeric" | "decimal", [precision, scale]) => ColumnType::Decimal(Some((*precision, *scale))),
        ("numeric" | "decimal", _) => ColumnType::Decimal(None),
        ("boolean", _) => ColumnType::Bool,
        ("tinyint", [1]) => ColumnType::Bool,
        ("character varying" | "varchar" | "character" | "char", [most]) => ColumnType::Text(Some(*most)),
        ("text" | "longtext" | "mediumtext" | "tinytext" | "character varying", _) => ColumnType::Text(None),
        ("binary", [16]) => ColumnType::Uuid,
        ("bytea" | "blob" | "longblob" | "mediumblob" | "tinyblob" | "varbinary", _) => ColumnType::Bytes,
        ("timestamp with time zone" | "datetime" | "timestamp", _) => ColumnType::DateTime,
        ("timestamp without time zone", _) => ColumnType::DateTime,
        ("date", _) => ColumnType::Date,
        ("time" | "time without time zone", _) => ColumnType::Time,
        ("json" | "jsonb", _) => ColumnType::Json,
        ("uuid", _) => ColumnType::Uuid,
        _ => ColumnType::Other(word),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_other_names_of_a_type() {
        let same = |one, other, dialect| assert_eq!(normal(one, dialect), normal(other, dialect));
        same("timestamptz", "timestamp with time zone", Dialect::Postgres);
        same("varchar(60)", "character varying(60)", Dialect::Postgres);
        same("numeric(12, 2)", "numeric(12,2)", Dialect::Postgres);
        same("integer", "int(11)", Dialect::MariaDb);
        same("boolean", "tinyint(1)", Dialect::MySql);
        same("timestamptz[]", "timestamp with time zone[]", Dialect::Postgres);
        same("json", "longtext", Dialect::MariaDb);
        same("datetime(6)", "DATETIME(6)", Dialect::MySql);
        assert_ne!(normal("varchar(60)", Dialect::MySql), normal("varchar(61)", Dialect::MySql));
    }
}
