//! Pages by cursor: stable while rows come and go, and as fast on the last page as on the first.
//!
//! A cursor holds the values that its row is sorted by, the primary key last. The next page is what comes after them
//! (`keyset`), so that no row is skipped or seen twice. `text` writes cursors, and reads what comes back from a client:
//! values of the right types for this very order, or an error; they are bound like all values.

mod keyset;
mod text;

use mainstay_core::Result;
use serde::{Deserialize, Serialize};

use super::Query;
use super::page::{MOST, USUAL};
use crate::column::Column;
use crate::error::{Border, DbError};
use crate::executor::{Executor, Target};
use crate::expression::{Direction, Nulls, OrderTerm, Scope, Term};
use crate::model::Model;
use crate::value::Value;

/// Which page, from a cursor on. As a query string: `?after=…&limit=50`, or `?before=…`; neither is the first page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CursorRequest {
    /// The rows after that of this cursor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// The rows before that of this cursor, the nearest ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The most rows (1 to 1,000; 20 if it is not said).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

impl CursorRequest {
    /// The first `limit` rows.
    pub fn first(limit: u64) -> Self {
        Self { limit: Some(limit), ..Self::default() }
    }

    /// The first `limit` rows after that of the cursor.
    pub fn after(cursor: impl Into<String>, limit: u64) -> Self {
        Self { after: Some(cursor.into()), ..Self::first(limit) }
    }

    /// The last `limit` rows before that of the cursor.
    pub fn before(cursor: impl Into<String>, limit: u64) -> Self {
        Self { before: Some(cursor.into()), ..Self::first(limit) }
    }
}

/// One page of rows, and the way to its neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CursorPage<T> {
    /// The rows.
    pub items: Vec<T>,
    /// What is [`after`](CursorRequest::after) for the next page. `None` on the last one.
    pub next: Option<String>,
    /// What is [`before`](CursorRequest::before) for the previous page. `None` on the first one.
    pub previous: Option<String>,
    /// The cursor of each row.
    #[serde(skip)]
    pub cursors: Vec<String>,
}

impl<T> CursorPage<T> {
    /// The same page of something made from its rows.
    pub fn map<U>(self, make: impl FnMut(T) -> U) -> CursorPage<U> {
        let Self { items, next, previous, cursors } = self;
        CursorPage { items: items.into_iter().map(make).collect(), next, previous, cursors }
    }
}

impl<M: Model> Query<M> {
    /// One page of the rows in the order of the query, from a cursor on. Rows that it leaves equal are sorted by their key.
    ///
    /// NULLs come after all values, or before them where the order is descending, unless the order says otherwise. A cursor
    /// that was not made for this order is [`DbError::InvalidCursor`]: 400. Cursors are not secret: whoever has one can read
    /// the values in it, so do not sort by what a client must not see.
    #[track_caller]
    pub fn paginate_by_cursor(
        self,
        request: impl Into<CursorRequest>,
        executor: &impl Executor,
    ) -> impl Future<Output = Result<CursorPage<M>>> {
        let (request, target) = (request.into(), executor.target());
        async move { self.page(request, target).await.at_border() }
    }

    async fn page(mut self, request: CursorRequest, target: Target<'_>) -> Result<CursorPage<M>, DbError> {
        if self.select.limit.is_some() || self.select.offset.is_some() {
            return Err(DbError::Model {
                detail: "a page by cursor has its own limit: leave out `limit` and `offset`".to_owned(),
            });
        }
        let limit = request.limit.unwrap_or(USUAL).clamp(1, MOST);
        let mut order = total_order::<M>(std::mem::take(&mut self.select.order));
        let seal = text::seal(M::META, &order);
        let (cursor, backward) = match (request.after, request.before) {
            (Some(_), Some(_)) => {
                return Err(DbError::InvalidCursor { detail: "both `after` and `before` are given" });
            }
            (after, None) => (after, false),
            (None, before) => (before, true),
        };
        let is_first = cursor.is_none();
        if backward {
            order.iter_mut().for_each(reverse);
        }
        if let Some(cursor) = cursor {
            let values = text::read(&cursor, seal, &order)?;
            self.select.filter.push(keyset::after(&order, values));
        }
        self.select.outputs = order.iter().map(|order| order.term.clone()).collect();
        let types: Vec<_> = order.iter().map(|order| order.sql_type).collect();
        self.select.order = order;
        let mut rows = self
            .limit(limit + 1)
            .fetch_with(target, |reader| {
                let values: Vec<Value> = types.iter().map(|kind| reader.next(*kind)).collect();
                Ok(text::write(seal, &values))
            })
            .await?;
        let has_more = rows.len() as u64 > limit;
        if has_more {
            rows.pop();
        }
        if backward {
            rows.reverse();
        }
        let (items, cursors): (Vec<M>, Vec<String>) = rows.into_iter().unzip();
        let (has_next, has_previous) = if backward { (true, has_more) } else { (has_more, !is_first) };
        Ok(CursorPage {
            next: cursors.last().filter(|_| has_next).cloned(),
            previous: cursors.first().filter(|_| has_previous).cloned(),
            items,
            cursors,
        })
    }
}

/// The order with the primary key at its end, and a place for every NULL.
fn total_order<M: Model>(mut order: Vec<OrderTerm>) -> Vec<OrderTerm> {
    let direction = order.last().map_or(Direction::Ascending, |order| order.direction);
    for key in M::META.key_fields() {
        let is_there = order.iter().any(|order| match &order.term {
            Term::Column(column) => column.scope == Scope::ROOT && column.column == key.column,
            _ => false,
        });
        if !is_there {
            order.push(OrderTerm {
                term: Column::<M, ()>::at(Scope::ROOT, key.column).into_term(),
                sql_type: key.sql_type,
                nullable: false,
                direction,
                nulls: None,
            });
        }
    }
    for order in &mut order {
        order.nulls = match (order.nullable, order.direction) {
            (false, _) => None,
            (true, Direction::Ascending) => Some(order.nulls.unwrap_or(Nulls::Last)),
            (true, Direction::Descending) => Some(order.nulls.unwrap_or(Nulls::First)),
        };
    }
    order
}

/// The same order, read from its end.
pub(super) fn reverse(order: &mut OrderTerm) {
    order.direction = match order.direction {
        Direction::Ascending => Direction::Descending,
        Direction::Descending => Direction::Ascending,
    };
    order.nulls = order.nulls.map(|nulls| match nulls {
        Nulls::First => Nulls::Last,
        Nulls::Last => Nulls::First,
    });
}

impl From<u64> for CursorRequest {
    fn from(limit: u64) -> Self {
        Self::first(limit)
    }
}
