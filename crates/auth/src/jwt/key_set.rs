//! Public keys that tokens are checked with.
//!
//! A key is bound to its algorithms when it is read. An RSA key without `alg` may be used with each RSA signature, a key on a curve only
//! with the one of its curve; a shared secret (`oct`) is never a key here.

use mainstay_core::keys::base64url;
use ring::digest::{SHA256, digest};
use ring::signature::{RsaPublicKeyComponents, UnparsedPublicKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::algorithm::{Algorithm, Family};
use super::pem;

/// How many keys a set has at most: an issuer has a handful.
const MAX_KEYS: usize = 64;
/// How long the name of a key may be, in bytes.
pub(super) const MAX_KEY_ID: usize = 256;
/// RSA keys from 2048 to 8192 bits, in bytes.
const RSA_MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// Why keys cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It is not a JWKS.
    #[error("this is not a set of keys (a JSON object with a list `keys`): {0}")]
    NotASet(String),
    /// There is nothing in it that tokens can be checked with.
    #[error(
        "none of the {0} keys can be used: what is known is EC on P-256 and P-384, Ed25519, and RSA from 2048 bits"
    )]
    NothingUsable(usize),
    /// There are too many.
    #[error("there are {0} keys, and at most {MAX_KEYS} are read")]
    TooMany(usize),
    /// Two of one name: which one is meant cannot be said.
    #[error("two keys are called `{0}`")]
    Twice(String),
    /// It is not a public key in PEM.
    #[error(
        "this is not a public key in PEM (`-----BEGIN PUBLIC KEY-----`) of a kind that is known: EC on P-256 and P-384, Ed25519, RSA from 2048 bits"
    )]
    NotAPem,
}

/// A public key, its name, and what it may be used with.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: Option<String>,
    /// The only one that it may be used with, where its owner says so.
    only: Option<Algorithm>,
    family: Family,
    material: Material,
}

#[derive(Clone, PartialEq, Eq)]
enum Material {
    /// A point of a curve, as `ring` takes it.
    Point(Vec<u8>),
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
}

/// A key as it stands in a JWKS. What else is there is not read, above all no private part.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    used_for: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Jwk {
    fn bytes(text: Option<&str>) -> Option<Vec<u8>> {
        base64url::decode(text?)
    }

    /// The key, if it is one that tokens can be checked with.
    fn into_key(self) -> Option<PublicKey> {
        let is_for_signatures = self.used_for.as_deref().is_none_or(|used_for| used_for == "sig")
            && self.key_ops.as_ref().is_none_or(|all| all.iter().any(|one| one == "verify"));
        let is_short = self.kid.as_ref().is_none_or(|kid| kid.len() <= MAX_KEY_ID);
        if !is_for_signatures || !is_short {
            return None;
        }
        let key = match (self.kty.as_str(), self.crv.as_deref()) {
            ("EC", Some(curve)) => {
                let (family, size) = match curve {
                    "P-256" => (Family::P256, 32),
                    "P-384" => (Family::P384, 48),
                    _ => return None,
                };
                let (x, y) = (Self::bytes(self.x.as_deref())?, Self::bytes(self.y.as_deref())?);
                let is_whole = x.len() == size && y.len() == size;
                is_whole.then(|| PublicKey::point(family, [&[4], &x[..], &y[..]].concat()))?
            }
            ("OKP", Some("Ed25519")) => {
                let x = Self::bytes(self.x.as_deref())?;
                (x.len() == 32).then(|| PublicKey::point(Family::Ed25519, x))?
            }
            ("RSA", _) => PublicKey::rsa(Self::bytes(self.n.as_deref())?, Self::bytes(self.e.as_deref())?)?,
            _ => return None,
        };
        let key = PublicKey { id: self.kid, ..key };
        match self.alg {
            Some(name) => key.only_for(Algorithm::by_name(&name)?),
            None => Some(key),
        }
    }
}

impl PublicKey {
    pub(super) fn point(family: Family, point: Vec<u8>) -> Self {
        Self { id: None, only: None, family, material: Material::Point(point) }
    }

    pub(super) fn rsa(n: Vec<u8>, e: Vec<u8>) -> Option<Self> {
        let start = |bytes: &[u8]| bytes.iter().position(|byte| *byte != 0);
        let (n, e) = (n[start(&n)?..].to_vec(), e[start(&e)?..].to_vec());
        let is_good = RSA_MODULUS.contains(&n.len())
            && e.len() <= 4
            && e.last().is_some_and(|last| last % 2 == 1)
            && e != [1];
        is_good.then_some(Self {
            id: None,
            only: None,
            family: Family::Rsa,
            material: Material::Rsa { n, e },
        })
    }

    /// The key of a text that begins with `-----BEGIN PUBLIC KEY-----`.
    ///
    /// # Errors
    ///
    /// When it is not such a text, or a key of another kind.
    pub fn from_pem(text: &str) -> Result<Self, KeySetError> {
        pem::public_key(text).ok_or(KeySetError::NotAPem)
    }

    /// Names it: tokens say by which name they want to be checked.
    #[must_use]
    pub fn with_id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// Lets it be used with this algorithm alone. `None` if it is not a key of that kind.
    #[must_use]
    pub fn only_for(self, algorithm: Algorithm) -> Option<Self> {
        (algorithm.family() == self.family).then_some(Self { only: Some(algorithm), ..self })
    }

