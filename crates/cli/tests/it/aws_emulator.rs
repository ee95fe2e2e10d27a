//! Installations of their own in the emulator, the program run on them, and the emulator's services asked as they are.
//! Invariant: the address is on this machine, and the credentials are good for nothing else.

use std::{
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
};

use serde_json::{Value, json};

use crate::{crash::UNLIMITED, server::first_address};

/// Any key of KMS: the emulator asks for no more than a name.
pub(crate) const KEY: &str = "arn:aws:kms:eu-west-1:000000000000:key/11111111-2222-3333-4444-555555555555";
/// A token that is good for the admin routes.
const TOKEN: &str = "dwop_0123456789abcdef0123456789abcdef";

/// Tables, queues, a bucket and a folder.
pub(crate) struct Installation {
    pub(crate) prefix: String,
    pub(crate) options: Vec<String>,
    _folder: tempfile::TempDir,
}

/// A running program; ends with the test.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: Option<SocketAddr>,
}

/// Where the emulator is.
pub(crate) fn endpoint() -> String {
    let endpoint = std::env::var("AWS_ENDPOINT_URL").expect("no emulator is named; run `make test-aws`");
    assert!(endpoint.starts_with("http://127.0.0.1:"), "{endpoint} is not on this machine");
    endpoint.trim_end_matches('/').to_owned()
}

/// One request as an SDK would make it; status and body.
pub(crate) fn ask(service: &str, method: &str, path: &str, target: &str, body: &str) -> (u16, String) {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).build().new_agent();
    let credential = format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    let mut request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{}{path}", endpoint()))
        .header("authorization", credential);
    if !target.is_empty() {
        request = request.header("x-amz-target", target).header("content-type", "application/x-amz-json-1.0");
    }
    let request = request.body(body.to_owned()).expect("a request");
    let mut answer = agent.run(request).expect("the emulator answers");
    (answer.status().as_u16(), answer.body_mut().read_to_string().expect("a body"))
}

/// One action of DynamoDB.
pub(crate) fn dynamodb(action: &str, body: &Value) -> Value {
    good(ask("dynamodb", "POST", "/", &format!("DynamoDB_20120810.{action}"), &body.to_string()), action)
}

/// One action of SQS.
pub(crate) fn sqs(action: &str, body: &Value) -> Value {
    good(ask("sqs", "POST", "/", &format!("AmazonSQS.{action}"), &body.to_string()), action)
}

/// One request to S3 that has to succeed.
pub(crate) fn s3(method: &str, path: &str, body: &str) {
    let (status, answer) = ask("s3", method, path, "", body);
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
}

fn good((status, body): (u16, String), action: &str) -> Value {
    assert_eq!(status, 200, "{action}: {body}");
    if body.is_empty() { Value::Null } else { serde_json::from_str(&body).expect("JSON") }
}

/// A queue's address.
pub(crate) fn url(queue: &str) -> String {
    sqs("GetQueueUrl", &json!({"QueueName": queue}))["QueueUrl"].as_str().expect("an address").to_owned()
}

/// What every process of an installation is told: names that begin like this, cheap passwords, no limits.
pub(crate) fn options(prefix: &str, files: &Path) -> Vec<String> {
    let mut options: Vec<String> = UNLIMITED.iter().map(|one| (*one).to_owned()).collect();
    let mut set = |name: &str, value: &str| options.extend(["--set".to_owned(), format!("{name}={value}")]);
    for (option, name) in [
        ("main_table", "main"),
        ("live_table", "live"),
        ("messages_queue", "messages.fifo"),
        ("messages_dead_queue", "messages-dead.fifo"),
        ("notifications_queue", "notifications.fifo"),
        ("notifications_dead_queue", "notifications-dead.fifo"),
    ] {
        set(&format!("aws.{option}"), &format!("{prefix}-{name}"));
    }
    for (name, value) in [
        ("aws.region", "eu-west-1"),
        ("node.listen", "127.0.0.1:0"),
        ("passwords.memory_kib", "64"),
        ("passwords.iterations", "1"),
        ("limits.logins_per_minute", "0"),
        ("files.folder", &files.display().to_string()),
    ] {
        set(name, value);
    }
    options
}

impl Installation {
    /// Tables and queues, encrypted with a key, and a folder for files.
    pub(crate) fn new() -> Installation {
        let mut random = [0; 5];
        getrandom::fill(&mut random).expect("randomness");
        let prefix: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let prefix = format!("o{prefix}");
        let folder = tempfile::tempdir().expect("a folder");
        let options = options(&prefix, folder.path());
        let made = Installation { prefix, options, _folder: folder };
        let (status, _, errors) = made.run(&["aws", "provision", "--kms-key", KEY]);
        assert!(status.success(), "{errors}");
        made
    }

    /// The whole name of something of it.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// Runs the program to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> (ExitStatus, String, String) {
        self.run_at(&endpoint(), arguments)
    }

    /// The same with services at another address.
    pub(crate) fn run_at(&self, endpoint: &str, arguments: &[&str]) -> (ExitStatus, String, String) {
        let output = self.command(endpoint, arguments).output().expect("the binary runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
        (output.status, text(output.stdout), text(output.stderr))
    }

    /// Starts a program that runs until it is told to stop.
    pub(crate) fn start(&self, endpoint: &str, arguments: &[&str]) -> Process {
        let mut command =
            self.command(endpoint, &[arguments, &["--backend", "aws", "--token", TOKEN]].concat());
        if arguments[0] != "gateway" {
            return Process { child: command.spawn().expect("it starts"), address: None };
        }
        let mut child =
            command.args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().expect("it starts");
        let address = Some(first_address(&mut child));
        Process { child, address }
    }

    /// The program with these arguments, which come last so that they win.
    pub(crate) fn command(&self, endpoint: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_dynamowave"));
        let own = arguments.iter().position(|argument| argument.starts_with("--")).unwrap_or(arguments.len());
        command
            .args(&arguments[..own])
            .args(&self.options)
            .args(&arguments[own..])
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test");
        command
    }

    /// The rows that every history begins with, as a first start and a first account leave them.
    pub(crate) fn begin(&self) {
        for (sort, epoch) in [("EPOCH", "0123456789abcdef0123456789abcdef"), ("FIRST", "-")] {
            let item = json!({"pk": {"S": "SERVER"}, "sk": {"S": sort}, "e": {"S": epoch}});
            dynamodb("PutItem", &json!({"TableName": self.name("main"), "Item": item}));
        }
    }
}

impl Process {
    /// Ends it at once.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
