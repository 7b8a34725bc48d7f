//! Takes the values out of a query, and writes down what is left: the shape. Queries of one shape share their SQL.

use super::lock::Lock;
use super::select::{Lead, Select};
use crate::driver::{Dialect, ListBinding};
use crate::expression::{
    Call, Case, ColumnRef, Contained, Items, JsonTerm, List, Node, OrderTerm, Path, Pattern, Related, Sought,
    Step, Term, Wanted,
};
use crate::meta::ModelMeta;
use crate::search::Words;
use crate::value::{SqlType, Value};
use crate::write::Assignments;

/// A longer list is bound as one value where that is possible: a statement has a limited number of places.
const MOST_PLACES: usize = 1_024;

/// A shape, and the values that were taken out.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) key: Vec<u8>,
    pub(crate) values: Vec<Value>,
    dialect: Dialect,
}

impl Shape {
    /// What begins with `kind` and concerns `meta`.
    pub(crate) fn new(kind: u8, meta: &'static ModelMeta, dialect: Dialect) -> Self {
        let mut shape = Self { key: Vec::with_capacity(96), values: Vec::new(), dialect };
        shape.tag(kind);
        shape.number(std::ptr::from_ref(meta).addr());
        shape
    }

    /// The shape of a select. Its values become slots.
    pub(crate) fn of(select: &mut Select, dialect: Dialect) -> Self {
        let mut shape = Self::new(b'S', select.meta, dialect);
        shape.select(select);
        shape
    }

    fn select(&mut self, select: &mut Select) {
        select.prepare(self.dialect);
        self.tag(select.output as u8);
        self.tag(u8::from(select.distinct));
        self.tag(select.lock.map_or(0, Lock::number));
        match &select.lead {
            None => self.tag(0),
            Some(Lead::Own(columns)) => {
                self.tag(1);
                self.names(columns);
            }
            Some(Lead::Through { through, from, to, .. }) => {
                self.tag(2);
                self.number(std::ptr::from_ref(*through).addr());
                self.names(from);
                self.names(to);
            }
        }
        self.tag(u8::try_from(select.joins.len()).unwrap_or(u8::MAX));
        for join in &select.joins {
            self.tag(join.from.number());
            self.number(std::ptr::from_ref(join.relation).addr());
            self.tag(u8::from(join.loads));
        }
        self.terms(b'T', &mut select.outputs);
        self.filter(&mut select.filter);
        self.terms(b'G', &mut select.group);
        self.filter(&mut select.having);
        for OrderTerm { term, direction, nulls, .. } in &mut select.order {
            self.tag(b'O');
            self.term(term);
            self.tag(*direction as u8);
            self.tag(nulls.map_or(0, |nulls| 1 + nulls as u8));
        }
        for term in [&mut select.limit, &mut select.offset, &mut select.per_owner] {
            match term {
                Some(term) => self.term(term),
                None => self.tag(0),
            }
        }
    }

    fn terms(&mut self, tag: u8, terms: &mut [Term]) {
        self.tag(tag);
        self.number(terms.len());
        terms.iter_mut().for_each(|term| self.term(term));
    }

    /// Adds the filters of a statement.
    pub(crate) fn filter(&mut self, nodes: &mut [Node]) {
        self.tag(b'F');
        self.number(nodes.len());
        nodes.iter_mut().for_each(|node| self.node(node));
    }

    /// Adds the fields that are set in each of many rows, by their positions.
    pub(crate) fn fields(&mut self, fields: &[usize]) {
        self.number(fields.len());
        fields.iter().for_each(|field| self.number(*field));
    }

    /// Adds what is set, column by column. Returns the columns, with the slots of their values first, then what is computed.
    pub(crate) fn assignments(&mut self, mut assignments: Assignments) -> Vec<(usize, Term)> {
        let terms = assignments.take_terms();
        let mut sets = Vec::new();
        for (index, value) in assignments.into_values() {
            self.tag(b'A');
            self.number(index);
            sets.push((index, Term::Slot(self.slot(value))));
        }
        for (index, mut term) in terms {
            self.tag(b'E');
            self.number(index);
            self.term(&mut term);
            sets.push((index, term));
        }
        sets
    }

    pub(crate) fn tag(&mut self, tag: u8) {
        self.key.push(tag);
    }

    pub(crate) fn number(&mut self, number: usize) {
        self.key.extend_from_slice(&number.to_ne_bytes());
    }

    /// Names are static, so that where one is says which it is.
    pub(crate) fn name(&mut self, name: &'static str) {
        self.number(name.as_ptr().addr());
        self.number(name.len());
    }

