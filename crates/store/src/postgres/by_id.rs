//! How statements find and change deliveries whose ids they are given.
//!
//! *Motivation.* A batch names up to a few hundred rows of a table of millions. A plan that joins the
//! batch with the table looks each row up, or reads the table from end to end and compares; which of
//! them is chosen depends on statistics, and those of a table that was small a minute ago are wrong
//! when a burst comes. The plan must not depend on them.
//!
//! *Theory of operation.* Every such statement has the same two parts, neither of which leaves the
//! planner a choice. It *locks* through `CROSS JOIN LATERAL (SELECT … WHERE id = given.id … FOR
//! UPDATE)`, which can only be run row by row, and by the primary key: the state that it asks for is
//! a parameter, so that no partial index fits. It *writes* through `INSERT … ON CONFLICT (id) DO
//! UPDATE`: there always is a conflict, since the row is locked, and it is found by the index that
//! the conflict is declared on. Both go to the row's own partition and to no other. An id must be
//! given once, because a statement may not change a row twice. Statements that run most often also
//! name the first and the last of their ids, by which PostgreSQL leaves out the other days' partitions
//! before it begins.

use postrider_common::id::DeliveryId;
use uuid::Uuid;

/// The ids, each once, in the order in which every batch takes its locks, so that two batches cannot
/// deadlock.
pub(super) fn sorted(ids: &[DeliveryId]) -> Vec<Uuid> {
    let mut uuids: Vec<Uuid> = ids.iter().map(DeliveryId::as_uuid).collect();
    uuids.sort_unstable();
    uuids.dedup();
    uuids
}

/// The first and the last of sorted ids; of none, what no row has.
pub(super) fn ends(sorted: &[Uuid]) -> (Uuid, Uuid) {
    (sorted.first().copied().unwrap_or(Uuid::max()), sorted.last().copied().unwrap_or_default())
}
