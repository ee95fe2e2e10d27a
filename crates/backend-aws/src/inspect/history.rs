//! The rows that every history begins with: its epoch, and who owns the server.
//! Reads both, writes neither; what a restore left unfinished shows here.

use super::{
    Asking,
    finding::{Asked, Finding},
};
use crate::{
    codec::from_hex,
    epoch::{EPOCH, HOME},
    item::text_of,
    keys,
};

pub(super) async fn inspect(asking: &Asking<'_>) -> Vec<Finding> {
    let table = &asking.names.main_table;
    let epoch = asking.tables.get_item().table_name(table).set_key(Some(keys::epoch().attributes()));
    let first = asking.tables.get_item().table_name(table).set_key(Some(keys::first_account().attributes()));
    let (epoch, first) = tokio::join!(epoch.consistent_read(true).send(), first.consistent_read(true).send());
    let mut found = Vec::new();
    match Asked::of(epoch) {
        Asked::Told(answer) => match answer.item {
            Some(item) => {
                found.push(judged_epoch(table, text_of(&item, EPOCH)));
                found.push(judged_home(table, text_of(&item, HOME), &asking.region));
            }
            None => found.push(Finding::warn(
                "history.epoch",
                table,
                "nobody has opened it yet",
                "nothing: the first process that starts makes it",
            )),
        },
        other => found.push(unread("history.epoch", table, &other)),
    }
    found.push(match Asked::of(first) {
        Asked::Told(answer) if answer.item.is_some() => {
            Finding::ok("history.owner", table, "the server has an owner")
        }
        Asked::Told(_) => Finding::warn(
            "history.owner",
            table,
            "there is no account yet",
            "register now: whoever does so first owns the server",
        ),
        other => unread("history.owner", table, &other),
    });
    found
}

fn judged_epoch(table: &str, stored: Option<&str>) -> Finding {
    const CHECK: &str = "history.epoch";
    match stored.filter(|text| from_hex("epoch", text).is_ok()) {
        Some(epoch) => Finding::ok(CHECK, table, format!("this history is {epoch}")),
        None => Finding::fail(
            CHECK,
            table,
            "its epoch does not read, so no process starts",
            "restore the table to a moment before it was damaged: `dynamowave aws restore`",
        ),
    }
}

fn judged_home(table: &str, home: Option<&str>, here: &str) -> Finding {
    const CHECK: &str = "history.home";
    match home {
        Some(home) if home != here => Finding::fail(
            CHECK,
            table,
            format!("{home} is the home of this history, so no process starts in {here}"),
            "nothing while that region lives; when it is lost or stopped for good: `dynamowave aws take-over`",
        ),
        Some(home) => Finding::ok(CHECK, table, format!("{home} is the home of this history")),
        None => Finding::ok(
            CHECK,
            table,
            "any region is the home of this history: it is from before there was one",
        ),
    }
}

fn unread<T>(check: &'static str, table: &str, asked: &Asked<T>) -> Finding {
    match asked {
        Asked::Denied(why) | Asked::Failed(why) => Finding::skip(check, table, why),
        Asked::Missing | Asked::Told(_) => Finding::skip(check, table, "there is no such table"),
    }
}
