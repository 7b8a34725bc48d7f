//! The addresses of tokens.
//!
//! | address | |
//! |---|---|
//! | `GET /.well-known/jwks.json` | the public keys, for whoever checks our tokens |
//! | `POST /account/token` | signs in by name and password: `.token_login::<User>()` |
//! | `POST /account/token/refresh` | exchanges a refresh token |
//! | `POST /account/token/revoke` | signs the device of a refresh token out |
//! | `GET /account/devices` | where one is signed in |
//! | `DELETE /account/devices/{id}` | signs one of them out |
//! | `DELETE /account/devices` | signs all others out |

use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use mainstay_core::principal::Principal;
use mainstay_core::{Error, Inject, Result};
use mainstay_http::describe::{Describe, DescribeResponse, ErrorSpec, Operation};
use mainstay_http::extract::{Json, Path};
use mainstay_http::{Exchange, NoContent, NoStore, Route, Routes};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::device::{Device, SignIn};
use super::keys::SigningKeys;
use super::pairs::{TokenPair, TokenPairs};
use super::read::SIGN_IN;
use crate::account::Account;
use crate::audit::{Audit, SecurityEvent};
use crate::pages::Named;
use crate::password_login::{Credentials, PasswordLogin};
use crate::scopes::{InPerson, Scopes};
use crate::signed_in::SignedIn;

const JWKS: &str = "/.well-known/jwks.json";
const LOGIN: &str = "/account/token";
const REFRESH: &str = "/account/token/refresh";
const REVOKE: &str = "/account/token/revoke";
const DEVICES: &str = "/account/devices";
const DEVICE: &str = "/account/devices/{id}";

type Headers = [(HeaderName, HeaderValue); 1];

