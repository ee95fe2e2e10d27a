//! `$connect` and `$disconnect`: a socket's rows come and go, and who watches its person learns of it.
//! Invariant: the rows are there before `$connect` is answered, so no event of a socket meets none; nothing is posted
//! to it here, because nothing can be yet (P70).

use anyhow::Result;
use backend_aws::Endpoint;
use chat::{
    Announcement,
    announcement::Presence,
    ports::{Connection, PortError},
};
use protocol::session::{Negotiation, negotiate};
use serde_json::Value;

use crate::{
    event::{Call, answered, connected, refused},
    home::Home,
    kept::Kept,
    limits::{ENDPOINT_LIFE_MS, ENDPOINTS_PER_USER_MAX},
    relay::GATEWAY,
};

/// Handles `$connect`.
pub(crate) async fn connect(home: &Home, event: Value) -> Result<Value> {
    let call = Call::of(event)?;
    let subprotocol = match negotiate(call.subprotocols.as_deref()) {
        Negotiation::Speak(subprotocol) => subprotocol,
        Negotiation::Unsupported { .. } => return Ok(refused(400)),
    };
    if home.is_crowded(&call).await? {
        return Ok(refused(429));
    }
    home.enter(&call).await?;
    Ok(connected(subprotocol))
}

/// Handles `$disconnect`.
pub(crate) async fn disconnect(home: &Home, event: Value) -> Result<Value> {
    let call = Call::of(event)?;
    home.left(call.user, call.connection).await?;
    Ok(answered(None))
}

impl Home {
    async fn is_crowded(&self, call: &Call) -> Result<bool, PortError> {
        let held = self.endpoints.of([call.user], self.now_ms()).await?;
        Ok(held.values().map(Vec::len).sum::<usize>() >= ENDPOINTS_PER_USER_MAX)
    }

    async fn enter(&self, call: &Call) -> Result<(), PortError> {
        let now_ms = self.now_ms();
        let until = now_ms + ENDPOINT_LIFE_MS;
        let endpoint = Endpoint {
            user: call.user,
            connection: call.connection,
            name: call.name.clone(),
            session: call.session,
            opened_at: now_ms,
            until,
            state: Kept::opened().to_bytes(),
            missed: 0,
        };
        self.endpoints.put(&endpoint, now_ms).await?;
        let Endpoint { connection, user, session, .. } = endpoint;
        let line = Connection { connection, user, session, node: GATEWAY, active: true };
        self.app.directory.put(vec![line], until).await?;
        // Who has just come is there and active. Telling it also brings `hello` to the new socket (P70).
        self.announce(vec![Announcement::Presence { user, presence: Presence::Online }]).await;
        Ok(())
    }
}
