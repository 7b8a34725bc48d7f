//! `proxies`: what proxies in front of us say about client, scheme and host, believed only where they are trusted, and only in the
//! headers that they write: what else there is of that kind they have passed through, and the client has written it.

use std::net::IpAddr;

use axum::extract::Request;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};

use super::{Flow, Hook};
use crate::exchange::{Exchange, Scheme};
use crate::listen::Peer;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Addresses of proxies that are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    networks: Vec<Network>,
    local: bool,
}

/// A range of addresses, as in `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    base: IpAddr,
    bits: u8,
}

/// Why a text is no range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither an address, nor a range such as 10.0.0.0/8, nor `loopback`, `private` or `unix`")]
pub struct NotANetwork(String);

impl TrustedProxies {
    /// Reads addresses (`192.0.2.1`), ranges (`10.0.0.0/8`), and the names `loopback`, `private` (RFC 1918, RFC 4193)
    /// and `unix` (whoever comes over a Unix socket).
    ///
    /// # Errors
    ///
    /// The first text that is none of these.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, NotANetwork> {
        let mut trusted = Self::default();
        for text in texts {
            let ranges: &[&str] = match text.as_ref().trim() {
                "unix" => {
                    trusted.local = true;
                    &[]
                }
                "loopback" => &["127.0.0.0/8", "::1/128"],
                "private" => &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"],
                other => &[other],
            };
            for range in ranges {
                trusted.networks.push(Network::parse(range).ok_or_else(|| NotANetwork((*range).to_owned()))?);
            }
        }
        Ok(trusted)
    }

    /// Whether nobody is trusted.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.local
    }

    /// Whether this peer is trusted.
    pub fn trusts(&self, peer: &Peer) -> bool {
        self.includes(peer.address.ip())
    }

    /// Whether this address is among them; none is that of a Unix socket.
    pub(crate) fn includes(&self, address: Option<IpAddr>) -> bool {
        address.map_or(self.local, |address| self.contains(address))
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address.to_canonical()))
    }

    /// The first range that is larger than any that is used in private.
    pub(crate) fn too_wide(&self) -> Option<String> {
        let is_wide = |network: &&Network| network.bits < if network.base.is_ipv4() { 8 } else { 7 };
        self.networks.iter().find(is_wide).map(|network| format!("{}/{}", network.base, network.bits))
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (base, bits) = match text.split_once('/') {
            Some((base, bits)) => (base.parse::<IpAddr>().ok()?, bits.parse().ok()?),
            None => {
                let base: IpAddr = text.parse().ok()?;
                (base, if base.is_ipv4() { 32 } else { 128 })
            }
        };
        (bits <= if base.is_ipv4() { 32 } else { 128 }).then_some(Self { base, bits })
    }

    fn contains(&self, address: IpAddr) -> bool {
        let differing = match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(other)) => (base.to_bits() ^ other.to_bits()).leading_zeros(),
            (IpAddr::V6(base), IpAddr::V6(other)) => (base.to_bits() ^ other.to_bits()).leading_zeros(),
            _ => return false,
        };
        differing >= u32::from(self.bits)
    }
}

/// Which headers trusted proxies write. The others are not looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProxyHeaders {
    /// `X-Forwarded-For`, `X-Forwarded-Proto` and `X-Forwarded-Host`, as nearly all do.
    #[default]
    XForwarded,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The part `proxies`.
#[derive(Debug)]
pub struct Proxies {
    trusted: TrustedProxies,
    write: ProxyHeaders,
}

impl Proxies {
    /// Believes these proxies, which write `X-Forwarded-*`.
    pub fn new(trusted: TrustedProxies) -> Self {
        Self { trusted, write: ProxyHeaders::default() }
    }

    /// Says which headers they write.
    #[must_use]
    pub fn writing(mut self, headers: ProxyHeaders) -> Self {
        self.write = headers;
        self
    }

    /// Walks from the nearest hop to the farthest, and stops at the first that is not one of our proxies: whatever
    /// stands before it was written by the client itself.
    fn client<'h>(&self, hops: impl DoubleEndedIterator<Item = &'h str>) -> Option<IpAddr> {
        let mut client = None;
        for hop in hops.rev() {
            let Some(address) = address(hop) else { break };
            client = Some(address);
            if !self.contains(address) {
                break;
            }
        }
        client
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.trusted.contains(address)
    }

    /// RFC 7239. Elements from the nearest hop outwards, as far as they are ours.
    fn forwarded(&self, exchange: &mut Exchange, text: &str) {
        for element in text.rsplit(',') {
            let field = |wanted: &str| {
                element.split(';').find_map(|pair| {
                    let (name, value) = pair.split_once('=')?;
                    name.trim().eq_ignore_ascii_case(wanted).then(|| value.trim().trim_matches('"'))
                })
            };
            if let Some(scheme) = field("proto").and_then(scheme) {
                exchange.set_scheme(scheme);
            }
            if let Some(host) = field("host").and_then(|host| HeaderValue::from_str(host).ok()) {
                exchange.set_host(host);
            }
            let Some(address) = field("for").and_then(address) else { return };
            exchange.set_client(address);
            if !self.contains(address) {
                return;
            }
        }
    }
}

