//! The services of the emulator, asked over plain HTTP as their SDKs would.
//! Invariant: the address is on this machine.

use serde_json::Value;

use crate::http1;

/// The emulator.
#[derive(Debug, Clone)]
pub(crate) struct Emulator {
    pub(crate) url: String,
}

impl Emulator {
    pub(crate) fn running() -> Emulator {
        let url = std::env::var("AWS_ENDPOINT_URL").expect("no emulator is named; run `make test-aws`");
        assert!(url.starts_with("http://127.0.0.1:"), "{url} is not on this machine");
        Emulator { url: url.trim_end_matches('/').to_owned() }
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    /// Puts an object, in a bucket that is made if it is missing.
    pub(crate) fn put_object(&self, bucket: &str, key: &str, bytes: &[u8]) {
        const REGION: &[u8] =
            b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint>\
            </CreateBucketConfiguration>";
        self.send("PUT", &format!("/{bucket}"), "s3", &[], REGION);
        self.send("PUT", &format!("/{bucket}/{key}"), "s3", &[], bytes);
    }

    /// One action of CloudFormation; the answer is XML.
    pub(crate) fn cloudformation(&self, parameters: &[(&str, &str)]) -> String {
        let form: Vec<String> =
            parameters.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
        let kind = [("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", "/", "cloudformation", &kind, form.join("&").as_bytes())
    }

    /// One action of a service that speaks JSON.
    pub(crate) fn json(&self, service: &str, target: &str, body: &Value) -> Value {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
        let text = self.send("POST", "/", service, &headers, body.to_string().as_bytes());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{target}: {error}: {text}"))
    }

    /// Calls a function and returns its answer.
    pub(crate) fn invoke(&self, function: &str, event: &Value) -> Value {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let text = self.send("POST", &path, "lambda", &[], event.to_string().as_bytes());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{function}: {error}: {text}"))
    }

    /// Sets the environment of a function.
    pub(crate) fn set_environment(&self, function: &str, variables: &Value) {
        let path = format!("/2015-03-31/functions/{function}/configuration");
        let body = serde_json::json!({ "Environment": { "Variables": variables } });
        let kind = [("content-type", "application/json")];
        self.send("PUT", &path, "lambda", &kind, body.to_string().as_bytes());
    }

    /// The environment of a function.
    pub(crate) fn environment(&self, function: &str) -> Value {
        let path = format!("/2015-03-31/functions/{function}/configuration");
        let text = self.send("GET", &path, "lambda", &[], b"");
        let answer: Value = serde_json::from_str(&text).unwrap();
        answer["Environment"]["Variables"].clone()
    }

    fn send(&self, method: &str, path: &str, service: &str, headers: &[(&str, &str)], body: &[u8]) -> String {
        let url = format!("{}{path}", self.url);
        let credential = credential(service);
        let mut all = vec![("authorization", &*credential)];
        all.extend_from_slice(headers);
        let answer = http1::ask(method, &url, &all, body);
        let is_fine = (200..300).contains(&answer.status) || answer.status == 409;
        assert!(is_fine, "{method} {url}: {answer:?}");
        answer.body
    }
}

/// What names a service to the emulator.
fn credential(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(one).collect()
}
