//! Which ports may be sent to: the web's own, those the operator opened, never a "bad" one.
//!
//! It judges numbers only; that an address opened by the operator is open on every port is
//! `guard`'s rule.

/// Open without the operator's doing.
pub(crate) const WEB: [u16; 4] = [443, 80, 8443, 8080];

/// Whether `port` is on the list of bad ports of the WHATWG Fetch standard, section 2.9: ports of
/// services that could mistake a request for one of their own.
pub(crate) fn is_bad(port: u16) -> bool {
    BAD.binary_search(&port).is_ok()
}

/// In ascending order.
const BAD: [u16; 83] = [
    0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101,
    102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427,
    465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990,
    993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667,
    6668, 6669, 6679, 6697, 10080,
];

#[cfg(test)]
mod tests {
    use super::{BAD, WEB, is_bad};

    #[test]
    fn bad_ports_are_sorted_and_no_web_port_is_bad() {
        assert!(BAD.is_sorted());
        assert!(WEB.iter().all(|&port| !is_bad(port)));
        assert!([0, 22, 25, 6000, 6669, 10080].into_iter().all(is_bad));
        assert!([2, 444, 5432, 9000, 10081, u16::MAX].into_iter().all(|port| !is_bad(port)));
    }
}
