//! What a query string asks for.
//!
//! `?status=published&price[gte]=10&search=rust&sort=-created_at,title&fields=title,slug&page=2&per_page=50`, or, for pages by
//! cursor, `after`, `before` and `limit`.

use mainstay_core::{Fault, Result};
use mainstay_db::named::Comparison;
use mainstay_db::{CursorRequest, PageRequest};
use mainstay_resource::list::{Filter, Operator, Part, Sort, not_understood};
use mainstay_resource::{ListRequest, Shape};

/// The parameters that are not fields. A field of such a name is compared as `page[eq]=…`.
pub(super) const RESERVED: [&str; 9] =
    ["after", "before", "fields", "include", "limit", "page", "per_page", "search", "sort"];

/// The greatest number of a page.
pub(super) const LAST: u64 = 4_000_000_000;

/// The most rows of a page.
pub(super) const MOST: u64 = 1_000;

/// Reads the query of a list. What is wrong with it is told with what is wrong with the fields.
pub(super) fn read(query: Option<&str>) -> ListRequest {
    let mut asked = ListRequest { words: &RESERVED, ..ListRequest::default() };
    let mut faults = Vec::new();
    let (mut number, mut size, mut limit) = (None, None, None);
    let (mut after, mut before) = (None, None);
    let mut seen: Vec<String> = Vec::new();
    for (name, value) in pairs(query) {
        let place = format!("query:{name}");
        if RESERVED.contains(&name.as_str()) {
            if seen.contains(&name) {
                faults.push(Fault::new(place, "duplicate", "is there twice"));
                continue;
            }
            seen.push(name.clone());
        }
        match name.as_str() {
            "search" => asked.search = Some(value),
            "sort" => asked.sort = names(&value).map(sort).collect(),
            "fields" => asked.shape.fields = Some(owned(&value)),
            "include" => asked.shape.include = owned(&value),
            "after" => after = Some(value),
            "before" => before = Some(value),
            "page" | "per_page" | "limit" => match count(&name, &value) {
                Err(message) => faults.push(Fault::new(place, "type", message)),
                Ok(count) if name == "page" => number = Some(count),
                Ok(count) if name == "per_page" => size = Some(count),
                Ok(count) => limit = Some(count),
            },
            _ => match filter(&name, value, place.clone()) {
                Ok(filter) => asked.filters.push(filter),
                Err(message) => faults.push(Fault::new(place, "operator", message)),
            },
        }
    }
    let by_cursor = after.is_some() || before.is_some() || limit.is_some();
    if by_cursor && (number.is_some() || size.is_some()) {
        let message =
            "pages are by number (`page`, `per_page`) or by cursor (`after`, `before`, `limit`), not both";
        faults.push(Fault::new("query:page", "contradiction", message));
    }
    if after.is_some() && before.is_some() {
        faults.push(Fault::new(
            "query:before",
            "contradiction",
            "only one of `after` and `before` can be given",
        ));
    }
    asked.faults = faults;
    asked.part = if by_cursor {
        Part::Cursor(CursorRequest { after, before, limit })
    } else {
        let usual = PageRequest::default();
        Part::Page(PageRequest::number(number.unwrap_or(1), size.unwrap_or(usual.limit())))
    };
    asked
}

/// Reads the query of one row, which says nothing but what is shown of it.
pub(super) fn shape(query: Option<&str>) -> Result<Shape> {
    let (mut fields, mut include, mut faults) = (None, None, Vec::new());
    for (name, value) in pairs(query) {
        let place = format!("query:{name}");
        let slot = match name.as_str() {
            "fields" => &mut fields,
            "include" => &mut include,
            _ => {
                faults.push(Fault::new(place, "unknown_parameter", "there is no such parameter"));
                continue;
            }
        };
        if slot.replace(owned(&value)).is_some() {
            faults.push(Fault::new(place, "duplicate", "is there twice"));
        }
    }
    if faults.is_empty() {
        Ok(Shape { fields, include: include.unwrap_or_default() })
    } else {
        Err(not_understood(faults))
    }
}

