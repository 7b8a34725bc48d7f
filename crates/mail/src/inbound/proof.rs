//! How whoever brings a mail shows that they may.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use mainstay_core::clock::unix_seconds;
use mainstay_core::config::Secret;
use mainstay_core::keys::{base64, sha256};
use mainstay_core::{Error, Result};
use ring::hmac;

/// How far a clock may be wrong.
const TOLERANCE: Duration = Duration::from_secs(5 * 60);
/// How long a request may be under way: Mailgun tries for eight hours.
const OLDEST: Duration = Duration::from_secs(9 * 60 * 60);

/// The secret of a door. Without one, there is no door: 404.
pub(super) fn secret(secret: Option<&Secret<String>>) -> Result<&str> {
    secret.map(|secret| secret.expose().as_str()).ok_or_else(|| Error::not_found("There is nothing here."))
}

/// Whether a request has this password: `Authorization: Basic …`, with any name, or `Bearer …`.
///
/// # Errors
/// 401 otherwise.
pub(super) fn require_password(headers: &HeaderMap, expected: &str) -> Result<()> {
    let given = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(password);
    match given {
        Some(given) if sha256::is_same(&given, expected.as_bytes()) => Ok(()),
        Some(_) => Err(refused("the password is another one")),
        None => Err(refused("there is no password")),
    }
}

fn password(value: &str) -> Option<Vec<u8>> {
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().as_bytes().to_vec());
    }
    let pair = scheme.eq_ignore_ascii_case("basic").then(|| base64::decode(rest.trim()))??;
    let colon = pair.iter().position(|byte| *byte == b':')?;
    Some(pair[colon + 1..].to_vec())
}

/// What Mailgun sends with a mail to show that it is Mailgun: the HMAC-SHA256 of time and token, in hexadecimal digits.
/// <https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks>
pub(super) struct MailgunSignature<'a> {
    pub(super) timestamp: &'a [u8],
    pub(super) token: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl MailgunSignature<'_> {
    /// Whether it is right, and of now.
    ///
    /// # Errors
    /// 401 otherwise.
    pub(super) fn check(&self, key: &str, now: SystemTime) -> Result<()> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        let tag = unhex(self.signature).ok_or_else(|| refused("the signature is none"))?;
        hmac::verify(&key, &[self.timestamp, self.token].concat(), &tag)
            .map_err(|_| refused("the signature is of another key"))?;
        let signed = std::str::from_utf8(self.timestamp).ok().and_then(|time| time.parse::<u64>().ok());
        let signed = signed.ok_or_else(|| refused("the time is no number"))?;
        let now = unix_seconds(now);
        match signed <= now + TOLERANCE.as_secs() && now.saturating_sub(signed) <= OLDEST.as_secs() {
            true => Ok(()),
            false => Err(refused("it was signed too long ago, or in the future")),
        }
    }
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// The sender is not told which it was; the log is.
#[track_caller]
fn refused(why: &'static str) -> Error {
    let challenge = HeaderValue::from_static("Basic realm=\"inbound mail\"");
    let error = Error::unauthorized("Whoever brings mails has to show that they may.");
    error.code("inbound_mail_refused").header(WWW_AUTHENTICATE, challenge).context(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap())])
    }

    #[test]
    fn takes_the_password_in_either_form_and_no_other() {
        const PASSWORD: &str = "correct:horse battery";
        let basic = |pair: &str| format!("Basic {}", base64::encode(pair.as_bytes()));
        for right in [
            basic("postfix:correct:horse battery"),
            basic(":correct:horse battery"),
            format!("bearer {PASSWORD}"),
        ] {
            assert!(require_password(&with(&right), PASSWORD).is_ok(), "{right}");
        }
        let wrong =
            ["", "Basic", "Basic ", "Basic Zg==", "Bearer ", "Digest x", "Basic !", "Bearer correct:horse"];
        for wrong in
            wrong.map(str::to_owned).into_iter().chain([basic("x:"), basic("x:correct:horse battery!")])
        {
            let refused = require_password(&with(&wrong), PASSWORD).unwrap_err();
            assert_eq!(refused.status().as_u16(), 401, "{wrong}");
        }
        assert!(require_password(&HeaderMap::new(), PASSWORD).is_err());
    }
}
