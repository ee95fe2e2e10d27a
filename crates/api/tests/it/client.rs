//! A client of the HTTP interface, without a socket in between.
//! Invariant: every answer is held against the document before the test sees it.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use crate::{
    schema,
    world::{World, here},
};

/// Asks; keeps a token and headers.
#[derive(Clone)]
pub(crate) struct Client<'w> {
    world: &'w World,
    headers: HeaderMap,
    address: api::RemoteAddress,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
    /// `Null` when there is no JSON.
    pub(crate) body: Value,
}

impl<'w> Client<'w> {
    pub(crate) fn new(world: &'w World) -> Client<'w> {
        Client { world, headers: HeaderMap::new(), address: here() }
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Client<'w> {
        let name: HeaderName = name.parse().unwrap();
        self.headers.append(name, HeaderValue::from_str(value).unwrap());
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Client<'w> {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn cookie(self, token: &str) -> Client<'w> {
        self.header("cookie", &format!("{}={token}", api::SESSION_COOKIE))
    }

    pub(crate) fn at_address(mut self, address: &str) -> Client<'w> {
        self.address = api::RemoteAddress(address.parse().unwrap());
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.ask(Method::PATCH, path, Some(body)).await
    }

    /// A request whose body is a file.
    pub(crate) async fn send(&self, method: Method, path: &str, bytes: &[u8]) -> Answer {
        let client = self.clone().header("content-length", &bytes.len().to_string());
        client.ask_raw(method, path, Some(bytes.to_vec()), Some("application/octet-stream")).await
    }

    /// A request without a body, or with a JSON one.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let bytes = body.map(|body| body.to_string().into_bytes());
        self.ask_raw(method, path, bytes, Some("application/json")).await
    }

    pub(crate) async fn ask_raw(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        content_type: Option<&str>,
    ) -> Answer {
        let mut request = Request::builder().method(method.clone()).uri(path);
        *request.headers_mut().unwrap() = self.headers.clone();
        if let (Some(kind), true) = (content_type, body.is_some()) {
            request = request.header("content-type", kind);
        }
        let request = request.extension(self.address).body(Body::from(body.unwrap_or_default())).unwrap();
        let response = self.world.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes().to_vec();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        let answer = Answer { status: parts.status, headers: parts.headers, bytes, body };
        schema::check(&method, path, &answer);
        answer
    }
}

impl Answer {
    /// The answer, which must have this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Answer {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.bytes));
        self
    }

    /// The problem's code; the answer must be a problem with its status.
    #[track_caller]
    pub(crate) fn code(&self) -> &str {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(self.body["status"], self.status.as_u16());
        self.body["code"].as_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn expect_problem(self, status: u16, code: &str) -> Answer {
        let answer = self.expect(status);
        assert_eq!(answer.code(), code, "{}", answer.body);
        answer
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// A text member of the body.
    #[track_caller]
    pub(crate) fn text(&self, name: &str) -> String {
        self.body[name].as_str().unwrap_or_else(|| panic!("{name} in {}", self.body)).to_owned()
    }

    #[track_caller]
    pub(crate) fn items(&self) -> &Vec<Value> {
        self.body["items"].as_array().unwrap_or_else(|| panic!("items in {}", self.body))
    }
}
