//! What is not to be seen, known by its name: in the log, on the page for developers, in errors.
//!
//! Nothing here can know a secret by itself. It goes by the names that secrets go by, in whatever style they are written
//! (`newPassword`, `new_password`, `X-New-Password`), and is wrong in doubt on the side of hiding.

use std::borrow::Cow;

/// What stands in the place of a secret.
pub const MASK: &str = "********";

/// Words that make a name one of a secret, wherever they stand in it.
const ANYWHERE: [&str; 19] = [
    "secret",
    "secrets",
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "apikey",
    "authorization",
    "cookie",
    "cookies",
    "csrf",
    "xsrf",
    "jwt",
    "otp",
    "totp",
    "bearer",
    "assertion",
];
/// Words that do so at its end.
const LAST: [&str; 2] = ["token", "tokens"];
/// What comes before `key` in the name of a secret one.
const KEYS: [&str; 8] = ["api", "private", "access", "signing", "encryption", "master", "session", "secret"];
/// Names that are harmless elsewhere, and in an address are what OAuth, links in mails and signed addresses call their secrets.
const IN_ADDRESSES: [&str; 15] = [
    "code",
    "state",
    "sig",
    "signature",
    "key",
    "ticket",
    "nonce",
    "auth",
    "pass",
    "pwd",
    "session",
    "sid",
    "sessionid",
    "samlresponse",
    "invitation",
];

/// Whether what goes by this name is not to be seen.
///
/// ```
/// use mainstay_core::redaction::is_secret;
///
/// assert!(is_secret("newPassword") && is_secret("X-API-Key") && is_secret("refresh_token"));
/// assert!(!is_secret("token_lifetime") && !is_secret("public_key") && !is_secret("passage"));
/// ```
pub fn is_secret(name: &str) -> bool {
    let is_any_of = |word: &str, list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
    let mut before = "";
    let mut last = "";
    for word in words(name) {
        if is_any_of(word, &ANYWHERE) || is_joined(word) {
            return true;
        }
        (before, last) = (last, word);
    }
    is_any_of(last, &LAST) || (last.eq_ignore_ascii_case("key") && is_any_of(before, &KEYS))
}

/// Whether it is a secret and another word, written together: `authtoken`, `clientsecret`. Names of headers have no capitals.
fn is_joined(word: &str) -> bool {
    // Of bytes, since this is asked of every field of every line of the log: nothing is allocated.
    let is_token_at_its_end = word.len() > "token".len()
        && word.as_bytes()[word.len() - "token".len()..].eq_ignore_ascii_case(b"token");
    is_token_at_its_end
        || ["password", "passphrase", "secret"].iter().any(|secret| {
            word.as_bytes().windows(secret.len()).any(|part| part.eq_ignore_ascii_case(secret.as_bytes()))
        })
}

/// The same of a name in the path or the query of an address, which is copied, kept and passed on more than anything else.
pub fn is_secret_in_address(name: &str) -> bool {
    is_secret(name) || IN_ADDRESSES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// An address, or its end, without the secrets in its query, and without the password before its host.
///
/// ```
/// use mainstay_core::redaction::address;
///
/// assert_eq!(address("/reset?token=abc&page=2"), "/reset?token=********&page=2");
/// assert_eq!(address("https://ann:pw@shop.example/"), "https://ann:********@shop.example/");
/// ```
pub fn address(text: &str) -> Cow<'_, str> {
    let (text, fragment) = match text.split_once('#') {
        // What follows it may be an access token (OAuth 2, implicit grant).
        Some((text, _)) => (text, "#********"),
        None => (text, ""),
    };
    let shown = match text.split_once('?') {
        Some((path, query)) => format!("{}?{}{fragment}", without_password(path), without_secrets(query)),
        None => match without_password(text) {
            Cow::Borrowed(text) if fragment.is_empty() => return Cow::Borrowed(text),
            text => format!("{text}{fragment}"),
        },
    };
    Cow::Owned(shown)
}

fn without_secrets(query: &str) -> String {
    let shown = |pair: &str| match pair.split_once('=') {
        Some((name, _)) if is_secret_in_address(&plain(name)) => format!("{name}={MASK}"),
        _ => pair.to_owned(),
    };
    query.split('&').map(shown).collect::<Vec<_>>().join("&")
}

/// A name of a query without `%74oken`, and without `user[password]`.
fn plain(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(|_| byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).trim_end_matches(']').to_owned()
}

fn without_password(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Cow::Borrowed(text) };
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rsplit_once('@').and_then(|(user, host)| Some((user.split_once(':')?.0, host))) {
        Some((user, host)) => {
            Cow::Owned(format!("{scheme}://{user}:{MASK}@{host}{}", &rest[authority.len()..]))
        }
        None => Cow::Borrowed(text),
    }
}

/// The words of a name: between signs, and where a small letter is followed by a capital one.
fn words(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches(|c: char| !c.is_alphanumeric());
        if rest.is_empty() {
            return None;
        }
        let mut was_small = false;
        let end = rest.char_indices().find_map(|(at, c)| {
            let ends = !c.is_alphanumeric() || (was_small && c.is_uppercase());
            was_small = c.is_lowercase() || c.is_ascii_digit();
            ends.then_some(at)
        });
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        Some(word)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_secrets_by_their_names_in_any_style() {
        for name in [
            "password",
            "Password",
            "newPassword",
            "new_password_again",
            "user[password]",
            "PASSWORD",
            "Authorization",
            "proxy-authorization",
            "Set-Cookie",
            "X-CSRF-Token",
            "_csrf",
            "accessToken",
            "refresh_token",
            "x-csrftoken",
            "authtoken",
            "clientsecret",
            "userpassword",
            "tokens",
            "x-api-key",
            "apiKey",
            "clientSecret",
            "client_secret_old",
            "otp",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in
            ["", "_", "path", "tokenizer", "token_lifetime", "key", "public_key", "monkey", "compass", "code"]
        {
            assert!(!is_secret(name), "{name}");
        }
        assert!(
            is_secret_in_address("code") && is_secret_in_address("State") && !is_secret_in_address("page")
        );
    }

    #[test]
    fn takes_secrets_out_of_an_address() {
        for (text, shown) in [
            ("/a", "/a"),
            ("/a?page=2&q=token", "/a?page=2&q=token"),
            ("/cb?code=abc&state=def", "/cb?code=********&state=********"),
            ("/a?%74oken=abc", "/a?%74oken=********"),
            (
                "/a?user%5Bpassword%5D=abc&user[password]=d",
                "/a?user%5Bpassword%5D=********&user[password]=********",
            ),
            ("/a?token", "/a?token"),
            ("/a?token=a=b?c=d", "/a?token=********"),
            ("/a#access_token=abc", "/a#********"),
            ("https://ann:s@e@host:80/a?b=c", "https://ann:********@host:80/a?b=c"),
            ("https://host/a@b:c", "https://host/a@b:c"),
        ] {
            assert_eq!(address(text), shown);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            let _ = (is_secret(&text), address(&text), plain(&text));
            proptest::prop_assert!(words(&text).all(|word| !word.is_empty()));
        }
    }
}