    /// Its name.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether it may be used with this algorithm.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.only.map_or(self.family == algorithm.family(), |only| only == algorithm)
    }

    /// Whether this key has signed the message so.
    pub fn has_signed(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        if !self.fits(algorithm) {
            return false;
        }
        match (&self.material, algorithm.rsa()) {
            (Material::Rsa { n, e }, Some(parameters)) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature).is_ok()
            }
            (Material::Point(point), None) => {
                let key = UnparsedPublicKey::new(algorithm.verification(), point);
                key.verify(message, signature).is_ok()
            }
            _ => false,
        }
    }

    /// The members that make the key, in the order of their names (RFC 7638, 3.2).
    fn members(&self) -> Value {
        let text = |bytes: &[u8]| base64url::encode(bytes);
        match (&self.material, self.family) {
            (Material::Rsa { n, e }, _) => json!({ "e": text(e), "kty": "RSA", "n": text(n) }),
            (Material::Point(x), Family::Ed25519) => json!({ "crv": "Ed25519", "kty": "OKP", "x": text(x) }),
            (Material::Point(point), family) => {
                let (x, y) = point[1..].split_at((point.len() - 1) / 2);
                let curve = if family == Family::P384 { "P-384" } else { "P-256" };
                json!({ "crv": curve, "kty": "EC", "x": text(x), "y": text(y) })
            }
        }
    }

    /// A name that follows from the key: its thumbprint (RFC 7638).
    pub fn thumbprint(&self) -> String {
        // A map of `serde_json` is sorted by name or keeps the order of `json!`: both are that of the RFC.
        base64url::encode(digest(&SHA256, self.members().to_string().as_bytes()).as_ref())
    }

    /// The key as a JWKS has it.
    pub fn to_jwk(&self) -> Value {
        let mut jwk = self.members();
        jwk["use"] = "sig".into();
        if let Some(id) = &self.id {
            jwk["kid"] = id.as_str().into();
        }
        if let Some(only) = self.only {
            jwk["alg"] = only.name().into();
        }
        jwk
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicKey")
            .field("id", &self.id)
            .field("family", &self.family)
            .field("only", &self.only)
            .finish_non_exhaustive()
    }
}

/// The keys of one issuer.
///
/// ```
/// use mainstay_auth::jwt::{Algorithm, KeySet, SigningKey};
///
/// let key = SigningKey::generate(Algorithm::Es256).unwrap();
/// let published = KeySet::of([key.public().clone()]).unwrap().to_jwks().to_string();
/// let set = KeySet::from_jwks(&published).unwrap();
/// assert!(set.find(Some(key.id()), Algorithm::Es256).is_some());
/// assert!(set.find(Some("../../etc/passwd"), Algorithm::Es256).is_none());
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<PublicKey>,
}

impl KeySet {
    /// A set of these keys.
    ///
    /// # Errors
    ///
    /// When there are too many, or two of one name that may be used alike.
    pub fn of(keys: impl IntoIterator<Item = PublicKey>) -> Result<Self, KeySetError> {
        let keys: Vec<_> = keys.into_iter().collect();
        if keys.len() > MAX_KEYS {
            return Err(KeySetError::TooMany(keys.len()));
        }
        for (index, key) in keys.iter().enumerate() {
            let is_same = |other: &&PublicKey| {
                key.id.is_some()
                    && other.id == key.id
                    && Algorithm::ALL.iter().any(|one| key.fits(*one) && other.fits(*one))
            };
            if let Some(other) = keys[..index].iter().find(is_same) {
                return Err(KeySetError::Twice(other.id.clone().unwrap_or_default()));
            }
        }
        Ok(Self { keys })
    }

    /// The keys of a JWKS. Those that are not for signatures, or of a kind that is not known, are left out, as RFC 7517, 5 asks for.
    ///
    /// # Errors
    ///
    /// When it is not a JWKS, or nothing in it can be used.
    pub fn from_jwks(text: &str) -> Result<Self, KeySetError> {
        #[derive(Deserialize)]
        struct Jwks {
            keys: Vec<Value>,
        }
        let jwks: Jwks =
            serde_json::from_str(text).map_err(|fault| KeySetError::NotASet(fault.to_string()))?;
        let count = jwks.keys.len();
        if count > MAX_KEYS {
            return Err(KeySetError::TooMany(count));
        }
        let keys =
            jwks.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok()?.into_key());
        let set = Self::of(keys)?;
        if set.keys.is_empty() { Err(KeySetError::NothingUsable(count)) } else { Ok(set) }
    }

    /// The key of this name that may be used so. A token without a name has the only one that may.
    pub fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&PublicKey> {
        let mut fitting = self.keys.iter().filter(|key| key.fits(algorithm));
        match id {
            Some(id) => fitting.find(|key| key.id.as_deref() == Some(id)),
            None => fitting.next().filter(|_| fitting.next().is_none()),
        }
    }

    /// All keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// The set as it is published.
    pub fn to_jwks(&self) -> Value {
        json!({ "keys": self.keys.iter().map(PublicKey::to_jwk).collect::<Vec<_>>() })
    }
}
