//! `dynamowave config`: the printed file is accepted as it is, and mistakes are found before anything starts.

use crate::server::run;

#[test]
fn the_default_file_passes_the_check() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dynamowave.toml");
    let (status, text, _) = run(&["config", "default"]);
    assert!(status.success());
    std::fs::write(&path, &text).unwrap();
    let (status, output, errors) = run(&["config", "check", "--config", path.to_str().unwrap()]);
    assert!(status.success(), "{errors}");
    assert!(output.contains("right"), "{output}");
}

#[test]
fn a_misspelt_option_stops_the_start_and_names_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dynamowave.toml");
    std::fs::write(&path, "[limits]\nsends_per_secnd = 5\n").unwrap();
    let (status, _, errors) = run(&["serve", "--config", path.to_str().unwrap()]);
    assert!(!status.success());
    assert!(errors.contains("sends_per_second"), "{errors}");
}

#[test]
fn plaintext_outside_loopback_is_refused() {
    let (status, _, errors) = run(&["config", "check", "--set", "server.listen=0.0.0.0:8080"]);
    assert!(!status.success(), "D7: nothing leaves the machine in clear unless somebody says so");
    assert!(errors.contains("allow_plaintext"), "{errors}");
}

#[cfg(not(feature = "aws"))]
#[test]
fn a_program_without_the_cloud_says_how_to_get_it() {
    for role in ["gateway", "persister", "notifier"] {
        let (status, _, errors) = run(&[role, "--backend", "aws", "--set", "node.listen=127.0.0.1:0"]);
        assert!(!status.success());
        assert!(errors.contains("--features aws"), "{errors}");
    }
}

#[test]
fn readiness_of_a_server_can_be_asked_from_a_shell() {
    let data = tempfile::tempdir().unwrap();
    let mut server = crate::server::Server::start(data.path(), &[]);
    let url = format!("http://{}", server.address);
    assert!(run(&["ready", "--url", &url]).0.success());
    server.kill();
    let (status, _, errors) = run(&["ready", "--url", &url]);
    assert!(!status.success() && errors.contains("no answer"), "{errors}");
}
