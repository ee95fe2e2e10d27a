//! D4 on AWS: a table is restored to a moment, gets what a new table lacks and one new epoch however often the command is
//! killed, and clients of the old history are told to load it anew. Nothing of the table in use changes.
//! The emulator restores what is there now, whatever the moment; contents of a moment only an account shows.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::{
    aws_emulator::{Installation, KEY, dynamodb, endpoint},
    aws_proxy::{Asked, Fate, Proxy},
    client::{Person, new_id, seq},
};

/// A running home with a conversation of three messages.
struct Talk {
    installation: Installation,
    ada: Person,
    room: String,
    epoch: Value,
}

fn talk() -> Talk {
    let installation = Installation::new();
    let gateway = installation.start(&endpoint(), &["gateway"]);
    let _others = ["persister", "notifier"].map(|role| installation.start(&endpoint(), &[role]));
    let ada = Person::register(gateway.address.expect("a gateway listens"), "ada");
    let room = ada.group("Tea", &[]);
    let (mut socket, hello) = ada.connect().unwrap();
    for _ in 0..3 {
        let id = new_id();
        let frame =
            json!({"action": "sendMessage", "conversationId": room, "clientMessageId": id, "body": "tea?"});
        socket.send(&frame).unwrap();
        while socket.until("event").unwrap().0["clientMessageId"] != id {}
    }
    assert_eq!(ada.history(&room).len(), 4);
    Talk { installation, ada, room, epoch: hello["epoch"].clone() }
}

