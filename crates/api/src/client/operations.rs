//! Operations as methods, grouped by tag.
//!
//! - this file: groups, names, and the order in which everything is written;
//! - `input`: what a method takes, from parameters and body;
//! - `answers`: what it gives, by status.

mod answers;
mod input;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::comments;
use super::names::{Names, camel, literal, pascal, property, words};
use super::types::Types;
use answers::Answers;
use input::Input;

/// One method of one path, as the document has it.
#[derive(Clone, Copy)]
pub(super) struct Described<'a> {
    path: &'a str,
    method: &'a str,
    pub(super) value: &'a Value,
}

/// Every operation that `fetch` can ask for, in the order of the document.
pub(super) fn all(document: &Value) -> impl Iterator<Item = Described<'_>> {
    let methods = ["delete", "get", "head", "options", "patch", "post", "put"];
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(move |(path, item)| {
        methods.into_iter().filter_map(move |method| {
            let value = item.get(method).filter(|value| value.is_object())?;
            Some(Described { path, method, value })
        })
    })
}

/// What a client can ask for.
pub(super) struct Operations<'a> {
    document: &'a Value,
    groups: Vec<Group<'a>>,
}

/// The operations of one tag; those without one are methods of the client itself.
struct Group<'a> {
    tag: Option<&'a str>,
    property: String,
    class: String,
    methods: Vec<Method<'a>>,
}

struct Method<'a> {
    name: String,
    described: Described<'a>,
    input: Input,
    answers: Answers,
}

impl<'a> Operations<'a> {
    pub(super) fn new(document: &'a Value, types: &Types<'a>) -> Self {
        let mut names = types.names();
        let mut by_tag: BTreeMap<Option<&str>, Vec<Described<'a>>> = BTreeMap::new();
        for described in all(document) {
            by_tag.entry(described.value["tags"][0].as_str()).or_default().push(described);
        }
        // A method and a group must not have one name, and the methods come first.
        let mut members = Names::of_members();
        let groups = by_tag.into_iter().map(|(tag, described)| {
            let tag_words = tag.map(words).unwrap_or_default();
            let mut methods = Names::of_members();
            let (property, class) = match tag {
                Some(_) => (
                    members.give(&camel(&tag_words), "_"),
                    names.give(&format!("{}Api", pascal(&tag_words)), "Group"),
                ),
                None => (String::new(), "Client".to_owned()),
            };
            let methods =
                method_names(&tag_words, &described).into_iter().zip(described).map(|(name, described)| {
                    let name =
                        if tag.is_some() { methods.give(&name, "_") } else { members.give(&name, "_") };
                    let stem = format!(
                        "{}{}",
                        if tag.is_some() { pascal(&tag_words) } else { String::new() },
                        pascal(&words(&name))
                    );
                    let mut give = |suffix: &str| names.give(&format!("{stem}{suffix}"), "Of");
                    let input = Input::new(give("Input"), described, types);
                    let answers = Answers::new(give("Reply"), give("Failure"), described, types);
                    Method { name, described, input, answers }
                });
            let methods = methods.collect();
            Group { tag, property, class, methods }
        });
        Self { document, groups: groups.collect() }
    }

    /// The class by which everything is reached.
    pub(super) fn write_client(&self, file: &mut String) {
        let info = &self.document["info"];
        let text = |key: &str| info[key].as_str().unwrap_or_default();
        let mut comment: Vec<String> = vec![text("title").replace('\n', " ")];
        if !text("description").is_empty() {
            comment.push(String::new());
            comment.extend(text("description").trim().lines().map(str::to_owned));
        }
        file.push('\n');
        comments::write(&comment, 0, file);
        file.push_str("export class Client {\n");
        let tagged = || self.groups.iter().filter(|group| group.tag.is_some());
        for group in tagged() {
            comments::write(&self.tag_comment(group.tag), 1, file);
            file.push_str(&format!("  readonly {}: {};\n", group.property, group.class));
        }
        let own = self.groups.iter().find(|group| group.tag.is_none());
        if own.is_some() {
            file.push_str("  readonly #transport: Transport;\n");
        }
        file.push_str(
            "\n  constructor(options: ClientOptions = {}) {\n    const transport = new Transport(options);\n",
        );
        for group in tagged() {
            file.push_str(&format!("    this.{} = new {}(transport);\n", group.property, group.class));
        }
        if own.is_some() {
            file.push_str("    this.#transport = transport;\n");
        }
        file.push_str("  }\n");
        own.into_iter().flat_map(|group| &group.methods).for_each(|method| method.write(file));
        file.push_str("}\n");
    }

