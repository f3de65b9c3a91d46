//! One event, from its request to its answer: what all three calls do with each.

use crate::accept::{Acceptor, Outcome};
use crate::auth::Caller;
use crate::event_ids::EventIds;
use crate::proto::{PublishEventRequest, PublishEventResponse};
use crate::refusal::Refusal;
use crate::validate::{namesake, too_far_ahead, validate};
use postrider_common::batch::Pending;
use postrider_common::event::GivenId;
use postrider_common::id::EventId;
use postrider_common::tenant::TenantId;
use postrider_common::trace::TraceContext;
use postrider_store::{Accepted, NewEvent};

/// An event that waits for its commit. Dropped before the batch begins, it is not accepted.
pub(super) struct Begun {
    id: EventId,
    tenant: TenantId,
    given_id: Option<GivenId>,
    ids: EventIds,
    pending: Pending<Outcome>,
}

/// Validates an event and puts it in line to be accepted, as part of the trace of its call.
pub(super) async fn begin(
    acceptor: &Acceptor,
    caller: &Caller,
    request: PublishEventRequest,
    trace: Option<TraceContext>,
) -> Result<Begun, Refusal> {
    let tenant = caller.tenant(&request.tenant_id)?;
    let event = validate(EventId::generate(), tenant, request).map_err(Refusal::Invalid)?;
    let event = NewEvent { trace, ..event };
    let (id, tenant, given_id) = (event.id, event.tenant.clone(), event.given_id.clone());
    let ids = acceptor.event_ids().clone();
    let pending = acceptor.enqueue(event).await?;
    Ok(Begun { id, tenant, given_id, ids, pending })
}

impl Begun {
    /// Waits for the commit.
    pub(super) async fn answer(self) -> Result<PublishEventResponse, Refusal> {
        match self.pending.await?? {
            Accepted::New { deliveries, .. } => {
                let event_id = self.ids.shown(&self.tenant, self.id, self.given_id).await;
                Ok(PublishEventResponse { event_id, duplicate: false, deliveries })
            }
            Accepted::Duplicate { event, deliveries } => {
                let event_id = self.ids.shown(&self.tenant, event, self.given_id).await;
                Ok(PublishEventResponse { event_id, duplicate: true, deliveries })
            }
            Accepted::Conflict { field } => Err(Refusal::Conflict(field)),
            Accepted::TooFarAhead => Err(Refusal::Invalid(vec![too_far_ahead()])),
            Accepted::Namesake => Err(Refusal::Invalid(vec![namesake()])),
            Accepted::UnknownTenant => Err(Refusal::TenantNotFound),
        }
    }
}
