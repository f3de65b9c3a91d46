//! The headers that hold signatures, and how their values are made.
//!
//! A header holds the signatures of one or more entries of the contract file; an entry signs with
//! the keys that it can use. Reading such values back is in `verify`.

mod read;
#[cfg(test)]
mod tests;

pub(crate) use read::{Secrets, read_all};

use crate::header::{Header, HeaderLabel};
use crate::key::{SigningKey, Slot};
use crate::secret::Encoding;
use crate::template::{Template, Values};

/// How a signature is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// RFC 2104 with SHA-1.
    HmacSha1,
    /// RFC 2104 with SHA-256.
    HmacSha256,
    /// RFC 2104 with SHA-512.
    HmacSha512,
    /// RFC 8032.
    Ed25519,
}

impl Algorithm {
    /// The length of a signature in bytes.
    pub(crate) fn signature_bytes(self) -> usize {
        match self {
            Self::HmacSha1 => 20,
            Self::HmacSha256 => 32,
            Self::HmacSha512 | Self::Ed25519 => 64,
        }
    }
}

/// A header that holds signatures.
#[derive(Clone, Debug)]
pub(crate) struct SignatureHeader {
    pub(crate) label: HeaderLabel,
    /// What stands once before the signatures.
    pub(crate) prefix: Template,
    /// What stands between several; without it, there is only one.
    pub(crate) separator: Option<char>,
    pub(crate) entries: Vec<Entry>,
}

/// One way in which a header's signatures are made.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) slot: Slot,
    pub(crate) content: Template,
    pub(crate) algorithm: Algorithm,
    pub(crate) encoding: Encoding,
    /// What stands around each signature.
    pub(crate) before: String,
    pub(crate) after: String,
}

impl SignatureHeader {
    /// The header, signed with every key if it can hold several signatures, and else with the first
    /// that fits; `None` if none does.
    pub(crate) fn sign<'a>(
        &'a self,
        values: &Values<'_>,
        keys: &[SigningKey],
    ) -> Option<Header<'a>> {
        let mut value = self.prefix.fill(values);
        let mut signed = false;
        for signature in keys.iter().flat_map(|key| self.signatures(values, key)) {
            if signed {
                let Some(separator) = self.separator else { break };
                value.push(separator);
            }
            value.push_str(&signature);
            signed = true;
        }
        signed.then_some(Header { label: &self.label, value })
    }

    /// What each entry that can use the key makes of it.
    fn signatures<'a>(
        &'a self,
        values: &'a Values<'_>,
        key: &'a SigningKey,
    ) -> impl Iterator<Item = String> + 'a {
        let entries = self.entries.iter().filter(|entry| entry.slot == key.slot);
        entries.filter_map(move |entry| {
            let signature = key.sign(entry.algorithm, |sink| entry.content.feed(values, sink))?;
            let encoded = entry.encoding.encode(&signature);
            Some([entry.before.as_str(), &encoded, &entry.after].concat())
        })
    }
}
