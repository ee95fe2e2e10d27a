//! Sockets that API Gateway holds: where each can be posted to, and what is kept of it between two frames.
//! Invariant: all of a person's sockets are one item, so that a hundred people are found with one read, and each of
//! them changes by a condition on what was read, because two frames of one socket may be handled at the same time.

use std::collections::{HashMap, HashSet};

use aws_config::SdkConfig;
use chat::{
    ConnectionId, ConversationId, SessionId, TimestampMs, UserId,
    ports::{PortError, Randomness},
};
use serde::{Deserialize, Serialize};

use crate::{
    aws::AwsNames,
    codec::{encode, from_hex, hex},
    error::corrupt,
    item::{Attributes, Item, Key, Write, binary, bytes_of, data, number, number_of, sort_of},
    jitter::Jitter,
    keys,
    table::{Range, Table},
    usage::Usage,
};

/// Attributes that hold one socket each: its value, and how many events it was not told while it was catching up.
const SOCKET: char = 'e';
const MISSED: char = 'm';
/// How long a row that tells who watches whom stays, milliseconds: a socket lives two hours.
const WATCH_LIFE_MS: u64 = 3 * 3_600 * 1_000;
/// How long it is remembered who is still to be told of an announcement, milliseconds.
const REST_LIFE_MS: u64 = 24 * 3_600 * 1_000;
/// Sockets told of one watched person or conversation.
const WATCHERS_MAX: usize = 10_000;

/// A socket that API Gateway holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub connection: ConnectionId,
    /// What API Gateway calls it.
    pub name: String,
    /// By which login.
    pub session: SessionId,
    /// Since when.
    pub opened_at: TimestampMs,
    /// Until when it counts.
    pub until: TimestampMs,
    /// What its handlers keep of it.
    pub state: Vec<u8>,
    /// Events it was not told because it was catching up.
    pub missed: u64,
}

/// A socket as it is stored: never gains a field.
#[derive(Debug, Serialize, Deserialize)]
struct Stored {
    name: String,
    session: SessionId,
    opened_at: TimestampMs,
    until: TimestampMs,
    state: Vec<u8>,
}

/// What a socket watches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Watched {
    people: Vec<UserId>,
    conversations: Vec<ConversationId>,
}

/// The table of those sockets. Clones share it.
#[derive(Clone)]
pub struct AwsEndpoints {
    table: Table,
}

impl AwsEndpoints {
    /// The sockets of an installation.
    #[must_use]
    pub fn open(
        sdk: &SdkConfig,
        names: &AwsNames,
        randomness: std::sync::Arc<dyn Randomness>,
    ) -> AwsEndpoints {
        let client = aws_sdk_dynamodb::Client::new(sdk);
        let usage = std::sync::Arc::new(Usage::default());
        AwsEndpoints { table: Table::new(client, &names.live_table, usage, Jitter::new(randomness)) }
    }

