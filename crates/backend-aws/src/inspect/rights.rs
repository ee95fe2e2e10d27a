//! What this identity may do: every right that a program needs is tried in a way that changes nothing.
//! Invariant: a tried write has a condition that nothing fulfils, or removes what nobody has; a queue's messages are
//! touched by receipts that are none, and looked at only while there are none.

use std::{error::Error, str::FromStr};

use aws_sdk_dynamodb::types::{
    ConditionCheck, DeleteRequest, KeysAndAttributes, TransactWriteItem, WriteRequest,
};
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_runtime_api::client::{orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::{
    Asking,
    finding::{Asked, Finding, is_denial},
    queues,
};
use crate::{codec::hex, item::Key};

const CHECK: &str = "rights";
/// A condition that holds for nothing at a key that nobody has.
const NEVER: &str = "attribute_exists(pk)";

/// Which program is to run as this identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Holds sockets.
    Gateway,
    /// Stores messages.
    Persister,
    /// Tells gateways.
    Notifier,
    /// Whoever redrives dead letters from the command line.
    Operator,
}

/// What of an installation a right is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Main,
    Live,
    Messages,
    MessagesDead,
    Notifications,
    NotificationsDead,
}

/// Whether something may be done.
enum May {
    Yes,
    No,
    /// Nothing that was answered says so.
    Unknown(String),
}

/// A right, and who needs it: gateway, persister, notifier, operator.
type Right = (&'static str, [bool; 4]);

const MAIN: [Right; 8] = [
    ("dynamodb:GetItem", [true, true, true, true]),
    ("dynamodb:BatchGetItem", [true, true, true, false]),
    ("dynamodb:Query", [true, true, true, true]),
    ("dynamodb:PutItem", [true, true, true, true]),
    ("dynamodb:UpdateItem", [true, true, false, false]),
    ("dynamodb:DeleteItem", [true, true, false, true]),
    ("dynamodb:BatchWriteItem", [true, true, false, false]),
    ("dynamodb:ConditionCheckItem", [true, true, false, false]),
];
const LIVE: [Right; 6] = [
    ("dynamodb:GetItem", [true, false, false, false]),
    ("dynamodb:Query", [true, false, true, false]),
    ("dynamodb:PutItem", [true, true, false, false]),
    ("dynamodb:UpdateItem", [true, false, false, false]),
    ("dynamodb:DeleteItem", [true, false, false, false]),
    ("dynamodb:BatchWriteItem", [true, false, false, false]),
];
const MESSAGES: [Right; 5] = [
    ("sqs:GetQueueAttributes", [true, false, false, true]),
    ("sqs:SendMessage", [true, false, false, true]),
    ("sqs:ReceiveMessage", [false, true, false, false]),
    ("sqs:DeleteMessage", [false, true, false, false]),
    ("sqs:ChangeMessageVisibility", [false, true, false, false]),
];
const NOTIFICATIONS: [Right; 5] = [
    ("sqs:GetQueueAttributes", [true, true, false, true]),
    ("sqs:SendMessage", [true, true, false, true]),
    ("sqs:ReceiveMessage", [false, false, true, false]),
    ("sqs:DeleteMessage", [false, false, true, false]),
    ("sqs:ChangeMessageVisibility", [false, false, true, false]),
];
const DEAD: [Right; 3] = [
    ("sqs:GetQueueAttributes", [true, false, false, true]),
    ("sqs:ReceiveMessage", [true, false, false, true]),
    ("sqs:DeleteMessage", [true, false, false, true]),
];

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Role, String> {
        match text {
            "gateway" => Ok(Role::Gateway),
            "persister" => Ok(Role::Persister),
            "notifier" => Ok(Role::Notifier),
            "operator" => Ok(Role::Operator),
            _ => Err("there are gateway, persister, notifier and operator".to_owned()),
        }
    }
}

impl Role {
    const ALL: [(Role, &'static str); 4] = [
        (Role::Gateway, "gateway"),
        (Role::Persister, "persister"),
        (Role::Notifier, "notifier"),
        (Role::Operator, "operator"),
    ];

    fn needs(self, needed: [bool; 4]) -> bool {
        Role::ALL.iter().zip(needed).any(|((role, _), needed)| *role == self && needed)
    }
}

pub(super) async fn inspect(asking: &Asking<'_>, role: Option<Role>) -> Vec<Finding> {
    let places = tokio::join!(
        place(asking, role, Place::Main, &MAIN),
        place(asking, role, Place::Live, &LIVE),
        place(asking, role, Place::Messages, &MESSAGES),
        place(asking, role, Place::MessagesDead, &DEAD),
        place(asking, role, Place::Notifications, &NOTIFICATIONS),
        place(asking, role, Place::NotificationsDead, &DEAD),
    );
    let (main, live, messages, messages_dead, notifications, notifications_dead) = places;
    let unchecked = "the key of KMS is used by the first message, and files by the first file";
    let rest = vec![Finding::skip(CHECK, "key, files", unchecked)];
    [main, live, messages, messages_dead, notifications, notifications_dead, rest].concat()
}

impl Place {
    fn name<'a>(self, asking: &Asking<'a>) -> &'a str {
        let names = asking.names;
        match self {
            Place::Main => &names.main_table,
            Place::Live => &names.live_table,
            Place::Messages => &names.messages.queue,
            Place::MessagesDead => &names.messages.dead,
            Place::Notifications => &names.notifications.queue,
            Place::NotificationsDead => &names.notifications.dead,
        }
    }

    const fn is_table(self) -> bool {
        matches!(self, Place::Main | Place::Live)
    }
}

