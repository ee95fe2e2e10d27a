//! The AsyncAPI 3 document of the socket: both directions of `GET /v1/ws`, from the server's side.
//! Schemas are those of `schema`, rewritten so that readers of draft 7 understand them too.

use serde_json::{Map, Value, json};

use super::schema::{Definitions, client, server};

/// The document.
pub(crate) fn document() -> Value {
    let mut schemas = client();
    schemas.extend(server());
    let requests = messages("ClientRequest", "action", &schemas);
    let frames = messages("ServerFrame", "type", &schemas);
    let mut all: Map<String, Value> = requests.clone();
    all.extend(frames.clone());
    // Unions are spelled out as messages.
    schemas.remove("ClientRequest");
    schemas.remove("ServerFrame");
    let schemas: Map<String, Value> =
        schemas.into_iter().map(|(name, schema)| (name, for_draft_7(schema))).collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "DynamoWave Chat",
            "version": "1",
            "description": "The socket of DynamoWave Chat: one JSON object a text frame. The numbered rules are in \
                docs/protocol.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {"host": "127.0.0.1:8080", "protocol": "ws", "description": "`dynamowave serve`"},
            "secure": {"host": "chat.example.com", "protocol": "wss", "description": "Behind TLS, in any home"},
        },
        "channels": {"socket": {
            "address": "/v1/ws",
            "description": "Authenticated by a bearer token, the session cookie (with the same Origin), or a ticket.",
            "bindings": {"ws": {
                "method": "GET",
                "query": {"type": "object", "properties": {"ticket": {
                    "type": "string", "description": "From POST /v1/tickets: once, within 30 seconds.",
                }}},
                "headers": {"type": "object", "properties": {
                    "Authorization": {"type": "string", "description": "Bearer and the session's token."},
                    "Sec-WebSocket-Protocol": {"type": "string", "const": protocol::SUBPROTOCOL},
                }},
                "bindingVersion": "0.1.0",
            }},
            "messages": references(&all, "#/components/messages/"),
        }},
        "operations": {
            "receiveFromClient": {
                "action": "receive",
                "summary": "What clients send.",
                "channel": {"$ref": "#/channels/socket"},
                "messages": list(&requests),
            },
            "sendToClient": {
                "action": "send",
                "summary": "What servers send.",
                "channel": {"$ref": "#/channels/socket"},
                "messages": list(&frames),
            },
        },
        "components": {"messages": all, "schemas": schemas},
    })
}

/// One message for each variant of a union, named after its tag.
fn messages(union: &str, tag: &str, schemas: &Definitions) -> Map<String, Value> {
    let whole = &schemas[union];
    let variants = whole["oneOf"].as_array().cloned().unwrap_or_default();
    variants
        .into_iter()
        .map(|mut variant| {
            let name = variant["properties"][tag]["const"].as_str().unwrap_or_default().to_owned();
            let summary = variant["description"].take();
            if let Some(common) = whole["properties"].as_object() {
                for (member, schema) in common {
                    variant["properties"][member] = schema.clone();
                }
            }
            let message =
                json!({"name": name, "summary": summary, "payload": for_draft_7(without_nulls(variant))});
            (format!("{tag}.{name}"), message)
        })
        .collect()
}

fn without_nulls(mut variant: Value) -> Value {
    if let Some(object) = variant.as_object_mut() {
        object.retain(|_, value| !value.is_null());
    }
    variant
}

fn references(messages: &Map<String, Value>, to: &str) -> Map<String, Value> {
    messages.keys().map(|name| (name.clone(), json!({"$ref": format!("{to}{name}")}))).collect()
}

fn list(messages: &Map<String, Value>) -> Vec<Value> {
    let mut names: Vec<&String> = messages.keys().collect();
    names.sort();
    names.into_iter().map(|name| json!({"$ref": format!("#/channels/socket/messages/{name}")})).collect()
}

/// Draft 7 ignores what stands beside a `$ref`: puts both into an `allOf`, and points into `components`.
fn for_draft_7(schema: Value) -> Value {
    match schema {
        Value::Object(mut object) => {
            if let Some(Value::String(target)) = object.remove("$ref") {
                let target = json!({"$ref": target.replace("#/$defs/", "#/components/schemas/")});
                object.remove("description");
                if object.is_empty() {
                    return target;
                }
                let rest = for_draft_7(Value::Object(object));
                return json!({"allOf": [target, rest]});
            }
            Value::Object(object.into_iter().map(|(name, value)| (name, for_draft_7(value))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(for_draft_7).collect()),
        other => other,
    }
}
