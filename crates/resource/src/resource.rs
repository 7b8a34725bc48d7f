//! A model, as surfaces offer it.

mod reading;
mod writing;

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Result};
use mainstay_db::expression::Scope;
use mainstay_db::meta::{FieldMeta, ModelMeta};
use mainstay_db::named::is_row;
use mainstay_db::relation::ToOne;
use mainstay_db::value::Stored;
use mainstay_db::{Column, Model, Query, Value};

use crate::address::{Address, with_values};
use crate::include::{Includable, Include, Included, Inclusion};
use crate::list::{ListRequest, Listing, Shape};
use crate::module::Offered;
use crate::operations::{Caller, Operations, Refused, Write, Written};
use crate::policy::{Action, FieldSet, Policy, Rows};
use crate::record::{Form, Record};
use crate::within::{Around, Within, fields};

/// A model, as surfaces offer it: `Resource::<Article>::new("/articles")`.
///
/// What somebody may see and change says the [`Policy`] of the model; without one, nobody may do anything.
///
/// ```
/// use mainstay_db::model;
/// use mainstay_resource::Resource;
/// use mainstay_resource::policy::ReadOnly;
///
/// #[model]
/// pub struct Country {
///     pub id: i64,
///     #[field(unique, searchable)]
///     pub name: String,
/// }
///
/// let countries = Resource::<Country>::new("/countries").policy(ReadOnly);
/// assert_eq!(countries.path(), "/countries");
/// ```
pub struct Resource<M: Model> {
    path: String,
    address: Address,
    policy: Option<Arc<dyn Policy<M>>>,
    on_create: Option<Box<OnCreate<M>>>,
    on_change: Option<Box<OnChange<M>>>,
    includes: Vec<Box<dyn Included<M>>>,
    within: Option<Box<dyn Around<M>>>,
}

type OnCreate<M> = dyn Fn(&Principal, <M as Model>::Draft) -> Result<<M as Model>::Draft> + Send + Sync;
type OnChange<M> = dyn Fn(&Principal, &M, <M as Model>::Change) -> Result<<M as Model>::Change> + Send + Sync;