fn pairs(query: Option<&str>) -> impl Iterator<Item = (String, String)> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
}

fn names(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|name| !name.is_empty())
}

fn owned(value: &str) -> Vec<String> {
    names(value).map(str::to_owned).collect()
}

fn sort(name: &str) -> Sort {
    match name.strip_prefix('-') {
        Some(name) => Sort { field: name.to_owned(), descending: true },
        None => Sort { field: name.to_owned(), descending: false },
    }
}

fn count(name: &str, value: &str) -> Result<u64, String> {
    let most = if name == "page" { LAST } else { MOST };
    let count = value.parse().ok().filter(|count| (1..=most).contains(count));
    count.ok_or_else(|| format!("expected a whole number from 1 to {most}"))
}

/// `price[gte]` is the field `price` and the operator `gte`.
fn filter(name: &str, value: String, place: String) -> Result<Filter, String> {
    let (field, operator) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        None => (name, Operator::Compare(Comparison::Equal)),
        Some((field, operator)) => {
            let known = Operator::ALL.into_iter().find(|(known, _)| *known == operator);
            let Some((_, known)) = known else {
                let names: Vec<_> = Operator::ALL.iter().map(|(name, _)| *name).collect();
                return Err(format!("there is no such operator; there are {}", names.join(", ")));
            };
            (field, known)
        }
    };
    Ok(Filter { field: field.to_owned(), operator, value, place })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals(query: &str) -> Vec<(String, String)> {
        read(Some(query)).faults.iter().map(|fault| (fault.pointer.clone(), fault.code.to_string())).collect()
    }

    #[test]
    fn reads_everything_that_can_be_asked() {
        let asked = read(Some(
            "status=new&price%5Bgte%5D=10&page%5Beq%5D=3&sort=-made_at,+name&fields=name&per_page=5&page=2&search=a+b",
        ));
        let filters: Vec<_> =
            asked.filters.iter().map(|f| (f.field.as_str(), f.value.as_str(), f.place.as_str())).collect();
        assert_eq!(
            filters,
            [
                ("status", "new", "query:status"),
                ("price", "10", "query:price[gte]"),
                ("page", "3", "query:page[eq]"),
            ]
        );
        assert_eq!(asked.filters[1].operator, Operator::Compare(Comparison::AtLeast));
        let sort: Vec<_> = asked.sort.iter().map(|sort| (sort.field.as_str(), sort.descending)).collect();
        assert_eq!(sort, [("made_at", true), ("name", false)]);
        assert_eq!(asked.search.as_deref(), Some("a b"));
        assert!(matches!(asked.part, Part::Page(page) if page == PageRequest::number(2, 5)));
        assert!(matches!(read(Some("limit=7")).part, Part::Cursor(cursor) if cursor.limit == Some(7)));
        assert!(read(None).filters.is_empty());
    }

    #[test]
    fn tells_every_fault_at_once() {
        assert_eq!(
            refusals("page=0&per_page=many&price[about]=3&sort=a&sort=b&after=x&before=y"),
            [
                ("query:page".into(), "type".into()),
                ("query:per_page".into(), "type".into()),
                ("query:price[about]".into(), "operator".into()),
                ("query:sort".into(), "duplicate".into()),
                ("query:before".into(), "contradiction".into()),
            ] as [(String, String); 5]
        );
        assert_eq!(refusals("page=1&after=x"), [("query:page".to_owned(), "contradiction".to_owned())]);
        assert_eq!(refusals("limit=100000"), [("query:limit".to_owned(), "type".to_owned())]);
        assert!(
            shape(Some("filds=a")).is_err() && shape(Some("fields=a,b")).unwrap().fields.unwrap().len() == 2
        );
    }
}
