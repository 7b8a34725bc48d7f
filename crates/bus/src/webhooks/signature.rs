//! Signatures of webhooks, by [Standard Webhooks](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
//! 1.0: `v1,` and base64 of HMAC-SHA256 over id, time and body.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use mainstay_core::keys::base64;
use mainstay_core::random::Random;
use mainstay_core::{Error, StatusCode};
use ring::hmac;

/// The headers.
pub(super) const ID: &str = "webhook-id";
pub(super) const TIMESTAMP: &str = "webhook-timestamp";
pub(super) const SIGNATURE: &str = "webhook-signature";

/// How secrets begin as text.
const PREFIX: &str = "whsec_";
/// How long secrets are that we make, in bytes.
const LENGTH: usize = 32;
/// How long those of others may be.
const LENGTHS: std::ops::RangeInclusive<usize> = 16..=128;
/// How far a clock may be wrong, and a message be under way.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// So many signatures are looked at.
const MOST: usize = 16;

/// A secret that whoever sends and whoever gets webhooks share: `whsec_` and base64. `Debug` does not show it; `to_string` does.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Vec<u8>);

/// A text that is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidSecret;

impl fmt::Display for InvalidSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a secret of webhooks is `{PREFIX}` and {} to {} bytes in base64",
            LENGTHS.start(),
            LENGTHS.end()
        )
    }
}

impl std::error::Error for InvalidSecret {}

impl WebhookSecret {
    /// A new one.
    pub fn random(random: &dyn Random) -> Self {
        let mut bytes = vec![0; LENGTH];
        random.fill(&mut bytes);
        Self(bytes)
    }

    /// Signs a message: the value of `webhook-signature`. The time is in seconds since 1970.
    pub fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let tag = hmac::sign(&self.key(), &signed(id, &timestamp.to_string(), body));
        format!("v1,{}", base64::encode(tag.as_ref()))
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &self.0)
    }
}

/// What is signed.
fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(id.len() + timestamp.len() + body.len() + 2);
    text.extend_from_slice(id.as_bytes());
    text.push(b'.');
    text.extend_from_slice(timestamp.as_bytes());
    text.push(b'.');
    text.extend_from_slice(body);
    text
}

impl FromStr for WebhookSecret {
    type Err = InvalidSecret;

    /// With or without `whsec_`.
    fn from_str(text: &str) -> Result<Self, InvalidSecret> {
        let encoded = text.strip_prefix(PREFIX).unwrap_or(text);
        let bytes = base64::decode(encoded).ok_or(InvalidSecret)?;
        LENGTHS.contains(&bytes.len()).then_some(Self(bytes)).ok_or(InvalidSecret)
    }
}

impl fmt::Display for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", base64::encode(&self.0))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

/// Checks webhooks that others send.
///
/// ```
/// use std::time::SystemTime;
/// use mainstay_bus::webhooks::WebhookVerifier;
/// use mainstay_core::Result;
/// # use mainstay_outbound::http::HeaderMap;
///
/// /// The body is checked as it came: parse it afterwards.
/// fn take(headers: &HeaderMap, body: &[u8]) -> Result<()> {
///     let verifier = WebhookVerifier::of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
///     let id = verifier.verify(headers, body, SystemTime::now())?;
///     // It may come twice: `inbox::once("payments", id, tx)`.
/// #   let _ = id;
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug)]
pub struct WebhookVerifier {
    secrets: Vec<WebhookSecret>,
    tolerance: Duration,
}

/// Why a webhook is not to be believed: the cause of the 401 by which [`WebhookVerifier::verify`] refuses it. The sender is not told which of these it
/// was; the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookError {
    /// A header is missing, is there twice, or is no text.
    Header(&'static str),
    /// The time is no number.
    Timestamp,
    /// It was signed too long ago: somebody may send again what they have overheard.
    TooOld,
    /// It was signed in the future, by our clock.
    TooNew,
    /// No signature is by one of our secrets.
    Signature,
}

impl fmt::Display for WebhookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header(name) => write!(f, "the header `{name}` is missing, is there twice, or is no text"),
            Self::Timestamp => f.write_str("`webhook-timestamp` is no number"),
            Self::TooOld => f.write_str("it was signed too long ago"),
            Self::TooNew => f.write_str("it was signed in the future"),
            Self::Signature => f.write_str("no signature is by a secret that we know"),
        }
    }
}

impl std::error::Error for WebhookError {}