fn now() -> String {
    let output = std::process::Command::new("date").args(["-u", "+%FT%TZ"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn restore(installation: &Installation, arguments: &[&str]) -> (bool, String, String) {
    let (status, output, errors) = installation.run(&[&["aws", "restore"], arguments].concat());
    (status.success(), output, errors)
}

/// Runs it until the service is asked for this action, and kills it there.
fn killed_at(installation: &Installation, action: &'static str, arguments: &[&str]) {
    let proxy = Proxy::start(
        move |asked: &Asked| {
            if asked.action.ends_with(action) { Fate::Hold } else { Fate::Pass }
        },
    );
    let all = [&["aws", "restore"], arguments].concat();
    let mut child = installation.command(&proxy.url, &all).stdout(Stdio::null()).spawn().unwrap();
    proxy.until_held();
    child.kill().unwrap();
    child.wait().unwrap();
}

fn row(table: &str, sort: &str) -> Value {
    let key = json!({"pk": {"S": "SERVER"}, "sk": {"S": sort}});
    dynamodb("GetItem", &json!({"TableName": table, "Key": key, "ConsistentRead": true}))["Item"].clone()
}

#[test]
fn d4_a_restored_table_lacks_nothing_and_has_one_new_epoch_however_often_it_is_killed() {
    let talk = talk();
    let installation = &talk.installation;
    let (main, back) = (installation.name("main"), installation.name("back"));
    let stream = json!({"TableName": main, "StreamSpecification":
        {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"}});
    dynamodb("UpdateTable", &stream);
    let arn = |table: &str| {
        dynamodb("DescribeTable", &json!({"TableName": table}))["Table"]["TableArn"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let tags = json!([{"Key": "application", "Value": "dynamowave"}, {"Key": "component", "Value": "data"}]);
    dynamodb("TagResource", &json!({"ResourceArn": arn(&main), "Tags": tags}));
    let before = dynamodb("Scan", &json!({"TableName": main}));

    let (at, from) = (["--to", &now(), "--table", &back], ["--from-table", back.as_str()]);
    killed_at(installation, "UpdateTimeToLive", &at);
    // The emulator does not say where a table comes from, so here it has to be named.
    let (ok, _, errors) = restore(installation, &at);
    assert!(!ok && errors.contains(&format!("--from-table {back}")), "{errors}");
    for action in ["UpdateContinuousBackups", "UpdateTable", "TagResource", "TransactWriteItems"] {
        killed_at(installation, action, &from);
        assert_eq!(row(&back, "EPOCH"), row(&main, "EPOCH"), "the epoch is raised last ({action})");
    }
    let (ok, output, errors) = restore(installation, &from);
    assert!(ok, "{errors}");
    assert!(output.contains("set already: tags") && output.contains("is raised"), "{output}");
    assert!(output.contains(&format!("RestoredTable={back}")), "{output}");
    assert!(output.contains("RestoredTableStream="), "{output}");
    let raised = row(&back, "EPOCH");
    assert_ne!(raised, row(&main, "EPOCH"));
    let (ok, output, _) = restore(installation, &from);
    assert!(ok && output.contains("was raised by an earlier run"), "{output}");
    assert_eq!(row(&back, "EPOCH"), raised, "once");

    // It is as the other was, and the other is as it was.
    let described = dynamodb("DescribeTable", &json!({"TableName": back}))["Table"].clone();
    assert_eq!(described["StreamSpecification"]["StreamViewType"], "NEW_AND_OLD_IMAGES", "{described}");
    assert_eq!(described["SSEDescription"]["KMSMasterKeyArn"], KEY, "{described}");
    let there = dynamodb("ListTagsOfResource", &json!({"ResourceArn": arn(&back)}))["Tags"].clone();
    assert_eq!(there, tags);
    let named = format!("aws.main_table={back}");
    let (status, output, errors) = installation.run(&["aws", "doctor", "--set", &named]);
    assert!(status.success(), "{output}{errors}");
    for check in ["table.expiry", "table.recovery", "table.protection", "table.encryption", "history.epoch"] {
        assert!(
            output.lines().any(|line| line.starts_with("ok") && line.contains(check)),
            "{check}: {output}"
        );
    }
    assert_eq!(dynamodb("Scan", &json!({"TableName": main}))["Items"], before["Items"]);

    // Clients of the old history are told.
    let gateway = installation.start(&endpoint(), &["gateway", "--set", &named]);
    let ada = talk.ada.moved(gateway.address.unwrap());
    let log = ada.history(&talk.room);
    assert_eq!(log.len(), 4);
    let (mut socket, hello) = ada.connect().unwrap();
    assert_ne!(hello["epoch"], talk.epoch);
    let cursors = json!({ talk.room.clone(): seq(log.last().unwrap()) });
    socket.send(&json!({"action": "sync", "epoch": talk.epoch, "cursors": cursors})).unwrap();
    assert_eq!(socket.until("resync").unwrap().0["epoch"], hello["epoch"]);
}

#[test]
fn what_cannot_be_restored_is_said_and_left_alone() {
    let installation = Installation::new();
    installation.begin();
    let main = installation.name("main");
    let refused = |arguments: &[&str], why: &str| {
        let (ok, _, errors) = restore(&installation, arguments);
        assert!(!ok && errors.contains(why), "{arguments:?}: {errors}");
    };
    refused(&["--to", "2999-01-01T00:00:00Z"], "has not come yet");
    refused(&["--to", "yesterday"], "2026-01-31T12:00:00Z");
    refused(&[], "--to");
    refused(&["--from-table", &main], "is the table in use");
    refused(&["--from-table", "nowhere"], "no table nowhere");
    let other = Installation::new();
    refused(&["--from-table", &other.name("main")], "no history began in it");
    other.begin();
    let stranger = json!({"pk": {"S": "SERVER"}, "sk": {"S": "EPOCH"}, "e": {"S": "f".repeat(32)}});
    dynamodb("PutItem", &json!({"TableName": other.name("main"), "Item": stranger}));
    refused(&["--from-table", &other.name("main")], "of another history");
    assert_eq!(row(&other.name("main"), "EPOCH"), stranger, "nothing was changed");
    let off =
        json!({"TableName": main, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": false}});
    dynamodb("UpdateContinuousBackups", &off);
    refused(&["--to", &now()], "is off");

    // What the service says of the moment, and of where a table comes from.
    dynamodb(
        "UpdateContinuousBackups",
        &json!({"TableName": main, "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": true}}),
    );
    let unknown = Proxy::start(|asked: &Asked| {
        if asked.action.ends_with("RestoreTableToPointInTime") {
            let kind = "com.amazonaws.dynamodb.v20120810#InvalidRestoreTimeException";
            Fate::Answer(400, json!({"__type": kind, "message": "no"}).to_string())
        } else {
            Fate::Pass
        }
    });
    let (status, _, errors) =
        installation.run_at(&unknown.url, &["aws", "restore", "--to", "2020-01-01T00:00:00Z"]);
    assert!(!status.success() && errors.contains("it can be to any second from 2"), "{errors}");
}

#[test]
fn d4_a_table_that_an_earlier_run_asked_for_is_gone_on_with_and_no_other() {
    let installation = Installation::new();
    installation.begin();
    let main = installation.name("main");
    let (to, back) = (now(), installation.name("back"));
    let (ok, _, errors) = restore(&installation, &["--to", &to, "--table", &back]);
    assert!(ok, "{errors}");
    let table = dynamodb("DescribeTable", &json!({"TableName": back}));
    let source = dynamodb("DescribeTable", &json!({"TableName": main}))["Table"]["TableArn"].clone();
    let told = move |restored_at: u64| {
        let (mut table, source, back) = (table.clone(), source.clone(), back.clone());
        table["Table"]["RestoreSummary"] =
            json!({"SourceTableArn": source, "RestoreDateTime": restored_at, "RestoreInProgress": false});
        Proxy::start(move |asked: &Asked| {
            let is_it = asked.action.ends_with("DescribeTable") && asked.body.contains(&back);
            if is_it { Fate::Answer(200, table.to_string()) } else { Fate::Pass }
        })
    };
    let output = std::process::Command::new("date").args(["-u", "-d", &to, "+%s"]).output().unwrap();
    let asked_for: u64 = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
    let back = installation.name("back");
    let again = ["aws", "restore", "--to", &to, "--table", &back];
    let (status, output, errors) = installation.run_at(&told(asked_for).url, &again);
    assert!(status.success() && output.contains("earlier run"), "{output}{errors}");
    let (status, _, errors) = installation.run_at(&told(asked_for - 60).url, &again);
    assert!(!status.success() && errors.contains("another moment"), "{errors}");
}
