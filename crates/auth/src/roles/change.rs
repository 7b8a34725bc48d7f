//! How roles change. Whoever changes them must be allowed to, and is in the audit log.

use std::collections::BTreeSet;
use std::fmt;

use mainstay_core::principal::{Principal, stands_for};
use mainstay_core::{Error, Result};
use mainstay_db::Tx;
use mainstay_http::Exchange;

use super::permissions::known;
use super::table::{
    NewStoredGroup, NewStoredHolder, NewStoredMember, NewStoredRole, StoredGroup, StoredHolder, StoredMember,
    StoredRole,
};
use super::{ADMINISTER_ROLES, Role, Roles};
use crate::audit::SecurityEvent;

/// Before the name of a group, among identities, which begin otherwise.
const GROUP: &str = "group:";

/// Who has a role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    /// An account, by its [identity](Principal::identity).
    Account(String),
    /// A group, by its name.
    Group(String),
}

impl Holder {
    /// The group of this name.
    pub fn group(name: impl Into<String>) -> Self {
        Self::Group(name.into())
    }

    pub(super) fn text(&self) -> String {
        match self {
            Self::Account(identity) => identity.clone(),
            Self::Group(name) => format!("{GROUP}{name}"),
        }
    }

    pub(super) fn read(text: String) -> Self {
        match text.strip_prefix(GROUP) {
            Some(name) => Self::Group(name.to_owned()),
            None => Self::Account(text),
        }
    }
}

impl From<&Principal> for Holder {
    fn from(who: &Principal) -> Self {
        Self::Account(who.identity())
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(identity) => f.write_str(identity),
            Self::Group(name) => write!(f, "group {name}"),
        }
    }
}

/// Changes to roles, on somebody's behalf: `roles.change(&who)?.give("editor", &ann).await`.
///
/// Each is done and recorded when it returns, and this process acts by it from then on; others do after `roles.remembered`.
#[must_use = "it changes nothing by itself"]
pub struct RoleChanges<'a> {
    roles: &'a Roles,
    actor: String,
    exchange: Option<&'a Exchange>,
}

impl fmt::Debug for RoleChanges<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RoleChanges").field("actor", &self.actor).finish_non_exhaustive()
    }
}

impl Roles {
    /// Changes roles on behalf of somebody.
    ///
    /// # Errors
    ///
    /// 401 and 403 for who has not the permission `roles.administer`.
    pub fn change(&self, who: &Principal) -> Result<RoleChanges<'_>> {
        if !who.is_authenticated() {
            return Err(Error::unauthorized("Sign in to change roles."));
        }
        if !who.may(ADMINISTER_ROLES) {
            return Err(Error::forbidden("You may not change roles."));
        }
        Ok(RoleChanges { roles: self, actor: who.identity(), exchange: None })
    }
}

impl<'a> RoleChanges<'a> {
    /// Says in which request it happens, for the audit log.
    pub fn from(mut self, exchange: &'a Exchange) -> Self {
        self.exchange = Some(exchange);
        self
    }

    /// Makes a role.
    ///
    /// # Errors
    ///
    /// 400 for a name that cannot be one and a permission that there is not, 409 when there is one of this name.
    pub async fn create(&self, role: Role) -> Result<()> {
        let name = named(&role.name)?.to_owned();
        for permission in &role.permissions {
            known(permission, &self.roles.contributions)?;
        }
        let taken = || Error::conflict(format!("There is a role `{name}` already."));
        if self.roles.in_code().any(|known| known.name == name) {
            return Err(taken());
        }
        let new = NewStoredRole {
            name: name.clone(),
            description: described(role.description)?,
            permissions: written(&role.permissions),
        };
        self.roles
            .db
            .transaction(async |tx| {
                new.insert_or_ignore(|role| role.name, tx).await?.ok_or_else(taken)?;
                // Those who had one of this name, which was in code once, do not get this one unasked.
                match StoredHolder::filter(|holder| holder.role.eq(&*name)).count(tx).await? {
                    0 => Ok(()),
                    had => Err(Error::conflict(format!(
                        "{had} still have a role `{name}` from before: take it from them first, or choose another name."
                    ))),
                }
            })
            .await?;
        self.done(SecurityEvent::new("role.created").with("role", name)).await
    }

