//! What is to be written to some fields of a row.

use std::fmt;

use crate::embedded::{Embedded, Presence, width};
use crate::encrypted::{Fault, Vault, failed};
use crate::error::DbError;
use crate::executor::Target;
use crate::expression::Term;
use crate::meta::{Fill, ModelMeta};
use crate::value::{Stored, Value};

/// Values for some of a model's fields. Drafts and changes are typed shells around it.
#[derive(Clone)]
pub struct Assignments {
    meta: &'static ModelMeta,
    values: Vec<Option<Value>>,
    /// What is computed from the row, by field.
    terms: Vec<(usize, Term)>,
    /// Whether the values of encrypted fields are sealed by now: the last thing before they are written.
    is_sealed: bool,
}

/// Names what is set. Values stay out of logs: one may be a password.
impl fmt::Debug for Assignments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.columns().into_iter().map(|index| self.meta.fields[index].name);
        write!(f, "{}(sets {})", self.meta.name, names.collect::<Vec<_>>().join(", "))
    }
}

impl Assignments {
    /// None yet.
    pub fn new(meta: &'static ModelMeta) -> Self {
        Self { meta, values: vec![None; meta.fields.len()], terms: Vec::new(), is_sealed: false }
    }

    /// Sets the field at `index`.
    pub fn set<T: Stored>(&mut self, index: usize, value: T) {
        self.set_value(index, value.into_value());
    }

    /// Sets the fields of a part, the first of which is at `first`.
    pub fn set_part<P: Presence, E: Embedded>(&mut self, first: usize, part: P::Of<E>) {
        let mut values = Vec::with_capacity(width::<E>());
        P::into_values::<E>(part, &mut values);
        for (offset, value) in values.into_iter().enumerate() {
            self.set_value(first + offset, value);
        }
    }

    /// Sets the field at `index`, which `meta` must have.
    pub fn set_value(&mut self, index: usize, value: Value) {
        self.values[index] = Some(self.meta.fields[index].fitted(value));
    }

    /// Sets the field at `index` to what is computed from the row. Only an update can.
    pub(crate) fn set_term(&mut self, index: usize, term: Term) {
        self.terms.retain(|(other, _)| *other != index);
        self.terms.push((index, term));
    }

    pub(crate) fn take_terms(&mut self) -> Vec<(usize, Term)> {
        std::mem::take(&mut self.terms)
    }

    /// The model.
    pub fn meta(&self) -> &'static ModelMeta {
        self.meta
    }

    /// The value for the field at `index`, if it is set.
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.values.get(index).and_then(Option::as_ref)
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.terms.is_empty() && self.values.iter().all(Option::is_none)
    }

    /// The fields that are set, as positions.
    pub fn columns(&self) -> Vec<usize> {
        (0..self.values.len()).filter(|index| self.values[*index].is_some()).collect()
    }

    /// The primary key, if the whole of it is set.
    pub(crate) fn key(&self) -> Option<Vec<Value>> {
        self.meta.key.iter().map(|index| self.get(*index).cloned()).collect()
    }

    pub(crate) fn into_values(self) -> impl Iterator<Item = (usize, Value)> {
        self.values.into_iter().enumerate().filter_map(|(index, value)| Some((index, value?)))
    }

    /// Gives a new row what its code does not say: defaults and times.
    pub(crate) fn fill(&mut self, target: Target<'_>) -> Result<(), DbError> {
        let now = target.now();
        if let Some((index, _)) = self.meta.tenant()
            && let Some(tenant) = target.tenancy().fill(self.meta, self.get(index))?
        {
            self.set_value(index, tenant);
        }
        for (value, field) in self.values.iter_mut().zip(self.meta.fields) {
            if value.is_some() {
                continue;
            }
            *value = match field.fill {
                Fill::Default(make) => Some(field.fitted(make())),
                Fill::CreatedAt | Fill::UpdatedAt => Some(field.fitted(Value::DateTime(now))),
                Fill::Generated | Fill::Database => None,
                Fill::Required | Fill::Tenant => {
                    return Err(DbError::NotNullViolation {
                        model: self.meta.name.to_owned(),
                        field: field.name.to_owned(),
                    });
                }
            };
        }
        Ok(())
    }

    pub(crate) fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// Seals the values of encrypted fields, and gives their blind indexes the digests.
    pub(crate) fn seal(&mut self, vault: Option<&Vault>) -> Result<(), DbError> {
        for (index, field) in self.meta.fields.iter().enumerate() {
            let Some((of, value)) = field.index_of.and_then(|of| Some((of, self.get(of)?))) else { continue };
            let digest = vault.map_or(Value::Null, |vault| vault.digest(self.meta, of, value));
            self.values[index] = Some(digest);
        }
        for (index, _) in self.meta.encrypted_fields() {
            let Some(value) = self.get(index).filter(|value| !value.is_null()) else { continue };
            let Some(vault) = vault else { return Err(failed(self.meta, index, None, Fault::NoKeys)) };
            let sealed = vault.seal(self.meta, index, value);
            self.values[index] = Some(sealed);
        }
        self.is_sealed = self.meta.has_encrypted;
        Ok(())
    }

    /// Sets the time of the last update, unless the change does. No row is given to another tenant.
    pub(crate) fn touch(&mut self, target: Target<'_>) -> Result<(), DbError> {
        let now = target.now();
        if let Some((index, _)) = self.meta.tenant() {
            if self.terms.iter().any(|(computed, _)| *computed == index) {
                let detail = format!("the tenant of a `{}` is given, and never computed", self.meta.name);
                return Err(DbError::Model { detail });
            }
            if let Some(given) = self.get(index) {
                target.tenancy().allow(self.meta, given)?;
            }
        }
        for (index, (value, field)) in self.values.iter_mut().zip(self.meta.fields).enumerate() {
            let is_computed = self.terms.iter().any(|(computed, _)| *computed == index);
            if matches!(field.fill, Fill::UpdatedAt) && value.is_none() && !is_computed {
                *value = Some(field.fitted(Value::DateTime(now)));
            }
        }
        Ok(())
    }
}
