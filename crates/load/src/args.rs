//! The command line: one command per scenario, and `bench` for all of them.
//! Every size has a default that ends within seconds, and a bound.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
    time::Duration,
};

use clap::{Args, Parser, Subcommand, value_parser};

use crate::{
    bench::{self, Mode},
    error::{Context as _, LoadError, Result},
    limits::{BODY_BYTES_MAX, CONNECTIONS_MAX, MESSAGES_MAX, RATE_MAX, WINDOW_MS_MAX, WORKERS_MAX},
    report::{Report, Scenario, table},
    scenario::{self, Setting, growth::Dimension},
    server::{self, Launch, Server},
};

/// Measures a DynamoWave Chat server from outside, and fails when a message is lost, doubled or out of order.
#[derive(Debug, Parser)]
#[command(name = "dynamowave-load", version, about, max_term_width = 100)]
pub struct Arguments {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Which server, and how it is looked at.
#[derive(Debug, Args)]
struct Common {
    /// A server that runs already. It must allow what a scenario does: see the limits it is configured with.
    #[arg(long, global = true, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// Process of that server, to read its processor time and memory.
    #[arg(long, global = true, value_name = "PID")]
    server_pid: Option<u32>,
    /// Start this `dynamowave` binary on an empty folder instead, with cheap password checks and high limits.
    #[arg(long, global = true, value_name = "BINARY")]
    server: Option<PathBuf>,
    /// More options for the started server, like `server.threads=1`. May be repeated.
    #[arg(long = "set", global = true, value_name = "SECTION.OPTION=VALUE")]
    options: Vec<String>,
    /// Folder for the data of started servers; must not be in memory.
    #[arg(long, global = true, value_name = "FOLDER")]
    work_dir: Option<PathBuf>,
    /// Keep accounts in this file and take them from it: registering is slow on servers with strong password checks.
    #[arg(long, global = true, value_name = "FILE")]
    users_file: Option<PathBuf>,
    /// Threads of the generator.
    #[arg(long, global = true, default_value_t = 1, value_parser = value_parser!(u16).range(1..=WORKERS_MAX as i64))]
    workers: u16,
    /// Parse every event whole and compare it with what was sent. Slower.
    #[arg(long, global = true)]
    check: bool,
    /// Body of every message, bytes.
    #[arg(long, global = true, default_value_t = 100, value_parser = value_parser!(u32).range(1..=BODY_BYTES_MAX as i64))]
    body_bytes: u32,
    /// Write the report to this file.
    #[arg(long, global = true, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
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
    /// All scenarios, from small to large, against fresh servers, as a document. Needs --server.
    Bench {
        /// About ten minutes with the sizes of the targets, instead of one minute with smaller ones.
        #[arg(long)]
        full: bool,
        /// Write the document to this file and its plots beside it, under `images`.
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, Copy, Args)]
struct Window {
    /// Time before measuring, milliseconds.
    #[arg(long, default_value_t = 300, value_parser = value_parser!(u64).range(0..=WINDOW_MS_MAX))]
    warmup_ms: u64,
    /// Time measured, milliseconds.
    #[arg(long, default_value_t = 2_000, value_parser = value_parser!(u64).range(1..=WINDOW_MS_MAX))]
    window_ms: u64,
}

fn size() -> clap::builder::RangedU64ValueParser<u64> {
    value_parser!(u64).range(1..=CONNECTIONS_MAX as u64)
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn all(numbers: &[u64]) -> Vec<usize> {
    let mut sizes: Vec<usize> = numbers.iter().copied().map(whole).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sizes
}

impl Arguments {
    /// Does what was asked. Whether every check held.
    ///
    /// # Errors
    /// When it could not be measured.
    pub fn run(&self) -> Result<bool> {
        if let Command::Bench { full, document } = &self.command {
            let mode = if *full { Mode::Full } else { Mode::Quick };
            let launch = self.common.launch(&server::UNLIMITED)?;
            let report = bench::run(&launch, &self.common.template(), mode, document.as_deref())?;
            return self.common.conclude(report);
        }
        let mut report = bench::empty_report(&self.common.work_dir());
        if let Command::Limits = self.command {
            report.limits = bench::limits(&self.common.work_dir(), 1_000, Duration::from_secs(1))?;
            for limit in &report.limits {
                print!("{}", table(&Scenario { name: limit.name.clone(), what: limit.what.clone(), figures: limit.figures.clone(), ..Scenario::default() }));
            }
            return self.common.conclude(report);
        }
        report.scenarios = self.measure()?;
        report.scenarios.iter().for_each(|scenario| print!("{}", table(scenario)));
        self.common.conclude(report)
    }

    fn measure(&self) -> Result<Vec<Scenario>> {
        let common = &self.common;
        match &self.command {
            Command::Start => Ok(vec![scenario::start::run(&common.launch(&[])?, 5)?]),
            Command::Restart { messages, senders } => {
                let options = scenario::restart::Options { messages: *messages, senders: whole(*senders), load_ms: 1_000 };
                Ok(vec![scenario::restart::run(&common.launch(&server::UNLIMITED)?, &common.template(), &options)?])
            }
            Command::Growth { conversations, connections, messages, window } => {
                let options = scenario::growth::Options {
                    conversations: all(conversations),
                    connections: all(connections),
                    messages: messages.clone(),
                    window_ms: window.window_ms,
                };
                Dimension::ALL.iter().map(|dimension| common.on_server(&server::UNLIMITED, |setting| scenario::growth::run(setting, &options, *dimension))).collect()
            }
            Command::Flood { flood_rate, flooders, window } => {
                let options = scenario::flood::Options {
                    people: 16,
                    rate: 160,
                    flooders: whole(*flooders),
                    flood_rate: *flood_rate,
                    window_ms: window.window_ms,
                };
                common.on_server(&server::DEFAULT_LIMITS, |setting| scenario::flood::run(setting, &options)).map(|one| vec![one])
            }
            _ => common.on_server(&server::UNLIMITED, |setting| self.on_setting(setting)).map(|one| vec![one]),
        }
    }

    fn on_setting(&self, setting: &Setting) -> Result<Scenario> {
        match &self.command {
            Command::Durable { senders, window } => {
                let options = scenario::durable::Options { senders: all(senders), warmup_ms: window.warmup_ms, window_ms: window.window_ms };
                scenario::durable::run(setting, &options)
            }
            Command::Fanout { members, outstanding, window } => {
                let options = scenario::fanout::Options {
                    members: whole(*members),
                    senders: 4,
                    outstanding: all(outstanding),
                    warmup_ms: window.warmup_ms,
                    window_ms: window.window_ms,
                };
                scenario::fanout::run(setting, &options)
            }
            Command::Rooms { users, room_size, rate_from, rate_to, window } => {
                let options = scenario::rooms::Options {
                    users: whole(*users),
                    room_size: whole(*room_size),
                    rate_from: *rate_from,
                    rate_to: *rate_to,
                    p99_ms_max: 250.0,
                    warmup_ms: window.warmup_ms,
                    window_ms: window.window_ms,
                };
                scenario::rooms::run(setting, &options)
            }
            Command::Idle { connections } => {
                scenario::idle::run(setting, &scenario::idle::Options { connections: all(connections), watch_ms: 1_000 })
            }
            Command::History { messages, reads } => {
                scenario::history::run(setting, &scenario::history::Options { messages: *messages, page: 50, reads: *reads })
            }
            Command::Storm { clients, missed } => {
                scenario::storm::run(setting, &scenario::storm::Options { clients: whole(*clients), missed: *missed })
            }
            _ => Err(LoadError::Usage("this command is not run on a server".into())),
        }
    }
}

impl Common {
    fn work_dir(&self) -> PathBuf {
        self.work_dir.clone().unwrap_or_else(std::env::temp_dir)
    }

    fn launch(&self, options: &[&str]) -> Result<Launch> {
        let binary = self.server.as_deref().ok_or_else(|| LoadError::Usage("this needs --server, the dynamowave binary".into()))?;
        let work = self.work_dir();
        if let Some(kind @ ("tmpfs" | "ramfs")) = crate::measure::file_system_of(&work).as_deref() {
            return Err(LoadError::Usage(format!("{} is a {kind}: durability means nothing there; name another --work-dir", work.display())));
        }
        let mut launch = Launch::new(binary, &work, options);
        launch.options.extend(self.options.iter().cloned());
        Ok(launch)
    }

    fn template(&self) -> Setting {
        let mut setting = Setting::new(SocketAddr::from(([127, 0, 0, 1], 0)), self.server_pid);
        setting.workers = usize::from(self.workers);
        setting.checked = self.check;
        setting.users_file.clone_from(&self.users_file);
        setting.body = scenario::body(self.body_bytes as usize);
        setting
    }

    /// Runs on a fresh server of our own, or on the one that runs.
    fn on_server(&self, options: &[&str], scenario: impl FnOnce(&Setting) -> Result<Scenario>) -> Result<Scenario> {
        if self.server.is_none() {
            return scenario(&Setting { target: self.target()?, ..self.template() });
        }
        on_fresh_server(&self.launch(options)?, &self.template(), scenario)
    }

    fn target(&self) -> Result<SocketAddr> {
        let rest = self.url.strip_prefix("http://").ok_or_else(|| LoadError::Usage("--url must begin with http://".into()))?;
        let host = rest.split('/').next().unwrap_or(rest);
        let mut found = host.to_socket_addrs().context(format!("looking {host} up"))?;
        found.next().ok_or_else(|| LoadError::Usage(format!("{host} has no address")))
    }

    fn conclude(&self, mut report: Report) -> Result<bool> {
        report.ok = report.scenarios.iter().all(Scenario::is_ok);
        if let Some(file) = &self.json {
            let text = serde_json::to_string_pretty(&report).map_err(|error| LoadError::Protocol(error.to_string()))?;
            std::fs::write(file, text + "\n").context(format!("writing {}", file.display()))?;
        }
        Ok(report.ok)
    }
}

/// Starts a server, runs a scenario on it, stops it.
///
/// # Errors
/// When the server does not start or stop, or the scenario fails.
pub fn on_fresh_server(launch: &Launch, template: &Setting, scenario: impl FnOnce(&Setting) -> Result<Scenario>) -> Result<Scenario> {
    let server: Server = launch.start()?;
    let setting = Setting { target: server.address(), server_pid: Some(server.pid()), ..template.clone() };
    let measured = scenario(&setting)?;
    server.stop()?;
    Ok(measured)
}
