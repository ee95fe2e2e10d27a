//! A month's bill of both homes, part by part, from what messages use and what that costs.
//! Arithmetic alone. Invariant: no part gets cheaper by more messages, recipients, bytes or sockets.

use super::{
    counted::{Counted, Run},
    prices::{
        BALANCER_UNIT, CALLS, DELIVERIES, FIXED_CONTAINERS, FIXED_SERVERLESS, GIGABYTE, GIGABYTE_SECOND,
        MILLION, MINUTES_PER_MONTH, QUEUE_REQUESTS, READ_UNITS, SOCKET_MESSAGES, SOCKET_MINUTES,
        SOCKETS_PER_BALANCER_UNIT, STORED_GIGABYTE, TRAFFIC_GIGABYTE, WRITE_UNITS,
    },
};

/// Bytes of a write unit.
const UNIT_BYTES: f64 = 1_024.0;
/// Bytes of a message's row besides its body, about.
const ROW_BYTES: f64 = 174.0;
/// Bytes of the row that keeps a message from being stored twice, about.
const NAME_BYTES: f64 = 150.0;
/// Write units of a transaction for each unit of an item.
const UNITS_OF_TRANSACTION: f64 = 2.0;
/// Bytes of an event's frame besides the body, about.
const FRAME_BYTES: f64 = 330.0;
/// Bytes that one paid message of a WebSocket API has at most.
const SOCKET_MESSAGE_BYTES: f64 = 32.0 * 1_024.0;
/// Bytes that one paid request to a queue has at most.
const QUEUE_REQUEST_BYTES: f64 = 64.0 * 1_024.0;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Load {
    /// Messages a month.
    pub(super) messages: f64,
    /// Sockets that are told of each.
    pub(super) recipients: f64,
    /// Bytes of a body.
    pub(super) body_bytes: f64,
    /// Sockets that are always open.
    pub(super) connections: f64,
}

/// A home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Home {
    /// API Gateway and functions.
    Serverless,
    /// A load balancer and containers.
    Containers,
}

/// What one part of a home costs in a month, dollars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) dollars: f64,
}

/// For which numbers of messages containers cost less.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cheaper {
    Always,
    /// From so many a month on.
    From(f64),
    /// Up to so many a month.
    UpTo(f64),
    Never,
}

/// A home's month, its parts in the same order for both homes.
pub(super) fn month(home: Home, load: &Load, counted: &Counted) -> Vec<Part> {
    let run = match home {
        Home::Serverless => &counted.serverless,
        Home::Containers => &counted.containers,
    };
    let millions = load.messages / MILLION;
    let deliveries = millions * load.recipients;
    let (tables, queues) = (tables(load, run), queues(load, run) * millions);
    let frame = FRAME_BYTES + load.body_bytes;
    let traffic = load.messages * load.recipients * frame / GIGABYTE * TRAFFIC_GIGABYTE;
    let (frames, open, work, fixed) = match home {
        Home::Serverless => {
            // What arrives, its answer, and what is told; a larger frame is several messages.
            let steps = (frame / SOCKET_MESSAGE_BYTES).ceil();
            let posts = run.per_delivery(run.posts) * deliveries;
            let minutes = load.connections * MINUTES_PER_MONTH / MILLION;
            let of_messages = run.per_message(run.calls) * millions * CALLS
                + run.per_message(run.gigabyte_seconds) * load.messages * GIGABYTE_SECOND * growth(load, run);
            let frames = ((steps + 1.0) * millions + posts * steps) * SOCKET_MESSAGES;
            (frames, minutes * SOCKET_MINUTES, of_messages, FIXED_SERVERLESS)
        }
        Home::Containers => {
            let units = load.connections / SOCKETS_PER_BALANCER_UNIT;
            (0.0, units * BALANCER_UNIT, deliveries * DELIVERIES, FIXED_CONTAINERS)
        }
    };
    let part = |name, dollars| Part { name, dollars };
    vec![
        part("frames in and out", frames),
        part("open sockets", open),
        part("functions or processors", work),
        part("queues", queues),
        part("tables: writes", tables.writes),
        part("tables: reads, connections", tables.reads),
        part("tables: this month's messages kept", tables.kept),
        part("traffic to the internet", traffic),
        part("fixed", fixed),
    ]
}

