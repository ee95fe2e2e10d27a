//! Looking into a data folder: every row and every record as readable JSON, for operators and for tests.
//! Masks secrets (D7) and changes nothing that matters; the server must not run meanwhile, which the lock sees to.

use std::{ops::ControlFlow, sync::Arc};

use chat::{Account, Announcement, Invite, Session, change::MarkState};
use journal::{FileSystem, Journal, Position};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    codec::{self, StoredCommand, StoredConversation, StoredDead, StoredMember, StoredRow, StoredVersion},
    config::Config,
    core::Applied,
    embedded::journal_options,
    engine::Engine,
    error::{Fault, OpenError},
    keys::{self, KEYSPACES, Keyspace},
    limits::{REFILL_BYTES, REFILL_RECORDS},
    record::{Genesis, Record, StoredArrival},
};

/// Names under which secrets are stored.
const SECRETS: [&str; 6] =
    ["password_hash", "verified_hash", "token_hash", "code_hash", "invite_code", "secret"];

/// Key and value as they are stored.
pub type RawRow = (Vec<u8>, Vec<u8>);

/// An open data folder, to be read.
pub struct Inspector {
    engine: Engine,
    journal: Journal,
}

impl Inspector {
    /// Opens the folder of a configuration. The journal's torn tail is cut, as a start would do.
    ///
    /// # Errors
    /// [`OpenError`], as for [`Embedded::open`](crate::Embedded::open), except that the store is not brought up to
    /// date.
    pub fn open(config: &Config) -> Result<Inspector, OpenError> {
        let disk = Arc::new(FileSystem::open(config.data.join("journal"))?);
        let (journal, _) = Journal::open(disk, journal_options(config, 0))?;
        let folder = config.data.join("store");
        let engine = Engine::open(&folder, config.memtable_bytes, config.block_cache_bytes);
        let engine = engine.map_err(|source| OpenError::Store { folder, source })?;
        Ok(Inspector { engine, journal })
    }

    /// Names of the kinds of rows.
    #[must_use]
    pub fn keyspaces() -> Vec<String> {
        KEYSPACES.iter().map(|keyspace| name(*keyspace)).collect()
    }

