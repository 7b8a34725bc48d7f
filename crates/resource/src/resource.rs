//! A model, as surfaces offer it.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use mainstay_core::config::did_you_mean;
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Fault, Result, StatusCode};
use mainstay_db::meta::{FieldMeta, ModelMeta, RelationKind};
use mainstay_db::named::{Comparison, Named, is_row};
use mainstay_db::{Model, Query, Tx, write};

use crate::include::{Includable, Include, Included};
use crate::input;
use crate::list::{ListRequest, Listing, Part, Position, Shape, not_understood};
use crate::operations::{Caller, Operations, Removal, Save, Saved, Saving};
use crate::policy::{Action, FieldSet, Policy, Rows};
use crate::record::{Record, read_key};

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
/// assert_eq!(countries.address(), "/countries");
/// ```
pub struct Resource<M: Model> {
    address: String,
    policy: Option<Arc<dyn Policy<M>>>,
    on_create: Option<Box<OnCreate<M>>>,
    on_change: Option<Box<OnChange<M>>>,
    includes: Vec<Box<dyn Included<M>>>,
}

type OnCreate<M> = dyn Fn(&Principal, <M as Model>::Draft) -> Result<<M as Model>::Draft> + Send + Sync;
type OnChange<M> = dyn Fn(&Principal, &M, <M as Model>::Change) -> Result<<M as Model>::Change> + Send + Sync;

impl<M: Model> fmt::Debug for Resource<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("address", &self.address).finish_non_exhaustive()
    }
}

impl<M: Model> Resource<M> {
    /// The rows of `M`, at this address.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), policy: None, on_create: None, on_change: None, includes: Vec::new() }
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
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl<M: Model> Operations for Resource<M> {
    fn meta(&self) -> &'static ModelMeta {
        M::META
    }

    fn includes(&self) -> Vec<&'static str> {
        self.includes.iter().map(|include| include.name()).collect()
    }

    fn list<'a>(&'a self, caller: Caller<'a>, asked: &'a ListRequest) -> BoxFuture<'a, Result<Listing>> {
        Box::pin(list(self, caller, asked))
    }

    fn get<'a>(
        &'a self,
        caller: Caller<'a>,
        key: &'a str,
        shape: &'a Shape,
    ) -> BoxFuture<'a, Result<Record>> {
        Box::pin(get(self, caller, key, shape))
    }

    fn save<'a>(&'a self, caller: Caller<'a>, saving: Saving<'a>) -> BoxFuture<'a, Result<Saved>> {
        match saving.how {
            Save::Create => Box::pin(create(self, caller, saving)),
            Save::Replace | Save::Merge => Box::pin(change(self, caller, saving)),
        }
    }

    fn remove<'a>(&'a self, caller: Caller<'a>, removal: Removal<'a>) -> BoxFuture<'a, Result<()>> {
        Box::pin(remove::<M>(caller, removal))
    }
}

async fn list<M: Model>(resource: &Resource<M>, caller: Caller<'_>, asked: &ListRequest) -> Result<Listing> {
    let policy = caller.policies.of::<M>();
    let rows = allowed(policy.rows(caller.who, Action::View), caller.who)?;
    let seen = Seen(policy.fields(caller.who, Action::View));
    let query = asked.narrow(rows.limit(Query::new()), &|field| seen.has(field))?;
    let included = included(resource, &asked.shape, &seen)?;
    let query = included.iter().fold(query, |query, include| include.load(query, caller));
    let shown = |rows: Vec<M>| -> Result<Vec<Record>> {
        let rows = rows.into_iter().map(|row| shown(row, caller, asked, &seen, &included));
        rows.collect()
    };
    Ok(match &asked.part {
        Part::Page(page) => {
            // Two pages have no row in common only if the order is total.
            let key = M::META.key_fields().filter_map(|field| Named::<M>::find(field.name));
            let query = key.fold(query, |query, field| query.order_by(|_| field.asc()));
            let page = query.paginate(*page, caller.db).await?;
            let (number, per_page, pages, total) = (page.page, page.per_page, page.pages, page.total);
            let part = Position::Page { page: number, per_page, pages, total };
            Listing { records: shown(page.items)?, part }
        }
        Part::Cursor(cursor) => {
            let page = query.paginate_by_cursor(cursor.clone(), caller.db).await?;
            let part = Position::Cursor { next: page.next, previous: page.previous };
            Listing { records: shown(page.items)?, part }
        }
    })
}

