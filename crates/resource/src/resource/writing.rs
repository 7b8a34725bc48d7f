//! Making, changing and removing rows.

use mainstay_core::principal::Principal;
use mainstay_core::{Error, Result, StatusCode};
use mainstay_db::meta::FieldMeta;
use mainstay_db::write::Assignments;
use mainstay_db::{Model, Value, write as rows};

use super::{Resource, is_among, permitted, pick, whole};
use crate::input;
use crate::operations::{Caller, Operations, Refused, Removal, Save, Saved, Saving, Write, Written};
use crate::policy::{Action, Policy, Rows};

/// Does all of it in one transaction, or nothing. What is wrong is looked for in all of it.
pub(super) async fn write<M: Model>(
    resource: &Resource<M>,
    caller: Caller<'_>,
    writes: &[Write<'_>],
) -> Result<Vec<Written>, Refused> {
    let (mut position, mut more) = (None, Vec::new());
    let done = caller.transaction(async |tx| {
        let caller = Caller { tx: Some(tx), ..caller };
        let (mut done, mut refused) = (Vec::with_capacity(writes.len()), Vec::new());
        for (position, write) in writes.iter().enumerate() {
            // Each in a transaction of its own within this one: what one has left when it failed, the next does not see.
            let done_alone = match writes {
                [_] => one(resource, caller, write).await,
                _ => {
                    tx.transaction(async |tx| one(resource, Caller { tx: Some(tx), ..caller }, write).await)
                        .await
                }
            };
            match done_alone {
                Ok(written) => done.push(written),
                Err(error) => {
                    let goes_on = error.status().is_client_error();
                    // What is wrong with the request is told before what is wrong with us.
                    if goes_on || refused.is_empty() {
                        refused.push((position, error));
                    }
                    if !goes_on {
                        break;
                    }
                }
            }
        }
        let mut refused = refused.into_iter();
        let Some((first, error)) = refused.next() else { return Ok(done) };
        (position, more) = (Some(first), refused.collect());
        Err(error)
    });
    let done = done.await;
    done.map_err(|error| Refused { position, error, more })
}

async fn one<M: Model>(resource: &Resource<M>, caller: Caller<'_>, write: &Write<'_>) -> Result<Written> {
    let done = match write {
        Write::Save(saving) if saving.how == Save::Create => create(resource, caller, saving).await,
        Write::Save(saving) => change(resource, caller, saving).await,
        Write::Remove(removal) => return remove(resource, caller, removal).await.map(|()| Written::Removed),
    };
    done.map(Written::Saved).map_err(|error| input::renamed(M::META, error))
}

async fn create<M: Model>(resource: &Resource<M>, caller: Caller<'_>, saving: &Saving<'_>) -> Result<Saved> {
    let policy = caller.policies.of::<M>();
    permitted(!matches!(policy.rows(caller.who, Action::Create), Rows::None), caller.who)?;
    let mut new = read(resource, caller, saving, &[])?;
    for (index, value) in resource.settled().iter().zip(resource.around(caller).await?) {
        new.set_value(*index, value);
    }
    let new = match &resource.on_create {
        Some(set) => set(caller.who, M::Draft::from(new))?.into(),
        None => new,
    };
    let row: M = rows::insert(new, &caller).await?;
    permitted(policy.check(caller.who, Action::Create, &row), caller.who)?;
    permitted(is_among(policy.rows(caller.who, Action::Create), &row, caller).await?, caller.who)?;
    saved(resource, &*policy, caller, row).await
}

async fn change<M: Model>(resource: &Resource<M>, caller: Caller<'_>, saving: &Saving<'_>) -> Result<Saved> {
    let policy = caller.policies.of::<M>();
    let mut row = locked(resource, caller, Action::Update, saving.key).await?;
    expected(&*policy, caller.who, &row, saving.expected)?;
    let patched = match saving.how {
        Save::Patch => {
            let before = whole(&*policy, caller.who, &row)?;
            Some(input::json_patch::changes(M::META, &before.json, saving.body)?)
        }
        _ => None,
    };
    let saving = &Saving { body: patched.as_deref().unwrap_or(saving.body), ..*saving };
    let change = read(resource, caller, saving, &row.values())?;
    let change = match &resource.on_change {
        Some(set) => set(caller.who, &row, M::Change::from(change))?.into(),
        None => change,
    };
    rows::update(&mut row, change, &caller).await?;
    permitted(policy.check(caller.who, Action::Update, &row), caller.who)?;
    saved(resource, &*policy, caller, row).await
}

async fn remove<M: Model>(resource: &Resource<M>, caller: Caller<'_>, removal: &Removal<'_>) -> Result<()> {
    let policy = caller.policies.of::<M>();
    let row = locked(resource, caller, Action::Delete, removal.key).await?;
    expected(&*policy, caller.who, &row, removal.expected)?;
    permitted(policy.check(caller.who, Action::Delete, &row), caller.who)?;
    rows::delete(row, &caller).await
}

/// What is to be written. What the address says, a client cannot say.
fn read<M: Model>(
    resource: &Resource<M>,
    caller: Caller<'_>,
    saving: &Saving<'_>,
    before: &[Value],
) -> Result<Assignments> {
    let action = if saving.how == Save::Create { Action::Create } else { Action::Update };
    let may_write = caller.policies.of::<M>().fields(caller.who, action);
    let settled = resource.settled();
    let is_settled = |field: &FieldMeta| settled.iter().any(|at| M::META.fields[*at].column == field.column);
    let writable = |field: &FieldMeta| may_write.contains(field.column) && !is_settled(field);
    input::read(M::META, saving.body, saving.how, before, writable)
}

/// A row that was written, as its writer may see it.
async fn saved<M: Model>(
    resource: &Resource<M>,
    policy: &dyn Policy<M>,
    caller: Caller<'_>,
    row: M,
) -> Result<Saved> {
    let key = resource.address.text(&row.values())?;
    let record = whole(policy, caller.who, &row)?;
    let is_seen = is_among(policy.rows(caller.who, Action::View), &row, caller).await?;
    Ok(Saved { key, record: is_seen.then_some(record) })
}

/// The row that is to be changed, locked.
async fn locked<M: Model>(
    resource: &Resource<M>,
    caller: Caller<'_>,
    action: Action,
    key: &str,
) -> Result<M> {
    let (policy, around) = (caller.policies.of::<M>(), resource.around(caller).await?);
    pick(&*policy, caller, action, || resource.row(key, &around)).await
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
