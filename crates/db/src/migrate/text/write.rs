//! Writing.

use std::fmt::Write as _;

use crate::migrate::file::Migration;
use crate::migrate::operation::{Backfill, Build, Operation, Script, Undo};
use crate::schema::{Action, Check, Column, ForeignKey, Index, Schema, Table};

/// A migration as text. `comments` stands above each operation: what it does, and what to think of.
pub fn write_migration(migration: &Migration, comments: &[Vec<String>]) -> String {
    let mut text = String::new();
    match migration.after.as_slice() {
        [] => text.push_str("after = []\n"),
        [one] => line(&mut text, "after", &quote(one)),
        several => line(&mut text, "after", &list(several)),
    }
    for (position, located) in migration.operations.iter().enumerate() {
        text.push('\n');
        for comment in comments.get(position).into_iter().flatten() {
            let _ = writeln!(text, "# {comment}");
        }
        text.push_str("[[operations]]\n");
        operation(&mut text, &located.operation);
    }
    text
}

/// `snapshot.toml`: the list of migrations, and the schema that they leave.
pub fn write_snapshot(migrations: &[String], schema: &Schema) -> String {
    let mut text = String::from(
        "# What the migrations in this folder leave. Written by `makemigrations`; not for editing. When git reports a\n\
         # conflict here, two branches have made migrations: take either side, and run `makemigrations --merge`.\n\
         migrations = [\n",
    );
    for name in migrations {
        let _ = writeln!(text, "    {},", quote(name));
    }
    text.push_str("]\n");
    for described in &schema.tables {
        text.push_str("\n[[tables]]\n");
        line(&mut text, "name", &quote(&described.name));
        table(&mut text, described);
    }
    text
}

fn operation(text: &mut String, operation: &Operation) {
    match operation {
        Operation::CreateTable(created) => {
            line(text, "create_table", &quote(&created.name));
            table(text, created);
        }
        Operation::DropTable(name) => line(text, "drop_table", &quote(name)),
        Operation::RenameTable { from, to } => {
            line(text, "rename_table", &quote(from));
            line(text, "to", &quote(to));
        }
        Operation::AddColumn { table, column, fill } => {
            line(text, "add_column", &quote(&format!("{table}.{}", column.name)));
            lines(text, &column_fields(column));
            fill_line(text, fill.as_ref());
        }
        Operation::AlterColumn { table, column, fill } => {
            line(text, "alter_column", &quote(&format!("{table}.{}", column.name)));
            lines(text, &column_fields(column));
            fill_line(text, fill.as_ref());
        }
        Operation::DropColumn { table, column } => {
            line(text, "drop_column", &quote(&format!("{table}.{column}")));
        }
        Operation::RenameColumn { table, from, to } => {
            line(text, "rename_column", &quote(&format!("{table}.{from}")));
            line(text, "to", &quote(to));
        }
        Operation::AddIndex { table, index, build } => {
            line(text, "add_index", &quote(table));
            lines(text, &index_fields(index));
            if *build == Build::Concurrently {
                line(text, "concurrently", "true");
            }
        }
        Operation::AddForeignKey { table, key } => {
            line(text, "add_foreign_key", &quote(table));
            lines(text, &key_fields(key));
        }
        Operation::AddCheck { table, check } => {
            line(text, "add_check", &quote(table));
            lines(text, &check_fields(check));
        }
        Operation::DropIndex { table, name } => dropped(text, "drop_index", table, name),
        Operation::DropForeignKey { table, name } => dropped(text, "drop_foreign_key", table, name),
        Operation::DropCheck { table, name } => dropped(text, "drop_check", table, name),
        Operation::RunSql { what, up, down } => {
            line(text, "run_sql", &quote(what));
            script(text, "up", up);
            match down {
                Undo::By(down) => script(text, "down", down),
                Undo::Nothing => line(text, "nothing_to_undo", "true"),
                Undo::Never => line(text, "irreversible", "true"),
            }
        }
        Operation::Run { name, down } => {
            line(text, "run", &quote(name));
            let undo = match down {
                Undo::By(()) => "reversible",
                Undo::Nothing => "nothing_to_undo",
                Undo::Never => "irreversible",
            };
            line(text, undo, "true");
        }
    }
}

fn dropped(text: &mut String, verb: &str, table: &str, name: &str) {
    line(text, verb, &quote(table));
    line(text, "name", &quote(name));
}

fn table(text: &mut String, table: &Table) {
    let named = |name: &str, mut fields: Vec<(&'static str, String)>| {
        fields.insert(0, ("name", quote(name)));
        inline(&fields)
    };
    items(text, "columns", table.columns.iter().map(|column| named(&column.name, column_fields(column))));
    line(text, "primary_key", &list(&table.primary_key));
    items(text, "indexes", table.indexes.iter().map(|index| inline(&index_fields(index))));
    items(text, "foreign_keys", table.foreign_keys.iter().map(|key| inline(&key_fields(key))));
    items(text, "checks", table.checks.iter().map(|check| inline(&check_fields(check))));
}

