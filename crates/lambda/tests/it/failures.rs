//! What goes wrong: sockets that are gone, posts that come too fast, messages that do not read, functions that fail.
//! D2, D4, D5, D6.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    client::{PATIENCE, Person, new_id},
    stack::{OPERATOR, Stack},
};

/// The event of `$connect` for a socket that nobody has.
fn connect_event(person: &Person, session: &str, name: &str) -> Value {
    json!({
        "headers": {},
        "requestContext": {
            "routeKey": "$connect", "eventType": "CONNECT", "connectionId": name, "stage": "live",
            "connectedAt": 1, "requestTimeEpoch": 1, "identity": { "sourceIp": "127.0.0.1" },
            "authorizer": { "user": person.user, "session": session, "principalId": person.user }
        },
        "isBase64Encoded": false
    })
}

#[test]
fn d4_a_socket_that_is_gone_is_forgotten_when_it_cannot_be_told() {
    let stack = Stack::shared();
    let (ann, ben) = (stack.register("ann"), stack.register("ben"));
    let room = stack.group(&[&ann, &ben]);
    let (mut a, _) = stack.connect(&ann);
    a.sync(&json!({}));
    // Ben's rows are there, his socket is not, and nobody has said so.
    let answer = stack
        .emulator
        .invoke(&stack.function("connect"), &connect_event(&ben, &new_id(), "0123456789abcdef"));
    assert_eq!(answer["statusCode"], 200, "{answer}");
    a.say(&json!({ "action": "watchPresence", "ref": 1, "userIds": [ben.user] }));
    let id = new_id();
    assert_eq!(a.send(&room, &id, "are you there?")["type"], "accepted");
    assert_eq!(a.event(&id)["seq"], 2, "who is there is told");
    a.find(|frame| frame["type"] == "presence" && frame["users"][0]["status"] == "offline");
}

#[test]
fn every_function_is_warmed_without_touching_data() {
    let stack = Stack::shared();
    for handler in ["connect", "disconnect", "send", "default", "authorizer", "http", "persist", "notify"] {
        let answer = stack.emulator.invoke(&stack.function(handler), &json!({ "dynamowave": "warm" }));
        assert_eq!(answer, json!({ "dynamowave": "warm" }), "{handler}");
    }
    let answer = stack.emulator.invoke(&stack.function("warm"), &json!({}));
    assert_eq!(answer, json!({ "called": 2, "failed": 0 }));
}

#[test]
fn d7_sockets_are_opened_through_the_distribution_in_front_alone() {
    let stack = Stack::deploy("guarded", 30);
    let secret = json!({ "Name": format!("{}-origin", stack.name), "SecretString": "between us" });
    let made = stack.emulator.json("secretsmanager", "secretsmanager.CreateSecret", &secret);
    let authorizer = stack.function("authorizer");
    let mut environment = stack.emulator.environment(&authorizer);
    environment["DYNAMOWAVE_ORIGIN_SECRET_ARN"] = made["ARN"].clone();
    stack.emulator.set_environment(&authorizer, &environment);
    let ann = stack.register("ann");
    assert_eq!(stack.open("", Some(&ann.token)).err(), Some(403));
    let event = json!({
        "type": "REQUEST", "methodArn": "arn:x", "queryStringParameters": {},
        "headers": { "authorization": format!("Bearer {}", ann.token), "x-dynamowave-origin": "between us" },
        "requestContext": { "identity": { "sourceIp": "127.0.0.1" } }
    });
    let policy = stack.emulator.invoke(&authorizer, &event);
    assert_eq!(policy["context"]["user"], ann.user, "{policy}");
}

#[test]
fn d6_who_posts_too_fast_comes_back_for_the_rest_of_the_list_alone() {
    let stack = Stack::deploy("throttled", 5);
    let proxy = stack.posting_through();

    let (ann, ben) = (stack.register("ann"), stack.register("ben"));
    let room = stack.group(&[&ann, &ben]);
    let (mut a, _) = stack.connect(&ann);
    let (mut b, _) = stack.connect(&ben);
    a.sync(&json!({}));
    b.sync(&json!({}));
    // The emulator's name of Ben's socket is the one that `hello` went to last.
    let names = proxy.names();
    let [of_ann, of_ben] = &names[..] else { panic!("{names:?}") };
    let before = proxy.count(of_ann, 200);
    proxy.throttle(of_ben, 12);
    let ids = [new_id(), new_id()];
    for id in &ids {
        assert_eq!(a.send(&room, id, "quick")["type"], "accepted");
        a.event(id);
    }
    assert_eq!(
        [b.event(&ids[0])["seq"].clone(), b.event(&ids[1])["seq"].clone()],
        [json!(2), json!(3)],
        "in order"
    );
    assert_eq!(proxy.count(of_ben, 429), 12);
    a.heard_so_far();
    assert_eq!(proxy.count(of_ann, 200) - before, 2, "nobody is told twice");
}

