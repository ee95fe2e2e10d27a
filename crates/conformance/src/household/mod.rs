//! A home that people have lived in for a while, by seed, to be moved and compared.
//! Everything takes the real path. Knows no file's bytes but those it names.

mod contents;

use std::time::Duration;

use chat::{
    Account, AccountRole, Announcement, Attachment, AttachmentId, AvatarId, Change, ChangeOutcome, Command,
    CommandId, ConversationId, ConversationKind, Envelope, Invite, InviteId, Mark, Outcome, Refusal,
    RegistrationPolicy, Seq, Session, SessionId, Upload, UserId,
    account::SecretHash,
    attachment::Claim,
    conversation::Role,
    ports::{Item, Settlement},
    profile::{ConversationPreferencesPatch, Notify, PreferencesPatch, Theme},
};

pub use self::contents::Contents;
use crate::{dice::Dice, suite::world::World};

/// How much happens in it.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Accounts.
    pub people: usize,
    /// Groups and channels; direct conversations come on top.
    pub rooms: usize,
    /// Commands tried.
    pub commands: usize,
}

/// Who lives in a home, and what they have done.
pub struct Household {
    /// Its people; the first owns the server.
    pub people: Vec<UserId>,
    /// Its conversations.
    pub conversations: Vec<ConversationId>,
    /// Commands that were applied, with the place of their event.
    pub applied: Vec<(Envelope, Seq)>,
    /// Uploads, and the bytes they stand for.
    pub files: Vec<(Upload, Vec<u8>)>,
    /// Pictures of people.
    pub avatars: Vec<(UserId, AvatarId)>,
    said: Vec<(ConversationId, UserId, Seq)>,
    dice: Dice,
    sha256: Sha256,
}

/// How a checksum is made: nothing here knows.
pub type Sha256 = fn(&[u8]) -> SecretHash;

const EMOJI: [&str; 4] = ["👍", "🎉", "yes", "❤️"];

/// Fills an empty home.
///
/// # Panics
/// When it fails, or refuses what it has to take.
pub async fn inhabit(world: &World, size: Size, sha256: Sha256) -> Household {
    let mut home = Household {
        people: Vec::new(),
        conversations: Vec::new(),
        applied: Vec::new(),
        files: Vec::new(),
        avatars: Vec::new(),
        said: Vec::new(),
        dice: Dice::new(size.commands as u64),
        sha256,
    };
    home.register(world, size.people).await;
    home.found(world, size.rooms).await;
    for step in 0..size.commands {
        home.live(world, step).await;
    }
    home.leave_things_about(world).await;
    home.fail(world).await;
    home
}

/// A token's hash of somebody's first session.
#[must_use]
pub fn token_of(number: usize) -> SecretHash {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&(number as u64).to_be_bytes());
    hash
}

impl Household {
    fn someone(&self) -> UserId {
        self.people[self.dice.index(self.people.len())]
    }

    fn somewhere(&self) -> ConversationId {
        self.conversations[self.dice.index(self.conversations.len())]
    }

    async fn register(&mut self, world: &World, people: usize) {
        for number in 0..people {
            let user = UserId::new(world.now_ms(), &world.random());
            let account = Account {
                user,
                username: format!("Person{number:04}"),
                display_name: format!("Person {number} ü"),
                password_hash: format!("$argon2id$test${number}"),
                role: AccountRole::Member,
                created_at: world.now_ms(),
                disabled_at: None,
                seen_at: None,
            };
            done(world, Change::CreateAccount { account, invite: None, policy: RegistrationPolicy::Open })
                .await;
            self.people.push(user);
            for login in 0..=usize::from(number % 3 == 0) {
                let token_hash = token_of(number + login * 1_000_000);
                let session = Session {
                    session: SessionId::new(world.now_ms(), &world.random()),
                    user,
                    token_hash,
                    agent: "a client".to_owned(),
                    created_at: world.now_ms() + login as u64,
                    expires_at: world.now_ms() + 90 * 24 * 3_600_000,
                };
                done(world, Change::CreateSession(session)).await;
            }
            self.settle_in(world, user, number).await;
        }
        for number in 0..3_u32 {
            let invite = Invite {
                invite: InviteId::new(world.now_ms() + u64::from(number), &world.random()),
                code_hash: token_of(5_000_000 + number as usize),
                created_by: self.people[0],
                created_at: world.now_ms() + u64::from(number),
                expires_at: world.now_ms() + 7 * 24 * 3_600_000,
                uses_left: number + 1,
            };
            done(world, Change::CreateInvite(invite)).await;
        }
    }

