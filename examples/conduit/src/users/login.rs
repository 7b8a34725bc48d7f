//! Login, as the RealWorld API has it; who has turned on a second factor sends a code as well.

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
async fn log_in(
    login: PasswordLogin,
    tokens: Inject<Tokens>,
    Json(Login { user: given }): Json<Login>,
) -> Result<NoStore<Json<Own>>> {
    let Credentials { email, password, code } = &given;
    let typed = mainstay::auth::Credentials { name: email, password, code: code.as_deref() };
    let user = login.account::<User>("api", typed).await?;
    Ok(NoStore(Json(Own::with_new_token(user, &tokens)?)))
}

pub(super) fn routes() -> Routes {
    routes![log_in]
}
