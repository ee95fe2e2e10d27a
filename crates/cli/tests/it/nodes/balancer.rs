//! HAProxy before the gateways: the configuration that is shipped, with this machine's addresses and without TLS.
//! A line of it that is not found any more fails the test, so that what is shipped and what is tested stay the same.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

use super::{installation::free_address, until};
use crate::client::{Http, text};

/// What is shipped.
const SHIPPED: &str = include_str!("../../../../../deploy/haproxy.cfg");
/// Lines that need certificates, or an address of their own.
const LEFT_OUT: [&str; 5] = [
    "    bind :443 ssl crt ",
    "    http-request redirect scheme https ",
    "    http-response set-header Strict-Transport-Security ",
    "    http-request set-header X-Forwarded-Proto https",
    "    log stdout ",
];

pub(super) struct Balancer {
    child: Child,
    pub(super) address: SocketAddr,
    /// Where it tells how the servers are.
    figures: SocketAddr,
}

impl Balancer {
    /// Returns when `ready` gateways are ready as it sees them.
    pub(super) fn start(folder: &Path, gateways: &[SocketAddr], ready: usize) -> Balancer {
        let (address, figures) = (free_address(), free_address());
        let path = folder.join("haproxy.cfg");
        fs::write(&path, configuration(address, figures, gateways)).expect("written");
        let child = Command::new("haproxy").arg("-f").arg(&path).stdout(Stdio::null()).spawn();
        let balancer = Balancer { child: child.expect("haproxy starts"), address, figures };
        balancer.until_ready(ready);
        balancer
    }

    /// Waits until so many gateways are ready as HAProxy sees them.
    pub(super) fn until_ready(&self, count: usize) {
        until("the gateways are ready", || self.ready() == Some(count));
    }

    fn ready(&self) -> Option<usize> {
        let table = text(&Http::new(self.figures).get("/;csv").ok()?);
        let is_up = |line: &&str| {
            let columns: Vec<&str> = line.split(',').collect();
            columns.first() == Some(&"gateways") && columns[1] != "BACKEND" && columns[17] == "UP"
        };
        Some(table.lines().filter(is_up).count())
    }
}

fn configuration(address: SocketAddr, figures: SocketAddr, gateways: &[SocketAddr]) -> String {
    let mut shipped = SHIPPED.to_owned();
    for start in LEFT_OUT {
        let left: Vec<&str> = shipped.lines().filter(|line| !line.starts_with(start)).collect();
        assert!(left.len() < shipped.lines().count(), "no line {start:?} in deploy/haproxy.cfg");
        shipped = left.join("\n");
    }
    for (from, to) in [
        ("bind :80", format!("bind {address}")),
        (" gt 200 ", " gt 1000000 ".to_owned()),
        (" ssl verify required ca-file /etc/dynamowave/gateways-ca.pem", String::new()),
    ] {
        assert!(shipped.contains(from), "no {from:?} in deploy/haproxy.cfg");
        shipped = shipped.replace(from, &to);
    }
    let (before, servers) =
        shipped.split_once("    server gateway-1 ").expect("servers in deploy/haproxy.cfg");
    assert!(servers.lines().skip(1).all(|line| line.starts_with("    server ")), "{servers}");
    let servers: String = (1..)
        .zip(gateways)
        .map(|(number, gateway)| format!("    server gateway-{number} {gateway}\n"))
        .collect();
    format!("{before}{servers}\nfrontend figures\n    bind {figures}\n    stats enable\n    stats uri /\n")
}

impl Drop for Balancer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
