//! What the bare chat knows: who is in which room, and what waits for the sync.
//! Speaks as much of the protocol as the generator needs, and lies on purpose when a test asks it to.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::connection::Connection;

/// A way to break a guarantee, so that tests can see the generator notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The n-th message is accepted and never delivered, and its sequence is never used.
    Lose(u64),
    /// The n-th message has a sequence, and is delivered to nobody.
    Skip(u64),
    /// The n-th message is delivered twice to everybody.
    Double(u64),
    /// The n-th message comes after the next one.
    Swap(u64),
    /// The n-th message is delivered to all but one.
    Forget(u64),
    /// The n-th message is delivered with another's content.
    Corrupt(u64),
    /// The sender of the n-th message is cut off instead of answered.
    HangUp(u64),
}

pub(super) struct Chat {
    fault: Option<Fault>,
    users: u64,
    rooms: Vec<Room>,
    /// User and connections.
    connected: HashMap<u64, Vec<usize>>,
    user_of: HashMap<usize, u64>,
    rooms_of: HashMap<u64, Vec<usize>>,
    waiting: Vec<Waiting>,
    delivered: u64,
    late: Option<(usize, Vec<u8>)>,
    touched: Vec<usize>,
    cut_off: Option<usize>,
}

#[derive(Default)]
struct Room {
    members: Vec<u64>,
    head: u64,
}

struct Waiting {
    connection: usize,
    sender: u64,
    room: usize,
    client_message_id: String,
    body: String,
}

impl Chat {
    pub(super) fn new(fault: Option<Fault>) -> Chat {
        Chat {
            fault,
            users: 0,
            rooms: Vec::new(),
            connected: HashMap::new(),
            user_of: HashMap::new(),
            rooms_of: HashMap::new(),
            waiting: Vec::new(),
            delivered: 0,
            late: None,
            touched: Vec::new(),
            cut_off: None,
        }
    }

    pub(super) fn touch(&mut self, id: usize) {
        self.touched.push(id);
    }

    pub(super) fn touched(&mut self) -> Option<usize> {
        self.touched.pop()
    }

