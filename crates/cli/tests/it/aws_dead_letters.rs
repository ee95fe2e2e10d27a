//! D5 and D2 on AWS: what SQS gave up by itself is listed, shown, sent again and dropped from the command line, without a
//! gateway between; a redrive that is killed in the middle is finished by the same command, and delivers once.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    aws_emulator::{Installation, Process, dynamodb, endpoint, sqs, url},
    aws_proxy::{Asked, Fate, Proxy},
    client::{Person, new_id, text},
};

/// Receives after which SQS gives up, in these tests.
const RECEIVES_MAX: u32 = 2;
/// Longest wait for SQS to give up, and for a message to be stored: longer than a lease.
const PATIENCE: Duration = Duration::from_secs(120);

/// An installation with two accepted messages that nobody stores: SQS gives them up.
struct Stuck {
    installation: Installation,
    gateway: Process,
    ada: Person,
    room: String,
    ids: [String; 2],
}

fn stuck() -> Stuck {
    let installation = Installation::new();
    let queue = url(&installation.name("messages.fifo"));
    let gateway = installation.start(&endpoint(), &["gateway"]);
    let ada = Person::register(gateway.address.expect("a gateway listens"), "ada");
    let room = {
        let _persister = installation.start(&endpoint(), &["persister"]);
        ada.group("Tea", &[])
    };
    give_up_after(&installation, &queue);
    let ids = [new_id(), new_id()];
    let (mut socket, _) = ada.connect().unwrap();
    for id in &ids {
        let frame =
            json!({"action": "sendMessage", "conversationId": room, "clientMessageId": id, "body": "tea?"});
        socket.send(&frame).unwrap();
        socket.until("accepted").unwrap();
    }
    // As a worker that dies each time it takes them. The one above may have left a look behind that takes them first,
    // and hides them for the life of its lease.
    let dead = url(&installation.name("messages-dead.fifo"));
    let deadline = Instant::now() + PATIENCE;
    while waiting(&dead) < ids.len() {
        assert!(Instant::now() < deadline, "nothing is given up");
        let take = json!({"QueueUrl": queue, "MaxNumberOfMessages": 10, "VisibilityTimeout": 0,
            "WaitTimeSeconds": 0});
        sqs("ReceiveMessage", &take);
        std::thread::sleep(Duration::from_millis(50));
    }
    Stuck { installation, gateway, ada, room, ids }
}

/// Messages in a queue that nobody has taken.
fn waiting(queue: &str) -> usize {
    const COUNT: &str = "ApproximateNumberOfMessages";
    let attributes = sqs("GetQueueAttributes", &json!({"QueueUrl": queue, "AttributeNames": [COUNT]}));
    text(&attributes["Attributes"][COUNT]).parse().expect("a number")
}

fn give_up_after(installation: &Installation, queue: &str) {
    let dead = format!("arn:aws:sqs:eu-west-1:000000000000:{}", installation.name("messages-dead.fifo"));
    let policy = json!({"deadLetterTargetArn": dead, "maxReceiveCount": RECEIVES_MAX}).to_string();
    sqs("SetQueueAttributes", &json!({"QueueUrl": queue, "Attributes": {"RedrivePolicy": policy}}));
}

impl Stuck {
    fn dlq(&self, arguments: &[&str]) -> String {
        let all = [&["dlq"], arguments, &["--backend", "aws"]].concat();
        let (status, output, errors) = self.installation.run(&all);
        assert!(status.success(), "{arguments:?}: {errors}");
        output
    }

