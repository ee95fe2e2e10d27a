//! The command line: what can be asked of the binary, and which part answers.
//! Every command that talks to a running server says so, and how it finds it.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use conformance::faulty::FaultPlan;

#[cfg(feature = "aws")]
use crate::{
    aws::{AwsCommand, run as run_aws},
    nodes::{self, Role},
};
use crate::{
    config::{self, Config},
    inspect::{self, InspectArgs},
    moving::{self, ExportArgs, ImportArgs},
    operator::{self, DeadLetterArgs},
    restore::{self, RestoreArgs},
    search::{self, SearchArgs},
    serve::serve,
};

/// DynamoWave Chat: real-time chat in one program.
#[derive(Debug, Parser)]
#[command(name = "dynamowave", version, about, max_term_width = 100)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server with everything embedded.
    Serve(ServeArgs),
    /// Start a process that holds sockets, one of several over AWS.
    Gateway(NodeArgs),
    /// Start a process that stores messages, one of several over AWS.
    Persister(NodeArgs),
    /// Start a process that tells gateways what happened, one of several over AWS.
    Notifier(NodeArgs),
    /// Ask a server or one of several processes whether it is ready; ends with 0 when it is. For health checks of
    /// containers.
    Ready {
        /// Where it answers: the address of a server or gateway, or `node.health` of a worker.
        #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
        url: String,
    },
    /// An installation on AWS: make it, look after it, restore it, and what it costs.
    #[cfg(feature = "aws")]
    Aws {
        #[command(subcommand)]
        command: AwsCommand,
    },
    /// Dead letters: list, show, redrive or drop what could not be processed.
    Dlq(DeadLetterArgs),
    /// Look into a data folder: rows of the store, records of the journal.
    Inspect(InspectArgs),
    /// Make a data folder from a backup, up to a moment if you like; clients are told that the history is another one.
    Restore(RestoreArgs),
    /// Write everything a home holds into a folder, from which any other home can take it in; or check such a folder.
    Export(ExportArgs),
    /// Take what another home held into a new one: clients stay logged in and go on where they are.
    Import(ImportArgs),
    /// The search index of a data folder: make it again.
    Search(SearchArgs),
    /// Show or check the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

/// Where configuration comes from.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// Configuration file (TOML); see `dynamowave config default`.
    #[arg(long, short, global = true, env = "DYNAMOWAVE_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Set one option, like `--set limits.send_burst=1000`. May be repeated.
    #[arg(long = "set", global = true, value_name = "SECTION.OPTION=VALUE", value_parser = pair)]
    set: Vec<(String, String)>,
}

/// What `serve` is told besides its configuration.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Folder of the data [default: ./data].
    #[arg(long, value_name = "FOLDER")]
    data: Option<String>,
    /// Address and port to listen on [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Make things go wrong, for tests: see `conformance::faulty::FaultPlan`.
    #[arg(long, hide = true, value_name = "FAULTS")]
    fault: Option<FaultPlan>,
}

/// What a program without the cloud in it says of commands that need it. They take whatever is written behind them.
#[cfg(not(feature = "aws"))]
#[derive(Debug, Args)]
struct NodeArgs {
    #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Which of them; the program with the cloud in it knows what each is.
#[cfg(not(feature = "aws"))]
#[derive(Debug, Clone, Copy)]
enum Role {
    Gateway,
    Persister,
    Notifier,
}

/// What one of several processes is told besides its configuration.
#[cfg(feature = "aws")]
#[derive(Debug, Args)]
struct NodeArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Where queues and tables are.
    #[arg(long, value_enum)]
    backend: Backend,
    /// Address and port to listen on, for a gateway [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<String>,
    /// Token that is good for the routes under `/v1/admin` of a gateway, and for metrics.
    #[arg(long, env = "DYNAMOWAVE_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

/// Where queues and tables are.
#[cfg(feature = "aws")]
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(crate) enum Backend {
    /// SQS and DynamoDB.
    Aws,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Print a commented file with every option and its default.
    Default,
    /// Read the configuration and say whether it is right.
    Check(ConfigArgs),
}

/// Runs what the command line asks for.
pub(crate) fn run() -> ExitCode {
    match dispatch(CommandLine::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("dynamowave: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Serve(args) => {
            let config = args.load()?;
            serve(&config, args.fault.as_ref())
        }
        #[cfg(feature = "aws")]
        Command::Aws { command } => run_aws(command),
        Command::Gateway(args) => args.run(Role::Gateway),
        Command::Persister(args) => args.run(Role::Persister),
        Command::Notifier(args) => args.run(Role::Notifier),
        Command::Ready { url } => operator::ready(&url),
        Command::Dlq(args) => operator::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Restore(args) => restore::run(&args),
        Command::Export(args) => moving::export(&args),
        Command::Import(args) => moving::import(&args),
        Command::Search(args) => search::run(&args),
        Command::Config { command: ConfigCommand::Default } => {
            print!("{}", config::reference());
            Ok(())
        }
        Command::Config { command: ConfigCommand::Check(args) } => {
            args.load(&[])?;
            println!("The configuration is right.");
            Ok(())
        }
    }
}

impl ConfigArgs {
    /// Reads all layers; `more` are flags of the command itself, which win.
    pub(crate) fn load(&self, more: &[(String, String)]) -> Result<Config> {
        let flags: Vec<(String, String)> = self.set.iter().chain(more).cloned().collect();
        config::load(self.config.as_deref(), std::env::vars(), &flags).context("cannot start")
    }
}

impl ServeArgs {
    /// The configuration with this command's own flags over it.
    pub(crate) fn load(&self) -> Result<Config> {
        let named = [("server.data", &self.data), ("server.listen", &self.listen)];
        let flags: Vec<(String, String)> =
            named.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value).clone()?))).collect();
        self.config.load(&flags)
    }
}

#[cfg(feature = "aws")]
impl NodeArgs {
    fn run(self, role: Role) -> Result<()> {
        let Backend::Aws = self.backend;
        let listen = self.listen.map(|listen| ("server.listen".to_owned(), listen));
        let config = self.config.load(&listen.into_iter().collect::<Vec<_>>())?;
        nodes::run(role, &config, self.token)
    }
}

#[cfg(not(feature = "aws"))]
impl NodeArgs {
    fn run(self, role: Role) -> Result<()> {
        anyhow::bail!(
            "this program was built without AWS, so `{} {}` cannot start: build it with `cargo build --release -p cli \
             --features aws`, or run the container image, which has it",
            format!("{role:?}").to_lowercase(),
            self.rest.join(" ")
        )
    }
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as section.option=value")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
