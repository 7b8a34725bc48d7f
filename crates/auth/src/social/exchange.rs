//! The token endpoint: a code for tokens, and a refresh token for new ones (RFC 6749, 4.1.3 and 6).
//!
//! What comes back is read by hand: an error that quoted it would bring tokens into a log.

use std::time::{Duration, SystemTime};

use http::header;
use mainstay_core::keys::base64;
use mainstay_core::{Error, Result, StatusCode};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::config::ClientAuthentication;
use super::discovery::{Metadata, excerpt};
use super::remote::Remote;

/// How long a token may be: it goes into a header, and into the database.
const LONGEST: usize = 16 * 1024;

/// What the endpoint gave. It never shows itself.
pub(super) struct Granted {
    pub(super) access_token: String,
    pub(super) expires_at: Option<SystemTime>,
    pub(super) refresh_token: Option<String>,
    pub(super) id_token: Option<String>,
}

/// Why it gave nothing.
pub(super) enum Ungranted {
    /// The code or the refresh token is not good, or not any more.
    Refused(String),
    /// It cannot be asked, or gives what makes no sense.
    Failed(Error),
}

impl From<Error> for Ungranted {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Remote {
    /// Tokens for a code.
    pub(super) async fn redeem(
        &self,
        metadata: &Metadata,
        code: &str,
        (verifier, redirect_uri): (&str, &str),
    ) -> Result<Granted, Ungranted> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        self.grant(metadata, &form).await
    }

    /// New tokens for a refresh token.
    pub(super) async fn refresh(
        &self,
        metadata: &Metadata,
        refresh_token: &str,
    ) -> Result<Granted, Ungranted> {
        self.grant(metadata, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)]).await
    }

    async fn grant(&self, metadata: &Metadata, form: &[(&str, &str)]) -> Result<Granted, Ungranted> {
        let provider = &self.provider;
        let mut form = form.to_vec();
        let secret = provider.secret(self.clock().now())?;
        let secret = secret.expose();
        let authentication = self.authentication(metadata);
        let mut request = self.post(&metadata.token_endpoint).any_status();
        match authentication {
            ClientAuthentication::Basic => {
                request = request.header(header::AUTHORIZATION, basic(&provider.client_id, secret));
            }
            ClientAuthentication::Post => {
                form.extend([("client_id", &*provider.client_id), ("client_secret", secret)]);
            }
            ClientAuthentication::None => form.push(("client_id", &provider.client_id)),
        }
        // GitHub answers with a form unless it is asked for JSON.
        let request = request.header(header::ACCEPT, "application/json").form(&form);
        let answer = request.send().await.map_err(|error| self.unreachable(error))?;
        let is_good = answer.status().is_success();
        if answer.status().is_server_error() {
            let error =
                Error::new(StatusCode::BAD_GATEWAY, "").context(format!("it answered {}", answer.status()));
            return Err(self.unreachable(error).into());
        }
        let object = self.object(&answer)?;
        // GitHub says no with the status 200.
        if let Some(code) = object.get("error").and_then(Value::as_str) {
            return Err(self.said_no(code, &object));
        }
        if !is_good {
            return Err(self
                .untrusted(format_args!("it answered {}, without an error", answer.status()))
                .into());
        }
        Ok(self.granted(&object)?)
    }

    fn authentication(&self, metadata: &Metadata) -> ClientAuthentication {
        let provider = &self.provider;
        match (provider.authentication, &provider.client_secret) {
            (Some(authentication), _) => authentication,
            (None, None) => ClientAuthentication::None,
            (None, Some(_)) => match &metadata.token_endpoint_auth_methods_supported {
                Some(methods) if !methods.iter().any(|method| method == "client_secret_basic") => {
                    ClientAuthentication::Post
                }
                // Unless it says otherwise (OpenID Connect Discovery 1.0, 3).
                _ => ClientAuthentication::Basic,
            },
        }
    }

    fn said_no(&self, code: &str, object: &Map<String, Value>) -> Ungranted {
        let description = object.get("error_description").and_then(Value::as_str).unwrap_or_default();
        let said = format!("`{}` {}", excerpt(code), excerpt(description));
        match code {
            "invalid_grant" | "bad_verification_code" | "bad_refresh_token" => Ungranted::Refused(said),
            _ => {
                let table = format!("[auth.providers.{}]", self.provider.name);
                let keys = match &self.provider.client_key {
                    Some(_) => "`client_id`, `team_id`, `key_id` and `private_key`",
                    None => "`client_id`, `client_secret` and `client_authentication`",
                };
                let message = format!(
                    "Signing in with {} does not work right now: it is not set up rightly here.",
                    self.provider.label
                );
                let error = Error::new(StatusCode::BAD_GATEWAY, message).code("provider_misconfigured");
                Ungranted::Failed(error.context(format!(
                    "the provider says no to this application: {said}; see {keys} in {table}, and the redirect address that is \
                     registered there"
                )))
            }
        }
    }

    fn granted(&self, object: &Map<String, Value>) -> Result<Granted> {
        let text = |name: &str| match object.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text))
                if text.len() <= LONGEST && text.bytes().all(|byte| (0x21..0x7f).contains(&byte)) =>
            {
                Ok(Some(text.clone()))
            }
            Some(_) => Err(self.untrusted(format_args!("its `{name}` is not a token"))),
        };
        let access_token =
            text("access_token")?.ok_or_else(|| self.untrusted("it gave no `access_token`"))?;
        let kind = object.get("token_type").and_then(Value::as_str).unwrap_or("bearer");
        if !kind.eq_ignore_ascii_case("bearer") {
            return Err(self.untrusted(format_args!("its tokens are of the type `{}`", excerpt(kind))));
        }
        // Some write the number as a text.
        let seconds = match object.get("expires_in") {
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.parse().ok(),
            _ => None,
        };
        Ok(Granted {
            access_token,
            expires_at: seconds
                .and_then(|seconds| self.clock().now().checked_add(Duration::from_secs(seconds))),
            refresh_token: text("refresh_token")?,
            id_token: text("id_token")?,
        })
    }
}

/// `Basic …`, from both as a form writes them (RFC 6749, 2.3.1), marked so that no log shows it.
fn basic(id: &str, secret: &str) -> http::HeaderValue {
    let escaped = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = format!("{}:{}", escaped(id), escaped(secret));
    // Letters, digits, `+`, `/` and `=` alone.
    let mut value = http::HeaderValue::try_from(format!("Basic {}", base64::encode(pair.as_bytes())))
        .unwrap_or_else(|_| http::HeaderValue::from_static("Basic"));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_client_and_secret_as_a_form_does_before_it_encodes_them() {
        // RFC 6749 writes `s6BhdRkqt3:7Fjfp0ZBr1KtDRbnfVdmIw` so.
        let value = basic("s6BhdRkqt3", "7Fjfp0ZBr1KtDRbnfVdmIw");
        assert_eq!(value.to_str().unwrap(), "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3");
        assert!(value.is_sensitive());
        // `a+b%3Ac:d%2Fe` in base64.
        assert_eq!(basic("a b:c", "d/e").to_str().unwrap(), "Basic YStiJTNBYzpkJTJGZQ==");
    }
}
