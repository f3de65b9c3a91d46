//! Follow: waiting deliveries take the state that their endpoint's state asks for, a share of each endpoint
//! at a time, as `crate::follow` says. A test is held by nothing.

use super::batch::json;
use super::error::StoreResultExt as _;
use super::writer::WriteTxn;
use super::{SqliteStore, ordering, probe};
use crate::circle::Circle;
use crate::error::StoreError;
use crate::follow::{Circles, Followed, Moved, share};
use sqlx::FromRow;
use uuid::Uuid;

/// The statements of a kind of step: deliveries of a state, and the one that their endpoint `e` asks for by
/// now, or dead if it is deleted, where `$when` holds of it, as far as they are meant. What a row has found is
/// what is meant before it: one endpoint too many may come, which `Scan` leaves out. The deliveries of an
/// endpoint come as an array, as the feeder's do.
macro_rules! kind {
    ($from:literal to $to:literal, when $when:literal, meant $meant:literal, first $order:literal) => {
        Kind {
            find: concat!(
                "
    WITH RECURSIVE waiting (endpoint_id, seen, found) AS (
        SELECT ?1, 0, 0
        UNION ALL
        SELECT (SELECT d.endpoint_id FROM deliveries d
                WHERE d.state = '",
                $from,
                "' AND d.endpoint_id > waiting.endpoint_id AND d.endpoint_id <= ?2
                ORDER BY d.endpoint_id LIMIT 1),
               waiting.seen + 1,
               waiting.found + (waiting.seen > 0 AND EXISTS (
                   SELECT 1 FROM endpoints e
                   WHERE e.id = waiting.endpoint_id AND (e.deleted_at IS NOT NULL OR ",
                $when,
                ")))
        FROM waiting
        WHERE waiting.endpoint_id IS NOT NULL AND waiting.found < ?3 AND waiting.seen < ?4
    )
    SELECT endpoint_id,
           EXISTS (SELECT 1 FROM endpoints e
                   WHERE e.id = waiting.endpoint_id AND (e.deleted_at IS NOT NULL OR ",
                $when,
                "))
    FROM waiting WHERE seen > 0 AND endpoint_id IS NOT NULL"
            ),
            choose: concat!(
                "
    SELECT unhex(place.value) AS id, e.id AS endpoint_id, iif(e.deleted_at IS NOT NULL, 'dead', '",
                $to,
                "') AS state
    FROM json_each(?1) AS found
    CROSS JOIN endpoints e ON e.id = unhex(found.value, '-')
    CROSS JOIN json_each((
        SELECT json_group_array(hex(first.id)) FROM (
            SELECT d.id FROM deliveries d
            WHERE d.endpoint_id = e.id AND d.state = '",
                $from,
                "' AND (e.deleted_at IS NOT NULL OR ",
                $meant,
                ")
            ORDER BY ",
                $order,
                " LIMIT ?2
        ) AS first
    )) AS place
    WHERE e.deleted_at IS NOT NULL OR ",
                $when
            ),
        }
    };
}

/// What a kind of step asks.
struct Kind {
    /// Which endpoints there are on a stretch of the circle, and whether they are meant.
    find: &'static str,
    /// A share of each of some endpoints, and what becomes of it.
    choose: &'static str,
}

const RESUME: Kind = kind!(
    "held" to "scheduled", when "(e.active AND e.disabled_at IS NULL)", meant "true", first "d.id"
);

const HOLD: Kind = kind!(
    "scheduled" to "held", when "NOT e.active OR e.disabled_at IS NOT NULL", meant "NOT d.test",
    first "d.next_attempt_at"
);

/// What waits for its turn at endpoints that do not ask for order any more, or are deleted.
const LET_GO: Kind = kind!(
    "waiting" to "scheduled", when "e.ordering IS NULL", meant "true",
    first "d.ordering_key, d.sequence"
);

/// Due times of deliveries that are resumed keep the order in which they were accepted.
const WRITE: &str = "
    UPDATE deliveries SET
        state = found.state,
        dead_reason = iif(found.state = 'dead', 'endpoint_deleted', NULL),
        finished_at = iif(found.state = 'dead', ?2, NULL),
        next_attempt_at = CASE found.state
            WHEN 'held' THEN next_attempt_at
            WHEN 'scheduled' THEN max(coalesce(next_attempt_at, created_at), created_at)
        END
    FROM (SELECT unhex(value ->> 'id', '-') AS found_id, value ->> 'state' AS state
          FROM json_each(?1)) AS found
    WHERE id = found.found_id";

#[cfg(feature = "conformance")]
pub(super) const STATEMENTS: [&str; 7] =
    [RESUME.find, RESUME.choose, HOLD.find, HOLD.choose, LET_GO.find, LET_GO.choose, WRITE];

#[derive(FromRow, serde::Serialize)]
struct ChosenRow {
    id: Uuid,
    #[serde(skip)]
    endpoint_id: Uuid,
    state: String,
}

pub(super) async fn follow(store: &SqliteStore, limit: u32) -> Result<Followed, StoreError> {
    let mut txn = store.writer.begin().await?;
    let Circles { resume, hold, let_go } = &*store.following;
    let resumed = step(&mut txn, &RESUME, resume, limit).await?;
    let held = step(&mut txn, &HOLD, hold, limit).await?;
    let ids: Vec<Uuid> = held.rows.iter().map(|(_, id)| *id).collect();
    probe::take_back(&mut txn, &ids).await?;
    let let_go = step(&mut txn, &LET_GO, let_go, limit).await?;
    let mut followed = ordering::follow(store, &mut txn, limit).await?;
    txn.commit().await?;
    for moved in [resumed, held, let_go] {
        followed += moved.followed();
    }
    Ok(followed)
}

/// Goes a bit further round one circle.
async fn step(
    txn: &mut WriteTxn,
    kind: &Kind,
    circle: &Circle,
    limit: u32,
) -> Result<Moved, StoreError> {
    let mut scan = circle.begin(limit);
    while let Some(stretch) = scan.next() {
        let (meant, all) = scan.limits();
        let find = sqlx::query_as(kind.find).bind(stretch.after).bind(stretch.until).bind(meant);
        let rows = find.bind(all).fetch_all(txn.connection()).await.or_store_error()?;
        scan.found(stretch, rows);
    }
    circle.end(&scan);
    if scan.meant.is_empty() {
        return Ok(Moved::default());
    }
    let share = share(limit, scan.meant.len());
    let choose = sqlx::query_as(kind.choose).bind(json(&scan.meant)?).bind(share);
    let chosen: Vec<ChosenRow> = choose.fetch_all(txn.connection()).await.or_store_error()?;
    let write = sqlx::query(WRITE).bind(json(&chosen)?).bind(txn.now());
    write.execute(txn.connection()).await.or_store_error()?;
    let rows = chosen.iter().map(|row| (row.endpoint_id, row.id)).collect();
    Ok(Moved { rows, share })
}
