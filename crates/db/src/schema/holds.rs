//! What an engine cannot hold. It is said at start, because otherwise the engine would refuse it in words of its own, or
//! change it silently.

use mainstay_core::Finding;

use super::structure::Table;
use crate::driver::Dialect;
use crate::meta::{FieldMeta, Fill, Index, ModelMeta};
use crate::search::language;
use crate::value::SqlType;

/// The longest text, in characters of up to four bytes, that fits into a key of MySQL (3,072 bytes).
const LONGEST_KEY: u32 = 768;

/// What these models ask of this engine in vain. The findings are described in the table of `module/checks.rs`.
pub fn unsupported(models: &[&'static ModelMeta], dialect: Dialect) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut index_names: Vec<String> = Vec::new();
    for model in models {
        let mut look = Look { model, dialect, findings: &mut findings };
        for (position, field) in model.fields.iter().enumerate() {
            look.at_type(position, field);
            look.at_computed(field);
        }
        for index in model.all_indexes() {
            look.at_index(&index);
            if index_names.contains(&index.name) {
                look.twice("index", &index.name);
            }
            index_names.push(index.name);
        }
        look.at_search();
        look.at_names();
    }
    findings
}

/// Whether a name stands in SQL, outside of texts.
fn mentions(sql: &str, name: &str) -> bool {
    let parts_of_names = |letter: char| !(letter.is_alphanumeric() || letter == '_');
    sql.split('\'').step_by(2).flat_map(|outside| outside.split(parts_of_names)).any(|word| word == name)
}

struct Look<'a> {
    model: &'static ModelMeta,
    dialect: Dialect,
    findings: &'a mut Vec<Finding>,
}