    /// Deletes a role. Nobody has it then.
    ///
    /// # Errors
    ///
    /// 404 when there is none, 409 when it is in code or nobody would be left to change roles.
    pub async fn delete(&self, role: &str) -> Result<()> {
        self.not_in_code(role)?;
        self.lose(Loss::Role(role)).await?;
        self.done(SecurityEvent::new("role.deleted").with("role", role)).await
    }

    /// Lets a role do more.
    ///
    /// # Errors
    ///
    /// 400 for a permission that there is not, 404 for a role that there is not, 409 for one in code.
    pub async fn grant(&self, role: &str, permission: &str) -> Result<()> {
        known(permission, &self.roles.contributions)?;
        self.not_in_code(role)?;
        self.roles.db.transaction(async |tx| set(role, Set::Granted(permission), tx).await).await?;
        let event = SecurityEvent::new("role.granted").with("role", role);
        self.done(event.with("permission", permission)).await
    }

    /// Lets a role do less.
    ///
    /// # Errors
    ///
    /// 404 for a role that there is not, or that has not been granted this; 409 for one in code, where it still may by a wider grant, or when
    /// nobody would be left to change roles.
    pub async fn revoke(&self, role: &str, permission: &str) -> Result<()> {
        self.not_in_code(role)?;
        self.lose(Loss::Permission(role, permission)).await?;
        let event = SecurityEvent::new("role.revoked").with("role", role);
        self.done(event.with("permission", permission)).await
    }

    /// Gives a role to an account, or to a group. Who has it already keeps it.
    ///
    /// # Errors
    ///
    /// 404 for a role or a group that there is not.
    pub async fn give(&self, role: &str, holder: impl Into<Holder>) -> Result<()> {
        let holder = holder.into();
        if let Holder::Group(group) = &holder {
            self.has_group(group).await?;
        }
        let is_in_code = self.roles.in_code().any(|known| known.name == role);
        let new = NewStoredHolder { role: role.to_owned(), holder: holder.text() };
        self.roles
            .db
            .transaction(async |tx| {
                // Locked, so that nobody deletes it meanwhile and leaves this behind.
                let row = StoredRole::filter(|stored| stored.name.eq(role)).for_update();
                if !is_in_code && row.first(tx).await?.is_none() {
                    return Err(no_role(role));
                }
                new.insert_or_ignore(|holder| (holder.role, holder.holder), tx).await.map(drop)
            })
            .await?;
        self.done(about(SecurityEvent::new("role.given"), &holder).with("role", role)).await
    }

    /// Takes a role away.
    ///
    /// # Errors
    ///
    /// 404 when it was not theirs, 409 when nobody would be left to change roles.
    pub async fn take(&self, role: &str, holder: impl Into<Holder>) -> Result<()> {
        let holder = holder.into();
        self.lose(Loss::Holder(role, &holder)).await?;
        self.done(about(SecurityEvent::new("role.taken"), &holder).with("role", role)).await
    }

    /// Makes a group.
    ///
    /// # Errors
    ///
    /// 400 for a name that cannot be one, 409 when there is one of this name.
    pub async fn create_group(&self, group: &str, description: &str) -> Result<()> {
        let holder = Holder::group(named(group)?).text();
        let new = NewStoredGroup { holder, description: described(description.to_owned())? };
        let made = new.insert_or_ignore(|group| group.holder, &*self.roles.db).await?;
        made.ok_or_else(|| Error::conflict(format!("There is a group `{group}` already.")))?;
        self.done(SecurityEvent::new("group.created").with("group", group)).await
    }

    /// Deletes a group, and what it has.
    ///
    /// # Errors
    ///
    /// 404 when there is none, 409 when nobody would be left to change roles.
    pub async fn delete_group(&self, group: &str) -> Result<()> {
        self.lose(Loss::Group(group)).await?;
        self.done(SecurityEvent::new("group.deleted").with("group", group)).await
    }

