//! Linking and unlinking rows of a many-to-many relation.

use futures_util::FutureExt;
use mainstay_core::Result;

use super::field::{Collection, ManyToMany};
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::{ColumnRef, List, Node, Operator, Scope, Term};
use crate::key::Key;
use crate::meta::{Link, ModelMeta};
use crate::model::Model;
use crate::query::{Lead, Select};
use crate::value::{Decode, SqlType, Stored, Value};
use crate::write::{Assignments, delete_many, insert_rows};

impl<R: Model<Key: Stored>> ManyToMany<R> {
    /// The keys of the linked rows.
    #[track_caller]
    pub fn keys(&self, executor: &impl Executor) -> impl Future<Output = Result<Vec<Key<R>>>> {
        let (links, target) = (self.links(), executor.target());
        async move {
            let links = links.at_border()?;
            let linked = links.linked(target).await.at_border()?;
            let key = |value: &Value| {
                Key::decode(value.cell()).map_err(|fault| DbError::Decode {
                    column: links.to.to_owned(),
                    expected: fault.expected,
                    found: fault.found,
                })
            };
            linked.iter().map(key).collect::<Result<_, _>>().at_border()
        }
    }

    /// Links these rows too. Those that are linked already stay so.
    #[track_caller]
    pub fn add<K: Into<Key<R>>>(
        &mut self,
        rows: impl IntoIterator<Item = K>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<()>> {
        self.change(values(rows), Keep::All, executor.target())
    }

    /// Links these rows, and no others.
    #[track_caller]
    pub fn set<K: Into<Key<R>>>(
        &mut self,
        rows: impl IntoIterator<Item = K>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<()>> {
        self.change(values(rows), Keep::Listed, executor.target())
    }

    /// Unlinks these rows. Those that are not linked are passed over.
    #[track_caller]
    pub fn remove<K: Into<Key<R>>>(
        &mut self,
        rows: impl IntoIterator<Item = K>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<()>> {
        let (keys, target) = (values(rows), executor.target());
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

fn values<R: Model<Key: Stored>, K: Into<Key<R>>>(rows: impl IntoIterator<Item = K>) -> Vec<Value> {
    rows.into_iter().map(|row| row.into().into_value()).collect()
}

/// The rows of the model between that concern one owner.
pub(crate) struct Links {
    through: &'static ModelMeta,
    from: &'static str,
    to: &'static str,
    owner: Value,
    /// The type of the keys that are linked.
    kind: SqlType,
}

impl Links {
    pub(crate) fn of<R: Model>(collection: &Collection<R>) -> Result<Self, DbError> {
        let relation = collection.relation();
        let Link::Through { through, from, to, .. } = relation.link()? else {
            return Err(DbError::Model { detail: format!("`{}` has no model between", relation.name) });
        };
        let kind = R::META.single_key().map_or(SqlType::BigInt, |key| key.sql_type);
        Ok(Self { through, from, to, owner: collection.owner().clone(), kind })
    }

    fn select(&self) -> Select {
        let mut select = Select::new(self.through);
        select.filter.push(Node::Compare {
            left: Term::Column(ColumnRef { scope: Scope::ROOT, column: self.from }),
            operator: Operator::Equal,
            right: Term::Value(self.owner.clone()),
        });
        select
    }

    async fn change(self, wanted: Vec<Value>, keep: Keep, target: Target<'_>) -> Result<()> {
        let linked = self.linked(target).await.at_border()?;
        if keep == Keep::Listed {
            let gone: Vec<Value> = linked.iter().filter(|key| !wanted.contains(key)).cloned().collect();
            if !gone.is_empty() {
                self.unlink(gone, target).await.at_border()?;
            }
        }
        let mut missing: Vec<Value> = Vec::new();
        for key in wanted {
            if !linked.contains(&key) && !missing.contains(&key) {
                missing.push(key);
            }
        }
        self.link(missing, target).await
    }

    /// Links rows that are not linked yet.
    pub(crate) async fn link(&self, keys: Vec<Value>, target: Target<'_>) -> Result<()> {
        insert_rows(self.rows(keys).at_border()?, target).await.map(|_| ())
    }

    async fn linked(&self, target: Target<'_>) -> Result<Vec<Value>, DbError> {
        let mut select = self.select();
        // The key comes first, whatever else the model between has.
        select.lead = Some(Lead::Own(self.to));
        let reply = target.select(select).await?;
        Ok(reply.rows.iter().map(|row| self.kind.value(row.cell(0))).collect())
    }

    async fn unlink(&self, keys: Vec<Value>, target: Target<'_>) -> Result<(), DbError> {
        let mut select = self.select();
        select.filter.push(Node::In {
            left: Term::Column(ColumnRef { scope: Scope::ROOT, column: self.to }),
            list: List::Values(keys),
        });
        delete_many(select, target).await.map(|_| ())
    }

    fn rows(&self, keys: Vec<Value>) -> Result<Vec<Assignments>, DbError> {
        let position = |column| {
            self.through.column(column).map(|(index, _)| index).ok_or_else(|| DbError::Model {
                detail: format!("`{}` has no column `{column}`", self.through.name),
            })
        };
        let (from, to) = (position(self.from)?, position(self.to)?);
        Ok(keys
            .into_iter()
            .map(|key| {
                let mut row = Assignments::new(self.through);
                row.set_value(from, self.owner.clone());
                row.set_value(to, key);
                row
            })
            .collect())
    }
}
