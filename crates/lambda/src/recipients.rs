//! Which sockets have to hear of an announcement: members, the person concerned, those who watch.
//! Invariant: nobody hears of a conversation who is no member of it now, but for the event that ended that (D7); what
//! is read here is read after the event was stored, so a socket left out as catching up finds it by reading.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use backend_aws::Endpoint;
use chat::{Announcement, ConversationId, EventKind, Seq, SessionId, UserId, ports::PortError};
use protocol::{Code, frame::ServerFrame};

use crate::{
    home::Home,
    limits::{MEMBERS_PAGE, TYPING_MEMBERS_MAX},
};

/// What is to be done to a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// Tell the event, if it hears events now.
    Event,
    /// Tell the frame.
    Frame(Arc<[u8]>),
    /// See to it that it has been greeted.
    Greet,
    /// Say why, then close it.
    Close(Arc<[u8]>),
}

/// A socket and what is to be done to it.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    pub(crate) endpoint: Endpoint,
    pub(crate) what: What,
}

/// What was read for one batch.
#[derive(Default)]
pub(crate) struct Rolls {
    /// Members, with the event that made each one.
    members: HashMap<ConversationId, Arc<[(UserId, Seq)]>>,
    endpoints: HashMap<UserId, Vec<Endpoint>>,
}

impl Rolls {
    /// Who has to hear of this announcement, and how.
    pub(crate) async fn recipients(
        &mut self,
        home: &Home,
        announcement: &Announcement,
    ) -> Result<Vec<Recipient>, PortError> {
        let frame: Option<Arc<[u8]>> = ServerFrame::of(announcement).map(|frame| frame.encode().into());
        let tell = |frame: Option<Arc<[u8]>>| What::Frame(frame.unwrap_or_else(|| [].into()));
        Ok(match announcement {
            Announcement::Event { event, .. } => {
                let mut people: HashSet<UserId> = HashSet::new();
                let members = self.members(home, event.conversation, usize::MAX).await?;
                people
                    .extend(members.iter().filter(|(_, joined)| *joined <= event.seq).map(|(user, _)| *user));
                if let EventKind::MemberRemoved { user } = &event.kind {
                    people.insert(*user);
                }
                self.all(home, people, &What::Event).await?
            }
            Announcement::Failed { user, .. } | Announcement::Preferences { user, .. } => {
                self.all(home, [*user].into(), &tell(frame)).await?
            }
            Announcement::Marks { conversation, user, to_all, .. } => {
                let what = tell(frame);
                let mut people: HashSet<UserId> = [*user].into();
                let mut watchers = Vec::new();
                if *to_all {
                    let members = self.members(home, *conversation, usize::MAX).await?;
                    people.extend(members.iter().map(|(user, _)| *user));
                } else {
                    watchers = home.endpoints.watchers_of_conversation(*conversation, home.now_ms()).await?;
                    watchers.retain(|watcher| watcher.user != *user);
                    watchers = only_members(home, *conversation, watchers).await?;
                }
                let mut all = self.all(home, people, &what).await?;
                all.extend(watchers.into_iter().map(|endpoint| Recipient { endpoint, what: what.clone() }));
                all
            }
            Announcement::Typing { conversation, user } => {
                let members = self.members(home, *conversation, TYPING_MEMBERS_MAX + 1).await?;
                if members.len() > TYPING_MEMBERS_MAX {
                    return Ok(Vec::new());
                }
                let others = members.iter().map(|(member, _)| *member).filter(|member| member != user);
                self.all(home, others.collect(), &tell(frame)).await?
            }
            Announcement::Presence { user, .. } => {
                let watchers = home.endpoints.watchers_of_person(*user, home.now_ms()).await?;
                let what = tell(frame);
                let mut all = self.all(home, [*user].into(), &What::Greet).await?;
                all.extend(watchers.into_iter().map(|endpoint| Recipient { endpoint, what: what.clone() }));
                all
            }
            Announcement::SessionsEnded { user, sessions } => {
                const WHY: &str = "This login has ended. Log in again.";
                self.of_sessions(home, *user, sessions, Code::Unauthorized, WHY).await?
            }
            Announcement::AccountDisabled { user, sessions } => {
                const WHY: &str = "The account has been disabled.";
                self.of_sessions(home, *user, sessions, Code::AccountDisabled, WHY).await?
            }
        })
    }

    /// Those of these sockets that are still there, each to be told as the announcement says.
    pub(crate) async fn only(
        &mut self,
        home: &Home,
        announcement: &Announcement,
        rest: &[(UserId, chat::ConnectionId)],
    ) -> Result<Vec<Recipient>, PortError> {
        let mut all = self.recipients(home, announcement).await?;
        all.retain(|it| rest.contains(&(it.endpoint.user, it.endpoint.connection)));
        Ok(all)
    }

    async fn of_sessions(
        &mut self,
        home: &Home,
        user: UserId,
        sessions: &[SessionId],
        code: Code,
        why: &'static str,
    ) -> Result<Vec<Recipient>, PortError> {
        let frame: Arc<[u8]> = ServerFrame::error(None, code, why, None).encode().into();
        let mut all = self.all(home, [user].into(), &What::Close(frame)).await?;
        all.retain(|it| sessions.contains(&it.endpoint.session));
        Ok(all)
    }

    async fn all(
        &mut self,
        home: &Home,
        people: HashSet<UserId>,
        what: &What,
    ) -> Result<Vec<Recipient>, PortError> {
        let unknown: Vec<UserId> =
            people.iter().copied().filter(|user| !self.endpoints.contains_key(user)).collect();
        if !unknown.is_empty() {
            let mut found = home.endpoints.of(unknown.iter().copied(), home.now_ms()).await?;
            for user in unknown {
                self.endpoints.insert(user, found.remove(&user).unwrap_or_default());
            }
        }
        let theirs = people.iter().filter_map(|user| self.endpoints.get(user)).flatten();
        Ok(theirs.map(|endpoint| Recipient { endpoint: endpoint.clone(), what: what.clone() }).collect())
    }

    async fn members(
        &mut self,
        home: &Home,
        conversation: ConversationId,
        most: usize,
    ) -> Result<Arc<[(UserId, Seq)]>, PortError> {
        if let Some(members) = self.members.get(&conversation) {
            return Ok(Arc::clone(members));
        }
        let mut all: Vec<(UserId, Seq)> = Vec::new();
        while all.len() < most {
            let after = all.last().map(|(user, _)| *user);
            let asked = MEMBERS_PAGE.min(most - all.len());
            let page = home.app.store.members(conversation, after, asked).await?;
            let is_last = page.len() < asked;
            all.extend(page.into_iter().map(|member| (member.user, member.membership.joined_seq)));
            if is_last {
                let all: Arc<[(UserId, Seq)]> = all.into();
                self.members.insert(conversation, Arc::clone(&all));
                return Ok(all);
            }
        }
        Ok(all.into())
    }
}

async fn only_members(
    home: &Home,
    conversation: ConversationId,
    watchers: Vec<Endpoint>,
) -> Result<Vec<Endpoint>, PortError> {
    let mut members = Vec::with_capacity(watchers.len());
    for watcher in watchers {
        if home.app.store.member(conversation, watcher.user).await?.is_some() {
            members.push(watcher);
        }
    }
    Ok(members)
}
