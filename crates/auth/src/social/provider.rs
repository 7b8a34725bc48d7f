//! A provider, as its table and its preset say.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use mainstay_core::Result;
use mainstay_core::config::Secret;
use mainstay_outbound::is_this_machine;
use url::Url;

use super::client_key::ClientKey;
use super::config::{ClientAuthentication, Preset, ProviderConfig};

/// How long the name of a provider may be.
pub(super) const LONGEST_NAME: usize = 40;

/// A provider. Where a thing is discovered, it is not in here.
#[derive(Clone, Debug)]
pub(crate) struct Provider {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) protocol: Protocol,
    pub(crate) client_id: String,
    pub(crate) client_secret: Option<Secret<String>>,
    /// What client secrets are made with, where there is no such secret.
    pub(crate) client_key: Option<Arc<ClientKey>>,
    pub(crate) authentication: Option<ClientAuthentication>,
    pub(crate) scopes: Vec<String>,
    /// What else the request for a code says.
    pub(crate) extra: Vec<(&'static str, String)>,
    pub(crate) max_age: Option<u64>,
    /// Whether its answers come as a form.
    pub(crate) form_post: bool,
    pub(crate) email: EmailRule,
    pub(crate) keep_tokens: bool,
    pub(crate) sign_out_there: bool,
}

/// What a provider speaks.
#[derive(Clone, Debug)]
pub(crate) enum Protocol {
    /// OpenID Connect: endpoints are discovered, and there are id tokens.
    OpenId {
        /// Where the document of the endpoints is found.
        issuer: String,
        rule: IssuerRule,
    },
    /// OAuth 2 alone: an API says who somebody is.
    OAuth {
        /// What stands for an issuer in the table of identities.
        issuer: String,
        endpoints: OAuthEndpoints,
    },
}

/// Who may have made an id token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum IssuerRule {
    /// The issuer that was discovered, to the letter.
    Exact,
    /// Any tenant: the discovered one has `{tenantid}` in it, and a token says which one it is of by its claim `tid`.
    AnyTenant,
}

#[derive(Clone, Debug)]
pub(crate) struct OAuthEndpoints {
    pub(crate) authorization: String,
    pub(crate) token: String,
    pub(crate) userinfo: String,
    pub(crate) emails: Option<String>,
}

/// When an address counts as verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EmailRule {
    /// When `email_verified` says so.
    Claimed,
    /// When `xms_edov` does: what Microsoft's tenants say of addresses is not proved to anybody otherwise.
    DomainOwner,
    /// Always: the provider is the owner's own.
    Trusted,
}

/// What is wrong with a table.
#[derive(Debug)]
pub(crate) struct ConfigFault {
    pub(crate) key: &'static str,
    pub(crate) message: String,
    pub(crate) fix: Option<&'static str>,
}

pub(super) fn fault(key: &'static str, message: impl Into<String>, fix: &'static str) -> ConfigFault {
    ConfigFault { key, message: message.into(), fix: Some(fix) }
}

/// A tenant that is every tenant, or every one of a kind.
const MANY_TENANTS: [&str; 2] = ["common", "organizations"];

