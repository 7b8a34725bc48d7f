//! What surfaces do to the rows of a model, without knowing it.

use futures_util::future::BoxFuture;
use mainstay_core::Result;
use mainstay_core::principal::Principal;
use mainstay_db::Db;
use mainstay_db::meta::ModelMeta;
use serde_json::value::RawValue;

use crate::list::{ListRequest, Listing, Shape};
use crate::policy::Policies;
use crate::record::Record;

/// On whose behalf, and where.
#[derive(Clone, Copy, Debug)]
pub struct Caller<'a> {
    /// Who asks.
    pub who: &'a Principal,
    /// The database.
    pub db: &'a Db,
    /// What they may do.
    pub policies: &'a Policies,
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
}

/// A row to be written.
#[derive(Clone, Copy, Debug)]
pub struct Saving<'a> {
    /// How.
    pub how: Save,
    /// Which row, by its key as an address has it; nothing for a new one.
    pub key: &'a str,
    /// Its fields, as a JSON object.
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

/// What can be done to the rows of one model. Each call asks the policy; writes happen in a transaction of their own, in which
/// the row is locked, and the policy looks at what it has become.
///
/// # Errors
///
/// 401 and 403 when the policy says no, 404 when there is no such row for this caller, 412 when the row is another than
/// expected, 400 and 422 with every fault when the request does not fit, and what the database refuses.
pub trait Operations: Send + Sync {
    /// The model.
    fn meta(&self) -> &'static ModelMeta;

    /// The relations that can be shown with a row, by their names.
    fn includes(&self) -> Vec<&'static str> {
        Vec::new()
    }

    /// Some rows.
    fn list<'a>(&'a self, caller: Caller<'a>, asked: &'a ListRequest) -> BoxFuture<'a, Result<Listing>>;

    /// One row.
    fn get<'a>(&'a self, caller: Caller<'a>, key: &'a str, shape: &'a Shape)
    -> BoxFuture<'a, Result<Record>>;

    /// Writes a row, and returns it as it is then.
    fn save<'a>(&'a self, caller: Caller<'a>, saving: Saving<'a>) -> BoxFuture<'a, Result<Saved>>;

    /// Takes a row away.
    fn remove<'a>(&'a self, caller: Caller<'a>, removal: Removal<'a>) -> BoxFuture<'a, Result<()>>;
}
