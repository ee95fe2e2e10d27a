//! Rooms: group conversations made by their first member, large ones in several requests.
//! A room's history begins with the events of its making; counting starts after them.

use std::net::SocketAddr;

use serde_json::json;

use super::accounts::{User, parallel, text};
use crate::{
    client::http::{HttpClient, Request},
    error::{LoadError, Result},
    limits::{MEMBERS_PER_REQUEST, ROOMS_MAX},
};

/// One conversation and its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its id.
    pub conversation: String,
    /// Numbers of the users in it.
    pub members: Vec<usize>,
}

/// Makes a room for each list of members.
///
/// # Errors
/// When the server refuses one.
pub fn create(
    target: SocketAddr,
    users: &[User],
    shapes: Vec<Vec<usize>>,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<Room>> {
    if shapes.len() > ROOMS_MAX {
        return Err(LoadError::Usage(format!("at most {ROOMS_MAX} rooms, not {}", shapes.len())));
    }
    let ids =
        parallel(target, shapes.len(), progress, |http, index| make(http, users, &shapes[index], index))?;
    Ok(ids.into_iter().zip(shapes).map(|(conversation, members)| Room { conversation, members }).collect())
}

fn make(http: &mut HttpClient, users: &[User], members: &[usize], index: usize) -> Result<String> {
    let Some((owner, others)) = members.split_first() else {
        return Err(LoadError::Usage("a room needs a member".into()));
    };
    let token = Some(users[*owner].token.as_str());
    let (first, more) = others.split_at(others.len().min(MEMBERS_PER_REQUEST - 1));
    let ids =
        |members: &[usize]| members.iter().map(|user| users[*user].user_id.as_str()).collect::<Vec<_>>();
    let body =
        json!({"kind": "group", "title": format!("Room {index}"), "memberIds": ids(first)}).to_string();
    let value = http.call(Request { method: "POST", path: "/v1/conversations", token, body: Some(&body) })?;
    let conversation = text(&value, "conversationId")?;
    for part in more.chunks(MEMBERS_PER_REQUEST) {
        let path = format!("/v1/conversations/{conversation}/members");
        let body = json!({"userIds": ids(part)}).to_string();
        http.call(Request { method: "POST", path: &path, token, body: Some(&body) })?;
    }
    Ok(conversation)
}
