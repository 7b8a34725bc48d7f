//! Values: columns, what is computed of them, and what comes from related rows.

use sea_query::{Alias, CaseStatement, Expr, ExprTrait, JoinType, Query, SelectStatement, SubQueryStatement};

use super::{Renderer, slot};
use crate::driver::Dialect;
use crate::error::DbError;
use crate::expression::{Choose, ColumnRef, Related, RelatedTerm, Term};
use crate::meta::{Link, ModelMeta};
use crate::value::SqlType;

impl Renderer {
    pub(super) fn term(&self, term: &Term) -> Result<Expr, DbError> {
        Ok(match term {
            Term::Column(ColumnRef { scope, column }) => self.column(*scope, column),
            Term::Slot(number) => slot(*number),
            Term::TypedSlot { slot, sql_type } => self.typed(*slot, *sql_type),
            Term::Call(call) => self.call(call)?,
            Term::Choose(choose) => self.choose(choose)?,
            Term::Related(inside) => self.inside(inside)?,
            Term::Json(json) => self.json(json)?,
            Term::Relevance(sought) => self.relevance(sought)?,
            Term::Output(place) => Expr::col(Alias::new(super::output_name(*place))),
            Term::Fault(detail) => return Err(DbError::Model { detail: detail.clone() }),
            // `Shape` has taken every value out.
            Term::Value(_) | Term::Literal { .. } => Expr::cust("NULL"),
        })
    }

    /// SQL with an expression in the place of each `?`.
    pub(super) fn template<const N: usize>(&self, template: &'static str, arguments: [Expr; N]) -> Expr {
        if self.dialect != Dialect::Postgres {
            return Expr::cust_with_exprs(template, arguments);
        }
        let mut numbered = String::with_capacity(template.len() + N);
        let mut number = 0;
        for letter in template.chars() {
            if letter == '?' {
                number += 1;
                numbered.push_str(&format!("${number}"));
            } else {
                numbered.push(letter);
            }
        }
        Expr::cust_with_exprs(numbered, arguments)
    }

    /// A value inside of an expression. PostgreSQL takes one for a text when nothing else says what it is.
    pub(super) fn typed(&self, number: usize, sql_type: SqlType) -> Expr {
        match self.dialect {
            Dialect::Postgres => {}
            // There, exact numbers are bound as texts, and with a text it would reckon in floating-point numbers.
            Dialect::MySql | Dialect::MariaDb if sql_type == SqlType::Decimal => {
                return self.template("CAST(? AS DECIMAL(57, 28))", [slot(number)]);
            }
            _ => return slot(number),
        }
        Expr::cust_with_exprs(format!("CAST($1 AS {})", postgres_word(sql_type)), [slot(number)])
    }

    /// An exact number that is computed is only a text to SQLite, unless it is told how to compare it.
    pub(super) fn collated(&self, expression: Expr, sql_type: SqlType) -> Expr {
        if self.dialect == Dialect::Sqlite && sql_type == SqlType::Decimal {
            return self.template("(? COLLATE decimal)", [expression]);
        }
        expression
    }

    fn choose(&self, choose: &Choose) -> Result<Expr, DbError> {
        let mut case = CaseStatement::new();
        for (when, then) in &choose.branches {
            case = case.case(self.node(when)?, self.term(then)?);
        }
        Ok(self.collated(case.finally(self.term(&choose.otherwise)?).into(), choose.sql_type))
    }

    fn inside(&self, inside: &RelatedTerm) -> Result<Expr, DbError> {
        let mut statement = self.related(&inside.related)?;
        statement.expr(self.term(&inside.output)?);
        Ok(self.collated(Expr::from(SubQueryStatement::from(statement)), inside.sql_type))
    }

    /// The rows that a relation leads to, without saying yet what is wanted of them.
    pub(super) fn related(&self, related: &Related) -> Result<SelectStatement, DbError> {
        let target = (related.relation.target)();
        let (inner, outer) = (related.inner, related.outer);
        let mut statement = Query::select();
        match related.relation.link()? {
            Link::One { columns, keys } => {
                statement.from_as(target.table, Alias::new(self.alias(inner)));
                statement.and_where_option(self.of_tenant(target, &self.alias(inner))?);
                statement.and_where(self.same((inner, &keys), (outer, &columns)));
            }
            Link::Many { columns, keys } => {
                statement.from_as(target.table, Alias::new(self.alias(inner)));
                statement.and_where_option(self.of_tenant(target, &self.alias(inner))?);
                self.leave_out_deleted(&mut statement, target, &self.alias(inner));
                statement.and_where(self.same((inner, &columns), (outer, &keys)));
            }
            Link::Through { through, from, to, keys, target_keys } => {
                let between = format!("x{}", inner.number());
                let column = |name: &'static str| (Alias::new(&between), name);
                statement.from_as(through.table, Alias::new(&between));
                statement.and_where_option(self.of_tenant(through, &between)?);
                statement.and_where_option(self.of_tenant(target, &self.alias(inner))?);
                self.leave_out_deleted(&mut statement, through, &between);
                self.leave_out_deleted(&mut statement, target, &self.alias(inner));
                statement.join_as(
                    JoinType::InnerJoin,
                    target.table,
                    Alias::new(self.alias(inner)),
                    target_keys
                        .iter()
                        .zip(&to)
                        .map(|(key, to)| self.column(inner, key).equals(column(to)))
                        .reduce(Expr::and)
                        .unwrap_or_else(|| Expr::cust("1 = 0")),
                );
                for (from, key) in from.iter().zip(&keys) {
                    statement.and_where(Expr::col(column(from)).equals(self.reference(outer, key)));
                }
            }
        }
        if let Some(body) = &related.body {
            statement.and_where(self.node(body)?);
        }
        Ok(statement)
    }

    fn leave_out_deleted(&self, statement: &mut SelectStatement, model: &ModelMeta, alias: &str) {
        if let Some((_, deleted)) = model.deleted_at() {
            statement.and_where(Expr::col((Alias::new(alias), deleted.column)).is_null());
        }
    }
}

fn postgres_word(sql_type: SqlType) -> String {
    let word = match sql_type {
        SqlType::SmallInt => "smallint",
        SqlType::Int => "integer",
        SqlType::BigInt => "bigint",
        SqlType::Real => "real",
        SqlType::Double => "double precision",
        SqlType::Decimal => "numeric",
        SqlType::Uuid => "uuid",
        SqlType::Bool => "boolean",
        SqlType::Text | SqlType::Enum => "text",
        SqlType::Bytes => "bytea",
        SqlType::DateTime => "timestamptz",
        SqlType::Date => "date",
        SqlType::Time => "time",
        SqlType::Json => "jsonb",
        SqlType::Array(of) => return format!("{}[]", postgres_word(*of)),
    };
    word.to_owned()
}
