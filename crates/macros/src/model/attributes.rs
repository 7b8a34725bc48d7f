//! What is written above a field.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::meta::ParseNestedMeta;
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Attribute, Error, Expr, Ident, Lit, LitInt, LitStr, Meta, Path, Result, Token, Type};

use super::encryption::Encrypted;
use super::input::{argument, inside_option, is_integer, is_named};

pub(crate) enum Kind {
    Column,
    BelongsTo {
        target: Type,
        nullable: bool,
        on_delete: Action,
        on_update: Action,
    },
    /// The same, where other fields have the key.
    ByFields {
        target: Type,
        nullable: bool,
        on_delete: Action,
        on_update: Action,
        fields: Vec<Ident>,
    },
    /// A struct of columns.
    Embedded {
        part: Type,
        optional: bool,
        prefix: Option<String>,
    },
    HasMany {
        target: Type,
        by: Option<String>,
    },
    HasOne {
        target: Type,
        by: Option<String>,
    },
    ManyToMany {
        target: Type,
        through: Through,
    },
}

/// What is between the two of a many-to-many relation.
pub(crate) enum Through {
    /// A model, and the names of its relations to the two.
    Model { model: Path, from: Option<String>, to: Option<String> },
    /// A table that the relation makes.
    Own { table: Option<String> },
    /// The table that the relation of this name makes on the other side.
    Other { by: Ident },
}

/// What becomes of a row when the one that it belongs to is deleted, or gets another key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
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
    pub(crate) min: Option<Number>,
    pub(crate) max: Option<Number>,
    pub(crate) precision: Option<LitInt>,
    pub(crate) scale: Option<LitInt>,
    pub(crate) check: Option<String>,
    pub(crate) computed: Option<LitStr>,
    pub(crate) version: bool,
    pub(crate) deleted_at: bool,
    pub(crate) renamed_from: Option<Name>,
    pub(crate) column: Option<String>,
    pub(crate) encrypted: Option<Encrypted>,
}

/// A number as it is written, with its sign.
pub(crate) struct Number {
    pub(crate) text: String,
    span: Span,
}

/// A name that something had: that of a field or table in the code, or, in quotes, that in the database.
pub(crate) enum Name {
    Code(String),
    Database(String),
}

pub(crate) enum Fill {
    OfType,
    Expression(Expr),
    Database(String),
    Generated,
    CreatedAt,
    UpdatedAt,
    Tenant,
}

impl Options {
    pub(crate) fn is_tenant(&self) -> bool {
        matches!(self.fill, Some(Fill::Tenant))
    }

