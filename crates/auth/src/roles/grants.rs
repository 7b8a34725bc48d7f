//! What an account is entitled to: by one statement, remembered for a moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use mainstay_core::clock::Clock;
use mainstay_core::container::Need;
use mainstay_core::principal::{Entitle, Principal};
use mainstay_core::recent::Recent;
use mainstay_core::{Contributions, Inject, Resolver, Result};
use mainstay_db::{Db, sql};

use super::config::RolesConfig;
use super::{Role, Roles};

/// Every role of an account, its own and those of its groups, with the permissions of roles that are in the table.
const ROLES: &str = "SELECT h.role, r.permissions FROM mainstay_role_holders h \
    LEFT JOIN mainstay_roles r ON r.name = h.role \
    WHERE h.holder = ? OR h.holder IN (SELECT m.holder FROM mainstay_group_members m WHERE m.account = ?)";

/// The roles of an account, and what they allow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    /// Their names.
    pub roles: BTreeSet<String>,
    /// The permissions of all of them together.
    pub permissions: BTreeSet<String>,
}

impl Grants {
    fn enter(&self, who: Principal) -> Principal {
        let who = self.roles.iter().fold(who, Principal::with_role);
        self.permissions.iter().fold(who, Principal::with_permission)
    }
}

/// Finds out what accounts are entitled to.
pub(super) struct Finder {
    db: Inject<Db>,
    clock: Inject<dyn Clock>,
    config: Inject<RolesConfig>,
    /// Roles in code.
    in_code: BTreeMap<String, BTreeSet<String>>,
    known: Recent<String, Arc<Grants>>,
}

impl Finder {
    pub(super) fn new(
        db: Inject<Db>,
        clock: Inject<dyn Clock>,
        config: Inject<RolesConfig>,
        contributions: &Contributions,
    ) -> Self {
        let roles = contributions.of::<Role>().map(|role| role.value);
        let in_code = roles.map(|role| (role.name.clone(), role.permissions.clone())).collect();
        let known = Recent::new(config.remembered_accounts);
        Self { db, clock, config, in_code, known }
    }

    /// What an account is entitled to.
    pub(super) async fn of(&self, identity: &str) -> Result<Arc<Grants>> {
        let now = self.clock.monotonic();
        if let Some(grants) = self.known.get(identity, now) {
            return Ok(grants);
        }
        let asked = self.known.asked();
        let grants = Arc::new(self.read(identity).await?);
        let until = now + self.config.remembered;
        self.known.remember(identity.to_owned(), Arc::clone(&grants), until, asked);
        Ok(grants)
    }

    /// From the primary: what was taken away a moment ago is taken away.
    async fn read(&self, identity: &str) -> Result<Grants> {
        let statement = sql(ROLES).bind(identity.to_owned()).bind(identity.to_owned());
        let rows: Vec<(String, Option<String>)> = statement.fetch(&self.db.primary()).await?;
        let mut grants = Grants::default();
        for (role, stored) in rows {
            match (self.in_code.get(&role), stored) {
                (Some(permissions), _) => grants.permissions.extend(permissions.iter().cloned()),
                (None, Some(text)) => {
                    grants.permissions.extend(text.split_ascii_whitespace().map(str::to_owned));
                }
                // A role that was in code once. Who still has its name is not given anything by it.
                (None, None) => continue,
            }
            grants.roles.insert(role);
        }
        Ok(grants)
    }

    /// Something was changed.
    pub(super) fn forget(&self) {
        self.known.forget_all();
    }
}

impl Roles {
    /// What an account has, by its identity. This is what [`entitled`](Self::entitled) gives to its principal.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn of(&self, identity: &str) -> Result<Arc<Grants>> {
        self.finder.of(identity).await
    }

    /// The principal with its roles and their permissions. Requests come with such a one; who makes one by hand, for a job or a
    /// feed, asks here.
    ///
    /// # Errors
    ///
    /// When the database cannot be reached.
    pub async fn entitled(&self, who: Principal) -> Result<Principal> {
        Ok(self.of(&who.identity()).await?.enter(who))
    }
}

/// Asks for the roles of whoever sends a request.
pub(super) struct ByRoles;

impl Entitle for ByRoles {
    fn entitle<'a>(&'a self, who: Principal, resolver: &'a Resolver) -> BoxFuture<'a, Result<Principal>> {
        Box::pin(async move { resolver.get::<Roles>().await?.entitled(who).await })
    }

    fn needs(&self) -> Vec<Need> {
        vec![Need::of::<Roles>()]
    }
}
