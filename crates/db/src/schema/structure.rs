//! What a database looks like, as a value: neutral to the engine, owned, comparable.
//!
//! Models are turned into it, migrations change it step by step, and the schema of a live database is read into it. What
//! differs between two of them is what a migration does, or what has drifted.

use std::fmt;
use std::str::FromStr;

use crate::value::SqlType;

/// The tables of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// In the order in which they were made.
    pub tables: Vec<Table>,
}

/// A table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<Column>,
    /// The columns of the primary key, in order.
    pub primary_key: Vec<String>,
    /// Its indexes and unique constraints.
    pub indexes: Vec<Index>,
    /// Its foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Its checks, but for those that follow from a column.
    pub checks: Vec<Check>,
}

/// A column. Its limits are checks of the table, named `<table>_<column>_choice`, `_min`, `_max`, `_range` and `_check`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: ColumnType,
    /// Whether it can be NULL.
    pub nullable: bool,
    /// Whether the engine counts its values.
    pub generated: bool,
    /// What it is without a value: SQL.
    pub default: Option<String>,
    /// What the engine computes it from: SQL. It is stored with the row.
    pub computed: Option<String>,
    /// The texts or whole numbers that it can have, when they are few; empty when it can have any.
    pub one_of: Vec<String>,
    /// The least number of characters.
    pub min_length: Option<u32>,
    /// The least number, as it is written.
    pub min: Option<String>,
    /// The greatest number, as it is written.
    pub max: Option<String>,
    /// A condition on it: SQL.
    pub check: Option<String>,
}

/// The type of a column.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// 16 bits.
    SmallInt,
    /// 32 bits.
    Int,
    /// 64 bits.
    BigInt,
    /// A floating-point number of 32 bits.
    Real,
    /// A floating-point number of 64 bits.
    Double,
    /// An exact number, with so many digits in all and after the point.
    Decimal(Option<(u32, u32)>),
    /// A truth value.
    Bool,
    /// Text, of at most so many characters.
    Text(Option<u32>),
    /// Bytes.
    Bytes,
    /// A point in time.
    DateTime,
    /// A day.
    Date,
    /// A time of day.
    Time,
    /// A JSON document.
    Json,
    /// A universally unique identifier.
    Uuid,
    /// A list of values of one type.
    Array(Box<Self>),
    /// A type of the engine that no model has: read from a live database.
    Other(String),
}

/// An index, or a unique constraint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Index {
    /// Its name, of which there is one in a database.
    pub name: String,
    /// Its columns, in order; empty when it is over an expression.
    pub columns: Vec<String>,
    /// What it is over, when that is no column: SQL.
    pub expression: Option<String>,
    /// Whether no two rows may share the values.
    pub unique: bool,
    /// Which rows it is about: SQL.
    pub filter: Option<String>,
    /// How it is kept, when not as the engine does by itself: `gin`.
    pub using: Option<String>,
    /// Whose words it is of, when rows are searched by it: `english`, or `simple` for words as they are. Its columns are
    /// texts then, the weightiest first, and a table has one at most.
    pub search: Option<String>,
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignKey {
    /// Its name.
    pub name: String,
    /// The columns that point.
    pub columns: Vec<String>,
    /// The table that they point to.
    pub table: String,
    /// The columns there.
    pub keys: Vec<String>,
    /// What becomes of a row when the one that it points to is deleted.
    pub on_delete: Action,
    /// What becomes of it when the key there changes.
    pub on_update: Action,
}

/// What becomes of a row that points to one that goes or changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// The change is refused, at the end of the statement.
    #[default]
    NoAction,
    /// The change is refused.
    Restrict,
    /// It goes too, or changes with it.
    Cascade,
    /// Its columns become NULL.
    SetNull,
    /// Its columns get their defaults.
    SetDefault,
}

/// A condition that every row fulfils.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// The condition.
    pub sql: String,
}

