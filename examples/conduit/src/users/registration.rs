//! Registration, and one's own account.

use garde::Validate;
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::scopes::READ_ACCOUNT;
use super::{NewUser, User, login};
use crate::errors::unprocessable;

/// One's own account, with a token for the header `Authorization: Token …`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Own {
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
    /// With a new token, for who has just shown who they are.
    pub(super) fn with_new_token(user: User, tokens: &Tokens) -> Result<Self> {
        let token = tokens.issue(&user)?;
        Ok(Self::with_token(user, token))
    }

    /// With the token that has come: one that is short-lived, or limited, does not become another one here. A session does not become
    /// one either; a browser, which has it, needs none.
    fn again(user: User, headers: &HeaderMap) -> Self {
        let sent = headers.get(header::AUTHORIZATION).and_then(|header| header.to_str().ok());
        let token = sent.and_then(|header| header.split_once(' ')).map_or("", |(_, token)| token.trim());
        Self::with_token(user, token.to_owned())
    }

    fn with_token(user: User, token: String) -> Self {
        let User { email, username, bio, image, .. } = user;
        Self { user: OwnAccount { email, token, username, bio, image } }
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
    (db, audit, exchange): (Inject<Db>, Inject<Audit>, Exchange),
    passwords: Inject<Passwords>,
    tokens: Inject<Tokens>,
    Valid(Json(Registration { user: given })): Valid<Json<Registration>>,
) -> Result<NoStore<Created<Json<Own>>>> {
    let names = [given.username.clone(), given.email.clone()];
    passwords.check_choice("user/password", &given.password, &names).await?;
    let password = passwords.hash(&given.password).await?;
    let new = NewUser { username: given.username, email: given.email.to_lowercase() }.password(password);
    let user = new.insert(&db).await.map_err(unprocessable)?;
    let event = SecurityEvent::new("registration.finished").of(&user.principal().identity());
    audit.record(event.from(&exchange)).await?;
    Ok(NoStore(Created("/api/user".to_owned(), Json(Own::with_new_token(user, &tokens)?))))
}

/// Shows one's own account.
#[get("/api/user", tag = "User and Authentication")]
async fn current(SignedIn(user): SignedIn<User>, headers: HeaderMap) -> Result<NoStore<Json<Own>>> {
    Ok(NoStore(Json(Own::again(user, &headers))))
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
/// A new password makes all tokens void but the one that is answered, and those that were made for programs. These do not open it.
#[put("/api/user", tag = "User and Authentication")]
async fn change(
    (_, SignedIn(mut user)): (InPerson, SignedIn<User>),
    (headers, exchange): (HeaderMap, Exchange),
    (db, audit): (Inject<Db>, Inject<Audit>),
    (passwords, sessions): (Inject<Passwords>, Inject<Sessions>),
    tokens: Inject<Tokens>,
    Valid(Json(Changes { user: given })): Valid<Json<Changes>>,
) -> Result<NoStore<Json<Own>>> {
    let password = match &given.password {
        Some(password) => {
            passwords.check_choice("user/password", password, &user.names()).await?;
            Some(passwords.hash(password).await?)
        }
        None => None,
    };
    let (has_new_password, before) = (password.is_some(), user.email.clone());
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
    let event = |name| SecurityEvent::new(name).of(&user.principal().identity()).from(&exchange);
    if user.email != before {
        audit.record(event("email.changed").with("from", before).with("to", &*user.email)).await?;
    }
    if has_new_password {
        audit.record(event("password.changed")).await?;
        sessions.end_all(&user.principal().identity(), None).await?;
        return Ok(NoStore(Json(Own::with_new_token(user, &tokens)?)));
    }
    Ok(NoStore(Json(Own::again(user, &headers))))
}

pub(super) fn routes() -> Routes {
    // Nobody guesses passwords by the thousand. `rate_limits.quotas.credentials` allows more.
    let limit = RateLimit::per_minute(20).named("credentials");
    routes![change]
        .routes(routes![current].middleware(RequireScope::new(READ_ACCOUNT)))
        .routes(routes![register].routes(login::routes()).middleware(limit))
}
