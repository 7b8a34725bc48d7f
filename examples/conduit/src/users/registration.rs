//! Registration, login, and one's own account.

use garde::Validate;
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{NewUser, User};
use crate::errors::unprocessable;

/// One's own account, with a token for the header `Authorization: Token …`.
#[derive(Serialize, JsonSchema)]
struct Own {
    user: OwnAccount,
}

#[derive(Serialize, JsonSchema)]
struct OwnAccount {
    email: String,
    token: String,
    username: String,
    bio: String,
    image: String,
}

impl Own {
    fn new(user: User, tokens: &Tokens) -> Result<Self> {
        let token = tokens.issue(&user)?;
        let User { email, username, bio, image, .. } = user;
        Ok(Self { user: OwnAccount { email, token, username, bio, image } })
    }
}

/// Somebody new.
#[derive(Deserialize, JsonSchema, Validate)]
struct Registration {
    #[garde(dive)]
    user: NewAccount,
}

#[derive(Deserialize, JsonSchema, Validate)]
struct NewAccount {
    #[garde(length(chars, min = 1, max = 60))]
    username: String,
    #[garde(email, length(max = 254))]
    email: String,
    #[garde(length(min = 8, max = 1024))]
    password: String,
}

/// Registers somebody new.
#[post("/api/users", tag = "User and Authentication")]
async fn register(
    db: Inject<Db>,
    passwords: Inject<Passwords>,
    tokens: Inject<Tokens>,
    Valid(Json(Registration { user: given })): Valid<Json<Registration>>,
) -> Result<Created<Json<Own>>> {
    let password = passwords.hash(&given.password).await?;
    let new = NewUser { username: given.username, email: given.email.to_lowercase() }.password(password);
    let user = new.insert(&db).await.map_err(unprocessable)?;
    Ok(Created("/api/user".to_owned(), Json(Own::new(user, &tokens)?)))
}

/// Somebody who has an account.
#[derive(Deserialize, JsonSchema)]
struct Login {
    user: Credentials,
}

#[derive(Deserialize, JsonSchema)]
struct Credentials {
    email: String,
    password: String,
}

/// Signs in.
#[post("/api/users/login", tag = "User and Authentication")]
#[errors(Unauthorized)]
async fn log_in(
    db: Inject<Db>,
    passwords: Inject<Passwords>,
    tokens: Inject<Tokens>,
    Json(Login { user: given }): Json<Login>,
) -> Result<Json<Own>> {
    let user = User::by_email(&given.email.to_lowercase()).first(&db).await?;
    let user = passwords.log_in(user, &given.password, &db).await?;
    Own::new(user, &tokens).map(Json)
}

/// Shows one's own account.
#[get("/api/user", tag = "User and Authentication")]
async fn current(SignedIn(user): SignedIn<User>, tokens: Inject<Tokens>) -> Result<Json<Own>> {
    Own::new(user, &tokens).map(Json)
}

/// What is to be different.
#[derive(Deserialize, JsonSchema, Validate)]
struct Changes {
    #[garde(dive)]
    user: ChangedAccount,
}

#[derive(Deserialize, JsonSchema, Validate)]
struct ChangedAccount {
    #[garde(length(chars, min = 1, max = 60))]
    username: Option<String>,
    #[garde(email, length(max = 254))]
    email: Option<String>,
    #[garde(length(min = 8, max = 1024))]
    password: Option<String>,
    #[garde(length(max = 10_000))]
    bio: Option<String>,
    #[garde(length(max = 2000))]
    image: Option<String>,
}

/// Changes one's own account.
///
/// A new password makes all tokens void but the one that is answered.
#[put("/api/user", tag = "User and Authentication")]
async fn change(
    SignedIn(mut user): SignedIn<User>,
    db: Inject<Db>,
    passwords: Inject<Passwords>,
    tokens: Inject<Tokens>,
    Valid(Json(Changes { user: given })): Valid<Json<Changes>>,
) -> Result<Json<Own>> {
    let password = match &given.password {
        Some(password) => Some(passwords.hash(password).await?),
        None => None,
    };
    let edited = user.edit(
        |user| {
            user.password = password.or(user.password.take());
            user.username = given.username.unwrap_or_else(|| user.username.clone());
            user.email = given.email.map_or_else(|| user.email.clone(), |email| email.to_lowercase());
            user.bio = given.bio.unwrap_or_else(|| user.bio.clone());
            user.image = given.image.unwrap_or_else(|| user.image.clone());
        },
        &db,
    );
    edited.await.map_err(unprocessable)?;
    Own::new(user, &tokens).map(Json)
}

pub(super) fn routes() -> Routes {
    // Nobody guesses passwords by the thousand. `rate_limits.quotas.credentials` allows more.
    let limit = RateLimit::per_minute(20).named("credentials");
    routes![current, change].routes(routes![register, log_in].middleware(limit))
}
