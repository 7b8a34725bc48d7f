//! Sealing with a secret that is not that of the application.

use std::sync::Arc;

use super::KeyError;
use super::root::Root;
use super::token::Tokens;
use crate::clock::SystemClock;
use crate::random::{Random, SecureRandom};

/// The data, hidden.
pub(crate) fn seal(secret: &[u8], purpose: &str, data: &[u8], random: Arc<dyn Random>) -> String {
    let tokens = Tokens { clock: Arc::new(SystemClock), random };
    tokens.seal(&Root::of(secret).pair(purpose), data, None)
}

/// The data that [`seal`] was given.
pub(crate) fn open(secret: &[u8], purpose: &str, text: &str) -> Result<Vec<u8>, KeyError> {
    let root = Root::of(secret);
    let tokens = Tokens { clock: Arc::new(SystemClock), random: Arc::new(SecureRandom::new()) };
    tokens.open(|id| (id == root.id).then(|| Arc::new(root.pair(purpose))), text)
}
