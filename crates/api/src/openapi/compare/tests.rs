//! Two documents, and what is said of them.

use serde_json::json;

use super::*;

fn document(body: Value, answer: Value) -> Value {
    json!({
        "paths": { "/notes": { "post": {
            "parameters": [{ "in": "query", "name": "dry", "schema": { "type": "boolean" } }],
            "requestBody": { "required": true, "content": { "application/json": { "schema": body } } },
            "responses": { "201": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Note" } } } } },
        } } },
        "components": { "schemas": { "Note": answer } },
    })
}

fn note(properties: Value, required: Value) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

fn lines(old: &Value, new: &Value) -> Vec<String> {
    breaks(old, new).iter().map(ToString::to_string).collect()
}

fn sample() -> (Value, Value) {
    let body = note(
        json!({ "title": { "type": "string", "maxLength": 9 }, "kind": { "enum": ["a", "b"] } }),
        json!(["title"]),
    );
    let answer =
        note(json!({ "id": { "type": "integer" }, "title": { "type": "string" } }), json!(["id", "title"]));
    (body, answer)
}

#[test]
fn growth_breaks_nobody() {
    let (body, answer) = sample();
    let old = document(body.clone(), answer.clone());
    let (mut body, mut answer) = (body, answer);
    body["properties"]["text"] = json!({ "type": "string" });
    body["properties"]["title"]["maxLength"] = json!(20);
    body["properties"]["kind"]["enum"] = json!(["a", "b", "c"]);
    body["required"] = json!([]);
    answer["properties"]["text"] = json!({ "type": "string" });
    let mut new = document(body, answer);
    new["paths"]["/notes"]["get"] = json!({ "responses": {} });
    let more = json!({ "in": "query", "name": "new", "schema": {} });
    let parameters = new["paths"]["/notes"]["post"]["parameters"].as_array_mut();
    parameters.expect("a list").push(more);
    assert_eq!(lines(&old, &new), Vec::<String>::new());
    assert_eq!(lines(&old, &old), Vec::<String>::new());
}

#[test]
fn names_what_requests_may_be_no_more() {
    let (body, answer) = sample();
    let old = document(body.clone(), answer.clone());
    let mut body = body;
    body["properties"]["title"]["maxLength"] = json!(5);
    body["properties"]["kind"]["enum"] = json!(["a"]);
    body["properties"]["text"] = json!({ "type": "string" });
    body["required"] = json!(["title", "text"]);
    body["additionalProperties"] = json!(false);
    let mut new = document(body, answer);
    new["paths"]["/notes"]["post"]["parameters"] =
        json!([{ "in": "header", "name": "X-Key", "required": true }]);
    new["paths"]["/notes"]["post"]["security"] = json!([{ "token": [] }]);
    assert_eq!(
        lines(&old, &new),
        [
            "POST /notes: is only for who is signed in now",
            "POST /notes: body: takes no other fields any more",
            "POST /notes: body/kind: can be \"b\" no more",
            "POST /notes: body/text: is required now",
            "POST /notes: body/title: has another `maxLength`: 5",
            "POST /notes: header `X-Key`: is required now",
            "POST /notes: query `dry`: is not known any more",
        ]
    );
}

#[test]
fn names_what_answers_may_be_now() {
    let (body, answer) = sample();
    let old = document(body.clone(), answer);
    let changed = note(json!({ "id": { "type": ["string", "null"] } }), json!([]));
    let new = document(body, changed);
    assert_eq!(
        lines(&old, &new),
        [
            "POST /notes: 201/id: can be `null` now",
            "POST /notes: 201/id: can be `string` now",
            "POST /notes: 201/id: may be absent now",
            "POST /notes: 201/title: is not there any more",
        ]
    );
    assert_eq!(lines(&old, &json!({ "paths": {} })), ["POST /notes: is not there any more"]);
}

#[test]
fn schemas_may_refer_to_themselves() {
    let tree = note(
        json!({ "children": { "type": "array", "items": { "$ref": "#/components/schemas/Note" } } }),
        json!([]),
    );
    let document = document(json!({ "$ref": "#/components/schemas/Note" }), tree);
    assert_eq!(lines(&document, &document), Vec::<String>::new());
}

/// What is said of a body that was `old`, and of an answer that was.
fn both(old: Value, new: Value) -> [Vec<String>; 2] {
    let unchanged = json!({ "type": "object" });
    let body = |schema: Value| document(schema, unchanged.clone());
    let answer = |schema: Value| document(unchanged.clone(), schema);
    let without_place = |lines: Vec<String>| {
        let lines = lines.iter().map(|line| line.trim_start_matches("POST /notes: ").to_owned());
        lines.collect()
    };
    [
        without_place(lines(&body(old.clone()), &body(new.clone()))),
        without_place(lines(&answer(old), &answer(new))),
    ]
}

fn nothing() -> Vec<String> {
    Vec::new()
}

#[test]
fn what_may_be_null_is_compared_as_what_it_is_otherwise() {
    let plain = note(json!({ "street": { "type": "string" } }), json!(["street"]));
    for key in ["anyOf", "oneOf"] {
        let optional = json!({ key: [plain, { "type": "null" }] });
        assert_eq!(
            both(plain.clone(), optional.clone()),
            [nothing(), vec!["201: can be `null` now".to_owned()]]
        );
        assert_eq!(
            both(optional.clone(), plain.clone()),
            [vec!["body: can be `null` no more".to_owned()], nothing()]
        );
        let mut other = optional.clone();
        other[key][0]["properties"]["street"] = json!({ "type": "integer" });
        let [body, answer] = both(optional, other);
        assert_eq!(body, ["body/street: can be `string` no more"]);
        assert_eq!(answer, ["201/street: can be `integer` now"]);
    }
}

#[test]
fn a_format_may_be_within_another() {
    let number = |kind: &str, format: &str| json!({ "type": kind, "format": format });
    for (narrow, wide) in [
        (number("integer", "int32"), number("integer", "int64")),
        (number("integer", "uint32"), number("integer", "int64")),
        (number("number", "float"), number("number", "double")),
        (number("integer", "int32"), number("number", "double")),
    ] {
        assert_eq!(both(narrow.clone(), wide.clone())[0], nothing());
        assert_eq!(both(wide, narrow)[1], nothing());
    }
    let [body, answer] = both(number("integer", "int64"), number("integer", "int32"));
    assert_eq!(
        (body, answer),
        (vec!["body: has the format `int32` now, and had `int64`".to_owned()], nothing())
    );
    let [body, answer] = both(number("integer", "int32"), number("integer", "uint64"));
    assert_eq!(body, ["body: has the format `uint64` now, and had `int32`"]);
    assert_eq!(answer, ["201: has the format `uint64` now, and had `int32`"]);
}

#[test]
fn says_what_was_and_what_is_in_both_directions() {
    let text = |more: Value| {
        let mut schema = json!({ "type": "string" });
        schema.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        schema
    };
    let old = text(json!({ "format": "email", "maxLength": 5, "pattern": "a" }));
    let new = text(json!({ "format": "uri", "maxLength": 9 }));
    let [body, answer] = both(old.clone(), new);
    assert_eq!(body, ["body: has the format `uri` now, and had `email`"]);
    assert_eq!(
        answer,
        [
            "201: has another `maxLength`: 9",
            "201: has the format `uri` now, and had `email`",
            "201: has the pattern \"a\" no more",
        ]
    );
    let [body, answer] = both(old.clone(), text(json!({})));
    assert_eq!(body, nothing());
    assert_eq!(
        answer,
        [
            "201: has no `maxLength` any more",
            "201: has the format `email` no more",
            "201: has the pattern \"a\" no more"
        ]
    );
    let [body, _] = both(text(json!({})), old);
    assert_eq!(
        body,
        [
            "body: has another `maxLength`: 5",
            "body: has the format `email` now",
            "body: has the pattern \"a\" now"
        ]
    );
}

#[test]
fn parameters_of_a_path_have_no_names_for_clients() {
    let parameter = |name: &str, kind: &str| json!({ "in": "path", "name": name, "required": true, "schema": { "type": kind } });
    let document = |path: &str, parameters: Value| json!({ "paths": { path: { "get": { "parameters": parameters, "responses": {} } } } });
    let old =
        document("/a/{id}/b/{page}.json", json!([parameter("id", "string"), parameter("page", "integer")]));
    let new =
        document("/a/{slug}/b/{id}.json", json!([parameter("id", "integer"), parameter("slug", "string")]));
    assert_eq!(lines(&old, &new), nothing());
    let new =
        document("/a/{slug}/b/{id}.json", json!([parameter("id", "boolean"), parameter("slug", "string")]));
    assert_eq!(lines(&old, &new), ["GET /a/{id}/b/{page}.json: path `id`: can be `integer` no more"]);
    let new = document("/a/{id}/c/{page}.json", json!([]));
    assert_eq!(lines(&old, &new), ["GET /a/{id}/b/{page}.json: is not there any more"]);
}

#[test]
fn compares_how_lists_are_written_in_parameters() {
    let document = |schema: Value, more: Value| {
        let mut parameter = json!({ "in": "query", "name": "fields", "schema": schema });
        parameter.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        json!({ "paths": { "/a": { "get": { "parameters": [parameter], "responses": {} } } } })
    };
    let many = || json!({ "type": "array", "items": {} });
    let commas = || json!({ "style": "form", "explode": false });
    assert_eq!(
        lines(&document(many(), commas()), &document(many(), json!({}))),
        ["GET /a: query `fields`: is written otherwise now: `style: form`, `explode: true`"]
    );
    assert_eq!(lines(&document(many(), json!({})), &document(many(), json!({ "style": "form" }))), nothing());
    let one = || json!({ "type": "string" });
    assert_eq!(lines(&document(one(), commas()), &document(one(), json!({}))), nothing());
}

#[test]
fn values_are_the_same_however_they_are_listed() {
    let listed = |names: &[&str]| json!({ "type": "string", "enum": names });
    let documented = |names: &[&str]| {
        let variants =
            names.iter().map(|name| json!({ "type": "string", "const": name, "description": "One." }));
        json!({ "oneOf": variants.collect::<Vec<_>>() })
    };
    for (old, new) in [
        (documented(&["a", "b"]), documented(&["c", "b", "a"])),
        (listed(&["a", "b"]), documented(&["c", "b", "a"])),
        (documented(&["a", "b"]), listed(&["c", "b", "a"])),
    ] {
        assert_eq!(both(old.clone(), new.clone()), [nothing(), vec!["201: can be \"c\" now".to_owned()]]);
        assert_eq!(both(new, old), [vec!["body: can be \"c\" no more".to_owned()], nothing()]);
    }
    let [body, answer] = both(json!({ "const": "a" }), json!({ "const": "b" }));
    assert_eq!(body, ["body: can be \"a\" no more"]);
    assert_eq!(answer, ["201: can be \"b\" now"]);
    let [body, answer] = both(json!({ "type": "string" }), documented(&["a", "b"]));
    assert_eq!(
        (body.as_slice(), answer),
        (["body: has no variant `string` any more".to_owned()].as_slice(), nothing())
    );
}

#[test]
fn finds_variants_by_what_tells_them_apart() {
    let tagged = |tag: &str, field: &str| {
        note(
            json!({ "kind": { "type": "string", "const": tag }, field: { "type": "string" } }),
            json!(["kind", field]),
        )
    };
    let named = |name: &str, kind: &str| note(json!({ name: { "type": kind } }), json!([name]));
    let one_of = |variants: &[Value]| json!({ "oneOf": variants });
    let (a, b, c) = (tagged("a", "x"), tagged("b", "y"), tagged("c", "z"));
    for [a, b, c] in [[a, b, c], [named("a", "string"), named("b", "integer"), named("c", "boolean")]] {
        let old = one_of(&[a.clone(), b.clone()]);
        let new = one_of(&[c.clone(), b.clone(), a.clone()]);
        let [body, answer] = both(old.clone(), new.clone());
        assert_eq!((body, answer.len()), (nothing(), 1));
        assert!(answer[0].starts_with("201: has a variant `"), "{answer:?}");
        let [body, answer] = both(new.clone(), old);
        assert_eq!((body.len(), answer), (1, nothing()));
        assert!(body[0].starts_with("body: has no variant `"), "{body:?}");
        // What was the only kind is one of several.
        assert_eq!(both(a.clone(), new)[0], nothing());
    }
    let old = one_of(&[tagged("a", "x"), tagged("b", "y")]);
    let new = one_of(&[tagged("b", "y"), tagged("a", "w")]);
    assert_eq!(both(old, new)[0], ["body/w: is required now", "body/x: is not there any more"]);
}

#[test]
fn finds_variants_by_their_types() {
    let document = |variants: Value, x: Value| {
        let mut document = document(json!({ "anyOf": variants }), json!({}));
        document["components"]["schemas"]["X"] = x;
        document["components"]["schemas"]["Y"] = note(json!({ "y": {} }), json!([]));
        document["components"]["schemas"]["Z"] = note(json!({ "z": {} }), json!([]));
        document
    };
    let of = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let x = note(json!({ "x": {} }), json!([]));
    let old = document(json!([of("X"), of("Y")]), x.clone());
    assert_eq!(lines(&old, &document(json!([of("Z"), of("Y"), of("X")]), x.clone())), nothing());
    assert_eq!(
        lines(&old, &document(json!([of("Y")]), x.clone())),
        ["POST /notes: body: has no variant `X` any more"]
    );
    // Another name alone is nothing that clients see.
    let mut new = document(json!([of("W"), of("Y")]), json!({}));
    new["components"]["schemas"]["W"] = x;
    assert_eq!(lines(&old, &new), nothing());
}

#[test]
fn compares_what_is_not_named() {
    let map = |values: Value| json!({ "type": "object", "additionalProperties": values });
    let (integer, number) = (json!({ "type": "integer" }), json!({ "type": "number" }));
    let nothing_and = |line: &str| [nothing(), vec![line.to_owned()]];
    assert_eq!(both(map(integer.clone()), map(number.clone())), nothing_and("201/*: can be `number` now"));
    assert_eq!(both(map(integer.clone()), map(json!(true))), nothing_and("201/*: can be `anything` now"));
    assert_eq!(both(json!({ "type": "object" }), map(number))[0], ["body/*: can be `anything` no more"]);
    assert_eq!(both(map(integer), map(json!(false)))[0], ["body: takes no other fields any more"]);
}

#[test]
fn everything_of_all_of_holds() {
    let (a, b) = (note(json!({ "a": {} }), json!(["a"])), note(json!({ "b": {} }), json!(["b"])));
    let one = note(json!({ "a": {}, "b": {} }), json!(["a", "b"]));
    let two = json!({ "allOf": [a, b] });
    assert_eq!(both(two.clone(), one.clone()), [nothing(), nothing()]);
    assert_eq!(both(one, two.clone()), [nothing(), nothing()]);
    assert_eq!(both(json!({ "allOf": [a] }), a.clone()), [nothing(), nothing()]);
    assert_eq!(
        both(json!({ "allOf": [a] }), two.clone()),
        [vec!["body/b: is required now".to_owned()], nothing()]
    );
    assert_eq!(both(two, json!({ "allOf": [a] }))[1], ["201/b: is not there any more"]);
    let text = |limit: i64| json!({ "type": "string", "maxLength": limit });
    let stricter = json!({ "allOf": [text(9), text(5)] });
    assert_eq!(
        both(text(9), stricter.clone()),
        [vec!["body: has another `maxLength`: 5".to_owned()], nothing()]
    );
    let choice = json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] });
    let constrained = json!({ "allOf": [choice, choice] });
    let groups =
        |kinds: usize| json!({ "type": ["string", "integer"], "allOf": vec![choice.clone(); kinds] });
    assert_eq!(both(groups(2), constrained), [nothing(), nothing()]);
    assert_eq!(both(groups(1), groups(2))[0], ["body: is one of several variants now"]);
    assert_eq!(both(groups(2), groups(1))[1], ["201: is one of several variants no more"]);
}

#[test]
fn a_change_of_a_type_that_refers_to_itself_is_told_once() {
    let tree = |kind: &str| {
        let again = json!({ "anyOf": [{ "$ref": "#/components/schemas/Note" }, { "type": "null" }] });
        let mut properties = json!({ "text": { "type": kind } });
        for name in ["a", "b", "c", "d", "e"] {
            properties[name] = again.clone();
        }
        note(properties, json!([]))
    };
    let answers = |kind: &str| document(json!({}), tree(kind));
    assert_eq!(
        lines(&answers("string"), &answers("integer")),
        ["POST /notes: 201/text: can be `integer` now"]
    );
    // The circles need not be of one length.
    let mut longer = answers("string");
    let inner = tree("string");
    longer["components"]["schemas"]["Note"]["properties"]["a"] = inner;
    assert_eq!(lines(&longer, &answers("string")), ["POST /notes: 201/a: can be `null` now"]);
    assert_eq!(lines(&answers("string"), &longer), nothing());
}
