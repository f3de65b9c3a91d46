//! What `postrider-demo` shows: a tenant, an endpoint, a handful of events published over gRPC, each
//! arrival at a receiver that verifies it, and the delivery log as the REST API tells it.
//!
//! It uses a running stack as a customer would; it is no test, but fails like one.

mod screen;
mod story;

pub use screen::Screen;

use crate::receiver::{NotInTime, Received};
use crate::{Producer, PublishError, Receiver, Rest, RestError};
use screen::{Colour, short};
use serde_json::{Value, json};
use std::io;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long the events may take to arrive, retries and all.
const ARRIVE_WITHIN: Duration = Duration::from_secs(30);
/// How often the log is looked at until the last delivery is on record.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Seconds between the attempts that the endpoint asks for.
const SCHEDULE: [u32; 3] = [1, 1, 1];

/// Where the stack is.
#[derive(Clone, Debug)]
pub struct RunningStack {
    /// Ingest, as in `http://127.0.0.1:50051`.
    pub grpc_url: String,
    /// The API, as in `http://127.0.0.1:8080`.
    pub http_url: String,
    /// The admin key.
    pub admin_key: String,
    /// The tenant that the story is about; it is made.
    pub tenant: String,
}

/// The story did not go as it should.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The API did not do what was asked.
    #[error("the API did not do its part")]
    Rest(#[from] RestError),
    /// Ingest did not accept an event.
    #[error("ingest did not do its part")]
    Publish(#[from] PublishError),
    /// The second publish with the same key made a second event.
    #[error("publishing {0} again with the same key was not recognised")]
    NotRecognised(&'static str),
    /// Not all events have arrived.
    #[error("not every event has arrived")]
    NotArrived(#[from] NotInTime),
    /// A request could not be verified.
    #[error("a request for {event_type} is not verified: {why}")]
    NotVerified {
        /// The type of its event.
        event_type: String,
        /// What the published crate says.
        why: String,
    },
    /// Something arrived as often as it should not.
    #[error("{arrived} requests have arrived, {expected} were expected")]
    Count {
        /// How many came.
        arrived: usize,
        /// How many should have.
        expected: usize,
    },
    /// The log does not say that all is delivered.
    #[error("the delivery log does not show every event as delivered")]
    NotOnRecord,
    /// Nobody reads what is shown.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
}

/// Tells the story; succeeds if every event has arrived, verified, and is on record.
pub async fn run(stack: &RunningStack, screen: &mut Screen) -> Result<(), DemoError> {
    let deadline = Instant::now() + ARRIVE_WITHIN;
    screen.title("Postrider: events in over gRPC, signed webhooks out")?;
    let receiver = Receiver::start(story::behaviour()).await;
    let (rest, producer) = set_up(stack, &receiver, screen).await?;
    let began = Instant::now();
    publish(&producer, screen).await?;
    watch(&receiver, began, deadline, screen).await?;
    show_log(&rest, deadline, screen).await?;
    screen.closing(&format!(
        "{} events delivered; the published standardwebhooks crate verified every signature.",
        story::EVENTS
    ))?;
    Ok(())
}

/// A tenant, a key and an endpoint, through the REST API.
async fn set_up(
    stack: &RunningStack,
    receiver: &Receiver,
    screen: &mut Screen,
) -> Result<(Rest, Producer), DemoError> {
    let admin = Rest::new(&stack.http_url, &stack.admin_key);
    let tenant = &stack.tenant;
    admin.tenant_create(tenant).await?;
    let key = admin.key_create(tenant).await?;
    let rest = admin.with_key(&key);
    let webhook =
        rest.webhook_create(&json!({ "url": receiver.url(), "retry_schedule": SCHEDULE })).await?;
    let (id, secret) = (webhook["id"].as_str(), webhook["secret"].as_str());
    receiver.trust(secret.unwrap_or_default());
    screen.heading("Set up over REST")?;
    screen.line(&format!("tenant    {tenant}"))?;
    screen.line(&format!("webhook   {}", id.unwrap_or("?")))?;
    screen.line(&format!("receiver  {}", receiver.url()))?;
    screen.line("retries   after 1, 1 and 1 s")?;
    Ok((rest, Producer::new(&stack.grpc_url, tenant, &key)))
}

async fn publish(producer: &Producer, screen: &mut Screen) -> Result<(), DemoError> {
    screen.heading("Published over gRPC")?;
    let drafts = story::drafts();
    for draft in &drafts {
        let published = producer.publish(draft).await?;
        let id = screen.paint(Colour::Dim, &published.event_id);
        screen.line(&format!("{:<20}{id}  accepted", draft.event_type))?;
    }
    let again = producer.publish(&drafts[0]).await?;
    if !again.duplicate {
        return Err(DemoError::NotRecognised(story::FIRST));
    }
    let id = screen.paint(Colour::Dim, &again.event_id);
    let known = screen.paint(Colour::Yellow, "same key again: a duplicate, not sent twice");
    screen.line(&format!("{:<20}{id}  {known}", again.event_type))?;
    Ok(())
}

/// Shows each request when it has been answered, with the time since the first publish.
async fn watch(
    receiver: &Receiver,
    began: Instant,
    deadline: Instant,
    screen: &mut Screen,
) -> Result<(), DemoError> {
    screen.heading("Arrived at the receiver")?;
    let answered = |requests: &[Received], index: usize| {
        requests.get(index).is_some_and(|request| request.status.is_some())
    };
    for index in 0..story::REQUESTS {
        let left = deadline.saturating_duration_since(Instant::now());
        receiver.wait_for(|ledger| answered(ledger.requests(), index), left).await?;
        let request = receiver.ledger(|ledger| ledger.requests()[index].clone());
        show_arrival(&request, began, screen)?;
    }
    Ok(())
}

fn show_arrival(request: &Received, began: Instant, screen: &mut Screen) -> Result<(), DemoError> {
    let event_type = story::type_of(&request.body);
    if let Err(why) = &request.verified {
        return Err(DemoError::NotVerified { event_type, why: why.clone() });
    }
    let seconds = request.arrived.saturating_duration_since(began).as_secs_f64();
    let id = screen.paint(Colour::Dim, &short(&request.webhook_id));
    let verified = screen.paint(Colour::Green, "signature verified");
    let status = request.status.unwrap_or_default();
    let colour = if request.succeeded() { Colour::Green } else { Colour::Yellow };
    let status = screen.paint(colour, &format!("answered {status}"));
    screen.line(&format!(
        "{seconds:>6.2} s  {event_type:<20}{id}  attempt {}  {verified}  {status}",
        request.attempt
    ))?;
    Ok(())
}

/// The log as the REST API tells it, once everything is on record.
async fn show_log(rest: &Rest, deadline: Instant, screen: &mut Screen) -> Result<(), DemoError> {
    let recorded = timeout_at(deadline, all_delivered(rest)).await;
    let mut deliveries = recorded.map_err(|_| DemoError::NotOnRecord)??;
    // The API's lists begin with the newest.
    deliveries.reverse();
    screen.heading("On record, from GET /api/v1/deliveries")?;
    let head = format!(
        "{:<42}{:<20}{:<11}{:>8}  {:>11}",
        "delivery", "event type", "status", "attempts", "last answer"
    );
    let head = screen.paint(Colour::Dim, &head);
    screen.line(&head)?;
    for delivery in &deliveries {
        let status = screen.paint(Colour::Green, &format!("{:<11}", text(&delivery["status"])));
        screen.line(&format!(
            "{:<42}{:<20}{status}{:>8}  {:>11}",
            text(&delivery["id"]),
            text(&delivery["event_type"]),
            text(&delivery["attempts"]),
            text(&delivery["last_status_code"]),
        ))?;
    }
    let retried = deliveries.iter().find(|d| d["event_type"] == story::RETRIED);
    let id = retried.map(|delivery| text(&delivery["id"])).ok_or(DemoError::NotOnRecord)?;
    show_attempts(&rest.attempts(&id).await?, screen)
}

fn show_attempts(attempts: &[Value], screen: &mut Screen) -> Result<(), DemoError> {
    screen.heading(&format!("The attempts of {}", story::RETRIED))?;
    for attempt in attempts {
        let failed = !attempt["failure"].is_null();
        let colour = if failed { Colour::Yellow } else { Colour::Green };
        let status = screen.paint(colour, &text(&attempt["response"]["status"]));
        screen.line(&format!(
            "{}  {}  {status}  {:>4} ms",
            text(&attempt["number"]),
            text(&attempt["started_at"]),
            text(&attempt["duration_ms"]),
        ))?;
    }
    Ok(())
}

/// Looks until all events are delivered.
async fn all_delivered(rest: &Rest) -> Result<Vec<Value>, DemoError> {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        let deliveries = rest.deliveries("limit=50").await?;
        if deliveries.len() > story::EVENTS {
            return Err(DemoError::Count { arrived: deliveries.len(), expected: story::EVENTS });
        }
        let delivered = deliveries.iter().filter(|d| d["status"] == "delivered").count();
        if delivered == story::EVENTS {
            return Ok(deliveries);
        }
    }
}

/// A member of an answer as people read it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