impl WebhookVerifier {
    /// One that knows this secret.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn of(secret: &str) -> Result<Self, InvalidSecret> {
        Ok(Self { secrets: vec![secret.parse()?], tolerance: TOLERANCE })
    }

    /// Knows another one, too: while the sender changes secrets.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn or(mut self, secret: &str) -> Result<Self, InvalidSecret> {
        self.secrets.push(secret.parse()?);
        Ok(self)
    }

    /// How old a message may be, and how far in the future: five minutes unless it is said.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Whether the body was sent, as it is, by who has the secret, and lately. Returns the id of the message.
    ///
    /// # Errors
    ///
    /// 401 otherwise; the cause is a [`WebhookError`].
    #[track_caller]
    pub fn verify<'h>(
        &self,
        headers: &'h HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> mainstay_core::Result<&'h str> {
        self.check(headers, body, now).map_err(|fault| {
            let error = Error::new(StatusCode::UNAUTHORIZED, "The signature is not right.");
            error.code("webhook_refused").caused_by(fault)
        })
    }

    fn check<'h>(
        &self,
        headers: &'h HeaderMap,
        body: &[u8],
        now: SystemTime,
    ) -> Result<&'h str, WebhookError> {
        let (id, timestamp) = (one(headers, ID)?, one(headers, TIMESTAMP)?);
        let signatures = one(headers, SIGNATURE)?;
        self.check_time(timestamp, now)?;
        let text = signed(id, timestamp, body);
        let tags =
            signatures.split(' ').take(MOST).filter_map(|one| base64::decode(one.strip_prefix("v1,")?));
        let keys: Vec<_> = self.secrets.iter().map(WebhookSecret::key).collect();
        let mut is_right = false;
        for tag in tags {
            is_right |= keys.iter().any(|key| hmac::verify(key, &text, &tag).is_ok());
        }
        if is_right { Ok(id) } else { Err(WebhookError::Signature) }
    }

    fn check_time(&self, timestamp: &str, now: SystemTime) -> Result<(), WebhookError> {
        let is_number = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = timestamp.parse::<u64>().ok().filter(|_| is_number).ok_or(WebhookError::Timestamp)?;
        let signed = UNIX_EPOCH.checked_add(Duration::from_secs(seconds)).ok_or(WebhookError::Timestamp)?;
        match now.duration_since(signed) {
            Ok(age) if age > self.tolerance => Err(WebhookError::TooOld),
            Err(ahead) if ahead.duration() > self.tolerance => Err(WebhookError::TooNew),
            _ => Ok(()),
        }
    }
}

fn one<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, WebhookError> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (Some(Ok(value)), None) if !value.is_empty() => Ok(value),
        _ => Err(WebhookError::Header(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mainstay_core::random::SeededRandom;

    // The example of the specification's own libraries.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const MESSAGE: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SENT: u64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn headers(parts: &[(&'static str, &str)]) -> HeaderMap {
        parts
            .iter()
            .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn usual(signature: &str) -> HeaderMap {
        headers(&[(ID, MESSAGE), (TIMESTAMP, &SENT.to_string()), (SIGNATURE, signature)])
    }

    #[test]
    fn signs_as_the_specification_says() {
        let secret: WebhookSecret = SECRET.parse().unwrap();
        assert_eq!(secret.sign(MESSAGE, SENT, BODY), SIGNED);
        assert_eq!(secret.to_string(), SECRET);
        assert_eq!(SECRET.trim_start_matches(PREFIX).parse(), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "WebhookSecret(…)");
        let fresh = WebhookSecret::random(&SeededRandom::new(1));
        assert_eq!(fresh.to_string().parse(), Ok(fresh));
    }

    #[test]
    fn believes_what_is_signed_by_one_of_its_secrets() {
        let verifier = WebhookVerifier::of(SECRET).unwrap();
        assert_eq!(verifier.check(&usual(SIGNED), BODY, at(SENT + 299)), Ok(MESSAGE));
        assert_eq!(verifier.check(&usual(SIGNED), BODY, at(SENT - 299)), Ok(MESSAGE));
        let among = format!("v1a,AAAA v1,bm9uc2Vuc2U= {SIGNED}");
        assert_eq!(verifier.check(&usual(&among), BODY, at(SENT)), Ok(MESSAGE));
        let other = WebhookSecret::random(&SeededRandom::new(1)).to_string();
        let both = WebhookVerifier::of(&other).unwrap().or(SECRET).unwrap();
        assert_eq!(both.check(&usual(SIGNED), BODY, at(SENT)), Ok(MESSAGE));
    }

    #[test]
    fn refuses_everything_else_by_its_name() {
        let verifier = WebhookVerifier::of(SECRET).unwrap();
        let refused =
            |headers: HeaderMap, body: &[u8], now| verifier.check(&headers, body, at(now)).unwrap_err();
        assert_eq!(refused(usual(SIGNED), BODY, SENT + 301), WebhookError::TooOld);
        assert_eq!(refused(usual(SIGNED), BODY, SENT - 301), WebhookError::TooNew);
        assert_eq!(refused(usual(SIGNED), b"{}", SENT), WebhookError::Signature);
        for wrong in
            ["v1,", "v1,AAAA", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "g0hM9SsE", "v1,\u{7f}"]
        {
            let Ok(value) = http::HeaderValue::from_str(wrong) else { continue };
            let mut headers = usual(SIGNED);
            headers.insert(SIGNATURE, value);
            assert_eq!(refused(headers, BODY, SENT), WebhookError::Signature, "{wrong}");
        }
        let other = headers(&[(ID, "msg_other"), (TIMESTAMP, &SENT.to_string()), (SIGNATURE, SIGNED)]);
        assert_eq!(refused(other, BODY, SENT), WebhookError::Signature);
        for name in [ID, TIMESTAMP, SIGNATURE] {
            let mut without = usual(SIGNED);
            without.remove(name);
            assert_eq!(refused(without, BODY, SENT), WebhookError::Header(name));
            let mut twice = usual(SIGNED);
            twice.append(name, "1".parse().unwrap());
            assert_eq!(refused(twice, BODY, SENT), WebhookError::Header(name));
        }
        for time in
            ["soon", "+1614265330", "-1", "1614265330.5", "99999999999999999999", "18446744073709551615"]
        {
            let headers = headers(&[(ID, MESSAGE), (TIMESTAMP, time), (SIGNATURE, SIGNED)]);
            let fault = refused(headers, BODY, SENT);
            assert!(matches!(fault, WebhookError::Timestamp | WebhookError::TooNew), "{time}: {fault:?}");
        }
    }

    #[test]
    fn refuses_secrets_that_are_none() {
        for text in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "whsec_****************************",
            &format!("whsec_{}", "QUFB".repeat(100)),
        ] {
            assert_eq!(text.parse::<WebhookSecret>(), Err(InvalidSecret), "{text}");
        }
    }
}
