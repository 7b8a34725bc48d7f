//! Read replicas for requests: those that only read ask a replica, and a client sees what it has written.
//!
//! ```
//! use mainstay_api::ReplicasExt;
//! use mainstay_core::App;
//!
//! let app = App::new().read_replicas();
//! ```
//!
//! Where `database.replicas` names none, that costs nothing.

use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use mainstay_core::{Contribute, Inject, Result};
use mainstay_db::Db;
use mainstay_db::module::ReadsFromReplicas;
use mainstay_db::replicas::{Demand, Reads, Scope};
use mainstay_http::{Cookies, Exchange, Next, RoutesExt, Scheme, SetCookie};

/// The header in which a client gets the position of what it wrote, and sends it along.
pub const POSITION: HeaderName = HeaderName::from_static("mainstay-position");

/// The same as a cookie. Over an encrypted connection only the host itself can have set it.
const COOKIE: &str = "mainstay_position";
const SECURE_COOKIE: &str = "__Host-mainstay_position";
/// What stands for a position that is not known: the primary is to be asked.
const PRIMARY: &str = "primary";
/// How much longer than a replica may be behind a client remembers what it wrote.
const MARGIN: Duration = Duration::from_secs(5);

/// What an application does with replicas. In the prelude.
pub trait ReplicasExt: Contribute {
    /// Lets requests that only read (GET, HEAD, OPTIONS) read from the replicas that `database.replicas` names: those that have
    /// what this client has written. Call it on the application itself.
    ///
    /// What a client has written it is told by a cookie and by the header `Mainstay-Position`, one of which it sends along.
    #[must_use]
    fn read_replicas(self) -> Self {
        self.contribute(ReadsFromReplicas).middleware(replicas)
    }
}

impl<C: Contribute> ReplicasExt for C {}

/// The middleware that [`ReplicasExt::read_replicas`] puts around everything; by itself, for one group of routes. Around a request
/// that it is around already it does nothing more.
pub async fn replicas(
    db: Inject<Db>,
    exchange: Exchange,
    mut request: Request,
    next: Next,
) -> Result<Response> {
    let Some(lag) = db.replica_lag() else { return next.run(request).await };
    if request.extensions_mut().insert(Around).is_some() {
        return next.run(request).await;
    }
    let reads = if request.method().is_safe() { Reads::Replica } else { Reads::Primary };
    let demand = demand_of(request.headers(), exchange.scheme());
    let Some(scope) = Scope::of(&db, reads, demand) else { return next.run(request).await };
    let outcome = scope.around(next.run_to_the_end(request)).await;
    let told = match scope.written().await {
        Ok(None) => return outcome,
        Ok(Some(position)) => position.to_string(),
        Err(error) => {
            tracing::warn!(target: "mainstay::api", error = %error.report(), "it is not known how far the primary has come: what the client asks next goes there");
            PRIMARY.to_owned()
        }
    };
    tell(outcome, &told, exchange.scheme(), lag + MARGIN)
}

/// The middleware is around the request already: for all of the application, and for this group of routes once more.
#[derive(Clone, Copy)]
struct Around;

/// What a client must see: by the header and by the cookie, since another program of the same user may have sent the one,
/// and its browser the other. What is no position is passed over.
fn demand_of(headers: &HeaderMap, scheme: Scheme) -> Demand {
    let read = |text: &str| match text {
        PRIMARY => Demand::Primary,
        text => text.parse().ok().into(),
    };
    let header = headers.get(&POSITION).and_then(|value| value.to_str().ok()).map(read);
    let cookie = Cookies::find(headers, cookie_name(scheme)).map(|value| read(&value));
    header.unwrap_or_default().and(cookie.unwrap_or_default())
}

fn cookie_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Https => SECURE_COOKIE,
        Scheme::Http => COOKIE,
    }
}

/// Puts the position into the answer, also where that is an error: something may have been written before it.
fn tell(outcome: Result<Response>, position: &str, scheme: Scheme, age: Duration) -> Result<Response> {
    let cookie = SetCookie::new(cookie_name(scheme), position).max_age(age).over(scheme);
    // What is longer than a cookie may be is not kept; the header has it.
    let told =
        [(POSITION, HeaderValue::try_from(position).ok()), (header::SET_COOKIE, cookie.to_header().ok())];
    let told = told.into_iter().filter_map(|(name, value)| Some((name, value?)));
    match outcome {
        Ok(mut response) => {
            for (name, value) in told {
                response.headers_mut().append(name, value);
            }
            Ok(response)
        }
        Err(error) => Err(told.fold(error, |error, (name, value)| error.header(name, value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(header: Option<&str>, cookies: &str, scheme: Scheme) -> Option<String> {
        let mut headers = HeaderMap::new();
        if let Some(value) = header {
            headers.insert(&POSITION, value.parse().unwrap());
        }
        headers.insert(header::COOKIE, cookies.parse().unwrap());
        match demand_of(&headers, scheme) {
            Demand::Nothing => None,
            Demand::After(position) => Some(position.to_string()),
            Demand::Primary => Some(PRIMARY.to_owned()),
        }
    }

    #[test]
    fn reads_what_a_client_sends_along_and_passes_over_what_makes_no_sense() {
        use Scheme::{Http, Https};
        assert_eq!(asked(Some("1/2"), "mainstay_position=0/9", Http).as_deref(), Some("1/2"));
        // Two programs of one client: both have to see what they wrote.
        assert_eq!(asked(Some("0/9"), "mainstay_position=1/2", Http).as_deref(), Some("1/2"));
        assert_eq!(asked(Some("0-1-9"), "mainstay_position=primary", Http).as_deref(), Some("primary"));
        assert_eq!(
            asked(Some("0-1-9,2-1-1"), "mainstay_position=0-1-7", Http).as_deref(),
            Some("0-1-9,2-1-1")
        );
        assert_eq!(asked(Some("0-1-9"), "mainstay_position=2-1-1", Http).as_deref(), Some("primary"));
        assert_eq!(asked(Some("nonsense"), "mainstay_position=0/9", Http).as_deref(), Some("0/9"));
        assert_eq!(asked(None, "mainstay_position=0-1-7", Http).as_deref(), Some("0-1-7"));
        assert_eq!(asked(None, "mainstay_position=primary", Http).as_deref(), Some("primary"));
        assert_eq!(asked(None, "mainstay_position=' OR 1=1", Http), None);
        // Another site of the same domain may have set the one; over TLS it cannot have set the other.
        assert_eq!(asked(None, "mainstay_position=0/9", Https), None);
        assert_eq!(asked(None, "__Host-mainstay_position=0/9", Https).as_deref(), Some("0/9"));
    }
}
