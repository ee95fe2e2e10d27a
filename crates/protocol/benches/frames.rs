//! What a frame costs: reading a command, writing and reading an event, against parsing the same JSON with nothing
//! made of it. Relative figures only: nothing here is asserted.

use std::hint::black_box;

use chat::{CommandId, ConversationId, Event, EventKind, UserId};
use criterion::{Criterion, criterion_group, criterion_main};
use protocol::{
    Ref, Time,
    frame::{ServerFrame, decode, event_frame},
    session::{Input, Session},
};
use serde::de::IgnoredAny;

const SEND: &str = r#"{"action":"sendMessage","ref":"m-1042","conversationId":"019aa7f0-0000-7000-8000-00000000000a","clientMessageId":"019aa7f0-3333-7000-8000-000000000009","body":"Shall we meet at the usual place, or is it \"closed\" on Saturdays? I could be there by half past nine."}"#;

fn event() -> Event {
    Event {
        conversation: ConversationId::from_u128(0x019a_a7f0_0000_7000_8000_0000_0000_000a),
        seq: 123_456,
        at: 1_769_850_300_250,
        actor: UserId::from_u128(0x019a_a7e0_1111_7000_8000_0000_0000_0001),
        command_id: CommandId::from_u128(0x019a_a7f0_3333_7000_8000_0000_0000_0009),
        kind: EventKind::Message {
            body: "Shall we meet at the usual place, or is it \"closed\" on Saturdays? Half past nine."
                .into(),
            reply_to: None,
            mentions: vec![],
            attachments: vec![],
        },
    }
}

fn frames(criterion: &mut Criterion) {
    let event = event();
    let encoded = String::from_utf8(event_frame(&event, 99)).expect("JSON is UTF-8");
    let reference = Ref::text("m-1042");

    criterion.bench_function("read a send: JSON alone", |bencher| {
        bencher.iter(|| serde_json::from_str::<IgnoredAny>(black_box(SEND)));
    });
    criterion.bench_function("read a send", |bencher| bencher.iter(|| decode(black_box(SEND))));
    criterion.bench_function("read a send through the session", |bencher| {
        let mut session = Session::opened();
        bencher.iter(|| {
            session.step(Input::Text(black_box(SEND)), Time::from_ms(1), || CommandId::from_u128(1))
        });
    });
    criterion.bench_function("write an accepted", |bencher| {
        bencher.iter(|| ServerFrame::accepted(black_box(reference.clone()), event.command_id).encode());
    });
    criterion.bench_function("write an event", |bencher| bencher.iter(|| event_frame(black_box(&event), 99)));
    criterion.bench_function("read an event", |bencher| {
        bencher.iter(|| ServerFrame::decode(black_box(&encoded)).is_ok());
    });
}

criterion_group!(benches, frames);
criterion_main!(benches);
