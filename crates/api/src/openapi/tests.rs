//! Documents of operations that are put together by hand.

use http::{Method, StatusCode};
use mainstay_db::embedded;
use mainstay_http::describe::{
    BodySpec, Content, ErrorSpec, Operation, Parameter, Place, ResponseSpec, SchemaOf, SecurityScheme,
    SecuritySpec, schema_of,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Document, Frame, Info, Kind, Listed};

#[derive(Serialize, Deserialize, JsonSchema)]
struct Article {
    title: String,
    #[serde(default)]
    status: Status,
    tags: Vec<Tag>,
}

#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    #[default]
    Draft,
    Published,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Tag {
    name: String,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Page {
    articles: Vec<Article>,
}

/// Where something is.
#[embedded]
#[derive(JsonSchema)]
struct Address {
    street: String,
    #[field(default = "DE")]
    country: String,
    #[field(hidden)]
    note: Option<String>,
}

fn operation(method: Method, path: &str, name: &str) -> Operation {
    let mut operation = Operation::new(method, path, name);
    operation.complete_path();
    operation
}

fn frame() -> Frame {
    Frame { info: Info { title: "Test".into(), version: "1".into(), ..Info::default() }, ..Frame::default() }
}

fn build(operations: &[Operation]) -> serde_json::Value {
    let listed = operations.iter().map(|operation| Listed {
        operation,
        kind: Kind::Handler,
        module: Some("articles"),
        errors: None,
    });
    Document::build(&frame(), listed).as_json().clone()
}

#[test]
fn describes_parameters_body_responses_errors_and_security() {
    let mut create = operation(Method::POST, "/articles/{slug}", "create");
    create.document("Creates an article.\n\nIt is a *draft* at first.");
    create.parameter(
        Parameter::new(Place::Query, "dry_run").description("Changes nothing.").schema(schema_of::<bool>()),
    );
    create.body = Some(BodySpec::new(Content::of::<Article>("application/json")));
    create.response(ResponseSpec::new(201).content(Content::of::<Article>("application/json")));
    create.error(ErrorSpec::from(StatusCode::CONFLICT).code("slug_taken"));
    create.error(ErrorSpec::new(StatusCode::CONFLICT, "The title is taken."));
    create.security.push(SecuritySpec::new("token", SecurityScheme::Bearer { format: None }).scope("write"));
    insta::assert_json_snapshot!(build(&[create]));
}

#[test]
fn splits_a_type_that_is_read_and_written_differently_and_what_refers_to_it() {
    let mut replace = operation(Method::PUT, "/articles", "replace");
    replace.body = Some(BodySpec::new(Content::of::<Page>("application/json")));
    replace.response(ResponseSpec::new(200).content(Content::of::<Page>("application/json")));
    let document = build(&[replace]);
    let schemas = document["components"]["schemas"].as_object().expect("an object");
    let names: Vec<_> = schemas.keys().map(String::as_str).collect();
    assert_eq!(names, ["Article", "ArticleInput", "Page", "PageInput", "Status", "Tag"]);
    assert_eq!(schemas["Article"]["required"], json!(["title", "status", "tags"]));
    assert_eq!(schemas["ArticleInput"]["required"], json!(["title", "tags"]));
    let items = |name: &str| schemas[name]["properties"]["articles"]["items"]["$ref"].clone();
    assert_eq!(items("Page"), "#/components/schemas/Article");
    assert_eq!(items("PageInput"), "#/components/schemas/ArticleInput");
    let text = document.to_string();
    assert!(!text.contains("components/inputs"), "{text}");
}

#[test]
fn leaves_the_names_of_the_applications_own_types_to_them() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct TagInput {
        own: String,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    struct Problem {
        own: String,
    }
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[schemars(rename = "Tag")]
    struct Defaulted {
        #[serde(default)]
        name: String,
    }
    let json = "application/json";
    let mut first = operation(Method::POST, "/first", "first");
    first.body = Some(BodySpec::new(Content::of::<Defaulted>(json)));
    first.response(ResponseSpec::new(200).content(Content::of::<Defaulted>(json)));
    first.error(ErrorSpec::from(StatusCode::CONFLICT));
    let mut second = operation(Method::POST, "/second", "second");
    second.body = Some(BodySpec::new(Content::of::<TagInput>(json)));
    second.response(ResponseSpec::new(200).content(Content::of::<Problem>(json)));
    for operations in [[first.clone(), second.clone()], [second, first]] {
        let document = build(&operations);
        let definition = |content: &serde_json::Value| {
            let reference = content[json]["schema"]["$ref"].as_str().expect("a reference");
            document.pointer(reference.trim_start_matches('#')).expect("a definition").clone()
        };
        let paths = &document["paths"];
        let [first, second] = ["/first", "/second"].map(|path| &paths[path]["post"]);
        let [sent, answered] =
            [first, second].map(|operation| definition(&operation["requestBody"]["content"]));
        assert_eq!(sent["properties"]["name"]["default"], "", "{document:#}");
        assert_eq!(sent.get("required"), None, "{document:#}");
        assert_eq!(answered["required"], json!(["own"]), "{document:#}");
        assert_eq!(definition(&second["responses"]["200"]["content"])["required"], json!(["own"]));
        let problem = &first["responses"]["409"]["content"]["application/problem+json"];
        let problem = definition(&json!({ json: problem }));
        assert_eq!(problem["description"], "Problem details (RFC 9457).", "{document:#}");
    }
}

#[test]
fn describes_a_part_of_a_model_as_it_is_read_and_written() {
    let mut operation = operation(Method::POST, "/addresses", "create");
    let content = || Content::of::<Address>("application/json");
    operation.body = Some(BodySpec::new(content()));
    operation.response(ResponseSpec::new(201).content(content()));
    let schemas = build(&[operation])["components"]["schemas"].clone();
    let shown = |name: &str| {
        let properties = schemas[name]["properties"].as_object().unwrap_or_else(|| panic!("{schemas:#}"));
        properties.keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(shown("AddressInput"), ["country", "note", "street"]);
    assert_eq!(shown("Address"), ["country", "street"]);
    assert_eq!(schemas["AddressInput"]["required"], json!(["street"]));
    assert_eq!(schemas["AddressInput"]["properties"]["country"]["default"], "DE");
}

#[test]
fn gives_every_operation_an_id_of_its_own() {
    let document = build(&[
        operation(Method::GET, "/articles", "list"),
        operation(Method::GET, "/tags", "list"),
        operation(Method::GET, "/tags/{*rest}", "list"),
        operation(Method::POST, "/tags", "list"),
    ]);
    let mut ids: Vec<_> = document["paths"]
        .as_object()
        .expect("an object")
        .values()
        .flat_map(|path| path.as_object().expect("an object").values())
        .map(|operation| operation["operationId"].as_str().expect("a text").to_owned())
        .collect();
    ids.sort();
    assert_eq!(ids, ["list_articles", "list_tags_get", "list_tags_post", "list_tags_rest"]);
    assert!(document["paths"]["/tags/{rest}"]["get"]["parameters"][0]["required"].as_bool().expect("a bool"));
}

#[test]
fn gives_addresses_of_one_shape_one_path() {
    let document = build(&[
        operation(Method::GET, "/files/{*path}", "read"),
        operation(Method::PUT, "/files/{*path}", "write"),
        operation(Method::GET, "/files/{name}", "show"),
        operation(Method::DELETE, "/files/{id}", "delete"),
        operation(Method::GET, "/{b}/{a}", "both"),
        operation(Method::PUT, "/{a}/{b}", "swap"),
        operation(Method::GET, "/a/{{x}}/{id}}}", "braces"),
    ]);
    let paths = document["paths"].as_object().expect("an object");
    let names: Vec<_> = paths.keys().map(String::as_str).collect();
    assert_eq!(names, ["/a/%7Bx%7D/{id}%7D", "/files/{path}", "/{b}/{a}"]);
    let ids = ["get", "put", "delete"].map(|method| paths["/files/{path}"][method]["operationId"].clone());
    assert_eq!(ids, ["show", "write", "delete"]);
    for (path, item) in paths {
        for operation in item.as_object().expect("an object").values() {
            let parameters = operation["parameters"].as_array().expect("a list");
            let named =
                parameters.iter().map(|known| format!("{{{}}}", known["name"].as_str().expect("a name")));
            assert!(
                named.clone().all(|name| path.contains(&name)),
                "{path}: {:?}",
                named.collect::<Vec<_>>()
            );
        }
    }
    let swap = &paths["/{b}/{a}"]["put"]["parameters"];
    assert_eq!((&swap[0]["name"], &swap[1]["name"]), (&json!("b"), &json!("a")));
}

#[test]
fn says_that_an_anonymous_caller_is_served_too() {
    let mut list = operation(Method::GET, "/", "list");
    let mut token = SecuritySpec::new(
        "token",
        SecurityScheme::Key { place: Place::Header, name: "Authorization".into() },
    );
    token.optional = true;
    list.security.push(token);
    let document = build(&[list]);
    assert_eq!(document["paths"]["/"]["get"]["security"], json!([{ "token": [] }, {}]));
    assert_eq!(
        document["components"]["securitySchemes"]["token"],
        json!({ "type": "apiKey", "in": "header", "name": "Authorization" })
    );
}

#[test]
fn keeps_apart_what_may_be_sent_instead_of_each_other() {
    let mut list = operation(Method::GET, "/", "list");
    let proof = |name: &'static str, optional| {
        let scheme = SecurityScheme::Key { place: Place::Header, name: "Authorization".into() };
        SecuritySpec { optional, ..SecuritySpec::new(name, scheme) }
    };
    list.security = vec![proof("user", true), proof("clerk", true)];
    let security =
        |list: &Operation| build(std::slice::from_ref(list))["paths"]["/"]["get"]["security"].clone();
    assert_eq!(security(&list), json!([{ "user": [] }, { "clerk": [] }, {}]));
    list.security = vec![proof("user", true), proof("key", false), proof("place", false)];
    assert_eq!(security(&list), json!([{ "key": [], "place": [], "user": [] }, { "key": [], "place": [] }]));
}

#[test]
fn asks_for_one_bearer_token() {
    let mut list = operation(Method::GET, "/", "list");
    let bearer = |name: &'static str| SecuritySpec::new(name, SecurityScheme::Bearer { format: None });
    list.security = vec![bearer("bearer"), SecuritySpec { optional: true, ..bearer("Account") }];
    let document = build(&[list.clone()]);
    assert_eq!(document["paths"]["/"]["get"]["security"], json!([{ "Account": [] }]));
    assert_eq!(
        document["components"]["securitySchemes"],
        json!({ "Account": { "type": "http", "scheme": "bearer" } })
    );
    list.security.pop();
    assert_eq!(build(&[list])["paths"]["/"]["get"]["security"], json!([{ "bearer": [] }]));
}

#[test]
fn lists_the_values_that_a_parameter_is_one_of() {
    let mut list = operation(Method::GET, "/", "list");
    let parameter = |name: &str| Parameter::new(Place::Query, name).choices(["a", "b"]);
    list.parameter(parameter("one").schema(schema_of::<String>()));
    list.parameter(parameter("several").schema(schema_of::<Vec<String>>()));
    list.parameter(parameter("untyped"));
    list.response(ResponseSpec::new(204).header(Parameter::new(Place::Header, "X-Kind").choices(["a", "b"])));
    let document = build(&[list]);
    let schema = |at: usize| document["paths"]["/"]["get"]["parameters"][at]["schema"].clone();
    let one = json!({ "type": "string", "enum": ["a", "b"] });
    assert_eq!(schema(0), one);
    assert_eq!(schema(1), json!({ "type": "array", "items": one.clone() }));
    assert_eq!(schema(2), json!({ "enum": ["a", "b"] }));
    let headers = &document["paths"]["/"]["get"]["responses"]["204"]["headers"];
    assert_eq!(headers["X-Kind"]["schema"], one);
}

#[test]
fn lists_a_mounted_router_as_the_address_that_it_answers() {
    let legacy = operation(Method::GET, "/legacy/{*rest}", "Router");
    let listed = [Listed { operation: &legacy, kind: Kind::Mounted, module: None, errors: None }];
    let document = Document::build(&frame(), listed).as_json().clone();
    let path = document["paths"]["/legacy/{rest}"].as_object().expect("an object");
    assert!(path.contains_key("summary") && !path.contains_key("get"), "{path:?}");
}

#[test]
fn shows_errors_in_the_shape_in_which_they_are_written() {
    let mut list = operation(Method::GET, "/", "list");
    list.error(ErrorSpec::from(StatusCode::CONFLICT));
    let own = Content::of::<Tag>("application/json");
    let listed = [Listed { operation: &list, kind: Kind::Handler, module: None, errors: Some(&own) }];
    let document = Document::build(&frame(), listed).as_json().clone();
    let content = &document["paths"]["/"]["get"]["responses"]["409"]["content"];
    assert_eq!(content, &json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Tag" } } }));
    assert!(document["components"]["schemas"].get("Problem").is_none());
}

#[test]
fn gives_ids_that_do_not_depend_on_what_is_found_first() {
    let list = |path: &str, tag: &str| {
        let mut list = operation(Method::GET, path, "list");
        list.tags.push(tag.to_owned());
        list
    };
    let mut operations = [
        list("/tags", "Tags"),
        list("/a", "The Articles"),
        list("/b", "The Articles"),
        list("/c", "Comments"),
    ];
    let ids = |operations: &[Operation]| {
        let document = build(operations);
        ["/tags", "/a", "/b", "/c"].map(|path| document["paths"][path]["get"]["operationId"].clone())
    };
    let expected = ["tags_list", "list_a", "list_b", "comments_list"];
    assert_eq!(ids(&operations), expected);
    operations.reverse();
    assert_eq!(ids(&operations), expected);
}

#[test]
fn says_on_which_terms_it_may_be_used_and_what_its_tags_mean() {
    let frame = Frame {
        info: Info {
            license: Some(super::License { name: "MIT".into(), identifier: Some("MIT".into()), url: None }),
            contact: Some(super::Contact {
                name: "Us".into(),
                email: Some("us@example.org".into()),
                url: None,
            }),
            terms_of_service: Some("https://example.org/terms".into()),
            ..frame().info
        },
        servers: vec!["https://example.org".into()],
        tags: vec![("Tags".into(), "What things are about.".into()), ("A".into(), "The first.".into())],
        external_docs: Some(("https://example.org/book".into(), "The book.".into())),
    };
    let mut operations = ["B", "Tags"].map(|tag| {
        let mut list = operation(Method::GET, &format!("/{tag}"), "list");
        list.tags.push(tag.to_owned());
        list
    });
    operations[1].deprecated = true;
    let listed = operations.iter().map(|operation| Listed {
        operation,
        kind: Kind::Handler,
        module: Some("unused"),
        errors: None,
    });
    let mut document = Document::build(&frame, listed).as_json().clone();
    assert_eq!(document["paths"]["/Tags"]["get"]["deprecated"], true);
    document.as_object_mut().expect("an object").retain(|key, _| key != "paths" && key != "components");
    insta::assert_json_snapshot!(document);
}

#[test]
fn describes_streams_as_lists_of_what_they_stream() {
    let answer = |content: Content| {
        let mut list = operation(Method::GET, "/", "list");
        list.response(ResponseSpec::new(200).content(content));
        let document = build(&[list]);
        let content = document["paths"]["/"]["get"]["responses"]["200"]["content"].as_object().cloned();
        content.and_then(|content| content.into_values().next()).expect("a media type")["schema"].clone()
    };
    let tag = json!({ "$ref": "#/components/schemas/Tag" });
    let lines = answer(Content::of::<Tag>("application/x-ndjson"));
    assert_eq!(lines, json!({ "type": "array", "items": tag }));
    let events = answer(Content::of::<Tag>("text/event-stream"));
    assert_eq!(
        events["items"]["properties"]["data"],
        json!({ "type": "string", "contentMediaType": "application/json", "contentSchema": tag })
    );
    let texts = answer(Content::of::<str>("text/event-stream"));
    assert_eq!(texts["items"]["properties"]["data"], json!({ "type": "string" }));
    assert_eq!(texts["items"]["required"], json!(["data"]));
}

#[test]
fn shows_examples_of_types_and_of_parameters() {
    #[derive(Serialize, Deserialize, JsonSchema)]
    #[schemars(example = &Limit { limit: 20 })]
    struct Limit {
        #[schemars(example = 20)]
        limit: u8,
    }
    let mut list = operation(Method::POST, "/", "list");
    list.parameter(Parameter::new(Place::Query, "limit").schema(Some(SchemaOf::field::<Limit>("limit"))));
    list.body = Some(BodySpec::new(Content::of::<Limit>("application/json")));
    let document = build(&[list]);
    assert_eq!(document["paths"]["/"]["post"]["parameters"][0]["schema"]["examples"], json!([20]));
    assert_eq!(document["components"]["schemas"]["Limit"]["examples"], json!([{ "limit": 20 }]));
}

#[test]
fn leaves_out_headers_that_are_said_by_other_means() {
    let mut list = operation(Method::GET, "/", "list");
    list.parameter(Parameter::new(Place::Header, "authorization").required());
    list.parameter(Parameter::new(Place::Header, "X-Tenant"));
    let parameters = build(&[list])["paths"]["/"]["get"]["parameters"].clone();
    assert_eq!(parameters, json!([{ "name": "X-Tenant", "in": "header", "schema": {} }]));
}

/// Types as they are at first, and as they are when they have grown.
mod grown {
    use std::collections::BTreeMap;

    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    macro_rules! types {
        ($module:ident { $($street:tt)* } { $($kind:tt)* } { $($event:tt)* } { $($shape:tt)* } $count:ty, $home:ty) => {
            pub(super) mod $module {
                use super::*;

                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) struct Street { $($street)* }

                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) enum Kind { $($kind)* }

                #[derive(Serialize, Deserialize, JsonSchema)]
                #[serde(tag = "type")]
                pub(crate) enum Event { $($event)* }

                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) enum Shape { $($shape)* }

                #[derive(Serialize, Deserialize, JsonSchema)]
                pub(crate) struct Person {
                    home: $home,
                    kind: Kind,
                    event: Event,
                    shape: Shape,
                    counts: BTreeMap<String, $count>,
                    friends: Vec<Person>,
                    parent: Option<Box<Person>>,
                }
            }
        };
    }

    types!(before
        { name: String }
        { Adult, Child }
        { Made { at: i32 }, Moved(Street) }
        { Circle(i32), Point }
        u8, Street);
    types!(after
        { name: String, number: Option<u32> }
        {
            /// Below eighteen.
            Child,
            Adult,
            /// Nobody asked.
            Unknown,
        }
        { Left, Moved(Street), Made { at: i64 } }
        { Point, Line, Square { side: i32 }, Circle(i64) }
        u16, Option<Street>);
}

