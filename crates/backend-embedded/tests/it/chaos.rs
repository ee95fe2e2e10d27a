//! Random work, random settlements, crashes and restarts; at the end the store equals its own replay (D8), every log
//! is contiguous (D3) and no command took effect twice (D2).
//! A failing seed is printed; `CHAOS_SEED` repeats it and `CHAOS_SEEDS` runs more.

use std::{collections::BTreeSet, time::Duration};

use chat::{
    Account, AccountRole, Change, Command, ConversationId, ConversationKind, Envelope, Invite, InviteId,
    Mark, RegistrationPolicy, Role, Session, SessionId, UserId,
    ports::{EventsQuery, Settlement},
};

use crate::support::{NOW, Random, World, dump, envelope, open, small, user};

const SEEDS: u64 = 16;
/// Worlds in which something was wrong once: 275 cut a pass of erasing short.
const SEEDS_OF_FAULTS: [u64; 1] = [275];
const STEPS: u64 = 60;
const USERS: u64 = 6;
const ROOMS: u64 = 5;

struct Chaos {
    random: Random,
    world: Option<World>,
    folders: Vec<tempfile::TempDir>,
    next: u128,
}

impl Chaos {
    fn new(seed: u64) -> Chaos {
        let folder = tempfile::tempdir().unwrap();
        let world = open(small(folder.path()));
        Chaos { random: Random(seed), world: Some(world), folders: vec![folder], next: 1 }
    }

    fn world(&self) -> &World {
        self.world.as_ref().unwrap()
    }

    fn number(&mut self) -> u128 {
        self.next += 1;
        self.next
    }

    fn person(&mut self) -> UserId {
        user(u128::from(1 + self.random.below(USERS)))
    }

    fn room(&mut self) -> ConversationId {
        ConversationId::from_u128(u128::from(1000 + self.random.below(ROOMS)))
    }

    async fn step(&mut self) {
        match self.random.below(21) {
            0..=4 => self.submit().await,
            5..=8 => self.change().await,
            9..=15 => self.work().await,
            16 => self.letters().await,
            17 => self.world().clock.advance(3_600_000),
            18 => self.crash(),
            19 => self.erase(),
            _ => self.world = self.world.take().map(World::reopen),
        }
    }

    /// A day passes: the text of what was deleted goes.
    fn erase(&mut self) {
        self.world().clock.advance(24 * 3_600_000);
        self.world().backend.erase_due().unwrap();
    }

    async fn submit(&mut self) {
        let count = 1 + self.random.below(40);
        let envelopes: Vec<Envelope> = (0..count).map(|_| self.command()).collect();
        self.world().send(envelopes).await;
    }

    fn command(&mut self) -> Envelope {
        let (room, actor) = (self.room(), self.person());
        let target = 1 + self.random.below(30);
        let command = match self.random.below(24) {
            0..=9 => Command::Send {
                body: format!("body {}", self.random.below(1000)),
                reply_to: (self.random.below(4) == 0).then_some(target),
                mentions: vec![self.person(), self.person()],
                attachments: vec![],
            },
            10..=12 => Command::Edit {
                target,
                body: format!("edited {}", self.random.below(3)),
                mentions: vec![self.person()],
            },
            13 => Command::Delete { target },
            14..=15 => Command::React { target, emoji: self.emoji() },
            16 => Command::Unreact { target, emoji: self.emoji() },
            17 => Command::Describe { title: Some(format!("title {target}")), description: None },
            18 => Command::Join,
            19 => Command::Leave,
            20..=21 => Command::AddMembers { users: vec![self.person(), self.person()] },
            22 => Command::RemoveMember { user: self.person() },
            _ => Command::SetRole {
                user: self.person(),
                role: *self.random.pick(&[Role::Member, Role::Admin, Role::Owner]),
            },
        };
        // Now and then a resend of an earlier command.
        let id = if self.random.below(8) == 0 { self.next } else { self.number() };
        envelope(room, actor, id, command)
    }

