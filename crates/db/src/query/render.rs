//! From shapes to SQL, with sea-query.
//!
//! Every value has become a slot. A slot is rendered as its own number, so that what sea-query hands back as values is the
//! order in which the slots have to be bound.

mod conditions;
mod functions;
mod json;
mod search;
mod terms;

use sea_query::{
    Alias, BinOper, ColumnRef as SeaColumn, DeleteStatement, Expr, ExprTrait, Func, InsertStatement,
    IntoColumnRef, JoinType, NullOrdering, Order, OverStatement, Query, SelectStatement, UpdateStatement,
    Values, WindowStatement,
};

use super::select::{Join, Lead, Output, Select};
use crate::driver::Dialect;
use crate::error::DbError;
use crate::expression::{Direction, Node, Nulls, OrderTerm, Scope, Term};
use crate::meta::{Columns, Link, ModelMeta};
use crate::tenancy::{TenantKind, unsaid};

/// The column that counts the rows of one owner.
const RANK: &str = "n";
/// The derived table: of a batch with a limit for each owner, and of results that are counted.
const RANKED: &str = "r";

pub(crate) struct Renderer {
    dialect: Dialect,
    tenant: TenantScope,
    /// The name of the table that the statement is about. An update and a delete have no alias for it.
    root: Option<&'static str>,
}

/// For which tenant SQL is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TenantScope {
    /// Nobody has said: a model that has tenants is refused.
    Unsaid,
    /// For all.
    Across,
    /// For that whose value is in this slot.
    Slot(usize, TenantKind),
}

impl TenantScope {
    /// What tells shapes apart.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Unsaid => b'?',
            Self::Across => b'*',
            Self::Slot(_, kind) => kind as u8,
        }
    }
}

/// So many conditions stand one after the other. More are a tree, since each one more would be one level deeper: the stack has
/// an end, and SQLite takes a thousand.
const FLAT: usize = 16;

impl Renderer {
    pub(crate) fn new(dialect: Dialect, tenant: TenantScope) -> Self {
        Self { dialect, tenant, root: None }
    }

    /// The condition that rows of a model are of the tenant that this is for. It goes with every table that is written down.
    fn of_tenant(&self, model: &ModelMeta, alias: &str) -> Result<Option<Expr>, DbError> {
        let Some((_, field)) = model.tenant() else { return Ok(None) };
        match self.tenant {
            TenantScope::Unsaid => Err(unsaid(model)),
            TenantScope::Across => Ok(None),
            TenantScope::Slot(number, kind) => {
                kind.fits(model)?;
                let column = Expr::col((Alias::new(alias), field.column));
                Ok(Some(column.eq(self.typed(number, field.sql_type))))
            }
        }
    }

    /// The SQL of a select, and the slots in the order in which it wants them.
    pub(crate) fn sql(&self, select: &Select) -> Result<(String, Values), DbError> {
        let (mut sql, values) = self.dialect.build(&self.select(select)?);
        if let Some(lock) = select.lock {
            sql.push_str(&lock.sql(self.dialect, &self.dialect.quote(&self.alias(Scope::ROOT))));
        }
        Ok((sql, values))
    }

