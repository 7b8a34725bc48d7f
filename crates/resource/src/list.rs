//! Which rows a list is asked for, and what it answers.

use mainstay_core::config::did_you_mean;
use mainstay_core::{Error, Fault, Result};
use mainstay_db::meta::{FieldMeta, ModelMeta};
use mainstay_db::named::{Comparison, Named, read_text};
use mainstay_db::search::found;
use mainstay_db::value::SqlType;
use mainstay_db::{CursorRequest, Model, Order, PageRequest, Predicate, Query, Value};

use crate::fields::{by_json_name, is_searched, is_sortable, json_name};
use crate::record::Record;

/// Which rows.
#[derive(Clone, Debug, Default)]
pub struct ListRequest {
    /// Conditions, all of which hold.
    pub filters: Vec<Filter>,
    /// What is looked for: words, if the model has a `#[search(…)]`, best first where nothing else is said; otherwise what the
    /// searchable fields contain, each word in one of them.
    pub search: Option<String>,
    /// What the rows are sorted by, the most significant first. Without any, by the key.
    pub sort: Vec<Sort>,
    /// What is shown of each.
    pub shape: Shape,
    /// Which part of them.
    pub part: Part,
    /// What the surface could not understand: told together with what is found to be wrong later.
    pub faults: Vec<Fault>,
    /// What else a client may have meant by the name of a field.
    pub words: &'static [&'static str],
}

/// What is shown of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The fields, by their names in JSON. `None`: all that may be.
    pub fields: Option<Vec<String>>,
    /// The relations, by their names.
    pub include: Vec<String>,
}

impl Shape {
    /// Whether it is the row itself, and nothing but that.
    pub fn is_whole(&self) -> bool {
        self.fields.is_none() && self.include.is_empty()
    }
}

/// Which part of the rows.
#[derive(Clone, Debug)]
pub enum Part {
    /// A page by number, with the number of all rows.
    Page(PageRequest),
    /// A page by cursor.
    Cursor(CursorRequest),
}

impl Default for Part {
    fn default() -> Self {
        Self::Page(PageRequest::default())
    }
}

/// A condition on a field.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The field, by its name in JSON.
    pub field: String,
    /// How it is compared.
    pub operator: Operator,
    /// With what, as text.
    pub value: String,
    /// Where the client wrote it, for what is wrong with it: `query:price[gte]`.
    pub place: String,
}

/// How a field is compared with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// With the value that the text is.
    Compare(Comparison),
    /// It is one of the values between commas.
    In,
    /// It contains the text in any case.
    Contains,
    /// It begins with the text in any case.
    StartsWith,
    /// `true`: it has no value; `false`: it has one.
    Null,
}

impl Operator {
    /// Every operator with its name.
    pub const ALL: [(&'static str, Self); 10] = [
        ("eq", Self::Compare(Comparison::Equal)),
        ("ne", Self::Compare(Comparison::NotEqual)),
        ("lt", Self::Compare(Comparison::Less)),
        ("lte", Self::Compare(Comparison::AtMost)),
        ("gt", Self::Compare(Comparison::Greater)),
        ("gte", Self::Compare(Comparison::AtLeast)),
        ("in", Self::In),
        ("contains", Self::Contains),
        ("starts_with", Self::StartsWith),
        ("null", Self::Null),
    ];

    /// Whether fields like this one can be compared so.
    pub fn suits(self, field: &FieldMeta) -> bool {
        if field.encrypted.is_some() {
            // A blind index would tell which values there are: that is for the application to offer.
            return self == Self::Null && field.nullable;
        }
        let comparable = !matches!(field.sql_type, SqlType::Json | SqlType::Array(_) | SqlType::Bytes);
        match self {
            Self::Compare(Comparison::Equal | Comparison::NotEqual) | Self::In => comparable,
            Self::Compare(_) => comparable && !matches!(field.sql_type, SqlType::Bool | SqlType::Enum),
            Self::Contains | Self::StartsWith => field.sql_type == SqlType::Text,
            Self::Null => field.nullable,
        }
    }
}

/// What rows are sorted by.
#[derive(Clone, Debug)]
pub struct Sort {
    /// The field, by its name in JSON.
    pub field: String,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// What a list answers.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The rows.
    pub records: Vec<Record>,
    /// Which part of all rows they are.
    pub part: Position,
}

/// Which part of all rows a list has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Position {
    /// A page by number.
    Page {
        /// Its number, from 1.
        page: u64,
        /// The most rows of a page.
        per_page: u64,
        /// How many pages there are.
        pages: u64,
        /// How many rows there are.
        total: u64,
    },
    /// A page by cursor.
    Cursor {
        /// The cursor of the next page.
        next: Option<String>,
        /// The cursor of the previous page.
        previous: Option<String>,
    },
}

