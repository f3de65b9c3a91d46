//! Verdicts on URLs: a table per rule, the properties of parsing, and vetting a host at saving.

use std::future;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use proptest::prelude::*;
use url::ParseError;

use super::Guard;
use crate::config::EgressConfig;
use crate::lookup::{Lookup, LookupError};
use crate::refusal::UrlRefusal;
use crate::target::{HttpRule, TargetUrl};

/// Answers by the name's first label.
struct Stub;

#[async_trait]
impl Lookup for Stub {
    async fn lookup(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let answers: &[&str] = match host.split('.').next() {
            Some("public") => &["93.184.215.14", "2606:2800:21f:cb07::1"],
            Some("private") => &["10.0.0.1"],
            Some("mixed") => &["93.184.215.14", "::1"],
            Some("silent") => return future::pending().await,
            _ => return Err(LookupError::Failed(io::Error::other("NXDOMAIN"))),
        };
        Ok(answers.iter().map(|ip| ip.parse().unwrap()).collect())
    }
}

fn guard(allow: &str, ports: &str, allow_http: bool) -> Guard {
    let config = EgressConfig {
        allow: allow.parse().unwrap(),
        ports: ports.parse().unwrap(),
        allow_http,
        ..EgressConfig::default()
    };
    Guard::new(&config, Arc::new(Stub))
}

fn public() -> Guard {
    guard("", "", false)
}

fn refusal(text: &str) -> Option<UrlRefusal> {
    public().parse(text, HttpRule::Allowed).err()
}

#[test]
fn every_spelling_of_a_forbidden_address_is_that_address() {
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0X7F.0.0.1",
        "0177.0.0.01",
        "017700000001",
        "%31%32%37.0.0.1",
        "127%2E0%2E0%2E1",
        "１２７.０.０.１",
        "①②⑦.⓪.⓪.①",
        "127。0。0。1",
        "127.0.0.\u{ad}1",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::127.0.0.1]",
        "[2002:7f00:1::]",
        "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
        "[2a00:1450::5efe:127.0.0.1]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "0",
        "0.0.0.0",
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "168.63.129.16",
        "10.1",
        "255.255.255.255",
    ] {
        let url = format!("https://{host}/");
        assert_eq!(refusal(&url), Some(UrlRefusal::Address), "{url}");
    }
    assert_eq!(UrlRefusal::Address.to_string(), "address not allowed");
}

#[test]
fn every_spelling_of_localhost_is_localhost() {
    for host in
        ["localhost", "LOCALHOST", "localhost.", "%6cocalhost", "local\u{ad}host", "ｌｏｃａｌhost"]
    {
        let url = format!("https://{host}/");
        assert_eq!(refusal(&url), Some(UrlRefusal::ReservedName), "{url}");
    }
}

