//! Clients of small documents. That `tsc` accepts them, and that they do what they say, is tested in `tests/clients`.

use serde_json::{Value, json};

use super::{RUNTIME, typescript};

/// The client without what is the same in all.
fn client(document: &Value) -> String {
    let client = typescript(document);
    let (own, _) = client.split_once(RUNTIME).expect("every client ends alike");
    own.to_owned()
}

fn with_schemas(schemas: &Value) -> String {
    client(&json!({ "info": { "title": "Test", "version": "1" }, "components": { "schemas": schemas } }))
}

fn with_paths(paths: &Value) -> String {
    client(&json!({ "info": { "title": "Test", "version": "1" }, "paths": paths }))
}

/// The declaration of a type, without its comment.
fn declared(client: &str, name: &str) -> String {
    let starts = [format!("export type {name} ="), format!("export interface {name} {{")];
    let at =
        starts.iter().find_map(|start| client.find(start)).unwrap_or_else(|| panic!("no {name} in {client}"));
    let text = &client[at..];
    text[..text.find("\n\n").unwrap_or(text.len())].trim_end().to_owned()
}

fn type_of(schema: &Value) -> String {
    let declared = declared(&with_schemas(&json!({ "It": schema, "Other": { "type": "string" } })), "It");
    declared.trim_start_matches("export type It = ").trim_end_matches(';').to_owned()
}

#[test]
fn writes_a_whole_client() {
    let problem =
        json!({ "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    let article = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Article" } } });
    let client = client(&json!({
        "openapi": "3.1.1",
        "info": { "title": "Publishing", "version": "1.2", "description": "Articles and *authors*." },
        "servers": [{ "url": "https://example.org/v1" }],
        "tags": [{ "name": "Articles", "description": "What people write." }],
        "paths": {
            "/articles": {
                "get": {
                    "operationId": "list_articles", "tags": ["Articles"], "summary": "Lists articles.",
                    "description": "The newest first.",
                    "parameters": [
                        { "name": "tag", "in": "query", "schema": { "type": "array", "items": { "type": "string" } } },
                        { "name": "sort", "in": "query", "style": "form", "explode": false, "description": "By what.",
                          "schema": { "type": "array", "items": { "enum": ["title", "-title"] } } },
                        { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "default": 20 } },
                    ],
                    "responses": { "200": { "description": "OK", "content": {
                        "application/json": { "schema": { "type": "array", "items": { "$ref": "#/components/schemas/Article" } } },
                    } } },
                },
                "post": {
                    "operationId": "create", "tags": ["Articles"], "security": [{ "token": [] }],
                    "requestBody": { "required": true, "content": article },
                    "responses": {
                        "201": { "description": "Created", "content": article, "headers": { "Location": {}, "ETag": {} } },
                        "409": { "description": "The title is taken.", "content": problem },
                        "422": { "description": "The data does not fit.", "content": problem },
                    },
                },
            },
            "/articles/{id}": { "get": {
                "operationId": "article", "tags": ["Articles"], "deprecated": true,
                "parameters": [
                    { "name": "id", "in": "path", "required": true, "schema": { "type": "integer" } },
                    { "name": "id", "in": "query", "schema": { "type": "integer" } },
                    { "name": "If-None-Match", "in": "header", "schema": { "type": "string" } },
                    { "name": "theme", "in": "cookie", "schema": { "type": "string" } },
                ],
                "responses": { "200": { "description": "OK", "content": article }, "304": { "description": "Known." } },
            } },
            "/ping": { "get": { "operationId": "ping", "responses": { "204": { "description": "No Content" } } } },
        },
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": {
                "Article": {
                    "type": "object", "description": "An article.", "required": ["id", "title"],
                    "properties": {
                        "id": { "type": "integer", "format": "int64", "readOnly": true },
                        "title": { "type": "string", "maxLength": 200, "description": "Its title.", "examples": ["Hello"] },
                        "note": { "type": ["string", "null"] },
                        "related": { "type": "array", "items": { "$ref": "#/components/schemas/Article" } },
                    },
                },
                "Problem": { "type": "object", "required": ["title"], "properties": { "title": { "type": "string" } } },
            },
        },
    }));
    insta::assert_snapshot!(client);
}

