//! What runs a query: the database by itself ([`Db`]), or a transaction ([`Tx`]). Every query is told which.

use std::panic::Location;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use mainstay_core::Inject;
use sea_query::Values;

use crate::db::Db;
use crate::driver::{Dialect, Reply, RowStream, Statement, StatementKind};
use crate::encrypted::Vault;
use crate::error::DbError;
use crate::query::{Rendered, Renderer, Select, Shape, TenantScope};
use crate::tenancy::{Tenancy, TenantKind, TenantTx};
use crate::transaction::Tx;
use crate::value::Value;

/// [`Db`], [`Tx`], or an injected [`Db`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot run a query",
    label = "expected `&db` or `tx`",
    note = "pass `&db` (a `Db` or an `Inject<Db>`), or the `tx` of a transaction"
)]
pub trait Executor: Sync {
    /// Where the statements go, and which line of code sends them: the caller's.
    #[track_caller]
    fn target(&self) -> Target<'_>;
}

impl Executor for Db {
    fn target(&self) -> Target<'_> {
        Target::new((self, self.tenancy()), None)
    }
}

impl Executor for Tx {
    fn target(&self) -> Target<'_> {
        Target::new((self.db(), self.tenancy()), Some(self))
    }
}

impl Executor for Inject<Db> {
    fn target(&self) -> Target<'_> {
        (**self).target()
    }
}

impl Executor for TenantTx<'_> {
    fn target(&self) -> Target<'_> {
        let (tx, tenancy) = self.parts();
        tx.target().for_tenancy(tenancy)
    }
}

/// Where statements go. Not generic, so that what runs them is compiled once.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    db: &'a Db,
    tx: Option<&'a Tx>,
    tenancy: &'a Tenancy,
    caller: &'static Location<'static>,
}

impl<'a> Target<'a> {
    #[track_caller]
    fn new((db, tenancy): (&'a Db, &'a Tenancy), tx: Option<&'a Tx>) -> Self {
        Self { db, tx, tenancy, caller: Location::caller() }
    }

    fn inside(tx: &'a Tx, caller: &'static Location<'static>) -> Self {
        Self { db: tx.db(), tx: Some(tx), tenancy: tx.tenancy(), caller }
    }

    /// The same for another tenant.
    pub(crate) fn for_tenancy(self, tenancy: &'a Tenancy) -> Self {
        Self { tenancy, ..self }
    }

