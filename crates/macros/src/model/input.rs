//! What is written above and in the struct.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{
    Attribute, Error, Expr, Fields, GenericArgument, Ident, ItemStruct, Lit, LitInt, LitStr, Meta, Path,
    PathArguments, Result, Token, Type, Visibility,
};

use super::names;

/// The attributes that `#[model]` reads, and takes away.
const OURS: &[&str] = &["belongs_to", "field", "has_many", "index", "many_to_many", "unique"];

pub(crate) struct Model {
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) help: String,
    pub(crate) table: String,
    pub(crate) fields: Vec<Field>,
    pub(crate) indexes: Vec<Index>,
}

pub(crate) struct Field {
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) help: String,
    pub(crate) kind: Kind,
    pub(crate) options: Options,
}

pub(crate) enum Kind {
    Column,
    BelongsTo { target: Type, nullable: bool, on_delete: OnDelete },
    HasMany { target: Type, by: Option<String> },
    ManyToMany { target: Type, through: Path, from: Option<String>, to: Option<String> },
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnDelete {
    Restrict,
    Cascade,
    SetNull,
}

#[derive(Default)]
pub(crate) struct Options {
    pub(crate) primary_key: bool,
    pub(crate) unique: bool,
    pub(crate) index: bool,
    pub(crate) hidden: bool,
    pub(crate) read_only: bool,
    pub(crate) searchable: bool,
    pub(crate) fill: Option<Fill>,
    pub(crate) min_length: Option<LitInt>,
    pub(crate) max_length: Option<LitInt>,
    pub(crate) column: Option<String>,
}

pub(crate) enum Fill {
    OfType,
    Expression(Expr),
    Generated,
    CreatedAt,
    UpdatedAt,
}

pub(crate) struct Index {
    pub(crate) unique: bool,
    pub(crate) fields: Vec<usize>,
}

impl Model {
    pub(crate) fn read(arguments: TokenStream, item: &ItemStruct) -> Result<Self> {
        let mut faults = Faults::default();
        if let Some(parameter) = item.generics.params.first() {
            faults.add(Error::new_spanned(parameter, "a model cannot be generic: it is one table"));
        }
        let mut table = names::table(&item.ident.to_string());
        let named = |meta: ParseNestedMeta<'_>| {
            if meta.path.is_ident("table") {
                table = meta.value()?.parse::<LitStr>()?.value();
                return Ok(());
            }
            Err(meta.error("unknown; `#[model]` takes `table = \"…\"`"))
        };
        faults.take(syn::meta::parser(named).parse2(arguments));
        let mut item = item.clone();
        // `Self` has no meaning beside the struct.
        ByName(item.ident.clone()).visit_fields_mut(&mut item.fields);
        let mut fields = Vec::new();
        match &item.fields {
            Fields::Named(named) => {
                for field in &named.named {
                    fields.extend(faults.take(Field::read(field)));
                }
            }
            _ => faults.add(Error::new_spanned(&item.ident, "a model is a struct with named fields")),
        }
        let mut model = Self {
            vis: item.vis.clone(),
            ident: item.ident.clone(),
            help: help(&item.attrs),
            table,
            fields,
            indexes: Vec::new(),
        };
        model.find_key(&mut faults);
        for attribute in &item.attrs {
            let unique = attribute.path().is_ident("unique");
            if unique || attribute.path().is_ident("index") {
                let index = model.index(attribute, unique);
                model.indexes.extend(faults.take(index));
            }
        }
        faults.end(model)
    }

    fn find_key(&mut self, faults: &mut Faults) {
        if !self.fields.iter().any(|field| field.options.primary_key) {
            match self.fields.iter_mut().find(|field| field.ident == "id") {
                Some(id) => id.options.primary_key = true,
                None => {
                    let message = "a model needs a primary key: a field called `id`, or `#[field(primary_key)]` \
                                   above another";
                    faults.add(Error::new_spanned(&self.ident, message));
                }
            }
        }
        let mut keys = self.fields.iter_mut().filter(|field| field.options.primary_key);
        let (first, second) = (keys.next(), keys.next());
        let composite = second.is_some();
        match (first, second) {
            (Some(key), None) if matches!(key.kind, Kind::Column) && is_integer(&key.ty) => {
                key.options.fill.get_or_insert(Fill::Generated);
            }
            _ => {}
        }
        for field in &self.fields {
            match field.kind {
                Kind::HasMany { .. } | Kind::ManyToMany { .. } if field.options.primary_key => {
                    faults.add(Error::new_spanned(&field.ident, "a relation to many rows is not a key"));
                }
                Kind::HasMany { .. } | Kind::ManyToMany { .. } if composite => {
                    let message = "a relation to many rows needs a primary key of one field";
                    faults.add(Error::new_spanned(&field.ident, message));
                }
                _ => {}
            }
        }
    }

    fn index(&self, attribute: &Attribute, unique: bool) -> Result<Index> {
        let names = attribute.parse_args_with(Punctuated::<Ident, Token![,]>::parse_terminated)?;
        if names.is_empty() {
            return Err(Error::new_spanned(attribute, "name the fields: `#[index(author, published_at)]`"));
        }
        let mut fields = Vec::new();
        for name in names {
            let position = self.stored().position(|field| field.ident == name);
            fields.push(position.ok_or_else(|| Error::new_spanned(&name, "the model has no such column"))?);
        }
        Ok(Index { unique, fields })
    }

