//! `docs/openapi.yaml` names exactly the operations that the API has on its paths, and nothing that it
//! does not define.

use super::harness::Harness;
use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use std::collections::{BTreeMap, BTreeSet};

const DOCUMENT: &str = include_str!("../../../docs/openapi.yaml");

/// The methods of each path, read by the document's indentation: a path stands two columns in, a
/// method four.
pub(super) fn operations() -> BTreeMap<String, BTreeSet<Method>> {
    let mut paths: BTreeMap<String, BTreeSet<Method>> = BTreeMap::new();
    let lines = DOCUMENT.lines().skip_while(|line| *line != "paths:").skip(1);
    let mut path = String::new();
    for line in lines.take_while(|line| line.is_empty() || line.starts_with(' ')) {
        let Some(key) = line.trim_start().strip_suffix(':') else {
            continue;
        };
        match line.len() - line.trim_start().len() {
            2 => key.clone_into(&mut path),
            4 if key.chars().all(|c| c.is_ascii_lowercase()) && key != "parameters" => {
                let method = key.to_uppercase().parse().unwrap();
                paths.entry(path.clone()).or_default().insert(method);
            }
            _ => {}
        }
    }
    paths
}

/// A path with something in the place of each id.
pub(super) fn concrete(path: &str) -> String {
    path.split('/')
        .map(|part| if part.starts_with('{') { "x" } else { part })
        .collect::<Vec<_>>()
        .join("/")
}

/// The name of everything below `components`, as it is referred to, read by the indentation.
fn components() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut kind = "";
    for line in DOCUMENT.lines().skip_while(|line| *line != "components:").skip(1) {
        let key = line.trim_start();
        match line.len() - key.len() {
            2 => kind = key.trim_end_matches(':'),
            4 => drop(names.insert(format!("{kind}/{}", key.split(':').next().unwrap()))),
            _ => {}
        }
    }
    names
}

#[test]
fn whatever_is_referred_to_is_defined_and_the_other_way_round() {
    let references = DOCUMENT.split("\"#/components/").skip(1);
    let references: BTreeSet<_> =
        references.map(|text| text.split('"').next().unwrap().to_owned()).collect();
    let defined: BTreeSet<_> =
        components().into_iter().filter(|name| !name.starts_with("securitySchemes/")).collect();
    assert_eq!(references, defined);
}

#[tokio::test]
async fn the_document_and_the_routes_agree() {
    let api = Harness::start().await;
    let operations = operations();
    assert_eq!(operations.values().map(BTreeSet::len).sum::<usize>(), 51);
    for (path, methods) in operations {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let request = Request::builder().method(&method).uri(concrete(&path));
            let answer = api.with("").send(request.body(Body::empty()).unwrap()).await;
            let documented = methods.contains(&method);
            if documented && path.starts_with("/api/") {
                answer.problem(StatusCode::UNAUTHORIZED, "unauthorised");
            } else if documented {
                assert_eq!(answer.status, StatusCode::OK, "{method} {path}");
            } else {
                assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
                assert!(answer.headers.contains_key(header::ALLOW));
            }
        }
    }
}
