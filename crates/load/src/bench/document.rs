//! The report as a page of the book, with its plots.
//! Written by the program alone, so that no figure in it was copied by hand.

use std::fmt::Write as _;

use super::{Mode, targets};
use crate::report::{Report, Scenario, Series, number, plot};

/// The page, and its plots by file name.
pub(super) fn render(report: &Report, mode: Mode) -> (String, Vec<(String, String)>) {
    let mut page = Page { text: String::new(), plots: Vec::new() };
    page.head(report, mode);
    page.targets(report);
    page.limits(report);
    page.line("## Scenarios\n");
    report.scenarios.iter().for_each(|scenario| page.scenario(scenario));
    page.line("## Repeating it\n");
    page.line("```sh\nmake bench            # about ten minutes, rewrites this page\ncrates/load/bench.sh --quick --document bench.md   # about a minute\n```\n");
    page.line("Every scenario is also a command of its own (`dynamowave-load --help`), against a server that it starts (`--server`) or that runs already (`--url`). A server under test needs `limits.*` above what the scenario does, and cheap passwords (`passwords.memory_kib`, `passwords.iterations`) or `--users-file`, because Argon2id makes registering thousands of accounts slow on purpose.");
    (page.text, page.plots)
}

struct Page {
    text: String,
    plots: Vec<(String, String)>,
}

impl Page {
    fn line(&mut self, text: &str) {
        self.text.push_str(text);
        self.text.push('\n');
    }

    fn head(&mut self, report: &Report, mode: Mode) {
        let machine = &report.machine;
        self.line("# Benchmarks\n");
        self.line("<!-- Written by `dynamowave-load bench`; do not edit. -->\n");
        let _ = writeln!(
            self.text,
            "Measured {} in {} mode on {} cores ({}), {} GiB, {}, {}. Server **and** load generator share the cores, over loopback; \
             every scenario has its own fresh server. Trust ratios, not digits: such machines drift by 10 to 20 % between minutes.\n",
            report.started_at,
            mode.name(),
            machine.cores,
            machine.processor,
            machine.memory_gib,
            machine.kernel,
            machine.file_system
        );
        if mode == Mode::Quick {
            self.line("**Quick mode uses smaller sizes than the targets name.**\n");
        }
        if machine.others_cores > targets::QUIET_CORES {
            let _ = writeln!(
                self.text,
                "**Other programs took {} of the {} cores meanwhile: the figures say little until this is measured again on a quiet machine.**\n",
                number(machine.others_cores),
                machine.cores
            );
        }
        let checks: usize = report.scenarios.iter().map(|scenario| scenario.checks.len()).sum();
        let good: usize =
            report.scenarios.iter().flat_map(|scenario| &scenario.checks).filter(|check| check.ok).count();
        let _ = writeln!(
            self.text,
            "{good} of {checks} correctness checks hold: every message sent was accepted, every accepted message reached every connected \
             member exactly once and in order, and nothing that was accepted was lost by a crash.\n"
        );
    }

    fn targets(&mut self, report: &Report) {
        self.line("## Targets\n");
        self.line("\"Limit\" is a bare program that does only the unavoidable system calls, run in the same run. Rivals were measured on a machine of the same class, in other runs.\n");
        self.line(
            "| job | limit | best rival | target | measured | to limit | |\n|---|---|---|---|---|---|---|",
        );
        for row in targets::rows(report) {
            let shown = |value: Option<f64>| value.map_or_else(|| "–".into(), number);
            let ratio = row
                .measured
                .zip(row.limit.filter(|limit| *limit > 0.0))
                .map(|(measured, limit)| format!("{:.2}", measured / limit));
            let verdict = match row.reached {
                Some(true) => "reached",
                Some(false) => "**missed**",
                None => "not measured",
            };
            let _ = writeln!(
                self.text,
                "| {} | {} | {} | {} | **{}** {} | {} | {verdict} |",
                row.job,
                shown(row.limit),
                row.rival,
                row.target,
                shown(row.measured),
                row.unit,
                ratio.unwrap_or_else(|| "–".into())
            );
        }
        self.line("");
    }

    fn limits(&mut self, report: &Report) {
        self.line("## Limits of this machine\n");
        for limit in &report.limits {
            let _ = writeln!(self.text, "**{}**: {}.\n", limit.name, limit.what);
            self.line("| | |\n|---|---|");
            for figure in &limit.figures {
                let _ = writeln!(self.text, "| {} | {} {} |", figure.name, number(figure.value), figure.unit);
            }
            self.line("");
        }
    }

    fn scenario(&mut self, scenario: &Scenario) {
        let _ = writeln!(self.text, "### {}\n\n{}.\n", scenario.name, capitalised(&scenario.what));
        let parameters: Vec<String> =
            scenario.parameters.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let _ = writeln!(self.text, "{}\n", parameters.join(" · "));
        self.line("| | |\n|---|---|");
        for figure in &scenario.figures {
            let _ = writeln!(self.text, "| {} | {} {} |", figure.name, number(figure.value), figure.unit);
        }
        self.line("");
        if !scenario.latencies.is_empty() {
            self.line("| ms | count | p50 | p90 | p99 | p99.9 | max |\n|---|---|---|---|---|---|---|");
            for (name, one) in &scenario.latencies {
                let shown =
                    [one.p50_ms, one.p90_ms, one.p99_ms, one.p999_ms, one.max_ms].map(number).join(" | ");
                let _ = writeln!(self.text, "| {name} | {} | {shown} |", one.count);
            }
            self.line("");
        }
        self.failures(scenario);
        self.series(scenario);
    }

    fn failures(&mut self, scenario: &Scenario) {
        let good = scenario.checks.iter().filter(|check| check.ok).count();
        let _ = writeln!(self.text, "{good} of {} checks hold.\n", scenario.checks.len());
        for check in scenario.checks.iter().filter(|check| !check.ok) {
            let _ = writeln!(
                self.text,
                "- **Failed**: {} (expected {}, found {})",
                check.name, check.expected, check.found
            );
        }
        if good < scenario.checks.len() {
            self.line("");
        }
    }

    /// Series with the same axes share a plot.
    fn series(&mut self, scenario: &Scenario) {
        let mut groups: Vec<Vec<Series>> = Vec::new();
        for series in scenario.series.iter().filter(|series| series.points.len() > 1) {
            match groups.iter_mut().find(|group| group[0].x == series.x && group[0].y == series.y) {
                Some(group) => group.push(series.clone()),
                None => groups.push(vec![series.clone()]),
            }
        }
        for (number, group) in groups.into_iter().enumerate() {
            let slug: String = scenario
                .name
                .chars()
                .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
                .collect();
            let file =
                if number == 0 { format!("bench-{slug}.svg") } else { format!("bench-{slug}-{number}.svg") };
            let file = file.replace("--", "-");
            let title = format!("{}: {} by {}", scenario.name, group[0].y, group[0].x);
            let _ = writeln!(self.text, "![{title}](images/{file})\n");
            self.plots.push((file, plot::lines(&title, &group)));
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
