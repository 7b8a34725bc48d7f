//! What a client would like to have: `Accept` and `Accept-Language` (RFC 9110, section 12.5).

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, header};

use crate::describe::{Describe, Operation};
use crate::respond::Negotiated;

/// More preferences than this in one header are passed over.
const MOST: usize = 64;

/// The media types that a client understands, and how much it likes each.
///
/// ```
/// use mainstay_http::negotiate::Accepts;
///
/// let accepts = Accepts::parse("text/html, application/json;q=0.9, */*;q=0.1");
/// assert_eq!(accepts.best(&["application/json", "text/html"]), Some("text/html"));
/// assert_eq!(accepts.best(&["image/png", "application/json"]), Some("application/json"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepts(Vec<MediaRange>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct MediaRange {
    kind: String,
    subtype: String,
    parameters: Vec<(String, String)>,
    quality: u16,
}

impl MediaRange {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = split(text, ';');
        let (kind, subtype) = parts.next()?.trim().split_once('/')?;
        let (kind, subtype) = (kind.trim().to_ascii_lowercase(), subtype.trim().to_ascii_lowercase());
        if !is_token(&kind) || !is_token(&subtype) || (kind == "*" && subtype != "*") {
            return None;
        }
        let mut range = Self { kind, subtype, parameters: Vec::new(), quality: 1000 };
        for part in parts {
            let Some((name, value)) = part.split_once('=') else { continue };
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            if name == "q" {
                range.quality = quality(value)?;
                // What follows the quality belongs to `Accept`, not to the media type.
                break;
            }
            range.parameters.push((name, value.trim_matches('"').to_ascii_lowercase()));
        }
        Some(range)
    }

    /// How closely this range names an offer; None where it does not.
    fn matches(&self, offer: &Self) -> Option<usize> {
        let kind = self.kind == offer.kind;
        let subtype = self.subtype == offer.subtype;
        match (kind, subtype) {
            (true, true) if self.parameters.iter().all(|known| offer.parameters.contains(known)) => {
                Some(2 + self.parameters.len())
            }
            (true, _) if self.subtype == "*" => Some(1),
            _ if self.kind == "*" => Some(0),
            _ => None,
        }
    }
}

impl Accepts {
    /// Reads the value of an `Accept` header. What cannot be read is passed over; where nothing is left, anything goes.
    pub fn parse(text: &str) -> Self {
        Self(split(text, ',').take(MOST).filter_map(MediaRange::parse).collect())
    }

    /// What these headers say.
    pub fn of(headers: &HeaderMap) -> Self {
        Self(each(headers, header::ACCEPT).filter_map(MediaRange::parse).collect())
    }

    /// What a client likes best of what there is; of several that it likes the same, the first. None where it
    /// wants none of them: answer with 406, or with what there is.
    pub fn best<'o>(&self, offers: &[&'o str]) -> Option<&'o str> {
        let mut best: Option<(u16, &'o str)> = None;
        for offer in offers {
            let quality = self.quality(offer);
            if quality > best.map_or(0, |(known, _)| known) {
                best = Some((quality, offer));
            }
        }
        best.map(|(_, offer)| offer)
    }

    /// Whether the client likes a page better than JSON. One that takes anything is a program.
    pub fn prefers_html(&self) -> bool {
        self.best(&["application/json", "text/html"]) == Some("text/html")
    }

    /// Makes whichever the client prefers.
    pub fn json_or_html<J, H>(&self, json: impl FnOnce() -> J, html: impl FnOnce() -> H) -> Negotiated<J, H> {
        if self.prefers_html() { Negotiated::Html(html()) } else { Negotiated::Json(json()) }
    }

    /// From 0, not wanted, to 1000. The range that names an offer most closely decides.
    fn quality(&self, offer: &str) -> u16 {
        if self.0.is_empty() {
            return 1000;
        }
        let Some(offer) = MediaRange::parse(offer) else { return 0 };
        let ranges = self.0.iter().filter_map(|range| Some((range.matches(&offer)?, range.quality)));
        ranges.max().map_or(0, |(_, quality)| quality)
    }
}

