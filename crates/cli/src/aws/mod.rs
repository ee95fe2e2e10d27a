//! Operator commands on an installation on AWS: make, look after, restore, reckon.
//! Each asks the services themselves, with the credentials that every tool of AWS finds; none needs a running gateway.

mod cost;
pub(crate) mod dead_letters;
mod doctor;
mod restore;
mod take_over;

use anyhow::Result;
use clap::Subcommand;

use self::{cost::CostArgs, doctor::DoctorArgs, restore::RestoreArgs};
use crate::{args::ConfigArgs, nodes};

/// What can be asked of an installation on AWS.
#[derive(Debug, Subcommand)]
pub(crate) enum AwsCommand {
    /// Make the tables and queues that the configuration names, where they are not there. The templates in
    /// `deploy/aws` make them too, with alarms, roles and keys; this is for an emulator and for a first look.
    Provision {
        #[command(flatten)]
        config: ConfigArgs,
        /// Key of KMS that encrypts them; without one AWS's own key does.
        #[arg(long, value_name = "KEY")]
        kms_key: Option<String>,
    },
    /// Look at tables, queues, bucket, rights, clock and quotas, and say what to do about what is wrong. Changes nothing.
    /// Ends with 1 when something fails.
    Doctor(DoctorArgs),
    /// Make a table as the durable one was at a moment, with everything that a new table lacks and a new epoch, and say
    /// how to switch to it. The table in use is not changed. Safe to repeat: it goes on where it was interrupted.
    Restore(RestoreArgs),
    /// Make this region the home of the history in its copy of the table: the one in which messages are written. For when
    /// the region that was it is lost, or stopped for good. The epoch is raised. Safe to repeat.
    TakeOver {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Reckon what a month costs, for both homes, and from how many messages on containers are cheaper.
    Cost(CostArgs),
}

/// Does what is asked.
pub(crate) fn run(command: AwsCommand) -> Result<()> {
    match command {
        AwsCommand::Provision { config, kms_key } => nodes::provision(&config.load(&[])?, kms_key),
        AwsCommand::Doctor(args) => doctor::run(&args),
        AwsCommand::Restore(args) => restore::run(&args),
        AwsCommand::TakeOver { config } => take_over::run(&config.load(&[])?),
        AwsCommand::Cost(args) => cost::run(&args),
    }
}
