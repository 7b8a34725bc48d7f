//! Pages to sign in and out, and for what people do with their accounts. A program that sends JSON is answered with JSON.
//!
//! `.sign_in_pages::<User>()`, for any [`Named`] account:
//!
//! | address | |
//! |---|---|
//! | `GET /account` | what there is to do |
//! | `GET`, `POST /account/login` | the form, and what it sends; `?next=/cart` says where to go then |
//! | `POST /account/logout` | ends the session |
//! | `GET`, `POST /account/sessions` | where one is signed in, and a button to end each session, or all others |
//! | `GET`, `POST /account/password` | another password |
//! | `GET`, `POST /account/confirm` | the password once more, before something that matters: see [`Proven`](crate::Proven) |
//!
//! They work without scripts. Each is a view, `auth/login.html` and so on, which an application replaces by a file of the same name.
//!
//! - [`visit`]: what every page needs, and whom it answers; `offers`: the links between them.
//! - `login`, `devices`, `password`, `confirm`: the pages; `agent`: how a browser is called there.

mod agent;
mod confirm;
mod devices;
mod login;
mod offers;
mod password;
pub(crate) mod visit;

use http::Method;
use mainstay_core::check::Check;
use mainstay_core::{Assembly, Contribute, Contribution, CoreContributions, Finding, Findings, Module};
use mainstay_db::Query;
use mainstay_http::{Route, Routes};
use mainstay_view::{ViewsExt, views};

use crate::account::Account;
use crate::sessions::DatabaseSessionsExt;

pub(crate) use login::After;
pub use offers::{Offer, Place};
#[cfg(feature = "mail")]
pub(crate) use password::set_password;

pub(crate) const ACCOUNT: &str = "/account";
pub(crate) const LOGIN: &str = "/account/login";
pub(crate) const CONFIRM: &str = "/account/confirm";
/// Where a password is chosen by a link, with `.recovery_pages::<User>()`.
pub(crate) const FORGOT: &str = "/account/forgot";
const LOGOUT: &str = "/account/logout";
const PASSWORD: &str = "/account/password";
const SESSIONS: &str = "/account/sessions";

/// An account that a person finds by a name that they type.
pub trait Named: Account {
    /// What the name is called on pages.
    const LABEL: &'static str = "E-mail";

    /// The account with this name: `Self::filter(|user| user.email.eq(name))`. Spaces around what was typed are gone already.
    fn by_name(name: &str) -> Query<Self>;

    /// The names that it goes by: no password of its may be like one of them.
    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Adds pages to sign in. In the prelude.
pub trait SignInPagesExt: Contribute {
    /// The accounts of `A` sign in with a browser, at `/account/login`. Sessions are in the database.
    #[must_use]
    fn sign_in_pages<A: Named>(self) -> Self {
        let routes = Routes::new()
            .route(page(Route::new(Method::GET, ACCOUNT, login::overview::<A>)))
            .route(page(Route::new(Method::GET, LOGIN, login::show::<A>)))
            .route(page(Route::new(Method::POST, LOGIN, login::log_in::<A>)))
            .route(page(Route::new(Method::POST, LOGOUT, login::log_out)))
            .route(page(Route::new(Method::GET, SESSIONS, devices::list::<A>)))
            .route(page(Route::new(Method::POST, SESSIONS, devices::end::<A>)))
            .route(page(Route::new(Method::GET, PASSWORD, password::show::<A>)))
            .route(page(Route::new(Method::POST, PASSWORD, password::change::<A>)))
            .route(page(Route::new(Method::GET, CONFIRM, confirm::show::<A>)))
            .route(page(Route::new(Method::POST, CONFIRM, confirm::confirm::<A>)));
        self.contribute(HasPages)
            .contribute(SignsIn)
            .contribute(Offer::new(Place::Account, "Where you are signed in", SESSIONS))
            .contribute(Offer::new(Place::Account, "Change your password", PASSWORD))
            .contribute(routes)
    }
}

impl<C: Contribute> SignInPagesExt for C {}

/// Pages are no part of the API.
pub(crate) fn page(route: Route) -> Route {
    route.describe(|operation| operation.hidden = true)
}

/// A contribution: there are pages.
pub(crate) struct HasPages;

impl Contribution for HasPages {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

/// A contribution: somebody signs in there.
struct SignsIn;

impl Contribution for SignsIn {}

fn module() -> Module {
    Module::new("account pages")
        .import(crate::module::module())
        .database_sessions()
        .views(views!())
        .check(Check::at_start(find_pages_that_lead_nowhere))
}

fn find_pages_that_lead_nowhere(assembly: &Assembly, findings: &mut Findings) {
    if assembly.contributions.of::<SignsIn>().next().is_none() {
        let told = format!("pages of accounts lead to `{LOGIN}`, and there is no such page");
        findings.add(Finding::error("auth.E002", told).fix("add `.sign_in_pages::<User>()`"));
    }
}