impl Hook for Proxies {
    fn before(&self, exchange: &mut Exchange, request: &mut Request) -> Flow {
        if !self.trusted.trusts(exchange.peer()) {
            return Flow::Continue;
        }
        let headers = request.headers();
        if self.write == ProxyHeaders::Forwarded {
            if let Some(forwarded) = text(headers, &header::FORWARDED) {
                self.forwarded(exchange, &forwarded);
            }
            return Flow::Continue;
        }
        if let Some(hops) = text(headers, &X_FORWARDED_FOR)
            && let Some(client) = self.client(hops.split(','))
        {
            exchange.set_client(client);
        }
        // Of several values the last is the one that the proxy nearest to us has written.
        if let Some(values) = text(headers, &X_FORWARDED_PROTO)
            && let Some(scheme) = values.rsplit(',').next().and_then(scheme)
        {
            exchange.set_scheme(scheme);
        }
        if let Some(values) = text(headers, &X_FORWARDED_HOST)
            && let Some(host) =
                values.rsplit(',').next().and_then(|host| HeaderValue::from_str(host.trim()).ok())
        {
            exchange.set_host(host);
        }
        Flow::Continue
    }
}

/// All values of a header as one list.
fn text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let mut list = values.next()?.to_owned();
    for value in values {
        list.push(',');
        list.push_str(value);
    }
    Some(list)
}

fn scheme(text: &str) -> Option<Scheme> {
    match text.trim() {
        https if https.eq_ignore_ascii_case("https") => Some(Scheme::Https),
        http if http.eq_ignore_ascii_case("http") => Some(Scheme::Http),
        _ => None,
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80`, `2001:db8::1`.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']')?.0.parse().ok();
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    text.rsplit_once(':')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn after(trusted: &[&str], peer: &str, headers: &[(&str, &str)]) -> Exchange {
        seen_by(Proxies::new(TrustedProxies::parse(trusted).unwrap()), peer, headers)
    }

    fn seen_by(proxies: Proxies, peer: &str, headers: &[(&str, &str)]) -> Exchange {
        let mut request = http::Request::builder().uri("/").header("host", "inner");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        let peer = crate::exchange::testing::peer(peer);
        let mut exchange = Exchange::open(&request, &peer, None);
        proxies.before(&mut exchange, &mut request);
        exchange
    }

    fn client(exchange: &Exchange) -> String {
        exchange.client().unwrap().to_string()
    }

    #[test]
    fn believes_nobody_by_default() {
        let seen =
            after(&[], "10.0.0.1:5", &[("x-forwarded-for", "1.2.3.4"), ("x-forwarded-proto", "https")]);
        assert_eq!(client(&seen), "10.0.0.1");
        assert_eq!(seen.scheme(), Scheme::Http);
    }

    #[test]
    fn finds_the_client_behind_two_proxies_and_not_what_it_claims() {
        let headers = [("x-forwarded-for", "6.6.6.6, 1.2.3.4"), ("x-forwarded-for", "10.0.0.2")];
        let seen = after(&["10.0.0.0/8"], "10.0.0.1:5", &headers);
        assert_eq!(client(&seen), "1.2.3.4");
    }

    #[test]
    fn takes_scheme_and_host_from_the_nearest_proxy() {
        let headers =
            [("x-forwarded-proto", "http, https"), ("x-forwarded-host", "evil.example, shop.example")];
        let seen = after(&["private"], "10.0.0.1:5", &headers);
        assert_eq!(seen.scheme(), Scheme::Https);
        assert_eq!(seen.host(), Some("shop.example"));
    }

    #[test]
    fn reads_forwarded_from_the_near_end() {
        let headers = [(
            "forwarded",
            "for=6.6.6.6;host=evil, for=\"[2001:db8::7]:4711\";proto=https;host=shop.example",
        )];
        let proxies = Proxies::new(TrustedProxies::parse(["loopback"]).unwrap());
        let seen = seen_by(proxies.writing(ProxyHeaders::Forwarded), "127.0.0.1:5", &headers);
        assert_eq!(client(&seen), "2001:db8::7");
        assert_eq!((seen.scheme(), seen.host()), (Scheme::Https, Some("shop.example")));
    }

    #[test]
    fn does_not_look_at_headers_that_the_proxy_passes_through() {
        let claimed = "for=6.6.6.6;proto=https;host=evil.example";
        let headers = [("forwarded", claimed), ("x-forwarded-for", "1.2.3.4")];
        let seen = after(&["loopback"], "127.0.0.1:5", &headers);
        assert_eq!(
            (client(&seen).as_str(), seen.scheme(), seen.host()),
            ("1.2.3.4", Scheme::Http, Some("inner"))
        );
        let headers =
            [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-proto", "https"), ("forwarded", "for=1.2.3.4")];
        let proxies = Proxies::new(TrustedProxies::parse(["loopback"]).unwrap());
        let seen = seen_by(proxies.writing(ProxyHeaders::Forwarded), "127.0.0.1:5", &headers);
        assert_eq!((client(&seen).as_str(), seen.scheme()), ("1.2.3.4", Scheme::Http));
    }

    #[test]
    fn a_mapped_address_is_the_address_that_it_maps() {
        let seen = after(&["127.0.0.1"], "[::ffff:127.0.0.1]:5", &[("x-forwarded-for", "1.2.3.4:99")]);
        assert_eq!(client(&seen), "1.2.3.4");
    }

    #[test]
    fn refuses_what_is_no_range() {
        assert!(TrustedProxies::parse(["10.0.0.0/33"]).is_err());
        assert!(TrustedProxies::parse(["proxy.local"]).is_err());
        assert!(TrustedProxies::parse(["fd00::/8", "192.0.2.7"]).is_ok());
    }
}
