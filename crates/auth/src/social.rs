//! Signing in by somebody else: OpenID Connect, and plain OAuth 2.
//!
//! ```toml
//! [auth.providers.google]
//! preset = "google"
//! client_id = "…"
//! client_secret = "…"          # better in the credentials: `credentials edit`
//!
//! [auth.providers.company]
//! issuer = "https://id.example"
//! client_id = "…"
//! label = "Company account"
//! ```
//!
//! An application says in [`FromProfile`] how an account is made of a [`SocialProfile`], adds `.social_login::<User>()`, and its sign-in page
//! has a button for each provider.
//!
//! In reading order, which is that of somebody who signs in:
//!
//! 1. [`config`], `provider`: the tables, the presets, and what follows from them.
//! 2. `remote`, `discovery`, `fetched`: a provider as it is reached; what it says about itself, and what of that is believed.
//! 3. `pages`: setting out, coming back, connecting and disconnecting.
//! 4. [`SocialLogin`] in `login`, and `attempt`: the way there and back, bound to the browser that set out. `form_post`: back by a form.
//! 5. `exchange`, `id_token`, `userinfo`: from the code to a [`SocialProfile`]. `client_key`: a key in place of a secret.
//! 6. `arrival`, `identities`: whose account that is.
//! 7. `access`: calling the provider for people later. `logout`: signing out there too.
//!
//! The protocol is what the standards and the best current practice say (RFC 6749, RFC 7636, RFC 9207, RFC 9700, OpenID Connect Core 1.0):
//! code flow alone, always with PKCE, state and nonce, an address to come back to for each provider, signatures checked always.
//!
//! | id | what |
//! |---|---|
//! | `auth.E010` | providers are configured, and nobody signs in by them |
//! | `auth.E011` | two models sign in by providers: their addresses are the same |
//! | `auth.W010` | where it is deployed, people shall sign in by providers, and none is configured |

mod access;
mod arrival;
mod attempt;
mod client_key;
pub mod config;
mod discovery;
mod exchange;
mod fetched;
mod form_post;
mod id_token;
mod identities;
mod login;
mod logout;
mod pages;
mod profile;
mod provider;
mod remote;
mod userinfo;

use std::time::Duration;

use mainstay_core::check::Check;
use mainstay_core::{
    Assembly, Contribute, Contribution, CoreContributions, Finding, Findings, Module, Provider as Provide,
};
use mainstay_db::meta::ModelMeta;
use mainstay_db::{ModelsExt, migrations, models};
use mainstay_outbound::{OutboundExt, Upstream};

use crate::buttons::SignInButtons;
use crate::pages::{HasPages, Offer, Place};
use crate::passwords::AuthConfig;

pub use access::AccessToken;
pub use config::{ClientAuthentication, Preset, ProviderConfig, ProvidersConfig};
pub use identities::LinkedIdentity;
pub use login::SocialLogin;
pub use profile::{FromProfile, SocialProfile};

use remote::IdentityProviders;

/// A contribution: the rows of a model sign in by providers.
struct SignsIn {
    meta: &'static ModelMeta,
}

impl Contribution for SignsIn {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// Lets people sign in by providers. In the prelude.
pub trait SocialLoginExt: Contribute {
    /// The accounts of `A` sign in by the providers under `[auth.providers]`, with a browser: the page of `.sign_in_pages::<A>()` has a
    /// button for each. Sessions are in the database.
    #[must_use]
    fn social_login<A: FromProfile>(self) -> Self {
        self.contribute(SignsIn { meta: A::META })
            .contribute(HasPages)
            .contribute(Offer::new(Place::Account, "Connected accounts", pages::CONNECTIONS).beside_buttons())
            .contribute(pages::routes::<A>())
    }
}

impl<C: Contribute> SocialLoginExt for C {}

/// How long a provider may take to answer, and how much. Whoever signs in waits for three calls, one after the other.
const PATIENCE: Duration = Duration::from_secs(5);
const LARGEST: u64 = 256 * 1024;

fn module() -> Module {
    let upstream = Upstream::anywhere("identity_providers", IdentityProviders)
        .timeout(PATIENCE)
        .retries(1)
        .redirects(0)
        .body_limit(LARGEST);
    Module::new("social login")
        .global()
        .import(crate::module::module())
        .models(models![LinkedIdentity])
        .migrations(migrations!("linked_identities").of_library())
        .outbound(upstream)
        .provide(Provide::singleton(SocialLogin::provide))
        .export::<SocialLogin>()
        .provide(Provide::singleton(SocialLogin::buttons))
        .export::<SignInButtons>()
        .check(Check::at_start(find_shared_addresses))
        .check(Check::at_deploy(find_no_provider))
}

fn find_shared_addresses(assembly: &Assembly, findings: &mut Findings) {
    let models: Vec<_> = assembly.contributions.of::<SignsIn>().map(|signs_in| signs_in.value.meta).collect();
    if let [first, second, ..] = models.as_slice() {
        let names = format!("`{}` and `{}`", first.name, second.name);
        findings.add(
            Finding::error("auth.E011", format!("{names} both sign in by providers, at the same addresses"))
                .at(second.place)
                .fix("let one model sign in by providers"),
        );
    }
}

/// On a developer's machine there need be none: the pages have no buttons then.
fn find_no_provider(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<AuthConfig>() else { return };
    if config.providers.0.is_empty() {
        findings.add(
            Finding::warning("auth.W010", "people shall sign in by providers, and none is configured")
                .at("[auth.providers]")
                .fix("add a table: `[auth.providers.google]` with `preset`, `client_id` and `client_secret`"),
        );
    }
}

/// Finds providers that nobody signs in by: run by the module of accounts, since this one may be missing.
pub(crate) fn find_unused(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<AuthConfig>() else { return };
    if !config.providers.0.is_empty() && assembly.contributions.of::<SignsIn>().next().is_none() {
        findings.add(
            Finding::error("auth.E010", "providers are configured, and nobody signs in by them")
                .at("[auth.providers]")
                .fix("add `.social_login::<User>()` to the application, or take the tables out"),
        );
    }
}
