//! Bodies of every kind.

use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A form.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Signup {
    email: String,
    #[serde(default)]
    topics: Vec<String>,
    age: Option<u8>,
}

/// Reads a form.
#[post("/bodies/form", tag = "Bodies")]
pub(crate) async fn form(Form(form): Form<Signup>) -> Json<Signup> {
    Json(form)
}

/// Adds up what is uploaded: names of fields, and bytes.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Uploaded {
    fields: Vec<String>,
    bytes: usize,
}

/// Takes files.
#[post("/bodies/upload", tag = "Bodies")]
pub(crate) async fn upload(mut form: Multipart) -> Result<Json<Uploaded>> {
    let mut uploaded = Uploaded { fields: Vec::new(), bytes: 0 };
    while let Some(field) = form.next_field().await? {
        uploaded.fields.push(field.file_name().unwrap_or_else(|| field.name().to_owned()));
        uploaded.bytes += field.bytes().await?.len();
    }
    Ok(Json(uploaded))
}

/// A form with files.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct NewPost {
    title: String,
    cover: Upload<Image>,
    #[serde(default)]
    attachments: Vec<Upload>,
}

/// Takes a form with files: adds up their bytes.
#[post("/bodies/post", tag = "Bodies")]
pub(crate) async fn publish(MultipartForm(post): MultipartForm<NewPost>) -> Json<Uploaded> {
    let attached: u64 = post.attachments.iter().map(Upload::size).sum();
    Json(Uploaded { fields: vec![post.title.clone()], bytes: (post.cover.size() + attached) as usize })
}

/// Counts bytes.
#[put("/bodies/bytes", tag = "Bodies")]
pub(crate) async fn store(RawBody(body): RawBody) -> Json<usize> {
    Json(body.len())
}

/// Turns a text around.
#[post("/bodies/text", tag = "Bodies")]
pub(crate) async fn text(Text(text): Text) -> String {
    text.chars().rev().collect()
}

/// Takes a number, and nothing above nine.
#[patch("/bodies/number", tag = "Bodies")]
#[errors(UnprocessableEntity("too_much", "It is above nine."))]
pub(crate) async fn parse(Json(number): Json<u8>) -> Result<Json<u8>> {
    match number {
        0..=9 => Ok(Json(number)),
        _ => Err(Error::new(StatusCode::UNPROCESSABLE_ENTITY, "It is above nine.").code("too_much")),
    }
}

/// Some bytes.
#[get("/bodies/picture", tag = "Bodies")]
pub(crate) async fn picture() -> Bytes {
    Bytes::from_static(&[1, 2, 3])
}

/// A page for people, and JSON for programs.
#[get("/bodies/report", tag = "Bodies")]
pub(crate) async fn report(headers: HeaderMap) -> Negotiated<u32> {
    let wants_json =
        headers.get(header::ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"application/json"));
    if wants_json { Negotiated::Json(7) } else { Negotiated::Html("<p>7</p>".to_owned()) }
}

/// A page.
#[get("/bodies/hello", tag = "Bodies")]
pub(crate) async fn hello() -> Html<&'static str> {
    Html("<h1>Hello</h1>")
}

/// Makes something.
#[post("/bodies/things", tag = "Bodies")]
pub(crate) async fn make(Json(name): Json<String>) -> Created<Json<String>> {
    Created(format!("/bodies/things/{name}"), Json(name))
}

/// Does nothing.
#[delete("/bodies/things/{name}", tag = "Bodies")]
pub(crate) async fn nothing(Path(_name): Path<String>) -> NoContent {
    NoContent
}

/// Answers with whatever status it is asked for.
#[get("/bodies/status/{status}", tag = "Bodies")]
pub(crate) async fn any(Path(status): Path<u16>) -> Result<(StatusCode, Json<String>)> {
    let status = StatusCode::from_u16(status).map_err(|_| Error::not_found("There is no such status."))?;
    Ok((status, Json("as you wish".to_owned())))
}
