//! Making, changing and removing rows.

use std::sync::OnceLock;

use mainstay_core::principal::Principal;
use mainstay_core::{Error, Result, StatusCode};
use mainstay_db::meta::FieldMeta;
use mainstay_db::write::Assignments;
use mainstay_db::{Model, Tx, Value, write as rows};

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
    let (policy, around) = (caller.policies.of::<M>(), OnceLock::new());
    let writing = Writing { resource, policy: &*policy, around: &around, caller };
    let (mut position, mut more) = (None, Vec::new());
    let done = caller.transaction(async |tx| {
        let (mut done, mut refused) = (Vec::with_capacity(writes.len()), Vec::new());
        for (position, write) in writes.iter().enumerate() {
            // Each in a transaction of its own within this one: what one has left when it failed, the next does not see.
            let done_alone = match writes {
                [_] => writing.within(tx).one(write).await,
                _ => tx.transaction(async |tx| writing.within(tx).one(write).await).await,
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

/// Writes on behalf of a caller.
struct Writing<'a, M: Model> {
    resource: &'a Resource<M>,
    policy: &'a dyn Policy<M>,
    /// The key of the row around, looked for once for all writes.
    around: &'a OnceLock<Vec<Value>>,
    caller: Caller<'a>,
}

impl<'a, M: Model> Writing<'a, M> {
    /// The same in this transaction.
    fn within<'t>(&self, tx: &'t Tx) -> Writing<'t, M>
    where
        'a: 't,
    {
        let Self { resource, policy, around, caller } = *self;
        Writing { resource, policy, around, caller: Caller { tx: Some(tx), ..caller } }
    }

    async fn one(&self, write: &Write<'_>) -> Result<Written> {
        let done = match write {
            Write::Save(saving) if saving.how == Save::Create => self.create(saving).await,
            Write::Save(saving) => self.change(saving).await,
            Write::Remove(removal) => return self.remove(removal).await.map(|()| Written::Removed),
        };
        done.map(Written::Saved).map_err(|error| input::renamed(M::META, error))
    }

    async fn create(&self, saving: &Saving<'_>) -> Result<Saved> {
        let (policy, who) = (self.policy, self.caller.who);
        permitted(!matches!(policy.rows(who, Action::Create), Rows::None), who)?;
        let mut new = self.read(saving, &[])?;
        for (index, value) in self.resource.settled().iter().zip(self.around().await?) {
            new.set_value(*index, value.clone());
        }
        let new = match &self.resource.on_create {
            Some(set) => set(who, M::Draft::from(new))?.into(),
            None => new,
        };
        let row: M = rows::insert(new, &self.caller).await?;
        permitted(policy.check(who, Action::Create, &row), who)?;
        permitted(is_among(policy.rows(who, Action::Create), &row, self.caller).await?, who)?;
        self.saved(row).await
    }

    async fn change(&self, saving: &Saving<'_>) -> Result<Saved> {
        let (policy, who) = (self.policy, self.caller.who);
        let mut row = self.locked(Action::Update, saving.key).await?;
        expected(policy, who, &row, saving.expected)?;
        let patched = match saving.how {
            Save::Patch => {
                let before = whole(policy, who, &row)?;
                Some(input::json_patch::changes(M::META, &before.json, saving.body)?)
            }
            _ => None,
        };
        let saving = &Saving { body: patched.as_deref().unwrap_or(saving.body), ..*saving };
        let change = self.read(saving, &row.values())?;
        let change = match &self.resource.on_change {
            Some(set) => set(who, &row, M::Change::from(change))?.into(),
            None => change,
        };
        rows::update(&mut row, change, &self.caller).await?;
        permitted(policy.check(who, Action::Update, &row), who)?;
        self.saved(row).await
    }

    async fn remove(&self, removal: &Removal<'_>) -> Result<()> {
        let row = self.locked(Action::Delete, removal.key).await?;
        expected(self.policy, self.caller.who, &row, removal.expected)?;
        permitted(self.policy.check(self.caller.who, Action::Delete, &row), self.caller.who)?;
        rows::delete(row, &self.caller).await
    }

    /// What is to be written. What the address says, a client cannot say.
    fn read(&self, saving: &Saving<'_>, before: &[Value]) -> Result<Assignments> {
        let action = if saving.how == Save::Create { Action::Create } else { Action::Update };
        let may_write = self.policy.fields(self.caller.who, action);
        let settled = self.resource.settled();
        let is_settled =
            |field: &FieldMeta| settled.iter().any(|at| M::META.fields[*at].column == field.column);
        let writable = |field: &FieldMeta| may_write.contains(field.column) && !is_settled(field);
        input::read(M::META, saving.body, saving.how, before, writable)
    }

    /// A row that was written, as its writer may see it.
    async fn saved(&self, row: M) -> Result<Saved> {
        let key = self.resource.address.text(&row.values())?;
        let record = whole(self.policy, self.caller.who, &row)?;
        let is_seen = is_among(self.policy.rows(self.caller.who, Action::View), &row, self.caller).await?;
        Ok(Saved { key, record: is_seen.then_some(record) })
    }

    /// The row that is to be changed, locked.
    async fn locked(&self, action: Action, key: &str) -> Result<M> {
        let around = self.around().await?;
        pick(self.policy, self.caller, action, || self.resource.row(key, around)).await
    }

    async fn around(&self) -> Result<&[Value]> {
        if let Some(known) = self.around.get() {
            return Ok(known);
        }
        let found = self.resource.around(self.caller).await?;
        Ok(self.around.get_or_init(|| found))
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
