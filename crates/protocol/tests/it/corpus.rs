//! Replays what fuzzing found worth keeping: `tests/corpus`, one folder a target.
//! The checks are those of the fuzz targets in `fuzz/protocol`.

use std::{fs, path::PathBuf};

use crate::checks;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(target);
    let mut replayed = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        check(&fs::read(&path).unwrap());
        replayed += 1;
    }
    assert!(replayed > 10, "only {replayed} inputs in {}", folder.display());
}

#[test]
fn p10_kept_client_frames_are_read_or_refused() {
    replay("client_frame", checks::client_frame);
}

#[test]
fn p20_kept_server_frames_are_read_or_refused() {
    replay("server_frame", checks::server_frame);
}

#[test]
fn p54_kept_sessions_keep_their_invariants() {
    replay("session", checks::session);
}