impl<M: Model> fmt::Debug for Resource<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<M: Model> Resource<M> {
    /// The rows of `M`, at this address.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            address: Address::of_key::<M>(),
            policy: None,
            on_create: None,
            on_change: None,
            includes: Vec::new(),
            within: None,
        }
    }

    /// Names rows in addresses by a unique field instead of the key: `.by(|article| article.slug)`.
    #[must_use]
    pub fn by<T: Stored>(mut self, field: impl FnOnce(M::Fields) -> Column<M, T>) -> Self {
        self.address = Address::of_column::<M>(field(M::fields(Scope::ROOT)).name());
        self
    }

    /// Offers the rows that belong to one row of another model, whose key is the parameter of the path:
    /// `Resource::<Comment>::new("/articles/{article}/comments").within(|comment| comment.article)`.
    ///
    /// Only these are listed, found and changed, and new ones belong to it. Who may not see the other row finds nothing here.
    #[must_use]
    pub fn within<R: Model>(
        mut self,
        relation: impl Fn(M::Fields) -> ToOne<M, R> + Send + Sync + 'static,
    ) -> Self {
        self.within = Some(Box::new(Within { relation, address: Address::of_key::<R>() }));
        self
    }

    /// The same where the other row is named by a unique field: `.within_by(|comment| comment.article, |article| article.slug)`.
    #[must_use]
    pub fn within_by<R: Model, T: Stored>(
        mut self,
        relation: impl Fn(M::Fields) -> ToOne<M, R> + Send + Sync + 'static,
        field: impl FnOnce(R::Fields) -> Column<R, T>,
    ) -> Self {
        let address = Address::of_column::<R>(field(R::fields(Scope::ROOT)).name());
        self.within = Some(Box::new(Within { relation, address }));
        self
    }

    /// Makes it the policy of the model, on every surface.
    #[must_use]
    pub fn policy(mut self, policy: impl Policy<M>) -> Self {
        self.policy = Some(Arc::new(policy));
        self
    }

    /// Sets more of a new row than its client does: `.on_create(|who, note| Ok(note.owner(who.id())))`. An error refuses it.
    ///
    /// What is set here, the policy need not let anybody write. [`Hooks`](mainstay_db::Hooks) of the model see every write,
    /// from wherever it comes; this sees who asks.
    #[must_use]
    pub fn on_create(
        mut self,
        set: impl Fn(&Principal, M::Draft) -> Result<M::Draft> + Send + Sync + 'static,
    ) -> Self {
        self.on_create = Some(Box::new(set));
        self
    }

    /// Sets more of a row that is changed than its client does. An error refuses the change.
    #[must_use]
    pub fn on_change(
        mut self,
        set: impl Fn(&Principal, &M, M::Change) -> Result<M::Change> + Send + Sync + 'static,
    ) -> Self {
        self.on_change = Some(Box::new(set));
        self
    }

    /// Lets clients ask for a relation with the rows (`?include=author`): `.include(|article| article.author)`,
    /// `.include(|article| article.comments.order_by(|comment| comment.id).limit(10))`. They see of it what the policy of the
    /// other model lets them.
    #[must_use]
    pub fn include<L: Includable<M>>(
        mut self,
        relation: impl Fn(M::Fields) -> L + Send + Sync + 'static,
    ) -> Self {
        self.includes.push(Box::new(Include(relation)));
        self
    }

    /// Takes the policy out, for whoever contributes it.
    pub fn take_policy(&mut self) -> Option<Arc<dyn Policy<M>>> {
        self.policy.take()
    }

    /// Where the rows are: `/articles`.
    pub fn path(&self) -> &str {
        self.path.trim_end_matches('/')
    }

    /// What the parameters of the address of one row are values of, in their order; of no field, where they are keys of several.
    pub fn parameters(&self) -> Vec<Option<&'static FieldMeta>> {
        let around = self.within.as_ref().map(|within| within.address().only());
        around.into_iter().chain([self.address.only()]).collect()
    }

    /// What the last parameter of the address of one row is called.
    pub fn parameter(&self) -> &'static str {
        self.address.field().map_or("key", |field| field.name)
    }

    /// That it is offered, for whoever contributes it.
    pub fn offered(&self) -> Offered {
        Offered {
            meta: M::META,
            path: self.path().to_owned(),
            by: [Some(self.address), self.within.as_ref().map(|within| within.address())]
                .into_iter()
                .flatten()
                .filter_map(|address| address.field().map(|field| (address.meta(), field)))
                .collect(),
            within: self.within.as_ref().map(|within| within.relation()),
        }
    }

    /// The key of the row around, if the rows are within one, for the fields that are [settled](Operations::settled).
    async fn around(&self, caller: Caller<'_>) -> Result<Vec<Value>> {
        match (&self.within, caller.parent) {
            (Some(within), Some(parent)) => within.find(caller, parent).await,
            _ => Ok(Vec::new()),
        }
    }

    /// The rows at the address.
    fn rows(&self, around: &[Value]) -> Query<M> {
        with_values(Query::new(), self.settled(), around.to_vec())
    }

    /// The row with this key in an address, among those.
    fn row(&self, key: &str, around: &[Value]) -> Result<Query<M>> {
        self.address.limit(self.rows(around), key)
    }
}

/// The row that somebody may act on, by its name in an address: by the key, or by the unique field that is called as
/// `parameter` is. It is locked until the transaction of the caller ends, if there is one and it is to be changed.
///
/// # Errors
///
/// 401 and 403 when the policy says no, 404 when there is no such row for this caller.
pub async fn find<M: Model>(caller: Caller<'_>, action: Action, parameter: &str, key: &str) -> Result<M> {
    let address = Address::of_parameter::<M>(parameter);
    let policy = caller.policies.of::<M>();
    pick(&*policy, caller, action, || address.limit(Query::new(), key)).await
}

