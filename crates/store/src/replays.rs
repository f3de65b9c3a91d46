//! Replays in bulk: jobs that make many deliveries due again, a step at a time.
//!
//! *Theory of operation.* A job goes through the ids of the deliveries (or events) that it may mean, in
//! ascending order. A step reads so many of them, replays those that match, and moves the job's position
//! past them, all in one transaction: whoever dies in the middle has done nothing, so that nothing is
//! replayed twice. The job's row is locked for as long as the step takes, so that it is taken on by one
//! dispatcher at a time. Which rows are looked at is in `replays/scan.rs`, and how much a step
//! takes in `replays/step.rs`, the same for both adapters.

pub(crate) mod scan;
pub(crate) mod step;

use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::selection::Selection;
use async_trait::async_trait;
use postrider_common::id::ReplayId;
use postrider_common::tenant::TenantScope;
use time::OffsetDateTime;

/// What a replay makes of what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayMode {
    /// Finished deliveries are due again: round + 1, under the same id.
    Again,
    /// Each finished delivery's event is owed once more, by a delivery of its own.
    AsNew,
    /// Events that an endpoint wants and has no delivery of are owed to it, unless they were cancelled.
    Missed,
}

impl ReplayMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Again, Self::AsNew, Self::Missed];

    /// Its name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Again => "again",
            Self::AsNew => "as_new",
            Self::Missed => "missed",
        }
    }

    /// Reads a name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == name)
    }
}

/// Where a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplayState {
    /// A dispatcher takes it on step by step.
    Running,
    /// Somebody stopped it for now.
    Paused,
    /// Somebody stopped it for good.
    Cancelled,
    /// Everything that it meant is due.
    Finished,
}

impl ReplayState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Running, Self::Paused, Self::Cancelled, Self::Finished];

    /// Its name, as stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Finished => "finished",
        }
    }

    /// Reads a name back.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// The states from which somebody may take a replay to this one.
    pub(crate) fn reached_from(self) -> &'static [Self] {
        match self {
            Self::Running => &[Self::Paused],
            Self::Paused => &[Self::Running],
            Self::Cancelled => &[Self::Running, Self::Paused],
            Self::Finished => &[],
        }
    }
}

/// What it takes to make a replay.
#[derive(Clone, Debug)]
pub struct NewReplay {
    /// Its id.
    pub id: ReplayId,
    /// What it makes.
    pub mode: ReplayMode,
    /// What it means. Without an end it ends at its creation. Mode missed names an endpoint, and is not
    /// narrowed by how deliveries ended.
    pub selection: Selection,
    /// Deliveries per second, 1 or more; `None` is as fast as it goes.
    pub rate: Option<u32>,
    /// How many were counted, to show how far it is.
    pub matched: Option<u64>,
}

/// A replay in bulk.
#[derive(Clone, Debug)]
pub struct ReplayJob {
    /// Its id.
    pub id: ReplayId,
    /// What it makes.
    pub mode: ReplayMode,
    /// What it means.
    pub selection: Selection,
    /// Deliveries per second; `None` is as fast as it goes.
    pub rate: Option<u32>,
    /// Where it stands.
    pub state: ReplayState,
    /// How many there were to replay when it was made, if they could be counted.
    pub matched: Option<u64>,
    /// How many it has made due.
    pub replayed: u64,
    /// How many it could not, because their endpoint is deleted, their event's payload expunged, or they
    /// changed meanwhile.
    pub skipped: u64,
    /// When it was made, on the database's clock.
    pub created_at: OffsetDateTime,
    /// When it got any further, on the database's clock.
    pub updated_at: OffsetDateTime,
    /// When it finished or was cancelled, on the database's clock.
    pub finished_at: Option<OffsetDateTime>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How many were found.
    pub count: u64,
    /// False if counting stopped before the end, so that there may be more.
    pub is_exact: bool,
}

/// What became of a request for a replay.
#[derive(Clone, Debug)]
pub enum ReplayCreated {
    /// It was made, and runs.
    Created(Box<ReplayJob>),
    /// The tenant has as many that are not over as it may have.
    TooMany {
        /// How many that is.
        limit: u32,
    },
    /// The tenant has no such endpoint; a deleted one cannot have missed anything.
    UnknownEndpoint,
}

/// What became of a request to change a replay.
#[derive(Clone, Debug)]
pub enum ReplayChanged {
    /// It stands where it was wanted, perhaps since before.
    Changed(Box<ReplayJob>),
    /// It is over.
    Over(ReplayState),
    /// The tenant has no such replay.
    Unknown,
}

impl ReplayChanged {
    /// What became of a wish to take a replay to a state, once it stands like this.
    pub(crate) fn of(job: ReplayJob, to: ReplayState) -> Self {
        let is_over = matches!(job.state, ReplayState::Cancelled | ReplayState::Finished);
        if is_over && job.state != to {
            Self::Over(job.state)
        } else {
            Self::Changed(Box::new(job))
        }
    }
}

/// How much a step takes on.
#[derive(Clone, Copy, Debug)]
pub struct StepLimits {
    /// Deliveries or events that it looks at.
    pub scan: u32,
    /// Those of them that it replays.
    pub replay: u32,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayStepped {
    /// The job that was taken on.
    pub job: ReplayId,
    /// How many it made due.
    pub replayed: u64,
    /// Whether that was its last.
    pub is_finished: bool,
}

/// Replays in bulk.
#[async_trait]
pub trait Replays: Send + Sync {
    /// How many deliveries a replay would make due now, having looked at no more than `most`. `None` when
    /// the tenant has no such endpoint.
    async fn replay_count(
        &self,
        scope: &TenantScope,
        mode: ReplayMode,
        selection: &Selection,
        most: u32,
    ) -> Result<Option<Counted>, StoreError>;

    /// Makes a replay, unless the tenant has `limit` that are not over. What finishes after it was made
    /// is not meant by it.
    async fn replay_create(
        &self,
        scope: &TenantScope,
        new: NewReplay,
        limit: u32,
    ) -> Result<ReplayCreated, StoreError>;

    /// One replay.
    async fn replay_get(
        &self,
        scope: &TenantScope,
        id: ReplayId,
    ) -> Result<Option<ReplayJob>, StoreError>;

    /// Replays, newest first.
    async fn replay_list(
        &self,
        scope: &TenantScope,
        page: PageRequest,
    ) -> Result<Page<ReplayJob>, StoreError>;

    /// Pauses, resumes or cancels a replay: takes it to a state that somebody may take it to. To be asked
    /// for where it stands already changes nothing.
    async fn replay_change(
        &self,
        scope: &TenantScope,
        id: ReplayId,
        to: ReplayState,
    ) -> Result<ReplayChanged, StoreError>;

    /// Takes on the running replay whose turn it is, whoever's it is, and keeps within its rate: what is
    /// replayed is due at moments that are a second divided by the rate apart. `None` when it is nobody's
    /// turn, or another caller has those whose turn it is.
    async fn replay_step(&self, limits: StepLimits) -> Result<Option<ReplayStepped>, StoreError>;
}
