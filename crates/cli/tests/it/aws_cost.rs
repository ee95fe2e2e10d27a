//! What messages use on AWS, counted in a run of the real processes, each with a counting way to the services of its own;
//! and that the reckoned bill takes such a count.
//! Targets: at most 4 write units a message; fewer requests to queues than one by one would take.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    aws_emulator::Installation,
    aws_proxy::{Asked, Fate, Proxy},
    client::{Person, Socket, new_id},
};

const SENDERS: usize = 4;
/// Sockets that are told of each message.
const RECIPIENTS: usize = 10;
const MESSAGES: usize = 400;
/// Messages of one sender that are not accepted yet.
const WINDOW: usize = 16;
const BODY_BYTES: usize = 200;
const WRITE_UNITS_PER_MESSAGE: f64 = 4.0;
/// Longest wait for a run.
const PATIENCE: Duration = Duration::from_secs(120);

/// What passed one way to the services.
#[derive(Debug, Default, Clone, PartialEq)]
struct Passed {
    main_write_units: f64,
    main_read_units: f64,
    live_units: f64,
    queue_requests: f64,
    actions: BTreeMap<String, u32>,
}

fn count(installation: &Installation, passed: &[(Asked, String)]) -> Passed {
    let mut sum = Passed::default();
    for (asked, answer) in passed {
        *sum.actions.entry(asked.action.clone()).or_default() += 1;
        if asked.action.starts_with("AmazonSQS.") {
            sum.queue_requests += 1.0;
            continue;
        }
        let answer: Value = serde_json::from_str(answer).unwrap_or(Value::Null);
        let consumed = match &answer["ConsumedCapacity"] {
            Value::Array(all) => all.clone(),
            Value::Null => keys_read(&asked.body),
            one => vec![one.clone()],
        };
        let writes = ["Put", "Update", "Delete", "TransactWrite", "BatchWrite"]
            .iter()
            .any(|word| asked.action.trim_start_matches("DynamoDB_20120810.").starts_with(word));
        for one in consumed {
            let units = one["CapacityUnits"].as_f64().unwrap_or(0.0);
            let is_main = one["TableName"] == installation.name("main");
            match (is_main, writes) {
                (true, true) => sum.main_write_units += units,
                (true, false) => sum.main_read_units += units,
                // A write unit costs as much as five read units.
                (false, true) => sum.live_units += 5.0 * units,
                (false, false) => sum.live_units += units,
            }
        }
    }
    sum
}

/// The emulator does not tell the units of a batch of reads: one for each key, all of them small and read consistently.
fn keys_read(body: &str) -> Vec<Value> {
    let body: Value = serde_json::from_str(body).unwrap_or(Value::Null);
    let Some(tables) = body["RequestItems"].as_object() else { return Vec::new() };
    let units = |wanted: &Value| wanted["Keys"].as_array().map_or(0, Vec::len);
    tables.iter().map(|(table, wanted)| json!({"TableName": table, "CapacityUnits": units(wanted)})).collect()
}

/// What passed since an earlier look.
fn since(before: &Passed, after: &Passed) -> Passed {
    let actions = after
        .actions
        .iter()
        .map(|(action, count)| (action.clone(), count - before.actions.get(action).unwrap_or(&0)))
        .filter(|(_, count)| *count > 0)
        .collect();
    Passed {
        main_write_units: after.main_write_units - before.main_write_units,
        main_read_units: after.main_read_units - before.main_read_units,
        live_units: after.live_units - before.live_units,
        queue_requests: after.queue_requests - before.queue_requests,
        actions,
    }
}

/// Sends its part of the messages, a window of them unanswered at a time, and reads until it has heard of all.
fn talk(mut socket: Socket, room: &str, own: usize) {
    socket.send(&json!({"action": "sync"})).unwrap();
    socket.until("synced").unwrap();
    let body = "x".repeat(BODY_BYTES);
    let (mut sent, mut accepted, mut heard) = (0, 0, 0);
    while heard < MESSAGES {
        while sent < own && sent - accepted < WINDOW {
            let frame = json!({"action": "sendMessage", "conversationId": room, "clientMessageId": new_id(),
                "body": body});
            socket.send(&frame).unwrap();
            sent += 1;
        }
        let frame = socket.next().unwrap();
        match frame["type"].as_str() {
            Some("accepted") => accepted += 1,
            Some("event") if frame["kind"] == "message" => heard += 1,
            Some("events") => heard += frame["events"].as_array().unwrap().len(),
            Some("rejected") => panic!("{frame}"),
            _ => {}
        }
    }
}

