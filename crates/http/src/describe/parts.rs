//! Parameters, bodies, responses, errors and security.

use std::borrow::Cow;

use mainstay_core::StatusCode;

use super::schema::{SchemaOf, Schematic, schema_of};

/// Where a route is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The file, as the compiler names it.
    pub file: &'static str,
    /// The line, from 1.
    pub line: u32,
}

/// Where a parameter is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A segment of the path.
    Path,
    /// The query string.
    Query,
    /// A header.
    Header,
    /// A cookie.
    Cookie,
}

impl Place {
    /// `path`, `query`, `header` or `cookie`: as in OpenAPI, and as in the pointers of faults (`query:limit`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
            Self::Cookie => "cookie",
        }
    }
}

/// One thing read from path, query, headers or cookies; or a header of a response.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// Whether the request fails without it.
    pub required: bool,
    /// What it means, in Markdown.
    pub description: Option<String>,
    /// Its type.
    pub schema: Option<SchemaOf>,
    /// Whether the values of a list have commas between them, instead of being given one by one.
    pub comma_separated: bool,
    /// The values that it is one of, where its type does not say so; of a list, each of its values. Empty: any of its type.
    pub choices: Vec<String>,
}

impl Parameter {
    /// An optional parameter of unknown type.
    pub fn new(place: Place, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            place,
            required: false,
            description: None,
            schema: None,
            comma_separated: false,
            choices: Vec::new(),
        }
    }

    /// The request fails without it.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// It is a list with commas between its values.
    #[must_use]
    pub fn comma_separated(mut self) -> Self {
        self.comma_separated = true;
        self
    }

    /// Says which values there are.
    #[must_use]
    pub fn choices(mut self, choices: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.choices = choices.into_iter().map(Into::into).collect();
        self
    }

    /// Says what it means.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Says what type it has.
    #[must_use]
    pub fn schema(mut self, schema: Option<SchemaOf>) -> Self {
        self.schema = schema;
        self
    }
}

/// The body that an operation reads.
#[derive(Clone, Debug)]
pub struct BodySpec {
    /// Whether the request fails without it.
    pub required: bool,
    /// The media types that are understood.
    pub contents: Vec<Content>,
}

impl BodySpec {
    /// A required body of one media type.
    pub fn new(content: Content) -> Self {
        Self { required: true, contents: vec![content] }
    }
}

/// A media type and what is inside.
#[derive(Clone, Debug)]
pub struct Content {
    /// Such as `application/json`.
    pub media_type: &'static str,
    /// The type inside, where it is known.
    pub schema: Option<SchemaOf>,
    /// Fields of a form with files, and the media types that each may have, with commas between them.
    pub encodings: Vec<(String, String)>,
}

impl Content {
    /// Content of unknown type.
    pub fn new(media_type: &'static str) -> Self {
        Self { media_type, schema: None, encodings: Vec::new() }
    }

    /// Content of type `T`.
    pub fn of<T: Schematic + ?Sized>(media_type: &'static str) -> Self {
        Self { media_type, schema: schema_of::<T>(), encodings: Vec::new() }
    }

    /// Says which media types a field of a form with files may have.
    #[must_use]
    pub fn encoding(mut self, field: impl Into<String>, media_types: impl Into<String>) -> Self {
        self.encodings.push((field.into(), media_types.into()));
        self
    }
}

/// One answer of an operation.
#[derive(Clone, Debug)]
pub struct ResponseSpec {
    /// The status, or [`ResponseSpec::ANY`].
    pub status: u16,
    /// What it means.
    pub description: String,
    /// The media types it comes in; empty where there is no body.
    pub contents: Vec<Content>,
    /// Headers that it sets; their place is [`Place::Header`] or [`Place::Cookie`].
    pub headers: Vec<Parameter>,
}

impl ResponseSpec {
    /// The status is only known when the handler answers: OpenAPI's `default`.
    pub const ANY: u16 = 0;

