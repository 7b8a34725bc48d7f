//! Linking and unlinking rows of a many-to-many relation.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::FutureExt;
use mainstay_core::Result;

use super::children::keys;
use super::field::{Collection, ManyToMany};
use super::load::leading_key;
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::{Scope, is_among, is_key, parts};
use crate::key::{Key, KeyType};
use crate::meta::{Columns, Link, ModelMeta};
use crate::model::Model;
use crate::query::{Lead, Select};
use crate::row::{Row, Rows};
use crate::tenancy::{Tenancy, TenantKind, unsaid};
use crate::value::Value;
use crate::write::{Assignments, delete_many, insert_rows, tenant_of};

impl<R: Model> ManyToMany<R> {
    /// The keys of the linked rows.
    #[track_caller]
    pub fn keys(&self, executor: &impl Executor) -> impl Future<Output = Result<Vec<Key<R>>>> {
        let (links, target) = (self.links(), executor.target());
        async move {
            let links = links.at_border()?;
            let rows = links.rows_of_owner(target).await.at_border()?;
            let key = |row: Row<'_>| R::Key::read(&mut row.reader(0)).map(Key::new);
            rows.iter().map(key).collect::<Result<_, _>>().at_border()
        }
    }

    /// Links these rows too. Those that are linked already stay so.
    #[track_caller]
    pub fn add<K: Into<Key<R>>>(
        &mut self,
        rows: impl IntoIterator<Item = K>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<()>> {
        self.change(keys(rows), Keep::All, executor.target())
    }

    /// Links these rows, and no others.
    #[track_caller]
    pub fn set<K: Into<Key<R>>>(
        &mut self,
        rows: impl IntoIterator<Item = K>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<()>> {
        self.change(keys(rows), Keep::Listed, executor.target())
    }

    /// Unlinks these rows. Those that are not linked are passed over.
    #[track_caller]
    pub fn remove<K: Into<Key<R>>>(
        &mut self,
        rows: impl IntoIterator<Item = K>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<()>> {
        let (keys, target) = (keys(rows), executor.target());
        async move {
            self.links().at_border()?.unlink(keys, target).await.at_border()?;
            self.0.forget();
            Ok(())
        }
    }

    /// Unlinks every row.
    #[track_caller]
    pub fn clear(&mut self, executor: &impl Executor) -> impl Future<Output = Result<()>> {
        self.change(Vec::new(), Keep::Listed, executor.target())
    }

    pub(super) fn links(&self) -> Result<Links, DbError> {
        Links::of(&self.0)
    }

    async fn change(&mut self, wanted: Vec<Value>, keep: Keep, target: Target<'_>) -> Result<()> {
        let links = self.links().at_border()?;
        target
            .atomically(|_, target| async move { links.change(wanted, keep, target).await }.boxed())
            .await?;
        self.0.forget();
        Ok(())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    All,
    Listed,
}

/// The rows of the model between that concern one owner.
pub(crate) struct Links {
    through: &'static ModelMeta,
    from: Columns,
    to: Columns,
    owner: Value,
    /// The model of the owner.
    owners: &'static ModelMeta,
    /// The model whose rows are linked.
    target: &'static ModelMeta,
}

impl Links {
    pub(crate) fn of<R: Model>(collection: &Collection<R>) -> Result<Self, DbError> {
        let relation = collection.relation();
        let Link::Through { through, from, to, .. } = relation.link()? else {
            return Err(DbError::Model { detail: format!("`{}` has no model between", relation.name) });
        };
        let (owner, owners) = (collection.owner().clone(), (relation.owner)());
        Ok(Self { through, from, to, owner, owners, target: R::META })
    }

    fn select(&self) -> Select {
        let mut select = Select::new(self.through);
        select.filter.push(is_key(Scope::ROOT, &self.from, &self.owner));
        select
    }

    async fn change(self, wanted: Vec<Value>, keep: Keep, target: Target<'_>) -> Result<()> {
        let linked = self.linked(target).await.at_border()?;
        if keep == Keep::Listed {
            let wanted: HashSet<&Value> = wanted.iter().collect();
            let gone: Vec<Value> = linked.iter().filter(|key| !wanted.contains(key)).cloned().collect();
            if !gone.is_empty() {
                self.unlink(gone, target).await.at_border()?;
            }
        }
        let linked: HashSet<Value> = linked.into_iter().collect();
        self.link(wanted.into_iter().filter(|key| !linked.contains(key)).collect(), target).await
    }

    /// Links rows that are not linked yet.
    pub(crate) async fn link(&self, keys: Vec<Value>, target: Target<'_>) -> Result<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let tenancy = self.tenancy(target).await.at_border()?;
        insert_rows(self.rows(keys).at_border()?, target.for_tenancy(&tenancy)).await.map(|_| ())
    }

    /// For whom rows are linked. A table between has no tenants itself: across tenants, it is the tenant of the owner, so that the rows of two
    /// are never linked.
    async fn tenancy(&self, target: Target<'_>) -> Result<Tenancy, DbError> {
        let mut with_tenants =
            [self.owners, self.target].into_iter().filter(|model| model.tenant().is_some());
        match target.tenancy() {
            Tenancy::Unsaid => with_tenants.next().map_or(Ok(Tenancy::Unsaid), |model| Err(unsaid(model))),
            Tenancy::Across if with_tenants.count() == 2 => {
                let tenant = tenant_of(self.owners, &self.owner, target).await?;
                let tenant = tenant.filter(|tenant| TenantKind::of(tenant).fits(self.target).is_ok());
                Ok(tenant.map_or(Tenancy::Across, |tenant| Tenancy::Of(Arc::new(tenant))))
            }
            tenancy => Ok(tenancy.clone()),
        }
    }

    /// The links of the owner. Each row begins with the key of what is linked, whatever else the model between has.
    async fn rows_of_owner(&self, target: Target<'_>) -> Result<Rows, DbError> {
        let mut select = self.select();
        select.lead = Some(Lead::Own(self.to.clone()));
        Ok(target.select(select).await?.rows)
    }

    async fn linked(&self, target: Target<'_>) -> Result<Vec<Value>, DbError> {
        let rows = self.rows_of_owner(target).await?;
        Ok(rows.iter().map(|row| leading_key(self.target, row)).collect())
    }

    async fn unlink(&self, keys: Vec<Value>, target: Target<'_>) -> Result<(), DbError> {
        let mut select = self.select();
        select.filter.push(is_among(Scope::ROOT, &self.to, keys));
        delete_many(select, target).await.map(|_| ())
    }

    fn rows(&self, keys: Vec<Value>) -> Result<Vec<Assignments>, DbError> {
        let position = |column: &&'static str| {
            self.through.column(column).map(|(index, _)| index).ok_or_else(|| DbError::Model {
                detail: format!("`{}` has no column `{column}`", self.through.name),
            })
        };
        let positions: Vec<usize> =
            self.from.iter().chain(&self.to).map(position).collect::<Result<_, _>>()?;
        Ok(keys
            .into_iter()
            .map(|key| {
                let mut row = Assignments::new(self.through);
                for (position, part) in positions.iter().zip(parts(&self.owner).iter().chain(parts(&key))) {
                    row.set_value(*position, part.clone());
                }
                row
            })
            .collect())
    }
}
