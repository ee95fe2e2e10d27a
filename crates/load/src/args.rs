//! The command line: one command per scenario, and `bench` for all of them.
//! Every size has a default that ends within seconds, and a bound.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, Parser, Subcommand, value_parser};

use crate::limits::{BODY_BYTES_MAX, CONNECTIONS_MAX, MESSAGES_MAX, RATE_MAX, WINDOW_MS_MAX, WORKERS_MAX};

/// Measures a DynamoWave Chat server from outside, and fails when a message is lost, doubled or out of order.
#[derive(Debug, Parser)]
#[command(name = "dynamowave-load", version, about, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Which server, and how it is looked at.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// A server that runs already. It must allow what a scenario does: see the limits it is configured with.
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) url: String,
    /// Process of that server, to read its processor time and memory.
    #[arg(long, global = true, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,
    /// Start this `dynamowave` binary on an empty folder instead, with cheap password checks and high limits.
    #[arg(long, global = true, value_name = "BINARY")]
    pub(crate) server: Option<PathBuf>,
    /// More options for the started server, like `server.threads=1`. May be repeated.
    #[arg(long = "set", global = true, value_name = "SECTION.OPTION=VALUE")]
    pub(crate) options: Vec<String>,
    /// Folder for the data of started servers; must not be in memory.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) work_dir: Option<PathBuf>,
    /// Keep accounts in this file and take them from it: registering is slow on servers with strong password checks.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) users_file: Option<PathBuf>,
    /// Threads of the generator.
    #[arg(long, global = true, default_value_t = 1, value_parser = value_parser!(u16).range(1..=WORKERS_MAX as i64))]
    pub(crate) workers: u16,
    /// Parse every event whole and compare it with what was sent. Slower.
    #[arg(long, global = true)]
    pub(crate) check: bool,
    /// Body of every message, bytes.
    #[arg(long, global = true, default_value_t = 100, value_parser = value_parser!(u32).range(1..=BODY_BYTES_MAX as i64))]
    pub(crate) body_bytes: u32,
    /// Write the report to this file.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Senders that each wait for their durable ack.
    Durable {
        /// Numbers of senders.
        #[arg(long, value_delimiter = ',', default_value = "1,32,256", value_parser = size())]
        senders: Vec<u64>,
        #[command(flatten)]
        window: Window,
    },
    /// One large room.
    Fanout {
        /// Members, all connected.
        #[arg(long, default_value_t = 1_000, value_parser = size())]
        members: u64,
        /// Messages under way.
        #[arg(long, value_delimiter = ',', default_value = "1,4,32,128", value_parser = size())]
        outstanding: Vec<u64>,
        #[command(flatten)]
        window: Window,
    },
    /// Many small rooms, the rate rising until deliveries are late.
    Rooms {
        /// Users, each in two rooms.
        #[arg(long, default_value_t = 2_000, value_parser = size())]
        users: u64,
        /// Members of a room.
        #[arg(long, default_value_t = 8, value_parser = size())]
        room_size: u64,
        /// First rate, messages a second.
        #[arg(long, default_value_t = 2_000, value_parser = value_parser!(u64).range(1..=RATE_MAX))]
        rate_from: u64,
        /// Last rate, messages a second.
        #[arg(long, default_value_t = 200_000, value_parser = value_parser!(u64).range(1..=RATE_MAX))]
        rate_to: u64,
        #[command(flatten)]
        window: Window,
    },
    /// Connections that do nothing: memory of the server for each.
    Idle {
        /// Numbers of connections.
        #[arg(long, value_delimiter = ',', default_value = "1000,4000", value_parser = size())]
        connections: Vec<u64>,
    },
    /// Pages of a long room.
    History {
        /// Messages in the room.
        #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u64).range(100..=MESSAGES_MAX))]
        messages: u64,
        /// Pages read.
        #[arg(long, default_value_t = 2_000, value_parser = value_parser!(u64).range(1..=1_000_000))]
        reads: u64,
    },
    /// Searches among many messages.
    Search {
        /// Messages in all.
        #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u64).range(1_000..=MESSAGES_MAX))]
        messages: u64,
        /// Searches of each kind.
        #[arg(long, default_value_t = 300, value_parser = value_parser!(u64).range(1..=100_000))]
        searches: u64,
    },
    /// Everybody is cut off and comes back at once.
    Storm {
        /// Clients.
        #[arg(long, default_value_t = 2_000, value_parser = size())]
        clients: u64,
        /// Messages that each room gets while its members are away.
        #[arg(long, default_value_t = 5, value_parser = value_parser!(u64).range(0..=10_000))]
        missed: u64,
    },
    /// kill -9 under load and a start on the same folder. Needs --server.
    Restart {
        /// Messages stored before.
        #[arg(long, default_value_t = 100_000, value_parser = value_parser!(u64).range(1..=MESSAGES_MAX))]
        messages: u64,
        /// Senders.
        #[arg(long, default_value_t = 32, value_parser = size())]
        senders: u64,
    },
    /// kill -9 of processes behind a load balancer under load; everybody comes back by --url and goes on.
    Failover {
        /// Process to kill, a gateway say. May be repeated: one after the other.
        #[arg(long, value_name = "PID", required = true)]
        kill: Vec<u32>,
        /// Senders, each in its own room of two.
        #[arg(long, default_value_t = 16, value_parser = size())]
        senders: u64,
        #[command(flatten)]
        window: Window,
    },
    /// The same load while something multiplies. With --server each thing has its own fresh server.
    Growth {
        /// Conversations.
        #[arg(long, value_delimiter = ',', default_value = "100,1000,10000", value_parser = size())]
        conversations: Vec<u64>,
        /// Connections.
        #[arg(long, value_delimiter = ',', default_value = "1000,3000", value_parser = size())]
        connections: Vec<u64>,
        /// Messages in one room.
        #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000", value_parser = value_parser!(u64).range(100..=MESSAGES_MAX))]
        messages: Vec<u64>,
        #[command(flatten)]
        window: Window,
    },
    /// More than the server can take, beside people who chat as usual.
    Flood {
        /// Messages a second of the flood: ten times the capacity.
        #[arg(long, default_value_t = 500_000, value_parser = value_parser!(u64).range(1..=RATE_MAX))]
        flood_rate: u64,
        /// Connections of the flood.
        #[arg(long, default_value_t = 128, value_parser = size())]
        flooders: u64,
        #[command(flatten)]
        window: Window,
    },
    /// Start on an empty folder. Needs --server.
    Start,
    /// What bare programs reach on this machine.
    Limits,
    /// The bare chat that measurements are compared with.
    #[command(name = "serve", hide = true)]
    Bare {
        /// Folder of its file.
        #[arg(long)]
        data: PathBuf,
        /// Address to listen at.
        #[arg(long)]
        listen: SocketAddr,
    },
    /// All scenarios, from small to large, against fresh servers, as a document. Needs --server.
    Bench {
        /// About a minute with smaller sizes, instead of about ten with the sizes of the targets.
        #[arg(long)]
        quick: bool,
        /// Write the document to this file, and its plots to `images` beside it.
        #[arg(long, value_name = "FILE", default_value = "docs/benchmarks.md")]
        document: PathBuf,
    },
}

#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Window {
    /// Time before measuring, milliseconds.
    #[arg(long, default_value_t = 300, value_parser = value_parser!(u64).range(0..=WINDOW_MS_MAX))]
    pub(crate) warmup_ms: u64,
    /// Time measured, milliseconds.
    #[arg(long, default_value_t = 2_000, value_parser = value_parser!(u64).range(1..=WINDOW_MS_MAX))]
    pub(crate) window_ms: u64,
}

fn size() -> clap::builder::RangedU64ValueParser<u64> {
    value_parser!(u64).range(1..=CONNECTIONS_MAX as u64)
}
