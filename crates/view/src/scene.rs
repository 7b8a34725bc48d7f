//! What every view sees, besides what it is given.
//!
//! | name | what |
//! |---|---|
//! | `request` | `path`, `query`, `method`, `host`, `scheme`, `id`, and `nonce`, for `<script nonce="{{ request.nonce }}">` |
//! | `principal` | `id`, `name`, `is_authenticated`, `may("articles.publish")`, `has_role("editor")` |
//! | `url_for("article", slug="first")` | the address of a named route |
//! | `flashes()` | the messages that wait to be shown, each with `kind` and `message`; they are shown once |
//! | `csrf_field()`, `csrf_token()` | what proves that a form, or a script, is one of ours: see [`CsrfToken`] |

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mainstay_core::Inject;
use mainstay_core::principal::Principal;
use mainstay_http::session::Flash;
use mainstay_http::{CsrfToken, Exchange, Http, Session};
use minijinja::value::{Enumerator, Kwargs, Object, Serde, Value, from_args};
use minijinja::{Error, ErrorKind, State};

use crate::{Context, context};

/// What views call.
pub(crate) struct Tools {
    pub(crate) http: Option<Inject<Http>>,
    pub(crate) csrf: CsrfToken,
}

impl Tools {
    /// Where there is no request to prove something of: on a page of an error.
    pub(crate) fn without_forms(http: Option<Inject<Http>>) -> Self {
        Self { http, csrf: CsrfToken::none() }
    }
}

/// These values, for one request.
pub(crate) fn of(exchange: &Exchange, principal: &Principal, tools: Tools, messages: Messages) -> Context {
    let Tools { http, csrf } = tools;
    let url_for = move |name: &str, parameters: Kwargs| address(http.as_deref(), name, &parameters);
    let flashes = move || Value::from(Serde(messages.show()));
    let token = csrf.clone();
    context! {
        request => Value::from_object(Request(exchange.clone())),
        principal => Value::from_object(Who(principal.clone())),
        url_for => Value::from_function(url_for),
        flashes => Value::from_function(flashes),
        csrf_field => Value::from_function(move || Value::from_safe_string(csrf.field())),
        csrf_token => Value::from_function(move || token.token()),
    }
}

/// The messages that wait for a visitor. What a view has shown is taken when it has been rendered, and not when it fails.
#[derive(Clone, Debug, Default)]
pub(crate) struct Messages {
    session: Option<Session>,
    shown: Arc<AtomicBool>,
}

impl Messages {
    pub(crate) fn of(session: Option<Session>) -> Self {
        Self { session, shown: Arc::default() }
    }

    fn show(&self) -> Vec<Flash> {
        self.shown.store(true, Ordering::Relaxed);
        self.session.as_ref().map(Session::flashes).unwrap_or_default()
    }

    /// Nothing has been shown yet: what was rendered so far is not sent.
    pub(crate) fn forget(&self) {
        self.shown.store(false, Ordering::Relaxed);
    }

    /// What was rendered is sent.
    pub(crate) fn sent(&self) {
        if self.shown.load(Ordering::Relaxed)
            && let Some(session) = &self.session
        {
            session.take_flashes();
        }
    }
}

/// Everything is asked for by name, so that a nonce is only made for who takes it.
struct Request(Exchange);

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.method(), self.0.shown_address())
    }
}

impl Object for Request {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let Self(exchange) = &**self;
        Some(match key {
            "path" => exchange.uri().path().into(),
            "query" => exchange.uri().query().unwrap_or_default().into(),
            "method" => exchange.method().as_str().into(),
            "host" => exchange.host().unwrap_or_default().into(),
            "scheme" => exchange.scheme().as_str().into(),
            "id" => exchange.id().to_string().into(),
            "nonce" => exchange.nonce().as_ref().into(),
            _ => return None,
        })
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["path", "query", "method", "host", "scheme", "id"])
    }
}

#[derive(Debug)]
struct Who(Principal);

impl Object for Who {
    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        let Self(principal) = &**self;
        Some(match key {
            "id" => principal.id().into(),
            "name" => principal.name().into(),
            "is_authenticated" => principal.is_authenticated().into(),
            _ => return None,
        })
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(&["id", "name", "is_authenticated"])
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        let asks: fn(&Principal, &str) -> bool = match method {
            "may" => Principal::may,
            "has_role" => Principal::has_role,
            _ => return Err(ErrorKind::UnknownMethod.into()),
        };
        let (name,): (&str,) = from_args(arguments)?;
        Ok(asks(&self.0, name).into())
    }
}

fn address(http: Option<&Http>, name: &str, parameters: &Kwargs) -> Result<String, Error> {
    let none = || Error::new(ErrorKind::InvalidOperation, "there are no routes here");
    let http = http.ok_or_else(none)?;
    address_with(parameters, |parameters| http.address(name, parameters))
}

/// What `url_for("article", slug="first")` and its like say: the address that `address` makes of the parameters that a view gives.
///
/// # Errors
///
/// When a parameter is missing, or `address` fails, whose whole report the author of the view sees.
pub fn address_with(
    parameters: &Kwargs,
    address: impl FnOnce(&[(&str, &str)]) -> mainstay_core::Result<String>,
) -> Result<String, Error> {
    let given: Vec<(&str, String)> = parameters
        .args()
        .map(|name| parameters.get::<Value>(name).map(|value| (name, value.to_string())))
        .collect::<Result<_, _>>()?;
    let given: Vec<(&str, &str)> = given.iter().map(|(name, value)| (*name, value.as_str())).collect();
    address(&given).map_err(|error| Error::new(ErrorKind::InvalidOperation, error.report()))
}
