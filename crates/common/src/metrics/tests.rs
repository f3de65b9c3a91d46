//! The registry, its text, and its route.

use super::*;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use tower_service::Service as _;

/// A sample's value in the text; `None` when it is not shown.
fn value(metrics: &Metrics, sample: &str) -> Option<f64> {
    let text = metrics.encode().unwrap();
    text.lines().find_map(|line| line.strip_prefix(sample)?.trim().parse().ok())
}

#[test]
fn what_two_register_is_one_metric() {
    let metrics = Metrics::new();
    metrics.counter("things", "Things").inc();
    metrics.counter("things", "The same things").inc_by(2);
    assert_eq!(value(&metrics, "postrider_things_total"), Some(3.0));
    assert_eq!(metrics.encode().unwrap().matches("# TYPE postrider_things ").count(), 1);
}

#[test]
fn two_kinds_of_one_name_leave_the_text_readable() {
    let metrics = Metrics::new();
    metrics.counter("things", "Things").inc();
    metrics.register("things", "Things", Gauge::<i64>::default()).set(7);
    assert_eq!(value(&metrics, "postrider_things_total"), Some(1.0));
    assert_eq!(metrics.encode().unwrap().matches("# TYPE postrider_things ").count(), 1);
}

#[test]
fn processes_do_not_share_anything() {
    let (one, other) = (Metrics::new(), Metrics::new());
    one.counter("things", "Things").inc();
    other.counter("things", "Things");
    assert_eq!(value(&other, "postrider_things_total"), Some(0.0));
}

#[test]
fn every_counter_is_there_from_the_start() {
    let metrics = Metrics::new();
    let values = [(1, ["one", "odd"]), (2, ["two", "even"])];
    let counters = metrics.counters("numbers", "Numbers", ["name", "kind"], values);
    counters.inc_by(&2, 5);
    let one = r#"postrider_numbers_total{name="one",kind="odd"}"#;
    let two = r#"postrider_numbers_total{name="two",kind="even"}"#;
    assert_eq!((value(&metrics, one), value(&metrics, two)), (Some(0.0), Some(5.0)));
}

#[test]
fn what_is_not_known_is_not_shown() {
    let metrics = Metrics::new();
    let age = metrics.register("age_seconds", "An age", Sampled::default());
    assert!(!metrics.encode().unwrap().contains("age_seconds"));
    age.set(Some(1.5));
    assert_eq!(value(&metrics, "postrider_age_seconds"), Some(1.5));
    age.set(None);
    assert!(!metrics.encode().unwrap().contains("age_seconds"));
}

#[test]
fn batches_are_measured_by_kind() {
    let metrics = Metrics::new();
    let [claim, settle] = ["claim", "settle"].map(|kind| BatchMetrics::register(&metrics, kind));
    claim.observe(3, Duration::from_millis(4));
    claim.observe(300, Duration::from_secs(1));
    settle.observe(1, Duration::ZERO);
    let of = |sample: &str| value(&metrics, sample).unwrap();
    assert!((of(r#"postrider_batch_items_sum{batch="claim"}"#) - 303.0).abs() < f64::EPSILON);
    let small = r#"postrider_batch_items_bucket{le="5.0",batch="claim"}"#;
    assert!((of(small) - 1.0).abs() < f64::EPSILON);
    let count = r#"postrider_batch_duration_seconds_count{batch="settle"}"#;
    assert!((of(count) - 1.0).abs() < f64::EPSILON);
}

#[test]
fn a_process_tells_of_itself() {
    let metrics = Metrics::new();
    for name in process::Process::NAMES {
        let told = value(&metrics, name).unwrap_or_else(|| panic!("{name} is not told"));
        assert!(told > 0.0, "{name} is {told}");
    }
    let build = format!(r#"postrider_build_info{{version="{}"}}"#, env!("CARGO_PKG_VERSION"));
    assert_eq!(value(&metrics, &build), Some(1.0));
}

#[test]
fn names_are_those_in_the_text() {
    let metrics = Metrics::new();
    metrics.counter("things", "Things");
    metrics.register("level", "A level", Gauge::<i64>::default());
    let names = metrics.names();
    for name in ["postrider_things_total", "postrider_level", "postrider_build_info"] {
        assert!(names.contains(&name.to_owned()), "{names:?}");
        assert!(value(&metrics, &format!("{name} ")).is_some() || name.ends_with("_info"));
    }
}

#[tokio::test]
async fn the_route_says_what_it_answers_with() {
    let metrics = Metrics::new();
    let request = Request::get("/metrics").body(Body::empty()).unwrap();
    let response = router(&metrics).call(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
    let text = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    assert!(text.ends_with(b"\n# EOF\n"));
}
