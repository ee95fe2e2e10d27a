//! Error codes and close codes: complete, unique, in their ranges.

use std::collections::HashSet;

use chat::{Refusal, ports::ErrorKind};
use protocol::{
    CloseCode, Code,
    code::{AfterClose, Retryable},
    http::Problem,
    limits::CLOSE_REASON_BYTES_MAX,
};

/// Every refusal there is, by the number it is stored under.
fn refusals() -> Vec<Refusal> {
    let all: Vec<Refusal> = (0..u8::MAX).map_while(|number| postcard::from_bytes(&[number]).ok()).collect();
    assert!(all.contains(&Refusal::DeadLettered), "the walk stops before the last known refusal");
    all
}

#[test]
fn p60_every_refusal_has_its_code() {
    for refusal in refusals() {
        let code = Code::from(refusal);
        assert_eq!(code.as_str(), refusal.code());
        let problem = Problem::from(refusal);
        assert_eq!((problem.code, problem.detail), (code, refusal.to_string().into()));
    }
}

#[test]
fn p60_codes_are_unique_and_read_back() {
    let mut seen = HashSet::new();
    for code in Code::ALL {
        assert!(seen.insert(code.as_str()), "{code} is there twice");
        assert_eq!(Code::parse(code.as_str()), Some(*code));
        assert!((400..600).contains(&code.http_status()), "{code}");
        assert!(!code.title().is_empty());
    }
    let newer: Code = serde_json::from_str("\"from_a_newer_server\"").unwrap();
    assert_eq!(newer, Code::Unknown);
}

#[test]
fn p61_what_can_be_tried_again_says_so() {
    for code in Code::ALL {
        match code.http_status() {
            429 | 503 | 504 => assert_eq!(code.retryable(), Retryable::Later, "{code}"),
            401 => assert_eq!(code.retryable(), Retryable::AfterLogin, "{code}"),
            400 | 403 | 404 | 410 | 413 | 422 => assert_eq!(code.retryable(), Retryable::No, "{code}"),
            _ => {}
        }
    }
    assert_eq!(Code::from(ErrorKind::Overloaded), Code::SlowDown);
    assert_eq!(Code::from(ErrorKind::Unavailable), Code::Unavailable);
    assert_eq!(Code::from(ErrorKind::Corrupt), Code::Internal);
}

#[test]
fn p64_close_codes_tell_by_their_range_what_to_do() {
    let mut seen = HashSet::new();
    for code in CloseCode::ALL {
        assert!(seen.insert(code.number()), "{} is there twice", code.number());
        assert!((4000..4300).contains(&code.number()));
        assert_eq!(CloseCode::from_number(code.number()), Some(*code));
        assert!(code.reason().len() <= CLOSE_REASON_BYTES_MAX);
    }
    assert_eq!(AfterClose::of(CloseCode::SlowReader.number()), AfterClose::Reconnect);
    assert_eq!(AfterClose::of(CloseCode::SessionEnded.number()), AfterClose::LogIn);
    assert_eq!(AfterClose::of(CloseCode::TooManyBadFrames.number()), AfterClose::StayAway);
    for standard in [1000, 1001, 1006, 1009, 1011, 1012] {
        assert_eq!(AfterClose::of(standard), AfterClose::Reconnect);
    }
}

#[test]
fn p62_problem_documents_carry_the_code() {
    let problem = Problem::new(Code::SlowDown, "Try later.").retry_after_ms(250).field("body");
    let value: serde_json::Value = serde_json::to_value(&problem).unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "type": "urn:dynamowave:problem:slow_down", "title": "Too fast", "status": 429, "detail": "Try later.",
            "code": "slow_down", "field": "body", "retryAfterMs": 250,
        })
    );
    assert_eq!(serde_json::from_value::<Problem>(value).unwrap(), problem);
}
