//! What one world is like: who is in it and what goes wrong, drawn from its seed.
//! Worlds are small on purpose: many small ones find more than one large one, and a failure can be read.

use crate::{dice::Dice, faulty::FaultPlan, model::QueueOptions};

/// The shape of one world.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) users: usize,
    /// Devices of each user.
    pub(super) devices: Vec<usize>,
    pub(super) groups: usize,
    pub(super) steps_per_client: u64,
    pub(super) nodes: usize,
    pub(super) persisters: usize,
    pub(super) notifiers: usize,
    /// Conversations of one append.
    pub(super) append_max: usize,
    pub(super) queue: QueueOptions,
    /// Faults of the store, of the queues and of the way in.
    pub(super) faults: FaultPlan,
    /// Faults of the nodes.
    pub(super) wires: FaultPlan,
    /// Whether every announcement reaches its nodes sooner or later.
    pub(super) lossless: bool,
    /// Workers live this long at most, milliseconds; for ever when `None`.
    pub(super) worker_life_ms: Option<u64>,
    pub(super) poison_per_mille: u32,
    pub(super) disconnect_per_mille: u32,
    pub(super) resend_per_mille: u32,
}

impl Plan {
    pub(super) fn draw(dice: &Dice) -> Plan {
        let users = 2 + dice.index(2);
        let lossless = dice.chance(600);
        Plan {
            users,
            devices: (0..users).map(|_| 1 + usize::from(dice.chance(250))).collect(),
            groups: 1 + dice.index(2),
            steps_per_client: 4 + dice.below(8),
            nodes: 1 + dice.index(2),
            persisters: 1 + dice.index(2),
            notifiers: 1 + usize::from(dice.chance(250)),
            append_max: *dice.pick(&[1, 2, 100]).unwrap_or(&100),
            queue: queue(dice),
            faults: faults(dice),
            wires: wires(dice, lossless),
            lossless,
            worker_life_ms: dice.chance(400).then(|| 20 + dice.below(300)),
            poison_per_mille: if dice.chance(300) { 100 } else { 0 },
            disconnect_per_mille: if dice.chance(500) { 150 } else { 0 },
            resend_per_mille: if dice.chance(300) { 200 } else { 0 },
        }
    }

    /// Whether a command may be given up only if it is poison: nothing fails ten times in a row by chance.
    pub(super) fn only_poison_dies(&self) -> bool {
        self.faults.transient_per_mille + self.faults.throttle_per_mille + self.faults.lost_answer_per_mille
            <= 300
    }
}

fn queue(dice: &Dice) -> QueueOptions {
    QueueOptions {
        items_max: if dice.chance(150) { 6 } else { 1_000 },
        batch_max: *dice.pick(&[1, 3, 10]).unwrap_or(&10),
        lease_ms: 2_000,
        short_leases_per_mille: if dice.chance(300) { 200 } else { 0 },
        shuffle_groups: dice.chance(500),
    }
}

fn faults(dice: &Dice) -> FaultPlan {
    let rate = |per_mille: u32, rate: u32| if dice.chance(per_mille) { rate } else { 0 };
    FaultPlan {
        seed: dice.throw(),
        transient_per_mille: rate(300, 100),
        lost_answer_per_mille: rate(300, 100),
        throttle_per_mille: rate(200, 50),
        conflict_per_mille: rate(200, 200),
        delay_per_mille: rate(600, 400),
        delay_ms_max: *dice.pick(&[5, 30, 300]).unwrap_or(&5),
        ..FaultPlan::default()
    }
}

fn wires(dice: &Dice, lossless: bool) -> FaultPlan {
    let lost = if lossless { 0 } else { 100 };
    FaultPlan {
        seed: dice.throw(),
        drop_per_mille: lost,
        transient_per_mille: lost,
        throttle_per_mille: if dice.chance(300) { 100 } else { 0 },
        delay_per_mille: if dice.chance(500) { 300 } else { 0 },
        delay_ms_max: 40,
        ..FaultPlan::default()
    }
}
