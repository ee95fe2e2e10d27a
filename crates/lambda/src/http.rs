//! The routes over HTTP behind API Gateway's HTTP API: the same router as at the gateway.
//! Knows no route. Invariant: the address of a client is the one that API Gateway saw.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use api::{Problem, RemoteAddress};
use axum::{Router, body::Body, response::IntoResponse as _};
use lambda_http::{
    Adapter, LambdaEvent, Request, RequestExt as _,
    request::{LambdaRequest, RequestContext},
    service_fn,
};
use lambda_runtime::Context;
use protocol::Code;
use serde_json::Value;
use tower::{Service as _, ServiceExt as _};

use crate::limits::REQUEST_MS;

/// Handles a request.
pub(crate) async fn handle(router: &Router, event: Value, context: Context) -> Result<Value> {
    let request: LambdaRequest = serde_json::from_value(event).context("this is no request over HTTP")?;
    let router = router.clone();
    let mut adapter = Adapter::from(service_fn(move |request: Request| answer(router.clone(), request)));
    let answer = adapter.call(LambdaEvent::new(request, context)).await;
    let answer = answer.map_err(|error| anyhow!("a request was not answered: {error}"))?;
    Ok(serde_json::to_value(answer)?)
}

async fn answer(
    router: Router,
    mut request: Request,
) -> Result<http::Response<Body>, std::convert::Infallible> {
    if let Some(address) = address(&request) {
        request.extensions_mut().insert(RemoteAddress(address));
    }
    let answering = router.oneshot(request);
    Ok(match tokio::time::timeout(Duration::from_millis(REQUEST_MS), answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => Problem::new(Code::Timeout, "The request took too long.").into_response(),
    })
}

fn address(request: &Request) -> Option<std::net::IpAddr> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    context.http.source_ip.as_deref()?.parse().ok()
}
