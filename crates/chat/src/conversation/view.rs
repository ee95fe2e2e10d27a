//! What is loaded of one conversation while a batch of its commands is decided, and what they change in it.
//! Invariant: after every [`View::apply`] the view equals what a store would load once the effects are written.

use std::collections::BTreeMap;

use super::{ConversationKind, Effects, Membership, Meta, Needs, Outcome, Role, decide};
use crate::{
    attachment::Attachment,
    command::{Command, Envelope},
    conversation::Decision,
    event::{Event, EventKind, Row, Version},
    ids::{AttachmentId, CommandId, ConversationId, Seq, TimestampMs, UserId},
};

/// The loaded part of one conversation. Built by a store from [`Needs`], then fed commands in order.
#[derive(Debug, Clone)]
pub struct View {
    pub(super) conversation: ConversationId,
    pub(super) meta: Option<Meta>,
    pub(super) members: BTreeMap<UserId, Membership>,
    pub(super) rows: BTreeMap<Seq, Row>,
    pub(super) commands: BTreeMap<(UserId, CommandId), Seq>,
    pub(super) reactions: BTreeMap<(Seq, UserId, String), ()>,
    expected_head: Seq,
    changes: Changes,
}

/// What has changed since the view was loaded; rows and memberships are taken from the view at the end.
#[derive(Debug, Clone, Default)]
struct Changes {
    events: Vec<Event>,
    rows: BTreeMap<Seq, ()>,
    versions: Vec<Version>,
    erased: Vec<(Seq, u32)>,
    members: BTreeMap<UserId, ()>,
    reactions: BTreeMap<(Seq, UserId, String), bool>,
    mentions: BTreeMap<(UserId, Seq), bool>,
    files: BTreeMap<(AttachmentId, Seq), bool>,
    commands: Vec<(UserId, CommandId, Seq)>,
}

impl Needs {
    /// Adds what `envelope` needs.
    pub fn add(&mut self, envelope: &Envelope) {
        self.members.push(envelope.actor);
        self.commands.push((envelope.actor, envelope.command_id));
        self.rows.extend(envelope.command.target());
        match &envelope.command {
            Command::Send { mentions, reply_to, .. } => {
                self.members.extend(mentions);
                self.rows.extend(*reply_to);
            }
            Command::Edit { mentions, .. } => self.members.extend(mentions),
            Command::React { target, emoji } | Command::Unreact { target, emoji } => {
                self.reactions.push((*target, envelope.actor, emoji.clone()));
            }
            Command::AddMembers { users } => self.members.extend(users),
            Command::RemoveMember { user } | Command::SetRole { user, .. } => self.members.push(*user),
            Command::Delete { .. } | Command::Describe { .. } | Command::Join | Command::Leave => {}
        }
    }
}

impl View {
    /// A view of a conversation as loaded; `meta` is `None` when it does not exist. Fill it with the `with_*` calls.
    #[must_use]
    pub fn new(conversation: ConversationId, meta: Option<Meta>) -> View {
        let expected_head = meta.as_ref().map_or(0, |meta| meta.head);
        View {
            conversation,
            meta,
            members: BTreeMap::new(),
            rows: BTreeMap::new(),
            commands: BTreeMap::new(),
            reactions: BTreeMap::new(),
            expected_head,
            changes: Changes::default(),
        }
    }

    /// Adds a membership that exists.
    pub fn with_member(&mut self, user: UserId, membership: Membership) {
        self.members.insert(user, membership);
    }

    /// Adds a row of the log.
    pub fn with_row(&mut self, row: Row) {
        self.rows.insert(row.event.seq, row);
    }

    /// Adds a command that was applied before, with the `seq` of its event.
    pub fn with_command(&mut self, user: UserId, command: CommandId, seq: Seq) {
        self.commands.insert((user, command), seq);
    }

    /// Adds a reaction that stands.
    pub fn with_reaction(&mut self, target: Seq, user: UserId, emoji: String) {
        self.reactions.insert((target, user, emoji), ());
    }

    /// A new conversation: its log begins with `Created` at seq 1. `members` must include the creator once.
    #[must_use]
    pub fn create(
        conversation: ConversationId,
        creator: (UserId, CommandId),
        at: TimestampMs,
        kind: ConversationKind,
        (title, description): (Option<String>, Option<String>),
        members: Vec<(UserId, Role)>,
    ) -> Effects {
        let mut view = View::new(conversation, None);
        let created = EventKind::Created { kind, title, description, members };
        view.apply(&Event {
            conversation,
            seq: 1,
            at,
            actor: creator.0,
            command_id: creator.1,
            kind: created,
        });
        view.into_effects().expect("invariant: a created conversation has a meta and one event")
    }