    /// A connection to cut off, if there is one.
    pub(super) fn cut_off(&mut self) -> Option<usize> {
        self.cut_off.take()
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn leave(&mut self, id: usize) {
        if let Some(user) = self.user_of.remove(&id) {
            self.connected.entry(user).or_default().retain(|connection| *connection != id);
        }
    }

    /// The whole answer to an HTTP request.
    pub(super) fn request(&mut self, id: usize, head: &str, body: &[u8]) -> Vec<u8> {
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let user = head
            .lines()
            .find_map(|line| line.strip_prefix("Authorization: Bearer ")?.trim().parse::<u64>().ok());
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        match (method, path, user) {
            ("GET", "/healthz", _) => answer("200 OK", &json!({})),
            ("POST", "/v1/accounts", _) => {
                self.users += 1;
                answer("201 Created", &json!({"userId": uuid(self.users), "token": self.users.to_string()}))
            }
            ("POST", "/v1/conversations", Some(user)) => {
                self.rooms.push(Room::default());
                let room = self.rooms.len() - 1;
                self.add(room, std::iter::once(user).chain(numbers(&body["memberIds"])).collect());
                answer("201 Created", &json!({"conversationId": uuid(room as u64)}))
            }
            ("POST", path, Some(_)) if path.ends_with("/members") => {
                let room = path
                    .split('/')
                    .nth(3)
                    .and_then(number)
                    .and_then(|room| usize::try_from(room).ok())
                    .unwrap_or(0);
                self.add(room, numbers(&body["userIds"]).collect());
                answer("200 OK", &json!({}))
            }
            ("GET", "/v1/ws", Some(user)) => {
                self.connected.entry(user).or_default().push(id);
                self.user_of.insert(id, user);
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
                    .to_vec()
            }
            _ => answer("404 Not Found", &json!({"code": "not_found"})),
        }
    }

    pub(super) fn frame(&mut self, connection: &mut Connection, id: usize, content: &[u8]) {
        let Some(user) = self.user_of.get(&id).copied() else { return };
        let Ok(frame) = serde_json::from_slice::<Value>(content) else { return };
        let text = |field: &str| frame[field].as_str().unwrap_or_default().to_owned();
        match frame["action"].as_str() {
            Some("sendMessage") => {
                let room =
                    number(&text("conversationId")).and_then(|room| usize::try_from(room).ok()).unwrap_or(0);
                self.waiting.push(Waiting {
                    connection: id,
                    sender: user,
                    room,
                    client_message_id: text("clientMessageId"),
                    body: text("body"),
                });
            }
            Some("sync") => {
                let rooms = self.rooms_of.get(&user).map_or(&[][..], Vec::as_slice);
                let heads = rooms.iter().map(|room| (uuid(*room as u64), self.rooms[*room].head));
                let unlisted: Vec<String> = heads
                    .map(|(room, head)| format!(r#"{{"conversationId":"{room}","headSeq":{head}}}"#))
                    .collect();
                connection.give(&text_frame(&format!(
                    r#"{{"type":"synced","token":"none","unlisted":[{}]}}"#,
                    unlisted.join(",")
                )));
                self.touch(id);
            }
            _ => {}
        }
    }

    /// Answers and delivers everything that waited for the sync.
    pub(super) fn deliver(&mut self, connections: &mut [Connection]) {
        for message in std::mem::take(&mut self.waiting) {
            self.delivered += 1;
            let (fault, number) = (self.fault, self.delivered);
            let is = |kind: fn(u64) -> Fault| fault == Some(kind(number));
            if is(Fault::HangUp) {
                self.cut_off = Some(message.connection);
                continue;
            }
            let accepted =
                format!(r#"{{"type":"accepted","clientMessageId":"{}"}}"#, message.client_message_id);
            connections[message.connection].give(&text_frame(&accepted));
            self.touched.push(message.connection);
            if is(Fault::Lose) {
                continue;
            }
            self.rooms[message.room].head += 1;
            let event = text_frame(&self.event(&message, is(Fault::Corrupt)));
            if is(Fault::Skip) {
                continue;
            }
            if is(Fault::Swap) {
                self.late = Some((message.room, event));
                continue;
            }
            self.publish(connections, message.room, &event, usize::from(is(Fault::Forget)));
            if is(Fault::Double) {
                self.publish(connections, message.room, &event, 0);
            }
            if let Some((room, late)) = self.late.take_if(|(room, _)| *room == message.room) {
                self.publish(connections, room, &late, 0);
            }
        }
    }

    fn event(&self, message: &Waiting, corrupt: bool) -> String {
        let (seq, room) = (self.rooms[message.room].head, uuid(message.room as u64));
        format!(
            r#"{{"type":"event","conversationId":"{room}","seq":{seq},"kind":"message","senderId":"{}","sentAt":"2026-01-01T00:00:00.000Z","clientMessageId":"{}","ordinal":{seq},"messageId":"{}","rev":{seq},"body":"{}"}}"#,
            uuid(message.sender),
            message.client_message_id,
            uuid(seq),
            if corrupt { "" } else { &message.body },
        )
    }

    fn publish(&mut self, connections: &mut [Connection], room: usize, event: &[u8], left_out: usize) {
        for user in self.rooms[room].members.iter().skip(left_out) {
            for id in self.connected.get(user).into_iter().flatten() {
                connections[*id].give(event);
                self.touched.push(*id);
            }
        }
    }

    fn add(&mut self, room: usize, members: Vec<u64>) {
        for member in &members {
            self.rooms_of.entry(*member).or_default().push(room);
        }
        if let Some(room) = self.rooms.get_mut(room) {
            room.members.extend(members);
        }
    }
}

fn uuid(number: u64) -> String {
    format!("00000000-0000-7000-8000-{number:012x}")
}

fn number(uuid: &str) -> Option<u64> {
    u64::from_str_radix(uuid.rsplit('-').next()?, 16).ok()
}

fn numbers(list: &Value) -> impl Iterator<Item = u64> + '_ {
    list.as_array().into_iter().flatten().filter_map(|item| number(item.as_str()?))
}

fn answer(status: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A server's text frame.
fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(text.len()) {
        Ok(short @ 0..=125) => frame.push(short.to_be_bytes()[1]),
        Ok(medium) => {
            frame.push(126);
            frame.extend_from_slice(&medium.to_be_bytes());
        }
        Err(_) => {
            frame.push(127);
            frame.extend_from_slice(&(text.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(text.as_bytes());
    frame
}
