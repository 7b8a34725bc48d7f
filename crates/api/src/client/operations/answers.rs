//! What a method gives: by status, the body and the headers that are documented.

use serde_json::{Map, Value};

use super::Described;
use super::input::is_json;
use crate::client::comments;
use crate::client::names::{literal, property};
use crate::client::types::{Direction, Types};

/// The answers of one operation.
pub(super) struct Answers {
    reply: String,
    failure: String,
    replies: Vec<Reply>,
    /// Statuses and types of documented errors, those of one type together.
    failures: Vec<(String, Vec<u16>)>,
    /// What each error means.
    meanings: Vec<String>,
    /// The type of the items, where the only success is a stream.
    stream: Option<String>,
    accept: Vec<String>,
}

/// An answer below 400.
struct Reply {
    /// None: any that is not documented by itself.
    status: Option<u16>,
    kind: Kind,
    /// The type of the body, or of the items of a stream.
    written: String,
    headers: Vec<String>,
}

/// How a body is read. The names are those of the fixed part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    None,
    Any,
    Json,
    Text,
    Blob,
    Lines,
    Events,
    JsonEvents,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Any => "any",
            Self::Json => "json",
            Self::Text => "text",
            Self::Blob => "blob",
            Self::Lines => "lines",
            Self::Events => "events",
            Self::JsonEvents => "json-events",
        }
    }

    fn is_stream(self) -> bool {
        matches!(self, Self::Lines | Self::Events | Self::JsonEvents)
    }
}

impl Answers {
    pub(super) fn new(reply: String, failure: String, described: Described<'_>, types: &Types<'_>) -> Self {
        let mut answers = Self {
            reply,
            failure,
            replies: Vec::new(),
            failures: Vec::new(),
            meanings: Vec::new(),
            stream: None,
            accept: Vec::new(),
        };
        for (status, response) in described.value["responses"].as_object().into_iter().flatten() {
            match status.parse::<u16>() {
                Ok(status) if status >= 400 => answers.add_failure(status, response, types),
                Ok(status) => answers.add_reply(Some(status), response, described, types),
                Err(_) if status == "default" => answers.add_reply(None, response, described, types),
                // `2XX`: no document of ours says so.
                Err(_) => {}
            }
        }
        let mut good = answers.replies.iter().filter(|reply| reply.is_good());
        if let (Some(only), None) = (good.next(), good.next())
            && only.kind.is_stream()
        {
            answers.stream = Some(only.written.clone());
        }
        answers
    }

    fn add_reply(
        &mut self,
        status: Option<u16>,
        response: &Value,
        described: Described<'_>,
        types: &Types<'_>,
    ) {
        let contents = response["content"].as_object();
        let mut chosen: Vec<_> =
            contents.into_iter().flatten().map(|(name, media)| (kind(name, media), name, media)).collect();
        chosen.sort_by_key(|(kind, ..)| preference(*kind));
        let (kind, written) = match chosen.first() {
            _ if described.method == "head" || status == Some(204) || status == Some(304) => {
                (Kind::None, "undefined".to_owned())
            }
            Some((kind, name, media)) => {
                if !self.accept.contains(name) && !name.contains('*') {
                    self.accept.push((*name).clone());
                }
                (*kind, body(*kind, media, types))
            }
            None if status.is_none() => (Kind::Any, "unknown".to_owned()),
            None => (Kind::None, "undefined".to_owned()),
        };
        let headers = response["headers"].as_object().into_iter().flat_map(Map::keys).cloned().collect();
        self.replies.push(Reply { status, kind, written, headers });
    }

    fn add_failure(&mut self, status: u16, response: &Value, types: &Types<'_>) {
        let meaning = response["description"].as_str().unwrap_or_default();
        let meaning = meaning.split("\n\n").collect::<Vec<_>>().join(" ");
        self.meanings.push(format!("- {status}: {meaning}"));
        let json = response["content"].as_object().into_iter().flatten().find(|(name, _)| is_json(name));
        // Whatever else it is written in, it is told as an `ApiError` without more.
        let Some((name, media)) = json else { return };
        let written = types.of(&media["schema"], Direction::In, 0);
        if !self.accept.contains(name) {
            self.accept.push(name.clone());
        }
        match self.failures.iter_mut().find(|(known, _)| *known == written) {
            Some((_, statuses)) => statuses.push(status),
            None => self.failures.push((written, vec![status])),
        }
    }

    /// The types of its errors.
    pub(super) fn errors(&self) -> impl Iterator<Item = &str> {
        self.failures.iter().map(|(written, _)| written.as_str())
    }

