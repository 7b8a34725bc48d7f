//! Relations that are shown with rows.
//!
//! What is shown of the other rows is by the policy of their model: its rows are a condition of the query that loads them, its
//! fields are those that are written.

use mainstay_core::Result;
use mainstay_db::expression::Scope;
use mainstay_db::meta::{ModelMeta, RelationKind, RelationMeta};
use mainstay_db::relation::{IntoLoad, LoadMany, ToMany, ToOne, ToSingle};
use mainstay_db::{Model, Predicate, Query};

use crate::operations::Caller;
use crate::policy::{Action, Rows};
use crate::record::Form;
use crate::resource::Seen;

/// A relation that can be shown with rows: `|a| a.author`, `|a| a.comments.order_by(|c| c.id).limit(10)`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be shown with the rows",
    label = "expected a relation, such as `|a| a.author`"
)]
pub trait Includable<M: Model>: Sized {
    /// The other model.
    type Row: Model;

    /// What is known of it.
    fn meta(&self) -> &'static RelationMeta;

    /// The query that loads it, with these of the other rows.
    fn load(self, query: Query<M>, rows: Rows<Self::Row>) -> Query<M>;

    /// What it has loaded: one row at most, or a list.
    fn loaded(self, row: &mut M) -> Loaded<'_, Self::Row>;
}

/// What a relation has loaded.
#[derive(Debug)]
pub enum Loaded<'m, R> {
    /// The other row, if there is one that may be seen.
    One(Option<&'m R>),
    /// The other rows.
    Many(&'m [R]),
}

impl<M: Model, R: Model> Includable<M> for ToOne<M, R> {
    type Row = R;

    fn meta(&self) -> &'static RelationMeta {
        ToOne::meta(*self)
    }

    fn load(self, query: Query<M>, rows: Rows<R>) -> Query<M> {
        limited(self, query, rows, |path, seen| path.filter(|_| seen))
    }

    fn loaded(self, row: &mut M) -> Loaded<'_, R> {
        Loaded::One(self.loaded_in(row))
    }
}

impl<M: Model, R: Model> Includable<M> for ToSingle<M, R> {
    type Row = R;

    fn meta(&self) -> &'static RelationMeta {
        self.many().meta()
    }

    fn load(self, query: Query<M>, rows: Rows<R>) -> Query<M> {
        self.many().load(query, rows)
    }

    fn loaded(self, row: &mut M) -> Loaded<'_, R> {
        Loaded::One(self.many().loaded_in(row).first())
    }
}

impl<M: Model, R: Model> Includable<M> for ToMany<M, R> {
    type Row = R;

    fn meta(&self) -> &'static RelationMeta {
        ToMany::meta(*self)
    }

    fn load(self, query: Query<M>, rows: Rows<R>) -> Query<M> {
        limited(self, query, rows, |path, seen| path.filter(|_| seen))
    }

    fn loaded(self, row: &mut M) -> Loaded<'_, R> {
        Loaded::Many(self.loaded_in(row))
    }
}

impl<M: Model, R: Model> Includable<M> for LoadMany<M, R> {
    type Row = R;

    fn meta(&self) -> &'static RelationMeta {
        self.path().meta()
    }

    fn load(self, query: Query<M>, rows: Rows<R>) -> Query<M> {
        limited(self, query, rows, |path, seen| path.filter(|_| seen))
    }

    fn loaded(self, row: &mut M) -> Loaded<'_, R> {
        Loaded::Many(self.path().loaded_in(row))
    }
}

/// The query that loads these of the other rows. `filter` is how this kind of relation takes a condition.
fn limited<M: Model, R: Model, L: IntoLoad<M>, F: IntoLoad<M>>(
    relation: L,
    query: Query<M>,
    rows: Rows<R>,
    filter: impl FnOnce(L, Predicate<R>) -> F,
) -> Query<M> {
    match rows {
        Rows::None => query,
        Rows::All => query.with(|_| relation),
        Rows::Where(seen) => query.with(|_| filter(relation, seen)),
    }
}

/// A relation that can be shown with rows, for surfaces.
#[derive(Clone, Copy, Debug)]
pub struct Inclusion {
    /// Its name.
    pub name: &'static str,
    /// The other model.
    pub model: &'static ModelMeta,
    /// Whether it is a list.
    pub many: bool,
}

/// Writes what a relation has loaded in a row.
pub(crate) type Writer<'a, M> = dyn Fn(&mut M) -> Result<String> + 'a;

/// A relation of a resource, whatever it leads to.
pub(crate) trait Included<M: Model>: Send + Sync {
    /// What is known of it.
    fn inclusion(&self) -> Inclusion;

    /// Its name.
    fn name(&self) -> &'static str {
        self.inclusion().name
    }

    /// The query that loads it, as the caller may see it.
    fn load(&self, query: Query<M>, caller: Caller<'_>) -> Query<M>;

    /// Writes what it has loaded as JSON, row by row.
    fn writer<'a>(&'a self, caller: Caller<'_>) -> Box<Writer<'a, M>>;
}

/// By a closure over the model's fields.
pub(crate) struct Include<F>(pub(crate) F);

impl<M, L, F> Included<M> for Include<F>
where
    M: Model,
    L: Includable<M>,
    F: Fn(M::Fields) -> L + Send + Sync,
{
    fn inclusion(&self) -> Inclusion {
        let meta = relation::<M, L>(&self.0).meta();
        let many = matches!(meta.kind, RelationKind::HasMany { .. } | RelationKind::ManyToMany { .. });
        Inclusion { name: meta.name, model: <L::Row as Model>::META, many }
    }

    fn load(&self, query: Query<M>, caller: Caller<'_>) -> Query<M> {
        let rows = caller.policies.of::<L::Row>().rows(caller.who, Action::View);
        relation::<M, L>(&self.0).load(query, rows)
    }

    fn writer<'a>(&'a self, caller: Caller<'_>) -> Box<Writer<'a, M>> {
        let policy = caller.policies.of::<L::Row>();
        let seen = Seen(policy.fields(caller.who, Action::View));
        let form = Form::new(<L::Row as Model>::META, |field| seen.has(field));
        Box::new(move |row| {
            let write = |row: &L::Row| form.record(&row.values()).map(|record| record.json);
            match relation::<M, L>(&self.0).loaded(row) {
                Loaded::One(None) => Ok("null".to_owned()),
                Loaded::One(Some(row)) => write(row),
                Loaded::Many(rows) => {
                    let rows = rows.iter().map(write).collect::<Result<Vec<_>>>()?;
                    Ok(format!("[{}]", rows.join(",")))
                }
            }
        })
    }
}

/// The relation that a closure names.
fn relation<M: Model, L>(of: impl Fn(M::Fields) -> L) -> L {
    of(M::fields(Scope::ROOT))
}