    /// A response without a body, described by the reason phrase of its status.
    pub fn new(status: u16) -> Self {
        let description = match reason(status) {
            Some(reason) => reason.to_owned(),
            None => "The response.".to_owned(),
        };
        Self { status, description, contents: Vec::new(), headers: Vec::new() }
    }

    /// Says what it means.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// Adds a media type.
    #[must_use]
    pub fn content(mut self, content: Content) -> Self {
        self.contents.push(content);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, header: Parameter) -> Self {
        self.headers.push(header);
        self
    }

    /// The same response under another status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        if reason(self.status) == Some(&self.description) || self.status == Self::ANY {
            self.description = Self::new(status).description;
        }
        self.status = status;
        self
    }
}

fn reason(status: u16) -> Option<&'static str> {
    StatusCode::from_u16(status).ok()?.canonical_reason()
}

/// One way to fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorSpec {
    /// The status.
    pub status: u16,
    /// The machine code of the problem, where it is not the one made from the status.
    pub code: Option<String>,
    /// When it happens.
    pub description: String,
    /// Names of headers that say more of it, with what they say.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl ErrorSpec {
    /// A failure with this status; an empty description becomes the reason phrase.
    pub fn new(status: StatusCode, description: impl Into<String>) -> Self {
        let mut description = description.into();
        if description.is_empty() {
            description.push_str(status.canonical_reason().unwrap_or("The request failed."));
        }
        Self { status: status.as_u16(), code: None, description, headers: Vec::new() }
    }

    /// Adds a header that says more of it.
    #[must_use]
    pub fn header(mut self, name: &'static str, description: &'static str) -> Self {
        self.headers.push((name, description));
        self
    }

    /// Says which machine code it carries.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }
}

impl From<StatusCode> for ErrorSpec {
    fn from(status: StatusCode) -> Self {
        Self::new(status, "")
    }
}

/// How much of an operation somebody is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitSpec {
    /// What the limit is called, if it has a name. Those of one name are one limit.
    pub name: Option<String>,
    /// How much, in words such as `10/1s, 100/1m`.
    pub quotas: String,
    /// Where it is written.
    pub source: Source,
}

/// That answers are kept for a while, and what tells them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheSpec {
    /// The query parameters that do; none where all do.
    pub query: Option<Vec<String>>,
    /// The headers that do, as they are written.
    pub headers: Vec<String>,
    /// Where it is written.
    pub source: Source,
}

/// What a caller must be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardSpec {
    /// For people: `role editor or articles.publish`.
    pub rule: String,
    /// The permissions that it is about.
    pub permissions: Vec<String>,
    /// The roles that it is about.
    pub roles: Vec<String>,
}

/// How a caller proves who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecuritySpec {
    /// The name of the scheme in documents, such as `session` or `bearer`.
    pub name: Cow<'static, str>,
    /// How it travels.
    pub scheme: SecurityScheme,
    /// What the caller must be allowed to do: scopes, permissions.
    pub scopes: Vec<String>,
    /// Whether an anonymous caller is served too.
    pub optional: bool,
}

impl SecuritySpec {
    /// A required proof without scopes.
    pub fn new(name: impl Into<Cow<'static, str>>, scheme: SecurityScheme) -> Self {
        Self { name: name.into(), scheme, scopes: Vec::new(), optional: false }
    }

    /// Adds a scope.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scopes.push(scope.into());
        self
    }
}

/// How a proof of identity travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityScheme {
    /// `Authorization: Basic …`.
    Basic,
    /// `Authorization: Bearer …`; the format is a hint such as `JWT`.
    Bearer {
        /// A hint for people, such as `JWT`.
        format: Option<Cow<'static, str>>,
    },
    /// A key in a query parameter, header or cookie of this name.
    Key {
        /// Where the key is.
        place: Place,
        /// The name of the parameter, header or cookie.
        name: Cow<'static, str>,
    },
    /// OpenID Connect, found at this address.
    OpenIdConnect {
        /// The address of the discovery document.
        url: Cow<'static, str>,
    },
}