#[test]
fn what_rust_types_grow_by_breaks_nobody_who_sends_them() {
    use grown::{after, before};
    let create = |content: Content| {
        let mut create = operation(Method::POST, "/people", "create");
        create.body = Some(BodySpec::new(content));
        build(&[create])
    };
    let list = |content: Content| {
        let mut list = operation(Method::GET, "/people", "list");
        list.response(ResponseSpec::new(200).content(content));
        build(&[list])
    };
    let breaks = |old: &serde_json::Value, new: &serde_json::Value| -> Vec<String> {
        super::compare::breaks(old, new).iter().map(ToString::to_string).collect()
    };
    let json = "application/json";
    let (old, new) =
        (create(Content::of::<before::Person>(json)), create(Content::of::<after::Person>(json)));
    assert_eq!(breaks(&old, &new), Vec::<String>::new());
    insta::assert_snapshot!("what_requests_cannot_be_any_more", breaks(&new, &old).join("\n"));
    let (old, new) = (list(Content::of::<before::Person>(json)), list(Content::of::<after::Person>(json)));
    insta::assert_snapshot!("what_answers_can_be_now", breaks(&old, &new).join("\n"));
}

#[test]
fn says_which_scopes_a_limited_token_needs() {
    let mut publish = operation(Method::POST, "/", "publish");
    let bearer = SecuritySpec::new("Bearer", SecurityScheme::Bearer { format: Some("JWT".into()) });
    publish.security.push(bearer);
    publish.scope("articles.write");
    publish.scope("articles.write");
    publish.scope("media.write");
    let document = build(&[publish]);
    let asked = json!([{ "Bearer": ["articles.write", "media.write"] }]);
    assert_eq!(document["paths"]["/"]["post"]["security"], asked);
    let scheme = json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" });
    assert_eq!(document["components"]["securitySchemes"]["Bearer"], scheme);
}