/// The sum.
pub(super) fn total(parts: &[Part]) -> f64 {
    parts.iter().map(|part| part.dollars).sum()
}

/// For which numbers of messages containers cost less, the rest of the load as it is.
pub(super) fn break_even(load: &Load, counted: &Counted) -> Cheaper {
    // Both are straight lines over the number of messages.
    let at = |home, messages| total(&month(home, &Load { messages, ..*load }, counted));
    let apart = |messages| at(Home::Containers, messages) - at(Home::Serverless, messages);
    let (start, slope) = (apart(0.0), (apart(MILLION) - apart(0.0)) / MILLION);
    match (start <= 0.0, slope < 0.0) {
        (true, true) => Cheaper::Always,
        (false, true) => Cheaper::From(-start / slope),
        (true, false) if slope > 0.0 => Cheaper::UpTo(-start / slope),
        (true, false) => Cheaper::Always,
        (false, false) => Cheaper::Never,
    }
}

struct Tables {
    writes: f64,
    reads: f64,
    kept: f64,
}

fn tables(load: &Load, run: &Run) -> Tables {
    let millions = load.messages / MILLION;
    let row_units = |body_bytes: f64| ((body_bytes + ROW_BYTES) / UNIT_BYTES).ceil();
    // What was counted was counted for bodies of some size; larger ones take more units.
    let more = (row_units(load.body_bytes) - row_units(run.body_bytes)) * UNITS_OF_TRANSACTION;
    let writes = (run.per_message(run.write_units) + more).max(0.0) * millions * WRITE_UNITS;
    let main = run.per_message(run.read_units) * millions;
    // Whoever is told is looked up; writes among these units cost five times a read.
    let live = run.per_delivery(run.live_units) * millions * load.recipients;
    let bytes = load.body_bytes + ROW_BYTES + NAME_BYTES;
    Tables {
        writes,
        reads: (main + live) * READ_UNITS,
        kept: load.messages * bytes / GIGABYTE * STORED_GIGABYTE,
    }
}

/// Dollars for the queues of a million messages.
fn queues(load: &Load, run: &Run) -> f64 {
    // A message passes two queues, into each and out of it, as text.
    let bytes = 4.0 * (load.body_bytes + FRAME_BYTES) * 4.0 / 3.0;
    let requests = run.per_message(run.queue_requests);
    requests.max(bytes / QUEUE_REQUEST_BYTES) * QUEUE_REQUESTS
}

