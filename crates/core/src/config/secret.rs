//! A value that never shows itself, and the rules for values that look as if they should not.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

pub(super) use crate::redaction::MASK;
use crate::redaction::is_secret;

/// The name under which a [`Secret`] asks our deserializer for its value, so that errors mask it too.
pub(super) const SECRET: &str = "$mainstay::Secret";

/// A value that masks itself wherever it could be shown: in `Debug`, `Display`, `Serialize`, errors, `config show`.
///
/// ```
/// use mainstay_core::config::Secret;
///
/// let password = Secret::new("hunter2".to_owned());
/// assert_eq!(format!("{password:?} {password}"), "Secret(********) ********");
/// assert_eq!(password.expose(), "hunter2");
/// ```
#[derive(Clone, Default)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Every use can be found by the name of this method.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({MASK})")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hide<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Hide<T> {
            type Value = Secret<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Secret<T>, D::Error> {
                T::deserialize(inner).map(Secret)
            }
        }

        deserializer.deserialize_newtype_struct(SECRET, Hide(PhantomData))
    }
}

/// Whether a key of this name holds something that must not be shown. What is called after cookies or CSRF is about them in a
/// configuration, and not one of them.
pub(super) fn looks_secret(key: &str) -> bool {
    let last = key.rsplit('.').next().unwrap_or(key);
    is_secret(last) && !["cookie", "cookies", "csrf"].contains(&last)
}

/// The text without the password of a URL that it may be: `postgres://ann:********@db/app`.
pub(super) fn without_password(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return without_slashes(text) };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    // An unescaped `/`, `?` or `#` in the password ends the authority too early: then look as far as there is an `@`.
    let Some(at) = authority.rfind('@').or_else(|| rest.rfind('@')) else { return text.to_owned() };
    match rest[..at].split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:{MASK}{}", &rest[at..]),
        None => text.to_owned(),
    }
}

/// The same for one whose slashes were forgotten: `smtp:ann:********@mail`.
fn without_slashes(text: &str) -> String {
    let is_one_word =
        !text.contains(|letter: char| letter.is_whitespace() || matches!(letter, '<' | '>' | ','));
    match text.split_once(':').and_then(|(scheme, rest)| Some((scheme, rest, rest.rfind('@')?))) {
        Some((scheme, rest, at)) if is_one_word => {
            let user = rest[..at].split_once(':').map_or("", |(user, _)| user);
            format!("{scheme}:{user}:{MASK}{}", &rest[at..])
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_itself_when_serialised_and_reads_like_its_value() {
        let secret: Secret<String> = serde_json::from_str("\"hunter2\"").unwrap();
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"********\"");
    }

    #[test]
    fn takes_the_password_out_of_a_url() {
        for (url, shown) in [
            ("postgres://ann:pass@db/app", "postgres://ann:********@db/app"),
            ("postgres://ann:p@ss:w@db:5432/app", "postgres://ann:********@db:5432/app"),
            ("postgres://ann:pa/ss?#@db/app", "postgres://ann:********@db/app"),
            ("redis://:pass@cache", "redis://:********@cache"),
            ("postgres://ann@db/app", "postgres://ann@db/app"),
            ("sqlite://app.db", "sqlite://app.db"),
            ("plain", "plain"),
            ("smtp:ann:pass@mail", "smtp:ann:********@mail"),
            ("ann:pass@mail:25", "ann::********@mail:25"),
            ("Shop: news <no-reply@shop.example>", "Shop: news <no-reply@shop.example>"),
            ("no-reply@shop.example", "no-reply@shop.example"),
            ("file:var/mails", "file:var/mails"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }

    #[test]
    fn knows_a_secret_by_its_name() {
        for key in
            ["keys.secret", "mail.smtp_password", "s3.access_key", "github.token", "x.client_secret_old"]
        {
            assert!(looks_secret(key), "{key}");
        }
        for key in
            ["tls.key", "http.port", "auth.token_lifetime", "i18n.key", "s3.public_key", "session.cookie"]
        {
            assert!(!looks_secret(key), "{key}");
        }
    }
}
