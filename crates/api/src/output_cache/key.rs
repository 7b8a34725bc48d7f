//! What tells requests apart, and what the handler gets to see of them.

use std::borrow::Cow;

use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, Uri, header};
use mainstay_core::principal::Principal;
use mainstay_http::Exchange;
use mainstay_store::Store;
use serde_json::{Value, json};

use super::{Inner, NoCache, Whose};
use crate::rate_limit::Caller;

/// Why a request passes by the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Passes(pub(super) &'static str);

/// Headers that pass by: who sends them wants something else than the whole of what everybody gets.
const PASSING: [(HeaderName, &str); 5] = [
    (header::RANGE, "range"),
    (header::IF_RANGE, "range"),
    (header::IF_MATCH, "precondition"),
    (header::IF_UNMODIFIED_SINCE, "precondition"),
    (header::UPGRADE, "upgrade"),
];

/// Headers that the handler sees although they are not in the key. Which host was asked for is in the key by another name.
const LEFT: [HeaderName; 5] =
    [header::ACCEPT, header::ACCEPT_CHARSET, header::ACCEPT_ENCODING, header::ACCEPT_LANGUAGE, header::HOST];

impl Inner {
    /// The key of a request of a tenant.
    pub(super) fn key(&self, parts: &Parts, tenant: &str) -> Result<String, Passes> {
        let headers = &parts.headers;
        if let Some((_, why)) = PASSING.iter().find(|(name, _)| headers.contains_key(name)) {
            return Err(Passes(why));
        }
        let Some(exchange) = parts.extensions.get::<Exchange>() else { return Err(Passes("exchange")) };
        let host = match exchange.host() {
            Some(host) => host.to_ascii_lowercase(),
            None if headers.contains_key(header::HOST) => return Err(Passes("host")),
            None => String::new(),
        };
        let caller = Caller::new(parts);
        let who = self.who(&caller.principal(), headers)?;
        let query: Vec<_> = self.pairs(parts.uri.query()).into_iter().map(|(_, pair)| pair).collect();
        let varying: Vec<_> = self.headers.iter().map(|name| (name, values(headers, name))).collect();
        let route = exchange.route().map(|route| route.label());
        Ok(json!([
            parts.method.as_str(),
            exchange.scheme().as_str(),
            host,
            route,
            parts.uri.path(),
            query,
            varying,
            who,
            tenant
        ])
        .to_string())
    }

    /// What tells one caller from another; nothing where all are strangers.
    fn who(&self, principal: &Principal, headers: &HeaderMap) -> Result<Value, Passes> {
        let authorization = values(headers, "authorization");
        if !principal.is_authenticated() {
            return if authorization.is_empty() { Ok(Value::Null) } else { Err(Passes("authorization")) };
        }
        if self.whose == Whose::Strangers {
            return Err(Passes("principal"));
        }
        let roles: Vec<_> = principal.roles().collect();
        let permissions: Vec<_> = principal.permissions().collect();
        let who = json!([
            principal.identity(),
            principal.name(),
            roles,
            permissions,
            principal.claims(),
            authorization
        ]);
        // Neither claims nor tokens are anybody's affair who looks at the keys of the store.
        Ok(Value::String(Store::digest(&who.to_string())))
    }

    /// The parameters that tell requests apart, by name and as they are written, in the order of their names. Those of one name stay
    /// in the order in which they came: a handler may take the first of them, or the last. Written otherwise, they are others: that
    /// makes an answer once more, and never the answer to something else.
    fn pairs<'q>(&self, query: Option<&'q str>) -> Vec<(Cow<'q, str>, &'q str)> {
        let written = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        let named = written.map(|pair| {
            let name = form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name);
            (name.unwrap_or_default(), pair)
        });
        let mut pairs: Vec<_> = named.filter(|(name, _)| self.has_parameter(name)).collect();
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        pairs
    }

    fn has_parameter(&self, name: &str) -> bool {
        self.query.as_ref().is_none_or(|chosen| chosen.iter().any(|chosen| is_of(name, chosen)))
    }

    /// Takes away what is not in the key, and what the cache decides by itself.
    pub(super) fn strip(&self, parts: &mut Parts) {
        let headers = std::mem::take(&mut parts.headers);
        let keyed = |name: &HeaderName| {
            LEFT.contains(name)
                || self.headers.iter().any(|keyed| name.as_str() == keyed)
                || (name == header::AUTHORIZATION && self.whose == Whose::EachTheirOwn)
        };
        let mut last = None;
        for (name, value) in headers {
            // A further value of the name before comes without it.
            last = name.or(last);
            if let Some(name) = last.as_ref().filter(|name| keyed(name)) {
                parts.headers.append(name, value);
            }
        }
        if self.query.is_none() || parts.uri.query().is_none() {
            return;
        }
        let query: Vec<_> = self.pairs(parts.uri.query()).into_iter().map(|(_, pair)| pair).collect();
        let path = parts.uri.path();
        let target = if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) };
        // A part of what was an address is one.
        if let Ok(target) = PathAndQuery::try_from(target) {
            let mut uri = std::mem::take(&mut parts.uri).into_parts();
            uri.path_and_query = Some(target);
            parts.uri = Uri::from_parts(uri).unwrap_or_default();
        }
    }

    /// Whether the client asks for an answer that is made anew, and gets one.
    pub(super) fn is_made_anew(&self, headers: &HeaderMap) -> bool {
        self.no_cache == NoCache::Respected
            && (super::fields::directives(headers)
                .any(|(name, value)| name == "no-cache" || (name == "max-age" && value == "0")))
    }
}

/// Whether a parameter is meant by a name: `price[gte]` is by `price`.
pub(super) fn is_of(parameter: &str, name: &str) -> bool {
    parameter.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
}

/// All values of a header, each of them in ASCII and none like another.
fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| value.as_bytes().escape_ascii().to_string()).collect()
}
