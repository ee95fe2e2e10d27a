//! What is posted to one socket of a batch, in order and in as few posts as clients understand: every post is paid for.
//! Knows no socket. Invariant: a conversation's events stay in their order, and the first of several comes as a live
//! `event`, so that whoever shows news sees one; the others follow as a page.

use std::sync::Arc;

use chat::{Announcement, Event, EventKind, UserId, announcement::Presence};
use protocol::frame::{ChatEvent, event_pages, presence_frames};

use crate::recipients::What;

/// One post, and the letters that are told once it and all before it are out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Post {
    pub(crate) letters: Vec<usize>,
    pub(crate) frame: Arc<[u8]>,
}

/// A letter and what is to be done with it.
pub(crate) type Task = (usize, What);

/// The posts of these tasks. Tasks without a frame make none.
pub(crate) fn posts(tasks: &[Task], letters: &[Arc<Announcement>]) -> Vec<Post> {
    let mut posts = Vec::new();
    let mut rest = tasks;
    while let Some(((letter, what), after)) = rest.split_first() {
        let count = match what {
            What::Event => {
                let run = run_len(rest, letters);
                events(&rest[..run], letters, &mut posts);
                run
            }
            What::Frame(frame) => {
                let run = presence_len(rest, letters);
                if run > 1 {
                    presences(&rest[..run], letters, &mut posts);
                } else {
                    posts.push(Post { letters: vec![*letter], frame: Arc::clone(frame) });
                }
                run.max(1)
            }
            What::Greet | What::Close(_) => 1,
        };
        rest = if count > 1 { &rest[count..] } else { after };
    }
    posts
}

/// How many of the first tasks are events of one conversation, one after the other.
fn run_len(tasks: &[Task], letters: &[Arc<Announcement>]) -> usize {
    let mut last: Option<&Event> = None;
    let follows = |(letter, what): &&Task| {
        let Announcement::Event { event, .. } = &*letters[*letter] else { return false };
        let next = match last {
            None => true,
            Some(before) => before.conversation == event.conversation && before.seq + 1 == event.seq,
        };
        let both_quiet = last.is_none() || is_of_messages(event);
        last = Some(event);
        *what == What::Event && next && both_quiet
    };
    tasks.iter().take_while(follows).count().max(1)
}

/// Events that change who is a member, or what a conversation is, always come live: clients act on them.
fn is_of_messages(event: &Event) -> bool {
    matches!(
        event.kind,
        EventKind::Message { .. }
            | EventKind::Edited { .. }
            | EventKind::Deleted { .. }
            | EventKind::Reacted { .. }
            | EventKind::Unreacted { .. }
    )
}

fn events(run: &[Task], letters: &[Arc<Announcement>], posts: &mut Vec<Post>) {
    let chat_event = |letter: usize| match &*letters[letter] {
        Announcement::Event { event, ordinal } => Some((event, ChatEvent::of_event(event, *ordinal))),
        _ => None,
    };
    let live = |letter: usize| {
        let frame = protocol::frame::ServerFrame::of(&letters[letter]).map(|frame| frame.encode());
        Post { letters: vec![letter], frame: frame.unwrap_or_default().into() }
    };
    let Some(((first, _), others)) = run.split_first() else { return };
    posts.push(live(*first));
    if others.len() < 2 {
        posts.extend(others.iter().map(|(letter, _)| live(*letter)));
        return;
    }
    let found: Vec<_> = others.iter().filter_map(|(letter, _)| chat_event(*letter)).collect();
    let Some((last, _)) = found.last() else { return };
    let (conversation, head) = (last.conversation, last.seq);
    let pages: Vec<Vec<u8>> =
        event_pages(conversation, head, false, found.into_iter().map(|(_, event)| event)).collect();
    let before = posts.len();
    posts.extend(pages.into_iter().map(|page| Post { letters: Vec::new(), frame: page.into() }));
    if let Some(last) = posts[before..].last_mut() {
        last.letters = others.iter().map(|(letter, _)| *letter).collect();
    }
}

/// How many of the first tasks tell how people are.
fn presence_len(tasks: &[Task], letters: &[Arc<Announcement>]) -> usize {
    let is_presence = |(letter, what): &&Task| {
        matches!(what, What::Frame(_)) && matches!(&*letters[*letter], Announcement::Presence { .. })
    };
    tasks.iter().take_while(is_presence).count()
}

