//! The id token (OpenID Connect Core 1.0, 3.1.3.7): who signed it, for whom, when, and in answer to what.

use std::time::{Duration, UNIX_EPOCH};

use mainstay_core::Result;
use mainstay_core::keys::{base64url, sha256};
use ring::digest::{Algorithm, SHA256, SHA384, SHA512, digest};
use serde_json::{Map, Value};

use super::discovery::{Metadata, of_tenant};
use super::provider::{IssuerRule, Protocol};
use super::remote::{Remote, SOON};
use crate::jwt::{JwtError, Verifier};

/// How far its clock and ours may be apart.
const LEEWAY: Duration = Duration::from_secs(60);
/// Some providers list all groups of a person in it.
const LONGEST: usize = 16 * 1024;

/// What a token has to answer.
pub(super) struct Asked<'a> {
    pub(super) nonce: &'a str,
    pub(super) access_token: &'a str,
}

/// What it says about somebody.
pub(super) struct Said {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) claims: Map<String, Value>,
}

/// What is wrong with it, beyond what is wrong with any token.
#[derive(Debug, thiserror::Error)]
enum IdTokenError {
    #[error("its id token is refused: {0}")]
    Token(#[from] JwtError),
    #[error("its id token is of no tenant")]
    Tenant,
    #[error("its id token has no `{0}`")]
    Missing(&'static str),
    #[error("its id token answers another request: the nonce differs")]
    Nonce,
    #[error("its id token was made for another party (`azp`)")]
    Party,
    #[error("its id token belongs to another access token (`at_hash`)")]
    AccessToken,
    #[error("its id token says that somebody proved who they are too long ago (`auth_time`)")]
    TooLongAgo,
}

impl Remote {
    /// What an id token says, if it is one for us, made now, in answer to our request.
    pub(super) async fn read_id_token(
        &self,
        metadata: &Metadata,
        token: &str,
        asked: &Asked<'_>,
    ) -> Result<Said> {
        let issuer = self.issuer(metadata, token).map_err(|why| self.untrusted(why))?;
        let verifier = Verifier::new(&issuer, &self.provider.client_id).leeway(LEEWAY).max_length(LONGEST);
        let now = self.clock().now();
        let keys = self.keys(&metadata.jwks_uri, None).await?;
        let mut verified = verifier.verify(token, &keys, now);
        if verified == Err(JwtError::UnknownKey) {
            // It may be new. Whoever makes names up finds that nobody is asked twice in a minute.
            let keys = self.keys(&metadata.jwks_uri, Some(SOON)).await?;
            verified = verifier.verify(token, &keys, now);
        }
        let claims = verified.map_err(|why| self.untrusted(IdTokenError::Token(why)))?;
        self.answers(claims.all(), token, asked).map_err(|why| self.untrusted(why))?;
        let subject =
            claims.subject().ok_or_else(|| self.untrusted(IdTokenError::Missing("sub")))?.to_owned();
        Ok(Said { issuer, subject, claims: claims.all().clone() })
    }

    /// Who has to have made it. What a token says of its tenant is not believed by this: it has to be signed, and to name the
    /// issuer that follows from it.
    fn issuer(&self, metadata: &Metadata, token: &str) -> Result<String, IdTokenError> {
        match &self.provider.protocol {
            Protocol::OpenId { rule: IssuerRule::AnyTenant, .. } => {
                let claims = token.split('.').nth(1).and_then(base64url::decode);
                let claims: Option<Value> = claims.and_then(|claims| serde_json::from_slice(&claims).ok());
                let tenant = claims.as_ref().and_then(|claims| claims.get("tid")?.as_str());
                of_tenant(&metadata.issuer, tenant.ok_or(IdTokenError::Tenant)?).ok_or(IdTokenError::Tenant)
            }
            _ => Ok(metadata.issuer.clone()),
        }
    }

    fn answers(
        &self,
        claims: &Map<String, Value>,
        token: &str,
        asked: &Asked<'_>,
    ) -> Result<(), IdTokenError> {
        let text = |name: &'static str| claims.get(name).and_then(Value::as_str);
        if !claims.contains_key("iat") {
            return Err(IdTokenError::Missing("iat"));
        }
        let nonce = text("nonce").ok_or(IdTokenError::Missing("nonce"))?;
        if !sha256::is_same(nonce.as_bytes(), asked.nonce.as_bytes()) {
            return Err(IdTokenError::Nonce);
        }
        let is_for_many = claims.get("aud").and_then(Value::as_array).is_some_and(|all| all.len() > 1);
        match claims.get("azp") {
            None if is_for_many => return Err(IdTokenError::Missing("azp")),
            Some(party) if *party != *self.provider.client_id => return Err(IdTokenError::Party),
            _ => {}
        }
        if let Some(hash) = claims.get("at_hash")
            && Some(access_token_hash(token, asked.access_token)).as_deref() != hash.as_str()
        {
            return Err(IdTokenError::AccessToken);
        }
        if let Some(most) = self.provider.max_age {
            let at =
                claims.get("auth_time").and_then(Value::as_f64).ok_or(IdTokenError::Missing("auth_time"))?;
            let now = self.clock().now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
            if now - at > most as f64 + LEEWAY.as_secs_f64() {
                return Err(IdTokenError::TooLongAgo);
            }
        }
        Ok(())
    }
}

/// The first half of the hash that goes with the signature (3.1.3.6).
fn access_token_hash(id_token: &str, access_token: &str) -> String {
    let header = id_token.split('.').next().and_then(base64url::decode);
    let header: Option<Value> = header.and_then(|header| serde_json::from_slice(&header).ok());
    let name = header.as_ref().and_then(|header| header.get("alg")?.as_str()).unwrap_or_default();
    let algorithm: &'static Algorithm = match name {
        "EdDSA" | "Ed25519" => &SHA512,
        name if name.ends_with("512") => &SHA512,
        name if name.ends_with("384") => &SHA384,
        _ => &SHA256,
    };
    let hash = digest(algorithm, access_token.as_bytes());
    base64url::encode(&hash.as_ref()[..hash.as_ref().len() / 2])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use mainstay_core::clock::TestClock;
    use mainstay_outbound::{Client, http};
    use serde_json::json;

    use super::*;
    use crate::jwt::{Algorithm as Signature, KeySet, SigningKey};
    use crate::social::config::{Preset, ProviderConfig};
    use crate::social::provider::{OAuthEndpoints, Provider};

    #[test]
    fn hashes_an_access_token_as_the_example_of_the_standard_has_it() {
        // OpenID Connect Core 1.0, A.3.
        let header = base64url::encode(br#"{"alg":"RS256"}"#);
        let hash = access_token_hash(&header, "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
        assert_eq!(hash, "77QmUPtjPfzWtF2AnpK9RQ");
    }

    #[tokio::test]
    async fn each_tenant_of_many_speaks_for_itself_alone() {
        let key = SigningKey::generate(Signature::Es256).unwrap();
        let keys = KeySet::of([key.public().clone()]).unwrap().to_jwks().to_string();
        let client = Client::answering(move |_| http::Response::new(keys.clone().into()));
        let config = ProviderConfig {
            preset: Some(Preset::Microsoft),
            client_id: "shop".to_owned(),
            client_secret: Some("secret".to_owned().into()),
            ..ProviderConfig::default()
        };
        let provider = Provider::of("microsoft", &config).unwrap();
        let remote = Remote::new(provider, client, Arc::new(TestClock::default()));
        let nowhere = OAuthEndpoints {
            authorization: String::new(),
            token: String::new(),
            userinfo: String::new(),
            emails: None,
        };
        let metadata = Metadata {
            issuer: "https://login.microsoftonline.com/{tenantid}/v2.0".to_owned(),
            jwks_uri: "http://stub/keys".to_owned(),
            ..Metadata::of_oauth(&nowhere)
        };
        let read = async |tenant: Option<&str>, issuer: &str| {
            let now = remote.clock().now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let claims = json!({
                "iss": format!("https://login.microsoftonline.com/{issuer}/v2.0"),
                "tid": tenant, "aud": "shop", "sub": "ann", "nonce": "n", "iat": now, "exp": now + 60,
            });
            let token = key.sign("JWT", &claims).unwrap();
            remote.read_id_token(&metadata, &token, &Asked { nonce: "n", access_token: "a" }).await
        };
        let (one, other) = ("3f2504e0-4f89-41d3-9a0c-0305e82c3301", "3f2504e0-4f89-41d3-9a0c-0305e82c3302");
        let said = read(Some(one), one).await.ok().unwrap();
        assert_eq!(said.issuer, format!("https://login.microsoftonline.com/{one}/v2.0"));
        for (tenant, issuer) in
            [(Some(one), other), (None, one), (Some("{tenantid}"), "{tenantid}"), (Some(".."), "..")]
        {
            let error = read(tenant, issuer).await.err().unwrap();
            assert_eq!(error.machine_code(), "provider_untrusted", "{tenant:?} {issuer}");
        }
    }
}
