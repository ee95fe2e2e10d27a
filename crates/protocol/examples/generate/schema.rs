//! JSON Schemas of the wire's types, in the one form the generators understand.
//! Invariant: a member that may be left out is never `null` in them, because the server never writes `null`.

use std::collections::BTreeMap;

use protocol::{
    Code,
    frame::server::UserPresence,
    frame::{Request, ServerFrame, event::Attachment},
    http::{
        Page, Problem,
        account::{
            AccountBody, AccountPatch, InviteCreated, InviteItem, InviteRequest, LoggedIn, Login,
            PasswordChange, Registration, SessionItem, TicketGranted, UserItem,
        },
        admin::{
            AdminConversationItem, AdminUserItem, AdminUserPatch, DeadLetterCount, DeadLetterItem,
            DeadLetterSelection,
        },
        conversation::{
            ChannelItem, CommandApplied, ConversationItem, ConversationMade, ConversationPatch,
            ConversationRequest, EventsBody, MarksBody, MarksRequest, MemberItem, MembersRequest,
            MessageAccepted, MessagePatch, MessageRequest, ReactionItem, RolePatch, VersionItem,
        },
        health::HealthBody,
        preferences::{
            ConversationPreferencesBody, ConversationPreferencesChange, PreferencesBody, PreferencesChange,
        },
        search::SearchBody,
        server::ServerBody,
    },
};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value};

/// Schemas by name.
pub(crate) type Definitions = BTreeMap<String, Value>;

/// Everything.
pub(crate) fn all() -> Definitions {
    let mut all = client();
    all.extend(server());
    all.extend(http());
    all
}

/// Client frames.
pub(crate) fn client() -> Definitions {
    definitions(|generator| {
        generator.subschema_for::<Request>();
    })
}

/// Server frames.
pub(crate) fn server() -> Definitions {
    definitions(|generator| {
        generator.subschema_for::<ServerFrame<'_>>();
    })
}

macro_rules! add {
    ($generator:ident: $($body:ty),* $(,)?) => {$( $generator.subschema_for::<$body>(); )*};
}

/// HTTP bodies.
pub(crate) fn http() -> Definitions {
    definitions(|generator| {
        add!(generator: Problem, Code);
        add!(generator: Registration, Login, LoggedIn, SessionItem, AccountBody, AccountPatch, PasswordChange,
            TicketGranted, UserItem, InviteRequest, InviteCreated, InviteItem, UserPresence);
        add!(generator: ConversationRequest, ConversationMade, ConversationItem, ConversationPatch, ChannelItem,
            MemberItem, MembersRequest, RolePatch, EventsBody<'_>, MessageRequest, MessageAccepted, MessagePatch,
            CommandApplied, VersionItem, ReactionItem, MarksRequest, MarksBody, SearchBody<'_>);
        add!(generator: DeadLetterItem, DeadLetterSelection, DeadLetterCount, AdminUserItem, AdminUserPatch,
            AdminConversationItem, HealthBody);
        add!(generator: ServerBody, PreferencesBody, PreferencesChange, ConversationPreferencesBody,
            ConversationPreferencesChange, Attachment<'_>);
        add!(generator: Page<SessionItem>, Page<UserItem>, Page<InviteItem>, Page<UserPresence>,
            Page<ConversationItem>, Page<ChannelItem>, Page<MemberItem>, Page<VersionItem>, Page<ReactionItem>,
            Page<DeadLetterItem>, Page<AdminUserItem>, Page<AdminConversationItem>);
    })
}

fn definitions(add: impl FnOnce(&mut SchemaGenerator)) -> Definitions {
    let mut generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    add(&mut generator);
    generator
        .definitions()
        .iter()
        .map(|(name, schema)| (name.clone(), without_null(schema.clone())))
        .collect()
}

/// Takes `null` out of members that may be left out.
fn without_null(mut schema: Value) -> Value {
    if let Some(object) = schema.as_object_mut() {
        let required: Vec<Value> =
            object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        if let Some(properties) = object.get_mut("properties").and_then(Value::as_object_mut) {
            for (name, property) in properties.iter_mut() {
                if !required.contains(&Value::from(name.as_str())) {
                    drop_null(property);
                }
            }
        }
        for (_, inner) in object.iter_mut() {
            *inner = without_null(inner.take());
        }
    } else if let Some(items) = schema.as_array_mut() {
        for inner in items.iter_mut() {
            *inner = without_null(inner.take());
        }
    }
    schema
}

fn drop_null(property: &mut Value) {
    let Some(object) = property.as_object_mut() else { return };
    if let Some(types) = object.get_mut("type").and_then(Value::as_array_mut) {
        types.retain(|kind| kind != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".into(), only);
        }
    }
    if let Some(choices) = object.get_mut("anyOf").and_then(Value::as_array_mut) {
        choices.retain(|choice| choice["type"] != "null");
        if let [only] = choices.as_slice() {
            let only = only.as_object().cloned().unwrap_or_default();
            object.remove("anyOf");
            for (key, value) in only {
                object.entry(key).or_insert(value);
            }
        }
    }
}

/// The same with the members of every object in alphabetical order.
pub(crate) fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<String, Value> =
                members.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            Value::Object(members.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
