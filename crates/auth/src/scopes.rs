//! What a token is good for, where it is not good for everything that its owner may do.
//!
//! A scope is a name in the style of permissions: `articles.write`. An application says which there are, and which its routes ask for:
//!
//! ```
//! use mainstay_auth::scopes::{RequireScope, ScopesExt};
//! use mainstay_core::App;
//! use mainstay_http::{Group, RoutesExt, get, routes};
//!
//! /// My articles.
//! #[get("/articles")]
//! async fn articles() -> &'static str {
//!     "none"
//! }
//!
//! let app = App::new()
//!     .token_scope("articles.read", "See your articles")
//!     .group(Group::new("/api").routes(routes![articles]).middleware(RequireScope::new("articles.read")));
//! ```
//!
//! A limited token is held to its scopes twice. It opens only routes that ask for scopes, and whose scopes it has: one that nobody has
//! thought of stays shut. And its [`Principal`] has no roles, and of the permissions of its owner
//! only those that its scopes cover. A scope covers what is called like it; `articles.*` all that begins with `articles.`; `*`
//! everything, so that such a token is not limited at all.
//!
//! In reading order: this file, `guard` (what routes ask for), `person` (what no such token may do).

mod guard;
mod person;

use std::collections::BTreeSet;
use std::fmt;

use mainstay_core::principal::Principal;
use mainstay_core::{Contribute, Contribution, Contributions, Error, Result};

pub use guard::{RequireScope, Scope, Scoped};
pub use person::InPerson;

pub(crate) use guard::{find_unknown_scopes, hold};
pub(crate) use person::ACCESS_TOKEN;

/// How long the name of a scope may be, in bytes.
const MAX_NAME: usize = 100;
/// How many a token may have.
const MAX_SCOPES: usize = 100;
/// What covers everything.
const EVERYTHING: &str = "*";

/// The scopes of a token.
///
/// ```
/// use mainstay_auth::scopes::Scopes;
///
/// let scopes = Scopes::parse("articles.* comments.read").unwrap();
/// assert!(scopes.cover("articles.write") && scopes.cover("comments.read"));
/// assert!(!scopes.cover("comments.write") && !scopes.cover("articles"));
/// assert!(Scopes::parse("articles;drop").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Scopes(BTreeSet<String>);

impl Scopes {
    /// Everything that its owner may do.
    pub fn everything() -> Self {
        Self(BTreeSet::from([EVERYTHING.to_owned()]))
    }

    /// Those of a text, with spaces between them (RFC 6749, 3.3).
    ///
    /// # Errors
    ///
    /// 400 when there is none, there are too many, or one is no name.
    pub fn parse(text: &str) -> Result<Self> {
        Self::of(text.split_ascii_whitespace())
    }

