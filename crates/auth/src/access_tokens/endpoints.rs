//! The addresses where owners make, list and revoke their tokens.
//!
//! | address | |
//! |---|---|
//! | `GET /account/tokens` | those that are good |
//! | `POST /account/tokens` | a new one; its text is in the answer, and nowhere else ever |
//! | `DELETE /account/tokens/{id}` | revokes it |
//!
//! No access token opens them: its owner has to be signed in.

use std::time::Duration;

use http::{Method, StatusCode};
use mainstay_core::{Error, Inject, Result};
use mainstay_http::describe::{Describe, DescribeResponse, ErrorSpec, Operation};
use mainstay_http::extract::{Json, Path};
use mainstay_http::respond::Created;
use mainstay_http::{Exchange, NoContent, NoStore, Route, Routes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::page::{made, revoked};
use super::{AccessToken, AccessTokens, NewAccessToken};
use crate::account::Account;
use crate::audit::Audit;
use crate::proven::NotStale;
use crate::scopes::{InPerson, Scopes};
use crate::signed_in::SignedIn;

const TOKENS: &str = "/account/tokens";
const TOKEN: &str = "/account/tokens/{id}";

pub(super) fn routes<A: Account>() -> Routes {
    Routes::new()
        .route(Route::described(Method::GET, TOKENS, list::<A>, |operation| {
            operation.document("Lists your access tokens\n\nThose that are good, the newest first.");
            about::<A>(operation);
            <Json<Listed> as DescribeResponse>::describe(operation);
        }))
        .route(Route::described(Method::POST, TOKENS, create::<A>, |operation| {
            operation.document(
                "Makes an access token\n\nThe token itself is in this answer, and never to be had again.",
            );
            about::<A>(operation);
            NotStale::describe(operation);
            <Json<Wanted> as Describe>::describe(operation);
            <Created<Json<Made>> as DescribeResponse>::describe(operation);
            let refused = ErrorSpec::new(StatusCode::BAD_REQUEST, "Its name, scopes or lifetime cannot be.");
            operation.error(refused);
        }))
        .route(Route::described(Method::DELETE, TOKEN, revoke::<A>, |operation| {
            operation.document("Revokes an access token\n\nNo request is let in with it from now on.");
            about::<A>(operation);
            <Path<String> as Describe>::describe(operation);
            <NoContent as DescribeResponse>::describe(operation);
            operation.error(ErrorSpec::new(StatusCode::NOT_FOUND, "You have no such token."));
        }))
}

fn about<A: Account>(operation: &mut Operation) {
    operation.tags.push("Account".to_owned());
    SignedIn::<A>::describe(operation);
    InPerson::describe(operation);
}

/// What is asked for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// What you call it.
    name: String,
    /// What it shall be good for; `*` is everything.
    scopes: Vec<String>,
    /// After how many days it ends.
    expires_in_days: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
struct Listed {
    tokens: Vec<AccessToken>,
}

/// A token that was just made.
#[derive(Serialize, JsonSchema)]
struct Made {
    /// The token itself: keep it now.
    token: String,
    #[serde(flatten)]
    about: AccessToken,
}

async fn list<A: Account>(
    _: InPerson,
    account: SignedIn<A>,
    tokens: Inject<AccessTokens>,
) -> Result<Json<Listed>> {
    Ok(Json(Listed { tokens: tokens.list(&*account).await? }))
}

async fn create<A: Account>(
    _: InPerson,
    account: SignedIn<A>,
    _: NotStale,
    exchange: Exchange,
    audit: Inject<Audit>,
    tokens: Inject<AccessTokens>,
    Json(wanted): Json<Wanted>,
) -> Result<NoStore<Created<Json<Made>>>> {
    let scopes = Scopes::of(wanted.scopes.iter().map(String::as_str))?;
    let lifetime = wanted.expires_in_days.map(|days| Duration::from_secs(u64::from(days) * 24 * 60 * 60));
    let new = NewAccessToken { lifetime, ..NewAccessToken::new(wanted.name, scopes) };
    let (about, token) = tokens.create(&*account, new).await?;
    audit.record(made(&account.principal().identity(), &about).from(&exchange)).await?;
    let address = format!("{TOKENS}/{}", about.id);
    Ok(NoStore(Created(address, Json(Made { token, about }))))
}

async fn revoke<A: Account>(
    _: InPerson,
    account: SignedIn<A>,
    exchange: Exchange,
    audit: Inject<Audit>,
    tokens: Inject<AccessTokens>,
    Path(id): Path<String>,
) -> Result<NoContent> {
    if !tokens.revoke(&*account, &id).await? {
        return Err(Error::not_found("You have no such token."));
    }
    audit.record(revoked(&account.principal().identity(), &id).from(&exchange)).await?;
    Ok(NoContent)
}
