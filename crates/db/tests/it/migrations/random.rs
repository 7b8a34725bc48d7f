//! Any schema to any other, and back again.

use mainstay_db::Dialect;
use mainstay_db::migrate::decide::{Ask, Question};
use mainstay_db::migrate::operation::Operation;
use mainstay_db::migrate::{Decisions, diff, sql};
use mainstay_db::schema::{Action, Check, Column, ColumnType, Existing, ForeignKey, Index, Schema, Table};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const TABLES: &[&str] = &["ants", "bees", "cats", "dogs"];
const COLUMNS: &[&str] = &["alpha", "beta", "gamma", "delta"];

fn kind() -> impl Strategy<Value = ColumnType> {
    select(vec![
        ColumnType::SmallInt,
        ColumnType::BigInt,
        ColumnType::Double,
        ColumnType::Bool,
        ColumnType::Text(None),
        ColumnType::Text(Some(80)),
        ColumnType::Bytes,
        ColumnType::DateTime,
        ColumnType::Json,
    ])
}

fn column(name: &'static str) -> impl Strategy<Value = Column> {
    (kind(), any::<bool>(), any::<bool>()).prop_map(move |(kind, nullable, limited)| {
        let mut column = Column { nullable, ..Column::new(name, kind) };
        if limited && column.kind == ColumnType::Text(Some(80)) {
            column.one_of = vec!["it's".to_owned(), "a\\b".to_owned()];
        }
        if limited && column.kind == ColumnType::SmallInt {
            column.min = Some("0".to_owned());
        }
        column
    })
}

/// A table whose foreign keys may lead anywhere among `tables`, itself included.
fn table(name: &'static str, tables: Vec<&'static str>) -> impl Strategy<Value = Table> {
    let columns = subsequence(COLUMNS, 1..=COLUMNS.len())
        .prop_flat_map(|names| names.into_iter().map(column).collect::<Vec<_>>());
    let keys = subsequence(tables.clone(), 0..=tables.len().min(2));
    let language = proptest::option::of(select(vec!["english", "simple"]));
    (columns, keys, any::<[bool; 4]>(), any::<bool>(), language).prop_map(
        move |(columns, targets, indexed, checked, language)| {
            let mut id = Column::new("id", ColumnType::BigInt);
            id.generated = true;
            let mut table =
                Table { name: name.to_owned(), primary_key: vec!["id".to_owned()], ..Table::default() };
            for (column, indexed) in columns.iter().zip(indexed) {
                let indexable = !matches!(column.kind, ColumnType::Json | ColumnType::Bytes);
                if indexed && indexable {
                    table.indexes.push(Index::over(name, vec![column.name.clone()], column.nullable));
                }
            }
            table.columns = vec![id];
            table.columns.extend(columns);
            for target in targets {
                let column = format!("{target}_id");
                table.columns.push(Column { nullable: true, ..Column::new(&column, ColumnType::BigInt) });
                table.foreign_keys.push(ForeignKey {
                    name: format!("{name}_{column}_fkey"),
                    columns: vec![column],
                    table: target.to_owned(),
                    keys: vec!["id".to_owned()],
                    on_delete: Action::Cascade,
                    on_update: Action::NoAction,
                });
            }
            let is_text = |column: &&Column| matches!(column.kind, ColumnType::Text(_));
            let texts: Vec<String> =
                table.columns.iter().filter(is_text).map(|column| column.name.clone()).collect();
            if let Some(language) = language.filter(|_| !texts.is_empty()) {
                table.indexes.push(Index::searched(name, texts, language));
            }
            if checked {
                // Of a column: MariaDB forgets one of constants when any column is dropped.
                let sql = format!("{} IS NULL OR 1 < 2", table.columns[1].name);
                table.checks.push(Check { name: format!("{name}_is_there"), sql });
            }
            table
        },
    )
}

pub(crate) fn schema() -> impl Strategy<Value = Schema> {
    subsequence(TABLES, 0..=TABLES.len())
        .prop_flat_map(|names| names.iter().map(|name| table(name, names.clone())).collect::<Vec<_>>())
        .prop_map(|tables| Schema { tables })
}

/// Drops rather than renames, and fills what has to be filled.
struct Brisk;

impl Ask for Brisk {
    fn renamed(&mut self, _: Question<'_>) -> Option<bool> {
        Some(false)
    }

    fn fill(&mut self, _: &str, column: &Column) -> Option<String> {
        Some(match (&column.kind, column.one_of.first()) {
            (_, Some(first)) => format!("'{first}'"),
            (ColumnType::Text(_), _) => "''".to_owned(),
            (ColumnType::Json, _) => "'{}'".to_owned(),
            (ColumnType::Bool, _) => "false".to_owned(),
            (ColumnType::DateTime, _) => "now".to_owned(),
            (ColumnType::Bytes, _) => "'x'".to_owned(),
            _ => "7".to_owned(),
        })
    }
}

pub(crate) fn steps(from: &Schema, to: &Schema) -> Vec<Operation> {
    let mut brisk = Brisk;
    let mut decisions = Decisions { ask: Some(&mut brisk), ..Decisions::default() };
    diff::diff(from, to, &mut decisions).unwrap()
}

