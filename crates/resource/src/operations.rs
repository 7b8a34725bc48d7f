//! What surfaces do to the rows of a model, without knowing it.

use futures_util::future::BoxFuture;
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Result};
use mainstay_db::executor::{Executor, Target};
use mainstay_db::meta::ModelMeta;
use mainstay_db::{Db, Tx};
use serde_json::value::RawValue;

use crate::include::Inclusion;
use crate::list::{ListRequest, Listing, Shape};
use crate::policy::Policies;
use crate::record::Record;

/// On whose behalf, and where. An executor: the transaction, or the database.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Who asks.
    pub who: &'a Principal,
    /// The database, of the tenant that this is for: a transaction of the caller is used for the same.
    pub db: &'a Db,
    /// What they may do.
    pub policies: &'a Policies,
    /// The transaction in which this happens. Without one, a write has one of its own.
    pub tx: Option<&'a Tx>,
    /// The row that the rows belong to, by its key as an address has it, of a resource within another.
    pub parent: Option<&'a str>,
}

impl Executor for Caller<'_> {
    #[track_caller]
    fn target(&self) -> Target<'_> {
        match self.tx {
            Some(tx) => tx.target_of(self.db),
            None => self.db.target(),
        }
    }
}

impl Caller<'_> {
    /// Runs `work` in a transaction, or in one inside of that which there is.
    pub(crate) async fn transaction<T>(self, work: impl AsyncFnOnce(&Tx) -> Result<T>) -> Result<T> {
        match self.tx {
            Some(tx) => tx.tenant_of(self.db).transaction(work).await,
            None => self.db.transaction(work).await,
        }
    }
}

/// How a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Save {
    /// A new one is made.
    Create,
    /// Every field gets a new value: that which is given, else that of a new row.
    Replace,
    /// The fields that are given get a new value (JSON Merge Patch, RFC 7396).
    Merge,
    /// A list of operations is applied to the row as its writer sees it (JSON Patch, RFC 6902).
    Patch,
}

impl Save {
    /// Whether what is not named stays as it is.
    pub(crate) fn is_partial(self) -> bool {
        matches!(self, Self::Merge | Self::Patch)
    }
}

/// A row to be written.
#[derive(Clone, Copy, Debug)]
pub struct Saving<'a> {
    /// How.
    pub how: Save,
    /// Which row, by its key as an address has it; nothing for a new one.
    pub key: &'a str,
    /// Its fields, as a JSON object; of a patch, its operations.
    pub body: &'a RawValue,
    /// The tags of which the row must have one, if the client has said some.
    pub expected: Option<&'a [String]>,
}

/// A row that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Its key, as an address has it.
    pub key: String,
    /// The row, if the caller may see it.
    pub record: Option<Record>,
}

/// A row to be taken away.
#[derive(Clone, Copy, Debug)]
pub struct Removal<'a> {
    /// Which, by its key as an address has it.
    pub key: &'a str,
    /// The tags of which the row must have one, if the client has said some.
    pub expected: Option<&'a [String]>,
}

/// Something to be done to one row.
#[derive(Clone, Copy, Debug)]
pub enum Write<'a> {
    /// It is made or changed.
    Save(Saving<'a>),
    /// It is taken away.
    Remove(Removal<'a>),
}

/// What was done to one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// It was made or changed.
    Saved(Saved),
    /// It was taken away.
    Removed,
}

/// Why nothing was written: what is wrong with each write that cannot be done.
#[derive(Debug)]
pub struct Refused {
    /// The position of the first of them, unless it is not about one.
    pub position: Option<usize>,
    /// What is wrong with it.
    pub error: Error,
    /// What is wrong with others, by position.
    pub more: Vec<(usize, Error)>,
}

/// What can be done to the rows of one model. Each call asks the policy; writes happen in one transaction, in which rows are
/// locked, and the policy looks at what they have become.
///
/// # Errors
///
/// 401 and 403 when the policy says no, 404 when there is no such row for this caller, 412 when the row is another than
/// expected, 400 and 422 with every fault when the request does not fit, and what the database refuses.
pub trait Operations: Send + Sync {
    /// The model.
    fn meta(&self) -> &'static ModelMeta;

    /// The relations that can be shown with a row.
    fn includes(&self) -> Vec<Inclusion> {
        Vec::new()
    }

    /// The fields that a client never sets, because the address says what they are.
    fn settled(&self) -> &'static [usize] {
        &[]
    }

    /// Some rows.
    fn list<'a>(&'a self, caller: Caller<'a>, asked: &'a ListRequest) -> BoxFuture<'a, Result<Listing>>;

    /// One row.
    fn get<'a>(&'a self, caller: Caller<'a>, key: &'a str, shape: &'a Shape)
    -> BoxFuture<'a, Result<Record>>;

    /// Writes rows, one after the other: all of them, or none.
    fn write<'a>(
        &'a self,
        caller: Caller<'a>,
        writes: &'a [Write<'a>],
    ) -> BoxFuture<'a, Result<Vec<Written>, Refused>>;

    /// Writes a row, and returns it as it is then.
    fn save<'a>(&'a self, caller: Caller<'a>, saving: Saving<'a>) -> BoxFuture<'a, Result<Saved>> {
        Box::pin(async move {
            match self.write(caller, &[Write::Save(saving)]).await.map_err(|refused| refused.error)?.pop() {
                Some(Written::Saved(saved)) => Ok(saved),
                _ => Err(Error::internal("a row was written, and nothing came of it")),
            }
        })
    }

    /// Takes a row away.
    fn remove<'a>(&'a self, caller: Caller<'a>, removal: Removal<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.write(caller, &[Write::Remove(removal)]).await.map(drop).map_err(|refused| refused.error)
        })
    }
}
