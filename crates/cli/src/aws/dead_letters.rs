//! Dead letters straight from the services: the same code as behind the admin routes, without a gateway between.
//! Decides nothing itself. Invariant: an interrupted redrive is finished by the same command, and nothing is doubled (D2).

use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use api::{DeadLetters, Fate};
use backend_aws::{Aws, AwsOptions};
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::{
    clock::{SystemClock, SystemRandomness},
    config::Config,
    limits::DEAD_LETTERS_PER_PAGE,
    nodes,
    operator::{Letters, QueueName, Which},
};

/// Dead letters of one queue of an installation.
pub(crate) struct OnAws {
    runtime: Runtime,
    aws: Aws,
    queue: QueueName,
}

impl OnAws {
    /// Opens the installation that the configuration names.
    pub(crate) fn open(config: &Config, queue: QueueName) -> Result<OnAws> {
        let runtime = nodes::runtime()?;
        let aws = runtime.block_on(async {
            let sdk = backend_aws::connect(nodes::region(config)).await;
            let (clock, randomness) = (Arc::new(SystemClock), Arc::new(SystemRandomness));
            Aws::open(&sdk, &nodes::names(config), AwsOptions::default(), clock, randomness).await
        });
        let aws =
            aws.context("cannot open the tables and queues on AWS; `dynamowave aws doctor` says more")?;
        Ok(OnAws { runtime, aws, queue })
    }

    fn letters(&self) -> DeadLetters<'_> {
        match self.queue {
            QueueName::Messages => DeadLetters::Messages(&*self.aws.messages),
            QueueName::Notifications => DeadLetters::Notifications(&*self.aws.notifications),
        }
    }
}

impl Letters for OnAws {
    fn page(&self, after: Option<&str>) -> Result<Vec<Value>> {
        let items = self.runtime.block_on(self.letters().page(after, DEAD_LETTERS_PER_PAGE))?;
        items.into_iter().map(|item| Ok(serde_json::to_value(item)?)).collect()
    }

    fn show(&self, id: &str) -> Result<Value> {
        match self.runtime.block_on(self.letters().find(id))? {
            Some(letter) => Ok(serde_json::to_value(letter)?),
            None => bail!("There is no such dead letter: redriven or dropped already?"),
        }
    }

    fn settle(&self, fate: Fate, which: &Which) -> Result<u64> {
        let count = self.runtime.block_on(async {
            if which.all {
                return self.letters().settle_all(fate).await;
            }
            let mut count = 0;
            for some in which.ids.chunks(DEAD_LETTERS_PER_PAGE) {
                count += self.letters().settle(some, fate).await?;
            }
            Ok(count)
        });
        let count = count.context("interrupted; the same command again finishes it")?;
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    }
}
