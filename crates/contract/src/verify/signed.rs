//! What a received request says was signed, and the signatures that it has.

use super::{Received, VerifyError, header, read_whole};
use crate::contract::Contract;
use crate::signature::{Entry, SignatureHeader};
use crate::template::{Values, Variable};
use std::fmt::Write as _;

/// What one header's signatures cover, gathered from the request.
pub(super) struct Signed<'a> {
    delivery_id: &'a str,
    delivery_uuid: &'a str,
    timestamp: &'a str,
    /// The header that the timestamp was in.
    timestamp_header: String,
    body: &'a [u8],
    /// The part of the header that holds the signatures.
    signatures: &'a str,
}

/// A signature that an entry of the contract may have made.
pub(super) struct Candidate<'a> {
    pub(super) entry: &'a Entry,
    pub(super) signature: Vec<u8>,
}

impl<'a> Signed<'a> {
    /// Reads the headers that tell what was signed.
    pub(super) fn of(
        contract: &Contract,
        header: &SignatureHeader,
        request: &Received<'a>,
    ) -> Result<Self, VerifyError> {
        let mut signed = Self {
            delivery_id: "",
            delivery_uuid: "",
            timestamp: "",
            timestamp_header: String::new(),
            body: request.body,
            signatures: "",
        };
        for rule in contract.headers_with_values() {
            let variables = rule.value.variables();
            for variable in variables.filter(|variable| is_signed(header, *variable)) {
                let name = rule.label.as_str();
                let value = self::header(request, name)?;
                let told = read_whole(&rule.value, value, variable);
                let form = || rule.value.written();
                signed.set(name, variable, told.ok_or_else(|| malformed(name, form()))?);
            }
        }
        let name = header.label.as_str();
        let value = self::header(request, name)?;
        let read = header.prefix.read(value);
        let (told, signatures) = read.ok_or_else(|| malformed(name, form_of(header)))?;
        for (variable, value) in told {
            signed.set(name, variable, value);
        }
        signed.signatures = signatures;
        signed.timestamp(header)?;
        Ok(signed)
    }

    fn set(&mut self, header: &str, variable: Variable, value: &'a str) {
        match variable {
            Variable::DeliveryId => self.delivery_id = value,
            Variable::DeliveryUuid => self.delivery_uuid = value,
            Variable::Timestamp => {
                self.timestamp = value;
                header.clone_into(&mut self.timestamp_header);
            }
            _ => {}
        }
    }

    /// The time that was signed, in Unix seconds; `None` if none was.
    pub(super) fn timestamp(&self, header: &SignatureHeader) -> Result<Option<i64>, VerifyError> {
        if !is_signed(header, Variable::Timestamp) {
            return Ok(None);
        }
        let parsed = self.timestamp.parse().map(Some);
        parsed.map_err(|_| VerifyError::Malformed {
            header: self.timestamp_header.clone(),
            form: "a time in whole Unix seconds".to_owned(),
        })
    }

    /// What the header's contents are made of.
    pub(super) fn values(&self) -> Values<'a> {
        Values {
            delivery_id: self.delivery_id,
            delivery_uuid: self.delivery_uuid,
            timestamp: self.timestamp,
            body: self.body,
            ..Values::default()
        }
    }

    /// The signatures of a form that the contract has; whatever else stands there is of another
    /// version, or none.
    pub(super) fn candidates<'h>(
        &self,
        header: &'h SignatureHeader,
    ) -> Result<Vec<Candidate<'h>>, VerifyError> {
        let parts: Vec<_> = match header.separator {
            Some(separator) => self.signatures.split(separator).collect(),
            None => vec![self.signatures],
        };
        let read = |entry: &'h Entry| {
            let of_entry = |part: &&str| {
                let encoded = part.strip_prefix(&*entry.before)?.strip_suffix(&*entry.after)?;
                let signature = entry.encoding.decode(encoded)?;
                let fits = signature.len() == entry.algorithm.signature_bytes();
                fits.then_some(Candidate { entry, signature })
            };
            parts.iter().filter_map(of_entry).collect::<Vec<_>>()
        };
        let found: Vec<_> = header.entries.iter().flat_map(read).collect();
        if found.is_empty() {
            return Err(malformed(header.label.as_str(), form_of(header)));
        }
        Ok(found)
    }
}

fn is_signed(header: &SignatureHeader, variable: Variable) -> bool {
    header.entries.iter().any(|entry| entry.content.variables().any(|one| one == variable))
}

fn malformed(header: &str, form: String) -> VerifyError {
    VerifyError::Malformed { header: header.to_owned(), form }
}

/// A header's form in words.
fn form_of(header: &SignatureHeader) -> String {
    let mut form = header.prefix.written();
    // Writing to a string does not fail.
    for (place, entry) in header.entries.iter().enumerate() {
        let Entry { before, after, algorithm, encoding, .. } = entry;
        let or = if place > 0 { " or " } else { "" };
        let bytes = algorithm.signature_bytes();
        let _ = write!(form, "{or}{before}{{{bytes} bytes in {encoding}}}{after}");
    }
    if let Some(separator) = header.separator {
        let _ = write!(form, "; several are separated by {separator:?}");
    }
    form
}
