//! What is written above and in the struct.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::meta::ParseNestedMeta;
use syn::parse::Parser;
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{
    Attribute, Error, Expr, Fields, GenericArgument, Ident, ItemStruct, Lit, LitStr, Meta, PathArguments,
    Result, Type, Visibility,
};

use super::attributes::{
    Action, Fill, Kind, Name, Options, Through, belongs_to, embedded, has_many, has_one, many_to_many,
    renamed_from,
};
use super::embedded::refuse;
use super::table::{self, Check, Index, Search};
use super::{names, parts};

/// The attributes that `#[model]` reads, and takes away.
const OURS: &[&str] = &[
    "belongs_to",
    "check",
    "embedded",
    "field",
    "has_many",
    "has_one",
    "index",
    "many_to_many",
    "renamed_from",
    "search",
    "unique",
];

pub(crate) struct Model {
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) help: String,
    pub(crate) table: String,
    pub(crate) hooks: bool,
    pub(crate) fields: Vec<Field>,
    pub(crate) indexes: Vec<Index>,
    pub(crate) checks: Vec<Check>,
    pub(crate) search: Option<Search>,
    pub(crate) renamed_from: Option<String>,
}

/// What a field stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    Model,
    Part,
}

pub(crate) struct Field {
    pub(crate) vis: Visibility,
    pub(crate) ident: Ident,
    pub(crate) ty: Type,
    pub(crate) help: String,
    pub(crate) kind: Kind,
    pub(crate) options: Options,
}

impl Model {
    pub(crate) fn read(arguments: TokenStream, item: &ItemStruct) -> Result<Self> {
        let mut faults = Faults::default();
        if let Some(parameter) = item.generics.params.first() {
            faults.add(Error::new_spanned(parameter, "a model cannot be generic: it is one table"));
        }
        let mut table = names::table(&item.ident.to_string());
        let mut hooks = false;
        let named = |meta: ParseNestedMeta<'_>| {
            if meta.path.is_ident("table") {
                table = meta.value()?.parse::<LitStr>()?.value();
                return Ok(());
            }
            if meta.path.is_ident("hooks") {
                hooks = true;
                return Ok(());
            }
            Err(meta.error("unknown; `#[model]` takes `table = \"…\"` and `hooks`"))
        };
        faults.take(syn::meta::parser(named).parse2(arguments));
        let mut item = item.clone();
        // `Self` has no meaning beside the struct.
        ByName(item.ident.clone()).visit_fields_mut(&mut item.fields);
        let mut fields = Vec::new();
        match &item.fields {
            Fields::Named(named) => {
                for field in &named.named {
                    fields.extend(faults.take(Field::read(field, Inside::Model)));
                }
            }
            _ => faults.add(Error::new_spanned(&item.ident, "a model is a struct with named fields")),
        }
        let mut model = Self {
            vis: item.vis.clone(),
            ident: item.ident.clone(),
            help: help(&item.attrs),
            table,
            hooks,
            fields,
            indexes: Vec::new(),
            checks: Vec::new(),
            search: None,
            renamed_from: None,
        };
        model.find_key(&mut faults);
        model.find_special(&mut faults);
        model.find_references(&mut faults);
        for attribute in &item.attrs {
            let is = |name| attribute.path().is_ident(name);
            if is("unique") || is("index") {
                let index = table::index(&model, attribute, is("unique"));
                model.indexes.extend(faults.take(index));
            } else if is("check") {
                model.checks.extend(faults.take(table::check(attribute)));
            } else if is("search") {
                let search = faults.take(table::search(&model, attribute));
                if search.is_some() && model.search.is_some() {
                    let message = "a model is searched in one way: name all fields in one `#[search(…)]`";
                    faults.add(Error::new_spanned(attribute, message));
                }
                model.search = search;
            } else if is("renamed_from") {
                // The table's name is said as it is in the database, in quotes or not.
                model.renamed_from = faults.take(renamed_from(attribute)).map(|name| match name {
                    Name::Code(name) | Name::Database(name) => name,
                });
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
            let counted = matches!(field.options.fill, Some(Fill::Generated));
            if counted && (composite || !field.options.primary_key) {
                let message = "an engine counts a primary key of one field only";
                faults.add(Error::new_spanned(&field.ident, message));
            }
            match field.kind {
                Kind::HasOne { .. } | Kind::HasMany { .. } | Kind::ManyToMany { .. }
                    if field.options.primary_key =>
                {
                    let message = "a relation whose column is elsewhere is not a key";
                    faults.add(Error::new_spanned(&field.ident, message));
                }
                Kind::ManyToMany { through: Through::Own { .. }, .. } if composite => {
                    let message = "the table between can refer to a primary key of one field only: make it a model, and name \
                                   it with `through = Model`";
                    faults.add(Error::new_spanned(&field.ident, message));
                }
                _ => {}
            }
        }
    }

