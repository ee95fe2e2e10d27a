//! The whole of it as a stack: tables, queues, a bucket, the functions, both interfaces and what connects them.
//! Deployed once for all tests that change nothing of it.

use std::{
    fs::{self, File},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use crate::{archive, client::text, emulator::Emulator, http1, proxy::Proxy};

/// Receives after which the service gives up a message.
const RECEIVES_MAX: u32 = 3;
/// The operator's token of tests.
pub(crate) const OPERATOR: &str = "dwop_test";
/// Its SHA-256.
const OPERATOR_SHA256: &str = "b22640f2d62cb7e08704dc1a970f5716c4bfbe2924c6e02e2b6a0f8432fafe29";
/// Functions of the sockets' routes.
const ROUTES: [(&str, &str); 4] = [
    ("connect", "$connect"),
    ("disconnect", "$disconnect"),
    ("send", "sendMessage"),
    ("default", "$default"),
];
const HANDLERS: [&str; 9] =
    ["connect", "disconnect", "send", "default", "authorizer", "http", "persist", "notify", "warm"];

/// A deployed stack.
#[derive(Debug, Clone)]
pub(crate) struct Stack {
    pub(crate) emulator: Emulator,
    pub(crate) name: String,
    /// Address of the HTTP interface.
    pub(crate) http: String,
    /// Path of the sockets.
    pub(crate) socket_path: String,
}

impl Stack {
    /// The stack that all tests share. The first of them deploys it.
    pub(crate) fn shared() -> Stack {
        let emulator = Emulator::running();
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let port = emulator.authority().replace(':', "-");
        let lock = File::create(folder.join(format!("lambda-stack-{port}.lock"))).unwrap();
        lock.lock().unwrap();
        let note = folder.join(format!("lambda-stack-{port}.name"));
        let known = fs::read_to_string(&note).ok().and_then(|name| Stack::find(&emulator, &name));
        known.unwrap_or_else(|| {
            let stack = Stack::deploy("shared", 30);
            fs::write(&note, &stack.name).unwrap();
            stack
        })
    }

    /// A stack of one's own, whose messages come again after so many seconds.
    pub(crate) fn deploy(prefix: &str, lease_s: u32) -> Stack {
        let emulator = Emulator::running();
        let mut random = [0; 4];
        getrandom::fill(&mut random).unwrap();
        let name = format!("{prefix}-{:08x}", u32::from_be_bytes(random));
        // A release may be named, for figures.
        let program = std::env::var("FUNCTIONS_PROGRAM");
        let program = fs::read(program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_bootstrap").into())).unwrap();
        emulator.put_object("code", &format!("{name}.zip"), &archive::of(&program));
        let body = template(&emulator, &name, lease_s).to_string();
        emulator.cloudformation(&[
            ("Action", "CreateStack"),
            ("Version", "2010-05-15"),
            ("StackName", &name),
            ("TemplateBody", &body),
            ("Capabilities.member.1", "CAPABILITY_NAMED_IAM"),
        ]);
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(stack) = Stack::find(&emulator, &name) {
                return stack;
            }
            assert!(Instant::now() < end, "the stack is not there: {}", describe(&emulator, &name));
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// The stack of this name, if it stands and answers.
    fn find(emulator: &Emulator, name: &str) -> Option<Stack> {
        let described = describe(emulator, name);
        if !described.contains("CREATE_COMPLETE") && !described.contains("UPDATE_COMPLETE") {
            assert!(!described.contains("ROLLBACK"), "{described}");
            return None;
        }
        let (http, socket) = (output(&described, "HttpApi")?, output(&described, "WsApi")?);
        let http = format!("{}/_aws/execute-api/{http}/$default", emulator.url);
        let socket_path = format!("/_aws/execute-api/{socket}/live");
        let answer = http1::ask("GET", &format!("{http}/v1/server"), &[], b"");
        let stack = Stack { emulator: emulator.clone(), name: name.to_owned(), http, socket_path };
        (answer.status == 200).then_some(stack)
    }

    /// Lets what `notify` posts to sockets go through a proxy.
    pub(crate) fn posting_through(&self) -> Proxy {
        let proxy = Proxy::before(&self.emulator.url);
        let notify = self.function("notify");
        let mut environment = self.emulator.environment(&notify);
        let endpoint = text(&environment, "DYNAMOWAVE_POST_ENDPOINT").replace(&self.emulator.url, &proxy.url);
        environment["DYNAMOWAVE_POST_ENDPOINT"] = json!(endpoint);
        self.emulator.set_environment(&notify, &environment);
        proxy
    }

    /// What a function of it is called.
    pub(crate) fn function(&self, handler: &str) -> String {
        format!("{}-{handler}", self.name)
    }
}

fn describe(emulator: &Emulator, name: &str) -> String {
    emulator.cloudformation(&[("Action", "DescribeStacks"), ("Version", "2010-05-15"), ("StackName", name)])
}

/// The value of an output in XML.
fn output(described: &str, key: &str) -> Option<String> {
    let (_, after) = described.split_once(&format!("<OutputKey>{key}</OutputKey>"))?;
    let (_, value) = after.split_once("<OutputValue>")?;
    Some(value.split_once("</OutputValue>")?.0.to_owned())
}

fn template(emulator: &Emulator, name: &str, lease_s: u32) -> Value {
    let mut resources = Map::new();
    let mut add = |id: String, kind: &str, properties: Value| {
        resources.insert(id, json!({ "Type": kind, "Properties": properties }));
    };
    for table in ["main", "live"] {
        let key = |name: &str, kind: &str| json!({ "AttributeName": name, "KeyType": kind });
        let text = |name: &str| json!({ "AttributeName": name, "AttributeType": "S" });
        add(
            format!("{table}Table"),
            "AWS::DynamoDB::Table",
            json!({
                "TableName": format!("{name}-{table}"),
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [text("pk"), text("sk")],
                "KeySchema": [key("pk", "HASH"), key("sk", "RANGE")],
            }),
        );
    }
    for queue in ["messages", "notifications"] {
        let common = |name: String| {
            json!({
                "QueueName": name, "FifoQueue": true, "VisibilityTimeout": lease_s,
                "DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId",
            })
        };
        add(format!("{queue}Dead"), "AWS::SQS::Queue", common(format!("{name}-{queue}-dead.fifo")));
        let mut own = common(format!("{name}-{queue}.fifo"));
        let dead = json!({ "Fn::GetAtt": [format!("{queue}Dead"), "Arn"] });
        own["RedrivePolicy"] = json!({ "deadLetterTargetArn": dead, "maxReceiveCount": RECEIVES_MAX });
        add(format!("{queue}Queue"), "AWS::SQS::Queue", own);
    }
    add("Files".into(), "AWS::S3::Bucket", json!({ "BucketName": format!("{name}-files") }));
    add(
        "Role".into(),
        "AWS::IAM::Role",
        json!({
            "RoleName": format!("{name}-role"),
            "AssumeRolePolicyDocument": { "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole",
            }] },
            "Policies": [{ "PolicyName": "all", "PolicyDocument": { "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "*", "Resource": "*",
            }] } }],
        }),
    );
    for handler in HANDLERS {
        add(format!("{handler}Function"), "AWS::Lambda::Function", function(emulator, name, handler));
    }
    for (queue, handler) in [("messages", "persist"), ("notifications", "notify")] {
        add(
            format!("{queue}Source"),
            "AWS::Lambda::EventSourceMapping",
            json!({
                "EventSourceArn": { "Fn::GetAtt": [format!("{queue}Queue"), "Arn"] },
                "FunctionName": { "Ref": format!("{handler}Function") },
                "BatchSize": 10,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            }),
        );
    }
    socket_interface(&mut add);
    http_interface(&mut add);
    json!({
        "Resources": resources,
        "Outputs": { "HttpApi": { "Value": { "Ref": "HttpApi" } }, "WsApi": { "Value": { "Ref": "WsApi" } } },
    })
}

