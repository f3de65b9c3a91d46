//! The dispatcher as a service: built from its configuration, run until it is told to stop.

use crate::breakers::Breakers;
use crate::claim::Claimer;
use crate::config::{Config, Limits, Settings};
use crate::consume::Intake;
use crate::deliver::Courier;
use crate::endpoints::EndpointBook;
use crate::error::BuildError;
use crate::limiter::Limiter;
use crate::metrics::DispatcherMetrics;
use crate::settle::Settler;
use crate::slots::Slots;
use crate::turns::Turns;
use crate::unused::Returns;
use crate::workers::{
    self, Feeder, Follower, LostFinder, Messenger, Pace, Prober, Reaper, Replayer, Retainer,
    Sampler,
};
use postrider_broker::{Queue, SharedBroker, metered};
use postrider_common::health::{self, Check, Readiness};
use postrider_common::keeping::Days;
use postrider_common::metrics::{self, Metrics, SAMPLE_INTERVAL};
use postrider_common::seal::Keyring;
use postrider_common::service::chain;
use postrider_common::shutdown::drain;
use postrider_egress::{Client, Guard, SystemLookup};
use postrider_store::{ContractBook, SharedStore};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

const FEED_TICK: Duration = Duration::from_millis(250);
const BREAKER_TICK: Duration = Duration::from_secs(1);
const REAP_TICK: Duration = Duration::from_secs(1);
const FOLLOW_TICK: Duration = Duration::from_secs(1);
const PROBE_TICK: Duration = Duration::from_secs(5);
const REPLAY_TICK: Duration = Duration::from_millis(250);
const OPERATIONS_TICK: Duration = Duration::from_secs(1);
const LOST_TICK: Duration = Duration::from_secs(5);
const RETENTION_TICK: Duration = Duration::from_mins(1);
const PARTITION_TICK: Duration = Duration::from_hours(1);
/// What remains after the grace: to settle the requests that were cut off.
const AFTER_CUT: Duration = Duration::from_secs(5);
/// What whoever asks for our health gets to finish, at the very end.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// A dispatcher that is ready to run.
pub struct Dispatcher {
    store: SharedStore,
    broker: SharedBroker,
    contracts: ContractBook,
    guard: Guard,
    client: Client,
    keyring: Keyring,
    limits: Limits,
    retention: Days,
    grace: Duration,
    turns: Turns,
    metrics: Metrics,
    measured: Arc<DispatcherMetrics>,
}

impl Dispatcher {
    /// Builds a dispatcher. It starts although its engines may be away.
    pub fn build(config: &Config, metrics: &Metrics) -> Result<Self, BuildError> {
        let store = postrider_store::connect(&config.store)?;
        let broker = postrider_broker::connect(&config.broker)?;
        let contracts = ContractBook::new(Arc::clone(&store), &config.contracts, metrics);
        Self::with(config.settings(), store, broker, contracts, metrics)
    }

    /// Builds a dispatcher on engines and contracts that it may share with others.
    pub fn with(
        settings: Settings,
        store: SharedStore,
        broker: SharedBroker,
        contracts: ContractBook,
        metrics: &Metrics,
    ) -> Result<Self, BuildError> {
        let Settings { egress, keyring, limits, retention, grace } = settings;
        let guard = Guard::new(&egress, Arc::new(SystemLookup::new()));
        let client = Client::new(guard.clone(), &egress)?;
        Ok(Self {
            store,
            broker: metered(broker, metrics),
            contracts,
            guard,
            client,
            keyring,
            limits,
            retention,
            grace,
            metrics: metrics.clone(),
            turns: Turns::default(),
            measured: Arc::new(DispatcherMetrics::register(metrics, limits)),
        })
    }

    /// Works, with `health` answering meanwhile, and closes the broker at the end.
    pub async fn run(self, health: TcpListener, shutdown: CancellationToken) {
        let closed = CancellationToken::new();
        let readiness = Readiness::new(shutdown.clone()).with("store", store_check(&self.store));
        let routes = health::router(readiness).merge(metrics::router(&self.metrics));
        let answering = tokio::spawn(health::serve(health, routes, closed.clone()));
        let answering = AbortOnDropHandle::new(answering);

        let broker = Arc::clone(&self.broker);
        self.work(shutdown).await;
        broker.close().await;
        closed.cancel();
        // A question that is never ended would keep the listener for ever.
        if let Ok(Err(error)) = tokio::time::timeout(LAST_ANSWERS, answering).await {
            tracing::error!(%error, "the health listener died");
        }
    }

    /// Delivers until `shutdown` is cancelled, then drains: it stops consuming, lets requests finish
    /// within the grace, cuts off what remains and writes it down. The broker stays open.
    pub async fn work(self, shutdown: CancellationToken) {
        self.contracts.refresh_at_start().await;
        let cut = CancellationToken::new();
        let intake = self.intake(&shutdown, &cut);
        intake.breakers().refresh_at_start().await;
        let tasks = TaskTracker::new();
        self.start_workers(&tasks, &intake, &shutdown);
        self.start_retention(&tasks, &shutdown);
        let breakers = intake.breakers().clone();
        tasks.spawn(workers::run("breakers", BREAKER_TICK, shutdown.clone(), move || {
            let breakers = breakers.clone();
            async move { breakers.refresh().await.map(|()| Pace::NextTick) }
        }));
        tasks.spawn(self.sample(shutdown.clone()));
        tasks.spawn(
            shutdown.clone().run_until_cancelled_owned(self.contracts.clone().keep_current()),
        );
        for queue in Queue::ALL {
            tasks.spawn(intake.clone().consume(Arc::clone(&self.broker), queue));
        }
        tracing::info!("dispatching");
        shutdown.cancelled().await;

        tasks.close();
        let deliveries = intake.deliveries().clone();
        let work = async {
            tasks.wait().await;
            deliveries.close();
            deliveries.wait().await;
        };
        if !drain("deliveries in flight", self.grace, work).await {
            cut.cancel();
            deliveries.close();
            drain("deliveries that were cut off", AFTER_CUT, deliveries.wait()).await;
        }
    }

