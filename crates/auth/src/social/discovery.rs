//! What a provider says about itself (OpenID Connect Discovery 1.0, 4), and what of it is believed.

use serde::Deserialize;

use super::provider::{IssuerRule, OAuthEndpoints, secure_url};

/// The document of the endpoints.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Metadata {
    /// With `{tenantid}` in it where many tenants have one document.
    pub(crate) issuer: String,
    pub(crate) authorization_endpoint: String,
    pub(crate) token_endpoint: String,
    pub(crate) jwks_uri: String,
    pub(crate) userinfo_endpoint: Option<String>,
    pub(crate) end_session_endpoint: Option<String>,
    pub(crate) token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether answers say whose they are (RFC 9207).
    #[serde(default)]
    pub(crate) authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// The endpoints that a table says.
    pub(super) fn of_oauth(endpoints: &OAuthEndpoints) -> Self {
        Self {
            issuer: String::new(),
            authorization_endpoint: endpoints.authorization.clone(),
            token_endpoint: endpoints.token.clone(),
            jwks_uri: String::new(),
            userinfo_endpoint: Some(endpoints.userinfo.clone()),
            end_session_endpoint: None,
            token_endpoint_auth_methods_supported: Some(vec!["client_secret_post".to_owned()]),
            authorization_response_iss_parameter_supported: false,
        }
    }
}

/// Why the document is not believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum DiscoveryError {
    #[error("its document of endpoints cannot be read: {0}")]
    Unread(String),
    #[error("its document of endpoints is of the issuer `{found}`, not of `{expected}`")]
    OtherIssuer { found: String, expected: String },
    #[error("its `{name}` {why}: {url}")]
    Endpoint { name: &'static str, why: &'static str, url: String },
}

/// The document, if it is the issuer's own and its endpoints are such that secrets may be sent there.
pub(super) fn read(document: &[u8], issuer: &str, rule: &IssuerRule) -> Result<Metadata, DiscoveryError> {
    let metadata: Metadata =
        serde_json::from_slice(document).map_err(|fault| DiscoveryError::Unread(fault.to_string()))?;
    let expected = match rule {
        IssuerRule::Exact => issuer.to_owned(),
        IssuerRule::AnyTenant => MICROSOFT.to_owned(),
    };
    if metadata.issuer != expected {
        return Err(DiscoveryError::OtherIssuer { found: excerpt(&metadata.issuer), expected });
    }
    let always = [
        ("authorization_endpoint", Some(&metadata.authorization_endpoint)),
        ("token_endpoint", Some(&metadata.token_endpoint)),
        ("jwks_uri", Some(&metadata.jwks_uri)),
        ("userinfo_endpoint", metadata.userinfo_endpoint.as_ref()),
        ("end_session_endpoint", metadata.end_session_endpoint.as_ref()),
    ];
    for (name, url) in always.into_iter().filter_map(|(name, url)| Some((name, url?))) {
        secure_url(url).map_err(|why| DiscoveryError::Endpoint { name, why, url: excerpt(url) })?;
    }
    Ok(metadata)
}

/// The issuer of every tenant of Microsoft.
const MICROSOFT: &str = "https://login.microsoftonline.com/{tenantid}/v2.0";

/// The issuer of one tenant.
pub(super) fn of_tenant(issuer: &str, tenant: &str) -> Option<String> {
    let is_id = tenant.len() == 36 && tenant.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_id.then(|| issuer.replace("{tenantid}", tenant))
}

/// The beginning of what somebody else has written, for a log.
pub(super) fn excerpt(text: &str) -> String {
    text.chars().take(200).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document() -> Value {
        json!({
            "issuer": "https://id.example",
            "authorization_endpoint": "https://id.example/auth",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://keys.example/jwks",
        })
    }

    fn refused(change: impl FnOnce(&mut Value)) -> String {
        let mut document = document();
        change(&mut document);
        read(document.to_string().as_bytes(), "https://id.example", &IssuerRule::Exact)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn believes_what_an_issuer_says_about_itself_alone() {
        let document = document().to_string();
        assert!(read(document.as_bytes(), "https://id.example", &IssuerRule::Exact).is_ok());
        for other in ["https://id.example/", "https://ID.example", "https://id.example.evil.example"] {
            assert!(read(document.as_bytes(), other, &IssuerRule::Exact).is_err(), "{other}");
        }
        let said = refused(|document| document["issuer"] = "https://evil.example\n".into());
        assert!(said.contains(r"`https://evil.example\n`, not of `https://id.example`"), "{said}");
    }

    #[test]
    fn sends_secrets_nowhere_in_the_clear() {
        for url in
            ["http://id.example/token", "ftp://id.example", "/token", "https://ann:x@id.example/token", ""]
        {
            let said = refused(|document| document["token_endpoint"] = url.into());
            assert!(said.contains("its `token_endpoint`"), "{said}");
        }
        let said = refused(|document| document["userinfo_endpoint"] = "http://id.example/me".into());
        assert!(said.contains("its `userinfo_endpoint` is not a URL with https"), "{said}");
    }

    #[test]
    fn says_what_is_missing() {
        let said = refused(|document| {
            document.as_object_mut().unwrap().remove("jwks_uri");
        });
        assert!(said.contains("missing field `jwks_uri`"), "{said}");
        for garbage in [&b"<html>"[..], b"", b"[]", b"{\"issuer\":", &[0xff; 64]] {
            assert!(read(garbage, "https://id.example", &IssuerRule::Exact).is_err());
        }
    }

    #[test]
    fn only_microsoft_has_many_tenants_in_one_document() {
        let mut document = document();
        document["issuer"] = MICROSOFT.into();
        let issuer = "https://login.microsoftonline.com/common/v2.0";
        let metadata = read(document.to_string().as_bytes(), issuer, &IssuerRule::AnyTenant).unwrap();
        let tenant = "3f2504e0-4f89-41d3-9a0c-0305e82c3301";
        let expected = "https://login.microsoftonline.com/3f2504e0-4f89-41d3-9a0c-0305e82c3301/v2.0";
        assert_eq!(of_tenant(&metadata.issuer, tenant).as_deref(), Some(expected));
        for tenant in ["", "common", "../evil", "3f2504e0-4f89-41d3-9a0c-0305e82c330/", "{tenantid}"] {
            assert_eq!(of_tenant(&metadata.issuer, tenant), None, "{tenant}");
        }
        document["issuer"] = issuer.into();
        assert!(read(document.to_string().as_bytes(), issuer, &IssuerRule::AnyTenant).is_err());
    }
}