    pub(crate) fn select(&self, select: &Select) -> Result<SelectStatement, DbError> {
        let mut statement = Query::select();
        statement.from_as(select.meta.table, Alias::new(self.alias(Scope::ROOT)));
        statement.and_where_option(self.of_tenant(select.meta, &self.alias(Scope::ROOT))?);
        if let Some(Lead::Through { through, to, target_keys, .. }) = &select.lead {
            statement.join_as(
                JoinType::InnerJoin,
                through.table,
                Alias::new(self.alias(Scope::THROUGH)),
                self.same((Scope::THROUGH, to), (Scope::ROOT, target_keys)),
            );
            statement.and_where_option(self.of_tenant(through, &self.alias(Scope::THROUGH))?);
        }
        for join in &select.joins {
            self.join(&mut statement, join)?;
        }
        if select.filter.len() > FLAT {
            statement.and_where(self.fold(&select.filter, "1 = 1", Expr::and)?);
        } else {
            for node in &select.filter {
                statement.and_where(self.node(node)?);
            }
        }
        for term in &select.group {
            statement.add_group_by([match term {
                Term::Output(place) => Expr::cust((place + 1).to_string()),
                term => self.term(term)?,
            }]);
        }
        for node in &select.having {
            statement.and_having(self.node(node)?);
        }
        if select.distinct {
            statement.distinct();
        }
        match select.output {
            Output::Count => {
                statement.expr(Func::count(Expr::cust("*")));
            }
            Output::Exists => {
                statement.expr(Expr::cust("1"));
            }
            Output::Values | Output::CountValues => {
                for (place, output) in select.outputs.iter().enumerate() {
                    statement.expr_as(self.term(output)?, Alias::new(output_name(place)));
                }
            }
            Output::Rows if select.per_owner.is_some() => return self.ranked(select, statement),
            Output::Rows => {
                statement.exprs(self.outputs(select)?);
            }
        }
        for term in &select.order {
            self.order(&mut statement, term)?;
        }
        if let Some(Term::Slot(slot)) = select.limit {
            statement.limit(slot as u64);
        } else if select.offset.is_some() && self.dialect != Dialect::Postgres {
            // SQLite and MySQL have no OFFSET without a LIMIT.
            statement.limit(u64::MAX);
        }
        if let Some(Term::Slot(slot)) = select.offset {
            statement.offset(slot as u64);
        }
        if select.output == Output::CountValues {
            let mut counting = Query::select();
            counting.expr(Func::count(Expr::cust("*"))).from_subquery(statement, RANKED);
            return Ok(counting);
        }
        Ok(statement)
    }

    /// The columns, in the order in which they are read.
    fn outputs(&self, select: &Select) -> Result<Vec<Expr>, DbError> {
        let mut outputs = Vec::new();
        if let Some(lead) = &select.lead {
            outputs.extend(lead.columns().iter().map(|column| self.column(lead.scope(), column)));
        }
        self.columns(&mut outputs, Scope::ROOT, select.meta);
        for join in select.joins.iter().filter(|join| join.loads) {
            self.columns(&mut outputs, join.scope, (join.relation.target)());
        }
        for output in &select.outputs {
            outputs.push(self.term(output)?);
        }
        Ok(outputs)
    }

    fn columns(&self, outputs: &mut Vec<Expr>, scope: Scope, meta: &ModelMeta) {
        outputs.extend(meta.fields.iter().map(|field| self.column(scope, field.column)));
    }

    /// At most so many rows for each owner: the rows are numbered within their owner, and the first ones taken.
    fn ranked(&self, select: &Select, mut inner: SelectStatement) -> Result<SelectStatement, DbError> {
        let mut outer = Query::select();
        for (index, output) in self.outputs(select)?.into_iter().enumerate() {
            let name = format!("c{index}");
            inner.expr_as(output, Alias::new(&name));
            outer.column((RANKED, Alias::new(name)));
        }
        let mut window = WindowStatement::new();
        if let Some(lead) = &select.lead {
            for column in lead.columns() {
                window.add_partition_by(self.column(lead.scope(), column));
            }
        }
        for term in &select.order {
            let expression = self.term(&term.term)?;
            match self.nulls(term)? {
                Some(nulls) => {
                    window.order_by_expr_with_nulls(expression, direction(term.direction), null_order(nulls))
                }
                None => window.order_by_expr(expression, direction(term.direction)),
            };
        }
        if select.order.is_empty() {
            for key in select.meta.key_fields() {
                window.order_by_expr(self.column(Scope::ROOT, key.column), Order::Asc);
            }
        }
        inner.expr_window_as(Func::cust("ROW_NUMBER"), window, RANK);
        outer.from_subquery(inner, RANKED);
        if let Some(term) = &select.per_owner {
            let rank = Expr::col((RANKED, RANK));
            outer.and_where(rank.binary(BinOper::SmallerThanOrEqual, self.term(term)?));
        }
        outer.order_by((RANKED, RANK), Order::Asc);
        Ok(outer)
    }

