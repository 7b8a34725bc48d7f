//! Which addresses are the public internet's.
//!
//! After the registries of special-purpose addresses that IANA keeps
//! ([IPv4](https://www.iana.org/assignments/iana-ipv4-special-registry/),
//! [IPv6](https://www.iana.org/assignments/iana-ipv6-special-registry/)), and a little stricter: of IPv6 only what is given
//! out for global use (`2000::/3`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Host;

/// A network by its first address and the length of its prefix, and what it is for.
type V4 = ([u8; 4], u32, &'static str);
type V6 = ([u16; 8], u32, &'static str);

const SPECIAL_V4: &[V4] = &[
    ([0, 0, 0, 0], 8, "this network"),
    ([10, 0, 0, 0], 8, "private"),
    ([100, 64, 0, 0], 10, "shared by a carrier's customers"),
    ([127, 0, 0, 0], 8, "loopback"),
    ([168, 63, 129, 16], 32, "a cloud's own service"),
    ([169, 254, 0, 0], 16, "link-local"),
    ([172, 16, 0, 0], 12, "private"),
    ([192, 0, 0, 0], 24, "for protocols"),
    ([192, 0, 2, 0], 24, "for documentation"),
    ([192, 88, 99, 0], 24, "a 6to4 relay"),
    ([192, 168, 0, 0], 16, "private"),
    ([198, 18, 0, 0], 15, "for benchmarks"),
    ([198, 51, 100, 0], 24, "for documentation"),
    ([203, 0, 113, 0], 24, "for documentation"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([240, 0, 0, 0], 4, "reserved"),
];

const SPECIAL_V6: &[V6] = &[
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, "for protocols"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "for documentation"),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, "6to4"),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, "for documentation"),
];

const GLOBAL: V6 = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, "global");
/// An address of IPv4 is in the last 32 bits.
const MAPPED: V6 = ([0, 0, 0, 0, 0, 0xffff, 0, 0], 96, "mapped");
const NAT64: V6 = ([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, "NAT64");

/// Where [this machine](is_localhost) is.
pub(crate) const LOCALHOST: [IpAddr; 2] = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

/// Whether a name is this machine, whatever a server of names says (RFC 6761, 6.3).
pub(crate) fn is_localhost(host: &str) -> bool {
    is_local_name(&host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase())
}

fn is_local_name(name: &str) -> bool {
    name == "localhost" || name.ends_with(".localhost")
}

/// Whether a host, as a URL has it, is this machine: what is sent there goes over no network.
pub fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => is_local_name(name),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

/// What an address is for, if it is not one of the public internet.
pub(crate) fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) if within_v6(address, &MAPPED) || within_v6(address, &NAT64) => {
            let [.., high, low] = address.segments();
            special_v4(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
        }
        IpAddr::V6(address) if address.is_loopback() => Some("loopback"),
        IpAddr::V6(address) if !within_v6(address, &GLOBAL) => Some("not a global one"),
        IpAddr::V6(address) => {
            SPECIAL_V6.iter().find(|network| within_v6(address, network)).map(|(.., what)| *what)
        }
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    let within = |(first, prefix, _): &&V4| {
        (address.to_bits() ^ u32::from_be_bytes(*first)).leading_zeros() >= *prefix
    };
    SPECIAL_V4.iter().find(within).map(|(.., what)| *what)
}

fn within_v6(address: Ipv6Addr, (first, prefix, _): &V6) -> bool {
    (address.to_bits() ^ Ipv6Addr::from(*first).to_bits()).leading_zeros() >= *prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str) -> Option<&'static str> {
        special(address.parse().unwrap())
    }

    #[test]
    fn knows_every_network_that_is_not_public() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.254",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.9",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:808:808::1",
            "3fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(of(address).is_some(), "{address}");
        }
    }

    #[test]
    fn lets_public_addresses_through() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2001:4860:4860::8888",
        ] {
            assert_eq!(of(address), None, "{address}");
        }
    }

    #[test]
    fn some_names_are_always_this_machine() {
        for name in ["localhost", "LocalHost", "localhost.", "hooks.localhost", "a.b.localhost."] {
            assert!(is_localhost(name), "{name}");
        }
        for name in ["localhost.example", "notlocalhost", "localhost..", ""] {
            assert!(!is_localhost(name), "{name}");
        }
    }
}
