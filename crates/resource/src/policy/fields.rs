//! Which fields of a model.

use std::fmt;
use std::marker::PhantomData;

use mainstay_db::embedded::{Embedded, Part, Presence};
use mainstay_db::expression::Scope;
use mainstay_db::meta::RelationKind;
use mainstay_db::relation::ToOne;
use mainstay_db::write::IntoColumns;
use mainstay_db::{Column, Model};

/// Which fields of a model may be seen or written.
pub struct FieldSet<M> {
    kind: Kind,
    marker: PhantomData<fn() -> M>,
}

#[derive(Clone, Debug)]
enum Kind {
    Only(Vec<&'static str>),
    AllBut(Vec<&'static str>),
}

impl<M: Model> FieldSet<M> {
    /// Every field.
    pub fn all() -> Self {
        Self::of(Kind::AllBut(Vec::new()))
    }

    /// No field.
    pub fn none() -> Self {
        Self::of(Kind::Only(Vec::new()))
    }

    /// These alone: `FieldSet::only(|article| (article.title, article.body))`.
    pub fn only<C: ColumnSet<M>>(columns: impl FnOnce(M::Fields) -> C) -> Self {
        Self::of(Kind::Only(columns(M::fields(Scope::ROOT)).names()))
    }

    /// All but these.
    pub fn all_but<C: ColumnSet<M>>(columns: impl FnOnce(M::Fields) -> C) -> Self {
        Self::of(Kind::AllBut(columns(M::fields(Scope::ROOT)).names()))
    }

    /// Those that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        use Kind::{AllBut, Only};
        Self::of(match (self.kind, other.kind) {
            (Only(one), Only(other)) => Only(shared(one, &other)),
            (Only(only), AllBut(but)) | (AllBut(but), Only(only)) => Only(without(only, &but)),
            (AllBut(one), AllBut(other)) => AllBut(joined(one, other)),
        })
    }

    /// Those that are in one of them.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        use Kind::{AllBut, Only};
        Self::of(match (self.kind, other.kind) {
            (Only(one), Only(other)) => Only(joined(one, other)),
            (Only(only), AllBut(but)) | (AllBut(but), Only(only)) => AllBut(without(but, &only)),
            (AllBut(one), AllBut(other)) => AllBut(shared(one, &other)),
        })
    }

    fn of(kind: Kind) -> Self {
        Self { kind, marker: PhantomData }
    }

    /// Whether the field with this column is among them.
    pub fn contains(&self, column: &str) -> bool {
        match &self.kind {
            Kind::Only(columns) => columns.contains(&column),
            Kind::AllBut(columns) => !columns.contains(&column),
        }
    }
}

type Names = Vec<&'static str>;

fn shared(mut names: Names, others: &Names) -> Names {
    names.retain(|name| others.contains(name));
    names
}

fn without(mut names: Names, others: &Names) -> Names {
    names.retain(|name| !others.contains(name));
    names
}

fn joined(mut names: Names, others: Names) -> Names {
    names.extend(others);
    names.sort_unstable();
    names.dedup();
    names
}

/// For people: `all`, `none`, `title, body`, `all but salary`.
impl<M: Model> fmt::Display for FieldSet<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |column: &&'static str| M::META.column(column).map_or(*column, |(_, field)| field.name);
        let list = |names: &Names| names.iter().map(name).collect::<Vec<_>>().join(", ");
        match &self.kind {
            Kind::Only(names) if names.is_empty() => f.write_str("none"),
            Kind::Only(names) => f.write_str(&list(names)),
            Kind::AllBut(names) if names.is_empty() => f.write_str("all"),
            Kind::AllBut(names) => write!(f, "all but {}", list(names)),
        }
    }
}

impl<M> Clone for FieldSet<M> {
    fn clone(&self) -> Self {
        Self { kind: self.kind.clone(), marker: PhantomData }
    }
}

impl<M> fmt::Debug for FieldSet<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

/// One column of a model, or several. A relation stands for the columns that have its key.
pub trait ColumnSet<M> {
    /// Their names in the table.
    fn names(self) -> Vec<&'static str>;
}

impl<M, T> ColumnSet<M> for Column<M, T> {
    fn names(self) -> Vec<&'static str> {
        vec![self.name()]
    }
}

/// A part, with all of its columns.
impl<M, E: Embedded, P: Presence> ColumnSet<M> for Part<M, E, P> {
    fn names(self) -> Vec<&'static str> {
        self.into_columns()
    }
}

/// The columns with the key of the other row.
impl<M: Model, R: Model> ColumnSet<M> for ToOne<M, R> {
    fn names(self) -> Vec<&'static str> {
        let RelationKind::BelongsTo { fields, .. } = self.meta().kind else { return Vec::new() };
        fields.iter().filter_map(|index| M::META.fields.get(*index)).map(|field| field.column).collect()
    }
}

macro_rules! several {
    ($($type:ident)+) => {
        impl<M, $($type: ColumnSet<M>),+> ColumnSet<M> for ($($type,)+) {
            #[allow(non_snake_case, reason = "the type parameter names its value")]
            fn names(self) -> Vec<&'static str> {
                let ($($type,)+) = self;
                let mut names = Vec::new();
                $(names.extend($type.names());)+
                names
            }
        }
    };
}

several!(A);
several!(A B);
several!(A B C);
several!(A B C D);
several!(A B C D E);
several!(A B C D E F);
several!(A B C D E F G);
several!(A B C D E F G H);
