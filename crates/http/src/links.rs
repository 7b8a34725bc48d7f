//! Links that lead here from elsewhere: from a mail, a feed, another site.
//!
//! They begin with `http.public_url`, and never with the host that a request names: whoever sends a request chooses that, and a link to
//! set a new password would lead to their site.

use std::sync::Arc;

use http::Uri;
use mainstay_core::{Error, Inject, Profile, Result};

use crate::app::Http;
use crate::config::HttpConfig;

/// What is wrong without the setting, and how to mend it.
pub(crate) const MISSING: &str =
    "`http.public_url` is not set, and without it no link can be made that leads here from elsewhere";
pub(crate) const FIX: &str =
    "set it to where people find the application: public_url = \"https://shop.example\"";

/// Makes absolute links to the application. Injectable.
///
/// ```
/// use mainstay_core::Result;
/// use mainstay_http::Links;
///
/// fn reset(links: &Links, token: &str) -> Result<String> {
///     // https://shop.example/account/reset?token=…
///     links.to_route("reset", &[("token", token)])
/// }
/// ```
///
/// They begin with `http.public_url`. In development and in tests, where that is not set, with `http://127.0.0.1` and the port.
#[derive(Clone)]
pub struct Links {
    base: Option<Arc<str>>,
    http: Inject<Http>,
}

impl Links {
    pub(crate) fn new(config: Inject<HttpConfig>, profile: Inject<Profile>, http: Inject<Http>) -> Self {
        Self { base: base(&config, &profile).map(Into::into), http }
    }

    /// The address of a path, which begins with `/`: `/articles?page=2`.
    ///
    /// # Errors
    ///
    /// When `http.public_url` is not set, or the path does not begin with `/`. Both are faults of ours.
    pub fn to(&self, path: &str) -> Result<String> {
        let base = self.base.as_deref().ok_or_else(|| Error::internal(format!("{MISSING}: {FIX}")))?;
        if !path.starts_with('/') {
            return Err(Error::internal(format!("no link leads to `{path}`: a path begins with `/`")));
        }
        Ok(format!("{base}{path}"))
    }

    /// The address of a named route, with these values for its parameters. Values that its pattern does not name become the query.
    ///
    /// # Errors
    ///
    /// As [`to`](Self::to), and when no route has this name, or a parameter has no value.
    pub fn to_route(&self, name: &str, parameters: &[(&str, &str)]) -> Result<String> {
        self.to(&self.http.address(name, parameters)?)
    }
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("base", &self.base).finish_non_exhaustive()
    }
}

/// What links begin with: without a slash at its end.
pub(crate) fn base(config: &HttpConfig, profile: &Profile) -> Option<String> {
    if let Some(url) = &config.public_url {
        return Some(url.trim_end_matches('/').to_owned());
    }
    // A port that the system chooses is not known here.
    let is_here = !profile.is_production() && config.port != 0;
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    is_here.then(|| format!("{scheme}://127.0.0.1:{}", config.port))
}

/// Why links cannot begin with this.
pub(crate) fn fault(url: &str) -> Option<&'static str> {
    let Ok(parsed) = url.parse::<Uri>() else { return Some("is no URL") };
    let Some(authority) =
        parsed.authority().filter(|_| matches!(parsed.scheme_str(), Some("http" | "https")))
    else {
        return Some("must begin with `https://` or `http://`");
    };
    if authority.as_str().contains('@') {
        Some("must have no user or password: it is shown to everybody")
    } else if url.contains(['?', '#']) {
        Some("must end before any `?` or `#`: paths are appended to it")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(url: Option<&str>) -> HttpConfig {
        HttpConfig { public_url: url.map(str::to_owned), ..HttpConfig::default() }
    }

    #[test]
    fn begins_with_what_is_configured_and_in_development_with_this_machine() {
        let shop = config(Some("https://shop.example/app/"));
        assert_eq!(base(&shop, &Profile::Production).unwrap(), "https://shop.example/app");
        assert_eq!(base(&config(None), &Profile::Development).unwrap(), "http://127.0.0.1:8000");
        assert_eq!(base(&config(None), &Profile::Production), None);
        assert_eq!(base(&HttpConfig { port: 0, ..config(None) }, &Profile::Test), None);
    }

    #[test]
    fn says_why_a_url_is_none_to_begin_links_with() {
        assert_eq!(fault("https://shop.example"), None);
        assert_eq!(fault("https://shop.example:8443/"), None);
        assert_eq!(fault("http://127.0.0.1:8000/app"), None);
        for url in [
            "shop.example",
            "ftp://shop.example",
            "https://ann:pass@shop.example",
            "https://shop.example/?next=",
            "https://shop.example/#top",
            "https://shop.example/\n",
            "https:\\\\shop.example",
        ] {
            assert!(fault(url).is_some(), "{url:?}");
        }
    }
}
