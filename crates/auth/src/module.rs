//! The built-in module `auth`.
//!
//! | id | what |
//! |---|---|
//! | `auth.W020` | in production, hashes of passwords cost less than OWASP advises |
//! | `auth.W021` | in production, a token is good for more than 90 days |
//! | `auth.W022` | in production, so many attempts to sign in are let through that a password can be guessed |
//! | `auth.W023` | in production, stolen passwords are asked about without encryption |
//! | `auth.E001` | two models of accounts have one scheme: the tokens of the second would be refused by the first |
//! | `auth.E002` | pages of accounts lead to one to sign in, which is not there |
//! | `auth.E003` | `auth.second_factor_roles` names roles, and nobody can turn a second factor on |
//! | `auth.E004` | the rows of a model of accounts belong to tenants, so that nobody could sign in |
//! | `auth.E005` | two models of accounts have one name: roles and tokens of one would be those of the other |
//! | `auth.E080` | a guard, or a role in code, is about a permission that is not declared |
//! | `auth.E081` | two roles in code have one name |
//! | `auth.E020` | a route asks for a scope of tokens that nobody declares |

use mainstay_core::check::Check;
use mainstay_core::{
    Assembly, Contribute, Contribution, CoreContributions, Finding, Findings, Module, Provider,
};
use mainstay_db::meta::ModelMeta;
use mainstay_http::describe::SecuritySpec;
use mainstay_http::stack::principal::Authenticator;

use crate::account::Account;
use crate::attempts::Attempts;
use crate::audit::Audit;
use crate::authenticate::ByToken;
use crate::by_session::BySession;
#[cfg(feature = "breached-passwords")]
use crate::passwords::breaches;
use crate::passwords::{AuthConfig, Passwords};
use crate::scopes::find_unknown_scopes;
use crate::second_factor::find_roles_in_vain;
use crate::signed_in::scheme;
use crate::tokens::Tokens;

/// A contribution: the rows of a model sign in.
pub(crate) struct Accounts {
    meta: &'static ModelMeta,
    pub(crate) scheme: &'static str,
}

impl Contribution for Accounts {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// The module: the section `auth`, [`Passwords`] and [`Tokens`]. It is installed by the first `.accounts(…)`.
pub fn module() -> Module {
    let module = Module::new("auth")
        .global()
        .import(mainstay_db::module::module())
        .import(mainstay_store::module::module())
        .config::<AuthConfig>()
        .provide(Provider::asynchronous(Passwords::provide).on_demand())
        .provide(Provider::singleton(Tokens::new).on_demand())
        .export::<Passwords>()
        .export::<Tokens>()
        .provide(Provider::singleton(Attempts::new).on_demand())
        .export::<Attempts>()
        .provide(Provider::singleton(Audit::new).on_demand())
        .export::<Audit>()
        .check(Check::at_start(find_shared_schemes))
        .check(Check::at_start(find_roles_in_vain))
        .check(Check::at_start(find_accounts_of_tenants))
        .check(Check::at_start(crate::roles::check))
        .command(crate::policies::command())
        .check(Check::at_deploy(before_deployment))
        .check(Check::at_start(find_unknown_scopes));
    #[cfg(feature = "breached-passwords")]
    let module = mainstay_outbound::OutboundExt::outbound(module, breaches::upstream())
        .check(Check::at_deploy(breaches::find_in_the_clear));
    #[cfg(feature = "social-login")]
    let module = module.check(Check::at_start(crate::social::find_unused));
    module
}

/// Who signs in is looked for among all: the tenant follows from the account.
fn find_accounts_of_tenants(assembly: &Assembly, findings: &mut Findings) {
    for accounts in assembly.contributions.of::<Accounts>() {
        let meta = accounts.value.meta;
        if let Some((_, field)) = meta.tenant() {
            let told =
                format!("accounts of `{}` could not sign in: `{}` is their tenant", meta.name, field.name);
            let fix = "leave `tenant` off the field, and say it in `principal` of `Account`: `.with_claim(\"company\", …)`";
            findings.add(Finding::error("auth.E004", told).at(meta.place).fix(fix));
        }
    }
}

fn find_shared_schemes(assembly: &Assembly, findings: &mut Findings) {
    let accounts: Vec<_> = assembly.contributions.of::<Accounts>().map(|accounts| accounts.value).collect();
    for (index, second) in accounts.iter().enumerate() {
        if accounts[..index]
            .iter()
            .any(|first| first.meta.name == second.meta.name && first.meta.table != second.meta.table)
        {
            let told = format!(
                "two models of accounts are called `{}`: what is kept for one would be kept for the other",
                second.meta.name
            );
            findings.add(
                Finding::error("auth.E005", told).at(second.meta.place).fix("give one of them another name"),
            );
        }
        let shares = |first: &&&Accounts| first.scheme.eq_ignore_ascii_case(second.scheme);
        let Some(first) = accounts[..index].iter().find(shares) else { continue };
        let names = format!("`{}` and `{}`", first.meta.name, second.meta.name);
        findings.add(
            Finding::error("auth.E001", format!("{names} both send `Authorization: {} …`", second.scheme))
                .at(second.meta.place)
                .fix("give one of them another `const SCHEME` in its `impl Account`"),
        );
    }
}

fn before_deployment(assembly: &Assembly, findings: &mut Findings) {
    if let Ok(config) = assembly.config.section::<AuthConfig>() {
        config.before_deployment(&assembly.profile, findings);
    }
}

/// Lets rows of a model sign in. In the prelude.
pub trait AccountsExt: Contribute {
    /// The rows of `A` sign in: requests may bring a token of theirs.
    #[must_use]
    fn accounts<A: Account>(self) -> Self {
        let proof = SecuritySpec::new(A::SCHEME, scheme::<A>());
        self.contribute(Accounts { meta: A::META, scheme: A::SCHEME })
            .contribute(Authenticator::new(ByToken::<A>::default()).documented(proof))
            .contribute(Authenticator::new(BySession::<A>::default()))
    }
}

impl<C: Contribute> AccountsExt for C {}