    fn join(&self, statement: &mut SelectStatement, join: &Join) -> Result<(), DbError> {
        let Link::One { columns, keys } = join.relation.link()? else {
            return Err(DbError::Model { detail: format!("`{}` cannot be joined", join.relation.name) });
        };
        let target = (join.relation.target)();
        let mut same = self.same((join.scope, &keys), (join.from, &columns));
        if let Some(theirs) = self.of_tenant(target, &self.alias(join.scope))? {
            same = same.and(theirs);
        }
        statement.join_as(JoinType::LeftJoin, target.table, Alias::new(self.alias(join.scope)), same);
        Ok(())
    }

    fn order(&self, statement: &mut SelectStatement, term: &OrderTerm) -> Result<(), DbError> {
        let expression = self.term(&term.term)?;
        match self.nulls(term)? {
            Some(nulls) => {
                statement.order_by_expr_with_nulls(expression, direction(term.direction), null_order(nulls))
            }
            None => statement.order_by_expr(expression, direction(term.direction)),
        };
        Ok(())
    }

    /// Where NULLs go, if that has to be said. MySQL says it by the same expression once more, which MariaDB does not survive
    /// when it is a search.
    fn nulls(&self, term: &OrderTerm) -> Result<Option<Nulls>, DbError> {
        match &term.term {
            // It is never NULL.
            Term::Relevance(_) => Ok(None),
            reckoned if term.nulls.is_some() && self.dialect.is_mysql() && reckoned.has_relevance() => {
                let engine = self.dialect.name();
                let detail = format!(
                    "{engine} cannot say where NULLs go in an order that is reckoned from a relevance"
                );
                Err(DbError::Model { detail })
            }
            _ => Ok(term.nulls),
        }
    }

    /// `INSERT` of so many rows, whose slots come one after another.
    pub(crate) fn insert(&self, meta: &'static ModelMeta, columns: &[usize], rows: usize) -> InsertStatement {
        let mut statement = Query::insert();
        statement.into_table(meta.table);
        statement.columns(columns.iter().map(|index| meta.fields[*index].column));
        for row in 0..rows {
            let slots = (0..columns.len()).map(|column| slot(row * columns.len() + column));
            statement.values_panic(slots);
        }
        if columns.is_empty() {
            statement.or_default_values();
        }
        statement
    }

    /// `UPDATE … SET`, the slots of the columns first, then those of the filter.
    pub(crate) fn update(
        mut self,
        meta: &'static ModelMeta,
        sets: &[(usize, Term)],
        filter: &[Node],
    ) -> Result<UpdateStatement, DbError> {
        let mut statement = Query::update();
        statement.table(meta.table);
        let conditions = self.concerned(meta, filter)?;
        // What is set may be computed from the row, which has its own name here, whatever the conditions call it.
        self.root = Some(meta.table);
        for (index, term) in self.in_order(meta, sets)? {
            statement.value(meta.fields[*index].column, self.term(term)?);
        }
        // Who is in the middle of a change to one of these rows is to notice.
        if let Some((version, field)) = meta.version()
            && !sets.iter().any(|(index, _)| *index == version)
        {
            statement.value(field.column, Expr::cust(format!("{} + 1", self.dialect.quote(field.column))));
        }
        for condition in conditions {
            statement.and_where(condition);
        }
        Ok(statement)
    }

