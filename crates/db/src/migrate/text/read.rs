//! Reading.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Mistake;
use crate::migrate::file::{Located, Migration};
use crate::migrate::operation::{Backfill, Build, Operation, Script, Undo};
use crate::schema::{Action, Check, Column, ForeignKey, Index, Table};
use crate::search::language;

/// A file's name and where its lines begin.
struct Source {
    file: String,
    starts: Vec<usize>,
}

/// A table of TOML of which every key must be taken.
struct Fields<'a> {
    source: &'a Source,
    table: &'a DeTable<'a>,
    at: usize,
    taken: Vec<&'static str>,
}

type Value<'a> = &'a Spanned<DeValue<'a>>;

/// The migration in `text`; `name` is the file's name without its ending.
pub fn read_migration(file: &str, name: &str, text: &str) -> Result<Migration, Mistake> {
    let source = Source::new(file, text);
    let table = source.parse(text)?;
    let mut fields = Fields::new(&source, table.get_ref(), 0);
    let after = match fields.value("after") {
        None => Vec::new(),
        Some(value) if matches!(value.get_ref(), DeValue::Array(_)) => fields.texts("after")?,
        Some(value) => vec![source.text(value)?],
    };
    let mut operations = Vec::new();
    if let Some(list) = fields.value("operations") {
        for item in source.array(list)? {
            let DeValue::Table(table) = item.get_ref() else {
                return source.mistake(item.span().start, "an operation is a table: [[operations]]");
            };
            // The place of the first key: the header of `[[operations]]` has no place of its own.
            let at = table.keys().map(|key| key.span().start).min().unwrap_or(item.span().start);
            let fields = Fields::new(&source, table, at);
            operations.push(Located { line: source.line(at), operation: operation(fields)? });
        }
    }
    fields.finish()?;
    Ok(Migration { name: name.to_owned(), file: file.to_owned(), after, operations })
}

/// The names in the list of `snapshot.toml`.
pub fn read_snapshot_list(file: &str, text: &str) -> Result<Vec<String>, Mistake> {
    let source = Source::new(file, text);
    let table = source.parse(text)?;
    Fields::new(&source, table.get_ref(), 0).texts("migrations")
}

const VERBS: &[&str] = &[
    "create_table",
    "drop_table",
    "rename_table",
    "add_column",
    "drop_column",
    "alter_column",
    "rename_column",
    "add_index",
    "drop_index",
    "add_foreign_key",
    "drop_foreign_key",
    "add_check",
    "drop_check",
    "run_sql",
    "run",
];

fn operation(mut fields: Fields<'_>) -> Result<Operation, Mistake> {
    let verbs: Vec<&'static str> = VERBS.iter().copied().filter(|verb| fields.has(verb)).collect();
    let [verb] = verbs.as_slice() else {
        let what = match verbs.as_slice() {
            [] => format!("an operation begins with one of: {}", VERBS.join(", ")),
            several => format!("one operation at a time, and not {}", several.join(" and ")),
        };
        return fields.source.mistake(fields.at, what);
    };
    let target = fields.text(verb)?;
    let operation = match *verb {
        "create_table" => Operation::CreateTable(table(&mut fields, target)?),
        "drop_table" => Operation::DropTable(target),
        "rename_table" => Operation::RenameTable { from: target, to: fields.text("to")? },
        "add_column" => {
            let (table, name) = fields.column_of(&target)?;
            Operation::AddColumn { table, column: column(&mut fields, name)?, fill: fill(&mut fields)? }
        }
        "alter_column" => {
            let (table, name) = fields.column_of(&target)?;
            Operation::AlterColumn { table, column: column(&mut fields, name)?, fill: fill(&mut fields)? }
        }
        "drop_column" => {
            let (table, column) = fields.column_of(&target)?;
            Operation::DropColumn { table, column }
        }
        "rename_column" => {
            let (table, from) = fields.column_of(&target)?;
            Operation::RenameColumn { table, from, to: fields.text("to")? }
        }
        "add_index" => {
            let build = if fields.flag("concurrently")? { Build::Concurrently } else { Build::Locking };
            Operation::AddIndex { table: target, index: index(&mut fields)?, build }
        }
        "drop_index" => Operation::DropIndex { table: target, name: fields.text("name")? },
        "add_foreign_key" => Operation::AddForeignKey { table: target, key: foreign_key(&mut fields)? },
        "drop_foreign_key" => Operation::DropForeignKey { table: target, name: fields.text("name")? },
        "add_check" => Operation::AddCheck { table: target, check: check(&mut fields)? },
        "drop_check" => Operation::DropCheck { table: target, name: fields.text("name")? },
        "run_sql" => {
            let up = fields.script("up")?.unwrap_or_default();
            let down = fields.script("down")?;
            Operation::RunSql { what: target, up, down: fields.undo(down)? }
        }
        _ => {
            let undo = fields.flag("reversible")?.then_some(());
            Operation::Run { name: target, down: fields.undo(undo)? }
        }
    };
    fields.finish()?;
    Ok(operation)
}

