//! Tenants: customers whose rows are in the same tables, and who must never see one another's.
//!
//! A model with a `#[field(tenant)]` has tenants. Whatever runs on it says for which of them: [`Db::tenant`] and [`Tx::tenant`] are
//! executors for one, [`Db::across_tenants`] and [`Tx::across_tenants`] for all. Whoever says nothing gets an error, and no row.
//!
//! ```
//! use mainstay_db::{Db, meta::meta_of, model, schema};
//!
//! #[model]
//! pub struct Invoice {
//!     pub id: i64,
//!     #[field(tenant, index)]
//!     pub company: i64,
//!     pub total: i64,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> mainstay_core::Result<()> {
//! let db = Db::open("sqlite::memory:").await?;
//! # schema::create_tables(&[meta_of::<Invoice>()], &db).await?;
//! let (acme, bolt) = (db.tenant(1_i64), db.tenant(2_i64));
//! NewInvoice { total: 100 }.insert(&acme).await?;
//! NewInvoice { total: 200 }.insert(&bolt).await?;
//!
//! assert_eq!(Invoice::query().all(&acme).await?.len(), 1);
//! assert_eq!(Invoice::query().count(&db.across_tenants()).await?, 2);
//! assert!(Invoice::query().count(&db).await.is_err());
//! # Ok(()) }
//! ```
//!
//! How it cannot be forgotten: the condition is no part of queries. The renderer, which makes all SQL of this crate, adds it to every
//! table of such a model that it writes: the rows asked for, joined, related, counted, in sub-queries, updated and deleted. The field is
//! filled in where a row is new, and checked wherever one is written; a key of another tenant's row is refused in relations. What is
//! kept is the SQL, with a place for the tenant, never the tenant.
//!
//! Outside of it is what this crate does not write: [`sql`](crate::sql()), migrations, what foreign keys delete, and that a unique field
//! is unique over all tenants unless `#[unique(company, number)]` says otherwise.

use std::sync::Arc;

use crate::db::Db;
use crate::error::DbError;
use crate::executor::{Executor, Target};
use crate::meta::ModelMeta;
use crate::transaction::Tx;
use crate::value::{SqlType, Stored, Value};

/// For whom something runs.
#[derive(Clone, Debug, Default)]
pub(crate) enum Tenancy {
    /// Nobody has said: models with tenants are refused.
    #[default]
    Unsaid,
    /// For one.
    Of(Arc<Value>),
    /// For all of them.
    Across,
}

impl Tenancy {
    fn of<T: Stored>(tenant: T) -> Self {
        Self::Of(Arc::new(tenant.into_value()))
    }

    /// The tenant of a new row: given by the row, or by this.
    pub(crate) fn fill(&self, model: &ModelMeta, given: Option<&Value>) -> Result<Option<Value>, DbError> {
        match (self, given) {
            (Self::Across, given) => Ok(given.cloned()),
            (Self::Unsaid, _) => Err(unsaid(model)),
            (Self::Of(tenant), None) => {
                TenantKind::of(tenant).fits(model)?;
                Ok(Some(Value::clone(tenant)))
            }
            (Self::Of(_), Some(given)) => self.allow(model, given).map(|()| Some(given.clone())),
        }
    }

    /// Whether a row may be given that tenant.
    pub(crate) fn allow(&self, model: &ModelMeta, given: &Value) -> Result<(), DbError> {
        match self {
            Self::Across => Ok(()),
            Self::Unsaid => Err(unsaid(model)),
            Self::Of(tenant) if **tenant == *given && !given.is_null() => Ok(()),
            Self::Of(_) => Err(DbError::Model {
                detail: format!("a `{}` of one tenant is written for another", model.name),
            }),
        }
    }
}

/// What kind of value a tenant is. A text in the place of a number would be compared in a way of the engine's own: to MySQL, `1x` is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum TenantKind {
    Number = b'n',
    Text = b't',
    Uuid = b'u',
    /// Nobody: it is like no value.
    Nobody = b'0',
    Other = b'o',
}

