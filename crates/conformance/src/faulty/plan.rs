//! What goes wrong, how often and for whom: given in code, or as text by the hidden `--fault` switch.
//! Invariant: chance is thrown from the plan's seed; commands named as poison fail whatever the dice say.

use std::{
    collections::BTreeMap,
    str::FromStr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chat::{
    CommandId, Effects, EventKind,
    ports::{ErrorKind, PortError, Retry},
};
use thiserror::Error;

use crate::{clock::millis, dice::Dice};

/// How a poison command fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Poison {
    /// Every try fails in a way that says: never again.
    Permanent,
    /// Every try fails in a way that says: try later.
    Transient,
}

/// Rates of faults, of 1,000 calls, and poison. The default is no fault at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FaultPlan {
    /// Seed of the dice.
    pub seed: u64,
    /// Calls that fail for the moment without having done anything.
    pub transient_per_mille: u32,
    /// Calls that are done but answer with an error.
    pub lost_answer_per_mille: u32,
    /// Calls refused as too many, with a time to come back.
    pub throttle_per_mille: u32,
    /// Appends, by conversation, that are told the head has moved though nothing was written.
    pub conflict_per_mille: u32,
    /// Announcements, by batch, that reach no node.
    pub drop_per_mille: u32,
    /// Calls that take long.
    pub delay_per_mille: u32,
    /// Longest such call, milliseconds.
    pub delay_ms_max: u64,
    /// Commands whose append fails always.
    pub poison: BTreeMap<CommandId, Poison>,
    /// Messages with this text in their body are poison as well.
    pub poison_text: Option<(String, Poison)>,
}

/// A plan at work. Shared by all decorators of one backend.
#[derive(Debug)]
pub struct Faults {
    plan: FaultPlan,
    poison: Mutex<BTreeMap<CommandId, Poison>>,
    dice: Dice,
    off: AtomicBool,
}

/// Why a fault switch cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// No such fault.
    #[error(
        "unknown fault '{0}': use seed, transient, lost, throttle, conflict, drop, delay, permanent, stuck, permanent-text, stuck-text"
    )]
    Unknown(String),
    /// The value does not fit.
    #[error("fault '{name}' cannot be '{value}'")]
    BadValue {
        /// Which fault.
        name: String,
        /// What was given.
        value: String,
    },
}

/// Reads `name=value` pairs with commas between: `transient=20,lost=5,throttle=10,conflict=5,drop=50` per mille;
/// `delay=30:200` (per mille and longest milliseconds); `seed=7`; `permanent=<clientMessageId>` and
/// `stuck=<clientMessageId>`, any number of times; `permanent-text=<text>` or `stuck-text=<text>`.
impl FromStr for FaultPlan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<FaultPlan, PlanError> {
        let mut plan = FaultPlan::default();
        for pair in text.split(',').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            plan.set(name.trim(), value.trim())?;
        }
        Ok(plan)
    }
}

impl FaultPlan {
    fn set(&mut self, name: &str, value: &str) -> Result<(), PlanError> {
        match name {
            "seed" => self.seed = parse(name, value)?,
            "transient" => self.transient_per_mille = parse(name, value)?,
            "lost" => self.lost_answer_per_mille = parse(name, value)?,
            "throttle" => self.throttle_per_mille = parse(name, value)?,
            "conflict" => self.conflict_per_mille = parse(name, value)?,
            "drop" => self.drop_per_mille = parse(name, value)?,
            "delay" => {
                let (per_mille, ms) = value.split_once(':').ok_or_else(|| bad(name, value))?;
                (self.delay_per_mille, self.delay_ms_max) = (parse(name, per_mille)?, parse(name, ms)?);
            }
            "permanent" => drop(self.poison.insert(parse(name, value)?, Poison::Permanent)),
            "stuck" => drop(self.poison.insert(parse(name, value)?, Poison::Transient)),
            "permanent-text" if !value.is_empty() => {
                self.poison_text = Some((value.to_owned(), Poison::Permanent));
            }
            "stuck-text" if !value.is_empty() => {
                self.poison_text = Some((value.to_owned(), Poison::Transient));
            }
            "permanent-text" | "stuck-text" => return Err(bad(name, value)),
            _ => return Err(PlanError::Unknown(name.to_owned())),
        }
        Ok(())
    }
}