    /// There is one version, one time of deletion and one tenant at most.
    fn find_special(&self, faults: &mut Faults) {
        let mut once = |name: &str, is_set: fn(&Options) -> bool| {
            for second in self.fields.iter().filter(|field| is_set(&field.options)).skip(1) {
                faults
                    .add(Error::new_spanned(&second.ident, format!("another field is the `{name}` already")));
            }
        };
        once("version", |options| options.version);
        once("deleted_at", |options| options.deleted_at);
        once("tenant", Options::is_tenant);
    }

    /// The fields that a relation names have a key, whole or not at all.
    fn find_references(&self, faults: &mut Faults) {
        for field in &self.fields {
            let Kind::ByFields { nullable, on_delete, on_update, fields, .. } = &field.kind else { continue };
            let mut optional = 0;
            for name in fields {
                let Some(part) = self.stored().find(|other| other.ident == *name) else {
                    faults.add(Error::new_spanned(name, "the model has no such column"));
                    continue;
                };
                if part.options.encrypted.is_some() {
                    let message = "a key is compared by the engine, which cannot read what is encrypted";
                    faults.add(Error::new_spanned(name, message));
                    continue;
                }
                if matches!(part.kind, Kind::Embedded { .. }) {
                    faults.add(Error::new_spanned(
                        name,
                        "a part is several columns; a key has fields of the model",
                    ));
                    continue;
                }
                if argument(&part.ty, "Option").is_some() {
                    optional += 1;
                    if !nullable {
                        let message = "where this is empty, there is no row: make the relation an `Option<BelongsTo<T>>`";
                        faults.add(Error::new_spanned(name, message));
                    }
                } else if [on_delete, on_update].contains(&&Action::SetNull) {
                    let message = "`set_null` empties every field of the key: make this one an `Option`";
                    faults.add(Error::new_spanned(name, message));
                }
            }
            if *nullable && optional == 0 {
                let message = "there is always a row: none of these fields is an `Option`";
                faults.add(Error::new_spanned(&field.ty, message));
            }
        }
    }

    /// The positions of the fields that have a relation's key.
    pub(crate) fn positions(&self, fields: &[Ident]) -> Vec<TokenStream> {
        let named = |name: &Ident| self.stored().find(|field| field.ident == *name);
        fields.iter().filter_map(named).map(|field| self.position(field)).collect()
    }

    /// The fields that are columns, or several, in order.
    pub(crate) fn stored(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.is_stored())
    }

    /// The fields that have a blind index, in order. Its columns stand behind those of all fields.
    pub(crate) fn blind_indexes(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.has_blind_index())
    }

    /// Where the column of a field's blind index is.
    pub(crate) fn blind_index_position(&self, field: &Field) -> TokenStream {
        let before = self.blind_indexes().take_while(|other| other.ident != field.ident).count();
        let width = parts::width(&self.fields);
        quote::quote!(#width + #before)
    }

    /// The fields that are relations, in order.
    pub(crate) fn relations(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| !matches!(field.kind, Kind::Column | Kind::Embedded { .. }))
    }

    /// Where its column is, or the first of its columns.
    pub(crate) fn position(&self, field: &Field) -> TokenStream {
        parts::position(&self.fields, field)
    }

    pub(crate) fn relation_position(&self, field: &Field) -> usize {
        self.relations().take_while(|other| other.ident != field.ident).count()
    }

    pub(crate) fn companion(&self, prefix: &str, suffix: &str) -> Ident {
        Ident::new(&format!("{prefix}{}{suffix}", self.ident), self.ident.span())
    }
}

