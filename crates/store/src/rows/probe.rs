//! An endpoint that is to be probed, as it is found, and what of it is handed out.

use super::{natural, tenant};
use crate::accept::QueuedDelivery;
use crate::error::StoreError;
use crate::probing::{Probe, Probed};
use crate::work::WorkQueue;
use postrider_common::id::{DeliveryId, EndpointId};
use postrider_common::probing::{NOTHING_TO_SEND, rest_after};
use sqlx::FromRow;
use std::time::Duration;
use uuid::Uuid;

/// An endpoint whose time has come, with the delivery that is to be its probe if one is held that is due.
#[derive(FromRow)]
pub(crate) struct ProbeRow {
    pub(crate) endpoint_id: Uuid,
    tenant_id: String,
    probes: i32,
    pub(crate) id: Option<Uuid>,
    attempts: Option<i32>,
}

impl ProbeRow {
    /// How long it is until the next one. It counts as taken from now on, so that whatever becomes of it,
    /// nobody has to write anything for there to be another.
    pub(crate) fn rest(&self) -> Duration {
        let probes = u32::try_from(self.probes).unwrap_or(u32::MAX);
        self.id.map_or(NOTHING_TO_SEND, |_| rest_after(probes.saturating_add(1)))
    }

    /// What is to be handed out, if anything.
    fn into_probe(self) -> Result<Option<Probe>, StoreError> {
        let Some(id) = self.id else { return Ok(None) };
        let attempts = natural(self.attempts.unwrap_or_default())?;
        let queue = if attempts == 0 { WorkQueue::First } else { WorkQueue::Retry };
        let delivery = QueuedDelivery {
            id: DeliveryId::from_uuid(id),
            endpoint: EndpointId::from_uuid(self.endpoint_id),
            tenant: tenant(self.tenant_id)?,
            trace: None,
        };
        Ok(Some(Probe { delivery, queue }))
    }
}

/// What is made of all that was found.
pub(crate) fn probed(found: Vec<ProbeRow>) -> Result<Probed, StoreError> {
    let endpoints = found.len();
    let probes = found.into_iter().filter_map(|row| row.into_probe().transpose());
    Ok(Probed { endpoints, probes: probes.collect::<Result<_, _>>()? })
}