    /// The fields that are columns, in order.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.is_stored())
    }

    /// The fields that are relations, in order.
    pub(crate) fn relations(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !matches!(field.kind, Kind::Column))
    }

    pub(crate) fn position(&self, field: &Field) -> usize {
        self.stored().take_while(|other| other.ident != field.ident).count()
    }

    pub(crate) fn relation_position(&self, field: &Field) -> usize {
        self.relations().take_while(|other| other.ident != field.ident).count()
    }

    pub(crate) fn companion(&self, prefix: &str, suffix: &str) -> Ident {
        Ident::new(&format!("{prefix}{}{suffix}", self.ident), self.ident.span())
    }
}

impl Field {
    fn read(field: &syn::Field) -> Result<Self> {
        let Some(ident) = field.ident.clone() else {
            return Err(Error::new_spanned(field, "a model's fields have names"));
        };
        let mut read = Self {
            vis: field.vis.clone(),
            ident,
            ty: field.ty.clone(),
            help: help(&field.attrs),
            kind: Kind::Column,
            options: Options::default(),
        };
        for attribute in &field.attrs {
            let Some(name) = attribute.path().get_ident().map(Ident::to_string) else { continue };
            match name.as_str() {
                "field" => attribute.parse_nested_meta(|meta| read.options.read(&meta))?,
                "belongs_to" => read.kind = belongs_to(attribute, &field.ty)?,
                "has_many" => read.kind = has_many(attribute, &field.ty)?,
                "many_to_many" => read.kind = many_to_many(attribute, &field.ty)?,
                _ => {}
            }
        }
        read.check()?;
        Ok(read)
    }

    fn check(&self) -> Result<()> {
        if matches!(self.kind, Kind::Column) {
            let relation =
                [("BelongsTo", "belongs_to"), ("HasMany", "has_many"), ("ManyToMany", "many_to_many")]
                    .into_iter()
                    .find(|(name, _)| argument(inside_option(&self.ty), name).is_some());
            if let Some((_, attribute)) = relation {
                let message = format!("a relation needs its attribute: `#[{attribute}]` above the field");
                return Err(Error::new_spanned(&self.ty, message));
            }
        }
        if self.is_stored() && self.ident == "insert" {
            let message = "a new row is stored by a function of this name; choose another, and \
                           `#[field(column = \"insert\")]`";
            return Err(Error::new_spanned(&self.ident, message));
        }
        Ok(())
    }

    pub(crate) fn is_stored(&self) -> bool {
        matches!(self.kind, Kind::Column | Kind::BelongsTo { .. })
    }

    /// Whether a new row must say it.
    pub(crate) fn is_required(&self) -> bool {
        let nullable = match &self.kind {
            Kind::BelongsTo { nullable, .. } => *nullable,
            _ => argument(&self.ty, "Option").is_some(),
        };
        self.options.fill.is_none() && !nullable
    }

    pub(crate) fn column(&self) -> String {
        let name = self.name();
        match (&self.options.column, &self.kind) {
            (Some(column), _) => column.clone(),
            (None, Kind::BelongsTo { .. }) => format!("{name}_id"),
            (None, _) => name,
        }
    }

    pub(crate) fn name(&self) -> String {
        let name = self.ident.to_string();
        name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
    }
}

impl Options {
    fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        let Some(name) = meta.path.get_ident().map(Ident::to_string) else {
            return Err(meta.error("unknown"));
        };
        match name.as_str() {
            "primary_key" => self.primary_key = true,
            "unique" => self.unique = true,
            "index" => self.index = true,
            "hidden" => self.hidden = true,
            "read_only" => self.read_only = true,
            "searchable" => self.searchable = true,
            "created_at" => return self.fill(meta, Fill::CreatedAt),
            "updated_at" => return self.fill(meta, Fill::UpdatedAt),
            "default" if meta.input.peek(Token![=]) => {
                let expression = meta.value()?.parse()?;
                return self.fill(meta, Fill::Expression(expression));
            }
            "default" => return self.fill(meta, Fill::OfType),
            "min_length" => self.min_length = Some(meta.value()?.parse()?),
            "max_length" => self.max_length = Some(meta.value()?.parse()?),
            "column" => self.column = Some(meta.value()?.parse::<LitStr>()?.value()),
            _ => {
                return Err(meta.error(
                    "unknown; `#[field]` takes `primary_key`, `unique`, `index`, `default`, `created_at`, `updated_at`, \
                     `min_length`, `max_length`, `column`, `hidden`, `read_only`, `searchable`",
                ));
            }
        }
        Ok(())
    }

    fn fill(&mut self, meta: &ParseNestedMeta<'_>, fill: Fill) -> Result<()> {
        if self.fill.is_some() {
            return Err(meta.error("the field already says where its value comes from"));
        }
        self.fill = Some(fill);
        Ok(())
    }
}

