//! The whole way of a message by seed, in virtual time, on one thread: clients, nodes, queues and workers that die.
//! Invariant: a seed always gives the same run; whatever a run breaks is named by its guarantee.

mod checks;
mod client;
mod hub;
mod plan;
mod wishes;
mod world;

use std::{sync::Arc, time::Duration};

use pipeline::dead_letters::{Selection, redrive};
use thiserror::Error;
use tokio::{
    runtime::{Builder, Runtime},
    task::JoinSet,
};

use self::{
    checks::Truth,
    client::{Broken, Client},
    plan::Plan,
    world::World,
};
use crate::dice::Dice;

/// Faults end after this much virtual time at the latest.
const CHAOS_MAX: Duration = Duration::from_secs(20);

/// What a run that held did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Commands accepted.
    pub accepted: usize,
    /// Events stored.
    pub events: u64,
    /// Dead letters, all of them sent again in the end.
    pub dead: usize,
}

/// A guarantee that did not hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("seed {seed}: {broken}\nrepeat with: SIM_SEED={seed} cargo test -p conformance --test it simulation")]
pub struct Failure {
    /// Of which world.
    pub seed: u64,
    /// What, beginning with the guarantee's id.
    pub broken: String,
}

/// Runs the world of a seed from beginning to end.
///
/// # Errors
/// The first guarantee that does not hold.
pub fn run(seed: u64) -> Result<Report, Failure> {
    let world = runtime().block_on(async {
        let dice = Dice::new(seed);
        let plan = Plan::draw(&dice);
        play(Arc::new(World::new(plan, &dice).await), &dice).await
    });
    world.map_err(|broken| Failure { seed, broken })
}

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().expect("a runtime of one thread can always be built")
}

async fn play(world: Arc<World>, dice: &Dice) -> Result<Report, Broken> {
    let mut tasks = JoinSet::new();
    world.start(&mut tasks);
    let mut clients = live(&world, dice).await?;
    world.calm();
    at_rest(&world, &mut clients).await?;
    let truth = Truth::read(&world).await;
    truth.check(&world).await?;
    for client in &mut clients {
        client.disconnect().await;
        client.connect().await?;
        truth.check_client(client, "after sync")?;
    }
    send_the_dead_again(&world, &mut clients, truth.dead()).await?;
    tasks.abort_all();
    let accepted = world.known().accepted.values().map(Vec::len).sum();
    Ok(Report { accepted, events: Truth::read(&world).await.events(), dead: truth.dead() })
}

/// Everybody lives at the same time. Chaos has an end: where workers die faster than they work nothing else would.
async fn live(world: &Arc<World>, dice: &Dice) -> Result<Vec<Client>, Broken> {
    let end_of_chaos = tokio::time::sleep(CHAOS_MAX);
    tokio::pin!(end_of_chaos);
    let mut living = JoinSet::new();
    for (user, devices) in world.users.iter().zip(&world.plan.devices) {
        for _ in 0..*devices {
            let mut client = Client::new(living.len(), *user, world.clone(), dice.fork());
            living.spawn(async move { client.live().await.map(|()| client) });
        }
    }
    let mut clients = Vec::new();
    loop {
        tokio::select! {
            biased;
            lived = living.join_next() => match lived {
                Some(lived) => clients.push(lived.map_err(|error| format!("a client panicked: {error}"))??),
                None => return Ok(clients),
            },
            () = &mut end_of_chaos, if !end_of_chaos.is_elapsed() => world.calm(),
        }
    }
}

/// Everything comes to an end, and who was connected has heard of it without asking, where no announcement is lost.
async fn at_rest(world: &World, clients: &mut [Client]) -> Result<(), Broken> {
    if !world.settled().await {
        return Err("D5: the queues never run dry".to_owned());
    }
    let truth = Truth::read(world).await;
    for client in clients {
        client.catch_up().await?;
        if world.plan.lossless {
            truth.check_client(client, "live")?;
        }
    }
    Ok(())
}

/// Once healed, dead letters are sent again, by two impatient operators; each is applied once (D2, D5).
async fn send_the_dead_again(world: &World, clients: &mut [Client], dead: usize) -> Result<(), Broken> {
    if dead == 0 {
        return Ok(());
    }
    world.faults.heal();
    let (one, two) = tokio::join!(
        redrive(&world.model.messages, Selection::All),
        redrive(&world.model.messages, Selection::All)
    );
    let sent = one.and_then(|one| Ok(one + two?)).map_err(|error| error.to_string())?;
    if sent != dead {
        return Err(format!("D5: {dead} dead letters, {sent} sent again"));
    }
    at_rest(world, clients).await?;
    let truth = Truth::read(world).await;
    if truth.dead() > 0 {
        return Err(format!("D5: {} letters died again without poison", truth.dead()));
    }
    truth.check(world).await
}
