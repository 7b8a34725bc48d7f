//! The built-in module `auth`.

use mainstay_core::{Contribute, Contribution, CoreContributions, Module, Provider};
use mainstay_http::describe::SecuritySpec;
use mainstay_http::stack::principal::Authenticator;

use crate::account::Account;
use crate::authenticate::ByToken;
use crate::passwords::{AuthConfig, Passwords};
use crate::signed_in::scheme;
use crate::tokens::Tokens;

/// A contribution: there are accounts.
struct Accounts;

impl Contribution for Accounts {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// The module: the section `auth`, [`Passwords`] and [`Tokens`]. It is installed by the first `.accounts(…)`.
pub fn module() -> Module {
    Module::new("auth")
        .global()
        .import(mainstay_db::module::module())
        .config::<AuthConfig>()
        .provide(Provider::asynchronous(Passwords::provide).on_demand())
        .provide(Provider::singleton(Tokens::new).on_demand())
        .export::<Passwords>()
        .export::<Tokens>()
}

/// Lets rows of a model sign in. In the prelude.
pub trait AccountsExt: Contribute {
    /// The rows of `A` sign in: requests may bring a token of theirs.
    #[must_use]
    fn accounts<A: Account>(self) -> Self {
        let proof = SecuritySpec::new(A::SCHEME, scheme::<A>());
        self.contribute(Accounts).contribute(Authenticator::new(ByToken::<A>::default()).documented(proof))
    }
}

impl<C: Contribute> AccountsExt for C {}