fn table(fields: &mut Fields<'_>, name: String) -> Result<Table, Mistake> {
    Ok(Table {
        name,
        columns: fields.each("columns", |fields| {
            let name = fields.text("name")?;
            column(fields, name)
        })?,
        primary_key: fields.texts("primary_key")?,
        indexes: fields.each("indexes", index)?,
        foreign_keys: fields.each("foreign_keys", foreign_key)?,
        checks: fields.each("checks", check)?,
    })
}

fn column(fields: &mut Fields<'_>, name: String) -> Result<Column, Mistake> {
    let kind = fields.value("type");
    let word = fields.text("type")?;
    let at = kind.map_or(fields.at, |value| value.span().start);
    let kind = word.parse().or_else(|what: String| fields.source.mistake(at, what))?;
    Ok(Column {
        name,
        kind,
        nullable: fields.flag("nullable")?,
        generated: fields.flag("generated")?,
        default: fields.maybe_text("default_sql")?,
        computed: fields.maybe_text("computed")?,
        one_of: fields.texts("one_of")?,
        min_length: fields.number("min_length")?,
        min: fields.maybe_text("min")?,
        max: fields.maybe_text("max")?,
        check: fields.maybe_text("check")?,
    })
}

fn index(fields: &mut Fields<'_>) -> Result<Index, Mistake> {
    let index = Index {
        name: fields.text("name")?,
        columns: fields.texts("columns")?,
        expression: fields.maybe_text("expression")?,
        unique: fields.flag("unique")?,
        filter: fields.maybe_text("where")?,
        using: fields.maybe_text("using")?,
        search: fields.language("search")?,
    };
    let is_plain =
        index.expression.is_none() && !index.unique && index.filter.is_none() && index.using.is_none();
    if index.search.is_some() && (!is_plain || index.columns.is_empty()) {
        return fields.source.mistake(fields.at, "a search has `name` and `columns`, and nothing else");
    }
    Ok(index)
}

fn foreign_key(fields: &mut Fields<'_>) -> Result<ForeignKey, Mistake> {
    Ok(ForeignKey {
        name: fields.text("name")?,
        columns: fields.texts("columns")?,
        table: fields.text("to")?,
        keys: fields.texts("keys")?,
        on_delete: fields.action("on_delete")?,
        on_update: fields.action("on_update")?,
    })
}

fn check(fields: &mut Fields<'_>) -> Result<Check, Mistake> {
    Ok(Check { name: fields.text("name")?, sql: fields.text("sql")? })
}