fn presences(run: &[Task], letters: &[Arc<Announcement>], posts: &mut Vec<Post>) {
    let state = |(letter, _): &Task| match &*letters[*letter] {
        Announcement::Presence { user, presence } => Some((*user, *presence)),
        _ => None,
    };
    let states: Vec<(UserId, Presence)> = run.iter().filter_map(state).collect();
    let before = posts.len();
    posts.extend(presence_frames(&states).map(|frame| Post { letters: Vec::new(), frame: frame.into() }));
    if let Some(last) = posts[before..].last_mut() {
        last.letters = run.iter().map(|(letter, _)| *letter).collect();
    }
}

#[cfg(test)]
mod tests {
    use chat::{CommandId, ConversationId};
    use protocol::limits::SERVER_FRAME_BYTES_MAX;

    use super::*;

    fn message(conversation: u128, seq: u64, body: &str) -> Arc<Announcement> {
        let kind = EventKind::Deleted { target: 1 };
        let kind = if body.is_empty() { kind } else { chat_message(body) };
        event(conversation, seq, kind)
    }

    fn chat_message(body: &str) -> EventKind {
        EventKind::Message {
            body: body.into(),
            reply_to: None,
            mentions: Vec::new(),
            attachments: Vec::new(),
        }
    }

    fn event(conversation: u128, seq: u64, kind: EventKind) -> Arc<Announcement> {
        Arc::new(Announcement::Event {
            event: Box::new(Event {
                conversation: ConversationId::from_u128(conversation),
                seq,
                at: 0,
                actor: UserId::from_u128(5),
                command_id: CommandId::from_u128(u128::from(seq)),
                kind,
            }),
            ordinal: seq,
        })
    }

    fn tasks(letters: &[Arc<Announcement>]) -> Vec<Task> {
        (0..letters.len()).map(|letter| (letter, What::Event)).collect()
    }

    fn types(posts: &[Post]) -> Vec<String> {
        let type_of = |post: &Post| {
            let text = String::from_utf8(post.frame.to_vec()).unwrap();
            protocol::frame::server::peek_type(&text).unwrap().to_owned()
        };
        posts.iter().map(type_of).collect()
    }

    #[test]
    fn p74_a_burst_is_one_live_event_and_a_page() {
        let letters: Vec<_> = (1..=10).map(|seq| message(1, seq, "hi")).collect();
        let posts = posts(&tasks(&letters), &letters);
        assert_eq!(types(&posts), ["event", "events"]);
        assert_eq!(posts[0].letters, [0]);
        assert_eq!(posts[1].letters, (1..10).collect::<Vec<_>>());
        let page = String::from_utf8(posts[1].frame.to_vec()).unwrap();
        assert!(page.contains("\"headSeq\":10") && page.ends_with("\"more\":false}"), "{page}");
    }

    #[test]
    fn p4_pages_are_bounded_and_their_letters_are_told_with_the_last() {
        let letters: Vec<_> = (1..=5).map(|seq| message(1, seq, &"x".repeat(12_000))).collect();
        let posts = posts(&tasks(&letters), &letters);
        assert_eq!(types(&posts), ["event", "events", "events"]);
        assert!(posts.iter().all(|post| post.frame.len() <= SERVER_FRAME_BYTES_MAX));
        assert!(posts[1].letters.is_empty());
        assert_eq!(posts[2].letters, [1, 2, 3, 4]);
    }

    #[test]
    fn d3_p74_a_run_ends_at_a_gap_at_another_conversation_and_at_a_change_of_members() {
        let removed = event(1, 4, EventKind::MemberRemoved { user: UserId::from_u128(9) });
        let letters = vec![
            message(1, 1, "a"),
            message(1, 2, "b"),
            message(1, 3, ""),
            removed,
            message(1, 6, "c"),
            message(2, 7, "d"),
        ];
        let posts = posts(&tasks(&letters), &letters);
        assert_eq!(types(&posts), ["event", "events", "event", "event", "event"]);
        let told: Vec<usize> = posts.iter().flat_map(|post| post.letters.clone()).collect();
        assert_eq!(told, [0, 1, 2, 3, 4, 5], "each letter once and in order");
    }

    #[test]
    fn p45_several_people_come_in_one_frame() {
        let presence = |user: u128| {
            let announcement =
                Announcement::Presence { user: UserId::from_u128(user), presence: Presence::Away };
            Arc::new(announcement)
        };
        let letters = vec![presence(1), presence(2), message(1, 1, "a"), presence(3)];
        let frame: Arc<[u8]> = b"{\"type\":\"presence\"}".as_slice().into();
        let tasks: Vec<Task> = [0, 1, 2, 3]
            .map(|at| (at, if at == 2 { What::Event } else { What::Frame(Arc::clone(&frame)) }))
            .to_vec();
        let posts = posts(&tasks, &letters);
        assert_eq!(types(&posts), ["presence", "event", "presence"]);
        assert_eq!(posts[0].letters, [0, 1]);
    }
}
