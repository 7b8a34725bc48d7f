//! What has changed between two documents in a way that breaks who relied on the first.
//!
//! A request that was good must stay good, and an answer must not hold what nobody could expect. So what requests may be can only
//! grow, and what answers may be can only shrink: the same rules, read in two directions.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::{Map, Value};

use super::METHODS;

/// A change that breaks clients.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Break {
    /// Where: `POST /articles: body/title`.
    pub place: String,
    /// What: `is required now`.
    pub change: String,
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.change)
    }
}

/// What `new` breaks for clients of `old`, in the order of the paths.
pub fn breaks(old: &Value, new: &Value) -> Vec<Break> {
    let mut compare = Compare { old, new, found: BTreeSet::new() };
    for (path, item) in object(old.get("paths")) {
        for (method, operation) in object(Some(item)).filter(|(method, _)| METHODS.contains(&method.as_str()))
        {
            let place = format!("{} {path}", method.to_uppercase());
            match new.get("paths").and_then(|paths| paths.get(path)?.get(method)) {
                None => compare.add(&place, "is not there any more"),
                Some(now) => compare.operation(&place, operation, now),
            }
        }
    }
    compare.found.into_iter().collect()
}

/// Which way values go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// From clients: whatever was taken must still be.
    In,
    /// To clients: whatever is given must have been expected.
    Out,
}

struct Compare<'d> {
    old: &'d Value,
    new: &'d Value,
    found: BTreeSet<Break>,
}

/// Schemas that refer to themselves are looked at as deeply as anybody nests them.
const DEEPEST: usize = 12;

