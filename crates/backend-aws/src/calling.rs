//! Two single requests to services of which nothing else is used: calling a function, reading a secret. Signed by the
//! library of AWS and sent as they are, because the whole SDK of either would be the largest part of every build.
//! Invariant: what is sent and answered is never logged.

use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use chat::ports::{ErrorKind, PortError};
use serde_json::{Value, json};
use thiserror::Error;

use crate::{
    error::{of_code, plain},
    limits::REQUEST_TRY_MS,
};

/// What the service says to a request that it refuses: its status alone.
#[derive(Debug, Error)]
#[error("status {0}")]
struct Status(u16);

/// Something on the way that is no answer.
#[derive(Debug, Error)]
#[error("{0}")]
struct Unsent(String);

/// The way to those services.
#[derive(Debug, Clone)]
pub struct AwsCalls {
    client: reqwest::Client,
    sdk: SdkConfig,
}

/// One request.
struct Call<'a> {
    service: &'static str,
    operation: &'static str,
    path: String,
    headers: &'a [(&'static str, &'static str)],
    body: Vec<u8>,
}

impl AwsCalls {
    /// The way to the services of this account and region.
    #[must_use]
    pub fn new(sdk: &SdkConfig) -> AwsCalls {
        AwsCalls { client: reqwest::Client::new(), sdk: sdk.clone() }
    }

    /// Hands an event to a function, named or by its ARN, without waiting for its answer.
    ///
    /// # Errors
    /// When there is no such function, or it may not be called.
    pub async fn call_function(&self, function: &str, event: Vec<u8>) -> Result<(), PortError> {
        let path = format!("/2015-03-31/functions/{}/invocations", escaped(function));
        let headers = [("x-amz-invocation-type", "Event")];
        let call =
            Call { service: "lambda", operation: "lambda.Invoke", path, headers: &headers, body: event };
        self.send(call).await.map(drop)
    }

    /// The text of a secret, named or by its ARN.
    ///
    /// # Errors
    /// When there is no such secret, or it may not be read.
    pub async fn secret(&self, secret: &str) -> Result<String, PortError> {
        const OPERATION: &str = "secretsmanager.GetSecretValue";
        let headers = [("x-amz-target", OPERATION), ("content-type", "application/x-amz-json-1.1")];
        let body = json!({ "SecretId": secret }).to_string().into_bytes();
        let call = Call {
            service: "secretsmanager",
            operation: OPERATION,
            path: "/".into(),
            headers: &headers,
            body,
        };
        let answer: Value = serde_json::from_slice(&self.send(call).await?)
            .map_err(|error| plain(ErrorKind::Unavailable, OPERATION).caused_by(error))?;
        let text = answer["SecretString"].as_str().map(str::to_owned);
        text.ok_or_else(|| plain(ErrorKind::Invalid, "secretsmanager.GetSecretValue (it is no text)"))
    }

    async fn send(&self, call: Call<'_>) -> Result<Vec<u8>, PortError> {
        let operation = call.operation;
        let unsent = |error: String| plain(ErrorKind::Unavailable, operation).caused_by(Unsent(error));
        let request = self.signed(call).await?;
        let answer =
            self.client.execute(request).await.map_err(|error| unsent(error.without_url().to_string()))?;
        let status = answer.status();
        if !status.is_success() {
            let kind = of_code("", status.as_u16());
            return Err(plain(kind, operation).caused_by(Status(status.as_u16())));
        }
        let bytes = answer.bytes().await.map_err(|error| unsent(error.without_url().to_string()))?;
        Ok(bytes.to_vec())
    }

    async fn signed(&self, call: Call<'_>) -> Result<reqwest::Request, PortError> {
        let internal = |what: String| plain(ErrorKind::Internal, call.operation).caused_by(Unsent(what));
        let region = self.sdk.region().ok_or_else(|| internal("no region is set".to_owned()))?;
        let url = match self.sdk.endpoint_url() {
            Some(endpoint) => format!("{}{}", endpoint.trim_end_matches('/'), call.path),
            None => format!("https://{}.{region}.amazonaws.com{}", call.service, call.path),
        };
        let provider =
            self.sdk.credentials_provider().ok_or_else(|| internal("there are no credentials".to_owned()))?;
        let credentials =
            provider.provide_credentials().await.map_err(|error| internal(error.to_string()))?;
        let identity = credentials.into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(region.as_ref())
            .name(call.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| internal(error.to_string()))?
            .into();
        let headers = call.headers.iter().copied();
        let signable = SignableRequest::new("POST", &url, headers, SignableBody::Bytes(&call.body));
        let signable = signable.map_err(|error| internal(error.to_string()))?;
        let signed = sign(signable, &parameters).map_err(|error| internal(error.to_string()))?;
        let mut request = self.client.post(&url).timeout(Duration::from_millis(REQUEST_TRY_MS));
        for (name, value) in call.headers.iter().copied().chain(signed.output().headers()) {
            request = request.header(name, value);
        }
        request.body(call.body).build().map_err(|error| internal(error.without_url().to_string()))
    }
}

/// A name as a piece of a path.
fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_one_piece_of_a_path() {
        assert_eq!(escaped("chat-send"), "chat-send");
        assert_eq!(escaped("arn:aws:x/y"), "arn%3Aaws%3Ax%2Fy");
    }
}
