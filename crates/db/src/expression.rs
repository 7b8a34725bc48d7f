//! The tree that closures over columns build, before anybody knows which engine it is for.
//!
//! It is not generic: [`Expr`](crate::Expr) and [`Predicate`](crate::Predicate) are typed shells around it, so that a
//! program pays for rendering once and not once per model.

mod decide;
mod keys;
mod pattern;

use crate::meta::{ModelMeta, RelationMeta};
use crate::query::Select;
use crate::value::{SqlType, Value};

pub(crate) use decide::Truth;
pub(crate) use keys::{is_among, is_key, is_no_key, is_other_key, parts};
pub(crate) use pattern::{Anchor, Case, Pattern};

/// One occurrence of a table in a query. Its alias follows from it when the query is rendered.
///
/// The table that the query is about is at depth 0, a table inside of `is`, `any` or `none` one deeper than the one outside.
/// So a column of the outer table can be used inside, and a model can be related to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope(u8);

/// The first number of tables that are joined to load a relation.
const JOINS: u8 = 128;

impl Scope {
    /// The table that the query is about.
    pub const ROOT: Self = Self(0);
    /// The table between the two of a many-to-many relation, in a batch.
    pub(crate) const THROUGH: Self = Self(u8::MAX);

    /// A table inside of a predicate on this one.
    pub(crate) fn inner(self) -> Self {
        Self(self.0.saturating_add(1).min(JOINS - 1))
    }

    /// Whether a further table can be joined to it: it belongs to the query itself, not to a subquery.
    pub(crate) fn is_joinable(self) -> bool {
        self == Self::ROOT || (self.0 >= JOINS && self != Self::THROUGH)
    }

    /// A joined table.
    pub(crate) fn joined(number: usize) -> Self {
        Self(u8::try_from(number).unwrap_or(u8::MAX).saturating_add(JOINS).min(u8::MAX - 1))
    }

    /// The alias.
    pub(crate) fn alias(self) -> String {
        match self {
            Self::THROUGH => "x".to_owned(),
            Self(number) if number >= JOINS => format!("j{}", number - JOINS),
            Self(depth) => format!("t{depth}"),
        }
    }

    pub(crate) fn number(self) -> u8 {
        self.0
    }
}

/// A column of one occurrence of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColumnRef {
    pub(crate) scope: Scope,
    pub(crate) column: &'static str,
}

/// What a column is compared with, or set to.
#[derive(Clone, Debug)]
pub struct Operand(pub(crate) Term);

impl From<Value> for Operand {
    fn from(value: Value) -> Self {
        Self(Term::Value(value))
    }
}

impl From<ColumnRef> for Operand {
    fn from(column: ColumnRef) -> Self {
        Self(Term::Column(column))
    }
}

impl Operand {
    /// The operand as a part of a larger expression, where an engine may have to be told the type of a value.
    pub(crate) fn typed(self, sql_type: SqlType) -> Term {
        match self.0 {
            Term::Value(value) => Term::Literal { value, sql_type },
            term => term,
        }
    }
}

/// Something that has a value for every row.
#[derive(Clone, Debug)]
pub(crate) enum Term {
    Value(Value),
    Column(ColumnRef),
    /// A value that has moved to the statement's list of values, at this place.
    Slot(usize),
    /// A value inside of an expression.
    Literal {
        value: Value,
        sql_type: SqlType,
    },
    /// A [`Term::Literal`] that has moved to the statement's list of values.
    TypedSlot {
        slot: usize,
        sql_type: SqlType,
    },
    Call(Box<Call>),
    Choose(Box<Choose>),
    /// A value from the rows that a relation leads to.
    Related(Box<RelatedTerm>),
    /// What is inside of a JSON document.
    Json(Box<JsonTerm>),
    /// How well a row fits what is looked for.
    Relevance(Box<Sought>),
    /// What the query returns at this place, counted from 0.
    Output(usize),
    /// It cannot be rendered, and this is why.
    Fault(String),
}

