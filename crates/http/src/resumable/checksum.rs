//! The extension `checksum`: a digest that comes with a request.

use http::HeaderMap;
use mainstay_core::{Error, Result, StatusCode};
use ring::digest::{Algorithm, Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512};

use super::metadata::padded;
use super::protocol::{UPLOAD_CHECKSUM, invalid, one};

/// What may be asked for. SHA-1 finds accidents, which is what this is for, and is what every client knows.
const ALGORITHMS: [(&str, &Algorithm); 3] =
    [("sha1", &SHA1_FOR_LEGACY_USE_ONLY), ("sha256", &SHA256), ("sha512", &SHA512)];

/// Their names, as `Tus-Checksum-Algorithm` lists them.
pub(super) const NAMES: &str = "sha1,sha256,sha512";

/// A digest on its way, and what it is to be.
#[derive(Clone)]
pub(super) struct Checksum {
    context: Context,
    expected: Vec<u8>,
}

impl Checksum {
    /// The checksum of a request, if it has one.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>> {
        let Some(text) = one(headers, &UPLOAD_CHECKSUM)? else { return Ok(None) };
        let (name, value) = text.split_once(' ').unwrap_or((text, ""));
        let Some((_, algorithm)) = ALGORITHMS.iter().find(|(known, _)| *known == name) else {
            return Err(invalid(&UPLOAD_CHECKSUM, format!("the algorithm is none of {NAMES}")));
        };
        let expected = padded(value).filter(|bytes| bytes.len() == algorithm.output_len());
        let Some(expected) = expected else {
            return Err(invalid(
                &UPLOAD_CHECKSUM,
                format!("expected `{name}` and {} bytes in Base64", algorithm.output_len()),
            ));
        };
        Ok(Some(Self { context: Context::new(algorithm), expected }))
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// Whether all that came is what was meant.
    pub(super) fn verify(self) -> Result<()> {
        if self.context.finish().as_ref() == self.expected {
            return Ok(());
        }
        let message =
            "What arrived does not have the checksum of the request, and was discarded: send it again.";
        Err(Error::new(mismatch(), message).code("checksum_mismatch"))
    }
}

/// The status that the extension defines for this.
pub(super) fn mismatch() -> StatusCode {
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Option<Checksum>> {
        let mut headers = HeaderMap::new();
        headers.insert(UPLOAD_CHECKSUM, value.parse().unwrap());
        Checksum::of(&headers)
    }

    #[test]
    fn compares_what_came_with_what_was_meant() {
        // Of `hello`.
        for value in
            ["sha1 qvTGHdzF6KLavt4PO0gs2a6pQ00=", "sha256 LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="]
        {
            let mut checksum = read(value).unwrap().unwrap();
            checksum.update(b"hel");
            let wrong = checksum.clone();
            checksum.update(b"lo");
            assert!(checksum.verify().is_ok(), "{value}");
            assert_eq!(wrong.verify().unwrap_err().status().as_u16(), 460, "{value}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_compare() {
        assert!(Checksum::of(&HeaderMap::new()).unwrap().is_none());
        for value in ["md5 XUFAKrxLKna5cZ2REBfFkg==", "sha1", "sha1 YQ==", "sha1 !", ""] {
            let error = read(value).err().unwrap();
            assert_eq!(
                (error.status(), error.machine_code()),
                (StatusCode::BAD_REQUEST, "invalid_parameter")
            );
        }
    }

    #[test]
    fn announces_every_algorithm() {
        assert_eq!(ALGORITHMS.map(|(name, _)| name).join(","), NAMES);
    }
}
