//! What is wrong with a contract file: where, and which rule it breaks.
//!
//! Reading goes on after a problem, so that whoever writes a contract sees all of them at once. Only
//! what is no TOML, or has a key too many or too few, ends it at the first.

use std::fmt::{self, Display};
use std::ops::{Range, RangeInclusive};
use toml::Spanned;

/// One rule that a contract file breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractError {
    /// The file, as its reader named it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// The key with its tables, such as `signatures[0].algorithm`; empty for the file as a whole.
    pub key: String,
    /// The rule, as a part of a sentence.
    pub reason: String,
}

impl Display for ContractError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, key, reason } = self;
        write!(f, "{file}:{line}:{column}: ")?;
        if !key.is_empty() {
            write!(f, "{key}: ")?;
        }
        f.write_str(reason)
    }
}

/// All that is wrong with a contract file, in the order of its lines; at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractErrors(Vec<ContractError>);

impl ContractErrors {
    /// Each of them.
    pub fn iter(&self) -> std::slice::Iter<'_, ContractError> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a ContractErrors {
    type Item = &'a ContractError;
    type IntoIter = std::slice::Iter<'a, ContractError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Display for ContractErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, error) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for ContractErrors {}

/// Gathers what is wrong with one file.
pub(crate) struct Problems<'a> {
    file: &'a str,
    text: &'a str,
    found: Vec<ContractError>,
}

impl<'a> Problems<'a> {
    pub(crate) fn of(file: &'a str, text: &'a str) -> Self {
        Self { file, text, found: Vec::new() }
    }

    /// Notes a problem at a byte range of the text.
    pub(crate) fn add(&mut self, span: Range<usize>, key: impl Into<String>, reason: impl Display) {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        self.found.push(ContractError {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            key: key.into(),
            reason: reason.to_string(),
        });
    }

    /// Notes a problem at a byte of a string's value; at the string's start, unless it is a literal
    /// one, in single quotes, in which every byte stands for itself.
    pub(crate) fn add_within(
        &mut self,
        string: &Spanned<String>,
        offset: usize,
        key: impl Into<String>,
        reason: impl Display,
    ) {
        let span = string.span();
        let written = self.text.get(span.clone()).unwrap_or_default();
        let content = match written.strip_prefix("'''") {
            Some(content) => Some(content.strip_prefix('\n').unwrap_or(content)),
            None => written.strip_prefix('\''),
        };
        let start = content.map_or(span.start, |content| span.end - content.len() + offset);
        self.add(start..span.end, key, reason);
    }

    /// The value of a result, or a problem.
    pub(crate) fn take<T, V, E: Display>(
        &mut self,
        at: &Spanned<V>,
        key: impl Into<String>,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|reason| self.add(at.span(), key, reason)).ok()
    }

    /// The meaning of a word that must be one of these.
    pub(crate) fn choose<T: Copy>(
        &mut self,
        word: &Spanned<String>,
        key: impl Into<String>,
        what: &str,
        options: &[(&str, T)],
    ) -> Option<T> {
        let given = word.get_ref();
        let found = options.iter().find(|(name, _)| name == given).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let names: Vec<_> = options.iter().map(|(name, _)| *name).collect();
            let names = names.join(", ");
            self.add(
                word.span(),
                key,
                format!("unknown {what} {given:?}, expected one of {names}"),
            );
        }
        found
    }

    /// A whole number that must be in a range; the unit is named in the message.
    pub(crate) fn whole<T: TryFrom<i64>>(
        &mut self,
        number: &Spanned<i64>,
        key: impl Into<String>,
        range: RangeInclusive<i64>,
        unit: &str,
    ) -> Option<T> {
        let given = *number.get_ref();
        let fits = range.contains(&given).then(|| T::try_from(given).ok()).flatten();
        if fits.is_none() {
            let (least, most) = range.into_inner();
            self.add(
                number.span(),
                key,
                format!("must be {least} to {most}{unit}, and is {given}"),
            );
        }
        fits
    }

    /// The result of reading, if nothing was wrong.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Result<T, ContractErrors> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(self.into_errors()),
        }
    }

    fn into_errors(mut self) -> ContractErrors {
        self.found.sort_by_key(|error| (error.line, error.column));
        ContractErrors(self.found)
    }
}
