//! The binary `dynamowave`: reads the command line, builds what it asks for, and tells how it ended.
//! The only place that knows all parts; it holds no rule of the chat itself.

mod args;
#[cfg(feature = "aws")]
mod aws;
mod clock;
mod compose;
mod config;
mod health;
mod home;
mod inspect;
mod journey;
mod limits;
mod moving;
#[cfg(feature = "aws")]
mod nodes;
mod observe;
mod operator;
mod pages;
mod restore;
mod search;
mod serve;
mod sweeper;
mod vitals;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    args::run()
}
