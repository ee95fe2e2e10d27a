//! `dynamowave aws doctor` on the emulator: a healthy installation has nothing to tell, and each thing that is broken is
//! told, with what to do. D1, D3, D5 and D7 stand or fall with what it looks at.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::{
    aws_emulator::{Installation, dynamodb, endpoint, s3, sqs, url},
    aws_proxy::{Asked, Fate, Proxy},
};

/// What a table refuses.
const DENIED: &str =
    r#"{"__type":"com.amazon.coral.service#AccessDeniedException","Message":"not authorized"}"#;
/// Nothing in it can be made public.
const CLOSED: &str = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true\
    </IgnorePublicAcls><BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets>\
    </PublicAccessBlockConfiguration>";
const LIFECYCLE: &str = "<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter><Prefix></Prefix>\
    </Filter><NoncurrentVersionExpiration><NoncurrentDays>35</NoncurrentDays></NoncurrentVersionExpiration></Rule>\
    <Rule><ID>b</ID><Status>Enabled</Status><Filter><Prefix></Prefix></Filter><AbortIncompleteMultipartUpload>\
    <DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>";
const ENCRYPTED: &str = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>\
    aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
const VERSIONS: &str = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";

/// What the doctor said.
struct Told {
    findings: Vec<Value>,
    failed: bool,
}

impl Told {
    /// The verdict of a check of something.
    fn verdict(&self, check: &str, subject: &str) -> &str {
        let found = self.findings.iter().find(|it| it["check"] == check && it["subject"] == subject);
        let found = found.unwrap_or_else(|| panic!("no {check} of {subject} in {:#?}", self.findings));
        found["verdict"].as_str().expect("a word")
    }

    fn all(&self, verdict: &str) -> Vec<&Value> {
        self.findings.iter().filter(|finding| finding["verdict"] == verdict).collect()
    }
}

fn doctor(installation: &Installation, endpoint: &str, more: &[&str]) -> Told {
    let bucket = format!("aws.files_bucket={}", installation.name("files"));
    let all = [&["aws", "doctor", "--json", "--set", "files.folder=", "--set", &bucket], more].concat();
    let (status, output, errors) = installation.run_at(endpoint, &all);
    let findings: Vec<Value> =
        output.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    assert!(!findings.is_empty(), "{errors}");
    let failed = findings.iter().any(|finding| finding["verdict"] == "fail");
    assert_eq!(status.code(), Some(i32::from(failed)), "the status says whether something fails: {errors}");
    for finding in &findings {
        let has_advice = finding["advice"].as_str().is_some_and(|advice| !advice.is_empty());
        let wants_advice = finding["verdict"] == "fail" || finding["verdict"] == "warn";
        assert_eq!(has_advice, wants_advice, "{finding}");
    }
    Told { findings, failed }
}

/// With a bucket, and with what a first start leaves.
fn healthy() -> Installation {
    let installation = Installation::new();
    installation.begin();
    let bucket = format!("/{}", installation.name("files"));
    s3(
        "PUT",
        &bucket,
        "<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>",
    );
    for (setting, body) in [
        ("publicAccessBlock", CLOSED),
        ("lifecycle", LIFECYCLE),
        ("encryption", ENCRYPTED),
        ("versioning", VERSIONS),
    ] {
        s3("PUT", &format!("{bucket}?{setting}"), body);
    }
    installation
}

