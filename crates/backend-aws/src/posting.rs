//! Posting to sockets that API Gateway holds.
//! Knows no frame. Invariant: that a socket is gone, or that posts come too fast, is an answer and no error.

use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_apigatewaymanagement::{
    Client, config::Builder, operation::post_to_connection::PostToConnectionError, primitives::Blob,
};
use chat::ports::{ErrorKind, PortError};

use crate::error::failed;

/// Tries of one post before the caller is told to come again.
const POST_TRIES_MAX: u32 = 3;

/// The way to the sockets of one stage.
#[derive(Debug, Clone)]
pub struct AwsPosting {
    client: Client,
}

/// What became of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// It is on its way, behind everything posted there before.
    Yes,
    /// There is no such socket any more.
    Gone,
    /// The account posts too fast, or API Gateway does not answer: come again.
    Later,
}

impl AwsPosting {
    /// The way to the sockets behind this address: `https://{api}.execute-api.{region}.amazonaws.com/{stage}`.
    #[must_use]
    pub fn new(sdk: &SdkConfig, endpoint: &str) -> AwsPosting {
        let config = Builder::from(sdk)
            .endpoint_url(endpoint)
            .retry_config(RetryConfig::standard().with_max_attempts(POST_TRIES_MAX))
            .build();
        AwsPosting { client: Client::from_conf(config) }
    }

    /// Posts one frame, at most 128 KiB, to the socket of this name.
    ///
    /// # Errors
    /// When it can never be posted.
    pub async fn post(&self, name: &str, frame: Vec<u8>) -> Result<Posted, PortError> {
        const OPERATION: &str = "apigateway.PostToConnection";
        let request = self.client.post_to_connection().connection_id(name).data(Blob::new(frame));
        let Err(error) = request.send().await else { return Ok(Posted::Yes) };
        match error.as_service_error() {
            Some(PostToConnectionError::GoneException(_)) => Ok(Posted::Gone),
            Some(PostToConnectionError::LimitExceededException(_)) => Ok(Posted::Later),
            _ => later(failed(OPERATION, &error)),
        }
    }

    /// Closes a socket. One that is gone is closed.
    ///
    /// # Errors
    /// When API Gateway does not do it.
    pub async fn close(&self, name: &str) -> Result<(), PortError> {
        let closed = self.client.delete_connection().connection_id(name).send().await;
        match closed {
            Err(error) if !error.as_service_error().is_some_and(|error| error.is_gone_exception()) => {
                Err(failed("apigateway.DeleteConnection", &error))
            }
            _ => Ok(()),
        }
    }
}

fn later(error: PortError) -> Result<Posted, PortError> {
    if matches!(error.kind, ErrorKind::Overloaded | ErrorKind::Unavailable) {
        tracing::debug!(%error, "a post has to come again");
        Ok(Posted::Later)
    } else {
        Err(error)
    }
}
