//! What a handler takes from a request.
//!
//! Extractors are axum's: anything that implements its `FromRequestParts` or `FromRequest` is an argument. Those in
//! here differ from axum's own of the same name in how they refuse: with one [`Error`](mainstay_core::Error) that
//! names each fault, where it is, what was expected and what was found, in words for the developer of the client.
//!
//! | Argument | Takes |
//! |---|---|
//! | [`Path<T>`] | the parameters of the pattern |
//! | [`Query<T>`] | the query string |
//! | [`Header<T>`], [`Headers<T>`] | one typed header; several in a struct |
//! | [`Cookies`], [`Cookie<T>`] | all cookies; some in a struct |
//! | [`Json<T>`] | a JSON body |
//! | [`Form<T>`], [`Multipart`] | a form; a form with files |
//! | [`Text`], [`RawBody`], [`BodyStream`] | the body as text, as bytes, as it comes |
//! | [`ClientIp`], [`Host`], [`Scheme`](crate::Scheme), [`RequestId`](crate::RequestId) | who asks, and how |
//! | [`Inject<T>`](mainstay_core::Inject) | something from the container |
//!
//! The last argument of a handler may take the body; the others cannot. `Option<E>` takes what may be absent (and
//! still refuses what is there and wrong); `Result<E, Error>` leaves the refusal to the handler.
//!
//! Beneath them: `fields` reads a struct from named texts, `diagnosis` takes serde's messages apart, `words` says
//! them again for people, `pointer` writes JSON pointers, `media_type` compares content types, `urlencoded` splits
//! query strings and forms.

mod body;
mod caller;
mod cookie;
mod diagnosis;
pub(crate) mod fields;
mod form;
mod header;
mod json;
mod media_type;
mod multipart;
mod path;
mod pointer;
mod query;
mod urlencoded;
pub(crate) mod words;

pub use body::{BodyLimit, BodyStream, RawBody, Text};
pub use caller::{ClientIp, Host};
pub use cookie::{Cookie, Cookies};
pub use form::Form;
pub use header::{
    Bearer, EntityTag, EntityTags, Header, HeaderField, Headers, IfMatch, IfNoneMatch, LastEventId,
};
pub use json::Json;
pub use multipart::{Field, Multipart, Upload, safe_file_name};
pub use path::Path;
pub use query::Query;

use crate::describe::arguments::parameter_errors;
use crate::describe::schema::describe_fields;
use crate::describe::{Operation, Place, Schematic};

/// Describes the fields of `T` as parameters whose names are written differently in a request.
fn describe_renamed<T: Schematic>(operation: &mut Operation, place: Place, rename: fn(&str) -> String) {
    let mut fields = Operation::new(operation.method.clone(), "", "");
    describe_fields::<T>(&mut fields, place);
    for mut parameter in fields.parameters {
        parameter.name = rename(&parameter.name);
        operation.parameter(parameter);
    }
    parameter_errors(operation);
}
