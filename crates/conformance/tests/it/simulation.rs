//! The simulation over many seeds (D1 to D6, D9, D10).
//! `SIM_SEEDS` sets how many, `SIM_SEED` repeats one; a failing seed is printed with the command to repeat it.

use std::{
    env,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use conformance::simulation::{Failure, Report, run};

/// Seeds of an ordinary test run.
const SEEDS: u64 = 10_000;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{name} must be a number: {text}")))
}

/// Runs all seeds on all cores and returns what they did together, or the failure with the smallest seed.
fn run_all(seeds: u64) -> Result<Report, Failure> {
    let next = AtomicU64::new(0);
    let sum: Mutex<Result<Report, Failure>> = Mutex::new(Ok(Report::default()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds || sum.lock().expect("no world panicked").is_err() {
                return;
            }
            let result = run(seed);
            let mut sum = sum.lock().expect("no world panicked");
            match (&mut *sum, result) {
                (Ok(sum), Ok(report)) => {
                    sum.accepted += report.accepted;
                    sum.events += report.events;
                    sum.dead += report.dead;
                }
                (Err(first), Err(failure)) if failure.seed < first.seed => *first = failure,
                (Ok(_), Err(failure)) => *sum = Err(failure),
                (Err(_), _) => {}
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    sum.into_inner().expect("no world panicked")
}

#[test]
fn every_guarantee_holds_in_every_world() {
    if let Some(seed) = number("SIM_SEED") {
        let report = run(seed).unwrap_or_else(|failure| panic!("{failure}"));
        println!("seed {seed}: {report:?}");
        return;
    }
    let seeds = number("SIM_SEEDS").unwrap_or(SEEDS);
    let report = run_all(seeds).unwrap_or_else(|failure| panic!("{failure}"));
    println!("{seeds} seeds: {report:?}");
    assert!(report.events > seeds && report.accepted as u64 > seeds, "the worlds are empty: {report:?}");
    assert!(seeds < 1_000 || report.dead > 0, "nothing ever died: {report:?}");
}

/// A failure can be repeated: the same seed does the same.
#[test]
fn a_seed_always_gives_the_same_run() {
    for seed in 0..50 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