type Pairs = Vec<(&'static str, String)>;

fn column_fields(column: &Column) -> Pairs {
    let mut fields = vec![("type", quote(&column.kind.to_string()))];
    if column.nullable {
        fields.push(("nullable", "true".to_owned()));
    }
    if column.generated {
        fields.push(("generated", "true".to_owned()));
    }
    maybe(&mut fields, "default_sql", column.default.as_deref());
    maybe(&mut fields, "computed", column.computed.as_deref());
    if !column.one_of.is_empty() {
        let numbers = column.kind.is_integer();
        let values = if numbers { format!("[{}]", column.one_of.join(", ")) } else { list(&column.one_of) };
        fields.push(("one_of", values));
    }
    if let Some(least) = column.min_length {
        fields.push(("min_length", least.to_string()));
    }
    maybe(&mut fields, "min", column.min.as_deref());
    maybe(&mut fields, "max", column.max.as_deref());
    maybe(&mut fields, "check", column.check.as_deref());
    fields
}

fn index_fields(index: &Index) -> Pairs {
    let mut fields = vec![("name", quote(&index.name))];
    if !index.columns.is_empty() {
        fields.push(("columns", list(&index.columns)));
    }
    maybe(&mut fields, "expression", index.expression.as_deref());
    if index.unique {
        fields.push(("unique", "true".to_owned()));
    }
    maybe(&mut fields, "where", index.filter.as_deref());
    maybe(&mut fields, "using", index.using.as_deref());
    maybe(&mut fields, "search", index.search.as_deref());
    fields
}

fn key_fields(key: &ForeignKey) -> Pairs {
    let mut fields = vec![
        ("name", quote(&key.name)),
        ("columns", list(&key.columns)),
        ("to", quote(&key.table)),
        ("keys", list(&key.keys)),
    ];
    for (name, action) in [("on_delete", key.on_delete), ("on_update", key.on_update)] {
        if action != Action::NoAction {
            fields.push((name, quote(action.word())));
        }
    }
    fields
}

fn check_fields(check: &Check) -> Pairs {
    vec![("name", quote(&check.name)), ("sql", quote(&check.sql))]
}

fn maybe(fields: &mut Pairs, key: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        fields.push((key, quote(value)));
    }
}

fn fill_line(text: &mut String, fill: Option<&Backfill>) {
    let Some(fill) = fill else { return };
    let value = match fill {
        Backfill::Bool(value) => value.to_string(),
        Backfill::Int(value) => value.to_string(),
        Backfill::Number(value) => number(value),
        Backfill::Text(value) => quote(value),
        Backfill::Now => "{ now = true }".to_owned(),
        Backfill::Sql(sql) => format!("{{ sql = {} }}", quote(sql)),
    };
    line(text, "fill", &value);
}

/// A number as TOML writes it; as text when TOML cannot.
fn number(value: &str) -> String {
    let written = value.parse::<f64>().is_ok_and(f64::is_finite)
        && value.contains('.')
        && !value.starts_with('.')
        && !value.ends_with('.');
    if written || value.parse::<i64>().is_ok() { value.to_owned() } else { quote(value) }
}

fn script(text: &mut String, key: &str, script: &Script) {
    let each = [
        ("all", &script.all),
        ("sqlite", &script.sqlite),
        ("postgres", &script.postgres),
        ("mysql", &script.mysql),
    ];
    if let Some(sql) = script.all.as_deref().filter(|_| each[1..].iter().all(|(_, sql)| sql.is_none())) {
        return line(text, key, &block(sql));
    }
    for (engine, sql) in each {
        if let Some(sql) = sql {
            line(text, &format!("{key}.{engine}"), &block(sql));
        }
    }
}

fn lines(text: &mut String, fields: &Pairs) {
    for (key, value) in fields {
        line(text, key, value);
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "{key} = {value}");
}

fn items(text: &mut String, key: &str, items: impl ExactSizeIterator<Item = String>) {
    if items.len() == 0 {
        return;
    }
    let _ = writeln!(text, "{key} = [");
    for item in items {
        let _ = writeln!(text, "    {item},");
    }
    text.push_str("]\n");
}

fn inline(fields: &Pairs) -> String {
    let fields: Vec<String> = fields.iter().map(|(key, value)| format!("{key} = {value}")).collect();
    format!("{{ {} }}", fields.join(", "))
}

fn list(items: &[String]) -> String {
    let items: Vec<String> = items.iter().map(|item| quote(item)).collect();
    format!("[{}]", items.join(", "))
}

/// A text on several lines as such, where nothing in it has to be escaped.
fn block(text: &str) -> String {
    let plain = text.contains('\n')
        && !text.contains("'''")
        && !text.ends_with('\'')
        && text.chars().all(|letter| letter == '\n' || letter == '\t' || !letter.is_control());
    if plain { format!("'''\n{text}'''") } else { quote(text) }
}

fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}
