//! Events and rows over the wire: a client that sees only bytes ends up with the state the server has (D10).

use chat::{
    Event, Row,
    timeline::{Step, Timeline},
};
use proptest::prelude::*;
use protocol::frame::{ChatEvent, ServerFrame, event_frame, event_pages, server::Events};

use crate::any;

/// What a client makes of one `event` frame.
fn through_the_wire(event: &Event, ordinal: u64) -> ChatEvent<'static> {
    let bytes = event_frame(event, ordinal);
    match ServerFrame::decode(std::str::from_utf8(&bytes).unwrap()).unwrap() {
        ServerFrame::Event(event) => *event,
        other => panic!("not an event: {other:?}"),
    }
}

fn local(events: &[Event]) -> Timeline {
    let mut timeline = Timeline::default();
    for event in events {
        assert_eq!(timeline.apply(event), Step::Applied);
    }
    timeline
}

proptest! {
    #[test]
    fn p20_d10_a_timeline_built_from_event_frames_equals_the_servers(events in any::events()) {
        let expected = local(&events);
        let mut seen = Timeline::default();
        for event in &events {
            let ordinal = expected.rows[&event.seq].ordinal;
            let read = through_the_wire(event, ordinal);
            prop_assert_eq!(read.ordinal, ordinal);
            let read = read.to_event();
            prop_assert_eq!(&read, event);
            prop_assert_eq!(seen.apply(&read), Step::Applied);
            prop_assert_eq!(seen.apply(&read), Step::Known);
        }
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn p21_d10_rows_read_as_they_are_now_take_the_events_after_them(
        events in any::events(),
        cut in any::<prop::sample::Index>(),
    ) {
        let cut = cut.index(events.len()) + 1;
        let (before, after) = events.split_at(cut);
        let snapshot = local(before);
        let mut seen = snapshot.clone();
        for row in seen.rows.values_mut() {
            let text = String::from_utf8(ChatEvent::of_row(row, &[]).encode()).unwrap();
            let read: ChatEvent<'_> = serde_json::from_str(&text).unwrap();
            *row = read.to_row();
        }
        prop_assert_eq!(&seen, &snapshot);
        for event in after {
            seen.apply(event);
        }
        prop_assert_eq!(seen, local(&events));
    }

    #[test]
    fn p22_an_event_and_its_fresh_row_look_the_same(events in any::events()) {
        for event in events.iter().filter(|event| event.message_id().is_some()) {
            let row = Row::of(event, 5);
            prop_assert_eq!(ChatEvent::of_event(event, 5).encode(), ChatEvent::of_row(&row, &[]).encode());
        }
    }

    #[test]
    fn p24_d9_unread_is_a_difference_of_ordinals(events in any::events(), read in any::<prop::sample::Index>()) {
        let timeline = local(&events);
        let ordinals: Vec<u64> = events
            .iter()
            .map(|event| through_the_wire(event, timeline.rows[&event.seq].ordinal).ordinal)
            .collect();
        let read = read.index(events.len());
        let recount = events[read + 1..].iter().filter(|event| event.message_id().is_some()).count();
        prop_assert_eq!(ordinals[events.len() - 1] - ordinals[read], recount as u64);
    }

    #[test]
    fn p25_a_deleted_message_is_a_row_without_contents(events in any::events()) {
        for row in local(&events).rows.values() {
            let Some(state) = row.message.as_ref().filter(|state| state.deleted_at.is_some()) else { continue };
            let value = serde_json::to_value(ChatEvent::of_row(row, &[])).unwrap();
            prop_assert_eq!(&value["body"], "");
            for gone in ["mentions", "attachments", "reactions"] {
                prop_assert!(value.get(gone).is_none(), "{}", value);
            }
            prop_assert_eq!(&value["deletedBy"], &serde_json::to_value(state.deleted_by).unwrap());
            prop_assert!(value["deletedAt"].is_string());
        }
    }

    #[test]
    fn p33_pages_hold_all_events_once_and_in_order(events in any::events(), more_after: bool) {
        let timeline = local(&events);
        let conversation = events[0].conversation;
        let rows = timeline.rows.values().map(|row| ChatEvent::of_row(row, &[]));
        let pages: Vec<Events<'_>> = event_pages(conversation, timeline.head, more_after, rows)
            .map(|page| match ServerFrame::decode(std::str::from_utf8(&page).unwrap()).unwrap() {
                ServerFrame::Events(page) => page,
                other => panic!("not a page: {other:?}"),
            })
            .collect();
        for (number, page) in pages.iter().enumerate() {
            prop_assert_eq!(page.more, more_after || number + 1 < pages.len());
            prop_assert_eq!((page.conversation_id, page.head_seq), (conversation, timeline.head));
        }
        let read: Vec<Row> = pages.iter().flat_map(|page| &page.events).map(ChatEvent::to_row).collect();
        prop_assert_eq!(read, timeline.rows.into_values().collect::<Vec<_>>());
    }
}

#[test]
fn p23_ones_own_reactions_are_marked() {
    let mut row: Row = message("hello");
    row.message.as_mut().unwrap().reactions = vec![("👍".into(), 2), ("ok".into(), 1)];
    let value = serde_json::to_value(ChatEvent::of_row(&row, &["ok".into()])).unwrap();
    assert_eq!(
        value["reactions"],
        serde_json::json!([{"emoji": "👍", "count": 2}, {"emoji": "ok", "count": 1, "mine": true}])
    );
}

#[test]
fn p22_a_message_is_written_with_all_its_members_in_camel_case() {
    let value = serde_json::to_value(ServerFrame::Event(Box::new(ChatEvent::of_row(&message("hello"), &[]))))
        .unwrap();
    assert_eq!(
        value,
        serde_json::json!({
            "type": "event", "conversationId": "00000000-0000-0000-0000-000000000001", "seq": 3, "kind": "message",
            "messageId": "018bcfe5-687b-7820-b7e9-100000000003",
            "clientMessageId": "00000000-0000-0000-0000-000000000003",
            "senderId": "00000000-0000-0000-0000-000000000002", "sentAt": "2023-11-14T22:13:20.123Z",
            "ordinal": 2, "body": "hello", "replyTo": 1, "rev": 3,
        })
    );
}

pub(crate) fn message(body: &str) -> Row {
    let event = Event {
        conversation: chat::ConversationId::from_u128(1),
        seq: 3,
        at: 1_700_000_000_123,
        actor: chat::UserId::from_u128(2),
        command_id: chat::CommandId::from_u128(3),
        kind: chat::EventKind::Message {
            body: body.into(),
            reply_to: Some(1),
            mentions: vec![],
            attachments: vec![],
        },
    };
    Row::of(&event, 2)
}