impl Schema {
    /// The table called so.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    pub(crate) fn table_mut(&mut self, name: &str) -> Option<&mut Table> {
        self.tables.iter_mut().find(|table| table.name == name)
    }

    /// The same with everything in alphabetical order: two schemas that differ in order alone are equal then.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.tables.sort_by(|a, b| a.name.cmp(&b.name));
        for table in &mut self.tables {
            table.columns.sort_by(|a, b| a.name.cmp(&b.name));
            table.indexes.sort_by(|a, b| a.name.cmp(&b.name));
            table.foreign_keys.sort_by(|a, b| a.name.cmp(&b.name));
            table.checks.sort_by(|a, b| a.name.cmp(&b.name));
        }
        self
    }
}

impl Table {
    /// The column called so.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The index called so.
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// The foreign key called so.
    pub fn foreign_key(&self, name: &str) -> Option<&ForeignKey> {
        self.foreign_keys.iter().find(|key| key.name == name)
    }

    /// The check called so.
    pub fn check(&self, name: &str) -> Option<&Check> {
        self.checks.iter().find(|check| check.name == name)
    }

    /// Whether the column is in the primary key or in an index.
    pub(crate) fn is_indexed(&self, column: &str) -> bool {
        let within = |columns: &[String]| columns.iter().any(|name| name == column);
        within(&self.primary_key)
            || self.indexes.iter().any(|index| index.search.is_none() && within(&index.columns))
            || self.foreign_keys.iter().any(|key| within(&key.columns))
    }
}

impl Column {
    /// A column that must have a value.
    pub fn new(name: impl Into<String>, kind: ColumnType) -> Self {
        Self {
            name: name.into(),
            kind,
            nullable: false,
            generated: false,
            default: None,
            computed: None,
            one_of: Vec::new(),
            min_length: None,
            min: None,
            max: None,
            check: None,
        }
    }
}

impl Column {
    /// Whether a row must be given a value for it.
    pub(crate) fn is_demanded(&self) -> bool {
        !self.nullable && self.default.is_none() && self.computed.is_none()
    }
}

impl Index {
    /// An index over columns, with the name that it gets from the table and them.
    pub fn over(table: &str, columns: Vec<String>, unique: bool) -> Self {
        Self { columns, unique, ..Self::default() }.named_usually(table)
    }

    /// What a table is searched by: columns, in the order of their weight, and whose words they have.
    pub fn searched(table: &str, columns: Vec<String>, language: &str) -> Self {
        Self { columns, search: Some(language.to_owned()), ..Self::default() }.named_usually(table)
    }

    fn named_usually(mut self, table: &str) -> Self {
        self.name = self.usual_name(table);
        self
    }

    /// The name that it gets from the table and its columns.
    pub(crate) fn usual_name(&self, table: &str) -> String {
        match self {
            Self { search: Some(_), .. } => format!("{table}_search"),
            Self { unique, columns, .. } => {
                format!("{table}_{}_{}", columns.join("_"), if *unique { "key" } else { "idx" })
            }
        }
    }
}

impl ForeignKey {
    pub(crate) fn usual_name(table: &str, columns: &[String]) -> String {
        format!("{table}_{}_fkey", columns.join("_"))
    }
}

impl Action {
    /// As SQL writes it.
    pub fn sql(self) -> &'static str {
        match self {
            Self::NoAction => "NO ACTION",
            Self::Restrict => "RESTRICT",
            Self::Cascade => "CASCADE",
            Self::SetNull => "SET NULL",
            Self::SetDefault => "SET DEFAULT",
        }
    }

    /// As migration files write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoAction => "no_action",
            Self::Restrict => "restrict",
            Self::Cascade => "cascade",
            Self::SetNull => "set_null",
            Self::SetDefault => "set_default",
        }
    }

    /// The action of that word, in either way of writing.
    pub fn named(word: &str) -> Option<Self> {
        let all = [Self::NoAction, Self::Restrict, Self::Cascade, Self::SetNull, Self::SetDefault];
        all.into_iter().find(|action| action.word() == word || action.sql().eq_ignore_ascii_case(word))
    }
}

impl ColumnType {
    /// Whether it is a whole number.
    pub(crate) fn is_integer(&self) -> bool {
        matches!(self, Self::SmallInt | Self::Int | Self::BigInt)
    }

