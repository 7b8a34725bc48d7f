//! A transaction for a request: begun by whoever asks for it first, committed when the answer is a success.
//!
//! ```
//! use mainstay_api::transaction::{RequestTx, transaction};
//! use mainstay_core::{App, Result};
//! use mainstay_db::sql;
//! use mainstay_http::{Group, RoutesExt, post, routes};
//!
//! #[post("/orders")]
//! async fn order(tx: RequestTx) -> Result<&'static str> {
//!     sql("INSERT INTO orders (what) VALUES ('tea')").execute(&tx).await?;
//!     Ok("ordered")
//! }
//!
//! let app = App::new().group(Group::new("").routes(routes![order]).middleware(transaction));
//! ```

use std::ops::Deref;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequestParts, Request};
use axum::response::Response;
use futures_util::StreamExt;
use http::request::Parts;
use http_body::Body as _;
use http_body_util::{BodyExt, BodyStream, StreamBody};
use mainstay_core::{Error, Result};
use mainstay_db::Tx;
use mainstay_db::driver::Ending;
use mainstay_db::executor::{Executor, Target};
use mainstay_db::transaction::{OnDemand, Transactions};
use mainstay_http::Next;
use mainstay_http::describe::{Describe, Operation};

use crate::tenancy::db_of;

/// Middleware that gives each request a transaction, for handlers and extractors that take a [`RequestTx`].
///
/// It begins when the first of them asks for it; a request in which nobody does costs nothing. It is committed when the
/// answer is a success or a redirect (2xx, 3xx), before the answer is sent, and rolled back when it is an error, and when the
/// handler panics, takes too long or is cut off because the client hung up. Should the commit fail, its error is the
/// answer.
///
/// It waits for the body, or its first 2 MiB, so that a slow client holds no transaction.
///
/// In an application with [tenants](crate::tenancy) it is for that of the request.
///
/// Inside of something that gives the request a transaction already, such as [`Idempotent`](crate::idempotency::Idempotent), it
/// leaves that as it is.
///
/// While it is open it holds a connection; on SQLite it holds the only writer, so that requests that write come one after
/// the other. Where a part of the handler is enough, use `db.transaction(…)`.
pub async fn transaction(request: Request, next: Next) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    let db = db_of(&mut parts).await?;
    around(db.transactions(), Request::from_parts(parts, body), next).await
}

/// The same with transactions of another kind, for a middleware of one's own:
///
/// ```
/// # use axum::{extract::Request, response::Response};
/// # use mainstay_core::{Inject, Result};
/// # use mainstay_db::Db;
/// # use mainstay_http::Next;
/// async fn report(db: Inject<Db>, request: Request, next: Next) -> Result<Response> {
///     mainstay_api::transaction::around(db.transactions().read_only(), request, next).await
/// }
/// ```
pub async fn around(how: Transactions, mut request: Request, next: Next) -> Result<Response> {
    if request.extensions().get::<OnDemand>().is_some() {
        return next.run(request).await;
    }
    let transaction = OnDemand::new(how);
    request.extensions_mut().insert(transaction.clone());
    let body = std::mem::take(request.body_mut());
    *request.body_mut() = arrived(body).await;
    let outcome = transaction.around(next.run(request)).await;
    if outcome.as_ref().is_ok_and(is_success) {
        transaction.end(Ending::Commit).await?;
    } else {
        undo(&transaction).await;
    }
    outcome
}

/// Whether what led to this answer is to be kept.
pub(crate) fn is_success(response: &Response) -> bool {
    response.status().is_success() || response.status().is_redirection()
}

/// Rolls back. Should that fail, only the log is told: the answer says already what went wrong first.
pub(crate) async fn undo(transaction: &OnDemand) {
    if let Err(error) = transaction.end(Ending::Rollback).await {
        tracing::warn!(target: "mainstay::api", error = %error.report(), "the transaction of a request could not be rolled back");
    }
}

/// How much of a body is there before a transaction can begin, in bytes: bodies of usual size.
const WAITED_FOR: usize = 2 * 1024 * 1024;

/// A body of which the beginning has arrived, so that a client that sends it slowly does not hold a transaction open meanwhile.
async fn arrived(mut body: Body) -> Body {
    let (mut frames, mut length) = (Vec::new(), 0);
    while length < WAITED_FOR && !body.is_end_stream() {
        match body.frame().await {
            None => break,
            Some(frame) => {
                length += frame.as_ref().ok().and_then(|frame| frame.data_ref()).map_or(0, |data| data.len());
                let is_broken = frame.is_err();
                frames.push(frame);
                if is_broken {
                    break;
                }
            }
        }
    }
    match frames.as_slice() {
        [] => return body,
        // Most bodies come in one piece.
        [Ok(frame)] if body.is_end_stream() => {
            if let Some(data) = frame.data_ref() {
                return Body::from(data.clone());
            }
        }
        _ => {}
    }
    let rest = BodyStream::new(body);
    Body::new(StreamBody::new(futures_util::stream::iter(frames).chain(rest)))
}

/// The transaction of the request, from the middleware [`transaction()`]: an executor, as `tx` is. Everybody in the
/// request who takes it has the same one.
///
/// Nothing that outlives the handler may keep it: no task, no body that is sent piece by piece.
#[derive(Clone, Debug)]
pub struct RequestTx(Arc<Tx>);

impl Deref for RequestTx {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.0
    }
}

impl Executor for RequestTx {
    #[track_caller]
    fn target(&self) -> Target<'_> {
        self.0.target()
    }
}

impl<S: Sync> FromRequestParts<S> for RequestTx {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let Some(transaction) = parts.extensions.get::<OnDemand>().cloned() else {
            return Err(Error::internal(
                "this handler takes a `RequestTx`, and no middleware begins one: put `transaction` around its route or \
                 its group",
            ));
        };
        transaction.get().await.map(Self)
    }
}

impl Describe for RequestTx {
    fn describe(_operation: &mut Operation) {}
}
