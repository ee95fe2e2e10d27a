//! `dynamowave aws cost`: a month's bill of both homes, part by part, and where they meet.
//! Prints; asks no service. The parts and their sums are made in `model`, from counts in `counted` and `prices`.

mod counted;
mod model;
mod prices;

use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;

use self::{
    counted::Counted,
    model::{Cheaper, Home, Load, Part, break_even, month, total},
};
use crate::limits::{COST_BODY_BYTES_MAX, COST_CONNECTIONS_MAX, COST_MESSAGES_MAX, COST_RECIPIENTS_MAX};

/// A load, and what it was counted to use.
#[derive(Debug, Args)]
pub(crate) struct CostArgs {
    /// Messages a month.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=COST_MESSAGES_MAX))]
    messages: u64,
    /// Sockets that are told of each message: a device of each member, the sender's too.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..=COST_RECIPIENTS_MAX))]
    recipients: u64,
    /// Bytes of a message's body.
    #[arg(long, value_name = "BYTES", default_value_t = 500, value_parser = clap::value_parser!(u64).range(1..=COST_BODY_BYTES_MAX))]
    body_bytes: u64,
    /// Sockets that are always open.
    #[arg(long, value_name = "COUNT", default_value_t = 0, value_parser = clap::value_parser!(u64).range(0..=COST_CONNECTIONS_MAX))]
    connections: u64,
    /// Take what messages use from a counted run (JSON) instead of the counts of the tests.
    #[arg(long, value_name = "FILE")]
    measured: Option<PathBuf>,
    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Reckons and prints.
pub(crate) fn run(args: &CostArgs) -> Result<()> {
    let counted = Counted::load(args.measured.as_deref())?;
    let load = Load {
        messages: number(args.messages)?,
        recipients: number(args.recipients)?,
        body_bytes: number(args.body_bytes)?,
        connections: number(args.connections)?,
    };
    let bills = [Home::Serverless, Home::Containers].map(|home| month(home, &load, &counted));
    let meet = break_even(&load, &counted);
    if args.json {
        println!("{}", as_json(&load, &bills, meet, &counted));
    } else {
        print!("{}", table(&load, &bills, meet));
    }
    Ok(())
}

/// Counts are far below what a float holds exactly.
fn number(count: u64) -> Result<f64> {
    let small = u32::try_from(count / 1_000_000)?;
    let rest = u32::try_from(count % 1_000_000)?;
    ensure!(count <= 1 << 53, "{count} is too large");
    Ok(f64::from(small) * 1e6 + f64::from(rest))
}

fn table(load: &Load, bills: &[Vec<Part>; 2], meet: Cheaper) -> String {
    let Load { messages, recipients, body_bytes, connections } = load;
    let mut text = format!(
        "A month of {} messages of {body_bytes} bytes to {recipients} sockets each, {} always open; US dollars, list \
         prices of us-east-1 ({}).\n\n{:<36}{:>14}{:>14}\n",
        grouped(*messages),
        grouped(*connections),
        prices::NOTED,
        "",
        "serverless",
        "containers"
    );
    for (serverless, containers) in bills[0].iter().zip(&bills[1]) {
        let (one, other) = (dollars(serverless.dollars), dollars(containers.dollars));
        text += &format!("{:<36}{one:>14}{other:>14}\n", serverless.name);
    }
    let sums = [total(&bills[0]), total(&bills[1])];
    text += &format!("{:<36}{:>14}{:>14}\n", "total", dollars(sums[0]), dollars(sums[1]));
    let each = sums.map(|sum| dollars(sum * prices::MILLION / messages));
    text += &format!("{:<36}{:>14}{:>14}\n\n", "per million messages", each[0], each[1]);
    text + &match meet {
        Cheaper::Always => "Containers cost less however many messages there are.\n".to_owned(),
        Cheaper::From(messages) => {
            format!("Containers cost less from {} messages a month on.\n", grouped(messages.ceil()))
        }
        Cheaper::UpTo(messages) => {
            format!("Containers cost less up to {} messages a month.\n", grouped(messages.floor()))
        }
        Cheaper::Never => "Serverless costs less however many messages there are.\n".to_owned(),
    }
}

fn as_json(load: &Load, bills: &[Vec<Part>; 2], meet: Cheaper, counted: &Counted) -> serde_json::Value {
    let bill = |parts: &[Part]| {
        let each: serde_json::Map<String, serde_json::Value> =
            parts.iter().map(|part| (part.name.to_owned(), json!(part.dollars))).collect();
        json!({"total": total(parts), "parts": each})
    };
    let (from, up_to) = match meet {
        Cheaper::Always => (Some(0.0), None),
        Cheaper::From(messages) => (Some(messages), None),
        Cheaper::UpTo(messages) => (Some(0.0), Some(messages)),
        Cheaper::Never => (None, None),
    };
    json!({
        "messages": load.messages,
        "recipients": load.recipients,
        "bodyBytes": load.body_bytes,
        "connections": load.connections,
        "pricesNoted": prices::NOTED,
        "serverless": bill(&bills[0]),
        "containers": bill(&bills[1]),
        "containersCostLess": {"from": from, "upTo": up_to},
        "counted": counted,
    })
}

fn dollars(amount: f64) -> String {
    let cents = format!("{amount:.2}");
    let (whole, rest) = cents.split_once('.').unwrap_or((&cents, "00"));
    format!("{}.{rest}", digits(whole))
}

fn grouped(number: f64) -> String {
    digits(&format!("{number:.0}"))
}

/// Digits with a comma after each thousand.
fn digits(text: &str) -> String {
    let mut grouped = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(dollars(1_234_567.891), "1,234,567.89");
        assert_eq!(dollars(0.0), "0.00");
        assert_eq!(grouped(999.6), "1,000");
        assert_eq!(grouped(100.0), "100");
        assert!((number(12_345_678).expect("a number") - 12_345_678.0).abs() < f64::EPSILON);
    }

    #[test]
    fn the_table_has_both_homes_and_where_they_meet() {
        let load = Load { messages: 1e7, recipients: 10.0, body_bytes: 500.0, connections: 100.0 };
        let counted = Counted::default();
        let bills = [Home::Serverless, Home::Containers].map(|home| month(home, &load, &counted));
        let text = table(&load, &bills, break_even(&load, &counted));
        assert!(text.contains("10,000,000 messages") && text.contains("serverless"), "{text}");
        assert!(text.contains("\ntotal") && text.contains("messages a month on"), "{text}");
        assert!(table(&load, &bills, Cheaper::Never).contains("Serverless costs less"), "{text}");
    }
}