#[test]
fn is_the_same_for_the_same_document() {
    let document = json!({
        "info": { "title": "Test", "version": "1" },
        "paths": { "/b": { "get": {} }, "/a": { "get": {}, "post": {} } },
        "components": { "schemas": { "B": {}, "A": {} } },
    });
    assert_eq!(typescript(&document), typescript(&document.clone()));
}

#[test]
fn knows_what_json_schema_can_say() {
    let other = json!({ "$ref": "#/components/schemas/Other" });
    let cases = [
        (json!({}), "unknown"),
        (json!(true), "unknown"),
        (json!(false), "never"),
        (json!({ "type": ["integer", "null"] }), "number | null"),
        (json!({ "anyOf": [other, { "type": "null" }] }), "Other | null"),
        (json!({ "enum": ["a", "b\"", 1, null] }), r#""a" | "b\"" | 1 | null"#),
        (json!({ "const": "only" }), "\"only\""),
        (json!({ "type": "array", "items": { "enum": ["a", "b"] } }), r#"("a" | "b")[]"#),
        (
            json!({ "type": "array", "prefixItems": [{ "type": "string" }, other], "minItems": 2, "maxItems": 2 }),
            "[string, Other]",
        ),
        (json!({ "type": "object" }), "Record<string, unknown>"),
        (json!({ "type": "object", "additionalProperties": false }), "Record<string, never>"),
        (
            json!({ "type": "object", "additionalProperties": { "type": ["number", "null"] } }),
            "Record<string, number | null>",
        ),
        (json!({ "type": "object", "patternProperties": { "^x": other } }), "Record<string, Other>"),
        (
            json!({ "allOf": [other, { "anyOf": [{ "type": "string" }, { "type": "number" }] }] }),
            "Other & (string | number)",
        ),
        (
            json!({ "type": "object", "oneOf": [other, { "type": "object", "additionalProperties": false }] }),
            "Other | Record<string, never>",
        ),
        (json!({ "$ref": "#/components/schemas/Missing" }), "unknown"),
        (json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] }), "string"),
    ];
    for (schema, expected) in cases {
        assert_eq!(type_of(&schema), expected, "{schema}");
    }
}

#[test]
fn makes_a_union_of_a_tagged_enum() {
    let street =
        json!({ "type": "object", "required": ["name"], "properties": { "name": { "type": "string" } } });
    let client = with_schemas(&json!({
        "Street": street,
        "Event": { "oneOf": [
            { "type": "object", "description": "It was made.", "required": ["type", "at"],
              "properties": { "type": { "type": "string", "const": "Made" }, "at": { "type": "integer" } } },
            { "$ref": "#/components/schemas/Street", "type": "object", "required": ["type"],
              "properties": { "type": { "type": "string", "const": "Moved" } } },
            { "type": "string", "const": "Gone" },
        ] },
    }));
    insta::assert_snapshot!(declared(&client, "Event"));
}

#[test]
fn says_what_members_that_are_not_named_may_be() {
    let declared = type_of(&json!({
        "type": "object", "required": ["id"], "additionalProperties": { "type": "boolean" },
        "properties": { "id": { "type": "integer" }, "a-b": { "type": "string" } },
    }));
    assert!(declared.contains("[key: string]: string | undefined | number | boolean;"), "{declared}");
    assert!(
        declared.contains("\"a-b\"?: string | undefined;") && declared.contains("id: number;"),
        "{declared}"
    );
}

#[test]
fn splits_a_type_that_has_what_only_the_server_sets() {
    let of = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let body = json!({ "content": { "application/json": { "schema": of("Order") } } });
    let client = client(&json!({
        "info": { "title": "Test", "version": "1" },
        "paths": { "/": { "post": { "requestBody": body, "responses": { "200": body } } } },
        "components": { "schemas": {
            "Order": { "type": "object", "properties": { "lines": { "type": "array", "items": of("Line") } } },
            "Line": { "type": "object", "required": ["id", "text", "secret"], "properties": {
                "id": { "type": "integer", "readOnly": true }, "text": { "type": "string" },
                "secret": { "type": "string", "writeOnly": true },
            } },
        } },
    }));
    assert!(declared(&client, "OrderInput").contains("lines?: LineInput[] | undefined;"), "{client}");
    assert!(declared(&client, "Order").contains("lines?: Line[] | undefined;"), "{client}");
    assert_eq!(
        declared(&client, "LineInput"),
        "export interface LineInput {\n  secret: string;\n  text: string;\n}"
    );
    let line = declared(&client, "Line");
    assert!(line.contains("readonly id: number;") && !line.contains("secret"), "{line}");
}