    /// These.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let names: BTreeSet<String> = names.into_iter().take(MAX_SCOPES + 1).map(str::to_owned).collect();
        if names.is_empty() {
            return Err(refused("A token needs at least one scope; `*` is everything.".to_owned()));
        }
        if names.len() > MAX_SCOPES {
            return Err(refused(format!("A token has at most {MAX_SCOPES} scopes.")));
        }
        match names.iter().find(|name| !is_name(name)) {
            Some(name) => {
                let shown: String = name.chars().filter(|letter| !letter.is_control()).take(40).collect();
                Err(refused(format!(
                    "`{shown}` cannot be a scope: such names are like `articles.write` or `articles.*`."
                )))
            }
            None => Ok(Self(names)),
        }
    }

    /// Whether they are everything.
    pub fn are_everything(&self) -> bool {
        self.0.contains(EVERYTHING)
    }

    /// Whether one of them covers `what`: a scope, or a permission.
    pub fn cover(&self, what: &str) -> bool {
        self.0.iter().any(|scope| match scope.strip_suffix('*') {
            Some(start) => what.starts_with(start),
            None => scope == what,
        })
    }

    /// Their names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// What is left of an actor who comes with these.
    pub(crate) fn narrow(&self, principal: Principal) -> Principal {
        let principal = if self.are_everything() {
            principal
        } else {
            let scopes = self.clone();
            principal.restricted(move |permission| scopes.cover(permission))
        };
        principal.with_claim("scope", self.to_string())
    }

    /// Refuses what the application does not know.
    pub(crate) fn known_to(&self, contributions: &Contributions) -> Result<()> {
        let known: Vec<_> = KnownScope::all(contributions).map(|known| known.name.as_str()).collect();
        let unknown = self.names().find(|name| match name.strip_suffix('*') {
            Some(start) => !start.is_empty() && !known.iter().any(|known| known.starts_with(start)),
            None => !known.contains(name),
        });
        match unknown {
            Some(name) => Err(refused(format!("There is no scope `{name}` here."))),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

/// A name, or the beginning of some.
fn is_name(name: &str) -> bool {
    let plain = match name.strip_suffix('*') {
        Some("") => return true,
        Some(start) if start.ends_with(['.', ':']) => start,
        Some(_) => return false,
        None => name,
    };
    let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "._:-".contains(letter);
    plain.len() <= MAX_NAME
        && plain.chars().all(is_letter)
        && plain.starts_with(|first: char| first.is_ascii_alphanumeric())
}

fn refused(message: String) -> Error {
    Error::bad_request(message).code("invalid_scope")
}

/// A contribution: a scope that tokens may have.
#[derive(Clone, Debug)]
pub struct KnownScope {
    /// Its name.
    pub name: String,
    /// What it allows, for the owner of a token.
    pub description: String,
}

impl Contribution for KnownScope {}

impl KnownScope {
    /// All that an application has.
    pub fn all(contributions: &Contributions) -> impl Iterator<Item = &Self> {
        contributions.of::<Self>().map(|known| known.value)
    }
}

/// Says which scopes there are. In the prelude.
pub trait ScopesExt: Contribute {
    /// Tokens may be limited to this scope. `description` says to the owner of a token what it allows: `See your articles`.
    #[must_use]
    fn token_scope(self, name: impl Into<String>, description: impl Into<String>) -> Self {
        self.contribute(KnownScope { name: name.into(), description: description.into() })
    }
}

impl<C: Contribute> ScopesExt for C {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covers_what_it_names_and_what_begins_so() {
        let cover = |scopes: &str, what: &str| Scopes::parse(scopes).unwrap().cover(what);
        assert!(
            cover("a.read", "a.read")
                && cover("a.*", "a.b.c")
                && cover("*", "anything")
                && cover("a:*", "a:b")
        );
        assert!(!cover("a.read", "a.reader") && !cover("a.*", "ab") && !cover("a.*", "a"));
    }

    #[test]
    fn refuses_what_is_no_name() {
        for text in ["", "  ", "a*", "*.a", ".*", "a b\u{7f}c", "ä", "a,b", "a\"b", "**", &"a".repeat(101)] {
            let refused = Scopes::parse(text).expect_err(text);
            assert_eq!(refused.machine_code(), "invalid_scope", "{text}");
        }
        let many: Vec<String> = (0..101).map(|number| format!("a{number}")).collect();
        assert!(Scopes::of(many.iter().map(String::as_str)).is_err());
    }

    #[test]
    fn leaves_of_an_actor_what_the_scopes_cover() {
        let ann = Principal::user("1").with_role("admin").with_permission("a.read").with_permission("b.read");
        let narrowed = Scopes::parse("a.* c.read").unwrap().narrow(ann.clone());
        assert!(narrowed.may("a.read") && !narrowed.may("b.read") && !narrowed.may("c.read"));
        assert!(!narrowed.has_role("admin"));
        assert_eq!(narrowed.identity(), ann.identity());
        assert!(Scopes::everything().narrow(ann).has_role("admin"));
    }
}