    /// Lets an account belong to a group.
    ///
    /// # Errors
    ///
    /// 404 for a group that there is not.
    pub async fn join(&self, group: &str, identity: &str) -> Result<()> {
        self.has_group(group).await?;
        let new = NewStoredMember { holder: Holder::group(group).text(), account: identity.to_owned() };
        new.insert_or_ignore(|member| (member.holder, member.account), &*self.roles.db).await?;
        self.done(SecurityEvent::new("group.joined").of(identity).with("group", group)).await
    }

    /// Takes an account out of a group.
    ///
    /// # Errors
    ///
    /// 404 when it does not belong to it, 409 when nobody would be left to change roles.
    pub async fn leave(&self, group: &str, identity: &str) -> Result<()> {
        self.lose(Loss::Member(group, identity)).await?;
        self.done(SecurityEvent::new("group.left").of(identity).with("group", group)).await
    }

    /// Takes something away, unless nobody could change roles then who could before.
    async fn lose(&self, loss: Loss<'_>) -> Result<()> {
        self.roles
            .db
            .transaction(async |tx| {
                let before = self.administrators(tx).await?;
                loss.happen(tx).await?;
                if before > 0 && self.administrators(tx).await? == 0 {
                    let message =
                        "Nobody would be left who may change roles. Give that to somebody else first.";
                    return Err(Error::conflict(message).code("last_administrator"));
                }
                Ok(())
            })
            .await
    }

    /// How many accounts may change roles. The roles that let them, and who has these, are locked: of two who take them away at
    /// once, the second sees what the first has done.
    async fn administrators(&self, tx: &Tx) -> Result<usize> {
        let administers = |role: &Role| role.permissions.iter().any(|had| stands_for(had, ADMINISTER_ROLES));
        let mut roles: Vec<String> =
            self.roles.in_code().filter(|role| administers(role)).map(|role| role.name.clone()).collect();
        let stored = StoredRole::query().order_by(|role| role.name).for_update().all(tx).await?;
        let stored = stored.into_iter().map(Role::from).filter(administers).map(|role| role.name);
        roles.extend(stored.filter(|name| !self.roles.in_code().any(|role| role.name == *name)));
        let holders = StoredHolder::filter(|row| row.role.is_in(roles))
            .order_by(|row| (row.role, row.holder))
            .for_update()
            .all(tx)
            .await?;
        let (groups, accounts): (Vec<_>, Vec<_>) =
            holders.into_iter().map(|row| row.holder).partition(|holder| holder.starts_with(GROUP));
        let members = StoredMember::filter(|row| row.holder.is_in(groups)).for_update().all(tx).await?;
        let all = accounts.into_iter().chain(members.into_iter().map(|row| row.account));
        Ok(all.collect::<BTreeSet<_>>().len())
    }

    fn not_in_code(&self, role: &str) -> Result<()> {
        if self.roles.in_code().any(|known| known.name == role) {
            let message =
                format!("The role `{role}` is written in the code of the application: change it there.");
            return Err(Error::conflict(message).code("role_in_code"));
        }
        Ok(())
    }

    async fn has_group(&self, group: &str) -> Result<()> {
        let holder = Holder::group(group).text();
        match StoredGroup::filter(|row| row.holder.eq(holder)).exists(&self.roles.db.primary()).await? {
            true => Ok(()),
            false => Err(no_group(group)),
        }
    }

    /// It is done: nobody acts by what was before, and it is in the log.
    async fn done(&self, event: SecurityEvent) -> Result<()> {
        self.roles.finder.forget();
        let event = event.by(&self.actor);
        let event = match self.exchange {
            Some(exchange) => event.from(exchange),
            None => event,
        };
        self.roles.audit.record(event).await
    }
}