    /// The class of each tag.
    pub(super) fn write_groups(&self, file: &mut String) {
        for group in self.groups.iter().filter(|group| group.tag.is_some()) {
            file.push('\n');
            comments::write(&self.tag_comment(group.tag), 0, file);
            file.push_str(&format!("export class {} {{\n  readonly #transport: Transport;\n\n", group.class));
            file.push_str("  constructor(transport: Transport) {\n    this.#transport = transport;\n  }\n");
            group.methods.iter().for_each(|method| method.write(file));
            file.push_str("}\n");
        }
    }

    fn tag_comment(&self, tag: Option<&str>) -> Vec<String> {
        let known = self.document["tags"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|known| known["name"].as_str() == tag);
        let description = known.and_then(|known| known["description"].as_str());
        let lines = description.or(tag).unwrap_or_default().trim().lines();
        lines.map(str::to_owned).collect()
    }

    /// What each method takes and answers.
    pub(super) fn write_inputs(&self, file: &mut String) {
        for method in self.groups.iter().flat_map(|group| &group.methods) {
            method.input.write(file);
            method.answers.write(file);
        }
    }

    /// What the fixed part asks of this API: where it is, how somebody proves who they are, what its errors look like.
    pub(super) fn write_settings(&self, file: &mut String) {
        let errors: BTreeSet<&str> = self
            .groups
            .iter()
            .flat_map(|group| &group.methods)
            .flat_map(|method| method.answers.errors())
            .collect();
        let errors =
            if errors.is_empty() { "unknown".to_owned() } else { Vec::from_iter(errors).join(" | ") };
        file.push_str(&format!(
            "\n/** What documented errors look like. */\nexport type ErrorBody = {errors};\n"
        ));

        let schemes = self.document["components"]["securitySchemes"].as_object();
        file.push_str("\n/** What proves who is calling. */\nexport interface Security {\n");
        for (name, scheme) in schemes.into_iter().flatten() {
            comments::write(&scheme_comment(scheme), 1, file);
            let proof =
                if scheme["scheme"] == "basic" { "{ username: string; password: string }" } else { "string" };
            file.push_str(&format!("  {}?: Credential<{proof}>;\n", property(name)));
        }
        file.push_str("}\n\nconst SCHEMES: Readonly<Record<string, Scheme>> = {\n");
        for (name, scheme) in schemes.into_iter().flatten() {
            file.push_str(&format!("  {}: {},\n", property(name), scheme_constant(scheme)));
        }
        file.push_str("};\n");

        // One without a host is at the host of the page.
        let server = self.document["servers"][0]["url"].as_str().unwrap_or_default();
        file.push_str(&format!("\nconst BASE_URL: string = {};\n", literal(server)));
    }
}

/// What each operation is called within its group: its id without the words of the tag, unless two were alike then.
fn method_names(tag: &[String], described: &[Described<'_>]) -> Vec<String> {
    let whole: Vec<Vec<String>> = described.iter().map(Described::words).collect();
    let short: Vec<Vec<String>> = whole.iter().map(|id| without(tag, id)).collect();
    let alike = |name: &Vec<String>| short.iter().filter(|other| *other == name).count() > 1;
    let chosen = short.iter().zip(&whole).map(|(short, whole)| if alike(short) { whole } else { short });
    chosen.map(|name| camel(name)).collect()
}

/// `list` of `articles_list`, `list_articles` and `list_article`, under the tag `Articles`.
fn without(tag: &[String], id: &[String]) -> Vec<String> {
    let singular = |word: &String| word.strip_suffix('s').unwrap_or(word).to_owned();
    let same = |part: &[String]| part.iter().map(singular).eq(tag.iter().map(singular));
    match id.len().checked_sub(tag.len()) {
        Some(rest) if rest > 0 && !tag.is_empty() => {
            if same(&id[..tag.len()]) {
                return id[tag.len()..].to_vec();
            }
            if same(&id[rest..]) {
                return id[..rest].to_vec();
            }
            id.to_vec()
        }
        _ => id.to_vec(),
    }
}

impl Described<'_> {
    /// The words of its id; where it has none, those of method and path.
    fn words(&self) -> Vec<String> {
        match self.value["operationId"].as_str() {
            Some(id) if !words(id).is_empty() => words(id),
            _ => words(&format!("{} {}", self.method, self.path)),
        }
    }
}

