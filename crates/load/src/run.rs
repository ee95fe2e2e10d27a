//! What the command line asks for, done: which server, which scenario, what is written where.
//! Parses nothing itself.

use std::{
    net::{SocketAddr, ToSocketAddrs as _},
    path::PathBuf,
    time::Duration,
};

use crate::{
    args::{Arguments, Command, Common},
    bench::{self, Mode},
    error::{Context as _, LoadError, Result},
    limit::bare::Bare,
    report::{Report, Scenario, table},
    scenario::{self, Setting, growth::Dimension},
    server::{self, Launch},
};

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
        if let Command::Bench { quick, document } = &self.command {
            let mode = if *quick { Mode::Quick } else { Mode::Full };
            let launch = self.common.launch(&server::UNLIMITED)?;
            let report = bench::run(&launch, &self.common.template(), mode, document)?;
            return self.common.conclude(report);
        }
        if let Command::Bare { data, listen } = &self.command {
            std::fs::create_dir_all(data).context("making the folder")?;
            let bare = Bare::bind(*listen, data, None)?;
            println!("http://{}", bare.address()?);
            return bare.serve().map(|()| true);
        }
        let mut report = bench::empty_report(&self.common.work_dir());
        if let Command::Limits = self.command {
            report.limits = bench::limits(&self.common.work_dir(), 1_000, Duration::from_secs(1))?;
            for limit in &report.limits {
                print!(
                    "{}",
                    table(&Scenario {
                        name: limit.name.clone(),
                        what: limit.what.clone(),
                        figures: limit.figures.clone(),
                        ..Scenario::default()
                    })
                );
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
                let options = scenario::restart::Options {
                    messages: *messages,
                    senders: whole(*senders),
                    load_ms: 1_000,
                };
                Ok(vec![scenario::restart::run(
                    &common.launch(&server::UNLIMITED)?,
                    &common.template(),
                    &options,
                )?])
            }
            Command::Growth { conversations, connections, messages, window } => {
                let options = scenario::growth::Options {
                    conversations: all(conversations),
                    connections: all(connections),
                    messages: messages.clone(),
                    window_ms: window.window_ms,
                };
                Dimension::ALL
                    .iter()
                    .map(|dimension| {
                        common.on_server(&server::UNLIMITED, |setting| {
                            scenario::growth::run(setting, &options, *dimension)
                        })
                    })
                    .collect()
            }
            Command::Flood { flood_rate, flooders, window } => {
                let options = scenario::flood::Options {
                    people: 16,
                    rate: 160,
                    flooders: whole(*flooders),
                    flood_rate: *flood_rate,
                    window_ms: window.window_ms,
                };
                common
                    .on_server(&server::DEFAULT_LIMITS, |setting| scenario::flood::run(setting, &options))
                    .map(|one| vec![one])
            }
            _ => {
                common.on_server(&server::UNLIMITED, |setting| self.on_setting(setting)).map(|one| vec![one])
            }
        }
    }

    fn on_setting(&self, setting: &Setting) -> Result<Scenario> {
        match &self.command {
            Command::Durable { senders, window } => {
                let options = scenario::durable::Options {
                    senders: all(senders),
                    warmup_ms: window.warmup_ms,
                    window_ms: window.window_ms,
                };
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
            Command::Idle { connections } => scenario::idle::run(
                setting,
                &scenario::idle::Options { connections: all(connections), watch_ms: 1_000 },
            ),
            Command::Search { messages, searches } => {
                let options = scenario::search::Options { messages: *messages, searches: *searches };
                scenario::search::run(setting, &options)
            }
            Command::History { messages, reads } => scenario::history::run(
                setting,
                &scenario::history::Options { messages: *messages, page: 50, reads: *reads },
            ),
            Command::Failover { kill, senders, window } => {
                let options = scenario::failover::Options {
                    senders: whole(*senders),
                    kill: kill.clone(),
                    window_ms: window.window_ms,
                };
                scenario::failover::run(setting, &options)
            }
            Command::Storm { clients, missed } => scenario::storm::run(
                setting,
                &scenario::storm::Options { clients: whole(*clients), missed: *missed },
            ),
            _ => Err(LoadError::Usage("this command is not run on a server".into())),
        }
    }
}

impl Common {
    fn work_dir(&self) -> PathBuf {
        self.work_dir.clone().unwrap_or_else(std::env::temp_dir)
    }

    fn launch(&self, options: &[&str]) -> Result<Launch> {
        let binary = self
            .server
            .as_deref()
            .ok_or_else(|| LoadError::Usage("this needs --server, the dynamowave binary".into()))?;
        let work = self.work_dir();
        if let Some(kind @ ("tmpfs" | "ramfs")) = crate::measure::file_system_of(&work).as_deref() {
            return Err(LoadError::Usage(format!(
                "{} is a {kind}: durability means nothing there; name another --work-dir",
                work.display()
            )));
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
    fn on_server(
        &self,
        options: &[&str],
        scenario: impl FnOnce(&Setting) -> Result<Scenario>,
    ) -> Result<Scenario> {
        if self.server.is_none() {
            return scenario(&Setting { target: self.target()?, ..self.template() });
        }
        self.template().on_fresh_server(&self.launch(options)?, scenario)
    }

    fn target(&self) -> Result<SocketAddr> {
        let rest = self
            .url
            .strip_prefix("http://")
            .ok_or_else(|| LoadError::Usage("--url must begin with http://".into()))?;
        let host = rest.split('/').next().unwrap_or(rest);
        let mut found = host.to_socket_addrs().context(format!("looking {host} up"))?;
        found.next().ok_or_else(|| LoadError::Usage(format!("{host} has no address")))
    }

    fn conclude(&self, mut report: Report) -> Result<bool> {
        report.ok = report.scenarios.iter().all(Scenario::is_ok);
        if let Some(file) = &self.json {
            let text = serde_json::to_string_pretty(&report)
                .map_err(|error| LoadError::Protocol(error.to_string()))?;
            std::fs::write(file, text + "\n").context(format!("writing {}", file.display()))?;
        }
        Ok(report.ok)
    }
}