/// The most conditions, and the most words, of a list.
const MOST: usize = 64;
/// The most fields that can be named.
const MOST_FIELDS: usize = 1_000;

/// 400 with what is wrong with parameters.
pub fn not_understood(faults: Vec<Fault>) -> Error {
    Error::bad_request("A parameter cannot be understood.").code("invalid_parameters").with_faults(faults)
}

impl ListRequest {
    /// The query with the conditions, the words and the order of this request, and what is wrong with it. Fields that are not
    /// `seen` are unknown: a filter would tell what they hold.
    pub(crate) fn narrow<M: Model>(
        &self,
        query: Query<M>,
        seen: &dyn Fn(&FieldMeta) -> bool,
    ) -> (Query<M>, Vec<Fault>) {
        let mut faults = self.faults.clone();
        let excess = self.excess();
        if !excess.is_empty() {
            faults.extend(excess);
            return (query, faults);
        }
        let (compared, named) = (Known { seen, words: self.words }, Known { seen, words: &[] });
        let mut query = query;
        for filter in &self.filters {
            match filter.predicate::<M>(&compared) {
                Ok(predicate) => query = query.filter(|_| predicate),
                Err(fault) => faults.push(fault),
            }
        }
        match &self.search {
            Some(words) if is_searched(M::META, seen) => query = self.best(query, words),
            Some(words) => match containing::<M>(words, seen) {
                Ok(all) => query = all.into_iter().fold(query, |query, one| query.filter(|_| one)),
                Err(fault) => faults.push(fault),
            },
            None => {}
        }
        for sort in &self.sort {
            match sort.order::<M>(&named) {
                Ok(order) => query = query.order_by(|_| order),
                Err(fault) => faults.push(fault),
            }
        }
        for name in self.shape.fields.iter().flatten() {
            let is_part =
                M::META.fields.iter().any(|field| seen(field) && is_inside(json_name(M::META, field), name));
            if !is_part && let Err(fault) = named.find(M::META, name, "query:fields") {
                faults.push(fault);
            }
        }
        (query, faults)
    }

    /// Those that the index of words finds, the best first where nothing else is said. Without words, all of them.
    fn best<M: Model>(&self, query: Query<M>, words: &str) -> Query<M> {
        let words = Some(words).filter(|words| !words.trim().is_empty());
        let Some((found, best)) = words.and_then(found::<M>) else { return query };
        let query = query.filter(|_| found);
        if self.sort.is_empty() { query.order_by(|_| best) } else { query }
    }

    /// What there is too much of, before anything is made of it.
    fn excess(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.filters.len() > MOST {
            let message = format!("there are more than {MOST} conditions");
            faults.push(Fault::new(self.filters[MOST].place.clone(), "too_many", message));
        }
        if self.search.as_ref().is_some_and(|words| words.split_whitespace().count() > MOST) {
            faults.push(Fault::new("query:search", "too_many", format!("there are more than {MOST} words")));
        }
        let most = [
            ("sort", self.sort.len(), MOST),
            ("include", self.shape.include.len(), MOST),
            ("fields", self.shape.fields.as_ref().map_or(0, Vec::len), MOST_FIELDS),
        ];
        if let Some((name, number, most)) = most.into_iter().find(|(_, number, most)| number > most) {
            let message = format!("there are {number} names, and at most {most} are looked at");
            return vec![Fault::new(format!("query:{name}"), "too_many", message)];
        }
        let twice = |(index, sort): &(usize, &Sort)| {
            self.sort[..*index].iter().any(|other| other.field == sort.field)
        };
        if let Some((_, sort)) = self.sort.iter().enumerate().find(twice) {
            let message = format!("`{}` is there twice", sort.field);
            faults.push(Fault::new("query:sort", "duplicate", message));
        }
        if self.shape.fields.as_ref().is_some_and(Vec::is_empty) {
            faults.push(Fault::new("query:fields", "empty", "names no field"));
        }
        faults
    }

