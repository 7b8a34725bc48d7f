//! Who somebody is, from the tokens that a provider gave: by the id token, and by what its API says beside it.

use http::header;
use mainstay_core::Result;
use mainstay_outbound::Answer;
use serde_json::{Map, Value};

use super::discovery::Metadata;
use super::exchange::Granted;
use super::id_token::{Asked, Said};
use super::profile::SocialProfile;
use super::provider::Protocol;
use super::remote::Remote;

/// What a token says of itself, and not of somebody.
const OF_THE_TOKEN: [&str; 11] =
    ["aud", "azp", "at_hash", "c_hash", "exp", "iat", "iss", "jti", "nbf", "nonce", "sid"];
/// What says that an address is verified. It holds for the address beside it alone.
const VERIFIED: [&str; 2] = ["email_verified", "xms_edov"];

impl Remote {
    /// Whose tokens these are.
    pub(super) async fn profile(
        &self,
        metadata: &Metadata,
        granted: &Granted,
        nonce: &str,
    ) -> Result<SocialProfile> {
        let (issuer, subject, claims) = match &self.provider.protocol {
            Protocol::OpenId { .. } => {
                let token = granted.id_token.as_deref();
                let token = token.ok_or_else(|| self.untrusted("it gave no `id_token`"))?;
                let asked = Asked { nonce, access_token: &granted.access_token };
                let said = self.read_id_token(metadata, token, &asked).await?;
                self.completed(metadata, granted, said).await?
            }
            Protocol::OAuth { issuer, endpoints } => {
                let token = &granted.access_token;
                let mut claims = self.ask(&endpoints.userinfo, token).await?;
                let subject = match claims.get("sub").or_else(|| claims.get("id")) {
                    Some(Value::String(id)) => id.clone(),
                    Some(Value::Number(id)) if id.is_u64() => id.to_string(),
                    _ => return Err(self.untrusted("its profile has neither `sub` nor `id`")),
                };
                if let Some(url) = &endpoints.emails {
                    // The address of the profile is one to show, and proved to nobody.
                    claims.retain(|name, _| name != "email" && !VERIFIED.contains(&&**name));
                    if let Some(email) = self.verified_email(url, token).await? {
                        claims.insert("email".to_owned(), email.into());
                        claims.insert("email_verified".to_owned(), true.into());
                    }
                }
                (issuer.clone(), subject, claims)
            }
        };
        let rule = (&*self.provider.name, self.provider.email);
        SocialProfile::of(rule, &issuer, &subject, claims)
            .ok_or_else(|| self.untrusted("issuer or subject are empty, or longer than 255 bytes"))
    }

    /// An id token with what the provider keeps out of it.
    async fn completed(
        &self,
        metadata: &Metadata,
        granted: &Granted,
        said: Said,
    ) -> Result<(String, String, Map<String, Value>)> {
        let Said { issuer, subject, mut claims } = said;
        claims.retain(|name, _| !OF_THE_TOKEN.contains(&&**name));
        let Some(url) = metadata.userinfo_endpoint.as_ref().filter(|_| !claims.contains_key("email")) else {
            return Ok((issuer, subject, claims));
        };
        let mut all = self.ask(url, &granted.access_token).await?;
        // Anybody's token may have been put in the place of ours (OpenID Connect Core 1.0, 5.3.2).
        if all.get("sub").and_then(Value::as_str) != Some(&*subject) {
            return Err(self.untrusted("its profile is of another subject than its id token"));
        }
        claims.retain(|name, _| !VERIFIED.contains(&&**name));
        all.extend(claims);
        Ok((issuer, subject, all))
    }

    async fn ask(&self, url: &str, access_token: &str) -> Result<Map<String, Value>> {
        let answer = self.answer(url, access_token).await?;
        let kind = answer.header("content-type").unwrap_or_default();
        if kind.starts_with("application/jwt") {
            return Err(
                self.untrusted("its profile is a signed token, which is not read: ask there for JSON")
            );
        }
        self.object(&answer)
    }

    async fn answer(&self, url: &str, access_token: &str) -> Result<Answer> {
        let request = self.get(url).bearer(access_token).header(header::ACCEPT, "application/json");
        request.send().await.map_err(|error| self.unreachable(error))
    }

    /// The address that GitHub calls both primary and verified.
    async fn verified_email(&self, url: &str, access_token: &str) -> Result<Option<String>> {
        let answer = self.answer(url, access_token).await?;
        let Ok(Value::Array(all)) = serde_json::from_slice(answer.bytes()) else {
            return Err(self.untrusted("its list of addresses is no list"));
        };
        let is = |address: &Value, what: &str| address.get(what).and_then(Value::as_bool) == Some(true);
        let primary = all.iter().find(|address| is(address, "primary") && is(address, "verified"));
        Ok(primary.and_then(|address| address.get("email")?.as_str()).map(str::to_owned))
    }
}
