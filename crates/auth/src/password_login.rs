//! Signing in by name and password at an address of one's own: with all that the pages of this crate do.

use axum::RequestPartsExt;
use axum::extract::FromRequestParts;
use http::StatusCode;
use http::request::Parts;
use mainstay_core::{Error, Inject, Result};
use mainstay_db::Db;
use mainstay_http::Exchange;
use mainstay_http::describe::{Describe, ErrorSpec, Operation};

use crate::attempts::Attempts;
use crate::audit::{Audit, SecurityEvent};
use crate::pages::Named;
use crate::passwords::{AuthConfig, Passwords};
use crate::roles::Roles;
use crate::second_factor::{SecondFactors, Waits, outstanding};

/// Lets accounts in by name and password, and the second factor where there is one: an argument of handlers.
///
/// Attempts are counted by name and by address, a wrong password is answered as a name that nobody has, in the same time, and what comes
/// of it is in the audit log.
///
/// ```
/// # use mainstay_auth::{Account, Named, PasswordHash};
/// use mainstay_auth::{Credentials, PasswordLogin, Tokens};
/// use mainstay_core::{Inject, Result};
/// use mainstay_http::{Json, post};
/// # use mainstay_db::column::Assignment;
/// # use mainstay_db::{Query, model};
/// # #[model]
/// # pub struct User { pub id: i64, #[field(unique)] pub email: String, #[field(hidden)] pub password: PasswordHash }
/// # impl Account for User {
/// #     fn password(&self) -> Option<&PasswordHash> { Some(&self.password) }
/// #     fn set_password(user: Self::Fields, hash: PasswordHash) -> Assignment<Self> { user.password.set(hash) }
/// # }
/// # impl Named for User {
/// #     fn by_name(name: &str) -> Query<Self> { Self::filter(|user| user.email.eq(name)) }
/// # }
/// # #[derive(serde::Deserialize, schemars::JsonSchema)]
/// # struct Sent { email: String, password: String, code: Option<String> }
///
/// /// Signs in.
/// #[post("/api/login")]
/// async fn log_in(login: PasswordLogin, tokens: Inject<Tokens>, Json(sent): Json<Sent>) -> Result<String> {
///     let credentials = Credentials { name: &sent.email, password: &sent.password, code: sent.code.as_deref() };
///     let user = login.account::<User>("api", credentials).await?;
///     tokens.issue(&user)
/// }
/// ```
pub struct PasswordLogin {
    exchange: Exchange,
    passwords: Inject<Passwords>,
    attempts: Inject<Attempts>,
    audit: Inject<Audit>,
    config: Inject<AuthConfig>,
    db: Inject<Db>,
    factors: Option<Inject<SecondFactors>>,
    roles: Option<Inject<Roles>>,
}

/// What somebody has typed.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// By what [`Named::by_name`] finds the account.
    pub name: &'a str,
    /// The password.
    pub password: &'a str,
    /// A code of the authenticator app, or a recovery code.
    pub code: Option<&'a str>,
}

impl PasswordLogin {
    /// The account, which is to be signed in now. `way` says in the audit log by what: `api`.
    ///
    /// # Errors
    ///
    /// | status | code | |
    /// |---|---|---|
    /// | 401 | `wrong_credentials` | name and password do not belong together, or there is no such account |
    /// | 401 | `code_required`, `wrong_code` | it has a second factor |
    /// | 403 | `second_factor_missing` | `auth.second_factor_roles` asks for one that it does not have yet |
    /// | 429 | `too_many_attempts` | |
    /// | 503 | | too many passwords are being checked |
    pub async fn account<A: Named>(&self, way: &str, sent: Credentials<'_>) -> Result<A> {
        let account = self.by_password::<A>(sent.name, sent.password).await?;
        self.ask_for_more(&account, sent.code).await?;
        let event = SecurityEvent::new("login").of(&account.principal().identity());
        self.audit.record(event.from(&self.exchange).with("way", way)).await?;
        Ok(account)
    }

