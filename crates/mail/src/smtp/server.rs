//! What the address of a server says.

use std::fmt;
use std::net::IpAddr;

use mainstay_core::driver::scheme_of;
use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// A server, as `mail.url` names it.
///
/// | | |
/// |---|---|
/// | `smtp://user:password@host:587` | in the clear until STARTTLS, without which nothing is sent |
/// | `smtps://user:password@host:465` | encrypted from the beginning |
/// | `?tls=none` | not encrypted: a server on this machine, or one that is reached by a network of one's own |
/// | `?ca=certs/mail.pem` | whom to believe about who the server is, in the place of the authorities that browsers know; from the home folder on |
/// | `?hello=app.example` | what we call ourselves; else the address of this machine on loopback |
///
/// ```
/// use mainstay_mail::smtp::{Encryption, Server};
///
/// let server = Server::parse("smtp://ann%40example.org:p%40ss@mail.example").unwrap();
/// assert_eq!((server.host(), server.port(), server.encryption()), ("mail.example", 587, Encryption::StartTls));
/// assert!(!format!("{server:?}").contains("p@ss"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    pub(super) login: Option<(String, String)>,
    pub(super) ca: Option<String>,
    pub(super) hello: Option<String>,
}

/// When a connection becomes private.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// After STARTTLS, before anything is said that matters.
    StartTls,
    /// From the beginning.
    Always,
    /// Never.
    Never,
}

impl Server {
    /// Whether an address is meant to be one of these.
    pub(crate) fn is_meant(url: &str) -> bool {
        matches!(scheme_of(url), "smtp" | "smtps")
    }

    /// Reads an address.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as it goes on behind the name of a setting. The address is not in it, since it may have a password.
    pub fn parse(url: &str) -> Result<Self, String> {
        let url = Url::parse(url).map_err(|fault| format!("is no address: {fault}"))?;
        let mut encryption = match url.scheme() {
            "smtp" => Encryption::StartTls,
            "smtps" => Encryption::Always,
            _ => return Err("must begin with `smtp://` or `smtps://`".to_owned()),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            _ => return Err("names no server".to_owned()),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(
                "has something behind the port: a `/` or `#` in the password is written as %2F or %23"
                    .to_owned(),
            );
        }
        let (mut ca, mut hello) = (None, None);
        for (name, value) in url.query_pairs() {
            match (&*name, &*value) {
                ("tls", "none") if encryption == Encryption::StartTls => encryption = Encryption::Never,
                ("tls", "none") => return Err("says `smtps` and `tls=none`".to_owned()),
                ("tls", "starttls") if encryption == Encryption::StartTls => {}
                ("tls", _) => return Err("has a `tls` that is not `none`".to_owned()),
                ("ca", path) if !path.is_empty() => ca = Some(path.to_owned()),
                ("hello", name) if is_name(name) => hello = Some(name.to_owned()),
                ("ca" | "hello", _) => return Err(format!("has a `{name}` that is none")),
                // What follows a `?` in the password is none of the log's business.
                _ => return Err("has a parameter that is not `tls`, `ca` or `hello`; a `?` in the password is written as %3F".to_owned()),
            }
        }
        let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(|text| text.into_owned());
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            (user, Some(password)) if !user.is_empty() => {
                let both = decoded(user).and_then(|user| Ok((user, decoded(password)?)));
                Some(both.map_err(|_| "has a user or password that is not UTF-8 when decoded".to_owned())?)
            }
            _ => return Err("has a user without a password, or the other way round".to_owned()),
        };
        let port = url.port().unwrap_or(if encryption == Encryption::Always { 465 } else { 587 });
        Ok(Self { host, port, encryption, login, ca, hello })
    }

    /// Its name, or its address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// When a connection to it becomes private.
    pub fn encryption(&self) -> Encryption {
        self.encryption
    }

    /// Whether what is sent there can be read on the way.
    pub(crate) fn is_exposed(&self) -> bool {
        let is_here = self.host == "localhost"
            || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        self.encryption == Encryption::Never && !is_here
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.[]:".contains(&byte))
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, encryption, .. } = self;
        write!(f, "Server({host}:{port}, {encryption:?})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_an_address_says() {
        let server = Server::parse("smtps://ann:p%2Fw%3A@[::1]?ca=certs/ca.pem&hello=app.example").unwrap();
        assert_eq!((server.host(), server.port(), server.encryption()), ("::1", 465, Encryption::Always));
        assert_eq!(server.login, Some(("ann".to_owned(), "p/w:".to_owned())));
        assert_eq!(
            (server.ca.as_deref(), server.hello.as_deref()),
            (Some("certs/ca.pem"), Some("app.example"))
        );
        let here = Server::parse("smtp://127.0.0.1:1025?tls=none").unwrap();
        assert_eq!(
            (here.encryption(), here.login.is_none(), here.is_exposed()),
            (Encryption::Never, true, false)
        );
        assert!(Server::parse("smtp://10.0.0.5?tls=none").unwrap().is_exposed());
        assert!(!Server::parse("smtp://10.0.0.5").unwrap().is_exposed());
    }

    #[test]
    fn says_what_is_wrong_and_never_the_password() {
        for (url, why) in [
            ("smtp://", "names no server"),
            ("smtp:mail.example", "names no server"),
            ("http://ann:hunter2@mail.example", "must begin with"),
            ("smtp://ann:hun/ter2@mail.example", "is no address"),
            ("smtp://ann:hun#ter2@mail.example", "is no address"),
            ("smtp://ann:1?hunter2@mail.example", "a `?` in the password"),
            ("smtp://ann@mail.example", "a user without a password"),
            ("smtp://:hunter2@mail.example", "a user without a password"),
            ("smtp://mail.example/inbox", "behind the port"),
            ("smtps://mail.example?tls=none", "`smtps` and `tls=none`"),
            ("smtp://mail.example?tls=maybe", "has a `tls`"),
            ("smtp://mail.example?hello=a%0d%0ab", "has a `hello`"),
            ("smtp://ann:%ff@mail.example", "not UTF-8"),
        ] {
            let told = Server::parse(url).unwrap_err();
            assert!(told.contains(why) && !told.contains("hunter2"), "{url}: {told}");
        }
    }
}
