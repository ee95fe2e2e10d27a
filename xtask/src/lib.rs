//! The repository's own rules, each a function from the tree to a list of findings.
//! Knows nothing of chat but the tables it prints; whatever a rule says here runs as an ordinary test (`tests/it`).

pub mod arrows;
pub mod citations;
pub mod constants;
pub mod finding;
pub mod fresh;
pub mod fuzz;
pub mod generated;
pub mod headers;
pub mod layout;
pub mod links;
pub mod purity;
pub mod repository;
pub mod rust;
pub mod sizes;
pub mod words;

pub use finding::Finding;
pub use repository::Repository;

/// A named check over the whole tree.
pub type Check = (&'static str, fn(&Repository) -> Vec<Finding>);

/// Every check that only reads files. `arrows` stands apart because it asks cargo.
pub const TIDY: &[Check] = &[
    ("headers", headers::check),
    ("sizes", sizes::check),
    ("words", words::check),
    ("layout", layout::check),
    ("purity", purity::check),
    ("links", links::check),
    ("guarantees", citations::check_guarantees),
    ("protocol rules", citations::check_protocol_rules),
    ("metrics", citations::check_metrics),
    ("generated", generated::check),
];
