//! Who sends a mail and who gets it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::Host;

/// A name and an address that a mail can be sent to: `Ann <ann@example.org>`.
///
/// The name may have any letters. The domain may, too: it is written in the letters of host names (`xn--…`). What stands before the `@`
/// has to be ASCII: few servers take anything else.
///
/// ```
/// use mainstay_mail::Mailbox;
///
/// let ann: Mailbox = "Ann <ann@bücher.example>".parse().unwrap();
/// assert_eq!((ann.name(), ann.address()), (Some("Ann"), "ann@xn--bcher-kva.example"));
/// assert!("ann@".parse::<Mailbox>().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Addressee")]
pub struct Mailbox {
    name: Option<String>,
    address: String,
}

/// Why an address is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is no address to send to: {reason}")]
pub struct AddressError {
    shown: String,
    reason: String,
}

/// Somebody, as they were named; whether a mail can be sent there is looked at when it is rendered. Made from an address, a text such
/// as `Ann <ann@example.org>`, or a pair of name and address.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Addressee {
    name: Option<String>,
    address: String,
}

/// The longest address (RFC 5321, section 4.5.3.1.3, without the brackets), and the longest part before the `@`.
const LONGEST: usize = 254;
const LONGEST_LOCAL: usize = 64;

impl Mailbox {
    /// One without a name.
    ///
    /// # Errors
    ///
    /// When it is no address.
    pub fn new(address: &str) -> Result<Self, AddressError> {
        let refuse = |reason: &str| {
            let shown = address.chars().take(LONGEST).collect::<String>();
            Err(AddressError { shown: shown.escape_debug().to_string(), reason: reason.to_owned() })
        };
        let Some((local, domain)) = address.rsplit_once('@') else { return refuse("it has no `@`") };
        if local.is_empty() {
            return refuse("nothing is before the `@`");
        }
        if !local.is_ascii() {
            return refuse("before the `@`, only letters of ASCII arrive everywhere");
        }
        let is_plain =
            |letter: u8| letter.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&letter);
        if let Some(letter) = local.bytes().find(|&letter| !is_plain(letter)) {
            return refuse(&format!("{:?} may not be in it", char::from(letter)));
        }
        if local.starts_with('.') || local.ends_with('.') || local.contains("..") {
            return refuse("before the `@`, dots stand between other letters");
        }
        let domain = match ascii(domain) {
            Ok(domain) => domain,
            Err(reason) => return refuse(reason),
        };
        let whole = format!("{local}@{domain}");
        if local.len() > LONGEST_LOCAL || whole.len() > LONGEST {
            return refuse("it is too long");
        }
        Ok(Self { name: None, address: whole })
    }

    /// The same with a name, as mail programs show it.
    ///
    /// # Errors
    ///
    /// When the name has a line break or another control character.
    pub fn named(mut self, name: &str) -> Result<Self, AddressError> {
        if name.contains(char::is_control) {
            let shown = name.escape_debug().to_string();
            return Err(AddressError { shown, reason: "a name has no line breaks".to_owned() });
        }
        self.name = Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        Ok(self)
    }

    /// The name, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address, in ASCII.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The domain of the address.
    pub fn domain(&self) -> &str {
        self.address.rsplit('@').next().unwrap_or_default()
    }
}

/// A domain in the letters of host names.
fn ascii(domain: &str) -> Result<String, &'static str> {
    const NONE: &str = "what follows the `@` is no domain";
    if domain.is_empty() {
        return Err("nothing follows the `@`");
    }
    // The parser of URLs would decode it.
    if domain.contains('%') {
        return Err(NONE);
    }
    let Ok(Host::Domain(domain)) = Host::parse(domain) else { return Err(NONE) };
    let is_label = |label: &str| {
        let is_plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        !label.is_empty() && label.len() <= 63 && is_plain && !label.starts_with('-') && !label.ends_with('-')
    };
    if domain.split('.').all(is_label) { Ok(domain) } else { Err(NONE) }
}

impl FromStr for Mailbox {
    type Err = AddressError;

    /// `ann@example.org`, `Ann <ann@example.org>` or `"Ann" <ann@example.org>`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        Addressee::from(text).try_into()
    }
}

impl TryFrom<Addressee> for Mailbox {
    type Error = AddressError;

