//! What cannot be set up is refused at the start, by the name of the variable that says so.

use postrider_testkit::binary;
use std::process::Command;

const API: &str = "postrider-api";

/// Starts the API, which has all that it needs but for these variables, and gives what it says.
fn refused(variables: &[(&str, &str)]) -> String {
    let key = "x".repeat(32);
    let output = Command::new(binary(API))
        .env_clear()
        .env("DATABASE_URL", "postgres://nobody@127.0.0.1:9/nothing")
        .env("POSTRIDER_ADMIN_KEY", key)
        .env("POSTRIDER_MASTER_KEY", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_is_not_supported_is_named() {
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317");
    for wrong in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_TRACES_SAMPLER", "xray"),
    ] {
        let said = refused(&[endpoint, wrong]);
        assert!(said.contains(wrong.0) && said.contains(wrong.1), "{wrong:?}: {said}");
    }
    let ratio = [("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")];
    let said = refused(&[endpoint, ratio[0], ratio[1]]);
    assert!(said.contains("OTEL_TRACES_SAMPLER_ARG"), "{said}");
}

#[test]
fn an_endpoint_that_is_no_url_is_not_repeated() {
    let said = refused(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://u:canary@[broken")]);
    assert!(said.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{said}");
    assert!(!said.contains("canary"), "{said}");
}
