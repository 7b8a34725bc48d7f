//! What this crate asks of the application's own model of users.

use mainstay_core::principal::Principal;
use mainstay_db::Model;
use mainstay_db::column::Assignment;
use serde::de::DeserializeOwned;

use crate::passwords::PasswordHash;

/// A model whose rows can sign in.
///
/// ```
/// use mainstay_auth::{Account, AccountsExt, PasswordHash};
/// use mainstay_core::App;
/// use mainstay_db::column::Assignment;
/// use mainstay_db::{ModelsExt, model, models};
///
/// #[model]
/// pub struct User {
///     pub id: i64,
///     #[field(unique)]
///     pub email: String,
///     #[field(hidden)]
///     pub password: PasswordHash,
/// }
///
/// impl Account for User {
///     fn password(&self) -> Option<&PasswordHash> {
///         Some(&self.password)
///     }
///
///     fn set_password(user: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
///         user.password.set(hash)
///     }
/// }
///
/// let app = App::new().models(models![User]).accounts::<User>();
/// ```
pub trait Account: Model<Key: DeserializeOwned> {
    /// The first word of the header `Authorization`, before the token.
    const SCHEME: &'static str = "Bearer";

    /// The hash of its password. Without one it cannot sign in by password.
    fn password(&self) -> Option<&PasswordHash>;

    /// Sets the hash of its password.
    fn set_password(fields: Self::Fields, hash: PasswordHash) -> Assignment<Self>;

    /// Whether it may sign in, and whether its tokens are good. One that is not is told what a wrong password is told.
    fn is_active(&self) -> bool {
        true
    }

    /// What policies and logs know of it. Its id is the primary key.
    fn principal(&self) -> Principal {
        principal_of(self)
    }
}

/// The principal of an account of which nothing but the key is known: a start for one's own [`Account::principal`]. The claim
/// `account` says which model it is of: where several sign in, two of one key are told apart by it.
pub fn principal_of<A: Account>(account: &A) -> Principal {
    let id = match serde_json::to_value(account.key()) {
        Ok(serde_json::Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => format!("{:?}", account.key()),
    };
    Principal::user(id).with_claim("account", A::META.name)
}
