//! Who asks, whether the clocks agree, and what the account allows in all.
//! Knows no installation. What no request tells is said to be unchecked.

use aws_sdk_dynamodb::operation::describe_limits::DescribeLimitsOutput;
use serde_json::Value;

use super::{
    Asking,
    finding::{Asked, Finding},
};
use crate::{
    limits::{CLOCK_APART_MS_MAX, FUNCTIONS_AT_ONCE_MIN, UNITS_OF_TABLE_MIN},
    signed::{Answer, Request, between_tags},
};

/// What of the account no request here tells, and where it is shown.
const NOT_TOLD: [(&str, &str); 2] = [
    (
        "API Gateway",
        "requests and bursts a second: 10,000 and 5,000 for everything in a new account, posts included",
    ),
    ("SQS", "requests a second of FIFO queues of high throughput: it differs by region"),
];

pub(super) async fn inspect(asking: &Asking<'_>) -> Vec<Finding> {
    let (identity, functions, tables) =
        tokio::join!(identity(asking), functions(asking), asking.tables.describe_limits().send());
    let mut found = identity;
    found.push(functions);
    found.push(tables_quota(Asked::of(tables)));
    let unchecked = |(service, what): (&str, &str)| {
        let why = format!("{what}; see Service Quotas in the console");
        Finding::skip("quota", service, why)
    };
    found.extend(NOT_TOLD.into_iter().map(unchecked));
    found
}