#[test]
fn each_rule_refuses_by_name() {
    let long = format!("https://example.com/{}", "a".repeat(TargetUrl::MAX_LEN));
    let cases = [
        (long.as_str(), UrlRefusal::TooLong),
        (" https://example.com/", UrlRefusal::Characters),
        ("https://example.com/\n", UrlRefusal::Characters),
        ("https://exam\tple.com/", UrlRefusal::Characters),
        ("ht\ntps://example.com/", UrlRefusal::Characters),
        ("\u{0}https://example.com/", UrlRefusal::Characters),
        ("https://example.com/\u{7f}", UrlRefusal::Characters),
        ("https://example.com/\u{85}", UrlRefusal::Characters),
        ("https://example.com/a b", UrlRefusal::Characters),
        ("https://example.com\\@127.0.0.1/", UrlRefusal::Characters),
        ("https:\\\\example.com/", UrlRefusal::Characters),
        ("", UrlRefusal::Malformed(ParseError::RelativeUrlWithoutBase)),
        ("example.com/hook", UrlRefusal::Malformed(ParseError::RelativeUrlWithoutBase)),
        ("https://", UrlRefusal::Malformed(ParseError::EmptyHost)),
        ("https://example.com:99999/", UrlRefusal::Malformed(ParseError::InvalidPort)),
        ("https://1.2.3.256/", UrlRefusal::Malformed(ParseError::InvalidIpv4Address)),
        ("https://[fe80::1%25eth0]/", UrlRefusal::Malformed(ParseError::InvalidIpv6Address)),
        ("https://[fe80::1%eth0]/", UrlRefusal::Malformed(ParseError::InvalidIpv6Address)),
        ("https://exa%00mple.com/", UrlRefusal::Malformed(ParseError::IdnaError)),
        ("ftp://example.com/", UrlRefusal::Scheme),
        ("file:///etc/passwd", UrlRefusal::Scheme),
        ("gopher://example.com/", UrlRefusal::Scheme),
        ("javascript:alert(1)", UrlRefusal::Scheme),
        ("https://user@example.com/", UrlRefusal::UserInfo),
        ("https://user:password@example.com/", UrlRefusal::UserInfo),
        ("https://@example.com/", UrlRefusal::UserInfo),
        ("https://:@example.com/", UrlRefusal::UserInfo),
        ("https:user@example.com", UrlRefusal::UserInfo),
        ("https://example.com@127.0.0.1/", UrlRefusal::UserInfo),
        ("https://example.com:22/", UrlRefusal::Port(22)),
        ("https://example.com:9000/", UrlRefusal::Port(9000)),
        ("https://example.com:0/", UrlRefusal::Port(0)),
        ("https://8.8.8.8:6000/", UrlRefusal::Port(6000)),
        ("https://a..example.com/", UrlRefusal::HostName),
        ("https://example.com../", UrlRefusal::HostName),
        ("https://./", UrlRefusal::HostName),
        ("https://a{b}.example.com/", UrlRefusal::HostName),
        ("https://receiver/", UrlRefusal::SingleLabel),
        ("https://printer.local/", UrlRefusal::ReservedName),
        ("https://vault.internal./", UrlRefusal::ReservedName),
        ("https://db.corp/", UrlRefusal::UnknownSuffix),
    ];
    for (url, expected) in cases {
        assert_eq!(refusal(url), Some(expected), "{url:?}");
    }
}

#[test]
fn good_urls_are_kept_in_the_url_standards_form() {
    let cases = [
        ("https://example.com", "https://example.com/"),
        ("HTTPS://Example.COM:443/Hook?a=1#f", "https://example.com/Hook?a=1#f"),
        ("https://example.com./x", "https://example.com/x"),
        ("https://example.com:8443/../x", "https://example.com:8443/x"),
        ("https://bücher.example.com/ü", "https://xn--bcher-kva.example.com/%C3%BC"),
        ("https://example.com/a@b?c@d", "https://example.com/a@b?c@d"),
        (
            "https://example.com/a|b^[c]{d}?e|f^[g]{h}`",
            "https://example.com/a|b^[c]%7Bd%7D?e|f^[g]{h}`",
        ),
        ("http://8.8.8.8:8080/", "http://8.8.8.8:8080/"),
        ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
        ("https://134744072/", "https://8.8.8.8/"),
    ];
    for (text, expected) in cases {
        let url = public().parse(text, HttpRule::Allowed);
        assert_eq!(url.as_ref().map(TargetUrl::as_str), Ok(expected), "{text}");
    }
}

#[test]
fn plain_http_is_the_contracts_or_the_operators_to_allow() {
    let url = "http://example.com/";
    assert_eq!(public().parse(url, HttpRule::Refused), Err(UrlRefusal::PlainHttp));
    assert!(public().parse(url, HttpRule::Allowed).is_ok());
    assert!(guard("", "", true).parse(url, HttpRule::Refused).is_ok());
}

#[test]
fn ports_are_open_by_list_and_opened_addresses_on_every_port() {
    let verdict = |guard: &Guard, url: &str| guard.parse(url, HttpRule::Allowed).err();
    let listed = guard("", "9000", false);
    assert_eq!(verdict(&listed, "https://example.com:9000/"), None);
    assert_eq!(verdict(&listed, "https://example.com:9001/"), Some(UrlRefusal::Port(9001)));
    assert_eq!(verdict(&listed, "https://127.0.0.1:9000/"), Some(UrlRefusal::Address));

    let loopback = guard("127.0.0.0/8", "", false);
    for url in [
        "http://127.0.0.1:22/",
        "http://localhost:6000/",
        "http://a.localhost:5432/",
        "http://[::ffff:127.0.0.1]:5432/",
    ] {
        assert_eq!(verdict(&loopback, url), None, "{url}");
    }
    assert_eq!(verdict(&loopback, "http://[::1]:80/"), Some(UrlRefusal::Address));
    assert_eq!(verdict(&loopback, "http://8.8.8.8:22/"), Some(UrlRefusal::Port(22)));
    let private = guard("10.0.0.0/8", "", false);
    assert_eq!(verdict(&private, "http://localhost/"), Some(UrlRefusal::ReservedName));
}