fn fill(fields: &mut Fields<'_>) -> Result<Option<Backfill>, Mistake> {
    let Some(value) = fields.value("fill") else { return Ok(None) };
    Ok(Some(match value.get_ref() {
        DeValue::Boolean(value) => Backfill::Bool(*value),
        DeValue::Integer(_) => {
            let text = fields.source.text(value)?;
            text.parse().map_or(Backfill::Number(text), Backfill::Int)
        }
        DeValue::Float(_) => Backfill::Number(fields.source.text(value)?),
        DeValue::String(text) => Backfill::Text(text.to_string()),
        DeValue::Table(table) => {
            let mut inner = Fields::new(fields.source, table, value.span().start);
            let fill = if inner.flag("now")? { Backfill::Now } else { Backfill::Sql(inner.text("sql")?) };
            inner.finish()?;
            fill
        }
        _ => return fields.source.mistake(value.span().start, FILLS),
    }))
}

const FILLS: &str = "`fill` is a value, { now = true } or { sql = \"…\" }";

impl Source {
    fn new(file: &str, text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file: file.to_owned(), starts }
    }

    fn parse<'a>(&self, text: &'a str) -> Result<Spanned<DeTable<'a>>, Mistake> {
        if let Some(line) = text.lines().position(|line| line.starts_with("<<<<<<<")) {
            return Err(Mistake {
                file: self.file.clone(),
                line: line + 1,
                what: "git has left a conflict here: take either side, then run `makemigrations --merge`"
                    .to_owned(),
            });
        }
        DeTable::parse(text).map_err(|fault| Mistake {
            file: self.file.clone(),
            line: self.line(fault.span().map_or(0, |span| span.start)),
            what: format!("this is not TOML: {}", fault.message()),
        })
    }

    /// Counted from 1.
    fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|start| *start <= byte).max(1)
    }

    fn mistake<T>(&self, at: usize, what: impl Into<String>) -> Result<T, Mistake> {
        Err(Mistake { file: self.file.clone(), line: self.line(at), what: what.into() })
    }

    /// A text, or a number as it is written.
    fn text(&self, value: Value<'_>) -> Result<String, Mistake> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(number) => Ok(number.to_string()),
            DeValue::Float(number) => Ok(number.to_string()),
            _ => self.mistake(value.span().start, "a text is expected here"),
        }
    }

    fn array<'a>(&self, value: Value<'a>) -> Result<&'a [Spanned<DeValue<'a>>], Mistake> {
        match value.get_ref() {
            DeValue::Array(items) => Ok(items),
            _ => self.mistake(value.span().start, "a list is expected here"),
        }
    }
}

impl<'a> Fields<'a> {
    fn new(source: &'a Source, table: &'a DeTable<'a>, at: usize) -> Self {
        Self { source, table, at, taken: Vec::new() }
    }

    fn has(&self, key: &str) -> bool {
        self.table.keys().any(|known| known.get_ref() == key)
    }

    fn value(&mut self, key: &'static str) -> Option<Value<'a>> {
        if !self.taken.contains(&key) {
            self.taken.push(key);
        }
        self.table.iter().find(|(known, _)| known.get_ref() == key).map(|(_, value)| value)
    }

    fn text(&mut self, key: &'static str) -> Result<String, Mistake> {
        match self.maybe_text(key)? {
            Some(text) => Ok(text),
            None => self.source.mistake(self.at, format!("`{key}` is missing")),
        }
    }

    fn maybe_text(&mut self, key: &'static str) -> Result<Option<String>, Mistake> {
        self.value(key).map(|value| self.source.text(value)).transpose()
    }

    /// The language of a search.
    fn language(&mut self, key: &'static str) -> Result<Option<String>, Mistake> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let language = self.source.text(value)?;
        if language::is_known(&language) {
            return Ok(Some(language));
        }
        let known = language::KNOWN.join(", ");
        let what = format!("`{language}` is no language of a search; there are {known}");
        self.source.mistake(value.span().start, what)
    }

    fn texts(&mut self, key: &'static str) -> Result<Vec<String>, Mistake> {
        let Some(list) = self.value(key) else { return Ok(Vec::new()) };
        self.source.array(list)?.iter().map(|item| self.source.text(item)).collect()
    }

    fn flag(&mut self, key: &'static str) -> Result<bool, Mistake> {
        match self.value(key) {
            None => Ok(false),
            Some(value) => match value.get_ref() {
                DeValue::Boolean(value) => Ok(*value),
                _ => self.source.mistake(value.span().start, format!("`{key}` is true or false")),
            },
        }
    }

    fn number(&mut self, key: &'static str) -> Result<Option<u32>, Mistake> {
        let Some(value) = self.value(key) else { return Ok(None) };
        match self.source.text(value)?.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => self.source.mistake(value.span().start, format!("`{key}` is a number of characters")),
        }
    }

