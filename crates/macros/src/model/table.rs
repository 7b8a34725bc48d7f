//! What is written above the struct about its table: indexes, unique constraints, checks, what is searched.

use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Ident, LitStr, Result, Token};

use super::attributes::Kind;
use super::input::Model;

/// `#[index(…)]`, or `#[unique(…)]`.
pub(crate) struct Index {
    pub(crate) unique: bool,
    pub(crate) fields: Vec<usize>,
    pub(crate) expression: Option<String>,
    pub(crate) filter: Option<String>,
    pub(crate) using: Option<String>,
    pub(crate) name: Option<String>,
}

/// `#[check(…)]`.
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) sql: String,
    pub(crate) message: Option<String>,
}

/// `#[search(…)]`.
pub(crate) struct Search {
    /// The fields, by their positions, as the attribute names them.
    pub(crate) fields: Vec<(usize, Ident)>,
    pub(crate) language: Option<String>,
}

/// What can stand between the brackets: a field, or `name = "…"`.
enum Entry {
    Field(Ident),
    Setting(String, Ident, LitStr),
}

pub(super) fn index(model: &Model, attribute: &Attribute, unique: bool) -> Result<Index> {
    let mut index =
        Index { unique, fields: Vec::new(), expression: None, filter: None, using: None, name: None };
    let entries = attribute.parse_args_with(Punctuated::<Entry, Token![,]>::parse_terminated)?;
    for entry in entries {
        match entry {
            Entry::Field(name) => {
                let position = model.stored().position(|field| field.ident == name);
                let position =
                    position.ok_or_else(|| Error::new_spanned(&name, "the model has no such column"))?;
                if index.fields.contains(&position) {
                    return Err(Error::new_spanned(&name, "the field is there already"));
                }
                index.fields.push(position);
            }
            Entry::Setting(key, at, text) => {
                let slot = match key.as_str() {
                    "where" => &mut index.filter,
                    "name" => &mut index.name,
                    "expression" => &mut index.expression,
                    "using" => {
                        if !text.value().chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
                        {
                            return Err(Error::new_spanned(
                                text,
                                "the name of a kind of index, such as `gin`",
                            ));
                        }
                        &mut index.using
                    }
                    _ => {
                        let message = "unknown; an index takes fields, `where = \"…\"`, `expression = \"…\"`, \
                                       `using = \"…\"` and `name = \"…\"`";
                        return Err(Error::new_spanned(at, message));
                    }
                };
                once(slot, &at, &text)?;
            }
        }
    }
    match (index.fields.is_empty(), &index.expression) {
        (true, None) => {
            let message = "name the fields: `#[index(author, published_at)]`, or `expression = \"…\"`";
            Err(Error::new_spanned(attribute, message))
        }
        (false, Some(_)) => {
            let message = "an index is of fields or of an expression; the expression can name columns itself";
            Err(Error::new_spanned(attribute, message))
        }
        _ => Ok(index),
    }
}

pub(super) fn check(attribute: &Attribute) -> Result<Check> {
    let (mut name, mut sql, mut message) = (None, None, None);
    for entry in attribute.parse_args_with(Punctuated::<Entry, Token![,]>::parse_terminated)? {
        let unknown = "unknown; `#[check]` takes `name = \"…\"`, `sql = \"…\"` and `message = \"…\"`";
        let (key, at, text) = match entry {
            Entry::Setting(key, at, text) => (key, at, text),
            Entry::Field(at) => return Err(Error::new_spanned(at, unknown)),
        };
        let slot = match key.as_str() {
            "name" => &mut name,
            "sql" => &mut sql,
            "message" => &mut message,
            _ => return Err(Error::new_spanned(at, unknown)),
        };
        once(slot, &at, &text)?;
    }
    let needs = |what: &str| Error::new_spanned(attribute, format!("a check needs its `{what} = \"…\"`"));
    Ok(Check { name: name.ok_or_else(|| needs("name"))?, sql: sql.ok_or_else(|| needs("sql"))?, message })
}

pub(super) fn search(model: &Model, attribute: &Attribute) -> Result<Search> {
    let mut search = Search { fields: Vec::new(), language: None };
    for entry in attribute.parse_args_with(Punctuated::<Entry, Token![,]>::parse_terminated)? {
        match entry {
            Entry::Field(name) => {
                let field = model.fields.iter().find(|field| field.ident == name);
                let field = field.ok_or_else(|| Error::new_spanned(&name, "the model has no such field"))?;
                if !matches!(field.kind, Kind::Column) {
                    let message = "a relation has no text of its own: search the other model";
                    return Err(Error::new_spanned(&name, message));
                }
                let position = model.position(field);
                if search.fields.iter().any(|(known, _)| *known == position) {
                    return Err(Error::new_spanned(&name, "the field is there already"));
                }
                search.fields.push((position, name));
            }
            Entry::Setting(key, at, text) => {
                if key != "language" {
                    let message = "unknown; `#[search]` takes fields and `language = \"…\"`";
                    return Err(Error::new_spanned(at, message));
                }
                once(&mut search.language, &at, &text)?;
            }
        }
    }
    if search.fields.is_empty() {
        let message = "name the fields, the weightiest first: `#[search(title, body)]`";
        return Err(Error::new_spanned(attribute, message));
    }
    Ok(search)
}

fn once(slot: &mut Option<String>, at: &Ident, text: &LitStr) -> Result<()> {
    if text.value().trim().is_empty() {
        return Err(Error::new_spanned(text, "there is nothing in it"));
    }
    match slot.replace(text.value()) {
        None => Ok(()),
        Some(_) => Err(Error::new_spanned(at, "this is said already")),
    }
}

impl syn::parse::Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        // `where` is a keyword, and here a name like another.
        let at = input.call(<Ident as syn::ext::IdentExt>::parse_any)?;
        if input.parse::<Option<Token![=]>>()?.is_none() {
            return Ok(Self::Field(at));
        }
        Ok(Self::Setting(at.to_string(), at, input.parse()?))
    }
}
