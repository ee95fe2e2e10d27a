//! All generated files and their contents.
//! Invariant: the same types give the same bytes, whatever features other crates switch on in `serde_json`.

mod asyncapi;
mod schema;
mod tables;
mod typescript;

use std::path::PathBuf;

use serde_json::{Value, json};

/// One generated file.
pub(crate) struct File {
    /// From the root of the repository.
    pub(crate) path: String,
    /// All of it.
    pub(crate) text: String,
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every generated file.
pub(crate) fn files() -> Vec<File> {
    let all = schema::all();
    vec![
        schema_file("client", "What clients send on the socket", Some("ClientRequest"), &schema::client()),
        schema_file("server", "What servers send on the socket", Some("ServerFrame"), &schema::server()),
        schema_file("http", "Bodies of the HTTP routes", None, &schema::http()),
        json_file("docs/generated/asyncapi.json", asyncapi::document()),
        File { path: "docs/generated/codes.md".into(), text: tables::codes() },
        File { path: "docs/generated/limits.md".into(), text: tables::limits() },
        File { path: "web/src/protocol/types.ts".into(), text: typescript::types(&all) },
        File { path: "web/src/protocol/constants.ts".into(), text: typescript::constants() },
    ]
}

fn schema_file(name: &str, title: &str, root: Option<&str>, definitions: &schema::Definitions) -> File {
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$defs": definitions,
    });
    if let Some(root) = root {
        document["$ref"] = format!("#/$defs/{root}").into();
    }
    json_file(&format!("docs/generated/schemas/{name}.json"), document)
}

fn json_file(path: &str, document: Value) -> File {
    let text = serde_json::to_string_pretty(&schema::sorted(document)).expect("invariant: values are JSON");
    File { path: path.into(), text: text + "\n" }
}
