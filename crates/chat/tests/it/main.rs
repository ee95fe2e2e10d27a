//! The rules, tested from outside: the permission table, properties of every kind of event, texts, stored formats.
//! One binary, so that it is linked once.

mod commands;
mod formats;
mod naive_store;
mod permission;
mod properties;
mod refusals;