impl Provider {
    /// The provider of this table, or everything that is wrong with it.
    pub(crate) fn of(name: &str, config: &ProviderConfig) -> Result<Self, Vec<ConfigFault>> {
        let mut faults = Vec::new();
        if config.client_id.trim().is_empty() {
            faults.push(fault("client_id", "is missing", "register the application with the provider"));
        }
        if config.tenant.is_some() && config.preset != Some(Preset::Microsoft) {
            faults.push(fault("tenant", "means something for the preset `microsoft` alone", "take it out"));
        }
        let has_secret = config.client_secret.as_ref().is_some_and(|secret| !secret.expose().is_empty());
        let asks_for_secret =
            !matches!(config.client_authentication, None | Some(ClientAuthentication::None));
        if asks_for_secret && !has_secret {
            faults.push(fault(
                "client_secret",
                "is missing, and `client_authentication` needs it",
                "put it into the credentials: `credentials edit`",
            ));
        }
        let is_apple = config.preset == Some(Preset::Apple);
        let client_key = match is_apple {
            true => apple(config, has_secret, &mut faults),
            false => no_key(config, &mut faults),
        };
        if config.preset.is_some_and(|preset| preset != Preset::GitLab) && !is_apple && !has_secret {
            faults.push(fault(
                "client_secret",
                "is missing, and this provider asks for it",
                "put it into the credentials: `credentials edit`",
            ));
        }
        let protocol = protocol(config, &mut faults);
        if config.trust_email
            && matches!(protocol, Some(Protocol::OpenId { rule: IssuerRule::AnyTenant, .. }))
        {
            faults.push(fault(
                "trust_email",
                "would let every tenant say who has which address",
                "take it out, or set `tenant` to your own",
            ));
        }
        let (Some(protocol), true) = (protocol, faults.is_empty()) else { return Err(faults) };
        let is_openid = matches!(protocol, Protocol::OpenId { .. });
        let defaults: &[&str] = match config.preset {
            Some(Preset::GitHub) => &["read:user", "user:email"],
            Some(Preset::Apple) => &["openid", "email", "name"],
            _ if is_openid => &["openid", "email", "profile"],
            _ => &[],
        };
        let mut scopes =
            config.scopes.clone().unwrap_or_else(|| defaults.iter().map(|&scope| scope.to_owned()).collect());
        if is_openid && !scopes.iter().any(|scope| scope == "openid") {
            scopes.insert(0, "openid".to_owned());
        }
        let mut extra = Vec::new();
        let mut prompt = config.prompt.clone();
        if is_apple {
            // Whoever asks there for an address or a name is answered so alone.
            extra.push(("response_mode", "form_post".to_owned()));
        }
        if config.keep_tokens {
            match config.preset {
                // It gives a refresh token always, and knows no scope for it.
                Some(Preset::Apple) => {}
                // Google gives a refresh token only when it has asked again.
                Some(Preset::Google) => {
                    extra.push(("access_type", "offline".to_owned()));
                    prompt = prompt.or_else(|| Some("consent".to_owned()));
                }
                _ if is_openid && !scopes.iter().any(|scope| scope == "offline_access") => {
                    scopes.push("offline_access".to_owned());
                    // Without a question, providers need not give one (OpenID Connect Core 1.0, 11).
                    prompt = prompt.or_else(|| Some("consent".to_owned()));
                }
                _ => {}
            }
        }
        extra.extend(prompt.map(|prompt| ("prompt", prompt)));
        let label = match config.preset {
            Some(Preset::Google) => "Google",
            Some(Preset::GitHub) => "GitHub",
            Some(Preset::Microsoft) => "Microsoft",
            Some(Preset::GitLab) => "GitLab",
            Some(Preset::Apple) => "Apple",
            None => name,
        };
        Ok(Self {
            name: name.to_owned(),
            label: config.label.clone().unwrap_or_else(|| label.to_owned()),
            protocol,
            client_id: config.client_id.clone(),
            client_secret: config.client_secret.clone().filter(|_| has_secret),
            client_key: client_key.map(Arc::new),
            authentication: match is_apple {
                true => Some(ClientAuthentication::Post),
                false => config.client_authentication,
            },
            scopes,
            extra,
            max_age: config.max_age.map(|age| age.as_secs()),
            form_post: is_apple,
            email: match config.preset {
                _ if config.trust_email => EmailRule::Trusted,
                Some(Preset::Microsoft) => EmailRule::DomainOwner,
                _ => EmailRule::Claimed,
            },
            keep_tokens: config.keep_tokens,
            sign_out_there: config.sign_out_there,
        })
    }

    /// Where people set out for it.
    pub(crate) fn address(&self) -> String {
        format!("/account/login/{}", self.name)
    }

    /// Where its answers come back to.
    pub(crate) fn callback(&self) -> String {
        format!("{}/callback", self.address())
    }

    /// What it proves itself by now.
    pub(crate) fn secret(&self, now: SystemTime) -> Result<Cow<'_, Secret<String>>> {
        match (&self.client_key, &self.protocol) {
            (Some(key), Protocol::OpenId { issuer, .. }) => {
                key.secret(&self.client_id, issuer, now).map(Cow::Owned)
            }
            _ => Ok(self.client_secret.as_ref().map_or_else(Cow::default, Cow::Borrowed)),
        }
    }
}

/// The key that Apple asks for, and what else means nothing there.
fn apple(config: &ProviderConfig, has_secret: bool, faults: &mut Vec<ConfigFault>) -> Option<ClientKey> {
    let unknown = [
        ("client_secret", has_secret, "is made of `private_key` for Apple"),
        (
            "client_authentication",
            config.client_authentication.is_some(),
            "is the same for everybody at Apple",
        ),
    ];
    for (key, _, why) in unknown.into_iter().filter(|(_, is_set, _)| *is_set) {
        faults.push(fault(key, why, "take it out"));
    }
    ClientKey::of(config, faults)
}

fn no_key(config: &ProviderConfig, faults: &mut Vec<ConfigFault>) -> Option<ClientKey> {
    let of_apple = [
        ("private_key", config.private_key.is_some()),
        ("key_id", config.key_id.is_some()),
        ("team_id", config.team_id.is_some()),
    ];
    for (key, _) in of_apple.into_iter().filter(|(_, is_set)| *is_set) {
        faults.push(fault(key, "means something for the preset `apple` alone", "take it out"));
    }
    None
}

