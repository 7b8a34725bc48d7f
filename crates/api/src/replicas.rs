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
use mainstay_db::replicas::{Position, Reads, Scope};
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

/// The middleware that [`ReplicasExt::read_replicas`] puts around everything; by itself, for one group of routes.
pub async fn replicas(db: Inject<Db>, exchange: Exchange, request: Request, next: Next) -> Result<Response> {
    let Some(lag) = db.replica_lag() else { return next.run(request).await };
    let reads = if request.method().is_safe() { Reads::Replica } else { Reads::Primary };
    let scope = match Asked::of(request.headers(), exchange.scheme()) {
        Asked::After(position) => Scope::of(&db, reads, position),
        Asked::Primary => Scope::of(&db, reads, None).inspect(Scope::leave),
    };
    let Some(scope) = scope else { return next.run(request).await };
    let outcome = scope.around(next.run(request)).await;
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

/// What a client must see.
enum Asked {
    /// All up to there; anything will do if it has written nothing.
    After(Option<Position>),
    /// Nobody knows.
    Primary,
}

impl Asked {
    /// The header goes before the cookie. What is neither is passed over.
    fn of(headers: &HeaderMap, scheme: Scheme) -> Self {
        let read = |text: &str| match text {
            PRIMARY => Some(Self::Primary),
            text => text.parse().ok().map(|position| Self::After(Some(position))),
        };
        let header = headers.get(&POSITION).and_then(|value| value.to_str().ok()).and_then(read);
        let cookie = || Cookies::find(headers, cookie_name(scheme)).and_then(|value| read(&value));
        header.or_else(cookie).unwrap_or(Self::After(None))
    }
}

fn cookie_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Https => SECURE_COOKIE,
        Scheme::Http => COOKIE,
    }
}

/// Puts the position into the answer, also where that is an error: something may have been written before it.
fn tell(outcome: Result<Response>, position: &str, scheme: Scheme, age: Duration) -> Result<Response> {
    let cookie = SetCookie::new(cookie_name(scheme), position).max_age(age);
    let cookie = if scheme == Scheme::Https { cookie } else { cookie.insecure() };
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
        match Asked::of(&headers, scheme) {
            Asked::Primary => Some(PRIMARY.to_owned()),
            Asked::After(position) => position.map(|position| position.to_string()),
        }
    }

    #[test]
    fn reads_what_a_client_sends_along_and_passes_over_what_makes_no_sense() {
        use Scheme::{Http, Https};
        assert_eq!(asked(Some("1/2"), "mainstay_position=0/9", Http).as_deref(), Some("1/2"));
        assert_eq!(asked(Some("nonsense"), "mainstay_position=0/9", Http).as_deref(), Some("0/9"));
        assert_eq!(asked(None, "mainstay_position=0-1-7", Http).as_deref(), Some("0-1-7"));
        assert_eq!(asked(None, "mainstay_position=primary", Http).as_deref(), Some("primary"));
        assert_eq!(asked(None, "mainstay_position=' OR 1=1", Http), None);
        // Another site of the same domain may have set the one; over TLS it cannot have set the other.
        assert_eq!(asked(None, "mainstay_position=0/9", Https), None);
        assert_eq!(asked(None, "__Host-mainstay_position=0/9", Https).as_deref(), Some("0/9"));
    }
}
