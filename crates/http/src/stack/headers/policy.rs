//! A content security policy (W3C, "Content Security Policy Level 3"): what is wrong with one, what it lets through, and how a
//! nonce joins it.

use std::fmt::Write as _;

use http::HeaderValue;
use mainstay_core::config::did_you_mean;

/// A policy, taken apart: its directives, in order, each with its sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policy {
    directives: Vec<(String, Vec<String>)>,
}

/// Those that name sources.
const FETCH: [&str; 17] = [
    "default-src",
    "script-src",
    "script-src-elem",
    "script-src-attr",
    "style-src",
    "style-src-elem",
    "style-src-attr",
    "img-src",
    "font-src",
    "connect-src",
    "media-src",
    "object-src",
    "child-src",
    "frame-src",
    "worker-src",
    "manifest-src",
    "fenced-frame-src",
];
/// Those that do not fall back on `default-src`.
const NAVIGATION: [&str; 3] = ["base-uri", "form-action", "frame-ancestors"];
const OTHER: [&str; 6] = [
    "report-uri",
    "report-to",
    "sandbox",
    "trusted-types",
    "require-trusted-types-for",
    "upgrade-insecure-requests",
];
const KEYWORDS: [&str; 10] = [
    "self",
    "none",
    "unsafe-inline",
    "unsafe-eval",
    "unsafe-hashes",
    "strict-dynamic",
    "report-sample",
    "wasm-unsafe-eval",
    "inline-speculation-rules",
    "trusted-types-eval",
];
const DIGESTS: [&str; 3] = ["sha256-", "sha384-", "sha512-"];

/// Where scripts come from, the directive that decides first.
const SCRIPTS: [&str; 3] = ["script-src-elem", "script-src", "default-src"];

impl Policy {
    pub(crate) fn parse(text: &str) -> Self {
        let directives = text.split(';').map(str::split_ascii_whitespace).filter_map(|mut words| {
            let name = words.next()?.to_ascii_lowercase();
            Some((name, words.map(str::to_owned).collect()))
        });
        Self { directives: directives.collect() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.directives.is_empty()
    }

    pub(crate) fn sources(&self, directive: &str) -> Option<&[String]> {
        let found = self.directives.iter().find(|(name, _)| name == directive);
        found.map(|(_, sources)| sources.as_slice())
    }

    /// Says where reports go, unless it does already.
    pub(crate) fn reporting_to(mut self, address: &str, group: &str) -> Self {
        for (name, value) in [("report-uri", address), ("report-to", group)] {
            if self.sources(name).is_none() {
                self.directives.push((name.to_owned(), vec![value.to_owned()]));
            }
        }
        self
    }

    /// What is wrong with it, if anything: browsers pass over what they do not understand.
    pub(crate) fn fault(&self) -> Option<String> {
        for (at, (name, sources)) in self.directives.iter().enumerate() {
            let known = FETCH.iter().chain(&NAVIGATION).chain(&OTHER);
            if !known.clone().any(|known| known == name) {
                return Some(format!(
                    "has `{name}`, which is no directive{}",
                    did_you_mean(name, known.copied())
                ));
            }
            if self.directives[..at].iter().any(|(before, _)| before == name) {
                return Some(format!("has `{name}` twice, and browsers look at the first one alone"));
            }
            if !OTHER.contains(&name.as_str())
                && let Some(fault) = sources.iter().find_map(|source| fault_of(source))
            {
                return Some(format!("has `{name}` {fault}"));
            }
            if sources.len() > 1 && sources.iter().any(|source| is(source, "'none'")) {
                return Some(format!(
                    "has `{name}` with 'none' beside other sources, where it means nothing"
                ));
            }
        }
        None
    }

    /// What it lets through that it is there to stop.
    pub(crate) fn weaknesses(&self) -> Vec<String> {
        let mut found = Vec::new();
        match SCRIPTS.iter().find_map(|name| self.sources(name)) {
            None => {
                found.push("it has neither `script-src` nor `default-src`: scripts come from anywhere".into())
            }
            Some(sources) => found.extend(weak_scripts(sources)),
        }
        if ["object-src", "default-src"].iter().find_map(|name| self.sources(name)).is_none() {
            found.push("it has neither `object-src` nor `default-src`: plugins come from anywhere".into());
        }
        for (name, lost) in [
            ("base-uri", "a `<base>` that is injected moves every relative address"),
            ("form-action", "a form that is injected sends what is typed to anybody"),
            ("frame-ancestors", "other sites may show the pages in a frame, and have them clicked"),
        ] {
            if self.sources(name).is_none_or(|sources| sources.iter().any(|source| is(source, "*"))) {
                found.push(format!("it does not limit `{name}`: {lost}"));
            }
        }
        found
    }

    /// The policy with a nonce for scripts and styles. A directive that is absent starts from the sources of `default-src`, which it
    /// would otherwise no longer have.
    pub(crate) fn with_nonce(&self, nonce: &str) -> Option<HeaderValue> {
        const OWN: [&str; 4] = ["script-src", "style-src", "script-src-elem", "style-src-elem"];
        let mut text = String::with_capacity(512);
        for (name, sources) in self.directives.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
            write_directive(&mut text, name, sources);
        }
        for (at, name) in OWN.iter().enumerate() {
            // The last two are looked at only where they are written.
            let fallback = if at < 2 { self.sources("default-src").or(Some(&[])) } else { None };
            let Some(sources) = self.sources(name).or(fallback) else { continue };
            // `'none'` must stand alone.
            let sources = if sources.iter().any(|source| is(source, "'none'")) { &[][..] } else { sources };
            write_directive(&mut text, name, sources);
            // Writing into a string cannot fail.
            let _ = write!(text, " 'nonce-{nonce}'");
        }
        HeaderValue::try_from(text).ok()
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        for (name, sources) in &self.directives {
            write_directive(&mut text, name, sources);
        }
        f.write_str(&text)
    }
}

