//! What is known of a model at run time: everything that tables, validation, APIs and screens are made from.
//!
//! `#[model]` writes one static [`ModelMeta`] per model and calls the `const` functions below. Nothing that can be read
//! from here is generated as code.

mod encryption;
mod field;
mod index;
mod link;
pub mod part;
mod place;

use rust_decimal::Decimal;

use crate::value::{Choice, SqlType, Value};

pub use encryption::{Encryption, Form};
pub use index::Index;
pub use link::{Columns, Link};
pub use part::{EmbeddedMeta, PartMeta};
pub use place::Member;

/// A model.
#[derive(Debug)]
pub struct ModelMeta {
    /// Its name in the code: `BlogPost`.
    pub name: &'static str,
    /// Its name for people: `blog post`.
    pub label: &'static str,
    /// Its doc comment.
    pub help: &'static str,
    /// Its table.
    pub table: &'static str,
    /// Its stored fields, in the order of the columns.
    pub fields: &'static [FieldMeta],
    /// Its parts: structs whose fields are among `fields`.
    pub parts: &'static [PartMeta],
    /// The primary key, as positions in `fields`.
    pub key: &'static [usize],
    /// Its relations.
    pub relations: &'static [RelationMeta],
    /// Indexes and unique constraints that are written above the model.
    pub indexes: &'static [IndexMeta],
    /// Conditions that every row fulfils.
    pub checks: &'static [CheckMeta],
    /// What its rows are searched by.
    pub search: Option<SearchMeta>,
    /// The table's name before, for migrations.
    pub renamed_from: Option<&'static str>,
    /// The field that counts the updates of a row, as a position in `fields`.
    pub version: Option<usize>,
    /// The field with the time when a row was deleted, as a position in `fields`.
    pub deleted_at: Option<usize>,
    /// The field that says of which tenant a row is, as a position in `fields`. See [`tenancy`](crate::tenancy).
    pub tenant: Option<usize>,
    /// Whether it has hooks around its own writes.
    pub has_hooks: bool,
    /// Whether a field of it is encrypted.
    pub has_encrypted: bool,
    /// Whether no struct stands for it: it is the table between the two of a many-to-many relation.
    pub is_link: bool,
    /// Where it is written, as `file:line`.
    pub place: &'static str,
}

/// A stored field.
#[derive(Clone, Copy, Debug)]
pub struct FieldMeta {
    /// Its name in the code. For a belongs-to relation, the relation's name; for a field of a part, `billing.country`.
    pub name: &'static str,
    /// Its column.
    pub column: &'static str,
    /// Its name for people: `Published at`.
    pub label: &'static str,
    /// Its doc comment.
    pub help: &'static str,
    /// The column's type.
    pub sql_type: SqlType,
    /// Whether it can be NULL.
    pub nullable: bool,
    /// Whether no two rows may share its value.
    pub unique: bool,
    /// Whether it has an index of its own.
    pub index: bool,
    /// Where its value comes from when a new row does not say.
    pub fill: Fill,
    /// The least number of characters.
    pub min_length: Option<u32>,
    /// The greatest number of characters.
    pub max_length: Option<u32>,
    /// The least number.
    pub min: Option<Decimal>,
    /// The greatest number.
    pub max: Option<Decimal>,
    /// How many digits an exact number has in all.
    pub precision: Option<u32>,
    /// How many of them are behind the point.
    pub scale: Option<u32>,
    /// A condition that its value fulfils, in SQL.
    pub check: Option<&'static str>,
    /// What the engine fills in when a new row does not say, in SQL.
    pub default_sql: Option<&'static str>,
    /// What the engine computes it from, in SQL: it is never written.
    pub computed: Option<&'static str>,
    /// Its column's name before, for migrations.
    pub renamed_from: Option<&'static str>,
    /// It counts the updates of its row: a write that has seen an older one is refused.
    pub version: bool,
    /// The time when its row was deleted: the row stays, and queries pass it over.
    pub deleted_at: bool,
    /// The values that it can have, when they are few and named.
    pub choices: &'static [Choice],
    /// It never leaves in JSON, nor in `Debug`.
    pub hidden: bool,
    /// Clients cannot set it.
    pub read_only: bool,
    /// A list of rows is searched for what it contains, where the model has no `#[search(…)]` of its own.
    pub searchable: bool,
    /// How it is sealed, if it is. The other settings are about its value, which the engine never sees: its column is a text.
    pub encrypted: Option<Encryption>,
    /// It has the digests of the encrypted field at this position, by which that is looked up. The database fills it in, and no code
    /// sees it.
    pub index_of: Option<usize>,
}