#[test]
fn logs_see_neither_query_nor_fragment() {
    let url = public()
        .parse("https://example.com:8443/hook?token=secret#part", HttpRule::Refused)
        .unwrap();
    assert_eq!(url.to_string(), "https://example.com:8443/hook");
    assert_eq!(format!("{url:?}"), "TargetUrl(https://example.com:8443/hook)");
    assert_eq!((url.host(), url.port(), url.is_https()), ("example.com", 8443, true));
}

#[tokio::test]
async fn saving_is_refused_by_a_forbidden_answer_only() {
    let guard = public();
    let cases = [
        ("https://public.example.com/", Ok(())),
        ("https://8.8.8.8/", Ok(())),
        ("https://private.example.com/", Err(UrlRefusal::Address)),
        ("https://mixed.example.com/", Err(UrlRefusal::Address)),
        ("https://unknown.example.com/", Ok(())),
        ("https://silent.example.com/", Ok(())),
    ];
    for (text, verdict) in cases {
        let url = guard.parse(text, HttpRule::Refused).unwrap();
        let silence = Duration::from_millis(50);
        assert_eq!(guard.vet_host_within(&url, silence).await, verdict, "{text}");
    }
}

#[tokio::test]
async fn a_literal_that_another_guard_let_pass_is_judged_again() {
    let url = guard("10.0.0.0/8", "", false).parse("https://10.0.0.1/", HttpRule::Refused).unwrap();
    assert_eq!(public().vet_host(&url).await, Err(UrlRefusal::Address));
}

fn hosts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9_-]{1,8}(\\.[a-zA-Z0-9_-]{1,6}){0,3}\\.(com|co\\.uk|LOCAL|internal|corp|9)",
        "(0[xX])?[0-9a-fA-F]{1,9}(\\.[0-7]{1,3}){0,3}",
        "[a-z%①²ß。\u{ad}]{1,6}\\.(example|Example)\\.com",
        any::<u32>().prop_map(|bits| std::net::Ipv4Addr::from_bits(bits).to_string()),
        Just("localhost".to_owned()),
    ]
}

proptest! {
    #[test]
    fn parsing_is_a_fixed_point(
        scheme in "(https|http|HTTPS|ws)",
        host in prop_oneof![hosts(), any::<u128>().prop_map(|bits| format!("[{}]", std::net::Ipv6Addr::from_bits(bits)))],
        port in prop_oneof![Just(String::new()), (0..=u16::MAX).prop_map(|port| format!(":{port}")), Just(":443".to_owned())],
        rest in "(/[!-~é]{0,12}){0,3}(\\?[!-~é]{0,12})?(#[!-~]{0,6})?",
    ) {
        let guard = guard("0.0.0.0/0, ::/0", "", true);
        if let Ok(url) = guard.parse(&format!("{scheme}://{host}{port}{rest}"), HttpRule::Allowed) {
            let again = guard.parse(url.as_str(), HttpRule::Allowed);
            prop_assert_eq!(again.as_ref().map(TargetUrl::as_str), Ok(url.as_str()));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}", host in "\\PC{0,20}") {
        let _ = refusal(&text);
        let _ = refusal(&format!("https://{host}/"));
    }

    #[test]
    fn letter_case_and_a_trailing_dot_change_no_verdict(host in hosts()) {
        let verdict = refusal(&format!("https://{host}/"));
        prop_assert_eq!(refusal(&format!("https://{}/", host.to_ascii_uppercase())), verdict);
        prop_assert_eq!(refusal(&format!("https://{}/", host.to_ascii_lowercase())), verdict);
        prop_assert_eq!(refusal(&format!("https://{host}./")), verdict);
    }
}
