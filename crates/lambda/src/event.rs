//! Events of API Gateway's WebSocket API as this home sees them, and the answers it takes.
//! Knows no frame. Invariant: who somebody is comes from the authorizer alone.

use anyhow::{Context as _, Result};
use aws_lambda_events::event::apigw::ApiGatewayWebsocketProxyRequest;
use chat::{ConnectionId, SessionId, UserId};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Keys of the authorizer's context.
pub(crate) const USER: &str = "user";
/// See [`USER`].
pub(crate) const SESSION: &str = "session";

/// One event of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// What API Gateway calls the socket.
    pub(crate) name: String,
    /// What everybody else does.
    pub(crate) connection: ConnectionId,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    /// The frame, where it is one.
    pub(crate) body: String,
    /// It came as bytes, not as text.
    pub(crate) is_binary: bool,
    /// What the client offered on connecting.
    pub(crate) subprotocols: Option<String>,
}

impl Call {
    pub(crate) fn of(event: Value) -> Result<Call> {
        let event: ApiGatewayWebsocketProxyRequest =
            serde_json::from_value(event).context("this is no event of a WebSocket API")?;
        let context = event.request_context;
        let name = context.connection_id.context("the event names no connection")?;
        let field = |key: &str| {
            let value = context.authorizer.fields.get(key).and_then(Value::as_str);
            value.with_context(|| format!("the authorizer said no {key:?}; is it set for $connect?"))
        };
        let header = event.headers.get("sec-websocket-protocol");
        Ok(Call {
            connection: connection_of(&name),
            user: field(USER)?.parse().context("the authorizer's user is no id")?,
            session: field(SESSION)?.parse().context("the authorizer's session is no id")?,
            name,
            body: event.body.unwrap_or_default(),
            is_binary: event.is_base64_encoded,
            subprotocols: header.and_then(|value| value.to_str().ok()).map(str::to_owned),
        })
    }
}

/// API Gateway names sockets by texts of its own; everywhere else they are 128 bits, so these are made from its name
/// and need no table.
pub(crate) fn connection_of(name: &str) -> ConnectionId {
    let digest = Sha256::digest(name.as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    // A UUID of a form of its own: version 8, RFC 9562.
    bytes[6] = 0x80 | (bytes[6] & 0x0F);
    bytes[8] = 0x80 | (bytes[8] & 0x3F);
    ConnectionId::from_bytes(bytes)
}

/// The answer to a frame, if there is one.
pub(crate) fn answered(frame: Option<Vec<u8>>) -> Value {
    match frame.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()) {
        Some(body) => json!({ "statusCode": 200, "body": body }),
        None => json!({ "statusCode": 200 }),
    }
}

/// The answer to `$connect`: the subprotocol, if one was offered.
pub(crate) fn connected(subprotocol: Option<&str>) -> Value {
    match subprotocol {
        Some(name) => json!({ "statusCode": 200, "headers": { "Sec-WebSocket-Protocol": name } }),
        None => json!({ "statusCode": 200 }),
    }
}

/// The answer to `$connect` that refuses.
pub(crate) fn refused(status: u16) -> Value {
    json!({ "statusCode": status })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Value {
        json!({
            "headers": { "Sec-WebSocket-Protocol": "dynamowave.v1, other" },
            "requestContext": {
                "routeKey": "$connect", "eventType": "CONNECT", "connectionId": "AbCdE=", "stage": "live",
                "connectedAt": 1, "requestTimeEpoch": 2, "apiId": "a1",
                "identity": { "sourceIp": "203.0.113.9" },
                "authorizer": {
                    "user": "019aa7e0-1111-7000-8000-000000000001",
                    "session": "019aa7e0-2222-7000-8000-000000000001",
                    "principalId": "x"
                }
            },
            "body": "{\"action\":\"ping\"}",
            "isBase64Encoded": false
        })
    }

    #[test]
    fn d7_who_somebody_is_comes_from_the_authorizer() {
        let call = Call::of(event()).unwrap();
        assert_eq!(call.user.to_string(), "019aa7e0-1111-7000-8000-000000000001");
        assert_eq!(call.body, "{\"action\":\"ping\"}");
        assert_eq!(call.subprotocols.as_deref(), Some("dynamowave.v1, other"));
        let mut without = event();
        without["requestContext"]["authorizer"] = json!({});
        assert!(Call::of(without).unwrap_err().to_string().contains("user"));
    }

    #[test]
    fn a_socket_has_one_id_and_it_is_a_uuid() {
        let id = connection_of("AbCdE=");
        assert_eq!(id, connection_of("AbCdE="));
        assert_ne!(id, connection_of("AbCdF="));
        assert_eq!(id.uuid().get_version_num(), 8);
    }

    #[test]
    fn p40_an_answer_is_the_body_of_the_response() {
        assert_eq!(answered(None), json!({ "statusCode": 200 }));
        assert_eq!(answered(Some(b"{}".to_vec())), json!({ "statusCode": 200, "body": "{}" }));
    }
}
