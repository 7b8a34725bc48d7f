//! Search.

use sea_query::Expr;

use super::Renderer;
use crate::driver::Dialect;
use crate::error::DbError;
use crate::expression::Sought;
use crate::meta::SearchMeta;
use crate::schema::{config, plain};
use crate::search::{language, weight};

impl Renderer {
    /// The condition that a row has what is looked for.
    pub(super) fn matches(&self, sought: &Sought) -> Result<Expr, DbError> {
        let (search, key) = self.searched(sought)?;
        let words = self.term(&sought.words)?;
        let name = self.dialect.quote(search.name);
        Ok(match self.dialect {
            Dialect::Sqlite => Expr::cust_with_exprs(
                format!("? IN (SELECT rowid FROM {name} WHERE {name} MATCH ?)"),
                [self.column(sought.scope, key), words],
            ),
            Dialect::Postgres => {
                let template = format!("$1 @@ {}", query(search));
                Expr::cust_with_exprs(template, [self.column(sought.scope, search.name), words])
            }
            Dialect::MySql | Dialect::MariaDb => self.against(sought, search, words),
        })
    }

    /// How well a row fits: the greater, the better.
    pub(super) fn relevance(&self, sought: &Sought) -> Result<Expr, DbError> {
        let (search, key) = self.searched(sought)?;
        let words = self.term(&sought.words)?;
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
                    format!("(SELECT f.r FROM ({found}) AS f WHERE f.k = ?)"),
                    [words, self.column(sought.scope, key)],
                )
            }
            Dialect::Postgres => {
                let template = format!("ts_rank($1, {})::double precision", query(search));
                Expr::cust_with_exprs(template, [self.column(sought.scope, search.name), words])
            }
            Dialect::MySql | Dialect::MariaDb => self.against(sought, search, words),
        })
    }

    fn against(&self, sought: &Sought, search: &SearchMeta, words: Expr) -> Expr {
        let column = self.column(sought.scope, search.name);
        self.template("MATCH (?) AGAINST (? IN BOOLEAN MODE)", [column, words])
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
