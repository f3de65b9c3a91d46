//! A tenant's row, and what it stands for.

use super::{StoredTime, tenant, unreadable};
use crate::error::StoreError;
use postrider_common::keeping::{Days, Keeping};
use postrider_common::tenant::Tenant;
use sqlx::FromRow;

/// A row of `tenants`, without what accepting alone reads.
#[derive(FromRow)]
pub(crate) struct TenantRow<Time> {
    id: String,
    name: String,
    contract: String,
    retention_days: Option<i32>,
    hold_days: i32,
    created_at: Time,
}

impl<Time: StoredTime> TryFrom<TenantRow<Time>> for Tenant {
    type Error = StoreError;

    fn try_from(row: TenantRow<Time>) -> Result<Self, StoreError> {
        let retention = row.retention_days.map(days).transpose()?;
        Ok(Self {
            id: tenant(row.id)?,
            name: row.name,
            contract: row.contract,
            keeping: Keeping { retention, hold: days(row.hold_days)? },
            created_at: row.created_at.read()?,
        })
    }
}

fn days(number: i32) -> Result<Days, StoreError> {
    Days::new(number).map_err(|_| unreadable("number of days"))
}