    /// Adds a socket, and forgets the person's that are out of date.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn put(&self, endpoint: &Endpoint, now_ms: TimestampMs) -> Result<(), PortError> {
        let held = self.table.get(&key(endpoint.user)).await?.unwrap_or_default();
        let old = sockets(endpoint.user, &held)?.into_iter().filter(|it| it.until <= now_ms);
        let removed: Vec<String> = old
            .filter(|it| it.connection != endpoint.connection)
            .flat_map(|it| [attribute(SOCKET, it.connection), attribute(MISSED, it.connection)])
            .collect();
        let mut expression = format!("SET {} = :new", attribute(SOCKET, endpoint.connection));
        if !removed.is_empty() {
            expression = format!("{expression} REMOVE {}", removed.join(", "));
        }
        let values = [(":new", binary(endpoint.encoded()))];
        self.table.write(Write::update(key(endpoint.user), expression, values)).await.map(drop)
    }

    /// A socket.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn get(&self, user: UserId, connection: ConnectionId) -> Result<Option<Endpoint>, PortError> {
        let Some(item) = self.table.get(&key(user)).await? else { return Ok(None) };
        socket(user, connection, &item)
    }

    /// The sockets of these people, those out of date left out.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn of(
        &self,
        users: impl IntoIterator<Item = UserId>,
        now_ms: TimestampMs,
    ) -> Result<HashMap<UserId, Vec<Endpoint>>, PortError> {
        let users: HashSet<UserId> = users.into_iter().collect();
        let found = self.table.get_many(users.iter().map(|user| key(*user))).await?;
        let mut all = HashMap::with_capacity(found.len());
        for user in users {
            let Some(item) = found.get(&key(user)) else { continue };
            let mut theirs = sockets(user, item)?;
            theirs.retain(|it| it.until > now_ms);
            all.insert(user, theirs);
        }
        Ok(all)
    }

    /// Replaces what is kept of a socket. `None` when somebody else was quicker, or it is gone.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn replace(&self, old: &Endpoint, state: Vec<u8>) -> Result<Option<Endpoint>, PortError> {
        let name = attribute(SOCKET, old.connection);
        let same = format!("{name} = :old");
        self.change(old, state, &same, Vec::new()).await
    }

    /// [`Self::replace`], and only if it was told every event since it was read.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn replace_if_told_all(
        &self,
        old: &Endpoint,
        state: Vec<u8>,
    ) -> Result<Option<Endpoint>, PortError> {
        let (name, missed) = (attribute(SOCKET, old.connection), attribute(MISSED, old.connection));
        let same = if old.missed == 0 {
            format!("{name} = :old AND attribute_not_exists({missed})")
        } else {
            format!("{name} = :old AND {missed} = :missed")
        };
        let values = if old.missed == 0 { Vec::new() } else { vec![(":missed", number(old.missed))] };
        self.change(old, state, &same, values).await
    }

    async fn change(
        &self,
        old: &Endpoint,
        state: Vec<u8>,
        condition: &str,
        values: Vec<(&'static str, aws_sdk_dynamodb::types::AttributeValue)>,
    ) -> Result<Option<Endpoint>, PortError> {
        let new = Endpoint { state, ..old.clone() };
        let set = format!("SET {} = :new", attribute(SOCKET, old.connection));
        let mut write = Write::update(key(old.user), set, [(":new", binary(new.encoded()))])
            .only_if(condition, [(":old", binary(old.encoded()))]);
        if let Some(condition) = &mut write.condition {
            condition.values.extend(values);
        }
        Ok(self.table.write(write).await?.then_some(new))
    }

    /// Notes that a socket was not told an event, because it is catching up. `false` when it no longer is as it was
    /// read.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn miss(&self, endpoint: &Endpoint) -> Result<bool, PortError> {
        let add = format!("ADD {} :one", attribute(MISSED, endpoint.connection));
        let same = format!("{} = :old", attribute(SOCKET, endpoint.connection));
        let write = Write::update(key(endpoint.user), add, [(":one", number(1))]);
        self.table.write(write.only_if(&same, [(":old", binary(endpoint.encoded()))])).await
    }

    /// Forgets a socket and what it watches. Returns whether it was there.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn remove(&self, user: UserId, connection: ConnectionId) -> Result<bool, PortError> {
        let (name, missed) = (attribute(SOCKET, connection), attribute(MISSED, connection));
        let remove = Write::update(key(user), format!("REMOVE {name}, {missed}"), []);
        let was_there = self.table.write(remove.only_if(&format!("attribute_exists({name})"), [])).await?;
        let own = Write::delete(watched_key(user, connection));
        let watched = self.table.write_returning(own).await?.unwrap_or_default();
        if let Some(watched) = watched_of(&watched)? {
            self.table.remove_many(watcher_keys(&watched, connection).collect()).await?;
        }
        Ok(was_there)
    }

    // ---- what is watched ----

    /// Replaces whose presence a socket is told.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn watch_people(
        &self,
        endpoint: &Endpoint,
        people: Vec<UserId>,
        now_ms: TimestampMs,
    ) -> Result<(), PortError> {
        self.watch(endpoint, |watched| watched.people = people, now_ms).await
    }

    /// Replaces which large conversations' marks a socket is told.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn watch_conversations(
        &self,
        endpoint: &Endpoint,
        conversations: Vec<ConversationId>,
        now_ms: TimestampMs,
    ) -> Result<(), PortError> {
        self.watch(endpoint, |watched| watched.conversations = conversations, now_ms).await
    }

    /// New rows come before old ones go, so that no change falls between.
    async fn watch(
        &self,
        endpoint: &Endpoint,
        change: impl FnOnce(&mut Watched),
        now_ms: TimestampMs,
    ) -> Result<(), PortError> {
        let (user, connection) = (endpoint.user, endpoint.connection);
        let own = watched_key(user, connection);
        let held = self.table.get(&own).await?.unwrap_or_default();
        let before = watched_of(&held)?.unwrap_or_default();
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(());
        }
        let end = now_ms + WATCH_LIFE_MS;
        let old: HashSet<Key> = watcher_keys(&before, connection).collect();
        let new: HashSet<Key> = watcher_keys(&after, connection).collect();
        self.table.write(Item::new(own).data(&after).expires(end).put()).await?;
        let row = |key: &Key| Item::new(key.clone()).data(&user).expires(end);
        self.table.put_many(new.difference(&old).map(row).collect()).await?;
        self.table.remove_many(old.difference(&new).cloned().collect()).await
    }

    /// Sockets that are told of this person's presence.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn watchers_of_person(
        &self,
        user: UserId,
        now_ms: TimestampMs,
    ) -> Result<Vec<Endpoint>, PortError> {
        self.watchers(person_watched(user), now_ms).await
    }

    /// Sockets that are told of the marks in this conversation.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn watchers_of_conversation(
        &self,
        conversation: ConversationId,
        now_ms: TimestampMs,
    ) -> Result<Vec<Endpoint>, PortError> {
        self.watchers(conversation_watched(conversation), now_ms).await
    }

    async fn watchers(&self, partition: String, now_ms: TimestampMs) -> Result<Vec<Endpoint>, PortError> {
        let rows = self.table.query(&Range::prefix(partition, ""), WATCHERS_MAX).await?;
        let mut watchers: Vec<(UserId, ConnectionId)> = Vec::with_capacity(rows.len());
        for row in &rows {
            let connection = ConnectionId::from_u128(from_hex("watcher", sort_of(row))?);
            watchers.push((data("watcher", row)?, connection));
        }
        let mut found = self.of(watchers.iter().map(|(user, _)| *user), now_ms).await?;
        let named: HashSet<ConnectionId> = watchers.iter().map(|(_, connection)| *connection).collect();
        let all = found.drain().flat_map(|(_, theirs)| theirs);
        Ok(all.filter(|it| named.contains(&it.connection)).collect())
    }

    // ---- who is still to be told ----

    /// Remembers which sockets could not be told of an announcement that comes again under this name.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn put_rest(
        &self,
        name: &str,
        rest: &[(UserId, ConnectionId)],
        now_ms: TimestampMs,
    ) -> Result<(), PortError> {
        let item = Item::new(rest_key(name)).data(&rest).expires(now_ms + REST_LIFE_MS);
        self.table.write(item.put()).await.map(drop)
    }

    /// The sockets remembered under this name, `None` when nothing is.
    ///
    /// # Errors
    /// As those of the table.
    pub async fn rest(&self, name: &str) -> Result<Option<Vec<(UserId, ConnectionId)>>, PortError> {
        let item = self.table.get(&rest_key(name)).await?;
        item.as_ref().map(|item| data("rest", item)).transpose()
    }
}

