//! What an operation takes and gives, in neutral words.
//!
//! Every extractor, guard and responder can say something about itself: which parameters it reads, which body it
//! wants, how it may fail, what it needs from the container. A route asks them all when it is made, and keeps the
//! answers in an [`Operation`]. Nothing here knows OpenAPI: other crates turn an [`Operation`] into a document, a
//! line of the `routes` command, or a check.
//!
//! In reading order:
//!
//! 1. this file: [`Operation`], and the traits [`Describe`] (arguments) and [`DescribeResponse`] (return types);
//! 2. [`parts`]: parameters, bodies, responses, errors, security;
//! 3. [`schema`]: [`SchemaOf`], a schema that is generated when somebody asks for it;
//! 4. [`probe`]: how `#[get]` asks a type that may have nothing to say, without a compiler error;
//! 5. `arguments` and `returns`: what axum's own extractors and responders say.
//!
//! ```
//! use mainstay_http::describe::{Describe, Operation, Parameter, Place};
//! use http::Method;
//!
//! /// A guard of one's own: it reads a header.
//! struct Tenant;
//!
//! impl Describe for Tenant {
//!     fn describe(operation: &mut Operation) {
//!         operation.parameter(Parameter::new(Place::Header, "X-Tenant").required());
//!     }
//! }
//!
//! let mut operation = Operation::new(Method::GET, "/reports", "reports");
//! Tenant::describe(&mut operation);
//! assert_eq!(operation.parameters[0].name, "X-Tenant");
//! ```

pub(crate) mod arguments;
pub mod parts;
pub mod probe;
mod returns;
pub mod schema;

use std::any::type_name;

use http::Method;
use mainstay_core::container::Need;

pub use parts::{
    BodySpec, CacheSpec, Content, ErrorSpec, GuardSpec, LimitSpec, Parameter, Place, ResponseSpec,
    SecurityScheme, SecuritySpec, Source,
};
pub use returns::{DescribeError, DescribeParts};
pub use schema::{SchemaOf, Schematic, schema_of};

/// What an argument of a handler says about itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not describe itself",
    note = "implement `mainstay_http::describe::Describe` for it; a `Json<T>` or `Query<T>` also needs `T: schemars::JsonSchema`"
)]
pub trait Describe {
    /// Adds what is known of `Self` to `operation`.
    fn describe(operation: &mut Operation);
}

/// What can be said of an argument without a schema of the type inside it.
///
/// `Json<T>` implements [`Describe`] only where `T` has a schema. Where it has none, this still tells the media type
/// and the errors, and, above all, that the extractor is one of ours. Only the probes call it.
pub trait Outline {
    /// Adds what is known of `Self` to `operation`.
    fn outline(operation: &mut Operation);
}

/// What the return type of a handler says about itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not describe what it answers",
    note = "implement `mainstay_http::describe::DescribeResponse` for it; a `Json<T>` also needs `T: schemars::JsonSchema`"
)]
pub trait DescribeResponse {
    /// Adds the responses of `Self` to `operation`.
    fn describe(operation: &mut Operation);
}

/// What can be said of a return type without knowing every type inside it. Only the probes call it.
pub trait OutlineResponse {
    /// Adds what is known of `Self` to `operation`.
    fn outline(operation: &mut Operation);
}