impl Field {
    pub(super) fn read(field: &syn::Field, inside: Inside) -> Result<Self> {
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
                "field" => attribute.parse_nested_meta(|meta| {
                    if inside == Inside::Part {
                        refuse(&meta)?;
                    }
                    read.options.read(&meta)
                })?,
                "embedded" => read.kind = embedded(attribute, &field.ty)?,
                "belongs_to" | "has_one" | "has_many" | "many_to_many" if inside == Inside::Part => {
                    let message = "a relation belongs to a model; a part has columns alone";
                    return Err(Error::new_spanned(attribute, message));
                }
                "belongs_to" => read.kind = belongs_to(attribute, &field.ty)?,
                "has_one" => read.kind = has_one(attribute, &field.ty)?,
                "has_many" => read.kind = has_many(attribute, &field.ty)?,
                "many_to_many" => read.kind = many_to_many(attribute, &field.ty)?,
                "renamed_from" => read.options.renamed_from = Some(renamed_from(attribute)?),
                "search" => {
                    let message = "`#[search(…)]` stands above the struct, and names the fields";
                    return Err(Error::new_spanned(attribute, message));
                }
                "unique" | "index" | "check" => {
                    let message = format!(
                        "above a field it is `#[field({name})]`; `#[{name}(…)]` stands above the struct"
                    );
                    let message = message.replace("field(check)", "field(check = \"…\")");
                    return Err(Error::new_spanned(attribute, message));
                }
                _ => {}
            }
        }
        read.check(inside)?;
        Ok(read)
    }

    fn check(&self, inside: Inside) -> Result<()> {
        if matches!(self.kind, Kind::Embedded { .. }) && self.options.is_about_one() {
            let message = "this is about one column, and a part has several: say it above the part's own field; above the part \
                           stand `hidden`, `read_only` and `searchable`, which are then of all its fields";
            return Err(Error::new_spanned(&self.ident, message));
        }
        self.options.check(&self.ty)?;
        self.options.check_computed()?;
        self.options.check_encrypted(&self.kind)?;
        if let (Some(sql), Kind::BelongsTo { .. }) = (&self.options.computed, &self.kind) {
            let message =
                "a relation is set by the program; compute a field, and name it: `#[belongs_to(fields(…))]`";
            return Err(Error::new_spanned(sql, message));
        }
        if matches!(self.kind, Kind::Column) {
            let kinds = [
                ("BelongsTo", "belongs_to"),
                ("HasOne", "has_one"),
                ("HasMany", "has_many"),
                ("ManyToMany", "many_to_many"),
            ];
            let relation =
                kinds.into_iter().find(|(name, _)| argument(inside_option(&self.ty), name).is_some());
            if let Some((_, attribute)) = relation {
                let message = format!("a relation needs its attribute: `#[{attribute}]` above the field");
                return Err(Error::new_spanned(&self.ty, message));
            }
        }
        if matches!(self.kind, Kind::ByFields { .. }) && self.options.has_column() {
            let message = "the relation has no column of its own: say this above its fields";
            return Err(Error::new_spanned(&self.ident, message));
        }
        let taken = ["insert", "insert_or_ignore", "upsert", "with", "with_existing"];
        let is_setter =
            inside == Inside::Model && self.is_stored() || matches!(self.kind, Kind::ByFields { .. });
        if is_setter && self.is_settable() && taken.iter().any(|name| self.ident == name) {
            let message = format!(
                "a new row is stored by a function of this name; choose another, and `#[field(column = \"{}\")]`",
                self.name()
            );
            return Err(Error::new_spanned(&self.ident, message));
        }
        Ok(())
    }

    pub(crate) fn is_stored(&self) -> bool {
        matches!(self.kind, Kind::Column | Kind::BelongsTo { .. } | Kind::Embedded { .. })
    }

    pub(crate) fn has_blind_index(&self) -> bool {
        self.options.encrypted.as_ref().is_some_and(|encrypted| encrypted.blind_index.is_some())
    }

    /// Whether the program can set it.
    pub(crate) fn is_settable(&self) -> bool {
        self.options.computed.is_none()
    }

    /// Whether a new row must say it.
    pub(crate) fn is_required(&self) -> bool {
        let nullable = match &self.kind {
            Kind::BelongsTo { nullable, .. } => *nullable,
            _ => argument(&self.ty, "Option").is_some(),
        };
        self.is_settable() && self.options.fill.is_none() && !self.options.version && !nullable
    }

    pub(crate) fn column(&self) -> String {
        let name = self.name();
        match (&self.options.column, &self.kind) {
            (Some(column), _) => column.clone(),
            (None, Kind::BelongsTo { .. }) => format!("{name}_id"),
            (None, _) => name,
        }
    }

    /// What the columns of a part begin with.
    pub(crate) fn prefix(&self) -> String {
        match &self.kind {
            Kind::Embedded { prefix: Some(prefix), .. } => prefix.clone(),
            _ => format!("{}_", self.name()),
        }
    }

    /// The column's name before; of a part, what its columns began with.
    pub(crate) fn renamed_from(&self) -> Option<String> {
        match (self.options.renamed_from.as_ref()?, &self.kind) {
            (Name::Code(name), Kind::BelongsTo { .. }) => Some(format!("{name}_id")),
            (Name::Code(name), Kind::Embedded { .. }) => Some(format!("{name}_")),
            (Name::Code(name) | Name::Database(name), _) => Some(name.clone()),
        }
    }

    pub(crate) fn name(&self) -> String {
        let name = self.ident.to_string();
        name.strip_prefix("r#").map(str::to_owned).unwrap_or(name)
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

pub(crate) fn inside_option(ty: &Type) -> &Type {
    argument(ty, "Option").unwrap_or(ty)
}

pub(crate) fn is_named(ty: &Type, names: &[&str]) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| names.iter().any(|name| last.ident == name)))
}

pub(super) fn is_integer(ty: &Type) -> bool {
    is_named(ty, &["i8", "i16", "i32", "i64", "u8", "u16", "u32"])
}

/// The doc comment, without the space that begins each line.
pub(super) fn help(attributes: &[Attribute]) -> String {
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
pub(super) struct ByName(pub(super) Ident);

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
pub(super) struct Faults(Option<Error>);

impl Faults {
    pub(super) fn add(&mut self, error: Error) {
        match &mut self.0 {
            Some(all) => all.combine(error),
            none => *none = Some(error),
        }
    }

    pub(super) fn take<T>(&mut self, result: Result<T>) -> Option<T> {
        result.map_err(|error| self.add(error)).ok()
    }

    pub(super) fn end<T>(self, value: T) -> Result<T> {
        self.0.map_or(Ok(value), Err)
    }
}
