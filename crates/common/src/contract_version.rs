//! Which text of a contract a delivery's body is made by.
//!
//! The store gives the numbers and keeps the texts; what a contract says is crate `contract`'s business.

use std::fmt;

/// The number under which the store keeps one version of a contract, for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ContractVersion(i32);

impl ContractVersion {
    /// Takes a number that the store gave.
    pub fn from_number(number: i32) -> Self {
        Self(number)
    }

    /// The number.
    pub fn number(self) -> i32 {
        self.0
    }
}

impl fmt::Display for ContractVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
