//! Two people and their sockets, from registration to events, through every function.
//! D1 to D4, D9, and the rules of the protocol that are this home's.

use serde_json::{Value, json};

use crate::{
    client::{Client, new_id, text},
    http1,
    stack::Stack,
};

#[test]
fn d1_d2_d3_a_message_reaches_both_and_a_resend_changes_nothing() {
    let stack = Stack::shared();
    let (ann, ben) = (stack.register("ann"), stack.register("ben"));
    let room = stack.group(&[&ann, &ben]);
    let (mut a, hello) = stack.connect(&ann);
    let (mut b, _) = stack.connect(&ben);
    assert_eq!(hello["userId"], ann.user);
    assert_eq!(hello["limits"]["pipelining"], false, "P71");
    assert!(hello["heartbeatMs"].as_u64().unwrap() < 9 * 60_000, "P72");
    for client in [&mut a, &mut b] {
        let heard = client.sync(&json!({}));
        let unlisted = &heard.last().unwrap()["unlisted"];
        assert_eq!(unlisted[0], json!({ "conversationId": room, "headSeq": 1 }));
    }

    let id = new_id();
    let accepted = a.send(&room, &id, "Tea?");
    assert_eq!(accepted, json!({ "type": "accepted", "ref": id, "clientMessageId": id }));
    let (at_a, at_b) = (a.event(&id), b.event(&id));
    assert_eq!((&at_a["seq"], &at_a["body"]), (&json!(2), &json!("Tea?")));
    assert_eq!(at_a, at_b);

    // The same again: accepted, and no second message.
    assert_eq!(a.send(&room, &id, "Tea?")["type"], "accepted");
    let next = new_id();
    b.send(&room, &next, "Yes.");
    assert_eq!(a.event(&next)["seq"], 3);
    let (status, page) =
        stack.ask("GET", &format!("/v1/conversations/{room}/events?after=0"), &ben.token, &Value::Null);
    assert_eq!((status, &page["headSeq"]), (200, &json!(3)), "{page}");
}

