//! The largest frames there can be, against the limits of the narrowest home (D6).

use chat::{
    Attachment, AttachmentId, CommandId, ConversationId, ConversationKind, Event, EventKind, MessageState,
    Role, Row, UserId,
    announcement::Presence,
    limits::{
        ATTACHMENTS_MAX, BODY_BYTES_MAX, DESCRIPTION_CHARS_MAX, EMOJI_BYTES_MAX, FILE_NAME_BYTES_MAX,
        MEMBERS_PER_COMMAND_MAX, MENTIONS_MAX, REACTION_KINDS_MAX, TITLE_CHARS_MAX,
    },
};
use protocol::{
    Ref,
    frame::{
        ChatEvent, ClientFrame, ServerFrame,
        client::{MessageName, SendMessage, Sync},
        decode, event_frame, event_pages, presence_frames,
        server::{Synced, Unlisted},
    },
    limits::{
        BODY_ENCODED_BYTES_SAFE, CURSORS_PER_SYNC_MAX, FRAME_BYTES_MAX, MESSAGE_BYTES_MAX, REF_BYTES_MAX,
        SERVER_FRAME_BYTES_MAX, TOKEN_BYTES_MAX, UNLISTED_PER_SYNCED_MAX,
    },
};

const SEQ_MAX: u64 = (1 << 40) - 1;

fn event(kind: EventKind) -> Event {
    Event {
        conversation: ConversationId::from_u128(u128::MAX),
        seq: SEQ_MAX,
        at: u64::MAX,
        actor: UserId::from_u128(u128::MAX),
        command_id: CommandId::from_u128(u128::MAX),
        kind,
    }
}

/// The file that takes most room: every byte of its name is written in two.
fn largest_file() -> Attachment {
    Attachment {
        attachment: AttachmentId::from_u128(u128::MAX),
        name: "\"".repeat(FILE_NAME_BYTES_MAX),
        size_bytes: SEQ_MAX,
        content_type: "application/vnd.openxmlformats-officedocument.wordprocessingml.document".into(),
        dimensions: Some((u32::MAX, u32::MAX)),
        has_thumbnail: false,
    }
}

/// The longest message there can be: every byte of its body is written in six.
fn longest_message() -> Row {
    let mut row = Row::of(
        &event(EventKind::Message {
            body: "\u{1}".repeat(BODY_BYTES_MAX),
            reply_to: Some(SEQ_MAX),
            mentions: vec![UserId::from_u128(u128::MAX); MENTIONS_MAX],
            attachments: vec![largest_file(); ATTACHMENTS_MAX],
        }),
        SEQ_MAX,
    );
    row.message = Some(MessageState {
        rev: SEQ_MAX,
        edited_at: Some(u64::MAX),
        edits: u32::MAX,
        deleted_at: Some(u64::MAX),
        deleted_by: Some(UserId::from_u128(u128::MAX)),
        reactions: vec![("\"".repeat(EMOJI_BYTES_MAX), SEQ_MAX); REACTION_KINDS_MAX],
    });
    row
}

fn longest_events() -> Vec<Event> {
    let user = UserId::from_u128(u128::MAX);
    vec![
        event(EventKind::Created {
            kind: ConversationKind::Channel,
            title: Some("🂡".repeat(TITLE_CHARS_MAX)),
            description: Some("\u{1}".repeat(DESCRIPTION_CHARS_MAX)),
            members: vec![(user, Role::Member); MEMBERS_PER_COMMAND_MAX + 1],
        }),
        event(EventKind::MembersAdded { users: vec![user; MEMBERS_PER_COMMAND_MAX], role: Role::Member }),
        event(EventKind::Edited {
            target: SEQ_MAX,
            body: "\u{1}".repeat(BODY_BYTES_MAX),
            mentions: vec![user; MENTIONS_MAX],
        }),
        longest_message().event,
    ]
}

#[test]
fn p4_the_largest_event_fits_one_message_of_api_gateway() {
    for event in longest_events() {
        let bytes = event_frame(&event, SEQ_MAX).len();
        assert!(bytes <= MESSAGE_BYTES_MAX, "{}: {bytes} bytes", event.kind.name());
    }
    let mine = vec!["\"".repeat(EMOJI_BYTES_MAX)];
    let row = longest_message();
    let page: Vec<Vec<u8>> =
        event_pages(row.event.conversation, SEQ_MAX, true, [ChatEvent::of_row(&row, &mine)]).collect();
    assert_eq!(page.len(), 1);
    assert!(page[0].len() <= MESSAGE_BYTES_MAX, "{} bytes", page[0].len());
}