fn function(emulator: &Emulator, name: &str, handler: &str) -> Value {
    let post = format!("{}/_aws/execute-api/${{WsApi}}/live", emulator.url);
    json!({
        "FunctionName": format!("{name}-{handler}"),
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "Role": { "Fn::GetAtt": ["Role", "Arn"] },
        "Timeout": 25,
        "MemorySize": 512,
        "Code": { "S3Bucket": "code", "S3Key": format!("{name}.zip") },
        "Environment": { "Variables": {
            "DYNAMOWAVE_HANDLER": handler,
            "DYNAMOWAVE_LOG": "info",
            "DYNAMOWAVE_AWS_MAIN_TABLE": format!("{name}-main"),
            "DYNAMOWAVE_AWS_LIVE_TABLE": format!("{name}-live"),
            "DYNAMOWAVE_AWS_MESSAGES_QUEUE": format!("{name}-messages.fifo"),
            "DYNAMOWAVE_AWS_MESSAGES_DEAD_QUEUE": format!("{name}-messages-dead.fifo"),
            "DYNAMOWAVE_AWS_NOTIFICATIONS_QUEUE": format!("{name}-notifications.fifo"),
            "DYNAMOWAVE_AWS_NOTIFICATIONS_DEAD_QUEUE": format!("{name}-notifications-dead.fifo"),
            "DYNAMOWAVE_AWS_FILES_BUCKET": format!("{name}-files"),
            "DYNAMOWAVE_POST_ENDPOINT": { "Fn::Sub": post },
            "DYNAMOWAVE_REGISTRATION_POLICY": "open",
            "DYNAMOWAVE_OPERATOR_TOKEN_SHA256": OPERATOR_SHA256,
            "DYNAMOWAVE_PLAIN_HTTP": "true",
            "DYNAMOWAVE_WARM_FUNCTIONS": format!("{name}-send,{name}-notify"),
        } },
    })
}

