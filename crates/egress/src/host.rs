//! Which host names may be sent to, judged by the name alone.
//!
//! The addresses behind a name are `resolver`'s to judge. The name comes from the URL parser:
//! lower case, in ASCII form (punycode), its trailing dot already gone.

use crate::config::SuffixList;
use crate::refusal::UrlRefusal;

const RESERVED: [&str; 3] = ["local", "internal", "home.arpa"];
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

/// Whether `name` is `localhost` or below it, which resolve to loopback (RFC 6761, section 6.3).
pub(crate) fn is_localhost(name: &str) -> bool {
    is_within(name, "localhost")
}

/// Whether `name` is `suffix` or ends in it after a dot.
pub(crate) fn is_within(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Judges a name by the rules that need no lookup.
///
/// A suffix in `suffixes` opens itself and all below it, whatever the other rules say, save that
/// `localhost` is opened by `localhost_open` alone.
pub(crate) fn judge(
    name: &str,
    suffixes: &SuffixList,
    localhost_open: bool,
) -> Result<(), UrlRefusal> {
    if !is_well_formed(name) {
        return Err(UrlRefusal::HostName);
    }
    if is_localhost(name) {
        return localhost_open.then_some(()).ok_or(UrlRefusal::ReservedName);
    }
    if suffixes.covers(name) {
        return Ok(());
    }
    if !name.contains('.') {
        return Err(UrlRefusal::SingleLabel);
    }
    if RESERVED.iter().any(|suffix| is_within(name, suffix)) {
        return Err(UrlRefusal::ReservedName);
    }
    match psl::suffix(name.as_bytes()) {
        Some(suffix) if suffix.is_known() => Ok(()),
        _ => Err(UrlRefusal::UnknownSuffix),
    }
}

/// Whether the name's labels can be looked up (RFC 1035, section 2.3.4). The underscore is no
/// letter of a host name, but customers have such names and resolvers know them.
fn is_well_formed(name: &str) -> bool {
    name.len() <= MAX_NAME
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= MAX_LABEL
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
        })
}

#[cfg(test)]
mod tests {
    use super::judge;
    use crate::config::SuffixList;
    use crate::refusal::UrlRefusal;

    #[test]
    fn names_are_judged_by_their_labels_and_suffix() {
        let none = SuffixList::default();
        let long_label = format!("{}.com", "a".repeat(64));
        let long_name = format!("{}com", "abcdefgh.".repeat(28));
        let cases = [
            ("example.com", Ok(())),
            ("hooks.example.co.uk", Ok(())),
            ("my_hooks.example.com", Ok(())),
            ("xn--80ak6aa92e.xn--p1ai", Ok(())),
            ("foo.github.io", Ok(())),
            ("nothome.arpa", Ok(())),
            ("foo.in-addr.arpa", Ok(())),
            ("receiver", Err(UrlRefusal::SingleLabel)),
            ("com", Err(UrlRefusal::SingleLabel)),
            ("localhost", Err(UrlRefusal::ReservedName)),
            ("a.localhost", Err(UrlRefusal::ReservedName)),
            ("notlocalhost", Err(UrlRefusal::SingleLabel)),
            ("printer.local", Err(UrlRefusal::ReservedName)),
            ("metadata.google.internal", Err(UrlRefusal::ReservedName)),
            ("router.home.arpa", Err(UrlRefusal::ReservedName)),
            ("home.arpa", Err(UrlRefusal::ReservedName)),
            ("db.corp", Err(UrlRefusal::UnknownSuffix)),
            ("svc.cluster.lan", Err(UrlRefusal::UnknownSuffix)),
            ("a..com", Err(UrlRefusal::HostName)),
            (".com", Err(UrlRefusal::HostName)),
            ("", Err(UrlRefusal::HostName)),
            ("a!b.com", Err(UrlRefusal::HostName)),
            (long_label.as_str(), Err(UrlRefusal::HostName)),
            (long_name.as_str(), Err(UrlRefusal::HostName)),
        ];
        for (name, verdict) in cases {
            assert_eq!(judge(name, &none, false), verdict, "{name}");
        }
    }

    #[test]
    fn the_operators_suffixes_open_names_but_never_localhost() {
        let suffixes: SuffixList = "corp, svc.cluster.local, receiver, localhost".parse().unwrap();
        for name in ["db.corp", "corp", "a.b.svc.cluster.local", "receiver", "x.receiver"] {
            assert_eq!(judge(name, &suffixes, false), Ok(()), "{name}");
        }
        assert_eq!(judge("dbcorp", &suffixes, false), Err(UrlRefusal::SingleLabel));
        assert_eq!(judge("other.local", &suffixes, false), Err(UrlRefusal::ReservedName));
        assert_eq!(judge("localhost", &suffixes, false), Err(UrlRefusal::ReservedName));
        assert_eq!(judge("localhost", &suffixes, true), Ok(()));
        assert_eq!(judge("a.localhost", &suffixes, true), Ok(()));
    }
}