/// What undoes the steps, last first.
pub(crate) fn undo(from: &Schema, steps: &[Operation]) -> Vec<Operation> {
    let mut now = from.clone();
    let mut undo = Vec::new();
    for step in steps {
        undo.insert(0, step.reversed(&now).unwrap());
        step.apply(&mut now).unwrap();
    }
    undo
}

fn after(from: &Schema, steps: &[Operation]) -> Schema {
    let mut now = from.clone();
    for step in steps {
        step.apply(&mut now).unwrap();
    }
    now
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn the_difference_leads_there_and_its_reverse_leads_back(from in schema(), to in schema()) {
        let steps = steps(&from, &to);
        prop_assert_eq!(after(&from, &steps).sorted(), to.clone().sorted());
        let undo = undo(&from, &steps);
        prop_assert_eq!(after(&to, &undo).sorted(), from.sorted());
    }

    #[test]
    fn nothing_is_done_where_nothing_is_different(schema in schema()) {
        prop_assert_eq!(steps(&schema, &schema), vec![]);
    }
}

/// SQLite's own description of a database: what is there, and how it was made.
#[cfg(feature = "sqlite")]
fn described(file: &rusqlite::Connection) -> Vec<String> {
    let sql = "SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || c.pk
                 FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'
               UNION ALL
               SELECT t.name || ': ' || f.\"from\" || ' -> ' || f.\"table\" || ' ' || f.on_delete
                 FROM sqlite_schema t, pragma_foreign_key_list(t.name) f WHERE t.type = 'table'
               UNION ALL
               SELECT sql FROM sqlite_schema WHERE (type IN ('index', 'trigger') OR sql LIKE 'CREATE VIRTUAL%') AND sql IS NOT NULL
               ORDER BY 1";
    let mut statement = file.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

#[cfg(feature = "sqlite")]
fn run(file: &rusqlite::Connection, from: &Schema, steps: &[Operation]) {
    for part in sql::parts(from, steps, Dialect::Sqlite).unwrap() {
        let sql::Action::Sql(statements) = part.action else { panic!("{part:?}") };
        for statement in statements {
            file.execute_batch(&statement).unwrap_or_else(|fault| panic!("{statement}: {fault}"));
        }
    }
}

#[cfg(feature = "sqlite")]
fn made(schema: &Schema) -> rusqlite::Connection {
    let file = rusqlite::Connection::open_in_memory().unwrap();
    for table in &schema.tables {
        for statement in table.create(Dialect::Sqlite, Existing::Refuse) {
            file.execute_batch(&statement).unwrap();
        }
    }
    file
}

#[cfg(feature = "sqlite")]
proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_real_database_goes_there_and_back(from in schema(), to in schema()) {
        let file = made(&from);
        let first = described(&file);
        // A row in each table, so that what demands a value shows.
        for table in &from.tables {
            let required = table.columns.iter().filter(|column| !column.nullable && !column.generated);
            let (mut names, mut values) = (vec!["id".to_owned()], vec!["1".to_owned()]);
            for column in required {
                names.push(column.name.clone());
                values.push(match (&column.kind, column.one_of.first()) {
                    (_, Some(first)) => format!("'{}'", first.replace('\'', "''")),
                    (ColumnType::SmallInt | ColumnType::BigInt | ColumnType::Bool, _) => "1".to_owned(),
                    (ColumnType::Double, _) => "1.5".to_owned(),
                    (ColumnType::Bytes, _) => "x'31'".to_owned(),
                    _ => "'2026-01-01'".to_owned(),
                });
            }
            let sql = format!("INSERT INTO {} ({}) VALUES ({})", table.name, names.join(", "), values.join(", "));
            file.execute_batch(&sql).unwrap();
        }
        let forth = steps(&from, &to);
        // A value that becomes one of a few is a matter of data: rows go where the steps may refuse them.
        let narrows = forth.iter().any(|step| matches!(step, Operation::AlterColumn { column, .. }
            if !column.one_of.is_empty() || column.min.is_some() || column.kind == ColumnType::Bool));
        if narrows {
            for table in &from.tables {
                file.execute_batch(&format!("DELETE FROM {}", table.name)).unwrap();
            }
        }
        run(&file, &from, &forth);
        prop_assert_eq!(described(&file), described(&made(&to)));
        // What is searched has the words of the rows, no more and no less.
        for index in to.tables.iter().flat_map(|table| &table.indexes).filter(|index| index.search.is_some()) {
            let sql = format!("INSERT INTO {0} ({0}, rank) VALUES ('integrity-check', 1)", index.name);
            file.execute_batch(&sql).unwrap();
        }
        let back = undo(&from, &forth);
        for table in &to.tables {
            file.execute_batch(&format!("DELETE FROM {}", table.name)).unwrap();
        }
        run(&file, &to, &back);
        prop_assert_eq!(described(&file), first);
        let broken: i64 = file.query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0)).unwrap();
        prop_assert_eq!(broken, 0);
    }
}