/// The languages that a client reads, and how much it likes each.
///
/// ```
/// use mainstay_http::negotiate::AcceptsLanguage;
///
/// let accepts = AcceptsLanguage::parse("de-CH, fr;q=0.8, *;q=0.1");
/// assert_eq!(accepts.best(&["en", "fr", "de"]), Some("de"));
/// assert_eq!(accepts.best(&["en", "it"]), Some("en"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceptsLanguage(Vec<LanguageRange>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct LanguageRange {
    tag: String,
    quality: u16,
}

impl LanguageRange {
    fn parse(text: &str) -> Option<Self> {
        let (tag, parameters) = text.split_once(';').unwrap_or((text, ""));
        let tag = tag.trim().to_ascii_lowercase();
        if !is_token(&tag) {
            return None;
        }
        let quality = match parameters.trim().split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("q") => quality(value.trim())?,
            _ => 1000,
        };
        Some(Self { tag, quality })
    }

    /// How well an offer serves this range: the language itself, a dialect of it, the language that it is a dialect
    /// of (`de` for somebody who reads `de-CH`; RFC 4647, 3.4), or any at all.
    fn matches(&self, offer: &str) -> Option<usize> {
        let within =
            |tag: &str, outer: &str| tag.strip_prefix(outer).is_some_and(|rest| rest.starts_with('-'));
        if self.tag == offer {
            Some(3)
        } else if within(offer, &self.tag) {
            Some(2)
        } else if within(&self.tag, offer) {
            Some(1)
        } else {
            (self.tag == "*").then_some(0)
        }
    }
}

impl AcceptsLanguage {
    /// Reads the value of an `Accept-Language` header.
    pub fn parse(text: &str) -> Self {
        Self(split(text, ',').take(MOST).filter_map(LanguageRange::parse).collect())
    }

    /// What these headers say.
    pub fn of(headers: &HeaderMap) -> Self {
        Self(each(headers, header::ACCEPT_LANGUAGE).filter_map(LanguageRange::parse).collect())
    }

    /// What a client likes best of what there is. None where it wants none of them: use the default.
    pub fn best<'o>(&self, offers: &[&'o str]) -> Option<&'o str> {
        let mut best: Option<((u16, usize), &'o str)> = None;
        for offer in offers {
            let tag = offer.to_ascii_lowercase();
            let served = self.0.iter().filter_map(|range| Some((range.matches(&tag)?, range.quality)));
            let (closeness, quality) =
                if self.0.is_empty() { (0, 1000) } else { served.max().unwrap_or((0, 0)) };
            if quality > 0 && best.is_none_or(|(known, _)| (quality, closeness) > known) {
                best = Some(((quality, closeness), offer));
            }
        }
        best.map(|(_, offer)| offer)
    }
}

/// The elements of a header that is a list, over all its lines.
pub(crate) fn each(headers: &HeaderMap, name: header::HeaderName) -> impl Iterator<Item = &str> {
    let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| split(line, ',')).take(MOST)
}

