//! Who acts: a person, a token, the system, or nobody known.
//!
//! `auth` fills it in, `resource`'s policies ask it, logs name it. It says what has been found out; it decides nothing.
//!
//! An [`Entitle`] adds what else is known of a principal before anybody asks it: the roles that it has been given.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use crate::container::Need;
use crate::{Contribution, Resolver, Result};

/// What kind of actor a [`Principal`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalKind {
    /// Nobody has said who they are.
    Anonymous,
    /// A person, signed in.
    User,
    /// A program, by a token that a person made.
    Token,
    /// The application itself: a job, a seed, a command.
    System,
}

/// Who acts. A clone costs one counter.
///
/// ```
/// use mainstay_core::principal::Principal;
///
/// let ann = Principal::user("42").named("Ann").with_role("editor").with_permission("articles.publish");
/// assert!(ann.is_authenticated() && ann.has_role("editor") && ann.may("articles.publish"));
/// assert!(!Principal::anonymous().may("articles.publish"));
/// ```
#[derive(Clone)]
pub struct Principal(Arc<Facts>);

#[derive(Clone)]
struct Facts {
    kind: PrincipalKind,
    id: String,
    name: Option<String>,
    roles: BTreeSet<String>,
    permissions: BTreeSet<String>,
    claims: Map<String, Value>,
    /// What restricts it: each of them has to accept a permission.
    limits: Vec<Limit>,
}

type Limit = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// What stands for every permission.
const EVERY: &str = "*";

impl Principal {
    fn new(kind: PrincipalKind, id: String) -> Self {
        Self(Arc::new(Facts {
            kind,
            id,
            name: None,
            roles: BTreeSet::new(),
            permissions: BTreeSet::new(),
            claims: Map::new(),
            limits: Vec::new(),
        }))
    }

    /// Nobody known. Its id is empty.
    pub fn anonymous() -> Self {
        static ANONYMOUS: OnceLock<Principal> = OnceLock::new();
        ANONYMOUS.get_or_init(|| Self::new(PrincipalKind::Anonymous, String::new())).clone()
    }

    /// A person who has signed in.
    pub fn user(id: impl Into<String>) -> Self {
        Self::new(PrincipalKind::User, id.into())
    }

    /// A program that came with a token; `id` is the token's.
    pub fn token(id: impl Into<String>) -> Self {
        Self::new(PrincipalKind::Token, id.into())
    }

    /// The application itself; `id` says which part (`seed`, `jobs`). It may do everything.
    pub fn system(id: impl Into<String>) -> Self {
        Self::new(PrincipalKind::System, id.into())
    }

    /// Sets the name to show.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        self.change(|facts| facts.name = Some(name.into()))
    }

    /// Adds a role. One that is [restricted](Self::restricted) gets none.
    #[must_use]
    pub fn with_role(self, role: impl Into<String>) -> Self {
        if !self.0.limits.is_empty() {
            return self;
        }
        self.change(|facts| {
            facts.roles.insert(role.into());
        })
    }

    /// Adds a permission. `articles.*` is all that begin with `articles.`, `*` is every one.
    #[must_use]
    pub fn with_permission(self, permission: impl Into<String>) -> Self {
        self.change(|facts| {
            facts.permissions.insert(permission.into());
        })
    }

    /// Adds something else that is known: a tenant, a scope, a claim of a token.
    #[must_use]
    pub fn with_claim(self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.change(|facts| {
            facts.claims.insert(name.into(), value.into());
        })
    }

    /// The same actor with less power: without roles, and with those permissions alone that `keep` accepts, whatever is added later.
    /// For what acts in somebody's name, and may not do all that they may.
    ///
    /// ```
    /// use mainstay_core::principal::Principal;
    ///
    /// let ann = Principal::user("42").with_role("editor").with_permission("articles.*").with_permission("users.delete");
    /// let delegate = ann.restricted(|permission| permission.starts_with("articles."));
    /// assert!(delegate.may("articles.publish") && !delegate.may("users.delete") && !delegate.has_role("editor"));
    /// assert!(!delegate.with_permission("users.view").may("users.view"));
    /// ```
    #[must_use]
    pub fn restricted(self, keep: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.change(|facts| {
            facts.roles.clear();
            // What stands for several may stand for some that are kept.
            facts.permissions.retain(|permission| permission.ends_with(EVERY) || keep(permission));
            facts.limits.push(Arc::new(keep));
        })
    }

    /// What tells principals apart: kind, id, and, where accounts of several models sign in, the claim `account` with the model's
    /// name. For keys of what belongs to somebody.
    pub fn identity(&self) -> String {
        let account = self.0.claims.get("account").and_then(Value::as_str).unwrap_or_default();
        format!("{:?}/{account}/{}", self.0.kind, self.0.id)
    }

    /// The person, or the program with a token, that is told apart so. Nothing else is known of it.
    ///
    /// ```
    /// use mainstay_core::principal::Principal;
    ///
    /// let ann = Principal::user("42").with_claim("account", "User");
    /// assert_eq!(Principal::of_identity("User/User/42").unwrap().identity(), ann.identity());
    /// assert!(Principal::of_identity("Nobody//42").is_none());
    /// ```
    pub fn of_identity(identity: &str) -> Option<Self> {
        let mut parts = identity.splitn(3, '/');
        let (kind, account, id) = (parts.next()?, parts.next()?, parts.next()?);
        let kinds = [PrincipalKind::User, PrincipalKind::Token];
        let kind = kinds.into_iter().find(|known| format!("{known:?}") == kind)?;
        let who = Self::new(kind, id.to_owned());
        Some(if account.is_empty() { who } else { who.with_claim("account", account) })
    }

    fn change(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    /// What kind of actor it is.
    pub fn kind(&self) -> PrincipalKind {
        self.0.kind
    }

    /// Its id, unique within its kind and the model of its account; empty when nobody is known. See [`identity`](Self::identity).
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The name to show, else the id.
    pub fn name(&self) -> &str {
        self.0.name.as_deref().unwrap_or(&self.0.id)
    }

    /// Whether it is known who acts.
    pub fn is_authenticated(&self) -> bool {
        self.0.kind != PrincipalKind::Anonymous
    }

    /// Whether it has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.0.roles.contains(role)
    }

    /// Whether it has this permission, by itself or with all that begin alike. The system has every one.
    pub fn may(&self, permission: &str) -> bool {
        let has = self.0.kind == PrincipalKind::System
            || self.0.permissions.iter().any(|had| stands_for(had, permission));
        has && self.0.limits.iter().all(|keep| keep(permission))
    }

    /// Its roles, sorted.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.roles.iter().map(String::as_str)
    }

    /// Its permissions as they were given to it, sorted. It [`may`](Self::may) do less where it is restricted.
    pub fn permissions(&self) -> impl Iterator<Item = &str> {
        self.0.permissions.iter().map(String::as_str)
    }

    /// All that is known else, by name.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.0.claims
    }

    /// What else is known.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.0.claims.get(name)
    }
}

