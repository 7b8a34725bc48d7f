//! An attempt to sign in that is under way: what has to come back from the provider, bound to the browser that set out.
//!
//! It is in a sealed cookie of its own, so that several tabs do not get into each other's way, and nothing is kept on the server for
//! whoever only looks. The name of the cookie follows from the state, its lifetime is ten minutes, and it serves once: that it was used
//! is remembered where attempts are counted, which all processes share.

use std::time::{Duration, SystemTime};

use mainstay_core::clock::unix_seconds;
use mainstay_core::keys::{Purpose, base64url, sha256};
use mainstay_core::random::{Random, hex};
use mainstay_http::{Cookies, Scheme, SetCookie};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// How long somebody may take at the provider.
pub(super) const LIFETIME: Duration = Duration::from_secs(10 * 60);
/// What its keys are derived for.
pub(super) const PURPOSE: &str = "attempt to sign in by a provider";
/// How many may be under way in one browser: the oldest makes room.
const MOST: usize = 4;
/// How long the address may be that somebody wants to go to. All cookies together have to fit into a request.
const LONGEST_NEXT: usize = 512;
const PREFIX: &str = "sign-in-";

/// An attempt. It never shows itself.
#[derive(Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) provider: String,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    /// The address that the answer comes to, as the provider has been told it.
    pub(super) redirect_uri: String,
    pub(super) next: Option<String>,
    /// Whose account the provider shall be connected with. None: somebody signs in.
    pub(super) connects: Option<String>,
    /// When it began, in seconds since 1970.
    began: u64,
}

impl Attempt {
    pub(super) fn new(provider: &str, redirect_uri: String, random: &dyn Random, now: SystemTime) -> Self {
        let secret = || {
            let mut bytes = [0; 32];
            random.fill(&mut bytes);
            base64url::encode(&bytes)
        };
        Self {
            provider: provider.to_owned(),
            state: secret(),
            nonce: secret(),
            verifier: secret(),
            redirect_uri,
            next: None,
            connects: None,
            began: unix_seconds(now),
        }
    }

    pub(super) fn going_to(self, next: Option<String>) -> Self {
        Self { next: next.filter(|next| next.len() <= LONGEST_NEXT), ..self }
    }

    pub(super) fn connecting(self, owner: String) -> Self {
        Self { connects: Some(owner), ..self }
    }

    /// What the provider is shown of the verifier (RFC 7636, 4.2).
    pub(super) fn challenge(&self) -> String {
        base64url::encode(digest(&SHA256, self.verifier.as_bytes()).as_ref())
    }

    /// The cookies that begin it: its own, and the ends of those that have to make room.
    pub(super) fn begin(
        &self,
        keys: &Purpose,
        cookies: &Cookies,
        scheme: Scheme,
    ) -> serde_json::Result<Vec<SetCookie>> {
        let prefix = SetCookie::name_for(PREFIX, scheme);
        let mut others: Vec<(u64, &str)> = cookies
            .iter()
            .filter(|(name, _)| name.starts_with(&*prefix))
            .map(|(name, value)| (Self::open(keys, value).map_or(0, |attempt| attempt.began), name))
            .collect();
        others.sort_unstable();
        let room = (others.len() + 1).saturating_sub(MOST);
        let mut set: Vec<SetCookie> =
            others.iter().take(room).map(|(_, name)| SetCookie::remove(*name).over(scheme)).collect();
        let value = keys.seal(&serde_json::to_vec(self)?, Some(LIFETIME));
        set.push(SetCookie::new(name(&self.state, scheme), value).max_age(LIFETIME).over(scheme));
        Ok(set)
    }

    /// The attempt that an answer belongs to, if this browser has begun it with this provider, not too long ago.
    pub(super) fn find(
        keys: &Purpose,
        cookies: &Cookies,
        scheme: Scheme,
        (state, provider): (&str, &str),
    ) -> Option<Self> {
        let attempt = Self::open(keys, cookies.get(&name(state, scheme))?)?;
        (sha256::is_same(state.as_bytes(), attempt.state.as_bytes()) && attempt.provider == provider)
            .then_some(attempt)
    }

    fn open(keys: &Purpose, value: &str) -> Option<Self> {
        serde_json::from_slice(&keys.open(value).ok()?).ok()
    }
}

