//! Where a request comes from, as rate limits count it.
//! Believes a forwarding header only from proxies that the operator named; everybody else could write anything in it.

use std::{net::IpAddr, str::FromStr};

use axum::http::{Extensions, HeaderMap};
use thiserror::Error;

use crate::limits::FORWARDED_HOPS_MAX;

/// The peer's address, put into the request's extensions by whoever holds the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteAddress(pub IpAddr);

/// A range of addresses, as `10.0.0.0/8` or a single address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    prefix_bits: u8,
}

/// The text is no network.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no address and no network such as 10.0.0.0/8")]
pub struct NotANetwork(String);

/// The address of the client itself: the peer's, or, when the peer is a trusted proxy, the last one in
/// `X-Forwarded-For` that is not a trusted proxy too.
#[must_use]
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(peer) {
        return peer;
    }
    let values: Vec<&str> =
        headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
    let hops = values.iter().rev().flat_map(|value| value.rsplit(',')).take(FORWARDED_HOPS_MAX);
    let mut nearest = peer;
    for hop in hops {
        let Some(address) = parse_hop(hop.trim()) else { return nearest };
        nearest = address;
        if !is_trusted(address) {
            return address;
        }
    }
    nearest
}

/// Whether a trusted proxy took the request over HTTPS.
pub(crate) fn is_forwarded_https(extensions: &Extensions, headers: &HeaderMap, trusted: &[Network]) -> bool {
    let peer = extensions.get::<RemoteAddress>().map(|remote| remote.0);
    let is_trusted = peer.is_some_and(|peer| trusted.iter().any(|network| network.contains(peer)));
    is_trusted && headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}

/// The client's address of a request; unspecified when nobody said where it came from.
pub(crate) fn of_request(extensions: &Extensions, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let unknown = IpAddr::from([0, 0, 0, 0]);
    let peer = extensions.get::<RemoteAddress>().map_or(unknown, |remote| remote.0);
    client_address(peer, headers, trusted)
}

/// Proxies write addresses with and without ports and brackets.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<IpAddr>().ok();
    address.or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

impl Network {
    /// Whether the address is in it. IPv4 addresses written as IPv6 count as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let shift = 32 - u32::from(self.prefix_bits);
                base.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let shift = 128 - u32::from(self.prefix_bits);
                base.to_bits().checked_shr(shift) == address.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NotANetwork;
    fn from_str(text: &str) -> Result<Network, NotANetwork> {
        let wrong = || NotANetwork(text.to_owned());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let base: IpAddr = address.parse().map_err(|_| wrong())?;
        let bits_max = if base.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) => prefix.parse().ok().filter(|bits| *bits <= bits_max).ok_or_else(wrong)?,
            None => bits_max,
        };
        Ok(Network { base, prefix_bits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client_address(address(peer), &headers, &trusted).to_string()
    }

    #[test]
    fn forwarding_headers_of_strangers_are_not_believed() {
        assert_eq!(seen("203.0.113.5", &["198.51.100.7"], &[]), "203.0.113.5");
        assert_eq!(seen("203.0.113.5", &["198.51.100.7"], &["10.0.0.0/8"]), "203.0.113.5");
    }

    #[test]
    fn the_last_address_before_the_trusted_proxies_counts() {
        let trusted = ["10.0.0.0/8", "::1"];
        assert_eq!(seen("10.1.2.3", &["198.51.100.7"], &trusted), "198.51.100.7");
        assert_eq!(seen("::1", &["6.6.6.6, 198.51.100.7:443, 10.9.9.9"], &trusted), "198.51.100.7");
        assert_eq!(seen("::ffff:10.1.2.3", &["6.6.6.6", "[2001:db8::1]"], &trusted), "2001:db8::1");
        assert_eq!(seen("10.1.2.3", &["6.6.6.6, rubbish"], &trusted), "10.1.2.3");
        assert_eq!(seen("10.1.2.3", &[], &trusted), "10.1.2.3");
    }

    #[test]
    fn networks_are_prefixes() {
        let inside = |network: &str, text: &str| network.parse::<Network>().unwrap().contains(address(text));
        assert!(inside("192.168.0.0/16", "192.168.255.1"));
        assert!(!inside("192.168.0.0/16", "192.169.0.1"));
        assert!(inside("0.0.0.0/0", "8.8.8.8") && !inside("0.0.0.0/0", "2001:db8::1"));
        assert!(inside("2001:db8::/32", "2001:db8:ffff::1"));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/x"] {
            assert!(bad.parse::<Network>().is_err(), "{bad}");
        }
    }
}
