//! A contract version's row, kept or in force, and what it stands for.

use super::unreadable;
use crate::contracts::{InForce, KeptContract};
use crate::error::StoreError;
use postrider_common::contract_version::ContractVersion;
use postrider_contract::ContractDigest;
use sqlx::FromRow;

/// A row of `contract_versions`.
#[derive(FromRow)]
pub(crate) struct KeptRow {
    id: i32,
    name: String,
    digest: Vec<u8>,
    source: String,
}

/// Such a row with the revision by which it came into force.
#[derive(FromRow)]
pub(crate) struct InForceRow {
    revision: i64,
    #[sqlx(flatten)]
    kept: KeptRow,
}

impl TryFrom<KeptRow> for KeptContract {
    type Error = StoreError;

    fn try_from(row: KeptRow) -> Result<Self, StoreError> {
        let digest = row.digest.try_into().map_err(|_| unreadable("contract digest"))?;
        Ok(Self {
            version: ContractVersion::from_number(row.id),
            name: row.name,
            digest: ContractDigest::from_bytes(digest),
            source: row.source,
        })
    }
}

impl TryFrom<Vec<InForceRow>> for InForce {
    type Error = StoreError;

    fn try_from(rows: Vec<InForceRow>) -> Result<Self, StoreError> {
        let revision = rows.iter().map(|row| row.revision).max().unwrap_or_default();
        let contracts = rows.into_iter().map(|row| row.kept.try_into());
        Ok(Self { revision, contracts: contracts.collect::<Result<_, _>>()? })
    }
}