#[test]
fn a_message_costs_what_the_bill_says() {
    let installation = Installation::new();
    let ways: Vec<Proxy> = (0..3).map(|_| Proxy::start(|_: &Asked| Fate::Pass)).collect();
    let gateway = installation.start(&ways[0].url, &["gateway"]);
    let _persister = installation.start(&ways[1].url, &["persister"]);
    let _notifier = installation.start(&ways[2].url, &["notifier"]);
    let address = gateway.address.expect("a gateway listens");
    let people: Vec<Person> =
        (0..RECIPIENTS).map(|number| Person::register(address, &format!("person{number}"))).collect();
    let room = people[0].group("Tea", &people[1..].iter().collect::<Vec<_>>());
    let sockets: Vec<Socket> = people.iter().map(|person| person.connect().expect("connected").0).collect();
    let look = || -> Vec<Passed> { ways.iter().map(|way| count(&installation, &way.passed())).collect() };
    let (before, begun) = (look(), Instant::now());
    let talking: Vec<_> = sockets
        .into_iter()
        .enumerate()
        .map(|(number, mut socket)| {
            let (room, own) = (room.clone(), if number < SENDERS { MESSAGES / SENDERS } else { 0 });
            socket.set_patience(PATIENCE);
            thread::spawn(move || talk(socket, &room, own))
        })
        .collect();
    talking.into_iter().for_each(|one| one.join().expect("a client failed"));
    let passed: Vec<Passed> =
        before.iter().zip(look()).map(|(before, after)| since(before, &after)).collect();
    for (role, passed) in ["gateway", "persister", "notifier"].into_iter().zip(&passed) {
        println!("{role}: {passed:?}");
    }
    println!("{MESSAGES} messages to {RECIPIENTS} sockets in {:?}", begun.elapsed());
    let sum = |of: fn(&Passed) -> f64| passed.iter().map(of).sum::<f64>();
    let counted = json!({
        "messages": MESSAGES, "recipients": RECIPIENTS, "bodyBytes": BODY_BYTES,
        "writeUnits": sum(|it| it.main_write_units), "readUnits": sum(|it| it.main_read_units),
        "liveUnits": sum(|it| it.live_units), "queueRequests": sum(|it| it.queue_requests),
    });
    println!("counted: {counted}");

    let messages = u32::try_from(MESSAGES).map(f64::from).unwrap();
    // Presence and marks are written besides; the persister writes nothing but messages and the marks of their senders.
    let by_persister = passed[1].main_write_units / messages;
    assert!(by_persister > 0.0, "the service tells what it counts");
    let transacted = transacted_units(&ways[1]);
    assert!(transacted <= WRITE_UNITS_PER_MESSAGE + 0.1, "{transacted} write units a message");
    // One by one: send, receive and delete for each of two queues.
    let requests = sum(|it| it.queue_requests) / messages;
    assert!(requests < 6.0, "{requests} requests a message");
    // Whoever is told is looked up once.
    let looked_up = passed[2].live_units / messages / u32::try_from(RECIPIENTS).map(f64::from).unwrap();
    assert!(looked_up <= 1.1, "{looked_up} read units a delivery");

    // The bill takes it.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("counted.json");
    std::fs::write(&file, json!({"containers": counted}).to_string()).unwrap();
    let arguments = ["aws", "cost", "--messages", "1000000", "--recipients", "10", "--json", "--measured"];
    let (status, output, errors) = crate::server::run(&[&arguments[..], &[file.to_str().unwrap()]].concat());
    assert!(status.success(), "{errors}");
    let bill: Value = serde_json::from_str(&output).expect("JSON");
    assert_eq!(bill["counted"]["containers"]["messages"], messages);
    let writes = bill["containers"]["parts"]["tables: writes"].as_f64().expect("dollars");
    assert!((writes - 0.625 * sum(|it| it.main_write_units) / messages).abs() < 0.01, "{bill}");
}

/// Units of the transactions that store messages, per message of them.
fn transacted_units(way: &Proxy) -> f64 {
    let (mut units, mut messages) = (0.0, 0.0);
    for (asked, answer) in way.passed() {
        if !asked.action.ends_with("TransactWriteItems") {
            continue;
        }
        let (asked, answer): (Value, Value) =
            (serde_json::from_str(&asked.body).unwrap(), serde_json::from_str(&answer).unwrap());
        let items = asked["TransactItems"].as_array().unwrap();
        let partition = |item: &Value| item["Put"]["Item"]["pk"]["S"].as_str().unwrap_or_default().to_owned();
        // Two items for each plain message: its name under D#, its row under C#.
        let names = items.iter().filter(|item| partition(item).starts_with("D#")).count();
        if names == 0 || items.len() != 2 * names {
            continue;
        }
        messages += u32::try_from(names).map(f64::from).unwrap();
        units += answer["ConsumedCapacity"][0]["CapacityUnits"].as_f64().unwrap_or(0.0);
    }
    assert!(messages > 0.0, "messages were stored");
    units / messages
}

#[test]
fn the_bill_is_told_for_both_homes() {
    let run = |more: &[&str]| {
        let all = [&["aws", "cost", "--messages", "5000000", "--recipients", "10"], more].concat();
        crate::server::run(&all)
    };
    let (status, output, _) = run(&["--body-bytes", "500", "--connections", "1000"]);
    assert!(status.success());
    for word in [
        "serverless",
        "containers",
        "queues",
        "tables: writes",
        "fixed",
        "per million messages",
        "a month on",
    ] {
        assert!(output.contains(word), "{word}: {output}");
    }
    let (status, output, _) = run(&["--json"]);
    let bill: Value = serde_json::from_str(&output).expect("JSON");
    let parts = bill["serverless"]["parts"].as_object().expect("parts");
    let sum: f64 = parts.values().map(|dollars| dollars.as_f64().expect("dollars")).sum();
    assert!(
        status.success() && (bill["serverless"]["total"].as_f64().expect("a sum") - sum).abs() < 1e-6,
        "{bill}"
    );
    assert!(bill["containersCostLess"]["from"].as_f64().expect("they meet") > 0.0);
    for wrong in [&["--body-bytes", "40000"][..], &["--measured", "nowhere.json"]] {
        let (status, _, errors) = run(wrong);
        assert!(!status.success() && !errors.is_empty(), "{wrong:?}");
    }
}
