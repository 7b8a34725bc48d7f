//! `SocialLogin`: every provider of the application, and the ways to one and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use mainstay_core::clock::Clock;
use mainstay_core::keys::{Keys, Purpose};
use mainstay_core::random::Random;
use mainstay_core::{Error, Inject, Result, StatusCode};
use mainstay_db::Db;
use mainstay_http::{Cookies, Exchange, HttpConfig, SetCookie};
use mainstay_store::{Quota, Store};
use serde::{Deserialize, Serialize};
use url::Url;

use super::access::KeptTokens;
use super::attempt::{self, Attempt};
use super::discovery::{Metadata, excerpt};
use super::exchange::{Granted, Ungranted};
use super::form_post;
use super::profile::SocialProfile;
use super::provider::{Protocol, Provider};
use super::remote::{IdentityProviders, Remote};
use crate::attempts::Attempts;
use crate::buttons::{SignInButton, SignInButtons};
use crate::passwords::AuthConfig;

/// Signs in by the providers of `[auth.providers]`, and calls them for people later. Injectable.
pub struct SocialLogin {
    remotes: BTreeMap<String, Arc<Remote>>,
    attempts: Inject<Attempts>,
    public_url: Option<String>,
    pub(super) clock: Inject<dyn Clock>,
    random: Inject<dyn Random>,
    purpose: Purpose,
    pub(super) answers: Purpose,
    pub(super) kept: KeptTokens,
}

/// What a provider answers by way of the browser.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) state: Option<String>,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
    /// All of it, where it came as a form: see [`form_post`].
    #[serde(rename = "answer", skip_serializing)]
    pub(super) sealed: Option<String>,
    /// What Apple says of somebody beside it.
    #[serde(skip_serializing)]
    pub(super) user: Option<String>,
    /// Their name in there.
    #[serde(skip)]
    pub(super) name: Option<String>,
}

impl Answer {
    /// The same with a name that was said beside it.
    pub(super) fn named(self, name: Option<String>) -> Self {
        Self { name, ..self }
    }
}

/// Somebody who has come back.
pub(super) struct Returned {
    pub(super) attempt: Attempt,
    pub(super) profile: SocialProfile,
    pub(super) granted: Granted,
}

impl SocialLogin {
    pub(super) fn provide(
        (config, http): (Inject<AuthConfig>, Inject<HttpConfig>),
        client: Inject<IdentityProviders>,
        (db, attempts): (Inject<Db>, Inject<Attempts>),
        (keys, clock, random): (Inject<Keys>, Inject<dyn Clock>, Inject<dyn Random>),
    ) -> Self {
        let remote = |(name, config): (&String, &super::ProviderConfig)| {
            // What is wrong with a table has been found before.
            let provider = Provider::of(name, config).ok()?;
            let remote = Remote::new(provider, client.0.clone(), clock.clone().into_arc());
            Some((name.clone(), Arc::new(remote)))
        };
        Self {
            remotes: config.providers.0.iter().filter_map(remote).collect(),
            attempts,
            public_url: http.public_url.clone(),
            purpose: keys.purpose(attempt::PURPOSE),
            answers: keys.purpose(form_post::PURPOSE),
            kept: KeptTokens {
                db: Db::clone(&db),
                clock: clock.clone().into_arc(),
                purpose: keys.purpose("tokens of linked identities"),
            },
            clock,
            random,
        }
    }

    /// The buttons of the sign-in page.
    pub(super) fn buttons(login: Inject<Self>) -> SignInButtons {
        let button = |remote: &Arc<Remote>| SignInButton {
            action: remote.provider.address(),
            label: remote.provider.label.clone(),
        };
        SignInButtons(login.remotes.values().map(button).collect())
    }

    pub(super) fn remotes(&self) -> impl Iterator<Item = &Arc<Remote>> {
        self.remotes.values()
    }

    /// The provider of this name.
    pub(super) fn remote(&self, name: &str) -> Result<&Arc<Remote>> {
        self.remotes.get(name).ok_or_else(|| Error::not_found("There is no such provider."))
    }

    pub(super) fn now(&self) -> DateTime<Utc> {
        self.clock.now().into()
    }