/// A function or an operator.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) function: Function,
    /// The type of the first argument, which decides how some functions are written.
    pub(crate) of: SqlType,
    pub(crate) arguments: Vec<Term>,
}

/// `CASE WHEN … THEN … ELSE … END`.
#[derive(Clone, Debug)]
pub(crate) struct Choose {
    pub(crate) branches: Vec<(Node, Term)>,
    pub(crate) otherwise: Term,
    pub(crate) sql_type: SqlType,
}

/// `(SELECT output FROM …)` for the rows that a relation leads to.
#[derive(Clone, Debug)]
pub(crate) struct RelatedTerm {
    pub(crate) related: Related,
    pub(crate) output: Term,
    pub(crate) sql_type: SqlType,
}

/// What the rows of one occurrence of a table are searched for.
#[derive(Clone, Debug)]
pub(crate) struct Sought {
    pub(crate) scope: Scope,
    pub(crate) meta: &'static ModelMeta,
    /// As somebody has written it; from the shape on, as the engine is given it: one of these has to be found.
    pub(crate) words: Vec<Term>,
}

/// Something at the end of a path in a JSON document.
#[derive(Clone, Debug)]
pub(crate) struct JsonTerm {
    pub(crate) document: Term,
    pub(crate) path: Path,
    pub(crate) wanted: Wanted,
}

/// A path in a JSON document.
#[derive(Clone, Debug)]
pub(crate) enum Path {
    Steps(Vec<Step>),
    /// It has moved to the statement's list of values.
    Slot(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(u32),
}

/// What is wanted of the end of a path.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    Text,
    Int,
    Float,
    Bool,
    Exists,
    Contains(Contained),
}

/// What a document is searched for.
#[derive(Clone, Debug)]
pub(crate) enum Contained {
    Value(serde_json::Value),
    /// A JSON text, in the statement's list of values.
    Document(usize),
    /// A text.
    Text(usize),
    /// A number.
    Number(usize),
    /// `true`, `false` or `null`, by its name.
    Word(usize),
    /// An array or an object, which the engine cannot look for.
    Never,
}

impl Path {
    /// As `$."author"."name"[0]`, with keys as JSON writes texts.
    pub(crate) fn dollar(steps: &[Step]) -> String {
        let mut path = "$".to_owned();
        for step in steps {
            match step {
                Step::Key(key) => path.push_str(&format!(".{}", serde_json::Value::from(key.as_str()))),
                Step::Index(index) => path.push_str(&format!("[{index}]")),
            }
        }
        path
    }
}

/// What can be computed. How, is for each dialect to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Add,
    Sub,
    Mul,
    /// NULL when the divisor is zero.
    Div,
    Rem,
    Neg,
    Absolute,
    /// To as many digits after the point as the second argument says.
    Round,
    Lower,
    Upper,
    /// In characters.
    Length,
    Trim,
    Concat,
    Coalesce,
    /// The second argument is a list that has the first one among its values.
    Has,
    /// A list has every value of the second one.
    HasAll,
    /// A list has a value of the second one.
    Overlaps,
    /// How many values a list has.
    ListLength,
    YearOf,
    MonthOf,
    DayOf,
    HourOf,
    MinuteOf,
    SecondOf,
    /// The day, in UTC.
    Date,
    /// The first day of the month, in UTC.
    StartOfMonth,
    /// The first day of the year, in UTC.
    StartOfYear,
    /// The engine's clock.
    Now,
    /// How many rows.
    CountAll,
    Count,
    CountDistinct,
    Min,
    Max,
    /// Zero of no value.
    Sum,
    Average,
    /// All values, as one list.
    List,
}

impl Function {
    /// Whether it is about a list, which some engines do not have.
    pub(crate) fn is_of_lists(self) -> bool {
        matches!(self, Self::Has | Self::HasAll | Self::Overlaps | Self::ListLength)
    }

