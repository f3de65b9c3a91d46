//! The address ranges that are never customers' endpoints, as tables.
//!
//! Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and its updates)
//! and the metadata addresses of cloud providers that lie outside them. A range that the registry
//! calls reachable but that no web server lives in is refused with its neighbours.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What is refused of IPv4. Everything else is public.
pub(super) const REFUSED_V4: [Ipv4Net; 17] = [
    v4(0, 0, 0, 0, 8),        // "this network", RFC 791
    v4(10, 0, 0, 0, 8),       // private use, RFC 1918
    v4(100, 64, 0, 0, 10),    // carrier-grade NAT, RFC 6598; holds a cloud's 100.100.100.200
    v4(127, 0, 0, 0, 8),      // loopback, RFC 1122
    v4(168, 63, 129, 16, 32), // Azure's platform address
    v4(169, 254, 0, 0, 16),   // link-local, RFC 3927; holds most metadata services
    v4(172, 16, 0, 0, 12),    // private use, RFC 1918
    v4(192, 0, 0, 0, 24),     // IETF protocol assignments, RFC 6890; holds 192.0.0.192
    v4(192, 0, 2, 0, 24),     // documentation, RFC 5737
    v4(192, 52, 193, 0, 24),  // AMT relays, RFC 7450
    v4(192, 88, 99, 0, 24),   // 6to4 relays, deprecated by RFC 7526
    v4(192, 168, 0, 0, 16),   // private use, RFC 1918
    v4(198, 18, 0, 0, 15),    // benchmarking, RFC 2544
    v4(198, 51, 100, 0, 24),  // documentation, RFC 5737
    v4(203, 0, 113, 0, 24),   // documentation, RFC 5737
    v4(224, 0, 0, 0, 4),      // multicast, RFC 5771
    v4(240, 0, 0, 0, 4),      // reserved, RFC 1112, and limited broadcast, RFC 8190
];

/// Global unicast (RFC 4291, section 2.4). All of IPv6 outside it is refused: unspecified,
/// loopback, IPv4-compatible and -translated, local-use NAT64 (`64:ff9b:1::/48`), discard
/// (`100::/64`), `SRv6` SIDs (`5f00::/16`), unique local, link-local, site-local and multicast.
pub(super) const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

/// What is refused of [`GLOBAL_V6`].
pub(super) const REFUSED_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 0, 23), // IETF protocol assignments, RFC 2928: Teredo, benchmarking, ORCHID
    v6(0x2001, 0x0db8, 0, 32), // documentation, RFC 3849
    v6(0x2002, 0, 0, 16), // 6to4, RFC 3056
    v6(0x3fff, 0, 0, 20), // documentation, RFC 9637
];

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}
