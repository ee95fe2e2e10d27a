//! P57 on the real binary: what the sockets of an account are told when an administrator disables it.

use serde_json::json;

use crate::{
    client::{Failure, Person},
    server::Server,
};

#[test]
fn p57_sockets_of_a_disabled_account_are_closed_with_4102() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path(), &[]);
    let owner = Person::register(server.address, "owner");
    let ann = Person::register(server.address, "ann");
    let (mut one, _) = ann.connect().unwrap();
    let (mut two, _) = ann.connect().unwrap();
    let (mut other, _) = owner.connect().unwrap();
    owner.http.patch(&format!("/v1/admin/users/{}", ann.user), &json!({"disabled": true})).unwrap();
    for socket in [&mut one, &mut two] {
        let Err(Failure::Gone(why)) = socket.next() else { panic!("still open") };
        assert!(why.contains("4102"), "{why}");
    }
    other.send(&json!({"action": "ping"})).unwrap();
    other.until("pong").unwrap();
    let refused = ann.http.get("/v1/account").unwrap_err();
    assert!(matches!(refused, Failure::Refused(401, _)), "{refused:?}");
}