/// As long as [`PUBLISHED`](super::keys::PUBLISHED).
const FIVE_MINUTES: Headers = [(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"))];

pub(super) fn routes<A: Account>() -> Routes {
    Routes::new()
        .route(Route::described(Method::POST, REFRESH, refresh::<A>, |operation| {
            about(operation, "Exchanges a refresh token\n\nIt is good once; the answer has the next one.");
            <Json<Refresh> as Describe>::describe(operation);
            <Json<TokenPair> as DescribeResponse>::describe(operation);
            let refused =
                ErrorSpec::new(StatusCode::BAD_REQUEST, "The refresh token is not good, or not any more.");
            operation.error(refused.code("invalid_grant"));
        }))
        .route(Route::described(Method::POST, REVOKE, revoke, |operation| {
            about(operation, "Signs the device of a refresh token out");
            <Json<Refresh> as Describe>::describe(operation);
            <NoContent as DescribeResponse>::describe(operation);
        }))
        .route(Route::described(Method::GET, DEVICES, list::<A>, |operation| {
            about(operation, "Lists the devices that are signed in");
            signed_in::<A>(operation);
            <Json<Listed> as DescribeResponse>::describe(operation);
        }))
        .route(Route::described(Method::DELETE, DEVICES, sign_out_others::<A>, |operation| {
            about(operation, "Signs all other devices out");
            signed_in::<A>(operation);
            <NoContent as DescribeResponse>::describe(operation);
        }))
        .route(Route::described(Method::DELETE, DEVICE, sign_out::<A>, |operation| {
            about(operation, "Signs a device out");
            signed_in::<A>(operation);
            <Path<String> as Describe>::describe(operation);
            <NoContent as DescribeResponse>::describe(operation);
            operation.error(ErrorSpec::new(StatusCode::NOT_FOUND, "You have no such device."));
        }))
}

pub(super) fn login_routes<A: Named>() -> Routes {
    Routes::new().route(Route::described(Method::POST, LOGIN, log_in::<A>, |operation| {
        about(operation, "Signs a device in\n\nBy name and password.");
        <Json<Login> as Describe>::describe(operation);
        <Json<TokenPair> as DescribeResponse>::describe(operation);
        PasswordLogin::describe(operation);
    }))
}

/// The published keys are those of the application, whoever signs in.
pub(super) fn key_routes() -> Routes {
    Routes::new().route(Route::described(Method::GET, JWKS, jwks, |operation| {
        about(operation, "The keys that tokens are checked with\n\nA JSON Web Key Set (RFC 7517).");
        <Json<KeySetDocument> as DescribeResponse>::describe(operation);
    }))
}

fn about(operation: &mut Operation, comment: &str) {
    operation.document(comment);
    operation.tags.push("Account".to_owned());
}

fn signed_in<A: Account>(operation: &mut Operation) {
    SignedIn::<A>::describe(operation);
    InPerson::describe(operation);
}

#[derive(Deserialize, JsonSchema)]
struct Login {
    /// By which name you sign in.
    name: String,
    /// Your password.
    password: String,
    /// A code of your authenticator app, or a recovery code, if you have a second factor.
    code: Option<String>,
    /// What the tokens shall be good for, with spaces between; unless it is said, everything.
    scope: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Refresh {
    /// The refresh token that came last.
    refresh_token: String,
}

#[derive(Serialize, JsonSchema)]
struct Listed {
    devices: Vec<Shown>,
}

/// A JSON Web Key Set.
#[derive(Serialize, JsonSchema)]
struct KeySetDocument {
    /// The keys, each with a `kid`, by which the header of a token names it.
    keys: Vec<Map<String, Value>>,
}

/// A device that is signed in.
#[derive(Serialize, JsonSchema)]
struct Shown {
    #[serde(flatten)]
    about: SignIn,
    /// Whether it is the one that asks.
    is_this: bool,
}

async fn jwks(keys: Inject<SigningKeys>) -> (Headers, Json<Value>) {
    (FIVE_MINUTES, Json(keys.public().to_jwks()))
}

async fn log_in<A: Named>(
    password_login: PasswordLogin,
    device: Device,
    pairs: Inject<TokenPairs>,
    Json(login): Json<Login>,
) -> Result<NoStore<Json<TokenPair>>> {
    let scopes = login.scope.as_deref().map_or_else(|| Ok(Scopes::everything()), Scopes::parse)?;
    let Login { name, password, code, .. } = &login;
    let credentials = Credentials { name, password, code: code.as_deref() };
    let account = password_login.account::<A>("token", credentials).await?;
    Ok(NoStore(Json(pairs.sign_in(&account, &device, &scopes).await?)))
}

async fn refresh<A: Account>(
    device: Device,
    pairs: Inject<TokenPairs>,
    Json(given): Json<Refresh>,
) -> Result<NoStore<Json<TokenPair>>> {
    Ok(NoStore(Json(pairs.refresh::<A>(&given.refresh_token, &device).await?)))
}

async fn revoke(pairs: Inject<TokenPairs>, Json(given): Json<Refresh>) -> Result<NoContent> {
    pairs.sign_out_by(&given.refresh_token).await.map(|()| NoContent)
}

/// The device that asks, if it is one of these.
fn this(who: &Principal) -> Option<&str> {
    who.claim(SIGN_IN)?.as_str()
}

async fn list<A: Account>(
    _: InPerson,
    account: SignedIn<A>,
    who: Principal,
    pairs: Inject<TokenPairs>,
) -> Result<Json<Listed>> {
    let all = pairs.list(&*account).await?;
    let shown = all.into_iter().map(|about| Shown { is_this: this(&who) == Some(about.id.as_str()), about });
    Ok(Json(Listed { devices: shown.collect() }))
}

async fn sign_out<A: Account>(
    _: InPerson,
    account: SignedIn<A>,
    exchange: Exchange,
    audit: Inject<Audit>,
    pairs: Inject<TokenPairs>,
    Path(id): Path<String>,
) -> Result<NoContent> {
    if !pairs.sign_out(&*account, &id).await? {
        return Err(Error::not_found("You have no such device."));
    }
    let event = SecurityEvent::new("device.signed_out").of(&account.principal().identity()).from(&exchange);
    audit.record(event.with("sign_in", id)).await?;
    Ok(NoContent)
}

async fn sign_out_others<A: Account>(
    _: InPerson,
    account: SignedIn<A>,
    who: Principal,
    exchange: Exchange,
    audit: Inject<Audit>,
    pairs: Inject<TokenPairs>,
) -> Result<NoContent> {
    let count = pairs.sign_out_all(&*account, this(&who)).await?;
    let event = SecurityEvent::new("device.signed_out").of(&account.principal().identity()).from(&exchange);
    audit.record(event.with("devices", count)).await?;
    Ok(NoContent)
}
