//! Login, as the RealWorld API has it; who has turned on a second factor sends a code as well.

use mainstay::auth::Attempts;
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::Deserialize;

use super::User;
use super::registration::Own;

/// Somebody who has an account.
#[derive(Deserialize, JsonSchema)]
struct Login {
    user: Credentials,
}

#[derive(Deserialize, JsonSchema)]
struct Credentials {
    email: String,
    password: String,
    /// A code of the authenticator app, or a recovery code, if the account has a second factor.
    code: Option<String>,
}

/// Signs in.
#[post("/api/users/login", tag = "User and Authentication")]
#[errors(Unauthorized)]
async fn log_in(
    (db, audit, exchange): (Inject<Db>, Inject<Audit>, Exchange),
    passwords: Inject<Passwords>,
    (factors, attempts): (Inject<SecondFactors>, Inject<Attempts>),
    tokens: Inject<Tokens>,
    Json(Login { user: given }): Json<Login>,
) -> Result<Json<Own>> {
    let found = User::by_email(&given.email.to_lowercase()).first(&db).await?;
    let event = SecurityEvent::new("login").from(&exchange).with("way", "api");
    let event = match &found {
        Some(user) => event.of(&user.principal().identity()),
        None => event,
    };
    let entered = async {
        let user = passwords.log_in(found, &given.password, &db).await?;
        let identity = user.principal().identity();
        if factors.is_on(&identity).await? {
            let told = "Send a code of your authenticator app as well.";
            let code = given.code.ok_or_else(|| Error::unauthorized(told).code("code_required"))?;
            attempts.count_codes(&identity).await?;
            if !factors.accept(&identity, &code).await? {
                let told = "This code is not right, or was used already.";
                return Err(Error::unauthorized(told).code("wrong_code"));
            }
        }
        Ok(user)
    };
    match entered.await {
        Ok(user) => {
            audit.record(event).await?;
            Own::with_new_token(user, &tokens).map(Json)
        }
        Err(error) if error.status() == StatusCode::UNAUTHORIZED => {
            audit.record(event.refused()).await?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

pub(super) fn routes() -> Routes {
    routes![log_in]
}