    /// Decides one command and applies what it comes to.
    pub fn execute(&mut self, envelope: &Envelope) -> Outcome {
        match decide::decide(self, envelope) {
            Decision::Append(event) => {
                let seq = event.seq;
                self.apply(&event);
                Outcome::Applied { seq }
            }
            Decision::Duplicate(seq) => Outcome::Applied { seq },
            Decision::Unchanged => Outcome::Unchanged,
            Decision::Refused(refusal) => Outcome::Refused(refusal),
        }
    }

    /// What a command would come to, without applying it.
    #[must_use]
    pub fn decide(&self, envelope: &Envelope) -> Decision {
        decide::decide(self, envelope)
    }

    /// The stored event at `seq`, made complete for announcing again; `None` when it or its target is not loaded.
    #[must_use]
    pub fn event_again(&self, seq: Seq) -> Option<(Event, u64)> {
        let row = self.rows.get(&seq)?;
        let mut event = row.event.clone();
        if let EventKind::Edited { target, body, mentions } = &mut event.kind
            && let EventKind::Message { body: now, mentions: named, .. } = &self.rows.get(target)?.event.kind
        {
            now.clone_into(body);
            named.clone_into(mentions);
        }
        Some((event, row.ordinal))
    }

    /// The message count at `seq`, for events of this batch and rows loaded with it.
    #[must_use]
    pub fn ordinal(&self, seq: Seq) -> Option<u64> {
        self.rows.get(&seq).map(|row| row.ordinal)
    }

    /// What has to be written; `None` when no command changed anything.
    #[must_use]
    pub fn into_effects(self) -> Option<Effects> {
        let View { conversation, meta, members, mut rows, expected_head, changes, .. } = self;
        if changes.events.is_empty() {
            return None;
        }
        Some(Effects {
            conversation,
            expected_head,
            meta: meta?,
            events: changes.events,
            rows: changes.rows.into_keys().filter_map(|seq| rows.remove(&seq)).collect(),
            versions: changes.versions,
            erased: changes.erased,
            members: changes.members.into_keys().map(|user| (user, members.get(&user).copied())).collect(),
            reactions: changes
                .reactions
                .into_iter()
                .map(|((seq, user, emoji), set)| (seq, user, emoji, set))
                .collect(),
            mentions: changes.mentions.into_iter().map(|((user, seq), set)| (user, seq, set)).collect(),
            files: changes.files.into_iter().map(|((file, seq), shown)| (file, seq, shown)).collect(),
            commands: changes.commands,
        })
    }

    /// Applies an event that was decided on this view.
    pub fn apply(&mut self, event: &Event) {
        let is_message = matches!(event.kind, EventKind::Message { .. });
        if let EventKind::Created { kind, title, description, members } = &event.kind {
            self.meta = Some(new_meta(event, *kind, title.clone(), description.clone(), members));
        }
        let meta = self.meta.as_mut().expect("invariant: decide appends only to what exists or creates it");
        meta.head = event.seq;
        meta.active_at = event.at;
        if is_message {
            meta.messages += 1;
            meta.last_message = event.seq;
        }
        let ordinal = meta.messages;
        self.apply_kind(event);
        self.rows.insert(event.seq, Row::of(event, ordinal));
        self.changes.rows.insert(event.seq, ());
        self.commands.insert((event.actor, event.command_id), event.seq);
        self.changes.commands.push((event.actor, event.command_id, event.seq));
        self.changes.events.push(event.clone());
    }

