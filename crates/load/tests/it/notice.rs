//! The generator notices every way in which a server can break D2, D3 and D4, and nothing where nothing is broken.
//! A checker that cannot fail would make every benchmark worthless.

use std::{net::SocketAddr, thread};

use load::{
    limit::bare::{Bare, Fault},
    report::Scenario,
    scenario::{Setting, durable, fanout, rooms, storm},
};

/// A bare chat in this process.
fn bare(fault: Option<Fault>) -> (SocketAddr, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let bare = Bare::bind(SocketAddr::from(([127, 0, 0, 1], 0)), folder.path(), fault).unwrap();
    let address = bare.address().unwrap();
    thread::spawn(move || bare.serve());
    (address, folder)
}

fn failed(scenario: &Scenario) -> Vec<&str> {
    scenario.checks.iter().filter(|check| !check.ok).map(|check| check.name.as_str()).collect()
}

fn fan_out(fault: Option<Fault>, workers: usize, checked: bool) -> Scenario {
    let (target, _folder) = bare(fault);
    let mut setting = Setting::new(target, None);
    setting.workers = workers;
    setting.checked = checked;
    let options =
        fanout::Options { members: 12, senders: 3, outstanding: vec![1, 6], warmup_ms: 0, window_ms: 60 };
    fanout::run(&setting, &options).unwrap()
}

#[test]
fn honest_fan_out_passes_with_one_worker_and_with_three() {
    for workers in [1, 3] {
        let scenario = fan_out(None, workers, true);
        assert_eq!(failed(&scenario), [""; 0], "{:?}", scenario.checks);
        assert!(scenario.value("best: deliveries per second").unwrap() > 0.0);
        assert!(scenario.latencies["6 under way: sent to the last member"].count > 0);
    }
}

/// With messages in flight until everybody has them, a lost one would stop the loop: the open loop goes on.
fn open_loop(fault: Option<Fault>, checked: bool) -> Scenario {
    let (target, _folder) = bare(fault);
    let mut setting = Setting::new(target, None);
    setting.checked = checked;
    let options = rooms::Options {
        users: 16,
        room_size: 4,
        rate_from: 400,
        rate_to: 400,
        p99_ms_max: 60_000.0,
        warmup_ms: 0,
        window_ms: 300,
    };
    rooms::run(&setting, &options).unwrap()
}

#[test]
fn honest_rooms_pass() {
    let scenario = open_loop(None, true);
    assert_eq!(failed(&scenario), [""; 0], "{:?}", scenario.checks);
}

#[test]
fn d4_a_message_delivered_to_all_but_one_is_noticed() {
    let names = failed(&open_loop(Some(Fault::Forget(20)), false)).join();
    assert!(names.contains("expected = received"), "{names}");
    assert!(names.contains("gaps"), "{names}");
}

#[test]
fn d4_a_sequence_that_is_left_out_is_noticed() {
    let names = failed(&open_loop(Some(Fault::Skip(20)), false)).join();
    assert!(names.contains("gaps") && names.contains("expected = received"), "{names}");
}

#[test]
fn d1_an_accepted_message_that_never_was_is_noticed() {
    let names = failed(&open_loop(Some(Fault::Lose(20)), false)).join();
    assert!(names.contains("expected = received") && names.contains("sum of serials"), "{names}");
    assert!(!names.contains("gaps"), "no sequence is missing here: {names}");
}

#[test]
fn d2_a_doubled_message_is_noticed() {
    let names = failed(&open_loop(Some(Fault::Double(20)), false)).join();
    assert!(names.contains("gaps, doubles"), "{names}");
}

#[test]
fn d3_a_message_out_of_order_is_noticed() {
    let names = failed(&open_loop(Some(Fault::Swap(20)), false)).join();
    assert!(names.contains("gaps, doubles"), "{names}");
}

#[test]
fn wrong_content_is_noticed_by_the_checking_mode_alone() {
    assert_eq!(failed(&open_loop(Some(Fault::Corrupt(20)), false)), [""; 0]);
    assert!(failed(&open_loop(Some(Fault::Corrupt(20)), true)).join().contains("strangers"));
}

#[test]
fn closed_loops_of_every_size_pass() {
    let (target, _folder) = bare(None);
    let options = durable::Options { senders: vec![1, 5], warmup_ms: 10, window_ms: 60 };
    let scenario = durable::run(&Setting::new(target, None), &options).unwrap();
    assert_eq!(failed(&scenario), [""; 0], "{:?}", scenario.checks);
    assert!(scenario.value("5 senders: messages per second").unwrap() > 0.0);
}

#[test]
fn a_connection_that_the_server_ends_is_noticed() {
    let names = failed(&open_loop(Some(Fault::HangUp(20)), false)).join();
    assert!(names.contains("connections the server ended"), "{names}");
}

#[test]
fn filling_ends_when_the_server_hangs_up() {
    let (target, _folder) = bare(Some(Fault::HangUp(20)));
    let setting = Setting::new(target, None);
    let population = setting.populate(2, load::population::one_room(2)).unwrap();
    let mut crowd = setting.gather(population, 1).unwrap();
    let (run, checks) = crowd.fill(&[(0, 0)], 1_000, 4).unwrap();
    assert!(run.outcome.accepted < 1_000 && run.outcome.closed.len() == 1);
    assert!(checks.iter().any(|check| !check.ok && check.name.contains("messages stored")));
}

#[test]
fn everybody_comes_back_after_a_storm() {
    let (target, _folder) = bare(None);
    let scenario =
        storm::run(&Setting::new(target, None), &storm::Options { clients: 40, missed: 0 }).unwrap();
    assert_eq!(failed(&scenario), [""; 0], "{:?}", scenario.checks);
}

#[test]
fn a_storm_notices_that_nothing_was_handed_over() {
    // The bare chat keeps no history: a catch-up from it hands nothing over.
    let (target, _folder) = bare(None);
    let scenario =
        storm::run(&Setting::new(target, None), &storm::Options { clients: 16, missed: 2 }).unwrap();
    assert!(failed(&scenario).join().contains("handed over (D4)"), "{:?}", scenario.checks);
}

trait Join {
    fn join(&self) -> String;
}

impl Join for Vec<&str> {
    fn join(&self) -> String {
        self.as_slice().join("; ")
    }
}
