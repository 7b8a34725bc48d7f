use std::collections::HashMap;
use std::num::NonZeroU8;

use serde::Deserialize;

use super::*;

fn pairs(query: &str) -> Vec<Pair<'_>> {
    form_urlencoded::parse(query.as_bytes()).collect()
}

fn query<T: DeserializeOwned>(text: &str) -> Result<T> {
    read(pairs(text), Origin::Query)
}

/// Pointer, code and message of every fault.
fn faults<T: DeserializeOwned + std::fmt::Debug>(text: &str) -> Vec<String> {
    let error = query::<T>(text).unwrap_err();
    assert_eq!(error.status(), 400);
    error
        .faults()
        .iter()
        .map(|fault| format!("{} {}: {}", fault.pointer, fault.code, fault.message))
        .collect()
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Newest,
    Oldest,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Filter {
    limit: u8,
    offset: i32,
    #[serde(default)]
    tag: Vec<String>,
    sort: Option<Sort>,
    exact: Option<bool>,
    ratio: Option<f64>,
    text: Option<String>,
}

#[test]
fn reads_lists_options_enums_and_numbers() {
    let filter: Filter =
        query("limit=10&tag=a&offset=-3&tag=b%20c&sort=oldest&exact=on&ratio=1.5&text=").unwrap();
    let expected = Filter {
        limit: 10,
        offset: -3,
        tag: vec!["a".into(), "b c".into()],
        sort: Some(Sort::Oldest),
        exact: Some(true),
        ratio: Some(1.5),
        text: Some(String::new()),
    };
    assert_eq!(filter, expected);
}

#[test]
fn an_empty_text_is_nothing_where_nothing_is_allowed() {
    let filter: Filter = query("limit=1&offset=0&sort=&exact=&ratio=").unwrap();
    assert_eq!((filter.sort, filter.exact, filter.ratio), (None, None, None));
    assert_eq!(
        faults::<Filter>("limit=&offset=0"),
        ["query:limit type: expected an integer from 0 to 255, found nothing"]
    );
}

#[test]
fn finds_every_fault_at_once() {
    assert_eq!(
        faults::<Filter>("limit=300&offset=abc&sort=best&exact=perhaps&ratio=inf&text=a&text=b"),
        [
            "query:exact type: expected `true` or `false`, found `perhaps`",
            "query:limit type: expected an integer from 0 to 255, found `300`",
            "query:offset type: expected an integer from -2147483648 to 2147483647, found `abc`",
            "query:ratio type: expected a number, found `inf`",
            "query:sort choice: expected `newest` or `oldest`, found `best`",
            "query:text repeated: it may be given once, and is given 2 times",
        ]
    );
    assert_eq!(
        faults::<Filter>("exact=2"),
        [
            "query:exact type: expected `true` or `false`, found `2`",
            "query:limit required: it is required, and missing",
            "query:offset required: it is required, and missing",
        ]
    );
}

#[test]
fn says_the_first_fault_in_its_message() {
    let error = query::<Filter>("limit=x").unwrap_err();
    assert_eq!(error.machine_code(), "invalid_parameter");
    assert_eq!(
        error.message(),
        "The query parameter `limit`: expected an integer from 0 to 255, found `x`. And 1 more."
    );
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only failures are looked at")]
struct Strict {
    size: NonZeroU8,
    color: Option<String>,
}

#[test]
fn refuses_unknown_names_only_where_the_type_does() {
    assert!(query::<Filter>("limit=1&offset=1&other=1").is_ok());
    assert_eq!(
        faults::<Strict>("colour=red&size=0"),
        [
            "query:colour unknown_field: it is not known here; known are `size` or `color`",
            "query:size type: expected an integer from 0 to 255 other than 0, found `0`",
        ]
    );
}

#[derive(Debug, PartialEq, Deserialize)]
struct Listing {
    search: String,
    #[serde(flatten)]
    page: Page,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Page {
    page: u32,
    desc: Option<bool>,
    #[serde(default)]
    only: Vec<String>,
}

#[test]
fn reads_numbers_and_lists_in_flattened_structs() {
    let listing: Listing = query("search=2024&page=7&desc=true&only=a").unwrap();
    let page = Page { page: 7, desc: Some(true), only: vec!["a".into()] };
    assert_eq!(listing, Listing { search: "2024".into(), page });
    assert_eq!(query::<Listing>("search=x&page=1&only=a&only=b").unwrap().page.only, ["a", "b"]);
}

#[test]
fn names_the_field_of_a_flattened_struct() {
    let found = faults::<Listing>("search=x&page=seven");
    assert_eq!(found, ["query:page type: expected an integer from 0 to 4294967295, found `seven`"]);
    assert_eq!(faults::<Listing>("search=x"), ["query:page required: it is required, and missing"]);
}

#[test]
fn reads_maps_and_lists_of_pairs() {
    let map: HashMap<String, Vec<u8>> = query("a=1&b=2&a=3").unwrap();
    assert_eq!(map["a"], [1, 3]);
    let list: Vec<(String, String)> = query("a=1&b=2").unwrap();
    assert_eq!(list[1], ("b".to_owned(), "2".to_owned()));
    assert!(query::<()>("a=1").is_ok());
}

#[test]
fn blames_the_program_for_what_no_request_can_give() {
    let error = query::<u32>("a=1").unwrap_err();
    assert_eq!(error.status(), 500);
    assert!(error.report().contains("take a struct"), "{}", error.report());
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only failures are looked at")]
    struct Nested {
        inner: Strict,
    }
    assert_eq!(query::<Nested>("inner=1").unwrap_err().status(), 500);
}

#[test]
fn a_client_cannot_name_a_variant_into_a_500() {
    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only failures are looked at")]
    enum By {
        Name,
        Range(u8, u8),
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only failures are looked at")]
    struct Order {
        by: By,
    }
    assert_eq!(faults::<Order>("by=range"), ["query:by invalid: `range` cannot be given as a plain text"]);
}

fn path<T: DeserializeOwned>(values: &[(&'static str, &'static str)]) -> Result<T> {
    read(values.iter().map(|&(name, value)| (name.into(), value.into())).collect(), Origin::Path)
}

#[test]
fn reads_a_path_by_position_by_name_and_alone() {
    let values = [("user", "ann"), ("id", "7")];
    assert_eq!(path::<(String, u32)>(&values).unwrap(), ("ann".to_owned(), 7));
    assert_eq!(path::<HashMap<String, String>>(&values).unwrap()["id"], "7");
    assert_eq!(path::<Vec<String>>(&values).unwrap(), ["ann", "7"]);
    assert_eq!(path::<u32>(&[("id", "7")]).unwrap(), 7);
    assert_eq!(path::<Sort>(&[("sort", "newest")]).unwrap(), Sort::Newest);
    #[derive(Deserialize)]
    struct Id(u64);
    assert_eq!(path::<Id>(&[("id", "7")]).unwrap().0, 7);
    assert_eq!(path::<(Id,)>(&[("id", "8")]).unwrap().0.0, 8);
}

#[test]
fn names_the_parameter_of_a_path() {
    let error = path::<(u8, i8)>(&[("a", "x"), ("b", "128")]).unwrap_err();
    assert_eq!(error.status(), 400);
    let pointers: Vec<_> = error.faults().iter().map(|fault| fault.pointer.as_str()).collect();
    assert_eq!(pointers, ["path:a", "path:b"]);
    assert_eq!(path::<u8>(&[("id", "-1")]).unwrap_err().faults()[0].pointer, "path:id");
    assert_eq!(path::<(u8, u8)>(&[("id", "1")]).unwrap_err().status(), 500);
}

#[test]
fn reads_headers_whatever_their_spelling() {
    #[derive(Debug, Deserialize)]
    struct Known {
        if_match: String,
        #[serde(rename = "X-Count")]
        count: u8,
    }
    let headers = |count: &'static str| {
        let pairs: Vec<Pair<'static>> = vec![
            ("if-match".into(), "\"a\"".into()),
            ("x-count".into(), count.into()),
            ("accept".into(), "*/*".into()),
        ];
        read::<Known>(pairs, Origin::Header)
    };
    let known = headers("3").unwrap();
    assert_eq!((known.if_match.as_str(), known.count), ("\"a\"", 3));
    assert_eq!(headers("many").unwrap_err().faults()[0].pointer, "header:X-Count");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,60}") {
        let _ = query::<Filter>(&text);
        let _ = query::<Listing>(&text);
        let _ = query::<Strict>(&text);
        let _ = query::<HashMap<String, Option<i64>>>(&text);
    }

    #[test]
    fn faults_are_found_in_any_field(limit in ".{0,8}", offset in ".{0,8}", sort in ".{0,8}", page in "[a-z0-9]{0,3}") {
        let text: String = form_urlencoded::Serializer::new(String::new())
            .append_pair("limit", &limit).append_pair("offset", &offset).append_pair("sort", &sort)
            .append_pair("page", &page).append_pair("search", &page).finish();
        let good = limit.parse::<u8>().is_ok() && offset.parse::<i32>().is_ok()
            && ["", "newest", "oldest"].contains(&sort.as_str());
        proptest::prop_assert_eq!(query::<Filter>(&text).is_ok(), good);
        let _ = query::<Listing>(&text);
    }
}
