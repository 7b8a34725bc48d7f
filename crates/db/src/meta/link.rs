//! From a relation to tables and columns.

use super::{ModelMeta, RelationKind, RelationMeta};
use crate::error::DbError;

/// The columns that a relation joins.
#[derive(Clone, Copy, Debug)]
pub enum Link {
    /// `owner.column = target.key`.
    One {
        /// The owner's column.
        column: &'static str,
        /// The target's key.
        key: &'static str,
    },
    /// `target.column = owner.key`.
    Many {
        /// The target's column.
        column: &'static str,
        /// The owner's key.
        key: &'static str,
    },
    /// `through.from = owner.key` and `through.to = target.target_key`.
    Through {
        /// The model between.
        through: &'static ModelMeta,
        /// Its column with the owner's key.
        from: &'static str,
        /// Its column with the target's key.
        to: &'static str,
        /// The owner's key.
        key: &'static str,
        /// The target's key.
        target_key: &'static str,
    },
}

impl RelationMeta {
    /// What it joins. Fails when the other side has no counterpart, which the check `db.E002` reports at start.
    pub fn link(&self) -> Result<Link, DbError> {
        let (owner, target) = ((self.owner)(), (self.target)());
        match self.kind {
            RelationKind::BelongsTo { field, .. } => {
                Ok(Link::One { column: owner.fields[field].column, key: self.key_of(target)? })
            }
            RelationKind::HasOne { by } | RelationKind::HasMany { by } => {
                Ok(Link::Many { column: self.column(target, by, owner)?, key: self.key_of(owner)? })
            }
            RelationKind::ManyToMany { through, from, to } => {
                let through = through();
                Ok(Link::Through {
                    through,
                    from: self.column(through, from, owner)?,
                    to: self.column(through, to, target)?,
                    key: self.key_of(owner)?,
                    target_key: self.key_of(target)?,
                })
            }
        }
    }

    fn key_of(&self, model: &'static ModelMeta) -> Result<&'static str, DbError> {
        model.single_key().map(|field| field.column).ok_or_else(|| {
            self.fault(format!(
                "`{}` has a key of several fields, which relations cannot join yet",
                model.name
            ))
        })
    }

    /// The column of `model`'s belongs-to relation to `to`: the one called `name`, else the only one.
    fn column(
        &self,
        model: &'static ModelMeta,
        name: Option<&'static str>,
        to: &'static ModelMeta,
    ) -> Result<&'static str, DbError> {
        let mut found = None;
        for relation in model.relations {
            let RelationKind::BelongsTo { field, .. } = relation.kind else { continue };
            if !(relation.target)().is(to) || name.is_some_and(|name| name != relation.name) {
                continue;
            }
            if found.is_some() {
                return Err(self.fault(format!(
                    "`{}` has several relations to `{}`; say which in the attribute",
                    model.name, to.name
                )));
            }
            found = Some(model.fields[field].column);
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