    /// Whether it makes one value of many rows.
    pub(crate) fn is_aggregate(self) -> bool {
        matches!(
            self,
            Self::CountAll
                | Self::Count
                | Self::CountDistinct
                | Self::Min
                | Self::Max
                | Self::Sum
                | Self::Average
                | Self::List
        )
    }
}

impl Term {
    /// Whether it concerns nothing but the row itself: it has no subquery.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Related(_) => false,
            Self::Call(call) => call.arguments.iter().all(Self::is_local),
            Self::Json(json) => json.document.is_local(),
            Self::Choose(choose) => {
                choose.otherwise.is_local()
                    && choose.branches.iter().all(|(when, then)| when.is_local() && then.is_local())
            }
            _ => true,
        }
    }

    /// Whether it is computed from that column of the row itself.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        match self {
            Self::Column(column) => column.scope == Scope::ROOT && column.column == name,
            Self::Call(call) => call.arguments.iter().any(|argument| argument.mentions(name)),
            Self::Json(json) => json.document.mentions(name),
            // What a condition or a subquery mentions is not looked for: it might.
            Self::Choose(_) | Self::Related(_) => true,
            _ => false,
        }
    }

    /// Turns columns of one occurrence of a table into those of another.
    pub(crate) fn rescope(&mut self, from: Scope, to: Scope) {
        match self {
            Self::Column(column) => column.rescope(from, to),
            Self::Call(call) => call.arguments.iter_mut().for_each(|argument| argument.rescope(from, to)),
            Self::Choose(choose) => {
                choose.otherwise.rescope(from, to);
                for (when, then) in &mut choose.branches {
                    when.rescope(from, to);
                    then.rescope(from, to);
                }
            }
            Self::Json(json) => json.document.rescope(from, to),
            Self::Relevance(sought) => sought.rescope(from, to),
            Self::Related(inside) => {
                inside.related.rescope(from, to);
                inside.output.rescope(from, to);
            }
            _ => {}
        }
    }

    /// Whether it is reckoned from how well a row fits what is looked for.
    pub(crate) fn has_relevance(&self) -> bool {
        match self {
            Self::Relevance(_) => true,
            Self::Call(call) => call.arguments.iter().any(Self::has_relevance),
            Self::Choose(choose) => {
                choose.otherwise.has_relevance()
                    || choose.branches.iter().any(|(_, then)| then.has_relevance())
            }
            _ => false,
        }
    }

    /// Whether one of its parts is made of many rows.
    pub(crate) fn has_aggregate(&self) -> bool {
        match self {
            Self::Call(call) => {
                call.function.is_aggregate() || call.arguments.iter().any(Self::has_aggregate)
            }
            Self::Choose(choose) => {
                choose.otherwise.has_aggregate()
                    || choose.branches.iter().any(|(when, then)| when.has_aggregate() || then.has_aggregate())
            }
            _ => false,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Compare {
        left: Term,
        operator: Operator,
        right: Term,
    },
    In {
        left: Term,
        list: List,
    },
    /// Several columns have together what one of the keys has.
    Among {
        columns: Vec<ColumnRef>,
        keys: Vec<Vec<Term>>,
    },
    Null(Term),
    Text {
        left: Term,
        pattern: Pattern,
    },
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Related(Box<Related>),
    /// A truth value that is computed.
    Holds(Term),
    /// The row has what is looked for.
    Matches(Box<Sought>),
}

impl Node {
    /// Whether something in it is made of many rows.
    fn has_aggregate(&self) -> bool {
        match self {
            Self::Compare { left, right, .. } => left.has_aggregate() || right.has_aggregate(),
            Self::In { left, .. } | Self::Text { left, .. } | Self::Null(left) | Self::Holds(left) => {
                left.has_aggregate()
            }
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().any(Self::has_aggregate),
            Self::Not(node) => node.has_aggregate(),
            Self::Among { .. } | Self::Related(_) | Self::Matches(_) => false,
        }
    }
}

/// `EXISTS`: a row that the relation leads to, and that is as `body` says.
#[derive(Clone, Debug)]
pub(crate) struct Related {
    pub(crate) relation: &'static RelationMeta,
    pub(crate) outer: Scope,
    pub(crate) inner: Scope,
    pub(crate) body: Option<Node>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// As [`Operator::Equal`], but NULL is a value like others.
    Same,
}

impl Operator {
    /// Whether it asks no order.
    pub(crate) fn is_about_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::Same)
    }
}