async fn place(asking: &Asking<'_>, role: Option<Role>, place: Place, rights: &[Right]) -> Vec<Finding> {
    let name = place.name(asking);
    let wanted: Vec<&Right> =
        rights.iter().filter(|(_, needed)| role.is_none_or(|role| role.needs(*needed))).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let url = if place.is_table() {
        String::new()
    } else {
        match queues::address(asking, name).await {
            Asked::Told(url) => url,
            Asked::Missing => return vec![Finding::skip(CHECK, name, "there is no such queue")],
            Asked::Denied(why) => return vec![lacking(name, "sqs:GetQueueUrl", &[true; 4], role, &why)],
            Asked::Failed(why) => return vec![Finding::skip(CHECK, name, why)],
        }
    };
    let mut allowed = Vec::new();
    let mut found = Vec::new();
    for (action, needed) in wanted {
        let tried = if place.is_table() {
            on_table(asking, name, action).await
        } else {
            on_queue(asking, &url, action).await
        };
        match tried {
            May::Yes => allowed.push(action.split(':').next_back().unwrap_or(action)),
            May::No => found.push(lacking(name, action, needed, role, "")),
            May::Unknown(why) => found.push(Finding::skip(CHECK, name, format!("{action}: {why}"))),
        }
    }
    if !allowed.is_empty() {
        found.insert(0, Finding::ok(CHECK, name, allowed.join(", ")));
    }
    found
}

fn lacking(name: &str, action: &str, needed: &[bool; 4], role: Option<Role>, why: &str) -> Finding {
    let who: Vec<&str> =
        Role::ALL.iter().zip(needed).filter(|(_, needed)| **needed).map(|((_, who), _)| *who).collect();
    let detail = format!("this identity may not {action}{}{why}", if why.is_empty() { "" } else { ": " });
    let advice =
        format!("needed by: {}; give it to the role that runs it (docs/operate/aws.md)", who.join(", "));
    match role {
        Some(_) => Finding::fail(CHECK, name, detail, advice),
        None => Finding::warn(CHECK, name, detail, advice),
    }
}

/// A right on a table. The key is one that nobody has.
async fn on_table(asking: &Asking<'_>, table: &str, action: &str) -> May {
    let key = Key::new(format!("DOCTOR#{}", hex(&asking.jitter.nonce().to_be_bytes())), "-");
    let attributes = key.attributes();
    let client = &asking.tables;
    match action {
        "dynamodb:GetItem" => may(client.get_item().table_name(table).set_key(Some(attributes)).send().await),
        "dynamodb:BatchGetItem" => {
            let Ok(wanted) = KeysAndAttributes::builder().keys(attributes).build() else { return unbuilt() };
            may(client.batch_get_item().request_items(table, wanted).send().await)
        }
        "dynamodb:Query" => {
            let request = client.query().table_name(table).key_condition_expression("pk = :pk");
            may(request.expression_attribute_values(":pk", crate::item::text(&key.partition)).send().await)
        }
        "dynamodb:PutItem" => {
            let request = client.put_item().table_name(table).set_item(Some(attributes));
            may(request.condition_expression(NEVER).send().await)
        }
        "dynamodb:UpdateItem" => {
            let request = client.update_item().table_name(table).set_key(Some(attributes));
            may(request.update_expression("REMOVE d").condition_expression(NEVER).send().await)
        }
        "dynamodb:DeleteItem" => {
            let request = client.delete_item().table_name(table).set_key(Some(attributes));
            may(request.condition_expression(NEVER).send().await)
        }
        "dynamodb:BatchWriteItem" => {
            let Ok(removal) = DeleteRequest::builder().set_key(Some(attributes)).build() else {
                return unbuilt();
            };
            let removal = WriteRequest::builder().delete_request(removal).build();
            may(client.batch_write_item().request_items(table, vec![removal]).send().await)
        }
        "dynamodb:ConditionCheckItem" => {
            let check = ConditionCheck::builder().table_name(table).set_key(Some(attributes));
            let Ok(check) = check.condition_expression(NEVER).build() else { return unbuilt() };
            let item = TransactWriteItem::builder().condition_check(check).build();
            may(client.transact_write_items().transact_items(item).send().await)
        }
        _ => May::Unknown("it is not known how to try it".to_owned()),
    }
}

