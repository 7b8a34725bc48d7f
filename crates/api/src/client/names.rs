//! What things are called in TypeScript.

use std::collections::BTreeSet;

/// Names that the file itself uses, and what no type may be called.
const TAKEN: &[&str] = &[
    // Words of the language.
    "any",
    "bigint",
    "boolean",
    "never",
    "null",
    "number",
    "object",
    "string",
    "symbol",
    "undefined",
    "unknown",
    "void",
    // What every platform has, and this file uses.
    "Array",
    "AsyncGenerator",
    "AsyncIterable",
    "AbortSignal",
    "Blob",
    "BodyInit",
    "Error",
    "ErrorOptions",
    "FormData",
    "Headers",
    "HeadersInit",
    "JSON",
    "Map",
    "Object",
    "Omit",
    "Promise",
    "PromiseLike",
    "RangeError",
    "ReadableStream",
    "Readonly",
    "Record",
    "RequestInit",
    "Response",
    "String",
    "Symbol",
    "SyntaxError",
    "TextDecoder",
    "TextEncoder",
    "TypeError",
    "URL",
    "URLSearchParams",
    // What this file defines.
    "ApiError",
    "BASE_URL",
    "Call",
    "CallOptions",
    "Client",
    "ClientOptions",
    "Credential",
    "ErrorBody",
    "Failure",
    "FormValue",
    "Kind",
    "KnownHeaders",
    "LONGEST",
    "MaybeProof",
    "Operation",
    "Query",
    "Reply",
    "SCHEMES",
    "Scheme",
    "Security",
    "ServerEvent",
    "StreamCall",
    "Transport",
];

/// Words that cannot name a class or an interface.
const RESERVED: &[&str] = &[
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "while",
    "with",
    "yield",
];

/// Members that every object has.
pub(super) const INHERITED: [&str; 8] = [
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
    "__proto__",
];

/// Further ones that mean something to JavaScript itself: an object with a `then` is taken for a promise.
const MEMBERS: [&str; 3] = ["prototype", "then", "toJSON"];

/// Names of one kind, each given once.
#[derive(Clone, Debug)]
pub(super) struct Names(BTreeSet<String>);

impl Names {
    /// Names of types and classes of the file.
    pub(super) fn of_types() -> Self {
        Self(TAKEN.iter().chain(RESERVED).map(|name| (*name).to_owned()).collect())
    }

    /// Names of the members of a class.
    pub(super) fn of_members() -> Self {
        Self(INHERITED.into_iter().chain(MEMBERS).map(str::to_owned).collect())
    }

    /// This name, or where something has it already, the name with `other` behind it, or with a number.
    pub(super) fn give(&mut self, name: &str, other: &str) -> String {
        let plain = std::iter::once(name.to_owned());
        let longer = std::iter::once(format!("{name}{other}"));
        let numbered = (2_u64..).map(|count| format!("{name}{other}{count}"));
        let mut candidates = plain.chain(longer).chain(numbered);
        let name = candidates.find(|candidate| !self.0.contains(candidate)).unwrap_or_default();
        self.0.insert(name.clone());
        name
    }
}

/// The words of `list_articles`, `listArticles`, `If-Match` or `User and Authentication`, in small letters.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    let mut before_is_small = false;
    for ch in text.chars() {
        if !is_letter(ch) && !ch.is_ascii_digit() {
            open = false;
            continue;
        }
        if ch.is_uppercase() && before_is_small {
            open = false;
        }
        before_is_small = ch.is_lowercase() || ch.is_ascii_digit();
        match words.last_mut() {
            Some(word) if open => word.extend(ch.to_lowercase()),
            _ => words.push(ch.to_lowercase().collect()),
        }
        open = true;
    }
    words
}

/// `listArticles`.
pub(super) fn camel(words: &[String]) -> String {
    let mut name = String::new();
    for word in words {
        if name.is_empty() { name.push_str(word) } else { name.push_str(&capitalized(word)) }
    }
    startable(name)
}

/// `ListArticles`.
pub(super) fn pascal(words: &[String]) -> String {
    startable(words.iter().map(|word| capitalized(word)).collect())
}

/// The name of a definition as the name of a type: as it is where that can be.
pub(super) fn type_name(definition: &str) -> String {
    if is_identifier(definition) {
        return definition.to_owned();
    }
    let letters = definition.chars().map(|ch| if is_letter(ch) || ch.is_ascii_digit() { ch } else { '_' });
    let name: String = letters.collect();
    startable(name.trim_matches('_').to_owned())
}

/// A property: in quotes where it has to be.
pub(super) fn property(name: &str) -> String {
    // As a key in quotes it would set what an object inherits from; computed, it is a key like any other.
    if name == "__proto__" {
        return "[\"__proto__\"]".to_owned();
    }
    if is_identifier(name) { name.to_owned() } else { literal(name) }
}

/// A text in quotes.
pub(super) fn literal(text: &str) -> String {
    // JSON is part of JavaScript (ECMAScript 2019 on).
    serde_json::Value::from(text).to_string()
}

fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn startable(name: String) -> String {
    match name.chars().next() {
        None => "unnamed".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("_{name}"),
        Some(_) => name,
    }
}

fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_' || first == '$')
        && letters.all(|ch| ch.is_ascii_alphanumeric() || ch == '_' || ch == '$')
}

/// What may be in an identifier (ECMAScript's ID_Start), of what occurs in names: letters of every script, without marks and
/// without symbols that only look like letters.
fn is_letter(ch: char) -> bool {
    ch.is_ascii_alphabetic()
        || (ch.is_alphabetic()
            && (ch.is_lowercase() || ch.is_uppercase() || ('\u{3040}'..='\u{9fff}').contains(&ch))
            && !('\u{2160}'..='\u{24ff}').contains(&ch)
            && u32::from(ch) < 0x1_0000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_words_of_a_name() {
        let joined = |text: &str| words(text).join(" ");
        assert_eq!(joined("list_api_articles"), "list api articles");
        assert_eq!(joined("listArticles2Go"), "list articles2 go");
        assert_eq!(joined("If-Match"), "if match");
        assert_eq!(joined("User and Authentication"), "user and authentication");
        assert_eq!(joined("HTTPServer"), "httpserver");
        assert_eq!(joined("id[ne] ⓐ"), "id ne");
    }

    #[test]
    fn makes_identifiers_of_anything() {
        assert_eq!(camel(&words("If-None-Match")), "ifNoneMatch");
        assert_eq!(pascal(&words("2nd place")), "_2ndPlace");
        assert_eq!(pascal(&words("!?")), "unnamed");
        assert_eq!(type_name("Page_Article"), "Page_Article");
        assert_eq!(type_name("Array<Tag>"), "Array_Tag");
        assert_eq!((property("id"), property("id[ne]")), ("id".to_owned(), "\"id[ne]\"".to_owned()));
        assert_eq!(property("a\"\n"), r#""a\"\n""#);
    }

    #[test]
    fn gives_every_name_once() {
        let mut names = Names::of_types();
        let given: Vec<_> = (0..3).map(|_| names.give("Response", "Schema")).collect();
        assert_eq!(given, ["ResponseSchema", "ResponseSchema2", "ResponseSchema3"]);
        assert_eq!(names.give("Tag", "Schema"), "Tag");
        assert_eq!(Names::of_members().give("then", "_"), "then_");
    }
}
