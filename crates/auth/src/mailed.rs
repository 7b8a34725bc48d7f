//! What people do by a link that comes by mail: it proves that a mailbox is theirs.
//!
//! | | for | addresses |
//! |---|---|---|
//! | [`.recovery_pages::<User>()`](RecoveryPagesExt::recovery_pages) | any [`Person`] | `/account/forgot` and `/account/reset`: another password for one that was forgotten; `/account/email`: another address |
//! | [`.sign_in_links::<User>()`](SignInLinksExt::sign_in_links) | any [`Person`] | `/account/link`: signing in by a link |
//! | [`.registration_pages::<User>()`](RegistrationPagesExt::registration_pages) | [`Registration`] | `/account/register` |
//!
//! They are pages besides those of `.sign_in_pages::<User>()`, to which they lead.
//!
//! Nobody learns there who has an account: whatever address is typed, a mail goes to it, the answer is the same, and so is the time that
//! it takes. The mail says what the page may not.
//!
//! - `link`: what a link allows is sealed in it, so nothing is kept until it is used; `spent`: links that are good once.
//! - `post`: how the mails are sent, and how many.
//! - `recovery`, `email`, `sign_in`, `registration`: the pages.
//! - `theft`: a mail to whoever has lost a [refresh token](crate::jwt) to somebody else.

mod email;
mod link;
mod post;
mod recovery;
mod registration;
mod sign_in;
mod spent;
mod theft;

use std::future::Future;

use http::Method;
use mainstay_core::{Contribute, Contribution, CoreContributions, Module, Provider, Result};
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, Query, Tx, migrations, models};
use mainstay_http::{Route, Routes};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::pages::{FORGOT, HasPages, Named, Offer, Place, page};
use crate::passwords::PasswordHash;
use post::Post;

/// An account of somebody who has an e-mail address.
pub trait Person: Named {
    /// Where mails for it go.
    fn email(&self) -> &str;

    /// The account with this address, which is in lower case: `Self::filter(|user| user.email.eq(email))`. No two accounts have one.
    fn by_email(email: &str) -> Query<Self>;

    /// Sets its address.
    fn set_email(fields: Self::Fields, email: String) -> Assignment<Self>;
}

/// An account that anybody may have who has a mailbox.
pub trait Registration: Person {
    /// What the form asks besides address and password, as texts: a struct with `user_name: String`, say.
    type More: DeserializeOwned + Serialize + Clone + Send + Sync + 'static;

    /// The fields of `More` as the page shows them: `("user_name", "User name")`.
    const FIELDS: &'static [(&'static str, &'static str)] = &[];

    /// Refuses what nobody can be registered with: a user name that is taken, which is no secret. [`Error::invalid`](mainstay_core::Error::invalid)
    /// with a fault at `/user_name` shows it there.
    fn check(more: &Self::More, db: &Db) -> impl Future<Output = Result<()>> + Send {
        let _ = (more, db);
        async { Ok(()) }
    }

    /// Makes the account of somebody whose address has proved to be theirs.
    fn register(
        email: String,
        password: PasswordHash,
        more: Self::More,
        tx: &Tx,
    ) -> impl Future<Output = Result<Self>> + Send;
}

/// Adds pages for people who have forgotten their password, or have another address. In the prelude.
pub trait RecoveryPagesExt: Contribute {
    /// The accounts of `A` may have another password by a link, and another address. Their owners are told by mail when a refresh token
    /// of theirs was stolen.
    #[must_use]
    fn recovery_pages<A: Person>(self) -> Self {
        let routes = Routes::new()
            .route(page(Route::new(Method::GET, FORGOT, recovery::show_forgot)))
            .route(page(Route::new(Method::POST, FORGOT, recovery::forgot::<A>)))
            .route(page(Route::new(Method::GET, recovery::RESET, recovery::show_reset::<A>)))
            .route(page(Route::new(Method::POST, recovery::RESET, recovery::reset::<A>)))
            .route(page(Route::new(Method::GET, email::EMAIL, email::show::<A>)))
            .route(page(Route::new(Method::POST, email::EMAIL, email::change::<A>)))
            .route(page(Route::new(Method::GET, email::CONFIRM, email::show_confirm::<A>)))
            .route(page(Route::new(Method::POST, email::CONFIRM, email::confirm::<A>)));
        self.contribute(HasPages)
            .contribute(SendsLinks)
            .contribute(theft::by_mail::<A>())
            .contribute(Offer::new(Place::SignIn, "Forgot your password?", FORGOT))
            .contribute(Offer::new(Place::Account, "Change your e-mail address", email::EMAIL))
            .contribute(routes)
    }
}

impl<C: Contribute> RecoveryPagesExt for C {}

/// Adds signing in by a link that comes by mail. In the prelude.
pub trait SignInLinksExt: Contribute {
    /// The accounts of `A` may sign in by a link.
    #[must_use]
    fn sign_in_links<A: Person>(self) -> Self {
        let routes = Routes::new()
            .route(page(Route::new(Method::GET, sign_in::LINK, sign_in::show)))
            .route(page(Route::new(Method::POST, sign_in::LINK, sign_in::send::<A>)))
            .route(page(Route::new(Method::GET, sign_in::USE, sign_in::show_use::<A>)))
            .route(page(Route::new(Method::POST, sign_in::USE, sign_in::follow::<A>)));
        self.contribute(HasPages)
            .contribute(SendsLinks)
            .contribute(Offer::new(Place::SignIn, "Send me a link to sign in", sign_in::LINK))
            .contribute(routes)
    }
}

impl<C: Contribute> SignInLinksExt for C {}

/// Adds pages to register. In the prelude.
pub trait RegistrationPagesExt: Contribute {
    /// Anybody may have an account of `A` who has a mailbox.
    #[must_use]
    fn registration_pages<A: Registration>(self) -> Self {
        let routes = Routes::new()
            .route(page(Route::new(Method::GET, registration::REGISTER, registration::show::<A>)))
            .route(page(Route::new(Method::POST, registration::REGISTER, registration::register::<A>)))
            .route(page(Route::new(Method::GET, registration::FINISH, registration::show_finish::<A>)))
            .route(page(Route::new(Method::POST, registration::FINISH, registration::finish::<A>)));
        self.contribute(HasPages)
            .contribute(SendsLinks)
            .contribute(Offer::new(Place::SignIn, "Create an account", registration::REGISTER))
            .contribute(routes)
    }
}

impl<C: Contribute> RegistrationPagesExt for C {}

/// A contribution: links go out by mail.
struct SendsLinks;

impl Contribution for SendsLinks {
    fn installs() -> Option<Module> {
        Some(module())
    }
}

fn module() -> Module {
    Module::new("account links")
        .global()
        .import(crate::module::module())
        .import(mainstay_mail::module::module())
        .models(models![spent::SpentLink])
        .migrations(migrations!("links").of_library())
        .provide(Provider::singleton(Post::new).on_demand())
        .export::<Post>()
}
