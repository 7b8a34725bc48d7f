//! What rows that are there get, as SQL.

use mainstay_core::random::hex;

use crate::driver::Dialect;
use crate::migrate::operation::Backfill;
use crate::schema::{ColumnType, text_literal};

/// The expression.
pub(super) fn expression(fill: &Backfill, kind: &ColumnType, dialect: Dialect) -> String {
    let mysql = matches!(dialect, Dialect::MySql | Dialect::MariaDb);
    match fill {
        Backfill::Sql(sql) => format!("({sql})"),
        Backfill::Bool(value) if dialect == Dialect::Sqlite => i32::from(*value).to_string(),
        Backfill::Bool(value) => value.to_string(),
        Backfill::Int(value) => number(&value.to_string(), kind, dialect),
        Backfill::Number(value) => number(value, kind, dialect),
        Backfill::Now => match dialect {
            // As times are kept there.
            Dialect::Sqlite => "strftime('%Y-%m-%d %H:%M:%f000', 'now')".to_owned(),
            Dialect::Postgres => "now()".to_owned(),
            Dialect::MySql | Dialect::MariaDb => "utc_timestamp(6)".to_owned(),
        },
        Backfill::Text(text) => match kind {
            ColumnType::Uuid if dialect != Dialect::Postgres => {
                let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
                format!("x'{digits}'")
            }
            ColumnType::Bytes if dialect == Dialect::Postgres => {
                format!("'\\x{}'::bytea", hex(text.as_bytes()))
            }
            ColumnType::Bytes => format!("x'{}'", hex(text.as_bytes())),
            ColumnType::Json if dialect == Dialect::Postgres => {
                format!("{}::jsonb", text_literal(text, dialect))
            }
            ColumnType::Json if mysql => text_literal(text, dialect),
            _ => text_literal(text, dialect),
        },
    }
}

/// SQLite keeps exact numbers as texts.
fn number(value: &str, kind: &ColumnType, dialect: Dialect) -> String {
    match (kind, dialect) {
        (ColumnType::Decimal(_) | ColumnType::Text(_), Dialect::Sqlite) => text_literal(value, dialect),
        (ColumnType::Text(_), _) => text_literal(value, dialect),
        (ColumnType::Bool, Dialect::Postgres) => (value != "0").to_string(),
        _ => value.to_owned(),
    }
}
