//! From a token, a set of keys and the time to its claims.
//!
//! The order is that of RFC 8725 and of what is cheap: length, form, header, key, signature, and only then the claims, so that nothing is
//! believed that nobody has signed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mainstay_core::keys::base64url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::algorithm::Algorithm;
use super::key_set::{KeySet, MAX_KEY_ID};

/// How long a token may be, in bytes, unless it is said.
const MAX_LENGTH: usize = 8 * 1024;
/// How far clocks may be apart, unless it is said.
const LEEWAY: Duration = Duration::from_secs(30);

/// Why a token was refused. It is for logs; its sender need only know that it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// It is longer than tokens are.
    #[error("the token is too long")]
    TooLong,
    /// It is not three parts of base64url, or header or claims are not JSON.
    #[error("this is not a signed token")]
    Malformed,
    /// It is signed with what is not accepted: `none`, a shared secret, or an algorithm that is known but not allowed here.
    #[error("the token is signed with an algorithm that is not accepted")]
    Algorithm,
    /// Its header asks for something that must be understood (`crit`), and nothing is.
    #[error("the token has critical extensions, and none is known")]
    Critical,
    /// It is a token for something else: its `typ` is another.
    #[error("the token is of another type")]
    Type,
    /// It names a key that is not in the set, or one that is not for its algorithm. Where keys of the issuer are fetched, this is
    /// the time to fetch them again.
    #[error("the token was made with a key that is not known for it")]
    UnknownKey,
    /// The key has not signed it.
    #[error("the token is forged, or has been changed")]
    Signature,
    /// A claim is missing, or is not what it must be.
    #[error("the claim `{0}` is missing or malformed")]
    Claim(&'static str),
    /// Somebody else has made it.
    #[error("the token is from another issuer")]
    Issuer,
    /// It was made for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come, or it was made in the future.
    #[error("the token is not good yet")]
    NotYet,
}

/// What a token says that has been checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Whom it is about.
    pub fn subject(&self) -> Option<&str> {
        self.text("sub")
    }

    /// A claim that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A claim, read as what it should be. `None` if it is missing or something else.
    pub fn get<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        T::deserialize(self.0.get(name)?).ok()
    }

    /// Those for whom it is: one, or a list.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let all = match self.0.get("aud") {
            Some(Value::Array(all)) => all.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        all.iter().filter_map(Value::as_str)
    }

    /// When it ends, without leeway.
    pub fn expires_at(&self) -> Option<SystemTime> {
        let seconds = self.0.get("exp")?.as_f64()?;
        UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
    }

    /// All of them.
    pub fn all(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Seconds since 1970, whole or not (RFC 7519, 2). `None` if it is missing.
    fn time(&self, name: &'static str) -> Result<Option<f64>, JwtError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => value.as_f64().map(Some).ok_or(JwtError::Claim(name)),
        }
    }
}

/// What a token must be.
///
/// ```
/// use mainstay_auth::jwt::{JwtError, KeySet, Verifier};
/// use std::time::SystemTime;
///
/// let verifier = Verifier::new("https://issuer.example", "our-client-id");
/// // {"alg":"none"}
/// let refused = verifier.verify("eyJhbGciOiJub25lIn0.e30.", &KeySet::default(), SystemTime::UNIX_EPOCH);
/// assert_eq!(refused.unwrap_err(), JwtError::Algorithm);
/// ```
#[derive(Clone, Debug)]
pub struct Verifier {
    issuer: String,
    audience: String,
    algorithms: Vec<Algorithm>,
    types: &'static [&'static str],
    leeway: Duration,
    max_length: usize,
}

/// The header. What else it may have is not read: a token does not say where its key is.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    crit: Option<Value>,
}