    fn emoji(&mut self) -> String {
        (*self.random.pick(&["👍", "❤️"])).to_owned()
    }

    async fn change(&mut self) {
        let (room, person, other) = (self.room(), self.person(), self.person());
        let number = self.number();
        let at = self.world().clock.0.load(std::sync::atomic::Ordering::SeqCst);
        let change = match self.random.below(13) {
            0..=2 => Change::CreateConversation {
                conversation: room,
                creator: person,
                request: chat::CommandId::from_u128(number),
                at,
                kind: *self.random.pick(&[
                    ConversationKind::Group,
                    ConversationKind::Channel,
                    ConversationKind::Direct,
                ]),
                title: Some("title".to_owned()),
                description: None,
                members: vec![other],
            },
            3..=4 => {
                let mark = |read, delivered| Mark { conversation: room, user: person, read, delivered };
                Change::Mark(vec![
                    mark(Some(self.random.below(40)), None),
                    mark(None, Some(self.random.below(40))),
                ])
            }
            5..=6 => Change::CreateAccount {
                account: Account {
                    user: person,
                    username: format!("user{}", self.random.below(USERS)),
                    display_name: "somebody".to_owned(),
                    password_hash: "hash".to_owned(),
                    role: AccountRole::Member,
                    created_at: at,
                    disabled_at: None,
                    seen_at: None,
                },
                invite: Some(hash(u128::from(self.random.below(3)))),
                policy: RegistrationPolicy::Invite,
            },
            7 => Change::CreateSession(Session {
                session: SessionId::from_u128(number),
                user: person,
                token_hash: hash(number),
                agent: "test".to_owned(),
                created_at: at,
                expires_at: at + 1000,
            }),
            8 => Change::SetPassword { user: person, password_hash: "new".to_owned(), keep: None },
            9 => Change::Seen(vec![(person, at)]),
            11 => Change::RenewPasswordHash {
                user: person,
                verified_hash: "hash".to_owned(),
                password_hash: "renewed".to_owned(),
            },
            10 => Change::CreateInvite(Invite {
                invite: InviteId::from_u128(number),
                code_hash: hash(u128::from(self.random.below(3))),
                created_by: person,
                created_at: at,
                expires_at: NOW * 2,
                uses_left: 2,
            }),
            _ => Change::SetDisabled { user: person, at: (self.random.below(3) == 0).then_some(at) },
        };
        self.world().store.change(change).await.unwrap();
    }

    /// One round of a worker that may stop at any line.
    async fn work(&mut self) {
        let max = usize::try_from(1 + self.random.below(60)).unwrap();
        let mut leases = self.world().messages.lease(max, Duration::ZERO).await.unwrap();
        let mut settlements = Vec::new();
        if self.random.below(6) == 0 && !leases.is_empty() {
            let at = usize::try_from(self.random.below(leases.len() as u64)).unwrap();
            let poison = leases.remove(at);
            let dead = Settlement::Dead { reason: "poison".to_owned() };
            // Followers are applied before or after it is among the dead letters.
            if self.random.below(2) == 0 {
                self.world().messages.settle(vec![(poison.id, dead)]).await.unwrap();
            } else {
                settlements.push((poison.id, dead));
            }
        }
        let (ids, _) = self.world().decide(leases).await;
        match self.random.below(8) {
            0 => return self.crash(),
            1 => {
                let retry = Settlement::RetryAfter(Duration::ZERO);
                settlements.extend(ids.into_iter().map(|id| (id, retry.clone())));
            }
            2 => {
                // Stored, but some cannot be announced.
                for id in ids {
                    let untold = self.random.below(10) == 0;
                    let dead = Settlement::Dead { reason: "untold".to_owned() };
                    settlements.push((id, if untold { dead } else { Settlement::Done }));
                }
            }
            _ => settlements.extend(ids.into_iter().map(|id| (id, Settlement::Done))),
        }
        if self.random.below(10) == 0 {
            self.crash();
        } else {
            self.world().messages.settle(settlements).await.unwrap();
        }
    }