    /// MySQL computes from what it has already set, column by column; other engines from the row as it was. What is computed
    /// goes first, so that it is the same everywhere.
    fn in_order<'a>(
        &self,
        meta: &ModelMeta,
        sets: &'a [(usize, Term)],
    ) -> Result<Vec<&'a (usize, Term)>, DbError> {
        let (values, computed): (Vec<_>, Vec<_>) =
            sets.iter().partition(|(_, term)| matches!(term, Term::Slot(_)));
        if matches!(self.dialect, Dialect::MySql | Dialect::MariaDb) {
            for (number, (_, term)) in computed.iter().enumerate() {
                let mut already = computed[..number].iter().map(|(index, _)| meta.fields[*index].column);
                if let Some(column) = already.find(|column| term.mentions(column)) {
                    return Err(DbError::Model {
                        detail: format!(
                            "{} would compute from `{}.{column}` as this update has already set it: set it by an update \
                             of its own",
                            self.dialect.name(),
                            meta.name
                        ),
                    });
                }
            }
        }
        Ok(computed.into_iter().chain(values).collect())
    }

    pub(crate) fn delete(
        mut self,
        meta: &'static ModelMeta,
        filter: &[Node],
    ) -> Result<DeleteStatement, DbError> {
        let mut statement = Query::delete();
        statement.from_table(meta.table);
        for condition in self.concerned(meta, filter)? {
            statement.and_where(condition);
        }
        Ok(statement)
    }

    /// Which rows an update or a delete is about.
    fn concerned(&mut self, meta: &'static ModelMeta, filter: &[Node]) -> Result<Vec<Expr>, DbError> {
        let derived = matches!(self.dialect, Dialect::MySql | Dialect::MariaDb);
        if !derived || filter.iter().all(Node::is_local) {
            self.root = Some(meta.table);
            let theirs = self.of_tenant(meta, meta.table)?;
            return filter.iter().map(|node| self.node(node)).chain(theirs.map(Ok)).collect();
        }
        // MySQL refuses a subquery on the table that it changes, unless the subquery is a table by itself (its error 1093).
        let (mut inner, mut outer) = (Query::select(), Query::select());
        inner.from_as(meta.table, Alias::new(self.alias(Scope::ROOT)));
        let mut key = Vec::with_capacity(meta.key.len());
        for field in meta.key_fields() {
            inner.expr(self.column(Scope::ROOT, field.column));
            outer.column((RANKED, field.column));
            key.push(Expr::col((meta.table, field.column)));
        }
        for node in filter {
            inner.and_where(self.node(node)?);
        }
        inner.and_where_option(self.of_tenant(meta, &self.alias(Scope::ROOT))?);
        outer.from_subquery(inner, RANKED);
        let theirs = self.of_tenant(meta, meta.table)?;
        Ok([Expr::tuple(key).in_subquery(outer)].into_iter().chain(theirs).collect())
    }

    fn alias(&self, scope: Scope) -> String {
        match self.root {
            Some(table) if scope == Scope::ROOT => table.to_owned(),
            _ => scope.alias(),
        }
    }

    fn reference(&self, scope: Scope, column: &'static str) -> SeaColumn {
        (Alias::new(self.alias(scope)), column).into_column_ref()
    }

    fn column(&self, scope: Scope, column: &'static str) -> Expr {
        Expr::col(self.reference(scope, column))
    }

    /// The columns of one table have the key that those of another have.
    fn same(&self, (one, columns): (Scope, &Columns), (other, keys): (Scope, &Columns)) -> Expr {
        let pairs = columns.iter().zip(keys);
        let equal = pairs.map(|(column, key)| self.column(one, column).equals(self.reference(other, key)));
        equal.reduce(Expr::and).unwrap_or_else(|| Expr::cust("1 = 0"))
    }
}

/// The name of what a query returns at that place.
fn output_name(place: usize) -> String {
    format!("v{}", place + 1)
}

/// A slot, rendered as its number.
fn slot(number: usize) -> Expr {
    Expr::val(number as u64)
}

fn direction(direction: Direction) -> Order {
    match direction {
        Direction::Ascending => Order::Asc,
        Direction::Descending => Order::Desc,
    }
}

fn null_order(nulls: Nulls) -> NullOrdering {
    match nulls {
        Nulls::First => NullOrdering::First,
        Nulls::Last => NullOrdering::Last,
    }
}
