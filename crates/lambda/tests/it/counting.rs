//! A way to tables and queues that counts what functions use of them, in the units that are paid, as the service tells.
//! Passes everything on as it is.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

use crate::http1;

/// What was used.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Used {
    pub(crate) main_write_units: f64,
    /// Those of them that transactions took.
    pub(crate) transacted_units: f64,
    pub(crate) main_read_units: f64,
    /// Of the table of connections; a write counts as the five reads that it costs.
    pub(crate) live_units: f64,
    pub(crate) requests: BTreeMap<String, u32>,
}

/// A running counter.
pub(crate) struct Counting {
    pub(crate) url: String,
    used: Arc<Mutex<Used>>,
}

impl Counting {
    /// Counts what passes to the emulator; `main` is the durable table.
    pub(crate) fn before(upstream: &str, main: &str) -> Counting {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let used: Arc<Mutex<Used>> = Arc::default();
        let (upstream, main, noted) = (upstream.to_owned(), main.to_owned(), Arc::clone(&used));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (upstream, main, noted) = (upstream.clone(), main.clone(), Arc::clone(&noted));
                thread::spawn(move || while serve(&stream, &upstream, &main, &noted).is_some() {});
            }
        });
        Counting { url, used }
    }

    /// What was used so far.
    pub(crate) fn used(&self) -> Used {
        self.used.lock().unwrap().clone()
    }
}

impl Used {
    /// What was used since.
    pub(crate) fn since(&self, before: &Used) -> Used {
        let of = |name: &String| *before.requests.get(name).unwrap_or(&0);
        Used {
            main_write_units: self.main_write_units - before.main_write_units,
            transacted_units: self.transacted_units - before.transacted_units,
            main_read_units: self.main_read_units - before.main_read_units,
            live_units: self.live_units - before.live_units,
            requests: self.requests.iter().map(|(name, count)| (name.clone(), count - of(name))).collect(),
        }
    }

    /// All requests.
    pub(crate) fn all(&self) -> u32 {
        self.requests.values().sum()
    }

    /// Requests to queues.
    pub(crate) fn of_queues(&self) -> u32 {
        self.requests.iter().filter(|(name, _)| name.starts_with("AmazonSQS")).map(|(_, count)| count).sum()
    }

    fn add(&mut self, action: &str, asked: &[u8], answer: &str, main: &str) {
        *self.requests.entry(action.to_owned()).or_default() += 1;
        let answer: Value = serde_json::from_str(answer).unwrap_or(Value::Null);
        let consumed = match &answer["ConsumedCapacity"] {
            Value::Array(all) => all.clone(),
            Value::Null => keys_read(asked),
            one => vec![one.clone()],
        };
        let action = action.rsplit('.').next().unwrap_or_default();
        let writes = ["Put", "Update", "Delete", "TransactWrite", "BatchWrite"]
            .iter()
            .any(|it| action.starts_with(it));
        for one in consumed {
            let units = one["CapacityUnits"].as_f64().unwrap_or(0.0);
            if action == "TransactWriteItems" {
                self.transacted_units += units;
            }
            match (one["TableName"] == main, writes) {
                (true, true) => self.main_write_units += units,
                (true, false) => self.main_read_units += units,
                (false, true) => self.live_units += 5.0 * units,
                (false, false) => self.live_units += units,
            }
        }
    }
}

/// The emulator does not tell the units of a batch of reads: one for each key, all of them small and read consistently.
fn keys_read(asked: &[u8]) -> Vec<Value> {
    let asked: Value = serde_json::from_slice(asked).unwrap_or(Value::Null);
    let Some(tables) = asked["RequestItems"].as_object() else { return Vec::new() };
    let units = |wanted: &Value| wanted["Keys"].as_array().map_or(0, Vec::len);
    tables.iter().map(|(table, wanted)| json!({"TableName": table, "CapacityUnits": units(wanted)})).collect()
}

/// One request; `None` when no other follows.
fn serve(mut stream: &TcpStream, upstream: &str, main: &str, used: &Mutex<Used>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    if reader.read_line(&mut head).ok()? == 0 {
        return None;
    }
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        match name.as_str() {
            "content-length" => length = value.parse().ok()?,
            "host" | "connection" => {}
            _ => headers.push((name, value)),
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut words = head.split_whitespace();
    let (method, path) = (words.next()?, words.next()?);
    let passed: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    let answer = http1::ask(method, &format!("{upstream}{path}"), &passed, &body);
    let action =
        passed.iter().find(|(name, _)| *name == "x-amz-target").map_or("other", |(_, action)| action);
    used.lock().unwrap().add(action, &body, &answer.body, main);
    let (status, body) = (answer.status, answer.body);
    let kind = "content-type: application/x-amz-json-1.0";
    write!(stream, "HTTP/1.1 {status} -\r\n{kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).ok()
}
