//! What is written above a field.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, Ident, LitInt, LitStr, Meta, Path, Result, Token, Type};

use super::input::{argument, inside_option};

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

impl Options {
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

pub(super) fn belongs_to(attribute: &Attribute, ty: &Type) -> Result<Kind> {
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

pub(super) fn has_many(attribute: &Attribute, ty: &Type) -> Result<Kind> {
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

pub(super) fn many_to_many(attribute: &Attribute, ty: &Type) -> Result<Kind> {
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
