//! The indexes and the constraints of a table, with their names. One place makes them, because the engines report faults by
//! these names.

use super::{FieldMeta, IndexMeta, ModelMeta, RelationKind};
use crate::search::language;

/// An index of a table, or a unique constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// Its name in the database.
    pub name: String,
    /// The columns; none when an expression is indexed.
    pub columns: Vec<&'static str>,
    /// What is indexed instead of columns, in SQL.
    pub expression: Option<&'static str>,
    /// Whether no two rows may share the values.
    pub unique: bool,
    /// Which rows it is about, in SQL. `None` for all.
    pub filter: Option<&'static str>,
    /// How the engine keeps it, when not as it does by itself: `gin`.
    pub using: Option<&'static str>,
    /// Whose words it is of, when rows are searched by it.
    pub search: Option<&'static str>,
}

impl ModelMeta {
    /// Every index and unique constraint, in the order in which they are made: those of single fields, those that are
    /// written above the model, those of foreign keys that no other covers, and the one that is searched.
    pub fn all_indexes(&self) -> Vec<Index> {
        let mut all = Vec::new();
        for (position, field) in self.fields.iter().enumerate() {
            if field.unique || field.index {
                all.push(
                    self.named(&IndexMeta { unique: field.unique, ..IndexMeta::default() }, &[position]),
                );
            }
        }
        all.extend(self.indexes.iter().map(|index| self.named(index, index.fields)));
        // A foreign key is looked up from the other side too: by relations to many, and by every delete there.
        for relation in self.relations {
            let RelationKind::BelongsTo { fields, .. } = relation.kind else { continue };
            let columns: Vec<_> = fields.iter().map(|field| self.fields[*field].column).collect();
            let covers = |index: &Index| {
                index.filter.is_none() && index.using.is_none() && index.columns.starts_with(&columns)
            };
            if !self.key.starts_with(fields) && !all.iter().any(covers) {
                all.push(self.named(&IndexMeta::default(), fields));
            }
        }
        all.extend(self.search.as_ref().map(|search| Index {
            name: search.name.to_owned(),
            columns: search.fields.iter().map(|field| self.fields[*field].column).collect(),
            expression: None,
            unique: false,
            filter: None,
            using: None,
            search: Some(search.language.unwrap_or(language::NONE)),
        }));
        all
    }

    fn named(&self, index: &IndexMeta, fields: &[usize]) -> Index {
        let columns: Vec<_> =
            fields.iter().filter_map(|field| self.fields.get(*field)).map(|field| field.column).collect();
        let name = index.name.map_or_else(
            || {
                let what = index.expression.map_or_else(|| columns.join("_"), words);
                let partial = if index.filter.is_some() { "_partial" } else { "" };
                format!("{}_{what}{partial}_{}", self.table, if index.unique { "key" } else { "idx" })
            },
            str::to_owned,
        );
        let IndexMeta { expression, unique, filter, using, .. } = *index;
        Index { name, columns, expression, unique, filter, using, search: None }
    }

    /// The name of a field's constraint: `articles_slug_max`.
    pub fn constraint(&self, field: &FieldMeta, suffix: &str) -> String {
        format!("{}_{}_{suffix}", self.table, field.column)
    }
}

/// `lower(title)` as `lower_title`.
fn words(expression: &str) -> String {
    let words = expression.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_lowercase()
}