#[test]
fn d5_what_does_not_read_is_set_aside_and_its_group_goes_on() {
    let stack = Stack::deploy("poison", 5);
    let (ann, ben) = (stack.register("ann"), stack.register("ben"));
    let room = stack.group(&[&ann, &ben]);
    let (mut a, _) = stack.connect(&ann);
    a.sync(&json!({}));
    let group = room.replace('-', "");
    let queue = format!("{}-messages.fifo", stack.name);
    let url = stack.emulator.json("sqs", "AmazonSQS.GetQueueUrl", &json!({ "QueueName": queue }));
    let poison = json!({
        "QueueUrl": url["QueueUrl"], "MessageBody": "this is no command", "MessageGroupId": group,
        "MessageDeduplicationId": new_id(),
    });
    stack.emulator.json("sqs", "AmazonSQS.SendMessage", &poison);
    let id = new_id();
    a.send(&room, &id, "behind it");
    assert_eq!(a.event(&id)["seq"], 2);
    let (status, list) = stack.ask("GET", "/v1/admin/dead-letters", OPERATOR, &Value::Null);
    assert_eq!((status, list["items"].as_array().map(Vec::len)), (200, Some(1)), "{list}");
    assert_eq!(list["items"][0]["name"], "unreadable");
    // A letter of which nothing reads hides no other.
    let table = format!("{}-main", stack.name);
    let item = json!({ "pk": { "S": "DL#messages" }, "sk": { "S": "0000000000001-broken" } });
    let broken = json!({ "TableName": table, "Item": item });
    stack.emulator.json("dynamodb", "DynamoDB_20120810.PutItem", &broken);
    let (status, list) = stack.ask("GET", "/v1/admin/dead-letters", OPERATOR, &Value::Null);
    assert_eq!((status, list["items"].as_array().map(Vec::len)), (200, Some(2)), "{list}");
    let drop = json!({ "ids": ["0000000000001-broken"] });
    let (status, answer) = stack.ask("POST", "/v1/admin/dead-letters/drop", OPERATOR, &drop);
    assert_eq!((status, &answer["count"]), (200, &json!(1)), "{answer}");
}

#[test]
fn d2_d5_what_a_broken_function_gave_up_is_redriven_and_happens_once() {
    let stack = Stack::deploy("broken", 2);
    let (ann, ben) = (stack.register("ann"), stack.register("ben"));
    let room = stack.group(&[&ann, &ben]);
    let (mut a, _) = stack.connect(&ann);
    a.sync(&json!({}));
    let persist = stack.function("persist");
    let whole = stack.emulator.environment(&persist);
    let mut broken = whole.clone();
    broken["DYNAMOWAVE_AWS_MAIN_TABLE"] = json!("no-such-table");
    stack.emulator.set_environment(&persist, &broken);
    let id = new_id();
    assert_eq!(a.send(&room, &id, "lost?")["type"], "accepted", "D1: it is in the queue");

    let end = Instant::now() + 2 * PATIENCE;
    let letters = loop {
        let (status, list) = stack.ask("GET", "/v1/admin/dead-letters", OPERATOR, &Value::Null);
        assert_eq!(status, 200, "{list}");
        if list["items"].as_array().is_some_and(|items| !items.is_empty()) {
            break list;
        }
        assert!(Instant::now() < end, "no dead letter: {list}");
        thread::sleep(Duration::from_millis(500));
    };
    assert_eq!(letters["items"][0]["conversationId"], room, "{letters}");

    stack.emulator.set_environment(&persist, &whole);
    for _ in 0..2 {
        let (status, answer) =
            stack.ask("POST", "/v1/admin/dead-letters/redrive", OPERATOR, &json!({ "all": true }));
        assert_eq!(status, 200, "{answer}");
    }
    assert_eq!(a.event(&id)["seq"], 2);
    let next = new_id();
    a.send(&room, &id, "lost?");
    a.send(&room, &next, "found");
    assert_eq!(a.event(&next)["seq"], 3, "neither a redrive nor a resend made a second one");
}
