//! The comma-separated lists of the configuration: networks, ports, host suffixes.
//!
//! Each is parsed whole, so that an empty variable is an empty list, and holds only well-formed
//! entries from then on.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use url::Host;

use crate::{address, host, port};

/// Why a list was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Not an address and not a network.
    #[error("`{0}` is not a network in CIDR form, such as 127.0.0.0/8 or ::1/128")]
    Network(String),
    /// Not a number of a port.
    #[error("`{0}` is not a port from 1 to 65535")]
    Port(String),
    /// A port that cannot be opened.
    #[error("port {0} cannot be opened: it is one of the Fetch standard's bad ports")]
    BadPort(u16),
    /// Not an address and not a whole network.
    #[error(
        "`{0}` is not an address or a network without further bits, such as 192.0.2.7 or 192.0.2.0/24"
    )]
    Source(String),
    /// Not a domain name.
    #[error("`{0}` is not a host suffix, such as corp.example")]
    Suffix(String),
}

/// Networks that endpoints may live in although they are not public.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowList(Vec<IpNet>);

impl AllowList {
    /// Whether one of the networks contains `ip`.
    ///
    /// Mapped and NAT64 addresses must be given as the IPv4 address they carry.
    pub(crate) fn contains(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&ip))
    }
}

impl FromStr for AllowList {
    type Err = ListError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        entries(text).map(network).collect::<Result<_, _>>().map(Self)
    }
}

/// Ports that endpoints may use beyond the web's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortList(Vec<u16>);

impl PortList {
    /// Whether `port` is in the list.
    pub(crate) fn contains(&self, port: u16) -> bool {
        self.0.contains(&port)
    }
}

impl FromStr for PortList {
    type Err = ListError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        entries(text).map(open_port).collect::<Result<_, _>>().map(Self)
    }
}

/// Host suffixes that endpoints may use although the rules for names refuse them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SuffixList(Vec<String>);

impl SuffixList {
    /// Whether `name` is one of the suffixes or below one.
    pub(crate) fn covers(&self, name: &str) -> bool {
        self.0.iter().any(|suffix| host::is_within(name, suffix))
    }
}

impl FromStr for SuffixList {
    type Err = ListError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        entries(text).map(suffix).collect::<Result<_, _>>().map(Self)
    }
}

/// Addresses that requests leave from, for those who let nothing else in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceList(Vec<IpNet>);

impl SourceList {
    /// Each of them in CIDR form, as given.
    pub fn networks(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }
}

impl FromStr for SourceList {
    type Err = ListError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        entries(text).map(source).collect::<Result<_, _>>().map(Self)
    }
}

fn entries(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}

/// A network; one that lies within the mapped or the NAT64 addresses becomes the IPv4 network it
/// stands for, because verdicts are reached on IPv4.
fn network(entry: &str) -> Result<IpNet, ListError> {
    let refused = || ListError::Network(entry.to_owned());
    let net = entry
        .parse::<IpNet>()
        .or_else(|_| entry.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| refused())?;
    match (address::canonical(net.addr()), net) {
        (IpAddr::V4(v4), IpNet::V6(v6)) if v6.prefix_len() >= PREFIX_OF_EMBEDDED => {
            Ipv4Net::new(v4, v6.prefix_len() - PREFIX_OF_EMBEDDED)
                .map(IpNet::V4)
                .map_err(|_| refused())
        }
        _ => Ok(net),
    }
}

fn source(entry: &str) -> Result<IpNet, ListError> {
    let net = entry.parse::<IpNet>().or_else(|_| entry.parse::<IpAddr>().map(IpNet::from));
    let whole = net.ok().filter(|net| net.trunc() == *net);
    whole.ok_or_else(|| ListError::Source(entry.to_owned()))
}

/// How many bits precede the IPv4 address in a mapped or NAT64 address.
const PREFIX_OF_EMBEDDED: u8 = 96;

fn open_port(entry: &str) -> Result<u16, ListError> {
    match entry.parse::<u16>() {
        Ok(0) | Err(_) => Err(ListError::Port(entry.to_owned())),
        Ok(number) if port::is_bad(number) => Err(ListError::BadPort(number)),
        Ok(number) => Ok(number),
    }
}

/// A suffix in the form that the URL parser gives host names: lower case, punycode.
fn suffix(entry: &str) -> Result<String, ListError> {
    let bare = entry.trim_start_matches("*.").trim_matches('.');
    match Host::parse(bare) {
        Ok(Host::Domain(name)) if !name.contains("..") => Ok(name),
        _ => Err(ListError::Suffix(entry.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::{AllowList, PortList, SourceList, SuffixList};

    #[test]
    fn sources_are_addresses_and_whole_networks() {
        let list: SourceList = "52.89.214.238, 192.0.2.0/24,2001:db8::1".parse().unwrap();
        let networks: Vec<_> = list.networks().collect();
        assert_eq!(networks, ["52.89.214.238/32", "192.0.2.0/24", "2001:db8::1/128"]);
        for wrong in ["192.0.2.1/24", "192.0.2.0/33", "192.0.2", "a.example.com", "::1/64"] {
            let error = wrong.parse::<SourceList>().unwrap_err();
            assert!(error.to_string().contains(wrong), "{error}");
        }
    }

    #[test]
    fn an_empty_variable_is_an_empty_list() {
        assert_eq!(" ".parse(), Ok(SourceList::default()));
        assert_eq!("".parse(), Ok(AllowList::default()));
        assert_eq!(" , ".parse(), Ok(PortList::default()));
        assert_eq!("".parse(), Ok(SuffixList::default()));
    }

    #[test]
    fn a_bare_address_is_a_network_of_one() {
        let list: AllowList = "10.0.0.7,::1".parse().unwrap();
        assert!(list.contains("10.0.0.7".parse().unwrap()));
        assert!(!list.contains("10.0.0.8".parse().unwrap()));
        assert!(list.contains("::1".parse().unwrap()));
    }

    #[test]
    fn networks_of_embedded_addresses_are_ipv4_networks() {
        let plain: AllowList = "10.0.0.0/8".parse().unwrap();
        assert_eq!("::ffff:10.0.0.0/104".parse(), Ok(plain.clone()));
        assert_eq!("64:ff9b::10.0.0.0/104".parse(), Ok(plain));
    }

    #[test]
    fn suffixes_take_the_form_of_parsed_hosts() {
        let list: SuffixList = ".Corp, *.BÜCHER.lan".parse().unwrap();
        assert!(list.covers("db.corp"));
        assert!(list.covers("a.xn--bcher-kva.lan"));
    }
}
