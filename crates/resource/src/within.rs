//! Resources within another: `/articles/{article}/comments`.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mainstay_core::Result;
use mainstay_db::expression::Scope;
use mainstay_db::meta::{RelationKind, RelationMeta};
use mainstay_db::relation::ToOne;
use mainstay_db::{Model, Query, Value};

use crate::address::Address;
use crate::operations::Caller;
use crate::policy::Action;
use crate::resource::{allowed, missing};

/// The relation to the row that all rows at an address belong to.
pub(crate) trait Around<M: Model>: Send + Sync {
    /// By what the other rows are named in addresses.
    fn address(&self) -> Address;

    /// What is known of it.
    fn relation(&self) -> &'static RelationMeta;

    /// The key of the row with this key in an address, if the caller may see that row.
    fn find<'a>(&'a self, caller: Caller<'a>, key: &'a str) -> BoxFuture<'a, Result<Vec<Value>>>;
}

/// By a closure over the model's fields, and by what the other rows are named in addresses.
pub(crate) struct Within<F> {
    pub(crate) relation: F,
    pub(crate) address: Address,
}

impl<M, R, F> Around<M> for Within<F>
where
    M: Model,
    R: Model,
    F: Fn(M::Fields) -> ToOne<M, R> + Send + Sync,
{
    fn address(&self) -> Address {
        self.address
    }

    fn relation(&self) -> &'static RelationMeta {
        (self.relation)(M::fields(Scope::ROOT)).meta()
    }

    fn find<'a>(&'a self, caller: Caller<'a>, key: &'a str) -> BoxFuture<'a, Result<Vec<Value>>> {
        async move {
            let rows = allowed(caller.policies.of::<R>().rows(caller.who, Action::View), caller.who)?;
            let row = rows.limit(self.address.limit(Query::new(), key)?).first(&caller).await?;
            let values = row.ok_or_else(missing::<R>)?.values();
            Ok(R::META.key.iter().map(|index| values[*index].clone()).collect())
        }
        .boxed()
    }
}

/// The fields of the owner that have the other row's key.
pub(crate) fn fields(relation: &RelationMeta) -> &'static [usize] {
    match relation.kind {
        RelationKind::BelongsTo { fields, .. } => fields,
        _ => &[],
    }
}
