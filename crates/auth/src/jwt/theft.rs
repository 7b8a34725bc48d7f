//! Who is told when a refresh token came twice.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use mainstay_core::container::Need;
use mainstay_core::{Contribution, Resolver, Result};

use super::device::SignIn;
use crate::account::Account;

/// A contribution: what is done when a refresh token of an account of `A` was sent a second time, and its device was signed out for
/// that. With `.recovery_pages::<User>()` its owner gets a mail; another way is contributed like this:
///
/// ```
/// # use mainstay_auth::{Account, PasswordHash};
/// use mainstay_auth::jwt::{SignIn, TokenTheft};
/// use mainstay_core::{App, Contribute};
/// # use mainstay_db::column::Assignment;
/// # use mainstay_db::model;
///
/// # #[model]
/// # pub struct User { pub id: i64, #[field(hidden)] pub password: PasswordHash }
/// # impl Account for User {
/// #     fn password(&self) -> Option<&PasswordHash> { Some(&self.password) }
/// #     fn set_password(user: Self::Fields, hash: PasswordHash) -> Assignment<Self> { user.password.set(hash) }
/// # }
/// let told = TokenTheft::new(async |user: User, device: SignIn, _| {
///     tracing::warn!(user.id, device.agent, "a refresh token came twice");
///     Ok(())
/// });
/// let app = App::new().contribute(told);
/// ```
pub struct TokenTheft<A> {
    tell: Tell<A>,
    needs: Vec<Need>,
}

type Tell<A> = Arc<dyn Fn(A, SignIn, Resolver) -> BoxFuture<'static, Result<()>> + Send + Sync>;

impl<A: Account> TokenTheft<A> {
    /// Runs `tell` with the account and the device that was signed out. When it fails, that is logged.
    pub fn new<F, Fut>(tell: F) -> Self
    where
        F: Fn(A, SignIn, Resolver) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<()>> + Send + 'static,
    {
        let tell: Tell<A> =
            Arc::new(move |account, device, resolver| Box::pin(tell(account, device, resolver)));
        Self { tell, needs: Vec::new() }
    }

    /// Says what it takes from the container.
    #[must_use]
    pub fn needing(mut self, need: Need) -> Self {
        self.needs.push(need);
        self
    }

    pub(super) async fn tell(&self, account: A, device: SignIn, resolver: Resolver) {
        if let Err(error) = (self.tell)(account, device, resolver).await {
            tracing::error!(error = %error.report(), "the owner of a stolen refresh token could not be told");
        }
    }
}

impl<A: Account> Contribution for TokenTheft<A> {
    fn needs(&self) -> Vec<Need> {
        self.needs.clone()
    }
}