    pub(super) fn read(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
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
            "generated" if meta.input.peek(Token![=]) => {
                let sql = meta.value()?.parse::<LitStr>()?;
                if sql.value().trim().is_empty() {
                    return Err(Error::new_spanned(sql, "say in SQL what it is computed from"));
                }
                self.computed = Some(sql);
            }
            "generated" => return self.fill(meta, Fill::Generated),
            "created_at" => return self.fill(meta, Fill::CreatedAt),
            "updated_at" => return self.fill(meta, Fill::UpdatedAt),
            "default" if meta.input.peek(Token![=]) => {
                let expression = meta.value()?.parse()?;
                return self.fill(meta, Fill::Expression(expression));
            }
            "default" => return self.fill(meta, Fill::OfType),
            "min_length" => self.min_length = Some(meta.value()?.parse()?),
            "max_length" => self.max_length = Some(meta.value()?.parse()?),
            "min" => self.min = Some(number(meta.value()?)?),
            "max" => self.max = Some(number(meta.value()?)?),
            "precision" => self.precision = Some(meta.value()?.parse()?),
            "scale" => self.scale = Some(meta.value()?.parse()?),
            "check" => self.check = Some(meta.value()?.parse::<LitStr>()?.value()),
            "version" => self.version = true,
            "deleted_at" => self.deleted_at = true,
            "tenant" => return self.fill(meta, Fill::Tenant),
            "default_sql" => {
                let sql = meta.value()?.parse::<LitStr>()?.value();
                return self.fill(meta, Fill::Database(sql));
            }
            "encrypted" => self.encrypted = Some(Encrypted::at(meta.path.span())),
            "blind_index" | "reads_plain" => return self.encryption(meta, &name),
            "column" => self.column = Some(meta.value()?.parse::<LitStr>()?.value()),
            _ => {
                return Err(meta.error(
                    "unknown; `#[field]` takes `primary_key`, `unique`, `index`, `default`, `default_sql`, `generated`, `created_at`, \
                     `updated_at`, `deleted_at`, `version`, `tenant`, `min_length`, `max_length`, `min`, `max`, `precision`, `scale`, `check`, \
                     `column`, `hidden`, `read_only`, `searchable`, `encrypted`, `blind_index`, `reads_plain`",
                ));
            }
        }
        Ok(())
    }

    /// What does not go with a value that the engine computes.
    pub(super) fn check_computed(&self) -> Result<()> {
        let Some(sql) = &self.computed else { return Ok(()) };
        let other = if self.primary_key {
            "a primary key"
        } else if self.fill.is_some() {
            "a default"
        } else if self.version {
            "a version"
        } else if self.deleted_at {
            "a time of deletion"
        } else {
            return Ok(());
        };
        Err(Error::new_spanned(sql, format!("the engine computes the value: it cannot be {other} too")))
    }

    /// Whether it says something that is about one column, and not about a part of several.
    pub(super) fn is_about_one(&self) -> bool {
        let limits = [&self.min_length, &self.max_length, &self.precision, &self.scale];
        self.makes_column()
            || self.version
            || self.deleted_at
            || self.encrypted.is_some()
            || self.min.is_some()
            || self.max.is_some()
            || limits.into_iter().any(Option::is_some)
    }

    /// Whether it says something that is about a column.
    pub(super) fn has_column(&self) -> bool {
        self.makes_column() || self.renamed_from.is_some()
    }

    fn makes_column(&self) -> bool {
        self.primary_key
            || self.computed.is_some()
            || self.unique
            || self.index
            || self.fill.is_some()
            || self.check.is_some()
            || self.encrypted.is_some()
            || self.column.is_some()
    }

    fn fill(&mut self, meta: &ParseNestedMeta<'_>, fill: Fill) -> Result<()> {
        if self.fill.is_some() {
            return Err(meta.error("the field already says where its value comes from"));
        }
        self.fill = Some(fill);
        Ok(())
    }

    /// What does not fit the type, or each other.
    pub(super) fn check(&self, ty: &Type) -> Result<()> {
        let inner = inside_option(ty);
        let (text, decimal) = (is_named(inner, &["String"]), is_named(inner, &["Decimal"]));
        let list = argument(inner, "Vec").is_some_and(|of| !is_named(of, &["u8"]));
        let known = text || list || is_integer(inner) || is_named(inner, &["bool", "f32", "f64", "Uuid"]);
        for (limit, name) in [(&self.min, "min"), (&self.max, "max")] {
            let Some(limit) = limit else { continue };
            if text {
                let message = format!("a text has no `{name}`; how long it may be is `{name}_length`");
                return Err(Error::new(limit.span, message));
            }
            if list || is_named(inner, &["bool", "Uuid"]) {
                return Err(Error::new(limit.span, format!("only a number has a `{name}`")));
            }
            if is_integer(inner) && limit.text.contains('.') {
                return Err(Error::new(limit.span, "the field is a whole number"));
            }
        }
        for limit in [&self.min_length, &self.max_length].into_iter().flatten() {
            if known && !text {
                return Err(Error::new(limit.span(), "only a text has a length"));
            }
        }
        if let (Some(min), Some(max)) = (&self.min, &self.max)
            && min.value() > max.value()
        {
            return Err(Error::new(
                max.span,
                format!("nothing is at least {} and at most {}", min.text, max.text),
            ));
        }
        if let (Some(min), Some(max)) = (&self.min_length, &self.max_length)
            && min.base10_parse::<u32>()? > max.base10_parse::<u32>()?
        {
            return Err(Error::new(
                max.span(),
                format!("no text has at least {min} and at most {max} characters"),
            ));
        }
        if let Some(digits) = self.precision.as_ref().or(self.scale.as_ref())
            && known
            && !decimal
        {
            return Err(Error::new(digits.span(), "only a `Decimal` has `precision` and `scale`"));
        }
        match (&self.precision, &self.scale) {
            (None, Some(scale)) => Err(Error::new(
                scale.span(),
                "say how many digits there are in all, too: `precision = 12, scale = 2`",
            )),
            (Some(precision), _) if precision.base10_parse::<u32>()? == 0 => {
                Err(Error::new(precision.span(), "a number has a digit at least"))
            }
            (Some(precision), Some(scale)) if scale.base10_parse::<u32>()? > precision.base10_parse()? => {
                Err(Error::new(scale.span(), "there cannot be more digits behind the point than in all"))
            }
            _ if self.version && !is_integer(ty) => {
                Err(Error::new_spanned(ty, "a version is counted: make it an `i32` or `i64`"))
            }
            _ if self.is_tenant() && argument(ty, "Option").is_some() => {
                Err(Error::new_spanned(ty, "every row has a tenant: leave the `Option` out"))
            }
            _ if self.deleted_at && argument(ty, "Option").is_none() => Err(Error::new_spanned(
                ty,
                "what is not deleted has no such time: make it an `Option<DateTime<Utc>>`",
            )),
            _ => Ok(()),
        }
    }
}

