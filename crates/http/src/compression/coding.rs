//! The content codings, and which of them a client takes.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// A content coding (RFC 9110, section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Zstandard (RFC 8878).
    Zstd,
    /// Brotli (RFC 7932).
    Brotli,
    /// gzip (RFC 1952).
    Gzip,
}

impl Coding {
    /// For bodies made per request, the best first: zstd costs a third of brotli's time for about the same size.
    pub const FOR_DYNAMIC: [Self; 3] = [Self::Zstd, Self::Brotli, Self::Gzip];

    /// For files compressed in advance, where only the size counts, the best first.
    pub const FOR_FILES: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The coding of that name.
    pub fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") {
            Some(Self::Gzip)
        } else if name.eq_ignore_ascii_case("br") {
            Some(Self::Brotli)
        } else if name.eq_ignore_ascii_case("zstd") {
            Some(Self::Zstd)
        } else {
            None
        }
    }

    /// What a file compressed with it ends in, after its own name.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Zstd => "zst",
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }
}

/// What a client takes, as weights from 0 (not at all) to 1000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    zstd: u16,
    brotli: u16,
    gzip: u16,
    refuses_identity: bool,
}

impl Accepted {
    /// Reads `Accept-Encoding`. Without it, a client takes only what is not compressed.
    pub fn of(request: &HeaderMap) -> Self {
        let mut accepted = Self::default();
        let mut rest = None;
        let mut named = [None; 3];
        let mut identity = None;
        for value in request.get_all(ACCEPT_ENCODING) {
            let Ok(value) = value.to_str() else { continue };
            for item in value.split(',') {
                let (name, weight) = weighted(item);
                match Coding::named(name) {
                    Some(coding) => named[coding as usize] = Some(weight),
                    None if name == "*" => rest = Some(weight),
                    None if name.eq_ignore_ascii_case("identity") => identity = Some(weight),
                    None => {}
                }
            }
        }
        let of = |coding: Coding| named[coding as usize].or(rest).unwrap_or(0);
        accepted.zstd = of(Coding::Zstd);
        accepted.brotli = of(Coding::Brotli);
        accepted.gzip = of(Coding::Gzip);
        accepted.refuses_identity = identity.or(rest) == Some(0);
        accepted
    }

    /// Whether the client wants nothing that is not compressed (`identity;q=0`).
    pub fn refuses_identity(self) -> bool {
        self.refuses_identity
    }

    /// The coding of the greatest weight; of equals, the one that comes first in `preferred`.
    pub fn best(self, preferred: &[Coding]) -> Option<Coding> {
        let mut best = None;
        for coding in preferred {
            let weight = self.weight(*coding);
            if weight > best.map_or(0, |(_, weight)| weight) {
                best = Some((*coding, weight));
            }
        }
        best.map(|(coding, _)| coding)
    }

    /// All codings that the client takes, the one of the greatest weight first; equals in the order of `preferred`.
    pub fn ranked(self, preferred: &[Coding]) -> Vec<Coding> {
        let mut taken: Vec<_> = preferred.iter().copied().filter(|coding| self.weight(*coding) > 0).collect();
        taken.sort_by_key(|coding| std::cmp::Reverse(self.weight(*coding)));
        taken
    }

    fn weight(self, coding: Coding) -> u16 {
        match coding {
            Coding::Zstd => self.zstd,
            Coding::Brotli => self.brotli,
            Coding::Gzip => self.gzip,
        }
    }
}

/// `gzip;q=0.5` as a name and a weight. A weight that cannot be read counts as 1, as if it were not there.
fn weighted(item: &str) -> (&str, u16) {
    let mut parts = item.split(';');
    let name = parts.next().unwrap_or_default().trim();
    let weight = parts
        .filter_map(|part| part.trim().strip_prefix("q=").or_else(|| part.trim().strip_prefix("Q=")))
        .find_map(thousandths)
        .unwrap_or(1000);
    (name, weight)
}

fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction = format!("{fraction:0<3}").parse::<u16>().ok()?;
    match whole {
        "0" => Some(fraction),
        "1" if fraction == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(value: &'static str) -> Accepted {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, http::HeaderValue::from_static(value));
        Accepted::of(&headers)
    }

    fn best(value: &'static str) -> Option<Coding> {
        accepted(value).best(&Coding::FOR_DYNAMIC)
    }

    #[test]
    fn weighs_what_the_client_prefers_before_what_we_do() {
        assert_eq!(best("gzip, deflate, br, zstd"), Some(Coding::Zstd));
        assert_eq!(accepted("gzip, br, zstd").best(&Coding::FOR_FILES), Some(Coding::Brotli));
        assert_eq!(best("zstd;q=0.2, gzip;q=0.9, br;q=0.3"), Some(Coding::Gzip));
        assert_eq!(best("GZIP"), Some(Coding::Gzip));
        assert_eq!(best("x-gzip;q=0.001"), Some(Coding::Gzip));
        let ranked = accepted("gzip;q=0.5, zstd;q=0.9, br;q=0.9").ranked(&Coding::FOR_FILES);
        assert_eq!(ranked, [Coding::Brotli, Coding::Zstd, Coding::Gzip]);
    }

    #[test]
    fn takes_a_star_for_what_is_not_named() {
        assert_eq!(best("*"), Some(Coding::Zstd));
        assert_eq!(best("zstd;q=0, *"), Some(Coding::Brotli));
        assert_eq!(best("*;q=0"), None);
        assert_eq!(best("gzip, *;q=0"), Some(Coding::Gzip));
    }

    #[test]
    fn sends_plainly_what_is_not_asked_for() {
        assert_eq!(Accepted::of(&HeaderMap::new()).best(&Coding::FOR_DYNAMIC), None);
        assert_eq!(best(""), None);
        assert_eq!(best("deflate"), None);
        assert_eq!(best("gzip;q=0"), None);
        assert_eq!(best("gzip; q=0.000"), None);
    }

    #[test]
    fn knows_who_refuses_identity() {
        assert!(accepted("gzip, identity;q=0").refuses_identity());
        assert!(accepted("gzip, *;q=0").refuses_identity());
        assert!(!accepted("identity, *;q=0").refuses_identity());
        assert!(!accepted("gzip").refuses_identity());
    }
}
