//! Verdicts on addresses: tables of borders and forms, and the agreement of the IPv4 forms.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::is_open;
use crate::config::AllowList;

fn verdict(ip: &str) -> bool {
    is_open(ip.parse().unwrap(), &AllowList::default())
}

/// Each refused range: the address before it, its first, its last, and the address after it;
/// an empty neighbour does not exist or belongs to another refused range.
const BORDERS: [(&str, &str, &str, &str); 30] = [
    ("", "0.0.0.0", "0.255.255.255", "1.0.0.0"),
    ("9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"),
    ("100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"),
    ("126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"),
    ("168.63.129.15", "168.63.129.16", "168.63.129.16", "168.63.129.17"),
    ("169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"),
    ("172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"),
    ("191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"),
    ("192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"),
    ("192.52.192.255", "192.52.193.0", "192.52.193.255", "192.52.194.0"),
    ("192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"),
    ("192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"),
    ("198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"),
    ("198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"),
    ("203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"),
    ("223.255.255.255", "224.0.0.0", "239.255.255.255", ""),
    ("", "240.0.0.0", "255.255.255.255", ""),
    ("", "::", "::1", ""),
    ("", "::2", "::ffff", ""),
    ("", "100::", "100::ffff:ffff:ffff:ffff", ""),
    ("", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", ""),
    (
        "",
        "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
        "2001:200::",
    ),
    ("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::", "2001:0:ffff::", ""),
    ("2001:db7:ffff:ffff::", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"),
    ("2001:ffff:ffff:ffff::", "2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"),
    ("3ffe:ffff:ffff:ffff::", "3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"),
    ("3fff:ffff:ffff:ffff::", "4000::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
    ("", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
    ("", "fe80::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
    ("", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
];

#[test]
fn ranges_are_refused_up_to_their_borders() {
    for (before, first, last, after) in BORDERS {
        for refused in [first, last] {
            assert!(!verdict(refused), "{refused} should be refused");
        }
        for open in [before, after].into_iter().filter(|ip| !ip.is_empty()) {
            assert!(verdict(open), "{open} should be open");
        }
    }
}

#[test]
fn metadata_addresses_of_every_cloud_are_refused() {
    for ip in [
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "100.100.100.200",
        "192.0.0.192",
        "168.63.129.16",
        "fd00:ec2::254",
        "fd20:ce::254",
    ] {
        assert!(!verdict(ip), "{ip}");
    }
}

#[test]
fn forms_that_tunnel_ipv4_are_refused_whatever_they_carry() {
    for ip in [
        "::8.8.8.8", // compatible
        "::127.0.0.1",
        "::ffff:0:8.8.8.8", // translated
        "::ffff:0:127.0.0.1",
        "64:ff9b:1::8.8.8.8", // local-use NAT64
        "64:ff9b:1:7f00:0:100::",
        "2002:808:808::1", // 6to4
        "2002:7f00:1::1",
        "2001:0:4136:e378:8000:63bf:80ff:fffe", // Teredo, client 127.0.0.1
        "2a00:1450:4001::5efe:127.0.0.1",       // ISATAP
        "2a00:1450:4001::200:5efe:8.8.8.8",
        "2a00:1450:4001:0:300:5efe:7f00:1",
    ] {
        assert!(!verdict(ip), "{ip}");
    }
    assert!(verdict("2a00:1450:4001::5eff:127.0.0.1"), "not ISATAP's identifier");
    assert!(verdict("2a00:1450:4001:0:400:5efe:7f00:1"), "not ISATAP's identifier");
}

#[test]
fn the_operator_opens_what_the_list_covers_and_no_more() {
    let allow: AllowList = "127.0.0.0/8, fd00::/64, 2002:7f00:1::/48".parse().unwrap();
    let open = |ip: &str| is_open(ip.parse().unwrap(), &allow);
    for ip in ["127.9.9.9", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fd00::9", "2002:7f00:1::1"] {
        assert!(open(ip), "{ip}");
    }
    for ip in ["10.0.0.1", "::1", "::127.0.0.1", "fd00:0:0:1::", "2002:7f00:2::1"] {
        assert!(!open(ip), "{ip}");
    }
}

#[test]
fn a_list_of_all_ipv6_says_nothing_about_ipv4() {
    let allow: AllowList = "::/0".parse().unwrap();
    for ip in ["127.0.0.1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1"] {
        assert!(!is_open(ip.parse().unwrap(), &allow), "{ip}");
    }
    assert!(is_open("::1".parse().unwrap(), &allow));
}

fn addresses() -> impl Strategy<Value = Ipv4Addr> {
    let near_a_border = (0..17_usize, any::<bool>(), -2..=2_i64).prop_map(|(row, last, offset)| {
        let (_, first, end, _) = BORDERS[row];
        let border: Ipv4Addr = if last { end } else { first }.parse().unwrap();
        let moved = (i64::from(border.to_bits()) + offset).clamp(0, i64::from(u32::MAX));
        Ipv4Addr::from_bits(u32::try_from(moved).unwrap())
    });
    prop_oneof![any::<u32>().prop_map(Ipv4Addr::from_bits), near_a_border]
}

fn allow_lists() -> impl Strategy<Value = AllowList> {
    let network = prop_oneof![
        (addresses(), 0..=32_u8).prop_map(|(ip, prefix)| format!("{ip}/{prefix}")),
        (any::<u128>(), 0..=128_u8)
            .prop_map(|(bits, prefix)| format!("{}/{prefix}", Ipv6Addr::from_bits(bits))),
        (addresses(), 0..=128_u8).prop_map(|(ip, prefix)| format!("::ffff:{ip}/{prefix}")),
        (addresses(), 0..=128_u8).prop_map(|(ip, prefix)| format!("64:ff9b::{ip}/{prefix}")),
    ];
    prop::collection::vec(network, 0..4).prop_map(|networks| networks.join(",").parse().unwrap())
}

proptest! {
    #[test]
    fn the_forms_of_one_ipv4_address_agree(v4 in addresses(), allow in allow_lists()) {
        let verdict = is_open(v4.into(), &allow);
        let mapped: IpAddr = v4.to_ipv6_mapped().into();
        let nat64: IpAddr = format!("64:ff9b::{v4}").parse().unwrap();
        prop_assert_eq!(is_open(mapped, &allow), verdict);
        prop_assert_eq!(is_open(nat64, &allow), verdict);
    }
}
