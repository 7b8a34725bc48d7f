//! What a method takes: one object with parameters by name, and the body as `body`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Described, list};
use crate::client::comments;
use crate::client::names::{INHERITED, camel, literal, property, words};
use crate::client::types::{Direction, Types};

/// The argument of a method.
pub(super) struct Input {
    name: String,
    members: Vec<Member>,
    /// Headers that have one value only, and that value: there is nothing to ask for.
    constants: Vec<(String, String)>,
    /// Types of bodies, and the media types that have each; several only where they differ.
    bodies: Vec<(String, Vec<String>)>,
    body_required: bool,
    body_comment: Vec<String>,
    media_types: Vec<String>,
}

/// A parameter.
struct Member {
    /// What it is called in the object.
    key: String,
    /// What it is called in the request.
    name: String,
    place: String,
    required: bool,
    commas: bool,
    comment: Vec<String>,
    written: String,
}

impl Input {
    pub(super) fn new(name: String, described: Described<'_>, types: &Types<'_>) -> Self {
        let body = &described.value["requestBody"];
        let mut input = Self {
            name,
            members: Vec::new(),
            constants: Vec::new(),
            bodies: Vec::new(),
            body_required: body["required"] == Value::Bool(true),
            body_comment: comments::of_schema(body),
            media_types: Vec::new(),
        };
        input.add_parameters(&described.value["parameters"], body.is_object(), types);
        // JSON first: it is what is sent where nobody says otherwise.
        let mut contents: Vec<_> = body["content"].as_object().into_iter().flatten().collect();
        contents.sort_by_key(|(media_type, _)| (!is_json(media_type), *media_type != "application/json"));
        for (media_type, content) in contents {
            input.media_types.push(media_type.clone());
            let written = body_type(media_type, content.get("schema"), types);
            match input.bodies.iter_mut().find(|(known, _)| *known == written) {
                Some((_, media_types)) => media_types.push(media_type.clone()),
                None => input.bodies.push((written, vec![media_type.clone()])),
            }
        }
        input
    }

    fn add_parameters(&mut self, parameters: &Value, has_body: bool, types: &Types<'_>) {
        // What every object has is not missing where it is not given.
        let mut taken: BTreeSet<String> = INHERITED.map(str::to_owned).into();
        if has_body {
            taken.extend(["body", "contentType"].map(str::to_owned));
        }
        let of = |parameter: &Value, key: &str| parameter[key].as_str().unwrap_or_default().to_owned();
        for place in ["path", "query", "header", "cookie"] {
            let here =
                parameters.as_array().into_iter().flatten().filter(|parameter| parameter["in"] == place);
            for parameter in here {
                let name = of(parameter, "name");
                // The specification leaves these to whoever sends requests.
                let ignored = ["accept", "authorization", "content-type"];
                if place == "header" && ignored.iter().any(|known| name.eq_ignore_ascii_case(known)) {
                    continue;
                }
                if place == "header"
                    && let Some(only) = only_value(&parameter["schema"])
                {
                    self.constants.push((name, only.to_owned()));
                    continue;
                }
                let plain = if place == "header" { camel(&words(&name)) } else { name.clone() };
                let is_free = !plain.starts_with("query:") && taken.insert(plain.clone());
                let key = if is_free { plain } else { format!("{place}:{name}") };
                let written = types.of(&parameter["schema"], Direction::Out, 1);
                let written =
                    if written == "unknown" { "string | number | boolean".to_owned() } else { written };
                self.members.push(Member {
                    key,
                    name,
                    place: place.to_owned(),
                    required: parameter["required"] == Value::Bool(true),
                    commas: parameter["explode"] == Value::Bool(false),
                    comment: comment(parameter),
                    written,
                });
            }
        }
    }

    /// `input: ListInput = {}`
    pub(super) fn argument(&self) -> String {
        if self.members.is_empty() && self.bodies.is_empty() {
            return "input: Record<string, never> = {}".to_owned();
        }
        let is_needed =
            self.members.iter().any(|member| member.required) || (self.has_body() && self.body_required);
        format!("input: {}{}", self.name, if is_needed { "" } else { " = {}" })
    }

    fn has_body(&self) -> bool {
        !self.bodies.is_empty()
    }

