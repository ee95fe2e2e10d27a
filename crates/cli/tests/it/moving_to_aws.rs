//! D1–D4, D9 across moves between the homes: from a data folder to AWS and back, clients writing all the while.
//! Needs `AWS_ENDPOINT_URL` to name an emulator on this machine; `make test-aws` brings one.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    crash::UNLIMITED,
    moving::{Museum, Writers, live, path, run_check, run_export, run_import},
    nodes::installation::{Installation, Process},
    server::{Server, run},
};

/// Longest wait for queues to run empty.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn d1_to_d4_and_d9_a_workspace_moves_to_aws_and_back_and_clients_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let [first, mirror, last] = ["first", "mirror", "last"].map(|name| folder.path().join(name));
    let [out, around, back] = ["out", "around", "back"].map(|name| folder.path().join(name));
    let mut server = Server::start(&first, UNLIMITED);
    let listen = server.address.to_string();
    let museum = Museum::furnish(&server);
    let before = museum.look(&museum.curator);
    let writers = Writers::start(&museum.curator);
    live();
    server.kill();
    moved(run_export(&["--data", path(&first)], &out, &[]));
    moved(run_check(&out));

    // Taken in on AWS, and out again before anybody lives there: the rows are those of the folder it came from.
    let installation = Installation::new(&[]);
    let options: Vec<&str> = installation.options.iter().map(String::as_str).collect();
    let aws = [&["--backend", "aws"], options.as_slice()].concat();
    moved(run_import(&out, &aws));
    let (ok, _, errors) = run_import(&around, &aws);
    assert!(!ok && errors.contains("no finished export"), "{errors}");
    moved(run_export(&aws, &around, &[]));
    moved(run_import(&around, &["--data", path(&mirror)]));
    assert_eq!(rows(&mirror), rows(&first));

    let mut gateway = Process::start("gateway", &installation.options, Some(&listen));
    let workers = ["persister", "notifier"].map(|role| Process::start(role, &installation.options, None));
    assert_eq!(museum.look(&museum.curator), before);
    museum.go_on(&museum.curator);
    let before = museum.look(&museum.curator);
    live();
    gateway.stop();
    gateway.ended();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (ok, output, errors) = run_export(&aws, &back, &[]);
        if ok {
            assert!(output.contains("6 people"), "{output}");
            break;
        }
        assert!(errors.contains("still on their way"), "{errors}");
        assert!(Instant::now() < deadline, "the queues never run empty");
        thread::sleep(Duration::from_millis(200));
    }
    for mut worker in workers {
        worker.stop();
        worker.ended();
    }
    moved(run_import(&back, &["--data", path(&last)]));
    let server = Server::start_at(&last, &listen, UNLIMITED);
    assert_eq!(museum.look(&museum.curator), before);
    museum.go_on(&museum.curator);
    live();
    writers.end();
    drop(server);
}

fn moved((ok, output, errors): (bool, String, String)) {
    assert!(ok, "{output} {errors}");
    eprintln!("{}", output.trim());
}

/// The rows of a data folder, without what says by which record each came to be.
fn rows(data: &Path) -> Vec<String> {
    let (status, output, errors) = run(&["inspect", "rows", "--data", path(data)]);
    assert!(status.success(), "{errors}");
    let rows = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let own = ["system", "erasure", "erased", "failure", "dead"];
    rows.filter(|row| !own.iter().any(|kind| row["keyspace"] == *kind))
        .map(|mut row| {
            if let Some(value) = row["value"].as_object_mut() {
                value.remove("applied");
                value.remove("item");
            }
            row.to_string()
        })
        .collect()
}
