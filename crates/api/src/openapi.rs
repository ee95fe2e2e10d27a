//! The OpenAPI 3.1 document, made from the endpoints and the schemas of the wire types.
//! Knows no handler: what a route does is not its business, only what it says it does.

use std::collections::{BTreeMap, BTreeSet};

use protocol::Code;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::endpoint::{Access, Content, Endpoint, Operation};

/// Where the document is served.
pub(crate) const PATH: &str = "/v1/openapi.json";

/// Problems that every route can answer with.
const EVERYWHERE: &[Code] = &[Code::SlowDown, Code::Unavailable, Code::Internal];
/// Problems of every route that needs a login.
const LOGGED_IN: &[Code] = &[Code::Unauthorized, Code::AccountDisabled, Code::BadOrigin];
/// Problems of every route that reads a body.
const WITH_BODY: &[Code] =
    &[Code::BadJson, Code::BadRequest, Code::RequestTooLarge, Code::UnsupportedMediaType];

/// Schemas of what is read and of what is written: a member that may be left out when reading is not one that is
/// always written, so the two differ where a type leaves members out.
struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    fn new() -> Schemas {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        });
        Schemas {
            read: settings.clone().for_deserialize().into_generator(),
            written: settings.for_serialize().into_generator(),
        }
    }

    /// One set of names for both. Invariant: what is read and written under one name looks the same.
    fn into_definitions(mut self) -> Map<String, Value> {
        let mut definitions = self.written.take_definitions(true);
        for (name, schema) in self.read.take_definitions(true) {
            let other = definitions.insert(name.clone(), schema.clone());
            debug_assert!(
                other.is_none_or(|other| other == schema),
                "{name} is read and written differently"
            );
        }
        definitions
    }
}

/// The document of these endpoints.
pub(crate) fn document(endpoints: &[Endpoint]) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for endpoint in endpoints {
        let method = endpoint.method.as_str().to_ascii_lowercase();
        let operation = operation(&mut schemas, endpoint.path, &endpoint.operation);
        paths.entry(endpoint.path).or_default().insert(method, operation);
    }
    schemas.written.subschema_for::<protocol::http::Problem>();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "DynamoWave Chat",
            "version": "1",
            "summary": "Accounts, conversations, history, presence and administration over HTTP.",
            "description": "Live events come over the WebSocket at /v1/ws; see docs/protocol.md. Errors are \
                problem documents (RFC 9457) whose code is the one of the frames.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas.into_definitions(), "securitySchemes": security_schemes()},
    })
}

fn security_schemes() -> Value {
    json!({
        "token": {
            "type": "http", "scheme": "bearer",
            "description": "The token of POST /v1/accounts or POST /v1/sessions; under /v1/admin also the operator's.",
        },
        "cookie": {
            "type": "apiKey", "in": "cookie", "name": crate::auth::SESSION_COOKIE,
            "description": "Set at login. Requests that change state must come from this server's own pages.",
        },
    })
}

fn operation(schemas: &mut Schemas, path: &str, operation: &Operation) -> Value {
    let mut parameters = path_parameters(path);
    parameters.extend(query_parameters(&mut schemas.read, operation));
    parameters.extend(header_parameters(operation));
    let mut document = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": security(operation.access),
        "responses": responses(&mut schemas.written, operation),
    });
    if !parameters.is_empty() {
        document["parameters"] = Value::Array(parameters);
    }
    if let Some(body) = operation.body {
        let schema = body(&mut schemas.read);
        document["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": schema}}});
    }
    if operation.takes_bytes {
        document["requestBody"] = json!({
            "required": true,
            "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
        });
    }
    document
}

fn security(access: Access) -> Value {
    match access {
        Access::Public => json!([]),
        Access::Person | Access::Member | Access::Administrator => json!([{"token": []}, {"cookie": []}]),
    }
}

fn path_parameters(path: &str) -> Vec<Value> {
    let names = path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'));
    names
        .map(|name| {
            let schema = match name {
                "seq" => json!({"type": "integer", "minimum": 1}),
                "emoji" | "deadLetter" => json!({"type": "string"}),
                _ => json!({"type": "string", "format": "uuid"}),
            };
            json!({"name": name, "in": "path", "required": true, "schema": schema})
        })
        .collect()
}

/// One parameter per property of the query's type.
fn query_parameters(generator: &mut SchemaGenerator, operation: &Operation) -> Vec<Value> {
    let Some(query) = operation.query else { return Vec::new() };
    let reference = query(generator);
    let named = reference.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let schema = match named {
        // The type is spelled out as parameters; nothing else refers to it.
        Some(name) => generator.definitions_mut().remove(name).unwrap_or_default(),
        None => reference.into(),
    };
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let mut property = property.clone();
            let description = property.as_object_mut().and_then(|property| property.remove("description"));
            let is_required = required.contains(name.as_str());
            let mut parameter =
                json!({"name": name, "in": "query", "required": is_required, "schema": property});
            if let Some(description) = description {
                parameter["description"] = description;
            }
            parameter
        })
        .collect()
}

fn header_parameters(operation: &Operation) -> Vec<Value> {
    let mut parameters = Vec::new();
    if operation.takes_idempotency_key {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "A UUID, the same one when the request is repeated: it then takes effect once.",
            "schema": {"type": "string", "format": "uuid"},
        }));
    }
    if operation.takes_etag {
        parameters.push(json!({
            "name": "If-None-Match", "in": "header", "required": false,
            "description": "The ETag of an earlier answer: when nothing has changed since, the answer is 304.",
            "schema": {"type": "string"},
        }));
    }
    parameters
}

fn responses(generator: &mut SchemaGenerator, operation: &Operation) -> Value {
    let mut responses = Map::new();
    for answer in &operation.answers {
        let mut response = json!({"description": answer.description});
        match answer.content {
            Content::Json(schema) => {
                response["content"] = json!({"application/json": {"schema": schema(generator)}});
            }
            Content::Bytes => {
                response["content"] = json!({"*/*": {"schema": {"type": "string", "format": "binary"}}});
            }
            Content::Nothing => {}
        }
        responses.insert(answer.status.to_string(), response);
    }
    if operation.takes_etag {
        responses.insert("304".to_owned(), json!({"description": "Nothing has changed."}));
    }
    for (status, codes) in problems(operation) {
        let listed = codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
        responses.insert(
            status.to_string(),
            json!({
                "description": format!("Problem with code {listed}."),
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }),
        );
    }
    Value::Object(responses)
}

fn problems(operation: &Operation) -> BTreeMap<u16, Vec<Code>> {
    let mut codes = operation.codes.clone();
    codes.extend_from_slice(EVERYWHERE);
    if operation.access != Access::Public {
        codes.extend_from_slice(LOGGED_IN);
    }
    match operation.access {
        Access::Member => codes.push(Code::ConversationNotFound),
        Access::Administrator => codes.push(Code::Forbidden),
        Access::Person | Access::Public => {}
    }
    if operation.body.is_some() {
        codes.extend_from_slice(WITH_BODY);
    }
    if operation.query.is_some() {
        codes.push(Code::BadRequest);
    }
    if operation.takes_idempotency_key {
        codes.extend([Code::BadIdempotencyKey, Code::Timeout]);
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in codes {
        let same = by_status.entry(code.http_status()).or_default();
        if !same.contains(&code) {
            same.push(code);
        }
    }
    by_status
}
