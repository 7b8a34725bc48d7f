//! What differs between the engines' SQL, in one place.

use std::borrow::Cow;

use sea_query::{MysqlQueryBuilder, PostgresQueryBuilder, QueryStatementWriter, SqliteQueryBuilder, Values};

/// The SQL that an engine speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite, 3.35 or newer.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL 8. It cannot return rows from a write.
    MySql,
    /// MariaDB. It returns rows from an insert and a delete.
    MariaDb,
}

/// How a list of values is bound to one statement, so that its text does not depend on the list's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListBinding {
    /// `= ANY($1)` with an array.
    Array,
    /// `IN (SELECT value FROM json_each(?))` with a JSON text.
    JsonEach,
    /// `IN (?, ?, …)`, padded to a power of two by repeating the last value.
    Padded,
}

impl Dialect {
    /// Its name, for messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
            Self::MariaDb => "MariaDB",
        }
    }

    /// Whether it is MySQL or MariaDB, where they are alike.
    pub fn is_mysql(self) -> bool {
        matches!(self, Self::MySql | Self::MariaDb)
    }

    /// The statement that sends a message to all processes that listen, where there is one.
    ///
    /// Its commit does not wait for the disk, since a message has nothing to do there.
    pub fn notification(self) -> Option<&'static str> {
        let sql = "SELECT set_config('synchronous_commit', 'off', true), pg_notify('mainstay', $1)";
        (self == Self::Postgres).then_some(sql)
    }

    /// Whether `INSERT … RETURNING` works.
    pub fn insert_returns(self) -> bool {
        self != Self::MySql
    }

    /// Whether `UPDATE … RETURNING` works.
    pub fn update_returns(self) -> bool {
        matches!(self, Self::Sqlite | Self::Postgres)
    }

    /// Whether `DELETE … RETURNING` works.
    pub fn delete_returns(self) -> bool {
        self != Self::MySql
    }

    /// Whether an index can be about some rows only.
    pub fn has_partial_indexes(self) -> bool {
        matches!(self, Self::Sqlite | Self::Postgres)
    }

    /// Whether a column can hold a list.
    pub fn has_arrays(self) -> bool {
        self == Self::Postgres
    }

    /// Whether there are several ways to keep an index: `USING gin`.
    pub fn has_index_methods(self) -> bool {
        self == Self::Postgres
    }

    /// Whether an index can be of an expression.
    pub fn has_expression_indexes(self) -> bool {
        self != Self::MariaDb
    }

    /// The collation of every text, where one has to be named: byte by byte, and a space at the end counts. So texts are
    /// equal, and sort, as on the other engines.
    pub fn collation(self) -> Option<&'static str> {
        match self {
            Self::Sqlite | Self::Postgres => None,
            Self::MySql => Some("utf8mb4_0900_bin"),
            Self::MariaDb => Some("utf8mb4_nopad_bin"),
        }
    }

    /// How lists are bound.
    pub fn lists(self) -> ListBinding {
        match self {
            Self::Sqlite => ListBinding::JsonEach,
            Self::Postgres => ListBinding::Array,
            Self::MySql | Self::MariaDb => ListBinding::Padded,
        }
    }

    /// The most values that one statement may bind.
    pub fn max_values(self) -> usize {
        match self {
            Self::Sqlite => 32_766,
            Self::Postgres | Self::MySql | Self::MariaDb => 65_535,
        }
    }

    /// The placeholder of the value at `index`, counted from 0.
    pub fn placeholder(self, index: usize) -> String {
        match self {
            Self::Postgres => format!("${}", index + 1),
            Self::Sqlite | Self::MySql | Self::MariaDb => "?".to_owned(),
        }
    }

    /// A name in quotes.
    pub fn quote(self, name: &str) -> String {
        match self {
            Self::MySql | Self::MariaDb => format!("`{}`", name.replace('`', "``")),
            Self::Sqlite | Self::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        }
    }

    /// SQL in which names in backticks are quoted as the engine does it. Texts are left alone.
    pub(crate) fn names_quoted(self, sql: &str) -> String {
        if matches!(self, Self::MySql | Self::MariaDb) || !sql.contains('`') {
            return sql.to_owned();
        }
        // A backtick in a name is written twice; meanwhile it is a letter that no SQL has.
        let sql = sql.replace("``", "\0");
        let written = |name: &str| self.quote(&name.replace('\0', "`"));
        // Every other piece is within apostrophes; two of them in a row only leave a text for nothing.
        let pieces = sql.split('\'').enumerate().map(|(place, piece)| {
            if place % 2 == 1 {
                return piece.replace('\0', "``");
            }
            let names = piece.split('`').enumerate();
            names.map(|(place, name)| if place % 2 == 1 { written(name) } else { name.to_owned() }).collect()
        });
        pieces.collect::<Vec<_>>().join("'")
    }

    pub(crate) fn build(self, statement: &impl QueryStatementWriter) -> (String, Values) {
        match self {
            Self::Sqlite => {
                let (sql, values) = statement.build(SqliteQueryBuilder);
                (limits_computed(sql), values)
            }
            Self::Postgres => statement.build(PostgresQueryBuilder),
            Self::MySql | Self::MariaDb => statement.build(MysqlQueryBuilder),
        }
    }
}

/// SQL for SQLite in which a limit is computed from its value. A limit that is the value alone is one that SQLite (since 3.47)
/// plans by: it then prepares the statement anew whenever the value is bound, which costs more than running it.
fn limits_computed(sql: String) -> String {
    const BOUND: &str = " LIMIT ?";
    if !sql.contains(BOUND) {
        return sql;
    }
    // Every other piece is a name in quotation marks.
    let pieces = sql.split('"').enumerate().map(|(place, piece)| {
        if place % 2 == 1 { Cow::Borrowed(piece) } else { Cow::Owned(piece.replace(BOUND, " LIMIT ? + 0")) }
    });
    pieces.collect::<Vec<_>>().join("\"")
}

#[cfg(test)]
mod tests {
    use super::{Dialect, limits_computed};

    #[test]
    fn limits_of_sqlite_are_computed_and_names_left_alone() {
        let sql = |limit: &str| {
            format!("SELECT \"a LIMIT ?\" FROM (SELECT 1 LIMIT {limit}) LIMIT {limit} OFFSET ?")
        };
        assert_eq!(limits_computed(sql("?")), sql("? + 0"));
        assert_eq!(limits_computed("SELECT 1 LIMIT 1".to_owned()), "SELECT 1 LIMIT 1");
    }

    #[test]
    fn quotes_names_in_backticks_and_leaves_texts_alone() {
        let sql = "`a` > 'it''s `b` ``' AND `c``d` = `e`";
        assert_eq!(Dialect::MySql.names_quoted(sql), sql);
        let quoted = "\"a\" > 'it''s `b` ``' AND \"c`d\" = \"e\"";
        assert_eq!(Dialect::Postgres.names_quoted(sql), quoted);
    }
}
