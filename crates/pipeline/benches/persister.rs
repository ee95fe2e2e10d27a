//! What the pipeline itself costs per message: lease, decide, append and announce over the model in memory.
//! The model's own maps are part of the figure, so the pipeline's share is below it.

use std::{sync::Arc, time::Duration};

use chat::{
    Account, AccountRole, Change, Command, CommandId, ConversationId, ConversationKind, Envelope,
    RegistrationPolicy, UserId,
    ports::{Commands, Queue, Settlement, Store},
};
use conformance::{
    clock::TokioClock,
    dice::Dice,
    model::{Model, QueueOptions},
};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pipeline::{Persister, PersisterOptions};
use tokio::runtime::{Builder, Runtime};

const BATCH: u128 = 1_024;
const USER: UserId = UserId::from_u128(1);

fn envelope(conversation: ConversationId, id: u128) -> Envelope {
    let body = "a message of a usual length, forty bytes".to_owned();
    Envelope {
        conversation,
        actor: USER,
        command_id: CommandId::from_u128(id),
        accepted_at: 1,
        command: Command::Send { body, reply_to: None, mentions: vec![], attachments: vec![] },
    }
}

async fn populate(model: &Model, groups: u128) {
    let account = Account {
        user: USER,
        username: "user".to_owned(),
        display_name: "User".to_owned(),
        password_hash: String::new(),
        role: AccountRole::Owner,
        created_at: 1,
        disabled_at: None,
        seen_at: None,
    };
    let register = Change::CreateAccount { account, invite: None, policy: RegistrationPolicy::Open };
    model.store.change(register).await.expect("the model never fails");
    for number in 0..groups {
        let create = Change::CreateConversation {
            conversation: ConversationId::from_u128(number),
            creator: USER,
            request: CommandId::from_u128(number << 64),
            at: 1,
            kind: ConversationKind::Group,
            title: None,
            description: None,
            members: vec![],
        };
        model.store.change(create).await.expect("the model never fails");
    }
}

fn persister(model: &Model) -> Persister {
    Persister::new(
        Arc::new(model.messages.clone()),
        Arc::new(model.store.clone()),
        Arc::new(model.notifications.clone()),
        model.clock.clone(),
        Arc::new(Dice::new(1)),
        PersisterOptions { lease_wait: Duration::ZERO, ..PersisterOptions::default() },
    )
}

async fn drain(model: &Model) {
    let leases = model.notifications.lease(10_000, Duration::ZERO).await.expect("the model never fails");
    let done = leases.into_iter().map(|lease| (lease.id, Settlement::Done)).collect();
    model.notifications.settle(done).await.expect("the model never fails");
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime of one thread can always be built")
}

/// One step of 1,024 messages in this many conversations.
fn step(criterion: &mut Criterion, groups: u128) {
    let runtime = runtime();
    let mut next = 0;
    let (model, persister) = runtime.block_on(async {
        let model = Model::new(QueueOptions::default(), Arc::new(TokioClock::new()), &Dice::new(1));
        populate(&model, groups).await;
        let persister = persister(&model);
        (model, persister)
    });
    let mut group = criterion.benchmark_group("persister");
    group.throughput(Throughput::Elements(u64::try_from(BATCH).expect("a small number")));
    group.bench_function(format!("1024 messages in {groups} conversations"), |bencher| {
        bencher.iter_batched(
            || {
                let batch =
                    (next..next + BATCH).map(|id| envelope(ConversationId::from_u128(id % groups), id));
                runtime.block_on(model.commands.submit(batch.collect())).expect("the model never fails");
                runtime.block_on(drain(&model));
                next += BATCH;
            },
            |()| runtime.block_on(persister.step()).expect("the model never fails"),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn benches(criterion: &mut Criterion) {
    for groups in [1, 64, 512] {
        step(criterion, groups);
    }
}

criterion_group!(all, benches);
criterion_main!(all);
