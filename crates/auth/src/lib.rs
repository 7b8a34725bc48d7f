//! Identity: who somebody is, and how they prove it.
//!
//! The application owns the model of its users. It says in [`Account`] where the hash of the password is, contributes it with
//! `.accounts::<User>()`, and has:
//!
//! - [`passwords`]: argon2id, on threads of its own; [`Passwords::log_in`] answers alike whether nobody has this name or the
//!   password is wrong.
//! - [`tokens`]: signed bearer tokens, which end with their time, or when the password changes.
//! - [`authenticate`]: tells from the token of a request who sends it, and fills in its
//!   [`Principal`](mainstay_core::principal::Principal).
//! - [`signed_in`]: [`SignedIn<User>`](SignedIn), the argument of handlers that serve only who is signed in; `Option` of it, of
//!   those that serve everybody.
//! - [`by_session`]: the same from the session of a browser; `session.sign_in_as(&user)`.
//! - [`attempts`]: how often somebody may try.
//! - [`password_login`]: signing in by name and password, at an address of one's own.
//! - [`pages`]: pages to sign in and out: `.sign_in_pages::<User>()`.
//! - `mailed`: registering, another password, another address, signing in: by a link that comes by mail (feature `mail`).
//! - `proven`: [`Proven<User>`](Proven), of those that have typed their password lately.
//! - [`second_factor`]: a code of an app after the password: `.second_factor::<User>()`.
//! - `social`: signing in by OpenID Connect and OAuth 2: `.social_login::<User>()` (feature `social-login`).
//! - [`sessions`]: sessions in the database: `.database_sessions()`.
//! - `redis_sessions`: the same on a Redis server: `.redis_sessions()` (feature `redis`).
//! - [`audit`]: what happened to accounts, in a log that shows whether somebody has changed it.
//! - [`access_tokens`]: what a person makes for a program: `.access_tokens::<User>()`; [`scopes`]: what it is good for.
//! - [`jwt`]: tokens that others can check, by device: `.jwt::<User>()`; and those of others.
//! - [`roles`]: what accounts may do: roles, groups, permissions: `.roles::<User>()`.
//! - [`guards`]: whom routes and groups of them let in.
//! - [`policies`]: the command that shows who may do what.
//! - [`module`]: [`AccountsExt`], and the section `auth`.

pub mod access_tokens;
pub mod account;
pub mod attempts;
pub mod audit;
pub mod authenticate;
pub mod buttons;
pub mod by_session;
pub mod guards;
pub mod jwt;
#[cfg(feature = "mail")]
pub mod mailed;
pub mod module;
pub mod pages;
pub mod password_login;
pub mod passwords;
pub mod policies;
mod proven;
#[cfg(feature = "redis")]
pub mod redis_sessions;
pub mod roles;
pub mod scopes;
pub mod second_factor;
pub mod sessions;
pub mod signed_in;
#[cfg(feature = "social-login")]
pub mod social;
pub mod tokens;

pub use access_tokens::{AccessTokens, AccessTokensExt};
pub use account::Account;
pub use attempts::Attempts;
pub use audit::{Audit, AuditLogExt, SecurityEvent};
pub use buttons::{SignInButton, SignInButtons};
pub use by_session::SignInExt;
pub use guards::{Allowed, Guard, GuardedExt, Rule};
pub use jwt::{JwtExt, TokenPairs};
#[cfg(feature = "mail")]
pub use mailed::{Person, RecoveryPagesExt, Registration, RegistrationPagesExt, SignInLinksExt};
pub use module::AccountsExt;
pub use pages::{Named, SignInPagesExt};
pub use password_login::{Credentials, PasswordLogin};
pub use passwords::{PasswordHash, Passwords};
pub use proven::Proven;
#[cfg(feature = "redis")]
pub use redis_sessions::RedisSessionsExt;
pub use roles::{PermissionsExt, Role, Roles, RolesExt};
pub use scopes::{InPerson, RequireScope, Scope, Scoped, ScopesExt};
pub use second_factor::{SecondFactorExt, SecondFactors, SteppedUp};
pub use sessions::DatabaseSessionsExt;
pub use signed_in::SignedIn;
#[cfg(feature = "social-login")]
pub use social::{FromProfile, SocialLogin, SocialLoginExt, SocialProfile};
pub use tokens::Tokens;
