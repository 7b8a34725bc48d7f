//! What it costs to know who asks: the server that is measured.
//!
//! `PORT` says where it listens, `DATABASE_URL` where its one account is, which is made at start. `/json` answers whoever asks; with
//! `ASKS=principal` whoever is signed in, by whatever, with `ASKS=account` the same with the row of the account. `/ping` answers
//! everybody. `/sign-in` signs a browser in without a password and tells it one token of each kind; the pages of accounts are those of the
//! crate.

use mainstay::auth::access_tokens::NewAccessToken;
use mainstay::auth::jwt::Device;
use mainstay::auth::scopes::Scopes;
use mainstay::auth::{Account, Named, PasswordHash, Person, Registration, TokenPairs};
use mainstay::db;
use mainstay::db::column::Assignment;
use mainstay::prelude::*;
use serde::{Deserialize, Serialize};

/// Who signs in.
#[model]
struct User {
    id: i64,
    #[field(unique)]
    email: String,
    #[field(hidden)]
    password: PasswordHash,
}

impl Account for User {
    fn password(&self) -> Option<&PasswordHash> {
        Some(&self.password)
    }

    fn set_password(user: Self::Fields, hash: PasswordHash) -> Assignment<Self> {
        user.password.set(hash)
    }
}

impl Named for User {
    fn by_name(name: &str) -> db::Query<Self> {
        let name = name.to_owned();
        Self::filter(|user| user.email.eq(name))
    }

    fn names(&self) -> Vec<String> {
        vec![self.email.clone()]
    }
}

impl Person for User {
    fn email(&self) -> &str {
        &self.email
    }

    fn by_email(email: &str) -> db::Query<Self> {
        Self::by_name(email)
    }

    fn set_email(user: Self::Fields, email: String) -> Assignment<Self> {
        user.email.set(email)
    }
}

impl Registration for User {
    type More = Nothing;

    async fn register(email: String, password: PasswordHash, _: Nothing, tx: &Tx) -> Result<Self> {
        NewUser { email, password }.insert(tx).await
    }
}

/// What is asked besides address and password.
#[derive(Clone, Deserialize, Serialize)]
struct Nothing {}

/// What is answered, whoever asks.
#[derive(Serialize)]
struct Message {
    message: &'static str,
}

const HELLO: Json<Message> = Json(Message { message: "Hello, World!" });

/// An object for everybody.
#[get("/json", hidden)]
async fn everybody() -> Json<Message> {
    HELLO
}

/// The same for whoever is signed in.
#[get("/json", hidden)]
async fn known() -> Json<Message> {
    HELLO
}

/// The same with the row of the account.
#[get("/json", hidden)]
async fn account(_user: SignedIn<User>) -> Json<Message> {
    HELLO
}

/// Whether it answers at all.
#[get("/ping", hidden)]
async fn ping() -> Json<Message> {
    HELLO
}

/// One token of each kind.
#[derive(Serialize)]
struct Tokens {
    jwt: String,
    access_token: String,
}

/// Signs in.
#[post("/sign-in", hidden)]
async fn sign_in(
    session: Session,
    db: Inject<Db>,
    pairs: Inject<TokenPairs>,
    tokens: Inject<AccessTokens>,
) -> Result<Json<Tokens>> {
    let user = User::query().first(&db).await?.ok_or_else(|| Error::internal("no account was made"))?;
    session.sign_in_as(&user)?;
    let pair = pairs.sign_in(&user, &Device::default(), &Scopes::everything()).await?;
    let (_, access_token) = tokens.create(&user, NewAccessToken::new("bench", Scopes::everything())).await?;
    Ok(Json(Tokens { jwt: pair.access_token, access_token }))
}

/// The account that signs in, once.
async fn make_account(db: Inject<Db>, passwords: Inject<Passwords>) -> Result<()> {
    if User::query().exists(&db).await? {
        return Ok(());
    }
    let password = passwords.hash("correct horse battery").await?;
    NewUser { email: "ann@example.com".to_owned(), password }.insert(&db).await?;
    Ok(())
}

#[mainstay::main]
fn app() -> App {
    let asked = std::env::var("ASKS").unwrap_or_default();
    let json = match asked.as_str() {
        "principal" => routes![known].guarded(Guard::signed_in()),
        "account" => routes![account],
        _ => routes![everybody],
    };
    App::new()
        .models(models![User])
        .accounts::<User>()
        .database_sessions()
        .sign_in_pages::<User>()
        .registration_pages::<User>()
        .recovery_pages::<User>()
        .jwt::<User>()
        .access_tokens::<User>()
        .roles::<User>()
        .routes(routes![ping, sign_in])
        .routes(json)
        .hook(Hook::on_start("make an account", make_account))
        // These are the tables of the bench, not those of a user: they may be made in production.
        .set("database.auto_create", "true")
        .set("jwt.issuer", "http://localhost")
        .set("http.public_url", "http://localhost")
        .set("mail.url", "memory:")
        .set("mail.from", "bench@example.com")
        // Eight who sign in to one account, again and again, are what is measured.
        .set("auth.attempts", "1000000/s")
        .set("auth.attempts_by_account", "1000000/s")
        .set("auth.attempts_by_address", "1000000/s")
}
