//! From what a caller writes to a URL.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

use crate::failure::Failure;
use crate::filter::Refusal;
use crate::settings::Target;

/// Everything that could end a segment of a path, or be read as something else (RFC 3986, 2.3).
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The URL of `target`: below the base, or, where the upstream is anywhere, itself.
pub(super) fn resolve(
    target: &Target,
    text: &str,
    values: &[(&str, String)],
    query: &str,
) -> Result<Url, Failure> {
    let not_a_url = |error: url::ParseError| Failure::Refused(Refusal::NotAUrl(error.to_string()));
    let mut url = match target {
        Target::Base(base) if text.starts_with('/') => below(base, text, values)?,
        Target::Base(base) => {
            let url = Url::parse(text).map_err(|_| {
                Failure::Mistake(format!("`{text}` is neither a path, which begins with `/`, nor a URL"))
            })?;
            if url.origin() != base.origin() {
                let origin = url.origin().ascii_serialization();
                return Err(Failure::Refused(Refusal::OtherOrigin(origin)));
            }
            url
        }
        Target::Anywhere(_) => Url::parse(text).map_err(not_a_url)?,
    };
    url.set_fragment(None);
    if !query.is_empty() {
        let query = match url.query() {
            Some(first) if !first.is_empty() => format!("{first}&{query}"),
            _ => query.to_owned(),
        };
        url.set_query(Some(&query));
    }
    Ok(url)
}

/// A path below the base, its parameters filled in. It stays below, whatever the values are.
fn below(base: &Url, text: &str, values: &[(&str, String)]) -> Result<Url, Failure> {
    let (path, query) = match text.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (text, None),
    };
    let path = fill(path, values)?;
    let leaves = |segment: &str| {
        let plain = segment.to_ascii_lowercase().replace("%2e", ".");
        plain == "." || plain == ".."
    };
    if text.contains('#') || path.contains('\\') || path.split('/').any(leaves) {
        return Err(Failure::Mistake(format!("the path `{path}` would lead somewhere else")));
    }
    let mut url = base.clone();
    url.set_path(&format!("{}{path}", base.path().trim_end_matches('/')));
    url.set_query(query);
    Ok(url)
}

fn fill(path: &str, values: &[(&str, String)]) -> Result<String, Failure> {
    let mut filled = String::with_capacity(path.len() + 16);
    let mut rest = path;
    let mut used = 0;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return Err(Failure::Mistake(format!("the path `{path}` has a `{{` without its `}}`")));
        };
        let Some((_, value)) = values.iter().find(|(known, _)| *known == name) else {
            let fix = format!("`.path(\"{name}\", value)`");
            return Err(Failure::Mistake(format!("the path `{path}` has no value for `{name}`: {fix}")));
        };
        if value.is_empty() {
            return Err(Failure::Mistake(format!("the value for `{name}` in the path `{path}` is empty")));
        }
        filled.push_str(before);
        filled.extend(utf8_percent_encode(value, SEGMENT));
        used += 1;
        rest = after;
    }
    filled.push_str(rest);
    if used < values.len() {
        return Err(Failure::Mistake(format!("the path `{path}` does not name all of its values")));
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target() -> Target {
        Target::Base(Url::parse("https://api.example/v1").unwrap())
    }

    fn of(text: &str, values: &[(&str, &str)]) -> Result<String, String> {
        let values: Vec<_> = values.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        resolve(&target(), text, &values, "").map(String::from).map_err(|failure| failure.to_string())
    }

    #[test]
    fn paths_begin_at_the_base() {
        assert_eq!(of("/charges", &[]).unwrap(), "https://api.example/v1/charges");
        assert_eq!(of("//evil.example/x", &[]).unwrap(), "https://api.example/v1//evil.example/x");
        assert_eq!(of("/charges?page=2", &[]).unwrap(), "https://api.example/v1/charges?page=2");
        assert_eq!(
            of("https://api.example/v1/next?page=2", &[]).unwrap(),
            "https://api.example/v1/next?page=2"
        );
        let url = resolve(&target(), "/a?b=1", &[], "c=2").unwrap();
        assert_eq!(url.as_str(), "https://api.example/v1/a?b=1&c=2");
    }

    #[test]
    fn values_stay_within_their_segment() {
        assert_eq!(
            of("/u/{id}/x", &[("id", "a/b?c#ü%")]).unwrap(),
            "https://api.example/v1/u/a%2Fb%3Fc%23%C3%BC%25/x"
        );
        for value in [".", "..", ""] {
            assert!(of("/u/{id}/x", &[("id", value)]).is_err(), "{value}");
        }
    }

    #[test]
    fn refuses_what_leads_elsewhere_or_is_not_filled_in() {
        for path in [
            "/../admin",
            "/a/%2e%2E/b",
            "/\\evil.example",
            "charges",
            "",
            "/u/{id}",
            "/u/{id",
            "/a?b#c",
            "//x\\y",
        ] {
            assert!(of(path, &[]).is_err(), "{path}");
        }
        assert!(of("https://evil.example/v1", &[]).unwrap_err().contains("another origin"));
        assert!(of("http://api.example/v1", &[]).unwrap_err().contains("another origin"));
        assert!(of("/charges", &[("id", "1")]).unwrap_err().contains("does not name all"));
    }

    proptest! {
        #[test]
        fn no_path_and_no_value_leaves_the_base(path: String, value: String) {
            for text in [format!("/{path}"), path] {
                if let Ok(url) = of(&text, &[]) {
                    prop_assert!(url.starts_with("https://api.example/"), "{}", url);
                    prop_assert!(!text.starts_with('/') || url.starts_with("https://api.example/v1/"), "{}", url);
                }
            }
            if let Ok(url) = of("/u/{id}/x", &[("id", &value)]) {
                let inner = url.strip_prefix("https://api.example/v1/u/").and_then(|rest| rest.strip_suffix("/x"));
                prop_assert!(inner.is_some_and(|inner| !inner.contains('/')), "{}", url);
            }
        }
    }
}