#[test]
fn finds_another_name_where_one_is_taken_or_none() {
    let client = client(&json!({
        "info": { "title": "Te*/st\nimport x", "version": "1" },
        "paths": {
            "/a": { "get": { "operationId": "then", "tags": ["class"] }, "post": { "operationId": "class_list", "tags": ["class"] },
                    "put": { "operationId": "list_class", "tags": ["class"] } },
            "/b": { "get": { "operationId": "constructor" } },
            "/c": { "get": { "summary": "Ends */ here." } },
        },
        "components": { "schemas": { "Response": {}, "Array<Tag>": {}, "string": {}, "ClassApi": {} } },
    }));
    for expected in [
        "export type ResponseSchema = unknown;",
        "export type Array_Tag = unknown;",
        "export type stringSchema = unknown;",
        "export class ClassApiGroup {",
        "  readonly class: ClassApiGroup;",
        "  then_(input",
        "  classList(input",
        "  listClass(input",
        "  constructor_(input",
        "  getC(input",
        "Ends *\\/ here.",
    ] {
        assert!(client.contains(expected), "no `{expected}` in {client}");
    }
    assert!(client.starts_with("// The client of Te*/st import x, version 1.\n"), "{client}");
}

#[test]
fn lets_a_body_of_several_kinds_be_chosen() {
    let client = with_paths(
        &json!({ "/rows": { "post": { "operationId": "import", "requestBody": { "required": true, "content": {
        "text/csv": { "schema": { "type": "string" } },
        "application/json": { "schema": { "type": "array", "items": { "type": "number" } } },
        "multipart/form-data": { "schema": { "type": "object", "required": ["file"], "properties": {
            "file": { "type": "string", "format": "binary" } } } },
    } } } } }),
    );
    insta::assert_snapshot!(declared(&client, "ImportInput"));
    assert!(client.contains(r#"body: ["application/json", "multipart/form-data", "text/csv"],"#), "{client}");
}

#[test]
fn reads_streams_item_by_item() {
    let content = |media_type: &str, items: Value| json!({ "responses": { "200": { "content": { media_type: { "schema": { "type": "array", "items": items } } } } } });
    let number = json!({ "type": "number" });
    let data = json!({ "type": "string", "contentMediaType": "application/json", "contentSchema": number });
    let client = with_paths(&json!({
        "/lines": { "get": content("application/x-ndjson", number.clone()) },
        "/events": { "get": content("text/event-stream", json!({ "properties": { "data": data } })) },
        "/texts": { "get": content("text/event-stream", json!({ "properties": { "data": { "type": "string" } } })) },
        "/file": { "get": { "responses": { "200": { "content": { "image/png": {} } } } } },
    }));
    for expected in [
        "StreamCall<number, GetLinesReply>",
        "StreamCall<ServerEvent<number>, GetEventsReply>",
        "StreamCall<ServerEvent, GetTextsReply>",
        "Call<Blob, GetFileReply>",
        r#"replies: { 200: "json-events" }"#,
        "Reply<200, AsyncIterable<number>>",
    ] {
        assert!(client.contains(expected), "no `{expected}` in {client}");
    }
}

#[test]
fn reaches_groups_by_names_in_any_script() {
    let client = with_paths(&json!({ "/a": { "get": { "operationId": "list", "tags": ["Größe"] } } }));
    assert!(client.contains("  readonly größe: GrößeApi;\n"), "{client}");
    assert!(client.contains("    this.größe = new GrößeApi(transport);\n"), "{client}");
}

#[test]
fn no_text_ends_a_comment() {
    let client = client(&json!({
        "info": { "title": "A\u{2028}let b;\u{2029}c", "version": "1\r2" },
        "paths": { "/": { "get": { "summary": "Ends *\r/ let x; /* here." } } },
    }));
    assert!(client.starts_with("// The client of A let b; c, version 1 2.\n"), "{client}");
    assert!(client.contains("   * Ends *\\/ let x; /* here.\n"), "{client}");
}

#[test]
fn sends_headers_that_have_one_value_only() {
    let header = |name: &str, schema: Value| json!({ "name": name, "in": "header", "schema": schema });
    let client = with_paths(&json!({ "/": { "get": { "operationId": "list", "parameters": [
        header("Api-Version", json!({ "type": "string", "enum": ["2"] })),
        header("X-Kind", json!({ "type": "string", "const": "a" })),
        header("X-Other", json!({ "type": "string", "enum": ["a", "b"] })),
    ] } } }));
    assert!(client.contains(r#"constants: { "Api-Version": "2", "X-Kind": "a" },"#), "{client}");
    let input = declared(&client, "ListInput");
    assert!(
        input.contains("xOther?") && !input.contains("apiVersion") && !input.contains("xKind"),
        "{input}"
    );
}

#[test]
fn asks_by_another_name_for_what_every_object_has() {
    let named =
        |name: &str, place: &str| json!({ "name": name, "in": place, "schema": { "type": "string" } });
    let client = with_paths(&json!({ "/{valueOf}": { "get": { "operationId": "list", "parameters": [
        named("valueOf", "path"), named("constructor", "query"), named("toString", "header"),
    ] } } }));
    for expected in [r#""path:valueOf"?"#, r#""query:constructor"?"#, r#"path: "/{path:valueOf}","#] {
        assert!(client.contains(expected), "no `{expected}` in {client}");
    }
    assert!(client.contains(r#"headers: { "header:toString": "toString" },"#), "{client}");
}

#[test]
fn knows_where_it_is_served_without_a_host() {
    let document =
        |url: &str| json!({ "info": { "title": "Test" }, "servers": [{ "url": url }, { "url": "/b" }] });
    assert!(client(&document("/api")).contains("const BASE_URL: string = \"/api\";"));
    assert!(
        client(&document("https://a.example")).contains("const BASE_URL: string = \"https://a.example\";")
    );
}

#[test]
fn takes_files_of_a_form_as_blobs() {
    let file = json!({ "type": "string", "format": "binary", "contentMediaType": "image/*" });
    let client = client(&json!({
        "info": { "title": "Test", "version": "1" },
        "paths": { "/": { "post": { "operationId": "send", "requestBody": { "required": true, "content": {
            "multipart/form-data": { "schema": { "$ref": "#/components/schemas/NewPost" } } } } } } },
        "components": { "schemas": {
            "NewPost": { "type": "object", "required": ["cover"], "properties": {
                "cover": { "$ref": "#/components/schemas/File" },
                "more": { "type": "array", "items": file },
                "note": { "anyOf": [file, { "type": "null" }] },
            } },
            "File": file,
        } },
    }));
    assert!(declared(&client, "SendInput").contains("body: NewPost | FormData;"), "{client}");
    assert_eq!(declared(&client, "File"), "export type File = Blob;", "{client}");
    let form = declared(&client, "NewPost");
    for expected in ["cover: File;", "more?: Blob[] | undefined;", "note?: Blob | null | undefined;"] {
        assert!(form.contains(expected), "no `{expected}` in {form}");
    }
}

#[test]
fn withstands_any_document() {
    let odd = [
        json!(null),
        json!([]),
        json!({ "paths": [] }),
        json!({ "paths": { "/": { "get": [] } } }),
        json!({ "paths": { "/{a": { "get": { "parameters": {}, "responses": [1], "tags": [1], "security": [1] } } } }),
        json!({ "components": { "schemas": { "A": { "$ref": "#/components/schemas/A" }, "B": { "type": 1, "enum": {} } } } }),
    ];
    for document in odd {
        assert!(typescript(&document).contains("export class Client"), "{document}");
    }
}
