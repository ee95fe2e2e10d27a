//! Accounts: registered over HTTP by several connections at once, or taken from a file of an earlier run.
//! Password checks are slow on purpose; a file of tokens, or a server configured with cheap ones, saves minutes.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    client::http::{HttpClient, Request},
    error::{Context as _, LoadError, Result},
    limits::{SETUP_CONNECTIONS, USERS_MAX},
};

/// One account and the right to use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Its id.
    pub user_id: String,
    /// Its bearer token.
    pub token: String,
}

/// Password of every account of the generator. They hold nothing, and the server is a test server.
const PASSWORD: &str = "a long enough password";

/// Registers `count` fresh accounts whose names begin with `prefix`.
///
/// # Errors
/// When the server refuses one.
pub fn register(
    target: SocketAddr,
    prefix: &str,
    count: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<User>> {
    if count > USERS_MAX {
        return Err(LoadError::Usage(format!("at most {USERS_MAX} users, not {count}")));
    }
    parallel(target, count, progress, |http, index| {
        let body = json!({"username": format!("{prefix}{index}"), "password": PASSWORD}).to_string();
        let value =
            http.call(Request { method: "POST", path: "/v1/accounts", token: None, body: Some(&body) })?;
        Ok(User { user_id: text(&value, "userId")?, token: text(&value, "token")? })
    })
}

/// Takes the accounts from `file` as far as the server still knows the first of them, registers the missing ones, and
/// writes all of them back.
///
/// # Errors
/// When the file is no list of accounts, or the server refuses a registration.
pub fn reuse_or_register(
    target: SocketAddr,
    file: &Path,
    prefix: &str,
    count: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<User>> {
    let mut users = read(file)?;
    if let Some(first) = users.first() {
        let request = Request { method: "GET", path: "/v1/account", token: Some(&first.token), body: None };
        if HttpClient::new(target).send(request)?.status != 200 {
            users.clear();
        }
    }
    users.truncate(count);
    let missing = count - users.len();
    users.extend(register(target, prefix, missing, progress)?);
    let text = serde_json::to_string(&users).map_err(|error| LoadError::Protocol(error.to_string()))?;
    fs::write(file, text).context("writing the file of accounts")?;
    Ok(users)
}

fn read(file: &Path) -> Result<Vec<User>> {
    match fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| LoadError::File { path: file.to_owned(), reason: error.to_string() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error).context("reading the file of accounts"),
    }
}

/// Text of a field that the protocol promises.
pub(super) fn text(value: &serde_json::Value, field: &str) -> Result<String> {
    let text = value.get(field).and_then(serde_json::Value::as_str);
    text.map(str::to_owned).ok_or_else(|| LoadError::Protocol(format!("{field} is missing in {value}")))
}

/// Does `count` jobs over several HTTP connections; results in the order of the jobs.
pub(super) fn parallel<T: Send>(
    target: SocketAddr,
    count: usize,
    progress: &(dyn Fn(u64) + Sync),
    job: impl Fn(&mut HttpClient, usize) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let work = || -> Result<Vec<(usize, T)>> {
        let mut http = HttpClient::new(target);
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= count {
                return Ok(done);
            }
            done.push((index, job(&mut http, index)?));
            progress(1);
        }
    };
    let mut results: Vec<(usize, T)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..SETUP_CONNECTIONS.min(count)).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .map(|result| result.unwrap_or_else(|_| Err(LoadError::Protocol("a worker panicked".into()))))
            .collect::<Result<Vec<_>>>()
    })?
    .into_iter()
    .flatten()
    .collect();
    results.sort_unstable_by_key(|(index, _)| *index);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}