impl Number {
    fn value(&self) -> f64 {
        self.text.parse().unwrap_or(0.0)
    }
}

/// A number with a sign perhaps. Its digits are taken as they are written.
fn number(input: ParseStream<'_>) -> Result<Number> {
    let sign = if input.parse::<Option<Token![-]>>()?.is_some() { "-" } else { "" };
    let literal = input.parse::<Lit>()?;
    let digits = match &literal {
        Lit::Int(digits) => digits.base10_digits(),
        Lit::Float(digits) if !digits.base10_digits().contains(['e', 'E']) => digits.base10_digits(),
        _ => return Err(Error::new_spanned(&literal, "expected a number, such as `0` or `0.01`")),
    };
    let significant = digits.trim_start_matches('0').len() - usize::from(digits.contains('.'));
    if significant > 28 {
        return Err(Error::new_spanned(&literal, "a number has at most 28 digits"));
    }
    Ok(Number { text: format!("{sign}{digits}"), span: literal.span() })
}

/// `#[renamed_from(name)]`, or `#[renamed_from("name in the database")]`.
pub(super) fn renamed_from(attribute: &Attribute) -> Result<Name> {
    attribute.parse_args_with(|input: ParseStream<'_>| {
        if input.peek(LitStr) {
            return Ok(Name::Database(input.parse::<LitStr>()?.value()));
        }
        Ok(Name::Code(input.parse::<Ident>()?.to_string()))
    })
}

pub(super) fn belongs_to(attribute: &Attribute, ty: &Type) -> Result<Kind> {
    let nullable = argument(ty, "Option").is_some();
    let expected = "`#[belongs_to]` stands above a `BelongsTo<T>` or an `Option<BelongsTo<T>>`";
    let target = argument(inside_option(ty), "BelongsTo").ok_or_else(|| Error::new_spanned(ty, expected))?;
    let (mut on_delete, mut on_update) = (Action::Restrict, Action::Restrict);
    let mut fields = Vec::new();
    nested(attribute, |meta| {
        if meta.path.is_ident("fields") {
            let list;
            syn::parenthesized!(list in meta.input);
            fields.extend(list.parse_terminated(Ident::parse_any, Token![,])?);
            return if fields.is_empty() {
                Err(meta.error("name the fields that have the key"))
            } else {
                Ok(())
            };
        }
        let slot = if meta.path.is_ident("on_delete") {
            &mut on_delete
        } else if meta.path.is_ident("on_update") {
            &mut on_update
        } else {
            return Err(meta.error(
                "unknown; `#[belongs_to]` takes `on_delete = restrict | cascade | set_null`, `on_update = …` and \
                 `fields(a, b)`",
            ));
        };
        let action: Ident = meta.value()?.parse()?;
        *slot = match action.to_string().as_str() {
            "restrict" => Action::Restrict,
            "cascade" => Action::Cascade,
            "set_null" if nullable => Action::SetNull,
            "set_null" => {
                return Err(Error::new_spanned(action, "only an `Option<BelongsTo<T>>` can become NULL"));
            }
            _ => return Err(Error::new_spanned(action, "expected `restrict`, `cascade` or `set_null`")),
        };
        Ok(())
    })?;
    let target = target.clone();
    Ok(if fields.is_empty() {
        Kind::BelongsTo { target, nullable, on_delete, on_update }
    } else {
        Kind::ByFields { target, nullable, on_delete, on_update, fields }
    })
}