/// Who this is, and by how much the clocks differ.
async fn identity(asking: &Asking<'_>) -> Vec<Finding> {
    const CHECK: &str = "identity";
    let request = Request {
        service: "sts",
        method: "POST",
        host: "sts.{region}".to_owned(),
        path: "/".to_owned(),
        headers: vec![("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
        body: "Action=GetCallerIdentity&Version=2011-06-15".to_owned(),
        ..Request::default()
    };
    let asked_ms = asking.clock.now_ms();
    let answer = match asking.signed.send(request).await {
        Ok(answer) => answer,
        Err(why) => {
            let advice = "set region and credentials as for every tool of AWS, and see that its services can be reached";
            return vec![
                Finding::fail(CHECK, "aws", why, advice),
                Finding::skip("clock", "aws", "nothing answered"),
            ];
        }
    };
    let answered_ms = asking.clock.now_ms();
    let who = match between_tags(&answer.body, "Arn") {
        Some(arn) if answer.status == 200 => Finding::ok(CHECK, "aws", arn),
        _ => {
            let message = between_tags(&answer.body, "Message").unwrap_or("the service does not say why");
            let detail = format!("refused with {}: {message}", answer.status);
            Finding::fail(CHECK, "aws", detail, "see which credentials are found first: `aws configure list`")
        }
    };
    vec![who, clock(&answer, asked_ms, answered_ms)]
}

/// The service's time has whole seconds, so less than one second of difference is not seen.
fn clock(answer: &Answer, asked_ms: u64, answered_ms: u64) -> Finding {
    const CHECK: &str = "clock";
    let date = answer.date.as_deref().and_then(|date| {
        aws_smithy_types::DateTime::from_str(date, aws_smithy_types::date_time::Format::HttpDate).ok()
    });
    let Some(theirs_ms) = date.and_then(|date| date.to_millis().ok()).and_then(|ms| u64::try_from(ms).ok())
    else {
        return Finding::skip(CHECK, "aws", "the service tells no time");
    };
    let limit_s = CLOCK_APART_MS_MAX / 1_000;
    // It was that second somewhere between asking and the answer.
    let behind_ms = theirs_ms.saturating_sub(answered_ms);
    let ahead_ms = asked_ms.saturating_sub(theirs_ms + 999);
    let (apart_ms, side) = if behind_ms >= ahead_ms { (behind_ms, "behind") } else { (ahead_ms, "ahead of") };
    if apart_ms == 0 {
        return Finding::ok(CHECK, "aws", format!("agrees with the service's (limit {limit_s} s)"));
    }
    let detail =
        format!("{}.{} s {side} the service's (limit {limit_s} s)", apart_ms / 1_000, apart_ms % 1_000 / 100);
    if apart_ms <= CLOCK_APART_MS_MAX {
        return Finding::ok(CHECK, "aws", detail);
    }
    let advice = "keep the time with chrony or systemd-timesyncd (on EC2 from 169.254.169.123): times of messages, \
                  leases and tickets go by it, and AWS refuses requests that are five minutes off";
    Finding::fail(CHECK, "aws", detail, advice)
}

async fn functions(asking: &Asking<'_>) -> Finding {
    const CHECK: &str = "quota";
    const SUBJECT: &str = "Lambda";
    let request = Request {
        service: "lambda",
        method: "GET",
        host: "lambda.{region}".to_owned(),
        path: "/2016-08-19/account-settings".to_owned(),
        ..Request::default()
    };
    let answer = match asking.signed.send(request).await {
        Ok(answer) if answer.status == 200 => answer,
        Ok(answer) => {
            return Finding::skip(
                CHECK,
                SUBJECT,
                format!("lambda:GetAccountSettings answers {}", answer.status),
            );
        }
        Err(why) => return Finding::skip(CHECK, SUBJECT, why),
    };
    let settings: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    let limit = &settings["AccountLimit"];
    let Some(at_once) = limit["ConcurrentExecutions"].as_u64() else {
        return Finding::skip(CHECK, SUBJECT, "the service does not tell how many may run at once");
    };
    let free = limit["UnreservedConcurrentExecutions"].as_u64().unwrap_or(at_once);
    let detail = format!("{at_once} functions at once, {free} of them not reserved");
    if at_once >= FUNCTIONS_AT_ONCE_MIN {
        return Finding::ok(CHECK, SUBJECT, detail);
    }
    let advice = format!(
        "only for the serverless home: ask for at least {FUNCTIONS_AT_ONCE_MIN} in Service Quotas, and deploy with \
         ReserveConcurrency=false until then"
    );
    Finding::warn(CHECK, SUBJECT, detail, advice)
}

fn tables_quota(answer: Asked<DescribeLimitsOutput>) -> Finding {
    const CHECK: &str = "quota";
    const SUBJECT: &str = "DynamoDB";
    let answer = match answer {
        Asked::Told(answer) => answer,
        Asked::Denied(why) | Asked::Failed(why) => return Finding::skip(CHECK, SUBJECT, why),
        Asked::Missing => return Finding::skip(CHECK, SUBJECT, "the service does not tell"),
    };
    let reads = answer.table_max_read_capacity_units().unwrap_or(0);
    let writes = answer.table_max_write_capacity_units().unwrap_or(0);
    let detail = format!("{reads} read and {writes} write units a second for one table");
    if reads >= UNITS_OF_TABLE_MIN && writes >= UNITS_OF_TABLE_MIN {
        return Finding::ok(CHECK, SUBJECT, detail);
    }
    let advice = "a message takes four write units: ask for more in Service Quotas before the load comes";
    Finding::warn(CHECK, SUBJECT, detail, advice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Verdict;

    /// 2026-01-31T12:00:00Z.
    const THEIRS_MS: u64 = 1_769_860_800_000;

    fn at(asked_ms: u64, answered_ms: u64) -> Finding {
        let date = Some("Sat, 31 Jan 2026 12:00:00 GMT".to_owned());
        clock(&Answer { status: 200, date, body: String::new() }, asked_ms, answered_ms)
    }

    #[test]
    fn clocks_may_be_thirty_seconds_apart() {
        for (asked, answered, verdict) in [
            (THEIRS_MS, THEIRS_MS + 40, Verdict::Ok),
            // Less than a second is not seen, and a slow answer is nobody's fault.
            (THEIRS_MS + 900, THEIRS_MS + 950, Verdict::Ok),
            (THEIRS_MS - 60_000, THEIRS_MS, Verdict::Ok),
            (THEIRS_MS + 30_000, THEIRS_MS + 30_010, Verdict::Ok),
            (THEIRS_MS + 32_000, THEIRS_MS + 32_010, Verdict::Fail),
            (THEIRS_MS - 40_000, THEIRS_MS - 31_000, Verdict::Fail),
            (THEIRS_MS - 40_000, THEIRS_MS - 29_000, Verdict::Ok),
        ] {
            assert_eq!(at(asked, answered).verdict, verdict, "{asked} {answered}");
        }
        assert!(at(THEIRS_MS + 65_999, THEIRS_MS + 66_000).detail.starts_with("65.0 s ahead of"));
        assert_eq!(clock(&Answer::default(), 0, 0).verdict, Verdict::Skip);
    }

    #[test]
    fn small_quotas_are_told() {
        let quota = |units| {
            let limits = DescribeLimitsOutput::builder()
                .table_max_read_capacity_units(units)
                .table_max_write_capacity_units(units);
            tables_quota(Asked::Told(limits.build())).verdict
        };
        assert_eq!(quota(40_000), Verdict::Ok);
        assert_eq!(quota(1_000), Verdict::Warn);
    }
}