    /// Profile, preferences, role.
    async fn settle_in(&mut self, world: &World, user: UserId, number: usize) {
        if number % 4 == 1 {
            let (emoji, text) = (Some("🌴".to_owned()), Some("away".to_owned()));
            done(world, Change::SetStatus { user, emoji, text }).await;
            let avatar = AvatarId::new(world.now_ms(), &world.random());
            done(world, Change::SetAvatar { user, avatar: Some(avatar) }).await;
            self.avatars.push((user, avatar));
        }
        if number % 4 == 2 {
            let patch = PreferencesPatch {
                theme: Some(Theme::Dark),
                locale: Some(Some("pt-BR".to_owned())),
                ..Default::default()
            };
            done(world, Change::SetPreferences { user, patch }).await;
        }
        match number {
            1 => done(world, Change::SetAccountRole { user, role: AccountRole::Admin }).await,
            3 => done(world, Change::SetDisabled { user, at: Some(world.now_ms()) }).await,
            4 => done(world, Change::Seen(vec![(user, world.now_ms() + 5)])).await,
            _ => ChangeOutcome::Done,
        };
    }

    async fn found(&mut self, world: &World, rooms: usize) {
        for number in 0..rooms {
            let kind = if number % 2 == 0 { ConversationKind::Group } else { ConversationKind::Channel };
            let members = self.people.iter().copied().filter(|_| self.dice.chance(600)).collect();
            self.begin(world, kind, members, number).await;
        }
        for pair in self.people.clone().windows(2).step_by(3) {
            self.begin_by(world, pair[0], ConversationKind::Direct, vec![pair[1]], 0).await;
        }
    }

    async fn begin(&mut self, world: &World, kind: ConversationKind, members: Vec<UserId>, number: usize) {
        let creator = self.people[number % self.people.len()];
        self.begin_by(world, creator, kind, members, number).await;
    }

    async fn begin_by(
        &mut self,
        world: &World,
        creator: UserId,
        kind: ConversationKind,
        mut members: Vec<UserId>,
        number: usize,
    ) {
        members.retain(|user| *user != creator);
        let is_direct = kind == ConversationKind::Direct;
        let change = Change::CreateConversation {
            conversation: ConversationId::new(world.now_ms(), &world.random()),
            creator,
            request: CommandId::new(world.now_ms(), &world.random()),
            at: world.now_ms(),
            kind,
            title: (!is_direct).then(|| format!("Room {number}")),
            description: (number.is_multiple_of(3) && !is_direct).then(|| "Where we talk".to_owned()),
            members,
        };
        let ChangeOutcome::Conversation { conversation, .. } = done(world, change).await else {
            panic!("a conversation is no conversation");
        };
        self.conversations.push(conversation);
    }

    /// One thing that somebody does somewhere.
    async fn live(&mut self, world: &World, step: usize) {
        let turn = self.dice.below(20);
        if (10..16).contains(&turn) {
            return self.think_again(world, turn, step).await;
        }
        let (conversation, actor, command_id) = (self.somewhere(), self.someone(), world.command_id());
        let heads = world.store().heads(&[conversation]).await.expect("heads");
        let head = heads.first().copied().unwrap_or_default().max(1);
        let command = match turn {
            0..=9 => {
                let body = format!("message {step} {}", "x".repeat(self.dice.index(200)));
                self.message(world, conversation, (actor, command_id), body, head).await
            }
            16 => match self.dice.below(4) {
                0 => Command::Describe {
                    title: Some(format!("Room {step}")),
                    description: Some("Now".to_owned()),
                },
                1 => Command::AddMembers { users: vec![self.someone(), self.someone()] },
                2 => Command::SetRole { user: self.someone(), role: Role::Admin },
                _ => Command::RemoveMember { user: self.someone() },
            },
            17 if self.dice.chance(500) => Command::Join,
            17 => Command::Leave,
            18 => return self.read(world, conversation, actor, head).await,
            _ => return self.prefer(world, conversation, actor).await,
        };
        self.act(world, Envelope { conversation, actor, command_id, accepted_at: world.now_ms(), command })
            .await;
    }

    /// Something about a message that somebody has sent.
    async fn think_again(&mut self, world: &World, turn: u64, step: usize) {
        let Some((conversation, author, target)) = self.dice.pick(&self.said).copied() else { return };
        let emoji = (*self.dice.pick(&EMOJI).expect("there are some")).to_owned();
        let command = match turn {
            10 | 11 => {
                Command::Edit { target, body: format!("better {step}"), mentions: vec![self.someone()] }
            }
            12 => Command::Delete { target },
            13 | 14 => Command::React { target, emoji },
            _ => Command::Unreact { target, emoji },
        };
        self.act(world, world.envelope(conversation, author, command)).await;
    }

