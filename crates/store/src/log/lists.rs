//! The lists' statements, of which both adapters have the same: what is selected, and what narrows it.
//!
//! An adapter begins a statement with its tenant, in the way that its indexes ask for.

use super::{DeliveryFilter, EventFilterBy};
use crate::lookup::Meant;
use crate::page::PageRequest;
use crate::selection::Selection;
use crate::statement::Statement;
use uuid::Uuid;

/// Events; a tenant follows.
pub(crate) const EVENTS: &str = "
    SELECT id, given_id, event_type, metadata, occurred_at, accepted_at, deliver_at, ordering_key,
           test, expunged_at
    FROM events WHERE tenant_id = ";

/// Deliveries `d` with their events `ev`; a condition follows.
pub(crate) const DELIVERIES: &str = "
    SELECT d.*, ev.given_id, ev.event_type, e.public_id,
           coalesce(e.own_contract, t.contract) AS contract,
           CASE WHEN d.state = 'waiting' THEN
               (SELECT k.head FROM ordering_keys k
                WHERE k.endpoint_id = d.endpoint_id AND k.key = d.ordering_key)
           END AS waits_for
    FROM deliveries d
    JOIN events ev ON ev.id = d.event_id
    JOIN endpoints e ON e.id = d.endpoint_id
    JOIN tenants t ON t.id = d.tenant_id
    WHERE ";

/// Narrows a list of events to a page of those that are asked for.
pub(crate) fn events(statement: &mut impl Statement, filter: &EventFilterBy, page: PageRequest) {
    if let Some(event_type) = &filter.event_type {
        statement.add(" AND event_type = ").add_text(event_type.as_str());
    }
    page.end(statement, "id");
}

/// Narrows a list of deliveries to a page of those that are asked for; `endpoints` are those that the
/// filter's endpoint means.
pub(crate) fn deliveries(
    statement: &mut impl Statement,
    filter: &DeliveryFilter,
    endpoints: Option<&[Uuid]>,
    page: PageRequest,
) {
    if let Some(ids) = endpoints {
        statement.add(" AND d.endpoint_id").add_is_one_of_ids(ids);
    }
    if let Some(event) = filter.event {
        statement.add(" AND d.event_id = ").add_id(event.as_uuid());
    }
    if let Some(state) = filter.state {
        // Not bound, since an index of one state is of use only to a statement that names it.
        statement.add(" AND d.state = '").add(state.as_str()).add("'");
    }
    page.end(statement, "d.id");
}

/// Narrows a list of deliveries to a page of dead letters: those that are dead and not discarded. Tests
/// are nobody's loss. `meant` is what the selection's endpoint means. Where it has a beginning or an end, the
/// ids say so as well, by which partitions are left out.
pub(crate) fn dead_letters(
    statement: &mut impl Statement,
    selection: &Selection,
    meant: Meant,
    page: PageRequest,
) {
    statement.add(" AND d.state = 'dead' AND d.discarded_at IS NULL AND NOT d.test");
    if let Meant::One(id) = meant {
        statement.add(" AND d.endpoint_id = ").add_id(id);
    }
    if let Some(names) = selection.type_names() {
        statement.add(" AND ev.event_type").add_is_one_of(&names);
    }
    if let Some(since) = selection.since {
        statement.add(" AND ev.accepted_at >= ").add_time(since);
    }
    if let Some(until) = selection.until {
        statement.add(" AND ev.accepted_at < ").add_time(until);
    }
    if let Some(first) = selection.first_id() {
        statement.add(" AND d.id > ").add_id(first);
    }
    if let Some(last) = selection.last_id() {
        statement.add(" AND d.id <= ").add_id(last);
    }
    if let Some(reason) = selection.reason {
        statement.add(" AND d.dead_reason = ").add_text(reason.as_str());
    }
    if let Some(status) = selection.status {
        statement.add(" AND coalesce(d.last_status / 100, 0) = ");
        statement.add_number(status.hundreds().into());
    }
    page.end(statement, "d.id");
}
