//! What happens to connections and queues on RabbitMQ: every loss is noticed, and heals by itself.

use super::proxy::Proxy;
use super::{amqp_url, config};
use bytes::Bytes;
use futures::FutureExt as _;
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use postrider_broker::conformance::{
    Hooks as _, Subject, eventually, message, receive, receive_and_ack,
};
use postrider_broker::{Broker as _, BrokerError, Published, Queue, RabbitBroker, WorkMessage};
use postrider_common::trace::TraceContext;
use postrider_testkit::only_on;
use std::error::Error as _;
use tokio::net::TcpListener;

/// Publishes as a service does that tries again, and gives the answers up to the confirmation.
async fn publish_at_last(
    subject: &Subject,
    queue: Queue,
    message: &WorkMessage,
) -> Vec<Result<Published, BrokerError>> {
    let answers = std::cell::RefCell::new(Vec::new());
    eventually(async || {
        let answer = subject.broker.publish(queue, message).await;
        let confirmed = matches!(answer, Ok(Published::Confirmed));
        answers.borrow_mut().push(answer);
        if confirmed { Ok(()) } else { Err(format!("{:?}", answers.borrow().last())) }
    })
    .await;
    answers.into_inner()
}

async fn connected(url: &str) -> Subject {
    let subject = Subject::new(RabbitBroker::connect(&config(url)).unwrap());
    eventually(async || subject.broker.ping().await).await;
    subject
}

/// A channel of the tests' own.
async fn plain_channel() -> (Connection, Channel) {
    let properties = ConnectionProperties::default();
    let connection = Connection::connect(&amqp_url(), properties).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    (connection, channel)
}

async fn end(subject: Subject) {
    subject.broker.close().await;
    subject.hooks.delete_topology().await.unwrap();
}

#[tokio::test]
async fn a_queue_that_is_deleted_under_its_consumer_is_declared_and_consumed_again() {
    only_on!(Distributed);
    let subject = connected(&amqp_url()).await;
    let mut first = subject.broker.consume(Queue::First, 5).await;
    let mut retry = subject.broker.consume(Queue::Retry, 5).await;
    for round in 1..=3 {
        let (a, b) = (message(round), message(round));
        publish_at_last(&subject, Queue::First, &a).await;
        publish_at_last(&subject, Queue::Retry, &b).await;
        receive_and_ack(&mut *first, &a).await;
        receive_and_ack(&mut *retry, &b).await;
        subject.hooks.delete_topology().await.unwrap();
    }
    drop((first, retry));
    end(subject).await;
}

#[tokio::test]
async fn a_message_to_a_queue_that_is_gone_is_refused_and_the_queue_declared_again() {
    only_on!(Distributed);
    let subject = connected(&amqp_url()).await;
    subject.hooks.delete_topology().await.unwrap();
    let message = message(1);
    let answers = publish_at_last(&subject, Queue::First, &message).await;
    assert!(matches!(answers[0], Ok(Published::Refused)), "{answers:?}");
    subject.until_ready(Queue::First, 1).await;
    // With all that belongs to it: what cannot be read is parked again.
    subject.hooks.publish_raw(Queue::First, Bytes::from_static(b"poison")).await.unwrap();
    let mut consumer = subject.broker.consume(Queue::First, 5).await;
    receive_and_ack(&mut *consumer, &message).await;
    subject.until_parked(1).await;
    end(subject).await;
}

#[tokio::test]
async fn a_question_about_a_queue_that_is_gone_declares_it_again() {
    only_on!(Distributed);
    let subject = connected(&amqp_url()).await;
    subject.hooks.delete_topology().await.unwrap();
    let error = subject.broker.parked().await.unwrap_err();
    assert!(matches!(error, BrokerError::Lost(_)), "{error:?}");
    subject.until_parked(0).await;
    end(subject).await;
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_again_and_what_was_in_hand_comes_again() {
    only_on!(Distributed);
    let proxy = Proxy::start(&amqp_url(), 0).await;
    let subject = connected(proxy.url()).await;
    let mut consumer = subject.broker.consume(Queue::First, 1).await;
    let (one, two) = (message(1), message(2));
    subject.publish(Queue::First, &one).await;
    subject.publish(Queue::First, &two).await;
    let in_hand = receive(&mut *consumer).await;
    for _ in 0..3 {
        proxy.cut();
        let again = receive(&mut *consumer).await;
        assert_eq!(again.message(), &one);
        // On the old connection this says nothing about the message on the new one.
        in_hand.ack().await;
    }
    receive_and_ack(&mut *consumer, &one).await;
    receive_and_ack(&mut *consumer, &two).await;
    publish_at_last(&subject, Queue::First, &two).await;
    receive_and_ack(&mut *consumer, &two).await;
    end(subject).await;
}

#[tokio::test]
async fn a_broker_that_is_away_at_the_start_is_found_when_it_comes() {
    only_on!(Distributed);
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let mut url = url::Url::parse(&amqp_url()).unwrap();
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(port)).unwrap();
    let subject = Subject::new(RabbitBroker::connect(&config(url)).unwrap());
    let mut consumer = subject.broker.consume(Queue::First, 1).await;
    let late = message(1);
    let answer = subject.broker.publish(Queue::First, &late).now_or_never();
    assert!(matches!(answer, Some(Err(BrokerError::Unavailable(_)))), "{answer:?}");
    // Why, for the operator.
    eventually(async || match subject.broker.ping().await {
        Err(error) => error.source().map(drop).ok_or(error),
        Ok(()) => panic!("nobody listens"),
    })
    .await;
    assert!(consumer.next().now_or_never().is_none());

    let _proxy = Proxy::start(&amqp_url(), port).await;
    publish_at_last(&subject, Queue::First, &late).await;
    receive_and_ack(&mut *consumer, &late).await;
    end(subject).await;
}

