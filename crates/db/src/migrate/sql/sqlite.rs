//! SQLite: what its `ALTER TABLE` can do, and the rebuild of a table for all else.
//!
//! The rebuild is the procedure of <https://www.sqlite.org/lang_altertable.html#otheralter>: a new table under another
//! name, the rows copied, the old table dropped, the new one renamed, indexes made again. Foreign keys must not be enforced
//! meanwhile, or dropping the old table would delete what points to it; the runner sees to that, and has them checked before
//! the commit. Triggers of the table are kept by the runner too, which alone knows them.

use super::change::Change;
use super::literal;
use crate::driver::Dialect;
use crate::schema::{Column, Existing, Index, Table, create_index, drop_search};

const SQLITE: Dialect = Dialect::Sqlite;

/// The name of a table while it is rebuilt.
pub(super) const SUFFIX: &str = "__new";

/// What tells a rebuild from other changes. Views and triggers that name the table find none while it is renamed, which is an
/// error unless SQLite is told to look away.
const LOOK_AWAY: &str = "PRAGMA legacy_alter_table = ON";

/// Whether these statements write a table anew.
pub(in crate::migrate) fn is_rebuild(statements: &[String]) -> bool {
    statements.iter().any(|sql| sql == LOOK_AWAY)
}

/// What is searched is made anew when the table is, or when a name changes that its triggers have.
pub(super) fn change(change: &Change, was: &Table, is: &Table) -> Vec<String> {
    let stays = |search: &&Index| {
        change.from == change.to
            && is.index(&search.name) == Some(search)
            && is.primary_key == was.primary_key
            && search.columns.iter().all(|column| change.after(column) == Some(column))
            && alterable(change, was, is)
    };
    let (searches, others): (Vec<_>, Vec<_>) =
        was.indexes.iter().cloned().partition(|index| index.search.is_some());
    let (staying, going): (Vec<&Index>, Vec<&Index>) = searches.iter().partition(stays);
    let (new, plain): (Vec<_>, Vec<_>) = is.indexes.iter().cloned().partition(|index| index.search.is_some());
    let mut sql: Vec<String> =
        going.iter().flat_map(|search| drop_search(&was.name, search, SQLITE)).collect();
    let without = |table: &Table, indexes| Table { indexes, ..table.clone() };
    sql.extend(change_all_else(change, &without(was, others), &without(is, plain)));
    let new = new.iter().filter(|search| !staying.contains(search));
    sql.extend(new.flat_map(|search| create_index(is, search, SQLITE, Existing::Refuse)));
    sql
}

fn change_all_else(change: &Change, was: &Table, is: &Table) -> Vec<String> {
    let mut sql = Vec::new();
    let mut now = was.clone();
    if change.from != change.to {
        sql.push(format!("ALTER TABLE {} RENAME TO {}", quote(&change.from), quote(&change.to)));
        now.name.clone_from(&change.to);
    }
    if alterable(change, &now, is) {
        for (from, to) in change.kept.iter().filter(|(from, to)| from != to) {
            sql.push(format!(
                "ALTER TABLE {} RENAME COLUMN {} TO {}",
                quote(&is.name),
                quote(from),
                quote(to)
            ));
        }
        for column in is.columns.iter().filter(|column| change.before(&column.name).is_none()) {
            let definition = is.definition(column, SQLITE);
            sql.push(format!("ALTER TABLE {} ADD COLUMN {definition}", quote(&is.name)));
        }
        let renamed = change.renamed(was);
        for index in was.indexes.iter() {
            // The columns in an index follow by themselves; its name and its filter do not.
            let follows =
                is.indexes.iter().any(|other| other.name == index.name && renamed.indexes.contains(other));
            if !follows {
                sql.push(format!("DROP INDEX {}", quote(&index.name)));
            }
        }
        for index in &is.indexes {
            let there = was.index(&index.name).is_some() && renamed.indexes.contains(index);
            if !there {
                sql.extend(create_index(is, index, SQLITE, Existing::Refuse));
            }
        }
        return sql;
    }
    sql.extend(rebuild(change, &now, is));
    sql
}

