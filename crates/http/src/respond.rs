//! What a handler answers.
//!
//! Responders are axum's: anything that implements its `IntoResponse`, also in tuples with a status or headers. Those
//! in here say what they answer (see [`describe`](crate::describe)), and are safe where the obvious way is not.
//!
//! | Return value | Answers |
//! |---|---|
//! | [`Json<T>`](crate::extract::Json) | 200 with JSON |
//! | [`Html<T>`], text | 200 with a page, with text |
//! | [`Created<T>`] | 201 with `Location` |
//! | [`NoStore<T>`] | what no cache keeps |
//! | [`NoContent`] | 204 |
//! | [`Redirect`] | 303, 307, 308 or 301 |
//! | [`Stream`], [`JsonLines<T>`] | 200, piece by piece |
//! | [`Csv<T>`] | a table for spreadsheets, row by row |
//! | [`Sse`], [`JsonEvents<T>`] | events for a browser's `EventSource`; from an [`EventLog`], with those that it missed |
//! | [`Negotiated<J, H>`] | JSON or a page, as the client prefers |
//! | [`SetCookie`] | a cookie, beside something else: `(cookie, Json(user))` |
//! | [`Error`](mainstay_core::Error) | whatever went wrong, as a [`Problem`] or a page |

pub(crate) mod cookie;
mod created;
mod csv;
mod event_log;
mod json;
mod json_events;
mod negotiated;
mod no_store;
mod problem;
mod redirect;
mod sse;
mod stream;

pub use axum::response::{Html, NoContent};
pub use cookie::{SameSite, SetCookie};
pub use created::Created;
pub use csv::Csv;
pub use event_log::EventLog;
pub use json_events::JsonEvents;
pub use negotiated::Negotiated;
pub use no_store::NoStore;
pub use problem::{Problem, ProblemFault};
pub use redirect::Redirect;
pub(crate) use sse::end_at;
pub use sse::{Event, Sse};
pub use stream::{JsonLines, Stream};

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};

/// A response of this type with this body. Faster than the tuple that says the same.
fn typed(media_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
