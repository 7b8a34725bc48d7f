//! The token that a writer sends: `Authorization: Token …`, signed with the application's keys.

use std::process::ExitCode;
use std::time::Duration;

use mainstay::axum::extract::FromRequestParts;
use mainstay::axum::http::request::Parts;
use mainstay::core::container::Need;
use mainstay::http::describe::{Describe, ErrorSpec, Operation, Place, SecurityScheme, SecuritySpec};
use mainstay::prelude::*;

use super::User;

const PURPOSE: &str = "conduit token";
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

/// The signed-in writer. A handler that takes it answers 401 to everybody else.
pub struct Author(pub User);

impl<S: Send + Sync> FromRequestParts<S> for Author {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let keys = Inject::<Keys>::from_request_parts(parts, state).await?;
        let db = Inject::<Db>::from_request_parts(parts, state).await?;
        let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|value| value.strip_prefix("Token "))
            .ok_or_else(|| Error::unauthorized("Send the header `Authorization: Token …`."))?;
        let refused = || Error::unauthorized("The token is not valid, or its time is over.");
        let username = keys.verify(PURPOSE, token).map_err(|error| refused().caused_by(error))?;
        let username = String::from_utf8(username).map_err(|error| refused().caused_by(error))?;
        let user = User::filter(|user| user.username.eq(username)).first(&db).await?;
        user.map(Self).ok_or_else(refused)
    }
}

impl Describe for Author {
    fn describe(operation: &mut Operation) {
        let scheme = SecurityScheme::Key { place: Place::Header, name: "Authorization".into() };
        operation.security.push(SecuritySpec::new("Token", scheme));
        operation.needs.extend([Need::of::<Keys>().in_request(), Need::of::<Db>().in_request()]);
        operation.error(ErrorSpec::new(StatusCode::UNAUTHORIZED, "The token is missing or not valid."));
    }
}

/// A token for a user.
pub fn issue(keys: &Keys, user: &User) -> String {
    keys.sign(PURPOSE, user.username.as_bytes(), Some(LIFETIME))
}

/// `token USERNAME`
pub(super) fn command() -> Command {
    let username = clap::Arg::new("username").required(true).help("Who will send it");
    Command::new("token", "Prints a token with which a user may write.", |call: Call| async move {
        let username = call.arguments.get_one::<String>("username").cloned().unwrap_or_default();
        let resolver = call.resolver();
        let (keys, db) = (resolver.get::<Keys>().await?, resolver.get::<Db>().await?);
        let user = User::filter(|user| user.username.eq(username.clone())).first(&db).await?;
        let user = user.or_not_found(format!("nobody is called `{username}`"))?;
        call.print(issue(&keys, &user));
        Ok(ExitCode::SUCCESS)
    })
    .argument(username)
}