#[test]
fn a_healthy_installation_has_nothing_to_tell() {
    let installation = healthy();
    let told = doctor(&installation, &endpoint(), &[]);
    assert!(!told.failed);
    assert_eq!(told.all("warn"), Vec::<&Value>::new());
    assert!(told.all("ok").len() > 40, "{:#?}", told.findings);
    let skipped: Vec<&str> =
        told.all("skip").iter().map(|it| it["check"].as_str().expect("a name")).collect();
    assert!(skipped.iter().all(|check| ["quota", "rights"].contains(check)), "{skipped:?}");
    // For people: a line each, and a summary.
    let (status, output, _) = installation.run(&["aws", "doctor"]);
    assert!(status.success());
    assert!(output.lines().any(|line| line.starts_with("ok    table.keys")), "{output}");
    assert!(output.lines().last().is_some_and(|line| line.contains("checks: ")), "{output}");
    // Looking changes nothing.
    for queue in ["messages.fifo", "messages-dead.fifo", "notifications.fifo", "notifications-dead.fifo"] {
        let asked = json!({"QueueUrl": url(&installation.name(queue)), "AttributeNames": ["All"]});
        let attributes = sqs("GetQueueAttributes", &asked);
        assert_eq!(attributes["Attributes"]["ApproximateNumberOfMessages"], "0", "{queue}");
    }
    for (table, rows) in [("main", 2), ("live", 0)] {
        let count = dynamodb("Scan", &json!({"TableName": installation.name(table)}))["Count"].clone();
        assert_eq!(count, rows, "{table}");
    }
}

#[test]
fn what_is_wrong_with_a_table_is_told() {
    let installation = healthy();
    let main = installation.name("main");
    let (table, update) = (
        || json!({"TableName": main}),
        |more: Value| {
            let mut body = json!({"TableName": main});
            body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
            body
        },
    );
    let text = |name: &str| json!({"AttributeName": name, "AttributeType": "S"});
    let is = |check: &str, verdict: &str| {
        assert_eq!(doctor(&installation, &endpoint(), &[]).verdict(check, &main), verdict, "{check}");
    };
    dynamodb("UpdateTable", &update(json!({"DeletionProtectionEnabled": false})));
    is("table.protection", "warn");
    dynamodb("UpdateTable", &update(json!({"DeletionProtectionEnabled": true})));
    let off = json!({"TimeToLiveSpecification": {"Enabled": false, "AttributeName": "ttl"}});
    dynamodb("UpdateTimeToLive", &update(off));
    is("table.expiry", "fail");
    let other = json!({"TimeToLiveSpecification": {"Enabled": true, "AttributeName": "expires"}});
    dynamodb("UpdateTimeToLive", &update(other));
    is("table.expiry", "fail");
    let off = json!({"PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": false}});
    dynamodb("UpdateContinuousBackups", &update(off));
    is("table.recovery", "fail");
    let units = json!({"ReadCapacityUnits": 5, "WriteCapacityUnits": 5});
    let provisioned = json!({"BillingMode": "PROVISIONED", "ProvisionedThroughput": units});
    dynamodb("UpdateTable", &update(provisioned));
    is("table.billing", "warn");
    dynamodb("UpdateTable", &update(json!({"BillingMode": "PAY_PER_REQUEST"})));
    let index = json!({"IndexName": "by-time", "KeySchema": [{"AttributeName": "at", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "KEYS_ONLY"}});
    let with_index = json!({"AttributeDefinitions": [text("pk"), text("sk"), text("at")],
        "GlobalSecondaryIndexUpdates": [{"Create": index}]});
    dynamodb("UpdateTable", &update(with_index));
    is("table.indexes", "warn");
    dynamodb("UpdateTable", &update(json!({"SSESpecification": {"Enabled": false}})));
    is("table.encryption", "warn");
    assert_eq!(dynamodb("DescribeTable", &table())["Table"]["TableName"], json!(main));

    // Another table, whose keys are other keys, and none at all.
    let other = installation.name("other");
    let body = json!({"TableName": other, "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": [text("id")],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]});
    dynamodb("CreateTable", &body);
    for (name, check) in [(other.as_str(), "table.keys"), ("nowhere", "table.there")] {
        let told = doctor(&installation, &endpoint(), &["--set", &format!("aws.main_table={name}")]);
        assert_eq!(told.verdict(check, name), "fail");
    }
}

