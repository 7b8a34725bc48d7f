//! JSON Web Tokens (RFC 7519): made with keys of this application, and checked with its own or with those of others.
//!
//! What goes wrong with such tokens elsewhere is that the token says how it is to be checked. Here it does not: the key says with which
//! algorithms it may be used, and the header only picks a key from a set that is known beforehand. There is no `none` and no HMAC, since
//! [`Algorithm`] has no name for them; what a header says of keys of its own (`jwk`, `jku`, `x5u`, `x5c`) is never read.
//!
//! `.jwt::<User>()` gives devices pairs of tokens: an access token, which every service can check that knows the published keys, and a
//! refresh token, which is exchanged for the next pair.
//!
//! In reading order. What is pure, and serves others as well:
//!
//! 1. [`algorithm`]: the signatures that are known.
//! 2. [`key_set`]: public keys, from a JWKS (RFC 7517) or from PEM.
//! 3. [`verify`]: from a token, a set and the time to [`Claims`]; it asks nobody and changes nothing.
//! 4. [`sign`]: a private key, and the token that it makes.
//!
//! What an application has:
//!
//! 5. [`keys`]: the signing keys and their schedule.
//! 6. [`pairs`]: devices sign in, come back, and are signed out; [`device`] and [`table`]: what is kept of them.
//!    `theft`: who is told of a token that came twice.
//! 7. `read`: from a request to who sends it, and what is remembered of that.
//! 8. `endpoints`, `config`, `module`: addresses, the section `jwt`, and what `.jwt::<User>()` adds.

pub mod algorithm;
mod config;
pub mod device;
mod endpoints;
pub mod key_set;
pub mod keys;
mod module;
pub mod pairs;
mod pem;
mod read;
pub mod sign;
pub mod table;
mod theft;
pub mod verify;

pub use algorithm::Algorithm;
pub use config::JwtConfig;
pub use device::{Device, SignIn};
pub use key_set::{KeySet, KeySetError, PublicKey};
pub use keys::SigningKeys;
pub use module::JwtExt;
pub use pairs::{TokenPair, TokenPairs};
pub use sign::SigningKey;
pub use theft::TokenTheft;
pub use verify::{Claims, JwtError, Verifier};
