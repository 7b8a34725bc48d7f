//! From a schema to the models that would need it, as source: for a database that was there first.

use std::fmt::Write as _;

use super::structure::{Action, Column, ColumnType, ForeignKey, Index, Schema, Table};
use crate::search::language;

/// The models, as Rust. What has no place in a model stands in a comment.
pub fn source(schema: &Schema) -> String {
    let mut text = String::from("use mainstay::prelude::*;\n");
    for table in &schema.tables {
        text.push('\n');
        model(&mut text, table, schema);
    }
    text
}

fn model(text: &mut String, table: &Table, schema: &Schema) {
    let name = struct_name(&table.name);
    let _ = writeln!(text, "#[model(table = \"{}\")]", table.name);
    for index in table.indexes.iter().filter(|index| !index.columns.is_empty() && !is_of_field(index)) {
        if let Some(language) = &index.search {
            let fields: Vec<String> = index.columns.iter().map(|column| field_name(table, column)).collect();
            let language = Some(language).filter(|language| *language != language::NONE);
            let language = language.map(|language| format!(", language = {language:?}")).unwrap_or_default();
            let _ = writeln!(text, "#[search({}{language})]", fields.join(", "));
            continue;
        }
        let word = if index.unique { "unique" } else { "index" };
        let fields: Vec<String> = index.columns.iter().map(|column| field_name(table, column)).collect();
        let filter = index.filter.as_ref().map(|sql| format!(", where = {sql:?}")).unwrap_or_default();
        let using = index.using.as_ref().map(|method| format!(", using = {method:?}")).unwrap_or_default();
        let _ = writeln!(text, "#[{word}({}{filter}{using})]", fields.join(", "));
    }
    let _ = writeln!(text, "pub struct {name} {{");
    for column in &table.columns {
        field(text, table, column);
    }
    let mut names: Vec<String> = table.columns.iter().map(|column| field_name(table, &column.name)).collect();
    for key in table.foreign_keys.iter().filter(|key| key.columns.len() > 1) {
        relation_by_fields(text, table, schema.table(&key.table), key, &mut names);
    }
    text.push_str("}\n");
}

/// A relation whose key several columns have.
fn relation_by_fields(
    text: &mut String,
    table: &Table,
    target: Option<&Table>,
    key: &ForeignKey,
    names: &mut Vec<String>,
) {
    let primary = target.map(|target| target.primary_key.as_slice()).unwrap_or_default();
    let column_of = |part: &String| {
        let place = key.keys.iter().position(|name| name == part)?;
        key.columns.get(place)
    };
    let columns: Option<Vec<&String>> = primary.iter().map(column_of).collect();
    let Some(columns) = columns.filter(|columns| !columns.is_empty() && columns.len() == key.columns.len())
    else {
        let columns = key.columns.join("`, `");
        let _ = writeln!(
            text,
            "    // `{columns}` refer to other columns of `{}` than its primary key, which models cannot.",
            key.table
        );
        return;
    };
    let fields: Vec<String> = columns.iter().map(|column| field_name(table, column)).collect();
    let target = struct_name(&key.table);
    let mut name = snake(&target);
    while names.contains(&name) {
        name.push('_');
    }
    let mut said = vec![format!("fields({})", fields.join(", "))];
    said.extend(actions(key));
    let nullable = columns.iter().any(|name| table.column(name).is_some_and(|column| column.nullable));
    let kind = format!("BelongsTo<{target}>");
    let kind = if nullable { format!("Option<{kind}>") } else { kind };
    let _ = writeln!(text, "    #[belongs_to({})]\n    pub {name}: {kind},", said.join(", "));
    names.push(name);
}

/// Whether it is said above its field, and not above the struct.
fn is_of_field(index: &Index) -> bool {
    index.columns.len() == 1 && index.filter.is_none() && index.using.is_none() && index.search.is_none()
}