/// One route, described.
#[derive(Clone, Debug)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// The pattern, such as `/articles/{slug}`, with the prefixes of its groups.
    pub path: String,
    /// The name of the handler.
    pub name: String,
    /// One line: the first paragraph of the doc comment.
    pub summary: Option<String>,
    /// The rest of the doc comment, in Markdown.
    pub description: Option<String>,
    /// What it is listed under.
    pub tags: Vec<String>,
    /// Whether callers should move away from it.
    pub deprecated: bool,
    /// Whether API documents leave it out: pages for people, files, probes.
    pub hidden: bool,
    /// What it reads from path, query, headers and cookies.
    pub parameters: Vec<Parameter>,
    /// The body that it reads.
    pub body: Option<BodySpec>,
    /// What it answers when all is well.
    pub responses: Vec<ResponseSpec>,
    /// How it may fail.
    pub errors: Vec<ErrorSpec>,
    /// Headers that any answer of it may have, also one that says no.
    pub headers: Vec<Parameter>,
    /// Who is allowed how much of it, limit by limit.
    pub limits: Vec<LimitSpec>,
    /// Where its answers are kept for a while, cache by cache.
    pub caches: Vec<CacheSpec>,
    /// Who may call it. Several entries: each of them is asked for.
    pub security: Vec<SecuritySpec>,
    /// What a token of limited scope must be good for to be let in: all of these. None: such a token opens nothing here.
    pub scopes: Vec<String>,
    /// What its caller must be allowed, guard by guard.
    pub guards: Vec<GuardSpec>,
    /// What it takes from the container while it answers a request.
    pub needs: Vec<Need>,
    /// Names of the types that say nothing, or not all, about themselves.
    pub opaque: Vec<&'static str>,
    /// Whether an extractor reads what only axum's own router provides, or may do so because nobody knows it.
    pub needs_axum_router: bool,
    /// What its arguments say to the names of the parameters in the pattern, which is known when all groups have added
    /// their prefixes.
    pub path_checks: Vec<PathCheck>,
    /// Where it is written.
    pub source: Source,
}

/// Says what an argument misses among the names of a pattern's parameters, if it misses something.
pub type PathCheck = fn(&[&str]) -> Option<String>;

impl Operation {
    /// An operation of which nothing but its place is known.
    pub fn new(method: Method, path: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            name: name.into(),
            summary: None,
            description: None,
            tags: Vec::new(),
            deprecated: false,
            hidden: false,
            parameters: Vec::new(),
            body: None,
            responses: Vec::new(),
            errors: Vec::new(),
            headers: Vec::new(),
            limits: Vec::new(),
            caches: Vec::new(),
            security: Vec::new(),
            scopes: Vec::new(),
            guards: Vec::new(),
            needs: Vec::new(),
            opaque: Vec::new(),
            needs_axum_router: false,
            path_checks: Vec::new(),
            source: Source::default(),
        }
    }

    /// Takes summary and description from a doc comment: its first paragraph, and the rest.
    pub fn document(&mut self, comment: &str) {
        let comment = comment.trim();
        let (first, rest) = comment.split_once("\n\n").unwrap_or((comment, ""));
        let filled = |text: String| (!text.is_empty()).then_some(text);
        self.summary = filled(first.split_whitespace().collect::<Vec<_>>().join(" "));
        self.description = filled(rest.trim().to_owned());
    }

    /// Adds a parameter. One with the same name in the same place is replaced: header names compare without case.
    pub fn parameter(&mut self, parameter: Parameter) {
        let same = |known: &&mut Parameter| {
            known.place == parameter.place
                && if parameter.place == Place::Header {
                    known.name.eq_ignore_ascii_case(&parameter.name)
                } else {
                    known.name == parameter.name
                }
        };
        match self.parameters.iter_mut().find(same) {
            Some(known) => *known = parameter,
            None => self.parameters.push(parameter),
        }
    }

    /// Adds a way to fail, unless status and code are listed already.
    pub fn error(&mut self, error: ErrorSpec) {
        if !self.errors.iter().any(|known| known.status == error.status && known.code == error.code) {
            self.errors.push(error);
        }
    }

    /// Adds a scope that a limited token must have, unless it is listed already.
    pub fn scope(&mut self, scope: impl Into<String>) {
        let scope = scope.into();
        if !self.scopes.contains(&scope) {
            self.scopes.push(scope);
        }
    }

    /// Adds a header of every answer, unless it is listed already.
    pub fn header(&mut self, header: Parameter) {
        if !self.headers.iter().any(|known| known.name.eq_ignore_ascii_case(&header.name)) {
            self.headers.push(header);
        }
    }

    /// Adds a response. One of the same status gains the other's media types and headers.
    pub fn response(&mut self, response: ResponseSpec) {
        match self.responses.iter_mut().find(|known| known.status == response.status) {
            Some(known) => {
                known.contents.extend(response.contents);
                known.headers.extend(response.headers);
            }
            None => self.responses.push(response),
        }
    }

    /// Notes that `T` says nothing, or not all, about itself.
    pub fn opaque<T: ?Sized>(&mut self) {
        let name = type_name::<T>();
        if !self.opaque.contains(&name) {
            self.opaque.push(name);
        }
    }

    /// The names of the parameters in the pattern, in order: `["user", "rest"]` for `/{user}/{*rest}`.
    pub fn path_names(&self) -> Vec<&str> {
        pattern_names(&self.path)
    }

    /// Adds, as plain text, every parameter of the pattern that no argument has described, and puts the path
    /// parameters into the order of the pattern.
    ///
    /// Routing calls this when the whole pattern is known, which is after groups have added their prefixes.
    pub fn complete_path(&mut self) {
        let names: Vec<String> = self.path_names().into_iter().map(str::to_owned).collect();
        let (mut described, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.parameters).into_iter().partition(|known| known.place == Place::Path);
        for name in names {
            let parameter = match described.iter().position(|known| known.name == name) {
                Some(index) => described.remove(index),
                None => Parameter::new(Place::Path, name).required().schema(schema_of::<String>()),
            };
            self.parameters.push(parameter);
        }
        self.parameters.extend(described);
        self.parameters.extend(others);
    }
}

