//! Where a server is: `redis://[user[:password]@]host[:port][/database]`, or `rediss://…` where it speaks TLS.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use mainstay_core::Finding;
use redis::{ConnectionAddr, IntoConnectionInfo, RedisConnectionInfo};

/// The address of a Redis server. It has a password that neither `Debug` nor [`place`](Self::place) shows.
///
/// ```
/// use mainstay_store::redis::RedisAddress;
///
/// let address: RedisAddress = "redis://app:secret@cache.internal:6380/2".parse()?;
/// assert_eq!(address.place(), "redis://cache.internal:6380/2");
/// # Ok::<(), mainstay_store::redis::NotAnAddress>(())
/// ```
#[derive(Clone)]
pub struct RedisAddress {
    pub(super) host: String,
    pub(super) port: u16,
    /// The user, the password and the database.
    pub(super) account: RedisConnectionInfo,
    pub(super) way: Way,
    place: String,
}

/// How one gets there.
#[derive(Clone)]
pub(super) enum Way {
    /// Whoever is in between reads along.
    Clear,
    /// By TLS. Beside the authorities of the web, those in this file are trusted.
    Encrypted(Option<PathBuf>),
}

/// How addresses begin.
pub const SCHEME: &str = "redis";
/// How those of servers begin that speak TLS.
pub const ENCRYPTED_SCHEME: &str = "rediss";

/// A text that is no address of a server. It does not show the text: there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    /// It begins with something else.
    #[error("an address of a Redis server begins with redis://, or with rediss:// where it speaks TLS")]
    OtherScheme,
    /// The rest of it is wrong.
    #[error(
        "an address of a Redis server is redis://user:password@host:port/database: the database is a number, and what is \
         neither letter nor digit in a password is written in percent encoding"
    )]
    Malformed,
}

impl RedisAddress {
    /// Where it is, without user and password.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The same, where the authorities of certificates in this file are trusted beside those of the web. It is read whenever a
    /// connection is made. It means nothing to an address without TLS.
    #[must_use]
    pub fn trusting(mut self, ca: impl Into<PathBuf>) -> Self {
        if let Way::Encrypted(trusted) = &mut self.way {
            *trusted = Some(ca.into());
        }
        self
    }

    /// A finding, of that id and place, where somebody in between can read along: it leads to another machine, and without TLS.
    pub fn exposed(&self, id: &'static str, place: &'static str) -> Option<Finding> {
        let is_here = |address: IpAddr| address.to_canonical().is_loopback();
        let stays_here = self.host == "localhost" || self.host.parse().is_ok_and(is_here);
        let told = format!("the way to {} is not encrypted: whoever is in between reads it", self.place);
        let fix = "name a server that speaks TLS by rediss://, or nothing, if the network is your own";
        (matches!(self.way, Way::Clear) && !stays_here).then(|| Finding::warning(id, told).at(place).fix(fix))
    }
}

impl std::str::FromStr for RedisAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (scheme, way, rest) = match text.split_once("://") {
            Some((SCHEME, rest)) => (SCHEME, Way::Clear, rest),
            Some((ENCRYPTED_SCHEME, rest)) => (ENCRYPTED_SCHEME, Way::Encrypted(None), rest),
            _ => return Err(NotAnAddress::OtherScheme),
        };
        // Settings behind `?` and `#` are for other clients: what is not obeyed must not seem to be.
        if rest.contains(['?', '#']) {
            return Err(NotAnAddress::Malformed);
        }
        // The crate knows no TLS as it is used here, and need not: the connection is ours.
        let info =
            format!("{SCHEME}://{rest}").into_connection_info().map_err(|_| NotAnAddress::Malformed)?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else { return Err(NotAnAddress::Malformed) };
        let account = info.redis_settings().clone();
        if host.is_empty() || *port == 0 || account.db() < 0 {
            return Err(NotAnAddress::Malformed);
        }
        let shown = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let place = format!("{scheme}://{shown}:{port}/{}", account.db());
        Ok(Self { host: host.clone(), port: *port, account, way, place })
    }
}

impl fmt::Debug for RedisAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisAddress").field(&self.place).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_an_address_and_shows_no_password() {
        for (text, place) in [
            ("redis://localhost", "redis://localhost:6379/0"),
            ("redis://:secret@10.0.0.1:7000/3", "redis://10.0.0.1:7000/3"),
            ("redis://ann:s%2Fecret@[::1]/", "redis://[::1]:6379/0"),
            ("rediss://ann:s%2Fecret@cache.internal/2", "rediss://cache.internal:6379/2"),
        ] {
            let address: RedisAddress = text.parse().unwrap();
            assert_eq!(address.place(), place);
            assert!(!format!("{address:?}").contains("ecret"), "{address:?}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        use NotAnAddress::{Malformed, OtherScheme};
        for (text, why) in [
            ("", OtherScheme),
            ("redis", OtherScheme),
            ("redis:localhost", OtherScheme),
            ("http://localhost", OtherScheme),
            ("redisss://localhost", OtherScheme),
            ("rediss://", Malformed),
            ("rediss://host/0#insecure", Malformed),
            ("redis://", Malformed),
            ("redis:///1", Malformed),
            ("redis://host:port", Malformed),
            ("redis://host:0", Malformed),
            ("redis://host:99999", Malformed),
            ("redis://host/first", Malformed),
            ("redis://host/-1", Malformed),
            ("redis://ann:p/w@host/0", Malformed),
            ("redis://0.0.0.0", Malformed),
            ("redis://host/0?protocol=resp3", Malformed),
            ("redis://host/0#insecure", Malformed),
        ] {
            assert_eq!(text.parse::<RedisAddress>().err(), Some(why), "{text}");
        }
    }

    #[test]
    fn knows_which_connections_others_could_read() {
        let is_exposed =
            |text: &str| text.parse::<RedisAddress>().unwrap().exposed("store.W003", "store.url").is_some();
        for exposed in ["redis://cache.internal", "redis://10.0.0.1/3", "redis://localhost.example"] {
            assert!(is_exposed(exposed), "{exposed}");
        }
        for hidden in ["rediss://cache.internal", "redis://localhost", "redis://127.0.0.2", "redis://[::1]"] {
            assert!(!is_exposed(hidden), "{hidden}");
        }
    }
}
