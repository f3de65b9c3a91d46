//! Contracts and their versions.

use super::SqliteStore;
use super::batch::json;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use crate::contracts::{ContractVersions, InForce, KeptContract, by_name};
use crate::error::StoreError;
use crate::rows::contract::{InForceRow, KeptRow};
use async_trait::async_trait;
use postrider_common::contract_version::ContractVersion;
use postrider_contract::Contract;
use serde::Serialize;
use std::sync::Arc;

const KEEP: &str = "
    INSERT INTO contract_versions (name, digest, source, created_at)
    SELECT value ->> 'name', unhex(value ->> 'digest'), value ->> 'source', ?2
    FROM json_each(?1)
    WHERE true
    ON CONFLICT (name, digest) DO NOTHING";

/// All that change share one revision, which is higher than every one before, since no contract is
/// ever taken out of force.
const PUT_IN_FORCE: &str = "
    WITH given AS MATERIALIZED (
        SELECT value ->> 'name' AS name, unhex(value ->> 'digest') AS digest FROM json_each(?1)
    )
    INSERT INTO contracts (name, version, revision)
    SELECT v.name, v.id, (SELECT coalesce(max(revision), 0) + 1 FROM contracts)
    FROM given
    JOIN contract_versions v ON v.name = given.name AND v.digest = given.digest
    LEFT JOIN contracts c ON c.name = v.name
    WHERE c.version IS NOT v.id
    ON CONFLICT (name) DO UPDATE SET version = excluded.version, revision = excluded.revision
    RETURNING name";

const BUMP_TENANTS: &str = "
    UPDATE tenants SET endpoints_version = endpoints_version + 1
    WHERE contract IN (SELECT value FROM json_each(?1))
       OR id IN (SELECT e.tenant_id FROM endpoints e
                 WHERE e.own_contract IN (SELECT value FROM json_each(?1))
                   AND e.deleted_at IS NULL)";

const REVISION: &str = "SELECT coalesce(max(revision), 0) FROM contracts";

const IN_FORCE: &str = "
    SELECT c.revision, v.id, v.name, v.digest, v.source
    FROM contracts c JOIN contract_versions v ON v.id = c.version
    ORDER BY v.name";

const ONE: &str = "SELECT id, name, digest, source FROM contract_versions WHERE id = ?1";

#[derive(Serialize)]
struct GivenRow<'a> {
    name: &'a str,
    digest: String,
    source: &'a str,
}

#[async_trait]
impl ContractVersions for SqliteStore {
    async fn contracts_put(&self, contracts: &[Arc<Contract>]) -> Result<bool, StoreError> {
        let mut txn = self.writer.begin().await?;
        let changed = put_in_force(&mut txn, contracts).await?;
        if changed.is_empty() {
            return Ok(false);
        }
        let bump = sqlx::query(BUMP_TENANTS).bind(json(&changed)?);
        bump.execute(txn.connection()).await.or_store_error()?;
        txn.commit().await?;
        Ok(true)
    }

    async fn contracts_revision(&self) -> Result<i64, StoreError> {
        sqlx::query_scalar(REVISION).fetch_one(&self.readers).await.or_store_error()
    }

    async fn contracts_in_force(&self) -> Result<InForce, StoreError> {
        let rows: Vec<InForceRow> =
            sqlx::query_as(IN_FORCE).fetch_all(&self.readers).await.or_store_error()?;
        rows.try_into()
    }

    async fn contract_version(
        &self,
        version: ContractVersion,
    ) -> Result<Option<KeptContract>, StoreError> {
        let row: Option<KeptRow> = sqlx::query_as(ONE)
            .bind(version.number())
            .fetch_optional(&self.readers)
            .await
            .or_store_error()?;
        row.map(KeptContract::try_from).transpose()
    }
}

/// Gives the names of the contracts of which another version is in force now.
async fn put_in_force(
    txn: &mut WriteTxn,
    contracts: &[Arc<Contract>],
) -> Result<Vec<String>, StoreError> {
    let rows: Vec<GivenRow<'_>> = by_name(contracts).into_values().map(GivenRow::of).collect();
    let (given, now) = (json(&rows)?, txn.now());
    let keep = sqlx::query(KEEP).bind(&given).bind(now);
    keep.execute(txn.connection()).await.or_store_error()?;
    let put = sqlx::query_scalar(PUT_IN_FORCE).bind(given);
    put.fetch_all(txn.connection()).await.or_store_error()
}

impl<'a> GivenRow<'a> {
    fn of(contract: &'a Contract) -> Self {
        let digest = contract.digest().to_string();
        Self { name: contract.name(), digest, source: contract.source() }
    }
}