#[test]
fn what_is_wrong_with_a_queue_is_told() {
    let installation = healthy();
    let queue = installation.name("messages.fifo");
    let address = url(&queue);
    let arn = |name: &str| format!("arn:aws:sqs:eu-west-1:000000000000:{}", installation.name(name));
    let redrive = |dead: &str, receives: u32| {
        json!({"deadLetterTargetArn": arn(dead), "maxReceiveCount": receives}).to_string()
    };
    let (good, soon) = (redrive("messages-dead.fifo", 10), redrive("messages-dead.fifo", 2));
    let other = redrive("notifications-dead.fifo", 10);
    let steps = [
        ("queue.lease", vec![("VisibilityTimeout", "5")], "fail"),
        ("queue.retention", vec![("MessageRetentionPeriod", "3600")], "fail"),
        ("queue.redrive", vec![("RedrivePolicy", &other)], "fail"),
        ("queue.redrive", vec![("RedrivePolicy", &soon)], "warn"),
        ("queue.redrive", vec![("RedrivePolicy", "")], "fail"),
        ("queue.redrive", vec![("RedrivePolicy", &good)], "ok"),
        (
            "queue.throughput",
            vec![("DeduplicationScope", "queue"), ("FifoThroughputLimit", "perQueue")],
            "fail",
        ),
        ("queue.encryption", vec![("KmsMasterKeyId", ""), ("SqsManagedSseEnabled", "false")], "fail"),
    ];
    for (check, attributes, verdict) in steps {
        let attributes: serde_json::Map<String, Value> =
            attributes.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        sqs("SetQueueAttributes", &json!({"QueueUrl": address, "Attributes": attributes}));
        assert_eq!(doctor(&installation, &endpoint(), &[]).verdict(check, &queue), verdict, "{check}");
    }
    let dead = json!({"pk": {"S": "DL#messages"}, "sk": {"S": "0000000000001-a"}});
    dynamodb("PutItem", &json!({"TableName": installation.name("main"), "Item": dead}));
    assert_eq!(doctor(&installation, &endpoint(), &[]).verdict("queue.dead", "messages"), "warn");
    // One that keeps no order, and none at all.
    let plain = installation.name("plain");
    sqs("CreateQueue", &json!({"QueueName": plain}));
    for name in [plain.as_str(), "nowhere.fifo"] {
        let told = doctor(&installation, &endpoint(), &["--set", &format!("aws.messages_queue={name}")]);
        assert_eq!(told.verdict("queue.there", name), "fail");
    }
}

#[test]
fn what_is_wrong_with_the_bucket_is_told() {
    let installation = healthy();
    let bucket = installation.name("files");
    let is = |check: &str, verdict: &str| {
        assert_eq!(doctor(&installation, &endpoint(), &[]).verdict(check, &bucket), verdict, "{check}");
    };
    s3("PUT", &format!("/{bucket}?publicAccessBlock"), &CLOSED.replacen("true", "false", 1));
    is("bucket.closed", "fail");
    s3("DELETE", &format!("/{bucket}?publicAccessBlock"), "");
    is("bucket.closed", "fail");
    s3("DELETE", &format!("/{bucket}?lifecycle"), "");
    is("bucket.lifecycle", "warn");
    s3("PUT", &format!("/{bucket}?versioning"), &VERSIONS.replace("Enabled", "Suspended"));
    is("bucket.versions", "warn");
    s3("DELETE", &format!("/{bucket}?encryption"), "");
    is("bucket.encryption", "warn");
    let told = doctor(&installation, &endpoint(), &["--set", "aws.files_bucket=nowhere-at-all"]);
    assert_eq!(told.verdict("bucket.there", "nowhere-at-all"), "fail");
}