/// Takes the cookie of an attempt away.
pub(super) fn end(state: &str, scheme: Scheme) -> SetCookie {
    SetCookie::remove(name(state, scheme)).over(scheme)
}

/// The name does not tell the state.
fn name(state: &str, scheme: Scheme) -> String {
    let digest = digest(&SHA256, state.as_bytes());
    let name = format!("{PREFIX}{}", hex(&digest.as_ref()[..8]));
    SetCookie::name_for(&name, scheme).into_owned()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use http::{HeaderMap, HeaderValue, header};
    use mainstay_core::Profile;
    use mainstay_core::clock::{Clock, TestClock};
    use mainstay_core::keys::{Keys, KeysConfig};
    use mainstay_core::random::SecureRandom;

    use super::*;

    struct Browser {
        clock: Arc<TestClock>,
        keys: Purpose,
        jar: Vec<(String, String)>,
    }

    impl Browser {
        fn new() -> Self {
            let clock = Arc::new(TestClock::default());
            let random = Arc::new(SecureRandom::new());
            let keys =
                Keys::new(&KeysConfig::default(), &Profile::Test, Arc::clone(&clock) as _, random).unwrap();
            Self { clock, keys: keys.purpose(PURPOSE), jar: Vec::new() }
        }

        fn cookies(&self) -> Cookies {
            let mut headers = HeaderMap::new();
            for (name, value) in &self.jar {
                let pair = HeaderValue::try_from(format!("{name}={value}")).unwrap();
                headers.append(header::COOKIE, pair);
            }
            Cookies::of(&headers)
        }

        fn begin(&mut self) -> String {
            let random = SecureRandom::new();
            let to = "https://shop.example/account/login/google/callback".to_owned();
            let attempt = Attempt::new("google", to, &random, self.clock.now());
            for set in attempt.begin(&self.keys, &self.cookies(), Scheme::Https).unwrap() {
                let header = set.to_header().unwrap();
                let text = header.to_str().unwrap();
                assert!(
                    text.contains("; Path=/; Max-Age=") && text.contains("; Secure; HttpOnly; SameSite=Lax")
                );
                let (name, rest) = text.split_once('=').unwrap();
                let value = rest.split(';').next().unwrap();
                self.jar.retain(|(known, _)| known != name);
                if !value.is_empty() {
                    self.jar.push((name.to_owned(), value.to_owned()));
                }
            }
            attempt.state
        }

        fn find(&self, state: &str, provider: &str) -> Option<Attempt> {
            Attempt::find(&self.keys, &self.cookies(), Scheme::Https, (state, provider))
        }
    }

    #[test]
    fn belongs_to_its_browser_its_provider_and_its_state() {
        let mut browser = Browser::new();
        let state = browser.begin();
        assert!(browser.find(&state, "google").is_some());
        assert!(browser.find(&state, "github").is_none());
        assert!(browser.find("another", "google").is_none());
        let mut other = Browser::new();
        assert!(other.find(&state, "google").is_none());
        // A cookie that somebody plants is not sealed by us.
        other.jar = browser.jar.clone();
        assert!(other.find(&state, "google").is_none());
        browser.clock.advance(LIFETIME);
        assert!(browser.find(&state, "google").is_none());
    }

    #[test]
    fn a_cookie_under_the_name_of_another_state_is_refused() {
        let mut browser = Browser::new();
        let (one, other) = (browser.begin(), browser.begin());
        let swapped = vec![
            (name(&one, Scheme::Https), browser.jar[1].1.clone()),
            (name(&other, Scheme::Https), browser.jar[0].1.clone()),
        ];
        browser.jar = swapped;
        assert!(browser.find(&one, "google").is_none() && browser.find(&other, "google").is_none());
    }

    #[test]
    fn a_few_tabs_are_under_way_at_once_and_the_oldest_makes_room() {
        let mut browser = Browser::new();
        let states: Vec<String> = (0..=MOST)
            .map(|_| {
                browser.clock.advance(Duration::from_secs(1));
                browser.begin()
            })
            .collect();
        assert_eq!(browser.jar.len(), MOST);
        assert!(browser.find(&states[0], "google").is_none());
        assert!(states[1..].iter().all(|state| browser.find(state, "google").is_some()));
    }
}
