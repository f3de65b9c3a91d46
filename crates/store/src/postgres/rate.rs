//! Rate: reserving starts, with the rows of their endpoints locked.
//!
//! Rows are locked in the order of their ids, and nothing else is locked meanwhile. A row that is
//! missing is made before, in a transaction of its own: whoever waited for it while holding others
//! could wait for ever.

use super::PgStore;
use super::error::StoreResultExt as _;
use crate::error::StoreError;
use crate::rate::{Account, RateGrant, RateRequest, RateRow, Rates};
use async_trait::async_trait;
use sqlx::{FromRow, PgConnection};
use std::collections::{BTreeMap, HashMap};
use time::OffsetDateTime;
use uuid::Uuid;

/// The clock is read once the lock is there, which may have taken time.
pub(super) const LOCK: &str = "
    SELECT r.endpoint_id, r.since, r.starts, clock_timestamp() AS now
    FROM unnest($1::uuid[]) AS given (id)
    CROSS JOIN LATERAL (
        SELECT endpoint_id, since, starts FROM endpoint_rates
        WHERE endpoint_id = given.id FOR UPDATE
    ) AS r";

pub(super) const ADD: &str = "
    INSERT INTO endpoint_rates (endpoint_id, since, starts, room, more_at, more)
    SELECT id, now(), '[]', 0, now(), 0 FROM unnest($1::uuid[]) AS given (id) ORDER BY id
    ON CONFLICT (endpoint_id) DO NOTHING";

/// The first of them are passed over, and not told apart: to know that there are so many they have to be
/// walked through.
pub(super) const ELDERS: &str = "
    SELECT given.id, d.next_attempt_at
    FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bigint[])
        AS given (id, before, first, most)
    CROSS JOIN LATERAL (
        SELECT next_attempt_at FROM deliveries
        WHERE endpoint_id = given.id AND state = 'scheduled' AND next_attempt_at < given.before
        ORDER BY next_attempt_at OFFSET given.first LIMIT given.most
    ) AS d";

pub(super) const WRITE: &str = "
    INSERT INTO endpoint_rates (endpoint_id, since, starts, room, more_at, more)
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::int[], $5::timestamptz[],
                         $6::int[])
    ON CONFLICT (endpoint_id) DO UPDATE SET
        since = excluded.since, starts = excluded.starts, room = excluded.room,
        more_at = excluded.more_at, more = excluded.more";

#[derive(FromRow)]
struct LockedRow {
    endpoint_id: Uuid,
    since: OffsetDateTime,
    starts: String,
    now: OffsetDateTime,
}

type Accounts<'a> = BTreeMap<Uuid, Account<'a>>;

#[async_trait]
impl Rates for PgStore {
    async fn rate_reserve(&self, requests: &[RateRequest]) -> Result<Vec<RateGrant>, StoreError> {
        let requests_of: BTreeMap<Uuid, &RateRequest> =
            requests.iter().map(|request| (request.endpoint.as_uuid(), request)).collect();
        let mut txn = self.hot.begin().await.or_store_error()?;
        let mut accounts = lock(&mut txn, &requests_of).await?;
        if accounts.len() < requests_of.len() {
            txn.rollback().await.or_store_error()?;
            let ids: Vec<Uuid> = requests_of.keys().copied().collect();
            sqlx::query(ADD).bind(ids).execute(&self.hot).await.or_store_error()?;
            txn = self.hot.begin().await.or_store_error()?;
            accounts = lock(&mut txn, &requests_of).await?;
        }
        let elders = elders(&mut txn, &accounts).await?;
        let granted: BTreeMap<Uuid, (RateGrant, RateRow)> = accounts
            .into_iter()
            .map(|(id, account)| (id, account.grant(elders.get(&id).map_or(&[], Vec::as_slice))))
            .collect();
        write(&mut txn, &granted).await?;
        txn.commit().await.or_store_error()?;
        let grant = |request: &RateRequest| {
            let granted = granted.get(&request.endpoint.as_uuid());
            granted.map(|(grant, _)| grant.clone()).ok_or(StoreError::Unreadable { what: "rate" })
        };
        requests.iter().map(grant).collect()
    }
}

async fn lock<'a>(
    txn: &mut PgConnection,
    requests: &BTreeMap<Uuid, &'a RateRequest>,
) -> Result<Accounts<'a>, StoreError> {
    let ids: Vec<Uuid> = requests.keys().copied().collect();
    let rows: Vec<LockedRow> =
        sqlx::query_as(LOCK).bind(ids).fetch_all(txn).await.or_store_error()?;
    let mut accounts = Accounts::new();
    for row in rows {
        let Some(request) = requests.get(&row.endpoint_id) else { continue };
        let account = Account::open(request, row.since, &row.starts, row.now)?;
        accounts.insert(row.endpoint_id, account);
    }
    Ok(accounts)
}

/// When what is to go before those that ask was due, by endpoint.
async fn elders(
    txn: &mut PgConnection,
    accounts: &Accounts<'_>,
) -> Result<HashMap<Uuid, Vec<OffsetDateTime>>, StoreError> {
    let (mut ids, mut befores, mut firsts, mut mosts) = (vec![], vec![], vec![], vec![]);
    for (id, account) in accounts {
        let elders = account.elders();
        if elders.most > 0 {
            ids.push(*id);
            befores.push(elders.before);
            firsts.push(i64::from(elders.first));
            mosts.push(i64::from(elders.most));
        }
    }
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let query = sqlx::query_as(ELDERS).bind(ids).bind(befores).bind(firsts).bind(mosts);
    let rows: Vec<(Uuid, OffsetDateTime)> = query.fetch_all(txn).await.or_store_error()?;
    let mut elders: HashMap<Uuid, Vec<OffsetDateTime>> = HashMap::new();
    for (id, due) in rows {
        elders.entry(id).or_default().push(due);
    }
    Ok(elders)
}

async fn write(
    txn: &mut PgConnection,
    granted: &BTreeMap<Uuid, (RateGrant, RateRow)>,
) -> Result<(), StoreError> {
    let rows = || granted.values().map(|(_, row)| row);
    let ids: Vec<Uuid> = granted.keys().copied().collect();
    let since: Vec<OffsetDateTime> = rows().map(|row| row.since).collect();
    let starts: Vec<&str> = rows().map(|row| row.starts.as_str()).collect();
    let room: Vec<i32> = rows().map(|row| row.room.cast_signed()).collect();
    let more_at: Vec<OffsetDateTime> = rows().map(|row| row.more_at).collect();
    let more: Vec<i32> = rows().map(|row| row.more.cast_signed()).collect();
    sqlx::query(WRITE)
        .bind(ids)
        .bind(since)
        .bind(starts)
        .bind(room)
        .bind(more_at)
        .bind(more)
        .execute(txn)
        .await
        .or_store_error()?;
    Ok(())
}
