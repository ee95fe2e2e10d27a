//! The routes over HTTP behind API Gateway's HTTP API: the same router as at the gateway, and whether this region is
//! ready.
//! Knows no other route. Invariant: the address of a client is the one that API Gateway or the distribution in front of
//! it saw, and who did not come through that, where there is one, learns of `/readyz` alone.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, Result, anyhow};
use api::{App, Problem, RemoteAddress};
use axum::{
    Json, Router,
    body::Body,
    extract::State,
    response::{IntoResponse as _, Response},
    routing::get,
};
use chat::{ConversationId, UserId};
use http::StatusCode;
use lambda_http::{
    Adapter, LambdaEvent, Request, RequestExt as _,
    request::{LambdaRequest, RequestContext},
    service_fn,
};
use lambda_runtime::Context;
use protocol::Code;
use serde_json::{Value, json};
use tower::{Service as _, ServiceExt as _};

use crate::{home::Home, limits::REQUEST_MS, origin::Origin};

/// Asked by those who decide whether to send people to this region; they know no secret.
const READY: &str = "/readyz";

/// The routes, and who may ask for them.
pub(crate) struct Routes {
    pub(crate) app: Arc<App>,
    router: Router,
    origin: Origin,
}

impl Routes {
    pub(crate) fn of(home: &Home, origin: Origin) -> Routes {
        let app = Arc::clone(&home.app);
        let health = Router::new().route(READY, get(ready)).with_state(Arc::clone(&app));
        Routes { router: health.fallback_service(api::router(Arc::clone(&app))), app, origin }
    }

    /// Handles a request.
    pub(crate) async fn handle(&self, event: Value, context: Context) -> Result<Value> {
        let request: LambdaRequest = serde_json::from_value(event).context("this is no request over HTTP")?;
        let (router, origin) = (self.router.clone(), self.origin);
        let answering = service_fn(move |request: Request| answer(router.clone(), origin, request));
        let answer = Adapter::from(answering).call(LambdaEvent::new(request, context)).await;
        let answer = answer.map_err(|error| anyhow!("a request was not answered: {error}"))?;
        Ok(serde_json::to_value(answer)?)
    }
}

async fn answer(
    router: Router,
    origin: Origin,
    mut request: Request,
) -> Result<http::Response<Body>, std::convert::Infallible> {
    if request.uri().path() != READY && !origin.sent(request.headers()) {
        const WHY: &str = "This is not the address of the server. Use the one that people open.";
        return Ok(Problem::new(Code::Forbidden, WHY).into_response());
    }
    if let Some(seen) = address(&request) {
        let address = origin.address(request.headers(), seen);
        request.extensions_mut().insert(RemoteAddress(address));
    }
    let answering = router.oneshot(request);
    Ok(match tokio::time::timeout(Duration::from_millis(REQUEST_MS), answering).await {
        Ok(Ok(response)) => response,
        Ok(Err(never)) => match never {},
        Err(_) => Problem::new(Code::Timeout, "The request took too long.").into_response(),
    })
}

/// Ready is who can read what everything begins with.
async fn ready(State(app): State<Arc<App>>) -> Response {
    let nobody = app.store.member(ConversationId::from_u128(0), UserId::from_u128(0)).await;
    let status = if nobody.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": nobody.is_ok() }))).into_response()
}

fn address(request: &Request) -> Option<std::net::IpAddr> {
    let RequestContext::ApiGatewayV2(context) = request.request_context_ref()? else { return None };
    context.http.source_ip.as_deref()?.parse().ok()
}