    /// Calls `each` with every row, or those of one kind, in key order: `{keyspace, key, value}`.
    ///
    /// # Errors
    /// A row cannot be read; rows before it have been given.
    pub fn rows(
        &self,
        keyspace: Option<&str>,
        mut each: impl FnMut(Value) -> ControlFlow<()>,
    ) -> Result<(), Fault> {
        for kind in KEYSPACES.into_iter().filter(|kind| keyspace.is_none_or(|wanted| name(*kind) == wanted)) {
            for pair in self.engine.prefix(&keys::Key::new(kind)) {
                let (key, value) = pair?;
                let mut value = readable(kind, &key, &value)?;
                mask(&mut value);
                let row = json!({ "keyspace": name(kind), "key": readable_key(kind, &key), "value": value });
                if each(row).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Calls `each` with every journal record from a position on: `{position, time, kind, …}`.
    ///
    /// # Errors
    /// A record cannot be read; records before it have been given.
    pub fn records(&self, from: u64, mut each: impl FnMut(Value) -> ControlFlow<()>) -> Result<(), Fault> {
        let mut reader = self.journal.reader(Position(from).max(self.journal.first()));
        let mut records = Vec::new();
        while reader.read(REFILL_RECORDS, REFILL_BYTES, &mut records)? > 0 {
            for record in records.drain(..) {
                let decoded = Record::decode(record.position.0, record.kind, &record.payload)?;
                let mut value = readable_record(&decoded);
                mask(&mut value);
                let line = json!({ "position": record.position.0, "time": record.time_ms, "record": value });
                if each(line).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Every row as bytes, in key order, for comparing two stores.
    ///
    /// # Errors
    /// A row cannot be read.
    pub fn raw_rows(&self) -> Result<Vec<RawRow>, Fault> {
        let all = self.engine.prefix(&[]);
        all.map(|pair| pair.map(|(key, value)| (key.to_vec(), value.to_vec()))).collect()
    }
}

fn name(keyspace: Keyspace) -> String {
    let mut name = format!("{keyspace:?}");
    name[..1].make_ascii_lowercase();
    name
}

fn value<T: DeserializeOwned + Serialize>(what: &'static str, bytes: &[u8]) -> Result<Value, Fault> {
    let decoded: T = codec::decode(what, bytes)?;
    Ok(to_json(&decoded))
}

fn to_json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_else(|error| Value::String(format!("not JSON: {error}")))
}

fn readable(keyspace: Keyspace, key: &[u8], bytes: &[u8]) -> Result<Value, Fault> {
    match keyspace {
        Keyspace::System if key.ends_with(b"genesis") => value::<Genesis>("genesis", bytes),
        Keyspace::System if key.ends_with(b"applied") => value::<Applied>("applied", bytes),
        Keyspace::System if key.ends_with(b"arrival") => value::<StoredArrival>("arrival", bytes),
        Keyspace::System => value::<u32>("format", bytes),
        Keyspace::Account => value::<Account>("account", bytes),
        Keyspace::Session => value::<Session>("session", bytes),
        Keyspace::Invite => value::<Invite>("invite", bytes),
        Keyspace::Conversation => value::<StoredConversation>("conversation", bytes),
        Keyspace::Member | Keyspace::MemberOf => value::<StoredMember>("member", bytes),
        Keyspace::Mark => value::<MarkState>("mark", bytes),
        Keyspace::Row => value::<StoredRow>("row", bytes),
        Keyspace::Version => value::<StoredVersion>("version", bytes),
        Keyspace::Command => value::<StoredCommand>("command row", bytes),
        Keyspace::Dead => value::<StoredDead>("dead letter", bytes),
        Keyspace::Failure => value::<(u64, Announcement)>("failure", bytes),
        Keyspace::Username | Keyspace::Direct | Keyspace::Request => Ok(uuid(bytes, 0)),
        Keyspace::Profile => value::<chat::Profile>("profile", bytes),
        Keyspace::Preferences => value::<chat::Preferences>("preferences", bytes),
        Keyspace::ConversationPreferences => value::<chat::ConversationPreferences>("preferences", bytes),
        Keyspace::Upload => value::<chat::Upload>("upload", bytes),
        Keyspace::UploadUnsent => value::<u64>("size of an upload", bytes),
        Keyspace::Shown => value::<chat::attachment::Shown>("place of a file", bytes),
        Keyspace::UploadLoose => Ok(Value::Null),
        Keyspace::SessionOfUser | Keyspace::InviteByAge | Keyspace::InviteById => Ok(json!("masked")),
        Keyspace::Channel | Keyspace::Reaction | Keyspace::Mention => Ok(Value::Null),
        Keyspace::Erasure | Keyspace::Erased => value::<crate::erase::Erasure>("erasure", bytes),
    }
}

fn readable_key(keyspace: Keyspace, key: &[u8]) -> Value {
    let (id, number, text) = (|at| uuid(key, at), |at| keys::number(key, at), |at| text(key, at));
    match keyspace {
        Keyspace::System | Keyspace::Username => json!([text(1)]),
        Keyspace::Session | Keyspace::Invite => json!(["masked"]),
        Keyspace::Account
        | Keyspace::InviteById
        | Keyspace::Conversation
        | Keyspace::Channel
        | Keyspace::Profile
        | Keyspace::Preferences
        | Keyspace::Upload
        | Keyspace::UploadLoose
        | Keyspace::Shown => {
            json!([id(1)])
        }
        Keyspace::SessionOfUser
        | Keyspace::Direct
        | Keyspace::Request
        | Keyspace::Member
        | Keyspace::MemberOf
        | Keyspace::ConversationPreferences
        | Keyspace::UploadUnsent
        | Keyspace::Mark => json!([id(1), id(17)]),
        Keyspace::InviteByAge => json!([number(1), id(9)]),
        Keyspace::Row | Keyspace::Erasure | Keyspace::Erased => json!([id(1), number(17)]),
        Keyspace::Version => json!([id(1), number(17), keys::array(key, 25).map_or(0, u32::from_be_bytes)]),
        Keyspace::Reaction => json!([id(1), number(17), id(25), text(41)]),
        Keyspace::Mention => json!([id(1), id(17), number(33)]),
        Keyspace::Command => json!([id(1), id(17), id(33)]),
        Keyspace::Dead => json!([number(1)]),
        Keyspace::Failure => {
            json!([id(1), number(17), keys::array(key, 25).map_or(0, u32::from_be_bytes)])
        }
    }
}

fn uuid(bytes: &[u8], at: usize) -> Value {
    json!(chat::UserId::from_bytes(keys::id(bytes, at)).to_string())
}

fn text(key: &[u8], at: usize) -> String {
    String::from_utf8_lossy(key.get(at..).unwrap_or_default()).into_owned()
}

fn readable_record(record: &Record) -> Value {
    match record {
        Record::Genesis(genesis) => json!({ "genesis": to_json(genesis) }),
        Record::Command(envelope) => json!({ "command": to_json(envelope) }),
        Record::Stray(envelope) => json!({ "stray": to_json(envelope) }),
        Record::Change(change) => json!({ "change": to_json(change) }),
        Record::Dead(dead) => json!({ "dead": to_json(dead) }),
        Record::Redrive(redrive) => json!({ "redrive": to_json(redrive) }),
        Record::Drop(items) => json!({ "drop": items }),
        Record::Failures(failures) => json!({ "failures": to_json(failures) }),
        Record::Settled(settled) => json!({ "settled": to_json(settled) }),
        Record::Passed(items) => json!({ "passed": items }),
        Record::Erased(erased) => json!({ "erased": to_json(erased) }),
        Record::Late(late) => json!({ "late": to_json(late) }),
        Record::Moved(moved) => json!({ "moved": to_json(moved) }),
        Record::Import(import) => json!({ "import": to_json(import) }),
    }
}

/// Masks secrets by name, and the invitation's code hash, which a registration carries under `invite`.
fn mask(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                let is_code = name == "invite" && field.is_array();
                if is_code || SECRETS.contains(&name.as_str()) {
                    *field = json!("masked");
                } else {
                    mask(field);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        _ => {}
    }
}
