//! A private key, and the token that it makes.

use mainstay_core::keys::base64url;
use mainstay_core::{Error, Result};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::algorithm::{Algorithm, Family};
use super::key_set::PublicKey;
use super::pem;

/// A private key to make tokens with: ES256 or EdDSA.
///
/// ```
/// use mainstay_auth::jwt::{Algorithm, KeySet, SigningKey, Verifier};
/// use std::time::{Duration, SystemTime};
///
/// let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
/// let claims = serde_json::json!({ "iss": "https://a.example", "aud": "api", "sub": "42", "exp": 2_000_000_000 });
/// let token = key.sign("JWT", &claims).unwrap();
///
/// let keys = KeySet::of([key.public().clone()]).unwrap();
/// let verifier = Verifier::new("https://a.example", "api");
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_900_000_000);
/// assert_eq!(verifier.verify(&token, &keys, now).unwrap().subject(), Some("42"));
/// ```
pub struct SigningKey {
    pair: Pair,
    algorithm: Algorithm,
    public: PublicKey,
    id: String,
    pkcs8: Zeroizing<Vec<u8>>,
}

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl SigningKey {
    /// A new key.
    ///
    /// # Errors
    ///
    /// When tokens are not made with this algorithm, or the system has no random numbers.
    pub fn generate(algorithm: Algorithm) -> Result<Self> {
        let random = SystemRandom::new();
        let unmade = |_| Error::internal("the system gave no random numbers for a key");
        let pkcs8 = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(unmade)?
            }
            Algorithm::EdDsa => Ed25519KeyPair::generate_pkcs8(&random).map_err(unmade)?,
            other => return Err(unsigned(other)),
        };
        Self::from_pkcs8(algorithm, pkcs8.as_ref())
    }

    /// The key of this text (RFC 5208).
    ///
    /// # Errors
    ///
    /// When it is not a key for this algorithm.
    pub fn from_pkcs8(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self> {
        let unread = |_| Error::internal(format!("a private key for {algorithm} cannot be read"));
        let (pair, family) = match algorithm {
            Algorithm::Es256 => {
                let pair =
                    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new());
                (Pair::P256(pair.map_err(unread)?), Family::P256)
            }
            Algorithm::EdDsa => {
                (Pair::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(unread)?), Family::Ed25519)
            }
            other => return Err(unsigned(other)),
        };
        let point = match &pair {
            Pair::P256(pair) => pair.public_key().as_ref(),
            Pair::Ed25519(pair) => pair.public_key().as_ref(),
        };
        let public = PublicKey::point(family, point.to_vec());
        let id = public.thumbprint();
        let public = public.with_id(&id).only_for(algorithm);
        let public = public.ok_or_else(|| Error::internal("a key is of the family it was made for"))?;
        Ok(Self { pair, algorithm, public, id, pkcs8: Zeroizing::new(pkcs8.to_vec()) })
    }

    /// The key of this text in PEM: the file that begins with `-----BEGIN PRIVATE KEY-----`.
    ///
    /// # Errors
    ///
    /// When it is none, or not a key for this algorithm.
    pub fn from_pem(algorithm: Algorithm, text: &str) -> Result<Self> {
        let key = pem::private_key(text).ok_or_else(|| Error::internal("this is no private key in PEM"))?;
        Self::from_pkcs8(algorithm, &key)
    }

    /// The same under a name that somebody else has given it.
    #[cfg(feature = "social-login")]
    pub(crate) fn named(self, id: &str) -> Self {
        Self { id: id.to_owned(), ..self }
    }

    /// What follows from the key, and is published: its name and how to check with it.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Its name: the thumbprint of its public part (RFC 7638), unless somebody else has named it.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What tokens are signed with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key itself (RFC 5208), for [`from_pkcs8`](Self::from_pkcs8): it is a secret, so seal it before it is kept.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// A token of this type with these claims.
    ///
    /// # Errors
    ///
    /// When the claims cannot be written as JSON, or the system has no random numbers.
    pub fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String> {
        let header = json!({ "alg": self.algorithm, "kid": self.id, "typ": typ }).to_string();
        let claims = serde_json::to_vec(claims)?;
        let mut token = format!("{}.{}", base64url::encode(header.as_bytes()), base64url::encode(&claims));
        let signature = match &self.pair {
            Pair::P256(pair) => pair
                .sign(&SystemRandom::new(), token.as_bytes())
                .map_err(|_| Error::internal("the system gave no random numbers for a signature"))?,
            Pair::Ed25519(pair) => pair.sign(token.as_bytes()),
        };
        token.push('.');
        token.push_str(&base64url::encode(signature.as_ref()));
        Ok(token)
    }
}

fn unsigned(algorithm: Algorithm) -> Error {
    Error::internal(format!("tokens are signed with ES256 or EdDSA; {algorithm} is only checked"))
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}
