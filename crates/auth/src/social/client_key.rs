//! Client secrets that are made: Apple gives an application a key in place of one, and wants a token that is signed with it
//! (<https://developer.apple.com/documentation/accountorganizationaldatasharing/creating-a-client-secret>).
//!
//! It may be good for half a year. One is made for each call instead, and is good for five minutes: nothing has to be renewed, and one
//! that comes into a log is soon worth nothing.

use std::time::{Duration, SystemTime};

use mainstay_core::Result;
use mainstay_core::clock::unix_seconds;
use mainstay_core::config::Secret;
use serde_json::json;

use super::config::ProviderConfig;
use super::provider::{ConfigFault, fault};
use crate::jwt::{Algorithm, SigningKey};

const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The key, and whose it is.
#[derive(Debug)]
pub(crate) struct ClientKey {
    key: SigningKey,
    team: String,
}

impl ClientKey {
    /// The key of a table, or what is wrong with it.
    pub(super) fn of(config: &ProviderConfig, faults: &mut Vec<ConfigFault>) -> Option<Self> {
        let mut text = |key: &'static str, value: &Option<String>, fix: &'static str| {
            let sound = |text: &&String| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric());
            let found = value.as_ref().filter(sound).cloned();
            if found.is_none() {
                faults.push(fault(key, "is missing, or is none of Apple's ids", fix));
            }
            found
        };
        let team = text("team_id", &config.team_id, "copy it from your membership at Apple: ten signs");
        let id = text("key_id", &config.key_id, "copy it from the page of the key at Apple: ten signs");
        let pem = config.private_key.as_ref().map_or("", |pem| pem.expose());
        let key = SigningKey::from_pem(Algorithm::Es256, pem);
        if key.is_err() {
            let fix = "put the text of `AuthKey_….p8` into the credentials: `credentials edit`";
            faults.push(fault("private_key", "is missing, or is no key for ES256 in PEM", fix));
        }
        Some(Self { key: key.ok()?.named(&id?), team: team? })
    }

    /// A client secret of this application for this issuer.
    pub(super) fn secret(&self, client: &str, issuer: &str, now: SystemTime) -> Result<Secret<String>> {
        let now = unix_seconds(now);
        let claims = json!({
            "iss": self.team,
            "sub": client,
            "aud": issuer,
            "iat": now,
            "exp": now + LIFETIME.as_secs(),
        });
        self.key.sign("JWT", &claims).map(Secret::new)
    }
}