/// Whether who has one permission has the other: it is the same, or `articles.*` and begins with `articles.`, or `*`.
pub fn stands_for(had: &str, asked: &str) -> bool {
    match had.strip_suffix(EVERY) {
        Some(start) if start.is_empty() || start.ends_with('.') => asked.starts_with(start),
        _ => had == asked,
    }
}

/// Finds out what a principal is entitled to, beside what who has told it knows: its roles, from a database.
///
/// Whatever makes a principal of somebody outside asks all of them, before a handler or a policy sees it.
pub trait Entitle: Send + Sync + 'static {
    /// The principal with what was found. `resolver` is the container as the application itself sees it.
    fn entitle<'a>(&'a self, who: Principal, resolver: &'a Resolver) -> BoxFuture<'a, Result<Principal>>;

    /// What it takes from the container. It is verified at start.
    fn needs(&self) -> Vec<Need> {
        Vec::new()
    }
}

/// A contribution: an [`Entitle`].
#[derive(Clone)]
pub struct Entitlement(Arc<dyn Entitle>);

impl Entitlement {
    /// Adds this one.
    pub fn new(entitle: impl Entitle) -> Self {
        Self(Arc::new(entitle))
    }

    /// Asks it. Nobody, and the system, are entitled to nothing more.
    ///
    /// # Errors
    ///
    /// When it cannot be found out.
    pub async fn entitle(&self, who: Principal, resolver: &Resolver) -> Result<Principal> {
        match who.kind() {
            PrincipalKind::Anonymous | PrincipalKind::System => Ok(who),
            PrincipalKind::User | PrincipalKind::Token => self.0.entitle(who, resolver).await,
        }
    }
}

impl fmt::Debug for Entitlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entitlement")
    }
}

impl Contribution for Entitlement {
    fn needs(&self) -> Vec<Need> {
        self.0.needs()
    }
}

impl Default for Principal {
    fn default() -> Self {
        Self::anonymous()
    }
}

impl fmt::Debug for Principal {
    /// Kind and id: what a log may keep. Claims may be private.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal")
            .field("kind", &self.0.kind)
            .field("id", &self.0.id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_leaves_other_clones_as_they_were() {
        let ann = Principal::user("1");
        let editor = ann.clone().with_role("editor");
        assert!(editor.has_role("editor") && !ann.has_role("editor"));
    }

    #[test]
    fn nobody_may_do_nothing_and_the_system_everything() {
        assert!(!Principal::default().is_authenticated());
        assert!(!Principal::anonymous().may("x"));
        assert!(Principal::system("seed").may("x"));
    }

    #[test]
    fn a_star_stands_for_what_begins_alike() {
        let ann = Principal::user("1").with_permission("articles.*").with_permission("a*");
        assert!(ann.may("articles.view") && ann.may("articles.a.b"));
        assert!(!ann.may("articles") && !ann.may("articlesview") && !ann.may("ab"));
        assert!(Principal::user("1").with_permission("*").may("users.delete"));
    }

    #[test]
    fn what_is_restricted_gets_no_more_by_what_is_added() {
        let token = Principal::user("1").restricted(|permission| permission == "articles.view");
        let token = token.with_role("admin").with_permission("*");
        assert!(token.may("articles.view") && !token.may("articles.change") && !token.has_role("admin"));
        assert!(!token.restricted(|_| false).may("articles.view"));
    }

    #[test]
    fn keeps_claims_out_of_debug() {
        let text = format!("{:?}", Principal::user("1").named("Ann").with_claim("email", "ann@example.org"));
        assert_eq!(text, "Principal { kind: User, id: \"1\", .. }");
    }
}