impl TenantKind {
    pub(crate) fn of(tenant: &Value) -> Self {
        match tenant {
            Value::Int(_) => Self::Number,
            Value::Text(_) => Self::Text,
            Value::Uuid(_) => Self::Uuid,
            Value::Null => Self::Nobody,
            _ => Self::Other,
        }
    }

    /// Whether rows of a model can be of such a tenant.
    pub(crate) fn fits(self, model: &ModelMeta) -> Result<(), DbError> {
        let Some((_, field)) = model.tenant() else { return Ok(()) };
        let wanted = match field.sql_type {
            SqlType::SmallInt | SqlType::Int | SqlType::BigInt => Self::Number,
            SqlType::Text | SqlType::Enum => Self::Text,
            SqlType::Uuid => Self::Uuid,
            _ => Self::Other,
        };
        if self == wanted || self == Self::Nobody {
            return Ok(());
        }
        Err(DbError::Model {
            detail: format!(
                "`{}.{}` is a {:?}, and the tenant that is given is of another type",
                model.name, field.name, field.sql_type
            ),
        })
    }
}

/// What somebody is told who does not say for whom.
pub(crate) fn unsaid(model: &ModelMeta) -> DbError {
    let name = model.name;
    DbError::Model {
        detail: format!(
            "`{name}` has tenants, and nothing says for which of them this is: pass `&db.tenant(id)`, or, for all of them, \
             `&db.across_tenants()`; in a transaction `&tx.tenant(id)`"
        ),
    }
}

impl Db {
    /// The same database for one tenant: what runs on it, and in transactions that it begins, sees and writes rows of that tenant alone,
    /// of models that have tenants. See [`tenancy`](crate::tenancy).
    #[must_use]
    pub fn tenant<T: Stored>(&self, tenant: T) -> Self {
        self.with_tenancy(Tenancy::of(tenant))
    }

    /// The same for a tenant that is known as a value. NULL is nobody: nothing is found, and nothing can be stored.
    #[must_use]
    pub fn tenant_by_value(&self, tenant: Value) -> Self {
        self.with_tenancy(Tenancy::Of(Arc::new(tenant)))
    }

    /// The same database for all tenants: for reports, and what an operator does. New rows say of which they are.
    #[must_use]
    pub fn across_tenants(&self) -> Self {
        self.with_tenancy(Tenancy::Across)
    }
}

/// A transaction for one tenant, or for all of them: an executor, from [`Tx::tenant`].
#[derive(Debug)]
pub struct TenantTx<'a> {
    tx: &'a Tx,
    tenancy: Tenancy,
}

impl Tx {
    /// The same transaction for one tenant. One that began on [`Db::tenant`] is for that one already.
    pub fn tenant<T: Stored>(&self, tenant: T) -> TenantTx<'_> {
        TenantTx { tx: self, tenancy: Tenancy::of(tenant) }
    }

    /// The same transaction for all tenants.
    pub fn across_tenants(&self) -> TenantTx<'_> {
        TenantTx { tx: self, tenancy: Tenancy::Across }
    }

    /// Where statements in this transaction go, for whom a database is for.
    #[track_caller]
    pub fn target_of<'a>(&'a self, db: &'a Db) -> Target<'a> {
        self.target().for_tenancy(db.tenancy())
    }

    /// The same transaction for whom a database is for.
    pub fn tenant_of(&self, db: &Db) -> TenantTx<'_> {
        TenantTx { tx: self, tenancy: db.tenancy().clone() }
    }
}

impl TenantTx<'_> {
    pub(crate) fn parts(&self) -> (&Tx, &Tenancy) {
        (self.tx, &self.tenancy)
    }

    /// Runs `work` in a transaction inside of this one: see [`Tx::transaction`]. That is for the same tenant.
    ///
    /// # Errors
    ///
    /// As [`Tx::transaction`].
    pub async fn transaction<T, F>(&self, work: F) -> mainstay_core::Result<T>
    where
        F: AsyncFnOnce(&Tx) -> mainstay_core::Result<T>,
    {
        self.tx.nested_for(&self.tenancy, work).await
    }
}