fn protocol(config: &ProviderConfig, faults: &mut Vec<ConfigFault>) -> Option<Protocol> {
    if config.preset == Some(Preset::GitHub) {
        return oauth(config, GITHUB, faults);
    }
    let (issuer, rule) = match (config.preset, &config.issuer) {
        (_, Some(issuer)) => (issuer.clone(), IssuerRule::Exact),
        (Some(Preset::Google), None) => ("https://accounts.google.com".to_owned(), IssuerRule::Exact),
        (Some(Preset::GitLab), None) => ("https://gitlab.com".to_owned(), IssuerRule::Exact),
        (Some(Preset::Apple), None) => ("https://appleid.apple.com".to_owned(), IssuerRule::Exact),
        (Some(Preset::Microsoft), None) => {
            let tenant = config.tenant.as_deref().unwrap_or("common");
            if tenant.is_empty() || !tenant.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                faults.push(fault(
                    "tenant",
                    "is neither an id nor `common`, `organizations` or `consumers`",
                    "copy the id of the directory",
                ));
                return None;
            }
            let rule = if MANY_TENANTS.contains(&tenant) { IssuerRule::AnyTenant } else { IssuerRule::Exact };
            // Personal accounts are a tenant like others, whose issuer has its id.
            let tenant = if tenant == "consumers" { PERSONAL } else { tenant };
            (format!("https://login.microsoftonline.com/{tenant}/v2.0"), rule)
        }
        (Some(Preset::GitHub), None) | (None, None) => return oauth(config, OWN, faults),
    };
    let endpoints = [
        ("authorization_endpoint", &config.authorization_endpoint),
        ("token_endpoint", &config.token_endpoint),
        ("userinfo_endpoint", &config.userinfo_endpoint),
        ("emails_endpoint", &config.emails_endpoint),
    ];
    for (key, _) in endpoints.into_iter().filter(|(_, endpoint)| endpoint.is_some()) {
        faults.push(fault(
            key,
            "is for plain OAuth 2: an issuer says where its endpoints are",
            "take it out",
        ));
    }
    url("issuer", &issuer, faults)?;
    Some(Protocol::OpenId { issuer, rule })
}

/// The tenant of Microsoft's personal accounts.
const PERSONAL: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

/// What a provider of plain OAuth 2 has unless its table says otherwise.
struct Usual {
    issuer: Option<&'static str>,
    authorization: Option<&'static str>,
    token: Option<&'static str>,
    userinfo: Option<&'static str>,
    emails: Option<&'static str>,
}

const GITHUB: Usual = Usual {
    issuer: Some("https://github.com"),
    authorization: Some("https://github.com/login/oauth/authorize"),
    token: Some("https://github.com/login/oauth/access_token"),
    userinfo: Some("https://api.github.com/user"),
    emails: Some("https://api.github.com/user/emails"),
};

const OWN: Usual = Usual { issuer: None, authorization: None, token: None, userinfo: None, emails: None };

fn oauth(config: &ProviderConfig, usual: Usual, faults: &mut Vec<ConfigFault>) -> Option<Protocol> {
    if config.issuer.is_some() {
        faults.push(fault("issuer", "is for OpenID Connect, which GitHub does not speak", "take it out"));
        return None;
    }
    let mut endpoint = |key: &'static str, own: &Option<String>, usual: Option<&str>| {
        let Some(endpoint) = own.clone().or_else(|| usual.map(str::to_owned)) else {
            faults.push(fault(
                key,
                "is missing, and neither a `preset` nor an `issuer` says where the provider is",
                "set `issuer` for OpenID Connect, or all three endpoints for plain OAuth 2",
            ));
            return None;
        };
        url(key, &endpoint, faults).map(|url| (endpoint, url))
    };
    let authorization =
        endpoint("authorization_endpoint", &config.authorization_endpoint, usual.authorization);
    let token = endpoint("token_endpoint", &config.token_endpoint, usual.token);
    let userinfo = endpoint("userinfo_endpoint", &config.userinfo_endpoint, usual.userinfo);
    let emails = match (&config.emails_endpoint, usual.emails) {
        (None, None) => None,
        (own, usual) => Some(endpoint("emails_endpoint", own, usual)?.0),
    };
    let (authorization, at) = authorization?;
    let issuer = match (usual.issuer, &config.authorization_endpoint) {
        (Some(issuer), None) => issuer.to_owned(),
        // Another installation has other accounts of the same numbers.
        _ => at.origin().ascii_serialization(),
    };
    let endpoints = OAuthEndpoints { authorization, token: token?.0, userinfo: userinfo?.0, emails };
    Some(Protocol::OAuth { issuer, endpoints })
}

fn url(key: &'static str, text: &str, faults: &mut Vec<ConfigFault>) -> Option<Url> {
    match secure_url(text) {
        Ok(url) => Some(url),
        Err(why) => {
            faults.push(fault(key, why, "write it as the provider does: https://…"));
            None
        }
    }
}

/// The URL of this text, if secrets may be sent there: by https, or without leaving this machine.
pub(crate) fn secure_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "is not a URL")?;
    let is_local = url.host().is_some_and(|host| is_this_machine(&host));
    match url.scheme() {
        "https" => {}
        "http" if is_local => {}
        _ => return Err("is not a URL with https"),
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err("has credentials or a fragment in it");
    }
    Ok(url)
}