/// What is taken away.
#[derive(Clone, Copy)]
enum Loss<'a> {
    Role(&'a str),
    Permission(&'a str, &'a str),
    Holder(&'a str, &'a Holder),
    Group(&'a str),
    Member(&'a str, &'a str),
}

impl Loss<'_> {
    async fn happen(self, tx: &Tx) -> Result<()> {
        match self {
            Self::Role(role) => {
                StoredHolder::filter(|holder| holder.role.eq(role)).delete(tx).await?;
                let gone = StoredRole::filter(|stored| stored.name.eq(role)).delete(tx).await?;
                changed(gone, || no_role(role))
            }
            Self::Permission(role, permission) => set(role, Set::Revoked(permission), tx).await,
            Self::Holder(role, holder) => {
                let text = holder.text();
                let row = StoredHolder::filter(|row| row.role.eq(role) & row.holder.eq(text));
                let gone = row.delete(tx).await?;
                changed(gone, || Error::not_found(format!("{holder} has no role `{role}`.")))
            }
            Self::Group(group) => {
                let holder = &*Holder::group(group).text();
                StoredHolder::filter(|row| row.holder.eq(holder)).delete(tx).await?;
                StoredMember::filter(|row| row.holder.eq(holder)).delete(tx).await?;
                let gone = StoredGroup::filter(|row| row.holder.eq(holder)).delete(tx).await?;
                changed(gone, || no_group(group))
            }
            Self::Member(group, identity) => {
                let holder = Holder::group(group).text();
                let row = StoredMember::filter(|row| row.holder.eq(holder) & row.account.eq(identity));
                let gone = row.delete(tx).await?;
                changed(gone, || {
                    Error::not_found(format!("{identity} does not belong to the group `{group}`."))
                })
            }
        }
    }
}

/// What becomes of a permission of a role.
#[derive(Clone, Copy)]
enum Set<'a> {
    Granted(&'a str),
    Revoked(&'a str),
}

async fn set(role: &str, what: Set<'_>, tx: &Tx) -> Result<()> {
    let stored = StoredRole::filter(|stored| stored.name.eq(role)).for_update();
    let stored = stored.first(tx).await?.ok_or_else(|| no_role(role))?;
    let mut permissions = Role::from(stored).permissions;
    let is_changed = match what {
        Set::Granted(permission) => permissions.insert(permission.to_owned()),
        Set::Revoked(permission) => {
            if !permissions.remove(permission) {
                return Err(Error::not_found(format!(
                    "The role `{role}` has not been granted `{permission}`."
                )));
            }
            if let Some(wider) = permissions.iter().find(|had| stands_for(had, permission)) {
                let told = format!(
                    "The role `{role}` still may, by `{wider}`: revoke that, and grant what it is to keep."
                );
                return Err(Error::conflict(told));
            }
            true
        }
    };
    if !is_changed {
        return Ok(());
    }
    let permissions = written(&permissions);
    let row = StoredRole::filter(|stored| stored.name.eq(role));
    row.update(|stored| stored.permissions(permissions), tx).await.map(drop)
}

fn about(event: SecurityEvent, holder: &Holder) -> SecurityEvent {
    match holder {
        Holder::Account(identity) => event.of(identity),
        Holder::Group(name) => event.with("group", &**name),
    }
}

fn changed(rows: u64, missing: impl FnOnce() -> Error) -> Result<()> {
    if rows == 0 { Err(missing()) } else { Ok(()) }
}

fn no_role(role: &str) -> Error {
    Error::not_found(format!("There is no role `{role}`."))
}

fn no_group(group: &str) -> Error {
    Error::not_found(format!("There is no group `{group}`."))
}

/// Permissions as one text, with spaces between.
pub(super) fn written(permissions: &BTreeSet<String>) -> String {
    permissions.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// A name of a role, or of a group.
fn named(name: &str) -> Result<&str> {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    if (1..=100).contains(&name.len()) && name.chars().all(fits) {
        return Ok(name);
    }
    let message = "A name has from 1 to 100 letters, digits, dots, hyphens and underscores.";
    Err(Error::bad_request(message).code("invalid_name"))
}

fn described(text: String) -> Result<String> {
    if text.chars().count() > 255 {
        return Err(Error::bad_request("A description has at most 255 characters."));
    }
    Ok(text)
}