    /// Where this application is, as the browser sees it: `http.public_url`, or where the request goes. A provider sends nobody to where it
    /// has not been told before.
    pub(super) fn origin(&self, exchange: &Exchange) -> Result<String> {
        if let Some(url) = &self.public_url {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let unknown = || Error::bad_request("The request does not say to which host it goes.");
        Ok(format!("{}://{}", exchange.scheme().as_str(), exchange.host().ok_or_else(unknown)?))
    }

    /// An attempt at one provider.
    pub(super) fn attempt(&self, remote: &Remote, exchange: &Exchange) -> Result<Attempt> {
        let redirect_uri = format!("{}{}", self.origin(exchange)?, remote.provider.callback());
        Ok(Attempt::new(&remote.provider.name, redirect_uri, &*self.random, self.clock.now()))
    }

    /// Where the browser has to go for an attempt, and its cookies.
    pub(super) async fn depart(
        &self,
        remote: &Remote,
        attempt: &Attempt,
        cookies: &Cookies,
        exchange: &Exchange,
    ) -> Result<(Url, Vec<SetCookie>)> {
        let metadata = remote.metadata().await?;
        let url = authorization(remote, &metadata, attempt)?;
        Ok((url, attempt.begin(&self.purpose, cookies, exchange.scheme())?))
    }

    /// Who has come back, if it is who set out, in answer to what was asked.
    pub(super) async fn returned(
        &self,
        remote: &Remote,
        answer: Answer,
        (cookies, exchange): (&Cookies, &Exchange),
    ) -> Result<Returned> {
        self.attempts.count_from("social login", exchange).await?;
        let state = answer.state.as_deref().unwrap_or_default();
        let found = Attempt::find(&self.purpose, cookies, exchange.scheme(), (state, &remote.provider.name));
        let attempt = found.ok_or_else(out_of_date)?;
        self.take(state).await?;
        let metadata = remote.metadata().await?;
        check_issuer(remote, &metadata, answer.iss.as_deref())?;
        if let Some(code) = answer.error {
            return Err(declined(remote, &code, answer.error_description.as_deref()));
        }
        let code = answer.code.filter(|code| !code.is_empty()).ok_or_else(out_of_date)?;
        let proof = (&*attempt.verifier, &*attempt.redirect_uri);
        let granted = remote.redeem(&metadata, &code, proof).await.map_err(|why| match why {
            Ungranted::Failed(error) => error,
            Ungranted::Refused(said) => {
                out_of_date().context(format!("the provider refuses the code: {said}"))
            }
        })?;
        let mut profile = remote.profile(&metadata, &granted, &attempt.nonce).await?;
        profile.name = profile.name.or(answer.name);
        Ok(Returned { attempt, profile, granted })
    }

    /// Takes an attempt: whoever comes second with the same state finds nothing.
    async fn take(&self, state: &str) -> Result<()> {
        let key = format!("social login taken:{}", Store::digest(state));
        let once = Quota::new(1, attempt::LIFETIME);
        if self.attempts.is_within(&key, once).await? { Ok(()) } else { Err(out_of_date()) }
    }
}

impl std::fmt::Debug for SocialLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SocialLogin").field("providers", &self.remotes.keys()).finish_non_exhaustive()
    }
}

/// The request for a code (RFC 6749, 4.1.1; RFC 7636, 4.3).
fn authorization(remote: &Remote, metadata: &Metadata, attempt: &Attempt) -> Result<Url> {
    let provider = &remote.provider;
    let mut url = Url::parse(&metadata.authorization_endpoint)
        .map_err(|why| remote.untrusted(format_args!("its `authorization_endpoint`: {why}")))?;
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &provider.client_id)
            .append_pair("redirect_uri", &attempt.redirect_uri)
            .append_pair("scope", &provider.scopes.join(" "))
            .append_pair("state", &attempt.state)
            .append_pair("code_challenge", &attempt.challenge())
            .append_pair("code_challenge_method", "S256");
        if matches!(provider.protocol, Protocol::OpenId { .. }) {
            query.append_pair("nonce", &attempt.nonce);
            if let Some(age) = provider.max_age {
                query.append_pair("max_age", &age.to_string());
            }
        }
        query.extend_pairs(provider.extra.iter().map(|(name, value)| (*name, value.as_str())));
    }
    Ok(url)
}

/// Whether it is the provider itself that answers, and not another one that has been asked in its name (RFC 9207, 2.4). Beside that,
/// each provider has an address of its own to answer to.
fn check_issuer(remote: &Remote, metadata: &Metadata, said: Option<&str>) -> Result<()> {
    if !matches!(remote.provider.protocol, Protocol::OpenId { .. }) {
        return Ok(());
    }
    match said {
        Some(issuer) if issuer == metadata.issuer => Ok(()),
        // Of many tenants, one answers; which one, the id token says.
        Some(_) if metadata.issuer.contains("{tenantid}") => Ok(()),
        Some(issuer) => {
            Err(remote.untrusted(format_args!("the answer is from another issuer, `{}`", excerpt(issuer))))
        }
        None if metadata.authorization_response_iss_parameter_supported => Err(remote.untrusted(
            "the answer does not say whose it is (`iss`), although the provider says that it would",
        )),
        None => Ok(()),
    }
}

fn out_of_date() -> Error {
    Error::bad_request("This attempt to sign in is over, or was begun in another browser. Begin again.")
        .code("attempt_over")
}

/// The provider says no, by way of the browser: whatever else it says may have been written by anybody.
fn declined(remote: &Remote, code: &str, description: Option<&str>) -> Error {
    let label = &remote.provider.label;
    let said = format!("`{}` {}", excerpt(code), excerpt(description.unwrap_or_default()));
    match code {
        // The last one is Apple's.
        "access_denied"
        | "consent_required"
        | "interaction_required"
        | "login_required"
        | "user_cancelled_authorize" => {
            let message = format!("You have not signed in with {label}.");
            Error::new(StatusCode::FORBIDDEN, message).code("declined").context(said)
        }
        "temporarily_unavailable" | "server_error" => {
            remote.unreachable(Error::unavailable(String::new()).context(said))
        }
        _ => {
            let message =
                format!("Signing in with {label} does not work right now: it is not set up rightly here.");
            Error::new(StatusCode::BAD_GATEWAY, message).code("provider_misconfigured").context(format!(
                "the provider says no to the request: {said}; see `client_id` and `scopes` in [auth.providers.{}], and the \
                 redirect address that is registered there",
                remote.provider.name
            ))
        }
    }
}