impl Verifier {
    /// Accepts what this issuer has made for this audience, with any [`Algorithm`] that its keys allow. The type must be `JWT` or
    /// not be said, as with id tokens of OpenID Connect.
    pub fn new(issuer: impl Into<String>, audience: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            audience: audience.into(),
            algorithms: Algorithm::ALL.to_vec(),
            types: &["JWT", ""],
            leeway: LEEWAY,
            max_length: MAX_LENGTH,
        }
    }

    /// Accepts these algorithms alone.
    #[must_use]
    pub fn algorithms(self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        Self { algorithms: algorithms.into_iter().collect(), ..self }
    }

    /// Accepts these types alone, whatever their case; `""` stands for a token that does not say.
    #[must_use]
    pub fn types(self, types: &'static [&'static str]) -> Self {
        Self { types, ..self }
    }

    /// How far clocks may be apart. Unless it is said: 30 s.
    #[must_use]
    pub fn leeway(self, leeway: Duration) -> Self {
        Self { leeway, ..self }
    }

    /// How long a token may be, in bytes. Unless it is said: 8 KiB.
    #[must_use]
    pub fn max_length(self, bytes: usize) -> Self {
        Self { max_length: bytes, ..self }
    }

    /// What the token says, if it is what it must be at this time.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn verify(&self, token: &str, keys: &KeySet, now: SystemTime) -> Result<Claims, JwtError> {
        let claims = self.signed(token, keys)?;
        self.check(&claims, now)?;
        Ok(claims)
    }

    /// Checks again what was good when it was verified: issuer, audience and time.
    ///
    /// # Errors
    ///
    /// When it is not good any more.
    pub fn check(&self, claims: &Claims, now: SystemTime) -> Result<(), JwtError> {
        match claims.text("iss") {
            Some(issuer) if issuer == self.issuer => {}
            Some(_) => return Err(JwtError::Issuer),
            None => return Err(JwtError::Claim("iss")),
        }
        if !claims.all().contains_key("aud") {
            return Err(JwtError::Claim("aud"));
        }
        if !claims.audiences().any(|audience| audience == self.audience) {
            return Err(JwtError::Audience);
        }
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let leeway = self.leeway.as_secs_f64();
        let expires = claims.time("exp")?.ok_or(JwtError::Claim("exp"))?;
        if now >= expires + leeway {
            return Err(JwtError::Expired);
        }
        for name in ["nbf", "iat"] {
            if claims.time(name)?.is_some_and(|time| time > now + leeway) {
                return Err(JwtError::NotYet);
            }
        }
        Ok(())
    }

    /// What the token says, if a key of the set has signed it.
    fn signed(&self, token: &str, keys: &KeySet) -> Result<Claims, JwtError> {
        if token.len() > self.max_length {
            return Err(JwtError::TooLong);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(JwtError::Malformed)?;
        let read = |part: &str| base64url::decode(part).ok_or(JwtError::Malformed);
        // A list is an object to serde, by position; here it is not.
        let header = read(header)?;
        let is_object = header.first() == Some(&b'{');
        let header: Header = serde_json::from_slice(&header).map_err(|_| JwtError::Malformed)?;
        if !is_object {
            return Err(JwtError::Malformed);
        }
        let algorithm = Algorithm::by_name(&header.alg).filter(|one| self.algorithms.contains(one));
        let algorithm = algorithm.ok_or(JwtError::Algorithm)?;
        if header.crit.is_some() {
            return Err(JwtError::Critical);
        }
        let typ = header.typ.as_deref().unwrap_or_default();
        // A media type may be written in full (RFC 7515, 4.1.9).
        let typ = typ.strip_prefix("application/").unwrap_or(typ);
        if !self.types.iter().any(|accepted| accepted.eq_ignore_ascii_case(typ)) {
            return Err(JwtError::Type);
        }
        if header.kid.as_ref().is_some_and(|kid| kid.len() > MAX_KEY_ID) {
            return Err(JwtError::UnknownKey);
        }
        let key = keys.find(header.kid.as_deref(), algorithm).ok_or(JwtError::UnknownKey)?;
        let claims = read(claims)?;
        if !key.has_signed(algorithm, message.as_bytes(), &read(signature)?) {
            return Err(JwtError::Signature);
        }
        serde_json::from_slice(&claims).map(Claims).map_err(|_| JwtError::Malformed)
    }
}

#[cfg(test)]
mod tests;