async fn get<M: Model>(
    resource: &Resource<M>,
    caller: Caller<'_>,
    key: &str,
    shape: &Shape,
) -> Result<Record> {
    let policy = caller.policies.of::<M>();
    let rows = allowed(policy.rows(caller.who, Action::View), caller.who)?;
    let seen = Seen(policy.fields(caller.who, Action::View));
    let asked = ListRequest { shape: shape.clone(), ..ListRequest::default() };
    let query = asked.narrow(rows.limit(of_key(key)?), &|field| seen.has(field))?;
    let included = included(resource, shape, &seen)?;
    let query = included.iter().fold(query, |query, include| include.load(query, caller));
    let row = query.first_or_404(caller.db).await?;
    shown(row, caller, &asked, &seen, &included)
}

/// The relations that are asked for. One whose key is in a field that may not be seen is as unknown as that.
fn included<'r, M: Model>(
    resource: &'r Resource<M>,
    shape: &Shape,
    seen: &Seen<M>,
) -> Result<Vec<&'r dyn Included<M>>> {
    let is_seen = |include: &&dyn Included<M>| {
        let relation = M::META.relation(include.name()).map(|relation| relation.kind);
        let Some(RelationKind::BelongsTo { fields, .. }) = relation else { return true };
        fields.iter().all(|index| M::META.fields.get(*index).is_some_and(|field| seen.has(field)))
    };
    let known: Vec<_> = resource.includes.iter().map(|include| &**include).filter(is_seen).collect();
    let (mut included, mut faults): (Vec<&dyn Included<M>>, _) = (Vec::new(), Vec::new());
    for name in &shape.include {
        match known.iter().find(|include| include.name() == name) {
            Some(include) if included.iter().any(|there| there.name() == include.name()) => {}
            Some(include) => included.push(*include),
            None => {
                let hint = did_you_mean(name, known.iter().map(|include| include.name()));
                let message = format!("there is no relation `{name}` to include{hint}");
                faults.push(Fault::new("query:include", "unknown_relation", message));
            }
        }
    }
    if faults.is_empty() { Ok(included) } else { Err(not_understood(faults)) }
}

/// A row with what is asked for, and what is included.
fn shown<M: Model>(
    mut row: M,
    caller: Caller<'_>,
    asked: &ListRequest,
    seen: &Seen<M>,
    included: &[&dyn Included<M>],
) -> Result<Record> {
    let is_shown = |field: &FieldMeta| seen.has(field) && asked.asks_for(M::META, field);
    let mut record = Record::new(M::META, &row.values(), is_shown)?;
    for include in included {
        record = record.with(include.name(), &include.json(&mut row, caller)?);
    }
    Ok(record)
}

async fn create<M: Model>(resource: &Resource<M>, caller: Caller<'_>, saving: Saving<'_>) -> Result<Saved> {
    let policy = caller.policies.of::<M>();
    permitted(!matches!(policy.rows(caller.who, Action::Create), Rows::None), caller.who)?;
    let may_write = policy.fields(caller.who, Action::Create);
    let writable = |field: &FieldMeta| may_write.contains(field.column);
    let new = input::read(M::META, saving.body, Save::Create, &[], writable)?;
    let new = match &resource.on_create {
        Some(set) => set(caller.who, M::Draft::from(new))?.into(),
        None => new,
    };
    let made = caller.db.transaction(async |tx| {
        let row: M = write::insert(new, tx).await?;
        permitted(policy.check(caller.who, Action::Create, &row), caller.who)?;
        permitted(is_among(policy.rows(caller.who, Action::Create), &row, tx).await?, caller.who)?;
        saved(&*policy, caller.who, row, tx).await
    });
    made.await.map_err(|error| input::renamed(M::META, error))
}