#[test]
fn d4_who_was_away_catches_up_in_order() {
    let stack = Stack::shared();
    let (ann, ben) = (stack.register("ann"), stack.register("ben"));
    let room = stack.group(&[&ann, &ben]);
    let (mut a, _) = stack.connect(&ann);
    let (mut b, _) = stack.connect(&ben);
    a.sync(&json!({}));
    b.sync(&json!({}));
    b.drop_abruptly();
    let ids: Vec<String> = (0..6).map(|_| new_id()).collect();
    for id in &ids {
        assert_eq!(a.send(&room, id, "while you were away")["type"], "accepted");
    }
    a.event(ids.last().unwrap());
    let (mut b, hello) = stack.connect(&ben);
    let mut cursors = json!({});
    cursors[&room] = json!(1);
    let stranger = new_id();
    cursors[&stranger] = json!(4);
    let heard = b.sync(&cursors);
    let seqs: Vec<u64> = heard
        .iter()
        .filter(|frame| frame["type"] == "events")
        .flat_map(|frame| frame["events"].as_array().unwrap().clone())
        .map(|event| event["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs, (2..=7).collect::<Vec<u64>>(), "P33");
    let refused: Vec<&Value> = heard.iter().filter(|frame| frame["type"] == "error").collect();
    assert_eq!(refused.len(), 1, "P36, D7: {heard:?}");
    assert_eq!(refused[0]["conversationId"], stranger);

    // Live again, from where the pages ended.
    let id = new_id();
    a.send(&room, &id, "welcome back");
    assert_eq!(b.event(&id)["seq"], 8);
    b.say(&json!({ "action": "sync", "ref": 9, "epoch": new_id(), "cursors": {} }));
    assert_eq!(b.of_type("resync")["epoch"], hello["epoch"], "P37");
}

#[test]
fn p1_p73_who_is_not_known_gets_no_socket_and_a_ticket_is_good_once() {
    let stack = Stack::shared();
    let ann = stack.register("ann");
    // API Gateway answers 401 to what an authorizer calls unauthorized, the emulator 500.
    let refused = |opened: Result<Client, u16>| opened.is_err_and(|status| matches!(status, 401 | 500));
    assert!(refused(stack.open("", None)));
    assert!(refused(stack.open("", Some("dw_guess"))));
    let ticket = stack.ticket(&ann);
    assert!(stack.open(&format!("?ticket={ticket}"), None).is_ok());
    assert!(refused(stack.open(&format!("?ticket={ticket}"), None)));
    assert!(stack.open("", Some(&ann.token)).is_ok());
}

#[test]
fn p12_p13_p14_p47_every_frame_is_answered_as_at_the_gateway() {
    let stack = Stack::shared();
    let ann = stack.register("ann");
    let (mut a, _) = stack.connect(&ann);
    a.say(&json!({ "action": "sendMesage", "ref": 1 }));
    let error = a.find(|frame| frame["ref"] == 1);
    assert_eq!(error["code"], "unknown_action");
    assert!(error["knownActions"].as_array().unwrap().contains(&json!("sendMessage")));
    a.say_text("rubbish");
    assert_eq!(a.of_type("error")["code"], "bad_json");
    a.say(&json!({ "action": "sendMessage", "ref": 2, "conversationId": "general", "body": "hi" }));
    let rejected = a.find(|frame| frame["ref"] == 2);
    assert_eq!((&rejected["type"], &rejected["code"]), (&json!("rejected"), &json!("bad_frame")));
    let rejected = a.send(&new_id(), &new_id(), "to nobody");
    assert_eq!(rejected["code"], "conversation_not_found", "P63, D7");
    a.say(&json!({ "action": "ping", "ref": 3, "padding": "x".repeat(33_000) }));
    assert_eq!(a.of_type("error")["code"], "frame_too_large", "P3: the emulator lets it through");
    a.say(&json!({ "action": "ping", "ref": 4 }));
    assert_eq!(a.find(|frame| frame["ref"] == 4)["type"], "pong");
}

#[test]
fn p52_too_many_frames_that_cannot_be_read_end_the_socket() {
    let stack = Stack::shared();
    let (mut a, _) = stack.connect(&stack.register("ann"));
    for _ in 0..21 {
        a.say_text("rubbish");
    }
    let heard = a.until_closed();
    assert_eq!(heard.len(), 21, "each is answered, the last one too: {heard:?}");
}

#[test]
fn p44_p45_p46_p48_marks_presence_and_typing_reach_the_others() {
    let stack = Stack::shared();
    let (ann, ben) = (stack.register("ann"), stack.register("ben"));
    let room = stack.group(&[&ann, &ben]);
    let (mut a, _) = stack.connect(&ann);
    a.sync(&json!({}));
    a.say(&json!({ "action": "watchPresence", "ref": 1, "userIds": [ben.user] }));
    let state = a.of_type("presence");
    assert_eq!(state["users"][0]["status"], "offline");
    assert_eq!(a.find(|frame| frame["ref"] == 1)["type"], "done");

    let (mut b, _) = stack.connect(&ben);
    b.sync(&json!({}));
    let is = |status: &'static str| {
        move |frame: &Value| frame["type"] == "presence" && frame["users"][0]["status"] == status
    };
    a.find(is("online"));
    b.say(&json!({ "action": "setActive", "ref": 2, "active": false }));
    assert_eq!(b.find(|frame| frame["ref"] == 2)["type"], "done");
    a.find(is("away"));

    let id = new_id();
    a.send(&room, &id, "look");
    let seq = b.event(&id)["seq"].clone();
    b.say(&json!({ "action": "markRead", "ref": 3, "conversationId": room, "seq": 999 }));
    assert_eq!(b.find(|frame| frame["ref"] == 3)["type"], "done");
    let marks = a.find(|frame| frame["type"] == "marks" && frame["userId"] == ben.user.as_str());
    assert_eq!(marks["readSeq"], seq, "P44: never beyond the head");
    b.say(&json!({ "action": "typing", "conversationId": room }));
    assert_eq!(a.of_type("typing")["userId"], ben.user);

    // Gone without a word: the socket's rows go, and its watchers learn of it.
    b.drop_abruptly();
    let offline = a.find(is("offline"));
    assert!(offline["users"][0]["lastSeen"].is_string(), "{offline}");
}

#[test]
fn p57_a_logout_ends_the_sockets_of_that_login() {
    let stack = Stack::shared();
    let ann = stack.register("ann");
    let (mut a, _) = stack.connect(&ann);
    let (status, answer) = stack.ask("DELETE", "/v1/sessions/current", &ann.token, &Value::Null);
    assert_eq!(status, 204, "{answer}");
    let heard = a.until_closed();
    assert_eq!(heard.last().map(|frame| text(frame, "code")).as_deref(), Some("unauthorized"));
}

#[test]
fn d3_d9_a_burst_arrives_in_order_and_counts_as_unread() {
    let stack = Stack::shared();
    let (ann, ben) = (stack.register("ann"), stack.register("ben"));
    let room = stack.group(&[&ann, &ben]);
    let (mut a, _) = stack.connect(&ann);
    let (mut b, _) = stack.connect(&ben);
    a.sync(&json!({}));
    b.sync(&json!({}));
    let ids: Vec<String> = (0..30).map(|_| new_id()).collect();
    for id in &ids {
        a.say(&json!({
            "action": "sendMessage", "ref": id, "conversationId": room, "clientMessageId": id, "body": "burst",
        }));
    }
    for id in &ids {
        assert_eq!(a.find(|frame| frame["ref"] == id.as_str())["type"], "accepted");
    }
    let mut seqs: Vec<u64> = Vec::new();
    while seqs.last() != Some(&31) {
        let frame = b.find(|frame| frame["type"] == "event" || frame["type"] == "events");
        match frame["events"].as_array() {
            Some(events) => seqs.extend(events.iter().map(|event| event["seq"].as_u64().unwrap())),
            None => seqs.push(frame["seq"].as_u64().unwrap()),
        }
    }
    assert_eq!(seqs, (2..=31).collect::<Vec<u64>>(), "in order and once");
    let (_, list) = stack.ask("GET", "/v1/conversations", &ben.token, &Value::Null);
    assert_eq!(list["items"][0]["unread"], 30, "{list}");
    let (_, list) = stack.ask("GET", "/v1/conversations", &ann.token, &Value::Null);
    assert_eq!(list["items"][0]["unread"], 0, "who writes has read: {list}");
}

#[test]
fn p34_d4_syncs_in_the_middle_of_a_burst_leave_no_gap_and_no_disorder() {
    const LAST: u64 = 41;
    let stack = Stack::shared();
    let (ann, ben) = (stack.register("ann"), stack.register("ben"));
    let room = stack.group(&[&ann, &ben]);
    let (mut a, _) = stack.connect(&ann);
    a.sync(&json!({}));
    let to = room.clone();
    // Long ones, so that catching up takes many pages and new ones come meanwhile.
    let writing = std::thread::spawn(move || {
        for _ in 1..LAST {
            assert_eq!(a.send(&to, &new_id(), &"and on ".repeat(2_000))["type"], "accepted");
        }
    });
    let mut known = 1;
    while known < LAST {
        let (mut b, _) = stack.connect(&ben);
        let mut cursors = json!({});
        cursors[&room] = json!(1);
        let mut last = 1;
        let hear = |frame: &Value, last: &mut u64| {
            for seq in seqs(frame) {
                assert!(seq <= *last + 1, "a gap before {seq}, after {last}");
                *last = seq.max(*last);
            }
        };
        for frame in b.sync(&cursors) {
            hear(&frame, &mut last);
        }
        // A few live ones, then away again without a word.
        let enough = (last + 3).min(LAST);
        while last < enough {
            hear(&b.next(), &mut last);
        }
        known = last;
        b.drop_abruptly();
    }
    writing.join().unwrap();
}

/// The places of the events in a frame.
fn seqs(frame: &Value) -> Vec<u64> {
    let events = frame["events"].as_array().cloned().unwrap_or_else(|| vec![frame.clone()]);
    events.iter().filter(|event| !event["kind"].is_null()).filter_map(|event| event["seq"].as_u64()).collect()
}

#[test]
fn files_and_cookies_pass_the_routes_over_http() {
    let stack = Stack::shared();
    let ann = stack.register("ann");
    let (status, document) = stack.ask("GET", "/v1/openapi.json", "", &Value::Null);
    assert_eq!((status, &document["openapi"]), (200, &json!("3.1.0")));
    let (status, me) = stack.ask("GET", "/v1/account", &ann.token, &Value::Null);
    assert_eq!((status, text(&me, "userId")), (200, ann.user.clone()), "{me}");
    let (status, problem) = stack.ask("GET", "/v1/nowhere", &ann.token, &Value::Null);
    assert_eq!((status, &problem["code"]), (404, &json!("not_found")));

    let headers =
        [("authorization", &*format!("Bearer {}", ann.token)), ("content-type", "application/octet-stream")];
    let upload = format!("{}/v1/attachments?name=tea.txt", stack.http);
    let file = "Two spoons, four minutes.".repeat(100);
    let answer = http1::ask("POST", &upload, &headers, file.as_bytes());
    assert_eq!(answer.status, 201, "{answer:?}");
    let upload: Value = serde_json::from_str(&answer.body).unwrap();
    let file_url = format!("{}/v1/attachments/{}", stack.http, text(&upload, "attachmentId"));
    let answer = http1::ask("GET", &file_url, &headers[..1], b"");
    assert_eq!((answer.status, answer.body), (200, file), "it lies in the bucket");
}
