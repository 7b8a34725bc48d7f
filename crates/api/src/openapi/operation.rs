//! One method of one path.

use mainstay_http::describe::{
    BodySpec, Content, Operation, Parameter, Place, ResponseSpec, SecurityScheme, SecuritySpec,
};
use serde_json::{Map, Value, json};

use super::Listed;
use super::schemas::{Direction, Schemas};

/// The operation object.
pub(super) fn describe(listed: &Listed<'_>, id: String, schemas: &mut Schemas) -> Value {
    let operation = listed.operation;
    let mut object = Map::new();
    let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
    put("operationId", json!(id));
    if let Some(summary) = &operation.summary {
        put("summary", json!(summary));
    }
    if let Some(description) = &operation.description {
        put("description", json!(description));
    }
    let tags: Vec<_> = listed.tags().collect();
    if !tags.is_empty() {
        put("tags", json!(tags));
    }
    if operation.deprecated {
        put("deprecated", json!(true));
    }
    let parameters = operation.parameters.iter().filter(|parameter| !is_said_elsewhere(parameter));
    let parameters: Vec<_> = parameters.map(|parameter| describe_parameter(parameter, schemas)).collect();
    if !parameters.is_empty() {
        put("parameters", json!(parameters));
    }
    if let Some(body) = &operation.body {
        put("requestBody", describe_body(body, schemas));
    }
    put("responses", describe_responses(listed, schemas));
    if !operation.security.is_empty() {
        put("security", describe_security(&proofs(operation), &operation.scopes));
    }
    Value::Object(object)
}

/// What proves who is calling. A request has one bearer token: whoever reads it as it is (`Header<Bearer>`) reads that of the account.
pub(super) fn proofs(operation: &Operation) -> Vec<SecuritySpec> {
    let is_bearer = |proof: &SecuritySpec| matches!(proof.scheme, SecurityScheme::Bearer { .. });
    let is_plain = |proof: &SecuritySpec| is_bearer(proof) && proof.name == "bearer";
    let mut proofs = operation.security.clone();
    let is_asked = proofs.iter().any(|proof| is_plain(proof) && !proof.optional);
    if let Some(token) = proofs.iter_mut().find(|proof| is_bearer(proof) && !is_plain(proof)) {
        token.optional &= !is_asked;
        proofs.retain(|proof| !is_plain(proof));
    }
    proofs
}

/// What is asked for is in every requirement; what is optional is in one of its own, and may be left out. A token says for which `scopes`
/// it is good.
fn describe_security(security: &[SecuritySpec], scopes: &[String]) -> Value {
    let (optional, asked): (Vec<_>, Vec<_>) = security.iter().partition(|scheme| scheme.optional);
    let requirement = |more: Option<&SecuritySpec>| {
        let all = asked.iter().copied().chain(more);
        let named = |scheme: &SecuritySpec| {
            let all = scheme.scopes.iter().chain(scopes).cloned().collect();
            (scheme.name.to_string(), all)
        };
        Value::Object(all.map(named).collect())
    };
    let with = optional.iter().map(|scheme| requirement(Some(scheme)));
    with.chain([requirement(None)]).collect()
}

/// The specification (4.8.12) wants these said by media types and security schemes, and has them passed over here.
fn is_said_elsewhere(parameter: &Parameter) -> bool {
    let names = ["accept", "authorization", "content-type"];
    parameter.place == Place::Header && names.iter().any(|name| parameter.name.eq_ignore_ascii_case(name))
}

fn describe_parameter(parameter: &Parameter, schemas: &mut Schemas) -> Value {
    let schema = match &parameter.schema {
        Some(schema) => schemas.generate(schema, Direction::Request),
        None => json!({}),
    };
    let schema = with_choices(schema, &parameter.choices);
    let mut object = json!({ "name": parameter.name, "in": parameter.place.name(), "schema": schema });
    if parameter.comma_separated {
        object["style"] = json!("form");
        object["explode"] = json!(false);
    }
    if parameter.required || parameter.place == Place::Path {
        object["required"] = json!(true);
    }
    if let Some(description) = &parameter.description {
        object["description"] = json!(description);
    }
    // The same text within the schema would be shown twice.
    if let Value::Object(schema) = &mut object["schema"]
        && schema.get("description").and_then(Value::as_str) == parameter.description.as_deref()
    {
        schema.remove("description");
    }
    object
}