fn field(text: &mut String, table: &Table, column: &Column) {
    let mut settings = Vec::new();
    let key = table.primary_key.contains(&column.name);
    if key && (table.primary_key.len() > 1 || column.name != "id") {
        settings.push("primary_key".to_owned());
    }
    let relation = relation_of(table, column);
    let mut own = table.indexes.iter().filter(|index| is_of_field(index));
    if let Some(index) = own.find(|index| index.columns == [column.name.as_str()]) {
        if index.unique {
            settings.push("unique".to_owned());
        } else if relation.is_none() {
            settings.push("index".to_owned());
        }
    }
    match &column.kind {
        ColumnType::Text(Some(most)) => settings.push(format!("max_length = {most}")),
        ColumnType::Decimal(Some((precision, scale))) => {
            settings.push(format!("precision = {precision}, scale = {scale}"));
        }
        ColumnType::Other(word) => {
            let _ = writeln!(
                text,
                "    // `{}` is `{word}` in the database, which models do not have.",
                column.name
            );
        }
        _ => {}
    }
    if let Some(sql) = &column.computed {
        settings.push(format!("generated = {sql:?}"));
    }
    if let Some(default) = &column.default {
        settings.push(format!("default_sql = {default:?}"));
    }
    let name = field_name(table, &column.name);
    let usual = relation.map_or(name.clone(), |_| format!("{name}_id"));
    if usual != column.name {
        settings.push(format!("column = {:?}", column.name));
    }
    if !settings.is_empty() {
        let _ = writeln!(text, "    #[field({})]", settings.join(", "));
    }
    let kind = match relation {
        Some(key) => {
            let actions = actions(key);
            let actions =
                if actions.is_empty() { String::new() } else { format!("({})", actions.join(", ")) };
            let _ = writeln!(text, "    #[belongs_to{actions}]");
            format!("BelongsTo<{}>", struct_name(&key.table))
        }
        None => rust_type(&column.kind),
    };
    let kind = if column.nullable { format!("Option<{kind}>") } else { kind };
    let _ = writeln!(text, "    pub {name}: {kind},");
}

/// What becomes of the row, where that is not what it is by itself.
fn actions(key: &ForeignKey) -> Vec<String> {
    [("on_delete", key.on_delete), ("on_update", key.on_update)]
        .into_iter()
        .filter(|(_, action)| matches!(action, Action::Cascade | Action::SetNull))
        .map(|(when, action)| format!("{when} = {}", action.word()))
        .collect()
}

fn relation_of<'a>(table: &'a Table, column: &Column) -> Option<&'a ForeignKey> {
    table.foreign_keys.iter().find(|key| key.columns == [column.name.as_str()])
}

/// A relation is called as its column, without `_id`; a word of Rust gets an underscore.
fn field_name(table: &Table, column: &str) -> String {
    let is_relation = table.foreign_keys.iter().any(|key| key.columns == [column]);
    let name = column.strip_suffix("_id").filter(|name| is_relation && !name.is_empty()).unwrap_or(column);
    let name: String = name
        .chars()
        .map(|letter| if letter.is_alphanumeric() { letter.to_ascii_lowercase() } else { '_' })
        .collect();
    const WORDS: [&str; 14] = [
        "as", "box", "const", "crate", "else", "enum", "fn", "in", "loop", "match", "mod", "move", "ref",
        "type",
    ];
    if WORDS.contains(&name.as_str()) { format!("{name}_") } else { name }
}

/// `BlogPost` as `blog_post`.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 2);
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// `blog_posts` as `BlogPost`.
fn struct_name(table: &str) -> String {
    let one = match table {
        table if table.ends_with("ies") => format!("{}y", &table[..table.len() - 3]),
        table if table.ends_with("ss") || !table.ends_with('s') => table.to_owned(),
        table => table[..table.len() - 1].to_owned(),
    };
    let words = one.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words
        .map(|word| {
            let mut letters = word.chars();
            letters
                .next()
                .map(|first| first.to_uppercase().chain(letters).collect::<String>())
                .unwrap_or_default()
        })
        .collect()
}

fn rust_type(kind: &ColumnType) -> String {
    let word = match kind {
        ColumnType::SmallInt => "i16",
        ColumnType::Int => "i32",
        ColumnType::BigInt => "i64",
        ColumnType::Real => "f32",
        ColumnType::Double => "f64",
        ColumnType::Decimal(_) => "Decimal",
        ColumnType::Bool => "bool",
        ColumnType::Text(_) | ColumnType::Other(_) => "String",
        ColumnType::Bytes => "Vec<u8>",
        ColumnType::DateTime => "DateTime<Utc>",
        ColumnType::Date => "NaiveDate",
        ColumnType::Time => "NaiveTime",
        ColumnType::Json => "Json<serde_json::Value>",
        ColumnType::Uuid => "Uuid",
        ColumnType::Array(of) => return format!("Vec<{}>", rust_type(of)),
    };
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_models_and_fields_as_people_would() {
        for (table, name) in [
            ("blog_posts", "BlogPost"),
            ("categories", "Category"),
            ("staff", "Staff"),
            ("Order Lines", "OrderLine"),
        ] {
            assert_eq!(struct_name(table), name);
        }
        assert_eq!(field_name(&Table::default(), "type"), "type_");
        assert_eq!(field_name(&Table::default(), "author_id"), "author_id");
    }
}
