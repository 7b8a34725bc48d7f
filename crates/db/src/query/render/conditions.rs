//! Conditions.

use sea_query::{Alias, BinOper, Expr, ExprTrait, Query, SelectStatement};

use super::{FLAT, Renderer, slot};
use crate::driver::Dialect;
use crate::error::DbError;
use crate::expression::{Case, ColumnRef, Items, List, Node, Operator, Pattern, Term};
use crate::query::Select;
use crate::value::SqlType;

impl Renderer {
    pub(super) fn node(&self, node: &Node) -> Result<Expr, DbError> {
        Ok(match node {
            Node::Compare { left, operator, right } => {
                let (left, right) = (self.term(left)?, self.term(right)?);
                let operator = match operator {
                    Operator::Equal => BinOper::Equal,
                    Operator::NotEqual => BinOper::NotEqual,
                    Operator::Less => BinOper::SmallerThan,
                    Operator::LessOrEqual => BinOper::SmallerThanOrEqual,
                    Operator::Greater => BinOper::GreaterThan,
                    Operator::GreaterOrEqual => BinOper::GreaterThanOrEqual,
                    Operator::Same => BinOper::Custom(match self.dialect {
                        Dialect::Sqlite => "IS",
                        Dialect::Postgres => "IS NOT DISTINCT FROM",
                        Dialect::MySql | Dialect::MariaDb => "<=>",
                    }),
                };
                left.binary(operator, right)
            }
            Node::In { left, list } => self.list(self.term(left)?, list)?,
            Node::Among { columns, keys } => self.among(columns, keys)?,
            Node::Null(term) => self.term(term)?.is_null(),
            Node::Text { left, pattern } => self.text(self.term(left)?, pattern)?,
            Node::All(nodes) => self.fold(nodes, "1 = 1", Expr::and)?,
            Node::Any(nodes) => self.fold(nodes, "1 = 0", Expr::or)?,
            Node::Not(node) => self.node(node)?.not(),
            Node::Holds(term) => self.term(term)?,
            Node::Matches(sought) => self.matches(sought)?,
            Node::Related(related) => {
                let mut statement = self.related(related)?;
                statement.expr(Expr::cust("1"));
                Expr::exists(statement)
            }
        })
    }

    pub(super) fn fold(
        &self,
        nodes: &[Node],
        empty: &'static str,
        join: fn(Expr, Expr) -> Expr,
    ) -> Result<Expr, DbError> {
        if nodes.len() > FLAT {
            let (left, right) = nodes.split_at(nodes.len() / 2);
            return Ok(join(self.fold(left, empty, join)?, self.fold(right, empty, join)?));
        }
        let mut all = None;
        for node in nodes {
            let expression = self.node(node)?;
            all = Some(match all {
                Some(all) => join(all, expression),
                None => expression,
            });
        }
        Ok(all.unwrap_or_else(|| Expr::cust(empty)))
    }

    fn list(&self, left: Expr, list: &List) -> Result<Expr, DbError> {
        Ok(match list {
            List::Slot(number) => match self.dialect {
                Dialect::Postgres => self.template("? = ANY(?)", [left, slot(*number)]),
                _ => self.template("? IN (SELECT value FROM json_each(?))", [left, slot(*number)]),
            },
            List::Table(number, items) => {
                let items = match items {
                    Items::Whole => "bigint".to_owned(),
                    Items::Text => format!(
                        "longtext CHARACTER SET utf8mb4 COLLATE {}",
                        self.dialect.collation().unwrap_or("utf8mb4_bin")
                    ),
                };
                let table = format!("JSON_TABLE(?, '$[*]' COLUMNS (v {items} PATH '$')) AS list");
                Expr::cust_with_exprs(format!("? IN (SELECT v FROM {table})"), [left, slot(*number)])
            }
            List::Slots(slots) if slots.is_empty() => Expr::cust("1 = 0"),
            List::Slots(slots) => left.is_in(slots.iter().map(|number| slot(*number))),
            List::ExactSlots(slots) => {
                left.is_in(slots.iter().map(|number| self.typed(*number, SqlType::Decimal)))
            }
            List::Values(_) => Expr::cust("1 = 0"),
            List::Query(select) => left.in_subquery(self.candidates(select)?),
        })
    }

    fn among(&self, columns: &[ColumnRef], keys: &[Vec<Term>]) -> Result<Expr, DbError> {
        if keys.is_empty() {
            return Ok(Expr::cust("1 = 0"));
        }
        let columns = columns.iter().map(|column| self.column(column.scope, column.column));
        let mut rows = Vec::with_capacity(keys.len());
        for key in keys {
            rows.push(key.iter().map(|part| self.term(part)).collect::<Result<Vec<_>, _>>()?);
        }
        if self.dialect != Dialect::Sqlite {
            let rows = rows.into_iter().map(Expr::tuple);
            return Ok(Expr::tuple(columns).binary(BinOper::In, Expr::tuple(rows)));
        }
        // SQLite knows such a list as a table alone.
        let row = format!("({})", vec!["?"; columns.len()].join(", "));
        let template = format!("{row} IN (VALUES {})", vec![row.as_str(); rows.len()].join(", "));
        Ok(Expr::cust_with_exprs(template, columns.chain(rows.into_iter().flatten())))
    }

    /// A query inside of another one. It is its own world: its tables have the aliases that they would have alone.
    fn candidates(&self, select: &Select) -> Result<SelectStatement, DbError> {
        let inner = Self::new(self.dialect, self.tenant).select(select)?;
        if !matches!(self.dialect, Dialect::MySql | Dialect::MariaDb) {
            return Ok(inner);
        }
        // MySQL takes a limit, and a table that is being changed, only inside of a further query.
        let mut outer = Query::select();
        outer.expr(Expr::cust("*")).from_subquery(inner, Alias::new("q"));
        Ok(outer)
    }

    fn text(&self, left: Expr, pattern: &Pattern) -> Result<Expr, DbError> {
        let needle = self.term(&pattern.needle)?;
        let operator = match (self.dialect, pattern.case) {
            (Dialect::Sqlite, Case::Sensitive) => "GLOB",
            // SQLite's LIKE has no escape character unless one is named.
            (Dialect::Sqlite, Case::Ignored) => {
                return Ok(self.template("? LIKE ? ESCAPE '\\'", [left, needle]));
            }
            (Dialect::Postgres, Case::Sensitive) => "LIKE",
            (Dialect::Postgres, Case::Ignored) => "ILIKE",
            (Dialect::MySql | Dialect::MariaDb, Case::Sensitive) => "LIKE BINARY",
            // The collation tells letters from capitals, and accents too, which are to stay different.
            (Dialect::MySql | Dialect::MariaDb, Case::Ignored) => {
                return Ok(self.template("LOWER(?) LIKE LOWER(?)", [left, needle]));
            }
        };
        Ok(left.binary(BinOper::Custom(operator), needle))
    }
}
