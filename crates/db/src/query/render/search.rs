//! Search.

use sea_query::{Expr, ExprTrait, Func};

use super::Renderer;
use crate::driver::Dialect;
use crate::error::DbError;
use crate::expression::{Sought, Term};
use crate::meta::SearchMeta;
use crate::schema::{config, plain};
use crate::search::{language, weight};

impl Renderer {
    /// The condition that a row has what is looked for.
    pub(super) fn matches(&self, sought: &Sought) -> Result<Expr, DbError> {
        let (search, key) = self.searched(sought)?;
        let name = self.dialect.quote(search.name);
        Ok(match self.dialect {
            Dialect::Sqlite => Expr::cust_with_exprs(
                format!("? IN (SELECT rowid FROM {name} WHERE {name} MATCH ?)"),
                [self.column(sought.scope, key), self.looked_for(sought)?],
            ),
            Dialect::Postgres => {
                let template = format!("$1 @@ {}", query(search));
                Expr::cust_with_exprs(
                    template,
                    [self.column(sought.scope, search.name), self.looked_for(sought)?],
                )
            }
            Dialect::MySql | Dialect::MariaDb => {
                let any = self.against(sought, search)?.into_iter().reduce(Expr::or);
                any.unwrap_or_else(|| Expr::cust("1 = 0"))
            }
        })
    }

    /// How well a row fits: the greater, the better.
    pub(super) fn relevance(&self, sought: &Sought) -> Result<Expr, DbError> {
        let (search, key) = self.searched(sought)?;
        let name = self.dialect.quote(search.name);
        Ok(match self.dialect {
            Dialect::Sqlite => {
                let weights = (0..search.fields.len()).map(|place| format!(", {:?}", weight(place).1));
                let weights: String = weights.collect();
                // The limit keeps the two queries apart: the inner one is run once, and not once for each row.
                let found = format!(
                    "SELECT rowid AS k, -bm25({name}{weights}) AS r FROM {name} WHERE {name} MATCH ? LIMIT -1"
                );
                Expr::cust_with_exprs(
                    format!("coalesce((SELECT f.r FROM ({found}) AS f WHERE f.k = ?), 0.0)"),
                    [self.looked_for(sought)?, self.column(sought.scope, key)],
                )
            }
            Dialect::Postgres => {
                let template = format!("ts_rank($1, {})::double precision", query(search));
                Expr::cust_with_exprs(
                    template,
                    [self.column(sought.scope, search.name), self.looked_for(sought)?],
                )
            }
            Dialect::MySql | Dialect::MariaDb => match self.against(sought, search)? {
                mut one if one.len() == 1 => one.remove(0),
                several => Func::cust("GREATEST").args(several).into(),
            },
        })
    }

    fn against(&self, sought: &Sought, search: &SearchMeta) -> Result<Vec<Expr>, DbError> {
        let against = |words: &Term| {
            let column = self.column(sought.scope, search.name);
            // MariaDB makes one of two searches that are alike. A prepared statement that has such is run again with the one
            // of before, whatever is looked for then: what is found is wrong, or the server crashes (seen on 10.11, in
            // `Item_func_match::init_search`). The words of no two slots may look alike, the same words in an order neither.
            let apart = if let Term::Slot(slot) = words { *slot } else { 0 };
            let template = format!("MATCH (?) AGAINST (CONCAT(?, SPACE({apart})) IN BOOLEAN MODE)");
            Ok(Expr::cust_with_exprs(template, [column, self.term(words)?]))
        };
        sought.words.iter().map(against).collect()
    }

    /// The one text that all is in.
    fn looked_for(&self, sought: &Sought) -> Result<Expr, DbError> {
        sought.words.first().map_or_else(|| Ok(Expr::cust("''")), |words| self.term(words))
    }

    fn searched(&self, sought: &Sought) -> Result<(&'static SearchMeta, &'static str), DbError> {
        let lacks = || DbError::Model { detail: format!("`{}` has no `#[search(…)]`", sought.meta.name) };
        let search = sought.meta.search.as_ref().ok_or_else(lacks)?;
        if self.dialect == Dialect::Sqlite && !sought.meta.has_whole_key() {
            let model = sought.meta.name;
            let detail =
                format!("SQLite searches models with a key of one whole number, and `{model}` has another");
            return Err(DbError::Model { detail });
        }
        Ok((search, sought.meta.single_key().map_or("", |key| key.column)))
    }
}

/// What PostgreSQL looks for, read once for all rows: that is what the `SELECT` is for.
fn query(search: &SearchMeta) -> String {
    let language = search.language.unwrap_or(language::NONE);
    format!("(SELECT to_tsquery({}, {}))", config(language), plain("$2::text", language))
}
