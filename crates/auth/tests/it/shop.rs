//! An application with customers, and with clerks, who are another model.

use mainstay_auth::{Account, AccountsExt, PasswordHash, Passwords, SignedIn, Tokens};
use mainstay_core::principal::Principal;
use mainstay_core::{App, Inject, Result};
use mainstay_db::column::Assignment;
use mainstay_db::{Db, ModelsExt, model, models};
use mainstay_http::extract::Json;
use mainstay_http::{RoutesExt, get, post, routes};
use serde::Deserialize;

#[model]
pub(crate) struct Customer {
    pub(crate) id: i64,
    #[field(unique)]
    pub(crate) email: String,
    #[field(hidden)]
    pub(crate) password: PasswordHash,
    #[field(default = true)]
    pub(crate) active: bool,
}

impl Account for Customer {
    fn password(&self) -> Option<&PasswordHash> {
        Some(&self.password)
    }

    fn set_password(customer: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        customer.password.set(hash)
    }

    fn is_active(&self) -> bool {
        self.active
    }
}

#[model]
pub(crate) struct Clerk {
    pub(crate) id: i64,
    #[field(hidden)]
    pub(crate) password: Option<PasswordHash>,
}

impl Account for Clerk {
    const SCHEME: &'static str = "Clerk";

    fn password(&self) -> Option<&PasswordHash> {
        self.password.as_ref()
    }

    fn set_password(clerk: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        clerk.password.set(hash)
    }
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
}

#[post("/login")]
async fn log_in(
    db: Inject<Db>,
    passwords: Inject<Passwords>,
    tokens: Inject<Tokens>,
    Json(given): Json<Credentials>,
) -> Result<String> {
    let customer = Customer::filter(|customer| customer.email.eq(given.email)).first(&db).await?;
    let customer = passwords.log_in(customer, &given.password, &db).await?;
    tokens.issue(&customer)
}

#[get("/me")]
async fn me(SignedIn(customer): SignedIn<Customer>, principal: Principal) -> String {
    format!("{} {}", principal.id(), customer.email)
}

#[get("/welcome")]
async fn welcome(customer: Option<SignedIn<Customer>>) -> String {
    customer.map_or_else(|| "stranger".to_owned(), |customer| customer.email.clone())
}

#[get("/till")]
async fn till(_: SignedIn<Clerk>) -> &'static str {
    "open"
}

pub(crate) fn app() -> App {
    App::new()
        .models(models![Customer, Clerk])
        .accounts::<Customer>()
        .accounts::<Clerk>()
        .routes(routes![log_in, me, welcome, till])
}

pub(crate) const PASSWORD: &str = "correct horse battery staple";

/// A customer with this address, and [`PASSWORD`].
pub(crate) async fn customer(email: &str, passwords: &Passwords, db: &Db) -> Customer {
    let password = passwords.hash(PASSWORD).await.unwrap();
    NewCustomer { email: email.to_owned(), password }.insert(db).await.unwrap()
}
