//! Keys in PEM (RFC 7468): of a public one the `SubjectPublicKeyInfo` of RFC 5280, of a private one the `PrivateKeyInfo` of RFC 5208, in
//! base64.

use mainstay_core::keys::base64;
use zeroize::Zeroizing;

use super::algorithm::Family;
use super::key_set::PublicKey;

/// The name of a kind of key, with its parameters, as DER.
const P256: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
const P384: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22";
const ED25519: &[u8] = b"\x06\x03\x2b\x65\x70";
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

const INTEGER: u8 = 0x02;
const BITS: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

pub(super) fn public_key(text: &str) -> Option<PublicKey> {
    let der = der(text, "PUBLIC KEY")?;
    let (info, rest) = value(&der, SEQUENCE)?;
    let (kind, info) = value(info, SEQUENCE)?;
    let (bits, after) = value(info, BITS)?;
    if !rest.is_empty() || !after.is_empty() {
        return None;
    }
    // The first byte says how many bits of the last one do not count.
    let key = bits.strip_prefix(&[0])?;
    let is_point = |size: usize| key.len() == 1 + 2 * size && key[0] == 4;
    match kind {
        P256 if is_point(32) => Some(PublicKey::point(Family::P256, key.to_vec())),
        P384 if is_point(48) => Some(PublicKey::point(Family::P384, key.to_vec())),
        ED25519 if key.len() == 32 => Some(PublicKey::point(Family::Ed25519, key.to_vec())),
        RSA => {
            let (numbers, rest) = value(key, SEQUENCE)?;
            let (n, numbers) = value(numbers, INTEGER)?;
            let (e, after) = value(numbers, INTEGER)?;
            let is_whole = rest.is_empty() && after.is_empty();
            is_whole.then(|| PublicKey::rsa(n.to_vec(), e.to_vec()))?
        }
        _ => None,
    }
}

/// The bytes of a private key.
pub(super) fn private_key(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    der(text, "PRIVATE KEY")
}

/// What is between the lines that say `label`.
fn der(text: &str, label: &str) -> Option<Zeroizing<Vec<u8>>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {label}-----"))?;
    let body: String = body.split_ascii_whitespace().collect();
    base64::decode(&Zeroizing::new(body)).map(Zeroizing::new)
}

/// The value of this tag that `der` begins with, and what follows it.
fn value(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, der) = der.split_first()?;
    let (first, der) = der.split_first()?;
    let (length, der) = match *first {
        short @ 0..=0x7f => (usize::from(short), der),
        0x81 => (usize::from(*der.first()?), &der[1..]),
        0x82 => (usize::from(u16::from_be_bytes(*der.first_chunk()?)), &der[2..]),
        _ => return None,
    };
    (*found == tag).then(|| der.split_at_checked(length))?
}
