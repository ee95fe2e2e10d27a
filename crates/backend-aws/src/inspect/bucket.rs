//! The bucket of files: that it is there, shut to the world, encrypted, keeps what was deleted and ends what is broken.
//! Asks for its settings alone; looks into no file.

use super::{
    Asking,
    finding::{Finding, is_denial},
};
use crate::signed::{Answer, Request, between_tags};

/// What closes a bucket to the world.
const BLOCKS: [&str; 4] =
    ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
const SETTINGS: [&str; 4] = ["publicAccessBlock", "encryption", "lifecycle", "versioning"];

pub(super) async fn inspect(asking: &Asking<'_>, bucket: Option<&str>) -> Vec<Finding> {
    const CHECK: &str = "bucket.there";
    let Some(bucket) = bucket.filter(|bucket| !bucket.is_empty()) else {
        return vec![Finding::skip(
            CHECK,
            "files",
            "no bucket is named by aws.files_bucket; files lie in a folder",
        )];
    };
    let there = match asking.signed.send(request("HEAD", bucket, "")).await {
        Ok(answer) => answer,
        Err(why) => {
            return vec![Finding::fail(CHECK, bucket, why, "see that S3 can be reached from here")];
        }
    };
    let mut found = match there.status {
        200 => vec![Finding::ok(CHECK, bucket, "it is there")],
        403 => vec![Finding::warn(
            CHECK,
            bucket,
            "this identity may not look at it",
            "let who looks do s3:ListBucket",
        )],
        301 => {
            let advice = "name the region of the bucket by aws.region, or another bucket";
            return vec![Finding::fail(CHECK, bucket, "it is in another region", advice)];
        }
        _ => {
            let advice = "name it by aws.files_bucket, or deploy the stack of the data";
            return vec![Finding::fail(CHECK, bucket, "there is no such bucket", advice)];
        }
    };
    let asked = SETTINGS.map(|setting| asking.signed.send(request("GET", bucket, setting)));
    let answers = futures_util::future::join_all(asked).await;
    for (setting, answer) in SETTINGS.into_iter().zip(answers) {
        found.push(judged(bucket, setting, answer));
    }
    found
}

fn request(method: &'static str, bucket: &str, setting: &str) -> Request {
    let query = if setting.is_empty() { String::new() } else { format!("?{setting}=") };
    // A name with a dot has no certificate of its own.
    let (host, path) = if bucket.contains('.') {
        ("s3.{region}".to_owned(), format!("/{bucket}{query}"))
    } else {
        (format!("{bucket}.s3.{{region}}"), format!("/{query}"))
    };
    let endpoint_path = Some(format!("/{bucket}{query}"));
    Request { service: "s3", method, host, path, endpoint_path, ..Request::default() }
}

fn judged(bucket: &str, setting: &'static str, answer: Result<Answer, String>) -> Finding {
    let check = match setting {
        "publicAccessBlock" => "bucket.closed",
        "encryption" => "bucket.encryption",
        "lifecycle" => "bucket.lifecycle",
        _ => "bucket.versions",
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(why) => return Finding::skip(check, bucket, why),
    };
    let code = between_tags(&answer.body, "Code").unwrap_or_default();
    if answer.status == 403 || is_denial(code) {
        return Finding::skip(check, bucket, "this identity may not ask for it");
    }
    if answer.status != 200 && answer.status != 404 {
        return Finding::skip(check, bucket, format!("the service answers {} {code}", answer.status));
    }
    // Where nothing is set the service answers 404.
    let xml = if answer.status == 200 { answer.body.as_str() } else { "" };
    match setting {
        "publicAccessBlock" => closed(check, bucket, xml),
        "encryption" => encryption(check, bucket, xml),
        "lifecycle" => lifecycle(check, bucket, xml),
        _ => versions(check, bucket, xml),
    }
}

fn closed(check: &'static str, bucket: &str, xml: &str) -> Finding {
    let open: Vec<&str> =
        BLOCKS.into_iter().filter(|block| between_tags(xml, block) != Some("true")).collect();
    if open.is_empty() {
        return Finding::ok(check, bucket, "nothing in it can be made public");
    }
    let advice = format!(
        "`aws s3api put-public-access-block --bucket {bucket} --public-access-block-configuration \
         BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true`"
    );
    Finding::fail(check, bucket, format!("it could be made public: {} is off (D7)", open.join(", ")), advice)
}

fn encryption(check: &'static str, bucket: &str, xml: &str) -> Finding {
    if let Some(algorithm) =
        between_tags(xml, "SSEAlgorithm").filter(|algorithm| algorithm.starts_with("aws:kms"))
    {
        let key = between_tags(xml, "KMSMasterKeyID").unwrap_or("the key of S3 in KMS");
        return Finding::ok(check, bucket, format!("encrypted by {algorithm} with {key}"));
    }
    let advice = format!(
        "a key of S3 can be neither watched nor withdrawn: `aws s3api put-bucket-encryption --bucket {bucket}` with \
         aws:kms and your key"
    );
    Finding::warn(check, bucket, "encrypted with a key of S3", advice)
}

fn lifecycle(check: &'static str, bucket: &str, xml: &str) -> Finding {
    let advice = format!(
        "`aws s3api put-bucket-lifecycle-configuration --bucket {bucket}` with the rules of FilesBucket in \
         deploy/aws/data.yaml"
    );
    let ends_uploads = xml.contains("<AbortIncompleteMultipartUpload>");
    let ends_versions = xml.contains("<NoncurrentVersionExpiration>");
    match (ends_uploads, ends_versions) {
        (true, true) => Finding::ok(check, bucket, "broken uploads and deleted files end"),
        (_, false) => Finding::warn(check, bucket, "what was deleted is kept for ever", advice),
        (false, true) => {
            Finding::warn(check, bucket, "broken uploads are kept, and paid for, for ever", advice)
        }
    }
}

fn versions(check: &'static str, bucket: &str, xml: &str) -> Finding {
    if between_tags(xml, "Status") == Some("Enabled") {
        return Finding::ok(check, bucket, "a deleted file can be brought back");
    }
    let advice = format!(
        "`aws s3api put-bucket-versioning --bucket {bucket} --versioning-configuration Status=Enabled`"
    );
    Finding::warn(check, bucket, "a table that is restored names files that are gone", advice)
}