fn write_directive(text: &mut String, name: &str, sources: &[String]) {
    if !text.is_empty() {
        text.push_str("; ");
    }
    text.push_str(name);
    for source in sources {
        text.push(' ');
        text.push_str(source);
    }
}

fn is(source: &str, keyword: &str) -> bool {
    source.eq_ignore_ascii_case(keyword)
}

fn fault_of(source: &str) -> Option<String> {
    if KEYWORDS.iter().any(|known| is(source, known)) {
        return Some(format!("{source}, which is a host of this name: write '{source}'"));
    }
    let quoted = source.strip_prefix('\'')?;
    let Some(word) = quoted.strip_suffix('\'') else {
        return Some(format!("{source}, where a quotation mark is missing"));
    };
    let lower = word.to_ascii_lowercase();
    if lower.starts_with("nonce-") {
        return Some(format!(
            "{source}, and a nonce that stays the same protects nothing: `exchange.nonce()` makes one for each answer"
        ));
    }
    let is_known = KEYWORDS.contains(&&*lower) || DIGESTS.iter().any(|known| lower.starts_with(known));
    (!is_known).then(|| format!("{source}, which is no keyword{}", did_you_mean(&lower, KEYWORDS)))
}

fn weak_scripts(sources: &[String]) -> Vec<String> {
    let has = |keyword: &str| sources.iter().any(|source| is(source, keyword));
    let by_digest = sources
        .iter()
        .any(|source| DIGESTS.iter().any(|known| source.trim_start_matches('\'').starts_with(known)));
    let mut found = Vec::new();
    // Whoever knows a digest or `strict-dynamic` passes over the more general ones.
    if has("'unsafe-inline'") && !by_digest && !has("'strict-dynamic'") {
        found.push("it allows 'unsafe-inline' for scripts: whatever is injected runs".into());
    }
    if has("'unsafe-eval'") {
        found.push("it allows 'unsafe-eval': a text can become a script".into());
    }
    if !has("'strict-dynamic'") {
        for open in ["*", "http:", "https:", "data:", "blob:", "filesystem:"] {
            if has(open) {
                found.push(format!("it allows scripts from `{open}`, which is anywhere"));
            }
        }
        if let Some(plain) = sources.iter().find(|source| source.starts_with("http://")) {
            found.push(format!("it allows scripts from `{plain}`, which anybody in between can change"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nonced(text: &str) -> String {
        Policy::parse(text).with_nonce("abc").unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn a_nonce_joins_what_is_allowed_already() {
        assert_eq!(
            nonced("default-src 'self'; script-src 'self' https://cdn.example"),
            "default-src 'self'; script-src 'self' https://cdn.example 'nonce-abc'; style-src 'self' 'nonce-abc'"
        );
        assert_eq!(
            nonced("script-src 'self'; script-src-elem 'self' https://a.example"),
            "script-src 'self' 'nonce-abc'; style-src 'nonce-abc'; script-src-elem 'self' https://a.example 'nonce-abc'"
        );
    }

    #[test]
    fn a_nonce_takes_the_place_of_none() {
        assert_eq!(
            nonced("default-src 'none'"),
            "default-src 'none'; script-src 'nonce-abc'; style-src 'nonce-abc'"
        );
    }

    #[test]
    fn says_what_browsers_would_pass_over() {
        for (text, told) in [
            ("default-scr 'self'", "did you mean `default-src`?"),
            ("default-src self", "write 'self'"),
            ("script-src 'sefl'", "did you mean `self`?"),
            ("script-src 'self", "a quotation mark is missing"),
            ("script-src 'none' https://a.example", "beside other sources"),
            ("script-src 'nonce-abc'", "stays the same"),
            ("img-src *; img-src 'self'", "twice"),
        ] {
            let fault = Policy::parse(text).fault().unwrap();
            assert!(fault.contains(told), "{text}: {fault}");
        }
        for good in [
            "",
            "DEFAULT-SRC 'Self'; script-src 'sha256-abc=' 'strict-dynamic'; upgrade-insecure-requests",
            "sandbox allow-forms; report-uri /csp; report-to csp; require-trusted-types-for 'script'",
            "img-src data: https://*.example.com:8443/a/; frame-ancestors 'none';;",
        ] {
            assert_eq!(Policy::parse(good).fault(), None, "{good}");
        }
    }

    #[test]
    fn knows_what_lets_a_script_in() {
        const REST: &str = "base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
        for (text, told) in [
            ("object-src 'none'", "neither `script-src` nor `default-src`"),
            ("script-src 'self'", "neither `object-src` nor `default-src`"),
            ("default-src 'self' 'unsafe-inline'", "'unsafe-inline'"),
            ("default-src 'self'; script-src 'unsafe-eval'", "'unsafe-eval'"),
            ("default-src *", "`*`"),
            ("default-src 'self' data:", "`data:`"),
            ("default-src 'self' https:", "`https:`"),
            ("default-src 'self' http://cdn.example", "`http://cdn.example`"),
        ] {
            let found = Policy::parse(&format!("{text}; {REST}")).weaknesses();
            assert!(found.len() == 1 && found[0].contains(told), "{text}: {found:?}");
        }
        for name in ["base-uri", "form-action", "frame-ancestors"] {
            let rest: Vec<_> = REST.split("; ").filter(|one| !one.starts_with(name)).collect();
            let found = Policy::parse(&format!("default-src 'self'; {}", rest.join("; "))).weaknesses();
            assert!(found.len() == 1 && found[0].contains(name), "{name}: {found:?}");
        }
        for good in [
            "default-src 'self'",
            "default-src 'none'; style-src 'unsafe-inline'",
            "default-src 'self'; script-src 'strict-dynamic' 'sha256-a' 'unsafe-inline' https:",
            "default-src https:; script-src 'self'",
        ] {
            assert_eq!(Policy::parse(&format!("{good}; {REST}")).weaknesses(), [""; 0], "{good}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ -~]{0,80}") {
            let policy = Policy::parse(&text);
            let _ = (policy.fault(), policy.weaknesses(), policy.with_nonce("abc"));
            proptest::prop_assert_eq!(Policy::parse(&policy.to_string()), policy);
        }
    }
}