/// `#[embedded]`, or `#[embedded(prefix = "…")]`.
pub(super) fn embedded(attribute: &Attribute, ty: &Type) -> Result<Kind> {
    let mut prefix = None;
    nested(attribute, |meta| {
        if !meta.path.is_ident("prefix") {
            return Err(
                meta.error("unknown; `#[embedded]` takes `prefix = \"…\"`, what its columns begin with")
            );
        }
        prefix = Some(meta.value()?.parse::<LitStr>()?.value());
        Ok(())
    })?;
    let optional = argument(ty, "Option").is_some();
    Ok(Kind::Embedded { part: inside_option(ty).clone(), optional, prefix })
}

pub(super) fn has_many(attribute: &Attribute, ty: &Type) -> Result<Kind> {
    let (target, by) = counterpart(attribute, ty, ["has_many", "HasMany"])?;
    Ok(Kind::HasMany { target, by })
}

pub(super) fn has_one(attribute: &Attribute, ty: &Type) -> Result<Kind> {
    let (target, by) = counterpart(attribute, ty, ["has_one", "HasOne"])?;
    Ok(Kind::HasOne { target, by })
}

/// A relation whose column is on the other side.
fn counterpart(
    attribute: &Attribute,
    ty: &Type,
    [name, generic]: [&str; 2],
) -> Result<(Type, Option<String>)> {
    let expected = || format!("`#[{name}]` stands above a `{generic}<T>`");
    let target = argument(ty, generic).ok_or_else(|| Error::new_spanned(ty, expected()))?;
    let mut by = None;
    nested(attribute, |meta| {
        if !meta.path.is_ident("by") {
            return Err(meta.error(format!(
                "unknown; `#[{name}]` takes `by = field`, the other model's relation to this one"
            )));
        }
        by = Some(meta.value()?.parse::<Ident>()?.to_string());
        Ok(())
    })?;
    Ok((target.clone(), by))
}

pub(super) fn many_to_many(attribute: &Attribute, ty: &Type) -> Result<Kind> {
    let expected = "`#[many_to_many]` stands above a `ManyToMany<T>`";
    let target = argument(ty, "ManyToMany").ok_or_else(|| Error::new_spanned(ty, expected))?;
    let (mut through, mut from, mut to) = (None, None, None);
    let (mut by, mut table) = (None, None);
    nested(attribute, |meta| {
        if meta.path.is_ident("through") {
            through = Some(meta.value()?.parse::<Path>()?);
        } else if meta.path.is_ident("from") {
            from = Some(meta.value()?.parse::<Ident>()?);
        } else if meta.path.is_ident("to") {
            to = Some(meta.value()?.parse::<Ident>()?);
        } else if meta.path.is_ident("by") {
            by = Some(meta.value()?.parse::<Ident>()?);
        } else if meta.path.is_ident("table") {
            table = Some(meta.value()?.parse::<LitStr>()?.value());
        } else {
            return Err(meta.error(
                "unknown; `#[many_to_many]` takes `through = Model` with `from = field` and `to = field`, or \
                 `by = field`, the other model's relation to this one, or `table = \"…\"`",
            ));
        }
        Ok(())
    })?;
    let through = match (through, by, table) {
        (Some(model), None, None) => {
            let name = |field: Option<Ident>| field.map(|field| field.to_string());
            return Ok(Kind::ManyToMany {
                target: target.clone(),
                through: Through::Model { model, from: name(from), to: name(to) },
            });
        }
        (None, Some(by), None) => Through::Other { by },
        (None, None, table) => Through::Own { table },
        _ => {
            let message = "say one of `through = Model` (a model between), `by = field` (the other side of a relation that \
                           makes its own table) and `table = \"…\"` (the name of that table)";
            return Err(Error::new_spanned(attribute, message));
        }
    };
    if let Some(field) = from.or(to) {
        return Err(Error::new_spanned(
            field,
            "only a model between (`through = Model`) has a field of this name",
        ));
    }
    Ok(Kind::ManyToMany { target: target.clone(), through })
}

fn nested(attribute: &Attribute, read: impl FnMut(ParseNestedMeta<'_>) -> Result<()>) -> Result<()> {
    match &attribute.meta {
        Meta::Path(_) => Ok(()),
        _ => attribute.parse_nested_meta(read),
    }
}
