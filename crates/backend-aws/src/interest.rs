//! Which nodes have to hear of announcements: each person and each conversation of a batch is looked up once.
//! Invariant: everything is looked up after the whole batch was stored, so whoever connects later finds it by sync (D4).

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
};

use chat::{Announcement, ConversationId, EventKind, NodeId, UserId, ports::PortError};
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::{
    directory::AwsDirectory,
    limits::{REQUESTS_AT_ONCE_MAX, SMALL_MEMBERS_MAX},
};

/// Who has to hear of one announcement.
#[derive(Debug, Default)]
struct Audience {
    people: Vec<UserId>,
    /// Its members.
    conversation: Option<ConversationId>,
    /// Nodes that hold members of it.
    nodes_of: Option<ConversationId>,
    /// All nodes.
    everywhere: bool,
}

/// Members of a conversation, or where they are when they are many.
#[derive(Debug)]
enum Members {
    Few(Vec<UserId>),
    Many(Vec<NodeId>),
}

/// For each announcement the nodes that have to hear of it.
pub(crate) async fn nodes_for(
    directory: &AwsDirectory,
    announcements: &[Arc<Announcement>],
) -> Result<Vec<Vec<NodeId>>, PortError> {
    let audiences: Vec<Audience> = announcements.iter().map(|announcement| audience(announcement)).collect();
    let members = each(audiences.iter().filter_map(|audience| audience.conversation), |conversation| {
        members(directory, conversation)
    });
    let members = members.await?;
    let subscribed = each(audiences.iter().filter_map(|audience| audience.nodes_of), |conversation| {
        directory.subscribed(conversation)
    });
    let subscribed = subscribed.await?;
    let people = |audience: &Audience| -> Vec<UserId> {
        match audience.conversation.map(|id| &members[&id]) {
            Some(Members::Few(few)) => [&audience.people[..], few].concat(),
            _ => audience.people.clone(),
        }
    };
    let nodes = each(audiences.iter().flat_map(people), |user| directory.nodes_of(user)).await?;
    let everywhere: Vec<NodeId> = if audiences.iter().any(|audience| audience.everywhere) {
        directory.living().await?.into_iter().map(|node| node.node).collect()
    } else {
        Vec::new()
    };
    let of = |audience: &Audience| {
        let mut found: BTreeSet<NodeId> =
            people(audience).iter().flat_map(|user| &nodes[user]).copied().collect();
        if let Some(Members::Many(nodes)) = audience.conversation.map(|id| &members[&id]) {
            found.extend(nodes);
        }
        if let Some(id) = audience.nodes_of {
            found.extend(&subscribed[&id]);
        }
        if audience.everywhere {
            found.extend(&everywhere);
        }
        found.into_iter().collect()
    };
    Ok(audiences.iter().map(of).collect())
}

fn audience(announcement: &Announcement) -> Audience {
    let all = Audience::default();
    match announcement {
        Announcement::Event { event, .. } => {
            Audience { people: named_by(&event.kind), conversation: Some(event.conversation), ..all }
        }
        Announcement::Marks { conversation, user, to_all: true, .. } => {
            Audience { people: vec![*user], conversation: Some(*conversation), ..all }
        }
        Announcement::Marks { conversation, user, .. } => {
            Audience { people: vec![*user], nodes_of: Some(*conversation), ..all }
        }
        Announcement::Typing { conversation, .. } => Audience { conversation: Some(*conversation), ..all },
        Announcement::Failed { user, .. }
        | Announcement::SessionsEnded { user, .. }
        | Announcement::AccountDisabled { user, .. }
        | Announcement::Preferences { user, .. } => Audience { people: vec![*user], ..all },
        // Whoever watches may be anywhere.
        Announcement::Presence { .. } => Audience { everywhere: true, ..all },
    }
}

/// People whom an event makes members, or who were one until now: their nodes may not know the conversation.
fn named_by(kind: &EventKind) -> Vec<UserId> {
    match kind {
        EventKind::Created { members, .. } => members.iter().map(|(user, _)| *user).collect(),
        EventKind::MembersAdded { users, .. } => users.clone(),
        EventKind::MemberRemoved { user } => vec![*user],
        _ => Vec::new(),
    }
}

async fn members(directory: &AwsDirectory, conversation: ConversationId) -> Result<Members, PortError> {
    let members = directory.store.members(conversation, None, SMALL_MEMBERS_MAX + 1).await?;
    if members.len() > SMALL_MEMBERS_MAX {
        return Ok(Members::Many(directory.nodes_of_large(conversation).await?));
    }
    Ok(Members::Few(members.into_iter().map(|member| member.user).collect()))
}

/// Looks each key up once, several at the same time.
async fn each<K, V, F>(
    keys: impl Iterator<Item = K>,
    look_up: impl Fn(K) -> F,
) -> Result<BTreeMap<K, V>, PortError>
where
    K: Ord + Copy,
    F: Future<Output = Result<V, PortError>>,
{
    let keys: BTreeSet<K> = keys.collect();
    let look_up = &look_up;
    let found = stream::iter(keys).map(|key| async move { Ok((key, look_up(key).await?)) });
    found.buffer_unordered(REQUESTS_AT_ONCE_MAX).try_collect().await
}