/// The names in a pattern; `{{` and `}}` are plain braces.
fn pattern_names(pattern: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        rest = &rest[open + 1..];
        if let Some(escaped) = rest.strip_prefix('{') {
            rest = escaped;
        } else if let Some(close) = rest.find('}') {
            names.push(rest[..close].trim_start_matches('*'));
            rest = &rest[close + 1..];
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(path: &str) -> Operation {
        Operation::new(Method::GET, path, "show")
    }

    #[test]
    fn reads_the_names_of_a_pattern() {
        assert_eq!(pattern_names("/a/{user}/b/{*rest}"), ["user", "rest"]);
        assert_eq!(pattern_names("/a/{{literal}}/{id}"), ["id"]);
        assert_eq!(pattern_names("/a/{unclosed"), Vec::<&str>::new());
    }

    #[test]
    fn lists_path_parameters_in_the_order_of_the_pattern() {
        let mut operation = operation("/{a}/{b}");
        operation.parameter(Parameter::new(Place::Query, "q"));
        operation.parameter(Parameter::new(Place::Path, "b").required());
        operation.complete_path();
        let names: Vec<_> = operation.parameters.iter().map(|known| known.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "q"]);
        assert!(operation.parameters[0].required);
    }

    #[test]
    fn splits_a_doc_comment_into_summary_and_description() {
        let mut operation = operation("/");
        operation.document(" Lists every\n article.\n\n Newest first.\n\n And more.\n");
        assert_eq!(operation.summary.as_deref(), Some("Lists every article."));
        assert_eq!(operation.description.as_deref(), Some("Newest first.\n\n And more."));
        operation.document("  ");
        assert_eq!((operation.summary, operation.description), (None, None));
    }

    #[test]
    fn keeps_one_of_two_parameters_with_the_same_name() {
        let mut operation = operation("/");
        operation.parameter(Parameter::new(Place::Header, "X-Tenant"));
        operation.parameter(Parameter::new(Place::Header, "x-tenant").required());
        operation.parameter(Parameter::new(Place::Query, "x-tenant"));
        assert_eq!(operation.parameters.len(), 2);
        assert!(operation.parameters[0].required);
    }
}