#[tokio::test]
async fn a_silent_link_times_out_and_is_replaced() {
    only_on!(Distributed);
    let proxy = Proxy::start(&amqp_url(), 0).await;
    let subject = connected(proxy.url()).await;
    let mut consumer = subject.broker.consume(Queue::First, 1).await;
    let known = message(1);
    subject.publish(Queue::First, &known).await;
    receive_and_ack(&mut *consumer, &known).await;

    proxy.set_silent(true);
    let answer = subject.broker.publish(Queue::First, &known).await;
    assert!(matches!(answer, Err(BrokerError::TimedOut)), "{answer:?}");
    // From here on nobody waits for a link that does not answer.
    let answer = subject.broker.publish(Queue::First, &known).now_or_never();
    assert!(matches!(answer, Some(Err(BrokerError::Unavailable(_)))), "{answer:?}");

    proxy.set_silent(false);
    let found = message(2);
    publish_at_last(&subject, Queue::First, &found).await;
    let mut incoming = receive(&mut *consumer).await;
    if incoming.message() == &known {
        // Its ack was on its way when the silence began.
        incoming.ack().await;
        incoming = receive(&mut *consumer).await;
    }
    assert_eq!(incoming.message(), &found);
    incoming.ack().await;
    end(subject).await;
}

#[tokio::test]
async fn missing_heartbeats_end_a_connection() {
    only_on!(Distributed);
    let proxy = Proxy::start(&amqp_url(), 0).await;
    let mut url = url::Url::parse(proxy.url()).unwrap();
    url.set_query(Some("heartbeat=1"));
    let subject = connected(url.as_str()).await;
    proxy.set_silent(true);
    // Nobody publishes and nobody asks: the heartbeats alone tell.
    eventually(async || match subject.broker.ping().now_or_never() {
        Some(Err(BrokerError::Unavailable(_))) => Ok(()),
        other => Err(other),
    })
    .await;
    proxy.set_silent(false);
    eventually(async || subject.broker.ping().await).await;
    end(subject).await;
}

#[tokio::test]
async fn what_waited_for_its_consumer_on_a_connection_that_was_cut_is_handed_over_once() {
    only_on!(Distributed);
    let proxy = Proxy::start(&amqp_url(), 0).await;
    let subject = connected(proxy.url()).await;
    let mut consumer = subject.broker.consume(Queue::First, 2).await;
    let (one, two) = (message(1), message(2));
    subject.publish(Queue::First, &one).await;
    subject.publish(Queue::First, &two).await;
    // Both have come as far as the consumer, which does not look yet.
    subject.until_ready(Queue::First, 0).await;
    let accepted = 2;
    proxy.cut();
    proxy.until(|count| count.accepted == 2 * accepted).await;
    receive_and_ack(&mut *consumer, &one).await;
    receive_and_ack(&mut *consumer, &two).await;
    drop(consumer);
    let fence = message(3);
    publish_at_last(&subject, Queue::First, &fence).await;
    let mut consumer = subject.broker.consume(Queue::First, 2).await;
    receive_and_ack(&mut *consumer, &fence).await;
    end(subject).await;
}

#[tokio::test]
async fn closing_and_dropping_leave_no_connection_behind() {
    only_on!(Distributed);
    let proxy = Proxy::start(&amqp_url(), 0).await;
    let subject = connected(proxy.url()).await;
    let _consumer = subject.broker.consume(Queue::First, 1).await;
    proxy.until(|count| count.open == 2).await;
    subject.broker.close().await;
    proxy.until(|count| count.open == 0).await;
    subject.hooks.delete_topology().await.unwrap();

    let dropped = RabbitBroker::connect(&config(proxy.url())).unwrap();
    eventually(async || dropped.ping().await).await;
    dropped.delete_topology().await.unwrap();
    proxy.until(|count| count.open == 2).await;
    drop(dropped);
    proxy.until(|count| count.open == 0).await;

    // Not even one whose handshake never ends.
    proxy.set_silent(true);
    let unanswered = RabbitBroker::connect(&config(proxy.url())).unwrap();
    proxy.until(|count| count.open == 2 && count.unheard == 2).await;
    drop(unanswered);
    proxy.until(|count| count.open == 0).await;
}