/// Which rows there are is told only to whoever may see them.
async fn pick<M: Model>(
    policy: &dyn Policy<M>,
    caller: Caller<'_>,
    action: Action,
    row: impl Fn() -> Result<Query<M>>,
) -> Result<M> {
    let rows = allowed(policy.rows(caller.who, action), caller.who)?.limit(row()?);
    let is_locked = caller.tx.is_some() && action != Action::View;
    let rows = if is_locked { rows.for_update() } else { rows };
    if let Some(row) = rows.first(&caller).await? {
        return Ok(row);
    }
    let is_seen = policy.rows(caller.who, Action::View).limit(row()?).exists(&caller).await?;
    Err(if is_seen { denied(caller.who) } else { missing::<M>() })
}

impl<M: Model> Operations for Resource<M> {
    fn meta(&self) -> &'static ModelMeta {
        M::META
    }

    fn includes(&self) -> Vec<Inclusion> {
        self.includes.iter().map(|include| include.inclusion()).collect()
    }

    fn settled(&self) -> &'static [usize] {
        self.within.as_ref().map_or(&[], |within| fields(within.relation()))
    }

    fn list<'a>(&'a self, caller: Caller<'a>, asked: &'a ListRequest) -> BoxFuture<'a, Result<Listing>> {
        Box::pin(reading::list(self, caller, asked))
    }

    fn get<'a>(
        &'a self,
        caller: Caller<'a>,
        key: &'a str,
        shape: &'a Shape,
    ) -> BoxFuture<'a, Result<Record>> {
        Box::pin(reading::get(self, caller, key, shape))
    }

    fn write<'a>(
        &'a self,
        caller: Caller<'a>,
        writes: &'a [Write<'a>],
    ) -> BoxFuture<'a, Result<Vec<Written>, Refused>> {
        Box::pin(writing::write(self, caller, writes))
    }
}

/// The fields that may be seen.
pub(crate) struct Seen<M>(pub(crate) FieldSet<M>);

impl<M: Model> Seen<M> {
    pub(crate) fn has(&self, field: &FieldMeta) -> bool {
        !field.hidden && self.0.contains(field.column)
    }
}

/// A row with everything that may be seen of it.
fn whole<M: Model>(policy: &dyn Policy<M>, who: &Principal, row: &M) -> Result<Record> {
    let seen = Seen(policy.fields(who, Action::View));
    Form::new(M::META, |field| seen.has(field)).record(&row.values())
}

/// Whether a row is one of these.
async fn is_among<M: Model>(rows: Rows<M>, row: &M, caller: Caller<'_>) -> Result<bool> {
    match rows {
        Rows::None => Ok(false),
        Rows::All => Ok(true),
        Rows::Where(rows)
            if M::META.deleted_at().is_none()
                && let Some(is_among) = rows.holds_for(row) =>
        {
            Ok(is_among)
        }
        rows => rows.limit(Query::new().filter(|_| is_row(row))).exists(&caller).await,
    }
}

/// The rows that a policy allows to act on, unless there can be none.
pub(crate) fn allowed<M>(rows: Rows<M>, who: &Principal) -> Result<Rows<M>> {
    match rows {
        Rows::None => Err(denied(who)),
        rows => Ok(rows),
    }
}

fn permitted(is_permitted: bool, who: &Principal) -> Result<()> {
    if is_permitted { Ok(()) } else { Err(denied(who)) }
}

fn denied(who: &Principal) -> Error {
    if who.is_authenticated() {
        Error::forbidden("This is not allowed.")
    } else {
        Error::unauthorized("Sign in to do this.")
    }
}

pub(crate) fn missing<M: Model>() -> Error {
    Error::not_found(format!("There is no such {}.", M::META.label))
}
