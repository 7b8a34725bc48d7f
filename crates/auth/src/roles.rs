//! What accounts may do: roles, which have permissions, and are given to accounts, or to groups of them.
//!
//! A permission is a name, `articles.publish`. Of every model there are four, `articles.view`, `.add`, `.change` and `.delete`, called
//! after its table; an application declares others. `articles.*` stands for all that begin so, `*` for every one. Guards on routes
//! ([`guards`](crate::guards)) and policies (`ByPermission`) ask for permissions, so that who has which can change
//! without a new release.
//!
//! ```
//! # use mainstay_auth::{Account, AccountsExt, Named, PasswordHash};
//! use mainstay_auth::{PermissionsExt, Role, RolesExt};
//! use mainstay_core::App;
//! # use mainstay_db::column::Assignment;
//! # use mainstay_db::{ModelsExt, Query, model, models};
//! # #[model]
//! # pub struct User { pub id: i64, #[field(unique)] pub email: String, #[field(hidden)] pub password: PasswordHash }
//! # impl Account for User {
//! #     fn password(&self) -> Option<&PasswordHash> { Some(&self.password) }
//! #     fn set_password(user: Self::Fields, hash: PasswordHash) -> Assignment<Self> { user.password.set(hash) }
//! # }
//! # impl Named for User {
//! #     fn by_name(name: &str) -> Query<Self> { let name = name.to_owned(); Self::filter(|user| user.email.eq(name)) }
//! # }
//!
//! let app = App::new()
//! #   .models(models![User])
//!     .accounts::<User>()
//!     .roles::<User>()
//!     .permissions(["articles.publish"])
//!     .role(Role::new("editor").describe("Looks after articles").may(["articles.publish", "users.view"]));
//! ```
//!
//! In reading order: this file; `table`; `permissions` (which there are); `grants` (what an account has); `change` (how that
//! changes); `command` (`roles`).

mod change;
mod command;
mod config;
mod grants;
mod permissions;
mod table;

use std::collections::BTreeSet;

use futures_util::future::BoxFuture;
use mainstay_core::clock::Clock;
use mainstay_core::principal::{Entitlement, Principal};
use mainstay_core::{
    Contribute, Contribution, Contributions, CoreContributions, Inject, Module, Provider, Result,
};
use mainstay_db::write::get;
use mainstay_db::{Db, Key, ModelsExt, migrations, models};
use serde_json::Value;

use crate::audit::Audit;
use crate::pages::Named;
use grants::{ByRoles, Finder};
use table::{StoredGroup, StoredHolder, StoredMember, StoredRole};

pub use change::{Holder, RoleChanges};
pub use config::RolesConfig;
pub use grants::Grants;
pub use permissions::{ADMINISTER_ROLES, KnownPermissions, PermissionsExt, all_permissions};

pub(crate) use command::{Known, find as find_holder};
pub(crate) use permissions::check;

/// A role: a name for some permissions.
///
/// One that is in code (`.role(…)`) changes with it, and cannot be changed otherwise; who has it is in the database all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it allows.
    pub permissions: BTreeSet<String>,
    /// Where it is.
    pub origin: Origin,
}

/// Where a role is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// In the code of the application.
    Code,
    /// In the database.
    Database,
}

impl Role {
    /// A role that allows nothing yet.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            permissions: BTreeSet::new(),
            origin: Origin::Code,
        }
    }

    /// Says what it is for.
    #[must_use]
    pub fn describe(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Adds permissions.
    #[must_use]
    pub fn may<N: Into<String>>(mut self, permissions: impl IntoIterator<Item = N>) -> Self {
        self.permissions.extend(permissions.into_iter().map(Into::into));
        self
    }
}

impl Contribution for Role {}

/// The roles of an application, who has them, and what they allow. Injectable.
pub struct Roles {
    db: Inject<Db>,
    audit: Inject<Audit>,
    contributions: Inject<Contributions>,
    finder: Finder,
}

impl std::fmt::Debug for Roles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Roles")
    }
}

