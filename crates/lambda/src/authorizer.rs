//! Who may open a socket: by ticket, bearer token or the cookie of one of our own pages, as at the gateway.
//! Knows no policy but this one route. Invariant: what later events are told of a person is said here and only here.

use std::net::IpAddr;

use anyhow::{Context as _, Result, anyhow, bail};
use api::Authenticated;
use aws_lambda_events::event::apigw::ApiGatewayCustomAuthorizerRequestTypeRequest;
use http::HeaderMap;
use protocol::Code;
use serde_json::{Value, json};

use crate::{
    event::{SESSION, USER},
    home::Home,
    origin::Origin,
};

/// The text that makes API Gateway answer 401.
pub(crate) const UNAUTHORIZED: &str = "Unauthorized";

/// What of the request matters.
#[derive(Debug)]
struct Asked {
    headers: HeaderMap,
    query: Option<String>,
    address: IpAddr,
    method_arn: String,
}

/// Handles the authorizer of `$connect`.
pub(crate) async fn handle(home: &Home, origin: Origin, event: Value) -> Result<Value> {
    let asked = Asked::of(event)?;
    if !origin.sent(&asked.headers) {
        tracing::warn!(address = %asked.address, "a socket was asked for without the secret of the origin");
        return Ok(denied(&asked.method_arn));
    }
    let address = origin.address(&asked.headers, asked.address);
    match api::authenticate(&home.app, &asked.headers, asked.query.as_deref(), address).await {
        Ok(login) => Ok(allowed(login, &asked.method_arn)),
        Err(problem) => match problem.code() {
            Code::Unauthorized => Err(anyhow!(UNAUTHORIZED)),
            Code::Unavailable | Code::Internal | Code::Timeout => {
                bail!("who asks cannot be found out: {}", problem.code())
            }
            _ => Ok(denied(&asked.method_arn)),
        },
    }
}

impl Asked {
    fn of(event: Value) -> Result<Asked> {
        let event: ApiGatewayCustomAuthorizerRequestTypeRequest =
            serde_json::from_value(event).context("this is no event of an authorizer of requests")?;
        let ticket = event.query_string_parameters.first("ticket").map(|ticket| format!("ticket={ticket}"));
        let address = event.request_context.identity.and_then(|identity| identity.source_ip);
        let unknown = IpAddr::from([0, 0, 0, 0]);
        Ok(Asked {
            headers: event.headers,
            query: ticket,
            address: address.and_then(|text| text.parse().ok()).unwrap_or(unknown),
            method_arn: event.method_arn.unwrap_or_else(|| "*".to_owned()),
        })
    }
}

fn allowed(login: Authenticated, method_arn: &str) -> Value {
    let mut policy = policy(&login.user.to_string(), "Allow", method_arn);
    policy["context"] = json!({ USER: login.user.to_string(), SESSION: login.session.to_string() });
    policy
}

fn denied(method_arn: &str) -> Value {
    policy("nobody", "Deny", method_arn)
}

fn policy(principal: &str, effect: &str, method_arn: &str) -> Value {
    json!({
        "principalId": principal,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [{ "Action": "execute-api:Invoke", "Effect": effect, "Resource": method_arn }],
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Value {
        json!({
            "type": "REQUEST",
            "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:a1/live/$connect",
            "headers": { "Origin": "https://chat.example.org", "Cookie": "dynamowave_session=dw_x" },
            "queryStringParameters": { "ticket": "dw_t" },
            "stageVariables": {},
            "requestContext": {
                "routeKey": "$connect", "eventType": "CONNECT", "stage": "live", "connectionId": "AbCdE=",
                "identity": { "sourceIp": "203.0.113.9" }, "apiId": "a1"
            }
        })
    }

    #[test]
    fn p1_ticket_cookie_and_address_are_found_where_api_gateway_puts_them() {
        let asked = Asked::of(event()).unwrap();
        assert_eq!(asked.query.as_deref(), Some("ticket=dw_t"));
        assert_eq!(asked.headers["cookie"], "dynamowave_session=dw_x");
        assert_eq!(asked.address, IpAddr::from([203, 0, 113, 9]));
        assert!(asked.method_arn.ends_with("$connect"));
    }

    #[test]
    fn a_policy_is_for_the_one_route_that_was_asked() {
        let denied = denied("arn:x");
        assert_eq!(denied["policyDocument"]["Statement"][0]["Effect"], "Deny");
        assert_eq!(denied["policyDocument"]["Statement"][0]["Resource"], "arn:x");
        assert!(denied["context"].is_null());
    }
}
