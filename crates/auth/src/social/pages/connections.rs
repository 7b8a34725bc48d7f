//! Which providers are connected with one's account. Each is a way in, so that whoever adds or takes one away has to have proved lately
//! who they are.

use axum::response::{IntoResponse, Response};
use mainstay_core::{Error, Inject, Result};
use mainstay_db::Db;
use mainstay_http::{Cookies, Form, Path, Redirect};
use mainstay_view::context;
use serde::{Deserialize, Serialize};

use super::{CONNECT, CONNECTIONS, leaving, unfinished};
use crate::audit::SecurityEvent;
use crate::pages::visit::Visit;
use crate::proven::Proven;
use crate::social::identities::LinkedIdentity;
use crate::social::login::SocialLogin;
use crate::social::profile::FromProfile;

/// A connection, as its owner sees it.
#[derive(Serialize)]
struct Connection {
    id: i64,
    label: String,
    email: Option<String>,
    since: String,
    last_used: String,
}

/// One that could be added.
#[derive(Serialize)]
struct Offer {
    name: String,
    label: String,
}

pub(super) async fn list<A: FromProfile>(
    visit: Visit,
    login: Inject<SocialLogin>,
    Proven(account): Proven<A>,
) -> Result<Response> {
    let all = login.identities(&account.principal().identity()).await?;
    let is_last = all.len() == 1 && !account.has_another_way_in();
    let connections: Vec<Connection> = all.into_iter().map(|identity| shown(&login, identity)).collect();
    let offers: Vec<Offer> = login
        .remotes()
        .map(|remote| Offer { name: remote.provider.name.clone(), label: remote.provider.label.clone() })
        .collect();
    let by = login
        .signed_in_by(&visit.session)
        .map(|remote| Offer { name: remote.provider.name.clone(), label: remote.provider.label.clone() });
    visit.page("auth/connections.html", context! { connections, offers, is_last, by })
}

fn shown(login: &SocialLogin, identity: LinkedIdentity) -> Connection {
    let date = |at: chrono::DateTime<chrono::Utc>| at.format("%Y-%m-%d").to_string();
    let label = login.remote(&identity.provider).map(|remote| remote.provider.label.clone());
    Connection {
        id: identity.id,
        // A provider that is not configured any more.
        label: label.unwrap_or(identity.provider),
        email: identity.email,
        since: date(identity.created_at),
        last_used: date(identity.last_used_at),
    }
}

/// Whoever had to prove first who they are comes back here, and begins again.
pub(super) async fn back() -> Redirect {
    Redirect::see_other(CONNECTIONS)
}

pub(super) async fn connect<A: FromProfile>(
    visit: Visit,
    login: Inject<SocialLogin>,
    cookies: Cookies,
    Proven(account): Proven<A>,
    Path(name): Path<String>,
) -> Result<Response> {
    let remote = login.remote(&name)?;
    let attempt = login.attempt(remote, &visit.exchange)?.connecting(account.principal().identity());
    match login.depart(remote, &attempt, &cookies, &visit.exchange).await {
        Ok((url, cookies)) => leaving(&visit, remote, &url, cookies),
        Err(error) => unfinished(&visit, remote, &error, CONNECT),
    }
}

#[derive(Deserialize)]
pub(super) struct Disconnected {
    id: i64,
}

pub(super) async fn disconnect<A: FromProfile>(
    visit: Visit,
    db: Inject<Db>,
    Proven(account): Proven<A>,
    Form(wanted): Form<Disconnected>,
) -> Result<Response> {
    let owner = account.principal().identity();
    let has_another_way_in = account.has_another_way_in();
    let gone = db.transaction_retry(async |tx| {
        // All of them are locked: two tabs that take away one each would leave none.
        let all = LinkedIdentity::filter(|it| it.owner.eq(&*owner)).for_update().all(tx).await?;
        let Some(identity) = all.iter().find(|identity| identity.id == wanted.id) else { return Ok(None) };
        if all.len() == 1 && !has_another_way_in {
            return Err(last_way_in());
        }
        LinkedIdentity::filter(|it| it.id.eq(wanted.id)).delete(tx).await?;
        Ok(Some(identity.provider.clone()))
    });
    let (kind, told) = match gone.await {
        Ok(Some(provider)) => {
            let event = SecurityEvent::new("identity.disconnected").of(&owner);
            visit.record(event.with("provider", provider)).await?;
            ("success", "It is not connected any more.".to_owned())
        }
        Ok(None) => ("info", "It was not connected.".to_owned()),
        Err(error) if error.machine_code() == LAST => ("error", error.message().to_owned()),
        Err(error) => return Err(error),
    };
    visit.session.flash(kind, told);
    Ok(Redirect::see_other(CONNECTIONS).into_response())
}

const LAST: &str = "last_way_in";

fn last_way_in() -> Error {
    Error::conflict("This is the only way that you can sign in. Set a password, or connect another one, before you take it away.")
        .code(LAST)
}