    async fn letters(&mut self) {
        let letters = self.world().messages.dead_letters(None, 100).await.unwrap();
        let ids: Vec<String> = letters.into_iter().map(|letter| letter.id).collect();
        let (some, rest) = ids.split_at(ids.len() / 2);
        self.world().messages.redrive(some).await.unwrap();
        if self.random.below(3) == 0 {
            self.world().messages.drop_dead(rest).await.unwrap();
        }
    }

    fn crash(&mut self) {
        let killed = self.world().killed();
        let config = self.world().configured_for(killed.path());
        let now = self.world().clock.0.load(std::sync::atomic::Ordering::SeqCst);
        self.world = None;
        let world = open(config);
        world.clock.advance(now - NOW);
        self.world = Some(world);
        self.folders.push(killed);
    }

    async fn check(mut self) {
        let world = self.world.take().unwrap();
        // What a crash left leased comes again.
        let world = world.reopen();
        world.persist_all().await;
        // A pass that a crash cut short between the journal and its note is repeated, as it is within a minute of a
        // start. Until then the store knows texts by their hashes that the journal has only as blanks.
        world.backend.erase_due().unwrap();
        for room in 0..ROOMS {
            check_log(&world, ConversationId::from_u128(u128::from(1000 + room))).await;
        }
        let config = world.config.clone();
        drop(world);
        let before = dump(&config);
        let told = explain(&config);
        std::fs::remove_dir_all(config.data.join("store")).unwrap();
        let world = open(config.clone());
        assert!(world.persist_all().await.is_empty(), "everything was settled");
        drop(world);
        let after = dump(&config);
        let first = before.iter().zip(&after).find(|(before, after)| before != after);
        if before != after {
            println!("{told}\nreplayed:\n{}", explain(&config));
        }
        assert!(
            before == after,
            "{} rows, replayed {}; first difference {first:?}",
            before.len(),
            after.len()
        );
    }
}

/// What an investigation needs: the journal's items and the rows of the logs, when `CHAOS_SEED` asks for one seed.
fn explain(config: &backend_embedded::Config) -> String {
    let mut text = String::new();
    if std::env::var("CHAOS_SEED").is_ok() {
        let inspector = backend_embedded::Inspector::open(config).unwrap();
        let mut line = |value: serde_json::Value| {
            text.push_str(&format!("{value}\n"));
            std::ops::ControlFlow::Continue(())
        };
        inspector.records(1, &mut line).unwrap();
        inspector.rows(Some("row"), &mut line).unwrap();
    }
    text
}

fn hash(number: u128) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[..16].copy_from_slice(&number.to_be_bytes());
    hash
}

async fn check_log(world: &World, room: ConversationId) {
    let page = world.store.events(room, EventsQuery::After(0), usize::MAX, usize::MAX).await.unwrap();
    let seqs: Vec<u64> = page.rows.iter().map(|row| row.event.seq).collect();
    assert_eq!(seqs, (1..=page.head).collect::<Vec<_>>(), "D3");
    let commands: BTreeSet<_> = page.rows.iter().map(|row| (row.event.actor, row.event.command_id)).collect();
    assert_eq!(commands.len(), page.rows.len(), "D2");
}

#[tokio::test]
async fn d8_d3_d2_the_store_equals_its_replay_whatever_happened() {
    let one = std::env::var("CHAOS_SEED").ok().map(|seed| seed.parse().unwrap());
    let count = std::env::var("CHAOS_SEEDS").ok().map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let seeds = one.map_or(0..count, |seed| seed..seed + 1);
    let again = SEEDS_OF_FAULTS.into_iter().filter(|_| one.is_none());
    for seed in seeds.chain(again) {
        println!("repeat with CHAOS_SEED={seed} cargo nextest run -p backend-embedded chaos");
        let mut chaos = Chaos::new(seed);
        for _ in 0..STEPS {
            chaos.step().await;
        }
        chaos.check().await;
    }
}
