//! The checks over this repository, each a test of its own, so that a broken rule is named by a failed test.
//! Knows no rule: those and their own tests are in `src`.

mod arrows;

use xtask::{Finding, Repository, TIDY};

fn assert_tidy(name: &str) {
    let repository = Repository::here().expect("the tree can be read");
    let (_, check) = TIDY.iter().find(|(known, _)| *known == name).expect("the check exists");
    assert_none(&check(&repository));
}

fn assert_none(findings: &[Finding]) {
    let list: String = findings.iter().map(|finding| format!("\n{finding}")).collect();
    assert!(findings.is_empty(), "{} to put right:{list}", findings.len());
}

macro_rules! tidy {
    ($($test:ident: $name:literal),* $(,)?) => {
        $(#[test] fn $test() { assert_tidy($name); })*

        /// A check that is not in the list above would never run here.
        #[test]
        fn every_check_is_a_test() {
            let tested = [$($name),*];
            let all: Vec<_> = TIDY.iter().map(|(name, _)| *name).collect();
            assert_eq!(all, tested);
        }
    };
}

tidy! {
    every_rust_file_has_a_header: "headers",
    files_and_functions_are_short: "sizes",
    nothing_is_left_unfinished: "words",
    crates_have_the_same_layout: "layout",
    pure_crates_name_nothing_impure: "purity",
    links_lead_somewhere: "links",
    every_guarantee_is_cited_by_a_test: "guarantees",
    every_protocol_rule_is_cited_by_a_test: "protocol rules",
    every_metric_is_explained: "metrics",
    generated_tables_are_fresh: "generated",
}