#[test]
fn what_is_wrong_with_the_history_is_told() {
    let installation = healthy();
    let main = installation.name("main");
    let is = |check: &str, verdict: &str| {
        assert_eq!(doctor(&installation, &endpoint(), &[]).verdict(check, &main), verdict, "{check}");
    };
    let epoch = json!({"pk": {"S": "SERVER"}, "sk": {"S": "EPOCH"}});
    let mut damaged = epoch.clone();
    damaged["e"] = json!({"S": "yesterday"});
    dynamodb("PutItem", &json!({"TableName": main, "Item": damaged}));
    is("history.epoch", "fail");
    dynamodb("DeleteItem", &json!({"TableName": main, "Key": epoch}));
    is("history.epoch", "warn");
    dynamodb("DeleteItem", &json!({"TableName": main, "Key": {"pk": {"S": "SERVER"}, "sk": {"S": "FIRST"}}}));
    is("history.owner", "warn");
}

/// What the identity may not do, what the clock says and what the account allows, told by a service in between.
#[test]
fn rights_clock_and_quotas_are_told() {
    let installation = healthy();
    let (main, messages) = (installation.name("main"), installation.name("messages.fifo"));
    let denies = |action: &'static str, subject: &str| {
        let subject = subject.to_owned();
        Proxy::start(move |asked: &Asked| {
            let is_it = asked.action.ends_with(action) && asked.body.contains(&subject);
            if is_it { Fate::Answer(400, DENIED.to_owned()) } else { Fate::Pass }
        })
    };
    for (action, subject, needs, needs_not) in [
        (".PutItem", &main, "persister", None),
        (".TransactWriteItems", &main, "persister", Some("notifier")),
        (".DeleteMessage", &messages, "persister", Some("notifier")),
        (".SendMessage", &messages, "gateway", Some("persister")),
    ] {
        let proxy = denies(action, subject);
        let lacking = |told: &Told, verdict: &str| {
            let lacks = |it: &Value| {
                it["check"] == "rights" && it["subject"] == **subject && it["verdict"] == verdict
            };
            told.findings.iter().any(lacks)
        };
        let told = doctor(&installation, &proxy.url, &[]);
        assert!(lacking(&told, "warn") && !told.failed, "{action}: {:#?}", told.all("warn"));
        assert!(lacking(&doctor(&installation, &proxy.url, &["--role", needs]), "fail"), "{action}");
        if let Some(role) = needs_not {
            let fine = doctor(&installation, &proxy.url, &["--role", role]);
            assert!(!fine.failed, "{action}: {:#?}", fine.all("fail"));
        }
    }
    let shifted = |by_s: u64| {
        Proxy::start(move |_: &Asked| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
            Fate::Date(http_date((now + Duration::from_secs(by_s)).as_secs()))
        })
    };
    assert_eq!(doctor(&installation, &shifted(45).url, &[]).verdict("clock", "aws"), "fail");
    assert_eq!(doctor(&installation, &shifted(20).url, &[]).verdict("clock", "aws"), "ok");
    let small = Proxy::start(|asked: &Asked| match asked.action.as_str() {
        "DynamoDB_20120810.DescribeLimits" => {
            let body = r#"{"TableMaxReadCapacityUnits":100,"TableMaxWriteCapacityUnits":100}"#;
            Fate::Answer(200, body.to_owned())
        }
        "GET /2016-08-19/account-settings" => {
            let body = r#"{"AccountLimit":{"ConcurrentExecutions":10,"UnreservedConcurrentExecutions":10}}"#;
            Fate::Answer(200, body.to_owned())
        }
        "POST /" => Fate::Answer(403, "<ErrorResponse><Message>expired</Message></ErrorResponse>".to_owned()),
        _ => Fate::Pass,
    });
    let told = doctor(&installation, &small.url, &[]);
    assert_eq!(told.verdict("quota", "DynamoDB"), "warn");
    assert_eq!(told.verdict("quota", "Lambda"), "warn");
    assert_eq!(told.verdict("identity", "aws"), "fail");
}

/// As HTTP writes a time.
fn http_date(seconds: u64) -> String {
    let output = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{seconds}"), "+%a, %d %b %Y %H:%M:%S GMT"])
        .env("LC_ALL", "C")
        .output()
        .expect("date runs");
    String::from_utf8(output.stdout).expect("text").trim().to_owned()
}
