//! The OpenAPI document: complete, valid in itself, served, and committed as it is.

use std::{collections::BTreeSet, path::PathBuf};

use axum::http::Method;
use serde_json::Value;

use crate::{
    schema::{document, operations},
    world::World,
};

fn committed() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/generated/openapi.json")
}

#[test]
fn the_committed_document_is_fresh() {
    let now = format!("{}\n", serde_json::to_string_pretty(document()).unwrap());
    let path = committed();
    if std::env::var_os("UPDATE_GENERATED").is_some() {
        std::fs::write(&path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == now, "docs/generated/openapi.json is stale: UPDATE_GENERATED=1 cargo test -p api");
}

#[tokio::test]
async fn it_is_served() {
    let world = World::new();
    let served = world.stranger().get("/v1/openapi.json").await.expect(200);
    assert_eq!(&served.body, document());
    assert_eq!(served.header("cache-control"), Some("public, max-age=3600"));
}

/// The router is asked for every method of every documented path: those documented answer, the others do not.
#[tokio::test]
async fn router_and_document_know_the_same_routes() {
    let world = World::new();
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let paths: BTreeSet<&str> = operations().iter().map(|operation| operation.path.as_str()).collect();
    for path in paths {
        for method in &methods {
            let documented =
                operations().iter().any(|operation| operation.path == path && operation.method == *method);
            let concrete = path.replace(['{', '}'], "");
            let answer = world.stranger().ask(method.clone(), &concrete, None).await;
            let known = answer.status != 405 && answer.status != 404;
            assert_eq!(known, documented, "{method} {path}: {answer:?}");
        }
    }
}

#[test]
fn every_operation_says_what_it_is() {
    let ids: BTreeSet<&str> = operations().iter().map(|operation| operation.id.as_str()).collect();
    assert_eq!(ids.len(), operations().len(), "operation ids are unique");
    for methods in document()["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap();
            let summary = operation["summary"].as_str().unwrap();
            assert!(!id.is_empty() && summary.ends_with('.'), "{id}: {summary}");
            assert!(!operation["tags"][0].as_str().unwrap().is_empty(), "{id}");
            let statuses = operation["responses"].as_object().unwrap().keys();
            assert!(statuses.into_iter().any(|status| status.starts_with('2')), "{id}");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["schema"].is_object(), "{id}: {parameter}");
            }
        }
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_schema_is_used() {
    let mut found = BTreeSet::new();
    references(document(), &mut found);
    let schemas = document()["components"]["schemas"].as_object().unwrap();
    for reference in &found {
        let name = reference.strip_prefix("#/components/schemas/").expect(reference);
        assert!(schemas.contains_key(name), "{reference}");
    }
    for name in schemas.keys() {
        assert!(found.contains(&format!("#/components/schemas/{name}")), "nothing refers to {name}");
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member.as_str() {
                    Some(text) if name == "$ref" => drop(found.insert(text.to_owned())),
                    _ => references(member, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}