/// The schema of one of these values, or of a list of them.
fn with_choices(mut schema: Value, choices: &[String]) -> Value {
    if !choices.is_empty() {
        let one = if schema.get("items").is_some() { &mut schema["items"] } else { &mut schema };
        one["enum"] = json!(choices);
    }
    schema
}

fn describe_body(body: &BodySpec, schemas: &mut Schemas) -> Value {
    json!({ "required": body.required, "content": describe_contents(&body.contents, Direction::Request, schemas) })
}

fn describe_contents(contents: &[Content], direction: Direction, schemas: &mut Schemas) -> Value {
    let contents = contents.iter().map(|content| {
        let schema = content.schema.as_ref().map(|schema| schemas.generate(schema, direction));
        let schema = whole(content.media_type, schema);
        let mut media = schema.map_or_else(|| json!({}), |schema| json!({ "schema": schema }));
        for (field, media_types) in &content.encodings {
            media["encoding"][field] = json!({ "contentType": media_types });
        }
        (content.media_type.to_owned(), media)
    });
    Value::Object(contents.collect())
}

/// The schema of all that is sent, where what is described is one of many, or a form of whatever fields.
fn whole(media_type: &str, schema: Option<Value>) -> Option<Value> {
    match (media_type, schema) {
        ("application/x-ndjson", item) => {
            Some(json!({ "type": "array", "items": item.unwrap_or_else(|| json!({})) }))
        }
        ("text/event-stream", data) => Some(json!({ "type": "array", "items": event(data) })),
        ("multipart/form-data" | "application/x-www-form-urlencoded", None) => {
            Some(json!({ "type": "object" }))
        }
        (_, schema) => schema,
    }
}

/// One of a stream's events; data that is no text is JSON.
fn event(data: Option<Value>) -> Value {
    let data = match data {
        Some(data) if data["type"] != "string" => {
            json!({ "type": "string", "contentMediaType": "application/json", "contentSchema": data })
        }
        Some(data) => data,
        None => json!({ "type": "string" }),
    };
    json!({
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": data,
            "event": { "type": "string", "description": "What kind of event it is." },
            "id": { "type": "string", "description": "What to send as `Last-Event-ID` to go on after it." },
            "retry": { "type": "integer", "minimum": 0, "description": "After how many milliseconds to come back." },
        },
    })
}

fn describe_responses(listed: &Listed<'_>, schemas: &mut Schemas) -> Value {
    let operation = listed.operation;
    let mut object = Map::new();
    for response in &operation.responses {
        let mut described = json!({ "description": response.description });
        if !response.contents.is_empty() {
            described["content"] = describe_contents(&response.contents, Direction::Response, schemas);
        }
        if !response.headers.is_empty() {
            let headers =
                response.headers.iter().map(|header| (header.name.clone(), header_of(header, schemas)));
            described["headers"] = Value::Object(headers.collect());
        }
        object.insert(status(response.status), described);
    }
    for error in &operation.errors {
        let description = match &error.code {
            Some(code) => format!("{} (`{code}`)", error.description),
            None => error.description.clone(),
        };
        let entry = object.entry(status(error.status)).or_insert_with(|| {
            let content = match listed.errors {
                Some(content) => {
                    describe_contents(std::slice::from_ref(content), Direction::Response, schemas)
                }
                None => json!({ "application/problem+json": { "schema": schemas.problem() } }),
            };
            json!({ "description": "", "content": content })
        });
        if let Some(Value::String(text)) = entry.get_mut("description") {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(&description);
        }
        for (name, says) in &error.headers {
            entry["headers"][*name] = json!({ "schema": { "type": "string" }, "description": says });
        }
    }
    if operation.responses.is_empty() {
        object.insert("default".to_owned(), json!({ "description": "The response." }));
    }
    for header in &operation.headers {
        let described = header_of(header, schemas);
        for response in object.values_mut() {
            response["headers"][&header.name] = described.clone();
        }
    }
    Value::Object(object)
}

fn header_of(header: &Parameter, schemas: &mut Schemas) -> Value {
    let schema = match &header.schema {
        Some(schema) => schemas.generate(schema, Direction::Response),
        None => json!({ "type": "string" }),
    };
    let mut object = json!({ "schema": with_choices(schema, &header.choices) });
    if let Some(description) = &header.description {
        object["description"] = json!(description);
    }
    object
}

fn status(status: u16) -> String {
    if status == ResponseSpec::ANY { "default".to_owned() } else { status.to_string() }
}