    fn action(&mut self, key: &'static str) -> Result<Action, Mistake> {
        let Some(value) = self.value(key) else { return Ok(Action::NoAction) };
        Action::named(&self.source.text(value)?).map_or_else(
            || {
                let known = "no_action, restrict, cascade, set_null or set_default";
                self.source.mistake(value.span().start, format!("`{key}` is {known}"))
            },
            Ok,
        )
    }

    fn each<T>(
        &mut self,
        key: &'static str,
        read: impl Fn(&mut Fields<'_>) -> Result<T, Mistake>,
    ) -> Result<Vec<T>, Mistake> {
        let Some(list) = self.value(key) else { return Ok(Vec::new()) };
        let mut read_all = Vec::new();
        for item in self.source.array(list)? {
            let DeValue::Table(table) = item.get_ref() else {
                return self.source.mistake(item.span().start, format!("`{key}` is a list of {{ … }}"));
            };
            let mut fields = Fields::new(self.source, table, item.span().start);
            read_all.push(read(&mut fields)?);
            fields.finish()?;
        }
        Ok(read_all)
    }

    fn column_of(&self, target: &str) -> Result<(String, String), Mistake> {
        match target.rsplit_once('.') {
            Some((table, column)) if !table.is_empty() && !column.is_empty() => {
                Ok((table.to_owned(), column.to_owned()))
            }
            _ => self.source.mistake(self.at, format!("`{target}` names no column: write \"table.column\"")),
        }
    }

    /// One text for every engine, or one for each.
    fn script(&mut self, key: &'static str) -> Result<Option<Script>, Mistake> {
        let Some(value) = self.value(key) else { return Ok(None) };
        let DeValue::Table(table) = value.get_ref() else {
            return Ok(Some(Script::same(self.source.text(value)?)));
        };
        let mut inner = Fields::new(self.source, table, value.span().start);
        let script = Script {
            all: inner.maybe_text("all")?,
            sqlite: inner.maybe_text("sqlite")?,
            postgres: inner.maybe_text("postgres")?,
            mysql: inner.maybe_text("mysql")?,
        };
        inner.finish()?;
        Ok(Some(script))
    }

    /// How it is undone: a step by hand must say so.
    fn undo<T>(&mut self, by: Option<T>) -> Result<Undo<T>, Mistake> {
        let never = self.flag("irreversible")?;
        let nothing = self.flag("nothing_to_undo")?;
        match (by, never, nothing) {
            (Some(by), false, false) => Ok(Undo::By(by)),
            (None, true, false) => Ok(Undo::Never),
            (None, false, true) => Ok(Undo::Nothing),
            (None, false, false) => self.source.mistake(
                self.at,
                "say how this is undone: `down = \"…\"` (`reversible = true` for a function), `nothing_to_undo = true` or \
                 `irreversible = true`",
            ),
            _ => self.source.mistake(self.at, "say only one way in which this is undone, or not"),
        }
    }

    /// Every key must have been taken: one that nobody reads is a slip of the pen.
    fn finish(self) -> Result<(), Mistake> {
        let unknown = self.table.keys().find(|key| !self.taken.iter().any(|taken| key.get_ref() == taken));
        let Some(unknown) = unknown else { return Ok(()) };
        let what = format!("unknown key `{}`; known here: {}", unknown.get_ref(), self.taken.join(", "));
        self.source.mistake(unknown.span().start, what)
    }
}