/// Parts between separators that are not inside quotation marks.
pub(crate) fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |ch: char| {
        if escaped {
            escaped = false;
        } else {
            match ch {
                '"' => quoted = !quoted,
                '\\' if quoted => escaped = true,
                _ => return ch == separator && !quoted,
            }
        }
        false
    })
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// `0`, `1`, `0.5`, `0.123`: thousandths (RFC 9110, 12.4.2).
fn quality(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

impl<S: Sync> FromRequestParts<S> for Accepts {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

impl<S: Sync> FromRequestParts<S> for AcceptsLanguage {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// OpenAPI has `Accept` in the media types of responses, and forbids it among the parameters.
impl Describe for Accepts {
    fn describe(_operation: &mut Operation) {}
}

impl Describe for AcceptsLanguage {
    fn describe(operation: &mut Operation) {
        use crate::describe::{Parameter, Place, schema_of};
        let parameter = Parameter::new(Place::Header, "Accept-Language").schema(schema_of::<str>());
        operation.parameter(parameter.description("The languages that the client reads."));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn best(accept: &str, offers: &'static [&'static str]) -> Option<&'static str> {
        Accepts::parse(accept).best(offers)
    }

    #[test]
    fn the_closest_range_decides() {
        let accept = "text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, */*;q=0.5";
        let accepts = Accepts::parse(accept);
        let qualities =
            ["text/plain;format=flowed", "text/plain", "text/html", "image/jpeg", "text/plain;format=fixed"]
                .map(|offer| accepts.quality(offer));
        // The table of RFC 9110, 12.5.1.
        assert_eq!(qualities, [1000, 700, 300, 500, 400]);
    }

    #[test]
    fn the_first_offer_wins_among_equals() {
        assert_eq!(best("*/*", &["a/b", "c/d"]), Some("a/b"));
        assert_eq!(best("", &["a/b", "c/d"]), Some("a/b"));
        assert_eq!(best("c/d, a/b", &["a/b", "c/d"]), Some("a/b"));
        assert_eq!(best("c/d, a/b;q=0.9", &["a/b", "c/d"]), Some("c/d"));
        assert_eq!(best("*/*, a/b;q=0", &["a/b", "c/d"]), Some("c/d"));
        assert_eq!(best("image/png", &["a/b", "c/d"]), None);
        assert_eq!(best("TEXT/HTML", &["text/html; charset=utf-8"]), Some("text/html; charset=utf-8"));
    }

    #[test]
    fn passes_over_what_it_cannot_read() {
        assert_eq!(best("nonsense, a/b;q=7, */x, c/d;q=0.5", &["a/b", "c/d"]), Some("c/d"));
        assert_eq!(best("a/b;x=\",c/d\"", &["c/d"]), None);
    }

    #[test]
    fn browsers_get_pages_and_programs_get_json() {
        let browser = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
        assert!(Accepts::parse(browser).prefers_html());
        for program in ["*/*", "", "application/json", "application/json, text/html"] {
            assert!(!Accepts::parse(program).prefers_html(), "{program}");
        }
    }

    #[test]
    fn finds_a_language() {
        let best = |accept: &str, offers| AcceptsLanguage::parse(accept).best(offers);
        assert_eq!(best("pt-BR, en;q=0.5", &["en", "pt", "pt-BR"]), Some("pt-BR"));
        assert_eq!(best("pt, en;q=0.5", &["en", "pt-PT"]), Some("pt-PT"));
        assert_eq!(best("zh-Hant-TW", &["en", "zh-hant"]), Some("zh-hant"));
        assert_eq!(best("de", &["en", "den"]), None);
        assert_eq!(best("de, *;q=0", &["en", "de"]), Some("de"));
        assert_eq!(best("de;q=0, *", &["de", "en"]), Some("en"));
        assert_eq!(best("", &["en", "de"]), Some("en"));
    }

    #[test]
    fn reads_qualities_in_thousandths() {
        assert_eq!(
            ["0", "1", "0.5", "0.125", "1.000", "0."].map(quality),
            [Some(0), Some(1000), Some(500), Some(125), Some(1000), Some(0)]
        );
        for bad in ["", "2", "1.001", "0.1234", "-0", "0.a", "+1", ".5"] {
            assert_eq!(quality(bad), None, "{bad}");
        }
    }

    proptest::proptest! {
        #[test]
        fn only_ever_chooses_what_is_offered_and_wanted(
            ranges in proptest::collection::vec(("(a|b|\\*)/(c|d|\\*)", 0u16..=10), 0..6),
        ) {
            let text = ranges.iter().map(|(range, q)| format!("{range};q={}", f64::from(*q) / 10.0)).collect::<Vec<_>>().join(", ");
            let offers = ["a/c", "a/d", "b/c"];
            let accepts = Accepts::parse(&text);
            match accepts.best(&offers) {
                Some(chosen) => {
                    proptest::prop_assert!(accepts.quality(chosen) > 0);
                    proptest::prop_assert!(offers.iter().all(|offer| accepts.quality(offer) <= accepts.quality(chosen)));
                }
                None => proptest::prop_assert!(offers.iter().all(|offer| accepts.quality(offer) == 0)),
            }
        }

        #[test]
        fn no_header_makes_it_panic(text in ".{0,80}", offer in ".{0,20}") {
            let _ = Accepts::parse(&text).best(&[&offer, "text/html"]);
            let _ = AcceptsLanguage::parse(&text).best(&[&offer, "en"]);
        }
    }
}
