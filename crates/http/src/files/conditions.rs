//! What the client has already (RFC 9110, section 13).

use std::time::SystemTime;

use http::header::{IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::range::{Wanted, wanted};
use super::tag::Tag;

/// The headers of a request that decide how much of a file is sent. Empty for all methods but GET and HEAD.
#[derive(Clone, Debug, Default)]
pub struct Conditions(Option<Box<Given>>);

#[derive(Clone, Debug, Default)]
struct Given {
    if_match: Option<String>,
    if_none_match: Option<String>,
    if_modified_since: Option<SystemTime>,
    if_unmodified_since: Option<SystemTime>,
    if_range: Option<String>,
    range: Option<String>,
}

/// What to answer with.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The whole, or these parts.
    Send(Wanted),
    /// 304: the client has it.
    NotModified,
    /// 412: it is not what the client believes it to be.
    Changed,
}

impl Conditions {
    /// Takes them from a request. Costs a few look-ups, and allocates only if there are any.
    pub fn of(method: &Method, headers: &HeaderMap) -> Self {
        const NAMES: [HeaderName; 6] =
            [RANGE, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_MATCH, IF_UNMODIFIED_SINCE, IF_RANGE];
        if !(method == Method::GET || method == Method::HEAD)
            || !NAMES.iter().any(|name| headers.contains_key(name))
        {
            return Self::default();
        }
        let text =
            |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let date = |name: HeaderName| headers.get(name).and_then(date);
        Self(Some(Box::new(Given {
            if_match: list(headers, IF_MATCH),
            if_none_match: list(headers, IF_NONE_MATCH),
            if_modified_since: date(IF_MODIFIED_SINCE),
            if_unmodified_since: date(IF_UNMODIFIED_SINCE),
            if_range: text(IF_RANGE),
            // A HEAD asks about the whole.
            range: if method == Method::GET { text(RANGE) } else { None },
        })))
    }

    /// Whether the file is sent whole in any case.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The same where only the whole can be sent.
    pub(super) fn judge_whole(&self, tag: Option<&Tag>, written: Option<SystemTime>) -> Verdict {
        // Of nothing there are no parts.
        self.judge(tag, written, 0)
    }

    /// Decides in the order of RFC 9110, section 13.2.2.
    pub(super) fn judge(&self, tag: Option<&Tag>, written: Option<SystemTime>, length: u64) -> Verdict {
        let Some(given) = &self.0 else { return Verdict::Send(Wanted::Whole) };
        let written = written.map(whole_seconds);
        if let Some(expected) = &given.if_match {
            if !tag.is_some_and(|tag| any(expected, |other| tag.matches_strongly(other))) {
                return Verdict::Changed;
            }
        } else if let (Some(limit), Some(written)) = (given.if_unmodified_since, written)
            && written > limit
        {
            return Verdict::Changed;
        }
        if let Some(known) = &given.if_none_match {
            if tag.is_some_and(|tag| any(known, |other| tag.matches_weakly(other))) {
                return Verdict::NotModified;
            }
        } else if let (Some(known), Some(written)) = (given.if_modified_since, written)
            && written <= known
        {
            return Verdict::NotModified;
        }
        match &given.range {
            Some(range) if given.still_has(tag, written) => Verdict::Send(wanted(range, length)),
            _ => Verdict::Send(Wanted::Whole),
        }
    }
}

impl Given {
    /// Whether the part that the client has (`If-Range`) is of this very file.
    fn still_has(&self, tag: Option<&Tag>, written: Option<SystemTime>) -> bool {
        match &self.if_range {
            None => true,
            Some(value) if value.starts_with('"') || value.starts_with("W/") => {
                tag.is_some_and(|tag| tag.matches_strongly(value))
            }
            Some(value) => match (httpdate::parse_http_date(value), written) {
                (Ok(date), Some(written)) => date == written,
                _ => false,
            },
        }
    }
}

/// HTTP's dates have no fractions.
fn whole_seconds(time: SystemTime) -> SystemTime {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(since.as_secs()),
        Err(_) => time,
    }
}

fn date(value: &HeaderValue) -> Option<SystemTime> {
    httpdate::parse_http_date(value.to_str().ok()?).ok()
}