#[tokio::test]
async fn a_message_is_persistent_and_one_that_cannot_be_read_is_parked_the_first_time() {
    only_on!(Distributed);
    let config = config(amqp_url());
    let subject = Subject::new(RabbitBroker::connect(&config).unwrap());
    eventually(async || subject.broker.ping().await).await;
    let (_connection, channel) = plain_channel().await;
    let get = async |name: &str| {
        let name = format!("{}{name}", config.broker_prefix);
        let got = channel.basic_get(name.into(), BasicGetOptions { no_ack: true }).await;
        got.unwrap().ok_or("the queue is empty")
    };

    let message = message(1);
    subject.publish(Queue::First, &message).await;
    let good = eventually(async || get("deliveries.first.v1").await).await;
    assert_eq!(good.data, message.encode().unwrap());
    assert_eq!(good.properties.delivery_mode(), &Some(2), "persistent");
    // No headers that could tell anything: this one is the broker's own.
    let headers = good.properties.headers().iter().flat_map(FieldTable::inner);
    let names: Vec<_> = headers.map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-delivery-count"]);

    subject.hooks.publish_raw(Queue::Retry, Bytes::from_static(b"poison")).await.unwrap();
    let _consumer = subject.broker.consume(Queue::Retry, 1).await;
    let bad = eventually(async || get("deliveries.parked.v1").await).await;
    assert_eq!(bad.data, b"poison");
    let headers = bad.properties.headers().as_ref().unwrap();
    let reason = headers.inner().get("x-first-death-reason").unwrap();
    assert_eq!(*reason, AMQPValue::LongString("rejected".into()));
    end(subject).await;
}

#[tokio::test]
async fn a_trace_is_named_in_a_header_and_a_malformed_one_is_none() {
    only_on!(Distributed);
    let config = config(amqp_url());
    let subject = Subject::new(RabbitBroker::connect(&config).unwrap());
    eventually(async || subject.broker.ping().await).await;
    let (_connection, channel) = plain_channel().await;
    let queue = format!("{}deliveries.first.v1", config.broker_prefix);

    let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let traced = message(1).with_trace(Some(TraceContext::parse(text).unwrap()));
    subject.publish(Queue::First, &traced).await;
    let got = eventually(async || {
        let options = BasicGetOptions { no_ack: true };
        let got = channel.basic_get(queue.as_str().into(), options).await;
        got.unwrap().ok_or("the queue is empty")
    });
    let got = got.await;
    let headers = got.properties.headers().as_ref().unwrap();
    assert_eq!(headers.inner()["traceparent"], AMQPValue::LongString(text.into()));
    assert_eq!(got.data, traced.clone().with_trace(None).encode().unwrap(), "the body is the same");

    let odd = ["", "nonsense", &text[..54]].map(|text| AMQPValue::LongString(text.into()));
    for value in odd.into_iter().chain([AMQPValue::LongInt(7), AMQPValue::Boolean(true)]) {
        let mut headers = FieldTable::default();
        headers.insert("traceparent".into(), value);
        let properties = BasicProperties::default().with_headers(headers);
        let (exchange, options) = ("".into(), BasicPublishOptions::default());
        let body = traced.encode().unwrap();
        let publish =
            channel.basic_publish(exchange, queue.as_str().into(), options, &body, properties);
        publish.await.unwrap();
    }
    let mut consumer = subject.broker.consume(Queue::First, 1).await;
    for _ in 0..5 {
        receive_and_ack(&mut *consumer, &traced.clone().with_trace(None)).await;
    }
    end(subject).await;
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_named_and_taken_over_once_it_is_deleted() {
    only_on!(Distributed);
    let config = config(amqp_url());
    let name = format!("{}deliveries.first.v1", config.broker_prefix);
    let (_connection, channel) = plain_channel().await;
    let (options, arguments) = (QueueDeclareOptions::durable(), FieldTable::default());
    channel.queue_declare(name.as_str().into(), options, arguments).await.unwrap();

    let subject = Subject::new(RabbitBroker::connect(&config).unwrap());
    eventually(async || match subject.broker.ping().await {
        Err(error) => match error.source() {
            Some(source) if source.to_string().contains(&name) => Ok(()),
            _ => Err(format!("{error:?}")),
        },
        Ok(()) => panic!("the queue is another"),
    })
    .await;

    channel.queue_delete(name.as_str().into(), QueueDeleteOptions::default()).await.unwrap();
    eventually(async || subject.broker.ping().await).await;
    end(subject).await;
}
