//! Where a server is: `redis://[user[:password]@]host[:port][/database]`.

use std::fmt;

use redis::{Client, ConnectionAddr, IntoConnectionInfo};

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
    pub(super) client: Client,
    place: String,
}

/// How addresses begin.
pub const SCHEME: &str = "redis";

/// A text that is no address of a server. It does not show the text: there may be a password in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    /// It begins with something else.
    #[error("an address of a Redis server begins with redis://")]
    OtherScheme,
    /// It asks for TLS.
    #[error(
        "Redis over TLS (rediss://) is not there yet: use redis:// in a network of your own, or through a tunnel"
    )]
    Tls,
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
}

impl std::str::FromStr for RedisAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        match text.split_once("://") {
            Some((SCHEME, _)) => {}
            Some(("rediss", _)) => return Err(NotAnAddress::Tls),
            _ => return Err(NotAnAddress::OtherScheme),
        }
        // Settings behind `?` and `#` are for other clients: what is not obeyed must not seem to be.
        if text.contains(['?', '#']) {
            return Err(NotAnAddress::Malformed);
        }
        let info = text.into_connection_info().map_err(|_| NotAnAddress::Malformed)?;
        let ConnectionAddr::Tcp(host, port) = info.addr() else { return Err(NotAnAddress::Malformed) };
        let database = info.redis_settings().db();
        if host.is_empty() || *port == 0 || database < 0 {
            return Err(NotAnAddress::Malformed);
        }
        let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let place = format!("{SCHEME}://{host}:{port}/{database}");
        let client = Client::open(info).map_err(|_| NotAnAddress::Malformed)?;
        Ok(Self { client, place })
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
        ] {
            let address: RedisAddress = text.parse().unwrap();
            assert_eq!(address.place(), place);
            assert!(!format!("{address:?}").contains("ecret"), "{address:?}");
        }
    }

    #[test]
    fn refuses_what_is_none() {
        use NotAnAddress::{Malformed, OtherScheme, Tls};
        for (text, why) in [
            ("", OtherScheme),
            ("redis", OtherScheme),
            ("redis:localhost", OtherScheme),
            ("http://localhost", OtherScheme),
            ("rediss://localhost", Tls),
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
}