    pub(super) fn write(&self, file: &mut String) {
        if self.members.is_empty() && !self.has_body() {
            return;
        }
        let mut members = String::new();
        for member in &self.members {
            comments::write(&member.comment, 1, &mut members);
            members.push_str(&line(&property(&member.key), &member.written, member.required));
        }
        match self.bodies.as_slice() {
            [] => {}
            [(written, _)] => {
                comments::write(&self.body_comment, 1, &mut members);
                members.push_str(&line("body", written, self.body_required));
            }
            several => {
                let choices = several.iter().enumerate().map(|(at, (written, media_types))| {
                    let media_types: Vec<_> =
                        media_types.iter().map(|media_type| literal(media_type)).collect();
                    let body = line("body", written, self.body_required);
                    // The first is the usual one.
                    let media_type = line("contentType", &media_types.join(" | "), at > 0);
                    format!("\n  | {{ {} {} }}", body.trim(), media_type.trim())
                });
                let choices: String = choices.collect();
                let own = if members.is_empty() { String::new() } else { format!("{{\n{members}}} & ") };
                file.push_str(&format!("\nexport type {} = {own}({choices}\n);\n", self.name));
                return;
            }
        }
        file.push_str(&format!("\nexport interface {} {{\n{members}}}\n", self.name));
    }

    /// The pattern, with the names that its parameters have in the object.
    pub(super) fn path(&self, pattern: &str) -> String {
        self.members
            .iter()
            .filter(|member| member.place == "path" && member.key != member.name)
            .fold(pattern.to_owned(), |path, member| {
                path.replace(&format!("{{{}}}", member.name), &format!("{{{}}}", member.key))
            })
    }

    /// What the fixed part has to know.
    pub(super) fn settings(&self, put: &mut impl FnMut(&str, String)) {
        let keys = |chosen: &dyn Fn(&Member) -> bool| -> Vec<String> {
            self.members.iter().filter(|member| chosen(member)).map(|member| literal(&member.key)).collect()
        };
        let query = keys(&|member| member.place == "query");
        if !query.is_empty() {
            put("query", list(&query, 5));
        }
        let commas = keys(&|member| member.place == "query" && member.commas);
        if !commas.is_empty() {
            put("commas", list(&commas, 5));
        }
        for (place, setting) in [("header", "headers"), ("cookie", "cookies")] {
            let named = self.members.iter().filter(|member| member.place == place);
            let named: BTreeMap<_, _> = named.map(|member| (&member.key, &member.name)).collect();
            if !named.is_empty() {
                let pairs =
                    named.into_iter().map(|(key, name)| format!("{}: {}", property(key), literal(name)));
                put(setting, format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", ")));
            }
        }
        if !self.constants.is_empty() {
            let pairs =
                self.constants.iter().map(|(name, value)| format!("{}: {}", property(name), literal(value)));
            put("constants", format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", ")));
        }
        if self.has_body() {
            let media_types: Vec<_> = self.media_types.iter().map(|media_type| literal(media_type)).collect();
            put("body", list(&media_types, 5));
        }
    }
}

/// The one text that a schema lets through.
fn only_value(schema: &Value) -> Option<&str> {
    match schema["enum"].as_array().map(Vec::as_slice) {
        Some([only]) => only.as_str(),
        _ => schema["const"].as_str(),
    }
}

fn line(name: &str, written: &str, required: bool) -> String {
    // A type of several parts that may be undefined as well needs no parentheses: `|` binds loosest of all.
    if required { format!("  {name}: {written};\n") } else { format!("  {name}?: {written} | undefined;\n") }
}

fn comment(parameter: &Value) -> Vec<String> {
    let mut lines = comments::of_schema(&parameter["schema"]);
    if let Some(text) = parameter["description"].as_str() {
        lines.retain(|line| line != text);
        lines.splice(0..0, text.trim().lines().map(str::to_owned));
    }
    if parameter["deprecated"] == Value::Bool(true) {
        lines.push("@deprecated".to_owned());
    }
    lines
}

/// What may be given as a body.
fn body_type(media_type: &str, schema: Option<&Value>, types: &Types<'_>) -> String {
    let written = schema
        .map(|schema| types.of(schema, Direction::Out, 1))
        .filter(|written| written != "unknown" && written != "Record<string, unknown>");
    let fields = |given: &str| match &written {
        Some(written) => format!("{written} | {given}"),
        None => format!("Record<string, FormValue> | {given}"),
    };
    match media_type {
        json if is_json(json) => {
            schema.map_or("unknown".to_owned(), |schema| types.of(schema, Direction::Out, 1))
        }
        "multipart/form-data" => fields("FormData"),
        "application/x-www-form-urlencoded" => fields("URLSearchParams"),
        text if text.starts_with("text/") => "string".to_owned(),
        _ => "BodyInit".to_owned(),
    }
}

/// Whether a media type is JSON: `application/json`, or a format that is written in it.
pub(super) fn is_json(media_type: &str) -> bool {
    let name = media_type.split(';').next().unwrap_or_default().trim();
    name.ends_with("/json") || name.ends_with("+json")
}