    /// The type of a model's field, but for what the field adds to it.
    pub(crate) fn of(sql_type: SqlType, max_length: Option<u32>) -> Self {
        match sql_type {
            SqlType::SmallInt => Self::SmallInt,
            SqlType::Int => Self::Int,
            SqlType::BigInt => Self::BigInt,
            SqlType::Real => Self::Real,
            SqlType::Double => Self::Double,
            SqlType::Decimal => Self::Decimal(None),
            SqlType::Uuid => Self::Uuid,
            SqlType::Bool => Self::Bool,
            SqlType::Text => Self::Text(max_length),
            SqlType::Enum => Self::Text(None),
            SqlType::Bytes => Self::Bytes,
            SqlType::DateTime => Self::DateTime,
            SqlType::Date => Self::Date,
            SqlType::Time => Self::Time,
            SqlType::Json => Self::Json,
            SqlType::Array(of) => Self::Array(Box::new(Self::of(*of, None))),
        }
    }
}

/// As migration files write it: `text(120)`, `decimal(12, 2)`.
impl fmt::Display for ColumnType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Decimal(Some((precision, scale))) => write!(f, "decimal({precision}, {scale})"),
            Self::Text(Some(most)) => write!(f, "text({most})"),
            Self::Array(of) => write!(f, "{of}[]"),
            Self::Other(word) => write!(f, "sql:{word}"),
            plain => {
                f.write_str(PLAIN.iter().find(|(known, _)| known == plain).map_or("text", |(_, word)| word))
            }
        }
    }
}

const PLAIN: &[(ColumnType, &str)] = &[
    (ColumnType::SmallInt, "smallint"),
    (ColumnType::Int, "int"),
    (ColumnType::BigInt, "bigint"),
    (ColumnType::Real, "real"),
    (ColumnType::Double, "double"),
    (ColumnType::Decimal(None), "decimal"),
    (ColumnType::Bool, "bool"),
    (ColumnType::Text(None), "text"),
    (ColumnType::Bytes, "bytes"),
    (ColumnType::DateTime, "datetime"),
    (ColumnType::Date, "date"),
    (ColumnType::Time, "time"),
    (ColumnType::Json, "json"),
    (ColumnType::Uuid, "uuid"),
];

impl FromStr for ColumnType {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let unknown = || {
            let known: Vec<&str> = PLAIN.iter().map(|(_, word)| *word).collect();
            format!("`{text}` is no type; the types are {}, text(120) and decimal(12, 2)", known.join(", "))
        };
        if let Some((kind, _)) = PLAIN.iter().find(|(_, word)| *word == text) {
            return Ok(kind.clone());
        }
        if let Some(word) = text.strip_prefix("sql:") {
            return Ok(Self::Other(word.to_owned()));
        }
        if let Some(of) = text.strip_suffix("[]") {
            return Ok(Self::Array(Box::new(of.parse()?)));
        }
        let (word, digits) =
            text.strip_suffix(')').and_then(|text| text.split_once('(')).ok_or_else(unknown)?;
        let digits: Vec<u32> = digits
            .split(',')
            .map(|digits| digits.trim().parse())
            .collect::<Result<_, _>>()
            .map_err(|_| unknown())?;
        match (word.trim(), digits.as_slice()) {
            ("text", [most]) => Ok(Self::Text(Some(*most))),
            ("decimal", [precision, scale]) => Ok(Self::Decimal(Some((*precision, *scale)))),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_reads_as_it_is_written() {
        let parameterized = [
            ColumnType::Text(Some(120)),
            ColumnType::Decimal(Some((12, 2))),
            ColumnType::Array(Box::new(ColumnType::Decimal(None))),
            ColumnType::Other("inet".into()),
        ];
        for kind in PLAIN.iter().map(|(kind, _)| kind.clone()).chain(parameterized) {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        let fault = "texts".parse::<ColumnType>().unwrap_err();
        assert!(fault.contains("`texts` is no type") && fault.contains("bigint"), "{fault}");
        assert!("text(many)".parse::<ColumnType>().is_err() && "text(1, 2)".parse::<ColumnType>().is_err());
    }
}
