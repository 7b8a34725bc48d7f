//! The one error that crosses the border of the framework.
//!
//! An [`Error`] carries what a client may see (status, machine code, message, faults) apart from what only the log
//! may see (context, source, the place where it was made). Who asked decides how it is written: problem details, a
//! page, a GraphQL error. Inside the crates, small `thiserror` enums are used; they become an [`Error`] at the border.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;

pub use http::StatusCode;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;

/// What a handler, a job or a command returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with a status, a public half and a private half.
///
/// Every standard error turns into one with `?`: status 500, its text kept for the log alone.
///
/// ```
/// use mainstay_core::{Error, Result};
///
/// fn find(slug: &str) -> Result<u32> {
///     Err(Error::not_found(format!("no article is called `{slug}`")).code("article_not_found"))
/// }
/// assert_eq!(find("x").unwrap_err().status().as_u16(), 404);
/// ```
pub struct Error(Box<Parts>);

struct Parts {
    status: StatusCode,
    code: Cow<'static, str>,
    message: Cow<'static, str>,
    faults: Vec<Fault>,
    headers: HeaderMap,
    context: Vec<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    place: &'static Location<'static>,
}

/// One thing that is wrong with an input, addressed so that a form can show it beside its field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901) into a body (`/author/name`), or a parameter such as `query:limit`.
    pub pointer: String,
    /// What kind, for programs: `required`, `length`, `type`…
    pub code: Cow<'static, str>,
    /// What, for people.
    pub message: String,
    /// What the message speaks of, by name, for whoever says it in another language: `min`, `max`, `expected`.
    #[serde(skip)]
    pub params: Vec<(Cow<'static, str>, String)>,
}

impl Fault {
    /// A fault at `pointer`.
    pub fn new(
        pointer: impl Into<String>,
        code: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self { pointer: pointer.into(), code: code.into(), message: message.into(), params: Vec::new() }
    }

    /// Names something that the message speaks of.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl fmt::Display) -> Self {
        self.params.push((name.into(), value.to_string()));
        self
    }
}

impl Error {
    /// An error with this status. Its code is made from the status (`not_found`), its message is public.
    #[track_caller]
    pub fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Parts {
            status,
            code: code_of(status),
            message: message.into(),
            faults: Vec::new(),
            headers: HeaderMap::new(),
            context: Vec::new(),
            source: None,
            place: Location::caller(),
        }))
    }

    /// 400: the request cannot be understood.
    #[track_caller]
    pub fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401: the client must say who it is.
    #[track_caller]
    pub fn unauthorized(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// 403: the client is known and may not.
    #[track_caller]
    pub fn forbidden(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    /// 404: there is no such thing, or the client may not know of it.
    #[track_caller]
    pub fn not_found(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 409: it contradicts what is stored.
    #[track_caller]
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// 422: understood, and wrong in these places.
    #[track_caller]
    pub fn invalid(faults: Vec<Fault>) -> Self {
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "The input is not valid.");
        error.0.code = Cow::Borrowed("validation_failed");
        error.0.faults = faults;
        error
    }

    /// 503: not now; `message` is public.
    #[track_caller]
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// 500: our fault. `detail` reaches the log; the client is told nothing of it.
    #[track_caller]
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, PUBLIC_INTERNAL).context(detail)
    }

    /// The same error under another machine code.
    #[must_use]
    pub fn code(mut self, code: impl Into<Cow<'static, str>>) -> Self {
        self.0.code = code.into();
        self
    }

    /// The same error with another status; code and message stay.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.0.status = status;
        self
    }

    /// The same error in other words; status, code, and what only the log sees, stay.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    /// The same error with these places named; status, code and message stay.
    #[must_use]
    pub fn with_faults(mut self, faults: Vec<Fault>) -> Self {
        self.0.faults = faults;
        self
    }

    /// Adds a response header, such as `Allow` or `Retry-After`.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.append(name, value);
        self
    }

    /// Sets a header of the response, in the place of all that it had of this name.
    #[must_use]
    pub fn replace_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.insert(name, value);
        self
    }

    /// Adds a private note for the log: what was being done when it went wrong.
    #[must_use]
    pub fn context(mut self, note: impl Into<String>) -> Self {
        self.0.context.push(note.into());
        self
    }

    /// Keeps the cause. It reaches the log, and [`Error::source_as`].
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The machine code, such as `article_not_found`.
    pub fn machine_code(&self) -> &str {
        &self.0.code
    }

    /// The public message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What is wrong with the input, place by place.
    pub fn faults(&self) -> &[Fault] {
        &self.0.faults
    }

    /// The response headers that belong to it.
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The private notes, the innermost first.
    pub fn notes(&self) -> &[String] {
        &self.0.context
    }

    /// Where in the source it was made.
    pub fn place(&self) -> &'static Location<'static> {
        self.0.place
    }

    /// The cause.
    pub fn source(&self) -> Option<&(dyn StdError + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }

    /// The first cause of type `T` in the chain.
    pub fn source_as<T: StdError + 'static>(&self) -> Option<&T> {
        let mut cause: Option<&(dyn StdError + 'static)> = match &self.0.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        };
        while let Some(error) = cause {
            if let Some(found) = error.downcast_ref::<T>() {
                return Some(found);
            }
            cause = error.source();
        }
        None
    }

    /// The [report](Self::report) as it can be stored: in so many bytes at most, and without NUL, which PostgreSQL takes in no text.
    pub fn report_to_keep(&self, most_bytes: usize) -> String {
        let mut report = self.report().replace('\0', "");
        report.truncate(report.floor_char_boundary(most_bytes));
        report
    }

    /// Everything, for the log: message, notes and the chain of causes on one line.
    pub fn report(&self) -> String {
        let mut line = String::new();
        if self.0.context.is_empty() || self.0.message != PUBLIC_INTERNAL {
            line.push_str(&self.0.message);
        }
        for note in self.0.context.iter().rev() {
            join(&mut line, note);
        }
        if let Some(source) = &self.0.source {
            join(&mut line, &Chain(source.as_ref()).to_string());
        }
        line
    }
}

