//! From a relation to tables and columns.

use super::{ModelMeta, RelationKind, RelationMeta};
use crate::error::DbError;

/// The columns of a key, in its order.
pub type Columns = Vec<&'static str>;

/// The columns that a relation joins.
#[derive(Clone, Debug)]
pub enum Link {
    /// `owner.columns = target.keys`.
    One {
        /// The owner's columns.
        columns: Columns,
        /// The target's key.
        keys: Columns,
    },
    /// `target.columns = owner.keys`.
    Many {
        /// The target's columns.
        columns: Columns,
        /// The owner's key.
        keys: Columns,
    },
    /// `through.from = owner.keys` and `through.to = target.target_keys`.
    Through {
        /// The model between.
        through: &'static ModelMeta,
        /// Its columns with the owner's key.
        from: Columns,
        /// Its columns with the target's key.
        to: Columns,
        /// The owner's key.
        keys: Columns,
        /// The target's key.
        target_keys: Columns,
    },
}

impl RelationMeta {
    /// What it joins. Fails when the other side has no counterpart, which the check `db.E002` reports at start.
    pub fn link(&self) -> Result<Link, DbError> {
        let (owner, target) = ((self.owner)(), (self.target)());
        match self.kind {
            RelationKind::BelongsTo { fields, .. } => {
                Ok(Link::One { columns: columns_of(owner, fields), keys: target.key_columns() })
            }
            RelationKind::HasOne { by } | RelationKind::HasMany { by } => {
                Ok(Link::Many { columns: self.columns(target, by, owner)?, keys: owner.key_columns() })
            }
            RelationKind::ManyToMany { through, from, to } => {
                let through = through();
                Ok(Link::Through {
                    through,
                    from: self.columns(through, from, owner)?,
                    to: self.columns(through, to, target)?,
                    keys: owner.key_columns(),
                    target_keys: target.key_columns(),
                })
            }
        }
    }

    /// The columns of `model`'s belongs-to relation to `to`: the one called `name`, else the only one.
    fn columns(
        &self,
        model: &'static ModelMeta,
        name: Option<&'static str>,
        to: &'static ModelMeta,
    ) -> Result<Columns, DbError> {
        let mut found = None;
        for relation in model.relations {
            let RelationKind::BelongsTo { fields, .. } = relation.kind else { continue };
            if !(relation.target)().is(to) || name.is_some_and(|name| name != relation.name) {
                continue;
            }
            if found.is_some() {
                return Err(self.fault(format!(
                    "`{}` has several relations to `{}`; say which in the attribute",
                    model.name, to.name
                )));
            }
            found = Some(columns_of(model, fields));
        }
        found.ok_or_else(|| {
            let called = name.map(|name| format!(" called `{name}`")).unwrap_or_default();
            self.fault(format!("`{}` has no `#[belongs_to]` relation{called} to `{}`", model.name, to.name))
        })
    }

    fn fault(&self, why: String) -> DbError {
        DbError::Model {
            detail: format!("the relation `{}.{}` does not work: {why}", (self.owner)().name, self.name),
        }
    }
}

fn columns_of(model: &'static ModelMeta, fields: &[usize]) -> Columns {
    fields.iter().map(|field| model.fields[*field].column).collect()
}
