//! Passwords that were found where passwords were stolen: whether one is known, by the range API of Have I Been Pwned or a mirror of it
//! (<https://haveibeenpwned.com/API/v3#SearchingPwnedPasswordsByRange>).
//!
//! Neither a password nor its hash leaves. What is sent are the first five of the 40 digits of its SHA-1; the answer has the rest of every
//! hash that begins so, some thousand of them, and how often each was found. `Add-Padding` asks for lines that are made up as well, with
//! the count 0: then the length of an answer does not tell a listener what was asked for.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use mainstay_core::error::Chain;
use mainstay_core::random::hex;
use mainstay_core::{Assembly, Error, Fault, Finding, Findings, Result};
use mainstay_outbound::config::OutboundConfig;
use mainstay_outbound::{Client, OutboundError, Upstream};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use zeroize::Zeroizing;

use super::config::{AuthConfig, BreachedPasswordsConfig, Unavailable};

/// How long the service may take: somebody waits for their form.
const PATIENCE: Duration = Duration::from_secs(2);
/// Some two thousand lines of 40 bytes come, and as much of padding at most.
const LARGEST: u64 = 512 * 1024;
/// More at a time are a flood, and not asked about.
const MOST: usize = 20;
/// How many digits are sent, and how many are not.
const PREFIX: usize = 5;
const SUFFIX: usize = 35;

const NAME: &str = "breached_passwords";

/// The client of the service.
pub(crate) struct BreachedPasswords(Client);

/// The service, at its own address unless `[outbound.breached_passwords]` has the `base` of a mirror.
pub(crate) fn upstream() -> Upstream<BreachedPasswords> {
    Upstream::new(NAME, BreachedPasswords)
        .base("https://api.pwnedpasswords.com")
        .header(HeaderName::from_static("add-padding"), HeaderValue::from_static("true"))
        .timeout(PATIENCE)
        .retries(0)
        .redirects(0)
        .concurrency(MOST)
        .body_limit(LARGEST)
}

/// `auth.W023`: whoever is on the way to a mirror learns what is asked, and may say that nothing was found.
pub(crate) fn find_in_the_clear(assembly: &Assembly, findings: &mut Findings) {
    let (Ok(config), Ok(outbound)) =
        (assembly.config.section::<AuthConfig>(), assembly.config.section::<OutboundConfig>())
    else {
        return;
    };
    let base = outbound.0.get(NAME).and_then(|upstream| upstream.base.as_deref()).unwrap_or_default();
    let is_here = ["http://localhost", "http://127.0.0.1", "http://[::1]"].into_iter().any(|here| {
        base.strip_prefix(here).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
    });
    if config.breached_passwords.check && base.starts_with("http://") && !is_here {
        let told = "stolen passwords are asked about without encryption: somebody else may answer";
        findings.add(
            Finding::warning("auth.W023", told)
                .at("outbound.breached_passwords.base")
                .fix("let the mirror have a certificate, and write https://"),
        );
    }
}

/// The rule about them.
pub(super) struct Breaches {
    client: Client,
    config: BreachedPasswordsConfig,
}

impl Breaches {
    /// The rule, where it is switched on.
    pub(super) fn of(config: &BreachedPasswordsConfig, service: &BreachedPasswords) -> Option<Self> {
        config.check.then(|| Self { client: service.0.clone(), config: config.clone() })
    }

    /// Refuses a password that was found too often, and says so of the field.
    pub(super) async fn check(&self, field: &str, password: &str) -> Result<()> {
        match self.count(password).await {
            Ok(count) if count >= u64::from(self.config.min_count) => {
                let told = "This password was found among those that were stolen elsewhere. Choose another.";
                Err(Error::invalid(vec![Fault::new(format!("/{field}"), "password_breached", told)]))
            }
            Ok(_) => Ok(()),
            Err(why) if self.config.when_unavailable == Unavailable::Accept => {
                tracing::warn!(error = %told(&why), "a password is taken without knowing whether it was stolen elsewhere");
                Ok(())
            }
            Err(why) => {
                let message = "This password cannot be checked right now. Try again in a while.";
                Err(Error::unavailable(message).code("password_unchecked").context(told(&why)))
            }
        }
    }

    /// How often it was found.
    async fn count(&self, password: &str) -> Result<u64> {
        // Without a salt, the hash is nearly as good as the password.
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes());
        let hash = Zeroizing::new(hex(hash.as_ref()).to_uppercase());
        let (prefix, suffix) = hash.split_at(PREFIX);
        let answer = self.client.get("/range/{prefix}").path("prefix", prefix).secret_path().send().await?;
        let found = found(answer.text()?, suffix);
        found.ok_or_else(|| {
            Error::internal("the service for breached passwords answers with no list of hashes")
        })
    }
}

/// How often the hash that ends so was found. None: it is no list, or nothing at all, which no beginning of a hash is answered with.
fn found(list: &str, suffix: &str) -> Option<u64> {
    let mut found = None;
    for line in list.lines() {
        let (hash, count) = line.split_once(':')?;
        let is_hash = hash.len() == SUFFIX && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        let count: u64 = count.parse().ok().filter(|_| is_hash)?;
        let count = if hash.eq_ignore_ascii_case(suffix) { count } else { 0 };
        found = Some(found.unwrap_or(0).max(count));
    }
    found
}

/// Why the service was of no use, without the address: what was asked for is in it, and the log knows already who asks.
fn told(error: &Error) -> String {
    error
        .source_as::<OutboundError>()
        .map_or_else(|| error.report(), |failed| Chain(&failed.failure).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "1E4C9B93F3F0682250B6CF8331B7EE68FD8";
    const OTHER: &str = "0018A45C4D1DEF81644B54AB7F969B88D65";

    #[test]
    fn finds_a_hash_among_others_and_padding() {
        let list = format!("{OTHER}:1\r\n{HASH}:52256179\r\n0000000000000000000000000000000000F:0\r\n");
        assert_eq!(found(&list, HASH), Some(52_256_179));
        assert_eq!(found(&list.to_lowercase(), HASH), Some(52_256_179));
        assert_eq!(found(&list, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"), Some(0));
        assert_eq!(found(&format!("{HASH}:0"), HASH), Some(0), "padding is no finding");
    }

    #[tokio::test]
    async fn a_warning_does_not_say_what_was_asked_for() {
        let client = Client::answering(|_| {
            let answer = mainstay_outbound::http::Response::builder().status(503);
            answer.body("down".into()).unwrap_or_default()
        });
        let breaches = Breaches { client, config: BreachedPasswordsConfig::default() };
        let error = breaches.count("password").await.unwrap_err();
        let told = told(&error);
        assert!(told.contains("503") && !told.contains("5BAA6") && !told.contains("range"), "{told}");
    }

    #[test]
    fn what_is_no_list_says_nothing() {
        let cut = &HASH[1..];
        for list in [
            "",
            "<html>down</html>",
            "\r\n",
            HASH,
            &format!("{HASH}:"),
            &format!("{HASH}:-1"),
            &format!("{cut}:1"),
            &format!("{HASH}0:1"),
            &format!("{HASH}:1\n\nmore"),
            &format!("{HASH}:99999999999999999999"),
            &format!("G{cut}:1"),
        ] {
            assert_eq!(found(list, HASH), None, "{list}");
        }
    }
}
