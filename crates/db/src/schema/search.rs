//! What an engine keeps so that rows are found by their words, and how it keeps it right.
//!
//! All of it has the name of the index: PostgreSQL's and MySQL's column of the table, which no model knows, and SQLite's table
//! beside it. PostgreSQL has a column and no index of an expression, because the order needs the words of every row that is
//! found: of 50,000 rows of 60 words, the best 20 of 25,000 took 50 ms from a column, and 5 s from the texts.
//!
//! SQLite's table names rows by the model's key, which has to be a whole number: no other number of a row outlives `VACUUM`.

use super::Existing;
use super::render::{quoted, text_literal};
use super::structure::{Index, Table};
use crate::driver::Dialect;
use crate::search::{language, weight};

/// Where texts are alike whatever their case and their accents. Every MySQL and MariaDB has it.
const ALIKE: &str = "utf8mb4_unicode_520_ci";

/// What PostgreSQL takes for parts of addresses, paths and compounds, where other engines see words and what is between them.
const BETWEEN: &str = r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##;

/// The triggers that keep an FTS5 table right.
const TRIGGERS: [&str; 3] = ["insert", "update", "delete"];

/// The statements that make what a search needs, on a table that is there and may have rows.
pub(super) fn create(
    table: &Table,
    index: &Index,
    language: &str,
    dialect: Dialect,
    existing: Existing,
) -> Vec<String> {
    let (name, on) = (dialect.quote(&index.name), dialect.quote(&table.name));
    let keeps = if existing == Existing::Keep && dialect != Dialect::MySql { "IF NOT EXISTS " } else { "" };
    match dialect {
        Dialect::Sqlite => {
            let tokens = if language == language::ENGLISH { "porter unicode61" } else { "unicode61" };
            let mut statements = vec![format!(
                "CREATE VIRTUAL TABLE {keeps}{name} USING fts5({}, content={}, content_rowid={}, \
                 tokenize='{tokens} remove_diacritics 2')",
                quoted(&index.columns, dialect),
                text_literal(&table.name, dialect),
                text_literal(key(table), dialect)
            )];
            statements.extend(triggers(table, index, keeps));
            statements.push(format!("INSERT INTO {name} ({name}) VALUES ('rebuild')"));
            statements
        }
        Dialect::Postgres => vec![
            format!(
                "ALTER TABLE {on} ADD COLUMN {keeps}{name} tsvector GENERATED ALWAYS AS ({}) STORED",
                vector(index, language)
            ),
            format!("CREATE INDEX {keeps}{name} ON {on} USING gin ({name})"),
        ],
        Dialect::MySql | Dialect::MariaDb => {
            // What it takes for letters, and other engines do not; so a word can stand between two texts that nobody looks for.
            let words =
                |column: &String| format!("replace(replace({}, '_', ' '), '''', ' ')", dialect.quote(column));
            let texts: Vec<String> = index.columns.iter().map(words).collect();
            let texts = format!("concat_ws(' ___ ', {})", texts.join(", "));
            vec![format!(
                "ALTER TABLE {on} ADD COLUMN {keeps}{name} longtext CHARACTER SET utf8mb4 COLLATE {ALIKE} \
                 GENERATED ALWAYS AS ({texts}) STORED, ADD FULLTEXT INDEX {keeps}{name} ({name})"
            )]
        }
    }
}

/// The statements that remove it from the table called so.
pub(crate) fn drop(table: &str, index: &Index, dialect: Dialect) -> Vec<String> {
    let (name, on) = (dialect.quote(&index.name), dialect.quote(table));
    match dialect {
        Dialect::Sqlite => {
            let mut statements: Vec<String> = trigger_names(index)
                .map(|trigger| format!("DROP TRIGGER IF EXISTS {}", dialect.quote(&trigger)))
                .collect();
            statements.push(format!("DROP TABLE {name}"));
            statements
        }
        Dialect::Postgres => vec![format!("ALTER TABLE {on} DROP COLUMN {name}")],
        Dialect::MySql | Dialect::MariaDb => {
            vec![format!("ALTER TABLE {on} DROP INDEX {name}, DROP COLUMN {name}")]
        }
    }
}

impl Index {
    /// Whether SQLite has a trigger of this name for it.
    pub(crate) fn has_trigger(&self, name: &str) -> bool {
        self.search.is_some() && trigger_names(self).any(|trigger| trigger == name)
    }
}

/// The triggers that SQLite has for it.
pub(super) fn trigger_names(index: &Index) -> impl Iterator<Item = String> {
    TRIGGERS.iter().map(|what| format!("{}_{what}", index.name))
}

fn triggers(table: &Table, index: &Index, keeps: &str) -> impl Iterator<Item = String> {
    let quote = |name: &str| Dialect::Sqlite.quote(name);
    let (name, key, columns) =
        (quote(&index.name), quote(key(table)), quoted(&index.columns, Dialect::Sqlite));
    let values = |row: &str| {
        let texts = index.columns.iter().map(|column| format!(", {row}.{}", quote(column)));
        format!("{row}.{key}{}", texts.collect::<String>())
    };
    let add = format!("INSERT INTO {name} (rowid, {columns}) VALUES ({});", values("new"));
    // An external table has no texts of its own: it has to be told what a row had.
    let remove =
        format!("INSERT INTO {name} ({name}, rowid, {columns}) VALUES ('delete', {});", values("old"));
    let on = quote(&table.name);
    let bodies = [
        (format!("INSERT ON {on}"), add.clone()),
        (format!("UPDATE OF {key}, {columns} ON {on}"), format!("{remove} {add}")),
        (format!("DELETE ON {on}"), remove),
    ];
    let statements = trigger_names(index).zip(bodies).map(|(trigger, (event, body))| {
        format!("CREATE TRIGGER {keeps}{} AFTER {event} BEGIN {body} END", quote(&trigger))
    });
    statements.collect::<Vec<_>>().into_iter()
}

/// The column by which SQLite names the rows of a table.
fn key(table: &Table) -> &str {
    table.primary_key.first().map_or("rowid", String::as_str)
}

/// The words of a row of PostgreSQL, with the weights of their fields.
fn vector(index: &Index, language: &str) -> String {
    let texts = index.columns.iter().enumerate().map(|(place, column)| {
        let text = format!("coalesce({}, '')", Dialect::Postgres.quote(column));
        let between = text_literal(BETWEEN, Dialect::Postgres);
        let text = format!("translate({text}, {between}, repeat(' ', {}))", BETWEEN.len());
        let words = format!("to_tsvector({}, {})", config(language), plain(&text, language));
        format!("setweight({words}, '{}')", weight(place).0)
    });
    // A word that nobody looks for stands between two texts: a phrase is in one of them.
    texts.collect::<Vec<_>>().join(" || '''|'':1'::tsvector || ")
}

/// What PostgreSQL calls a language.
pub(crate) fn config(language: &str) -> String {
    format!("{}::regconfig", text_literal(language, Dialect::Postgres))
}

/// A text of PostgreSQL without its accents, where the language can do without.
pub(crate) fn plain(text: &str, language: &str) -> String {
    if language::needs_accents(language) {
        return text.to_owned();
    }
    format!(r"normalize(regexp_replace(normalize({text}, NFD), '[\u0300-\u036f]', '', 'g'), NFC)")
}