/// Whether columns are only renamed, or added such that no row needs a value, and all else stays but for indexes.
fn alterable(change: &Change, was: &Table, is: &Table) -> bool {
    let renamed = change.renamed(&Table { name: change.from.clone(), ..was.clone() });
    let same_columns = renamed.columns.iter().all(|column| is.column(&column.name) == Some(column))
        && was.columns.len() == change.kept.len();
    let new_names_in_checks = was.columns.iter().any(|column| {
        let renamed = change.after(&column.name) != Some(column.name.as_str()) || change.from != change.to;
        renamed && !crate::schema::limits("t", column, SQLITE).is_empty()
    });
    let may_be_added = |column: &Column| {
        column.nullable
            && column.default.is_none()
            && column.computed.is_none()
            && crate::schema::limits(&is.name, column, SQLITE).is_empty()
            && !is.primary_key.contains(&column.name)
    };
    let mut added = is.columns.iter().filter(|column| change.before(&column.name).is_none());
    // A name that was made from the table's is part of what `CREATE TABLE` says.
    let same_rest = renamed.foreign_keys == is.foreign_keys
        && renamed.checks == is.checks
        && renamed.primary_key == is.primary_key
        && (change.from == change.to || was.foreign_keys.is_empty());
    same_columns && same_rest && !new_names_in_checks && added.all(may_be_added) && change.fills.is_empty()
}

fn rebuild(change: &Change, was: &Table, is: &Table) -> Vec<String> {
    let temporary = format!("{}{SUFFIX}", is.name);
    let mut into = Vec::new();
    let mut from = Vec::new();
    for column in is.columns.iter().filter(|column| column.computed.is_none()) {
        let before = change.before(&column.name).and_then(|name| was.column(name));
        let value = match (before, change.fill(&column.name)) {
            (None, None) => continue,
            (None, Some(fill)) => literal::expression(fill, &column.kind, SQLITE),
            (Some(before), fill) => {
                let value = converted(before, column);
                match fill.filter(|_| before.nullable && !column.nullable) {
                    Some(fill) => {
                        format!("coalesce({value}, {})", literal::expression(fill, &column.kind, SQLITE))
                    }
                    None => value,
                }
            }
        };
        into.push(quote(&column.name));
        from.push(value);
    }
    let mut sql = vec![
        is.create_alone(&temporary, SQLITE, Existing::Refuse),
        format!(
            "INSERT INTO {} ({}) SELECT {} FROM {}",
            quote(&temporary),
            into.join(", "),
            from.join(", "),
            quote(&was.name)
        ),
    ];
    if is.columns.iter().any(|column| column.generated) {
        // The count goes on where it was: a key is not given again.
        sql.push(format!(
            "UPDATE sqlite_sequence SET seq = coalesce((SELECT seq FROM sqlite_sequence WHERE name = {old}), seq) \
             WHERE name = {new}",
            old = literal_text(&was.name),
            new = literal_text(&temporary),
        ));
    }
    sql.push(format!("DROP TABLE {}", quote(&was.name)));
    sql.push(LOOK_AWAY.to_owned());
    sql.push(format!("ALTER TABLE {} RENAME TO {}", quote(&temporary), quote(&is.name)));
    sql.push("PRAGMA legacy_alter_table = OFF".to_owned());
    sql.extend(is.indexes.iter().flat_map(|index| create_index(is, index, SQLITE, Existing::Refuse)));
    sql
}

/// The value of a column as another type keeps it. STRICT tables refuse what does not fit.
fn converted(before: &Column, after: &Column) -> String {
    let name = quote(&before.name);
    let table = Table::default();
    let word = |column: &Column| table.word(column, SQLITE);
    if word(before) == word(after) { name } else { format!("CAST({name} AS {})", word(after)) }
}

fn quote(name: &str) -> String {
    SQLITE.quote(name)
}

fn literal_text(text: &str) -> String {
    crate::schema::text_literal(text, SQLITE)
}