fn parse<T: FromStr>(name: &str, value: &str) -> Result<T, PlanError> {
    value.parse().map_err(|_| bad(name, value))
}

fn bad(name: &str, value: &str) -> PlanError {
    PlanError::BadValue { name: name.to_owned(), value: value.to_owned() }
}

impl Faults {
    /// Puts a plan to work.
    #[must_use]
    pub fn new(plan: FaultPlan) -> Faults {
        Faults {
            poison: Mutex::new(plan.poison.clone()),
            dice: Dice::new(plan.seed),
            off: AtomicBool::new(false),
            plan,
        }
    }

    /// Ends what happens by chance. Poison stays.
    pub fn calm(&self) {
        self.off.store(true, Ordering::Relaxed);
    }

    /// Makes a command poison.
    pub fn poison(&self, command: CommandId, poison: Poison) {
        self.poisons().insert(command, poison);
    }

    /// Makes all poison commands ordinary ones.
    pub fn heal(&self) {
        self.poisons().clear();
    }

    fn poisons(&self) -> std::sync::MutexGuard<'_, BTreeMap<CommandId, Poison>> {
        self.poison.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chance(&self, per_mille: u32) -> bool {
        !self.off.load(Ordering::Relaxed) && self.dice.chance(per_mille)
    }

    /// What may happen before a call does anything: it takes long, or it fails.
    pub(super) async fn before(&self, operation: &'static str) -> Result<(), PortError> {
        self.delay().await;
        if self.chance(self.plan.throttle_per_mille) {
            let pause = Duration::from_millis(self.dice.below(50));
            return Err(PortError::new(ErrorKind::Overloaded, operation).retry(Retry::AfterMs(millis(pause))));
        }
        if self.chance(self.plan.transient_per_mille) {
            return Err(PortError::new(ErrorKind::Unavailable, operation));
        }
        Ok(())
    }

    /// What may happen after a call is done: its answer takes long, or is lost.
    pub(super) async fn after<T>(&self, operation: &'static str, answer: T) -> Result<T, PortError> {
        self.delay().await;
        if self.chance(self.plan.lost_answer_per_mille) {
            return Err(PortError::new(ErrorKind::Unavailable, operation));
        }
        Ok(answer)
    }

    pub(super) fn conflicts(&self) -> bool {
        self.chance(self.plan.conflict_per_mille)
    }

    pub(super) fn drops(&self) -> bool {
        self.chance(self.plan.drop_per_mille)
    }

    /// Whether effects contain a poison command, and which kind.
    pub(super) fn poison_in(&self, effects: &Effects) -> Option<Poison> {
        let poisons = self.poisons();
        let named = effects.commands.iter().find_map(|(_, command, _)| poisons.get(command).copied());
        named.or_else(|| {
            let (text, poison) = self.plan.poison_text.as_ref()?;
            let hit = effects.events.iter().any(|event| match &event.kind {
                EventKind::Message { body, .. } | EventKind::Edited { body, .. } => body.contains(text),
                _ => false,
            });
            hit.then_some(*poison)
        })
    }

    async fn delay(&self) {
        if self.chance(self.plan.delay_per_mille) {
            tokio::time::sleep(Duration::from_millis(self.dice.below(self.plan.delay_ms_max + 1))).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_from_text() {
        let id = CommandId::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
        let text = format!("seed=7,transient=20,lost=5,delay=30:200,permanent={id},stuck-text=boom");
        let plan: FaultPlan = text.parse().unwrap();
        assert_eq!((plan.seed, plan.transient_per_mille, plan.lost_answer_per_mille), (7, 20, 5));
        assert_eq!((plan.delay_per_mille, plan.delay_ms_max), (30, 200));
        assert_eq!(plan.poison.get(&id), Some(&Poison::Permanent));
        assert_eq!(plan.poison_text, Some(("boom".to_owned(), Poison::Transient)));
        assert_eq!("".parse::<FaultPlan>().unwrap(), FaultPlan::default());
    }

    #[test]
    fn what_is_no_plan_is_said_so() {
        assert_eq!("los=5".parse::<FaultPlan>(), Err(PlanError::Unknown("los".to_owned())));
        for text in ["lost=many", "delay=5", "permanent=x", "stuck-text="] {
            assert!(matches!(text.parse::<FaultPlan>(), Err(PlanError::BadValue { .. })), "{text}");
        }
    }
}
