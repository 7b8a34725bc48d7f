//! `[auth.providers.<name>]`: with whom people may sign in.

use std::collections::BTreeMap;
use std::time::Duration;

use mainstay_core::config::{Problems, Secret, duration};
use serde::{Deserialize, Serialize};

use super::provider::{self, Provider};

/// A table for each provider, by the name that is part of its addresses.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ProvidersConfig(pub BTreeMap<String, ProviderConfig>);

/// `[auth.providers.<name>]`. A preset, an issuer, or the three endpoints of plain OAuth 2 say where the provider is.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderConfig {
    /// One that is known: `google`, `github`, `microsoft`, `gitlab` or `apple`.
    pub preset: Option<Preset>,
    /// The issuer of OpenID Connect, to the letter: `https://id.example`. Its endpoints are discovered there.
    pub issuer: Option<String>,
    /// Of the preset `microsoft`: a tenant, by its id, or `common`, `organizations` or `consumers`. Unless it is set: `common`.
    pub tenant: Option<String>,
    /// How the provider knows this application.
    pub client_id: String,
    /// Its secret there. Without one it is a public client, which proves itself by PKCE alone.
    pub client_secret: Option<Secret<String>>,
    /// Of the preset `apple`, in place of a secret: the key that client secrets are made with, the text of `AuthKey_….p8`.
    pub private_key: Option<Secret<String>>,
    /// Of the preset `apple`: the name of that key there.
    pub key_id: Option<String>,
    /// Of the preset `apple`: to whom the application belongs there.
    pub team_id: Option<String>,
    /// How it proves itself. Unless it is set: as the provider says, `basic` before `post`; `none` without a secret.
    pub client_authentication: Option<ClientAuthentication>,
    /// What people call it: `Company account`.
    pub label: Option<String>,
    /// What is asked for. Unless it is set: `openid`, `email` and `profile`, or what the preset needs.
    pub scopes: Option<Vec<String>>,
    /// What the provider shall ask for, whoever is signed in there already: `login`, `consent`, `select_account`.
    pub prompt: Option<String>,
    /// How long ago somebody may have proved there who they are. Older, and they have to do it again.
    #[serde(with = "duration::option")]
    pub max_age: Option<Duration>,
    /// Whether its addresses count as verified although it does not say so: for a provider that is your own.
    pub trust_email: bool,
    /// Whether tokens are kept, sealed, so that the application may call the provider for people later.
    pub keep_tokens: bool,
    /// Whether people may sign out there too.
    pub sign_out_there: bool,
    /// Where browsers are sent to sign in, instead of where the preset says. Without an issuer and a preset: plain OAuth 2.
    pub authorization_endpoint: Option<String>,
    /// The same for where codes are changed for tokens.
    pub token_endpoint: Option<String>,
    /// The same for where a profile is had.
    pub userinfo_endpoint: Option<String>,
    /// The same for where GitHub has addresses.
    pub emails_endpoint: Option<String>,
}

/// A provider that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Google.
    Google,
    /// GitHub: plain OAuth 2, and an API for the addresses.
    GitHub,
    /// Microsoft Entra, one tenant or many.
    Microsoft,
    /// gitlab.com, or an installation of one's own by its `issuer`.
    GitLab,
    /// Apple: client secrets are made with a key, and answers come as a form.
    Apple,
}

/// How the application proves to a provider which one it is (RFC 6749, 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClientAuthentication {
    /// `client_secret_basic`: a header.
    Basic,
    /// `client_secret_post`: in the body.
    Post,
    /// Not at all: a public client.
    None,
}

impl ProvidersConfig {
    /// Adds what is wrong.
    pub(crate) fn validate(&self, problems: &mut Problems) {
        for (name, config) in &self.0 {
            let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if name.is_empty() || name.len() > provider::LONGEST_NAME || !name.bytes().all(sound) {
                let message = format!(
                    "has a name that cannot be part of an address, or is longer than {} letters",
                    provider::LONGEST_NAME
                );
                problems.add(
                    &format!("providers.{name}"),
                    message,
                    Some("use lower-case letters, digits and `-`"),
                );
            }
            for fault in Provider::of(name, config).err().unwrap_or_default() {
                problems.add(&format!("providers.{name}.{}", fault.key), fault.message, fault.fix);
            }
        }
    }
}
