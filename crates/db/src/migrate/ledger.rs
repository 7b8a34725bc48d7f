//! The table in which the database keeps what has been applied to it.

use chrono::{DateTime, Utc};

use crate::driver::{Dialect, Statement};
use crate::error::DbError;
use crate::executor::Target;
use crate::schema::{Column, ColumnType, Existing, Table};
use crate::value::Value;

/// The table.
pub(crate) const TABLE: &str = "mainstay_migrations";

/// One migration that has been applied, or is half-way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The crate that it belongs to.
    pub package: String,
    /// Its name.
    pub name: String,
    /// The sum of what it did.
    pub checksum: String,
    /// How far it is.
    pub state: State,
    /// When that was written.
    pub at: DateTime<Utc>,
}

/// How far a migration is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// All of it is there.
    Applied,
    /// So many statements of it have been run.
    Applying(u32),
    /// So many statements that undo it have been run.
    Reverting(u32),
}

impl State {
    fn columns(self) -> (&'static str, u32) {
        match self {
            Self::Applied => ("applied", 0),
            Self::Applying(done) => ("applying", done),
            Self::Reverting(done) => ("reverting", done),
        }
    }

    fn of(word: &str, done: i64) -> Self {
        let done = u32::try_from(done).unwrap_or(0);
        match word {
            "applying" => Self::Applying(done),
            "reverting" => Self::Reverting(done),
            _ => Self::Applied,
        }
    }
}

fn table() -> Table {
    Table {
        name: TABLE.to_owned(),
        columns: vec![
            Column::new("package", ColumnType::Text(Some(100))),
            Column::new("name", ColumnType::Text(Some(150))),
            Column::new("checksum", ColumnType::Text(Some(16))),
            Column::new("state", ColumnType::Text(Some(10))),
            Column::new("statements", ColumnType::Int),
            Column::new("at", ColumnType::DateTime),
        ],
        primary_key: vec!["package".to_owned(), "name".to_owned()],
        ..Table::default()
    }
}

/// Makes the table when it is not there.
pub(super) async fn make(target: Target<'_>) -> Result<(), DbError> {
    // Asked for first: on PostgreSQL, `IF NOT EXISTS` writes a notice each time.
    if is_there(target).await? {
        return Ok(());
    }
    for sql in table().create(target.dialect(), Existing::Keep) {
        target.run(Statement::script(sql)).await?;
    }
    Ok(())
}

/// Every entry, in the order in which they were written; none when the table is not there.
pub async fn read(target: Target<'_>) -> Result<Vec<Entry>, DbError> {
    if !is_there(target).await? {
        return Ok(Vec::new());
    }
    let dialect = target.dialect();
    let sql = format!(
        "SELECT package, name, checksum, state, statements, {at} FROM {TABLE} ORDER BY {at}, name",
        at = dialect.quote("at")
    );
    let reply = target.run(Statement::read(sql, Vec::new())).await?;
    reply
        .rows
        .iter()
        .map(|row| {
            let (word, done): (String, i32) = (row.get(3)?, row.get(4)?);
            Ok(Entry {
                package: row.get(0)?,
                name: row.get(1)?,
                checksum: row.get(2)?,
                state: State::of(&word, i64::from(done)),
                at: row.get(5)?,
            })
        })
        .collect()
}

/// Writes an entry, in the place of the one that is there.
pub(super) async fn write(target: Target<'_>, entry: &Entry) -> Result<(), DbError> {
    remove(target, &entry.package, &entry.name).await?;
    let dialect = target.dialect();
    let places: Vec<String> = (0..6).map(|place| dialect.placeholder(place)).collect();
    let sql = format!(
        "INSERT INTO {TABLE} (package, name, checksum, state, statements, {}) VALUES ({})",
        dialect.quote("at"),
        places.join(", ")
    );
    let (state, done) = entry.state.columns();
    let values = vec![
        Value::Text(entry.package.clone()),
        Value::Text(entry.name.clone()),
        Value::Text(entry.checksum.clone()),
        Value::Text(state.to_owned()),
        Value::Int(i64::from(done)),
        Value::DateTime(entry.at),
    ];
    target.run(Statement::write(sql, values)).await.map(|_| ())
}

/// Notes how far a migration is that has an entry: one statement, so that a crash leaves the old note or the new one.
pub(super) async fn note(target: Target<'_>, package: &str, name: &str, state: State) -> Result<(), DbError> {
    let dialect = target.dialect();
    let place = |index| dialect.placeholder(index);
    let sql = format!(
        "UPDATE {TABLE} SET state = {}, statements = {} WHERE package = {} AND name = {}",
        place(0),
        place(1),
        place(2),
        place(3)
    );
    let (word, done) = state.columns();
    let values = vec![
        Value::Text(word.to_owned()),
        Value::Int(i64::from(done)),
        Value::Text(package.to_owned()),
        Value::Text(name.to_owned()),
    ];
    target.run(Statement::write(sql, values)).await.map(|_| ())
}

/// Forgets an entry.
pub(super) async fn remove(target: Target<'_>, package: &str, name: &str) -> Result<(), DbError> {
    let dialect = target.dialect();
    let sql = format!(
        "DELETE FROM {TABLE} WHERE package = {} AND name = {}",
        dialect.placeholder(0),
        dialect.placeholder(1)
    );
    let values = vec![Value::Text(package.to_owned()), Value::Text(name.to_owned())];
    target.run(Statement::write(sql, values)).await.map(|_| ())
}

async fn is_there(target: Target<'_>) -> Result<bool, DbError> {
    Ok(crate::schema::table_names(target).await?.iter().any(|name| name == TABLE))
}

/// Whether SQL for this engine can be part of a transaction that also changes tables.
pub(super) fn is_transactional(dialect: Dialect) -> bool {
    !matches!(dialect, Dialect::MySql | Dialect::MariaDb)
}
