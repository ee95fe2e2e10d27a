//! What the service answers, as the errors of the ports: by meaning, with the code and sentence of AWS for the log.
//! Invariant: a denied request is never tried again, a throttled or unanswered one always may be.

use std::error::Error;

use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use chat::ports::{ErrorKind, PortError};
use thiserror::Error as ThisError;

/// What AWS said, without anything of the request.
#[derive(Debug, ThisError)]
#[error("{code}: {message} (request {request})")]
pub(crate) struct Cause {
    code: String,
    message: String,
    request: String,
}

/// Stored or received bytes that do not read.
#[derive(Debug, ThisError)]
#[error("{what} does not read: {why}")]
pub(crate) struct Unreadable {
    pub(crate) what: &'static str,
    pub(crate) why: String,
}

/// The error of a port for an error of the SDK.
pub(crate) fn failed<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> PortError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let kind = kind(error);
    let found = PortError::new(kind, operation).caused_by(cause(error));
    if kind == ErrorKind::Internal {
        tracing::error!(error = %found, "the cloud refuses a request for good");
    }
    found
}

/// An error that needs no cause besides its operation.
pub(crate) fn plain(kind: ErrorKind, operation: &'static str) -> PortError {
    PortError::new(kind, operation)
}

/// What is stored cannot be read.
pub(crate) fn corrupt(what: &'static str, why: &(impl std::fmt::Display + ?Sized)) -> PortError {
    PortError::new(ErrorKind::Corrupt, "aws.read").caused_by(Unreadable { what, why: why.to_string() })
}

fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> ErrorKind {
    match error {
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            of_code(service.err().code().unwrap_or_default(), status)
        }
        SdkError::ConstructionFailure(_) => ErrorKind::Internal,
        // Timed out, not connected, an answer that does not parse.
        _ => ErrorKind::Unavailable,
    }
}

/// What a code of DynamoDB or SQS asks of the caller.
pub(crate) fn of_code(code: &str, status: u16) -> ErrorKind {
    // Queues answer some codes with their old name behind it.
    let code = code.rsplit('.').next().unwrap_or(code);
    match code {
        "ProvisionedThroughputExceededException"
        | "ProvisionedThroughputExceeded"
        | "ThrottlingException"
        | "ThrottlingError"
        | "Throttling"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "LimitExceededException"
        | "TooManyRequestsException"
        | "SlowDown"
        | "OverLimit" => ErrorKind::Overloaded,
        "ConditionalCheckFailedException"
        | "ConditionalCheckFailed"
        | "TransactionConflict"
        | "TransactionConflictException"
        | "TransactionInProgressException"
        | "ReplicatedWriteConflictException" => ErrorKind::Conflict,
        "ValidationException"
        | "ValidationError"
        | "ItemCollectionSizeLimitExceeded"
        | "ItemCollectionSizeLimitExceededException"
        | "InvalidMessageContents"
        | "BatchRequestTooLong"
        | "InvalidParameterValue" => ErrorKind::Invalid,
        _ if status >= 500 || status == 429 => ErrorKind::Unavailable,
        _ => ErrorKind::Internal,
    }
}

fn cause<E: Error + ProvideErrorMetadata + 'static>(error: &SdkError<E, HttpResponse>) -> Cause {
    if let Some(service) = error.as_service_error() {
        let request = error.raw_response().and_then(|raw| raw.headers().get("x-amzn-requestid"));
        return Cause {
            code: service.code().unwrap_or("unknown").to_owned(),
            message: service.message().map_or_else(|| service.to_string(), str::to_owned),
            request: request.unwrap_or("unknown").to_owned(),
        };
    }
    let mut message = error.to_string();
    let mut source = Error::source(error);
    while let Some(inner) = source {
        message = format!("{message}: {inner}");
        source = inner.source();
    }
    Cause { code: "unanswered".to_owned(), message, request: "unknown".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_what_the_caller_can_do() {
        for (code, status, kind) in [
            ("ProvisionedThroughputExceededException", 400, ErrorKind::Overloaded),
            ("RequestThrottled", 403, ErrorKind::Overloaded),
            ("AWS.SimpleQueueService.RequestThrottled", 403, ErrorKind::Overloaded),
            ("AccessDeniedException", 400, ErrorKind::Internal),
            ("ResourceNotFoundException", 400, ErrorKind::Internal),
            ("ValidationException", 400, ErrorKind::Invalid),
            ("TransactionConflictException", 400, ErrorKind::Conflict),
            ("InternalServerError", 500, ErrorKind::Unavailable),
            ("", 503, ErrorKind::Unavailable),
        ] {
            assert_eq!(of_code(code, status), kind, "{code}");
        }
    }
}