    fn list(&self) -> Vec<Value> {
        self.dlq(&["list", "--json"]).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The id of the dead letter of a message.
    fn letter(&self, id: &str) -> String {
        let letters = self.list();
        let of = |letter: &&Value| letter["clientMessageId"] == *id;
        text(&letters.iter().find(of).unwrap_or_else(|| panic!("{id} is not in {letters:?}"))["id"])
    }

    /// Client ids of the messages in the log, as soon as this one is.
    fn stored_with(&self, id: &str) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let log = self.ada.history(&self.room);
            let ids: Vec<String> = log
                .iter()
                .filter(|event| event["kind"] == "message")
                .map(|event| text(&event["clientMessageId"]))
                .collect();
            if ids.iter().any(|found| found == id) {
                return ids;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("{id} is not stored");
    }
}

#[test]
fn d5_d2_a_redrive_that_is_killed_is_finished_by_the_same_command_and_delivers_once() {
    let stuck = stuck();
    let [first, second] = &stuck.ids;
    let letters = stuck.list();
    assert_eq!(letters.len(), 2, "{letters:?}");
    for letter in &letters {
        assert_eq!(
            (&letter["queue"], &letter["name"]),
            (&json!("messages"), &json!("sendMessage")),
            "{letter}"
        );
        assert!(
            letter["reason"].as_str().is_some_and(|reason| reason.starts_with("gave up after")),
            "{letter}"
        );
        assert!(!letter.to_string().contains("tea?"), "D7: {letter}");
    }
    assert!(stuck.dlq(&["list"]).lines().next().is_some_and(|line| line.starts_with("ID")));
    let letter = stuck.letter(first);
    let shown: Value = serde_json::from_str(&stuck.dlq(&["show", &letter])).unwrap();
    assert_eq!(shown["clientMessageId"], *first);

    // It is sent, and killed before it is forgotten as dead.
    let main = stuck.installation.name("main");
    let proxy = Proxy::start(|asked: &Asked| {
        let forgets = asked.action == "DynamoDB_20120810.DeleteItem" && asked.body.contains("DL#messages");
        if forgets { Fate::Hold } else { Fate::Pass }
    });
    let arguments = ["dlq", "redrive", "--backend", "aws", &letter];
    let mut killed =
        stuck.installation.command(&proxy.url, &arguments).stdout(Stdio::null()).spawn().unwrap();
    let held = proxy.until_held();
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert!(held.body.contains(&letter), "{held:?}");
    let sent = |(asked, _): &(Asked, String)| asked.action == "AmazonSQS.SendMessageBatch";
    assert_eq!(proxy.passed().iter().filter(|passed| sent(passed)).count(), 1);
    let key = json!({"pk": {"S": "DL#messages"}, "sk": {"S": letter}});
    let row = dynamodb("GetItem", &json!({"TableName": main, "Key": key}));
    assert!(row["Item"].is_object(), "it is still dead");

    // The same again, and once more.
    assert_eq!(stuck.dlq(&["redrive", &letter]).trim(), "1 sent again");
    assert_eq!(stuck.dlq(&["redrive", &letter]).trim(), "0 sent again");
    assert_eq!(stuck.list().len(), 1);
    let _persister = stuck.installation.start(&endpoint(), &["persister"]);
    assert_eq!(stuck.stored_with(first), std::slice::from_ref(first), "D2: once");

    // The other one, and then something behind it, so that a second copy of the first would have come by then.
    assert_eq!(stuck.dlq(&["redrive", "--all"]).trim(), "1 sent again");
    assert_eq!(stuck.stored_with(second), [first.clone(), second.clone()], "D2: once, D3: in order");
    let (mut socket, _) = stuck.ada.connect().unwrap();
    let third = new_id();
    let frame = json!({"action": "sendMessage", "conversationId": stuck.room, "clientMessageId": third, "body": "more?"});
    socket.send(&frame).unwrap();
    socket.until("accepted").unwrap();
    assert_eq!(stuck.stored_with(&third), [first.clone(), second.clone(), third.clone()], "D2: once");
    assert_eq!(stuck.dlq(&["list"]).trim(), "No dead letters.");
}

#[test]
fn d5_what_is_dropped_is_gone_and_what_is_not_there_is_said() {
    let mut stuck = stuck();
    let [first, second] = stuck.ids.clone();
    let letter = stuck.letter(&first);
    assert_eq!(stuck.dlq(&["drop", &letter]).trim(), "1 dropped");
    assert_eq!(stuck.dlq(&["drop", &letter, "no-such-letter"]).trim(), "0 dropped");
    let (status, _, errors) = stuck.installation.run(&["dlq", "show", "--backend", "aws", &letter]);
    assert!(!status.success() && errors.contains("no such dead letter"), "{errors}");
    assert_eq!(stuck.list().len(), 1);
    assert!(stuck.dlq(&["list", "--queue", "notifications"]).contains("No dead letters."));
    assert_eq!(stuck.dlq(&["redrive", "--all"]).trim(), "1 sent again");
    let _persister = stuck.installation.start(&endpoint(), &["persister"]);
    assert_eq!(stuck.stored_with(&second), std::slice::from_ref(&second));
    stuck.gateway.kill();
    let (status, _, errors) = stuck.installation.run(&[
        "dlq",
        "list",
        "--backend",
        "aws",
        "--set",
        "aws.messages_queue=nowhere.fifo",
    ]);
    assert!(!status.success() && errors.contains("dynamowave aws doctor"), "{errors}");
}
