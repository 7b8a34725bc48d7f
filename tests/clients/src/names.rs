//! Names that mean something elsewhere, and things that only old clients use.

use mainstay::http::describe::{Describe, Operation, Parameter, Place};
use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name that the client has as well.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Response {
    class: String,
    r#type: Option<Promise>,
}

/// Another one.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Promise {
    then: bool,
}

/// Takes a class away.
#[delete("/names/{class}", tag = "class")]
pub(crate) async fn delete(Path(class): Path<String>) -> Json<Response> {
    Json(Response { class, r#type: Some(Promise { then: true }) })
}

/// Is no constructor.
#[get("/names/constructor", tag = "class")]
pub(crate) async fn constructor() -> &'static str {
    "made"
}

/// A query with the name of what is in the path.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Same {
    id: u32,
    body: String,
}

/// Has three parameters called alike.
#[post("/names/same/{id}", tag = "class")]
pub(crate) async fn same(Path(id): Path<u32>, Query(same): Query<Same>, Json(body): Json<String>) -> String {
    format!("{id}, {}, {}, {body}", same.id, same.body)
}

/// A query with names that every object in JavaScript has.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Inherited {
    constructor: Option<String>,
    #[serde(rename = "toString")]
    to_string: Option<String>,
}

/// Is asked for nothing.
#[get("/names/inherited", tag = "class")]
pub(crate) async fn inherited(Query(query): Query<Inherited>) -> Json<Inherited> {
    Json(query)
}

/// Use another.
#[get("/names/outdated", tag = "class")]
#[deprecated]
pub(crate) async fn outdated() -> NoContent {
    NoContent
}

/// Headers of a request.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Wanted {
    x_tenant: String,
    if_match: Option<String>,
}

/// Cookies of a request.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct Look {
    theme: Option<String>,
}

/// A list with commas between its values.
pub(crate) struct Fields(String);

impl<S: Sync> mainstay::axum::extract::FromRequestParts<S> for Fields {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut mainstay::axum::http::request::Parts, _: &S) -> Result<Self> {
        Ok(Self(parts.uri.query().unwrap_or_default().to_owned()))
    }
}

impl Describe for Fields {
    fn describe(operation: &mut Operation) {
        let fields = Parameter::new(Place::Query, "fields[]").comma_separated().description("What to show.");
        let schema = mainstay::http::describe::schema_of::<Vec<String>>();
        operation.parameter(fields.schema(schema).choices(["id", "name"]));
    }
}

/// Shows headers and cookies, and answers with one of each.
#[get("/names/headers", tag = "class")]
pub(crate) async fn headers(
    Headers(wanted): Headers<Wanted>,
    Cookie(look): Cookie<Look>,
    Fields(fields): Fields,
) -> (SetCookie, Json<Vec<String>>) {
    let seen =
        vec![wanted.x_tenant, wanted.if_match.unwrap_or_default(), look.theme.unwrap_or_default(), fields];
    (SetCookie::new("seen", "yes"), Json(seen))
}
