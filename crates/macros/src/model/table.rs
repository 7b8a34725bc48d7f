//! What is written above the struct about its table: indexes, unique constraints, checks, what is searched.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Ident, LitStr, Result, Token, Type};

use super::attributes::Kind;
use super::input::Model;

/// `#[index(…)]`, or `#[unique(…)]`.
pub(crate) struct Index {
    pub(crate) unique: bool,
    pub(crate) fields: Vec<TokenStream>,
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

/// A field that is searched, as the attribute names it.
pub(crate) struct Searched {
    pub(crate) name: Ident,
    pub(crate) position: TokenStream,
    pub(crate) ty: Type,
}

/// `#[search(…)]`.
pub(crate) struct Search {
    pub(crate) fields: Vec<Searched>,
    pub(crate) language: Option<String>,
}

/// What can stand between the brackets: a field (that of a part is `billing.country`), or `name = "…"`.
enum Entry {
    Field(Vec<Ident>),
    Setting(String, Ident, LitStr),
}

pub(super) fn index(model: &Model, attribute: &Attribute, unique: bool) -> Result<Index> {
    let mut index =
        Index { unique, fields: Vec::new(), expression: None, filter: None, using: None, name: None };
    let mut named = Vec::new();
    let entries = attribute.parse_args_with(Punctuated::<Entry, Token![,]>::parse_terminated)?;
    for entry in entries {
        match entry {
            Entry::Field(path) => {
                if named.contains(&path) {
                    return Err(Error::new_spanned(path.last(), "the field is there already"));
                }
                index.fields.push(position(model, &path)?);
                named.push(path);
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

/// Where the column is that a path names. What a part has is known when the program is compiled.
fn position(model: &Model, path: &[Ident]) -> Result<TokenStream> {
    let [name, inner @ ..] = path else { return Ok(TokenStream::new()) };
    let field = model.stored().find(|field| field.ident == *name);
    let field = field.ok_or_else(|| Error::new_spanned(name, "the model has no such column"))?;
    let first = match (&field.options.encrypted, field.has_blind_index()) {
        (Some(_), true) => model.blind_index_position(field),
        (Some(_), false) => {
            let message = "an index of what is sealed finds nothing, and is always unique: give the field a blind index, \
                           `#[field(encrypted, blind_index)]`";
            return Err(Error::new_spanned(name, message));
        }
        (None, _) => model.position(field),
    };
    match (&field.kind, inner.last()) {
        (Kind::Embedded { part, .. }, Some(last)) => {
            let names: Vec<_> = inner.iter().map(ToString::to_string).collect();
            let names = names.join(".");
            let inside = quote_spanned! {last.span()=>
                <#part as __db::embedded::Embedded>::META.position(#names)
            };
            Ok(quote!(#first + #inside))
        }
        (Kind::Embedded { .. }, None) => {
            let message = format!("a part is several columns: name one of its fields, `{name}.field`");
            Err(Error::new_spanned(name, message))
        }
        (_, Some(last)) => Err(Error::new_spanned(last, "only a part has fields of its own")),
        (_, None) => Ok(first),
    }
}

pub(super) fn check(attribute: &Attribute) -> Result<Check> {
    let (mut name, mut sql, mut message) = (None, None, None);
    for entry in attribute.parse_args_with(Punctuated::<Entry, Token![,]>::parse_terminated)? {
        let unknown = "unknown; `#[check]` takes `name = \"…\"`, `sql = \"…\"` and `message = \"…\"`";
        let (key, at, text) = match entry {
            Entry::Setting(key, at, text) => (key, at, text),
            Entry::Field(path) => return Err(Error::new_spanned(path.last(), unknown)),
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
            Entry::Field(path) => {
                let searched = searched(model, path)?;
                if search.fields.iter().any(|known| known.name == searched.name) {
                    return Err(Error::new_spanned(&searched.name, "the field is there already"));
                }
                search.fields.push(searched);
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

fn searched(model: &Model, mut path: Vec<Ident>) -> Result<Searched> {
    let inside = "what is inside of a part is not searched: make it a field of the model";
    if let [_, inner, ..] = path.as_slice() {
        return Err(Error::new_spanned(inner, inside));
    }
    let name = path.remove(0);
    let field = model.fields.iter().find(|field| field.ident == name);
    let field = field.ok_or_else(|| Error::new_spanned(&name, "the model has no such field"))?;
    if field.options.encrypted.is_some() {
        return Err(Error::new_spanned(&name, "the engine cannot search what is sealed"));
    }
    match field.kind {
        Kind::Column => Ok(Searched { position: model.position(field), ty: field.ty.clone(), name }),
        Kind::Embedded { .. } => Err(Error::new_spanned(&name, inside)),
        _ => Err(Error::new_spanned(&name, "a relation has no text of its own: search the other model")),
    }
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
            let mut path = vec![at];
            while input.parse::<Option<Token![.]>>()?.is_some() {
                path.push(input.call(<Ident as syn::ext::IdentExt>::parse_any)?);
            }
            return Ok(Self::Field(path));
        }
        Ok(Self::Setting(at.to_string(), at, input.parse()?))
    }
}
