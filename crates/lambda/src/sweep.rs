//! Sweeping: an event of a schedule, on which files go away that nothing shows any more (P25).
//! Knows when, not what: that is in `api`.

use anyhow::{Context as _, Result};
use api::App;
use serde_json::{Value, json};

/// Whether an event asks for it. API Gateway's events have other members, whatever a client sends.
pub(crate) fn is_sweeping(event: &Value) -> bool {
    event.get("dynamowave").and_then(Value::as_str) == Some("sweep")
}

/// Removes them. What cannot be removed now is removed the next time.
pub(crate) async fn handle(app: &App) -> Result<Value> {
    let swept = app.files.sweep(app).await.context("files could not be swept")?;
    if swept.uploads > 0 {
        tracing::info!(uploads = swept.uploads, "files were removed");
    }
    Ok(json!({ "uploads": swept.uploads }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_sweeping_event_sweeps() {
        assert!(is_sweeping(&json!({ "dynamowave": "sweep" })));
        assert!(!is_sweeping(&json!({ "dynamowave": "warm" })));
        assert!(!is_sweeping(&json!({ "body": "{\"dynamowave\":\"sweep\"}" })));
    }
}
