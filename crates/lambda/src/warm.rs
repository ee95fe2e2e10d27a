//! Warming: an event that every function answers at once, and the function that sends it to others.
//! Touches no data.

use anyhow::Result;
use backend_aws::AwsCalls;
use serde_json::{Value, json};

use crate::{limits::WARM_FUNCTIONS_MAX, settings::list};

/// The event.
pub(crate) fn event() -> Value {
    json!({ "dynamowave": "warm" })
}

/// Whether an event only warms.
pub(crate) fn is_warming(event: &Value) -> bool {
    event.get("dynamowave").and_then(Value::as_str) == Some("warm")
}

/// Sends the event to the functions named in `DYNAMOWAVE_WARM_FUNCTIONS`. One that cannot be called is no reason not
/// to call the others.
pub(crate) async fn handle(calls: &AwsCalls) -> Result<Value> {
    let bytes = serde_json::to_vec(&event())?;
    let (mut called, mut failed) = (0, 0);
    for name in list("DYNAMOWAVE_WARM_FUNCTIONS").iter().take(WARM_FUNCTIONS_MAX) {
        match calls.call_function(name, bytes.clone()).await {
            Ok(()) => called += 1,
            Err(error) => {
                tracing::warn!(%error, function = name, "a function could not be warmed");
                failed += 1;
            }
        }
    }
    Ok(json!({ "called": called, "failed": failed }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_warming_event_warms() {
        assert!(is_warming(&event()));
        assert!(!is_warming(&json!({ "Records": [] })) && !is_warming(&json!({ "dynamowave": 1 })));
    }
}
