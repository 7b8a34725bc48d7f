//! The rows that a write refers to.
//!
//! To a foreign key, any tenant's row is as good as another. So they are looked at before they are written, which costs a statement for each
//! relation to a model that has tenants. A write for one tenant may refer to rows of that one; one across tenants, to rows of the tenant that the
//! written row is of, so that whoever may write everything mixes nothing up.

use std::collections::{HashMap, HashSet};

use super::Assignments;
use crate::driver::Dialect;
use crate::error::DbError;
use crate::executor::Target;
use crate::expression::{ColumnRef, Node, Operator, Scope, Term, is_among, is_key};
use crate::meta::{ModelMeta, RelationKind, RelationMeta};
use crate::query::{Deleted, Lead, Output, Select};
use crate::tenancy::{Tenancy, TenantKind};
use crate::value::Value;

/// The foreign keys that a write sets, kept where somebody has to look at them: for their tenants, or since the engine does not say which of
/// them leads nowhere.
#[derive(Debug, Default)]
pub(super) struct References(Vec<Reference>);

#[derive(Debug)]
struct Reference {
    relation: &'static RelationMeta,
    key: Value,
    /// Of which tenant the row is that refers, as far as the write says it.
    of: Option<Value>,
}

impl References {
    pub(super) fn of(written: &Assignments, target: Target<'_>) -> Self {
        let mut references = Self::default();
        references.add(written, target);
        references
    }

    pub(super) fn add(&mut self, written: &Assignments, target: Target<'_>) {
        let of = written.meta().tenant().and_then(|(index, _)| written.get(index));
        for relation in written.meta().relations {
            let RelationKind::BelongsTo { fields, .. } = relation.kind else { continue };
            if target.dialect() != Dialect::Sqlite && !is_of_one(relation, target) {
                continue;
            }
            let part = |field: &usize| written.get(*field).filter(|value| !value.is_null()).cloned();
            if let Some(mut parts) = fields.iter().map(part).collect::<Option<Vec<_>>>() {
                let key = if parts.len() == 1 { parts.remove(0) } else { Value::List(parts) };
                self.0.push(Reference { relation, key, of: of.cloned() });
            }
        }
    }

    /// Refuses the keys of another tenant's rows.
    pub(super) async fn check(&self, meta: &'static ModelMeta, target: Target<'_>) -> Result<(), DbError> {
        for relation in meta.relations.iter().filter(|relation| is_of_one(relation, target)) {
            let is_refused = match target.tenancy() {
                Tenancy::Of(_) => leads_nowhere(relation, self.keys_of(relation), target).await?,
                _ => self.leads_elsewhere(relation, target).await?,
            };
            if is_refused {
                return Err(unknown(meta, relation));
            }
        }
        Ok(())
    }

