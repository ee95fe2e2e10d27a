//! Starting: what is missing is said, and a worker's health can be asked.

use super::{
    installation::{Installation, Process, command, free_address},
    metric, until,
};

fn refused(arguments: &[&str], options: &[&str]) -> String {
    let options: Vec<String> =
        options.iter().flat_map(|option| ["--set".to_owned(), (*option).to_owned()]).collect();
    let output = command(arguments, &options).output().expect("it runs");
    assert!(!output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_is_missing_is_named_before_anything_starts() {
    let gateway = ["gateway", "--backend", "aws", "--listen", "127.0.0.1:0"];
    let errors = refused(&gateway, &["aws.main_table=", "aws.messages_queue="]);
    assert!(errors.contains("set aws.main_table, aws.messages_queue"), "{errors}");
    let errors = refused(&gateway, &["aws.region=eu-west-1", "aws.main_table=nobody-made-this"]);
    assert!(errors.contains("nobody-made-this") && errors.contains("dynamowave aws provision"), "{errors}");
    let errors = refused(&gateway, &["node.listen=0.0.0.0:0"]);
    assert!(errors.contains("set node.secret, or node.certificate"), "D7: {errors}");
    let errors = refused(&["persister", "--backend", "aws"], &["node.concurrency=0"]);
    assert!(errors.contains("node.concurrency = 0 is out of range"), "{errors}");
}

#[test]
fn a_worker_says_whether_it_is_ready_and_what_it_did() {
    for role in ["persister", "notifier"] {
        let health = free_address();
        let installation = Installation::new(&[("node.health", &health.to_string())]);
        let url = format!("http://{health}");
        let is_ready = || {
            let asked = command(&["ready", "--url", &url], &[]).output().expect("it runs");
            asked.status.success()
        };
        assert!(!is_ready(), "nobody is there");
        let mut worker = Process::start(role, &installation.options, None);
        until("the worker is ready", is_ready);
        assert!(metric(health, "dynamowave_").is_some(), "metrics on loopback need no token");
        worker.stop();
        worker.ended();
        assert!(!is_ready(), "nobody is there any more");
    }
}
