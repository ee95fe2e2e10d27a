//! What a run says: JSON for programs, a table for people, a document with plots for the book.
//! Invariant: a figure never goes without its unit, and a failed check never goes unseen.

mod model;
pub mod plot;
mod table;

pub use self::{
    model::{Check, Figure, Limit, Point, Report, SCHEMA, Scenario, Series},
    table::{number, table},
};