#[test]
fn p4_only_a_single_event_makes_a_frame_above_32_kib() {
    let (long, short) = (longest_message(), crate::history::message(&"x".repeat(900)));
    let rows: Vec<&Row> =
        std::iter::once(&long).chain([&short; 100]).chain([&long, &long]).chain([&short; 40]).collect();
    let pages = event_pages(
        ConversationId::from_u128(1),
        SEQ_MAX,
        false,
        rows.iter().map(|row| ChatEvent::of_row(row, &[])),
    );
    let mut total = 0;
    let mut largest_of_several = 0;
    for page in pages {
        let ServerFrame::Events(read) = ServerFrame::decode(std::str::from_utf8(&page).unwrap()).unwrap()
        else {
            panic!("a page")
        };
        total += read.events.len();
        if read.events.len() > 1 {
            largest_of_several = largest_of_several.max(page.len());
        }
    }
    assert_eq!(total, rows.len());
    assert!(largest_of_several <= SERVER_FRAME_BYTES_MAX, "{largest_of_several} bytes");
    assert!(
        largest_of_several > SERVER_FRAME_BYTES_MAX - 2_000,
        "pages are filled: {largest_of_several} bytes"
    );
}

#[test]
fn p6_a_body_of_29_kib_of_json_always_fits_a_frame() {
    let quotes = (BODY_ENCODED_BYTES_SAFE - 2) / 2;
    let body = "\"".repeat(quotes.min(BODY_BYTES_MAX));
    assert!(serde_json::to_string(&body).unwrap().len() + 1 >= BODY_ENCODED_BYTES_SAFE);
    let request = ClientFrame::SendMessage(SendMessage {
        conversation_id: ConversationId::from_u128(u128::MAX),
        client_message_id: Some(CommandId::from_u128(u128::MAX)),
        body,
        reply_to: Some(MessageName::Id("ffffffff-ffff-ffff-ffff-ffffffffffff".parse().unwrap())),
        mentions: vec![UserId::from_u128(u128::MAX); MENTIONS_MAX],
        attachment_ids: vec![AttachmentId::from_u128(u128::MAX); ATTACHMENTS_MAX],
    })
    .with_ref(Ref::text(&"\"".repeat(REF_BYTES_MAX)).unwrap());
    let text = request.encode();
    assert!(text.len() <= FRAME_BYTES_MAX, "{} bytes", text.len());
    assert_eq!(decode(&text).unwrap(), request);
}

#[test]
fn p6_a_body_of_16_kib_without_escapes_fits_a_frame_in_any_script() {
    for letter in ["x", "é", "漢", "🂡"] {
        let body = letter.repeat(BODY_BYTES_MAX / letter.len());
        assert!(serde_json::to_string(&body).unwrap().len() <= BODY_ENCODED_BYTES_SAFE, "{letter}");
    }
}

#[test]
fn p30_the_largest_sync_fits_a_frame() {
    let request = ClientFrame::Sync(Sync {
        epoch: Some(chat::Epoch::from_u128(u128::MAX)),
        cursors: (0..CURSORS_PER_SYNC_MAX)
            .map(|n| (ConversationId::from_u128(u128::MAX - n as u128), SEQ_MAX))
            .collect(),
        token: Some("x".repeat(TOKEN_BYTES_MAX)),
    })
    .with_ref(Ref::text(&"\"".repeat(REF_BYTES_MAX)).unwrap());
    let text = request.encode();
    assert!(text.len() <= FRAME_BYTES_MAX, "{} bytes", text.len());
    assert_eq!(decode(&text).unwrap(), request);
}

#[test]
fn p35_the_largest_synced_and_presence_fit_a_frame() {
    let unlisted = Unlisted { conversation_id: ConversationId::from_u128(u128::MAX), head_seq: SEQ_MAX };
    let synced = ServerFrame::Synced(Synced {
        reference: Ref::text(&"\"".repeat(REF_BYTES_MAX)),
        token: "x".repeat(TOKEN_BYTES_MAX),
        unlisted: vec![unlisted; UNLISTED_PER_SYNCED_MAX],
        more: true,
    });
    let bytes = synced.encode().len();
    assert!(bytes <= SERVER_FRAME_BYTES_MAX, "{bytes} bytes");
    let people = vec![(UserId::from_u128(u128::MAX), Presence::Offline { last_seen: Some(u64::MAX) }); 500];
    for frame in presence_frames(&people) {
        assert!(frame.len() <= SERVER_FRAME_BYTES_MAX, "{} bytes", frame.len());
    }
}
