//! The OpenAPI document as the judge of every answer: the status is documented, the body has its schema.
//! Also remembers which operations a test has seen succeed.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
};

use axum::http::Method;
use serde_json::{Value, json};

use crate::client::Answer;

/// One operation of the document.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) needs_login: bool,
    pub(crate) has_body: bool,
    responses: Value,
}

thread_local! {
    static SUCCEEDED: RefCell<BTreeSet<String>> = const { RefCell::new(BTreeSet::new()) };
}

pub(crate) fn document() -> &'static Value {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    DOCUMENT.get_or_init(api::openapi_document)
}

pub(crate) fn operations() -> &'static Vec<Operation> {
    static OPERATIONS: OnceLock<Vec<Operation>> = OnceLock::new();
    OPERATIONS.get_or_init(|| {
        let paths = document()["paths"].as_object().unwrap();
        let all = paths.iter().flat_map(|(path, methods)| {
            methods.as_object().unwrap().iter().map(move |(method, operation)| Operation {
                id: operation["operationId"].as_str().unwrap().to_owned(),
                method: method.to_ascii_uppercase().parse().unwrap(),
                path: path.clone(),
                needs_login: !operation["security"].as_array().unwrap().is_empty(),
                has_body: operation["requestBody"]["content"]["application/json"].is_object(),
                responses: operation["responses"].clone(),
            })
        });
        all.collect()
    })
}

/// Operations that succeeded on this thread, which is this test's.
pub(crate) fn succeeded() -> BTreeSet<String> {
    SUCCEEDED.with_borrow(Clone::clone)
}

/// Panics when the document does not allow this answer.
#[track_caller]
pub(crate) fn check(method: &Method, path: &str, answer: &Answer) {
    let path = path.split('?').next().unwrap();
    let Some(operation) = find(method, path) else {
        let code = answer.body["code"].as_str().unwrap_or_default();
        let expected = ["not_found", "method_not_allowed"].contains(&code) || *method == Method::OPTIONS;
        assert!(expected || *method == Method::HEAD, "{method} {path} is not documented: {answer:?}");
        return;
    };
    let status = answer.status.as_str();
    let response = &operation.responses[status];
    assert!(response.is_object(), "{} does not document {status}: {}", operation.id, answer.body);
    let content = response["content"].as_object();
    match content {
        None => assert!(answer.bytes.is_empty(), "{}: {status} has a body: {}", operation.id, answer.body),
        // A file: its type is its own.
        Some(content) if content.contains_key("*/*") => {}
        Some(content) => {
            let (kind, media) = content.iter().next().unwrap();
            assert_eq!(answer.header("content-type"), Some(kind.as_str()), "{}", operation.id);
            validate(&operation.id, &media["schema"], &answer.body);
            if answer.status.is_client_error() || answer.status.is_server_error() {
                let code = format!("`{}`", answer.body["code"].as_str().unwrap());
                let listed = response["description"].as_str().unwrap();
                assert!(listed.contains(&code), "{} does not document {code}: {listed}", operation.id);
            }
        }
    }
    if answer.status.is_success() {
        SUCCEEDED.with_borrow_mut(|seen| seen.insert(operation.id.clone()));
    }
}

fn validate(id: &str, schema: &Value, body: &Value) {
    thread_local! {
        static VALIDATORS: RefCell<BTreeMap<String, jsonschema::Validator>> =
            const { RefCell::new(BTreeMap::new()) };
    }
    VALIDATORS.with_borrow_mut(|validators| {
        let validator = validators.entry(schema.to_string()).or_insert_with(|| {
            let mut whole = if schema.is_object() { schema.clone() } else { json!({}) };
            whole["components"] = document()["components"].clone();
            jsonschema::draft202012::new(&whole).unwrap()
        });
        let errors: Vec<String> =
            validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{id} answers what its schema does not allow: {errors:#?}\n{body:#}");
    });
}

/// The operation behind a path. A fixed segment goes before a variable one, whatever the method, as in the router.
fn find(method: &Method, path: &str) -> Option<&'static Operation> {
    let matching = operations().iter().filter(|one| matches(&one.path, path));
    let template = &matching.min_by_key(|one| one.path.matches('{').count())?.path;
    operations().iter().find(|one| one.path == *template && one.method == *method)
}

fn matches(template: &str, path: &str) -> bool {
    let (mut template, mut path) = (template.split('/'), path.split('/'));
    loop {
        match (template.next(), path.next()) {
            (None, None) => return true,
            (Some(expected), Some(segment)) if expected == segment || expected.starts_with('{') => {}
            _ => return false,
        }
    }
}
