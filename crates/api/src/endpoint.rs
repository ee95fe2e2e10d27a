//! One route: where it is, what serves it and how it is documented, said in one place.
//! Invariant: router and OpenAPI document are both made from these, so neither can know a route that the other lacks.

use std::sync::Arc;

use axum::{
    handler::Handler,
    http::Method,
    routing::{self, MethodRouter},
};
use protocol::Code;
use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::App;

/// Makes the schema of a type, registering what it refers to.
pub(crate) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// One method of one path.
pub(crate) struct Endpoint {
    pub(crate) method: Method,
    /// With `{name}` for variable segments, as axum and OpenAPI both write it.
    pub(crate) path: &'static str,
    pub(crate) handler: MethodRouter<Arc<App>>,
    pub(crate) operation: Operation,
}

/// What the document says of it.
pub(crate) struct Operation {
    pub(crate) id: &'static str,
    pub(crate) tag: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) access: Access,
    pub(crate) takes_idempotency_key: bool,
    pub(crate) takes_etag: bool,
    pub(crate) query: Option<SchemaOf>,
    pub(crate) body: Option<SchemaOf>,
    /// The body is a file.
    pub(crate) takes_bytes: bool,
    pub(crate) answers: Vec<Answer>,
    pub(crate) codes: Vec<Code>,
}

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody.
    Public,
    /// Who is logged in.
    Person,
    /// Who is a member of the conversation in the path.
    Member,
    /// Admins and owners of the server, and the operator.
    Administrator,
}

/// One successful answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) description: &'static str,
    pub(crate) content: Content,
}

/// What an answer carries.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    /// JSON of this schema.
    Json(SchemaOf),
    /// A file.
    Bytes,
    /// Nothing.
    Nothing,
}

pub(crate) fn get<H, T>(path: &'static str, handler: H) -> Endpoint
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    Endpoint::new(Method::GET, path, routing::get(handler))
}

pub(crate) fn post<H, T>(path: &'static str, handler: H) -> Endpoint
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    Endpoint::new(Method::POST, path, routing::post(handler))
}

pub(crate) fn put<H, T>(path: &'static str, handler: H) -> Endpoint
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    Endpoint::new(Method::PUT, path, routing::put(handler))
}

pub(crate) fn patch<H, T>(path: &'static str, handler: H) -> Endpoint
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    Endpoint::new(Method::PATCH, path, routing::patch(handler))
}

pub(crate) fn delete<H, T>(path: &'static str, handler: H) -> Endpoint
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    Endpoint::new(Method::DELETE, path, routing::delete(handler))
}

impl Endpoint {
    fn new(method: Method, path: &'static str, handler: MethodRouter<Arc<App>>) -> Endpoint {
        let operation = Operation {
            id: "",
            tag: "",
            summary: "",
            access: Access::Person,
            takes_idempotency_key: false,
            takes_etag: false,
            query: None,
            body: None,
            takes_bytes: false,
            answers: Vec::new(),
            codes: Vec::new(),
        };
        Endpoint { method, path, handler, operation }
    }

    /// The name that generated clients call it by, and what it does.
    pub(crate) fn is(mut self, tag: &'static str, id: &'static str, summary: &'static str) -> Endpoint {
        (self.operation.tag, self.operation.id, self.operation.summary) = (tag, id, summary);
        self
    }

    pub(crate) fn access(mut self, access: Access) -> Endpoint {
        self.operation.access = access;
        self
    }

    pub(crate) fn takes_idempotency_key(mut self) -> Endpoint {
        self.operation.takes_idempotency_key = true;
        self
    }

    pub(crate) fn takes_etag(mut self) -> Endpoint {
        self.operation.takes_etag = true;
        self
    }

    pub(crate) fn query<T: JsonSchema>(mut self) -> Endpoint {
        self.operation.query = Some(schema_of::<T>);
        self
    }

    pub(crate) fn body<T: JsonSchema>(mut self) -> Endpoint {
        self.operation.body = Some(schema_of::<T>);
        self
    }

    pub(crate) fn answers<T: JsonSchema>(mut self, status: u16, description: &'static str) -> Endpoint {
        self.operation.answers.push(Answer { status, description, content: Content::Json(schema_of::<T>) });
        self
    }

    pub(crate) fn takes_bytes(mut self) -> Endpoint {
        self.operation.takes_bytes = true;
        self
    }

    pub(crate) fn answers_bytes(mut self, status: u16, description: &'static str) -> Endpoint {
        self.operation.answers.push(Answer { status, description, content: Content::Bytes });
        self
    }

    pub(crate) fn answers_empty(mut self, status: u16, description: &'static str) -> Endpoint {
        self.operation.answers.push(Answer { status, description, content: Content::Nothing });
        self
    }

    /// Problems besides those that every route can have.
    pub(crate) fn refuses(mut self, codes: &[Code]) -> Endpoint {
        self.operation.codes.extend_from_slice(codes);
        self
    }
}

/// Queries need their properties in place, everything else refers to a named schema.
fn schema_of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