impl Endpoint {
    fn encoded(&self) -> Vec<u8> {
        let Endpoint { name, session, opened_at, until, state, .. } = self.clone();
        encode(&Stored { name, session, opened_at, until, state })
    }
}

fn key(user: UserId) -> Key {
    Key::new(keys::person(user), "ENDPOINTS")
}

fn watched_key(user: UserId, connection: ConnectionId) -> Key {
    Key::new(keys::person(user), format!("W#{}", hex(&connection.to_bytes())))
}

fn person_watched(user: UserId) -> String {
    format!("WP#{}", hex(&user.to_bytes()))
}

fn conversation_watched(conversation: ConversationId) -> String {
    format!("WC#{}", hex(&conversation.to_bytes()))
}

fn rest_key(name: &str) -> Key {
    Key::new(format!("REST#{name}"), "-")
}

fn watcher_keys(watched: &Watched, connection: ConnectionId) -> impl Iterator<Item = Key> {
    let people = watched.people.iter().map(|user| person_watched(*user));
    let conversations = watched.conversations.iter().map(|id| conversation_watched(*id));
    let sort = hex(&connection.to_bytes());
    people.chain(conversations).map(move |partition| Key::new(partition, sort.clone()))
}

/// Begins with a letter and goes on with digits: a name that an expression takes as it is.
fn attribute(kind: char, connection: ConnectionId) -> String {
    format!("{kind}{}", hex(&connection.to_bytes()))
}

fn watched_of(item: &Attributes) -> Result<Option<Watched>, PortError> {
    if item.is_empty() { Ok(None) } else { data("watched", item).map(Some) }
}

fn sockets(user: UserId, item: &Attributes) -> Result<Vec<Endpoint>, PortError> {
    let ids = item.keys().filter_map(|name| name.strip_prefix(SOCKET)).filter(|rest| rest.len() == 32);
    let ids: Vec<ConnectionId> =
        ids.map(|id| from_hex("socket", id).map(ConnectionId::from_u128)).collect::<Result<_, _>>()?;
    let found = ids.into_iter().filter_map(|connection| socket(user, connection, item).transpose());
    found.collect()
}

fn socket(user: UserId, connection: ConnectionId, item: &Attributes) -> Result<Option<Endpoint>, PortError> {
    let Some(bytes) = bytes_of(item, &attribute(SOCKET, connection)) else { return Ok(None) };
    let Stored { name, session, opened_at, until, state } = crate::codec::decode("socket", bytes)?;
    if name.is_empty() {
        return Err(corrupt("socket", "it has no name"));
    }
    let missed = number_of(item, &attribute(MISSED, connection)).unwrap_or(0);
    Ok(Some(Endpoint { user, connection, name, session, opened_at, until, state, missed }))
}
