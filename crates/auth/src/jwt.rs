//! JSON Web Tokens (RFC 7519): made with keys of this application, and checked with its own or with those of others.
//!
//! What goes wrong with such tokens elsewhere is that the token says how it is to be checked. Here it does not: the key says with which
//! algorithms it may be used, and the header only picks a key from a set that is known beforehand. There is no `none` and no HMAC, since
//! [`Algorithm`] has no name for them; what a header says of keys of its own (`jwk`, `jku`, `x5u`, `x5c`) is never read.
//!
//! In reading order:
//!
//! 1. [`algorithm`]: the signatures that are known.
//! 2. [`key_set`]: public keys, from a JWKS (RFC 7517) or from PEM.
//! 3. [`verify`]: from a token, a set and the time to [`Claims`]; it asks nobody and changes nothing.
//! 4. [`sign`]: a private key, and the token that it makes.

pub mod algorithm;
pub mod key_set;
mod pem;
pub mod sign;
pub mod verify;

pub use algorithm::Algorithm;
pub use key_set::{KeySet, KeySetError, PublicKey};
pub use sign::SigningKey;
pub use verify::{Claims, JwtError, Verifier};