    /// The account with this name and password. Whatever comes of it is counted, and what is refused recorded.
    pub(crate) async fn by_password<A: Named>(&self, name: &str, password: &str) -> Result<A> {
        let refused = |why: &'static str, account: Option<&A>| {
            let event = SecurityEvent::new("login").refused().with("name", hinted(name)).with("why", why);
            let event = event.from(&self.exchange);
            match account {
                Some(account) => event.of(&account.principal().identity()),
                None => event,
            }
        };
        if let Err(error) = self.attempts.count("login", name, &self.exchange).await {
            if error.status() == StatusCode::TOO_MANY_REQUESTS && self.attempts.is_news(&self.exchange).await
            {
                self.audit.record(refused("too many attempts", None)).await?;
            }
            return Err(error);
        }
        let found = A::by_name(name.trim()).first(&self.db).await?;
        let outcome = self.passwords.log_in(found.clone(), password, &*self.db).await;
        if outcome.as_ref().is_err_and(|error| error.status() == StatusCode::UNAUTHORIZED) {
            self.audit.record(refused("name and password do not belong together", found.as_ref())).await?;
        }
        outcome
    }

    /// The second factor, where one is asked for.
    async fn ask_for_more<A: Named>(&self, account: &A, code: Option<&str>) -> Result<()> {
        let who = account.principal();
        let identity = who.identity();
        let (factors, roles) = (self.factors.as_deref(), self.roles.as_deref());
        let Some(waits) = outstanding(who, factors, roles, &self.config).await? else { return Ok(()) };
        if let Waits::ForEnrolment = waits {
            let told = "You have to turn on a second factor first, with a browser.";
            return Err(Error::forbidden(told).code("second_factor_missing"));
        }
        let (Some(code), Some(factors)) = (code, factors) else {
            let told = "Send a code of your authenticator app as well.";
            return Err(Error::unauthorized(told).code("code_required"));
        };
        if factors.tried((&identity, code), (&self.attempts, &self.audit), &self.exchange).await? {
            return Ok(());
        }
        Err(Error::unauthorized("This code is not right, or was used already.").code("wrong_code"))
    }
}

/// As much of what was typed as a name as tells an attack from a slip. It may be anything, a password among it.
fn hinted(name: &str) -> String {
    let start: String = name.trim().chars().take(2).collect();
    format!("{start}…")
}

impl<S: Send + Sync> FromRequestParts<S> for PasswordLogin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Ok(Self {
            exchange: parts.extract().await?,
            passwords: parts.extract().await?,
            attempts: parts.extract().await?,
            audit: parts.extract().await?,
            config: parts.extract().await?,
            db: parts.extract().await?,
            factors: parts.extract().await?,
            roles: parts.extract().await?,
        })
    }
}

impl Describe for PasswordLogin {
    fn describe(operation: &mut Operation) {
        Exchange::describe(operation);
        Inject::<Passwords>::describe(operation);
        Inject::<Attempts>::describe(operation);
        Inject::<Audit>::describe(operation);
        Inject::<AuthConfig>::describe(operation);
        Inject::<Db>::describe(operation);
        Option::<Inject<SecondFactors>>::describe(operation);
        Option::<Inject<Roles>>::describe(operation);
        let wrong = ErrorSpec::new(StatusCode::UNAUTHORIZED, "Name and password do not belong together.");
        operation.error(wrong.code("wrong_credentials"));
        let no_code = "The account has a second factor: send a `code` as well.";
        operation.error(ErrorSpec::new(StatusCode::UNAUTHORIZED, no_code).code("code_required"));
        let wrong = ErrorSpec::new(StatusCode::UNAUTHORIZED, "The code is not right, or was used already.");
        operation.error(wrong.code("wrong_code"));
        let missing =
            ErrorSpec::new(StatusCode::FORBIDDEN, "The account has to turn on a second factor first.");
        operation.error(missing.code("second_factor_missing"));
        let many = ErrorSpec::new(StatusCode::TOO_MANY_REQUESTS, "There were too many attempts.");
        operation.error(many.code("too_many_attempts"));
    }
}