impl Method<'_> {
    fn write(&self, file: &mut String) {
        file.push('\n');
        comments::write(&self.comment(), 1, file);
        let (input, class, arguments) =
            (self.input.argument(), self.answers.class(), self.answers.arguments());
        let head =
            format!("  {}({input}, options?: CallOptions): {class}<{arguments}> {{\n", property(&self.name));
        if head.len() <= 120 {
            file.push_str(&head);
        } else {
            file.push_str(&format!(
                "  {}(\n    {input},\n    options?: CallOptions,\n  ): {class}<{arguments}> {{\n",
                property(&self.name)
            ));
        }
        file.push_str(&format!("    return new {class}(\n      this.#transport.send(\n        {{\n"));
        let mut put = |key: &str, value: String| file.push_str(&format!("          {key}: {value},\n"));
        put("method", literal(&self.described.method.to_ascii_uppercase()));
        put("path", literal(&self.input.path(self.described.path)));
        self.input.settings(&mut put);
        if let Some(security) = self.described.value["security"].as_array().filter(|sets| !sets.is_empty()) {
            let sets = security.iter().map(|set| {
                let names = set.as_object().into_iter().flat_map(Map::keys).map(|name| literal(name));
                format!("[{}]", names.collect::<Vec<_>>().join(", "))
            });
            put("security", format!("[{}]", sets.collect::<Vec<_>>().join(", ")));
        }
        self.answers.settings(&mut put);
        file.push_str("        },\n        input,\n        options,\n      ),\n    );\n  }\n");
    }

    fn comment(&self) -> Vec<String> {
        let value = self.described.value;
        let mut lines: Vec<String> = Vec::new();
        for key in ["summary", "description"] {
            if let Some(text) = value[key].as_str() {
                lines.extend(text.trim().lines().map(str::to_owned));
                lines.push(String::new());
            }
        }
        lines.push(format!("`{} {}`", self.described.method.to_ascii_uppercase(), self.described.path));
        if value["deprecated"] == Value::Bool(true) {
            lines.push(String::new());
            lines.push("@deprecated".to_owned());
        }
        lines
    }
}

fn scheme_comment(scheme: &Value) -> Vec<String> {
    let place = match (scheme["type"].as_str(), scheme["scheme"].as_str(), scheme["in"].as_str()) {
        (_, Some("basic"), _) => "A name and a password.".to_owned(),
        (_, _, Some(place)) => {
            format!(
                "The whole of the {} `{}`.",
                if place == "query" { "parameter" } else { place },
                text(scheme, "name")
            )
        }
        _ => "A token: what stands behind `Bearer`.".to_owned(),
    };
    let description = scheme["description"].as_str().unwrap_or_default();
    description.lines().map(str::to_owned).chain([place]).collect()
}

fn scheme_constant(scheme: &Value) -> String {
    match (scheme["type"].as_str(), scheme["scheme"].as_str()) {
        (Some("apiKey"), _) => {
            let (place, name) = (text(scheme, "in"), text(scheme, "name"));
            format!("{{ type: \"key\", in: {}, name: {} }}", literal(place), literal(name))
        }
        (_, Some("basic")) => "{ type: \"basic\" }".to_owned(),
        _ => "{ type: \"bearer\" }".to_owned(),
    }
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// `[a, b]`, over several lines where it is long.
fn list(items: &[String], indent: usize) -> String {
    let line = format!("[{}]", items.join(", "));
    if line.len() + 2 * indent <= 100 {
        return line;
    }
    let pad = "  ".repeat(indent + 1);
    let mut text = String::from("[\n");
    let mut length = usize::MAX;
    for item in items {
        if length.saturating_add(item.len()) > 110 {
            text.push_str(if length == usize::MAX { "" } else { "\n" });
            text.push_str(&pad);
            length = pad.len();
        } else {
            text.push(' ');
        }
        text.push_str(&format!("{item},"));
        length += item.len() + 2;
    }
    text.push_str(&format!("\n{}]", "  ".repeat(indent)));
    text
}