#[derive(Clone, Debug)]
pub(crate) enum List {
    Values(Vec<Value>),
    /// All of them in one value.
    Slot(usize),
    /// One value each; none at all is false.
    Slots(Vec<usize>),
    /// The same, with exact numbers that have to be told from texts.
    ExactSlots(Vec<usize>),
    /// What a query for one column returns.
    Query(Box<Select>),
    /// All of them in one value, that the engine makes a table of.
    Table(usize, Items),
}

/// What a long list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Items {
    /// Whole numbers.
    Whole,
    /// Texts.
    Text,
}

impl Items {
    /// What all of them are, if it is one of these.
    pub(crate) fn of(values: &[Value]) -> Option<Self> {
        if values.iter().all(|value| matches!(value, Value::Int(_))) {
            Some(Self::Whole)
        } else if values.iter().all(|value| matches!(value, Value::Text(_))) {
            Some(Self::Text)
        } else {
            None
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct OrderTerm {
    pub(crate) term: Term,
    pub(crate) sql_type: SqlType,
    pub(crate) nullable: bool,
    pub(crate) direction: Direction,
    pub(crate) nulls: Option<Nulls>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

/// Where NULLs go in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nulls {
    /// Before all values.
    First,
    /// After all values.
    Last,
}

impl ColumnRef {
    fn rescope(&mut self, from: Scope, to: Scope) {
        if self.scope == from {
            self.scope = to;
        }
    }
}

impl Sought {
    fn rescope(&mut self, from: Scope, to: Scope) {
        if self.scope == from {
            self.scope = to;
        }
    }
}

impl Related {
    fn rescope(&mut self, from: Scope, to: Scope) {
        if self.outer == from {
            self.outer = to;
        }
        if let Some(body) = &mut self.body {
            body.rescope(from, to);
        }
    }
}

impl Node {
    /// Turns columns of one occurrence of a table into those of another.
    pub(crate) fn rescope(&mut self, from: Scope, to: Scope) {
        match self {
            Self::Compare { left, right, .. } => {
                left.rescope(from, to);
                right.rescope(from, to);
            }
            Self::In { left, .. } | Self::Null(left) | Self::Holds(left) => left.rescope(from, to),
            Self::Among { columns, .. } => columns.iter_mut().for_each(|column| column.rescope(from, to)),
            Self::Text { left, pattern } => {
                left.rescope(from, to);
                pattern.needle.rescope(from, to);
            }
            Self::All(nodes) | Self::Any(nodes) => {
                nodes.iter_mut().for_each(|node| node.rescope(from, to));
            }
            Self::Not(node) => node.rescope(from, to),
            Self::Related(related) => related.rescope(from, to),
            Self::Matches(sought) => sought.rescope(from, to),
        }
    }

    /// Whether it concerns nothing but the row itself: it has no subquery.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Self::Compare { left, right, .. } => left.is_local() && right.is_local(),
            Self::In { left, list } => left.is_local() && !matches!(list, List::Query(_)),
            Self::Null(term) | Self::Holds(term) => term.is_local(),
            Self::Among { .. } | Self::Matches(_) => true,
            Self::Text { left, pattern } => left.is_local() && pattern.needle.is_local(),
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().all(Self::is_local),
            Self::Not(node) => node.is_local(),
            Self::Related(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_every_occurrence_an_alias_of_its_own() {
        assert_eq!(Scope::ROOT.alias(), "t0");
        assert_eq!(Scope::ROOT.inner().inner().alias(), "t2");
        assert_eq!(Scope::joined(0).alias(), "j0");
        assert_eq!(Scope::THROUGH.alias(), "x");
    }
}