/// All values of a list header, joined.
fn list(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// Whether some tag of a list does; `*` stands for any. A comma may be inside of a tag.
fn any(list: &str, mut does: impl FnMut(&str) -> bool) -> bool {
    let mut rest = list.trim_start();
    if rest.trim_end() == "*" {
        return true;
    }
    while !rest.is_empty() {
        let quoted = if rest.starts_with("W/") { 2 } else { 0 };
        let Some(inner) = rest[quoted..].strip_prefix('"') else { return false };
        let Some(length) = inner.find('"') else { return false };
        let end = quoted + 1 + length + 1;
        if does(&rest[..end]) {
            return true;
        }
        rest = rest[end..].trim_start_matches([',', ' ', '\t']);
    }
    false
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn judge(pairs: &[(HeaderName, &str)]) -> Verdict {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let written = SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_000_500);
        Conditions::of(&Method::GET, &headers).judge(Tag::new("a,b").as_ref(), Some(written), 10)
    }

    const BEFORE: &str = "Sun, 09 Sep 2001 01:46:39 GMT";
    const THEN: &str = "Sun, 09 Sep 2001 01:46:40 GMT";

    fn part() -> Verdict {
        Verdict::Send(Wanted::Parts(std::iter::once(0..2).collect()))
    }

    fn whole() -> Verdict {
        Verdict::Send(Wanted::Whole)
    }

    #[test]
    fn sends_nothing_twice() {
        assert_eq!(judge(&[(IF_NONE_MATCH, "\"x\", W/\"a,b\"")]), Verdict::NotModified);
        assert_eq!(judge(&[(IF_NONE_MATCH, "\"x\""), (IF_NONE_MATCH, "\"a,b\"")]), Verdict::NotModified);
        assert_eq!(judge(&[(IF_NONE_MATCH, "*")]), Verdict::NotModified);
        assert_eq!(judge(&[(IF_MODIFIED_SINCE, THEN)]), Verdict::NotModified);
        assert_eq!(judge(&[(IF_MODIFIED_SINCE, BEFORE)]), whole());
        assert_eq!(judge(&[(IF_MODIFIED_SINCE, "yesterday")]), whole());
    }

    #[test]
    fn believes_the_tag_before_the_date() {
        assert_eq!(judge(&[(IF_NONE_MATCH, "\"x\""), (IF_MODIFIED_SINCE, THEN)]), whole());
        assert_eq!(judge(&[(IF_MATCH, "\"a,b\""), (IF_UNMODIFIED_SINCE, BEFORE)]), whole());
    }

    #[test]
    fn refuses_when_the_file_is_another_than_expected() {
        assert_eq!(judge(&[(IF_MATCH, "\"x\"")]), Verdict::Changed);
        assert_eq!(judge(&[(IF_MATCH, "W/\"a,b\"")]), Verdict::Changed);
        assert_eq!(judge(&[(IF_MATCH, "*")]), whole());
        assert_eq!(judge(&[(IF_UNMODIFIED_SINCE, BEFORE)]), Verdict::Changed);
        assert_eq!(judge(&[(IF_UNMODIFIED_SINCE, THEN)]), whole());
    }

    #[test]
    fn resumes_only_the_same_file() {
        let range = (RANGE, "bytes=0-1");
        assert_eq!(judge(std::slice::from_ref(&range)), part());
        assert_eq!(judge(&[range.clone(), (IF_RANGE, "\"a,b\"")]), part());
        assert_eq!(judge(&[range.clone(), (IF_RANGE, "W/\"a,b\"")]), whole());
        assert_eq!(judge(&[range.clone(), (IF_RANGE, "\"x\"")]), whole());
        assert_eq!(judge(&[range.clone(), (IF_RANGE, THEN)]), part());
        assert_eq!(judge(&[range, (IF_RANGE, BEFORE)]), whole());
    }

    #[test]
    fn concerns_get_and_head_only() {
        let mut headers = HeaderMap::new();
        headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
        assert!(Conditions::of(&Method::POST, &headers).is_empty());
        assert!(!Conditions::of(&Method::HEAD, &headers).is_empty());
        assert!(Conditions::of(&Method::GET, &HeaderMap::new()).is_empty());
    }
}