    /// Whether a field is asked for, by itself or with the part that it is in.
    pub(crate) fn asks_for(&self, meta: &ModelMeta, field: &FieldMeta) -> bool {
        let name = json_name(meta, field);
        self.shape
            .fields
            .as_ref()
            .is_none_or(|fields| fields.iter().any(|asked| asked == name || is_inside(name, asked)))
    }
}

/// Whether the field of that name is in the part of the other: `billing.city` in `billing`.
fn is_inside(field: &str, part: &str) -> bool {
    field.strip_prefix(part).is_some_and(|rest| rest.starts_with('.'))
}

impl Filter {
    fn predicate<M: Model>(&self, known: &Known<'_>) -> Result<Predicate<M>, Fault> {
        let field = known.find(M::META, &self.field, &self.place)?;
        let fault = |code: &'static str, message: String| Fault::new(self.place.clone(), code, message);
        let Some(named) = Named::<M>::find(field.name).filter(|_| self.operator.suits(field)) else {
            return Err(fault("operator", "this field cannot be compared so".to_owned()));
        };
        let value = |text: &str| -> Result<Value, Fault> {
            read_text(field, text).map_err(|expected| fault("type", format!("expected {expected}")))
        };
        Ok(match self.operator {
            Operator::Compare(how) => named.compare(how, value(&self.value)?),
            Operator::In => named.is_in(self.value.split(',').map(value).collect::<Result<_, _>>()?),
            Operator::Contains => named.contains(self.value.clone()),
            Operator::StartsWith => named.starts_with(self.value.clone()),
            Operator::Null => match self.value.as_str() {
                "true" => named.is_null(),
                "false" => !named.is_null(),
                _ => return Err(fault("type", "expected true or false".to_owned())),
            },
        })
    }
}

/// For each word, that it stands in one of the searchable fields.
fn containing<M: Model>(words: &str, seen: &dyn Fn(&FieldMeta) -> bool) -> Result<Vec<Predicate<M>>, Fault> {
    let searched: Vec<_> = M::META
        .fields
        .iter()
        .filter(|field| field.searchable && seen(field))
        .filter_map(|field| Named::<M>::find(field.name))
        .collect();
    if searched.is_empty() {
        return Err(Fault::new("query:search", "not_searchable", "nothing can be searched here"));
    }
    let in_one = |word: &str| {
        let found = searched.iter().map(|field| field.contains(word));
        found.reduce(Predicate::or).unwrap_or_else(Predicate::never)
    };
    Ok(words.split_whitespace().map(in_one).collect())
}

impl Sort {
    fn order<M: Model>(&self, known: &Known<'_>) -> Result<Order<M>, Fault> {
        let field = known.find(M::META, &self.field, "query:sort")?;
        match Named::<M>::find(field.name).filter(|_| is_sortable(field)) {
            Some(named) if self.descending => Ok(named.desc()),
            Some(named) => Ok(named.asc()),
            None => {
                let message = format!("rows cannot be sorted by `{}`", self.field);
                Err(Fault::new("query:sort", "not_sortable", message))
            }
        }
    }
}

/// What a client may name.
struct Known<'a> {
    seen: &'a dyn Fn(&FieldMeta) -> bool,
    /// What else it may have meant.
    words: &'static [&'static str],
}

impl Known<'_> {
    fn find(&self, meta: &'static ModelMeta, name: &str, place: &str) -> Result<&'static FieldMeta, Fault> {
        if let Some((_, field)) = by_json_name(meta, name).filter(|(_, field)| (self.seen)(field)) {
            return Ok(field);
        }
        let names = meta.fields.iter().filter(|field| (self.seen)(field)).map(|field| json_name(meta, field));
        let names = names.chain(self.words.iter().copied());
        let message = format!("there is no field `{name}`{}", did_you_mean(name, names));
        Err(Fault::new(place, "unknown_field", message))
    }
}
