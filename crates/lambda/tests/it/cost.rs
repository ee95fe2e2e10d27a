//! What messages use of API Gateway and Lambda under load, counted (D6): sockets are told of several events by one post,
//! and functions are called for several messages at once.

use std::{collections::BTreeMap, thread};

use serde_json::{Value, json};

use crate::{
    client::{Client, new_id},
    counting::Counting,
    processor,
    stack::Stack,
};

const SENDERS: usize = 4;
/// Sockets that are told of each message.
const RECIPIENTS: usize = 10;
/// Unless `COST_MESSAGES` says otherwise.
const MESSAGES: usize = 40;
const BODY_BYTES: usize = 200;
/// Functions on the way of a message.
const WAY: [&str; 3] = ["send", "persist", "notify"];
/// Memory that buys one whole processor, MB (AWS, "Configure Lambda function memory"): less buys its part, so a second of
/// processor time costs the same gigabyte-seconds at any size.
const MB_PER_PROCESSOR: f64 = 1_769.0;
/// Memory of the functions, MB, and how long each request to another service makes them wait there, seconds: an
/// assumption, because an emulator's answers say nothing about those of AWS.
const MEMORY_MB: f64 = 256.0;
const WAIT_S: f64 = 0.005;

/// Calls of the functions on the way of a message.
fn calls(stack: &Stack) -> BTreeMap<&'static str, u32> {
    WAY.into_iter().map(|handler| (handler, starts(stack, handler))).collect()
}

/// A function says so when it starts.
fn starts(stack: &Stack, handler: &str) -> u32 {
    let group = format!("/aws/lambda/{}", stack.function(handler));
    let (mut count, mut next) = (0, Value::Null);
    loop {
        let mut asked = json!({ "logGroupName": group, "limit": 10_000 });
        if next.is_string() {
            asked["nextToken"] = next;
        }
        let page = stack.emulator.json("logs", "Logs_20140328.FilterLogEvents", &asked);
        let lines = page["events"].as_array().cloned().unwrap_or_default();
        let is_start =
            |line: &&Value| line["message"].as_str().is_some_and(|text| text.starts_with("START "));
        count += u32::try_from(lines.iter().filter(is_start).count()).unwrap();
        next = page["nextToken"].clone();
        if !next.is_string() || lines.is_empty() {
            return count;
        }
    }
}

/// Reads until it has been told of all messages.
fn hear_all(client: &mut Client, messages: usize) {
    let mut heard = 0;
    while heard < messages {
        let frame = client.next();
        match frame["type"].as_str() {
            Some("event") if frame["kind"] == "message" => heard += 1,
            Some("events") => heard += frame["events"].as_array().unwrap().len(),
            _ => {}
        }
    }
}

#[test]
fn d6_under_load_sockets_are_posted_to_less_often_than_they_are_told() {
    let wanted: usize = std::env::var("COST_MESSAGES").map_or(MESSAGES, |count| count.parse().unwrap());
    let messages = wanted.next_multiple_of(SENDERS);
    let stack = Stack::deploy("counted", 30);
    let proxy = stack.posting_through();
    let counting = Counting::before(&stack.emulator.url, &format!("{}-main", stack.name));
    for handler in WAY {
        let function = stack.function(handler);
        let mut environment = stack.emulator.environment(&function);
        environment["AWS_ENDPOINT_URL_DYNAMODB"] = json!(counting.url);
        environment["AWS_ENDPOINT_URL_SQS"] = json!(counting.url);
        stack.emulator.set_environment(&function, &environment);
        // The first call makes its log.
        stack.emulator.invoke(&function, &json!({ "dynamowave": "warm" }));
    }
    let people: Vec<_> = (0..RECIPIENTS).map(|number| stack.register(&format!("person{number}"))).collect();
    let room = stack.group(&people.iter().collect::<Vec<_>>());
    let mut clients: Vec<Client> = people.iter().map(|person| stack.connect(person).0).collect();
    clients.iter_mut().for_each(|client| drop(client.sync(&json!({}))));

    let functions = WAY.map(|handler| stack.function(handler));
    let (posts_before, calls_before, used_before) = (proxy.count("", 200), calls(&stack), counting.used());
    let processor_before = processor::of(&functions);
    let talking: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(number, mut client)| {
            let (room, own) = (room.clone(), if number < SENDERS { messages / SENDERS } else { 0 });
            thread::spawn(move || {
                for _ in 0..own {
                    let answer = client.send(&room, &new_id(), &"x".repeat(BODY_BYTES));
                    assert_eq!(answer["type"], "accepted", "{answer}");
                }
                hear_all(&mut client, messages);
            })
        })
        .collect();
    talking.into_iter().for_each(|one| one.join().unwrap());
    let posts = proxy.count("", 200) - posts_before;
    let calls: BTreeMap<&str, u32> =
        calls(&stack).into_iter().map(|(handler, count)| (handler, count - calls_before[handler])).collect();
    let told = messages * RECIPIENTS;
    println!(
        "{messages} messages to {RECIPIENTS} sockets: {posts} posts for {told} tellings, calls {calls:?}"
    );
    let used = counting.used().since(&used_before);
    println!("{used:?}");
    let processor = processor::of(&functions);
    let processor_s = processor.seconds - processor_before.seconds;
    println!("{processor_s} seconds of processor time; {processor:?}, before {processor_before:?}");
    let waits = f64::from(used.all()) + f64::from(u32::try_from(posts).unwrap());
    let gigabyte_seconds = processor_s * MB_PER_PROCESSOR / 1_024.0 + waits * WAIT_S * MEMORY_MB / 1_024.0;
    // What starts the functions takes from the queues and deletes from them, by batch.
    let queue_requests = used.of_queues() + 2 * (calls["persist"] + calls["notify"]);
    let counted = json!({
        "messages": messages, "recipients": RECIPIENTS, "bodyBytes": BODY_BYTES,
        "writeUnits": used.main_write_units, "readUnits": used.main_read_units, "liveUnits": used.live_units,
        "queueRequests": queue_requests, "posts": posts, "calls": calls.values().sum::<u32>(),
        "gigabyteSeconds": gigabyte_seconds,
    });
    println!("counted: {counted}");
    assert!(processor_s > 0.0, "functions run");
    assert!(posts > 0 && posts < told, "{posts} posts for {told} tellings");
    let messages = u32::try_from(messages).unwrap();
    assert_eq!(calls["send"], messages, "one frame, one call");
    let units = used.transacted_units / f64::from(messages);
    assert!(units > 0.0 && units <= 4.0, "{units} write units to store a message");
    assert!(calls["persist"] < messages && calls["notify"] < messages, "{calls:?}");
}