fn belongs_to(attribute: &Attribute, ty: &Type) -> Result<Kind> {
    let nullable = argument(ty, "Option").is_some();
    let expected = "`#[belongs_to]` stands above a `BelongsTo<T>` or an `Option<BelongsTo<T>>`";
    let target = argument(inside_option(ty), "BelongsTo").ok_or_else(|| Error::new_spanned(ty, expected))?;
    let mut on_delete = OnDelete::Restrict;
    nested(attribute, |meta| {
        if !meta.path.is_ident("on_delete") {
            return Err(
                meta.error("unknown; `#[belongs_to]` takes `on_delete = restrict | cascade | set_null`")
            );
        }
        let action: Ident = meta.value()?.parse()?;
        on_delete = match action.to_string().as_str() {
            "restrict" => OnDelete::Restrict,
            "cascade" => OnDelete::Cascade,
            "set_null" if nullable => OnDelete::SetNull,
            "set_null" => {
                return Err(Error::new_spanned(action, "only an `Option<BelongsTo<T>>` can become NULL"));
            }
            _ => return Err(Error::new_spanned(action, "expected `restrict`, `cascade` or `set_null`")),
        };
        Ok(())
    })?;
    Ok(Kind::BelongsTo { target: target.clone(), nullable, on_delete })
}

fn has_many(attribute: &Attribute, ty: &Type) -> Result<Kind> {
    let expected = "`#[has_many]` stands above a `HasMany<T>`";
    let target = argument(ty, "HasMany").ok_or_else(|| Error::new_spanned(ty, expected))?;
    let mut by = None;
    nested(attribute, |meta| {
        if !meta.path.is_ident("by") {
            return Err(meta
                .error("unknown; `#[has_many]` takes `by = field`, the other model's relation to this one"));
        }
        by = Some(meta.value()?.parse::<Ident>()?.to_string());
        Ok(())
    })?;
    Ok(Kind::HasMany { target: target.clone(), by })
}

fn many_to_many(attribute: &Attribute, ty: &Type) -> Result<Kind> {
    let expected = "`#[many_to_many(through = …)]` stands above a `ManyToMany<T>`";
    let target = argument(ty, "ManyToMany").ok_or_else(|| Error::new_spanned(ty, expected))?;
    let (mut through, mut from, mut to) = (None, None, None);
    nested(attribute, |meta| {
        if meta.path.is_ident("through") {
            through = Some(meta.value()?.parse::<Path>()?);
        } else if meta.path.is_ident("from") {
            from = Some(meta.value()?.parse::<Ident>()?.to_string());
        } else if meta.path.is_ident("to") {
            to = Some(meta.value()?.parse::<Ident>()?.to_string());
        } else {
            return Err(meta
                .error("unknown; `#[many_to_many]` takes `through = Model`, `from = field`, `to = field`"));
        }
        Ok(())
    })?;
    let message = "say which model is between: `#[many_to_many(through = ArticleTag)]`";
    let through = through.ok_or_else(|| Error::new_spanned(attribute, message))?;
    Ok(Kind::ManyToMany { target: target.clone(), through, from, to })
}

fn nested(attribute: &Attribute, read: impl FnMut(ParseNestedMeta<'_>) -> Result<()>) -> Result<()> {
    match &attribute.meta {
        Meta::Path(_) => Ok(()),
        _ => attribute.parse_nested_meta(read),
    }
}

/// `T` of `name<T>`.
pub(crate) fn argument<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn inside_option(ty: &Type) -> &Type {
    argument(ty, "Option").unwrap_or(ty)
}

pub(crate) fn is_named(ty: &Type, names: &[&str]) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| names.iter().any(|name| last.ident == name)))
}

fn is_integer(ty: &Type) -> bool {
    is_named(ty, &["i16", "i32", "i64", "u32"])
}

/// The doc comment, without the space that begins each line.
fn help(attributes: &[Attribute]) -> String {
    let mut lines = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(literal) = &pair.value
            && let Lit::Str(text) = &literal.lit
        {
            let text = text.value();
            lines.push(text.strip_prefix(' ').unwrap_or(&text).to_owned());
        }
    }
    lines.join("\n").trim().to_owned()
}

/// Replaces `Self` by the name of the struct.
struct ByName(Ident);

impl VisitMut for ByName {
    fn visit_ident_mut(&mut self, ident: &mut Ident) {
        if ident == "Self" {
            *ident = Ident::new(&self.0.to_string(), ident.span());
        }
    }
}

/// Takes our attributes away.
pub(crate) fn strip(item: &mut ItemStruct) {
    let ours = |attribute: &Attribute| OURS.iter().any(|name| attribute.path().is_ident(name));
    item.attrs.retain(|attribute| !ours(attribute));
    for field in &mut item.fields {
        field.attrs.retain(|attribute| !ours(attribute));
    }
}

/// Where a type is written, for errors about it.
pub(crate) fn span_of(tokens: &impl ToTokens) -> Span {
    tokens.span()
}

/// Everything that is wrong, to be reported at once.
#[derive(Default)]
struct Faults(Option<Error>);

impl Faults {
    fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    fn end<T>(self, value: T) -> Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}