    fn names(&mut self, names: &[&'static str]) {
        self.number(names.len());
        names.iter().for_each(|name| self.name(name));
    }

    fn column(&mut self, column: ColumnRef) {
        self.tag(column.scope.number());
        self.name(column.column);
    }

    fn slot(&mut self, value: Value) -> usize {
        self.values.push(value);
        self.values.len() - 1
    }

    pub(super) fn term(&mut self, term: &mut Term) {
        match term {
            Term::Value(value) => {
                self.tag(b'V');
                let value = std::mem::replace(value, Value::Null);
                // MySQL compares an exact number with a text, which is how one is bound, as floating-point numbers.
                *term = if self.dialect.is_mysql() && matches!(value, Value::Decimal(_)) {
                    self.tag(b'.');
                    Term::TypedSlot { slot: self.slot(value), sql_type: SqlType::Decimal }
                } else {
                    Term::Slot(self.slot(value))
                };
            }
            Term::Column(column) => {
                self.tag(b'C');
                self.column(*column);
            }
            Term::Literal { value, sql_type } => {
                self.tag(b'T');
                self.tag(sql_type.number());
                let value = std::mem::replace(value, Value::Null);
                *term = Term::TypedSlot { slot: self.slot(value), sql_type: *sql_type };
            }
            Term::Call(call) => {
                self.tag(b'F');
                self.call(call);
            }
            Term::Choose(choose) => {
                self.tag(b'W');
                self.number(choose.branches.len());
                for (when, then) in &mut choose.branches {
                    self.node(when);
                    self.term(then);
                }
                self.term(&mut choose.otherwise);
            }
            Term::Json(json) => {
                self.tag(b'J');
                self.term(&mut json.document);
                self.json(json);
            }
            Term::Related(inside) => {
                self.tag(b'R');
                self.related(&mut inside.related);
                self.term(&mut inside.output);
            }
            Term::Relevance(sought) => {
                self.tag(b'M');
                self.sought(sought);
            }
            Term::Slot(_) => self.tag(b'V'),
            Term::TypedSlot { sql_type, .. } => {
                self.tag(b'T');
                self.tag(sql_type.number());
            }
            Term::Output(place) => {
                self.tag(b'P');
                self.number(*place);
            }
            // It is never rendered, so never kept.
            Term::Fault(_) => self.tag(b'E'),
        }
    }

    fn call(&mut self, call: &mut Call) {
        self.tag(call.function as u8);
        self.tag(call.of.number());
        self.number(call.arguments.len());
        call.arguments.iter_mut().for_each(|argument| self.term(argument));
    }

    fn node(&mut self, node: &mut Node) {
        match node {
            Node::Compare { left, operator, right } => {
                self.tag(b'=');
                self.term(left);
                self.tag(*operator as u8);
                self.term(right);
            }
            Node::In { left, list } => {
                self.tag(b'I');
                self.term(left);
                self.list(list);
            }
            Node::Among { columns, keys } => {
                self.tag(b'K');
                self.number(columns.len());
                columns.iter().for_each(|column| self.column(*column));
                // As often as a power of two: there are few statements then.
                if let Some(last) = keys.last().cloned() {
                    keys.resize(keys.len().next_power_of_two(), last);
                }
                self.number(keys.len());
                keys.iter_mut().flatten().for_each(|part| self.term(part));
            }
            Node::Null(term) => {
                self.tag(b'N');
                self.term(term);
            }
            Node::Text { left, pattern } => {
                self.tag(b'T');
                self.term(left);
                self.pattern(pattern);
            }
            Node::All(nodes) => self.group(b'&', nodes),
            Node::Any(nodes) => self.group(b'|', nodes),
            Node::Not(node) => {
                self.tag(b'!');
                self.node(node);
            }
            Node::Related(related) => {
                self.tag(b'R');
                self.related(related);
            }
            Node::Holds(term) => {
                self.tag(b'H');
                self.term(term);
            }
            Node::Matches(sought) => {
                self.tag(b'M');
                self.sought(sought);
            }
        }
    }

    fn related(&mut self, related: &mut Related) {
        self.number(std::ptr::from_ref(related.relation).addr());
        self.tag(related.outer.number());
        self.tag(related.inner.number());
        match &mut related.body {
            Some(body) => self.node(body),
            None => self.tag(0),
        }
    }

    /// What is looked for is a value, nearly always one: one statement serves every search.
    fn sought(&mut self, sought: &mut Sought) {
        self.tag(sought.scope.number());
        self.number(std::ptr::from_ref(sought.meta).addr());
        if let [Term::Value(Value::Text(text))] = &*sought.words {
            let words = Words::read(text).write(self.dialect);
            sought.words = words.into_iter().map(|words| Term::Value(Value::Text(words))).collect();
        }
        self.number(sought.words.len());
        sought.words.iter_mut().for_each(|words| self.term(words));
    }

    /// Paths are values too: whatever is in a key, it does not become SQL.
    fn json(&mut self, json: &mut JsonTerm) {
        if let Path::Steps(steps) = &json.path {
            let path = match self.dialect {
                Dialect::Postgres => {
                    let texts = steps.iter().map(|step| match step {
                        Step::Key(key) => key.clone(),
                        Step::Index(index) => index.to_string(),
                    });
                    Value::List(texts.map(Value::Text).collect())
                }
                _ => Value::Text(Path::dollar(steps)),
            };
            json.path = Path::Slot(self.slot(path));
        }
        match &mut json.wanted {
            Wanted::Text => self.tag(b't'),
            Wanted::Int => self.tag(b'i'),
            Wanted::Float => self.tag(b'f'),
            Wanted::Bool => self.tag(b'b'),
            Wanted::Exists => self.tag(b'e'),
            Wanted::Contains(contained) => self.contained(contained),
        }
    }

    fn contained(&mut self, contained: &mut Contained) {
        use serde_json::Value as Json;
        if let Contained::Value(value) = contained {
            *contained = match (self.dialect, value) {
                (Dialect::Sqlite, Json::Null) => Contained::Word(self.slot(Value::Text("null".to_owned()))),
                (Dialect::Sqlite, Json::Bool(value)) => {
                    Contained::Word(self.slot(Value::Text(value.to_string())))
                }
                (Dialect::Sqlite, Json::String(text)) => {
                    let text = std::mem::take(text);
                    Contained::Text(self.slot(Value::Text(text)))
                }
                (Dialect::Sqlite, Json::Number(number)) => {
                    Contained::Number(self.slot(match number.as_i64() {
                        Some(whole) => Value::Int(whole),
                        None => Value::Float(number.as_f64().unwrap_or_default()),
                    }))
                }
                (Dialect::Sqlite, Json::Array(_) | Json::Object(_)) => Contained::Never,
                (_, value) => Contained::Document(self.slot(Value::Json(value.to_string()))),
            };
        }
        self.tag(match contained {
            Contained::Value(_) | Contained::Never => b'!',
            Contained::Document(_) => b'D',
            Contained::Text(_) => b'T',
            Contained::Number(_) => b'N',
            Contained::Word(_) => b'W',
        });
    }

    fn group(&mut self, tag: u8, nodes: &mut [Node]) {
        self.tag(tag);
        self.number(nodes.len());
        nodes.iter_mut().for_each(|node| self.node(node));
    }

    fn list(&mut self, list: &mut List) {
        let values = match list {
            List::Values(values) => values,
            List::Query(select) => {
                self.tag(b'Q');
                self.number(std::ptr::from_ref(select.meta).addr());
                self.select(select);
                return;
            }
            List::Slot(_) | List::Slots(_) | List::ExactSlots(_) | List::Table(..) => return,
        };
        let values = std::mem::take(values);
        let binding = match self.dialect.lists() {
            // JSON knows no bytes, and digests are bytes.
            ListBinding::JsonEach
                if values
                    .iter()
                    .any(|value| matches!(value, Value::Bytes(_) | Value::Uuid(_) | Value::Blind(_))) =>
            {
                ListBinding::Padded
            }
            // A list of lists would be an array of two dimensions, which is compared value by value.
            ListBinding::Array if values.iter().any(|value| matches!(value, Value::List(_))) => {
                ListBinding::Padded
            }
            binding => binding,
        };
        if let (ListBinding::Padded, Some(items)) = (binding, Items::of(&values))
            && values.len() > MOST_PLACES
        {
            self.tag(b'J');
            self.tag(items as u8);
            *list = List::Table(self.slot(Value::List(values)), items);
            return;
        }
        if binding != ListBinding::Padded {
            self.tag(b'L');
            *list = List::Slot(self.slot(Value::List(values)));
            return;
        }
        let padded = if values.is_empty() { 0 } else { values.len().next_power_of_two() };
        let exact = self.dialect.is_mysql() && values.iter().any(|value| matches!(value, Value::Decimal(_)));
        self.tag(if exact { b'D' } else { b'P' });
        self.number(padded);
        let last = values.last().cloned().unwrap_or(Value::Null);
        let missing = padded - values.len();
        let slots =
            values.into_iter().chain(std::iter::repeat_n(last, missing)).map(|value| self.slot(value));
        let slots = slots.collect();
        *list = if exact { List::ExactSlots(slots) } else { List::Slots(slots) };
    }

    fn pattern(&mut self, pattern: &mut Pattern) {
        self.tag(pattern.anchor as u8);
        self.tag(pattern.case as u8);
        if let Term::Value(Value::Text(needle)) = &pattern.needle {
            let text = match (self.dialect, pattern.case) {
                (Dialect::Sqlite, Case::Sensitive) => pattern.glob(needle),
                _ => pattern.like(needle),
            };
            pattern.needle = Term::Value(Value::Text(text));
        }
        self.term(&mut pattern.needle);
    }
}