    fn intake(&self, stop: &CancellationToken, cut: &CancellationToken) -> Intake {
        let metrics = || Arc::clone(&self.measured);
        let claimer = Claimer::start(Arc::clone(&self.store), self.contracts.clone(), metrics());
        let limiter = Limiter::start(&self.store, metrics());
        let courier = Courier {
            endpoints: EndpointBook::new(
                Arc::clone(&self.store),
                self.guard.clone(),
                self.contracts.clone(),
                self.keyring.clone(),
            ),
            contracts: self.contracts.clone(),
            returns: Returns::new(limiter.clone(), metrics()),
            limiter,
            breakers: Breakers::start(&self.store, &self.measured),
            client: self.client.clone(),
            settler: Settler::start(&self.store, &self.measured),
            turns: self.turns.clone(),
            metrics: metrics(),
            cut: cut.clone(),
        };
        let slots = Arc::new(Slots::new(self.limits));
        Intake::new(Arc::clone(&self.store), slots, claimer, courier, stop.clone(), metrics())
    }

    fn start_workers(&self, tasks: &TaskTracker, intake: &Intake, stop: &CancellationToken) {
        let (store, broker) = (|| Arc::clone(&self.store), || Arc::clone(&self.broker));
        let measured = &self.measured.workers;
        let feeder = Feeder::new(store(), broker(), self.limits.endpoint_in_flight);
        let feeder = feeder.measured(measured, &self.measured.breakers);
        let feeder = feeder.minding(intake.rooms()).beside(intake.slots());
        let feeder = Arc::new(feeder);
        let turns = self.turns.clone();
        let turn = move || {
            let turns = turns.clone();
            async move { turns.pass().await }
        };
        tasks.spawn(workers::run_or_when(turn, "feeder", FEED_TICK, stop.clone(), move || {
            let feeder = Arc::clone(&feeder);
            async move { feeder.step().await }
        }));
        let reaper = Arc::new(tokio::sync::Mutex::new(Reaper::new(store()).measured(measured)));
        tasks.spawn(workers::run("reaper", REAP_TICK, stop.clone(), move || {
            let reaper = Arc::clone(&reaper);
            async move { reaper.lock().await.step().await }
        }));
        let finder = Arc::new(LostFinder::new(store(), broker()).measured(measured));
        tasks.spawn(workers::run("finder of lost messages", LOST_TICK, stop.clone(), move || {
            let finder = Arc::clone(&finder);
            async move { finder.step().await }
        }));
        let follower = Arc::new(Follower::new(store()));
        tasks.spawn(workers::run("follower", FOLLOW_TICK, stop.clone(), move || {
            let follower = Arc::clone(&follower);
            async move { follower.step().await }
        }));
        let prober = Arc::new(Prober::new(store(), broker()).measured(measured));
        tasks.spawn(workers::run("prober", PROBE_TICK, stop.clone(), move || {
            let prober = Arc::clone(&prober);
            async move { prober.step().await }
        }));
        let replayer = Arc::new(Replayer::new(store()).measured(measured));
        tasks.spawn(workers::run("replayer", REPLAY_TICK, stop.clone(), move || {
            let replayer = Arc::clone(&replayer);
            async move { replayer.step().await }
        }));
        let messenger = Messenger::new(store(), self.contracts.clone()).measured(measured);
        let messenger = Arc::new(messenger);
        tasks.spawn(workers::run("messenger", OPERATIONS_TICK, stop.clone(), move || {
            let messenger = Arc::clone(&messenger);
            async move { messenger.step().await }
        }));
        let keeper = store();
        tasks.spawn(workers::run("partitions", PARTITION_TICK, stop.clone(), move || {
            let keeper = Arc::clone(&keeper);
            async move { keeper.partitions_ensure().await.map(|()| Pace::NextTick) }
        }));
    }

    fn start_retention(&self, tasks: &TaskTracker, stop: &CancellationToken) {
        let retainer = Retainer::new(Arc::clone(&self.store), self.retention);
        let retainer = Arc::new(retainer.measured(&self.measured.retention));
        tasks.spawn(workers::run("retention", RETENTION_TICK, stop.clone(), move || {
            let retainer = Arc::clone(&retainer);
            async move { retainer.step().await }
        }));
    }

    /// Samples until it is told to stop.
    fn sample(&self, stop: CancellationToken) -> impl Future<Output = ()> + use<> {
        let (store, broker) = (Arc::clone(&self.store), Arc::clone(&self.broker));
        let sampler = Arc::new(Sampler::new(store, broker, &self.metrics));
        workers::run("sampler", SAMPLE_INTERVAL, stop, move || {
            let sampler = Arc::clone(&sampler);
            async move {
                sampler.run_once().await;
                Ok::<_, Infallible>(Pace::NextTick)
            }
        })
    }
}

fn store_check(store: &SharedStore) -> Check {
    let store = Arc::clone(store);
    Arc::new(move || {
        let store = Arc::clone(&store);
        Box::pin(async move { store.ping().await.map_err(|error| chain(&error)) })
    })
}
