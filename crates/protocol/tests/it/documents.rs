//! The documents agree with the code: generated files are fresh, examples decode, rules and tests know each other,
//! and the schemas accept what the codec writes.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use jsonschema::Validator;
use proptest::prelude::*;
use protocol::{
    frame::{ServerFrame, decode, event_frame},
    http::Problem,
};
use serde_json::Value;

use crate::any;

#[path = "../../examples/generate/output.rs"]
mod output;

fn document() -> String {
    fs::read_to_string(output::root().join("docs/protocol.md")).unwrap()
}

#[test]
fn generated_files_are_fresh() {
    for file in output::files() {
        let text = fs::read_to_string(output::root().join(&file.path)).unwrap_or_default();
        assert!(text == file.text, "{} is out of date: cargo run -p protocol --example generate", file.path);
    }
}

/// The fenced JSON blocks of the document: whether one is marked as bad, and its text.
fn examples() -> Vec<(bool, String)> {
    let mut examples = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in document().lines() {
        match (&mut open, line) {
            (None, "```json") => open = Some((false, String::new())),
            (None, "```json bad") => open = Some((true, String::new())),
            (None, _) => assert!(!line.starts_with("```json"), "a fence of another kind: {line}"),
            (Some(_), "```") => examples.extend(open.take()),
            (Some((_, text)), line) => text.push_str(line),
        }
    }
    examples
}

#[test]
fn examples_in_the_document_decode() {
    let examples = examples();
    assert!(examples.len() > 20, "only {} examples found", examples.len());
    for (bad, text) in examples {
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        if value.get("action").is_some() {
            assert_eq!(decode(&text).is_err(), bad, "{text}");
        } else if value["type"].as_str().is_some_and(|kind| kind.starts_with("urn:")) {
            let problem: Problem = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_value(&problem).unwrap(), value, "{text}");
            assert_eq!(
                (problem.status, &*problem.title),
                (problem.code.http_status(), problem.code.title()),
                "{text}"
            );
        } else {
            let frame = ServerFrame::decode(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(serde_json::to_value(&frame).unwrap(), value, "{text}");
        }
    }
}

#[test]
fn p14_the_rejection_in_the_document_is_the_real_one() {
    let examples = examples();
    let asked = examples.iter().position(|(_, text)| text.contains("\"general\"")).unwrap();
    let answer = ServerFrame::from(decode(&examples[asked].1).unwrap_err());
    assert_eq!(answer, ServerFrame::decode(&examples[asked + 1].1).unwrap());
}

/// The numbers of the rules in the document, with whether another crate proves them.
fn rules() -> BTreeMap<u32, bool> {
    let document = document();
    let mut rules = BTreeMap::new();
    for part in document.split("\n**P").skip(1) {
        let number = part.split('.').next().unwrap().parse().unwrap();
        let text = part.split("\n## ").next().unwrap();
        let elsewhere = text.contains("*(gateway)*") || text.contains("*(lambda)*");
        assert!(rules.insert(number, elsewhere).is_none(), "P{number} is there twice");
    }
    rules
}

/// The numbers that names of this crate's tests cite.
fn cited() -> BTreeSet<u32> {
    let root = output::root().join("crates/protocol");
    let files = ["src", "tests/it"].into_iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let sources = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| fs::read_to_string(path).unwrap());
    let mut cited = BTreeSet::new();
    for source in sources {
        let names = source.split("fn p").skip(1);
        cited.extend(names.filter_map(|rest| rest.split('_').next()?.parse::<u32>().ok()));
    }
    cited
}

#[test]
fn rules_and_tests_know_each_other() {
    let (rules, cited) = (rules(), cited());
    assert!(rules.len() > 40, "only {} rules found", rules.len());
    for number in &cited {
        assert!(rules.contains_key(number), "a test cites P{number}, which is no rule");
    }
    for (number, elsewhere) in &rules {
        assert!(
            *elsewhere || cited.contains(number),
            "P{number} has no test here and does not say who proves it"
        );
    }
}

fn schema(name: &str) -> Validator {
    let path = output::root().join(format!("docs/generated/schemas/{name}.json"));
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

#[test]
fn every_action_has_its_message_in_asyncapi() {
    let path = output::root().join("docs/generated/asyncapi.json");
    let document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let messages = document["components"]["messages"].as_object().unwrap();
    for action in protocol::frame::client::ACTIONS {
        assert!(messages.contains_key(&format!("action.{action}")), "{action}");
    }
    for reference in references(&document) {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference} points nowhere");
    }
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(object) => object
            .iter()
            .flat_map(|(name, inner)| match inner.as_str() {
                Some(target) if name == "$ref" => vec![target.to_owned()],
                _ => references(inner),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn schemas_accept_what_clients_encode(requests in proptest::collection::vec(any::request(), 20)) {
        let schema = schema("client");
        for request in requests {
            let value: Value = serde_json::from_str(&request.encode()).unwrap();
            prop_assert!(schema.is_valid(&value), "{value}: {:?}", schema.iter_errors(&value).next());
        }
    }

    #[test]
    fn schemas_accept_every_event(events in any::events()) {
        let schema = schema("server");
        for event in &events {
            let value: Value = serde_json::from_slice(&event_frame(event, 1)).unwrap();
            prop_assert!(schema.is_valid(&value), "{value}: {:?}", schema.iter_errors(&value).next());
        }
    }
}

#[test]
fn schemas_accept_every_server_frame() {
    let schema = schema("server");
    for frame in crate::server_frames::one_of_each() {
        let value = serde_json::to_value(&frame).unwrap();
        assert!(schema.is_valid(&value), "{value}: {:?}", schema.iter_errors(&value).next());
    }
}

#[test]
fn schemas_refuse_what_the_codec_refuses() {
    let schema = schema("client");
    for text in [
        r#"{"action":"later"}"#,
        r#"{"action":"typing"}"#,
        r#"{"action":"setActive","active":1}"#,
        r#"{"action":"markRead","conversationId":"0190a6a3-7d2c-7c4e-9d5b-3f1e8a9b0c1d","seq":-1}"#,
        r#"{"action":"typing","conversationId":"general"}"#,
    ] {
        assert!(decode(text).is_err(), "{text}");
        assert!(!schema.is_valid(&serde_json::from_str(text).unwrap()), "{text}");
    }
}