/// By how much longer functions are at work on a message because more sockets are told of it: half of their time grows
/// with those.
fn growth(load: &Load, run: &Run) -> f64 {
    0.5 + 0.5 * load.recipients / run.recipients
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOAD: Load =
        Load { messages: 5_000_000.0, recipients: 10.0, body_bytes: 500.0, connections: 1_000.0 };

    fn round() -> Run {
        Run {
            messages: 100.0,
            recipients: 10.0,
            body_bytes: 100.0,
            write_units: 400.0,
            read_units: 100.0,
            live_units: 1_000.0,
            queue_requests: 200.0,
            posts: 500.0,
            calls: 300.0,
            gigabyte_seconds: 1.0,
        }
    }

    fn counted() -> Counted {
        Counted { containers: round(), serverless: round() }
    }

    fn close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() < wanted.abs() * 1e-9 + 1e-9, "{found} is not {wanted}");
    }

    /// Known inputs, sums made by hand.
    #[test]
    fn a_million_messages_cost_what_they_cost() {
        let load = Load { messages: MILLION, recipients: 10.0, body_bytes: 500.0, connections: 0.0 };
        let parts: Vec<f64> =
            month(Home::Serverless, &load, &counted()).iter().map(|part| part.dollars).collect();
        close(parts[0], 2.0 + 5.0); // two messages at the edge, half a post for each of ten
        close(parts[1], 0.0);
        close(parts[2], 3.0 * 0.20 + 0.01 * MILLION * 0.000_013_333_4);
        close(parts[3], 2.0 * 0.50);
        close(parts[4], 4.0 * 0.625);
        close(parts[5], (1.0 + 10.0) * 0.125);
        close(parts[6], 824.0 * MILLION / GIGABYTE * 0.25);
        close(parts[7], 10.0 * 830.0 * MILLION / GIGABYTE * 0.09);
        close(parts[8], 16.0);
        let containers = month(Home::Containers, &Load { connections: 3_000.0, ..load }, &counted());
        close(containers[0].dollars, 0.0);
        close(containers[1].dollars, 0.008 * 730.5);
        close(containers[2].dollars, 0.2);
        close(containers[8].dollars, 169.0);
    }

    #[test]
    fn larger_bodies_take_more_units_and_larger_frames_more_messages() {
        let of = |body_bytes: f64| {
            let load = Load { messages: MILLION, recipients: 1.0, body_bytes, connections: 0.0 };
            month(Home::Serverless, &load, &counted())
        };
        close(of(850.0)[4].dollars, 4.0 * 0.625);
        close(of(851.0)[4].dollars, 6.0 * 0.625);
        close(of(32_000.0)[0].dollars, 2.5);
        close(of(33_000.0)[0].dollars, 2.0 + 1.0 + 0.5 * 2.0);
    }

    /// More of anything never costs less, in any part of either home.
    #[test]
    fn no_part_gets_cheaper_by_more() {
        let counts = [counted(), Counted::default()];
        let more: [fn(&mut Load, f64); 4] = [
            |load, by| load.messages *= by,
            |load, by| load.recipients *= by,
            |load, by| load.body_bytes *= by,
            |load, by| load.connections *= by,
        ];
        for (home, counted) in
            [Home::Serverless, Home::Containers].into_iter().flat_map(|home| counts.map(|it| (home, it)))
        {
            for grow in more {
                let mut before = month(home, &LOAD, &counted);
                for by in [1.01, 1.5, 3.0, 10.0, 60.0] {
                    let mut load = LOAD;
                    grow(&mut load, by);
                    let after = month(home, &load, &counted);
                    for (before, after) in before.iter().zip(&after) {
                        assert!(after.dollars >= before.dollars, "{home:?} {by}: {before:?} {after:?}");
                    }
                    assert!(total(&after) > total(&before), "{home:?} {by}");
                    before = after;
                }
            }
        }
    }

    #[test]
    fn at_the_break_even_both_cost_the_same() {
        for recipients in [2.0, 10.0, 100.0] {
            let load = Load { recipients, ..LOAD };
            let Cheaper::From(messages) = break_even(&load, &Counted::default()) else { panic!("they meet") };
            let at = Load { messages, ..load };
            let sums = [Home::Serverless, Home::Containers]
                .map(|home| total(&month(home, &at, &Counted::default())));
            close(sums[0], sums[1]);
        }
        // So many sockets that the balancer alone decides.
        let crowd = Load { connections: 1_000_000.0, ..LOAD };
        assert_eq!(break_even(&crowd, &Counted::default()), Cheaper::Always);
        // Functions that use nothing are never more expensive.
        let nothing = Run { posts: 0.0, calls: 0.0, gigabyte_seconds: 0.0, ..round() };
        let free = Counted {
            serverless: Run { queue_requests: 0.0, live_units: 0.0, read_units: 0.0, ..nothing },
            containers: round(),
        };
        let alone = Load { recipients: 1.0, connections: 0.0, ..LOAD };
        let sure =
            break_even(&alone, &Counted { containers: Run { queue_requests: 10_000.0, ..round() }, ..free });
        assert_eq!(sure, Cheaper::Never);
        let crowd = Load { recipients: 1.0, ..crowd };
        let some =
            break_even(&crowd, &Counted { containers: Run { queue_requests: 10_000.0, ..round() }, ..free });
        assert!(matches!(some, Cheaper::UpTo(messages) if messages > 0.0), "{some:?}");
    }
}