    fn try_from(addressee: Addressee) -> Result<Self, AddressError> {
        let mailbox = Self::new(&addressee.address)?;
        match addressee.name {
            Some(name) => mailbox.named(&name),
            None => Ok(mailbox),
        }
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "{name} <{}>", self.address),
            None => f.write_str(&self.address),
        }
    }
}

impl From<&str> for Addressee {
    fn from(text: &str) -> Self {
        let text = text.trim_matches(' ');
        let split = text.strip_suffix('>').and_then(|text| text.rsplit_once('<'));
        match split {
            Some((name, address)) => {
                let name = name.trim_matches(' ');
                let unquoted = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
                Self { name: Some(unquoted.unwrap_or(name).to_owned()), address: address.to_owned() }
            }
            None => Self { name: None, address: text.to_owned() },
        }
    }
}

impl From<&String> for Addressee {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

impl From<String> for Addressee {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl<N: Into<String>, A: Into<String>> From<(N, A)> for Addressee {
    fn from((name, address): (N, A)) -> Self {
        Self { name: Some(name.into()), address: address.into() }
    }
}

impl From<Mailbox> for Addressee {
    fn from(mailbox: Mailbox) -> Self {
        Self { name: mailbox.name, address: mailbox.address }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(address: &str) -> String {
        Mailbox::new(address).unwrap_err().to_string()
    }

    #[test]
    fn takes_the_addresses_that_people_have() {
        for address in [
            "ann@example.org",
            "ann.o'neil+news@mail.example.co.uk",
            "a@localhost",
            "ann@1x.example",
            "_@xn--bcher-kva.example",
        ] {
            assert_eq!(Mailbox::new(address).unwrap().address(), address);
            // So does whoever writes it into the mail.
            assert!(address.parse::<lettre::Address>().is_ok(), "{address}");
        }
        assert_eq!(Mailbox::new("ann@Bücher.example").unwrap().address(), "ann@xn--bcher-kva.example");
    }

    #[test]
    fn says_why_an_address_is_none() {
        for (address, why) in [
            ("ann", "it has no `@`"),
            ("@example.org", "nothing is before the `@`"),
            ("ann@", "nothing follows the `@`"),
            ("änn@example.org", "only letters of ASCII arrive everywhere"),
            ("a b@example.org", "' ' may not be in it"),
            ("ann@example.org, bob@example.org", "'@' may not be in it"),
            ("ann@example.org\r\nBcc: bob@example.org", "may not be in it"),
            ("ann@b\r\n", "is no domain"),
            ("\"a b\"@example.org", "may not be in it"),
            (".ann@example.org", "dots stand between"),
            ("ann@exa mple.org", "is no domain"),
            ("ann@example..org", "is no domain"),
            ("ann@[127.0.0.1]", "is no domain"),
            ("ann@127.0.0.1", "is no domain"),
            ("ann@-x.org", "is no domain"),
            ("ann@%65xample.org", "is no domain"),
        ] {
            assert!(refused(address).contains(why), "{address:?}: {}", refused(address));
        }
        assert!(refused(&format!("{}@example.org", "a".repeat(65))).contains("too long"));
        assert!(!refused("a\r\n@x").contains('\n'));
    }

    #[test]
    fn reads_a_name_before_the_address() {
        for text in
            ["Ann O. <ann@example.org>", "\"Ann O.\" <ann@example.org>", " Ann O.  <ann@example.org> "]
        {
            let ann: Mailbox = text.parse().unwrap();
            assert_eq!((ann.name(), ann.address()), (Some("Ann O."), "ann@example.org"), "{text}");
        }
        let pair: Mailbox = Addressee::from(("Ann", "ann@example.org")).try_into().unwrap();
        assert_eq!(pair.to_string(), "Ann <ann@example.org>");
        let broken: Result<Mailbox, _> = Addressee::from(("Ann\r\nBcc: x", "ann@example.org")).try_into();
        assert!(broken.unwrap_err().to_string().contains("no line breaks"));
    }

    #[test]
    fn what_was_stored_is_looked_at_again() {
        let ann: Mailbox = "Ann <ann@example.org>".parse().unwrap();
        let stored = serde_json::to_string(&ann).unwrap();
        assert_eq!(serde_json::from_str::<Mailbox>(&stored).unwrap(), ann);
        assert!(serde_json::from_str::<Mailbox>(r#"{"name":null,"address":"a\nb@x"}"#).is_err());
    }
}
