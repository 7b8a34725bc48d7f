//! A second factor: a code of an authenticator app (TOTP, RFC 6238), or a recovery code, after the password.
//!
//! `.second_factor::<User>()`, besides `.sign_in_pages::<User>()`:
//!
//! | address | |
//! |---|---|
//! | `GET`, `POST /account/second-factor` | turns it on: a QR code, and the first code of the app; later, shows that it is on |
//! | `POST /account/second-factor/off` | turns it off |
//! | `POST /account/second-factor/recovery-codes` | new recovery codes |
//! | `GET`, `POST /account/second-factor/check` | asks for a code: after the password, and wherever [`SteppedUp`] wants one |
//!
//! Whoever has turned it on is signed in only after the code, whichever way they came. `auth.second_factor_roles` names roles whose accounts
//! have to turn it on before they are signed in.
//!
//! - `codes`: [`SecondFactors`], what is kept and how a code is checked: each is good once.
//! - `pending`: a sign-in that waits for its code.
//! - `asked`: whether one is asked for, and whether what comes is good.
//! - `pages`: turning it on and off; `check`: asking for a code.
//! - `stepped_up`: [`SteppedUp`].

mod asked;
mod check;
mod codes;
mod pages;
mod pending;
mod stepped_up;

use http::Method;
use mainstay_core::{
    Assembly, Contribute, Contribution, CoreContributions, Finding, Findings, Module, Provider,
};
use mainstay_db::{ModelsExt, migrations, models};
use mainstay_http::{Route, Routes};

use crate::pages::{HasPages, Named, Offer, Place, page};
use crate::passwords::AuthConfig;

pub(crate) use asked::outstanding;
pub use codes::{Enrolment, SecondFactors};
pub(crate) use pending::{Pending, Waits};
pub use stepped_up::SteppedUp;

const PAGE: &str = "/account/second-factor";
const OFF: &str = "/account/second-factor/off";
const CODES: &str = "/account/second-factor/recovery-codes";
pub(crate) const CHECK: &str = "/account/second-factor/check";

/// Adds a second factor. In the prelude.
pub trait SecondFactorExt: Contribute {
    /// The accounts of `A` may have a second factor.
    #[must_use]
    fn second_factor<A: Named>(self) -> Self {
        let routes = Routes::new()
            .route(page(Route::new(Method::GET, PAGE, pages::show::<A>)))
            .route(page(Route::new(Method::POST, PAGE, pages::turn_on::<A>)))
            .route(page(Route::new(Method::POST, OFF, pages::turn_off::<A>)))
            .route(page(Route::new(Method::POST, CODES, pages::new_codes::<A>)))
            .route(page(Route::new(Method::GET, CHECK, check::show::<A>)))
            .route(page(Route::new(Method::POST, CHECK, check::check::<A>)));
        self.contribute(HasPages)
            .contribute(HasSecondFactor)
            .contribute(Offer::new(Place::Account, "Signing in with a second factor", PAGE))
            .contribute(routes)
    }
}

impl<C: Contribute> SecondFactorExt for C {}

/// A contribution: accounts may have a second factor.
struct HasSecondFactor;

impl Contribution for HasSecondFactor {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

fn module() -> Module {
    Module::new("second factor")
        .global()
        .import(crate::module::module())
        .models(models![codes::StoredFactor, codes::RecoveryCode])
        .migrations(migrations!("second_factor").of_library())
        .provide(Provider::singleton(SecondFactors::new).on_demand())
        .export::<SecondFactors>()
}

/// Says so where roles have to have what nobody can turn on. From the module `auth`, since that is there in any case.
pub(crate) fn find_roles_in_vain(assembly: &Assembly, findings: &mut Findings) {
    let Ok(config) = assembly.config.section::<AuthConfig>() else { return };
    if !config.second_factor_roles.is_empty()
        && assembly.contributions.of::<HasSecondFactor>().next().is_none()
    {
        let told = "roles have to have a second factor, and there are no pages to turn it on";
        findings.add(
            Finding::error("auth.E003", told)
                .at("auth.second_factor_roles")
                .fix("add `.second_factor::<User>()`"),
        );
    }
}
