//! The tokens of the peers: `user.expiry.signature`, with HMAC-SHA256 of what is before it, in hexadecimal digits.

use std::{
    sync::LazyLock,
    time::{SystemTime, UNIX_EPOCH},
};

use ring::hmac;

static KEY: LazyLock<hmac::Key> =
    LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, b"a secret of the bench, of which nothing depends"));

/// Whose token it is, if it is good.
pub(super) fn read(token: &str) -> Option<i64> {
    let (signed, signature) = token.rsplit_once('.')?;
    hmac::verify(&KEY, signed.as_bytes(), &bytes(signature)?).ok()?;
    let (user, expiry) = signed.split_once('.')?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    (expiry.parse::<u64>().ok()? > now).then(|| user.parse().ok())?
}

fn bytes(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let pairs = digits.as_bytes().chunks_exact(2);
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "7.4102444800.418afbfa79d87e16cc5995621f3a1dfe63a157fd81d86d9846b5b42fd82b665f";

    #[test]
    fn tells_whose_a_good_token_is() {
        assert_eq!(read(GOOD), Some(7));
    }

    #[test]
    fn refuses_a_token_that_is_forged_cut_off_or_over() {
        assert_eq!(read(&GOOD.replace("7.", "8.")), None);
        assert_eq!(read(&GOOD[..GOOD.len() - 2]), None);
        let over = "7.1";
        let signature = hmac::sign(&KEY, over.as_bytes());
        let digits: String = signature.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(read(&format!("{over}.{digits}")), None);
        assert_eq!(read(""), None);
    }
}
