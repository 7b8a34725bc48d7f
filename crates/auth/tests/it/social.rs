//! Signing in by a provider: what is done right by one that is honest, and what is refused of one that is not.

mod apple;
mod arriving;
mod connecting;
mod kept_tokens;
mod keys;
mod leaving;
mod lies;
mod plain_oauth;
mod provider;
mod set_up;
pub(crate) mod world;
