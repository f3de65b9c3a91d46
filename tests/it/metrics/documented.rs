//! `docs/metrics.md` and the registry name the same metrics, with the same types and labels.

use super::scene::{Scene, event};
use postrider_testkit::{Behaviour, Receiver};
use std::collections::{BTreeMap, BTreeSet};

const DOCUMENT: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/metrics.md"));

/// A row of the document.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    kind: String,
    labels: BTreeSet<String>,
}

fn rows() -> BTreeMap<String, Row> {
    let mut rows = BTreeMap::new();
    for line in DOCUMENT.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, kind, labels, meaning, ..] = cells[..] else { panic!("cells: {line}") };
        assert!(!meaning.is_empty(), "{line}");
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`'));
        let labels = labels.filter(|label| !label.is_empty()).map(str::to_owned).collect();
        let row = Row { kind: kind.to_owned(), labels };
        let before = rows.insert(name.trim_matches('`').to_owned(), row);
        assert_eq!(before, None, "{name} is there twice");
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_and_the_registry_agree() {
    let scene = Scene::start().await;
    let receiver = Receiver::start(Behaviour::ok()).await;
    scene.hook(&receiver, "order.paid", &[0]).await;
    scene.publish(event("order.paid", "one")).await;
    scene.finished(1).await;
    let sampled = "postrider_deliveries_oldest_queued_seconds";
    let shown = scene.scrape_until(|shown| shown.find(sampled, &[]).is_some()).await;

    let rows = rows();
    let documented: Vec<&String> = rows.keys().collect();
    let registered = scene.metrics.names();
    assert_eq!(documented, registered.iter().collect::<Vec<_>>());
    let labels = shown.labels();
    let told: BTreeMap<String, Row> = shown
        .families
        .iter()
        .map(|(family, kind)| {
            let suffix = match kind.as_str() {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            let labels = labels[family.as_str()].iter().map(|label| (*label).to_owned()).collect();
            (format!("{family}{suffix}"), Row { kind: kind.clone(), labels })
        })
        .collect();
    assert_eq!(rows, told, "the document (left) and what is shown (right)");
    scene.stop().await;
}