/// Where the value of a new row comes from when the code does not give one.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Fill {
    /// Nowhere: it must be given.
    Required,
    /// From the code.
    Default(fn() -> Value),
    /// The engine counts.
    Generated,
    /// From the engine, as [`FieldMeta::default_sql`] says.
    Database,
    /// From whoever runs the query: for which tenant. See [`tenancy`](crate::tenancy).
    Tenant,
    /// The time of the insert.
    CreatedAt,
    /// The time of the last insert or update.
    UpdatedAt,
}

impl Fill {
    /// From the code, which has no value for it.
    pub(crate) const NULL: Self = Self::Default(|| Value::Null);
}

/// A relation to another model.
#[derive(Clone, Copy, Debug)]
pub struct RelationMeta {
    /// Its name in the code.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// Its doc comment.
    pub help: &'static str,
    /// The model that has it.
    pub owner: fn() -> &'static ModelMeta,
    /// The model that it leads to.
    pub target: fn() -> &'static ModelMeta,
    /// How.
    pub kind: RelationKind,
}

/// How a relation leads from one model to another.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum RelationKind {
    /// The owner has columns with the target's key.
    BelongsTo {
        /// The positions of those columns in the owner's fields, in the order of the key.
        fields: &'static [usize],
        /// What becomes of the owner's row when the target's goes.
        on_delete: OnDelete,
        /// What becomes of the owner's columns when the target's key changes.
        on_update: OnUpdate,
    },
    /// The target has a unique column with the owner's key.
    HasOne {
        /// The target's belongs-to relation; `None` when it has only one to the owner.
        by: Option<&'static str>,
    },
    /// The target has a column with the owner's key.
    HasMany {
        /// The target's belongs-to relation; `None` when it has only one to the owner.
        by: Option<&'static str>,
    },
    /// A third model has a column for each of the two keys.
    ManyToMany {
        /// The third model.
        through: fn() -> &'static ModelMeta,
        /// Its relation to the owner; `None` when it has only one.
        from: Option<&'static str>,
        /// Its relation to the target; `None` when it has only one.
        to: Option<&'static str>,
    },
}

/// What becomes of a row when the row that it belongs to is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// The deletion is refused while there are such rows.
    Restrict,
    /// It is deleted too.
    Cascade,
    /// Its column becomes NULL.
    SetNull,
}

/// What becomes of a column when the key that it refers to changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnUpdate {
    /// The change is refused while there are such rows.
    #[default]
    Restrict,
    /// It follows.
    Cascade,
    /// It becomes NULL.
    SetNull,
}

/// An index, or a unique constraint.
#[derive(Clone, Copy, Debug, Default)]
pub struct IndexMeta {
    /// Its name in the database, when it is given one.
    pub name: Option<&'static str>,
    /// The fields, as positions in the model's.
    pub fields: &'static [usize],
    /// What is indexed instead of fields, in SQL.
    pub expression: Option<&'static str>,
    /// Whether no two rows may share the values.
    pub unique: bool,
    /// Which rows it is about, in SQL. `None` for all.
    pub filter: Option<&'static str>,
    /// How the engine keeps it, when not as it does by itself: `gin`.
    pub using: Option<&'static str>,
}

/// The words that the rows of a model are found by.
#[derive(Clone, Copy, Debug)]
pub struct SearchMeta {
    /// The name of the index, and of what an engine needs for it: a column, a table.
    pub name: &'static str,
    /// The fields, as positions in the model's, the weightiest first.
    pub fields: &'static [usize],
    /// Whose words they are: `english`. `None`: words are taken as they are.
    pub language: Option<&'static str>,
}

/// A condition that every row of a table fulfils.
#[derive(Clone, Copy, Debug)]
pub struct CheckMeta {
    /// Its name in the database.
    pub name: &'static str,
    /// The condition, in SQL.
    pub sql: &'static str,
    /// What whoever breaks it is told.
    pub message: Option<&'static str>,
}

impl ModelMeta {
    /// The table between the two of a many-to-many relation that names no model for it: a column for each key, which together
    /// are its own.
    pub const fn link(
        name: &'static str,
        table: &'static str,
        (fields, relations): (&'static [FieldMeta; 2], &'static [RelationMeta; 2]),
        place: &'static str,
    ) -> Self {
        Self {
            name,
            label: name,
            help: "",
            table,
            fields,
            parts: &[],
            key: &[0, 1],
            relations,
            indexes: &[],
            checks: &[],
            search: None,
            renamed_from: None,
            version: None,
            deleted_at: None,
            tenant: None,
            has_hooks: false,
            has_encrypted: false,
            is_link: true,
            place,
        }
    }

