//! What the operator can set about going out, as flags and environment variables.
//!
//! The lists' own syntax is in `config/lists.rs`; what they mean is decided in `guard`.

mod lists;

use std::path::PathBuf;

use clap::builder::BoolishValueParser;

pub use lists::{AllowList, ListError, PortList, SourceList, SuffixList};

const IDLE_PER_HOST: usize = 256;

/// Which endpoints may be reached beyond the public web, and how.
#[derive(clap::Args, Clone, Debug)]
pub struct EgressConfig {
    /// Networks in CIDR form, separated by commas, that endpoints may live in although they are
    /// not public, on every port; `localhost` is open when loopback is. Default: none.
    #[arg(
        id = "egress_allow",
        long = "egress-allow",
        env = "POSTRIDER_EGRESS_ALLOW",
        value_name = "CIDR,…",
        default_value = "",
        hide_default_value = true
    )]
    pub allow: AllowList,

    /// Ports, separated by commas, that endpoints may use beyond 443, 80, 8443 and 8080.
    /// Default: none.
    #[arg(
        id = "egress_ports",
        long = "egress-ports",
        env = "POSTRIDER_EGRESS_PORTS",
        value_name = "PORT,…",
        default_value = "",
        hide_default_value = true
    )]
    pub ports: PortList,

    /// Host suffixes, separated by commas, that endpoints may use although they are single labels,
    /// reserved, or unknown to the public suffix list. Default: none.
    #[arg(
        id = "egress_suffixes",
        long = "egress-suffixes",
        env = "POSTRIDER_EGRESS_SUFFIXES",
        value_name = "SUFFIX,…",
        default_value = "",
        hide_default_value = true
    )]
    pub suffixes: SuffixList,

    /// Whether contracts that refuse plain http accept it, for development. Default: false.
    #[arg(
        id = "allow_http",
        long = "allow-http",
        env = "POSTRIDER_ALLOW_HTTP",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        value_parser = BoolishValueParser::new(),
        hide_default_value = true
    )]
    pub allow_http: bool,

    /// A PEM file of root certificates that are trusted besides the public ones. Default: none.
    #[arg(
        id = "egress_ca_file",
        long = "egress-ca-file",
        env = "POSTRIDER_EGRESS_CA_FILE",
        value_name = "PATH"
    )]
    pub ca_file: Option<PathBuf>,

    /// Idle connections kept for each host, for at most 30 seconds. Default: 256.
    #[arg(
        id = "egress_idle_per_host",
        long = "egress-idle-per-host",
        env = "POSTRIDER_EGRESS_IDLE_PER_HOST",
        value_name = "COUNT",
        default_value_t = IDLE_PER_HOST,
        hide_default_value = true
    )]
    pub max_idle_per_host: usize,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            allow: AllowList::default(),
            ports: PortList::default(),
            suffixes: SuffixList::default(),
            allow_http: false,
            ca_file: None,
            max_idle_per_host: IDLE_PER_HOST,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::EgressConfig;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        egress: EgressConfig,
    }

    fn parse(flags: &[&str]) -> Result<EgressConfig, String> {
        Command::try_parse_from([&["test"], flags].concat())
            .map(|command| command.egress)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn without_flags_it_is_the_default() {
        let (parsed, default) = (parse(&[]).unwrap(), EgressConfig::default());
        assert_eq!(format!("{parsed:?}"), format!("{default:?}"));
    }

    #[test]
    fn lists_and_switches_are_read() {
        let config = parse(&[
            "--egress-allow=127.0.0.0/8, ::1/128",
            "--egress-ports=9000,9443",
            "--egress-suffixes=corp",
            "--allow-http",
            "--egress-idle-per-host=3",
        ])
        .unwrap();
        assert!(config.allow.contains("127.1.2.3".parse().unwrap()));
        assert!(config.ports.contains(9443) && !config.ports.contains(9001));
        assert!(config.suffixes.covers("db.corp"));
        assert!(config.allow_http);
        assert_eq!(config.max_idle_per_host, 3);
        assert!(!parse(&["--allow-http=false"]).unwrap().allow_http);
    }

    #[test]
    fn bad_values_are_refused_with_the_rule_they_break() {
        let cases = [
            ("--egress-allow=127.0.0.0/33", "is not a network in CIDR form"),
            ("--egress-allow=localhost", "is not a network in CIDR form"),
            ("--egress-ports=70000", "is not a port from 1 to 65535"),
            ("--egress-ports=25", "bad ports"),
            ("--egress-suffixes=a..b", "is not a host suffix"),
            ("--allow-http=maybe", "--allow-http"),
        ];
        for (flag, rule) in cases {
            let error = parse(&[flag]).unwrap_err();
            assert!(error.contains(rule), "{flag}: {error}");
        }
    }
}
