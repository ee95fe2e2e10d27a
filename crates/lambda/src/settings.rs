//! What a function is told by its environment: names of tables and queues, addresses, the operator's choices.
//! Knows no value of its own but defaults; whatever is wrong is said with the name of the variable.

use std::{env, str::FromStr};

use anyhow::{Context as _, Result, bail, ensure};
use backend_aws::{AwsNames, QueueNames};
use chat::{RegistrationPolicy, account::SecretHash};

/// Which handler this process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Handler {
    /// `$connect`.
    Connect,
    /// `$disconnect`.
    Disconnect,
    /// The route of messages.
    Send,
    /// `$default`.
    Default,
    /// Who may connect.
    Authorizer,
    /// The routes over HTTP.
    Http,
    /// Commands become events.
    Persist,
    /// Events reach sockets.
    Notify,
    /// Keeps other functions warm.
    Warm,
}

/// Everything that is chosen outside.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) names: AwsNames,
    pub(crate) files_bucket: Option<String>,
    pub(crate) post_endpoint: Option<String>,
    pub(crate) server_name: String,
    pub(crate) registration: RegistrationPolicy,
    pub(crate) operator: Option<SecretHash>,
    pub(crate) own_origins: Vec<String>,
    pub(crate) cors_origins: Vec<String>,
    pub(crate) plain_http: bool,
    /// Name of the secret that the header `x-dynamowave-origin` must have: only the distribution in front knows it.
    pub(crate) origin_secret: Option<String>,
}

impl FromStr for Handler {
    type Err = anyhow::Error;
    fn from_str(text: &str) -> Result<Handler> {
        Ok(match text {
            "connect" => Handler::Connect,
            "disconnect" => Handler::Disconnect,
            "send" => Handler::Send,
            "default" => Handler::Default,
            "authorizer" => Handler::Authorizer,
            "http" => Handler::Http,
            "persist" => Handler::Persist,
            "notify" => Handler::Notify,
            "warm" => Handler::Warm,
            _ => bail!(
                "DYNAMOWAVE_HANDLER is {text:?}; it is one of connect, disconnect, send, default, authorizer, http, \
                 persist, notify, warm"
            ),
        })
    }
}

impl Handler {
    /// What `DYNAMOWAVE_HANDLER` says.
    pub(crate) fn from_environment() -> Result<Handler> {
        required("DYNAMOWAVE_HANDLER")?.parse()
    }
}

impl Settings {
    /// What the environment says.
    pub(crate) fn from_environment() -> Result<Settings> {
        let queue = |name: &str| {
            Ok::<_, anyhow::Error>(QueueNames {
                queue: required(&format!("DYNAMOWAVE_AWS_{name}_QUEUE"))?,
                dead: required(&format!("DYNAMOWAVE_AWS_{name}_DEAD_QUEUE"))?,
            })
        };
        Ok(Settings {
            names: AwsNames {
                main_table: required("DYNAMOWAVE_AWS_MAIN_TABLE")?,
                live_table: required("DYNAMOWAVE_AWS_LIVE_TABLE")?,
                messages: queue("MESSAGES")?,
                notifications: queue("NOTIFICATIONS")?,
            },
            files_bucket: optional("DYNAMOWAVE_AWS_FILES_BUCKET"),
            post_endpoint: optional("DYNAMOWAVE_POST_ENDPOINT"),
            server_name: optional("DYNAMOWAVE_SERVER_NAME").unwrap_or_else(|| "DynamoWave Chat".to_owned()),
            registration: registration(optional("DYNAMOWAVE_REGISTRATION_POLICY").as_deref())?,
            operator: hash("DYNAMOWAVE_OPERATOR_TOKEN_SHA256")?,
            own_origins: list("DYNAMOWAVE_OWN_ORIGINS"),
            cors_origins: list("DYNAMOWAVE_SERVER_ALLOWED_ORIGINS"),
            plain_http: optional("DYNAMOWAVE_PLAIN_HTTP").is_some_and(|value| value == "true"),
            origin_secret: optional("DYNAMOWAVE_ORIGIN_SECRET_ARN"),
        })
    }
}

fn registration(text: Option<&str>) -> Result<RegistrationPolicy> {
    Ok(match text {
        Some("open") => RegistrationPolicy::Open,
        None | Some("invite" | "auto") => RegistrationPolicy::Invite,
        Some("closed") => RegistrationPolicy::Closed,
        Some(other) => bail!("DYNAMOWAVE_REGISTRATION_POLICY is {other:?}; it is open, invite or closed"),
    })
}

fn optional(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn required(name: &str) -> Result<String> {
    optional(name).with_context(|| format!("the environment variable {name} is missing"))
}

pub(crate) fn list(name: &str) -> Vec<String> {
    let text = optional(name).unwrap_or_default();
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn hash(name: &str) -> Result<Option<SecretHash>> {
    optional(name).map(|text| parse_hash(&text).with_context(|| name.to_owned())).transpose()
}

fn parse_hash(text: &str) -> Result<SecretHash> {
    ensure!(text.len() == 64 && text.is_ascii(), "it is not the 64 hexadecimal digits of a SHA-256");
    let mut bytes = SecretHash::default();
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16)?;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        assert_eq!("persist".parse::<Handler>().unwrap(), Handler::Persist);
        let error = "stream".parse::<Handler>().unwrap_err().to_string();
        assert!(error.contains("\"stream\"") && error.contains("notify"), "{error}");
        assert_eq!(
            registration(None).unwrap(),
            RegistrationPolicy::Invite,
            "who deploys it has put it on the net"
        );
        assert!(registration(Some("all")).is_err());
    }

    #[test]
    fn hashes_are_read_or_refused() {
        assert_eq!(parse_hash(&"0f".repeat(32)).unwrap(), [15; 32]);
        assert!(parse_hash("0f").is_err() && parse_hash(&"zz".repeat(32)).is_err());
        assert!(parse_hash(&"é".repeat(32)).is_err());
    }
}