    fn apply_kind(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Created { members, .. } => {
                for (user, role) in members {
                    self.set_member(*user, Some(*role), event);
                }
            }
            EventKind::Message { mentions, attachments, .. } => {
                self.set_mentions(event.seq, &[], mentions);
                self.set_files(event.seq, attachments, true);
            }
            EventKind::Edited { target, .. } => self.apply_edit(*target, event),
            EventKind::Deleted { target } => self.apply_delete(*target, event),
            EventKind::Reacted { target, emoji } => self.set_reaction(*target, emoji, event, true),
            EventKind::Unreacted { target, emoji } => self.set_reaction(*target, emoji, event, false),
            EventKind::Described { title, description } => {
                self.describe(title.as_ref(), description.as_ref());
            }
            EventKind::MembersAdded { users, role } => {
                for user in users {
                    self.set_member(*user, Some(*role), event);
                    self.count_member(1, *role, 1);
                }
            }
            EventKind::MemberRemoved { user } => {
                let role = self.members.get(user).map_or(Role::Member, |member| member.role);
                self.set_member(*user, None, event);
                self.count_member(-1, role, -1);
            }
            EventKind::RoleChanged { user, role } => self.change_role(*user, *role),
        }
    }

    fn apply_edit(&mut self, target: Seq, event: &Event) {
        let Some(row) = self.rows.get_mut(&target) else { return };
        let (EventKind::Message { body, mentions, .. }, Some(state)) = (&row.event.kind, &row.message) else {
            return;
        };
        let version = Version {
            target,
            number: state.edits,
            at: state.edited_at.unwrap_or(row.event.at),
            body: body.clone(),
        };
        let before = mentions.clone();
        if row.apply(event) {
            self.changes.versions.push(version);
            self.changes.rows.insert(target, ());
            if let EventKind::Edited { mentions, .. } = &event.kind {
                self.set_mentions(target, &before, mentions);
            }
        }
    }

    fn apply_delete(&mut self, target: Seq, event: &Event) {
        let Some(row) = self.rows.get_mut(&target) else { return };
        let (EventKind::Message { mentions, attachments, .. }, Some(state)) = (&row.event.kind, &row.message)
        else {
            return;
        };
        let (before, files, edits) = (mentions.clone(), attachments.clone(), state.edits);
        if row.apply(event) {
            self.changes.rows.insert(target, ());
            self.changes.versions.retain(|version| version.target != target);
            self.changes.reactions.retain(|(seq, ..), _| *seq != target);
            self.changes.erased.push((target, edits));
            self.reactions.retain(|(seq, ..), ()| *seq != target);
            self.set_mentions(target, &before, &[]);
            self.set_files(target, &files, false);
        }
    }

    fn set_reaction(&mut self, target: Seq, emoji: &str, event: &Event, set: bool) {
        if self.rows.get_mut(&target).is_some_and(|row| row.apply(event)) {
            self.changes.rows.insert(target, ());
            let key = (target, event.actor, emoji.to_owned());
            if set {
                self.reactions.insert(key.clone(), ());
            } else {
                self.reactions.remove(&key);
            }
            self.changes.reactions.insert(key, set);
        }
    }

    fn set_mentions(&mut self, target: Seq, before: &[UserId], now: &[UserId]) {
        for user in before {
            self.changes.mentions.insert((*user, target), false);
        }
        for user in now {
            self.changes.mentions.insert((*user, target), true);
        }
    }

    fn set_files(&mut self, target: Seq, files: &[Attachment], shown: bool) {
        for file in files {
            self.changes.files.insert((file.attachment, target), shown);
        }
    }

    fn describe(&mut self, title: Option<&String>, description: Option<&String>) {
        let Some(meta) = self.meta.as_mut() else { return };
        if let Some(title) = title {
            meta.title = Some(title.clone());
        }
        if let Some(text) = description {
            meta.description = (!text.is_empty()).then(|| text.clone());
        }
    }

    fn set_member(&mut self, user: UserId, role: Option<Role>, event: &Event) {
        match role {
            Some(role) => {
                let membership = Membership { role, joined_seq: event.seq, joined_at: event.at };
                self.members.insert(user, membership);
            }
            None => drop(self.members.remove(&user)),
        }
        self.changes.members.insert(user, ());
    }

    fn change_role(&mut self, user: UserId, role: Role) {
        let Some(member) = self.members.get_mut(&user) else { return };
        let before = std::mem::replace(&mut member.role, role);
        self.changes.members.insert(user, ());
        self.count_member(0, before, -1);
        self.count_member(0, role, 1);
    }

    /// Counts `by` members, and `owners_by` owners if `role` is an owner's.
    fn count_member(&mut self, by: i64, role: Role, owners_by: i64) {
        if let Some(meta) = self.meta.as_mut() {
            meta.members = meta.members.saturating_add_signed(by);
            if role == Role::Owner {
                meta.owners = meta.owners.saturating_add_signed(owners_by);
            }
        }
    }
}

fn new_meta(
    event: &Event,
    kind: ConversationKind,
    title: Option<String>,
    description: Option<String>,
    members: &[(UserId, Role)],
) -> Meta {
    let pair = match (kind, members) {
        (ConversationKind::Direct, [(one, _), (two, _)]) => Some((*one.min(two), *one.max(two))),
        _ => None,
    };
    Meta {
        kind,
        title,
        description,
        created_at: event.at,
        created_by: event.actor,
        pair,
        head: event.seq,
        messages: 0,
        members: members.len() as u64,
        owners: members.iter().filter(|(_, role)| *role == Role::Owner).count() as u64,
        last_message: 0,
        active_at: event.at,
    }
}
