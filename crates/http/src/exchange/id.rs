//! What names a request in headers, logs and error bodies.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use http::HeaderValue;

/// What names one request: ours, or the one that a trusted proxy sent.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestId(Repr);

#[derive(Clone, PartialEq, Eq)]
enum Repr {
    Own(u128),
    Given(HeaderValue),
}

/// Random once for each process: ids of two processes differ. No secret.
static PROCESS: LazyLock<(u64, u64)> =
    LazyLock::new(|| (RandomState::new().hash_one("process"), RandomState::new().hash_one("order")));
static COUNT: AtomicU64 = AtomicU64::new(0);

impl RequestId {
    /// A new one: 64 bits that name the process, and a counter whose order is hidden.
    pub(crate) fn next() -> Self {
        let (process, order) = *PROCESS;
        let low = scramble(COUNT.fetch_add(1, Relaxed) ^ order);
        Self(Repr::Own(u128::from(process) << 64 | u128::from(low)))
    }

    /// The id that another server has given. None unless it has 1 to 128 characters of letters, digits and `-_.:+/=`.
    pub fn given(value: &HeaderValue) -> Option<Self> {
        let bytes = value.as_bytes();
        let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(byte);
        let fits = (1..=128).contains(&bytes.len()) && bytes.iter().all(allowed);
        fits.then(|| Self(Repr::Given(value.clone())))
    }

    /// As a header value.
    pub fn to_header(&self) -> HeaderValue {
        match &self.0 {
            Repr::Own(number) => {
                HeaderValue::from_bytes(&hex(*number)).unwrap_or(HeaderValue::from_static(""))
            }
            Repr::Given(value) => value.clone(),
        }
    }

    /// As text, on the stack.
    pub(crate) fn text(&self) -> IdText<'_> {
        match &self.0 {
            Repr::Own(number) => IdText::Own(hex(*number)),
            Repr::Given(value) => IdText::Given(value.to_str().unwrap_or_default()),
        }
    }
}

/// The text of an id.
pub(crate) enum IdText<'a> {
    Own([u8; 32]),
    Given(&'a str),
}

impl IdText<'_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Own(digits) => std::str::from_utf8(digits).unwrap_or_default(),
            Self::Given(text) => text,
        }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Own(number) => write!(f, "{number:032x}"),
            Repr::Given(value) => f.write_str(value.to_str().unwrap_or_default()),
        }
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): a bijection, so that ids stay unique.
fn scramble(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

fn hex(number: u128) -> [u8; 32] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 32];
    for (index, place) in text.iter_mut().enumerate() {
        *place = DIGITS[(number >> (124 - 4 * index) & 15) as usize];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_differ_and_read_the_same_everywhere() {
        let (a, b) = (RequestId::next(), RequestId::next());
        assert_ne!(a, b);
        assert_eq!(a.to_string().len(), 32);
        assert_eq!(a.to_header().to_str().unwrap(), a.to_string());
    }

    #[test]
    fn takes_over_only_harmless_ids() {
        let given = |text: &'static str| RequestId::given(&HeaderValue::from_static(text));
        assert_eq!(given("01J-abc").unwrap().to_string(), "01J-abc");
        assert!(given("").is_none());
        assert!(given("a b").is_none());
        assert!(given("<script>").is_none());
        assert!(RequestId::given(&HeaderValue::from_str(&"x".repeat(129)).unwrap()).is_none());
    }
}
