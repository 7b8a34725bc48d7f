//! What a policy says, for people to read.

use std::fmt;
use std::sync::Arc;

use mainstay_core::principal::Principal;
use mainstay_db::meta::ModelMeta;
use mainstay_db::{Dialect, Model, Query};

use super::{Action, Policies, Policy, Rows};

/// A policy of a model that is known at run time: `policies show` reads it.
#[derive(Clone)]
pub struct ShownPolicy {
    /// The model.
    pub meta: &'static ModelMeta,
    show: Arc<Show>,
}

type Show = dyn Fn(&Principal, Action, Dialect) -> Shown + Send + Sync;

/// What somebody may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// With which rows.
    pub rows: ShownRows,
    /// With which of their fields: `all`, `none`, `title, body`, `all but salary`.
    pub fields: String,
}

/// Which rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShownRows {
    /// None.
    None,
    /// Every one.
    All,
    /// Those that are so, in SQL, with a place for each value.
    Where(String),
}

impl fmt::Display for ShownRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::All => f.write_str("all"),
            Self::Where(sql) => write!(f, "where {sql}"),
        }
    }
}

impl fmt::Debug for ShownPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ShownPolicy").field(&self.meta.name).finish()
    }
}

impl ShownPolicy {
    pub(super) fn of<M: Model>(policy: Arc<dyn Policy<M>>) -> Self {
        let show = move |who: &Principal, action, dialect| {
            let rows = match policy.rows(who, action) {
                Rows::None => ShownRows::None,
                Rows::All => ShownRows::All,
                Rows::Where(condition) => {
                    let sql = Query::<M>::new().filter(|_| condition).to_sql(dialect);
                    let condition = sql.split_once(" WHERE ").map(|(_, condition)| condition.to_owned());
                    ShownRows::Where(condition.unwrap_or(sql))
                }
            };
            Shown { rows, fields: policy.fields(who, action).to_string() }
        };
        Self { meta: M::META, show: Arc::new(show) }
    }

    /// What it lets somebody do.
    pub fn show(&self, who: &Principal, action: Action, dialect: Dialect) -> Shown {
        (self.show)(who, action, dialect)
    }
}

impl Policies {
    /// All that there are, sorted by the names of their models.
    pub fn shown(&self) -> Vec<ShownPolicy> {
        let mut all: Vec<_> = self.0.of::<ShownPolicy>().map(|shown| shown.value.clone()).collect();
        all.sort_by_key(|shown| shown.meta.name);
        all
    }
}

impl mainstay_core::Contribution for ShownPolicy {}