    pub(crate) fn tenancy(self) -> &'a Tenancy {
        self.tenancy
    }

    /// The same, on behalf of another line of code.
    pub(crate) fn called_at(self, caller: &'static Location<'static>) -> Self {
        Self { caller, ..self }
    }

    /// Signals a topic: after the commit inside of a transaction, else at once. See [`signal`](crate::signal).
    pub fn signal(self, topic: impl Into<Arc<str>>) {
        match self.tx {
            Some(tx) => tx.signal(topic),
            None => self.db.signal(topic),
        }
    }

    pub(crate) fn dialect(self) -> Dialect {
        self.db.dialect()
    }

    /// The statement of that shape, for the tenant that this is for, rendered by `render` when it is new.
    pub(crate) fn statement(
        self,
        mut shape: Shape,
        kind: StatementKind,
        render: impl FnOnce(Renderer) -> Result<(String, Values), DbError>,
    ) -> Result<Statement, DbError> {
        let renderer = self.renderer(&mut shape);
        self.db.cache().statement(shape, kind, || render(renderer))
    }

    /// The SQL of that shape, as [`renderer`](Self::renderer) has prepared it, rendered by `render` when it is new.
    pub(crate) fn rendered(
        self,
        shape: &Shape,
        render: impl FnOnce() -> Result<(String, Values), DbError>,
    ) -> Result<Arc<Rendered>, DbError> {
        self.db.cache().rendered(shape, render)
    }

    /// What makes SQL of that shape. The tenant is the last of its values.
    pub(crate) fn renderer(self, shape: &mut Shape) -> Renderer {
        let scope = match self.tenancy {
            Tenancy::Unsaid => TenantScope::Unsaid,
            Tenancy::Across => TenantScope::Across,
            Tenancy::Of(tenant) => {
                shape.values.push(Value::clone(tenant));
                TenantScope::Slot(shape.values.len() - 1, TenantKind::of(tenant))
            }
        };
        shape.tag(scope.number());
        Renderer::new(self.dialect(), scope)
    }

    /// The time by which `created_at` and `updated_at` are set.
    pub fn now(self) -> DateTime<Utc> {
        self.db.now()
    }

    pub(crate) fn vault(self) -> Option<&'a Arc<Vault>> {
        self.db.vault()
    }

    pub(crate) async fn run(self, mut statement: Statement) -> Result<Reply, DbError> {
        let vault = self.vault();
        if let Some(vault) = vault {
            vault.resolve(&mut statement.values);
        }
        let watch = self.db.watch(&statement, self.caller);
        let statement = self.db.commented(statement);
        let result = match self.tx {
            Some(tx) => tx.run(statement).await,
            None => self.db.run(statement).await,
        };
        watch.end(result.as_ref().map_or(0, |reply| reply.rows.len()), result.is_err());
        match (result, vault) {
            (Ok(mut reply), Some(vault)) => {
                reply.rows.opened_by(vault);
                Ok(reply)
            }
            (result, _) => result,
        }
    }

    /// Hands the rows out a few at a time. What is measured is the time to the first of them.
    pub(crate) async fn stream(self, mut statement: Statement) -> Result<RowStream, DbError> {
        let vault = self.vault();
        if let Some(vault) = vault {
            vault.resolve(&mut statement.values);
        }
        let watch = self.db.watch(&statement, self.caller);
        let statement = self.db.commented(statement);
        let result = match self.tx {
            Some(tx) => tx.stream(statement).await,
            None => self.db.stream(statement).await,
        };
        watch.end(0, result.is_err());
        match vault {
            Some(vault) => Ok(result?.opened_by(Arc::clone(vault))),
            None => result,
        }
    }

    pub(crate) fn select(self, select: Select) -> impl Future<Output = Result<Reply, DbError>> + use<'a> {
        // Made here, so that the future holds the statement and not the query, which is larger.
        let statement = self.statement_of(select);
        async move { self.run(statement?).await }
    }

    pub(crate) async fn stream_select(self, select: Select) -> Result<RowStream, DbError> {
        self.stream(self.statement_of(select)?).await
    }

    fn statement_of(self, mut select: Select) -> Result<Statement, DbError> {
        if select.lock.is_some() && self.tx.is_none() {
            return Err(DbError::Model {
                detail: format!(
                    "a lock on rows of `{}` lasts until its transaction ends: pass the `tx` of one",
                    select.meta.name
                ),
            });
        }
        let shape = Shape::of(&mut select, self.dialect());
        self.statement(shape, StatementKind::Read, |renderer| renderer.sql(&select))
    }

    /// Runs `work` in a transaction of its own, or in one inside of that which there is: all of it is done, or nothing. Its
    /// target stands for the same line of code.
    pub(crate) async fn atomically<T, F>(self, work: F) -> mainstay_core::Result<T>
    where
        F: for<'t> FnOnce(&'t Tx, Target<'t>) -> BoxFuture<'t, mainstay_core::Result<T>>,
    {
        let caller = self.caller;
        match self.tx {
            Some(tx) => tx.boxed_for(self.tenancy, |tx| work(tx, Target::inside(tx, caller))).await,
            None => self.db.transactions().run_boxed(|tx| work(tx, Target::inside(tx, caller))).await,
        }
    }

    /// Runs `work` in a transaction of its own, or in one inside of that which there is: all of it is done, or nothing.
    pub async fn transaction<T>(
        self,
        work: impl AsyncFnOnce(&Tx) -> mainstay_core::Result<T>,
    ) -> mainstay_core::Result<T> {
        match self.tx {
            Some(tx) => tx.nested_for(self.tenancy, work).await,
            None => self.db.transactions().run(work).await,
        }
    }

    /// The same for work that needs the target: it stands for the same line of code.
    pub(crate) async fn enclosed<T>(
        self,
        work: impl AsyncFnOnce(Target<'_>) -> mainstay_core::Result<T>,
    ) -> mainstay_core::Result<T> {
        let caller = self.caller;
        self.transaction(async |tx| work(Target::inside(tx, caller)).await).await
    }
}