impl Roles {
    fn new(
        db: Inject<Db>,
        audit: Inject<Audit>,
        contributions: Inject<Contributions>,
        clock: Inject<dyn Clock>,
        config: Inject<RolesConfig>,
    ) -> Self {
        let finder = Finder::new(db.clone(), clock, config, &contributions);
        Self { db, audit, contributions, finder }
    }

    /// Every role, sorted by name.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn all(&self) -> Result<Vec<Role>> {
        let mut all: Vec<Role> = self.in_code().cloned().collect();
        for stored in StoredRole::query().all(&self.db.primary()).await? {
            if !all.iter().any(|role| role.name == stored.name) {
                all.push(stored.into());
            }
        }
        all.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(all)
    }

    /// Who has a role.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn holders(&self, role: &str) -> Result<Vec<Holder>> {
        let holders = StoredHolder::filter(|holder| holder.role.eq(role)).order_by(|holder| holder.holder);
        Ok(holders.all(&self.db.primary()).await?.into_iter().map(|row| Holder::read(row.holder)).collect())
    }

    /// The identities of those who belong to a group.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn members(&self, group: &str) -> Result<Vec<String>> {
        let holder = Holder::group(group).text();
        let members =
            StoredMember::filter(|member| member.holder.eq(holder)).order_by(|member| member.account);
        Ok(members.all(&self.db.primary()).await?.into_iter().map(|row| row.account).collect())
    }

    fn in_code(&self) -> impl Iterator<Item = &Role> {
        self.contributions.of::<Role>().map(|role| role.value)
    }
}

impl From<StoredRole> for Role {
    fn from(stored: StoredRole) -> Self {
        Self {
            name: stored.name,
            description: stored.description,
            permissions: stored.permissions.split_ascii_whitespace().map(str::to_owned).collect(),
            origin: Origin::Database,
        }
    }
}

/// A contribution: accounts of a model may have roles.
pub(crate) struct HasRoles {
    /// Finds an account by the name that a person goes by, for the command line.
    find: for<'a> fn(&'a str, &'a Db) -> BoxFuture<'a, Result<Option<Principal>>>,
    /// Whether there is an account with the identity of this principal.
    is_there: for<'a> fn(&'a Principal, &'a Db) -> BoxFuture<'a, Result<bool>>,
}

impl Contribution for HasRoles {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Adds roles. In the prelude.
pub trait RolesExt: Contribute {
    /// The accounts of `A` may have roles: what these allow is known of whoever sends a request. Adds the command `roles`.
    #[must_use]
    fn roles<A: Named>(self) -> Self {
        self.contribute(HasRoles { find: by_name::<A>, is_there: is_there::<A> })
    }

    /// There is this role. Who has it is in the database; what it allows is said here alone.
    #[must_use]
    fn role(self, role: Role) -> Self {
        self.contribute(role)
    }
}

impl<C: Contribute> RolesExt for C {}

fn by_name<'a, A: Named>(name: &'a str, db: &'a Db) -> BoxFuture<'a, Result<Option<Principal>>> {
    Box::pin(async move { Ok(A::by_name(name).first(db).await?.map(|account| account.principal())) })
}

fn is_there<'a, A: Named>(who: &'a Principal, db: &'a Db) -> BoxFuture<'a, Result<bool>> {
    Box::pin(async move {
        if who.claim("account").is_some_and(|model| model != A::META.name) {
            return Ok(false);
        }
        // A key is written as the text that it is, or as JSON.
        let number = serde_json::from_str(who.id()).ok();
        let key = number.or_else(|| serde_json::from_value(Value::String(who.id().to_owned())).ok());
        match key {
            Some(key) => Ok(get::<A>(Key::new(key), &db.primary()).await?.is_some()),
            None => Ok(false),
        }
    })
}

fn module() -> Module {
    Module::new("roles")
        .global()
        .import(crate::module::module())
        .config::<RolesConfig>()
        .models(models![StoredRole, StoredHolder, StoredGroup, StoredMember])
        .migrations(migrations!("roles").of_library())
        .provide(Provider::singleton(Roles::new).on_demand())
        .export::<Roles>()
        .contribute(Entitlement::new(ByRoles))
        .command(command::command())
}
