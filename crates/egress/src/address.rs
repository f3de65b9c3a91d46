//! The verdict on an IP address: pure, and the same for every way of writing the address.
//!
//! It knows nothing of names, ports or URLs; `guard` asks it about literal hosts, `resolver`
//! about the answers to a lookup.

mod ranges;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::AllowList;

/// Whether `ip` may be connected to: it is public, or the operator opened it.
///
/// An IPv4 address, its mapped form (`::ffff:0:0/96`) and its NAT64 form (`64:ff9b::/96`) get the
/// same verdict. The other forms that carry an IPv4 address (compatible, translated, local-use
/// NAT64, 6to4, Teredo, ISATAP) are tunnels nobody should deliver through and are refused outright.
pub(crate) fn is_open(ip: IpAddr, allow: &AllowList) -> bool {
    let ip = canonical(ip);
    allow.contains(ip) || is_public(ip)
}

/// The address that is reached in the end: mapped and NAT64 addresses are the IPv4 one they carry.
pub(crate) fn canonical(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(v6) => v6.to_ipv4_mapped().or_else(|| from_nat64(v6)).map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    }
}

/// The IPv4 address behind the well-known NAT64 prefix `64:ff9b::/96` (RFC 6052, section 2.1).
fn from_nat64(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [a, b] = high.to_be_bytes();
            let [c, d] = low.to_be_bytes();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => !ranges::REFUSED_V4.iter().any(|net| net.contains(&v4)),
        IpAddr::V6(v6) => {
            ranges::GLOBAL_V6.contains(&v6)
                && !ranges::REFUSED_V6.iter().any(|net| net.contains(&v6))
                && !is_isatap(v6)
        }
    }
}

/// Whether the interface identifier is ISATAP's, `[ug]00:5efe:a.b.c.d` (RFC 5214, section 6.1).
fn is_isatap(v6: Ipv6Addr) -> bool {
    const UNIVERSAL_AND_GROUP_BITS: u16 = 0x0300;
    let segments = v6.segments();
    segments[4] & !UNIVERSAL_AND_GROUP_BITS == 0 && segments[5] == 0x5efe
}