    /// The only field of the primary key, when it has but one.
    pub fn single_key(&self) -> Option<&'static FieldMeta> {
        match self.key {
            [only] => self.fields.get(*only),
            _ => None,
        }
    }

    /// Whether its primary key is one whole number.
    pub(crate) fn has_whole_key(&self) -> bool {
        let is_whole =
            |key: &FieldMeta| matches!(key.sql_type, SqlType::SmallInt | SqlType::Int | SqlType::BigInt);
        self.single_key().is_some_and(is_whole)
    }

    /// The columns of the primary key.
    pub fn key_columns(&self) -> Columns {
        self.key_fields().map(|field| field.column).collect()
    }

    /// The fields of the primary key.
    pub fn key_fields(&self) -> impl Iterator<Item = &'static FieldMeta> {
        self.key.iter().filter_map(|index| self.fields.get(*index))
    }

    /// The field that counts the updates of a row, and its position.
    pub fn version(&self) -> Option<(usize, &'static FieldMeta)> {
        self.version.map(|index| (index, &self.fields[index]))
    }

    /// The field with the time when a row was deleted, and its position.
    pub fn deleted_at(&self) -> Option<(usize, &'static FieldMeta)> {
        self.deleted_at.map(|index| (index, &self.fields[index]))
    }

    /// The field that says of which tenant a row is, and its position.
    pub fn tenant(&self) -> Option<(usize, &'static FieldMeta)> {
        self.tenant.map(|index| (index, &self.fields[index]))
    }

    /// The field called so, and its position.
    pub fn field(&self, name: &str) -> Option<(usize, &'static FieldMeta)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name)
    }

    /// The field in that column, and its position.
    pub fn column(&self, column: &str) -> Option<(usize, &'static FieldMeta)> {
        self.fields.iter().enumerate().find(|(_, field)| field.column == column)
    }

    /// The relation called so.
    pub fn relation(&self, name: &str) -> Option<&'static RelationMeta> {
        self.relations.iter().find(|relation| relation.name == name)
    }

    /// Whether both describe one model.
    pub fn is(&self, other: &Self) -> bool {
        std::ptr::eq(self, other) || (self.table == other.table && self.name == other.name)
    }
}

impl RelationMeta {
    /// From the table between to one of the two: see [`ModelMeta::link`].
    pub const fn of_link<Target: crate::Model>(
        name: &'static str,
        owner: fn() -> &'static ModelMeta,
        fields: &'static [usize],
    ) -> Self {
        let (on_delete, on_update) = (OnDelete::Cascade, OnUpdate::Restrict);
        let kind = RelationKind::BelongsTo { fields, on_delete, on_update };
        Self { name, label: name, help: "", owner, target: meta_of::<Target>, kind }
    }

    /// A relation from `Owner` to `Target`.
    pub const fn new<Owner: crate::Model, Target: crate::Model>(
        name: &'static str,
        kind: RelationKind,
    ) -> Self {
        Self { name, label: name, help: "", owner: meta_of::<Owner>, target: meta_of::<Target>, kind }
    }

    /// What people read.
    #[must_use]
    pub const fn described(mut self, label: &'static str, help: &'static str) -> Self {
        self.label = label;
        self.help = help;
        self
    }

    /// Whether it may lead to no row.
    pub fn may_be_empty(&self) -> bool {
        match self.kind {
            RelationKind::BelongsTo { fields, .. } => {
                let owner = (self.owner)();
                fields.iter().any(|field| owner.fields.get(*field).is_none_or(|field| field.nullable))
            }
            _ => true,
        }
    }
}

/// The position of a field that is searched, which is a text.
pub const fn searched<T: crate::column::TextColumn>(position: usize) -> usize {
    position
}

/// The metadata of `M`, as a function: relations between models go in circles, which constants cannot.
pub fn meta_of<M: crate::Model>() -> &'static ModelMeta {
    M::META
}

/// The table between that the many-to-many relation `name` of `M` has made: how its other side finds it.
pub fn link_of<M: crate::Model>(name: &str) -> &'static ModelMeta {
    match M::META.relation(name).map(|relation| relation.kind) {
        Some(RelationKind::ManyToMany { through, .. }) => through(),
        // Not a link: the check `db.E002` says so.
        _ => M::META,
    }
}

/// These models, and the tables between that their relations make.
pub fn with_links(models: &[&'static ModelMeta]) -> Vec<&'static ModelMeta> {
    let mut all = models.to_vec();
    for relation in models.iter().flat_map(|model| model.relations) {
        let RelationKind::ManyToMany { through, .. } = relation.kind else { continue };
        let link = through();
        if link.is_link && !all.iter().any(|known| known.is(link)) {
            all.push(link);
        }
    }
    all
}