    async fn message(
        &mut self,
        world: &World,
        conversation: ConversationId,
        (actor, command_id): (UserId, CommandId),
        body: String,
        head: Seq,
    ) -> Command {
        let reply_to = self.dice.chance(200).then(|| 1 + self.dice.below(head.max(1)));
        let mut mentions: Vec<UserId> = (0..self.dice.index(3)).map(|_| self.someone()).collect();
        mentions.sort_unstable();
        mentions.dedup();
        let attachments = if self.dice.chance(100) {
            let upload = self.upload(world, actor).await;
            let claim = Claim { conversation, command: command_id, at: world.now_ms() };
            self.claim(world, claim, actor, upload).await
        } else {
            Vec::new()
        };
        Command::Send { body, reply_to, mentions, attachments }
    }

    async fn upload(&mut self, world: &World, owner: UserId) -> AttachmentId {
        let id = AttachmentId::new(world.now_ms(), &world.random());
        let bytes: Vec<u8> =
            (0..1 + self.dice.index(3_000)).map(|n| u8::try_from(n % 251).unwrap_or(0)).collect();
        let is_picture = self.dice.chance(300);
        let file = Attachment {
            attachment: id,
            name: "notes.txt".to_owned(),
            size_bytes: bytes.len() as u64,
            content_type: "text/plain".to_owned(),
            dimensions: is_picture.then_some((3, 4)),
            has_thumbnail: is_picture,
        };
        let upload = Upload { file, owner, at: world.now_ms(), checksum: (self.sha256)(&bytes), claim: None };
        done(world, Change::AddUpload(upload.clone())).await;
        self.files.push((upload, bytes));
        id
    }

    async fn claim(
        &mut self,
        world: &World,
        claim: Claim,
        user: UserId,
        id: AttachmentId,
    ) -> Vec<Attachment> {
        match done(world, Change::ClaimUploads { user, claim, attachments: vec![id] }).await {
            ChangeOutcome::Claimed(files) => files,
            other => panic!("{other:?}"),
        }
    }

    async fn read(&mut self, world: &World, conversation: ConversationId, user: UserId, head: Seq) {
        if world.store().member(conversation, user).await.expect("a member").is_some() {
            let read = 1 + self.dice.below(head.max(1));
            let mark = Mark { conversation, user, read: Some(read), delivered: Some(head) };
            done(world, Change::Mark(vec![mark])).await;
        }
    }

    async fn prefer(&mut self, world: &World, conversation: ConversationId, user: UserId) {
        let patch = ConversationPreferencesPatch {
            notify: Some(self.dice.chance(500).then_some(Notify::Mentions)),
            is_pinned: Some(self.dice.chance(500)),
            is_muted: Some(self.dice.chance(500)),
        };
        done(world, Change::SetConversationPreferences { user, conversation, patch }).await;
    }

    async fn act(&mut self, world: &World, envelope: Envelope) {
        if let Outcome::Applied { seq } = world.execute(envelope.clone()).await {
            if let Command::Send { .. } = envelope.command {
                self.said.push((envelope.conversation, envelope.actor, seq));
            }
            self.applied.push((envelope, seq));
        }
    }

    /// Uploads that nothing shows, and how somebody wants a conversation that they have left.
    async fn leave_things_about(&mut self, world: &World) {
        let owner = self.people[0];
        self.upload(world, owner).await;
        let claimed = self.upload(world, owner).await;
        let claim = Claim { conversation: self.somewhere(), command: world.command_id(), at: world.now_ms() };
        self.claim(world, claim, owner, claimed).await;
    }

    /// Dead letters, and senders who have to be told.
    async fn fail(&mut self, world: &World) {
        for number in 0..3_u32 {
            let body = format!("never {number}");
            let command =
                Command::Send { body, reply_to: None, mentions: Vec::new(), attachments: Vec::new() };
            let envelope = world.envelope(self.somewhere(), self.someone(), command);
            let Envelope { conversation, actor, command_id, .. } = envelope;
            let (group, dedup) = (conversation.as_u128(), command_id.as_u128());
            let messages = &world.backend.messages;
            messages.send(vec![Item { group, dedup, body: envelope }]).await.expect("sent");
            let lease = loop {
                let leases = messages.lease(1, Duration::from_secs(5)).await.expect("leased");
                if let Some(lease) = leases.into_iter().next() {
                    break lease;
                }
            };
            let dead = Settlement::Dead { reason: format!("broken {number}") };
            messages.settle(vec![(lease.id, dead)]).await.expect("settled");
            let refusal = Refusal::DeadLettered;
            world
                .store()
                .record_failures(vec![Announcement::Failed {
                    user: actor,
                    conversation,
                    command_id,
                    refusal,
                }])
                .await
                .expect("recorded");
        }
    }
}

async fn done(world: &World, change: Change) -> ChangeOutcome {
    let said = format!("{change:?}");
    let outcome = world.change(change).await;
    assert!(!matches!(outcome, ChangeOutcome::Refused(_)), "{said}: {outcome:?}");
    outcome
}