/// The address of a function as an integration names it.
fn uri(handler: &str) -> Value {
    let arn = format!("${{{handler}Function.Arn}}");
    let path = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions";
    json!({ "Fn::Sub": format!("{path}/{arn}/invocations") })
}

/// The sockets' interface with its authorizer.
fn socket_interface(add: &mut impl FnMut(String, &str, Value)) {
    add(
        "WsApi".into(),
        "AWS::ApiGatewayV2::Api",
        json!({
            "Name": { "Fn::Sub": "${AWS::StackName}-sockets" },
            "ProtocolType": "WEBSOCKET",
            "RouteSelectionExpression": "$request.body.action",
        }),
    );
    add(
        "Authorizer".into(),
        "AWS::ApiGatewayV2::Authorizer",
        json!({
            "ApiId": { "Ref": "WsApi" }, "Name": "tickets", "AuthorizerType": "REQUEST", "IdentitySource": [],
            "AuthorizerUri": uri("authorizer"),
        }),
    );
    for (handler, route) in ROUTES {
        add(
            format!("{handler}Integration"),
            "AWS::ApiGatewayV2::Integration",
            json!({
                "ApiId": { "Ref": "WsApi" }, "IntegrationType": "AWS_PROXY", "IntegrationUri": uri(handler),
            }),
        );
        let mut properties = json!({
            "ApiId": { "Ref": "WsApi" }, "RouteKey": route,
            "Target": { "Fn::Sub": format!("integrations/${{{handler}Integration}}") },
        });
        if route == "$connect" {
            properties["AuthorizationType"] = json!("CUSTOM");
            properties["AuthorizerId"] = json!({ "Ref": "Authorizer" });
        }
        add(format!("{handler}Route"), "AWS::ApiGatewayV2::Route", properties);
    }
    add(
        "WsStage".into(),
        "AWS::ApiGatewayV2::Stage",
        json!({
            "ApiId": { "Ref": "WsApi" }, "StageName": "live", "AutoDeploy": true,
        }),
    );
}

/// The interface over HTTP.
fn http_interface(add: &mut impl FnMut(String, &str, Value)) {
    add(
        "HttpApi".into(),
        "AWS::ApiGatewayV2::Api",
        json!({
            "Name": { "Fn::Sub": "${AWS::StackName}-http" }, "ProtocolType": "HTTP",
        }),
    );
    add(
        "httpIntegration".into(),
        "AWS::ApiGatewayV2::Integration",
        json!({
            "ApiId": { "Ref": "HttpApi" }, "IntegrationType": "AWS_PROXY", "IntegrationUri": uri("http"),
            "PayloadFormatVersion": "2.0",
        }),
    );
    add(
        "httpRoute".into(),
        "AWS::ApiGatewayV2::Route",
        json!({
            "ApiId": { "Ref": "HttpApi" }, "RouteKey": "$default",
            "Target": { "Fn::Sub": "integrations/${httpIntegration}" },
        }),
    );
    add(
        "httpStage".into(),
        "AWS::ApiGatewayV2::Stage",
        json!({
            "ApiId": { "Ref": "HttpApi" }, "StageName": "$default", "AutoDeploy": true,
        }),
    );
}