/// A right on a queue.
async fn on_queue(asking: &Asking<'_>, url: &str, action: &str) -> May {
    /// No receipt that a service ever gave.
    const RECEIPT: &str = "none";
    let client = &asking.queues;
    match action {
        "sqs:GetQueueAttributes" => may(client.get_queue_attributes().queue_url(url).send().await),
        // A FIFO queue takes nothing that has no group.
        "sqs:SendMessage" => may(client.send_message().queue_url(url).message_body("dry").send().await),
        "sqs:DeleteMessage" => {
            may(client.delete_message().queue_url(url).receipt_handle(RECEIPT).send().await)
        }
        "sqs:ChangeMessageVisibility" => {
            let request = client.change_message_visibility().queue_url(url).receipt_handle(RECEIPT);
            may(request.visibility_timeout(0).send().await)
        }
        "sqs:ReceiveMessage" => receive(asking, url).await,
        _ => May::Unknown("it is not known how to try it".to_owned()),
    }
}

/// Receiving counts against a message, so it is tried only where there is none.
async fn receive(asking: &Asking<'_>, url: &str) -> May {
    const WAITING: QueueAttributeName = QueueAttributeName::ApproximateNumberOfMessages;
    let request = asking.queues.get_queue_attributes().queue_url(url).attribute_names(WAITING);
    let attributes = match Asked::of(request.send().await) {
        Asked::Told(answer) => answer.attributes.unwrap_or_default(),
        Asked::Denied(_) => return May::Unknown("whether the queue is empty may not be asked".to_owned()),
        Asked::Failed(why) => return May::Unknown(why),
        Asked::Missing => return May::Unknown("there is no such queue".to_owned()),
    };
    if attributes.get(&WAITING).is_none_or(|count| count != "0") {
        return May::Unknown("messages wait in the queue, and a look would count against them".to_owned());
    }
    let request = asking.queues.receive_message().queue_url(url).max_number_of_messages(1);
    may(request.wait_time_seconds(0).visibility_timeout(0).send().await)
}

fn unbuilt() -> May {
    May::Unknown("the request cannot be built".to_owned())
}

/// Whatever is answered but a denial, the right is there: a condition failed, a receipt is none, a group is missing.
fn may<T, E>(result: Result<T, SdkError<E, HttpResponse>>) -> May
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match &result {
        Ok(_) => May::Yes,
        Err(error) => match error.as_service_error() {
            Some(service) => {
                of_code(service.code().unwrap_or_default(), service.message().unwrap_or_default())
            }
            None => match Asked::of(result) {
                Asked::Failed(why) | Asked::Denied(why) => May::Unknown(why),
                Asked::Told(_) | Asked::Missing => May::Unknown("nothing answered".to_owned()),
            },
        },
    }
}

/// What a code says about a right.
fn of_code(code: &str, message: &str) -> May {
    let last = code.rsplit('.').next().unwrap_or(code);
    if is_denial(last) {
        return May::No;
    }
    match last {
        "ConditionalCheckFailedException"
        | "TransactionCanceledException"
        | "ReceiptHandleIsInvalid"
        | "InvalidParameterValue"
        | "InvalidParameterValueException"
        | "InvalidIdFormat"
        | "MissingParameter"
        | "InvalidParameterCombination" => May::Yes,
        _ => May::Unknown(format!("{code}: {message}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_denial_says_no_and_only_what_came_after_the_rights_says_yes() {
        let word = |code: &str| match of_code(code, "") {
            May::Yes => "yes",
            May::No => "no",
            May::Unknown(_) => "unknown",
        };
        assert_eq!(word("AccessDeniedException"), "no");
        assert_eq!(word("AccessDenied"), "no");
        assert_eq!(word("ConditionalCheckFailedException"), "yes");
        assert_eq!(word("MissingParameter"), "yes");
        assert_eq!(word("ThrottlingException"), "unknown");
        assert_eq!(word("InvalidSignatureException"), "unknown");
    }

    #[test]
    fn every_role_needs_something_of_both_kinds() {
        for (role, name) in Role::ALL {
            assert!(MAIN.iter().any(|(_, needed)| role.needs(*needed)), "{name}");
            assert!(NOTIFICATIONS.iter().any(|(_, needed)| role.needs(*needed)), "{name}");
            assert_eq!(name.parse(), Ok(role));
        }
        assert!("root".parse::<Role>().is_err());
    }
}