impl Look<'_> {
    fn add(&mut self, id: &'static str, message: String, fix: impl Into<String>) {
        self.findings.push(Finding::error(id, message).at(self.model.place).fix(fix.into()));
    }

    fn is_mysql(&self) -> bool {
        matches!(self.dialect, Dialect::MySql | Dialect::MariaDb)
    }

    fn at_type(&mut self, position: usize, field: &FieldMeta) {
        if field.encrypted.is_some() {
            return;
        }
        let (engine, place) = (self.dialect.name(), format!("`{}.{}`", self.model.name, field.name));
        let indexed = self.model.key.contains(&position)
            || self
                .model
                .all_indexes()
                .iter()
                .any(|index| index.search.is_none() && index.columns.contains(&field.column));
        match field.sql_type {
            SqlType::Text
                if indexed && self.is_mysql() && field.max_length.is_none_or(|most| most > LONGEST_KEY) =>
            {
                let message = format!(
                    "{engine} indexes texts of at most {LONGEST_KEY} characters, and {place} is indexed"
                );
                self.add("db.E020", message, "say how long it may be: #[field(max_length = 255)]");
            }
            SqlType::Bytes | SqlType::Json if indexed && self.is_mysql() => {
                let message = format!("{engine} cannot index a column of this type, and {place} is indexed");
                self.add("db.E024", message, "leave the index out, or index a digest of the value");
            }
            SqlType::Decimal => self.at_digits(field, &place),
            SqlType::Array(_) if !self.dialect.has_arrays() => {
                let message = format!("{engine} has no arrays, and {place} is one");
                self.add("db.E026", message, "make it a `Json<Vec<…>>`, which every engine has");
            }
            _ => {}
        }
    }

    fn at_computed(&mut self, field: &FieldMeta) {
        let Some(sql) = field.computed else { return };
        let refused = |other: &&FieldMeta| match self.dialect {
            // It computes them all from the row as it is written.
            Dialect::Postgres => other.computed.is_some(),
            // The key is counted after the rest has been computed.
            Dialect::MySql | Dialect::MariaDb => matches!(other.fill, Fill::Generated),
            Dialect::Sqlite => false,
        };
        let Some(other) = self.model.fields.iter().filter(refused).find(|other| mentions(sql, other.column))
        else {
            return;
        };
        let message = format!(
            "{} cannot compute `{}.{}` from `{}`, which {}",
            self.dialect.name(),
            self.model.name,
            field.name,
            other.name,
            if other.computed.is_some() { "is computed itself" } else { "it counts" }
        );
        let fix = if other.computed.is_some() {
            "compute it from what the other is computed from"
        } else {
            "compute it in a query, or in Rust"
        };
        self.add("db.E027", message, fix);
    }

    fn at_search(&mut self) {
        let Some(search) = &self.model.search else { return };
        let (engine, model) = (self.dialect.name(), self.model.name);
        if let Some(language) = search.language.filter(|language| !language::is_known(language)) {
            let message = format!("`{model}` is searched in `{language}`, which is no language of a search");
            self.add(
                "db.E028",
                message,
                format!("take one of these, or none: {}", language::KNOWN.join(", ")),
            );
        }
        if self.dialect == Dialect::Sqlite && !self.model.has_whole_key() {
            let message = format!(
                "{engine} finds rows by a key of one whole number, and `{model}`, which is searched, has another"
            );
            let fix = "give it `id: i64`, and make what is its key a unique field; or leave `#[search]` out, and use `contains`";
            self.add("db.E028", message, fix);
        }
        if self.model.column(search.name).is_some() {
            let message =
                format!("`{model}` has a field in the column `{0}`, which its search needs", search.name);
            self.add(
                "db.E028",
                message,
                format!("give the field another column: #[field(column = \"{}_2\")]", search.name),
            );
        }
        for field in search.fields.iter().map(|field| &self.model.fields[*field]) {
            let reserved = ["rank", "rowid"].iter().any(|name| field.column.eq_ignore_ascii_case(name));
            if self.dialect == Dialect::Sqlite && reserved {
                let message = format!(
                    "{engine} keeps the name `{}` for itself, and `{model}.{}` is searched",
                    field.column, field.name
                );
                self.add(
                    "db.E028",
                    message,
                    format!("name the column: #[field(column = \"{}_\")]", field.column),
                );
            }
            if self.dialect == Dialect::Postgres && field.computed.is_some() {
                let message = format!("{engine} cannot search `{model}.{}`, which it computes", field.name);
                self.add("db.E028", message, "search the fields that it is computed from");
            }
        }
    }

    fn at_digits(&mut self, field: &FieldMeta, place: &str) {
        let engine = self.dialect.name();
        let Some(precision) = field.precision else {
            if self.is_mysql() {
                let message = format!(
                    "{engine} does not keep how many digits {place} was written with: 1.50 comes back as 1.5"
                );
                let finding = Finding::warning("db.W020", message).at(self.model.place);
                self.findings.push(finding.fix("say it: #[field(precision = 12, scale = 2)]"));
            }
            return;
        };
        let (most, most_behind) = match self.dialect {
            Dialect::MySql | Dialect::MariaDb => (65, 30),
            Dialect::Postgres => (1_000, 1_000),
            Dialect::Sqlite => return,
        };
        if precision > most || field.scale.is_some_and(|scale| scale > most_behind) {
            let message = format!(
                "{engine} holds numbers of at most {most} digits, {most_behind} of them behind the point; {place} asks for more"
            );
            self.add(
                "db.E023",
                message,
                "make precision and scale smaller; the type `Decimal` has 28 digits at most",
            );
        }
    }

    fn at_index(&mut self, index: &Index) {
        let (engine, model) = (self.dialect.name(), self.model.name);
        if index.filter.is_some() && !self.dialect.has_partial_indexes() {
            let message =
                format!("{engine} has no index of some rows only, which `{}` of `{model}` is", index.name);
            let fix = if index.unique {
                "leave `where` out, or make the value NULL in the rows that it is not about: NULLs are not compared"
            } else {
                "leave `where` out: the index is then larger, and serves the same queries"
            };
            self.add("db.E021", message, fix);
        }
        if let Some(method) = index.using
            && !self.dialect.has_index_methods()
        {
            let message = format!(
                "{engine} has no index `using = \"{method}\"`, which `{}` of `{model}` is",
                index.name
            );
            self.add(
                "db.E021",
                message,
                "leave `using` out: the engine's own kind of index orders the values",
            );
        }
        if index.expression.is_some() && !self.dialect.has_expression_indexes() {
            let message =
                format!("{engine} has no index of an expression, which `{}` of `{model}` is", index.name);
            self.add(
                "db.E021",
                message,
                "store what the expression makes in a field of its own, and index that",
            );
        }
    }

    /// Table, columns, indexes and constraints.
    fn at_names(&mut self) {
        let table = Table::of_model(self.model);
        let checks = table.all_checks(self.dialect);
        for (position, check) in checks.iter().enumerate() {
            if checks[..position].iter().any(|other| other.name == check.name) {
                self.twice("check", &check.name);
            }
        }
        let names = std::iter::once(&table.name)
            .chain(table.columns.iter().map(|column| &column.name))
            .chain(table.indexes.iter().map(|index| &index.name))
            .chain(table.foreign_keys.iter().map(|key| &key.name))
            .chain(checks.iter().map(|check| &check.name));
        for name in names {
            // PostgreSQL cuts a name off, so that two may become one; MySQL refuses it.
            let (length, most, unit) = match self.dialect {
                Dialect::Postgres => (name.len(), 63, "bytes"),
                Dialect::MySql | Dialect::MariaDb => (name.chars().count(), 64, "characters"),
                Dialect::Sqlite => continue,
            };
            if length > most {
                let message = format!(
                    "`{name}` of `{}` has {length} {unit}, and {} takes {most}",
                    self.model.name,
                    self.dialect.name()
                );
                let fix = "give a shorter name: #[index(…, name = \"…\")], #[field(column = \"…\")] or \
                           #[model(table = \"…\")]";
                self.add("db.E022", message, fix);
            }
        }
    }

    fn twice(&mut self, what: &str, name: &str) {
        let message =
            format!("there are two of the {what} `{name}`, the second one in `{}`", self.model.name);
        self.add("db.E025", message, format!("give one of them another name: name = \"{name}_2\""));
    }
}