/// An error with all that caused it, on one line: `cannot save: disk is full`.
///
/// ```
/// use mainstay_core::error::Chain;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("cannot save")]
/// struct NotSaved(#[source] std::io::Error);
///
/// let error = NotSaved(std::io::Error::other("disk is full"));
/// assert_eq!(Chain(&error).to_string(), "cannot save: disk is full");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Chain<'a>(pub &'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

const PUBLIC_INTERNAL: &str = "Something went wrong on our side.";

fn join(line: &mut String, part: &str) {
    if !line.is_empty() {
        line.push_str(": ");
    }
    line.push_str(part);
}

fn code_of(status: StatusCode) -> Cow<'static, str> {
    match status.canonical_reason() {
        Some(reason) => Cow::Owned(reason.to_ascii_lowercase().replace([' ', '-', '\''], "_")),
        None => Cow::Owned(format!("status_{}", status.as_u16())),
    }
}

impl<E: StdError + Send + Sync + 'static> From<E> for Error {
    #[track_caller]
    fn from(source: E) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, PUBLIC_INTERNAL).caused_by(source)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {} (at {})", self.0.status.as_u16(), self.0.code, self.report(), self.0.place)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// Adds context to any failure on its way up.
pub trait Context<T> {
    /// Turns the failure into an [`Error`] and notes, for the log, what was being done.
    fn context(self, note: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<Error>> Context<T> for std::result::Result<T, E> {
    #[track_caller]
    fn context(self, note: impl Into<String>) -> Result<T> {
        match self {
            Ok(value) => Ok(value),
            Err(error) => Err(error.into().context(note)),
        }
    }
}

/// Turns an absent value into an [`Error`].
pub trait OrNotFound<T> {
    /// 404 with `message` where there is nothing.
    fn or_not_found(self, message: impl Into<Cow<'static, str>>) -> Result<T>;
}

impl<T> OrNotFound<T> for Option<T> {
    #[track_caller]
    fn or_not_found(self, message: impl Into<Cow<'static, str>>) -> Result<T> {
        match self {
            Some(value) => Ok(value),
            None => Err(Error::not_found(message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("disk is full")]
    struct DiskFull;

    fn write() -> Result<()> {
        Err(DiskFull)?;
        Ok(())
    }

    #[test]
    fn keeps_the_text_of_a_foreign_error_from_the_client() {
        let error = write().context("writing the report").unwrap_err();
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!error.message().contains("disk"), "{}", error.message());
        assert_eq!(error.report(), "writing the report: disk is full");
        assert!(error.source_as::<DiskFull>().is_some());
        assert!(error.place().file().ends_with("error.rs"));
    }

    #[test]
    fn makes_the_code_from_the_status() {
        assert_eq!(Error::not_found("gone").machine_code(), "not_found");
        assert_eq!(Error::new(StatusCode::IM_A_TEAPOT, "tea").machine_code(), "i_m_a_teapot");
    }
}
