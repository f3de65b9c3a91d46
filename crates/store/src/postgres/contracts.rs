//! Contracts and their versions.
//!
//! *Theory of operation.* Whoever puts contracts in force holds an advisory lock until the commit, so
//! that they come one after the other, and revisions are seen in the order in which they were drawn.
//! Before the tenants are marked, their table is locked against changes: a tenant or an endpoint that
//! takes to one of the contracts meanwhile is seen here, or comes after the commit.

use super::PgStore;
use super::error::StoreResultExt as _;
use crate::contracts::{ContractVersions, InForce, KeptContract, by_name};
use crate::error::StoreError;
use crate::rows::contract::{InForceRow, KeptRow};
use async_trait::async_trait;
use postrider_common::contract_version::ContractVersion;
use postrider_contract::Contract;
use sqlx::PgConnection;
use std::sync::Arc;

const ONE_AT_A_TIME: &str = "SELECT pg_advisory_xact_lock(hashtext('postrider.contracts'))";

const KEEP: &str = "
    INSERT INTO contract_versions (name, digest, source)
    SELECT name, digest, source
    FROM unnest($1::text[], $2::bytea[], $3::text[]) AS given (name, digest, source)
    WHERE NOT EXISTS (SELECT FROM contract_versions v
                      WHERE v.name = given.name AND v.digest = given.digest)
    ORDER BY name";

const PUT_IN_FORCE: &str = "
    INSERT INTO contracts (name, version, revision)
    SELECT v.name, v.id, nextval('contract_revisions')
    FROM unnest($1::text[], $2::bytea[]) AS given (name, digest)
    JOIN contract_versions v ON v.name = given.name AND v.digest = given.digest
    LEFT JOIN contracts c ON c.name = v.name
    WHERE c.version IS DISTINCT FROM v.id
    ORDER BY v.name
    ON CONFLICT (name) DO UPDATE SET version = excluded.version, revision = excluded.revision
    RETURNING name";

/// Lets everybody read, accepting too; keeps off whoever changes a tenant or an endpoint.
const LOCK_TENANTS: &str = "LOCK TABLE tenants IN SHARE ROW EXCLUSIVE MODE";

const BUMP_TENANTS: &str = "
    UPDATE tenants t SET endpoints_version = t.endpoints_version + 1
    WHERE t.contract = ANY ($1)
       OR EXISTS (SELECT FROM endpoints e
                  WHERE e.tenant_id = t.id AND e.own_contract = ANY ($1) AND e.deleted_at IS NULL)";

const REVISION: &str = "SELECT coalesce(max(revision), 0) FROM contracts";

const IN_FORCE: &str = r#"
    SELECT c.revision, v.id, v.name, v.digest, v.source
    FROM contracts c JOIN contract_versions v ON v.id = c.version
    ORDER BY v.name COLLATE "C""#;

const ONE: &str = "SELECT id, name, digest, source FROM contract_versions WHERE id = $1";

#[async_trait]
impl ContractVersions for PgStore {
    async fn contracts_put(&self, contracts: &[Arc<Contract>]) -> Result<bool, StoreError> {
        let mut txn = self.log.begin().await.or_store_error()?;
        let changed = put_in_force(&mut txn, contracts).await?;
        if changed.is_empty() {
            return Ok(false);
        }
        sqlx::query(LOCK_TENANTS).execute(&mut *txn).await.or_store_error()?;
        sqlx::query(BUMP_TENANTS).bind(changed).execute(&mut *txn).await.or_store_error()?;
        txn.commit().await.or_store_error()?;
        Ok(true)
    }

    async fn contracts_revision(&self) -> Result<i64, StoreError> {
        sqlx::query_scalar(REVISION).fetch_one(&self.log).await.or_store_error()
    }

    async fn contracts_in_force(&self) -> Result<InForce, StoreError> {
        let rows: Vec<InForceRow> =
            sqlx::query_as(IN_FORCE).fetch_all(&self.log).await.or_store_error()?;
        rows.try_into()
    }

    async fn contract_version(
        &self,
        version: ContractVersion,
    ) -> Result<Option<KeptContract>, StoreError> {
        let row: Option<KeptRow> = sqlx::query_as(ONE)
            .bind(version.number())
            .fetch_optional(&self.log)
            .await
            .or_store_error()?;
        row.map(KeptContract::try_from).transpose()
    }
}

/// Gives the names of the contracts of which another version is in force now.
async fn put_in_force(
    txn: &mut PgConnection,
    contracts: &[Arc<Contract>],
) -> Result<Vec<String>, StoreError> {
    let contracts = by_name(contracts);
    let names: Vec<&str> = contracts.keys().copied().collect();
    let digests: Vec<Vec<u8>> =
        contracts.values().map(|contract| contract.digest().as_bytes().to_vec()).collect();
    let sources: Vec<&str> =
        contracts.values().map(|contract| contract.source().as_ref()).collect();
    sqlx::query(ONE_AT_A_TIME).execute(&mut *txn).await.or_store_error()?;
    sqlx::query(KEEP)
        .bind(&names)
        .bind(&digests)
        .bind(sources)
        .execute(&mut *txn)
        .await
        .or_store_error()?;
    sqlx::query_scalar(PUT_IN_FORCE).bind(names).bind(digests).fetch_all(txn).await.or_store_error()
}
