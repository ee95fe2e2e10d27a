//! Whether an installation is as the program needs it: tables, queues, bucket, rights, clock, quotas, history.
//! Looks and judges, repairs nothing. Invariant: asking harms nothing; every write it tries is one that its condition
//! forbids, and a queue is looked into only while it is empty.

mod account;
mod bucket;
mod finding;
mod history;
mod queues;
mod rights;
mod tables;

use std::sync::Arc;

use aws_config::SdkConfig;
use chat::ports::{Clock, Randomness};

pub use self::{
    finding::{Finding, Verdict},
    rights::Role,
};
use crate::{aws::AwsNames, jitter::Jitter, signed::Signed};

/// What to look at besides tables and queues.
#[derive(Debug, Clone, Default)]
pub struct InspectOptions {
    /// The bucket of files, where there is one.
    pub files_bucket: Option<String>,
    /// Whose rights this identity is to have; without one, what is missing is told and fails nothing.
    pub role: Option<Role>,
}

/// Everything that the parts ask with.
struct Asking<'a> {
    tables: aws_sdk_dynamodb::Client,
    queues: aws_sdk_sqs::Client,
    signed: Signed,
    names: &'a AwsNames,
    /// Where the program is.
    region: String,
    clock: Arc<dyn Clock>,
    jitter: Jitter,
}

/// Looks at everything, at the same time, and tells what was found in the same order each time.
pub async fn inspect(
    sdk: &SdkConfig,
    names: &AwsNames,
    options: &InspectOptions,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
) -> Vec<Finding> {
    let asking = Asking {
        tables: aws_sdk_dynamodb::Client::new(sdk),
        queues: aws_sdk_sqs::Client::new(sdk),
        signed: Signed::new(sdk),
        names,
        region: crate::epoch::region_of(sdk),
        clock,
        jitter: Jitter::new(randomness),
    };
    let (account, tables, queues, bucket, rights, history) = tokio::join!(
        Box::pin(account::inspect(&asking)),
        Box::pin(tables::inspect(&asking)),
        Box::pin(queues::inspect(&asking)),
        Box::pin(bucket::inspect(&asking, options.files_bucket.as_deref())),
        Box::pin(rights::inspect(&asking, options.role)),
        Box::pin(history::inspect(&asking)),
    );
    [account, tables, queues, bucket, rights, history].concat()
}