    pub(super) fn class(&self) -> &'static str {
        if self.stream.is_some() { "StreamCall" } else { "Call" }
    }

    /// The arguments of the class: the type of the body, and what else it answers.
    pub(super) fn arguments(&self) -> String {
        let data = match &self.stream {
            Some(item) => item.clone(),
            None => {
                let mut types: Vec<String> = Vec::new();
                for reply in self.replies.iter().filter(|reply| reply.is_good()) {
                    let written = reply.data();
                    if !types.contains(&written) {
                        types.push(written);
                    }
                }
                if types.is_empty() { "never".to_owned() } else { types.join(" | ") }
            }
        };
        let reply = if self.replies.is_empty() { "never" } else { &self.reply };
        let mut arguments = format!("{data}, {reply}");
        if !self.failures.is_empty() {
            arguments.push_str(&format!(", {}", self.failure));
        }
        arguments
    }

    pub(super) fn write(&self, file: &mut String) {
        if !self.replies.is_empty() {
            let replies = self.replies.iter().map(|reply| {
                let status = reply.status.map_or("number".to_owned(), |status| status.to_string());
                let names: Vec<_> = reply.headers.iter().map(|name| literal(name)).collect();
                let names = if names.is_empty() { String::new() } else { format!(", {}", names.join(" | ")) };
                format!("Reply<{status}, {}{names}>", reply.data())
            });
            file.push_str(&format!("\nexport type {} ={};\n", self.reply, choices(replies)));
        }
        if !self.failures.is_empty() {
            file.push('\n');
            comments::write(&self.meanings, 0, file);
            let failures = self.failures.iter().map(|(written, statuses)| {
                let statuses: Vec<_> = statuses.iter().map(u16::to_string).collect();
                format!("Failure<{}, {written}>", statuses.join(" | "))
            });
            file.push_str(&format!("export type {} ={};\n", self.failure, choices(failures)));
        }
    }

    /// What the fixed part has to know.
    pub(super) fn settings(&self, put: &mut impl FnMut(&str, String)) {
        let replies = self.replies.iter().map(|reply| {
            let status = reply.status.map_or("default".to_owned(), |status| status.to_string());
            let status = if reply.status.is_some() { status } else { property(&status) };
            format!("{status}: {}", literal(reply.kind.name()))
        });
        let replies: Vec<_> = replies.collect();
        put(
            "replies",
            if replies.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", replies.join(", ")) },
        );
        if !self.accept.is_empty() {
            put("accept", literal(&self.accept.join(", ")));
        }
        let mut statuses: Vec<u16> =
            self.failures.iter().flat_map(|(_, statuses)| statuses).copied().collect();
        statuses.sort_unstable();
        if !statuses.is_empty() {
            let statuses: Vec<_> = statuses.iter().map(u16::to_string).collect();
            put("failures", format!("[{}]", statuses.join(", ")));
        }
    }
}

impl Reply {
    /// Whether `await` gives its body.
    fn is_good(&self) -> bool {
        self.status.is_none_or(|status| status < 300)
    }

    fn data(&self) -> String {
        if self.kind.is_stream() { format!("AsyncIterable<{}>", self.written) } else { self.written.clone() }
    }
}

fn choices(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = parts.collect();
    match parts.as_slice() {
        [one] => format!(" {one}"),
        several => several.iter().map(|part| format!("\n  | {part}")).collect(),
    }
}

/// What a program would rather have.
fn preference(kind: Kind) -> u8 {
    match kind {
        Kind::Json => 0,
        Kind::Lines | Kind::Events | Kind::JsonEvents => 1,
        Kind::Blob => 2,
        Kind::Text => 3,
        Kind::Any | Kind::None => 4,
    }
}

fn kind(media_type: &str, media: &Value) -> Kind {
    let name = media_type.split(';').next().unwrap_or_default().trim();
    match name {
        "application/x-ndjson" | "application/jsonl" => Kind::Lines,
        "text/event-stream" if content_schema(media).is_some() => Kind::JsonEvents,
        "text/event-stream" => Kind::Events,
        name if is_json(name) => Kind::Json,
        name if name.starts_with("text/") => Kind::Text,
        _ => Kind::Blob,
    }
}

/// The schema of what is in the data of an event.
fn content_schema(media: &Value) -> Option<&Value> {
    media["schema"]["items"]["properties"]["data"].get("contentSchema")
}

fn body(kind: Kind, media: &Value, types: &Types<'_>) -> String {
    let written = |schema: &Value| types.of(schema, Direction::In, 0);
    match kind {
        Kind::None => "undefined".to_owned(),
        Kind::Any => "unknown".to_owned(),
        Kind::Json => written(&media["schema"]),
        Kind::Text => "string".to_owned(),
        Kind::Blob => "Blob".to_owned(),
        Kind::Lines => written(media["schema"].get("items").unwrap_or(&Value::Null)),
        Kind::Events => "ServerEvent".to_owned(),
        Kind::JsonEvents => {
            format!("ServerEvent<{}>", written(content_schema(media).unwrap_or(&Value::Null)))
        }
    }
}