async fn change<M: Model>(resource: &Resource<M>, caller: Caller<'_>, saving: Saving<'_>) -> Result<Saved> {
    let policy = caller.policies.of::<M>();
    let may_write = policy.fields(caller.who, Action::Update);
    let changed = caller.db.transaction(async |tx| {
        let mut row = locked::<M>(&*policy, caller.who, Action::Update, saving.key, tx).await?;
        expected(&*policy, caller.who, &row, saving.expected)?;
        let writable = |field: &FieldMeta| may_write.contains(field.column);
        let change = input::read(M::META, saving.body, saving.how, &row.values(), writable)?;
        let change = match &resource.on_change {
            Some(set) => set(caller.who, &row, M::Change::from(change))?.into(),
            None => change,
        };
        write::update(&mut row, change, tx).await?;
        permitted(policy.check(caller.who, Action::Update, &row), caller.who)?;
        saved(&*policy, caller.who, row, tx).await
    });
    changed.await.map_err(|error| input::renamed(M::META, error))
}

async fn remove<M: Model>(caller: Caller<'_>, removal: Removal<'_>) -> Result<()> {
    let policy = caller.policies.of::<M>();
    let removed = caller.db.transaction(async |tx| {
        let row = locked::<M>(&*policy, caller.who, Action::Delete, removal.key, tx).await?;
        expected(&*policy, caller.who, &row, removal.expected)?;
        permitted(policy.check(caller.who, Action::Delete, &row), caller.who)?;
        write::delete(row, tx).await
    });
    removed.await
}

/// A row that was written, as its writer may see it.
async fn saved<M: Model>(policy: &dyn Policy<M>, who: &Principal, row: M, tx: &Tx) -> Result<Saved> {
    let record = whole(policy, who, &row)?;
    let is_seen = is_among(policy.rows(who, Action::View), &row, tx).await?;
    Ok(Saved { key: record.key.clone(), record: is_seen.then_some(record) })
}

/// A row with everything that may be seen of it.
fn whole<M: Model>(policy: &dyn Policy<M>, who: &Principal, row: &M) -> Result<Record> {
    let seen = Seen(policy.fields(who, Action::View));
    Record::new(M::META, &row.values(), |field| seen.has(field))
}

/// Whether a row is one of these.
async fn is_among<M: Model>(rows: Rows<M>, row: &M, tx: &Tx) -> Result<bool> {
    match rows {
        Rows::None => Ok(false),
        Rows::All => Ok(true),
        rows => rows.limit(Query::new().filter(|_| is_row(row))).exists(tx).await,
    }
}

/// The fields that may be seen.
pub(crate) struct Seen<M>(pub(crate) FieldSet<M>);

impl<M: Model> Seen<M> {
    pub(crate) fn has(&self, field: &FieldMeta) -> bool {
        !field.hidden && self.0.contains(field.column)
    }
}

/// The row that somebody may act on, locked until the transaction ends. Which rows there are is told only to whoever may see
/// them.
async fn locked<M: Model>(
    policy: &dyn Policy<M>,
    who: &Principal,
    action: Action,
    key: &str,
    tx: &Tx,
) -> Result<M> {
    let rows = allowed(policy.rows(who, action), who)?;
    if let Some(row) = rows.limit(of_key(key)?).for_update().first(tx).await? {
        return Ok(row);
    }
    let is_seen = policy.rows(who, Action::View).limit(of_key::<M>(key)?).exists(tx).await?;
    Err(if is_seen { denied(who) } else { missing::<M>() })
}

/// The query for the row with this key. A text that is no key is that of no row.
fn of_key<M: Model>(key: &str) -> Result<Query<M>> {
    let values = read_key(M::META, key).ok_or_else(missing::<M>)?;
    let fields = M::META.key_fields().filter_map(|field| Named::<M>::find(field.name));
    let parts = fields.zip(values).map(|(field, value)| field.compare(Comparison::Equal, value));
    Ok(parts.fold(Query::new(), |query, part| query.filter(|_| part)))
}

fn missing<M: Model>() -> Error {
    Error::not_found(format!("There is no such {}.", M::META.label))
}

/// The rows that a policy allows to act on, unless there can be none.
fn allowed<M>(rows: Rows<M>, who: &Principal) -> Result<Rows<M>> {
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

/// Whether the row is still what the client has seen.
fn expected<M: Model>(
    policy: &dyn Policy<M>,
    who: &Principal,
    row: &M,
    tags: Option<&[String]>,
) -> Result<()> {
    let Some(tags) = tags else { return Ok(()) };
    if tags.contains(&whole(policy, who, row)?.tag()) {
        return Ok(());
    }
    let message = "It has been changed since you read it. Read it again.";
    Err(Error::new(StatusCode::PRECONDITION_FAILED, message).code("precondition_failed"))
}
