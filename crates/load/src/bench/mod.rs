//! All scenarios in one run, from small to large, each on its own fresh server, with the bare limits beside them.
//! Invariant: figures that are compared come from the same run on the same machine.

mod document;
mod sizes;
mod targets;

use std::{fs, path::Path, time::Duration};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

pub use self::sizes::Mode;
use crate::{
    error::{Context as _, LoadError, Result},
    limit,
    measure::{Machine, Neighbours},
    report::{Figure, Limit, Report, SCHEMA, Scenario, table},
    scenario::{self, Setting, growth::Dimension},
    server::{self, Launch},
};

/// A report without figures.
#[must_use]
pub fn empty_report(work: &Path) -> Report {
    let now = OffsetDateTime::now_utc();
    let now = now.replace_nanosecond(0).unwrap_or(now);
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let program =
        Path::new(&program).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Report {
        schema: SCHEMA.into(),
        started_at: now.format(&Rfc3339).unwrap_or_default(),
        command: std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" "),
        machine: Machine::here(work),
        ..Report::default()
    }
}

/// What bare programs reach.
///
/// # Errors
/// When there are no more files.
pub fn limits(work: &Path, sockets: usize, window: Duration) -> Result<Vec<Limit>> {
    Ok(vec![limit::sync::run(work, window)?, limit::send::run(sockets, window)?])
}

/// Runs everything and writes the document.
///
/// # Errors
/// When a scenario cannot be measured; failed checks are in the report instead.
pub fn run(launch: &Launch, template: &Setting, mode: Mode, document: &Path) -> Result<Report> {
    let mut report = empty_report(&launch.work);
    let neighbours = Neighbours::watch();
    report.server = std::iter::once(launch.version()).chain(launch.options.iter().cloned()).collect();
    report.limits = limits(&launch.work, 1_000, mode.window())?;
    report.limits.push(bare_chat(&launch.work, template, mode)?);
    let steps = Steps { launch, template, mode };
    for step in Steps::ALL {
        let scenario = steps.run(step)?;
        print!("{}", table(&scenario));
        report.scenarios.push(scenario);
    }
    report.ok = report.scenarios.iter().all(Scenario::is_ok);
    report.machine.others_cores = neighbours.cores();
    write(&report, mode, document)?;
    print!("{}", targets::text(&report));
    Ok(report)
}

/// What the bare chat reaches in the scenarios that send.
fn bare_chat(work: &Path, template: &Setting, mode: Mode) -> Result<Limit> {
    let launch = Launch::bare(work)?;
    let mut limit = Limit {
        name: "bare chat".into(),
        what: "one thread that reads frames, writes a group of records, waits for one fdatasync, answers and delivers; measured by the same generator".into(),
        figures: Vec::new(),
    };
    let steps = Steps { launch: &launch, template, mode };
    for step in [Step::Durable, Step::Fanout, Step::Rooms] {
        let scenario = steps.run(step)?;
        if let Some(check) = scenario.checks.iter().find(|check| !check.ok) {
            return Err(LoadError::Protocol(format!("the bare chat lost something: {check:?}")));
        }
        let latencies = scenario.latencies.iter().flat_map(|(name, one)| {
            let figure = |quantile: &str, value: f64| Figure {
                name: format!("{name}, {quantile}"),
                value,
                unit: "ms".into(),
            };
            [figure("p50", one.p50_ms), figure("p99", one.p99_ms)]
        });
        limit.figures.extend(latencies);
        limit.figures.extend(scenario.figures);
    }
    Ok(limit)
}

fn write(report: &Report, mode: Mode, file: &Path) -> Result<()> {
    let folder = file.parent().ok_or_else(|| LoadError::Usage(format!("{} is no file", file.display())))?;
    let images = folder.join("images");
    fs::create_dir_all(&images).context("making the folder of the plots")?;
    let (text, plots) = document::render(report, mode);
    for (name, svg) in plots {
        fs::write(images.join(name), svg).context("writing a plot")?;
    }
    fs::write(file, text).context(format!("writing {}", file.display()))
}

/// One scenario of the run.
#[derive(Debug, Clone, Copy)]
enum Step {
    Start,
    Idle,
    Durable,
    History,
    Search,
    Fanout,
    Storm,
    Rooms,
    Flood,
    Restart,
    Growth(Dimension),
}

struct Steps<'a> {
    launch: &'a Launch,
    template: &'a Setting,
    mode: Mode,
}

impl Steps<'_> {
    const ALL: [Step; 13] = [
        Step::Start,
        Step::Durable,
        Step::History,
        Step::Search,
        Step::Fanout,
        Step::Idle,
        Step::Storm,
        Step::Rooms,
        Step::Flood,
        Step::Growth(Dimension::Connections),
        Step::Growth(Dimension::Conversations),
        Step::Growth(Dimension::Messages),
        Step::Restart,
    ];

    fn run(&self, step: Step) -> Result<Scenario> {
        let mode = self.mode;
        let fresh =
            |work: &dyn Fn(&Setting) -> Result<Scenario>| self.template.on_fresh_server(self.launch, work);
        match step {
            Step::Start => scenario::start::run(&self.with(&[]), mode.starts()),
            Step::Restart => scenario::restart::run(self.launch, self.template, &mode.restart()),
            Step::Flood => {
                let launch = self.with(&server::DEFAULT_LIMITS);
                self.template.on_fresh_server(&launch, |setting| scenario::flood::run(setting, &mode.flood()))
            }
            Step::Idle => fresh(&|setting| scenario::idle::run(setting, &mode.idle())),
            Step::Durable => fresh(&|setting| scenario::durable::run(setting, &mode.durable())),
            Step::History => fresh(&|setting| scenario::history::run(setting, &mode.history())),
            Step::Search => fresh(&|setting| scenario::search::run(setting, &mode.search())),
            Step::Fanout => fresh(&|setting| scenario::fanout::run(setting, &mode.fanout())),
            Step::Storm => fresh(&|setting| scenario::storm::run(setting, &mode.storm())),
            Step::Rooms => fresh(&|setting| scenario::rooms::run(setting, &mode.rooms())),
            Step::Growth(dimension) => {
                fresh(&|setting| scenario::growth::run(setting, &mode.growth(), dimension))
            }
        }
    }

    /// The same binary with other options.
    fn with(&self, options: &[&str]) -> Launch {
        Launch::new(&self.launch.binary, &self.launch.work, options)
    }
}