    /// Whether, across tenants, a row is to refer to one of another tenant than its own.
    async fn leads_elsewhere(&self, relation: &RelationMeta, target: Target<'_>) -> Result<bool, DbError> {
        let other = (relation.target)();
        let mut keys: HashMap<&Value, Vec<Value>> = HashMap::new();
        for Reference { key, of, .. } in self.of_relation(relation) {
            if let Some(of) = of {
                keys.entry(of).or_default().push(key.clone());
            }
        }
        for (tenant, keys) in keys {
            let mut select = Select::new(other);
            select.deleted = Deleted::With;
            select.filter.push(is_among(Scope::ROOT, &other.key_columns(), keys));
            if has_others(select, tenant, target).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The same where the write does not say of which tenant its rows are: it is all that `select` asks for.
    pub(super) async fn check_rows(&self, select: &Select, target: Target<'_>) -> Result<(), DbError> {
        for Reference { relation, key, .. } in self.unsaid(target) {
            if let Some(theirs) = tenant_of((relation.target)(), key, target).await?
                && has_others(select.clone(), &theirs, target).await?
            {
                return Err(unknown(select.meta, relation));
            }
        }
        Ok(())
    }

    /// Whether [`check_rows`](Self::check_rows) has anything to look at.
    pub(super) fn concern_rows(&self, target: Target<'_>) -> bool {
        self.unsaid(target).next().is_some()
    }

    /// Those that are set across tenants, in rows of which the write does not say the tenant.
    fn unsaid<'a>(&'a self, target: Target<'a>) -> impl Iterator<Item = &'a Reference> {
        self.0.iter().filter(move |reference| {
            reference.of.is_none()
                && matches!(target.tenancy(), Tenancy::Across)
                && is_of_one(reference.relation, target)
        })
    }

    /// The keys of a relation.
    pub(super) fn keys_of(&self, relation: &RelationMeta) -> Vec<Value> {
        self.of_relation(relation).map(|reference| reference.key.clone()).collect()
    }

    fn of_relation(&self, relation: &RelationMeta) -> impl Iterator<Item = &Reference> {
        self.0.iter().filter(|reference| reference.relation.name == relation.name)
    }
}

fn unknown(meta: &ModelMeta, relation: &RelationMeta) -> DbError {
    DbError::UnknownReference { model: meta.name.to_owned(), field: relation.name.to_owned() }
}

/// Whether only rows of one tenant may be referred to.
fn is_of_one(relation: &RelationMeta, target: Target<'_>) -> bool {
    let has_tenants = |model: &ModelMeta| model.tenant().is_some();
    has_tenants((relation.target)())
        && match target.tenancy() {
            Tenancy::Of(_) => true,
            Tenancy::Across => has_tenants((relation.owner)()),
            Tenancy::Unsaid => false,
        }
}

/// Whether one of the keys is nobody's.
pub(super) async fn leads_nowhere(
    relation: &RelationMeta,
    mut keys: Vec<Value>,
    target: Target<'_>,
) -> Result<bool, DbError> {
    let other = (relation.target)();
    if keys.is_empty() {
        return Ok(false);
    }
    let known: HashSet<Value> = keys.drain(..).collect();
    let (asked, known) = (known.len(), known.into_iter().collect::<Vec<_>>());
    let mut select = Select::new(other);
    select.deleted = Deleted::With;
    select.filter.push(is_among(Scope::ROOT, &other.key_columns(), known));
    let found = count(select, target).await?;
    Ok(usize::try_from(found).is_ok_and(|found| found < asked))
}

/// Whether some of the rows are of another tenant than this one. A tenant of another kind, a text and a number, is one in another sense.
async fn has_others(mut select: Select, tenant: &Value, target: Target<'_>) -> Result<bool, DbError> {
    let Some((_, field)) = select.meta.tenant() else { return Ok(false) };
    if TenantKind::of(tenant).fits(select.meta).is_err() {
        return Ok(false);
    }
    select.filter.push(Node::Compare {
        left: Term::Column(ColumnRef { scope: Scope::ROOT, column: field.column }),
        operator: Operator::NotEqual,
        right: Term::Value(tenant.clone()),
    });
    Ok(count(select, target).await? > 0)
}

async fn count(mut select: Select, target: Target<'_>) -> Result<i64, DbError> {
    select.only(Output::Count);
    let reply = target.select(select).await?;
    Ok(reply.rows.first().and_then(|row| row.get::<i64>(0).ok()).unwrap_or_default())
}

/// The tenant of the row with this key; none where there is no such row, or the model has no tenants.
pub(crate) async fn tenant_of(
    meta: &'static ModelMeta,
    key: &Value,
    target: Target<'_>,
) -> Result<Option<Value>, DbError> {
    let Some((_, field)) = meta.tenant() else { return Ok(None) };
    let mut select = Select::new(meta);
    select.deleted = Deleted::With;
    select.filter.push(is_key(Scope::ROOT, &meta.key_columns(), key));
    select.lead = Some(Lead::Own(vec![field.column]));
    let reply = target.select(select).await?;
    Ok(reply.rows.first().map(|row| field.sql_type.value(row.cell(0))))
}
