//! Replays what fuzzing found worth keeping of clients' frames (`tests/corpus`), as the fuzz target in `fuzz/gateway` does.

use std::{fs, path::Path};

use crate::harness;

#[test]
fn d6_kept_client_bytes_are_read_alike_in_any_pieces() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/websocket");
    let mut replayed = 0;
    for file in fs::read_dir(&folder).unwrap() {
        let path = file.unwrap().path();
        println!("{}", path.display());
        harness::check(&fs::read(&path).unwrap());
        replayed += 1;
    }
    assert!(replayed > 10, "only {replayed} inputs in {}", folder.display());
}
