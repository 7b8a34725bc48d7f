//! Values of every shape.

use std::collections::BTreeMap;

use mainstay::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A color.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Color {
    /// Like a tomato.
    Red,
    DarkBlue,
}

/// A shape, by `type`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum Shape {
    /// Round.
    Circle {
        radius: f64,
    },
    Square(Side),
    Nothing,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Side {
    side: f64,
}

/// Written as the one or as the other.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(crate) enum NumberOrText {
    Number(i32),
    Text(String),
}

/// Serde's own way to write an enum.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) enum External {
    Unit,
    Pair(i32, String),
    Named { flag: bool },
}

/// Kind and content apart.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "value")]
pub(crate) enum Adjacent {
    Count(u32),
    Word(String),
}

/// A value with a field of every kind.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Everything {
    /// Only the server sets it.
    #[serde(default)]
    #[schemars(extend("readOnly" = true))]
    id: i64,
    /// Only the client sets it.
    #[serde(default, skip_serializing)]
    #[schemars(extend("writeOnly" = true))]
    secret: Option<String>,
    #[schemars(example = "a-name")]
    name: String,
    #[serde(rename = "a-b c")]
    odd: bool,
    color: Color,
    shape: Shape,
    either: NumberOrText,
    external: External,
    adjacent: Adjacent,
    /// Not there, `null`, or a number.
    maybe: Option<u8>,
    #[serde(default)]
    tags: Vec<String>,
    scores: BTreeMap<String, f64>,
    pair: (u8, String),
    /// Whatever an object can be.
    free: serde_json::Map<String, serde_json::Value>,
    #[serde(flatten)]
    more: Flattened,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Flattened {
    flat: bool,
}

/// Gives back what it is given.
///
/// Its id is set.
#[post("/shapes")]
#[errors(Conflict("taken", "The name is taken."))]
pub(crate) async fn echo(Json(value): Json<Everything>) -> Result<Json<Everything>> {
    if value.name == "taken" {
        return Err(Error::new(StatusCode::CONFLICT, "The name is taken.").code("taken"));
    }
    let kept = value.secret.map_or(0, |secret| i64::try_from(secret.len()).unwrap_or(i64::MAX));
    Ok(Json(Everything { id: kept, secret: None, ..value }))
}

/// A tree of words.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(example = &Tree { word: "root".to_owned(), parts: Vec::new() })]
pub(crate) struct Tree {
    word: String,
    #[serde(default)]
    parts: Vec<Tree>,
}

/// Puts a tree below another.
#[put("/shapes/tree")]
pub(crate) async fn tree(Json(tree): Json<Tree>) -> Json<Tree> {
    Json(Tree { word: "root".to_owned(), parts: vec![tree] })
}

/// One page of many.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// Pages of two types.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Pages {
    colors: Page<Color>,
    trees: Page<Tree>,
}

/// Shows a page of each.
#[get("/shapes/pages")]
pub(crate) async fn page() -> Json<Pages> {
    let colors = Page { items: vec![Color::Red, Color::DarkBlue], next: None };
    let trees =
        Page { items: vec![Tree { word: "leaf".to_owned(), parts: Vec::new() }], next: Some("2".to_owned()) };
    Json(Pages { colors, trees })
}

/// What somebody looks for.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Find {
    /// Colors, each by itself.
    #[serde(default)]
    color: Vec<Color>,
    #[schemars(example = 3, range(min = 1, max = 9))]
    limit: Option<u8>,
    #[serde(default)]
    exact: bool,
    text: Option<String>,
}

/// Says what it was asked.
#[get("/shapes/find/{in}")]
pub(crate) async fn find(Path(place): Path<String>, Query(find): Query<Find>) -> Json<(String, Find)> {
    Json((place, find))
}