impl Compare<'_> {
    fn add(&mut self, place: &str, change: impl Into<String>) {
        self.found.insert(Break { place: place.to_owned(), change: change.into() });
    }

    fn operation(&mut self, place: &str, old: &Value, new: &Value) {
        self.parameters(place, old, new);
        let (before, now) = (old.get("requestBody"), new.get("requestBody"));
        if let Some(now) = now {
            let is_required = |body: &Value| body.get("required").and_then(Value::as_bool).unwrap_or(false);
            if is_required(now) && !before.is_some_and(is_required) {
                self.add(place, "needs a body now");
            }
            self.contents(&format!("{place}: body"), before, Some(now), Way::In);
        } else if before.is_some() {
            self.add(place, "takes no body any more");
        }
        for (status, answer) in object(old.get("responses")) {
            let is_success = status.starts_with('2') || status == "default";
            let now = new.get("responses").and_then(|responses| responses.get(status));
            match now {
                None if is_success => self.add(place, format!("does not answer with {status} any more")),
                // What is not answered any more breaks nobody who was ready for it.
                None => {}
                Some(now) => self.contents(&format!("{place}: {status}"), Some(answer), Some(now), Way::Out),
            }
        }
        let asks = |operation: &Value| {
            let all = operation.get("security").and_then(Value::as_array).cloned().unwrap_or_default();
            !all.is_empty() && !all.iter().any(|one| one.as_object().is_some_and(Map::is_empty))
        };
        if asks(new) && !asks(old) {
            self.add(place, "is only for who is signed in now");
        }
    }

    fn parameters(&mut self, place: &str, old: &Value, new: &Value) {
        let list = |operation: &Value| {
            operation.get("parameters").and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let key = |parameter: &Value| [text(parameter, "in").to_owned(), text(parameter, "name").to_owned()];
        let is_required = |parameter: &Value| parameter.get("required") == Some(&Value::Bool(true));
        let (before, now) = (list(old), list(new));
        for parameter in &now {
            let known = before.iter().find(|known| key(known) == key(parameter));
            let place = format!("{place}: {} `{}`", text(parameter, "in"), text(parameter, "name"));
            match known {
                None if is_required(parameter) => self.add(&place, "is required now"),
                None => {}
                Some(known) => {
                    if is_required(parameter) && !is_required(known) {
                        self.add(&place, "is required now");
                    }
                    let (known, parameter) = (known.get("schema"), parameter.get("schema"));
                    self.schemas(&place, known, parameter, Way::In, 0);
                }
            }
        }
        for parameter in &before {
            if !now.iter().any(|known| key(known) == key(parameter)) {
                let name = format!("{place}: {} `{}`", text(parameter, "in"), text(parameter, "name"));
                self.add(&name, "is not known any more");
            }
        }
    }

    fn contents(&mut self, place: &str, old: Option<&Value>, new: Option<&Value>, way: Way) {
        let content = |of: Option<&Value>, media: &str| {
            of.and_then(|of| of.get("content")?.get(media)?.get("schema")).cloned()
        };
        for (media, _) in object(old.and_then(|old| old.get("content"))) {
            if new.and_then(|new| new.get("content")?.get(media)).is_none() {
                self.add(place, format!("is `{media}` no more"));
                continue;
            }
            let (before, now) = (content(old, media), content(new, media));
            self.schemas(place, before.as_ref(), now.as_ref(), way, 0);
        }
    }

    fn schemas(&mut self, place: &str, old: Option<&Value>, new: Option<&Value>, way: Way, depth: usize) {
        let (Some(old), Some(new)) = (old, new) else { return };
        if depth > DEEPEST {
            return;
        }
        let (old, new) = (resolved(self.old, old).clone(), resolved(self.new, new).clone());
        // What is wider takes more: for requests that is the new one, for answers the old.
        let (narrow, wide) = match way {
            Way::In => (&old, &new),
            Way::Out => (&new, &old),
        };
        self.types(place, narrow, wide, way);
        self.choices(place, narrow, wide, way);
        self.limits(place, narrow, wide);
        self.properties(place, &old, &new, way, depth);
        let of = |schema: &Value, key: &str| schema.get(key).cloned();
        let (before, now) = (of(&old, "items"), of(&new, "items"));
        self.schemas(&format!("{place}/*"), before.as_ref(), now.as_ref(), way, depth + 1);
        let (before, now) = (of(&old, "additionalProperties"), of(&new, "additionalProperties"));
        if way == Way::In && now == Some(Value::Bool(false)) && before != Some(Value::Bool(false)) {
            self.add(place, "takes no other fields any more");
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            let (before, now) = (of(&old, key), of(&new, key));
            if before != now && !(before.is_none() && now.is_none()) {
                self.variants(place, before, now, way, depth);
            }
        }
    }

    /// Variants have no names to find them by: those at one place are compared, and there may be more where that breaks nobody.
    fn variants(&mut self, place: &str, old: Option<Value>, new: Option<Value>, way: Way, depth: usize) {
        let list = |of: Option<Value>| of.and_then(|of| of.as_array().cloned()).unwrap_or_default();
        let (old, new) = (list(old), list(new));
        let (narrow, wide) = if way == Way::In { (old.len(), new.len()) } else { (new.len(), old.len()) };
        if narrow > wide {
            let change = if way == Way::In { "has fewer variants" } else { "has more variants" };
            self.add(place, change);
        }
        for (old, new) in old.iter().zip(&new) {
            self.schemas(place, Some(old), Some(new), way, depth + 1);
        }
    }

    fn types(&mut self, place: &str, narrow: &Value, wide: &Value, way: Way) {
        let types = |schema: &Value| -> Option<BTreeSet<String>> {
            match schema.get("type")? {
                Value::String(one) => Some(BTreeSet::from([one.clone()])),
                Value::Array(several) => {
                    Some(several.iter().filter_map(Value::as_str).map(str::to_owned).collect())
                }
                _ => None,
            }
        };
        let Some(wide_types) = types(wide) else { return };
        let fits =
            |one: &str| wide_types.contains(one) || (one == "integer" && wide_types.contains("number"));
        let others: Vec<_> = match types(narrow) {
            Some(narrow) => narrow.into_iter().filter(|one| !fits(one)).collect(),
            None => vec!["anything".to_owned()],
        };
        for other in others {
            let change = match way {
                Way::In => format!("can be `{other}` no more"),
                Way::Out => format!("can be `{other}` now"),
            };
            self.add(place, change);
        }
        let (before, now) = (text(narrow, "format"), text(wide, "format"));
        if !now.is_empty() && before != now {
            self.add(place, format!("has another format: `{before}` and `{now}`"));
        }
    }

    fn choices(&mut self, place: &str, narrow: &Value, wide: &Value, way: Way) {
        let Some(known) = wide.get("enum").and_then(Value::as_array) else { return };
        let Some(given) = narrow.get("enum").and_then(Value::as_array) else {
            return self.add(place, "is one of a few values, and was not, or no more");
        };
        for choice in given.iter().filter(|choice| !known.contains(choice)) {
            let change = match way {
                Way::In => format!("can be {choice} no more"),
                Way::Out => format!("can be {choice} now"),
            };
            self.add(place, change);
        }
    }

    fn limits(&mut self, place: &str, narrow: &Value, wide: &Value) {
        let number = |schema: &Value, key: &str| schema.get(key).and_then(Value::as_f64);
        for (key, is_least) in [
            ("minimum", true),
            ("minLength", true),
            ("minItems", true),
            ("maximum", false),
            ("maxLength", false),
            ("maxItems", false),
        ] {
            let Some(limit) = number(wide, key) else { continue };
            let within = number(narrow, key)
                .is_some_and(|other| if is_least { other >= limit } else { other <= limit });
            if !within {
                self.add(place, format!("has another `{key}`: {limit}"));
            }
        }
        if let Some(pattern) = wide.get("pattern").filter(|pattern| narrow.get("pattern") != Some(*pattern)) {
            self.add(place, format!("has another pattern: {pattern}"));
        }
    }

    fn properties(&mut self, place: &str, old: &Value, new: &Value, way: Way, depth: usize) {
        let is_required = |schema: &Value, name: &str| {
            let required = schema.get("required").and_then(Value::as_array);
            required.is_some_and(|required| required.iter().any(|other| other == name))
        };
        for (name, before) in object(old.get("properties")) {
            let place = format!("{place}/{name}");
            let Some(now) = new.get("properties").and_then(|properties| properties.get(name)) else {
                self.add(&place, "is not there any more");
                continue;
            };
            self.schemas(&place, Some(before), Some(now), way, depth + 1);
            if way == Way::Out && is_required(old, name) && !is_required(new, name) {
                self.add(&place, "may be absent now");
            }
        }
        for (name, _) in object(new.get("properties")) {
            if way == Way::In && is_required(new, name) && !is_required(old, name) {
                self.add(&format!("{place}/{name}"), "is required now");
            }
        }
    }
}

fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// What a schema refers to.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    let mut schema = schema;
    // As far as references are chained; the limit only guards against a circle.
    for _ in 0..16 {
        let Some(reference) = schema.get("$ref").and_then(Value::as_str) else { break };
        match document.pointer(reference.trim_start_matches('#')) {
            Some(target) => schema = target,
            None => break,
        }
    }
    schema
}

#[cfg(test)]
mod tests {
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
        let answer = note(
            json!({ "id": { "type": "integer" }, "title": { "type": "string" } }),
            json!(["id", "title"]),
        );
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
}
