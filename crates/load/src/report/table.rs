//! A scenario as text for a terminal.
//! Knows no colours: the output is often kept in a file.

use std::fmt::Write as _;

use super::model::Scenario;

/// A number with as many digits as people read: 3 significant ones, and separators from 10,000.
#[must_use]
pub fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 1_000.0 {
        return grouped(&format!("{value:.0}"));
    }
    let decimals = match size {
        100.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

fn grouped(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let mut text = String::from(sign);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The scenario's figures, latencies and failed checks.
#[must_use]
pub fn table(scenario: &Scenario) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(text, "\n{}: {}", scenario.name, scenario.what);
    let parameters: Vec<String> =
        scenario.parameters.iter().map(|(name, value)| format!("{name} {value}")).collect();
    let _ = writeln!(text, "  {}", parameters.join(", "));
    let width = scenario.figures.iter().map(|figure| figure.name.len()).max().unwrap_or(0);
    for figure in &scenario.figures {
        let _ = writeln!(text, "  {:width$}  {:>12} {}", figure.name, number(figure.value), figure.unit);
    }
    latencies(&mut text, scenario);
    let good = scenario.checks.iter().filter(|check| check.ok).count();
    let _ = writeln!(text, "  {good} of {} checks hold", scenario.checks.len());
    for check in scenario.checks.iter().filter(|check| !check.ok) {
        let _ = writeln!(text, "  FAILED {}: expected {}, found {}", check.name, check.expected, check.found);
        for detail in &check.details {
            let _ = writeln!(text, "         {detail}");
        }
    }
    text
}

fn latencies(text: &mut String, scenario: &Scenario) {
    let width = scenario.latencies.keys().map(String::len).max().unwrap_or(0);
    if width == 0 {
        return;
    }
    let _ = writeln!(
        text,
        "  {:width$}  {:>10} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "ms", "count", "p50", "p90", "p99", "p99.9", "max"
    );
    for (name, one) in &scenario.latencies {
        let shown = [one.p50_ms, one.p90_ms, one.p99_ms, one.p999_ms, one.max_ms].map(number);
        let [p50, p90, p99, p999, max] = shown;
        let _ = writeln!(
            text,
            "  {name:width$}  {:>10} {p50:>9} {p90:>9} {p99:>9} {p999:>9} {max:>9}",
            one.count
        );
    }
}
